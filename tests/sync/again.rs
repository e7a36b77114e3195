//! What lost a fork is kept, and told of, until somebody has made it again.

use caseplan_core::Error;
use caseplan_core::access::{NewGrant, WaitingWork};
use caseplan_core::case::{NewParticipant, NewPerson, ParticipantRole};
use caseplan_core::contact::{Contact, NewAddendum};
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::Message;
use caseplan_core::identity::Role;
use caseplan_core::ids::CaseId;

use crate::absent::{take_back_from, two_branches};
use crate::forks::{come_to_rest, kind_of_case, narratives, phone_and_tablet, seen, team};
use crate::support::hostile::{imported, messages};
use crate::support::link::{sync, take_in};
use crate::support::{Device, day};

fn waiting(device: &Device) -> Vec<WaitingWork> {
    device.store.grants().waiting().unwrap()
}

fn of(device: &Device, author: &Device) -> Option<WaitingWork> {
    waiting(device).into_iter().find(|work| work.device == author.store.identity().device())
}

/// A phone has written upon Monday's copy of itself twice: its tablet has one branch, the desk the other. The phone ends
/// the fork and makes its visit again; its choice gets as far as the tablet, its visit does not, and it is Monday again.
fn made_again_in_vain(worker: &str, role: Role) -> (Device, Device, Device, CaseId, Contact) {
    let (mut phone, tablet, case) = phone_and_tablet();
    let desk = Device::new("again-desk", worker);
    take_in(&phone.store, &desk.store, worker, &[role]);
    come_to_rest(&[&phone, &tablet, &desk]);
    let monday = phone.image("monday");
    phone.now("2026-03-14T16:30:00Z");
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "the tablet's branch");
    come_to_rest(&[&phone, &tablet]);
    phone.come_back(&monday);
    phone.now("2026-03-21T16:30:00Z");
    let visit = phone.records(phone.planned("2026-03-21", "2026-03-21")[0], "the desk's branch");
    come_to_rest(&[&phone, &desk]);
    if worker == phone.worker {
        desk.now("2026-03-21T18:00:00Z");
        let addendum = NewAddendum { text: "built on it".to_owned(), corrections: Vec::new() };
        desk.store.contacts().amend(visit.id, &addendum).unwrap();
    }
    tablet.hand_over(&phone);
    assert_eq!(narratives(&phone).len(), 3);
    let mut said = messages(&phone);
    said.retain(|message| !matches!(message, Message::Changes { .. } | Message::Snapshot { .. }));
    assert!(imported(&tablet, &said).records > 0);
    phone.come_back(&monday);
    phone.now("2026-03-28T18:00:00Z");
    come_to_rest(&[&tablet, &desk, &phone]);
    (phone, tablet, desk, case, visit)
}

#[test]
fn what_its_author_made_again_and_then_lost_with_an_older_copy_waits_where_it_was_for_a_person() {
    let (phone, tablet, desk, case, visit) = made_again_in_vain("w-117", Role::Caseworker);
    assert_eq!(narratives(&desk), ["Léa ran to her mother.", "the tablet's branch"]);
    let work = of(&desk, &phone).unwrap();
    assert_eq!((work.case, work.changes, work.reason), (case, 1, Refusal::Forked));
    assert!(work.awaited && work.can_be_admitted);
    assert_eq!(work.worker.as_ref().map(|worker| worker.as_str()), Some("w-117"));
    assert_eq!(of(&desk, &desk), None, "what was built on it goes in with it");
    assert_eq!(waiting(&phone), [], "it knows nothing of it");

    assert!(desk.store.grants().admit(case, work.device).unwrap() > 1, "the visit, and what was built on it");
    assert_eq!(waiting(&desk), []);
    come_to_rest(&[&phone, &tablet, &desk]);
    for device in [&phone, &tablet, &desk] {
        assert_eq!(narratives(device).len(), 3);
        let again = device.store.contacts().get(visit.id).unwrap().unwrap();
        assert_eq!(
            again.addenda.iter().map(|added| added.text.as_str()).collect::<Vec<_>>(),
            ["built on it"]
        );
        assert_eq!(waiting(device), []);
    }
}

#[test]
fn who_may_not_write_is_not_asked_to_let_in_what_lost_a_fork() {
    let (phone, tablet, hub, case, _) = made_again_in_vain("w-900", Role::Hub);
    let work = of(&hub, &phone).unwrap();
    assert!(!work.can_be_admitted, "{work:?}");
    assert_eq!(hub.store.grants().admit(case, work.device), Err(Error::NotGranted { case }));
    assert!(of(&tablet, &phone).is_some_and(|work| work.can_be_admitted), "it went through the tablet too");
}

#[test]
fn a_case_that_was_taken_back_stays_as_long_as_a_lost_branch_is_only_here() {
    let ana = Device::new("again-ana", "w-100");
    let mut bo = Device::new("again-bo", "w-117");
    let max = Device::new("again-max", "w-118");
    for device in [&bo, &max] {
        take_in(&ana.store, &device.store, &device.worker, &[Role::Caseworker]);
    }
    let case = ana.lea("2026-0117").0.id;
    let give = |to: &Device| {
        let grant = NewGrant { may_grant: true, ..NewGrant::colleague(to.worker.parse().unwrap(), 5) };
        ana.store.grants().give(case, &grant).unwrap().id
    };
    let [of_bo, of_max] = [&bo, &max].map(give);
    come_to_rest(&[&ana, &bo, &max]);
    team(&bo, case, "west");
    let monday = bo.image("monday");
    team(&bo, case, "north");
    come_to_rest(&[&ana, &bo, &max]);
    bo.come_back(&monday);
    bo.clock.advance(60);
    kind_of_case(&bo, case, "foster");
    ana.store.grants().take_back(case, &[of_bo]).unwrap();
    come_to_rest(&[&ana, &max]);
    // Max's desk chooses: the branch of which nobody else knows has lost, and waits there.
    (0..3).for_each(|_| drop(sync(&bo.store, &max.store)));
    let work = of(&max, &bo).unwrap();
    assert_eq!((work.reason, work.changes, work.awaited), (Refusal::Forked, 1, false));

    ana.store.grants().take_back(case, &[of_max]).unwrap();
    (0..3).for_each(|_| drop(sync(&max.store, &ana.store)));
    let kept = max.store.grants().taken_back().unwrap();
    assert_eq!(kept.iter().map(|back| (back.case, back.changes)).collect::<Vec<_>>(), [(case, 1)]);
    assert_eq!(of(&max, &bo).map(|work| work.can_be_admitted), Some(false));

    give(&max);
    come_to_rest(&[&ana, &max]);
    assert_eq!(max.store.grants().admit(case, work.device), Ok(1));
    come_to_rest(&[&ana, &max]);
    assert_eq!(seen(&ana, case), (Some("north".to_owned()), Some("foster".to_owned())));
}

#[test]
fn what_was_written_upon_a_lost_branch_by_who_has_no_copy_of_that_any_more_waits_for_a_person() {
    let (desk, tablet, phone, case) = two_branches("again-upon");
    let person = NewPerson { name: "Noé".to_owned(), born: None };
    let sibling = NewParticipant { person, role: ParticipantRole::Sibling, from: None, origin: None };
    let noe = phone.store.cases().add_participant(case, &sibling).unwrap().id;
    sync(&phone.store, &tablet.store);
    let mut laptop = Device::new("again-laptop", "w-119");
    take_in(&desk.store, &laptop.store, "w-119", &[Role::Caseworker]);
    desk.store.grants().give(case, &NewGrant::colleague("w-119".parse().unwrap(), 5)).unwrap();
    let monday = laptop.image("monday");
    sync(&desk.store, &tablet.store);
    sync(&tablet.store, &laptop.store);
    laptop.now("2026-03-28T18:00:00Z");
    laptop.store.cases().end_participant(case, noe, day("2026-03-28"), "moved").unwrap();
    sync(&laptop.store, &tablet.store);
    laptop.come_back(&monday);
    take_back_from(&desk, &phone, case);
    come_to_rest(&[&desk, &tablet, &laptop]);
    let moved = |device: &Device| -> Option<bool> {
        let case = device.store.cases().get(case).unwrap().unwrap();
        case.participant(noe).map(|person| person.end_reason.as_deref() == Some("moved"))
    };
    assert_eq!([&desk, &tablet, &laptop].map(moved), [None; 3]);
    assert!(of(&desk, &phone).is_some_and(|work| work.can_be_admitted));
    assert_eq!(of(&desk, &laptop), None, "what was written upon it waits for that");
    assert_eq!(waiting(&laptop), [], "it has no copy of the branch");

    let admitted = |from: &Device| desk.store.grants().admit(case, from.store.identity().device()).unwrap();
    assert!(admitted(&phone) > 0);
    come_to_rest(&[&desk, &tablet, &laptop]);
    assert_eq!([&desk, &tablet, &laptop].map(moved), [Some(false); 3]);
    let work = of(&desk, &laptop).unwrap();
    assert!(work.awaited && work.can_be_admitted, "{work:?}");
    assert_eq!((work.case, work.changes, work.reason), (case, 1, Refusal::Forked));

    // Others hold it too: nobody keeps a case because of it that was taken back.
    assert!(of(&tablet, &laptop).is_some());
    take_back_from(&desk, &tablet, case);
    (0..3).for_each(|_| drop(sync(&tablet.store, &desk.store)));
    assert_eq!((tablet.store.grants().taken_back().unwrap(), tablet.cases()), (Vec::new(), Vec::new()));

    assert_eq!(admitted(&laptop), 1);
    come_to_rest(&[&desk, &laptop]);
    assert_eq!([&desk, &laptop].map(moved), [Some(true); 2]);
    assert_eq!([&desk, &laptop].map(waiting), [const { Vec::new() }; 2]);
}
