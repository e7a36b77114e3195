//! Grants: who may see and write which case; and what waits for a person.

use caseplan_core::access::{
    DocumentKind, GrantState, GrantView, NewGrant, TakenBack, WaitingWork, WorkToReview,
};
use caseplan_core::exchange::Refusal;
use caseplan_core::identity::record::{EndReason, Extent};
use caseplan_core::ids::{CaseId, DeviceId, GrantId, VisitationPlanId, WorkerId};

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::Timestamp;

/// A kind of document, as a grant names it.
#[uniffi::remote(Enum)]
pub enum DocumentKind {
    /// The case and its participants.
    Case,
    /// Goals, interventions and services.
    Plan,
    /// A visitation plan with its schedules.
    VisitationPlan,
    /// Recorded contacts.
    ContactLog,
    /// Assessments.
    Assessment,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// How far a grant reaches.
#[uniffi::remote(Enum)]
pub enum Extent {
    /// Every scope up to this sensitivity level, 1 to 5. A visitation plan's scope counts as level 1.
    Level(u8),
    /// One visitation plan's scope.
    Visits(VisitationPlanId),
}

/// What a worker is to see and write of a case.
#[uniffi::remote(Record)]
pub struct NewGrant {
    /// The worker.
    pub worker: WorkerId,
    /// Every scope up to a sensitivity level, or one visitation plan.
    pub extent: Extent,
    /// What the worker may write; everything else within the extent may be read only.
    pub writes: Vec<DocumentKind>,
    /// Whether the worker may grant on, no more than this.
    #[uniffi(default = false)]
    pub may_grant: bool,
    /// Nothing is sent to the worker after this time; nothing if there is no end.
    #[uniffi(default = None)]
    pub until: Option<Timestamp>,
}

/// Whether a grant holds.
#[uniffi::remote(Enum)]
pub enum GrantState {
    /// It does.
    Live,
    /// Its time has run out: nothing is sent any more.
    RanOut,
    /// It was taken back at this time.
    TakenBack(Timestamp),
}

/// A grant as it is listed.
#[uniffi::remote(Record)]
pub struct GrantView {
    /// Its id.
    pub id: GrantId,
    /// The case.
    pub case: CaseId,
    /// The worker.
    pub worker: WorkerId,
    /// How far it reaches.
    pub extent: Extent,
    /// What may be written.
    pub writes: Vec<DocumentKind>,
    /// Whether the worker may grant on.
    pub may_grant: bool,
    /// Nothing is sent after this time.
    pub until: Option<Timestamp>,
    /// The device that gave it.
    pub by: DeviceId,
    /// When it was given.
    pub at: Timestamp,
    /// Whether it holds.
    pub state: GrantState,
}

/// What a device still had, of one case.
#[uniffi::remote(Record)]
pub struct WaitingWork {
    /// The case.
    pub case: CaseId,
    /// The device that wrote it.
    pub device: DeviceId,
    /// Its worker, as far as a certificate says.
    pub worker: Option<WorkerId>,
    /// How many changes wait.
    pub changes: u64,
    /// The writer's clock at the first of them.
    pub from: Timestamp,
    /// The writer's clock at the last of them.
    pub to: Timestamp,
    /// `author_ended`, `not_granted`, or `forked`: its device gave out numbers twice, as a copy of a phone that came back with
    /// its vault does, the other branch was kept, and this one, or what was written upon it, has not been made again.
    pub reason: Refusal,
    /// Whether its author may still make it again: it does so as soon as it meets the branch that was kept, or what a
    /// colleague's branch was made into that it wrote upon. A person lets it in where that device has met those and it is
    /// still missing: set back to an older copy it has lost the branch. Let in earlier, both make it, and it is shown once.
    pub awaited: bool,
    /// Whether some of it can be let in: there is an end to which a receipt can be written, or the work can be made again.
    /// Work for which there never was a grant needs a grant instead, what follows on a change that has not come yet waits
    /// for that, and what is made again is made by a device that may write it.
    pub can_be_admitted: bool,
}

/// What of one case an ended device wrote, and what reached others before they knew of the end.
#[uniffi::remote(Record)]
pub struct WorkToReview {
    /// The case.
    pub case: CaseId,
    /// The device that wrote it.
    pub device: DeviceId,
    /// Its worker, as far as a certificate says.
    pub worker: Option<WorkerId>,
    /// When the device was ended, by the clock of whoever ended it; of several times the first.
    pub ended_at: Timestamp,
    /// Why it was ended then.
    pub why: EndReason,
    /// How many changes nobody has looked over.
    pub changes: u64,
    /// The writer's clock at the first of them. A thief's clock may say anything.
    pub from: Timestamp,
    /// The writer's clock at the last of them.
    pub to: Timestamp,
}

/// A case that this worker has no grant for any more, or not for all of it: it was taken back, or its time ran out.
#[uniffi::remote(Record)]
pub struct TakenBack {
    /// The case. What was taken back can be read, and nothing of it changed; it goes by itself.
    pub case: CaseId,
    /// Whether all of the case goes; else only what no other grant of this worker reaches.
    pub whole: bool,
    /// Since when.
    pub since: Timestamp,
    /// Drafts of what was taken back that wait to be completed or discarded.
    pub drafts: u32,
    /// When drafts that are left will be completed as they stand.
    pub drafts_until: Timestamp,
    /// Changes of it that no device which may read it today is known to hold: it goes once there are none and no drafts.
    pub changes: u64,
}

#[uniffi::export]
impl CoreStore {
    /// Lets a worker see and write something of a case.
    pub fn grant(&self, case_id: CaseId, new: NewGrant) -> Result<GrantView, CaseplanError> {
        Ok(self.core()?.grants().give(case_id, &new)?)
    }

    /// Takes grants of a case back.
    pub fn take_back(&self, case_id: CaseId, grants: Vec<GrantId>) -> Result<(), CaseplanError> {
        Ok(self.core()?.grants().take_back(case_id, &grants)?)
    }

    /// Every grant on a case that counts, those that were taken back too.
    pub fn grants(&self, case_id: CaseId) -> Result<Vec<GrantView>, CaseplanError> {
        Ok(self.core()?.grants().list(case_id)?)
    }

    /// Cases that were taken back, or whose grants ran out, and that are still here.
    pub fn taken_back(&self) -> Result<Vec<TakenBack>, CaseplanError> {
        Ok(self.core()?.grants().taken_back()?)
    }

    /// What waits for a person, by case and device.
    pub fn waiting_work(&self) -> Result<Vec<WaitingWork>, CaseplanError> {
        Ok(self.core()?.grants().waiting()?)
    }

    /// Lets in what a device still had of a case; answers how many changes went in. What lost a fork stands in this
    /// device's name from then on.
    pub fn admit_work(&self, case_id: CaseId, device: DeviceId) -> Result<u64, CaseplanError> {
        Ok(self.core()?.grants().admit(case_id, device)?)
    }

    /// What ended devices wrote and others have accepted before they knew, by case and device.
    pub fn work_to_review(&self) -> Result<Vec<WorkToReview>, CaseplanError> {
        Ok(self.core()?.grants().to_review()?)
    }

    /// Says that what a device wrote of a case stands; answers how many changes that vouches for.
    pub fn confirm_work(&self, case_id: CaseId, device: DeviceId) -> Result<u64, CaseplanError> {
        Ok(self.core()?.grants().confirm(case_id, device)?)
    }
}
