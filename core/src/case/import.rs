//! An agency's existing case, taken in whole or not at all: several steps in one transaction.
//!
//! What is taken in keeps where it came from as data; whoever runs the import signs it. The source's own ids are looked
//! up first, so that a second import of the same case adds nothing.

use super::commands::{Cases, add_participant, close, create, end_participant};
use super::{Case, NewCase, NewParticipant, Origin, Participant};
use crate::contact::{Around, ContactDraft, complete};
use crate::error::{Error, Result};
use crate::ids::{CaseId, CommandId, ContactId, ParticipantId, VisitationPlanId};
use crate::store::command::Command;
use crate::text::{NAME, REFERENCE, line, optional_line};
use crate::time::Day;
use crate::visitation::{NewVisitationPlan, OccurrenceRef, create as plan, reads, schedule};

impl Cases<'_> {
    /// Takes in one case in one transaction: all that the work made is on disk when this returns, or, if the work
    /// answers an error, nothing of it.
    ///
    /// A step that fails makes nothing, and the work may go on to find out what else is wrong.
    pub fn import<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut CaseImport<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut refused = None;
        let done = self.store.command("case.import", |command| {
            command.id = Some(CommandId(command.new_id()?));
            work(&mut CaseImport { command }).map_err(|why| {
                refused = Some(why);
                Error::Canceled
            })
        });
        done.map_err(|error| refused.unwrap_or_else(|| error.into()))
    }
}

/// The import of one case that is under way.
pub struct CaseImport<'c, 'a> {
    command: &'c mut Command<'a>,
}

impl CaseImport<'_, '_> {
    /// The case that is here already under the source's id.
    pub fn case(&self, source: &str, external_id: &str) -> Result<Option<CaseId>> {
        Ok(self.known(source, external_id, "case")?.map(CaseId))
    }

    /// The participant that is here already.
    pub fn participant(&self, source: &str, external_id: &str) -> Result<Option<ParticipantId>> {
        Ok(self.known(source, external_id, "participant")?.map(ParticipantId))
    }

    /// The visitation plan that is here already.
    pub fn visitation_plan(&self, source: &str, external_id: &str) -> Result<Option<VisitationPlanId>> {
        Ok(self.known(source, external_id, "visitation_plan")?.map(VisitationPlanId))
    }

    /// The contact that is here already.
    pub fn contact(&self, source: &str, external_id: &str) -> Result<Option<ContactId>> {
        Ok(self.known(source, external_id, "contact")?.map(ContactId))
    }

    /// The planned visit of a plan on a local date, if it has one.
    pub fn occurrence(&self, plan: VisitationPlanId, day: Day) -> Result<Option<OccurrenceRef>> {
        let reading = self.command.reading();
        let Some(row) = reading.plan_row(plan.as_bytes())? else { return Ok(None) };
        let found = schedule::occurrences(&reads::read(&reading, &row)?, day, day);
        Ok(found.first().map(|visit| OccurrenceRef { plan, schedule: visit.schedule, day: visit.day }))
    }

    /// Opens the case with its primary client, who comes with a role, a first day and an origin.
    pub fn create(&mut self, new: &NewCase, client: &NewParticipant) -> Result<Case> {
        check(new.origin.as_ref())?;
        check(client.origin.as_ref())?;
        create(self.command, new, client)
    }

    /// Adds somebody to the case.
    pub fn add_participant(&mut self, case: CaseId, new: &NewParticipant) -> Result<Participant> {
        check(new.origin.as_ref())?;
        add_participant(self.command, case, new)
    }

    /// Records that somebody left.
    pub fn end_participant(
        &mut self,
        case: CaseId,
        id: ParticipantId,
        on: Day,
        reason: &str,
    ) -> Result<Participant> {
        end_participant(self.command, case, id, on, reason)
    }

    /// Makes a visitation plan.
    pub fn create_plan(&mut self, case: CaseId, new: &NewVisitationPlan) -> Result<VisitationPlanId> {
        check(new.origin.as_ref())?;
        plan::create(self.command, case, new)
    }

    /// Records a contact; the draft's id and revision mean nothing here.
    pub fn record(&mut self, draft: &ContactDraft) -> Result<ContactId> {
        check(draft.origin.as_ref())?;
        let around = Around::of(self.command, draft.case_id)?;
        complete::record(self.command, &around, draft.clone())
    }

    /// Closes the case.
    pub fn close(&mut self, case: CaseId, on: Day, reason: &str) -> Result<Case> {
        close(self.command, case, on, reason)
    }

    fn known(&self, source: &str, external_id: &str, kind: &str) -> Result<Option<uuid::Uuid>> {
        let known = self.command.reading().external(source, external_id, kind)?;
        Ok(known.map(uuid::Uuid::from_bytes))
    }
}

fn check(origin: Option<&Origin>) -> Result<()> {
    let Some(origin) = origin else { return Ok(()) };
    line("origin.source", &origin.source, REFERENCE)?;
    line("origin.external_id", &origin.external_id, REFERENCE)?;
    optional_line("origin.recorded_by", origin.recorded_by.as_deref(), NAME)?;
    Ok(())
}
