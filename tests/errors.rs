//! `docs/errors.md` names every error and every code that an app can meet, and none that does not exist.
#![allow(clippy::unwrap_used, reason = "a test's helper fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use caseplan_core::exchange::Refusal;

type Names = BTreeSet<String>;

#[test]
fn the_page_names_every_error_and_no_other() {
    let errors = read("bindings/src/error.rs");
    let (_, list) = errors.split_once("pub enum CaseplanError {").unwrap();
    let (list, _) = list.split_once("\n}").unwrap();
    let variants: Names = list.lines().filter_map(variant).collect();
    assert!(variants.len() > 20, "only {} errors were found", variants.len());
    assert_eq!(named(&page(), "All of them"), variants);
}

#[test]
fn the_page_names_every_code_and_no_other() {
    let (core, bindings) = (sources(&root().join("core/src")), sources(&root().join("bindings/src")));
    let page = page();
    let check = |section: &str, codes: Names| {
        assert!(codes.len() > 3, "only {codes:?} were found for {section}");
        assert_eq!(named(&page, section), codes, "{section}");
    };
    check("`Invalid.reason`", last_literals(&core, "invalid("));
    check(
        "`RuleBroken.rule`",
        last_literals(&core, "Error::rule(").into_iter().filter(|name| name.contains('-')).collect(),
    );
    check("`NotAnExport.reason`", last_literals(&core, "NotAnExport { reason: "));
    let failed = |from: &str| -> Names {
        let codes = bindings.lines().chain(core.lines()).filter_map(|line| line.trim().strip_prefix(from));
        codes.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
    };
    let mut joining = failed("JoiningRefused::");
    joining.extend(last_literals(&bindings, "Self::NotCertified { reason: "));
    check("`NotCertified.reason`", joining);
    check("`NotEnrolled.reason`", failed("EnrolmentFailed::"));
    check("`NetworkFailed.reason`", failed("NetworkFailed::"));
    let ended = core
        .split("pub fn code(&self) -> &'static str {\n        match self {\n            Self::Stranger")
        .nth(1);
    let ended = format!("Self::Stranger{}", ended.unwrap().split("\n        }\n").next().unwrap());
    check(
        "`SyncFailed.reason`",
        ended.lines().filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect(),
    );
    let refusals = core.split("    Refusal {\n").nth(1).unwrap().split("\n    }\n").next().unwrap();
    check(
        "`Refusal`",
        refusals.lines().filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect(),
    );
    let mut unexpected = last_literals(&core, "Unexpected { reason: ");
    unexpected.extend(last_literals(&bindings, "unexpected(").into_iter().map(|code| match code.as_str() {
        // Whatever number SQLite gives.
        "sqlite_{code" => "sqlite_N".to_owned(),
        _ => code,
    }));
    check("`Unexpected.reason`", unexpected);
}

#[test]
fn the_page_says_why_a_change_is_kept_apart_in_the_words_of_the_packages() {
    let page = page();
    let (_, section) = page.split_once("## `Refusal`\n").unwrap();
    for code in Refusal::KNOWN {
        let row = section.lines().find(|line| line.starts_with(&format!("| `{code}` |")));
        let words = row.unwrap().split('|').nth(3).unwrap().trim();
        assert_eq!(words, Refusal::from_code(code).words(), "{code}");
    }
}

#[test]
fn a_code_that_is_missing_or_made_up_is_found() {
    let page =
        "## One\n\n| code | meaning |\n|---|---|\n| `a` | A. |\n| `b` | B. |\n\n## Two\n\n| `c` | C. |\n";
    assert_eq!(named(page, "One"), names(&["a", "b"]));
    assert_eq!(last_literals("Error::invalid(\"field\", \"range\");", "invalid("), names(&["range"]));
    assert_eq!(last_literals("fn invalid(field: String, reason: String) {}\n\"x\"", "invalid("), names(&[]));
}

/// The first cell of each row of a section's table.
fn named(page: &str, section: &str) -> Names {
    let (_, text) = page.split_once(&format!("## {section}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    text.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned())).collect()
}

/// The last text in quotes on each line, after `what` and before the parenthesis or brace that closes it.
fn last_literals(text: &str, what: &str) -> Names {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let calls = lines.flat_map(|line| line.split(what).skip(1));
    calls
        .filter_map(|call| {
            let call = call.split([')', '}']).next()?;
            call.split('"').skip(1).step_by(2).last().map(ToOwned::to_owned)
        })
        .collect()
}

fn variant(line: &str) -> Option<String> {
    let name: String = line.strip_prefix("    ")?.chars().take_while(char::is_ascii_alphanumeric).collect();
    name.starts_with(|first: char| first.is_ascii_uppercase()).then_some(name)
}

fn names(all: &[&str]) -> Names {
    all.iter().map(ToString::to_string).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    read("docs/errors.md")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// All Rust of a folder, without its unit tests.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = std::fs::read_to_string(&path).unwrap();
            text.push_str(file.split("#[cfg(test)]").next().unwrap());
            text.push('\n');
        }
    }
    text
}
