//! Coded values of a visitation plan (`domain.md` §2.8, §3.4): methods, supervision, periods, states.

crate::code_enum! {
    /// How people meet.
    ContactMethod {
        /// In one place.
        InPerson = "in_person",
        /// By video.
        Video = "video",
        /// By telephone.
        Phone = "phone",
        /// By text message.
        Text = "text",
        /// By e-mail.
        Email = "email",
        /// By letter.
        Letter = "letter",
        /// In any other way.
        Other = "other",
    }
}

crate::code_enum! {
    /// How closely a visit is watched. Unsupervised is presumed.
    SupervisionLevel {
        /// Not at all.
        Unsupervised = "unsupervised",
        /// Now and then.
        Monitored = "monitored",
        /// In constant sight and hearing.
        Supervised = "supervised",
        /// By a therapist.
        Therapeutic = "therapeutic",
        /// There must be no contact.
        NoContact = "no_contact",
    }
}

crate::code_enum! {
    /// What a quota counts visits per, in the plan's zone.
    QuotaPeriod {
        /// An ISO week, Monday to Sunday.
        Week = "week",
        /// A calendar month.
        Month = "month",
    }
}

crate::code_enum! {
    /// Where a plan stands on a day. Derived.
    PlanStatus {
        /// Not activated yet.
        Draft = "draft",
        /// Activated and not ended, even if its first day is still to come.
        Active = "active",
        /// Its last day has passed.
        Ended = "ended",
        /// It was withdrawn.
        Canceled = "canceled",
    }
}

crate::code_enum! {
    /// What became of a planned visit.
    DueState {
        /// It is still to come, or is going on.
        Planned = "planned",
        /// Its time has passed and nothing is recorded.
        Overdue = "overdue",
        /// A draft is being written.
        Drafted = "drafted",
        /// A visit that took place is recorded.
        Done = "done",
        /// It is recorded that no visit took place.
        NotHeld = "not_held",
    }
}
