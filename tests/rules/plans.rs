//! Visitation plans: who, by what right, at what age (VP-01 to VP-04).

use caseplan_core::Error;
use caseplan_core::case::{NewParticipant, NewPerson, Participant, ParticipantRole};
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, Mandate, NewVisitationPlan, PartyRef, PlanChange, PlanWarning, QuotaPeriod,
    Schedule, Supervision, SupervisionLevel,
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
