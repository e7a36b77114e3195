//! Visitation plans: mirrors of `caseplan_core::visitation`, and the calls that a store has for them.

use caseplan_core::case::Origin;
use caseplan_core::ids::{CaseId, ParticipantId, PartyId, ScheduleId, VisitationPlanId, WorkerId};
use caseplan_core::time::Zone;
use caseplan_core::visitation::{
    Cancelation, ContactMethod, CourtOrder, Mandate, NewVisitationPlan, PartyRef, PlanChange, PlanParty,
    PlanSchedule, PlanStatus, PlanWarning, QuotaPeriod, Schedule, Supervision, SupervisionLevel,
    VisitationPlan, VisitationPlanView,
};

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::{Day, WallTime};

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

#[uniffi::export]
impl CoreStore {
    /// Makes a visitation plan, active at once unless it is asked for as a draft.
    pub fn create_visitation_plan(
        &self,
        case_id: CaseId,
        new: NewVisitationPlan,
    ) -> Result<VisitationPlanView, CaseplanError> {
        Ok(self.core()?.visitation_plans().create(case_id, &new)?)
    }

    /// Activates a plan that was kept as a draft; an active one stays as it is.
    pub fn activate_visitation_plan(
        &self,
        plan: VisitationPlanId,
    ) -> Result<VisitationPlanView, CaseplanError> {
        Ok(self.core()?.visitation_plans().activate(plan)?)
    }

    /// Changes a plan; a court-ordered one by a new order only, as VP-03 says.
    pub fn change_visitation_plan(
        &self,
        plan: VisitationPlanId,
        change: PlanChange,
    ) -> Result<VisitationPlanView, CaseplanError> {
        Ok(self.core()?.visitation_plans().change(plan, &change)?)
    }

    /// Ends a plan with this day as its last. A court-ordered plan needs the order that says so (VP-03).
    pub fn end_visitation_plan(
        &self,
        plan: VisitationPlanId,
        on: Day,
        order: Option<CourtOrder>,
    ) -> Result<VisitationPlanView, CaseplanError> {
        Ok(self.core()?.visitation_plans().end(plan, on, order.as_ref())?)
    }

    /// Withdraws a plan: it has no visits any more, what was recorded under it stays.
    pub fn cancel_visitation_plan(
        &self,
        plan: VisitationPlanId,
        why: String,
    ) -> Result<VisitationPlanView, CaseplanError> {
        Ok(self.core()?.visitation_plans().cancel(plan, &why)?)
    }

    /// A plan as it stands today.
    pub fn get_visitation_plan(
        &self,
        plan: VisitationPlanId,
    ) -> Result<Option<VisitationPlanView>, CaseplanError> {
        Ok(self.core()?.visitation_plans().get(plan)?)
    }

    /// The plans of a case, or all, earliest first.
    pub fn list_visitation_plans(
        &self,
        case_id: Option<CaseId>,
    ) -> Result<Vec<VisitationPlanView>, CaseplanError> {
        Ok(self.core()?.visitation_plans().list(case_id)?)
    }
}
