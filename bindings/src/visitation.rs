//! Visitation plans and due visits: mirrors of `caseplan_core::visitation`, and the calls that a store has for them.

use caseplan_core::case::Origin;
use caseplan_core::ids::{
    CaseId, ContactId, DraftId, ParticipantId, PartyId, ScheduleId, VisitationPlanId, WorkerId,
};
use caseplan_core::visitation::{
    Cancelation, ContactMethod, CourtOrder, DueState, DueVisit, Mandate, NewVisitationPlan, OccurrenceRef, PartyRef,
    PlanChange, PlanParty, PlanSchedule, PlanStatus, PlanWarning, QuotaPeriod, Schedule, Supervision,
    SupervisionLevel, VisitationPlan, VisitationPlanView,
};

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::{Day, Timestamp, WallTime};
use caseplan_core::time::Zone;

type Instant = Timestamp;


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

/// Somebody in a plan or at a contact: a participant of the case or a user of the organisation.
#[uniffi::remote(Enum)]
pub enum PartyRef {
    /// A participant of the case.
    Participant(ParticipantId),
    /// A user of the organisation.
    User(WorkerId),
}

/// A court's order.
#[uniffi::remote(Record)]
pub struct CourtOrder {
    /// Its reference.
    pub reference: String,
    /// Its date.
    pub on: Day,
    /// The court.
    #[uniffi(default = None)]
    pub court: Option<String>,
}

/// By what right the visits take place.
#[uniffi::remote(Enum)]
pub enum Mandate {
    /// A court ordered them.
    CourtOrdered {
        /// The order in force.
        order: CourtOrder,
    },
    /// The agency and the family agreed on them.
    MutuallyAgreed {
        /// When.
        on: Option<Day>,
    },
}

/// When visits take place.
#[uniffi::remote(Enum)]
pub enum Schedule {
    /// On dates, by a recurrence rule.
    Rule {
        /// RFC 5545 `RRULE` value: DAILY, WEEKLY, MONTHLY or YEARLY, one occurrence a day at most.
        rule: String,
        /// The first visit, in local time.
        starts_at: WallTime,
        /// The zone of that local time, for ever.
        zone: Zone,
    },
    /// So many in each period, on no fixed dates.
    Quota {
        /// How many, at least 1.
        count: u32,
        /// In what.
        period: QuotaPeriod,
        /// The zone in which periods begin and end.
        zone: Zone,
    },
}

/// A schedule as it stands in a plan: it never changes, an edit makes a new one.
#[uniffi::remote(Record)]
pub struct PlanSchedule {
    /// The schedule.
    pub id: ScheduleId,
    /// When visits take place.
    pub schedule: Schedule,
    /// How long a visit is, in minutes.
    pub minutes: Option<u32>,
    /// From which day on.
    pub effective_from: Day,
    /// The schedule before it.
    pub replaces: Option<ScheduleId>,
}

/// How visits are watched.
#[uniffi::remote(Record)]
pub struct Supervision {
    /// How closely.
    pub level: SupervisionLevel,
    /// By whom.
    #[uniffi(default = None)]
    pub supervisor: Option<PartyRef>,
    /// Why.
    #[uniffi(default = None)]
    pub reason: Option<String>,
}

/// A visitation plan that is about to be made.
#[uniffi::remote(Record)]
pub struct NewVisitationPlan {
    /// By what right.
    pub mandate: Mandate,
    /// Clients to visit: at least one.
    pub to_visit: Vec<PartyRef>,
    /// Visitors: at least one, none of them a client to visit.
    pub visitors: Vec<PartyRef>,
    /// When.
    pub schedule: Schedule,
    /// How long a visit is, in minutes.
    #[uniffi(default = None)]
    pub minutes: Option<u32>,
    /// How: at least one.
    pub methods: Vec<ContactMethod>,
    /// Where.
    #[uniffi(default = None)]
    pub place: Option<String>,
    /// How visits are watched; unsupervised if nothing is said.
    #[uniffi(default = None)]
    pub supervision: Option<Supervision>,
    /// What the visits are for.
    #[uniffi(default = None)]
    pub purpose: Option<String>,
    /// What must be kept to.
    #[uniffi(default = None)]
    pub conditions: Option<String>,
    /// How people get there.
    #[uniffi(default = None)]
    pub transport: Option<String>,
    /// Who may not attend.
    #[uniffi(default = None)]
    pub excluded: Option<String>,
    /// The first day; the schedule's first, or today for a quota, if none is given.
    #[uniffi(default = None)]
    pub start: Option<Day>,
    /// The last day, inclusive.
    #[uniffi(default = None)]
    pub end: Option<Day>,
    /// The least age in years of a client to visit when the plan starts.
    #[uniffi(default = None)]
    pub min_age: Option<u32>,
    /// The greatest age in years of a client to visit when the plan starts.
    #[uniffi(default = None)]
    pub max_age: Option<u32>,
    /// True to keep the plan as a draft until it is activated.
    #[uniffi(default = false)]
    pub as_draft: bool,
    /// Where it was imported from.
    #[uniffi(default = None)]
    pub origin: Option<Origin>,
}

/// What is to change in a plan; nothing stays as it is where nothing is given.
#[uniffi::remote(Record)]
pub struct PlanChange {
    /// Another schedule, from a day on.
    #[uniffi(default = None)]
    pub schedule: Option<Schedule>,
    /// How long a visit is, in minutes.
    #[uniffi(default = None)]
    pub minutes: Option<u32>,
    /// From when on the other schedule or duration counts; today if none is given.
    #[uniffi(default = None)]
    pub effective_from: Option<Day>,
    /// Other methods.
    #[uniffi(default = None)]
    pub methods: Option<Vec<ContactMethod>>,
    /// Another place.
    #[uniffi(default = None)]
    pub place: Option<String>,
    /// Other supervision.
    #[uniffi(default = None)]
    pub supervision: Option<Supervision>,
    /// Another purpose.
    #[uniffi(default = None)]
    pub purpose: Option<String>,
    /// Other conditions.
    #[uniffi(default = None)]
    pub conditions: Option<String>,
    /// Another first day.
    #[uniffi(default = None)]
    pub start: Option<Day>,
    /// Another last day.
    #[uniffi(default = None)]
    pub end: Option<Day>,
    /// Visitors who join.
    #[uniffi(default = [])]
    pub add_visitors: Vec<PartyRef>,
    /// Visitors who leave, by their place in the plan.
    #[uniffi(default = [])]
    pub end_visitors: Vec<PartyId>,
    /// The order that allows all this; rule VP-03 says when there must be one.
    #[uniffi(default = None)]
    pub new_order: Option<CourtOrder>,
}

/// Somebody in a plan.
#[uniffi::remote(Record)]
pub struct PlanParty {
    /// Their place in the plan.
    pub id: PartyId,
    /// Who.
    pub party: PartyRef,
    /// The name as it stands in the case, or as it was copied into the plan where the case is not here.
    pub name: String,
    /// From when on, if not from the plan's start.
    pub from: Option<Day>,
    /// Until when, inclusive, if they left.
    pub to: Option<Day>,
}

/// Why and when a plan was withdrawn.
#[uniffi::remote(Record)]
pub struct Cancelation {
    /// The day.
    pub on: Day,
    /// Why.
    pub why: String,
}

/// A visitation plan.
#[uniffi::remote(Record)]
pub struct VisitationPlan {
    /// The plan.
    pub id: VisitationPlanId,
    /// Its case.
    pub case_id: CaseId,
    /// By what right.
    pub mandate: Mandate,
    /// Clients to visit, those who left too.
    pub to_visit: Vec<PlanParty>,
    /// Visitors, those who left too.
    pub visitors: Vec<PlanParty>,
    /// The schedule in force and those before it, newest first.
    pub schedules: Vec<PlanSchedule>,
    /// How.
    pub methods: Vec<ContactMethod>,
    /// Where.
    pub place: Option<String>,
    /// How visits are watched.
    pub supervision: Supervision,
    /// What the visits are for.
    pub purpose: Option<String>,
    /// What must be kept to.
    pub conditions: Option<String>,
    /// How people get there.
    pub transport: Option<String>,
    /// Who may not attend.
    pub excluded: Option<String>,
    /// The first day.
    pub start: Day,
    /// The last day, inclusive.
    pub end: Option<Day>,
    /// When it was activated.
    pub activated_on: Option<Day>,
    /// When and why it was withdrawn.
    pub canceled: Option<Cancelation>,
}

/// Something that is allowed and worth a look. Derived whenever a plan is read.
#[uniffi::remote(Enum)]
pub enum PlanWarning {
    /// VP-02: another active plan has a client, a visitor and dates in common.
    Overlaps {
        /// The other plan.
        plan: VisitationPlanId,
    },
}

/// A plan as a screen shows it.
#[uniffi::remote(Record)]
pub struct VisitationPlanView {
    /// The plan.
    pub plan: VisitationPlan,
    /// Where it stands today.
    pub status: PlanStatus,
    /// What is worth a look.
    pub warnings: Vec<PlanWarning>,
}

/// One planned visit: the schedule that it comes from and its local date.
#[uniffi::remote(Record)]
pub struct OccurrenceRef {
    /// The plan.
    pub plan: VisitationPlanId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// The local date.
    pub day: Day,
}

/// Visits that are due: one on a date, or so many in a period.
#[uniffi::remote(Enum)]
pub enum DueVisit {
    /// One visit on a date.
    Occurrence {
        /// Which.
        occurrence: OccurrenceRef,
        /// The case.
        case_id: CaseId,
        /// When it starts.
        starts_at: Instant,
        /// When it starts by the clocks of the plan's zone.
        local: WallTime,
        /// That zone.
        zone: Zone,
        /// How long it is to be, in minutes.
        minutes: Option<u32>,
        /// Where.
        place: Option<String>,
        /// Names of the clients to visit.
        to_visit: Vec<String>,
        /// Names of the visitors.
        visitors: Vec<String>,
        /// What became of it.
        state: DueState,
        /// Contacts recorded for it; more than one is a possible duplicate.
        contacts: Vec<ContactId>,
        /// Drafts for it on this device.
        drafts: Vec<DraftId>,
    },
    /// So many in a period.
    Quota {
        /// The plan.
        plan: VisitationPlanId,
        /// The case.
        case_id: CaseId,
        /// The period's first day.
        from: Day,
        /// The period's last day.
        to: Day,
        /// How many are planned.
        planned: u32,
        /// How many took place; possible duplicates count once.
        done: u32,
        /// Names of the clients to visit.
        to_visit: Vec<String>,
        /// Names of the visitors.
        visitors: Vec<String>,
    },
}
