//! A contact: what happened, who was there, who conducted it and who recorded it.

use serde::{Deserialize, Serialize};

use super::codes::{AttendanceStatus, Attribution, ContactKind, OutcomeCode, OutcomeReason, PlannedKind};
use crate::case::Origin;
use crate::ids::{AddendumId, CaseId, ContactId, DeviceId, DraftId, VisitationPlanId, WorkerId};
use crate::time::{Day, Instant, Zone};
use crate::visitation::{ContactMethod, OccurrenceRef, PartyRef};

/// What became of a contact, by whose cause, why, and with how much notice: one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of it.
    pub code: OutcomeCode,
    /// On whose side the cause lay.
    #[serde(default)]
    pub attributed_to: Option<Attribution>,
    /// Why; needed unless it took place (CT-04).
    #[serde(default)]
    pub reason: Option<OutcomeReason>,
    /// Hours between the notice and the planned start.
    #[serde(default)]
    pub notice_hours: Option<u32>,
    /// Anything to add.
    #[serde(default)]
    pub comment: Option<String>,
}

/// When a contact was: one value. The day is local to the zone; start and end may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactTime {
    /// The local date on which it began, or was to begin.
    pub day: Day,
    /// When it began.
    #[serde(default, with = "unix_seconds")]
    pub start: Option<Instant>,
    /// When it ended; later than the start, perhaps after midnight.
    #[serde(default, with = "unix_seconds")]
    pub end: Option<Instant>,
    /// The zone in which it was.
    pub zone: Zone,
}

/// Instants in registers are unix seconds, because a register holds integers only.
mod unix_seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::time::{Instant, from_unix};

    pub fn serialize<S: Serializer>(at: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.timestamp()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(from_unix))
    }
}

/// Whether somebody was there, and how punctually: one value per person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendance {
    /// Who.
    pub party: PartyRef,
    /// Whether they were there.
    pub status: AttendanceStatus,
    /// Minutes late at arrival; nothing if it is not known.
    #[serde(default)]
    pub minutes_late: Option<u32>,
    /// Minutes early at leaving; nothing if it is not known.
    #[serde(default)]
    pub minutes_left_early: Option<u32>,
}

/// A plan that a contact was made under, and the planned visit that it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedVisit {
    /// The plan.
    pub plan: VisitationPlanId,
    /// The planned visit; nothing if it was unscheduled, or the plan has a quota.
    #[serde(default)]
    pub occurrence: Option<OccurrenceRef>,
}

/// A contact that is being written. Lenient: nothing needs to be there before it is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub origin: Option<Origin>,
    /// When it was last saved.
    pub saved_at: Instant,
}

/// A correction of one value of a completed contact. What was recorded stays and is shown beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewAddendum {
    /// What there is to add.
    pub text: String,
    /// Values to correct.
    pub corrections: Vec<Correction>,
}

/// An addendum to a completed contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnteredInError {
    /// Why.
    pub why: String,
    /// The contact that stands for it.
    #[serde(default)]
    pub recorded_as: Option<ContactId>,
}

/// A completed contact with its corrections applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

impl Contact {
    /// Whether it counts as a visit that took place.
    pub fn counts(&self) -> bool {
        self.in_error.is_none() && self.outcome.code.took_place()
    }
}

/// A contact in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<ContactSummary>,
    /// Where the next page begins; nothing on the last.
    pub next: Option<String>,
}
