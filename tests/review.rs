//! Stories of work that came from an ended device to somebody who did not know: what a person is asked to look over, who
//! may say that it stands, and for what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

use std::collections::BTreeSet;

use caseplan_core::Error;
use caseplan_core::access::NewGrant;
use caseplan_core::identity::record::EndReason;
use support::{Device, sound, team, team_at};

#[test]
fn what_a_person_let_in_needs_no_second_look_and_nothing_else_of_the_device_is_taken_with_it() {
    let desk = Device::new("desk", "w-117");
    let (case, ana) = desk.lea("2026-0117");
    let (lost, other) = (desk.enrol("lost", "w-204"), desk.enrol("other", "w-3"));
    desk.meet(&lost);
    desk.meet(&other);
    // The other takes a plan of the lost one's; the desk knows of neither that nor of the visit.
    let plan = lost.saturdays(&case, &ana);
    lost.hand_over(&other);
    [&desk, &other, &lost].iter().for_each(|at| at.now("2026-03-07T18:00:00Z"));
    let visit = lost.records(lost.planned("2026-03-07", "2026-03-07").remove(0), "On time.");
    let device = lost.store.identity().device();
    desk.store.identity().end_device(device, EndReason::Lost).unwrap();
    [&desk, &other].iter().for_each(|at| at.now("2026-03-08T18:00:00Z"));
    desk.meet(&other);
    let asked = |at: &Device| {
        let list = at.store.grants().to_review().unwrap();
        list.iter().map(|work| (work.device, work.changes)).collect::<Vec<_>>()
    };
    assert_eq!(asked(&desk), [(device, 1)]);
    assert!(desk.store.visitation_plans().get(plan.id).unwrap().is_some(), "it counts all the same");
    let waits = lost.hand_over(&desk).quarantined;
    assert_eq!(desk.store.grants().admit(case.id, device).unwrap(), waits.len() as u64);
    desk.meet(&other);
    assert!(other.store.contacts().get(visit.id).unwrap().is_some());
    assert_eq!((asked(&desk), asked(&other)), (vec![(device, 1)], vec![(device, 1)]), "of the plan only");
    assert_eq!(other.store.grants().confirm(case.id, device).unwrap(), 1);
    desk.meet(&other);
    assert_eq!((asked(&desk), asked(&other)), (vec![], vec![]));
    sound(&[&desk, &other]);
}

#[test]
fn what_came_before_an_end_is_looked_over_if_whoever_made_it_had_nothing_of_the_device() {
    let desk = Device::new("desk", "w-117");
    let (case, _) = desk.lea("2026-0117");
    let (lost, other, reader) =
        (desk.enrol("lost", "w-204"), desk.enrol("other", "w-3"), desk.enrol("reader", "w-4"));
    desk.hand_to(&lost);
    desk.hand_to(&other);
    let reads = NewGrant { writes: Vec::new(), ..NewGrant::colleague("w-4".parse().unwrap(), 1) };
    desk.store.grants().give(case.id, &reads).unwrap();
    team(&lost, &case, "by a thief").unwrap();
    lost.hand_over(&other);
    // What no receipt covers stays where it was taken, and does not count: there is nothing to look over in it.
    desk.hand_over(&reader);
    team(&lost, &case, "by a thief again").unwrap();
    lost.hand_over(&reader);
    assert_eq!(team_at(&reader, &case).as_deref(), Some("by a thief again"));
    [&desk, &other].iter().for_each(|at| at.now("2026-03-03T08:00:00Z"));
    let device = lost.store.identity().device();
    desk.store.identity().end_device(device, EndReason::Stolen).unwrap();
    desk.hand_over(&other);
    other.hand_over(&desk);
    desk.hand_over(&reader);
    for at in [&desk, &other, &reader] {
        let list = at.store.grants().to_review().unwrap();
        assert_eq!(list.iter().map(|work| work.changes).collect::<Vec<_>>(), [1]);
    }
    // Whoever may only read can see the list, and not say that it stands.
    let refused = reader.store.grants().confirm(case.id, device);
    assert_eq!(refused, Err(Error::NotGranted { case: case.id }));
    assert_eq!(desk.store.grants().confirm(case.id, device).unwrap(), 1);
    desk.hand_over(&reader);
    assert_eq!(reader.store.grants().to_review().unwrap(), []);
}

#[test]
fn a_person_confirms_one_device_in_one_case() {
    let desk = Device::new("desk", "w-117");
    let cases = [desk.lea("2026-0117").0, desk.lea("2026-0118").0];
    let [lost, stolen, other] =
        ["lost", "stolen", "other"].map(|name| desk.enrol(name, &format!("w-{name}")));
    [&lost, &stolen, &other].iter().for_each(|at| drop(desk.hand_to(at)));
    cases.iter().for_each(|case| drop(team(&lost, case, "north").unwrap()));
    team(&stolen, &cases[0], "south").unwrap();
    [&lost, &stolen].iter().for_each(|at| drop(at.hand_over(&other)));
    let ids = [&lost, &stolen].map(|at| at.store.identity().device());
    ids.iter().for_each(|id| desk.store.identity().end_device(*id, EndReason::Stolen).unwrap());
    desk.hand_over(&other);
    other.hand_over(&desk);
    let asked = || {
        let list = desk.store.grants().to_review().unwrap();
        list.iter().map(|work| (work.case, work.device)).collect::<BTreeSet<_>>()
    };
    assert_eq!(asked(), [(cases[0].id, ids[0]), (cases[0].id, ids[1]), (cases[1].id, ids[0])].into());
    assert_eq!(desk.store.grants().confirm(cases[0].id, ids[0]).unwrap(), 1);
    assert_eq!(asked(), [(cases[0].id, ids[1]), (cases[1].id, ids[0])].into());
    // Of a device that never wrote in a case nothing is said in it.
    let stranger = desk.enrol("stranger", "w-9").store.identity().device();
    desk.hand_over(&other);
    desk.store.identity().end_device(stranger, EndReason::Lost).unwrap();
    assert_eq!(desk.hand_over(&other).records, 1, "the end");
}

#[test]
fn late_work_after_a_grant_was_taken_back_asks_for_no_look() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    let tablet = phone.enrol("tablet", "w-204");
    phone.meet(&tablet);
    let grants = phone.store.grants();
    let grant = grants.list(case.id).unwrap().remove(0);
    grants.take_back(case.id, &[grant.id]).unwrap();
    team(&tablet, &case, "north").unwrap();
    assert_eq!(tablet.hand_over(&phone).accepted, 1);
    assert_eq!(grants.to_review().unwrap(), []);
    let vector = phone.store.exchange().vector().unwrap();
    assert_eq!(grants.confirm(case.id, tablet.store.identity().device()).unwrap(), 0);
    assert_eq!(phone.store.exchange().vector().unwrap(), vector, "nothing was written");
}
