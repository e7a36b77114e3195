//! One store, one due list: what the command line prints, the core says; what the core says, Kotlin and Swift are
//! compared with. The store and the list are left in the build's own folder for their tests.
#![allow(clippy::unwrap_used, reason = "a test's helper fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use caseplan_core::identity::FileVault;
use caseplan_core::visitation::DueVisit;
use caseplan_core::{Store, StoreConfig};
use serde_json::Value;

const FROM: &str = "2026-03-16";
const TO: &str = "2026-04-12";

#[test]
fn the_command_line_and_the_core_give_the_same_due_list() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parity");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("caseplan.db");
    caseplan(&file, &["seed", "--cases", "12", "--until", "2026-04-15"]);
    let printed: Value =
        serde_json::from_slice(&caseplan(&file, &["due", "--from", FROM, "--to", TO, "--json"])).unwrap();
    let printed: Vec<String> = printed.as_array().unwrap().iter().map(line_of_json).collect();

    let config = StoreConfig::file(&file, "w-117".parse().unwrap(), "Europe/Paris".parse().unwrap());
    let vault = FileVault::open(&folder.join("caseplan.db.keys")).unwrap();
    let store = Store::open(config, Arc::new(vault)).unwrap();
    let due = store.visitation_plans().due(FROM.parse().unwrap(), TO.parse().unwrap(), None).unwrap();
    let said: Vec<String> = due.iter().map(line).collect();
    store.close();

    assert!(said.len() > 20, "only {} visits are due", said.len());
    assert_eq!(printed, said);
    std::fs::write(folder.join("due.txt"), said.join("\n") + "\n").unwrap();
}

fn caseplan(store: &Path, arguments: &[&str]) -> Vec<u8> {
    let run = Command::new(env!("CARGO_BIN_EXE_caseplan"))
        .arg("--store")
        .arg(store)
        .args(arguments)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

/// A due visit as one line: the same in Rust, Kotlin and Swift.
fn line(visit: &DueVisit) -> String {
    match visit {
        DueVisit::Occurrence {
            occurrence,
            starts_at,
            local,
            minutes,
            place,
            to_visit,
            visitors,
            contacts,
            ..
        } => {
            let contacts: Vec<String> = contacts.iter().map(ToString::to_string).collect();
            [
                "occurrence".to_owned(),
                occurrence.plan.to_string(),
                occurrence.schedule.to_string(),
                occurrence.day.to_string(),
                starts_at.timestamp().to_string(),
                local.format("%Y-%m-%dT%H:%M").to_string(),
                minutes.unwrap_or(0).to_string(),
                place.clone().unwrap_or_default(),
                to_visit.join(","),
                visitors.join(","),
                contacts.join(","),
            ]
            .join("|")
        }
        DueVisit::Quota { plan, from, to, planned, done, to_visit, visitors, .. } => {
            format!("quota|{plan}|{from}|{to}|{planned}|{done}|{}|{}", to_visit.join(","), visitors.join(","))
        }
    }
}

fn line_of_json(visit: &Value) -> String {
    let text = |field: &str| visit[field].as_str().unwrap_or_default().to_owned();
    let number = |field: &str| visit[field].as_i64().unwrap_or_default().to_string();
    let list = |field: &str| {
        let items = visit[field].as_array().unwrap();
        items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(",")
    };
    if text("kind") == "quota" {
        let figures = [text("plan"), text("from"), text("to"), number("planned"), number("done")].join("|");
        return format!("quota|{figures}|{}|{}", list("to_visit"), list("visitors"));
    }
    let starts_at: caseplan_core::time::Instant = text("starts_at").parse().unwrap();
    [
        text("kind"),
        text("plan"),
        text("schedule"),
        text("day"),
        starts_at.timestamp().to_string(),
        text("local")[..16].to_owned(),
        number("minutes"),
        text("place"),
        list("to_visit"),
        list("visitors"),
        list("contacts"),
    ]
    .join("|")
}
