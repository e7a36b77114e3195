//! What a device may do: write, grant, attest.

use super::Authority;
use super::verdict::{ScopeFacts, grants_for, is_founder};
use crate::identity::certificate::Role;
use crate::identity::record::{Extent, RecordHash};
use crate::ids::{CaseId, DeviceId};

/// What a worker may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayWrite {
    /// It may.
    Granted,
    /// It was allowed to, until the grant was taken back at this time, unix seconds.
    TakenBack(i64),
    /// It was never allowed to.
    Never,
}

impl Authority {
    /// Whether the holder of a certificate may write a kind of document in a scope.
    pub fn may_write(&self, certificate: &[u8; 32], scope: &ScopeFacts, kind: &str) -> MayWrite {
        let domain = self.judgement();
        let Some(counting) = domain.certificates.get(certificate) else { return MayWrite::Never };
        let case = self.case_judgement(scope.case, scope.founder);
        if is_founder(&case, counting, &scope.scope) {
            return MayWrite::Granted;
        }
        let mut taken_back = None;
        for grant in grants_for(&case, counting, &scope.scope, Some(kind)) {
            match grant.ends.iter().map(|(_, at)| *at).min() {
                None => return MayWrite::Granted,
                Some(at) => taken_back = taken_back.max(Some(at)),
            }
        }
        taken_back.map_or(MayWrite::Never, MayWrite::TakenBack)
    }

    /// Whether a device may grant so much of a case.
    pub fn may_grant(&self, device: DeviceId, case: CaseId, founder: DeviceId, extent: &Extent) -> bool {
        let domain = self.judgement();
        if domain.ended.contains_key(&device) {
            return false;
        }
        let judgement = self.case_judgement(case, founder);
        domain.has_role(device, &Role::Administrator)
            || domain.workers(device).any(|worker| {
                judgement.founders.contains(worker)
                    || judgement.grants.iter().any(|held| {
                        held.grant.worker == *worker
                            && held.grant.may_grant
                            && held.ends.is_empty()
                            && held.grant.extent.covers(extent)
                    })
            })
    }

    /// Whether a device's receipts in a scope count: it may write something there, and neither it nor its grant ended.
    pub fn may_attest(&self, device: DeviceId, scope: &ScopeFacts) -> bool {
        !self.judgement().ended.contains_key(&device) && self.may_write_something(device, scope)
    }

    /// Whether a device may write something in a scope, as if it had not been ended.
    pub fn may_write_something(&self, device: DeviceId, scope: &ScopeFacts) -> bool {
        let case = self.case_judgement(scope.case, scope.founder);
        self.judgement().workers(device).any(|worker| {
            case.founders.contains(worker)
                || case.possible.iter().any(|held| {
                    held.grant.worker == *worker
                        && !held.grant.writes.is_empty()
                        && held.ends.is_empty()
                        && held.grant.extent.covers(&scope.extent())
                })
        })
    }

    /// Whether a device's word for what another one wrote counts after an end that is held.
    pub fn may_vouch(&self, by: DeviceId, end: &RecordHash, other: DeviceId) -> bool {
        let end = self.held.get(end);
        end.is_some_and(|end| self.judgement().may_vouch(by, &end.signed.record.body, other))
    }
}
