//! Contacts recorded and amended, as somebody types them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn run(store: &PathBuf, line: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caseplan"));
    let run = command.arg("--store").arg(store).args(line).output().unwrap();
    assert!(run.status.success(), "{line:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn json(store: &PathBuf, line: &[&str]) -> Value {
    serde_json::from_str(&run(store, &[&["--json"], line].concat())).unwrap()
}

#[test]
fn an_amendment_corrects_what_is_typed_and_leaves_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("phone.db");
    run(&store, &["init", "--worker", "w-1", "--zone", "Europe/Paris"]);
    run(&store, &["case", "open", "--reference", "2026-1", "--client", "Lea"]);
    let record =
        ["visit", "record", "--case", "2026-1", "--on", "2026-03-02", "--from", "14:00", "--to", "16:00"];
    let how = [
        "--outcome",
        "ended_early",
        "--reason",
        "illness",
        "--notice",
        "2",
        "--method",
        "in_person",
        "--present",
        "Lea",
    ];
    let contact = json(&store, &[record.as_slice(), how.as_slice()].concat());
    let id = contact["id"].as_str().unwrap();
    let amended = |line: &[&str]| -> Value {
        run(&store, &[&["visit", "amend", id, "--text", "corrected"], line].concat());
        json(&store, &["visit", "show", id])
    };

    let moved = amended(&["--on", "2026-03-03"]);
    assert_eq!(moved["time"]["day"], "2026-03-03");
    assert_eq!(
        (&moved["time"]["start"], &moved["time"]["end"]),
        (&"2026-03-03T13:00:00Z".into(), &"2026-03-03T15:00:00Z".into())
    );
    let later = amended(&["--from", "14:30"]);
    assert_eq!(
        (&later["time"]["start"], &later["time"]["end"]),
        (&"2026-03-03T13:30:00Z".into(), &"2026-03-03T15:00:00Z".into())
    );

    let after = amended(&["--from", "17:00"]);
    assert_eq!(
        (&after["time"]["start"], &after["time"]["end"]),
        (&"2026-03-03T16:00:00Z".into(), &Value::Null)
    );
    let later = amended(&["--from", "14:30", "--to", "16:00"]);
    let other = amended(&["--outcome", "ended_early", "--reason", "transport"]);
    let outcome = &other["outcome"];
    assert_eq!((&outcome["code"], &outcome["reason"]), (&"ended_early".into(), &"transport".into()));
    assert_eq!(other["time"], later["time"]);
}
