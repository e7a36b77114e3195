//! Coded values of plans and contacts: mirrors of the enums that may grow.

use caseplan_core::contact::{
    AttendanceStatus, Attribution, ContactKind, OutcomeCode, OutcomeReason, PlannedKind,
};
use caseplan_core::visitation::{ContactMethod, DueState, PlanStatus, QuotaPeriod, SupervisionLevel};

/// How people meet.
#[uniffi::remote(Enum)]
pub enum ContactMethod {
    /// In one place.
    InPerson,
    /// By video.
    Video,
    /// By telephone.
    Phone,
    /// By text message.
    Text,
    /// By e-mail.
    Email,
    /// By letter.
    Letter,
    /// In any other way.
    Other,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// How closely a visit is watched. Unsupervised is presumed.
#[uniffi::remote(Enum)]
pub enum SupervisionLevel {
    /// Not at all.
    Unsupervised,
    /// Now and then.
    Monitored,
    /// In constant sight and hearing.
    Supervised,
    /// By a therapist.
    Therapeutic,
    /// There must be no contact.
    NoContact,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// What a quota counts visits per, in the plan's zone.
#[uniffi::remote(Enum)]
pub enum QuotaPeriod {
    /// An ISO week, Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// Where a plan stands on a day. Derived.
#[uniffi::remote(Enum)]
pub enum PlanStatus {
    /// Not activated yet.
    Draft,
    /// Activated and not ended, even if its first day is still to come.
    Active,
    /// Its last day has passed.
    Ended,
    /// It was withdrawn.
    Canceled,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// What became of a planned visit.
#[uniffi::remote(Enum)]
pub enum DueState {
    /// It is still to come, or is going on.
    Planned,
    /// Its time has passed and nothing is recorded.
    Overdue,
    /// A draft is being written.
    Drafted,
    /// A visit that took place is recorded.
    Done,
    /// It is recorded that no visit took place.
    NotHeld,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// What a contact is about.
#[uniffi::remote(Enum)]
pub enum ContactKind {
    /// A visit between a child and family under a visitation plan, or outside one.
    FamilyVisit,
    /// A worker's visit to a client.
    CaseworkerVisit,
    /// With somebody who knows about the family.
    Collateral,
    /// Anything else.
    Other,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// What became of a contact.
#[uniffi::remote(Enum)]
pub enum OutcomeCode {
    /// It took place.
    Occurred,
    /// Part of it took place.
    OccurredPartial,
    /// It took place and was ended early.
    EndedEarly,
    /// It was called off beforehand.
    CanceledInAdvance,
    /// Somebody did not come.
    NoShow,
    /// Somebody came and was sent away.
    TurnedAway,
    /// It was tried.
    Attempted,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// On whose side the cause lay.
#[uniffi::remote(Enum)]
pub enum Attribution {
    /// A visitor.
    Visitor,
    /// The child.
    Child,
    /// Whoever looks after the child.
    Caregiver,
    /// The agency.
    Agency,
    /// A provider.
    Provider,
    /// The court.
    Court,
    /// Transport.
    Transport,
    /// Weather or the building.
    WeatherFacility,
    /// Anything else.
    Other,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// Why a contact went otherwise than planned.
#[uniffi::remote(Enum)]
pub enum OutcomeReason {
    /// Illness.
    Illness,
    /// Work.
    Work,
    /// Transport.
    Transport,
    /// It was not confirmed.
    Unconfirmed,
    /// The child refused.
    ChildRefused,
    /// Concern for safety.
    SafetyConcern,
    /// Drink or drugs.
    UnderInfluence,
    /// Imprisonment.
    Incarceration,
    /// Scheduling.
    Scheduling,
    /// Weather.
    Weather,
    /// Anything else.
    Other,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// Whether somebody was there.
#[uniffi::remote(Enum)]
pub enum AttendanceStatus {
    /// They were.
    Present,
    /// They were not.
    Absent,
    /// They were not, and had said so.
    Excused,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// How a contact relates to what was planned. Derived.
#[uniffi::remote(Enum)]
pub enum PlannedKind {
    /// On the planned date.
    Scheduled,
    /// For a planned visit, on another date.
    Rescheduled,
    /// For no planned visit.
    Unscheduled,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}
