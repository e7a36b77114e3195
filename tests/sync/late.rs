//! What comes late, or names more than is here, from a device that keeps no rule.

use automerge::transaction::Transactable;
use automerge::{ROOT, ReadDoc};
use caseplan_core::access::NewGrant;
use caseplan_core::document::Kind;
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::{Message, SignedChange};
use caseplan_core::identity::Role;
use caseplan_core::identity::record::{EndReason, ForkChoice, Record, RecordBody, Signed};
use caseplan_core::ids::ChangeHash;

use crate::forks::{come_to_rest, kind_of_case, team};
use crate::support::hostile::{Hostile, Target, changes_of, document_of, imported, loaded, reasons};
use crate::support::link::{sync, take_in};
use crate::support::{Device, sound};

/// Changes of the hostile device, each after the one before.
fn chain(hostile: &Hostile, target: &Target, changes: &[SignedChange], length: usize) -> Vec<SignedChange> {
    let mut document = loaded(Kind::Case, changes);
    let made = (0..length).map(|at| {
        let chunk = hostile.writes(&document, |tx| {
            let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
            tx.put(&case, "team", format!("team {at}")).unwrap();
        });
        document.apply_changes([automerge::Change::from_bytes(chunk.clone()).unwrap()]).unwrap();
        hostile.signs(target, chunk)
    });
    made.collect()
}

#[test]
fn late_work_above_a_gap_makes_two_devices_attest_nothing_over_and_over() {
    let desk = Device::new("late-desk", "w-100");
    let tablet = Device::new("late-tablet", "w-100");
    take_in(&desk.store, &tablet.store, "w-100", &[Role::Caseworker]);
    let hostile = Hostile::enrolled_by(&desk);
    let (case, _) = desk.lea("2026-0117");
    let (target, changes) = document_of(&desk, Kind::Case);
    let mut late = chain(&hostile, &target, &changes, 3);
    let first = late.drain(..1).collect();
    assert_eq!(hostile.sends(&desk, &target, first).accepted, 1);
    let grants = desk.store.grants().list(case.id).unwrap();
    let grant = grants.iter().find(|grant| grant.worker.as_str() == hostile.device.worker).unwrap();
    desk.store.grants().take_back(case.id, &[grant.id]).unwrap();
    come_to_rest(&[&desk, &tablet]);
    // The second one never comes.
    let brings = [hostile.hello(), changes_of(&target, late.split_off(1)), Message::End];
    for device in [&desk, &tablet] {
        assert_eq!(reasons(&imported(device, &brings)), [Refusal::NotGranted]);
    }
    (0..3).for_each(|_| drop(sync(&desk.store, &tablet.store)));
    let held = || [&desk, &tablet].map(|device| device.store.exchange().vector().unwrap());
    let before = held();
    (0..3).for_each(|_| drop(sync(&desk.store, &tablet.store)));
    assert!(held() == before, "records of either become more");
}

#[test]
fn records_of_a_case_that_is_not_here_keep_nothing_of_a_file_out() {
    let desk = Device::new("homeless-desk", "w-100");
    let hostile = Hostile::enrolled_by(&desk);
    desk.lea("2026-0117");
    desk.share_with(&hostile.device);
    let (target, changes) = document_of(&desk, Kind::Case);
    let keep = ChangeHash([7; 32]);
    let record = Record {
        domain: desk.store.identity().domain(),
        log: [3; 16],
        issuer: *hostile.keys.device_id().as_bytes(),
        number: 1,
        previous: [0; 32],
        issued_at: 1_772_438_400,
        body: RecordBody::ForkChoice(ForkChoice {
            document: target.id,
            actor: hostile.actor(1),
            seq: 1,
            keep,
        }),
    };
    let records = vec![Signed::new(record, &hostile.keys).encode()];
    let brings = changes_of(&target, chain(&hostile, &target, &changes, 1));
    let report = imported(&desk, &[hostile.hello(), Message::Authority { records }, brings, Message::End]);
    assert_eq!((report.accepted, report.complete), (1, true));
}

#[test]
fn a_case_goes_though_the_phone_that_it_came_from_was_replaced() {
    let desk = Device::new("replaced-desk", "w-100");
    let [old, new] = ["old", "new"].map(|name| Device::new(&format!("replaced-{name}"), "w-117"));
    let jo = Device::new("replaced-jo", "w-204");
    for device in [&old, &new, &jo] {
        take_in(&desk.store, &device.store, &device.worker, &[Role::Caseworker]);
    }
    let (case, ana) = old.lea("2026-0117");
    old.saturdays(&case, &ana);
    let grant = NewGrant::colleague("w-204".parse().unwrap(), 5);
    let grant = old.store.grants().give(case.id, &grant).unwrap().id;
    sync(&old.store, &jo.store);
    assert_eq!(jo.cases(), [case.id]);
    (0..3).for_each(|_| drop(sync(&old.store, &new.store)));
    desk.store.identity().end_device(old.store.identity().device(), EndReason::Lost).unwrap();
    old.store.close();

    // It knows the network by its secret from before the end: it is answered the second time.
    (0..2).for_each(|_| drop(sync(&desk.store, &new.store)));
    new.store.grants().take_back(case.id, &[grant]).unwrap();
    (0..3).for_each(|_| drop(sync(&new.store, &jo.store)));
    assert_eq!((jo.cases(), jo.store.grants().taken_back().unwrap()), (Vec::new(), Vec::new()));
}

#[test]
fn what_two_who_are_shut_out_passed_to_each_other_reaches_who_may_read() {
    let desk = Device::new("relayed-desk", "w-117");
    let [phone, tablet] = [("phone", "w-204"), ("tablet", "w-305")]
        .map(|(name, worker)| Device::new(&format!("relayed-{name}"), worker));
    for device in [&phone, &tablet] {
        take_in(&desk.store, &device.store, &device.worker, &[Role::Caseworker]);
    }
    let (case, ana) = desk.lea("2026-0117");
    desk.saturdays(&case, &ana);
    let grant = |worker: &str| {
        let grant = NewGrant::colleague(worker.parse().unwrap(), 1);
        desk.store.grants().give(case.id, &grant).unwrap().id
    };
    let [of_phone, of_tablet] = [grant("w-204"), grant("w-305")];
    come_to_rest(&[&desk, &phone, &tablet]);
    [&desk, &phone, &tablet].iter().for_each(|device| device.now("2026-03-07T18:00:00Z"));
    let visit = phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "only the phone saw it");

    // The tablet hears that the phone is shut out, and takes over from it; then it is shut out itself.
    desk.store.grants().take_back(case.id, &[of_phone]).unwrap();
    sync(&desk.store, &tablet.store);
    desk.store.grants().take_back(case.id, &[of_tablet]).unwrap();
    (0..2).for_each(|_| drop(sync(&phone.store, &tablet.store)));
    assert_eq!(phone.cases(), [], "the tablet has it, and may have it as far as the two know");
    assert!(!tablet.store.exchange().quarantine().unwrap().is_empty(), "it waits for whoever may grant");

    (0..2).for_each(|_| drop(sync(&tablet.store, &desk.store)));
    assert!(desk.store.contacts().get(visit.id).unwrap().is_some());
    assert_eq!((tablet.cases(), tablet.store.grants().taken_back().unwrap()), (Vec::new(), Vec::new()));
    sound(&[&desk, &phone, &tablet]);
}

#[test]
fn a_case_goes_in_the_session_that_hands_over_its_last_work_though_others_went_on_writing() {
    let desk = Device::new("onward-desk", "w-117");
    let tablet = Device::new("onward-tablet", "w-204");
    take_in(&desk.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, _) = desk.lea("2026-0117");
    let grant = NewGrant::colleague("w-204".parse().unwrap(), 1);
    let grant = desk.store.grants().give(case.id, &grant).unwrap().id;
    come_to_rest(&[&desk, &tablet]);
    kind_of_case(&tablet, case.id, "foster");
    // What the tablet does not get any more, in the document in which it has something to hand over.
    team(&desk, case.id, "north");
    desk.store.grants().take_back(case.id, &[grant]).unwrap();
    let [report, _] = sync(&tablet.store, &desk.store);
    assert_eq!((report.failed, report.only_here), (None, Some(0)));
    assert_eq!((tablet.cases(), tablet.store.grants().taken_back().unwrap()), (Vec::new(), Vec::new()));
}
