//! Two changes of one number: what a restored copy makes that has its vault beside it. Nothing of either is lost.

use caseplan_core::case::{CaseChange, NewParticipant, NewPerson, ParticipantRole, PersonCorrection};
use caseplan_core::contact::NewAddendum;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::{CancelToken, Refusal};
use caseplan_core::identity::Role;
use caseplan_core::ids::CaseId;
use caseplan_core::sync::SyncFailed;

use crate::support::Device;
use crate::support::link::{sync, take_in};

pub fn team(device: &Device, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

pub fn kind_of_case(device: &Device, case: CaseId, kind: &str) {
    let change = CaseChange { case_type: Some(kind.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

pub fn seen(device: &Device, case: CaseId) -> (Option<String>, Option<String>) {
    let case = device.store.cases().get(case).unwrap().unwrap();
    (case.team, case.case_type)
}

pub fn narratives(device: &Device) -> Vec<String> {
    let page = device.store.contacts().page(&ContactQuery { limit: 50, ..ContactQuery::default() }).unwrap();
    let mut found: Vec<String> = page
        .contacts
        .iter()
        .map(|contact| device.store.contacts().get(contact.id).unwrap().unwrap().narrative)
        .collect();
    found.sort();
    found
}

fn only_forks_are_held(device: &Device) {
    let reasons: Vec<Refusal> =
        device.store.exchange().quarantine().unwrap().into_iter().map(|held| held.reason).collect();
    assert!(reasons.iter().all(|reason| *reason == Refusal::Forked), "{reasons:?}");
}

/// All devices sync with each other until nobody has anything new; then all hold and show the same.
pub fn come_to_rest(devices: &[&Device]) {
    for _ in 0..6 {
        let mut quiet = true;
        for (at, one) in devices.iter().enumerate() {
            for other in &devices[at + 1..] {
                for report in sync(&one.store, &other.store) {
                    assert_eq!(report.failed, None);
                    quiet &= report.equal && report.sent + report.received == 0;
                }
            }
        }
        if quiet {
            for device in devices {
                assert!(device.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
                assert_eq!(device.rows(), devices[0].rows());
                assert_eq!(
                    device.store.exchange().digest().unwrap(),
                    devices[0].store.exchange().digest().unwrap()
                );
            }
            return;
        }
    }
    panic!("devices that never come to rest");
}

/// Ana's phone and tablet, with Léa's case and a visit planned on Saturdays.
pub fn phone_and_tablet() -> (Device, Device, CaseId) {
    let phone = Device::new("forked-phone", "w-117");
    let tablet = Device::new("forked-tablet", "w-117");
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    come_to_rest(&[&phone, &tablet]);
    (phone, tablet, case.id)
}

#[test]
fn a_restored_copy_with_its_vault_makes_again_what_it_wrote_under_numbers_that_were_taken() {
    let (mut phone, tablet, case) = phone_and_tablet();
    let monday = phone.image("monday");
    phone.now("2026-03-14T16:30:00Z");
    team(&phone, case, "north");
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "before the copy came back");
    come_to_rest(&[&phone, &tablet]);

    phone.come_back(&monday);
    assert_eq!(seen(&phone, case), (None, None), "it is Monday again, and the vault agrees");
    phone.now("2026-03-21T16:30:00Z");
    kind_of_case(&phone, case, "foster");
    phone.records(phone.planned("2026-03-21", "2026-03-21")[0], "after the copy came back");
    come_to_rest(&[&phone, &tablet]);
    for device in [&phone, &tablet] {
        assert_eq!(seen(device, case), (Some("north".to_owned()), Some("foster".to_owned())));
        assert_eq!(
            narratives(device),
            ["Léa ran to her mother.", "after the copy came back", "before the copy came back"]
        );
        only_forks_are_held(device);
    }
    // Its numbers are its own from now on.
    team(&phone, case, "south");
    team(&tablet, case, "east");
    come_to_rest(&[&phone, &tablet]);
    assert_eq!(phone.store.conflicts().list(Some(case)).unwrap().len(), 1);
}

#[test]
fn what_lost_a_fork_and_had_forked_itself_is_made_again_whole() {
    let (mut phone, tablet, case) = phone_and_tablet();
    let desk = Device::new("forked-again-desk", "w-117");
    take_in(&phone.store, &desk.store, "w-117", &[Role::Caseworker]);
    come_to_rest(&[&phone, &tablet, &desk]);
    let monday = phone.image("monday");
    let reference = CaseChange { reference: Some("2026-0200".to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case, &reference).unwrap();
    come_to_rest(&[&phone, &tablet]);

    phone.come_back(&monday);
    phone.clock.advance(60);
    team(&phone, case, "north");
    let tuesday = phone.image("tuesday");
    let [theo, zoe] = ["Théo", "Zoé"].map(|name| (name, format!("{name} Martin")));
    adds(&phone, case, theo.0, &theo.1);
    come_to_rest(&[&phone, &desk]);

    // Under the numbers of that, and with the same numbers of operations.
    phone.come_back(&tuesday);
    phone.clock.advance(60);
    adds(&phone, case, zoe.0, &zoe.1);
    come_to_rest(&[&phone, &tablet, &desk]);
    for device in [&phone, &tablet, &desk] {
        let case = device.store.cases().get(case).unwrap().unwrap();
        assert_eq!((case.reference.as_str(), case.team.as_deref()), ("2026-0200", Some("north")));
        let names: Vec<&str> = case.participants.iter().map(|person| person.name.as_str()).collect();
        assert!(names.contains(&theo.1.as_str()) && names.contains(&zoe.1.as_str()), "{names:?}");
        assert!(device.store.conflicts().list(Some(case.id)).unwrap().is_empty(), "each wrote into its own");
        only_forks_are_held(device);
    }
}

/// Adds a sibling, and corrects the name.
fn adds(device: &Device, case: CaseId, name: &str, right: &str) {
    let sibling = NewParticipant {
        person: NewPerson { name: name.to_owned(), born: None },
        role: ParticipantRole::Sibling,
        from: None,
        origin: None,
    };
    let added = device.store.cases().add_participant(case, &sibling).unwrap();
    let correction = PersonCorrection { name: Some(right.to_owned()), born: None };
    device.store.cases().correct_participant(case, added.id, &correction).unwrap();
}

#[test]
fn exported_bytes_heal_a_fork_as_a_session_does() {
    let (mut phone, tablet, case) = phone_and_tablet();
    let monday = phone.image("monday");
    team(&phone, case, "north");
    phone.meet(&tablet);
    phone.come_back(&monday);
    phone.clock.advance(60);
    kind_of_case(&phone, case, "foster");
    phone.meet(&tablet);
    for device in [&phone, &tablet] {
        assert_eq!(seen(device, case), (Some("north".to_owned()), Some("foster".to_owned())));
    }
    come_to_rest(&[&phone, &tablet]);
}

#[test]
fn what_two_branches_say_of_one_field_is_a_conflict_for_a_person() {
    let (mut phone, tablet, case) = phone_and_tablet();
    let monday = phone.image("monday");
    team(&phone, case, "north");
    come_to_rest(&[&phone, &tablet]);
    phone.come_back(&monday);
    phone.clock.advance(60);
    team(&phone, case, "south");
    team(&phone, case, "east");
    come_to_rest(&[&phone, &tablet]);
    let conflicts = tablet.store.conflicts().list(Some(case)).unwrap();
    assert_eq!(conflicts.len(), 1);
    let mut values: Vec<_> = conflicts[0].values.iter().map(|value| format!("{:?}", value.value)).collect();
    values.sort();
    assert_eq!(values.len(), 2, "the last of each branch: {values:?}");
}

#[test]
fn a_fork_seen_by_two_groups_heals_when_its_owner_meets_either_and_what_others_built_on_it_stays() {
    let (mut phone, tablet, case) = phone_and_tablet();
    let desk = Device::new("forked-desk", "w-117");
    take_in(&phone.store, &desk.store, "w-117", &[Role::Caseworker]);
    come_to_rest(&[&phone, &tablet, &desk]);
    let monday = phone.image("monday");
    phone.now("2026-03-14T16:30:00Z");
    team(&phone, case, "north");
    phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "the tablet's branch");
    come_to_rest(&[&phone, &tablet]);
    tablet.now("2026-03-14T18:00:00Z");
    team(&tablet, case, "north-west");

    phone.come_back(&monday);
    phone.now("2026-03-21T16:30:00Z");
    kind_of_case(&phone, case, "foster");
    let visit = phone.records(phone.planned("2026-03-21", "2026-03-21")[0], "the desk's branch");
    come_to_rest(&[&phone, &desk]);
    desk.now("2026-03-21T18:00:00Z");
    kind_of_case(&desk, case, "kinship");
    let addendum = NewAddendum { text: "built on it".to_owned(), corrections: Vec::new() };
    desk.store.contacts().amend(visit.id, &addendum).unwrap();

    // Without the owner nobody chooses: both hold both branches, and rest.
    come_to_rest_apart(&tablet, &desk);
    let held = |device: &Device| device.store.exchange().quarantine().unwrap().len();
    assert!(held(&tablet) > 0 && held(&desk) > 0);

    come_to_rest(&[&phone, &tablet, &desk]);
    for device in [&phone, &tablet, &desk] {
        assert_eq!(seen(device, case), (Some("north-west".to_owned()), Some("kinship".to_owned())));
        assert_eq!(narratives(device).len(), 3);
        let again = device.store.contacts().get(visit.id).unwrap().unwrap();
        assert_eq!(again.addenda.len(), 1, "what the desk wrote upon it stands");
        assert_eq!(again.addenda[0].text, "built on it");
    }
}

/// They hold the same and neither has anything new, though each shows the branch that it met first.
fn come_to_rest_apart(one: &Device, other: &Device) {
    for _ in 0..6 {
        let reports = sync(&one.store, &other.store);
        assert!(reports.iter().all(|report| report.failed.is_none()), "{reports:?}");
        if reports.iter().all(|report| report.equal && report.sent + report.received == 0) {
            let digest = |device: &Device| device.store.exchange().digest().unwrap();
            assert_eq!(digest(one), digest(other));
            return;
        }
    }
    panic!("a fork keeps two devices busy for ever");
}

#[test]
fn two_copies_that_are_both_used_are_told() {
    let (phone, tablet, case) = phone_and_tablet();
    let image = phone.image("twin");
    let twin = phone.on(image.file.clone(), image.secrets.vault());
    phone.now("2026-03-14T08:00:00Z");
    team(&phone, case, "north");
    kind_of_case(&twin, case, "foster");
    assert_eq!(phone.store.info().unwrap().other_copy_wrote_at, None);
    for hour in 0..3 {
        sync(&phone.store, &tablet.store);
        sync(&twin.store, &tablet.store);
        phone.clock.advance(3600);
        team(&phone, case, &format!("phone {hour}"));
        kind_of_case(&twin, case, &format!("twin {hour}"));
    }
    come_to_rest_apart(&phone, &tablet);
    come_to_rest_apart(&twin, &tablet);
    come_to_rest_apart(&phone, &tablet);
    for copy in [&phone, &twin] {
        assert!(copy.store.info().unwrap().other_copy_wrote_at.is_some(), "it is told");
    }
    assert_eq!(tablet.store.info().unwrap().other_copy_wrote_at, None, "it is nobody's copy");
    assert_eq!(seen(&phone, case), seen(&tablet, case));
    // To each other they are a mirror: who talks to itself is not told apart from who is talked to by a copy.
    let reports = sync(&phone.store, &twin.store);
    assert_eq!(reports[1].failed, Some(SyncFailed::NotProven));
}
