//! Files of each version of the schema, never made again: they open, are sound, and read as they did.
//!
//! A fixture is a folder `tests/fixtures/v<version>`: the database, its rows as they were dumped when it was made, one
//! standard file per kind of document, and the SHA-256 of each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use automerge::transaction::{Transactable, Transaction};
use automerge::{Automerge, ROOT, ReadDoc};
use caseplan_core::case::{ParticipantRole, PersonCorrection};
use caseplan_core::contact::{Correction, NewAddendum};
use caseplan_core::document::{Document, Kind};
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::MemoryVault;
use caseplan_core::ids::sha256;
use caseplan_core::storage::Location;
use caseplan_core::visitation::{PlanChange, Supervision};
use caseplan_core::{Store, StoreConfig};
use support::hostile::{Hostile, document_of, loaded};
use support::{Device, at, scratch};

fn folder(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/v{version}"))
}

/// Each file's name and SHA-256, in order.
fn sums(folder: &Path) -> String {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "SHA256SUMS")
        .collect();
    names.sort();
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let line = |name: &String| format!("{}  {name}\n", hex(sha256(&[&fs::read(folder.join(name)).unwrap()])));
    names.iter().map(line).collect()
}

#[test]
fn every_version_has_a_fixture_that_nobody_changed() {
    for version in 1..=Store::SCHEMA {
        let folder = folder(version);
        assert_eq!(
            fs::read_to_string(folder.join("SHA256SUMS")).unwrap(),
            sums(&folder),
            "version {version}"
        );
    }
}

#[test]
fn a_store_of_every_version_opens_is_sound_and_reads_as_it_did() {
    for version in 1..=Store::SCHEMA {
        let here = scratch();
        let file = here.path().join("caseplan.db");
        fs::copy(folder(version).join("caseplan.db"), &file).unwrap();
        // Without its keys a store can be read, and its projections be made anew; on the day on which it was made, they
        // reach as far.
        let device = Device::new("reader", "w-117");
        let config = StoreConfig { location: Location::File(file), ..device.config() };
        let store = Store::open(config, Arc::new(MemoryVault::default())).unwrap();
        assert_eq!(store.info().unwrap().schema, Store::SCHEMA);
        let report = store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "version {version}: {report:?}");
        let rows = fs::read_to_string(folder(version).join("rows.txt")).unwrap();
        let rows: Vec<&str> = rows.lines().map(|row| row.strip_suffix('$').unwrap()).collect();
        let dumped = || -> Vec<String> {
            store.dump_projections().unwrap().iter().map(|row| row.escape_default().to_string()).collect()
        };
        assert_eq!(dumped(), rows, "version {version} as it was upgraded");
        store.rebuild(|_| {}, &Default::default()).unwrap();
        assert_eq!(dumped(), rows, "version {version} made anew");
        assert_eq!(store.contacts().search("lea", None, 10).unwrap().len(), 2);
    }
}

#[test]
fn a_document_of_every_kind_and_version_loads_and_is_saved_as_it_was() {
    for version in 1..=Store::SCHEMA {
        for kind in [Kind::Case, Kind::VisitationPlan, Kind::ContactLog] {
            let saved = fs::read(folder(version).join(format!("{}.automerge", kind.code()))).unwrap();
            let document = Document::load(kind, &saved, &[]).unwrap();
            assert_eq!(document.save(), saved, "{} of version {version}", kind.code());
            let filled =
                kind.containers().iter().any(|container| !document.view().keys(container).is_empty());
            assert!(filled, "{} of version {version} is empty", kind.code());
        }
    }
}

#[test]
fn what_a_newer_app_wrote_is_kept_through_an_edit_and_passed_on() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let newer = Hostile::enrolled_by(&phone);
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    // A field, a code and a key of a register that this version does not know.
    let writes = |kind: Kind, work: &dyn Fn(&Automerge, &mut Transaction<'_>)| {
        let (target, changes) = document_of(&phone, kind);
        let document = loaded(kind, &changes);
        let chunk = newer.writes(&document, |tx| work(&document, tx));
        assert_eq!(newer.sends(&phone, &target, vec![newer.signs(&target, chunk)]).accepted, 1);
    };
    let entity = |document: &Automerge, container: &str, key: Option<String>| {
        let (_, map) = document.get(ROOT, container).unwrap().unwrap();
        key.map_or(map.clone(), |key| document.get(&map, key).unwrap().unwrap().1)
    };
    writes(Kind::Case, &|document, tx| {
        let participant = entity(document, "participants", Some(ana.id.to_string()));
        tx.put(&participant, "pronouns", "she").unwrap();
        tx.put(&participant, "role", "godmother").unwrap();
    });
    writes(Kind::VisitationPlan, &|document, tx| {
        let supervision = r#"{"camera":"on","level":"by_drone"}"#;
        tx.put(entity(document, "plan", None), "supervision", supervision).unwrap();
    });
    let seen = phone.store.cases().get(case.id).unwrap().unwrap();
    let role = &seen.participant(ana.id).unwrap().role;
    assert_eq!(*role, ParticipantRole::Unknown { raw: "godmother".to_owned() });
    // This version edits beside them, and in the register itself.
    let correction = PersonCorrection { name: Some("Anna Martin".to_owned()), born: None };
    phone.store.cases().correct_participant(case.id, ana.id, &correction).unwrap();
    let supervision = phone.store.visitation_plans().get(plan.id).unwrap().unwrap().plan.supervision;
    assert_eq!(supervision.level.code(), "by_drone");
    let supervision = Supervision { reason: Some("ordered".to_owned()), ..supervision };
    let change = PlanChange { supervision: Some(supervision), ..PlanChange::default() };
    phone.store.visitation_plans().change(plan.id, &change).unwrap();
    phone.store.compact(1).unwrap();
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());

    let text = |kind: Kind, container: &str, key: Option<String>, field: &str| {
        let document = loaded(kind, &document_of(&tablet, kind).1);
        let (value, _) = document.get(entity(&document, container, key), field).unwrap().unwrap();
        value.as_str().unwrap().to_owned()
    };
    let ana = || Some(ana.id.to_string());
    assert_eq!(text(Kind::Case, "participants", ana(), "pronouns"), "she");
    assert_eq!(text(Kind::Case, "participants", ana(), "role"), "godmother");
    assert_eq!(text(Kind::Case, "participants", ana(), "name"), "Anna Martin");
    let register = text(Kind::VisitationPlan, "plan", None, "supervision");
    for part in [r#""camera":"on""#, r#""level":"by_drone""#, r#""reason":"ordered""#] {
        assert!(register.contains(part), "{register}");
    }
}

/// Writes the fixture of a new version. An older one is what it is for ever.
#[test]
#[ignore = "run once for each new version of the schema"]
fn writes_the_fixture_of_the_newest_version() {
    let folder = folder(Store::SCHEMA);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    fs::create_dir(&folder).unwrap();
    let (phone, tablet) = story();
    fs::write(folder.join("rows.txt"), dump(&phone)).unwrap();
    let mut kinds = Vec::new();
    let keep = |document: caseplan_core::store::maintenance::DumpedDocument| {
        if !kinds.contains(&document.kind) {
            fs::write(folder.join(format!("{}.automerge", document.kind)), &document.file).unwrap();
            kinds.push(document.kind);
        }
        Ok(())
    };
    phone.store.dump_documents(keep).unwrap();
    phone.store.back_up(&folder.join("caseplan.db"), |_| {}, &CancelToken::default()).unwrap();
    fs::write(folder.join("SHA256SUMS"), sums(&folder)).unwrap();
    drop(tablet);
}

fn dump(device: &Device) -> String {
    device.rows().iter().map(|row| format!("{}$\n", row.escape_default())).collect()
}

/// A plan, a visit recorded twice, an addendum, a conflict and an issue; some of it in a snapshot.
fn story() -> (Device, Device) {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    for (device, place) in [(&phone, "Parc Monceau"), (&tablet, "Gare")] {
        device.clock.set(at("2026-03-07T16:30:00Z"));
        let contact = device.records(device.planned("2026-03-07", "2026-03-07")[0], "Léa built a tower.");
        let correction = Correction::Place { value: place.to_owned() };
        let addendum = NewAddendum { text: "Corrected.".to_owned(), corrections: vec![correction] };
        device.store.contacts().amend(contact.id, &addendum).unwrap();
        let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
        device.store.visitation_plans().change(plan.id, &change).unwrap();
    }
    phone.store.compact(2).unwrap();
    phone.meet(&tablet);
    (phone, tablet)
}
