//! What a member writes who keeps no rule, up to the engine: changes and whole documents that are spoiled, and signed.

use std::collections::BTreeMap;

use caseplan_core::document::chunk::{Limits, check_document};
use caseplan_core::exchange::message::Message;
use caseplan_core::exchange::{ImportReport, Refusal};

use crate::columns::{
    ACTION, KEY, MESSAGE, OBJECT_COUNTER, PREDECESSORS, Parted, VALUE, number, run, signed, text,
};
use crate::fuzz::{Dice, MOST, cases_within};
use crate::heap::{MOST_PEAK, within};
use crate::scene::{Scene, puts};
use crate::support::chunks::{Parts, body, hash_of, sealed};
use crate::support::hostile::{changes_of, reasons};
use crate::support::sound;

/// Measured: 10 MB, 104 MB and 0.2 s. What is asked for altogether is mostly the engine's, which loads, saves and reads.
const SHARE: (usize, usize) = (MOST_PEAK / 2, 4 * MOST_PEAK);

/// What the phone does with at most 64 KB of a message, within its share.
fn brings(scene: &Scene, what: &str, message: Message) -> ImportReport {
    let bytes = message.encode();
    assert!(bytes.len() <= MOST, "{what}: {} bytes", bytes.len());
    let (report, cost) = within(SHARE, what, || scene.takes(&bytes));
    println!("{what}: {} B, {} accepted, {cost:?}", bytes.len(), report.accepted);
    report
}

fn refuses(scene: &Scene, what: &str, message: Message, reason: Refusal) {
    let report = brings(scene, what, message);
    assert_eq!(report.accepted, 0, "{what}");
    let reasons = reasons(&report);
    assert!(!reasons.is_empty() && reasons.iter().all(|other| *other == reason), "{what}: {reasons:?}");
}

/// Spoils columns: something near them, or nothing like it.
fn spoil(parted: &mut Parted, dice: &Dice) {
    let list = dice.below(parted.lists.len());
    let columns = &mut parted.lists[list];
    let (one, other) = (dice.below(columns.len()), dice.below(columns.len()));
    if columns.is_empty() {
        return;
    }
    match dice.below(9) {
        0 => drop(columns.remove(one)),
        1 => columns[one].0 ^= 1 << dice.below(8),
        2 => columns[one].1 = columns[other].1.clone(),
        3 => columns[one].1 = dice.spoil(&columns[other].1),
        4 => {
            let more = columns[other].1.clone();
            columns[one].1.extend(more);
        }
        5 => parted.rest = dice.bytes(dice.below(40)),
        6 => {
            let length = [0, 16, 24, 25, 3_000][dice.below(5)];
            parted.actors.push(dice.bytes(length));
        }
        _ => columns[one].1 = long_run(columns[one].0, dice),
    }
}

/// A few bytes that stand for many rows, or for as many as there were in other words.
fn long_run(spec: u64, dice: &Dice) -> Vec<u8> {
    let counts = [1, 2, 3, 12, 300, 9_000, 10_000, 80_001, 200_000, 1 << 31, 1 << 40, i64::MAX, -1, -40, 0];
    let count = counts[dice.below(counts.len())];
    let values = [0, 1, 2, 7, 127, 1_000, 1 << 31, 1 << 32, 1 << 62, u64::MAX];
    let literal = match spec & 7 {
        4 => return number(count.unsigned_abs()),
        5 => text(&dice.bytes([0, 1, 22, 128, 511, 513, 20_000][dice.below(7)])),
        7 => return dice.bytes([0, 1, 300, 40_000][dice.below(4)]),
        _ => number(values[dice.below(values.len())]),
    };
    run(count, &literal)
}

#[test]
fn a_long_key_is_not_written_out_for_thousands_of_operations() {
    let scene = Scene::new();
    for (length, count) in [(60_000, 10_000), (60_000, 4), (513, 100)] {
        let rest = puts(&vec![b'k'; length], count, 0).bytes();
        refuses(&scene, "a long key", scene.changes(1, &rest), Refusal::OverLimit);
    }
    let mut marks = puts(b"k", 10, 40);
    marks.put(0, 0xa5, run(10, &text(&[b'm'; 513])));
    refuses(&scene, "a long mark", scene.changes(1, &marks.bytes()), Refusal::OverLimit);
    let longest = puts(&[b'k'; 512], 10_000, 4).bytes();
    let report = brings(&scene, "the longest key", scene.changes(1, &longest));
    assert_eq!(report.accepted, 1);
    sound(&[&scene.phone]);
}

#[test]
fn operations_take_room_in_the_change_that_brings_them() {
    let scene = Scene::new();
    refuses(&scene, "puts", scene.changes(128, &puts(b"k", 10_000, 0).bytes()), Refusal::OverLimit);
    let report = brings(&scene, "puts with room", scene.changes(1, &puts(b"k", 10_000, 4).bytes()));
    assert_eq!(report.accepted, 1);
    let scene = Scene::new();
    // As many as there can be: each change has some hundred bytes that are no operations.
    let report = brings(&scene, "puts in the room of heads", scene.changes(128, &puts(b"k", 70, 2).bytes()));
    assert_eq!(report.accepted, 128);
    sound(&[&scene.phone]);
}

#[test]
fn a_run_of_predecessors_is_not_read_out_for_each_of_many_changes() {
    let scene = Scene::new();
    let target = &scene.documents[0].0;
    // In `decisions`, which holds fields itself: what stands there may be written over.
    let puts_there = |count| {
        let mut columns = puts(b"k", count, 4);
        columns.put(0, OBJECT_COUNTER, run(count, &number(2)));
        columns
    };
    let fill = scene.change(0, 1_000, puts_there(10_000).bytes());
    let filled = scene.hostile.signs(target, fill.chunk());
    let (hash, first) = (hash_of(&filled.chunk).0, fill.start_op);
    assert_eq!(scene.sends(changes_of(target, vec![filled])).accepted, 1);
    // Each writes over so many of these at once.
    let over = |count: u64| {
        let mut columns = puts_there(1);
        columns.actors.push(fill.actor.clone());
        columns.put(0, PREDECESSORS, run(1, &number(count)));
        columns.put(0, 0x71, run(count as i64, &number(2)));
        columns.put(0, 0x73, [run(1, &signed(first)), run(count as i64 - 1, &number(1))].concat());
        let changes = (1..=128).map(|incarnation| {
            let mut parts = scene.change(0, incarnation, columns.bytes());
            (parts.deps, parts.start_op) = (vec![hash], first + 10_000);
            scene.hostile.signs(target, parts.chunk())
        });
        changes_of(target, changes.collect())
    };
    refuses(&scene, "10,000 predecessors", over(10_000), Refusal::OverLimit);
    assert_eq!(brings(&scene, "1,024 predecessors", over(1_024)).accepted, 128);
    sound(&[&scene.phone]);
}

/// A change of the hostile device's own whose columns, numbers or ancestors are spoiled, from a real one or from puts.
pub fn spoiled(scene: &Scene, document: usize, incarnation: u64, dice: &Dice) -> Parts {
    let changes = &scene.documents[document].2;
    let sample = &changes[dice.below(changes.len())];
    let mut rest = match dice.below(4) {
        0 => puts(b"k", [1, 30, 2_000][dice.below(3)], 4),
        _ => Parted::of_change(&Parts::read(&sample.chunk).rest),
    };
    for _ in 0..dice.below(4) {
        spoil(&mut rest, dice);
    }
    let mut parts = scene.change(document, incarnation, rest.bytes());
    match dice.below(12) {
        0 => parts.rest = dice.spoil(&parts.rest),
        1 => parts.seq = [0, 2, 1 << 32, u64::MAX][dice.below(4)],
        2 => parts.start_op = [0, 1, parts.start_op + 1, 1 << 31, u64::MAX][dice.below(5)],
        3 => {
            let count = [0, 2, 300, 1_025][dice.below(4)];
            parts.deps = (0..count).map(|_| dice.bytes(32).try_into().unwrap()).collect();
        }
        4 => parts.message = dice.bytes(dice.below(200)),
        _ => {}
    }
    parts
}

#[test]
fn changes_that_are_spoiled_and_signed() {
    let mut counts = BTreeMap::new();
    for round in 0..6 {
        changes_in(round, &mut counts);
    }
    // What it must reach, or it proves nothing.
    for reason in
        ["accepted", "bad_structure", "malformed", "over_limit", "poisoned", "waiting", "wrong_type"]
    {
        assert!(counts.get(reason).is_some_and(|count| *count > 0), "{reason}: {counts:?}");
    }
}

/// With a phone of its own, because what is taken in makes the document longer for all that follow.
fn changes_in(round: u64, counts: &mut BTreeMap<String, u64>) {
    let scene = Scene::new();
    let mut next = 10;
    cases_within(310 + round, 60, SHARE, |dice| {
        let document = dice.below(scene.documents.len());
        let target = &scene.documents[document].0;
        let (mut changes, mut left) = (Vec::new(), MOST - 1_000);
        for _ in 0..=dice.below(4) * dice.below(4) {
            next += 1;
            let chunk = spoiled(&scene, document, next, dice).chunk();
            let Some(rest) = left.checked_sub(chunk.len() + 110) else { break };
            left = rest;
            changes.push(scene.hostile.signs(target, chunk));
        }
        let report = scene.sends(changes_of(target, changes));
        for reason in reasons(&report) {
            *counts.entry(reason.to_string()).or_insert(0) += 1;
        }
        *counts.entry("accepted".to_owned()).or_insert(0) += report.accepted;
    });
    sound(&[&scene.phone]);
}

#[test]
fn whole_documents_that_are_spoiled_and_signed() {
    let scene = Scene::new();
    let added: Vec<_> = (1..9).map(|at| scene.change(0, at, puts(b"k", 9, 4).bytes()).chunk()).collect();
    let good = scene.whole(&added);
    let mut counts = BTreeMap::new();
    cases_within(32, 600, SHARE, |dice| {
        let Message::Snapshot { document, header, chunk, certificates, mut signatures } = good.clone() else {
            panic!("no document");
        };
        let mut parted = Parted::of_document(&chunk);
        for _ in 0..=dice.below(3) {
            spoil(&mut parted, dice);
        }
        let mut chunk = parted.document();
        if dice.below(6) == 0 {
            chunk = sealed(0, &dice.spoil(&body(&chunk)));
        }
        // As many signatures as it has changes, or it is refused at once.
        let size = check_document(&chunk, &Limits::DEFAULT).map_or(0, |size| size.changes as usize);
        if dice.below(8) > 0 && size > 0 {
            signatures.resize(size - 1, signatures[0]);
        }
        signatures.truncate((MOST - 1_000).saturating_sub(chunk.len()) / 70);
        let report = scene.sends(Message::Snapshot { document, header, chunk, certificates, signatures });
        for reason in reasons(&report) {
            *counts.entry(reason.to_string()).or_insert(0) += 1;
        }
        *counts.entry("accepted".to_owned()).or_insert(0) += report.accepted;
    });
    for reason in ["accepted", "bad_signature", "malformed", "over_limit", "wrong_type"] {
        assert!(counts.get(reason).is_some_and(|count| *count > 0), "{reason}: {counts:?}");
    }
    sound(&[&scene.phone]);
}

#[test]
fn what_the_engine_fails_on_is_not_tried_over_and_over() {
    let scene = Scene::new();
    let target = &scene.documents[0].0;
    let fill = scene.change(0, 1_000, puts(b"many", 10_000, 4).bytes()).chunk();
    scene.sends(changes_of(target, vec![scene.hostile.signs(target, fill)]));
    // It is read, applied and saved, and only then not the same.
    let mut late = puts(b"k", 1, 4);
    late.put(0, VALUE, b"more than it says".to_vec());
    let report = brings(&scene, "128 that fail late", scene.changes(128, &late.bytes()));
    let count = |reason| reasons(&report).iter().filter(|other| **other == reason).count();
    assert_eq!((count(Refusal::Poisoned), count(Refusal::Waiting)), (4, 124));
    // Somebody else's go in with it, and each batch finds some more.
    let more = scene.sends(scene.changes(128, &late.bytes()));
    let count = |reason| reasons(&more).iter().filter(|other| **other == reason).count();
    assert_eq!((count(Refusal::Poisoned), count(Refusal::Waiting)), (4, 120));
    sound(&[&scene.phone]);
}

#[test]
fn a_whole_document_is_refused_before_the_engine_writes_it_out() {
    let scene = Scene::new();
    let added: Vec<_> = (1..300).map(|at| scene.change(0, at, puts(b"k", 12, 4).bytes()).chunk()).collect();
    let good = scene.whole(&added);
    let with = |what: &str, reason, edit: &dyn Fn(&mut Parted)| {
        let Message::Snapshot { document, header, chunk, certificates, signatures } = good.clone() else {
            panic!("no document");
        };
        let mut parted = Parted::of_document(&chunk);
        edit(&mut parted);
        let chunk = parted.document();
        let message = Message::Snapshot { document, header, chunk, certificates, signatures };
        refuses(&scene, what, message, reason);
    };
    let most = 150_000;
    with("a long message", Refusal::OverLimit, &|parted| {
        parted.put(0, MESSAGE, run(302, &text(&[b'm'; 129])))
    });
    with("a long key", Refusal::OverLimit, &|parted| parted.put(1, KEY, run(most, &text(&[b'k'; 513]))));
    with("a long actor", Refusal::Malformed, &|parted| parted.actors.push(vec![7; 3_000]));
    with("puts", Refusal::OverLimit, &|parted| parted.put(1, ACTION, run(most, &number(1))));
    let report = brings(&scene, "as it is", good.clone());
    assert_eq!(report.accepted, 299);
    sound(&[&scene.phone]);
}
