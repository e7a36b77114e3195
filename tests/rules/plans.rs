//! Visitation plans: who, by what right, at what age (VP-01 to VP-04).

use caseplan_core::Error;
use caseplan_core::case::{NewParticipant, NewPerson, Origin, Participant, ParticipantRole};
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, DueState, DueVisit, Mandate, NewVisitationPlan, PartyRef, PlanChange,
    PlanWarning, QuotaPeriod, Schedule, Supervision, SupervisionLevel,
};

use crate::support::{Device, day, paris, weekly};

fn rule_of(error: &Error) -> &str {
    match error {
        Error::RuleBroken { rule, .. } => rule,
        other => panic!("no broken rule: {other:?}"),
    }
}

fn order(reference: &str) -> CourtOrder {
    CourtOrder { reference: reference.to_owned(), on: day("2026-03-01"), court: None }
}

fn another(device: &Device, case: caseplan_core::ids::CaseId, name: &str, born: Option<&str>) -> Participant {
    let new = NewParticipant {
        person: NewPerson { name: name.to_owned(), born: born.map(day) },
        role: ParticipantRole::Relative,
        from: None,
        origin: None,
    };
    device.store.cases().add_participant(case, &new).unwrap()
}

#[test]
fn vp_01_a_plan_has_a_client_and_a_visitor_and_nobody_is_both() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plans = phone.store.visitation_plans();
    let good = weekly(&case, &ana);
    let bad = [
        NewVisitationPlan { to_visit: Vec::new(), ..good.clone() },
        NewVisitationPlan { visitors: Vec::new(), ..good.clone() },
        NewVisitationPlan { visitors: good.to_visit.clone(), ..good.clone() },
    ];
    for new in bad {
        assert_eq!(rule_of(&plans.create(case.id, &new).unwrap_err()), "VP-01");
    }
    assert!(plans.list(None).unwrap().is_empty(), "a refused plan leaves nothing");

    let plan = plans.create(case.id, &good).unwrap().plan;
    let ends = |ids| PlanChange { end_visitors: ids, ..PlanChange::default() };
    let last = plans.change(plan.id, &ends(vec![plan.visitors[0].id])).unwrap_err();
    assert_eq!(rule_of(&last), "VP-01", "the last visitor does not leave");
    let child = PlanChange { add_visitors: vec![good.to_visit[0].clone()], ..PlanChange::default() };
    assert_eq!(rule_of(&plans.change(plan.id, &child).unwrap_err()), "VP-01");

    let aunt = another(&phone, case.id, "Inès Martin", None);
    let change = PlanChange {
        add_visitors: vec![PartyRef::Participant(aunt.id)],
        end_visitors: vec![plan.visitors[0].id],
        ..PlanChange::default()
    };
    let changed = plans.change(plan.id, &change).unwrap().plan;
    let there: Vec<_> = changed.visitors.iter().filter(|party| party.to.is_none()).collect();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].party, PartyRef::Participant(aunt.id));
    assert_eq!(changed.visitors.len(), 2, "who left stays in the plan");
}

#[test]
fn vp_02_two_active_plans_of_one_pair_and_dates_are_a_warning() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plans = phone.store.visitation_plans();
    let first = plans.create(case.id, &weekly(&case, &ana)).unwrap();
    assert!(first.warnings.is_empty());

    let aunt = another(&phone, case.id, "Inès Martin", None);
    let apart = plans.create(case.id, &weekly(&case, &aunt)).unwrap();
    assert!(apart.warnings.is_empty(), "another visitor is no overlap");

    let second = plans.create(case.id, &weekly(&case, &ana)).unwrap();
    assert_eq!(second.warnings, [PlanWarning::Overlaps { plan: first.plan.id }]);
    let seen = plans.get(first.plan.id).unwrap().unwrap();
    assert_eq!(seen.warnings, [PlanWarning::Overlaps { plan: second.plan.id }]);

    plans.end(first.plan.id, day("2026-03-31"), None).unwrap();
    let later = NewVisitationPlan { start: Some(day("2026-04-01")), ..weekly(&case, &ana) };
    plans.cancel(second.plan.id, "entered twice").unwrap();
    assert!(plans.create(case.id, &later).unwrap().warnings.is_empty(), "dates that do not meet");
}

#[test]
fn vp_03_what_a_court_ordered_changes_by_a_new_order_only() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plans = phone.store.visitation_plans();
    let ordered = |reference: &str| NewVisitationPlan {
        mandate: Mandate::CourtOrdered { order: order(reference) },
        ..weekly(&case, &ana)
    };
    assert_eq!(rule_of(&plans.create(case.id, &ordered(" ")).unwrap_err()), "VP-03");
    let plan = plans.create(case.id, &ordered("TE 24/118")).unwrap().plan;

    let none = PlanChange::default();
    let aunt = another(&phone, case.id, "Inès Martin", None);
    let schedule = Schedule::Quota { count: 2, period: QuotaPeriod::Month, zone: paris() };
    let watched = Supervision { level: SupervisionLevel::Supervised, supervisor: None, reason: None };
    let changes = [
        PlanChange { schedule: Some(schedule), ..none.clone() },
        PlanChange { minutes: Some(60), ..none.clone() },
        PlanChange { methods: Some(vec![ContactMethod::Video]), ..none.clone() },
        PlanChange { add_visitors: vec![PartyRef::Participant(aunt.id)], ..none.clone() },
        PlanChange { supervision: Some(watched), ..none.clone() },
        PlanChange { start: Some(day("2026-03-14")), ..none.clone() },
        PlanChange { end: Some(day("2026-06-30")), ..none.clone() },
    ];
    for (at, change) in changes.iter().enumerate() {
        assert_eq!(rule_of(&plans.change(plan.id, change).unwrap_err()), "VP-03", "change {at}");
        let reference = format!("TE 26/{at}");
        let change = PlanChange { new_order: Some(order(&reference)), ..change.clone() };
        let Mandate::CourtOrdered { order } = plans.change(plan.id, &change).unwrap().plan.mandate else {
            panic!("the order is gone")
        };
        assert_eq!(order.reference, reference);
    }
    let place = PlanChange { place: Some("Parc Monceau".to_owned()), ..none.clone() };
    assert!(plans.change(plan.id, &place).is_ok(), "a place is not ordered");
    assert_eq!(rule_of(&plans.end(plan.id, day("2026-05-01"), None).unwrap_err()), "VP-03");

    let agreed = plans.create(case.id, &weekly(&case, &ana)).unwrap().plan;
    let shorter = PlanChange { minutes: Some(60), ..none };
    assert_eq!(plans.change(agreed.id, &shorter).unwrap().plan.schedules[0].minutes, Some(60));
}

#[test]
fn vp_04_clients_are_within_the_age_limits_on_the_first_day() {
    let phone = Device::new("phone", "w-117");
    // Born on 2 April 2019: six until the day before her birthday.
    let (case, ana) = phone.lea("2026-0117");
    let plans = phone.store.visitation_plans();
    let from = |start: &str, min_age, max_age| NewVisitationPlan {
        start: Some(day(start)),
        min_age,
        max_age,
        ..weekly(&case, &ana)
    };
    let refused = |new| rule_of(&plans.create(case.id, &new).unwrap_err()).to_owned();
    assert_eq!(refused(from("2026-04-01", Some(7), None)), "VP-04");
    assert_eq!(refused(from("2026-04-02", None, Some(6))), "VP-04");
    assert!(plans.create(case.id, &from("2026-04-02", Some(7), None)).is_ok());
    assert!(plans.create(case.id, &from("2026-04-01", None, Some(6))).is_ok());
}

#[test]
fn a_visit_recorded_before_its_schedule_was_changed_is_not_overdue() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    tablet.now("2026-03-14T16:30:00Z");
    let drafted = tablet.drafted(tablet.planned("2026-03-07", "2026-03-07")[0], "on the bus");
    tablet.records(tablet.planned("2026-03-14", "2026-03-14")[0], "Léa ran to her mother.");
    // Meanwhile the phone has made the visits shorter, from before that day on.
    phone.now("2026-03-05T08:00:00Z");
    let shorter = PlanChange { minutes: Some(60), ..PlanChange::default() };
    phone.store.visitation_plans().change(plan.id, &shorter).unwrap();
    phone.meet(&tablet);
    let state = |on: &str| {
        let due = tablet.store.visitation_plans().due(day(on), day(on), None).unwrap();
        let [DueVisit::Occurrence { state, drafts, .. }] = due.as_slice() else { panic!("{due:?}") };
        (state.clone(), drafts.clone())
    };
    assert_eq!(state("2026-03-07"), (DueState::Drafted, vec![drafted.id]));
    assert_eq!(state("2026-03-14"), (DueState::Done, Vec::new()));
    // Two schedules made apart: what was planned by the one that lost is recorded all the same.
    for (device, minutes) in [(&phone, 30), (&tablet, 45)] {
        device.now("2026-03-14T17:00:00Z");
        let change = PlanChange {
            minutes: Some(minutes),
            effective_from: Some(day("2026-03-07")),
            ..PlanChange::default()
        };
        device.store.visitation_plans().change(plan.id, &change).unwrap();
    }
    let drafts =
        [&phone, &tablet].map(|device| device.drafted(device.planned("2026-03-07", "2026-03-07")[0], ""));
    phone.meet(&tablet);
    for (device, draft) in [&phone, &tablet].into_iter().zip(drafts) {
        device.now("2026-03-14T18:00:00Z");
        device.store.contacts().complete(draft.id).unwrap();
    }
    let due = tablet.store.visitation_plans().due(day("2026-03-07"), day("2026-03-07"), None).unwrap();
    assert!(matches!(&due[..], [DueVisit::Occurrence { state: DueState::Done, .. }]), "{due:?}");
    // The same visit by the schedule that is in force now: recorded twice.
    tablet.records(tablet.planned("2026-03-14", "2026-03-14")[0], "told by somebody else");
    assert_eq!(tablet.store.issues().list(None, true).unwrap().len(), 1, "I-10");
}

#[test]
fn what_is_to_come_does_not_count_before_its_day() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plans = phone.store.visitation_plans();
    let due = |from: &str, to: &str| plans.due(day(from), day(to), None).unwrap();
    let quota = |count| Schedule::Quota { count, period: QuotaPeriod::Month, zone: paris() };
    let monthly = NewVisitationPlan { schedule: quota(2), ..weekly(&case, &ana) };
    let plan = plans.create(case.id, &monthly).unwrap().plan;
    let more = PlanChange {
        schedule: Some(quota(4)),
        effective_from: Some(day("2026-06-01")),
        ..PlanChange::default()
    };
    plans.change(plan.id, &more).unwrap();
    let planned = |from: &str, to: &str| -> Vec<(String, u32)> {
        let quota = |visit: &DueVisit| match visit {
            DueVisit::Quota { from, planned, .. } => Some((from.to_string(), *planned)),
            DueVisit::Occurrence { .. } => None,
        };
        due(from, to).iter().filter_map(quota).collect()
    };
    let months = [("2026-05-01".to_owned(), 2), ("2026-06-01".to_owned(), 4)];
    assert_eq!(planned("2026-05-15", "2026-06-15"), months);
    // From July on by a rule: a quota before, visits after.
    let rule = weekly(&case, &ana).schedule;
    let by_rule =
        PlanChange { schedule: Some(rule), effective_from: Some(day("2026-07-01")), ..PlanChange::default() };
    plans.change(plan.id, &by_rule).unwrap();
    assert_eq!(planned("2026-06-01", "2026-08-31"), months[1..]);
    assert_eq!(due("2026-06-01", "2026-08-31").len(), 1 + 9, "the Saturdays of July and August");

    // What comes into force later comes with the duration that was changed today, and not today.
    let shorter =
        PlanChange { minutes: Some(45), effective_from: Some(day("2026-06-10")), ..PlanChange::default() };
    plans.change(plan.id, &shorter).unwrap();
    assert_eq!(planned("2026-05-15", "2026-06-15"), months);
    let minutes = |visits: Vec<DueVisit>| -> Vec<Option<u32>> {
        let minutes = |visit: &DueVisit| match visit {
            DueVisit::Occurrence { minutes, .. } => Some(*minutes),
            DueVisit::Quota { .. } => None,
        };
        visits.iter().filter_map(minutes).collect()
    };
    assert_eq!(minutes(due("2026-06-01", "2026-07-11")), [Some(45), Some(45)]);
}

#[test]
fn a_plan_that_begins_earlier_has_visits_from_then_on() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plans = phone.store.visitation_plans();
    let schedule = Schedule::Rule {
        rule: "FREQ=WEEKLY;BYDAY=SA".to_owned(),
        starts_at: "2026-01-03T14:00:00".parse().unwrap(),
        zone: paris(),
    };
    let later = NewVisitationPlan { schedule, start: Some(day("2026-03-01")), ..weekly(&case, &ana) };
    let plan = plans.create(case.id, &later).unwrap().plan;
    let february = || plans.due(day("2026-02-01"), day("2026-02-28"), None).unwrap().len();
    assert_eq!(february(), 0);
    plans.change(plan.id, &PlanChange { start: Some(day("2026-02-01")), ..PlanChange::default() }).unwrap();
    assert_eq!(february(), 4);
    let twice =
        PlanChange { add_visitors: vec![PartyRef::User("w-9".parse().unwrap()); 2], ..PlanChange::default() };
    assert_eq!(plans.change(plan.id, &twice).unwrap_err(), Error::invalid("parties", "duplicate"));
}

#[test]
fn a_closed_case_has_no_visits_after_that_day() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let schedule = Schedule::Quota { count: 2, period: QuotaPeriod::Month, zone: paris() };
    let quota = NewVisitationPlan { schedule, ..weekly(&case, &ana) };
    phone.store.visitation_plans().create(case.id, &quota).unwrap();
    phone.now("2026-03-20T08:00:00Z");
    phone.store.cases().close(case.id, day("2026-03-19"), "moved").unwrap();
    phone.now("2026-05-20T08:00:00Z");
    let due = phone.store.visitation_plans().due(day("2026-03-01"), day("2026-05-31"), None).unwrap();
    assert_eq!(due.len(), 2 + 1, "two Saturdays and March: {due:?}");
    assert!(phone.store.today().unwrap().overdue.is_empty());
    phone.store.cases().reopen(case.id).unwrap();
    assert!(!phone.store.today().unwrap().overdue.is_empty());
}

#[test]
fn what_is_too_long_for_a_peer_is_refused_before_it_is_recorded() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let court = CourtOrder { court: Some("x".repeat(300_000)), ..order(" TE 24/118 ") };
    let mandate = Mandate::CourtOrdered { order: court.clone() };
    let plan = NewVisitationPlan { mandate, ..weekly(&case, &ana) };
    let refused = phone.store.visitation_plans().create(case.id, &plan).unwrap_err();
    assert_eq!(refused, Error::invalid("order.court", "too_long"));
    let mandate = Mandate::CourtOrdered { order: CourtOrder { court: Some(" Paris ".to_owned()), ..court } };
    let plan =
        phone.store.visitation_plans().create(case.id, &NewVisitationPlan { mandate, ..plan }).unwrap().plan;
    let Mandate::CourtOrdered { order } = plan.mandate else { panic!("no order") };
    assert_eq!((order.reference.as_str(), order.court.as_deref()), ("TE 24/118", Some("Paris")));

    // What no rule limits is limited all the same, and what was done before and after stays.
    let origin = Origin {
        source: "x".repeat(300_000),
        external_id: "1".to_owned(),
        recorded_by: None,
        recorded_at: None,
    };
    let third = |origin| NewParticipant {
        person: NewPerson { name: "Noé".to_owned(), born: None },
        role: ParticipantRole::Sibling,
        from: None,
        origin,
    };
    let added = phone.store.cases().add_participant(case.id, &third(Some(origin)));
    assert!(matches!(added, Err(Error::DocumentFull { .. })), "{added:?}");
    phone.store.cases().add_participant(case.id, &third(None)).unwrap();
    assert!(phone.store.verify(|_| {}, &Default::default()).unwrap().is_sound());
}
