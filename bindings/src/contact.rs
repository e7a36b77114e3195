//! Drafts, contacts and addenda: mirrors of `caseplan_core::contact`, and the calls that a store has for them.

use caseplan_core::case::Origin;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::contact::{
    Addendum, Attendance, AttendanceStatus, Attribution, Contact, ContactDraft, ContactKind, ContactPage,
    ContactSummary, ContactTime, CorrectedField, Correction, EnteredInError, NewAddendum, Outcome,
    OutcomeCode, OutcomeReason, PlannedKind, PlannedVisit,
};
use caseplan_core::ids::{AddendumId, CaseId, ContactId, DeviceId, DraftId, VisitationPlanId, WorkerId};
use caseplan_core::time::Zone;
use caseplan_core::visitation::{ContactMethod, OccurrenceRef, PartyRef};

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::{Day, Timestamp};

type Instant = Timestamp;

/// What became of a contact, by whose cause, why, and with how much notice: one value.
#[uniffi::remote(Record)]
pub struct Outcome {
    /// What became of it.
    pub code: OutcomeCode,
    /// On whose side the cause lay.
    #[uniffi(default = None)]
    pub attributed_to: Option<Attribution>,
    /// Why; needed unless it took place (CT-04).
    #[uniffi(default = None)]
    pub reason: Option<OutcomeReason>,
    /// Hours between the notice and the planned start.
    #[uniffi(default = None)]
    pub notice_hours: Option<u32>,
    /// Anything to add.
    #[uniffi(default = None)]
    pub comment: Option<String>,
}

/// When a contact was: one value. The day is local to the zone; start and end may be unknown.
#[uniffi::remote(Record)]
pub struct ContactTime {
    /// The local date on which it began, or was to begin.
    pub day: Day,
    /// When it began.
    #[uniffi(default = None)]
    pub start: Option<Instant>,
    /// When it ended; later than the start, perhaps after midnight.
    #[uniffi(default = None)]
    pub end: Option<Instant>,
    /// The zone in which it was.
    pub zone: Zone,
}

/// Whether somebody was there, and how punctually: one value per person.
#[uniffi::remote(Record)]
pub struct Attendance {
    /// Who.
    pub party: PartyRef,
    /// Whether they were there.
    pub status: AttendanceStatus,
    /// Minutes late at arrival; nothing if it is not known.
    #[uniffi(default = None)]
    pub minutes_late: Option<u32>,
    /// Minutes early at leaving; nothing if it is not known.
    #[uniffi(default = None)]
    pub minutes_left_early: Option<u32>,
}

/// A plan that a contact was made under, and the planned visit that it was.
#[uniffi::remote(Record)]
pub struct PlannedVisit {
    /// The plan.
    pub plan: VisitationPlanId,
    /// The planned visit; nothing if it was unscheduled, or the plan has a quota.
    #[uniffi(default = None)]
    pub occurrence: Option<OccurrenceRef>,
}

/// What a draft is begun for.
#[uniffi::remote(Enum)]
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

/// A contact that is being written. Lenient: nothing needs to be there before it is completed.
#[uniffi::remote(Record)]
pub struct ContactDraft {
    /// The draft.
    pub id: DraftId,
    /// How often it was saved; a save of an older revision is refused and kept beside.
    pub revision: i64,
    /// Its case.
    pub case_id: CaseId,
    /// What it is about.
    pub kind: ContactKind,
    /// The plans that it is made under, and the planned visits.
    pub planned: Vec<PlannedVisit>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// When it was.
    pub time: Option<ContactTime>,
    /// How.
    pub method: Option<ContactMethod>,
    /// Where.
    pub place: Option<String>,
    /// Who was there.
    pub attendance: Vec<Attendance>,
    /// What it was for, as the agency's own codes.
    pub purposes: Vec<String>,
    /// What happened: neutral, observed.
    pub narrative: String,
    /// Who conducted it, if not the store's own worker.
    pub conducted_by: Option<PartyRef>,
    /// Where it was imported from.
    pub origin: Option<Origin>,
    /// When it was last saved.
    pub saved_at: Instant,
}

/// A correction of one value of a completed contact. What was recorded stays and is shown beside it.
#[uniffi::remote(Enum)]
pub enum Correction {
    /// What it was about.
    Kind {
        /// The right value.
        value: ContactKind,
    },
    /// The plans that it was made under.
    Planned {
        /// The right value.
        value: Vec<PlannedVisit>,
    },
    /// What became of it.
    Outcome {
        /// The right value.
        value: Outcome,
    },
    /// When it was.
    Time {
        /// The right value.
        value: ContactTime,
    },
    /// How.
    Method {
        /// The right value.
        value: ContactMethod,
    },
    /// Where.
    Place {
        /// The right value.
        value: String,
    },
    /// Whether somebody was there.
    Attendance {
        /// The right value for one person.
        value: Attendance,
    },
    /// What it was for.
    Purposes {
        /// The right value.
        value: Vec<String>,
    },
    /// Who conducted it.
    ConductedBy {
        /// The right value.
        value: PartyRef,
    },
    /// It should not have been recorded at all.
    EnteredInError {
        /// Why.
        why: String,
        /// The contact that stands for it, if it was recorded again.
        recorded_as: Option<ContactId>,
    },
}

/// An addendum that is about to be made.
#[uniffi::remote(Record)]
pub struct NewAddendum {
    /// What there is to add.
    pub text: String,
    /// Values to correct.
    #[uniffi(default = [])]
    pub corrections: Vec<Correction>,
}

/// An addendum to a completed contact.
#[uniffi::remote(Record)]
pub struct Addendum {
    /// The addendum.
    pub id: AddendumId,
    /// What was added.
    pub text: String,
    /// The fields that it corrected.
    pub corrected: Vec<String>,
    /// Who wrote it, if their certificate counts.
    pub by: Option<WorkerId>,
    /// When, by the clock of the device that wrote it.
    pub at: Option<Instant>,
}

/// A value that an addendum corrected: both are shown.
#[uniffi::remote(Record)]
pub struct CorrectedField {
    /// The field.
    pub field: String,
    /// What was recorded first, as canonical JSON.
    pub original: String,
    /// What counts, as canonical JSON.
    pub corrected: String,
    /// The addendum that says so.
    pub addendum: Option<AddendumId>,
}

/// That a contact should not have been recorded.
#[uniffi::remote(Record)]
pub struct EnteredInError {
    /// Why.
    pub why: String,
    /// The contact that stands for it.
    pub recorded_as: Option<ContactId>,
}

/// A completed contact with its corrections applied.
#[uniffi::remote(Record)]
pub struct Contact {
    /// The contact.
    pub id: ContactId,
    /// Its case.
    pub case_id: CaseId,
    /// What it was about.
    pub kind: ContactKind,
    /// The plans that it was made under.
    pub planned: Vec<PlannedVisit>,
    /// How it relates to what was planned; derived.
    pub planned_kind: PlannedKind,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was.
    pub time: ContactTime,
    /// How.
    pub method: Option<ContactMethod>,
    /// Where.
    pub place: Option<String>,
    /// Who was there.
    pub attendance: Vec<Attendance>,
    /// What it was for.
    pub purposes: Vec<String>,
    /// What happened.
    pub narrative: String,
    /// Who conducted it (CT-02).
    pub conducted_by: PartyRef,
    /// Who recorded it, from the signature (CT-02); nothing if their certificate does not count here.
    pub recorded_by: Option<WorkerId>,
    /// The device that recorded it, from the signature.
    pub recorded_on: Option<DeviceId>,
    /// When it was recorded, by that device's clock.
    pub recorded_at: Option<Instant>,
    /// Addenda, oldest first.
    pub addenda: Vec<Addendum>,
    /// Values that addenda corrected.
    pub corrections: Vec<CorrectedField>,
    /// That it should not have been recorded.
    pub in_error: Option<EnteredInError>,
    /// Where it was imported from.
    pub origin: Option<Origin>,
    /// A draft that was completed as it stood, a week after its case was taken back: fields may be missing.
    pub unfinished: bool,
}

/// A contact in a list.
#[uniffi::remote(Record)]
pub struct ContactSummary {
    /// The contact.
    pub id: ContactId,
    /// Its case.
    pub case_id: CaseId,
    /// What it was about.
    pub kind: ContactKind,
    /// How it relates to what was planned.
    pub planned_kind: PlannedKind,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was.
    pub time: ContactTime,
    /// How.
    pub method: Option<ContactMethod>,
    /// Where.
    pub place: Option<String>,
    /// Who conducted it.
    pub conducted_by: PartyRef,
    /// Who recorded it.
    pub recorded_by: Option<WorkerId>,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// How many addenda there are.
    pub addenda: u32,
    /// Whether it should not have been recorded.
    pub in_error: bool,
}

/// A page of contacts, newest first.
#[uniffi::remote(Record)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<ContactSummary>,
    /// Where the next page begins; nothing on the last.
    pub next: Option<String>,
}

/// Which page of contacts.
#[uniffi::remote(Record)]
pub struct ContactQuery {
    /// Of one case only.
    #[uniffi(default = None)]
    pub case: Option<CaseId>,
    /// Of one plan only.
    #[uniffi(default = None)]
    pub plan: Option<VisitationPlanId>,
    /// Where the page begins: `ContactPage::next` of the one before.
    #[uniffi(default = None)]
    pub after: Option<String>,
    /// At most so many, 1 to 500.
    pub limit: u32,
}

#[uniffi::export]
impl CoreStore {
    /// Begins a draft, filled in from the plan as far as that says anything; it is on disk when this returns.
    pub fn start_draft(&self, start: DraftStart) -> Result<ContactDraft, CaseplanError> {
        Ok(self.core()?.contacts().start_draft(&start)?)
    }

    /// Saves a draft; it is on disk when this returns. Answers it with its next revision.
    pub fn save_draft(&self, draft: ContactDraft) -> Result<ContactDraft, CaseplanError> {
        Ok(self.core()?.contacts().save_draft(&draft)?)
    }

    /// Discards a draft, for ever.
    pub fn discard_draft(&self, draft: DraftId) -> Result<(), CaseplanError> {
        Ok(self.core()?.contacts().discard_draft(draft)?)
    }

    /// Drafts of a case, or all, last saved first.
    pub fn list_drafts(&self, case_id: Option<CaseId>) -> Result<Vec<ContactDraft>, CaseplanError> {
        Ok(self.core()?.contacts().drafts(case_id)?)
    }

    /// One draft.
    pub fn get_draft(&self, draft: DraftId) -> Result<Option<ContactDraft>, CaseplanError> {
        Ok(self.core()?.contacts().draft(draft)?)
    }

    /// Completes a draft: the contact is recorded and on disk when this returns, and the draft is gone.
    pub fn complete_draft(&self, draft: DraftId) -> Result<Contact, CaseplanError> {
        Ok(self.core()?.contacts().complete(draft)?)
    }

    /// Adds to a completed contact, and corrects values of it; what was recorded stays and is shown beside.
    pub fn amend_contact(&self, contact: ContactId, addendum: NewAddendum) -> Result<Contact, CaseplanError> {
        Ok(self.core()?.contacts().amend(contact, &addendum)?)
    }

    /// A page of contacts, newest first.
    pub fn contact_page(&self, query: ContactQuery) -> Result<ContactPage, CaseplanError> {
        Ok(self.core()?.contacts().page(&query)?)
    }

    /// A contact with narrative, addenda and corrections.
    pub fn get_contact(&self, contact: ContactId) -> Result<Option<Contact>, CaseplanError> {
        Ok(self.core()?.contacts().get(contact)?)
    }

    /// Contacts whose narrative or addenda hold every word; accents and case do not matter. Best first.
    pub fn search_contacts(
        &self,
        words: String,
        case_id: Option<CaseId>,
        limit: u32,
    ) -> Result<Vec<ContactSummary>, CaseplanError> {
        Ok(self.core()?.contacts().search(&words, case_id, limit)?)
    }
}
