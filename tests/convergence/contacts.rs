//! Drafts, contacts and addenda with random contents: for one plan, several, or none.

use caseplan_core::Error;
use caseplan_core::case::Case;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, ContactDraft, ContactKind, ContactSummary, ContactTime, Correction,
    NewAddendum, Outcome, OutcomeCode, OutcomeReason, PlannedVisit,
};
use caseplan_core::time::Clock;
use caseplan_core::visitation::{ContactMethod, DueVisit, OccurrenceRef};
use chrono::{Days, Duration};

use super::deeds::{WORDS, case, origin, party, plan, today};
use super::dice::Dice;
use crate::support::{Device, paris};

/// A planned visit of the last days, or of any.
fn occurrence(device: &Device, dice: &mut Dice) -> Option<(OccurrenceRef, caseplan_core::ids::CaseId)> {
    let to = today(device);
    let due = device.store.visitation_plans().due(to - Days::new(12), to, None).unwrap();
    let due: Vec<_> = due
        .into_iter()
        .filter_map(|visit| match visit {
            DueVisit::Occurrence { occurrence, case_id, .. } => Some((occurrence, case_id)),
            DueVisit::Quota { .. } => None,
        })
        .collect();
    dice.pick(&due).copied()
}

fn start(device: &Device, dice: &mut Dice) -> Option<DraftStart> {
    Some(match dice.below(10) {
        0..=4 => DraftStart::Occurrences { occurrences: vec![occurrence(device, dice)?.0] },
        // Siblings with a plan each: one contact for both.
        5 => {
            let (one, case_id) = occurrence(device, dice)?;
            let others: Vec<_> = (0..8).filter_map(|_| occurrence(device, dice)).collect();
            let other = others.into_iter().find(|(other, of)| *of == case_id && other.plan != one.plan);
            DraftStart::Occurrences {
                occurrences: [Some(one), other.map(|(other, _)| other)].into_iter().flatten().collect(),
            }
        }
        6 | 7 => DraftStart::Plan { plan: plan(device, dice)?.plan.id },
        _ => DraftStart::InCase { case_id: case(device, dice)?.id, kind: kind(dice) },
    })
}

fn kind(dice: &mut Dice) -> ContactKind {
    ContactKind::from_code(dice.word(&["family_visit", "caseworker_visit", "collateral", "walk"]))
}

fn outcome(dice: &mut Dice) -> Outcome {
    let code =
        OutcomeCode::from_code(dice.word(&["occurred", "occurred", "ended_early", "no_show", "eclipse"]));
    let reason =
        dice.maybe(80, |dice| OutcomeReason::from_code(dice.word(&["illness", "work", "sandstorm"])));
    Outcome {
        code,
        attributed_to: None,
        reason,
        notice_hours: dice.maybe(30, |dice| dice.below(72) as u32),
        comment: None,
    }
}

fn time(device: &Device, dice: &mut Dice) -> ContactTime {
    let now = device.clock.now().unwrap();
    let start = now - Duration::minutes(30 * (1 + dice.below(100) as i64));
    let zone = if dice.chance(80) { paris() } else { "America/New_York".parse().unwrap() };
    let start = dice.maybe(80, |_| start);
    let end = start.filter(|_| dice.chance(80)).map(|start| start + Duration::minutes(30));
    ContactTime { day: zone.day_of(start.unwrap_or(now)), start, end, zone }
}

fn attendance(case: &Case, dice: &mut Dice) -> Attendance {
    let status = AttendanceStatus::from_code(dice.word(&["present", "absent", "excused", "by_proxy"]));
    Attendance {
        party: party(case, dice),
        status,
        minutes_late: dice.maybe(30, |dice| dice.below(40) as u32),
        minutes_left_early: None,
    }
}

fn fill(device: &Device, dice: &mut Dice, draft: &mut ContactDraft) {
    draft.narrative = format!("{} {}\n{}", draft.narrative, dice.word(WORDS), dice.word(WORDS));
    draft.outcome = Some(outcome(dice));
    draft.method =
        dice.maybe(90, |dice| ContactMethod::from_code(dice.word(&["in_person", "phone", "pigeon"])));
    if dice.chance(60) {
        draft.time = Some(time(device, dice));
    }
    if let Some(case) = device.store.cases().get(draft.case_id).unwrap() {
        if dice.chance(50) {
            draft.attendance = vec![attendance(&case, dice)];
        }
        draft.conducted_by = dice.maybe(20, |dice| party(&case, dice));
    }
    draft.purposes = dice.maybe(30, |dice| dice.word(WORDS).to_owned()).into_iter().collect();
    draft.origin = draft.origin.take().or_else(|| origin(dice));
}

pub fn start_draft(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(start) = start(device, dice) else { return Ok(false) };
    device.store.contacts().start_draft(&start).map(|_| true)
}

pub fn save_draft(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let all = device.store.contacts().drafts(None)?;
    let Some(draft) = dice.pick(&all) else { return Ok(false) };
    let mut draft = draft.clone();
    fill(device, dice, &mut draft);
    draft.revision -= i64::from(dice.chance(10));
    device.store.contacts().save_draft(&draft).map(|_| true)
}

pub fn discard_draft(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let all = device.store.contacts().drafts(None)?;
    let Some(draft) = dice.pick(&all) else { return Ok(false) };
    device.store.contacts().discard_draft(draft.id).map(|()| true)
}

pub fn complete(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let all = device.store.contacts().drafts(None)?;
    let Some(draft) = dice.pick(&all) else { return Ok(false) };
    let id = draft.id;
    if draft.outcome.is_none() {
        let mut draft = draft.clone();
        fill(device, dice, &mut draft);
        device.store.contacts().save_draft(&draft)?;
    }
    device.store.contacts().complete(id).map(|_| true)
}

/// As an import records: with no draft before.
pub fn record(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(start) = start(device, dice) else { return Ok(false) };
    let mut draft = device.store.contacts().start_draft(&start)?;
    device.store.contacts().discard_draft(draft.id)?;
    fill(device, dice, &mut draft);
    device.store.contacts().record(&draft).map(|_| true)
}

fn contact(device: &Device, dice: &mut Dice) -> Option<ContactSummary> {
    let case = case(device, dice)?;
    let page = device.store.contacts().page(&ContactQuery::of_case(case.id, 20)).unwrap();
    dice.pick(&page.contacts).cloned()
}

fn correction(device: &Device, case: &Case, dice: &mut Dice) -> Correction {
    match dice.below(9) {
        0 => Correction::Kind { value: kind(dice) },
        1 => {
            let planned = occurrence(device, dice)
                .map(|(occurrence, _)| PlannedVisit { plan: occurrence.plan, occurrence: Some(occurrence) });
            Correction::Planned { value: planned.into_iter().collect() }
        }
        2 => Correction::Outcome { value: outcome(dice) },
        3 => Correction::Time { value: time(device, dice) },
        4 => Correction::Method { value: ContactMethod::from_code(dice.word(&["video", "pigeon"])) },
        5 => Correction::Place { value: dice.word(WORDS).to_owned() },
        6 => Correction::Attendance { value: attendance(case, dice) },
        7 => Correction::Purposes { value: vec![dice.word(WORDS).to_owned()] },
        _ => Correction::ConductedBy { value: party(case, dice) },
    }
}

pub fn amend(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(contact) = contact(device, dice) else { return Ok(false) };
    let Some(case) = device.store.cases().get(contact.case_id)? else { return Ok(false) };
    let corrections = (0..1 + dice.below(2)).map(|_| correction(device, &case, dice)).collect();
    let addendum = NewAddendum { text: dice.word(WORDS).to_owned(), corrections };
    device.store.contacts().amend(contact.id, &addendum).map(|_| true)
}

pub fn enter_in_error(device: &Device, dice: &mut Dice) -> Result<bool, Error> {
    let Some(wrong) = contact(device, dice) else { return Ok(false) };
    let recorded_as = contact(device, dice).map(|right| right.id).filter(|_| dice.chance(50));
    let error = Correction::EnteredInError { why: dice.word(WORDS).to_owned(), recorded_as };
    let addendum = NewAddendum { text: String::new(), corrections: vec![error] };
    device.store.contacts().amend(wrong.id, &addendum).map(|_| true)
}
