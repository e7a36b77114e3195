//! What was completed is never overwritten (CT-03), and who somebody is can be corrected with its history kept.

use caseplan_core::Error;
use caseplan_core::case::{CaseChange, PersonCorrection};
use caseplan_core::contact::{
    Attendance, AttendanceStatus, Contact, Correction, NewAddendum, OutcomeCode, PlannedVisit,
};
use caseplan_core::document::{Document, Edit, EditRefused, FieldPath, Kind, OpId, Stamp};
use caseplan_core::ids::{Actor, ContactId};
use caseplan_core::visitation::{ContactMethod, DueState, DueVisit, PartyRef};

use crate::support::hostile::document_of;
use crate::support::{Device, at, day, occurred};

fn corrects(corrections: Vec<Correction>) -> NewAddendum {
    NewAddendum { text: String::new(), corrections }
}

fn recorded(device: &Device) -> Contact {
    let (case, ana) = device.lea("2026-0117");
    device.saturdays(&case, &ana);
    device.now("2026-03-07T16:30:00Z");
    device.records(device.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.")
}

#[test]
fn a_contact_of_one_plan_is_not_corrected_to_another() {
    let phone = Device::new("phone", "w-117");
    let contact = recorded(&phone);
    let case = phone.store.cases().get(contact.case_id).unwrap().unwrap();
    let ana = case.participants.iter().find(|participant| participant.id != case.primary_client).unwrap();
    let other = phone.saturdays(&case, ana);
    let visit = |plan| PlannedVisit { plan, occurrence: None };
    let amend = |planned| {
        let correction = Correction::Planned { value: planned };
        phone.store.contacts().amend(contact.id, &corrects(vec![correction]))
    };
    assert_eq!(amend(vec![visit(other.id)]).unwrap_err(), Error::invalid("planned", "elsewhere"));
    let own = contact.planned[0].plan;
    assert_eq!(amend(vec![visit(own), visit(other.id)]).unwrap_err(), Error::invalid("planned", "elsewhere"));
    assert_eq!(phone.store.contacts().get(contact.id).unwrap().unwrap(), contact, "nothing was written");
    assert_eq!(
        amend(vec![visit(own)]).unwrap().planned,
        [visit(own)],
        "another occurrence of its own, or none"
    );
}

fn state_on(device: &Device, on: &str) -> DueState {
    let due = device.store.visitation_plans().due(day(on), day(on), None).unwrap();
    match &due[..] {
        [DueVisit::Occurrence { state, .. }] => state.clone(),
        other => panic!("not one visit: {other:?}"),
    }
}

#[test]
fn ct_03_a_correction_stands_beside_what_was_recorded() {
    let phone = Device::new("phone", "w-117");
    let contact = recorded(&phone);
    let empty = phone.store.contacts().amend(contact.id, &NewAddendum::default());
    assert_eq!(empty.unwrap_err(), Error::invalid("text", "empty"));

    phone.now("2026-03-08T09:00:00Z");
    let late = Attendance {
        party: contact.attendance[0].party.clone(),
        status: AttendanceStatus::Present,
        minutes_late: Some(20),
        minutes_left_early: None,
    };
    let addendum = NewAddendum {
        text: "She came late; I had not written it down.".to_owned(),
        corrections: vec![
            Correction::Place { value: "Salle 3".to_owned() },
            Correction::Method { value: ContactMethod::Video },
            Correction::Attendance { value: late.clone() },
        ],
    };
    let amended = phone.store.contacts().amend(contact.id, &addendum).unwrap();
    assert_eq!(amended.place.as_deref(), Some("Salle 3"));
    assert_eq!(amended.method, Some(ContactMethod::Video));
    assert!(amended.attendance.contains(&late));
    assert_eq!(amended.narrative, contact.narrative, "a narrative is added to, never changed");
    let place = amended.corrections.iter().find(|field| field.field == "place").unwrap();
    assert_eq!(place.original, r#"{"text":"Maison de la famille, salle 2"}"#);
    assert_eq!(place.corrected, r#"{"text":"Salle 3"}"#);
    assert_eq!(place.addendum, Some(amended.addenda[0].id));
    assert_eq!(amended.addenda[0].text, addendum.text);
    assert_eq!(amended.addenda[0].by, Some("w-117".parse().unwrap()));
    assert_eq!(amended.addenda[0].at, Some(at("2026-03-08T09:00:00Z")));
    assert_eq!(amended.recorded_at, contact.recorded_at, "when it was recorded does not move");

    // The rules of completion hold for a correction too.
    let future = Correction::Time {
        value: caseplan_core::contact::ContactTime { day: day("2026-03-20"), ..contact.time.clone() },
    };
    let refused = phone.store.contacts().amend(contact.id, &corrects(vec![future])).unwrap_err();
    assert!(matches!(refused, Error::RuleBroken { rule: "CT-01", .. }));
    let reasonless = caseplan_core::contact::Outcome { code: OutcomeCode::NoShow, ..occurred() };
    let refused = corrects(vec![Correction::Outcome { value: reasonless }]);
    let refused = phone.store.contacts().amend(contact.id, &refused).unwrap_err();
    assert!(matches!(refused, Error::RuleBroken { rule: "CT-04", .. }));
    assert_eq!(phone.store.contacts().get(contact.id).unwrap().unwrap().addenda.len(), 1);
}

#[test]
fn ct_03_what_was_entered_in_error_stays_readable_and_does_not_count() {
    let phone = Device::new("phone", "w-117");
    let contact = recorded(&phone);
    assert_eq!(state_on(&phone, "2026-03-07"), DueState::Done);
    let nobody: ContactId = "00000000-0000-4000-8000-000000000001".parse().unwrap();
    let error = |recorded_as| {
        corrects(vec![Correction::EnteredInError { why: "the wrong child".to_owned(), recorded_as }])
    };
    assert!(matches!(
        phone.store.contacts().amend(contact.id, &error(Some(nobody))),
        Err(Error::NotFound { kind: "contact", .. })
    ));
    let amended = phone.store.contacts().amend(contact.id, &error(None)).unwrap();
    assert_eq!(amended.in_error.as_ref().map(|error| error.why.as_str()), Some("the wrong child"));
    assert_eq!(amended.narrative, "Léa ran to her mother.");
    assert!(!amended.counts());
    assert_eq!(state_on(&phone, "2026-03-07"), DueState::Overdue, "the visit is still to be recorded");
}

#[test]
fn ct_03_two_corrections_of_one_value_made_apart_are_a_conflict_that_a_person_settles() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let contact = recorded(&phone);
    phone.meet(&tablet);
    for (device, place) in [(&phone, "Salle 3"), (&tablet, "Salle 4")] {
        device.now("2026-03-08T09:00:00Z");
        let correction = Correction::Place { value: place.to_owned() };
        device.store.contacts().amend(contact.id, &corrects(vec![correction])).unwrap();
    }
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
    let conflicts = phone.store.conflicts().list(None).unwrap();
    assert_eq!(conflicts.len(), 1);
    let conflict = &conflicts[0];
    assert_eq!(
        (conflict.entity.as_deref(), conflict.field.as_str()),
        (Some(&*contact.id.to_string()), "place")
    );
    let third = corrects(vec![Correction::Place { value: "Salle 5".to_owned() }]);
    assert!(matches!(tablet.store.contacts().amend(contact.id, &third), Err(Error::FieldInConflict { .. })));
    let four = conflict.values.iter().find(|value| value.value.as_ref().unwrap().contains("Salle 4"));
    phone.store.conflicts().settle(&conflict.id, &four.unwrap().id).unwrap();
    phone.meet(&tablet);
    for device in [&phone, &tablet] {
        assert!(device.store.conflicts().list(None).unwrap().is_empty());
        let seen = device.store.contacts().get(contact.id).unwrap().unwrap();
        assert_eq!(seen.place.as_deref(), Some("Salle 4"));
        assert_eq!(seen.addenda.len(), 2, "both addenda stay");
    }
    assert!(tablet.store.contacts().amend(contact.id, &third).is_ok(), "settled, it can be corrected again");
}

#[test]
fn a_settlement_each_way_on_two_devices_is_a_conflict_again() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let contact = recorded(&phone);
    phone.meet(&tablet);
    for (device, place) in [(&phone, "Salle 3"), (&tablet, "Salle 4")] {
        let correction = Correction::Place { value: place.to_owned() };
        device.store.contacts().amend(contact.id, &corrects(vec![correction])).unwrap();
    }
    phone.meet(&tablet);
    let conflict = phone.store.conflicts().list(None).unwrap().remove(0);
    phone.store.conflicts().settle(&conflict.id, &conflict.values[0].id).unwrap();
    tablet.store.conflicts().settle(&conflict.id, &conflict.values[1].id).unwrap();
    phone.meet(&tablet);
    let again = phone.store.conflicts().list(None).unwrap();
    assert_eq!(again.len(), 1, "neither settlement vanishes");
    assert_ne!(again[0].id, conflict.id);
    assert_eq!(again[0].values.len(), 2);
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn a_conflict_that_has_changed_is_read_again_before_it_is_settled() {
    let phone = Device::new("phone", "w-117");
    let devices = [phone.enrol("tablet", "w-204"), phone.enrol("laptop", "w-300")];
    let contact = recorded(&phone);
    devices.iter().for_each(|device| phone.meet(device));
    for (device, place) in [&phone, &devices[0], &devices[1]].into_iter().zip(["A", "B", "C"]) {
        device.now("2026-03-08T09:00:00Z");
        let correction = Correction::Place { value: place.to_owned() };
        device.store.contacts().amend(contact.id, &corrects(vec![correction])).unwrap();
    }
    phone.meet(&devices[0]);
    let seen = phone.store.conflicts().list(None).unwrap().remove(0);
    phone.meet(&devices[1]);
    let before = phone.rows();
    let refused = phone.store.conflicts().settle(&seen.id, &seen.values[0].id);
    assert_eq!(refused, Err(Error::ConflictChanged { conflict: seen.id.clone() }));
    assert_eq!(phone.rows(), before, "nothing is lost");
    assert_eq!(phone.store.conflicts().get(&seen.id).unwrap(), None);

    // The document itself refuses a settlement that has not seen every value.
    let (_, changes) = document_of(&phone, Kind::ContactLog);
    let chunks: Vec<Vec<u8>> = changes.into_iter().map(|change| change.chunk).collect();
    let genesis = Kind::ContactLog.genesis_bytes();
    let mut document = Document::load(Kind::ContactLog, genesis, &chunks).unwrap();
    let field = format!("{}.place", contact.id);
    let all: Vec<_> =
        document.view().fields("corrected").fields[&field].rivals.iter().map(|r| r.op).collect();
    let settle = |seen: &[OpId]| Edit::Settle {
        path: FieldPath::flat("corrected", &field),
        seen: seen.to_vec(),
        value: "D".into(),
    };
    let device = phone.store.identity().device();
    let stamp = Stamp { code: "x", command: None, actor: Actor::new(device, [7; 8]), time: 0 };
    let half = document.commit(&[settle(&all[..2])], stamp);
    assert!(matches!(half, Err(EditRefused::ConflictChanged { .. })), "{half:?}");
    assert!(document.commit(&[settle(&all)], stamp).unwrap().is_some());

    let now = phone.store.conflicts().list(None).unwrap().remove(0);
    assert_eq!(now.values.len(), 3);
    phone.store.conflicts().settle(&now.id, &now.values[2].id).unwrap();
    assert!(phone.store.conflicts().list(None).unwrap().is_empty());
}

#[test]
fn ct_03_a_draft_is_completed_once() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "Once.");
    let results: Vec<Result<Contact, Error>> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| phone.store.contacts().complete(draft.id))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results.iter().all(|result| matches!(result, Ok(_) | Err(Error::NotFound { kind: "draft", .. })))
    );
    let query = caseplan_core::contact::reads::ContactQuery::of_case(case.id, 10);
    assert_eq!(phone.store.contacts().page(&query).unwrap().contacts.len(), 1);
}

#[test]
fn a_participant_is_corrected_and_every_earlier_state_is_kept() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    tablet.now("2026-03-05T10:00:00Z");
    let correction = PersonCorrection { name: Some("Anna Martín".to_owned()), born: None };
    tablet.store.cases().correct_participant(case.id, ana.id, &correction).unwrap();
    phone.meet(&tablet);

    let versions = phone.store.history().participant_versions(case.id, ana.id).unwrap();
    let seen: Vec<(&str, &str)> = versions
        .iter()
        .map(|version| (version.participant.name.as_str(), version.by.as_ref().unwrap().as_str()))
        .collect();
    assert_eq!(seen, [("Ana Martin", "w-117"), ("Anna Martín", "w-204")]);
    assert_eq!(versions[1].at, at("2026-03-05T10:00:00Z"));
    let shown = phone.store.visitation_plans().get(plan.id).unwrap().unwrap();
    assert_eq!(shown.plan.visitors[0].party, PartyRef::Participant(ana.id));
    assert_eq!(shown.plan.visitors[0].name, "Anna Martín", "a plan shows the name as it stands in the case");
    let future = PersonCorrection { name: None, born: Some(day("2027-01-01")) };
    assert!(phone.store.cases().correct_participant(case.id, ana.id, &future).is_err());
}

#[test]
fn a_participant_has_every_state_that_was_seen_by_whoever_wrote_it() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.meet(&tablet);
    let corrects = |device: &Device, time: &str, name: Option<&str>, born: Option<&str>| {
        device.now(time);
        let correction = PersonCorrection { name: name.map(str::to_owned), born: born.map(day) };
        device.store.cases().correct_participant(case.id, ana.id, &correction).unwrap();
    };
    corrects(&phone, "2026-03-05T10:00:00Z", Some("Anna"), None);
    corrects(&tablet, "2026-03-06T10:00:00Z", None, Some("1990-01-01"));
    phone.meet(&tablet);
    let versions = || -> Vec<(String, Option<String>, Option<String>)> {
        let all = phone.store.history().participant_versions(case.id, ana.id).unwrap();
        let one = |version: &caseplan_core::case::ParticipantVersion| {
            let born = version.participant.born.map(|born| born.to_string());
            (version.participant.name.clone(), born, version.by.as_ref().map(ToString::to_string))
        };
        all.iter().map(one).collect()
    };
    let state = |name: &str, born: Option<&str>, by: Option<&str>| {
        (name.to_owned(), born.map(str::to_owned), by.map(str::to_owned))
    };
    let born = Some("1990-01-01");
    let mut apart = versions();
    assert_eq!(apart.pop(), Some(state("Anna", born, None)), "both corrections, which nobody wrote together");
    apart.sort();
    assert_eq!(
        apart,
        [
            state("Ana Martin", None, Some("w-117")),
            state("Ana Martin", born, Some("w-204")),
            state("Anna", None, Some("w-117")),
        ]
    );
    // Back to what it was, and something else besides.
    corrects(&phone, "2026-03-07T10:00:00Z", Some("Ana Martin"), None);
    let team = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    tablet.store.cases().change(case.id, &team).unwrap();
    phone.meet(&tablet);
    assert_eq!(versions().last(), Some(&state("Ana Martin", born, Some("w-117"))));
    assert_eq!(versions().len(), 5);
}
