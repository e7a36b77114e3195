//! Grants: given, listed, taken back.

use super::{Grants, scopes};
use crate::document::Kind;
use crate::error::{Error, Result};
use crate::identity::authority::CountingGrant;
use crate::identity::record::{EndOfGrant, Extent, Grant, RecordBody};
use crate::ids::{CaseId, DeviceId, GrantId, VisitationPlanId, WorkerId};
use crate::store::{Changes, Store, Topic};
use crate::time::{Instant, from_unix};

crate::code_enum! {
    /// A kind of document, as a grant names it.
    DocumentKind {
        /// The case and its participants.
        Case = "case",
        /// Goals, interventions and services.
        Plan = "plan",
        /// A visitation plan with its schedules.
        VisitationPlan = "visitation_plan",
        /// Recorded contacts.
        ContactLog = "contact_log",
        /// Assessments.
        Assessment = "assessment",
    }
}

/// What a worker is to see and write of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// The worker.
    pub worker: WorkerId,
    /// Every scope up to a sensitivity level, or one visitation plan.
    pub extent: Extent,
    /// What the worker may write; everything else within the extent may be read only.
    pub writes: Vec<DocumentKind>,
    /// Whether the worker may grant on, no more than this.
    pub may_grant: bool,
    /// Nothing is sent to the worker after this time; nothing if there is no end.
    pub until: Option<Instant>,
}

impl NewGrant {
    /// Everything up to a level: what a substitute or a colleague gets.
    pub fn colleague(worker: WorkerId, level: u8) -> Self {
        let writes = DocumentKind::KNOWN.iter().map(|code| DocumentKind::from_code(code)).collect();
        Self { worker, extent: Extent::Level(level), writes, may_grant: false, until: None }
    }

    /// One visitation plan to read and its visits to record, and nothing else of its case: what whoever supervises visits
    /// gets.
    pub fn visits(worker: WorkerId, plan: VisitationPlanId) -> Self {
        let writes = vec![DocumentKind::ContactLog];
        Self { worker, extent: Extent::Visits(plan), writes, may_grant: false, until: None }
    }
}

/// Whether a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// It does.
    Live,
    /// Its time has run out: nothing is sent any more.
    RanOut,
    /// It was taken back at this time.
    TakenBack(Instant),
}

/// A grant as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub until: Option<Instant>,
    /// The device that gave it.
    pub by: DeviceId,
    /// When it was given.
    pub at: Instant,
    /// Whether it holds.
    pub state: GrantState,
}

impl GrantView {
    fn of(case: CaseId, counting: &CountingGrant, trusted: i64) -> Self {
        let grant = &counting.grant;
        let state = match counting.ends.iter().map(|(_, at)| *at).min() {
            Some(at) => GrantState::TakenBack(from_unix(at)),
            None if grant.until.is_some_and(|until| until < trusted) => GrantState::RanOut,
            None => GrantState::Live,
        };
        Self {
            id: GrantId(counting.id),
            case,
            worker: grant.worker.clone(),
            extent: grant.extent,
            writes: grant.writes.iter().map(|code| DocumentKind::from_code(code)).collect(),
            may_grant: grant.may_grant,
            until: grant.until.map(from_unix),
            by: counting.by,
            at: from_unix(counting.at),
            state,
        }
    }
}

impl Grants<'_> {
    /// Lets a worker see and write something of a case.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::NotGranted`] when this device may not grant so much of the case.
    pub fn give(&self, case: CaseId, new: &NewGrant) -> Result<GrantView> {
        if let Extent::Level(level) = new.extent
            && !(1..=5).contains(&level)
        {
            return Err(Error::invalid("extent", "range"));
        }
        let mut writes: Vec<String> = new.writes.iter().map(|kind| kind.code().to_owned()).collect();
        writes.sort();
        writes.dedup();
        if writes.len() > 32 || writes.iter().any(|code| code.is_empty() || code.len() > 64) {
            return Err(Error::invalid("writes", "range"));
        }
        let grant = Grant {
            case,
            worker: new.worker.clone(),
            extent: new.extent,
            writes,
            may_grant: new.may_grant,
            until: new.until.map(|until| until.timestamp()),
        };
        let trusted = self.store.trusted_time()?;
        let view = self.store.change_records(|change| {
            let founder = scopes::founder(&change.tx.reading(), case)?;
            let body = RecordBody::Grant(grant);
            let keys = change.keys()?;
            let issued = change.authority.issue(&keys, *case.as_bytes(), body, change.now);
            let id = issued.map_err(|_| Error::Unexpected { reason: "grant" })?.record.hash();
            let judgement = change.authority.case_judgement(case, founder);
            // It counts, or it was not this device's to give, and nothing is written.
            let counting = judgement.grants.iter().find(|grant| grant.id == id);
            counting.map(|counting| GrantView::of(case, counting, trusted)).ok_or(Error::NotGranted { case })
        })?;
        self.store.after_grants(case);
        Ok(view)
    }

    /// Takes grants of a case back. What this store holds of their workers' work stays; what they still have is let in
    /// for 14 days by a device that may grant.
    ///
    /// # Errors
    /// [`Error::NotFound`], or [`Error::NotGranted`] when this device may not take them back.
    pub fn take_back(&self, case: CaseId, grants: &[GrantId]) -> Result<()> {
        let mut ids: Vec<[u8; 32]> = grants.iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() || ids.len() > 100 {
            return Err(Error::invalid("grants", "range"));
        }
        self.store.change_records(|change| {
            let founder = scopes::founder(&change.tx.reading(), case)?;
            let known = change.authority.case_judgement(case, founder);
            for id in &ids {
                if !known.grants.iter().any(|grant| grant.id == *id) {
                    return Err(Error::not_found("grant", GrantId(*id)));
                }
            }
            let keys = change.keys()?;
            let body = RecordBody::EndOfGrant(EndOfGrant { grants: ids.clone() });
            let issued = change.authority.issue(&keys, *case.as_bytes(), body, change.now);
            issued.map_err(|_| Error::Unexpected { reason: "end_of_grant" })?;
            let judgement = change.authority.case_judgement(case, founder);
            let all_ended = ids
                .iter()
                .all(|id| judgement.grants.iter().any(|grant| grant.id == *id && !grant.ends.is_empty()));
            if all_ended { Ok(()) } else { Err(Error::NotGranted { case }) }
        })?;
        self.store.after_grants(case);
        Ok(())
    }

    /// Every grant on a case that counts, those that were taken back too, the oldest first.
    pub fn list(&self, case: CaseId) -> Result<Vec<GrantView>> {
        let trusted = self.store.trusted_time()?;
        let founder = self.store.read(|reading| scopes::founder(reading, case))?;
        let judgement = self.store.own().authority.case_judgement(case, founder);
        let mut list: Vec<GrantView> =
            judgement.grants.iter().map(|grant| GrantView::of(case, grant, trusted)).collect();
        list.sort_by_key(|grant| (grant.at, grant.id));
        Ok(list)
    }
}

impl Store {
    fn after_grants(&self, case: CaseId) {
        self.inner.worker.changed(Changes::of(Topic::Identity, Some(case)));
        self.retry_after_commit();
    }
}

/// Every kind that this version writes has a code that a grant can name.
const _: fn(Kind) -> DocumentKind = |kind| DocumentKind::from_code(kind.code());
