//! What it means that stores are equal: digests, every projection row, conflicts, issues, reads, and the past.

use std::collections::BTreeSet;
use std::fmt::Debug;

use caseplan_core::case::reads::CaseFilter;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::history::AsOf;
use caseplan_core::time::Instant;

use super::deeds::WORDS;
use super::world::{Tally, World};
use crate::support::{Device, at, day};

/// What every device says, the same on all.
fn same<T: PartialEq + Debug>(world: &World, what: &str, ask: impl Fn(&Device) -> T) -> T {
    let mut answers = world.devices.iter().map(ask);
    let first = answers.next().unwrap();
    for (other, answer) in answers.enumerate() {
        assert!(answer == first, "{what} of device 0 and {}:\n{first:?}\n{answer:?}", other + 1);
    }
    first
}

/// Rows that differ, for a message that a person can read.
fn same_rows(world: &World, what: &str, ask: impl Fn(&Device) -> Vec<String>) {
    let first: BTreeSet<String> = ask(&world.devices[0]).into_iter().collect();
    for (at, device) in world.devices.iter().enumerate().skip(1) {
        let other: BTreeSet<String> = ask(device).into_iter().collect();
        let differ: Vec<&String> = first.symmetric_difference(&other).take(6).collect();
        assert!(differ.is_empty(), "{what} of device 0 and {at} differ:\n{differ:#?}");
    }
}

/// Compares everything, after all have handed each other everything.
pub fn compare(world: &mut World) {
    same(world, "digest", |device| device.store.exchange().digest().unwrap());
    for (at, device) in world.devices.iter().enumerate() {
        world.verify(at);
        assert_eq!(device.store.exchange().quarantine().unwrap(), [], "honest work in quarantine");
    }
    // How far ahead planned visits are projected is a matter of when a store was opened; verify has compared them.
    same_rows(world, "rows", |device| {
        device.rows().into_iter().filter(|row| !row.starts_with("occurrence|")).collect()
    });
    world.agree_on_the_time();
    for device in &world.devices {
        device.store.rebuild(|_| {}, &Default::default()).unwrap();
    }
    same_rows(world, "rebuilt rows", Device::rows);
    conflicts_and_issues(world);
    reads(world);
    past(world);
}

fn conflicts_and_issues(world: &mut World) {
    let conflicts = same(world, "conflicts", |device| {
        let mut all = device.store.conflicts().list(None).unwrap();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all
    });
    let issues = same(world, "issues", |device| device.store.issues().list(None, true).unwrap());
    let count = |tally: &mut Tally, what, more: usize| *tally.entry(what).or_default() += more as u64;
    count(&mut world.tally, "conflicts left", conflicts.len());
    for code in ["I-10", "I-21"] {
        count(&mut world.tally, code, issues.iter().filter(|issue| issue.code == code).count());
    }
}

/// What screens show. Drafts are a device's own: they go first.
fn reads(world: &World) {
    for device in &world.devices {
        for draft in device.store.contacts().drafts(None).unwrap() {
            device.store.contacts().discard_draft(draft.id).unwrap();
        }
    }
    let filter = CaseFilter { closed_too: true, worker: None };
    let cases = same(world, "caseload", |device| device.store.cases().list(&filter).unwrap());
    same(world, "due visits", |device| {
        device.store.visitation_plans().due(day("2026-02-01"), day("2027-12-31"), None).unwrap()
    });
    for case in &cases {
        same(world, "contacts", |device| {
            let page = device.store.contacts().page(&ContactQuery::of_case(case.id, 500)).unwrap();
            let ids = page.contacts.iter().map(|contact| contact.id);
            ids.map(|id| device.store.contacts().get(id).unwrap()).collect::<Vec<_>>()
        });
    }
    for word in WORDS {
        same(world, "search", |device| {
            let found = device.store.contacts().search(word, None, 500).unwrap();
            found.iter().map(|contact| contact.id).collect::<BTreeSet<_>>()
        });
    }
}

/// Everything as it stood at some moments.
fn past(world: &World) {
    let moments: Vec<AsOf> = ["2026-03-02T12:00:00Z", "2026-03-05T00:00:00Z", "2026-03-21T00:00:00Z"]
        .map(|moment| AsOf::Instant { at: at(moment) })
        .into_iter()
        .chain([AsOf::Instant { at: Instant::MAX_UTC }])
        .collect();
    let filter = CaseFilter { closed_too: true, worker: None };
    let cases = world.devices[0].store.cases().list(&filter).unwrap();
    let plans = world.devices[0].store.visitation_plans().list(None).unwrap();
    for moment in &moments {
        for case in &cases {
            same(world, "case as of", |device| device.store.history().case_as_of(case.id, moment).unwrap());
        }
        for view in &plans {
            same(world, "plan as of", |device| {
                device.store.history().plan_as_of(view.plan.id, moment).unwrap()
            });
        }
    }
    for view in &plans {
        let heads =
            same(world, "version", |device| device.store.history().plan_version(view.plan.id).unwrap());
        let version = AsOf::Version { heads: heads[..1].to_vec() };
        same(world, "plan in a version", |device| {
            device.store.history().plan_as_of(view.plan.id, &version).unwrap()
        });
    }
    for case in &cases {
        let page = world.devices[0].store.contacts().page(&ContactQuery::of_case(case.id, 5)).unwrap();
        for contact in page.contacts {
            same(world, "contact as of", |device| {
                device.store.history().contact_as_of(contact.id, &moments[1]).unwrap()
            });
        }
    }
}
