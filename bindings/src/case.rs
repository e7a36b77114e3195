//! Cases and participants: mirrors of `caseplan_core::case`, and the calls that a store has for them.

use caseplan_core::case::reads::{CaseFilter, CaseOverview};
use caseplan_core::case::{
    Case, CaseChange, CaseStatus, CaseSummary, Closure, NewCase, NewParticipant, NewPerson, Origin,
    Participant, ParticipantRole, ParticipantVersion, PersonCorrection,
};
use caseplan_core::conflict::Conflict;
use caseplan_core::contact::{ContactDraft, ContactSummary};
use caseplan_core::ids::{CaseId, ParticipantId, WorkerId};
use caseplan_core::issue::Issue;
use caseplan_core::visitation::VisitationPlanView;

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::{Day, Timestamp};

type Instant = Timestamp;

/// What a participant is to the case.
#[uniffi::remote(Enum)]
pub enum ParticipantRole {
    /// The child whom the case is about, or a further one.
    Child,
    /// A mother or father.
    Parent,
    /// Somebody with legal responsibility who is no parent.
    Guardian,
    /// A brother or sister.
    Sibling,
    /// Another relative.
    Relative,
    /// Whoever looks after the child day by day, a foster parent for one.
    Caregiver,
    /// An adult client.
    Client,
    /// Somebody who takes part by profession.
    Professional,
    /// Anybody else.
    Other,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// Whether a case is being worked on. Derived from its closure.
#[uniffi::remote(Enum)]
pub enum CaseStatus {
    /// It is.
    Open,
    /// It was closed and can be reopened.
    Closed,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// A person who is about to be named.
#[uniffi::remote(Record)]
pub struct NewPerson {
    /// The name in full, as it is to be shown: 1 to 200 characters.
    pub name: String,
    /// The date of birth, if it is known.
    #[uniffi(default = None)]
    pub born: Option<Day>,
}

/// Where imported data came from. Data, never authorship: who imported it signed it.
#[uniffi::remote(Record)]
pub struct Origin {
    /// The system it came from.
    pub source: String,
    /// Its id there: a second import of the same id adds nothing.
    pub external_id: String,
    /// Who recorded it there, as that system spells it.
    #[uniffi(default = None)]
    pub recorded_by: Option<String>,
    /// When it was recorded there.
    #[uniffi(default = None)]
    pub recorded_at: Option<Instant>,
}

/// A case that is about to be opened.
#[uniffi::remote(Record)]
pub struct NewCase {
    /// The agency's reference: 1 to 100 characters, of one open case only.
    pub reference: String,
    /// The agency's own code for the type of case.
    #[uniffi(default = None)]
    pub case_type: Option<String>,
    /// Whom the case is about.
    pub primary_client: NewPerson,
    /// Who keeps the case; the store's own worker if nobody is named.
    #[uniffi(default = None)]
    pub assigned_worker: Option<WorkerId>,
    /// The team that keeps the case.
    #[uniffi(default = None)]
    pub team: Option<String>,
    /// The day it was opened; today, in the store's zone, if none is given.
    #[uniffi(default = None)]
    pub opened_on: Option<Day>,
    /// Where it was imported from.
    #[uniffi(default = None)]
    pub origin: Option<Origin>,
}

/// Somebody who is about to be added to a case.
#[uniffi::remote(Record)]
pub struct NewParticipant {
    /// Who.
    pub person: NewPerson,
    /// What they are to the case.
    pub role: ParticipantRole,
    /// From when on; today if none is given.
    #[uniffi(default = None)]
    pub from: Option<Day>,
    /// Where it was imported from.
    #[uniffi(default = None)]
    pub origin: Option<Origin>,
}

/// What is to change in a case; nothing stays as it is where nothing is given.
#[uniffi::remote(Record)]
pub struct CaseChange {
    /// Another reference.
    #[uniffi(default = None)]
    pub reference: Option<String>,
    /// Another type.
    #[uniffi(default = None)]
    pub case_type: Option<String>,
    /// Another primary client, a participant of the case.
    #[uniffi(default = None)]
    pub primary_client: Option<ParticipantId>,
    /// Another worker.
    #[uniffi(default = None)]
    pub assigned_worker: Option<WorkerId>,
    /// Another team.
    #[uniffi(default = None)]
    pub team: Option<String>,
}

/// A correction of who somebody is. What was there before stays in the history.
#[uniffi::remote(Record)]
pub struct PersonCorrection {
    /// The right name.
    #[uniffi(default = None)]
    pub name: Option<String>,
    /// The right date of birth.
    #[uniffi(default = None)]
    pub born: Option<Day>,
}

/// Why and when a case was closed.
#[uniffi::remote(Record)]
pub struct Closure {
    /// The day.
    pub on: Day,
    /// Why.
    pub reason: String,
}

/// Somebody who takes part in a case.
#[uniffi::remote(Record)]
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
#[uniffi::remote(Record)]
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

/// A case in a list.
#[uniffi::remote(Record)]
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
#[uniffi::remote(Record)]
pub struct ParticipantVersion {
    /// As they stood.
    pub participant: Participant,
    /// When, by the clock of the device that made the change.
    pub at: Instant,
    /// Who, if their certificate counts; nobody where changes that were made apart came together.
    pub by: Option<WorkerId>,
}

/// Which cases a list shows.
#[uniffi::remote(Record)]
pub struct CaseFilter {
    /// Those of one worker only.
    #[uniffi(default = None)]
    pub worker: Option<WorkerId>,
    /// Closed ones too.
    #[uniffi(default = false)]
    pub closed_too: bool,
}

/// A case with what stands around it: one call for one screen.
#[uniffi::remote(Record)]
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

#[uniffi::export]
impl CoreStore {
    /// Opens a case with its primary client.
    pub fn create_case(&self, new: NewCase) -> Result<Case, CaseplanError> {
        Ok(self.core()?.cases().create(&new)?)
    }

    /// Adds somebody to an open case.
    pub fn add_participant(
        &self,
        case_id: CaseId,
        new: NewParticipant,
    ) -> Result<Participant, CaseplanError> {
        Ok(self.core()?.cases().add_participant(case_id, &new)?)
    }

    /// Corrects a participant's name or date of birth; what was there before stays in the history.
    pub fn correct_participant(
        &self,
        case_id: CaseId,
        participant: ParticipantId,
        correction: PersonCorrection,
    ) -> Result<Participant, CaseplanError> {
        Ok(self.core()?.cases().correct_participant(case_id, participant, &correction)?)
    }

    /// Records that somebody left the case; they stay in it with an end date.
    pub fn end_participant(
        &self,
        case_id: CaseId,
        participant: ParticipantId,
        on: Day,
        reason: String,
    ) -> Result<Participant, CaseplanError> {
        Ok(self.core()?.cases().end_participant(case_id, participant, on, &reason)?)
    }

    /// Changes a case's own fields.
    pub fn change_case(&self, case_id: CaseId, change: CaseChange) -> Result<Case, CaseplanError> {
        Ok(self.core()?.cases().change(case_id, &change)?)
    }

    /// Closes a case. It can be read, corrected and reopened.
    pub fn close_case(&self, case_id: CaseId, on: Day, reason: String) -> Result<Case, CaseplanError> {
        Ok(self.core()?.cases().close(case_id, on, &reason)?)
    }

    /// Reopens a closed case; reopening an open one changes nothing.
    pub fn reopen_case(&self, case_id: CaseId) -> Result<Case, CaseplanError> {
        Ok(self.core()?.cases().reopen(case_id)?)
    }

    /// The caseload, by reference.
    pub fn list_cases(&self, filter: CaseFilter) -> Result<Vec<CaseSummary>, CaseplanError> {
        Ok(self.core()?.cases().list(&filter)?)
    }

    /// A case as it stands.
    pub fn get_case(&self, case_id: CaseId) -> Result<Option<Case>, CaseplanError> {
        Ok(self.core()?.cases().get(case_id)?)
    }

    /// A case with its plans, contacts, drafts, conflicts and issues.
    pub fn case_overview(&self, case_id: CaseId) -> Result<CaseOverview, CaseplanError> {
        Ok(self.core()?.cases().overview(case_id)?)
    }
}
