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

use crate::forks::team;
use crate::support::chunks::Parts;
use crate::support::hostile::{document_of, imported};
use crate::support::link::{sync, take_in};
use crate::support::{Device, at, day};

fn only_here(device: &Device) -> u64 {
    let by_case = device.store.sync().status().unwrap().only_here;
    let changes = by_case.iter().map(|case| case.changes).sum();
    assert_eq!(device.store.today().unwrap().only_here.changes, changes);
    changes
}

/// A phone with a case that a colleague's tablet was granted and holds.
fn shared(name: &str, until: Option<&str>) -> (Device, Device, CaseId) {
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

fn read(device: &Device, file: &[u8]) -> Result<(), Error> {
    let mut taking = device.store.sync().take_over().unwrap();
    taking.feed(file)?;
    taking.finish().map(|_| ())
}

#[test]
fn a_file_speaks_for_nobody_but_its_sender() {
    let (phone, tablet, _) = shared("holders-file", None);
    let domain = phone.store.identity().domain();
    for device in [phone.store.identity().device(), tablet.store.identity().device()] {
        let file = sealed(&tablet, &phone, &[Message::Hello { domain, device }]);
        assert_eq!(read(&phone, &file), Err(Error::NotAnExport { reason: "order" }));
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
    read(&tablet, &sealed(&phone, &tablet, &[holds_everything(&tablet), Message::End])).unwrap();
    assert_eq!(only_here(&tablet), 1);
    team(&tablet, case, "south");
    assert_eq!(only_here(&tablet), 2);
    assert_ne!(actor(&tablet), before);
    sync(&tablet.store, &phone.store);
    assert_eq!(only_here(&tablet), 0);
    // And of somebody else's no more than there is.
    let held = holds_everything(&tablet);
    read(&phone, &sealed(&tablet, &phone, &[held, Message::End])).unwrap();
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
    let file = crate::files::write(&phone.store, &tablet.store);
    read(&tablet, &file).unwrap();
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
fn by_its_own_word_nothing_of_a_device_is_elsewhere() {
    let (phone, _tablet, case) = shared("holders-own", None);
    team(&phone, case, "north");
    let vector = phone.store.exchange().vector().unwrap();
    let mut export = phone.store.exchange().export(Some(&vector)).unwrap();
    while !export.next(1 << 20).unwrap().is_empty() {}
    assert_eq!(only_here(&phone), 1);
}
