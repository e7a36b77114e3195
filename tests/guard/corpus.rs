//! Every byte of real changes, changed: length and checksum repaired, signed again by an enrolled device.
//!
//! Automerge panics on a fifth of such bytes and takes in poison with some of the others. Here each mutant has an actor
//! of its own, so that no fork is refused before the engine sees it.

use std::collections::BTreeMap;

use caseplan_core::case::CaseChange;
use caseplan_core::document::Kind;
use caseplan_core::exchange::message::SignedChange;
use caseplan_core::exchange::{CancelToken, ImportReport};

use crate::support::chunks::{Parts, body, sealed};
use crate::support::hostile::{Hostile, Target, document_of, documents_of, state};
use crate::support::{Device, at};

const MUTATIONS: [fn(u8) -> u8; 3] = [|b| b ^ 1, |b| b ^ 0x80, |b| b.wrapping_add(0x3f)];

/// Mutants of a change, some for each byte, each by an actor of its own.
fn mutants(hostile: &Hostile, target: &Target, chunk: &[u8], per_byte: usize) -> Vec<SignedChange> {
    let parts = Parts::read(chunk);
    let mut all = Vec::new();
    for at in 0..body(chunk).len() {
        for number in (0..MUTATIONS.len()).cycle().skip(at).take(per_byte) {
            let mut own = parts.clone();
            own.actor[16..20].copy_from_slice(&(at as u32).to_be_bytes());
            own.actor[20] = number as u8;
            let mut bytes = body(&own.chunk());
            bytes[at] = MUTATIONS[number](bytes[at]);
            all.push(hostile.signs(target, sealed(1, &bytes)));
        }
    }
    all
}

/// A phone and a hostile device that have met, and that device's newest change of a kind.
fn with_change(kind: Kind) -> (Device, Hostile, Target, Vec<u8>) {
    let phone = Device::new("phone", "w-117");
    let hostile = Hostile::enrolled_by(&phone);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    phone.records(saturday, "Léa ran to her mother.");
    phone.meet(&hostile.device);
    hostile.device.now("2026-03-08T09:00:00Z");
    match kind {
        Kind::ContactLog => drop(hostile.device.records(saturday, "They built a tower.")),
        _ => {
            let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
            hostile.device.store.cases().change(case.id, &change).unwrap();
        }
    }
    let (target, changes) = document_of(&hostile.device, kind);
    let held = documents_of(&phone, kind).remove(0).1;
    let fresh = changes.into_iter().find(|change| !held.iter().any(|other| other.chunk == change.chunk));
    (phone, hostile, target, fresh.unwrap().chunk)
}

/// After all of it the phone reads, writes, restarts, rebuilds and is sound; and gives what it took to a friend.
fn still_works(mut phone: Device) {
    let case = phone.store.cases().list(&Default::default()).unwrap().remove(0);
    let friend = phone.enrol("friend", "w-300");
    phone.restart();
    let change = CaseChange { case_type: Some("x".to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &change).unwrap();
    phone.clock.set(at("2026-03-14T16:30:00Z"));
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "A week later.");
    phone.store.compact(1).unwrap();
    let rows = phone.rows();
    phone.store.rebuild(|_| {}, &Default::default()).unwrap();
    let rebuilt = phone.rows();
    assert!(rows.iter().filter(|row| !row.starts_with("occurrence|")).all(|row| rebuilt.contains(row)));
    let report = phone.store.verify(|_| {}, &CancelToken::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    phone.meet(&friend);
    friend.clock.set(at("2026-03-14T16:30:00Z"));
    friend.store.rebuild(|_| {}, &Default::default()).unwrap();
    let (here, there) = (phone.rows(), friend.rows());
    let only_here: Vec<_> = here.iter().filter(|row| !there.contains(row)).collect();
    let only_there: Vec<_> = there.iter().filter(|row| !here.contains(row)).collect();
    assert!(here == there, "{only_here:#?}\n{only_there:#?}");
}

fn tally(counts: &mut BTreeMap<String, usize>, report: &ImportReport) {
    for entry in &report.quarantined {
        *counts.entry(entry.reason.to_string()).or_default() += 1;
    }
    *counts.entry("accepted".to_owned()).or_default() += report.accepted as usize;
}

/// What the corpus must reach, or it proves nothing.
fn reached(counts: &BTreeMap<String, usize>) {
    for reason in ["malformed", "wrong_actor", "waiting", "bad_structure", "poisoned", "accepted"] {
        assert!(counts.get(reason).is_some_and(|count| *count > 0), "{reason}: {counts:?}");
    }
}

#[test]
fn no_mutant_of_a_change_breaks_a_store_one_by_one() {
    let (phone, hostile, target, chunk) = with_change(Kind::Case);
    let mut counts = BTreeMap::new();
    let mut before = state(&phone);
    for mutant in mutants(&hostile, &target, &chunk, 3) {
        let report = hostile.sends(&phone, &target, vec![mutant]);
        tally(&mut counts, &report);
        if report.accepted > 0 {
            before = state(&phone);
        } else {
            assert!(state(&phone) == before, "{report:?}");
        }
    }
    reached(&counts);
    still_works(phone);
}

#[test]
fn no_mutant_of_a_contact_breaks_a_store_in_batches() {
    let (phone, hostile, target, chunk) = with_change(Kind::ContactLog);
    let mut counts = BTreeMap::new();
    for batch in mutants(&hostile, &target, &chunk, 1).chunks(128) {
        let report = hostile.sends(&phone, &target, batch.to_vec());
        tally(&mut counts, &report);
    }
    reached(&counts);
    still_works(phone);
}
