//! Grants and devices, as somebody types them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn run(folder: &Path, store: &str, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caseplan"));
    let output = command.current_dir(folder).args(["--store", store]).args(arguments).output().unwrap();
    let bytes = if output.status.success() { output.stdout } else { output.stderr };
    (String::from_utf8(bytes).unwrap(), output.status.code().unwrap())
}

fn does(folder: &Path, store: &str, line: &str) -> String {
    let (text, code) = run(folder, store, &line.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{line}: {text}");
    text
}

fn json(folder: &Path, store: &str, arguments: &[&str]) -> Value {
    let (text, code) = run(folder, store, &[&["--json"], arguments].concat());
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_case_is_granted_listed_and_taken_back_and_a_device_ended() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let does = |store: &str, line: &str| does(at, store, line);
    does("phone.db", "init --worker w-1 --zone Europe/Paris");
    does("tablet.db", "init --worker w-2 --zone Europe/Paris");
    does("tablet.db", "identity request request");
    does("phone.db", "identity certify request answer");
    does("tablet.db", "identity adopt answer");
    does("phone.db", "case open --reference 2026-1 --client Lea");
    does("phone.db", "grant 2026-1 w-2 --level 2 --writes contact_log --until 2026-12-31");
    let shown = does("phone.db", "grants 2026-1");
    assert!(shown.contains("level 2") && !shown.contains("administrators"), "{shown}");
    does("hub.db", "init --worker w-9 --zone Europe/Paris");
    does("hub.db", "identity request hub-request");
    does("phone.db", "identity certify hub-request hub-answer --role hub");
    let shown = does("phone.db", "grants 2026-1");
    assert!(shown.contains("administrators and hubs read every case: w-9"), "{shown}");
    let granted = &json(at, "phone.db", &["grants", "2026-1"])[0];
    assert_eq!((granted["worker"].as_str(), granted["state"].as_str()), (Some("w-2"), Some("live")));
    assert_eq!((&granted["extent"], &granted["writes"][0]), (&"level 2".into(), &"contact_log".into()));
    does("phone.db", "export all");
    does("tablet.db", "import all");
    let (refused, code) = run(at, "tablet.db", &["grant", "2026-1", "w-3"]);
    assert!(code != 0 && refused.contains("no grant"), "{refused}");
    does("phone.db", "ungrant 2026-1 w-2");
    assert_eq!(json(at, "phone.db", &["grants", "2026-1"])[0]["state"], "taken back");
    assert_eq!(does("phone.db", "device recovery").split_whitespace().count(), 24);
    let devices = json(at, "phone.db", &["identity", "devices"]);
    let tablet = devices.as_array().unwrap().iter().find(|device| device["worker"] == "w-2").unwrap();
    does("phone.db", &format!("device end {} --why stolen", tablet["device"].as_str().unwrap()));
    let ended = json(at, "phone.db", &["identity", "devices"]);
    assert!(ended.as_array().unwrap().iter().any(|device| device["ended"] == "stolen"));
    assert_eq!(json(at, "phone.db", &["waiting"]), Value::Array(Vec::new()));
}

#[test]
fn what_a_colleague_took_from_a_stolen_device_is_listed_and_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let does = |store: &str, line: &str| does(at, store, line);
    let hands = |from: &str, to: &str, file: &str| {
        does(from, &format!("export {file}"));
        does(to, &format!("import {file}"));
    };
    does("phone.db", "init --worker w-1 --zone Europe/Paris");
    does("phone.db", "case open --reference 2026-1 --client Lea");
    for (store, worker) in [("lost.db", "w-2"), ("desk.db", "w-3")] {
        does(store, &format!("init --worker {worker} --zone Europe/Paris"));
        does(store, &format!("identity request {worker}"));
        does("phone.db", &format!("identity certify {worker} for-{worker}"));
        does(store, &format!("identity adopt for-{worker}"));
        does("phone.db", &format!("grant 2026-1 {worker}"));
    }
    hands("phone.db", "lost.db", "news-0");
    hands("phone.db", "desk.db", "news-1");
    does("lost.db", "case add-participant 2026-1 --name Tom --role sibling");
    hands("lost.db", "desk.db", "news-2");
    let devices = json(at, "phone.db", &["identity", "devices"]);
    let lost = devices.as_array().unwrap().iter().find(|device| device["worker"] == "w-2").unwrap();
    let lost = lost["device"].as_str().unwrap();
    does("phone.db", &format!("device end {lost} --why stolen"));
    assert!(does("phone.db", "review").contains("nothing to look over"));
    hands("phone.db", "desk.db", "news-3");
    hands("desk.db", "phone.db", "news-4");
    let work = &json(at, "phone.db", &["review"])[0];
    assert_eq!(
        (&work["device"], &work["worker"], &work["changes"]),
        (&lost.into(), &"w-2".into(), &1.into())
    );
    assert_eq!(work["why"], "stolen");
    assert!(does("phone.db", "review").contains("stolen"));
    assert!(does("phone.db", &format!("confirm 2026-1 {lost}")).contains("1 changes stand"));
    assert_eq!(json(at, "phone.db", &["review"]), Value::Array(Vec::new()));
}
