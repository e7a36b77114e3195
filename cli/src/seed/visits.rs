//! What was recorded in an invented case: visits that took place, visits that were missed and why, addenda.

use caseplan_core::Result;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, Attribution, ContactDraft, ContactKind, ContactTime, Correction,
    NewAddendum, Outcome, OutcomeCode, OutcomeReason, PlannedVisit,
};
use caseplan_core::ids::DraftId;
use caseplan_core::time::{Day, Instant, Zone};
use caseplan_core::visitation::{ContactMethod, DueVisit, PartyRef, Schedule, VisitationPlan};
use chrono::{Days, Duration, NaiveTime};
use uuid::Uuid;

use super::dice::Dice;
use super::family::{Family, first_name};
use super::words::{ADDENDA, ARRIVALS, ENDINGS, MIDDLES, MISSED, OWN_VISITS, PLACES};
use super::{Planted, Practice, noon};

/// Within so many days before the end, some visits are not recorded yet.
const RECENT: u64 = 14;

/// A contact that is to be recorded: when, under which plan, on which planned date.
struct Visit {
    starts_at: Instant,
    minutes: u32,
    plan: Option<usize>,
    planned: Option<PlannedVisit>,
}

/// Records what happened under a family's plans, in the order in which it happened.
pub fn plant(
    practice: &Practice,
    dice: &mut Dice,
    family: &Family,
    until: Day,
    planted: &mut Planted,
) -> Result<()> {
    let zone = practice.store.zone();
    let end = noon(zone, until);
    let mut visits = planned(practice, family, until)?;
    visits.extend(free(dice, family, zone, until));
    visits.sort_by_key(|visit| visit.starts_at);
    for visit in visits {
        let recorded_at = visit.starts_at + Duration::minutes(i64::from(visit.minutes) + 45);
        let recent = visit.starts_at > end - Days::new(RECENT);
        if recorded_at > end || (recent && dice.chance(25)) {
            continue;
        }
        practice.clock.set(recorded_at);
        let draft = draft(dice, family, &visit, zone);
        let id = practice.store.contacts().record(&draft)?;
        planted.contacts += 1;
        if dice.chance(5) && recorded_at + Days::new(1) < end {
            practice.clock.set(recorded_at + Days::new(1));
            let mut addendum =
                NewAddendum { text: told(dice.pick(&ADDENDA), family, &visit), corrections: Vec::new() };
            if addendum.text.starts_with("Correction") {
                addendum.corrections.push(Correction::Place { value: dice.pick(&PLACES).to_owned() });
            }
            practice.store.contacts().amend(id, &addendum)?;
            planted.addenda += 1;
        }
    }
    Ok(())
}

/// The planned visits of every plan until the last day.
fn planned(practice: &Practice, family: &Family, until: Day) -> Result<Vec<Visit>> {
    let from = family.case.opened_on.unwrap_or(until);
    let due = practice.store.visitation_plans().due(from, until, Some(family.case.id))?;
    let visit = |visit: DueVisit| match visit {
        DueVisit::Occurrence { occurrence, starts_at, minutes, .. } => {
            let plan = family.plans.iter().position(|(plan, _)| plan.id == occurrence.plan);
            let planned = PlannedVisit { plan: occurrence.plan, occurrence: Some(occurrence) };
            Some(Visit { starts_at, minutes: minutes.unwrap_or(60), plan, planned: Some(planned) })
        }
        DueVisit::Quota { .. } => None,
    };
    Ok(due.into_iter().filter_map(visit).collect())
}

/// Visits on no planned date: under quotas, and the caseworker's own once a month.
fn free(dice: &mut Dice, family: &Family, zone: Zone, until: Day) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut month = family.case.opened_on.unwrap_or(until);
    let at = |day: Day, hour: i64| zone.instant_of(day.and_time(NaiveTime::MIN) + Duration::hours(hour));
    while month < until {
        for (index, (plan, _)) in family.plans.iter().enumerate() {
            let Some(Schedule::Quota { count, .. }) = plan.schedule().map(|schedule| &schedule.schedule)
            else {
                continue;
            };
            for _ in 0..*count {
                let day = month + Days::new(dice.below(28));
                if day >= plan.start && dice.chance(85) {
                    let planned = Some(PlannedVisit { plan: plan.id, occurrence: None });
                    visits.push(Visit { starts_at: at(day, 15), minutes: 60, plan: Some(index), planned });
                }
            }
        }
        let day = month + Days::new(5 + dice.below(20));
        visits.push(Visit { starts_at: at(day, 11), minutes: 45, plan: None, planned: None });
        month = month + Days::new(30);
    }
    visits
}

fn draft(dice: &mut Dice, family: &Family, visit: &Visit, zone: Zone) -> ContactDraft {
    let under = visit.plan.and_then(|at| family.plans.get(at));
    let missed = under.is_some() && dice.chance(14);
    let outcome = if missed { missed_outcome(dice) } else { held_outcome(dice) };
    let late = if !missed && dice.chance(12) { 5 + dice.below(25) } else { 0 };
    let start = visit.starts_at + Duration::minutes(i64::try_from(late).unwrap_or(0));
    let end = visit.starts_at + Duration::minutes(visit.minutes.into());
    let day = zone.day_of(visit.starts_at);
    ContactDraft {
        id: DraftId(Uuid::nil()),
        revision: 1,
        case_id: family.case.id,
        kind: if under.is_some() { ContactKind::FamilyVisit } else { ContactKind::CaseworkerVisit },
        planned: visit.planned.iter().cloned().collect(),
        time: Some(ContactTime {
            day,
            start: (!missed).then_some(start),
            end: (!missed).then_some(end),
            zone,
        }),
        method: Some(
            under.and_then(|(plan, _)| plan.methods.first().cloned()).unwrap_or(ContactMethod::InPerson),
        ),
        place: under.map_or(Some("Caregiver's home".to_owned()), |(plan, _)| plan.place.clone()),
        attendance: attendance(family, under.map(|(plan, _)| plan), &outcome, late),
        purposes: Vec::new(),
        narrative: narrative(dice, family, visit, missed),
        conducted_by: None,
        origin: None,
        saved_at: visit.starts_at,
        outcome: Some(outcome),
    }
}

fn held_outcome(dice: &mut Dice) -> Outcome {
    let code = match dice.below(20) {
        0 => OutcomeCode::OccurredPartial,
        1 => OutcomeCode::EndedEarly,
        _ => OutcomeCode::Occurred,
    };
    Outcome { code, attributed_to: None, reason: None, notice_hours: None, comment: None }
}

fn missed_outcome(dice: &mut Dice) -> Outcome {
    let (code, reason, side, notice) = match dice.below(5) {
        0 => (OutcomeCode::CanceledInAdvance, OutcomeReason::Work, Attribution::Visitor, Some(2)),
        1 => (OutcomeCode::NoShow, OutcomeReason::Unconfirmed, Attribution::Visitor, None),
        2 => (OutcomeCode::CanceledInAdvance, OutcomeReason::Illness, Attribution::Child, Some(5)),
        3 => (OutcomeCode::CanceledInAdvance, OutcomeReason::Transport, Attribution::Transport, Some(1)),
        _ => (OutcomeCode::CanceledInAdvance, OutcomeReason::Scheduling, Attribution::Agency, Some(24)),
    };
    Outcome { code, attributed_to: Some(side), reason: Some(reason), notice_hours: notice, comment: None }
}

fn attendance(
    family: &Family,
    plan: Option<&VisitationPlan>,
    outcome: &Outcome,
    late: u64,
) -> Vec<Attendance> {
    let child = PartyRef::Participant(family.case.primary_client);
    let status = if outcome.code.took_place() { AttendanceStatus::Present } else { AttendanceStatus::Absent };
    let mut all = Vec::new();
    for visitor in plan.iter().flat_map(|plan| &plan.visitors) {
        all.push(Attendance {
            party: visitor.party.clone(),
            status: status.clone(),
            minutes_late: u32::try_from(late).ok().filter(|late| *late > 0),
            minutes_left_early: None,
        });
    }
    all.push(Attendance { party: child, status, minutes_late: None, minutes_left_early: None });
    all
}

fn narrative(dice: &mut Dice, family: &Family, visit: &Visit, missed: bool) -> String {
    let sentences = if missed {
        vec![dice.pick(&MISSED)]
    } else if visit.plan.is_none() {
        vec![dice.pick(&OWN_VISITS)]
    } else {
        vec![dice.pick(&ARRIVALS), dice.pick(&MIDDLES), dice.pick(&ENDINGS)]
    };
    sentences.into_iter().map(|sentence| told(sentence, family, visit)).collect::<Vec<_>>().join(" ")
}

/// A sentence with the people of this visit in it.
fn told(sentence: &str, family: &Family, visit: &Visit) -> String {
    let visitor = visit.plan.and_then(|at| family.plans.get(at)).or(family.plans.first());
    let visitor = visitor.map_or("The visitor", |(_, visitor)| first_name(&visitor.name));
    sentence.replace("{child}", family.child).replace("{visitor}", visitor)
}
