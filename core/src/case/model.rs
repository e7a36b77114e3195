//! A case and the people in it: what a screen reads and a request says.

use serde::{Deserialize, Serialize};

use crate::ids::{CaseId, ParticipantId, WorkerId};
use crate::time::{Day, Instant};

crate::code_enum! {
    /// What a participant is to the case.
    ParticipantRole {
        /// The child whom the case is about, or a further one.
        Child = "child",
        /// A mother or father.
        Parent = "parent",
        /// Somebody with legal responsibility who is no parent.
        Guardian = "guardian",
        /// A brother or sister.
        Sibling = "sibling",
        /// Another relative.
        Relative = "relative",
        /// Whoever looks after the child day by day, a foster parent for one.
        Caregiver = "caregiver",
        /// An adult client.
        Client = "client",
        /// Somebody who takes part by profession.
        Professional = "professional",
        /// Anybody else.
        Other = "other",
    }
}

crate::code_enum! {
    /// Whether a case is being worked on. Derived from its closure.
    CaseStatus {
        /// It is.
        Open = "open",
        /// It was closed and can be reopened.
        Closed = "closed",
    }
}

/// A person who is about to be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// The name in full, as it is to be shown: 1 to 200 characters.
    pub name: String,
    /// The date of birth, if it is known.
    pub born: Option<Day>,
}

/// Where imported data came from. Data, never authorship: who imported it signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The system it came from.
    pub source: String,
    /// Its id there: a second import of the same id adds nothing.
    pub external_id: String,
    /// Who recorded it there, as that system spells it.
    #[serde(default)]
    pub recorded_by: Option<String>,
    /// When it was recorded there.
    #[serde(default)]
    pub recorded_at: Option<Instant>,
}

/// A case that is about to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    /// The agency's reference: 1 to 100 characters, of one open case only.
    pub reference: String,
    /// The agency's own code for the type of case.
    pub case_type: Option<String>,
    /// Whom the case is about.
    pub primary_client: NewPerson,
    /// Who keeps the case; the store's own worker if nobody is named.
    pub assigned_worker: Option<WorkerId>,
    /// The team that keeps the case.
    pub team: Option<String>,
    /// The day it was opened; today, in the store's zone, if none is given.
    pub opened_on: Option<Day>,
    /// Where it was imported from.
    pub origin: Option<Origin>,
}

/// Somebody who is about to be added to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParticipant {
    /// Who.
    pub person: NewPerson,
    /// What they are to the case.
    pub role: ParticipantRole,
    /// From when on; today if none is given.
    pub from: Option<Day>,
    /// Where it was imported from.
    pub origin: Option<Origin>,
}

/// What is to change in a case; nothing stays as it is where nothing is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseChange {
    /// Another reference.
    pub reference: Option<String>,
    /// Another type.
    pub case_type: Option<String>,
    /// Another primary client, a participant of the case.
    pub primary_client: Option<ParticipantId>,
    /// Another worker.
    pub assigned_worker: Option<WorkerId>,
    /// Another team.
    pub team: Option<String>,
}

/// A correction of who somebody is. What was there before stays in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonCorrection {
    /// The right name.
    pub name: Option<String>,
    /// The right date of birth.
    pub born: Option<Day>,
}

/// Why and when a case was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// The day.
    pub on: Day,
    /// Why.
    pub reason: String,
}

/// Somebody who takes part in a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The participant.
    pub id: ParticipantId,
    /// The name as it stands.
    pub name: String,
    /// The date of birth as it stands.
    pub born: Option<Day>,
    /// What they are to the case.
    pub role: ParticipantRole,
    /// From when on.
    pub from: Option<Day>,
    /// Until when, inclusive; nothing while it lasts.
    pub to: Option<Day>,
    /// Why they left.
    pub end_reason: Option<String>,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The case.
    pub id: CaseId,
    /// The agency's reference.
    pub reference: String,
    /// The agency's own code for its type.
    pub case_type: Option<String>,
    /// Whom it is about.
    pub primary_client: ParticipantId,
    /// Everybody in it, by when they joined; those who left too.
    pub participants: Vec<Participant>,
    /// Who keeps it.
    pub assigned_worker: Option<WorkerId>,
    /// The team that keeps it.
    pub team: Option<String>,
    /// The day it was opened.
    pub opened_on: Option<Day>,
    /// Whether it is being worked on; derived.
    pub status: CaseStatus,
    /// When and why it was closed.
    pub closure: Option<Closure>,
}

impl Case {
    /// A participant.
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.id == id)
    }
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSummary {
    /// The case.
    pub id: CaseId,
    /// The agency's reference.
    pub reference: String,
    /// The primary client's name.
    pub primary_client: String,
    /// Whether it is being worked on.
    pub status: CaseStatus,
    /// Who keeps it.
    pub assigned_worker: Option<WorkerId>,
    /// How many visitation plans are activated and not canceled.
    pub visitation_plans: u32,
    /// How many contacts are recorded.
    pub contacts: u32,
    /// When the last contact was.
    pub last_contact: Option<Instant>,
    /// How many drafts this device keeps.
    pub drafts: u32,
    /// How many fields are in conflict.
    pub conflicts: u32,
    /// How many issues are open.
    pub issues: u32,
}

/// A participant as they stood after one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantVersion {
    /// As they stood.
    pub participant: Participant,
    /// When, by the clock of the device that made the change.
    pub at: Instant,
    /// Who, if their certificate counts; nobody where changes that were made apart came together.
    pub by: Option<WorkerId>,
}
