//! Every change whose command returned: on which device, and that it is part of its document wherever it is owed.

use std::collections::{BTreeMap, BTreeSet};

use caseplan_core::access::WaitingWork;
use caseplan_core::exchange::Refusal;
use caseplan_core::ids::{CaseId, VisitationPlanId};

use crate::oracles::entitled;
use crate::person::{listed, waiting};
use crate::rows::{ACCEPTED, Hash, Held, NOT_GRANTED, Rows, WAITS};
use crate::support::Device;
use crate::visits::entitled_to_plan;
use crate::world::World;

/// A change whose command returned.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    pub hash: Hash,
    pub case: CaseId,
    /// The plan in whose scope it stands; nothing in a level of the case.
    pub plan: Option<VisitationPlanId>,
    pub document: Vec<u8>,
    /// The writer's clock, and the code of the operation: a change that is made again keeps both.
    pub saying: (i64, String),
    /// On which device it returned.
    pub by: usize,
}

/// Where a device's rows ended before something was done.
pub struct Before {
    rows: Rows,
    had: Held,
}

impl Before {
    pub fn of(device: &Device) -> Self {
        let rows = Rows::of(device);
        Self { had: rows.hashes(), rows }
    }

    /// What the device has written since then. By hash: a case that went meanwhile leaves its rows' numbers to others.
    pub fn written(&self, device: &Device, by: usize) -> Vec<Acknowledged> {
        let mut own = self.rows.own(device, by);
        own.retain(|change| !self.had.contains_key(&change.hash));
        own
    }
}

impl World {
    /// As for contacts: what an older copy has lost, or a device that the case was taken back from, is owed as long as
    /// somebody has it who may hand it on, and what it follows on.
    pub fn owe_changes_that_are_left(&mut self) {
        let (restored, taken_back) = (&self.restored, &self.taken_back);
        let doubtful =
            |change: &Acknowledged| restored.contains(&change.by) || taken_back.contains(&change.case);
        if !self.changes.iter().any(doubtful) {
            return;
        }
        let rows = self.living().map(|at| Rows::of(&self.devices[at]));
        let held: Vec<_> = rows.map(|rows| (rows.hashes(), rows)).collect();
        self.changes.retain(|change| !doubtful(change) || is_left(&held, change.hash));
    }
}

/// Whether a change is on some of these devices, and all that it follows on.
fn is_left(on: &[(Held, Rows)], change: Hash) -> bool {
    is_left_but(on, change, |_| false)
}

/// Whether it is, with all that it follows on but what may be missing.
fn is_left_but(on: &[(Held, Rows)], change: Hash, may_be_missing: impl Fn(&Hash) -> bool) -> bool {
    let (mut next, mut seen) = (vec![change], BTreeSet::new());
    while let Some(hash) = next.pop() {
        // What is part of a document follows on nothing that is not there.
        if !seen.insert(hash) || on.iter().any(|(held, _)| held.get(&hash) == Some(&ACCEPTED)) {
            continue;
        }
        match on.iter().find(|(held, _)| held.contains_key(&hash)) {
            Some((_, rows)) => next.extend(rows.follows_on(&hash)),
            None if may_be_missing(&hash) => {}
            None => return false,
        }
    }
    true
}

/// Each change whose command returned is part of its document on every device that may read it.
pub fn no_change_is_lost(world: &World) {
    // What an ended device wrote waits until a person admits it.
    each_is_in(world, |change, readers| !world.ended.contains(&change.by) && readers.contains(&change.by));
}

/// So is what somebody wrote who is shut out of the case by now, once a person has looked.
pub fn work_of_the_shut_out_is_in(world: &World) {
    each_is_in(world, |change, readers| {
        !world.ended.contains(&change.by)
            && !readers.contains(&change.by)
            && world.taken_back.contains(&change.case)
    });
}

/// So is what an ended device handed over and a person let in.
pub fn late_changes_are_in(world: &World) {
    let has: BTreeMap<usize, Held> = world.ended.iter().map(|at| (*at, held_on(world, *at))).collect();
    each_is_in(world, |change, _| {
        let handed_over = has.get(&change.by).is_some_and(|held| held.get(&change.hash) == Some(&ACCEPTED));
        handed_over && world.decided.contains_key(&change.case)
    });
}

fn each_is_in(world: &World, is_owed: impl Fn(&Acknowledged, &BTreeSet<usize>) -> bool) {
    let held: BTreeMap<usize, Held> = world.living().map(|at| (at, held_on(world, at))).collect();
    let mut known: BTreeMap<(CaseId, bool), BTreeSet<usize>> = BTreeMap::new();
    for change in &world.changes {
        let case = change.case;
        let of_plan = change.plan.is_some() && change.plan == world.plans.get(&case).copied();
        let readers = known.entry((case, of_plan)).or_insert_with(|| {
            let devices = if of_plan { entitled_to_plan(world, case) } else { entitled(world, case) };
            devices.into_iter().collect()
        });
        if !is_owed(change, readers) {
            continue;
        }
        for at in readers.iter() {
            let state = held[at].get(&change.hash);
            // Written when the case had been taken back from somebody who may still read the plan: it waits.
            if of_plan && world.taken_back.contains(&case) && state.is_some() {
                continue;
            }
            let holders =
                || held.iter().filter(|(_, held)| held.contains_key(&change.hash)).map(|(at, _)| at);
            assert!(
                state == Some(&ACCEPTED) || is_excused(world, *at, change),
                "a change of {case} is not on {at}, but {state:?}, and held on {:?}: {change:02X?}",
                holders().collect::<Vec<_>>()
            );
        }
    }
}

/// Of a branch that was not kept a change is made again by its author, or waits for a person where it is: an author that
/// was set back once more may have made it again in vain. What a restored device had lost of its own, and only an ended
/// one has, is not its to hand over.
fn is_excused(world: &World, at: usize, change: &Acknowledged) -> bool {
    let rows = Rows::of(&world.devices[at]);
    if world.may_fork && rows.says(&change.document, &change.saying) {
        return true;
    }
    let by = world.devices[change.by].store.identity().device();
    if world.ended.contains(&change.by) && rows.waits(change.case, by) {
        return true;
    }
    let held = rows.hashes();
    let state = held.get(&change.hash).copied();
    let here = [(held, rows)];
    if world.may_fork {
        let waiting = world.living().flat_map(|at| waiting(&world.devices[at], change.case));
        let lost: Vec<WaitingWork> = waiting.filter(|work| work.reason == Refusal::Forked).collect();
        let is_it = |work: &WaitingWork| {
            let times = work.from.timestamp()..=work.to.timestamp();
            work.device == by && times.contains(&change.saying.0)
        };
        // Or its author wrote it upon such a branch of somebody else's, which waits for a person wherever that lost.
        let is_upon_it = || {
            let rows = world.living().map(|at| Rows::of(&world.devices[at]));
            let lost: BTreeSet<Hash> = rows.flat_map(|rows| rows.lost_branches()).collect();
            is_left_but(&here, change.hash, |hash| lost.contains(hash))
        };
        if lost.iter().any(is_it) || !lost.is_empty() && state == Some(WAITS) && is_upon_it() {
            return true;
        }
    }
    // It follows on late work of somebody who is shut out, which waits for a person: all of it is here.
    let undecided = world.taken_back.contains(&change.case) && !world.decided.contains_key(&change.case);
    match state {
        Some(WAITS) => undecided && is_left(&here, change.hash),
        // Its author's grant was by a device that was ended before it: no person can let that in, but give another grant.
        Some(NOT_GRANTED) => listed(&world.devices[at], change.case)
            .iter()
            .any(|work| (work.device, &work.reason) == (by, &Refusal::NotGranted) && !work.can_be_admitted),
        _ => false,
    }
}

fn held_on(world: &World, at: usize) -> Held {
    Rows::of(&world.devices[at]).hashes()
}
