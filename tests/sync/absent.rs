//! Forks whose author is absent: ended, or not let into the case any more. Somebody else chooses, and what others wrote
//! upon the branch that went stands.

use caseplan_core::access::NewGrant;
use caseplan_core::case::{Case, NewParticipant, NewPerson, ParticipantRole, PersonCorrection};
use caseplan_core::contact::NewAddendum;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::Refusal;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::EndReason;
use caseplan_core::ids::CaseId;

use crate::forks::{come_to_rest, kind_of_case, narratives, seen, team};
use crate::support::link::{sync, take_in};
use crate::support::{Device, day, sound};

#[test]
fn both_branches_of_what_two_copies_hand_over_after_their_end_are_let_in() {
    let desk = Device::new("forked-desk", "w-117");
    let mut phone = Device::new("forked-late", "w-117");
    take_in(&desk.store, &phone.store, "w-117", &[Role::Caseworker]);
    let (case, _) = desk.lea("2026-0117");
    come_to_rest(&[&desk, &phone]);
    let author = phone.store.identity().device();
    team(&phone, case.id, "north");
    let monday = phone.image("monday");
    team(&phone, case.id, "east");
    desk.store.identity().end_device(author, EndReason::Lost).unwrap();
    let hand_over = |phone: &Device| (0..3).for_each(|_| drop(sync(&phone.store, &desk.store)));
    hand_over(&phone);
    phone.come_back(&monday);
    team(&phone, case.id, "south");
    team(&phone, case.id, "west");
    hand_over(&phone);
    let waiting = || desk.store.grants().waiting().unwrap();
    assert_eq!(waiting().iter().map(|work| work.changes).sum::<u64>(), 4);
    // The work is let in, and with it the branch that was not kept.
    assert!(waiting().iter().all(|work| work.can_be_admitted), "{:?}", waiting());
    assert!(desk.store.grants().admit(case.id, author).unwrap() > 0);
    assert_eq!(waiting(), []);
    sound(&[&desk]);
    let conflicts = desk.store.conflicts().list(Some(case.id)).unwrap();
    let [conflict] = conflicts.as_slice() else { panic!("both say where the case is: {conflicts:?}") };
    assert_eq!(conflict.values.len(), 2, "{conflict:?}");
}

#[test]
fn of_an_ended_device_whoever_may_grant_chooses() {
    let desk = Device::new("forked-root", "w-100");
    let mut phone = Device::new("forked-lost", "w-117");
    let tablet = Device::new("forked-other", "w-117");
    for device in [&phone, &tablet] {
        take_in(&desk.store, &device.store, "w-117", &[Role::Caseworker]);
    }
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    phone.share_with(&desk);
    come_to_rest(&[&phone, &tablet, &desk]);
    let monday = phone.image("monday");
    team(&phone, case.id, "north");
    phone.now("2026-03-14T16:30:00Z");
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "the desk's branch");
    sync(&phone.store, &desk.store);
    phone.come_back(&monday);
    phone.now("2026-03-21T16:30:00Z");
    kind_of_case(&phone, case.id, "foster");
    phone.records(phone.planned("2026-03-21", "2026-03-21")[0], "the tablet's branch");
    sync(&phone.store, &tablet.store);
    tablet.now("2026-03-28T18:00:00Z");
    let told = tablet.records(tablet.planned("2026-03-28", "2026-03-28")[0], "told by the tablet");
    phone.store.close();
    desk.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    // The tablet knows the network by its secret from before the end: it is answered the second time.
    sync(&desk.store, &tablet.store);
    come_to_rest(&[&desk, &tablet]);
    // Nobody can make the lost branch again in its author's name; it waits.
    let seen = seen(&desk, case.id);
    assert!(seen.0.is_some() != seen.1.is_some(), "one of the two: {seen:?}");
    let shown = [narratives(&desk), narratives(&tablet)];
    assert!(shown[0].len() == 3 && shown[0] == shown[1], "no list shows the lost visit: {shown:?}");
    assert!(desk.store.contacts().get(told.id).unwrap().is_some(), "what others wrote upon it stands");
    let found =
        [&desk, &tablet].map(|device| device.store.contacts().search("branch", None, 10).unwrap().len());
    assert_eq!(found, [1, 1]);

    // A person lets it in, in the name of the device that does so.
    let waiting = || -> Vec<_> {
        let waits = |device: &Device| device.store.grants().waiting().unwrap();
        [&desk, &tablet].map(waits).into_iter().flatten().map(|work| (work.device, work.reason)).collect()
    };
    let author = phone.store.identity().device();
    assert!(waiting().contains(&(author, Refusal::Forked)), "{:?}", waiting());
    let admitted = desk.store.grants().admit(case.id, author).unwrap();
    assert!(admitted >= 1, "{admitted}");
    come_to_rest(&[&desk, &tablet]);
    assert_eq!(waiting(), [], "it is let in once, for all");
    assert_eq!(desk.store.grants().admit(case.id, author), Ok(0));
    assert_eq!(narratives(&tablet).len(), 4);
    let query = ContactQuery { limit: 50, ..ContactQuery::default() };
    let recorded = |by: &str| {
        let page = tablet.store.contacts().page(&query).unwrap();
        page.contacts.iter().filter(|it| it.recorded_by.as_ref().is_some_and(|it| it.as_str() == by)).count()
    };
    assert_eq!((recorded("w-117"), recorded("w-100")), (3, 1));
}

#[test]
fn of_a_device_that_lost_the_case_whoever_may_grant_chooses_and_what_others_wrote_upon_it_stands() {
    let (desk, tablet, mut phone, case) = desk_tablet_and_phone("forked");
    let give = |to: &Device| {
        desk.store.grants().give(case.id, &NewGrant::colleague(to.worker.parse().unwrap(), 5)).unwrap()
    };
    give(&tablet);
    let grant = give(&phone);
    let sibling = |name: &str| {
        let person = NewPerson { name: name.to_owned(), born: None };
        NewParticipant { person, role: ParticipantRole::Sibling, from: None, origin: None }
    };
    let sister = desk.store.cases().add_participant(case.id, &sibling("Ida")).unwrap();
    come_to_rest(&[&desk, &tablet, &phone]);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    team(&phone, case.id, "south");
    come_to_rest(&[&desk, &tablet, &phone]);
    let monday = phone.image("monday");
    phone.now("2026-03-14T16:30:00Z");
    team(&phone, case.id, "north");
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "the desk's branch");
    sync(&phone.store, &desk.store);

    phone.come_back(&monday);
    phone.now("2026-03-21T16:30:00Z");
    kind_of_case(&phone, case.id, "foster");
    let lost = phone.records(phone.planned("2026-03-21", "2026-03-21")[0], "the tablet's branch");
    let brother = phone.store.cases().add_participant(case.id, &sibling("Noé")).unwrap();
    sync(&phone.store, &tablet.store);
    // The tablet builds on the branch that it has: on a person, a field, a visit, and with a visit of its own. Of somebody
    // else it says the same in the same second.
    tablet.now("2026-03-28T18:00:00Z");
    for person in [brother.id, sister.id] {
        tablet.store.cases().end_participant(case.id, person, day("2026-03-28"), "moved").unwrap();
    }
    kind_of_case(&tablet, case.id, "kinship");
    let addendum = NewAddendum { text: "built on it".to_owned(), corrections: Vec::new() };
    tablet.store.contacts().amend(lost.id, &addendum).unwrap();
    tablet.records(tablet.planned("2026-03-28", "2026-03-28")[0], "the tablet's own visit");

    desk.store.grants().take_back(case.id, &[grant.id]).unwrap();
    come_to_rest(&[&desk, &tablet]);
    // Its own visit is the tablet's to make again; the phone's is not, and waits for the phone.
    for device in [&desk, &tablet] {
        assert_eq!(seen(device, case.id), (Some("north".to_owned()), Some("kinship".to_owned())));
        assert_eq!(device.store.conflicts().list(Some(case.id)).unwrap(), []);
        assert_eq!(
            narratives(device),
            ["Léa ran to her mother.", "the desk's branch", "the tablet's own visit"]
        );
    }

    // What else happens to the case does not make the one who is not here yet out of the other.
    team(&desk, case.id, "east");
    team(&tablet, case.id, "west");
    come_to_rest(&[&desk, &tablet]);
    // The substitute gets the case again, with its own branch beside it: the visit is there again, and what was built on it.
    give(&phone);
    come_to_rest(&[&desk, &phone, &tablet]);
    assert_eq!(
        narratives(&desk),
        ["Léa ran to her mother.", "the desk's branch", "the tablet's branch", "the tablet's own visit"]
    );
    let again = tablet.store.contacts().get(lost.id).unwrap().unwrap();
    assert_eq!(again.addenda.len(), 1);
    let case_on_desk = desk.store.cases().get(case.id).unwrap().unwrap();
    for person in [brother.id, sister.id] {
        let ended = case_on_desk.participants.iter().find(|found| found.id == person).unwrap();
        assert_eq!(ended.end_reason.as_deref(), Some("moved"), "what waited for the person stands too");
    }
    // It writes its value of the field again, not knowing that the tablet's followed it: a person is asked. So of the team.
    let conflicts = phone.store.conflicts().list(Some(case.id)).unwrap();
    assert_eq!(conflicts.len(), 2, "{conflicts:?}");
}

/// The desk with Léa's case and a visit planned on Saturdays, a colleague's tablet, and a substitute's phone.
fn desk_tablet_and_phone(name: &str) -> (Device, Device, Device, Case) {
    let desk = Device::new(&format!("{name}-desk"), "w-100");
    let tablet = Device::new(&format!("{name}-tablet"), "w-118");
    let phone = Device::new(&format!("{name}-phone"), "w-117");
    for device in [&tablet, &phone] {
        take_in(&desk.store, &device.store, &device.worker, &[Role::Caseworker]);
    }
    let (case, ana) = desk.lea("2026-0117");
    desk.saturdays(&case, &ana);
    (desk, tablet, phone, case)
}

/// The desk with Léa's case, a colleague's tablet, and the phone of a substitute who gave out numbers twice: his branch with
/// a visit is on the desk, the other one on the tablet.
pub fn two_branches(name: &str) -> (Device, Device, Device, CaseId) {
    two_branches_until(name, None)
}

/// The same, where the tablet's grant runs out some time too.
pub fn two_branches_until(name: &str, until: Option<&str>) -> (Device, Device, Device, CaseId) {
    let (desk, tablet, mut phone, case) = desk_tablet_and_phone(name);
    let until = until.map(|until| until.parse().unwrap());
    let tablets = NewGrant { until, ..NewGrant::colleague("w-118".parse().unwrap(), 5) };
    desk.store.grants().give(case.id, &tablets).unwrap();
    let until = Some("2026-06-01T00:00:00Z".parse().unwrap());
    let phones = NewGrant { until, ..NewGrant::colleague("w-117".parse().unwrap(), 5) };
    desk.store.grants().give(case.id, &phones).unwrap();
    come_to_rest(&[&desk, &tablet, &phone]);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    team(&phone, case.id, "east");
    come_to_rest(&[&desk, &tablet, &phone]);
    let monday = phone.image("monday");
    phone.now("2026-03-14T16:30:00Z");
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "the desk's branch");
    team(&phone, case.id, "north");
    sync(&phone.store, &desk.store);
    phone.come_back(&monday);
    phone.now("2026-03-21T16:30:00Z");
    phone.records(phone.planned("2026-03-21", "2026-03-21")[0], "the tablet's branch");
    team(&phone, case.id, "south");
    sync(&phone.store, &tablet.store);
    (desk, tablet, phone, case.id)
}

#[test]
fn a_restored_copy_makes_the_same_again_and_hides_nothing_that_was_written_upon_it() {
    let (desk, mut tablet, phone, case) = two_branches("absent-restored");
    tablet.now("2026-03-28T18:00:00Z");
    let person = NewPerson { name: "Noé".to_owned(), born: None };
    let sibling = NewParticipant { person, role: ParticipantRole::Sibling, from: None, origin: None };
    let sibling = tablet.store.cases().add_participant(case, &sibling).unwrap();
    tablet.records(tablet.planned("2026-03-28", "2026-03-28")[0], "the tablet's own visit");
    let before = tablet.image("before the choice");
    take_back_from(&desk, &phone, case);
    come_to_rest(&[&desk, &tablet]);
    desk.now("2026-03-29T08:00:00Z");
    desk.store.cases().end_participant(case, sibling.id, day("2026-03-29"), "moved").unwrap();
    let changes = desk.store.info().unwrap().changes;

    tablet.come_back(&before);
    tablet.now("2026-03-30T08:00:00Z");
    come_to_rest(&[&desk, &tablet]);
    for device in [&desk, &tablet] {
        let case = device.store.cases().get(case).unwrap().unwrap();
        let noe = case.participants.iter().find(|person| person.id == sibling.id).unwrap();
        assert_eq!(noe.end_reason.as_deref(), Some("moved"));
        assert_eq!(narratives(device).len(), 3);
    }
    assert_eq!(
        desk.store.info().unwrap().changes,
        changes,
        "it was made again once, the same on both occasions"
    );
}

pub fn take_back_from(desk: &Device, phone: &Device, case: CaseId) {
    let grants = desk.store.grants().list(case).unwrap();
    let grant = grants.iter().find(|grant| grant.worker.as_str() == phone.worker).unwrap();
    desk.store.grants().take_back(case, &[grant.id]).unwrap();
}

#[test]
fn of_a_device_whose_grant_ran_out_whoever_may_grant_chooses() {
    let (mut desk, mut tablet, phone, case) = two_branches("absent-ran-out");
    // As long as it may come, it is waited for.
    sync(&desk.store, &tablet.store);
    assert_ne!(narratives(&desk), narratives(&tablet));
    for device in [&mut desk, &mut tablet] {
        device.now("2026-06-02T08:00:00Z");
        device.restart();
    }
    come_to_rest(&[&desk, &tablet]);
    assert_eq!(narratives(&tablet), ["Léa ran to her mother.", "the desk's branch"]);
    desk.store.grants().admit(case, phone.store.identity().device()).unwrap();
    come_to_rest(&[&desk, &tablet]);
    assert_eq!(narratives(&tablet).len(), 3, "a person let the other branch in");
}

#[test]
fn a_branch_that_grows_when_everybody_knows_of_the_fork_reaches_everybody() {
    let (desk, tablet) = (Device::new("forked-desk", "w-117"), Device::new("forked-tablet", "w-117"));
    let mut phone = Device::new("forked-grows", "w-117");
    for device in [&phone, &tablet] {
        take_in(&desk.store, &device.store, "w-117", &[Role::Caseworker]);
    }
    let (case, _) = desk.lea("2026-0117");
    come_to_rest(&[&desk, &tablet, &phone]);
    team(&phone, case.id, "west");
    come_to_rest(&[&desk, &tablet, &phone]);
    let monday = phone.image("monday");
    team(&phone, case.id, "north");
    let tuesday = phone.image("tuesday");
    desk.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    let hand_over = |phone: &Device| (0..3).for_each(|_| drop(sync(&phone.store, &desk.store)));
    hand_over(&phone);
    phone.come_back(&monday);
    team(&phone, case.id, "south");
    hand_over(&phone);
    // The tablet knows the network by its secret from before the end: it is answered the second time.
    sync(&desk.store, &tablet.store);
    come_to_rest(&[&desk, &tablet]);
    let waits = |device: &Device| -> u64 {
        device.store.grants().waiting().unwrap().iter().map(|work| work.changes).sum()
    };
    assert_eq!((waits(&desk), waits(&tablet)), (2, 2));
    phone.come_back(&tuesday);
    team(&phone, case.id, "east");
    hand_over(&phone);
    sync(&desk.store, &tablet.store);
    assert_eq!((waits(&desk), waits(&tablet)), (3, 3));
}

#[test]
fn what_two_people_let_in_apart_is_one_and_hides_nothing_that_either_writes() {
    let (desk, tablet) = (Device::new("forked-desk", "w-100"), Device::new("forked-twice", "w-117"));
    let mut phone = Device::new("forked-gone", "w-117");
    for device in [&phone, &tablet] {
        take_in(&desk.store, &device.store, "w-117", &[Role::Caseworker]);
    }
    let (case, _) = phone.lea("2026-0117");
    phone.share_with(&desk);
    come_to_rest(&[&phone, &tablet, &desk]);
    let monday = phone.image("monday");
    let joins = |phone: &Device, name: &str| {
        let person = NewPerson { name: name.to_owned(), born: None };
        let sibling = NewParticipant { person, role: ParticipantRole::Sibling, from: None, origin: None };
        phone.store.cases().add_participant(case.id, &sibling).unwrap().id
    };
    let ada = joins(&phone, "Ada");
    sync(&phone.store, &desk.store);
    phone.come_back(&monday);
    let noe = joins(&phone, "Noé");
    sync(&phone.store, &tablet.store);
    phone.store.close();
    desk.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    sync(&desk.store, &tablet.store);
    come_to_rest(&[&desk, &tablet]);
    let is_in =
        |device: &Device, who| device.store.cases().get(case.id).unwrap().unwrap().participant(who).is_some();
    let lost = if is_in(&desk, ada) { noe } else { ada };
    assert!(!is_in(&desk, lost) && !is_in(&tablet, lost));

    // Each lets it in, and knows the child by another name, before they meet again.
    for (device, name) in [(&desk, "Lou Martin"), (&tablet, "Lou Petit")] {
        let author = phone.store.identity().device();
        assert!(device.store.grants().admit(case.id, author).unwrap() > 0, "{name}");
        let person = PersonCorrection { name: Some(name.to_owned()), born: None };
        device.store.cases().correct_participant(case.id, lost, &person).unwrap();
    }
    come_to_rest(&[&desk, &tablet]);
    let conflicts = tablet.store.conflicts().list(Some(case.id)).unwrap();
    let [conflict] = conflicts.as_slice() else { panic!("the name, and nothing else: {conflicts:?}") };
    let names: Vec<_> = conflict.values.iter().filter_map(|value| value.value.as_deref()).collect();
    assert!(names.contains(&"Lou Martin") && names.contains(&"Lou Petit"), "{names:?}");
    let chosen = conflict.values.iter().find(|value| value.value.as_deref() == Some("Lou Petit")).unwrap();
    tablet.store.conflicts().settle(&conflict.id, &chosen.id).unwrap();
    come_to_rest(&[&desk, &tablet]);
    for device in [&desk, &tablet] {
        let case = device.store.cases().get(case.id).unwrap().unwrap();
        let called: Vec<_> = case.participants.iter().filter(|it| it.id == lost).map(|it| &it.name).collect();
        assert_eq!(called, ["Lou Petit"]);
        assert_eq!(device.store.conflicts().list(Some(case.id)).unwrap(), []);
    }
    sound(&[&desk, &tablet]);
}
