//! Addenda and corrections: what was completed is never overwritten (CT-03).
//!
//! An addendum is an entity of its own; each value that it corrects also stands in a register of the contact and
//! field, so that two corrections of one value, made apart, are a conflict like any other.

use std::collections::BTreeMap;

use super::around::Around;
use super::complete::{check_outcome, check_planned, check_purposes, check_time};
use super::drafts::Contacts;
use super::fields::{addendum_fields, corrected_register, stored_correction};
use super::reads::{read, shown};
use super::{Contact, Correction, NewAddendum, Outcome, PlannedVisit};
use crate::document::layout::contact_log::{ADDENDA, CORRECTED};
use crate::document::{Edit, FieldPath};
use crate::error::{Error, Result};
use crate::ids::{AddendumId, CaseId, ContactId};
use crate::store::command::Command;
use crate::text::{NARRATIVE, REMARK, line, prose};
use crate::time::Instant;

impl Contacts<'_> {
    /// Adds to a completed contact, and corrects values of it; what was recorded stays and is shown beside.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is nothing to add; [`Error::FieldInConflict`] when a value was corrected in two
    /// ways already; the rules of completion for each corrected value.
    pub fn amend(&self, id: ContactId, addendum: &NewAddendum) -> Result<Contact> {
        let text = prose("text", addendum.text.trim(), NARRATIVE)?;
        if text.is_empty() && addendum.corrections.is_empty() {
            return Err(Error::invalid("text", "empty"));
        }
        self.store.command("contact.amend", |command| {
            let missing = || Error::not_found("contact", id);
            let (row, recorded) = command.reading().contact_row(id.as_bytes())?.ok_or_else(missing)?;
            let before = read(&row, &recorded)?;
            let outcome = corrected_outcome(&before, addendum);
            check_whole(&before, outcome, addendum, command.now)?;
            let document = command.reading().document_of_row(row.document)?;
            let around = Around::of(command, CaseId::from_slice(&row.case_id)?)?;
            let mut corrections = BTreeMap::new();
            for correction in &addendum.corrections {
                let checked = check(command, &around, id, outcome, correction)?;
                if let Correction::Planned { value } = &checked {
                    check_scope(command, &document.scope_id, value)?;
                }
                let (field, value) = stored_correction(&checked)?;
                if corrections.insert(field, value).is_some() {
                    return Err(Error::invalid("corrections", "duplicate"));
                }
            }
            let addendum_id = AddendumId(command.new_id()?);
            let mut edits =
                vec![Edit::create(ADDENDA, addendum_id, addendum_fields(id, &text, &corrections)?)];
            for (field, value) in corrections {
                let path = FieldPath::flat(CORRECTED, &format!("{id}.{field}"));
                edits.push(Edit::Put { path, value: corrected_register(addendum_id, value)? });
            }
            command.write(&document, &edits)?;
            shown(command, id)
        })
    }
}

/// What stands in a plan's scope speaks for that plan only: those who may read it need not know of another.
fn check_scope(command: &Command<'_>, scope: &[u8; 16], planned: &[PlannedVisit]) -> Result<()> {
    let plan = command.reading().scope(scope)?.and_then(|scope| scope.plan_id);
    match plan {
        Some(plan) if planned.iter().any(|visit| visit.plan.as_bytes() != &plan) => {
            Err(Error::invalid("planned", "elsewhere"))
        }
        _ => Ok(()),
    }
}

/// The outcome that a contact has with an addendum.
fn corrected_outcome<'a>(before: &'a Contact, addendum: &'a NewAddendum) -> &'a Outcome {
    let corrected = addendum.corrections.iter().find_map(|correction| match correction {
        Correction::Outcome { value } => Some(value),
        _ => None,
    });
    corrected.unwrap_or(&before.outcome)
}

/// What did not take place and now did has a method and says who was there, as when it is completed, and was not to be later.
fn check_whole(before: &Contact, outcome: &Outcome, addendum: &NewAddendum, now: Instant) -> Result<()> {
    if before.outcome.code.took_place() || !outcome.code.took_place() {
        return Ok(());
    }
    let corrects = |is: fn(&Correction) -> bool| addendum.corrections.iter().any(is);
    if before.method.is_none() && !corrects(|it| matches!(it, Correction::Method { .. })) {
        return Err(Error::invalid("method", "empty"));
    }
    if before.attendance.is_empty() && !corrects(|it| matches!(it, Correction::Attendance { .. })) {
        return Err(Error::invalid("attendance", "empty"));
    }
    if !corrects(|it| matches!(it, Correction::Time { .. })) {
        check_time(&before.time, outcome, now, &before.id.to_string())?;
    }
    Ok(())
}

fn check(
    command: &Command<'_>,
    around: &Around,
    id: ContactId,
    outcome: &Outcome,
    correction: &Correction,
) -> Result<Correction> {
    let subject = id.to_string();
    match correction {
        Correction::Outcome { value } => Ok(Correction::Outcome { value: check_outcome(value, &subject)? }),
        Correction::Time { value } => {
            Ok(Correction::Time { value: check_time(value, outcome, command.now, &subject)? })
        }
        Correction::Place { value } => Ok(Correction::Place { value: line("place", value, REMARK)? }),
        Correction::Purposes { value } => Ok(Correction::Purposes { value: check_purposes(value)? }),
        Correction::Attendance { value } => {
            around.check_party("attendance", &value.party)?;
            Ok(correction.clone())
        }
        Correction::ConductedBy { value } => {
            around.check_party("conducted_by", value)?;
            Ok(correction.clone())
        }
        Correction::Planned { value } => {
            check_planned(command, around.case, value)?;
            Ok(correction.clone())
        }
        Correction::EnteredInError { why, recorded_as } => {
            if let Some(other) = recorded_as {
                let there = command.reading().contact_row(other.as_bytes())?;
                there.filter(|_| *other != id).ok_or_else(|| Error::not_found("contact", other))?;
            }
            Ok(Correction::EnteredInError { why: line("why", why, REMARK)?, recorded_as: *recorded_as })
        }
        Correction::Kind { .. } | Correction::Method { .. } => Ok(correction.clone()),
    }
}
