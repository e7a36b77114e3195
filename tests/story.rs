//! A visit recorded offline on two phones, merged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

use caseplan_core::Error;
use caseplan_core::exchange::CancelToken;
use caseplan_core::history::AsOf;
use caseplan_core::issue::{IssueChoice, IssueSubject};
use caseplan_core::visitation::{DueState, DueVisit, PlanChange};
use support::{Device, at, day};

#[test]
fn two_phones_record_offline_and_merge() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
    assert_eq!(phone.store.exchange().digest().unwrap(), tablet.store.exchange().digest().unwrap());

    // Saturday, no network: both record the visit, and both move the next ones elsewhere.
    for device in [&phone, &tablet] {
        device.now("2026-03-07T16:30:00Z");
    }
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    let here = phone.records(saturday, "Léa ran to her mother.");
    let there = tablet.records(saturday, "They built a tower.");
    let move_to = |device: &Device, place: &str| {
        let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
        device.store.visitation_plans().change(plan.id, &change).unwrap()
    };
    phone.now("2026-03-09T09:00:00Z");
    tablet.now("2026-03-09T09:05:00Z");
    move_to(&phone, "Parc Monceau");
    move_to(&tablet, "Bibliothèque");
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());

    // The same field twice: both values, with who and when; an ordinary edit is refused.
    let conflicts = phone.store.conflicts().list(Some(case.id)).unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].field, "place");
    let mut who: Vec<_> =
        conflicts[0].values.iter().map(|value| value.by.clone().unwrap().to_string()).collect();
    who.sort();
    assert_eq!(who, ["w-117", "w-204"]);
    let change = PlanChange { place: Some("Gare".to_owned()), ..PlanChange::default() };
    let refused = phone.store.visitation_plans().change(plan.id, &change).unwrap_err();
    assert_eq!(refused, Error::FieldInConflict { conflict: conflicts[0].id.clone() });
    phone.store.conflicts().settle(&conflicts[0].id, &conflicts[0].values[1].id).unwrap();
    let again = phone.store.conflicts().settle(&conflicts[0].id, &conflicts[0].values[0].id);
    assert_eq!(again, Err(Error::ConflictChanged { conflict: conflicts[0].id.clone() }));

    // The same visit twice: counted once, and a person says that it is one.
    let issues = tablet.store.issues().list(None, false).unwrap();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].code, "I-10");
    let IssueSubject::PossibleDuplicateContacts { first, second } = issues[0].subject.clone() else {
        panic!()
    };
    assert_eq!([first, second].contains(&here.id), [first, second].contains(&there.id));
    tablet.store.issues().settle(&issues[0].id, &IssueChoice::Same { keep: first.0 }, None).unwrap();
    phone.meet(&tablet);
    assert!(phone.store.conflicts().list(None).unwrap().is_empty());
    assert!(phone.store.issues().list(None, false).unwrap().is_empty());
    let due = phone.store.visitation_plans().due(day("2026-03-07"), day("2026-03-14"), None).unwrap();
    let states: Vec<DueState> = due
        .iter()
        .map(|visit| match visit {
            DueVisit::Occurrence { state, .. } => state.clone(),
            DueVisit::Quota { .. } => panic!("a quota"),
        })
        .collect();
    assert_eq!(states, [DueState::Done, DueState::Planned]);

    // The plan as the court saw it on the 8th.
    let then = phone.store.history().plan_as_of(plan.id, &AsOf::Instant { at: at("2026-03-08T00:00:00Z") });
    assert_eq!(then.unwrap().unwrap().place.as_deref(), Some("Maison de la famille, salle 2"));

    for device in [&phone, &tablet] {
        let report = device.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
    assert_eq!(phone.rows(), tablet.rows());
    assert_eq!(phone.store.exchange().digest().unwrap(), tablet.store.exchange().digest().unwrap());
}

#[test]
fn a_wholly_compacted_store_goes_into_an_empty_one_and_nothing_is_different() {
    let mut phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-08-01T20:00:00Z");
    for occurrence in phone.planned("2026-03-07", "2026-07-31") {
        phone.records(occurrence, "Léa and her mother read a book.");
    }
    let then =
        phone.store.history().case_as_of(case.id, &AsOf::Instant { at: at("2026-03-02T08:00:00Z") }).unwrap();
    assert!(phone.store.compact(1).unwrap() > 0);
    phone.restart();
    tablet.now("2026-08-01T20:00:00Z");
    let report = phone.hand_to(&tablet);
    assert!(report.complete && report.quarantined.is_empty(), "{report:?}");
    assert_eq!(phone.rows(), tablet.rows());
    assert_eq!(phone.store.exchange().digest().unwrap(), tablet.store.exchange().digest().unwrap());
    let seen = tablet
        .store
        .history()
        .case_as_of(case.id, &AsOf::Instant { at: at("2026-03-02T08:00:00Z") })
        .unwrap();
    assert_eq!(seen, then);
    let report = tablet.store.verify(|_| {}, &CancelToken::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
}
