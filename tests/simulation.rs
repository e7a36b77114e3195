//! Simulation: real stores and real sessions over connections that fail in every way, from a seed.
//!
//! `CASEPLAN_SIM_SEEDS=10000` runs so many fresh seeds; with `CASEPLAN_SIM_FIRST`, those from there on and no others.
//! `CASEPLAN_SEED=17` runs one, tells what was done, and looks for the fewest steps that fail.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "simulation/acknowledged.rs"]
mod acknowledged;
#[path = "convergence/contacts.rs"]
mod contacts;
#[path = "convergence/deeds.rs"]
mod deeds;
#[path = "convergence/dice.rs"]
mod dice;
#[path = "simulation/files.rs"]
mod files;
#[path = "simulation/intruder.rs"]
mod intruder;
#[path = "simulation/leaks.rs"]
mod leaks;
#[path = "simulation/meeting.rs"]
mod meeting;
#[path = "simulation/mishaps.rs"]
mod mishaps;
#[path = "simulation/oracles.rs"]
mod oracles;
#[path = "simulation/person.rs"]
mod person;
#[path = "simulation/power.rs"]
mod power;
#[path = "simulation/removals.rs"]
mod removals;
#[path = "simulation/rows.rs"]
mod rows;
#[path = "simulation/stories.rs"]
mod stories;
#[path = "simulation/visits.rs"]
mod visits;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/words.rs"]
mod words;
#[path = "simulation/world.rs"]
mod world;

use std::time::{SystemTime, UNIX_EPOCH};

use stories::{Failed, STEPS, number, tell, whole_of};
use support::say::{counts, say};
use wire::Fault;
use world::{Step, steps};

/// How many stories a normal run tells that no version was told before.
const FRESH: u64 = 6;
/// Seeds that failed once, and some that never did: told again each time.
const ALWAYS: &[u64] = &[
    1, 2, 3, 4, 10, 16, 20, 33, 65, 1015, 1039, 1048, 2005, 2009, 1049, 4025, 9057, 20043, 20066, 30128,
    30282, 40012, 50088, 60152, 60286, 61195, 61789, 70197, 70353, 80230, 250179, 250183, 250228, 250256,
    260483, 272503, 272588, 440303, 490173, 510089, 510096, 510239, 510487, 520187, 520557, 530149, 540510,
    542959, 543997, 544265, 601473,
];

#[test]
fn devices_that_sync_over_bad_connections_lose_nothing_and_tell_nobody_what_is_not_theirs() {
    if let Some(seed) = number("CASEPLAN_SEED") {
        if let Err(found) = tell(seed, &steps(seed, STEPS), true) {
            let fewest = fewest(&found, steps(seed, STEPS));
            println!("\nthe fewest steps that fail, {} of {STEPS}:", fewest.len());
            let _ = tell(seed, &fewest, true);
            panic!("{}", found.why);
        }
        return;
    }
    let fresh = number("CASEPLAN_SIM_SEEDS").unwrap_or(FRESH);
    let from = number("CASEPLAN_SIM_FIRST");
    let first = from.unwrap_or_else(of_this_version);
    say(format_args!("fresh seeds: {first} to {}", first + fresh - 1));
    let always = if from.is_some() { &[] } else { ALWAYS };
    let seeds: Vec<u64> = always.iter().copied().chain(first..first + fresh).collect();
    let (tally, failed) = whole_of(&seeds, false);
    say(format_args!("{} seeds: {}", seeds.len(), counts(&tally)));
    let failed: Vec<u64> = failed.iter().map(|found| found.seed).collect();
    assert!(failed.is_empty(), "{} of {} seeds fail: {failed:?}", failed.len(), seeds.len());
    // A simulator in which nothing goes wrong proves nothing.
    for what in Fault::ALL.iter().map(|(_, name)| *name).chain(OTHERS.iter().copied()) {
        assert!(tally.contains_key(what), "no {what} in {} seeds", seeds.len());
    }
}

/// Where the fresh seeds of a version of the code begin: others for each commit, the same for one whoever runs it.
fn of_this_version() -> u64 {
    let told = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output();
    let told = told.ok().and_then(|told| String::from_utf8(told.stdout).ok()).unwrap_or_default();
    let commit = told.get(..10).and_then(|hex| u64::from_str_radix(hex, 16).ok());
    // Outside a checkout, by the clock.
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    commit.unwrap_or_else(now) * 1_000
}

/// The fewest steps that still fail so: chunks are left out, smaller ones each time, as long as what is left fails.
fn fewest(found: &Failed, mut steps: Vec<Step>) -> Vec<Step> {
    let kind = |failed: &Failed| failed.why.split(' ').next().map(str::to_owned);
    let mut chunk = steps.len() / 2;
    let mut tries = 60;
    while chunk > 0 && tries > 0 {
        let mut at = 0;
        while at < steps.len() && tries > 0 {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            tries -= 1;
            let again = tell(found.seed, &fewer, false);
            if again.is_err_and(|failed| kind(&failed) == kind(found)) { steps = fewer } else { at += chunk }
        }
        chunk /= 2;
    }
    steps
}

/// What must have come about besides faults: what was done, and how it ended.
const OTHERS: &[&str] = &[
    "backup",
    "case gone",
    "case gone but for a plan",
    "change without a grant",
    "clock skew",
    "clone",
    "command",
    "commit lost",
    "compact",
    "confirm",
    "crash",
    "crash as it opens",
    "crash in a command",
    "end in a session",
    "end of device",
    "file cut",
    "file expired",
    "file taken",
    "file written",
    "forged change",
    "grant",
    "grant of visits",
    "let in",
    "plan of a visitor",
    "refused command",
    "refused grant",
    "refused taking back",
    "restart",
    "restore",
    "restore with vault",
    "session altered",
    "session broken off",
    "session in good order",
    "session no_common_version",
    "session stalled",
    "session stranger",
    "take back",
    "take back of one grant",
    "torn log",
    "version skew",
];
