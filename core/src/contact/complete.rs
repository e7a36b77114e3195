//! From draft to record: one command, checked in full, never overwritten afterwards.

use chrono::{Datelike, Duration};

use super::around::Around;
use super::drafts::{Contacts, missing, read};
use super::fields::contact_fields;
use super::reads::shown;
use super::{Contact, ContactDraft, ContactTime, Outcome, OutcomeCode, PlannedVisit};
use crate::document::layout::contact_log::CONTACTS;
use crate::document::{Edit, Value};
use crate::error::{Error, Result};
use crate::identity::Scope;
use crate::ids::{CaseId, ContactId, DraftId};
use crate::storage::documents::DocumentRow;
use crate::store::Topic;
use crate::store::command::Command;
use crate::text::{NARRATIVE, REFERENCE, REMARK, line, optional_line, prose};
use crate::time::{Instant, Zone};
use crate::visitation::{PartyRef, reads, schedule};

/// How far two honest clocks may be apart (CT-01).
pub const CLOCK_TOLERANCE: Duration = Duration::minutes(10);
/// A contact log takes so many contacts; the next goes into its next part.
pub const LOG_SIZE: u64 = 200;
/// Hours of notice beyond which the figure is a slip: a year.
const MAX_NOTICE: u32 = 366 * 24;

impl Contacts<'_> {
    /// Completes a draft: the contact is recorded and on disk when this returns, and the draft is gone.
    ///
    /// # Errors
    /// [`Error::Incomplete`] with the fields that are missing; [`Error::RuleBroken`] by CT-01 (not in the future) or
    /// CT-04 (a reason unless it took place); [`Error::NotFound`] when there is no such draft. The draft stays.
    pub fn complete(&self, id: DraftId) -> Result<Contact> {
        self.store.command("contact.complete", |command| {
            let row = command.reading().draft(id.as_bytes())?.ok_or_else(|| missing(id))?;
            let draft = read(&row)?;
            let around = Around::of(command, draft.case_id)?;
            let contact = record(command, &around, draft)?;
            command.tx.remove_draft(id.as_bytes())?;
            command.changed(Topic::Drafts, around.case);
            shown(command, contact)
        })
    }

    /// Records a contact at once, without a draft on disk before.
    ///
    /// # Errors
    /// As [`Contacts::complete`].
    pub fn record(&self, draft: &ContactDraft) -> Result<ContactId> {
        self.store.command("contact.complete", |command| {
            command.store.refuse_taken_back(draft.case_id, scope_of(&draft.planned))?;
            let around = Around::of(command, draft.case_id)?;
            record(command, &around, draft.clone())
        })
    }
}

/// Records a contact in a case: checked in full.
pub(crate) fn record(command: &mut Command<'_>, around: &Around, draft: ContactDraft) -> Result<ContactId> {
    let own = PartyRef::User(command.store.inner.config.worker.clone());
    let conducted_by = draft.conducted_by.clone().unwrap_or(own);
    let draft = check(around, draft, command.now)?;
    check_planned(command, around.case, &draft.planned)?;
    around.check_party("conducted_by", &conducted_by)?;
    let document = log(command, around.case, &draft.planned)?;
    let id = ContactId(command.new_id()?);
    let fields = contact_fields(&draft, &conducted_by)?;
    command.write(&document, &[Edit::create(CONTACTS, id, fields)])?;
    Ok(id)
}

/// Records a draft as it stands, a week after its case was taken back: no rule is checked, and it says so itself.
pub(crate) fn finish(command: &mut Command<'_>, mut draft: ContactDraft, zone: Zone) -> Result<()> {
    let own = PartyRef::User(command.store.inner.config.worker.clone());
    let conducted_by = draft.conducted_by.clone().unwrap_or(own);
    let day = zone.day_of(draft.saved_at);
    draft.time.get_or_insert(ContactTime { day, start: None, end: None, zone });
    let document = log(command, draft.case_id, &draft.planned)?;
    let id = ContactId(command.new_id()?);
    let mut fields = contact_fields(&draft, &conducted_by)?;
    fields.insert("unfinished".to_owned(), Value::Bool(true));
    command.write(&document, &[Edit::create(CONTACTS, id, fields)])?;
    command.tx.remove_draft(draft.id.as_bytes())?;
    command.changed(Topic::Drafts, draft.case_id);
    Ok(())
}

/// The log that a new contact goes to: its plan's if there is one plan, else the case's; the lowest part with room.
fn log(command: &mut Command<'_>, case_id: CaseId, planned: &[PlannedVisit]) -> Result<DocumentRow> {
    let scope = scope_of(planned);
    let parent = match scope {
        Scope::Visits(plan) => *plan.as_bytes(),
        Scope::Level(_) => *case_id.as_bytes(),
    };
    let year = u16::try_from(command.now.year()).map_err(|_| Error::Clock)?;
    command.log_with_room((case_id, scope), &parent, year, LOG_SIZE)
}

/// Where a contact stands: with its plan if there is one, else with its case.
pub(crate) fn scope_of(planned: &[PlannedVisit]) -> Scope {
    match planned {
        [only] => Scope::Visits(only.plan),
        _ => Scope::Level(1),
    }
}

/// Checks a draft in full; answers it with texts trimmed and the day that its start says.
fn check(around: &Around, mut draft: ContactDraft, now: Instant) -> Result<ContactDraft> {
    let took_place = draft.outcome.as_ref().is_some_and(|outcome| outcome.code.took_place());
    let missing: Vec<String> = [
        ("outcome", draft.outcome.is_none()),
        ("time", draft.time.is_none()),
        ("method", took_place && draft.method.is_none()),
        ("attendance", took_place && draft.attendance.is_empty()),
    ]
    .into_iter()
    .filter(|(_, missing)| *missing)
    .map(|(field, _)| field.to_owned())
    .collect();
    let (Some(outcome), Some(time)) = (&draft.outcome, &draft.time) else {
        return Err(Error::Incomplete { draft: draft.id, missing });
    };
    if !missing.is_empty() {
        return Err(Error::Incomplete { draft: draft.id, missing });
    }
    let subject = draft.id.to_string();
    let (outcome, time) = (check_outcome(outcome, &subject)?, check_time(time, outcome, now, &subject)?);
    (draft.outcome, draft.time) = (Some(outcome), Some(time));
    draft.place = optional_line("place", draft.place.as_deref(), REMARK)?;
    draft.narrative = prose("narrative", &draft.narrative, NARRATIVE)?;
    draft.purposes = check_purposes(&draft.purposes)?;
    for (at, attendance) in draft.attendance.iter().enumerate() {
        around.check_party("attendance", &attendance.party)?;
        if draft.attendance[..at].iter().any(|other| other.party == attendance.party) {
            return Err(Error::invalid("attendance", "duplicate"));
        }
    }
    Ok(draft)
}

/// CT-04: unless it took place, an outcome has a reason.
pub(crate) fn check_outcome(outcome: &Outcome, subject: &str) -> Result<Outcome> {
    if !outcome.code.took_place() && outcome.reason.is_none() {
        // A code of another version may be any text, which an error does not repeat.
        let code = match &outcome.code {
            OutcomeCode::Unknown { .. } => "unknown",
            known => known.code(),
        };
        return Err(Error::rule("CT-04", [subject]).with("outcome", code));
    }
    if outcome.notice_hours.is_some_and(|hours| hours > MAX_NOTICE) {
        return Err(Error::invalid("outcome.notice_hours", "range"));
    }
    let comment = optional_line("outcome.comment", outcome.comment.as_deref(), REMARK)?;
    Ok(Outcome { comment, ..outcome.clone() })
}

/// CT-01: nothing has happened in the future, but for clocks that differ a little. What was called off in advance has not
/// happened, and has the day on which it was to be. An end follows its start.
pub(crate) fn check_time(
    time: &ContactTime,
    outcome: &Outcome,
    now: Instant,
    subject: &str,
) -> Result<ContactTime> {
    let mut time = time.clone();
    if let Some(start) = time.start {
        time.day = time.zone.day_of(start);
    }
    let latest = now + CLOCK_TOLERANCE;
    let future = time.start.is_some_and(|start| start > latest)
        || time.end.is_some_and(|end| end > latest)
        || time.day > time.zone.day_of(latest) && outcome.code != OutcomeCode::CanceledInAdvance;
    if future {
        return Err(Error::rule("CT-01", [subject]));
    }
    match (time.start, time.end) {
        (Some(start), Some(end)) if end < start => Err(Error::invalid("time.end", "range")),
        (None, Some(_)) => Err(Error::invalid("time.end", "format")),
        _ => Ok(time),
    }
}

pub(crate) fn check_purposes(purposes: &[String]) -> Result<Vec<String>> {
    purposes.iter().map(|purpose| line("purposes", purpose, REFERENCE)).collect()
}

/// A contact stands for one visit of a plan at most.
pub(super) fn check_one_of_each(planned: &[PlannedVisit]) -> Result<()> {
    let twice = |at: usize| planned[..at].iter().any(|other| other.plan == planned[at].plan);
    if (0..planned.len()).any(twice) { Err(Error::invalid("planned", "duplicate")) } else { Ok(()) }
}

/// What a contact was planned as: at most one visit of each plan of the case, on a day on which it has one.
pub(crate) fn check_planned(command: &Command<'_>, case: CaseId, planned: &[PlannedVisit]) -> Result<()> {
    check_one_of_each(planned)?;
    for visit in planned {
        let row = command.reading().plan_row(visit.plan.as_bytes())?;
        let row =
            row.ok_or_else(|| Error::NotYetHere { kind: "visitation plan", id: visit.plan.to_string() })?;
        if row.case_id != *case.as_bytes() {
            return Err(Error::invalid("planned", "range"));
        }
        let Some(occurrence) = visit.occurrence else { continue };
        // Not only by the schedule in force: another may have taken its place since the visit, also one that was made
        // elsewhere at the same time, of which nothing is known then.
        let plan = reads::read(&command.reading(), &row)?;
        let known = plan.schedules.iter().find(|schedule| schedule.id == occurrence.schedule);
        let has_none = known.is_some_and(|schedule| !schedule::falls_on(schedule, occurrence.day));
        if occurrence.plan != visit.plan || has_none {
            return Err(Error::invalid("planned", "range"));
        }
    }
    Ok(())
}
