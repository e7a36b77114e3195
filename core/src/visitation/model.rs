//! A visitation plan: who meets whom, by what right, when, how and where; and the visits that follow from it.

use serde::{Deserialize, Serialize};

use super::codes::{ContactMethod, DueState, PlanStatus, QuotaPeriod, SupervisionLevel};
use crate::case::Origin;
use crate::ids::{
    CaseId, ContactId, DraftId, ParticipantId, PartyId, ScheduleId, VisitationPlanId, WorkerId,
};
use crate::time::{Day, Instant, WallTime, Zone};

/// Somebody in a plan or at a contact: a participant of the case or a user of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRef {
    /// A participant of the case.
    Participant(ParticipantId),
    /// A user of the organisation.
    User(WorkerId),
}

impl PartyRef {
    /// The key under which something about this party stands: the participant's id, or `user:` and the worker's.
    pub fn key(&self) -> String {
        match self {
            Self::Participant(id) => id.to_string(),
            // A slash would end the key in a field's path.
            Self::User(worker) => format!("user:{}", worker.as_str().replace('%', "%25").replace('/', "%2F")),
        }
    }
}

/// A court's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourtOrder {
    /// Its reference.
    pub reference: String,
    /// Its date.
    pub on: Day,
    /// The court.
    #[serde(default)]
    pub court: Option<String>,
}

/// By what right the visits take place.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// How closely.
    pub level: SupervisionLevel,
    /// By whom.
    #[serde(default)]
    pub supervisor: Option<PartyRef>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A visitation plan that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub minutes: Option<u32>,
    /// How: at least one.
    pub methods: Vec<ContactMethod>,
    /// Where.
    pub place: Option<String>,
    /// How visits are watched; unsupervised if nothing is said.
    pub supervision: Option<Supervision>,
    /// What the visits are for.
    pub purpose: Option<String>,
    /// What must be kept to.
    pub conditions: Option<String>,
    /// How people get there.
    pub transport: Option<String>,
    /// Who may not attend.
    pub excluded: Option<String>,
    /// The first day; the schedule's first, or today for a quota, if none is given.
    pub start: Option<Day>,
    /// The last day, inclusive.
    pub end: Option<Day>,
    /// The least age in years of a client to visit when the plan starts.
    pub min_age: Option<u32>,
    /// The greatest age in years of a client to visit when the plan starts.
    pub max_age: Option<u32>,
    /// True to keep the plan as a draft until it is activated.
    pub as_draft: bool,
    /// Where it was imported from.
    pub origin: Option<Origin>,
}

/// What is to change in a plan; nothing stays as it is where nothing is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanChange {
    /// Another schedule, from a day on.
    pub schedule: Option<Schedule>,
    /// How long a visit is, in minutes.
    pub minutes: Option<u32>,
    /// From when on the other schedule or duration counts; today if none is given.
    pub effective_from: Option<Day>,
    /// Other methods.
    pub methods: Option<Vec<ContactMethod>>,
    /// Another place.
    pub place: Option<String>,
    /// Other supervision.
    pub supervision: Option<Supervision>,
    /// Another purpose.
    pub purpose: Option<String>,
    /// Other conditions.
    pub conditions: Option<String>,
    /// Another first day.
    pub start: Option<Day>,
    /// Another last day.
    pub end: Option<Day>,
    /// Visitors who join.
    pub add_visitors: Vec<PartyRef>,
    /// Visitors who leave, by their place in the plan.
    pub end_visitors: Vec<PartyId>,
    /// The order that allows all this; rule VP-03 says when there must be one.
    pub new_order: Option<CourtOrder>,
}

/// Somebody in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelation {
    /// The day.
    pub on: Day,
    /// Why.
    pub why: String,
}

/// A visitation plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The newest schedule, which may come into force later, and those before it, newest first.
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

impl VisitationPlan {
    /// Where the plan stands on a day. Pure: the same on every device that holds the same document.
    pub fn status(&self, today: Day) -> PlanStatus {
        if self.canceled.is_some() {
            PlanStatus::Canceled
        } else if self.activated_on.is_none() {
            PlanStatus::Draft
        } else if self.end.is_some_and(|end| end < today) {
            PlanStatus::Ended
        } else {
            PlanStatus::Active
        }
    }

    /// The newest schedule, which may not be in force yet.
    pub fn schedule(&self) -> Option<&PlanSchedule> {
        self.schedules.first()
    }

    /// Everybody who is in the plan on a day: clients to visit first.
    pub fn parties_on(&self, day: Day) -> impl Iterator<Item = &PlanParty> {
        self.to_visit.iter().chain(&self.visitors).filter(move |party| {
            party.from.is_none_or(|from| from <= day) && party.to.is_none_or(|to| day <= to)
        })
    }
}

/// Something that is allowed and worth a look. Derived whenever a plan is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanWarning {
    /// VP-02: another active plan has a client, a visitor and dates in common.
    Overlaps {
        /// The other plan.
        plan: VisitationPlanId,
    },
}

/// A plan as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitationPlanView {
    /// The plan.
    pub plan: VisitationPlan,
    /// Where it stands today.
    pub status: PlanStatus,
    /// What is worth a look.
    pub warnings: Vec<PlanWarning>,
}

/// One planned visit: the schedule that it comes from and its local date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OccurrenceRef {
    /// The plan.
    pub plan: VisitationPlanId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// The local date.
    pub day: Day,
}

/// Visits that are due: one on a date, or so many in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
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
