//! Reading cases: from projections only, no document is loaded.

use super::commands::Cases;
use super::model::{Case, CaseStatus, CaseSummary};
use crate::conflict::Conflict;
use crate::contact::{ContactDraft, ContactSummary};
use crate::error::{Error, Result};
use crate::ids::{CaseId, ContactId, ParticipantId, VisitationPlanId, WorkerId};
use crate::issue::Issue;
use crate::storage::cases::CaseloadRow;
use crate::time::from_unix;
use crate::visitation::VisitationPlanView;

/// Which cases a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Those of one worker only.
    pub worker: Option<WorkerId>,
    /// Closed ones too.
    pub closed_too: bool,
}

/// A case with what stands around it: one call for one screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOverview {
    /// The case.
    pub case: Case,
    /// Its visitation plans, earliest first.
    pub visitation_plans: Vec<VisitationPlanView>,
    /// Its last contacts, newest first.
    pub recent_contacts: Vec<ContactSummary>,
    /// Its drafts on this device.
    pub drafts: Vec<ContactDraft>,
    /// Its fields in conflict.
    pub conflicts: Vec<Conflict>,
    /// Its open issues.
    pub issues: Vec<Issue>,
}

/// How many contacts an overview shows.
const RECENT: u32 = 10;

impl Cases<'_> {
    /// The caseload, by reference.
    pub fn list(&self, filter: &CaseFilter) -> Result<Vec<CaseSummary>> {
        self.store.read(|reading| {
            let worker = filter.worker.as_ref().map(WorkerId::as_str);
            let rows = reading.caseload(worker, filter.closed_too, None)?;
            rows.into_iter().map(summary).collect()
        })
    }

    /// A case as it stands.
    pub fn get(&self, id: CaseId) -> Result<Option<Case>> {
        self.store.read(|reading| {
            let row = reading.case_row(id.as_bytes())?;
            row.map(|row| {
                crate::json::from_text(&row.detail).ok_or(Error::Unexpected { reason: "projection" })
            })
            .transpose()
        })
    }

    /// A case with its plans, contacts, drafts, conflicts and issues.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn overview(&self, id: CaseId) -> Result<CaseOverview> {
        let case = self.get(id)?.ok_or_else(|| Error::not_found("case", id))?;
        let contacts = self.store.contacts();
        Ok(CaseOverview {
            case,
            visitation_plans: self.store.visitation_plans().list(Some(id))?,
            recent_contacts: contacts
                .page(&crate::contact::reads::ContactQuery::of_case(id, RECENT))?
                .contacts,
            drafts: contacts.drafts(Some(id))?,
            conflicts: self.store.conflicts().list(Some(id))?,
            issues: self.store.issues().list(Some(id), false)?,
        })
    }

    /// The case that an import brought under an agency's own id.
    pub fn imported(&self, source: &str, external_id: &str) -> Result<Option<CaseId>> {
        Ok(self.external(source, external_id, "case")?.map(CaseId))
    }

    /// The participant that an import brought under an agency's own id.
    pub fn imported_participant(&self, source: &str, external_id: &str) -> Result<Option<ParticipantId>> {
        Ok(self.external(source, external_id, "participant")?.map(ParticipantId))
    }

    /// The visitation plan that an import brought under an agency's own id.
    pub fn imported_visitation_plan(
        &self,
        source: &str,
        external_id: &str,
    ) -> Result<Option<VisitationPlanId>> {
        Ok(self.external(source, external_id, "visitation_plan")?.map(VisitationPlanId))
    }

    /// The contact that an import brought under an agency's own id.
    pub fn imported_contact(&self, source: &str, external_id: &str) -> Result<Option<ContactId>> {
        Ok(self.external(source, external_id, "contact")?.map(ContactId))
    }

    fn external(&self, source: &str, external_id: &str, kind: &str) -> Result<Option<uuid::Uuid>> {
        self.store
            .read(|reading| Ok(reading.external(source, external_id, kind)?.map(uuid::Uuid::from_bytes)))
    }
}

fn summary(row: CaseloadRow) -> Result<CaseSummary> {
    Ok(CaseSummary {
        id: CaseId::from_slice(&row.case.case_id)?,
        reference: row.case.reference,
        primary_client: row.case.primary_name,
        status: if row.case.closed { CaseStatus::Closed } else { CaseStatus::Open },
        assigned_worker: row.case.worker.and_then(|worker| worker.parse().ok()),
        visitation_plans: row.plans,
        contacts: row.contacts,
        last_contact: row.last_contact.map(from_unix),
        drafts: row.drafts,
        conflicts: row.conflicts,
        issues: row.issues,
    })
}
