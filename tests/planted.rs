//! The simulator can fail: eight defects are planted in the core, one after another, and each is found.
//!
//! The search for each begins near a seed that finds it; `CASEPLAN_PLANTED_FIRST=1` begins there, and shows how many
//! seeds each takes.
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

use caseplan_core::planted::{Defect, plant};
use support::say::say;

/// A defect is found within so many seeds.
const MOST_SEEDS: u64 = 500;

/// Where the search for each defect begins: not far before a seed that finds it.
const FIRST: [(Defect, u64); 8] = [
    (Defect::AckBeforeCommit, 1),
    (Defect::ReceiptsSkipped, 1),
    (Defect::ActorPrefixUnchecked, 1),
    (Defect::DigestOverAcceptedOnly, 1),
    (Defect::ExpiredFileTaken, 1),
    (Defect::EndIgnoredInOpenSession, 21),
    (Defect::RotationSkipped, 1),
    (Defect::BatchDropped, 1),
];

#[test]
fn each_defect_that_is_planted_is_found_and_nothing_is_where_none_is() {
    let elsewhere = stories::number("CASEPLAN_PLANTED_FIRST");
    assert_eq!(FIRST.map(|(defect, _)| defect), Defect::ALL);
    for (defect, near) in FIRST {
        let first = elsewhere.unwrap_or(near);
        let seeds: Vec<u64> = (first..first + MOST_SEEDS).collect();
        plant(Some(defect));
        let (_, failed) = stories::whole_of(&seeds, true);
        plant(None);
        let found = failed.first().unwrap_or_else(|| panic!("{defect:?} is not found in {MOST_SEEDS} seeds"));
        let told = found.seed - first + 1;
        let seed = found.seed;
        say(format_args!("{defect:?}: found by seed {seed}, {told} from the first on: {:.200}", found.why));
        // It is the defect that was found, and nothing else.
        if let Err(failed) = stories::whole(found.seed) {
            panic!("seed {} fails without {defect:?}: {}", failed.seed, failed.why);
        }
    }
}
