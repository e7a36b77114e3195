//! Numbers, ancestors, forks and authors: what a change says of itself must follow from what it follows.

use automerge::transaction::Transactable;
use automerge::{Automerge, ROOT, ReadDoc};
use caseplan_core::case::CaseChange;
use caseplan_core::document::Kind;
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::{Message, SignedChange};
use caseplan_core::ids::Actor;

use crate::refusals::{attacked, harmless, refuses};
use crate::support::Device;
use crate::support::chunks::{Parts, hash_of};
use crate::support::hostile::{Hostile, changes_of, document_of, loaded, messages, reasons, state};

/// A chain of changes by one actor, each following the one before.
fn chain(hostile: &Hostile, changes: &[SignedChange], length: usize) -> Vec<Vec<u8>> {
    let mut document = loaded(Kind::Case, changes);
    let mut chunks = Vec::new();
    for at in 0..length {
        let chunk = hostile.writes(&document, |tx| {
            let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
            tx.put(&case, "team", at as i64).unwrap();
        });
        apply(&mut document, &chunk);
        chunks.push(chunk);
    }
    chunks
}

fn apply(document: &mut Automerge, chunk: &[u8]) {
    document.apply_changes([automerge::Change::from_bytes(chunk.to_vec()).unwrap()]).unwrap();
}

/// The phone can still write into the case, and everything it holds is sound.
fn still_writes(phone: &Device) {
    let case = phone.store.cases().list(&Default::default()).unwrap().remove(0);
    let change = CaseChange { team: Some("south".to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &change).unwrap();
    let report = phone.store.verify(|_| {}, &Default::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn numbers_that_do_not_follow_from_the_ancestors_are_refused() {
    let (phone, hostile, target, changes) = attacked();
    let chunks = chain(&hostile, &changes, 2);
    let (first, second) = (Parts::read(&chunks[0]), Parts::read(&chunks[1]));
    let victim = hash_of(&changes.last().unwrap().chunk).0;
    let wrong = [
        // A gap, and the second without the first.
        Parts { seq: 2, ..first.clone() },
        Parts { seq: 9, ..first.clone() },
        // Operations that begin too late, far too late, or too early.
        Parts { start_op: first.start_op + 1, ..first.clone() },
        Parts { start_op: u32::MAX.into(), ..first.clone() },
        Parts { start_op: u64::from(u32::MAX) - 1, ..first.clone() },
        Parts { start_op: first.start_op - 1, ..first.clone() },
        Parts { start_op: 1, ..first.clone() },
        // No ancestors at all.
        Parts { deps: Vec::new(), ..first },
    ];
    for parts in wrong {
        refuses(&phone, &hostile, &target, hostile.signs(&target, parts.chunk()), &Refusal::BadStructure);
    }
    // The second leaves out its predecessor, once that is here.
    let taken = hostile.sends(&phone, &target, vec![hostile.signs(&target, chunks[0].clone())]);
    assert_eq!(taken.accepted, 1);
    let omits = Parts { deps: vec![victim], start_op: second.start_op - 1, ..second };
    refuses(&phone, &hostile, &target, hostile.signs(&target, omits.chunk()), &Refusal::BadStructure);
    still_writes(&phone);
}

#[test]
fn a_hundred_changes_that_do_not_know_each_other_keep_nobody_from_writing() {
    let (phone, hostile, target, changes) = attacked();
    let document = loaded(Kind::Case, &changes);
    let at_once = (0..100).map(|at| {
        let chunk = hostile.writes_as(hostile.actor(at), &document, |tx| {
            let (_, more) = tx.get(ROOT, "more").unwrap().unwrap();
            tx.put(&more, at.to_string(), 1).unwrap();
        });
        hostile.signs(&target, chunk)
    });
    assert_eq!(hostile.sends(&phone, &target, at_once.collect()).accepted, 100);
    still_writes(&phone);
    // What the phone writes follows each of them and its own last, and is taken in by whoever holds them.
    let (_, held) = document_of(&phone, Kind::Case);
    let most = held.iter().map(|change| Parts::read(&change.chunk).deps.len()).max();
    assert_eq!(most, Some(101));
    let tablet = phone.enrol("tablet", "w-117");
    phone.meet(&tablet);
    assert_eq!(document_of(&tablet, Kind::Case).1.len(), held.len());
    assert_eq!(phone.rows(), tablet.rows());
    still_writes(&tablet);
}

#[test]
fn changes_wait_for_what_they_follow_in_whatever_order_they_come() {
    let (phone, hostile, target, changes) = attacked();
    let chunks = chain(&hostile, &changes, 6);
    let before = state(&phone);
    // Each in an import of its own, the last first.
    for (at, chunk) in chunks.iter().enumerate().skip(1).rev() {
        let report = hostile.sends(&phone, &target, vec![hostile.signs(&target, chunk.clone())]);
        let waits = reasons(&report);
        assert_eq!((report.accepted, report.received), (0, 1), "{at}");
        assert!(!waits.is_empty() && waits.iter().all(|reason| *reason == Refusal::Waiting));
    }
    assert!(state(&phone) == before);
    assert_eq!(phone.store.info().unwrap().quarantined, 5);
    let report = hostile.sends(&phone, &target, vec![hostile.signs(&target, chunks[0].clone())]);
    assert_eq!((report.accepted, reasons(&report)), (6, Vec::new()));
    assert_eq!(phone.store.info().unwrap().quarantined, 0);
    let case = phone.store.cases().list(&Default::default()).unwrap().remove(0);
    assert_eq!(phone.store.cases().get(case.id).unwrap().unwrap().team, None, "a number is no team");
    still_writes(&phone);
}

#[test]
fn half_of_an_export_and_the_other_half_first_come_to_the_same() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let hostile = Hostile::enrolled_by(&phone);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    for number in 0..20 {
        let change = CaseChange { team: Some(format!("team {number}")), ..CaseChange::default() };
        phone.store.cases().change(case.id, &change).unwrap();
    }
    let (target, changes) = document_of(&phone, Kind::Case);
    let others = messages(&phone)
        .into_iter()
        .filter(|m| matches!(m, Message::Authority { .. } | Message::Scope { .. }));
    let mut say: Vec<Message> = others.collect();
    let (early, late) = changes.split_at(changes.len() / 2);
    say.push(changes_of(&target, late.to_vec()));
    let report = hostile.says(&tablet, say);
    assert_eq!((report.accepted, reasons(&report).len()), (0, late.len()));
    let report = hostile.sends(&tablet, &target, early.to_vec());
    assert_eq!(report.accepted, changes.len() as u64);
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn a_second_change_with_one_number_is_a_fork_and_the_first_one_stays() {
    let (phone, hostile, target, changes) = attacked();
    let (one, other) = (harmless(&hostile, &changes, "north"), harmless(&hostile, &changes, "east"));
    let both = vec![hostile.signs(&target, one.clone()), hostile.signs(&target, other.clone())];
    let report = hostile.sends(&phone, &target, both);
    assert_eq!((report.accepted, reasons(&report)), (1, vec![Refusal::Forked]));
    let rows = phone.rows();
    let refused = if rows.iter().any(|row| row.contains("north")) { other } else { one };
    refuses(&phone, &hostile, &target, hostile.signs(&target, refused), &Refusal::Forked);
    still_writes(&phone);
}

#[test]
fn an_unknown_author_waits_for_a_certificate_that_counts() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, _) = phone.lea("2026-0117");
    phone.meet(&tablet);
    // The tablet has never heard of this one.
    let hostile = Hostile::enrolled_by(&phone);
    let (target, changes) = document_of(&phone, Kind::Case);
    let chunk = harmless(&hostile, &changes, "north");
    let before = (state(&tablet), tablet.store.exchange().digest().unwrap());
    // Whoever brings it again hears it again: it is not held here as far as anybody may count upon.
    for _ in 0..2 {
        let report = hostile.sends(&tablet, &target, vec![hostile.signs(&target, chunk.clone())]);
        assert_eq!(reasons(&report), [Refusal::UnknownAuthor]);
    }
    assert!((state(&tablet), tablet.store.exchange().digest().unwrap()) == before);
    let report = phone.hand_to(&tablet);
    // Its certificate, and the one that it had made for itself.
    assert_eq!((report.records, report.accepted), (2, 1));
    assert_eq!(tablet.store.cases().get(case.id).unwrap().unwrap().team.as_deref(), Some("north"));
    tablet.meet(&phone);
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn nobody_blocks_a_change_by_bringing_it_under_a_certificate_that_does_not_exist() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let hostile = Hostile::enrolled_by(&phone);
    let (case, _) = phone.lea("2026-0117");
    phone.meet(&tablet);
    let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &change).unwrap();
    let (target, changes) = document_of(&phone, Kind::Case);
    let honest = changes.last().unwrap().clone();
    let mut ours = Parts::read(&honest.chunk);
    ours.time += 1;
    // The true change, and another with its actor and number, both under a certificate that nobody has seen.
    for chunk in [honest.chunk.clone(), ours.chunk()] {
        let unknown = SignedChange { chunk, signature: [1; 64], certificate: [1; 32] };
        assert_eq!(reasons(&hostile.sends(&tablet, &target, vec![unknown])), [Refusal::UnknownAuthor]);
    }
    phone.meet(&tablet);
    assert_eq!(tablet.store.cases().get(case.id).unwrap().unwrap().team.as_deref(), Some("north"));
    assert_eq!(phone.store.exchange().digest().unwrap(), tablet.store.exchange().digest().unwrap());
    assert_eq!(phone.rows(), tablet.rows());
    assert!(tablet.store.verify(|_| {}, &Default::default()).unwrap().is_sound());
}

#[test]
fn strangers_and_the_waiting_take_up_bounded_room() {
    let (phone, hostile, target, changes) = attacked();
    let good = Parts::read(&harmless(&hostile, &changes, "north"));
    let mut sent = 0;
    for batch in 0..10_u8 {
        let mut strangers = Vec::new();
        for at in 0..120_u8 {
            let mut deps = [batch; 32];
            deps[1] = at;
            let actor = Actor([at; 24]).0.to_vec();
            let chunk = Parts { deps: vec![deps], actor, ..good.clone() }.chunk();
            strangers.push(SignedChange { chunk, signature: [1; 64], certificate: [batch; 32] });
        }
        sent += strangers.len();
        hostile.sends(&phone, &target, strangers);
    }
    assert_eq!(sent, 1_200);
    assert!(phone.store.info().unwrap().quarantined <= 1_000, "{:?}", phone.store.info());
    still_writes(&phone);
}

#[test]
fn a_change_that_depends_on_a_refused_one_waits_and_blocks_nothing() {
    let (phone, hostile, target, changes) = attacked();
    let chunks = chain(&hostile, &changes, 2);
    let mut unsigned = hostile.signs(&target, chunks[0].clone());
    unsigned.signature[3] ^= 1;
    let report = hostile.sends(&phone, &target, vec![unsigned, hostile.signs(&target, chunks[1].clone())]);
    assert_eq!(report.accepted, 0);
    let mut why = reasons(&report);
    why.sort();
    assert_eq!(why, [Refusal::Waiting, Refusal::BadSignature]);
    still_writes(&phone);
}
