//! Who was let into a scope and is not any more: by the end of grants, because they ran out, or by other roles or a lower
//! level.

use std::collections::BTreeSet;

use super::Authority;
use super::verdict::{ScopeFacts, Standing, among, grants_for, is_founder, lasts, over, reaches, reads_all};
use crate::ids::{DeviceId, WorkerId};

impl Authority {
    /// Since when a device that was let into a scope is not any more, because all its grants or its role were taken back,
    /// unix seconds; nothing while one of them stands, though its time may have run out, and for who never needed one. A
    /// grant that has stopped counting, because it hung on a device that was ended, is taken back all the same.
    pub fn taken_back(&self, device: DeviceId, scope: &ScopeFacts) -> Option<i64> {
        self.shut_out(device, scope, i64::MIN)
    }

    /// Since when a device that was let into a scope is not any more at a trusted time, unix seconds: as
    /// [`Authority::taken_back`], and where grants ran out.
    pub fn shut_out(&self, device: DeviceId, scope: &ScopeFacts, trusted_time: i64) -> Option<i64> {
        let domain = self.judgement();
        let case = self.case_judgement(scope.case, scope.founder);
        let mut in_force = domain.in_force(device);
        // What it was alone counts for old signatures, and lets it in to nothing.
        if in_force.iter().any(|held| !held.countersigned) {
            in_force.retain(|held| !held.countersigned);
        }
        let mut since = None;
        for counting in &in_force {
            let by_role = reads_all(&counting.certificate) && reaches(counting, &scope.scope);
            if by_role || is_founder(&case, counting, &scope.scope) {
                return None;
            }
            if grants_for(&case, counting, &scope.scope, None).any(|held| lasts(held, trusted_time)) {
                return None;
            }
            for held in among(&case.possible, counting, &scope.scope, None) {
                since = since.max(over(held, trusted_time));
            }
        }
        // Let in by a certificate that is in force no more: with another role, or a higher level.
        let Some(newest) = in_force.iter().find(|held| !held.countersigned && held.by_all) else {
            return since;
        };
        let former = domain
            .of_device(device)
            .into_iter()
            .filter(|held| !held.certificate.says_the_same(&newest.certificate));
        let mut former = former.filter(|held| !held.countersigned);
        let reached = in_force.iter().any(|held| reaches(held, &scope.scope));
        let had = former.any(|held| {
            reads_all(&held.certificate) && reaches(held, &scope.scope)
                || is_founder(&case, held, &scope.scope)
                || !reached && among(&case.possible, held, &scope.scope, None).next().is_some()
        });
        since.or_else(|| had.then_some(newest.record.signed.record.issued_at))
    }

    /// The devices that are shut out of a scope at a trusted time, of those that had a grant.
    pub fn all_shut_out(&self, scope: &ScopeFacts, trusted_time: i64) -> Vec<DeviceId> {
        let case = self.case_judgement(scope.case, scope.founder);
        let ended = case.possible.iter().filter(|held| over(held, trusted_time).is_some());
        let workers: BTreeSet<&WorkerId> = ended.map(|held| &held.grant.worker).collect();
        let devices = workers.into_iter().flat_map(|worker| self.devices_of(worker));
        devices.filter(|device| self.shut_out(*device, scope, trusted_time).is_some()).collect()
    }

    /// The devices that were given other roles or another level: they may be shut out of scopes without any grant.
    pub fn all_changed(&self) -> Vec<DeviceId> {
        let domain = self.judgement();
        let changed = domain.devices.keys().filter(|device| {
            let mut own = domain.of_device(**device).into_iter().filter(|held| !held.countersigned);
            own.next()
                .is_some_and(|first| own.any(|other| !first.certificate.says_the_same(&other.certificate)))
        });
        changed.copied().collect()
    }

    /// Whether nothing more is awaited of a device in a scope at a trusted time: it was ended, or its grants were taken
    /// back or ran out. A device whose certificate ran out may renew it.
    pub fn is_absent(&self, device: DeviceId, scope: &ScopeFacts, trusted_time: i64) -> bool {
        match self.standing(device, trusted_time) {
            Standing::Ended => true,
            Standing::Current => !self.may_read(device, scope, trusted_time),
            Standing::Expired | Standing::Unknown => self.taken_back(device, scope).is_some(),
        }
    }
}
