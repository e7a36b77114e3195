//! Everything that a person can do to a store, with random requests: about cases, plans and what a merge brings up.

use caseplan_core::Error;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::case::{
    Case, CaseChange, NewCase, NewParticipant, NewPerson, Origin, ParticipantRole, PersonCorrection,
};
use caseplan_core::issue::{IssueChoice, IssueSubject};
use caseplan_core::time::Day;
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, Mandate, NewVisitationPlan, PartyRef, PlanChange, QuotaPeriod, Schedule,
    Supervision, SupervisionLevel, VisitationPlanView,
};
use chrono::Days;

use super::contacts;
use super::dice::Dice;
use crate::support::{Device, paris};

/// True if something was done, false if there was nothing to do it to.
pub type Deed = fn(&Device, &mut Dice) -> Result<bool, Error>;

/// Each deed by its name, and how often it is chosen.
pub const DEEDS: &[(&str, usize, Deed)] = &[
    ("create case", 3, create_case),
    ("add participant", 4, add_participant),
    ("correct participant", 5, correct_participant),
    ("end participant", 4, end_participant),
    ("change case", 5, change_case),
    ("close case", 1, close_case),
    ("reopen case", 2, reopen_case),
    ("create plan", 6, create_plan),
    ("activate plan", 2, activate_plan),
    ("change plan", 9, change_plan),
    ("end plan", 2, end_plan),
    ("cancel plan", 1, cancel_plan),
    ("start draft", 9, contacts::start_draft),
    ("save draft", 7, contacts::save_draft),
    ("discard draft", 3, contacts::discard_draft),
    ("complete contact", 12, contacts::complete),
    ("record contact", 9, contacts::record),
    ("amend contact", 10, contacts::amend),
    ("enter in error", 4, contacts::enter_in_error),
    ("settle conflict", 16, settle_conflict),
    ("settle issue", 14, settle_issue),
];

/// Whether an error is one that a person can meet with an honest request.
pub fn is_a_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::NotFound { .. }
            | Error::NotYetHere { .. }
            | Error::RuleBroken { .. }
            | Error::Invalid { .. }
            | Error::Incomplete { .. }
            | Error::FieldInConflict { .. }
            | Error::ConflictChanged { .. }
            | Error::DraftChanged { .. }
            | Error::CaseClosed
            // A stream that was kept from earlier can bring a case before its grant.
            | Error::NotGranted { .. }
            | Error::ReferenceTaken { .. }
    )
}

pub const WORDS: &[&str] =
    &["Léa", "tower", "Parc Monceau", "büro 3", "book", "Ürümqi", "n°7 \"x\"", "a/b.c"];

pub fn today(device: &Device) -> Day {
    use caseplan_core::time::Clock;
    paris().day_of(device.clock.now().unwrap())
}

fn near(device: &Device, dice: &mut Dice) -> Day {
    let back = today(device) - Days::new(40);
    back + Days::new(dice.below(80) as u64)
}

pub fn case(device: &Device, dice: &mut Dice) -> Option<Case> {
    let all = device.store.cases().list(&CaseFilter { closed_too: true, worker: None }).unwrap();
    dice.pick(&all).map(|case| device.store.cases().get(case.id).unwrap().unwrap())
}

pub fn plan(device: &Device, dice: &mut Dice) -> Option<VisitationPlanView> {
    let all = device.store.visitation_plans().list(None).unwrap();
    dice.pick(&all).cloned()
}

pub fn party(case: &Case, dice: &mut Dice) -> PartyRef {
    match dice.pick(&case.participants) {
        Some(participant) if dice.chance(80) => PartyRef::Participant(participant.id),
        _ => PartyRef::User(dice.word(&["w-0", "w-1", "w/2"]).parse().unwrap()),
    }
}

/// One of few ids of the agency's own, so that two devices import the same thing apart.
pub fn origin(dice: &mut Dice) -> Option<Origin> {
    dice.maybe(15, |dice| Origin {
        source: "old".to_owned(),
        external_id: dice.below(4).to_string(),
        recorded_by: dice.maybe(50, |_| "M. Petit".to_owned()),
        recorded_at: None,
    })
}

fn create_case(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let new = NewCase {
        reference: format!("2026-{}", dice.below(4)),
        case_type: dice.maybe(30, |dice| dice.word(WORDS).to_owned()),
        primary_client: NewPerson {
            name: dice.word(WORDS).to_owned(),
            born: dice.maybe(50, |dice| near(device, dice) - Days::new(4000)),
        },
        assigned_worker: None,
        team: dice.maybe(30, |dice| dice.word(WORDS).to_owned()),
        opened_on: dice.maybe(30, |dice| near(device, dice)),
        origin: origin(dice),
    };
    device.store.cases().create(&new).map(|_| true)
}

fn add_participant(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    let roles = ["parent", "sibling", "caregiver", "godmother"];
    let new = NewParticipant {
        person: NewPerson { name: dice.word(WORDS).to_owned(), born: None },
        role: ParticipantRole::from_code(dice.word(&roles)),
        from: dice.maybe(30, |dice| near(device, dice)),
        origin: origin(dice),
    };
    device.store.cases().add_participant(case.id, &new).map(|_| true)
}

fn correct_participant(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    let correction = PersonCorrection {
        name: dice.maybe(70, |dice| dice.word(WORDS).to_owned()),
        born: dice.maybe(40, |dice| near(device, dice) - Days::new(4000)),
    };
    let id = case.participants[dice.below(case.participants.len())].id;
    device.store.cases().correct_participant(case.id, id, &correction).map(|_| true)
}

fn end_participant(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    let id = case.participants[dice.below(case.participants.len())].id;
    device.store.cases().end_participant(case.id, id, near(device, dice), "moved").map(|_| true)
}

fn change_case(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    let primary = case.participants[dice.below(case.participants.len())].id;
    let change = CaseChange {
        reference: dice.maybe(30, |dice| format!("2026-{}", dice.below(4))),
        case_type: dice.maybe(30, |dice| dice.word(WORDS).to_owned()),
        primary_client: dice.maybe(30, |_| primary),
        assigned_worker: dice.maybe(30, |dice| dice.word(&["w-0", "w-1"]).parse().unwrap()),
        team: dice.maybe(50, |dice| dice.word(WORDS).to_owned()),
    };
    device.store.cases().change(case.id, &change).map(|_| true)
}

fn close_case(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    device.store.cases().close(case.id, today(device), "done").map(|_| true)
}

fn reopen_case(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    device.store.cases().reopen(case.id).map(|_| true)
}

fn schedule(device: &Device, dice: &mut Dice) -> Schedule {
    if dice.chance(30) {
        let period = if dice.chance(50) { QuotaPeriod::Week } else { QuotaPeriod::Month };
        return Schedule::Quota { count: 1 + dice.below(3) as u32, period, zone: paris() };
    }
    let rules = [
        "FREQ=WEEKLY;BYDAY=SA,WE",
        "FREQ=DAILY;INTERVAL=5",
        "FREQ=MONTHLY;BYMONTHDAY=31,28",
        "FREQ=WEEKLY;COUNT=9",
    ];
    let zone = if dice.chance(80) { paris() } else { "America/New_York".parse().unwrap() };
    let back = Days::new(dice.below(40) as u64);
    let first = if dice.chance(80) { today(device) - back } else { today(device) + back };
    let starts_at = first.and_hms_opt(1 + dice.below(22) as u32, 30, 0).unwrap();
    Schedule::Rule { rule: dice.word(&rules).to_owned(), starts_at, zone }
}

fn method(dice: &mut Dice) -> ContactMethod {
    ContactMethod::from_code(dice.word(&["in_person", "video", "hologram"]))
}

fn order(device: &Device, dice: &mut Dice) -> CourtOrder {
    CourtOrder { reference: dice.word(WORDS).to_owned(), on: today(device), court: None }
}

fn supervision(case: &Case, dice: &mut Dice) -> Supervision {
    let level = SupervisionLevel::from_code(dice.word(&["monitored", "supervised", "by_drone"]));
    Supervision { level, supervisor: dice.maybe(50, |dice| party(case, dice)), reason: None }
}

fn create_plan(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(case) = case(device, dice) else { return Ok(false) };
    let mandate = if dice.chance(30) {
        Mandate::CourtOrdered { order: order(device, dice) }
    } else {
        Mandate::MutuallyAgreed { on: dice.maybe(50, |_| today(device)) }
    };
    let new = NewVisitationPlan {
        mandate,
        to_visit: vec![PartyRef::Participant(case.primary_client)],
        visitors: vec![party(&case, dice)],
        schedule: schedule(device, dice),
        minutes: dice.maybe(80, |dice| 30 * (1 + dice.below(4) as u32)),
        methods: vec![method(dice)],
        place: dice.maybe(70, |dice| dice.word(WORDS).to_owned()),
        supervision: dice.maybe(30, |dice| supervision(&case, dice)),
        purpose: None,
        conditions: dice.maybe(30, |dice| dice.word(WORDS).to_owned()),
        transport: None,
        excluded: None,
        start: None,
        end: dice.maybe(20, |dice| near(device, dice) + Days::new(60)),
        min_age: None,
        max_age: None,
        as_draft: dice.chance(10),
        origin: origin(dice),
    };
    device.store.visitation_plans().create(case.id, &new).map(|_| true)
}

fn activate_plan(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(view) = plan(device, dice) else { return Ok(false) };
    device.store.visitation_plans().activate(view.plan.id).map(|_| true)
}

fn change_plan(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(VisitationPlanView { plan, .. }) = plan(device, dice) else { return Ok(false) };
    // A plan may have come before its case.
    let Some(case) = device.store.cases().get(plan.case_id)? else { return Ok(false) };
    let leaver = dice.pick(&plan.visitors).map(|visitor| visitor.id);
    let change = PlanChange {
        schedule: dice.maybe(20, |dice| schedule(device, dice)),
        minutes: dice.maybe(20, |dice| 15 * (1 + dice.below(4) as u32)),
        effective_from: dice.maybe(30, |dice| near(device, dice)),
        methods: dice.maybe(20, |dice| vec![method(dice)]),
        place: dice.maybe(50, |dice| dice.word(WORDS).to_owned()),
        supervision: dice.maybe(10, |dice| supervision(&case, dice)),
        purpose: dice.maybe(20, |dice| dice.word(WORDS).to_owned()),
        conditions: dice.maybe(20, |dice| dice.word(WORDS).to_owned()),
        start: dice.maybe(10, |dice| near(device, dice)),
        end: dice.maybe(10, |dice| near(device, dice) + Days::new(60)),
        add_visitors: dice.maybe(20, |dice| party(&case, dice)).into_iter().collect(),
        end_visitors: leaver.filter(|_| dice.chance(10)).into_iter().collect(),
        new_order: dice.maybe(40, |dice| order(device, dice)),
    };
    device.store.visitation_plans().change(plan.id, &change).map(|_| true)
}

fn end_plan(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(view) = plan(device, dice) else { return Ok(false) };
    let on = near(device, dice) + Days::new(20);
    let order = dice.maybe(50, |dice| order(device, dice));
    device.store.visitation_plans().end(view.plan.id, on, order.as_ref()).map(|_| true)
}

fn cancel_plan(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(view) = plan(device, dice) else { return Ok(false) };
    device.store.visitation_plans().cancel(view.plan.id, dice.word(WORDS)).map(|_| true)
}

fn settle_conflict(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let all = device.store.conflicts().list(None)?;
    let Some(conflict) = dice.pick(&all) else { return Ok(false) };
    let choice = &conflict.values[dice.below(conflict.values.len())].id;
    device.store.conflicts().settle(&conflict.id, choice).map(|()| true)
}

fn settle_issue(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let all = device.store.issues().list(None, dice.chance(20))?;
    let Some(issue) = dice.pick(&all) else { return Ok(false) };
    let keep = match &issue.subject {
        IssueSubject::PossibleDuplicateContacts { first, second } => [first.0, second.0],
        IssueSubject::PossibleDuplicateCases { first, second } => [first.0, second.0],
    };
    let choice =
        if dice.chance(50) { IssueChoice::Distinct } else { IssueChoice::Same { keep: keep[dice.below(2)] } };
    device.store.issues().settle(&issue.id, &choice, dice.maybe(50, |_| "asked")).map(|_| true)
}
