//! Keeps the house rules that no compiler knows: which room names which technology, and how a source file looks.
//!
//! Each rule is a function over a list of files, with a test below that it refuses a bad sample.
#![allow(clippy::unwrap_used, reason = "a test's helper fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file: its path from the repository's root, with `/`, and its text.
struct File {
    path: String,
    text: String,
}

/// The most lines that a source file may have.
const MOST_LINES: usize = 400;

/// All that may stand at the top, besides names that begin with a dot.
const TOP: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "android-sample",
    "bench",
    "bindings",
    "cli",
    "clippy.toml",
    "core",
    "deny.toml",
    "docs",
    "fuzz",
    "ios-sample",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
    "test",
    "tests",
    "uniffi.toml",
];

/// A technology and the folders whose Rust may name it.
const ROOMS: &[(&str, &[&str])] = &[
    ("automerge", &["core/src/document/", "core/tests/", "tests/", "bench/"]),
    ("rusqlite", &["core/src/storage/", "core/tests/", "tests/", "bench/"]),
    ("snow", &["core/src/sync/noise.rs", "tests/"]),
    ("spake2", &["core/src/sync/enrolment/pake.rs", "tests/"]),
    ("uniffi", &["bindings/", "tests/mirrors.rs", "bench/"]),
];

#[test]
fn the_repository_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = sources(root);
    assert!(files.iter().any(|file| file.path == "tests/tidy.rs"), "the walk found no sources");
    let mut faults = Vec::new();
    for (word, rooms) in ROOMS {
        faults.extend(outside_rooms(&files, word, rooms));
    }
    faults.extend(without_purpose(&files));
    faults.extend(too_long(&files));
    faults.extend(unfinished(&files));
    faults.extend(strangers_at_the_top(&names_in(root)));
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The defects that are planted for a test are in the tests' build, and in none that anybody is given.
#[test]
fn only_tests_are_built_with_planted_defects() {
    let core = |edges: &str| {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
            "tree",
            "--offline",
            "--workspace",
            "--features",
            "caseplan/bindgen",
        ]);
        let told = cargo.args(["--edges", edges, "--format", "{p} {f}"]).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told = String::from_utf8(told.stdout).unwrap();
        let lines = told.lines().filter(|line| line.contains("caseplan-core ")).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    let planted = |lines: Vec<String>| lines.iter().filter(|line| line.contains("planted")).count();
    assert!(planted(core("normal,build,dev")) > 0, "the tests have no planted defects");
    assert_eq!(planted(core("normal,build")), 0, "a build that is given away has planted defects");
}

/// A room's technology is named in no other room. Comments may speak of it.
fn outside_rooms(files: &[File], word: &str, rooms: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs") && file.path != "tests/tidy.rs") {
        if rooms.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        for (number, line) in code_lines(&file.text) {
            if words(line).any(|found| found == word) {
                faults.push(format!("{}:{number}: {word} is named only in {}", file.path, rooms.join(", ")));
            }
        }
    }
    faults
}

/// Every Rust file says at its top what it is for.
fn without_purpose(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .filter(|file| {
            let first = file.text.lines().next().unwrap_or_default();
            first.strip_prefix("//!").is_none_or(|purpose| purpose.trim().len() < 10)
        })
        .map(|file| format!("{}:1: does not begin with `//!` and what it is for", file.path))
        .collect()
}

/// A file is read in one sitting.
fn too_long(files: &[File]) -> Vec<String> {
    files
        .iter()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines, more than {MOST_LINES}: split it", file.path))
        .collect()
}

/// Nothing is left to be done later.
fn unfinished(files: &[File]) -> Vec<String> {
    // Written apart, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let macros = [concat!("to", "do!"), concat!("unimplemented", "!")];
    let mut faults = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let mark = marks.iter().find(|mark| words(line).any(|word| word == **mark));
            if let Some(mark) = mark.or_else(|| macros.iter().find(|mark| line.contains(**mark))) {
                faults.push(format!("{}:{}: {mark}", file.path, number + 1));
            }
        }
    }
    faults
}

/// The top of the repository shows its rooms and nothing else.
fn strangers_at_the_top(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .map(|name| format!("{name}: not a name for the top of the repository"))
        .collect()
}

/// The lines that are not comments, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// All Rust, Kotlin and Swift that people wrote. What a build writes is left out.
fn sources(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for name in names_in(&folder) {
            let path = folder.join(&name);
            let kind = path.symlink_metadata().unwrap();
            if kind.is_dir() && !is_made(root, &path, &name) {
                folders.push(path);
            } else if kind.is_file() && [".rs", ".kt", ".swift"].iter().any(|end| name.ends_with(end)) {
                files.push(File { text: fs::read_to_string(&path).unwrap(), path: relative(root, &path) });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn is_made(root: &Path, path: &Path, name: &str) -> bool {
    const MADE: &[&str] = &["target", "build", "node_modules"];
    const GENERATED: &str = "bindings/swift/Sources/CaseplanCore";
    name.starts_with('.') || MADE.contains(&name) || relative(root, path) == GENERATED
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap().components().collect();
    path.to_string_lossy().replace('\\', "/")
}

/// One bad sample for each rule, and a good one beside it where the rule could be too eager.
mod refuses {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_technology_outside_its_room() {
        let check =
            |path, text| outside_rooms(&[file(path, text)], "automerge", &["core/src/document/"]).len();
        assert_eq!(check("core/src/case/model.rs", "use automerge::ObjId;"), 1);
        assert_eq!(check("core/src/case/model.rs", "fn f() { automerge::f() } // why"), 1);
        assert_eq!(check("core/src/document/read.rs", "use automerge::ObjId;"), 0);
        assert_eq!(check("core/src/case/model.rs", "//! Knows nothing of automerge."), 0);
        assert_eq!(check("core/src/case/model.rs", "fn automerge_free() {}"), 0);
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_for() {
        assert_eq!(without_purpose(&[file("a.rs", "use std::fs;")]).len(), 1);
        assert_eq!(without_purpose(&[file("a.rs", "//! x")]).len(), 1);
        assert_eq!(without_purpose(&[file("a.rs", "")]).len(), 1);
        assert_eq!(without_purpose(&[file("a.rs", "//! Names things."), file("a.kt", "class A")]).len(), 0);
    }

    #[test]
    fn a_file_that_is_too_long() {
        assert_eq!(too_long(&[file("a.kt", &"\n".repeat(MOST_LINES + 1))]).len(), 1);
        assert_eq!(too_long(&[file("a.kt", &"\n".repeat(MOST_LINES))]).len(), 0);
    }

    #[test]
    fn unfinished_work() {
        for mark in [concat!("// TO", "DO later"), concat!("// FIX", "ME"), concat!("to", "do!()")] {
            assert_eq!(unfinished(&[file("a.swift", mark)]).len(), 1, "{mark}");
        }
        assert_eq!(unfinished(&[file("a.rs", "let todos = 1;")]).len(), 0);
    }

    #[test]
    fn a_stranger_at_the_top() {
        let names = ["core", "scripts", ".ci"].map(str::to_owned);
        assert_eq!(strangers_at_the_top(&names), ["scripts: not a name for the top of the repository"]);
    }
}
