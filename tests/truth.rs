//! The documents are ordinary Automerge documents: the official JavaScript library reads every kind as the core does,
//! conflicts included, and an edit that it writes comes in as an enrolled device's.
#![allow(clippy::unwrap_used, reason = "a story fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use caseplan_core::case::CaseChange;
use caseplan_core::document::chunk::hash_of;
use caseplan_core::document::{Document, Entity, Kind, Value};
use caseplan_core::exchange::message::{DocumentHeader, Message, SignedChange};
use caseplan_core::identity::signature::Place;
use caseplan_core::identity::{DeviceKeys, MemoryVault, Role, authority};
use caseplan_core::ids::{Actor, ChangeHash};
use caseplan_core::random::SystemRandom;
use caseplan_core::store::maintenance::DumpedDocument;
use serde_json::{Value as Json, json};
use support::Device;

#[test]
fn the_official_javascript_library_reads_every_kind_and_writes_one_edit() {
    let (phone, case) = a_caseload_with_conflicts();
    let folder = tempfile::tempdir().unwrap();
    let mut dumped: Vec<DumpedDocument> = Vec::new();
    phone
        .store
        .dump_documents(|document| {
            dumped.push(document);
            Ok(())
        })
        .unwrap();
    for kind in Kind::ALL {
        assert!(dumped.iter().any(|document| document.kind == kind.code()), "no {}", kind.code());
    }
    for (at, document) in dumped.iter().enumerate() {
        let kind = Kind::from_code(&document.kind).unwrap();
        let loaded = Document::load(kind, &document.file, &[]).unwrap();
        std::fs::write(folder.path().join(format!("{at}.automerge")), &document.file).unwrap();
        std::fs::write(folder.path().join(format!("{at}.json")), expected(kind, &loaded).to_string())
            .unwrap();
    }

    // A laptop of the same worker is certified, and its edit is written by the JavaScript library.
    let vault = MemoryVault::default();
    let keys = DeviceKeys::make(&vault, &SystemRandom).unwrap();
    let worker = "w-117".parse().unwrap();
    let request = authority::request(&keys, "w-117".parse().unwrap(), Vec::new());
    let answer = phone.store.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap();
    let domain = authority::adopt(&answer, &keys, &worker).unwrap();
    let certificate = domain.certificate_of(keys.device_id()).unwrap().hash();
    let at = dumped.iter().position(|document| document.kind == "case").unwrap();
    let edit = json!({
        "file": format!("{at}.automerge"), "actor": Actor::new(keys.device_id(), [1; 8]).to_string(),
        "container": "case", "field": "team", "value": "Équipe Sud", "message": "case.change", "time": 1_772_600_000,
    });
    std::fs::write(folder.path().join("edit.json"), edit.to_string()).unwrap();
    run_javascript(folder.path());

    let chunk = std::fs::read(folder.path().join("edit.change")).unwrap();
    let document = &dumped[at];
    let hash = ChangeHash(hash_of(&chunk).unwrap());
    let place = Place { scope: document.scope, document: document.id, kind: &document.kind };
    let change = SignedChange { signature: place.sign(&keys, &certificate, &hash), chunk, certificate };
    let header = DocumentHeader {
        scope: document.scope,
        kind: document.kind.clone(),
        genesis: Kind::Case.genesis_hash(),
        name: case.as_bytes().to_vec(),
    };
    let mut import = phone.store.exchange().import().unwrap();
    let hello = Message::Hello { domain: phone.store.identity().domain(), device: keys.device_id() };
    import.feed(&hello.encode()).unwrap();
    import.feed(&Message::Changes { document: document.id, header, changes: vec![change] }.encode()).unwrap();
    let report = import.finish();
    assert_eq!((report.accepted, report.quarantined), (1, vec![]));
    assert_eq!(phone.store.cases().get(case).unwrap().unwrap().team.as_deref(), Some("Équipe Sud"));
    let events = phone.store.history().events(case, None, 1).unwrap().events;
    assert_eq!(events[0].by.as_ref().unwrap().as_str(), "w-117");
}

/// Two devices with cases, plans and contacts, a field in conflict on each level, merged.
fn a_caseload_with_conflicts() -> (Device, caseplan_core::ids::CaseId) {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    for (device, team) in [(&phone, "Nord"), (&tablet, "Est")] {
        device.now("2026-03-07T18:00:00Z");
        let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
        device.store.cases().change(case.id, &change).unwrap();
        device.records(device.planned("2026-03-07", "2026-03-07")[0], "Léa sang — « à la claire fontaine ».");
    }
    phone.meet(&tablet);
    let conflict = phone.store.conflicts().list(None).unwrap().remove(0);
    let read = |conflict: &caseplan_core::conflict::Conflict| conflict.values.len();
    assert_eq!(read(&conflict), 2);
    // The edit from JavaScript needs a field that is settled; another one stays in conflict.
    phone.store.conflicts().settle(&conflict.id, &conflict.values[0].id).unwrap();
    phone.meet(&tablet);
    for (device, name) in [(&phone, "Anna Martin"), (&tablet, "Ana-Maria Martin")] {
        let correction = caseplan_core::case::PersonCorrection { name: Some(name.to_owned()), born: None };
        device.store.cases().correct_participant(case.id, ana.id, &correction).unwrap();
    }
    phone.meet(&tablet);
    (phone, case.id)
}

/// Every field of every container, as the core reads it.
fn expected(kind: Kind, document: &Document) -> Json {
    let view = document.view();
    let mut containers = BTreeMap::new();
    for container in kind.containers() {
        let mut fields = BTreeMap::new();
        if kind.is_flat(container) {
            read(&view.fields(container), "", &mut fields);
        } else {
            for (key, entity) in view.entities(container) {
                read(&entity, &format!("{key}/"), &mut fields);
            }
        }
        containers.insert((*container).to_owned(), fields);
    }
    json!(containers)
}

fn read(entity: &Entity, prefix: &str, into: &mut BTreeMap<String, Json>) {
    for (name, field) in &entity.fields {
        let mut rivals: Vec<Json> = field.rivals.iter().map(|rival| scalar(&rival.value)).collect();
        rivals.sort_by_key(|rival| rival.as_str().unwrap_or_default().to_owned());
        into.insert(format!("{prefix}{name}"), json!({ "value": scalar(&field.value), "rivals": rivals }));
    }
}

fn scalar(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Text(text) | Value::Foreign(text) => json!(text),
    }
}

fn run_javascript(folder: &Path) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    let run = Command::new("node").arg("truth.mjs").arg(folder).current_dir(scripts).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("fields compared"), "{said}");
}
