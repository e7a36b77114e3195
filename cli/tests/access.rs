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

fn json(folder: &Path, store: &str, arguments: &[&str]) -> Value {
    let (text, code) = run(folder, store, &[&["--json"], arguments].concat());
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_case_is_granted_listed_and_taken_back_and_a_device_ended() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let does = |store: &str, line: &str| {
        let (text, code) = run(at, store, &line.split(' ').collect::<Vec<_>>());
        assert_eq!(code, 0, "{line}: {text}");
        text
    };
    does("phone.db", "init --worker w-1 --zone Europe/Paris");
    does("tablet.db", "init --worker w-2 --zone Europe/Paris");
    does("tablet.db", "identity request request");
    does("phone.db", "identity certify request answer");
    does("tablet.db", "identity adopt answer");
    does("phone.db", "case open --reference 2026-1 --client Lea");
    does("phone.db", "grant 2026-1 w-2 --level 2 --writes contact_log --until 2026-12-31");
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
