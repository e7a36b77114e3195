//! Convergence: whatever is done on several stores and in whatever order it is handed over, all end up equal.
//!
//! `CASEPLAN_SEEDS=2000` runs so many seeds instead of a few, `CASEPLAN_SEED=17` runs one and tells what was done.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "convergence/contacts.rs"]
mod contacts;
#[path = "convergence/deeds.rs"]
mod deeds;
#[path = "convergence/dice.rs"]
mod dice;
#[path = "convergence/same.rs"]
mod same;
#[path = "convergence/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use caseplan_core::case::PersonCorrection;
use caseplan_core::document::Kind;
use caseplan_core::exchange::message::Message;
use caseplan_core::exchange::{CancelToken, Refusal};
use deeds::DEEDS;
use support::Device;
use support::hostile::{changes_of, document_of, messages, reasons};
use support::say::{counts, say};
use world::{Tally, World};

/// How much happens in one story.
const STEPS: usize = 60;
/// How many stories a normal run tells.
const SEEDS: u64 = 12;

/// Tells the story of a seed, or its first steps only, and compares the stores at its end.
fn tell(seed: u64, steps: usize, trace: bool) -> Result<Tally, String> {
    let mut world = World::new(seed);
    let told = catch_unwind(AssertUnwindSafe(|| {
        (0..steps).for_each(|_| world.step());
        // Before the last exchange: an import projects whole documents and would mend what a command left out.
        (0..world.devices.len()).for_each(|at| world.verify(at));
        world.come_to_rest();
        same::compare(&mut world);
    }));
    if trace {
        println!("{}", world.trace.join("\n"));
    }
    match told {
        Ok(()) => Ok(world.tally),
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default()),
    }
}

/// The fewest steps of a story that still fail, found by halving.
fn shortest(seed: u64) -> usize {
    let (mut passes, mut fails) = (0, STEPS);
    while passes + 1 < fails {
        let middle = passes.midpoint(fails);
        if tell(seed, middle, false).is_err() { fails = middle } else { passes = middle }
    }
    fails
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn stores_made_by_random_commands_converge_whatever_is_handed_over_in_whatever_order() {
    if let Some(seed) = number("CASEPLAN_SEED") {
        let steps = number("CASEPLAN_STEPS").map_or(STEPS, |steps| steps as usize);
        tell(seed, steps, true).unwrap();
        return;
    }
    let (seeds, next) = (number("CASEPLAN_SEEDS").unwrap_or(SEEDS), AtomicU64::new(1));
    let (tally, failed) = (Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed > seeds {
                        return;
                    }
                    match tell(seed, STEPS, false) {
                        Ok(more) => {
                            let mut tally = tally.lock().unwrap();
                            more.into_iter()
                                .for_each(|(what, count)| *tally.entry(what).or_default() += count);
                        }
                        Err(why) => failed.lock().unwrap().push((seed, why)),
                    }
                }
            });
        }
    });
    let (tally, failed) = (tally.into_inner().unwrap(), failed.into_inner().unwrap());
    say(format_args!("{seeds} seeds: {}", counts(&tally)));
    let told: Vec<String> = failed
        .iter()
        .take(3)
        .map(|(seed, why)| format!("CASEPLAN_SEED={seed} CASEPLAN_STEPS={}: {why}", shortest(*seed)))
        .collect();
    assert!(failed.is_empty(), "{} seeds fail:\n{}", failed.len(), told.join("\n"));
    // A generator that makes nothing proves nothing.
    let rare = [
        "compact",
        "restart",
        "verify",
        "rebuild",
        "backup",
        "restore",
        "replay",
        "byte by byte",
        "cut off",
        "twice",
    ];
    let found = ["conflicts left", "I-10", "I-21"];
    for what in DEEDS.iter().map(|(name, ..)| *name).chain(rare).chain(found) {
        assert!(tally.get(what).is_some_and(|count| *count > 0), "no {what} in {seeds} seeds");
    }
}

#[test]
fn compactions_at_once_lose_no_change() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    phone.store.compact(1).unwrap();
                }
            });
        }
        for at in 0..80 {
            let correction = PersonCorrection { name: Some(format!("Ana {at}")), born: None };
            let corrected = phone.store.cases().correct_participant(case.id, ana.id, &correction);
            if corrected.is_err() {
                done.store(true, Ordering::SeqCst);
            }
            corrected.unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    let report = phone.store.verify(|_| {}, &CancelToken::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_document_of_which_nothing_is_accepted_has_no_rows() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    phone.lea("2026-0117");
    // The second change of a new document comes without the first.
    let (target, mut changes) = document_of(&phone, Kind::Case);
    changes.remove(0);
    let scope = messages(&phone).into_iter().filter(|message| matches!(message, Message::Scope { .. }));
    let hello =
        Message::Hello { domain: phone.store.identity().domain(), device: phone.store.identity().device() };
    let stream: Vec<Message> =
        [hello].into_iter().chain(scope).chain([changes_of(&target, changes), Message::End]).collect();
    let mut import = tablet.store.exchange().import().unwrap();
    import.feed(&stream.iter().flat_map(Message::encode).collect::<Vec<u8>>()).unwrap();
    assert_eq!(reasons(&import.finish()), [Refusal::Waiting]);
    let before = tablet.rows();
    let report = tablet.store.verify(|_| {}, &CancelToken::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    tablet.store.rebuild(|_| {}, &Default::default()).unwrap();
    assert_eq!(tablet.rows(), before);
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn a_store_that_is_written_to_between_two_verifications_is_sound_both_times() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-08-01T20:00:00Z");
    for occurrence in phone.planned("2026-03-07", "2026-07-31") {
        phone.records(occurrence, "Léa and her mother read a book.");
        let report = phone.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "{report:?}");
        phone.store.rebuild(|_| {}, &Default::default()).unwrap();
    }
}
