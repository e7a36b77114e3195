//! Canaries in files: no word is on a device that was never granted it, nor on one from which its case has gone.
//!
//! What is searched is the database and all that lies beside it, as it lies while the store is in use: the log of writes too.
//! And once more when the store has let go of it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::oracles::cases;
use crate::rows::Rows;
use crate::support::Device;
use crate::words;
use crate::world::World;

/// The words that may be on a device.
pub fn may_hold(world: &World, at: usize) -> BTreeSet<String> {
    let worker = &world.devices[at].worker;
    let may = |had: Option<&BTreeSet<String>>| had.is_some_and(|had| had.contains(worker));
    let mut words = BTreeSet::new();
    for case in cases(world) {
        let all = may(world.granted.get(&case));
        words.extend(all.then(|| words::of_case(case)));
        words.extend((all || may(world.visiting.get(&case))).then(|| words::of_plan(case)));
    }
    let late = world.after_end.iter().enumerate().filter(|(_, ended)| **ended != at);
    words.extend(late.map(|(number, _)| words::after_end(number)));
    words
}

/// A word is found where its case is held, and in no file of a device that may not have it: whose worker was never
/// granted it, or from which the case went after it was taken back.
pub fn nothing_leaks(world: &World) {
    for (at, device) in world.devices.iter().enumerate() {
        let removed = empties_its_log(device);
        assert!(removed, "the log of writes on {at} is never emptied after a removal");
        let in_use = found_on(device);
        device.store.suspend();
        let at_rest = found_on(device);
        device.store.resume().unwrap();
        holds_what_it_may(world, at, &in_use, "while it is in use");
        holds_what_it_may(world, at, &at_rest, "when it is at rest");
    }
}

/// From how many devices a case has gone, and from how many all of it but a plan.
pub fn gone(world: &World) -> [usize; 2] {
    let mut gone = [0, 0];
    for (case, had) in &world.granted {
        let devices = world.living().map(|at| &world.devices[at]).filter(|it| had.contains(&it.worker));
        for rows in devices.map(Rows::of).filter(|rows| rows.levels(*case) == 0 && rows.was_here(*case)) {
            gone[usize::from(rows.plans(*case) > 0)] += 1;
        }
    }
    gone
}

/// Every word in the database and in what lies beside it; backups are the story's own.
fn found_on(device: &Device) -> BTreeSet<String> {
    let files = std::fs::read_dir(device.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let own = files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("caseplan")));
    own.flat_map(|path| words::found_in(&std::fs::read(path).unwrap_or_default())).collect()
}

/// A log that was in use when something was removed is emptied the next time that the store settles; false if it is not.
fn empties_its_log(device: &Device) -> bool {
    for _ in 0..100 {
        if !Rows::of(device).has_to_empty() {
            return true;
        }
        device.store.grants().settle().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Nothing that was never granted is among these bytes of a device's, at any time.
pub fn was_granted(world: &World, at: usize, bytes: &[u8], when: &str) {
    let may = may_hold(world, at);
    let leaked: Vec<_> = words::found_in(bytes).into_iter().filter(|word| !may.contains(word)).collect();
    assert!(leaked.is_empty(), "{leaked:?} on {at}, a device of {}, {when}", world.devices[at].worker);
}

fn holds_what_it_may(world: &World, at: usize, found: &BTreeSet<String>, when: &str) {
    let device = &world.devices[at];
    let may = may_hold(world, at);
    let leaked: Vec<_> = found.iter().filter(|word| !may.contains(*word)).collect();
    assert!(leaked.is_empty(), "{leaked:?} on {at}, a device of {}, {when}", device.worker);
    let (rows, here) = (Rows::of(device), device.cases());
    for case in cases(world) {
        let word = words::of_case(case);
        let shown = here.contains(&case);
        assert!(!shown || found.contains(&word), "the search misses {word} on {at} {when}");
        let scopes = rows.scopes(case);
        for (word, held) in [(&word, rows.levels(case)), (&words::of_plan(case), rows.plans(case))] {
            assert!(
                held > 0 || !found.contains(word),
                "{word} is left on {at} {when}, which holds nothing that it is in"
            );
        }
        let may = may.contains(&word) || may.contains(&words::of_plan(case));
        assert!(scopes == 0 || may, "{at} holds {scopes} scopes of {case}, and was never granted one");
    }
}
