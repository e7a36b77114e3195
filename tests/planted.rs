//! The simulator can fail: eight defects are planted in the core, one after another, and each is found.
//!
//! The first seeds that are told are those that found each defect once; `CASEPLAN_PLANTED_FIRST=1` begins elsewhere and
//! shows how many seeds each takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

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
#[path = "simulation/meeting.rs"]
mod meeting;
#[path = "simulation/mishaps.rs"]
mod mishaps;
#[path = "simulation/oracles.rs"]
mod oracles;
#[path = "simulation/rows.rs"]
mod rows;
#[path = "simulation/stories.rs"]
mod stories;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/words.rs"]
mod words;
#[path = "simulation/world.rs"]
mod world;

use caseplan_core::planted::{Defect, plant};

/// A defect is found within so many seeds.
const MOST_SEEDS: u64 = 500;

#[test]
fn each_defect_that_is_planted_is_found() {
    let first = stories::number("CASEPLAN_PLANTED_FIRST").unwrap_or(1);
    let seeds: Vec<u64> = (first..first + MOST_SEEDS).collect();
    for defect in Defect::ALL {
        plant(Some(defect));
        let (_, failed) = stories::whole_of(&seeds, true);
        let found = failed.first().unwrap_or_else(|| panic!("{defect:?} is not found in {MOST_SEEDS} seeds"));
        println!("{defect:?} is found by seed {} of {first} and on: {}", found.seed, found.why);
    }
}
