//! Stories from seeds, told on all cores and counted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::acknowledged;
use crate::oracles;
use crate::support::say::say;
use crate::wire::Fault;
use crate::world::{Step, Tally, World, steps};

/// How much happens in one story.
pub const STEPS: usize = 400;
/// After how many stories a long run tells how far it is.
const A_WHILE: u64 = 250;
/// The fewest commands and faults of a whole story.
const COMMANDS: u64 = 200;
const FAULTS: u64 = 10;
/// How often a person looks at what waits, at the most, and lets it in.
const MOST_LOOKS: usize = 6;

/// A story that did not end as it should.
#[derive(Debug)]
pub struct Failed {
    pub seed: u64,
    pub why: String,
}

/// Tells a story; what went wrong, if anything did.
pub fn tell(seed: u64, steps: &[Step], trace: bool) -> Result<Tally, Failed> {
    let world = Mutex::new(None);
    let told = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = world.lock().unwrap();
        let world = guard.insert(World::new(seed));
        steps.iter().for_each(|step| world.step(*step));
        world.come_to_rest();
        oracles::hold(world);
        // What was written upon a branch may be there to let in only once that was, and so on: somebody looks again.
        let mut decided = false;
        for _ in 0..MOST_LOOKS {
            if !world.decide() {
                break;
            }
            decided = true;
            world.come_to_rest();
            oracles::hold(world);
            oracles::nothing_waits_but_forks(world);
        }
        if decided {
            oracles::nothing_waits(world);
            oracles::late_work_is_in(world);
        }
        acknowledged::work_of_the_shut_out_is_in(world);
        world.tally.clone()
    }));
    if trace {
        let world = world.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        println!("{}", world.as_ref().map_or(String::new(), |world| world.trace.join("\n")));
    }
    told.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let why = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Failed { seed, why: why.unwrap_or_default() }
    })
}

/// A whole story, which is long enough to prove something.
pub fn whole(seed: u64) -> Result<Tally, Failed> {
    let tally = tell(seed, &steps(seed, STEPS), false)?;
    let count = |what: &str| tally.get(what).copied().unwrap_or(0);
    let faults: u64 = Fault::ALL.iter().map(|(_, name)| count(name)).sum();
    if count("command") < COMMANDS || faults < FAULTS {
        let why = format!("a short story: {} commands, {faults} faults", count("command"));
        return Err(Failed { seed, why });
    }
    Ok(tally)
}

/// Tells the stories of many seeds on all cores; `until_one_fails` stops at the first that fails.
pub fn whole_of(seeds: &[u64], until_one_fails: bool) -> (Tally, Vec<Failed>) {
    let (next, told, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let (tally, failed) = (Mutex::new(Tally::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    match whole(*seed) {
                        Ok(more) => {
                            let mut tally = tally.lock().unwrap();
                            more.into_iter()
                                .for_each(|(what, count)| *tally.entry(what).or_default() += count);
                        }
                        Err(found) => {
                            stop.store(until_one_fails, Ordering::SeqCst);
                            println!("CASEPLAN_SEED={}: {}", found.seed, found.why);
                            failed.lock().unwrap().push(found);
                        }
                    }
                    let told = told.fetch_add(1, Ordering::SeqCst) + 1;
                    if told.is_multiple_of(A_WHILE) {
                        let failed = failed.lock().unwrap().len();
                        say(format_args!("{told} of {} seeds, {failed} failed", seeds.len()));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by_key(|found| found.seed);
    (tally.into_inner().unwrap(), failed)
}

/// A number from outside.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
