//! What must be true after a session, and after all have synced to the end: equal among those entitled, nothing lost,
//! nothing leaked, nothing forged.

use std::collections::BTreeSet;

use caseplan_core::access::WorkToReview;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::{CancelToken, Refusal};
use caseplan_core::ids::CaseId;

use crate::acknowledged;
use crate::leaks;
use crate::person::waiting;
use crate::rows::{FORKED, Rows, WAITS};
use crate::support::Device;
use crate::visits;
use crate::words;
use crate::world::World;

/// Looks at everything, when all have come to rest.
pub fn hold(world: &mut World) {
    sound(world);
    equal_among_the_entitled(world);
    let visitors = visits::equal_among_visitors(world);
    (0..visitors).for_each(|_| world.count("plan of a visitor"));
    nothing_is_lost(world);
    acknowledged::no_change_is_lost(world);
    nothing_is_forged(world);
    leaks::nothing_leaks(world);
    for (count, what) in leaks::gone(world).into_iter().zip(["case gone", "case gone but for a plan"]) {
        (0..count).for_each(|_| world.count(what));
    }
}

/// What a person let in is in wherever the case is read, but for branches of which something has come since.
pub fn nothing_waits_but_forks(world: &World) {
    nothing_waits_but(world, |_| true);
}

/// What a person let in is in wherever the case is read, and nothing asks for a decision any more.
pub fn nothing_waits(world: &World) {
    // A branch that lost its fork where it was is listed there, and goes no further.
    nothing_waits_but(world, |is_by| !is_by);
}

fn nothing_waits_but(world: &World, forks_may: impl Fn(bool) -> bool) {
    for (case, by) in &world.decided {
        for at in entitled(world, *case) {
            let device = &world.devices[at];
            let (mut waits, asks) = (waiting(device, *case), asked(device, *case));
            waits.retain(|work| work.reason != Refusal::Forked || !forks_may(at == *by));
            let held = || Rows::of(device).changes();
            assert!(waits.is_empty(), "{waits:?} waits on {at} although it was let in: {:#?}", held());
            let left = Rows::of(device).refused_without_a_gap(*case);
            assert!(
                left == 0 || at != *by,
                "{left} changes of {case} cannot be let in on {at}: {:#?}",
                held()
            );
            assert!(asks.is_empty(), "{asks:?} asks for a look on {at} although it was confirmed");
        }
    }
}

/// What an ended device handed over, and a person let in, is wherever the case is read.
pub fn late_work_is_in(world: &World) {
    if !world.ended_come_back || world.may_fork {
        return;
    }
    for (contact, (case, by)) in &world.acknowledged {
        let has = |at: usize| world.devices[at].store.contacts().get(*contact).unwrap().is_some();
        if !world.ended.contains(by) || !world.decided.contains_key(case) || !has(*by) {
            continue;
        }
        for at in entitled(world, *case) {
            // What a restored device had lost of its own, and only the ended one has, is not its to hand over.
            if Rows::of(&world.devices[at]).waits(*case, world.devices[*by].store.identity().device()) {
                continue;
            }
            assert!(has(at), "contact {contact} of {case}, which the ended {by} handed over, is not on {at}");
        }
    }
    acknowledged::late_changes_are_in(world);
}

/// Looks at what a session between two devices has left.
pub fn after_a_session(world: &World, sides: [usize; 2], said: [Vec<u8>; 2]) {
    says_only_what_is_granted(world, sides, said);
    for (at, peer) in [(sides[0], sides[1]), (sides[1], sides[0])] {
        believes_only_what_is_true(world, at, peer);
    }
}

/// Nobody says a word to a device whose worker was never granted it, or that had ended before it was written.
pub fn says_only_what_is_granted(world: &World, sides: [usize; 2], said: [Vec<u8>; 2]) {
    for (side, said) in said.iter().enumerate() {
        let (from, to) = (sides[side], sides[1 - side]);
        let may = leaks::may_hold(world, to);
        let leaked: Vec<_> = words::found_in(said).into_iter().filter(|word| !may.contains(word)).collect();
        assert!(leaked.is_empty(), "{from} says {leaked:?} to {to}");
    }
}

/// What a device takes to be held by a peer, the peer holds: it was acknowledged after it was committed.
fn believes_only_what_is_true(world: &World, at: usize, peer: usize) {
    // What an older copy has taken the place of was held; what was taken back, or lost a fork, may be gone.
    if world.restored.contains(&peer) || world.may_fork {
        return;
    }
    let device = world.devices[peer].store.identity().device();
    let believed = Rows::of(&world.devices[at]).held_by(device);
    let held = Rows::of(&world.devices[peer]);
    for (case, document, actor, seq) in believed {
        let true_of_it = held.holds(&document, &actor, seq) || world.taken_back.contains(&case);
        let differ = || Rows::differing(&world.devices, at, peer);
        assert!(
            true_of_it,
            "{at} takes {seq} of {actor:02X?} in a document {document:02X?} of case {case} to be on {peer}: {:#?}",
            differ()
        );
    }
}

fn sound(world: &World) {
    for (at, device) in world.devices.iter().enumerate() {
        let report = device.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "device {at}: {report:?}");
    }
}

pub fn cases(world: &World) -> impl Iterator<Item = CaseId> + '_ {
    world.founders.keys().copied()
}

/// The devices that may read a case, and are still somebody's.
pub fn entitled(world: &World, case: CaseId) -> Vec<usize> {
    let Some(readers) = world.readers(case) else { return Vec::new() };
    world.living().filter(|at| readers.contains(&world.devices[*at].worker)).collect()
}

/// What of a case a person is asked to look over.
fn asked(device: &Device, case: CaseId) -> Vec<WorkToReview> {
    let list = device.store.grants().to_review().unwrap();
    list.into_iter().filter(|work| work.case == case).collect()
}

/// Everything that a screen shows of a case.
fn shown(device: &Device, case: CaseId) -> String {
    let store = &device.store;
    let page = store.contacts().page(&ContactQuery::of_case(case, 500)).unwrap();
    let contacts: Vec<_> = page.contacts.iter().map(|it| store.contacts().get(it.id).unwrap()).collect();
    let mut conflicts = store.conflicts().list(Some(case)).unwrap();
    conflicts.sort_by(|one, other| one.id.cmp(&other.id));
    // A case of the same reference that another may not read is no issue to him.
    format!(
        "{:#?}\n{:#?}\n{contacts:#?}\n{conflicts:#?}",
        store.cases().get(case).unwrap(),
        store.visitation_plans().list(Some(case)).unwrap(),
    )
}

fn equal_among_the_entitled(world: &World) {
    for case in cases(world) {
        let devices = entitled(world, case);
        let Some((first, others)) = devices.split_first() else { continue };
        let one = shown(&world.devices[*first], case);
        // Whether it is of a branch that has lost, or of one of which something is missing, they tell by what of that is left.
        let waits_on = |at: usize| {
            let waits = Rows::of(&world.devices[at]).waiting(case).into_iter();
            let reason = |reason| if world.may_fork && reason == FORKED { WAITS } else { reason };
            waits.map(|(hash, state)| (hash, reason(state))).collect::<Vec<_>>()
        };
        let waiting = waits_on(*first);
        for other in others {
            let two = shown(&world.devices[*other], case);
            let differ = || one.lines().zip(two.lines()).find(|(one, two)| one != two);
            let held = || Rows::differing(&world.devices, *first, *other);
            assert!(one == two, "case {case} on {first} and {other}: {:?} {:#?}", differ(), held());
            let there = waits_on(*other);
            let differ = || Rows::differing(&world.devices, *first, *other);
            assert!(waiting == there, "what waits of {case} on {first} and {other}: {:#?}", differ());
            let (one, two) = (asked(&world.devices[*first], case), asked(&world.devices[*other], case));
            assert!(one == two, "what of {case} asks for a look on {first} and {other}: {one:?}, {two:?}");
        }
    }
    // Two devices of one worker hold the same altogether.
    let living: Vec<usize> = world.living().collect();
    for (at, one) in living.iter().enumerate() {
        for other in &living[at + 1..] {
            let (one, two) = (&world.devices[*one], &world.devices[*other]);
            // What was taken back goes from each when it is known elsewhere: not from all at once.
            let taken_back = world.taken_back.iter().any(|case| {
                let may = |had: Option<&BTreeSet<String>>| had.is_some_and(|had| had.contains(&one.worker));
                (may(world.granted.get(case)) || may(world.visiting.get(case)))
                    && world.readers(*case).is_none_or(|readers| !readers.contains(&one.worker))
            });
            if one.worker == two.worker && !taken_back {
                let digest = |device: &Device| device.store.exchange().digest().unwrap();
                assert_eq!(digest(one), digest(two), "two devices of {}", one.worker);
            }
        }
    }
}

fn nothing_is_lost(world: &World) {
    for (contact, (case, by)) in &world.acknowledged {
        // What an ended device recorded waits until a person admits it.
        if world.ended.contains(by) || !entitled(world, *case).contains(by) {
            continue;
        }
        for at in entitled(world, *case) {
            let has = |at: &usize| world.devices[*at].store.contacts().get(*contact).unwrap().is_some();
            let holders = || world.living().filter(has).collect::<Vec<_>>();
            assert!(
                has(&at),
                "contact {contact} of {case}, acknowledged on {by}, is not on {at}, but on {:?}",
                holders()
            );
        }
    }
}

/// Nothing that was signed for another's actor is held anywhere, and no actor has two changes of one number: no device
/// wrote again what it had given out before.
fn nothing_is_forged(world: &World) {
    for (at, device) in world.devices.iter().enumerate() {
        let rows = Rows::of(device);
        for hash in &world.forged {
            assert!(!rows.holds_change(hash), "a forged change is part of something on {at}");
        }
        assert!(world.may_fork || rows.forks() == 0, "an actor forked, as {at} sees it");
    }
}
