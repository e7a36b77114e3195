//! Simulation: real stores and real sessions over connections that fail in every way, from a seed.
//!
//! `CASEPLAN_SIM_SEEDS=10000` runs so many seeds instead of a few, `CASEPLAN_SEED=17` runs one and tells what was done.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "convergence/contacts.rs"]
mod contacts;
#[path = "convergence/deeds.rs"]
mod deeds;
#[path = "convergence/dice.rs"]
mod dice;
#[path = "simulation/oracles.rs"]
mod oracles;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use wire::Fault;
use world::{Step, Tally, World, steps};

/// How much happens in one story.
const STEPS: usize = 300;
/// How many stories a normal run tells.
const SEEDS: u64 = 8;
/// Seeds that failed once: told again each time.
const FAILED_ONCE: &[u64] = &[10, 20, 33, 65];

/// Tells a story; what went wrong, if anything did.
fn tell(seed: u64, steps: &[Step], trace: bool) -> Result<Tally, String> {
    let world = Mutex::new(None);
    let told = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = world.lock().unwrap();
        let world = guard.insert(World::new(seed));
        steps.iter().for_each(|step| world.step(*step));
        world.come_to_rest();
        oracles::hold(world);
        world.tally.clone()
    }));
    if trace {
        let world = world.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        println!("{}", world.as_ref().map_or(String::new(), |world| world.trace.join("\n")));
    }
    told.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// The fewest steps that still fail: chunks are left out, smaller ones each time, as long as what is left fails.
fn fewest(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let mut chunk = steps.len() / 2;
    let mut tries = 60;
    while chunk > 0 && tries > 0 {
        let mut at = 0;
        while at < steps.len() && tries > 0 {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            tries -= 1;
            if tell(seed, &fewer, false).is_err() { steps = fewer } else { at += chunk }
        }
        chunk /= 2;
    }
    steps
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn devices_that_sync_over_bad_connections_lose_nothing_and_tell_nobody_what_is_not_theirs() {
    if let Some(seed) = number("CASEPLAN_SEED") {
        if let Err(why) = tell(seed, &steps(seed, STEPS), true) {
            let fewest = fewest(seed, steps(seed, STEPS));
            println!("\nthe fewest steps that fail, {} of {STEPS}:", fewest.len());
            let _ = tell(seed, &fewest, true);
            panic!("{why}");
        }
        return;
    }
    let fresh = number("CASEPLAN_SIM_SEEDS").unwrap_or(SEEDS);
    let first = number("CASEPLAN_SIM_FIRST").unwrap_or(1);
    let seeds: Vec<u64> = FAILED_ONCE.iter().copied().chain(first..first + fresh).collect();
    let (next, tally, failed) = (AtomicU64::new(0), Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    match tell(*seed, &steps(*seed, STEPS), false) {
                        Ok(more) => {
                            let mut tally = tally.lock().unwrap();
                            more.into_iter()
                                .for_each(|(what, count)| *tally.entry(what).or_default() += count);
                        }
                        Err(why) => {
                            println!("CASEPLAN_SEED={seed}: {why}");
                            failed.lock().unwrap().push(*seed);
                        }
                    }
                }
            });
        }
    });
    let (tally, failed) = (tally.into_inner().unwrap(), failed.into_inner().unwrap());
    println!("seeds {first} to {}: {tally:#?}", first + fresh);
    assert!(failed.is_empty(), "{} of {} seeds fail: {failed:?}", failed.len(), seeds.len());
    // A simulator in which nothing goes wrong proves nothing.
    let others = ["command", "grant", "restart", "compact", "backup", "clock skew", "session in good order"];
    for what in Fault::ALL.iter().map(|(_, name)| *name).chain(others) {
        assert!(tally.contains_key(what), "no {what} in {fresh} seeds");
    }
}
