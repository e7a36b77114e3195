//! The mirrors in `bindings/src` say what the core says: the documentation of an app developer comes from them.
//!
//! That fields and variants agree is the compiler's to check; that their words agree is checked here.
#![allow(clippy::unwrap_used, reason = "a test's helper fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

/// Types by name, each with its documented lines: `(what, documentation)`.
type Types = BTreeMap<String, Vec<(String, String)>>;

#[test]
fn every_mirror_is_documented_as_in_the_core() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core = types(&read_all(&root.join("core/src")), |_| true);
    let mirrors =
        types(&read_all(&root.join("bindings/src")), |attributes| attributes.contains("uniffi::remote"));
    assert!(mirrors.len() > 60, "only {} mirrors were found", mirrors.len());
    let mut differ = Vec::new();
    for (name, lines) in &mirrors {
        let Some(original) = core.get(name) else {
            differ.push(format!("{name} is not in the core"));
            continue;
        };
        for (what, documentation) in lines {
            // `Unknown` comes from the macro of open enums, which documents it once for all.
            let unknown = what == "Unknown" || what == "raw";
            if !unknown && !original.contains(&(what.clone(), documentation.clone())) {
                differ.push(format!("{name}.{what}: {documentation}"));
            }
        }
    }
    assert_eq!(differ, Vec::<String>::new());
}

#[test]
fn a_word_that_differs_is_found() {
    let core = types("/// A.\npub struct X {\n    /// B.\n    pub b: u8,\n}\n", |_| true);
    let mirror =
        types("/// A.\n#[uniffi::remote(Record)]\npub struct X {\n    /// C.\n    pub b: u8,\n}\n", |_| true);
    assert_ne!(core, mirror);
    assert_eq!(core["X"], [("X".to_owned(), "A.".to_owned()), ("b".to_owned(), "B.".to_owned())]);
}

fn read_all(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&read_all(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// Public structs and enums, those of `code_enum!` too, with the documentation of each item in them.
fn types(text: &str, wanted: impl Fn(&str) -> bool) -> Types {
    let mut types = Types::new();
    let (mut documentation, mut attributes) = (Vec::new(), String::new());
    let mut open: Option<(String, usize)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(words) = line.strip_prefix("///") {
            documentation.push(words.trim().replace("[`", "`").replace("`]", "`"));
            continue;
        }
        if line.starts_with("#[") {
            attributes.push_str(line);
            continue;
        }
        let documented = std::mem::take(&mut documentation).join(" ");
        let marked = std::mem::take(&mut attributes);
        match &open {
            Some((_, start)) if line.starts_with('}') && indent <= *start => open = None,
            Some((name, _)) if !documented.is_empty() => {
                types.entry(name.clone()).or_default().push((item(line), documented));
            }
            None if !documented.is_empty() && line.ends_with('{') => {
                let words: Vec<&str> = line.split_whitespace().collect();
                let name = match words.as_slice() {
                    ["pub", "struct" | "enum", name, "{"] => *name,
                    [name, "{"] => *name,
                    _ => continue,
                };
                if wanted(&marked) {
                    types.entry(name.to_owned()).or_default().push((name.to_owned(), documented));
                    open = Some((name.to_owned(), indent));
                }
            }
            _ => {}
        }
    }
    types
}

/// The name of a field or variant.
fn item(line: &str) -> String {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
