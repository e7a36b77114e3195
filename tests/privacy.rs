//! What an app may write to a log file: ids and codes, never a word of a case.
//!
//! A full story is told with a word of its own in every field, and every request is refused in every way. Log entries
//! at every level, and each error as it is shown and as it is debugged, are searched for those words.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "privacy/refusals.rs"]
mod refusals;
#[path = "privacy/words.rs"]
mod words;

use std::sync::Arc;

use caseplan_core::contact::{Correction, NewAddendum};
use caseplan_core::exchange::{CancelToken, Refusal};
use caseplan_core::issue::IssueChoice;
use caseplan_core::store::{ChangeListener, Changes, ListenerFailed, LogLevel};
use caseplan_core::visitation::PlanChange;
use caseplan_core::{Store, StoreConfig};
use support::hostile::{Hostile, document_of, loaded, reasons};
use support::{Device, day};
use words::{Journal, SECRETS, Said};

/// A device that keeps a journal of what it logs.
fn with_journal(mut device: Device, journal: &Arc<Journal>) -> Device {
    device.store.close();
    let config = StoreConfig { log: Some(journal.clone()), ..device.config() };
    device.store = Store::open(config, device.vault.clone()).unwrap();
    device
}

struct Fails;

impl ChangeListener for Fails {
    fn on_change(&self, _: &Changes) -> Result<(), ListenerFailed> {
        Err(ListenerFailed { class: format!("java.lang.IllegalStateException: {}", SECRETS[0]) })
    }
}

#[test]
fn neither_logs_nor_errors_tell_a_word_of_a_case() {
    let journal = Arc::new(Journal::default());
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let hostile = Hostile::enrolled_by(&phone);
    let (phone, tablet) = (with_journal(phone, &journal), with_journal(tablet, &journal));
    phone.store.watch(Arc::new(Fails)).unwrap();
    let mut said = Said::default();

    // A day on two devices, with every field filled in, a conflict, a possible duplicate and their ends.
    let (case, ana) = words::case(&phone);
    let plan = phone.store.visitation_plans().create(case.id, &words::plan(&case, &ana)).unwrap().plan;
    phone.meet(&tablet);
    let mut contacts = Vec::new();
    for (device, place) in [(&phone, SECRETS[1]), (&tablet, SECRETS[2])] {
        device.now("2026-03-07T16:30:00Z");
        let draft = words::filled(device, device.planned("2026-03-07", "2026-03-07")[0], &ana);
        contacts.push(device.store.contacts().complete(draft.id).unwrap());
        let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
        device.store.visitation_plans().change(plan.id, &change).unwrap();
    }
    let correction = Correction::Place { value: SECRETS[3].to_owned() };
    let addendum = NewAddendum { text: SECRETS[4].to_owned(), corrections: vec![correction] };
    phone.store.contacts().amend(contacts[0].id, &addendum).unwrap();
    phone.meet(&tablet);
    let place = PlanChange { place: Some(SECRETS[5].to_owned()), ..PlanChange::default() };
    said.hears("in conflict", phone.store.visitation_plans().change(plan.id, &place));
    refusals::of_settling(&phone, &mut said);

    // Somebody enrolled sends a change that does not fit, with a text in it; a file is restored; a store is closed.
    let (target, changes) = document_of(&phone, caseplan_core::document::Kind::Case);
    let document = loaded(caseplan_core::document::Kind::Case, &changes);
    let change = hostile.writes(&document, |tx| {
        use automerge::transaction::Transactable;
        tx.put(automerge::ROOT, SECRETS[6], SECRETS[7]).unwrap();
    });
    let report = hostile.sends(&phone, &target, vec![hostile.signs(&target, change)]);
    assert_eq!(reasons(&report), [Refusal::Poisoned]);
    said.hears_that(&format!("{report:?} {:?}", phone.store.exchange().quarantine().unwrap()));
    refusals::of_cases(&phone, &case, &ana, &mut said);
    refusals::of_plans(&phone, &case, &ana, plan.id, &mut said);
    refusals::of_contacts(&phone, &case, &ana, contacts[0].id, &mut said);
    refusals::of_bytes_and_files(&phone, &mut said);
    refusals::of_ids_and_names(&mut said);
    let issue = phone.store.issues().list(None, true).unwrap().remove(0);
    phone.store.issues().settle(&issue.id, &IssueChoice::Distinct, Some(SECRETS[8])).unwrap();
    phone.store.cases().close(case.id, day("2026-03-07"), SECRETS[9]).unwrap();
    said.hears("closed", phone.store.cases().change(case.id, &words::change()));
    for device in [&phone, &tablet] {
        let report = device.store.verify(|_| {}, &CancelToken::default()).unwrap();
        said.hears_that(&format!("{report:?} {:?}", device.store.info().unwrap()));
        device.store.compact(1).unwrap();
    }
    refusals::of_a_closed_store(&phone, &case, &mut said);
    tablet.store.close();

    let entries = journal.entries();
    for level in [LogLevel::Trace, LogLevel::Info, LogLevel::Warning] {
        assert!(entries.iter().any(|entry| entry.level == level), "nothing was logged at {level:?}");
    }
    for code in ["contact.complete", "command.refused", "change.quarantined", "listener.failed"] {
        assert!(entries.iter().any(|entry| entry.code == code), "no {code} in the log");
    }
    entries.iter().for_each(|entry| said.hears_that(&format!("{entry:?}")));
    assert!(said.refusals > 100, "only {} errors were met", said.refusals);
    println!("{} errors and {} log entries are searched", said.refusals, entries.len());
    assert_eq!(said.secrets(), Vec::<String>::new());
}

#[test]
fn the_search_finds_a_word_that_is_told() {
    let mut said = Said::default();
    said.hears_that(&format!("no case {}", SECRETS[0].to_uppercase()));
    assert_eq!(said.secrets().len(), 1);
}
