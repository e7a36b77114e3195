//! Recording contacts: when, by whom, and what became of them (CT-01, CT-02, CT-04).

use caseplan_core::Error;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, Contact, ContactDraft, ContactKind, ContactTime, Correction, NewAddendum,
    Outcome, OutcomeCode, OutcomeReason, PlannedKind, PlannedVisit,
};
use caseplan_core::visitation::{ContactMethod, DueState, DueVisit, OccurrenceRef, PartyRef};

use crate::support::{Device, at, day, occurred, paris};

/// A draft of a visit to somebody, complete but for when it was.
fn visit(device: &Device, case: &caseplan_core::case::Case, time: ContactTime) -> ContactDraft {
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::CaseworkerVisit };
    let draft = device.store.contacts().start_draft(&start).unwrap();
    let there = Attendance {
        party: PartyRef::Participant(case.primary_client),
        status: AttendanceStatus::Present,
        minutes_late: None,
        minutes_left_early: None,
    };
    let draft = ContactDraft {
        outcome: Some(occurred()),
        time: Some(time),
        method: Some(ContactMethod::InPerson),
        attendance: vec![there],
        ..draft
    };
    device.store.contacts().save_draft(&draft).unwrap()
}

fn completed(device: &Device, draft: &ContactDraft) -> Result<Contact, String> {
    device.store.contacts().complete(draft.id).map_err(|error| match error {
        Error::RuleBroken { rule, .. } => rule.to_owned(),
        other => other.to_string(),
    })
}

#[test]
fn ct_01_nothing_has_happened_in_the_future() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    phone.now("2026-03-07T16:00:00Z");
    let time = |start: Option<&str>, end: Option<&str>, on: &str| ContactTime {
        day: day(on),
        start: start.map(at),
        end: end.map(at),
        zone: paris(),
    };
    let today = "2026-03-07";
    for future in [
        time(Some("2026-03-07T16:10:01Z"), None, today),
        time(Some("2026-03-07T15:00:00Z"), Some("2026-03-07T16:10:01Z"), today),
        time(None, None, "2026-03-08"),
    ] {
        let draft = visit(&phone, &case, future);
        assert_eq!(completed(&phone, &draft).unwrap_err(), "CT-01");
        assert!(phone.store.contacts().draft(draft.id).unwrap().is_some(), "the draft stays");
    }
    for past in [
        // Honest clocks differ by up to ten minutes.
        time(Some("2026-03-07T16:10:00Z"), None, today),
        time(None, None, today),
        // Days late.
        time(Some("2026-02-27T09:00:00Z"), Some("2026-02-27T10:00:00Z"), "2026-02-27"),
    ] {
        let draft = visit(&phone, &case, past.clone());
        let contact = completed(&phone, &draft).unwrap();
        assert_eq!(contact.time, past);
        assert_eq!(contact.recorded_at, Some(at("2026-03-07T16:00:00Z")));
    }
}

#[test]
fn ct_01_a_visit_across_midnight_and_one_in_another_zone_have_the_day_of_their_start() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    phone.now("2026-03-08T12:00:00Z");
    let night = ContactTime {
        day: day("2026-01-01"),
        start: Some(at("2026-03-07T22:30:00Z")),
        end: Some(at("2026-03-07T23:45:00Z")),
        zone: paris(),
    };
    let contact = completed(&phone, &visit(&phone, &case, night.clone())).unwrap();
    assert_eq!(contact.time.day, day("2026-03-07"), "the day follows from the start");
    assert_eq!(contact.time.end, night.end);

    let reunion = ContactTime { zone: "Indian/Reunion".parse().unwrap(), ..night.clone() };
    let contact = completed(&phone, &visit(&phone, &case, reunion)).unwrap();
    assert_eq!(contact.time.day, day("2026-03-08"), "22:30 UTC is tomorrow there");

    let backwards = ContactTime { end: Some(at("2026-03-07T22:00:00Z")), ..night };
    let refused = completed(&phone, &visit(&phone, &case, backwards)).unwrap_err();
    assert_eq!(refused, "time.end is invalid: range");

    // It is the ninth in Kiritimati already when it is the eighth in Paris, and the tenth nowhere.
    let far = |on: &str| ContactTime {
        day: day(on),
        start: None,
        end: None,
        zone: "Pacific/Kiritimati".parse().unwrap(),
    };
    assert!(completed(&phone, &visit(&phone, &case, far("2026-03-09"))).is_ok());
    assert_eq!(completed(&phone, &visit(&phone, &case, far("2026-03-10"))).unwrap_err(), "CT-01");
}

#[test]
fn ct_02_who_conducted_a_contact_and_who_recorded_it_stand_apart() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    tablet.now("2026-03-07T16:30:00Z");
    let colleague = PartyRef::User("w-300".parse().unwrap());
    let draft = tablet.drafted(tablet.planned("2026-03-07", "2026-03-07")[0], "A calm visit.");
    let draft = ContactDraft { conducted_by: Some(colleague.clone()), ..draft };
    tablet.store.contacts().save_draft(&draft).unwrap();
    let contact = tablet.store.contacts().complete(draft.id).unwrap();
    phone.meet(&tablet);

    for device in [&phone, &tablet] {
        let seen = device.store.contacts().get(contact.id).unwrap().unwrap();
        assert_eq!(seen.conducted_by, colleague);
        assert_eq!(seen.recorded_by, Some("w-204".parse().unwrap()), "from the signature");
        assert_eq!(seen.recorded_on, Some(tablet.store.identity().device()));
        assert_eq!(seen.recorded_at, Some(at("2026-03-07T16:30:00Z")));
    }
    // Nobody who is not in the case conducts anything; whoever names nobody conducted it.
    let draft = tablet.drafted(tablet.planned("2026-03-14", "2026-03-14")[0], "");
    let stranger = PartyRef::Participant("00000000-0000-4000-8000-000000000001".parse().unwrap());
    let wrong = ContactDraft { conducted_by: Some(stranger), ..draft };
    tablet.now("2026-03-14T16:30:00Z");
    let wrong = tablet.store.contacts().save_draft(&wrong).unwrap();
    assert!(matches!(
        tablet.store.contacts().complete(wrong.id),
        Err(Error::NotFound { kind: "participant", .. })
    ));
    let right = ContactDraft { conducted_by: None, ..wrong };
    tablet.store.contacts().save_draft(&right).unwrap();
    let contact = tablet.store.contacts().complete(right.id).unwrap();
    assert_eq!(contact.conducted_by, PartyRef::User("w-204".parse().unwrap()));
}

#[test]
fn ct_04_a_visit_that_did_not_take_place_has_a_reason_and_no_duration() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-14T16:30:00Z");
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    for code in
        [OutcomeCode::NoShow, OutcomeCode::Attempted, OutcomeCode::CanceledInAdvance, OutcomeCode::TurnedAway]
    {
        let draft = phone.drafted(saturday, "");
        let without = ContactDraft { outcome: Some(Outcome { code, ..occurred() }), ..draft };
        let without = phone.store.contacts().save_draft(&without).unwrap();
        assert_eq!(completed(&phone, &without).unwrap_err(), "CT-04");
        phone.store.contacts().discard_draft(without.id).unwrap();
    }
    let draft = phone.drafted(saturday, "");
    let unheard = Outcome { code: OutcomeCode::from_code("Léa ran away"), ..occurred() };
    phone.store.contacts().save_draft(&ContactDraft { outcome: Some(unheard), ..draft.clone() }).unwrap();
    let refused = phone.store.contacts().complete(draft.id).unwrap_err();
    assert!(matches!(refused, Error::RuleBroken { rule: "CT-04", .. }), "{refused:?}");
    assert!(!format!("{refused:?}").contains("ran away"), "an error repeats no text");
    phone.store.contacts().discard_draft(draft.id).unwrap();

    let draft = phone.drafted(saturday, "");
    let outcome = Outcome { code: OutcomeCode::NoShow, reason: Some(OutcomeReason::Illness), ..occurred() };
    let draft = ContactDraft { outcome: Some(outcome), method: None, attendance: Vec::new(), ..draft };
    phone.store.contacts().save_draft(&draft).unwrap();
    let contact = completed(&phone, &draft).unwrap();
    assert_eq!((contact.time.start, contact.time.end), (None, None));
    assert!(!contact.counts());
    let due = phone.store.visitation_plans().due(day("2026-03-07"), day("2026-03-07"), None).unwrap();
    assert!(matches!(&due[..], [DueVisit::Occurrence { state: DueState::NotHeld, .. }]), "{due:?}");
}

#[test]
fn a_contact_is_complete_only_with_what_it_needs() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::Collateral };
    let draft = phone.store.contacts().start_draft(&start).unwrap();
    let draft = ContactDraft { time: None, ..draft };
    let draft = phone.store.contacts().save_draft(&draft).unwrap();
    let refused = phone.store.contacts().complete(draft.id).unwrap_err();
    let missing = |fields: &[&str]| Error::Incomplete {
        draft: draft.id,
        missing: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    assert_eq!(refused, missing(&["outcome", "time"]));
    let time = ContactTime { day: day("2026-03-02"), start: None, end: None, zone: paris() };
    let next = ContactDraft { outcome: Some(occurred()), time: Some(time), ..draft.clone() };
    phone.store.contacts().save_draft(&next).unwrap();
    assert_eq!(phone.store.contacts().complete(draft.id).unwrap_err(), missing(&["method", "attendance"]));
}

#[test]
fn a_planned_visit_on_another_day_is_rescheduled_and_one_without_plan_unscheduled() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-09T12:00:00Z");
    let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "");
    let sunday = ContactTime { day: day("2026-03-08"), start: None, end: None, zone: paris() };
    let draft = ContactDraft { time: Some(sunday.clone()), ..draft };
    phone.store.contacts().save_draft(&draft).unwrap();
    assert_eq!(completed(&phone, &draft).unwrap().planned_kind, PlannedKind::Rescheduled);
    let other = completed(&phone, &visit(&phone, &case, sunday)).unwrap();
    assert_eq!(other.planned_kind, PlannedKind::Unscheduled);
}

#[test]
fn ct_01_a_visit_that_was_called_off_is_recorded_before_its_day() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-04T09:00:00Z");
    let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "she is ill");
    let called_off = Outcome {
        code: OutcomeCode::CanceledInAdvance,
        reason: Some(OutcomeReason::Illness),
        notice_hours: Some(72),
        attributed_to: None,
        comment: None,
    };
    let draft = ContactDraft { outcome: Some(called_off), ..draft };
    let contact =
        phone.store.contacts().complete(phone.store.contacts().save_draft(&draft).unwrap().id).unwrap();
    assert_eq!((contact.time.day, contact.planned_kind), (day("2026-03-07"), PlannedKind::Scheduled));
    let due = phone.store.visitation_plans().due(day("2026-03-07"), day("2026-03-07"), None).unwrap();
    assert!(matches!(&due[..], [DueVisit::Occurrence { state: DueState::NotHeld, .. }]), "{due:?}");
    // That it took place after all is said after it has, with what that needs.
    let outcome = |code| Correction::Outcome { value: Outcome { code, ..occurred() } };
    let amend = |corrections: Vec<Correction>| {
        phone.store.contacts().amend(contact.id, &NewAddendum { text: String::new(), corrections })
    };
    let time = Correction::Time { value: contact.time.clone() };
    let took_place = || outcome(OutcomeCode::Occurred);
    for early in [vec![took_place(), time], vec![took_place()]] {
        assert!(matches!(amend(early), Err(Error::RuleBroken { .. })), "CT-01");
    }
    phone.now("2026-03-07T18:00:00Z");
    assert!(amend(vec![took_place()]).unwrap().counts());
}

#[test]
fn what_took_place_after_all_says_how_and_who_was_there() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T18:00:00Z");
    let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "nobody came");
    let no_show = Outcome { code: OutcomeCode::NoShow, reason: Some(OutcomeReason::Transport), ..occurred() };
    let draft = ContactDraft { outcome: Some(no_show), method: None, attendance: Vec::new(), ..draft };
    let contact =
        phone.store.contacts().complete(phone.store.contacts().save_draft(&draft).unwrap().id).unwrap();
    let amend = |corrections: Vec<Correction>| {
        phone.store.contacts().amend(contact.id, &NewAddendum { text: String::new(), corrections })
    };
    let held = Correction::Outcome { value: occurred() };
    let method = Correction::Method { value: ContactMethod::InPerson };
    assert_eq!(amend(vec![held.clone()]).unwrap_err(), Error::invalid("method", "empty"));
    assert_eq!(amend(vec![held.clone(), method.clone()]).unwrap_err(), Error::invalid("attendance", "empty"));
    let there = Attendance {
        party: PartyRef::Participant(ana.id),
        status: AttendanceStatus::Present,
        minutes_late: None,
        minutes_left_early: None,
    };
    let amended = amend(vec![held, method, Correction::Attendance { value: there }]).unwrap();
    assert!(amended.counts());
}

#[test]
fn a_contact_is_one_visit_of_a_plan_on_a_day_that_has_one() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-14T18:00:00Z");
    let visits = phone.planned("2026-03-07", "2026-03-14");
    let both = DraftStart::Occurrences { occurrences: visits.clone() };
    let refused = Error::invalid("planned", "duplicate");
    assert_eq!(phone.store.contacts().start_draft(&both).unwrap_err(), refused);
    let draft = phone.drafted(visits[0], "");
    let planned = |day_of: &str| {
        let occurrence = OccurrenceRef { day: day(day_of), ..visits[0] };
        vec![PlannedVisit { plan: visits[0].plan, occurrence: Some(occurrence) }]
    };
    let completes = |planned: Vec<PlannedVisit>| {
        let draft = phone.store.contacts().draft(draft.id).unwrap().unwrap();
        phone.store.contacts().save_draft(&ContactDraft { planned, ..draft }).unwrap();
        phone.store.contacts().complete(draft.id)
    };
    let twice = [planned("2026-03-07"), planned("2026-03-14")].concat();
    assert_eq!(completes(twice).unwrap_err(), refused);
    assert_eq!(completes(planned("2026-03-08")).unwrap_err(), Error::invalid("planned", "range"));
    assert_eq!(completes(planned("2026-03-07")).unwrap().planned_kind, PlannedKind::Scheduled);
}
