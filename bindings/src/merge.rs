//! What merging brings up, and what was: conflicts, issues, history, and the first screen.

use caseplan_core::case::{Case, ParticipantVersion};
use caseplan_core::conflict::{Conflict, ConflictValue};
use caseplan_core::contact::{Contact, ContactDraft};
use caseplan_core::history::{AsOf, Event, EventPage};
use caseplan_core::ids::{
    CaseId, ChangeHash, ConflictId, ConflictValueId, ContactId, DeviceId, DocumentId, IssueId, ParticipantId,
    VisitationPlanId, WorkerId,
};
use caseplan_core::issue::{Decision, Issue, IssueChoice, IssueSubject};
use caseplan_core::today::{OnlyHere, Today};
use caseplan_core::visitation::{DueVisit, VisitationPlan};
use uuid::Uuid;

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::{Day, Timestamp};

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

/// What no other device is known to hold.
#[uniffi::remote(Record)]
pub struct OnlyHere {
    /// Drafts: never handed to anybody.
    pub drafts: u32,
    /// This device's changes that no peer is known to hold.
    pub changes: u64,
}

/// What a worker sees first.
#[uniffi::remote(Record)]
pub struct Today {
    /// The day, in the store's zone.
    pub day: Day,
    /// Visits of the day, and quotas whose period it lies in.
    pub due: Vec<DueVisit>,
    /// Planned visits of the last 30 days with nothing recorded.
    pub overdue: Vec<DueVisit>,
    /// Drafts on this device, last saved first.
    pub drafts: Vec<ContactDraft>,
    /// How many fields are in conflict.
    pub conflicts: u32,
    /// How many issues are open.
    pub issues: u32,
    /// What would be lost with this device.
    pub only_here: OnlyHere,
}
