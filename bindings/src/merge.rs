//! What merging brings up, and what was: conflicts, issues, history.

use caseplan_core::case::{Case, ParticipantVersion};
use caseplan_core::conflict::{Conflict, ConflictValue};
use caseplan_core::contact::Contact;
use caseplan_core::history::{AsOf, Event, EventPage};
use caseplan_core::ids::{
    CaseId, ChangeHash, ConflictId, ConflictValueId, ContactId, DeviceId, DocumentId, IssueId, ParticipantId,
    VisitationPlanId, WorkerId,
};
use caseplan_core::issue::{Decision, Issue, IssueChoice, IssueSubject};
use caseplan_core::visitation::VisitationPlan;
use uuid::Uuid;

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::Timestamp;

type Instant = Timestamp;

/// One of the values of a field in conflict.
#[uniffi::remote(Record)]
pub struct ConflictValue {
    /// Its id: what `Conflicts::settle` takes.
    pub id: ConflictValueId,
    /// The value: a text, a code, a date, or canonical JSON where the field is structured. Nothing if it was emptied.
    pub value: Option<String>,
    /// Who wrote it, if their certificate counts.
    pub by: Option<WorkerId>,
    /// On which device.
    pub device: DeviceId,
    /// When, by that device's clock.
    pub at: Instant,
}

/// A field that holds several values.
#[uniffi::remote(Record)]
pub struct Conflict {
    /// Its id: it changes when the values do.
    pub id: ConflictId,
    /// The case.
    pub case_id: CaseId,
    /// The document.
    pub document: DocumentId,
    /// The kind of document: `case`, `visitation_plan`, `contact_log`.
    pub kind: String,
    /// The entity's id, where the field belongs to one: a participant, a contact.
    pub entity: Option<String>,
    /// The field.
    pub field: String,
    /// The values, the one that is shown meanwhile first.
    pub values: Vec<ConflictValue>,
}

/// What an issue is about.
#[uniffi::remote(Enum)]
pub enum IssueSubject {
    /// I-10: these two contacts may be one visit. It counts once meanwhile.
    PossibleDuplicateContacts {
        /// One.
        first: ContactId,
        /// The other.
        second: ContactId,
    },
    /// I-21: these two cases have one reference.
    PossibleDuplicateCases {
        /// One.
        first: CaseId,
        /// The other.
        second: CaseId,
    },
}

/// What a person decides about two things that may be one.
#[uniffi::remote(Enum)]
pub enum IssueChoice {
    /// They are the same: linked, counted once.
    Same {
        /// The id of the one to read: one of the two subjects.
        keep: Uuid,
    },
    /// They are two: parted, each counts.
    Distinct,
}

/// What was decided.
#[uniffi::remote(Record)]
pub struct Decision {
    /// The choice.
    pub choice: IssueChoice,
    /// Why.
    pub why: Option<String>,
}

/// An issue.
#[uniffi::remote(Record)]
pub struct Issue {
    /// Its id: the same on every device.
    pub id: IssueId,
    /// Its code in the specification: `I-10`, `I-21`.
    pub code: String,
    /// The case.
    pub case_id: CaseId,
    /// What it is about.
    pub subject: IssueSubject,
    /// What was decided; nothing while it is open.
    pub decision: Option<Decision>,
}

/// When something is wanted as it stood.
#[uniffi::remote(Enum)]
pub enum AsOf {
    /// By what its writers had done until then, by their own clocks: equal on every device with equal documents.
    Instant {
        /// Until when.
        at: Instant,
    },
    /// By what this device had received until then.
    Known {
        /// Until when.
        at: Instant,
    },
    /// In a version: exact.
    Version {
        /// Its heads.
        heads: Vec<ChangeHash>,
    },
}

/// One entry of the event log.
#[uniffi::remote(Record)]
pub struct Event {
    /// What was done, such as `contact.complete`.
    pub code: String,
    /// The kind of document that it was done in.
    pub kind: String,
    /// The document.
    pub document: DocumentId,
    /// The change: the name of the version that it made.
    pub change: ChangeHash,
    /// Who did it, if their certificate counts.
    pub by: Option<WorkerId>,
    /// On which device.
    pub device: DeviceId,
    /// When, by that device's clock.
    pub at: Instant,
    /// When this device came to know of it.
    pub received_at: Instant,
}

/// A page of the event log, last received first.
#[uniffi::remote(Record)]
pub struct EventPage {
    /// The entries.
    pub events: Vec<Event>,
    /// Where the next page begins; nothing on the last.
    pub next: Option<i64>,
}

#[uniffi::export]
impl CoreStore {
    /// Fields in conflict, of one case or all.
    pub fn list_conflicts(&self, case_id: Option<CaseId>) -> Result<Vec<Conflict>, CaseplanError> {
        Ok(self.core()?.conflicts().list(case_id)?)
    }

    /// One conflict as it stands.
    pub fn get_conflict(&self, conflict: ConflictId) -> Result<Option<Conflict>, CaseplanError> {
        Ok(self.core()?.conflicts().get(&conflict)?)
    }

    /// Ends a conflict with one of its values.
    pub fn settle_conflict(
        &self,
        conflict: ConflictId,
        choice: ConflictValueId,
    ) -> Result<(), CaseplanError> {
        Ok(self.core()?.conflicts().settle(&conflict, &choice)?)
    }

    /// Issues of a case, or of all; open ones only, or settled ones too.
    pub fn list_issues(
        &self,
        case_id: Option<CaseId>,
        settled_too: bool,
    ) -> Result<Vec<Issue>, CaseplanError> {
        Ok(self.core()?.issues().list(case_id, settled_too)?)
    }

    /// Decides an issue, or decides it anew.
    pub fn settle_issue(
        &self,
        issue: IssueId,
        choice: IssueChoice,
        why: Option<String>,
    ) -> Result<Issue, CaseplanError> {
        Ok(self.core()?.issues().settle(&issue, &choice, why.as_deref())?)
    }

    /// The event log of a case, last received first.
    pub fn events(
        &self,
        case_id: CaseId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<EventPage, CaseplanError> {
        Ok(self.core()?.history().events(case_id, after, limit)?)
    }

    /// The version of a case's own document now: its heads.
    pub fn case_version(&self, case_id: CaseId) -> Result<Vec<ChangeHash>, CaseplanError> {
        Ok(self.core()?.history().case_version(case_id)?)
    }

    /// The version of a plan's document now: its heads.
    pub fn visitation_plan_version(&self, plan: VisitationPlanId) -> Result<Vec<ChangeHash>, CaseplanError> {
        Ok(self.core()?.history().plan_version(plan)?)
    }

    /// A case as it stood; nothing if there was none yet.
    pub fn case_as_of(&self, case_id: CaseId, as_of: AsOf) -> Result<Option<Case>, CaseplanError> {
        Ok(self.core()?.history().case_as_of(case_id, &as_of)?)
    }

    /// A plan as it stood; nothing if there was none yet.
    pub fn visitation_plan_as_of(
        &self,
        plan: VisitationPlanId,
        as_of: AsOf,
    ) -> Result<Option<VisitationPlan>, CaseplanError> {
        Ok(self.core()?.history().plan_as_of(plan, &as_of)?)
    }

    /// A contact as it stood; nothing if it was not recorded yet.
    pub fn contact_as_of(&self, contact: ContactId, as_of: AsOf) -> Result<Option<Contact>, CaseplanError> {
        Ok(self.core()?.history().contact_as_of(contact, &as_of)?)
    }

    /// Every state of a participant, oldest first.
    pub fn participant_versions(
        &self,
        case_id: CaseId,
        participant: ParticipantId,
    ) -> Result<Vec<ParticipantVersion>, CaseplanError> {
        Ok(self.core()?.history().participant_versions(case_id, participant)?)
    }
}
