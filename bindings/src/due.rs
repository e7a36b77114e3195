//! Visits that are due: mirrors, and the calls that a store has for them.

use caseplan_core::contact::ContactDraft;
use caseplan_core::ids::{CaseId, ContactId, DraftId, ScheduleId, VisitationPlanId};
use caseplan_core::time::Zone;
use caseplan_core::today::{OnlyHere, Today};
use caseplan_core::visitation::{DueState, DueVisit, OccurrenceRef};

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::{Day, Timestamp, WallTime};

type Instant = Timestamp;

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

/// What no other device is known to hold.
#[uniffi::remote(Record)]
pub struct OnlyHere {
    /// Drafts: never handed to anybody.
    pub drafts: u32,
    /// Changes on this device that no peer is known to hold.
    pub changes: u64,
}

/// What a worker sees first.
#[uniffi::remote(Record)]
pub struct Today {
    /// The day, in the store's zone.
    pub day: Day,
    /// Visits of the day, and quotas whose period it lies in.
    pub due: Vec<DueVisit>,
    /// Planned visits of the last 30 days with nothing recorded.
    pub overdue: Vec<DueVisit>,
    /// Drafts on this device, last saved first.
    pub drafts: Vec<ContactDraft>,
    /// How many fields are in conflict.
    pub conflicts: u32,
    /// How many issues are open.
    pub issues: u32,
    /// What would be lost with this device.
    pub only_here: OnlyHere,
}

#[uniffi::export]
impl CoreStore {
    /// Visits due from one day to another, both inclusive, in the store's zone; of one case or all.
    pub fn due_visits(
        &self,
        from: Day,
        to: Day,
        case_id: Option<CaseId>,
    ) -> Result<Vec<DueVisit>, CaseplanError> {
        Ok(self.core()?.visitation_plans().due(from, to, case_id)?)
    }

    /// A first screen in one call: due, overdue, drafts, conflicts, issues, only on this device.
    pub fn today(&self) -> Result<Today, CaseplanError> {
        Ok(self.core()?.today()?)
    }
}
