//! Drafts: begun with one call, on disk after each save, never lost. This device's only.
//!
//! They need no keys: even a store that lost its vault keeps what is being typed.

use super::complete::{check_one_of_each, scope_of};
use super::{Attendance, AttendanceStatus, ContactDraft, ContactKind, ContactTime, PlannedVisit};
use crate::error::{Error, Result};
use crate::ids::{CaseId, DraftId, VisitationPlanId};
use crate::random;
use crate::storage::drafts::DraftRow;
use crate::storage::{Reading, Writing};
use crate::store::{Changes, Store, Topic};
use crate::time::{Instant, Zone};
use crate::visitation::{OccurrenceRef, Schedule, VisitationPlan, reads};

/// Contacts of a store.
pub struct Contacts<'a> {
    pub(crate) store: &'a Store,
}

/// What a draft is begun for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftStart {
    /// One planned visit, or several at once for siblings with a plan each.
    Occurrences {
        /// The planned visits.
        occurrences: Vec<OccurrenceRef>,
    },
    /// A visit under a plan, on no planned date.
    Plan {
        /// The plan.
        plan: VisitationPlanId,
    },
    /// Any other contact in a case.
    InCase {
        /// The case.
        case_id: CaseId,
        /// What it is about.
        kind: ContactKind,
    },
}

impl Contacts<'_> {
    /// Begins a draft, filled in from the plan as far as that says anything; it is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when planned visits of two cases are given, or none;
    /// [`Error::NotGranted`] when the case was taken back.
    pub fn start_draft(&self, start: &DraftStart) -> Result<ContactDraft> {
        let id = DraftId(random::uuid(self.store.inner.config.random.as_ref())?);
        let zone = self.store.zone();
        self.local(|tx, now| {
            let draft = prefill(&tx.reading(), id, start, now, zone)?;
            self.store.refuse_taken_back(draft.case_id, scope_of(&draft.planned))?;
            tx.add_draft(&row(&draft, now)?)?;
            Ok((draft.case_id, draft))
        })
    }

    /// Saves a draft; it is on disk when this returns. Answers it with its next revision.
    ///
    /// # Errors
    /// [`Error::DraftChanged`] when it was saved since it was read: both texts are kept. [`Error::NotFound`] when it
    /// was completed or discarded.
    pub fn save_draft(&self, draft: &ContactDraft) -> Result<ContactDraft> {
        let other = DraftId(random::uuid(self.store.inner.config.random.as_ref())?);
        let saved = self.local(|tx, now| {
            let held = tx.reading().draft(draft.id.as_bytes())?.ok_or_else(|| missing(draft.id))?;
            let case_id = CaseId::from_slice(&held.case_id)?;
            if held.revision != draft.revision {
                let mut kept = draft.clone();
                (kept.id, kept.revision, kept.case_id, kept.saved_at) = (other, 1, case_id, now);
                tx.add_draft(&row(&kept, now)?)?;
                return Ok((case_id, Err(held.revision)));
            }
            let mut next = draft.clone();
            (next.revision, next.case_id, next.saved_at) = (draft.revision + 1, case_id, now);
            tx.save_draft(next.id.as_bytes(), next.revision, &row(&next, now)?.body, now.timestamp_millis())?;
            Ok((case_id, Ok(next)))
        })?;
        saved.map_err(|revision| Error::DraftChanged { draft: draft.id, revision, kept_as: other })
    }

    /// Discards a draft, for ever.
    pub fn discard_draft(&self, id: DraftId) -> Result<()> {
        self.local(|tx, _| {
            let held = tx.reading().draft(id.as_bytes())?.ok_or_else(|| missing(id))?;
            tx.remove_draft(id.as_bytes())?;
            Ok((CaseId::from_slice(&held.case_id)?, ()))
        })
    }

    /// Drafts of a case, or all, last saved first.
    pub fn drafts(&self, case: Option<CaseId>) -> Result<Vec<ContactDraft>> {
        self.store.read(|reading| {
            let rows = reading.drafts(case.as_ref().map(|id| id.as_bytes()))?;
            rows.iter().map(read).collect()
        })
    }

    /// One draft.
    pub fn draft(&self, id: DraftId) -> Result<Option<ContactDraft>> {
        self.store.read(|reading| reading.draft(id.as_bytes())?.as_ref().map(read).transpose())
    }

    /// A transaction over drafts only.
    fn local<T>(&self, work: impl FnOnce(&Writing<'_>, Instant) -> Result<(CaseId, T)>) -> Result<T> {
        self.store.ready()?;
        let now = self.store.now()?;
        let done = self.store.inner.database.write(|tx| {
            self.store.ready()?;
            work(tx, now)
        });
        let (case_id, value) = done.map_err(|error| self.store.closing(error))?;
        let mut changes = Changes::of(Topic::Drafts, Some(case_id));
        changes.add(Changes::of(Topic::VisitationPlans, Some(case_id)));
        self.store.inner.worker.changed(changes);
        Ok(value)
    }
}

pub(crate) fn missing(id: DraftId) -> Error {
    Error::not_found("draft", id)
}

pub(crate) fn read(row: &DraftRow) -> Result<ContactDraft> {
    crate::json::from_text(&row.body).ok_or(Error::Unexpected { reason: "draft" })
}

fn row(draft: &ContactDraft, now: Instant) -> Result<DraftRow> {
    Ok(DraftRow {
        draft_id: *draft.id.as_bytes(),
        case_id: *draft.case_id.as_bytes(),
        revision: draft.revision,
        body: serde_json::to_string(draft).map_err(|_| Error::Unexpected { reason: "draft" })?,
        created_at: now.timestamp_millis(),
        saved_at: now.timestamp_millis(),
    })
}

fn prefill(
    reading: &Reading<'_>,
    id: DraftId,
    start: &DraftStart,
    now: Instant,
    zone: Zone,
) -> Result<ContactDraft> {
    let planned: Vec<PlannedVisit> = match start {
        DraftStart::Occurrences { occurrences } => occurrences
            .iter()
            .map(|occurrence| PlannedVisit { plan: occurrence.plan, occurrence: Some(*occurrence) })
            .collect(),
        DraftStart::Plan { plan } => vec![PlannedVisit { plan: *plan, occurrence: None }],
        DraftStart::InCase { .. } => Vec::new(),
    };
    check_one_of_each(&planned)?;
    let plans = planned.iter().map(|visit| plan(reading, visit)).collect::<Result<Vec<_>>>()?;
    let (case_id, kind) = match start {
        DraftStart::InCase { case_id, kind } => {
            reading.case_row(case_id.as_bytes())?.ok_or_else(|| Error::not_found("case", case_id))?;
            (*case_id, kind.clone())
        }
        _ => {
            let first = plans.first().ok_or(Error::invalid("occurrences", "empty"))?;
            if plans.iter().any(|plan| plan.case_id != first.case_id) {
                return Err(Error::invalid("occurrences", "range"));
            }
            (first.case_id, ContactKind::FamilyVisit)
        }
    };
    let day = planned.iter().find_map(|visit| visit.occurrence).map(|occurrence| occurrence.day);
    let zone = plans.first().and_then(zone_of).unwrap_or(zone);
    let day = day.unwrap_or_else(|| zone.day_of(now));
    let mut attendance: Vec<Attendance> = Vec::new();
    for party in plans.iter().flat_map(|plan| plan.parties_on(day)) {
        if !attendance.iter().any(|other| other.party == party.party) {
            attendance.push(Attendance {
                party: party.party.clone(),
                status: AttendanceStatus::Present,
                minutes_late: None,
                minutes_left_early: None,
            });
        }
    }
    let first = plans.first();
    Ok(ContactDraft {
        id,
        revision: 1,
        case_id,
        kind,
        planned,
        outcome: None,
        time: Some(ContactTime { day, start: None, end: None, zone }),
        method: first.and_then(|plan| plan.methods.first().filter(|_| plan.methods.len() == 1)).cloned(),
        place: first.and_then(|plan| plan.place.clone()),
        attendance,
        purposes: Vec::new(),
        narrative: String::new(),
        conducted_by: None,
        origin: None,
        saved_at: now,
    })
}

/// The plan of a planned visit, which must have it.
fn plan(reading: &Reading<'_>, visit: &PlannedVisit) -> Result<VisitationPlan> {
    let row = reading.plan_row(visit.plan.as_bytes())?;
    let plan = reads::read(reading, &row.ok_or_else(|| Error::not_found("visitation plan", visit.plan))?)?;
    if let Some(occurrence) = visit.occurrence
        && !plan.schedules.iter().any(|schedule| schedule.id == occurrence.schedule)
    {
        return Err(Error::not_found("schedule", occurrence.schedule));
    }
    Ok(plan)
}

fn zone_of(plan: &VisitationPlan) -> Option<Zone> {
    plan.schedule().map(|schedule| match &schedule.schedule {
        Schedule::Rule { zone, .. } | Schedule::Quota { zone, .. } => *zone,
    })
}
