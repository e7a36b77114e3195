//! Coded values of a contact (`domain.md` §3.4): kinds, outcomes, attribution, reasons, attendance.

crate::code_enum! {
    /// What a contact is about.
    ContactKind {
        /// A visit between a child and family under a visitation plan, or outside one.
        FamilyVisit = "family_visit",
        /// A worker's visit to a client.
        CaseworkerVisit = "caseworker_visit",
        /// With somebody who knows about the family.
        Collateral = "collateral",
        /// Anything else.
        Other = "other",
    }
}

crate::code_enum! {
    /// What became of a contact.
    OutcomeCode {
        /// It took place.
        Occurred = "occurred",
        /// Part of it took place.
        OccurredPartial = "occurred_partial",
        /// It took place and was ended early.
        EndedEarly = "ended_early",
        /// It was called off beforehand.
        CanceledInAdvance = "canceled_in_advance",
        /// Somebody did not come.
        NoShow = "no_show",
        /// Somebody came and was sent away.
        TurnedAway = "turned_away",
        /// It was tried.
        Attempted = "attempted",
    }
}

impl OutcomeCode {
    /// Whether people met.
    pub fn took_place(&self) -> bool {
        matches!(self, Self::Occurred | Self::OccurredPartial | Self::EndedEarly)
    }
}

crate::code_enum! {
    /// On whose side the cause lay.
    Attribution {
        /// A visitor.
        Visitor = "visitor",
        /// The child.
        Child = "child",
        /// Whoever looks after the child.
        Caregiver = "caregiver",
        /// The agency.
        Agency = "agency",
        /// A provider.
        Provider = "provider",
        /// The court.
        Court = "court",
        /// Transport.
        Transport = "transport",
        /// Weather or the building.
        WeatherFacility = "weather_facility",
        /// Anything else.
        Other = "other",
    }
}

crate::code_enum! {
    /// Why a contact went otherwise than planned.
    OutcomeReason {
        /// Illness.
        Illness = "illness",
        /// Work.
        Work = "work",
        /// Transport.
        Transport = "transport",
        /// It was not confirmed.
        Unconfirmed = "unconfirmed",
        /// The child refused.
        ChildRefused = "child_refused",
        /// Concern for safety.
        SafetyConcern = "safety_concern",
        /// Drink or drugs.
        UnderInfluence = "under_influence",
        /// Imprisonment.
        Incarceration = "incarceration",
        /// Scheduling.
        Scheduling = "scheduling",
        /// Weather.
        Weather = "weather",
        /// Anything else.
        Other = "other",
    }
}

crate::code_enum! {
    /// Whether somebody was there.
    AttendanceStatus {
        /// They were.
        Present = "present",
        /// They were not.
        Absent = "absent",
        /// They were not, and had said so.
        Excused = "excused",
    }
}

crate::code_enum! {
    /// How a contact relates to what was planned. Derived.
    PlannedKind {
        /// On the planned date.
        Scheduled = "scheduled",
        /// For a planned visit, on another date.
        Rescheduled = "rescheduled",
        /// For no planned visit.
        Unscheduled = "unscheduled",
    }
}
