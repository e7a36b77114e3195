//! Who is counted upon to hold what exists here: nobody who was ended or shut out, and nobody who did not prove who it is.

use caseplan_core::Error;
use caseplan_core::access::NewGrant;
use caseplan_core::case::CaseChange;
use caseplan_core::document::Kind;
use caseplan_core::exchange::message::{Message, Splitter};
use caseplan_core::identity::record::EndReason;
use caseplan_core::identity::{DeviceKeys, Role};
use caseplan_core::ids::CaseId;
use caseplan_core::sync::hand_over::{HandOver, HandOverReader, HandOverWriter, Recipient};
use caseplan_core::testing::SeededRandom;

use crate::absent::{take_back_from, two_branches};
use crate::files::{read, write};
use crate::forks::{come_to_rest, narratives, seen, team};
use crate::status::to_send;
use crate::support::chunks::Parts;
use crate::support::hostile::{document_of, imported};
use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, at, day};

pub fn only_here(device: &Device) -> u64 {
    let by_case = device.store.sync().status().unwrap().only_here;
    let changes = by_case.iter().map(|case| case.changes).sum();
    assert_eq!(device.store.today().unwrap().only_here.changes, changes);
    changes
}

/// A phone with a case that a colleague's tablet was granted and holds.
pub fn shared(name: &str, until: Option<&str>) -> (Device, Device, CaseId) {
    let phone = Device::new(&format!("{name}-phone"), "w-117");
    let tablet = Device::new(&format!("{name}-tablet"), "w-204");
    take_in(&phone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let grant = NewGrant { until: until.map(at), ..NewGrant::colleague("w-204".parse().unwrap(), 1) };
    phone.store.grants().give(case.id, &grant).unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(only_here(&phone), 0);
    (phone, tablet, case.id)
}

#[test]
fn what_only_a_device_has_that_was_ended_since_is_only_here() {
    let (phone, tablet, _) = shared("holders-ended", None);
    phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Stolen).unwrap();
    assert_eq!(only_here(&phone), 3, "a case, a visitor and a plan");
}

#[test]
fn the_last_copy_of_what_somebody_else_wrote_is_only_here() {
    let (phone, tablet, case) = shared("holders-colleague", None);
    let mut open = Link::between(&tablet.store, &phone.store);
    open.run(4096);
    team(&tablet, case, "north");
    open.sides[0].catch_up().unwrap();
    open.run(4096);
    assert_eq!(seen(&phone, case).0.as_deref(), Some("north"));
    assert_eq!(only_here(&phone), 0, "who has just sent it has it");
    assert_eq!(open.end().map(|report| report.only_here), [Some(0), Some(0)]);
    phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
    assert_eq!(only_here(&phone), 4, "its own three, and what the tablet wrote");
}

#[test]
fn who_has_no_certificate_that_counts_any_more_is_not_counted_upon() {
    let (alone, tablet) = (Device::new("holders-alone", "w-204"), Device::new("holders-left", "w-204"));
    take_in(&alone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = alone.lea("2026-0117");
    alone.saturdays(&case, &ana);
    sync(&alone.store, &tablet.store);
    assert_eq!(only_here(&alone), 0);
    // It joins an agency, and its tablet is of no agency.
    let agency = Device::new("holders-agency", "w-1");
    take_in(&agency.store, &alone.store, "w-204", &[Role::Caseworker]);
    assert_eq!(only_here(&alone), 3);
}

#[test]
fn what_could_not_be_counted_is_not_said_to_be_nothing() {
    let (phone, tablet, _) = shared("holders-suspended", None);
    let mut link = Link::between(&phone.store, &tablet.store);
    link.run(4096);
    phone.store.suspend();
    assert_eq!(link.end().map(|report| report.only_here), [None, Some(0)]);
    phone.store.resume().unwrap();
    assert_eq!(only_here(&phone), 0);
}

#[test]
fn what_only_somebody_has_that_the_case_was_taken_back_from_is_only_here() {
    let (phone, tablet, case) = shared("holders-taken", None);
    let grants: Vec<_> = phone.store.grants().list(case).unwrap().iter().map(|grant| grant.id).collect();
    phone.store.grants().take_back(case, &grants).unwrap();
    assert_eq!(only_here(&phone), 3);
    sync(&phone.store, &tablet.store);
    assert_eq!(only_here(&phone), 3, "it is removed there");
    let hub = Device::new("holders-taken-hub", "w-1");
    take_in(&phone.store, &hub.store, "w-1", &[Role::Hub]);
    sync(&phone.store, &hub.store);
    assert_eq!(only_here(&phone), 0);
}

#[test]
fn what_was_recorded_before_a_grant_ran_out_is_handed_over_after_it_and_the_case_goes() {
    let (phone, tablet, case) = shared("holders-ran-out", Some("2026-03-13T18:00:00Z"));
    tablet.now("2026-03-07T18:00:00Z");
    tablet.records(tablet.planned("2026-03-07", "2026-03-07")[0], "On time.");
    let draft = tablet.drafted(tablet.planned("2026-03-07", "2026-03-07")[0], "A second one.");
    for device in [&phone, &tablet] {
        device.now("2026-03-16T08:00:00Z");
    }
    // Nothing is begun any more, and what was begun is finished.
    let due = tablet.planned("2026-03-14", "2026-03-14")[0];
    let start = caseplan_core::contact::drafts::DraftStart::Occurrences { occurrences: vec![due] };
    assert_eq!(tablet.store.contacts().start_draft(&start), Err(Error::NotGranted { case }));
    let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    assert_eq!(tablet.store.cases().change(case, &change), Err(Error::NotGranted { case }));
    tablet.store.contacts().complete(draft.id).unwrap();
    let listed = tablet.store.grants().taken_back().unwrap();
    assert_eq!(
        listed.iter().map(|back| (back.case, back.since)).collect::<Vec<_>>(),
        [(case, at("2026-03-13T18:00:00Z"))]
    );
    let reports = sync(&tablet.store, &phone.store);
    assert!(reports.iter().all(|report| report.failed.is_none()), "{reports:?}");
    let page = caseplan_core::contact::reads::ContactQuery::of_case(case, 10);
    assert_eq!(phone.store.contacts().page(&page).unwrap().contacts.len(), 2);
    assert_eq!(tablet.store.cases().get(case).unwrap(), None, "all of it is known elsewhere");
    assert_eq!(
        phone.store.visitation_plans().due(day("2026-03-07"), day("2026-03-07"), None).unwrap().len(),
        1
    );
}

/// A file by a device for another, with messages of its own making after its chain.
fn sealed(from: &Device, to: &Device, messages: &[Message]) -> Vec<u8> {
    let [keys, own] = [from, to].map(|device| DeviceKeys::load(device.vault.as_ref()).unwrap().unwrap());
    let mut honest = from.store.sync().hand_over(to.store.identity().device()).unwrap();
    let mut reader = HandOverReader::new(&own);
    loop {
        let bytes = honest.next(4096).unwrap();
        if bytes.is_empty() {
            break;
        }
        reader.feed(&bytes);
    }
    let mut splitter = Splitter::default();
    while let Some(part) = reader.next().unwrap() {
        if let HandOver::Content(content) = part {
            splitter.push(&content);
        }
    }
    let chain = Message::decode(&splitter.next_message().unwrap().unwrap()).unwrap().unwrap();
    assert!(matches!(chain, Message::Chain { .. }));
    let recipient = Recipient { device: own.device_id(), x25519: own.x25519() };
    let mut writer = HandOverWriter::new(&keys, &recipient, i64::MAX, &SeededRandom::new(5)).unwrap();
    for message in [&[chain], messages].concat() {
        writer.write(&message.encode()).unwrap();
    }
    writer.finish().unwrap()
}

/// What somebody would say to hold of a device's first case: all, and more than there is.
fn holds_everything(device: &Device) -> Message {
    let (target, changes) = document_of(device, Kind::Case);
    let actor = Parts::read(&changes.last().unwrap().chunk).actor;
    Message::Held { document: target.id, actors: vec![(actor.try_into().unwrap(), 99, [7; 8])] }
}

#[test]
fn a_file_speaks_for_nobody_but_its_sender() {
    let (phone, tablet, _) = shared("holders-file", None);
    let domain = phone.store.identity().domain();
    for device in [phone.store.identity().device(), tablet.store.identity().device()] {
        let file = sealed(&tablet, &phone, &[Message::Hello { domain, device }]);
        assert_eq!(read(&phone.store, &file).map(drop), Err(Error::NotAnExport { reason: "order" }));
    }
}

#[test]
fn who_says_to_hold_more_than_there_is_is_not_taken_to_hold_what_is_written_here() {
    let (phone, tablet, case) = shared("holders-more", None);
    team(&tablet, case, "west");
    sync(&tablet.store, &phone.store);
    team(&tablet, case, "north");
    assert_eq!(only_here(&tablet), 1);
    // Of this device's own numbers it may know other changes: the device was set back. It goes on as somebody new.
    let actor = |at: &Device| {
        let (_, changes) = document_of(at, Kind::Case);
        Parts::read(&changes.last().unwrap().chunk).actor
    };
    let before = actor(&tablet);
    read(&tablet.store, &sealed(&phone, &tablet, &[holds_everything(&tablet), Message::End])).unwrap();
    assert_eq!(only_here(&tablet), 1);
    team(&tablet, case, "south");
    assert_eq!(only_here(&tablet), 2);
    assert_ne!(actor(&tablet), before);
    sync(&tablet.store, &phone.store);
    assert_eq!(only_here(&tablet), 0);
    // And of somebody else's no more than there is.
    let held = holds_everything(&tablet);
    read(&phone.store, &sealed(&tablet, &phone, &[held, Message::End])).unwrap();
    team(&phone, case, "east");
    assert_eq!(only_here(&phone), 1);
}

#[test]
fn an_import_says_nothing_of_what_is_held_elsewhere() {
    let (phone, tablet, case) = shared("holders-import", None);
    team(&phone, case, "north");
    let hello =
        Message::Hello { domain: phone.store.identity().domain(), device: tablet.store.identity().device() };
    // Anybody can write this, in anybody's name.
    assert!(imported(&phone, &[hello, holds_everything(&phone), Message::End]).complete);
    assert_eq!(only_here(&phone), 1);
}

#[test]
fn who_holds_another_branch_is_not_taken_to_hold_what_is_written_here_under_its_numbers() {
    let (phone, mut tablet, case) = shared("holders-branch", None);
    team(&tablet, case, "west");
    sync(&tablet.store, &phone.store);
    let monday = tablet.image("monday");
    team(&tablet, case, "north");
    sync(&tablet.store, &phone.store);
    assert_eq!(only_here(&tablet), 0);
    tablet.come_back(&monday);
    tablet.clock.advance(60);
    team(&tablet, case, "south");
    assert_eq!(only_here(&tablet), 1);
    // The phone takes the tablet to hold what it had from it, so the file brings nothing and says only how far it goes.
    let file = write(&phone.store, &tablet.store);
    read(&tablet.store, &file).unwrap();
    assert_eq!(only_here(&tablet), 1);
    team(&tablet, case, "east");
    assert_eq!(only_here(&tablet), 2);
    for _ in 0..2 {
        sync(&tablet.store, &phone.store);
    }
    assert_eq!(only_here(&tablet), 0);
    let conflicts = phone.store.conflicts().list(Some(case)).unwrap();
    assert_eq!(conflicts.len(), 1, "north by one copy, east by the other: {conflicts:?}");
}

#[test]
fn who_holds_a_branch_that_lost_is_not_taken_to_hold_the_one_that_is_kept() {
    let (mut phone, tablet, case) = shared("holders-lost", None);
    let desk = Device::new("holders-lost-desk", "w-117");
    take_in(&phone.store, &desk.store, "w-117", &[Role::Caseworker]);
    team(&phone, case, "west");
    for other in [&tablet, &desk] {
        sync(&phone.store, &other.store);
    }
    let monday = phone.image("monday");
    team(&phone, case, "north");
    sync(&phone.store, &tablet.store);
    phone.come_back(&monday);
    phone.clock.advance(60);
    team(&phone, case, "south");
    sync(&phone.store, &desk.store);
    assert_eq!(only_here(&phone), 0);
    // The tablet's branch is kept, and the desk's is made again. Then the tablet is lost.
    sync(&phone.store, &tablet.store);
    phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
    assert_eq!(only_here(&phone), 2, "the desk has neither");
    for _ in 0..2 {
        sync(&phone.store, &desk.store);
    }
    assert_eq!(only_here(&phone), 0);
}

#[test]
fn a_vector_says_nothing_of_what_is_held_elsewhere() {
    let (phone, tablet, case) = shared("holders-vector", None);
    team(&phone, case, "north");
    let mut vector = phone.store.exchange().vector().unwrap();
    // Anybody can write this, in anybody's name.
    let [own, other] = [&phone, &tablet].map(|device| device.store.identity().device());
    let at = vector.windows(16).position(|id| id == own.as_bytes()).unwrap();
    vector[at..at + 16].copy_from_slice(other.as_bytes());
    let mut export = phone.store.exchange().export(Some(&vector)).unwrap();
    while !export.next(1 << 20).unwrap().is_empty() {}
    assert_eq!(only_here(&phone), 1);
}

/// How many changes there are of what two copies of a phone wrote under the same numbers.
const BRANCHES: u64 = 4;

#[test]
fn of_a_fork_that_nobody_has_ended_both_branches_are_where_they_are() {
    let (desk, tablet, phone, _) = two_branches("holders-open");
    sync(&desk.store, &tablet.store);
    assert_eq!(desk.store.exchange().quarantine().unwrap().len(), 2, "nobody chooses before the phone comes");
    for (one, other) in [(&desk, &tablet), (&tablet, &desk)] {
        assert_eq!((only_here(one), to_send(one, other)), (0, 0));
    }
    assert_eq!(to_send(&desk, &phone), BRANCHES, "which of them it has is not known");
    desk.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
    assert_eq!(only_here(&desk), BRANCHES, "the phone is known to hold neither");
    read(&desk.store, &write(&phone.store, &desk.store)).unwrap();
    assert_eq!(only_here(&desk), BRANCHES, "it says to hold one of them, and it may be either's last copy");
}

#[test]
fn a_case_that_was_taken_back_goes_with_a_fork_that_nobody_has_ended() {
    let (desk, tablet, phone, case) = two_branches("holders-goes");
    sync(&desk.store, &tablet.store);
    take_back_from(&desk, &tablet, case);
    (0..2).for_each(|_| drop(sync(&tablet.store, &desk.store)));
    assert_eq!(tablet.store.cases().get(case).unwrap(), None, "the desk holds both branches");
    come_to_rest(&[&desk, &phone]);
    assert_eq!(narratives(&desk).len(), 3);
}
