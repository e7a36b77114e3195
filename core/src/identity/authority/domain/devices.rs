//! What a judged domain says of its devices: certificates, workers, roles, what each may issue.

use std::cmp::Reverse;

use super::{Counting, DomainJudgement, MAX_LINKS, device};
use crate::identity::authority::held::Held;
use crate::identity::certificate::Role;
use crate::identity::record::{IssuerId, IssuerPower, RecordBody, Signed};
use crate::ids::{DeviceId, WorkerId};

impl DomainJudgement {
    /// The certificates of a device that count, own ones before countersigned ones, the newest first.
    pub fn of_device(&self, device: DeviceId) -> Vec<&Counting> {
        let hashes = self.devices.get(&device).map(Vec::as_slice).unwrap_or_default();
        let mut own: Vec<&Counting> = hashes.iter().filter_map(|hash| self.certificates.get(hash)).collect();
        own.sort_by_key(|counting| {
            let certificate = &counting.certificate;
            let later = certificate.not_after.unwrap_or(i64::MAX);
            (counting.countersigned, Reverse((certificate.epoch, later, certificate.hash())))
        });
        own
    }

    /// Those of them by which it reads and is known now: the newest that somebody made who may give roles and a level,
    /// and those that say the same. One that a hub renewed without knowing of other roles is not among them.
    pub fn in_force(&self, device: DeviceId) -> Vec<&Counting> {
        let mut own = self.of_device(device);
        let newest = own.iter().find(|held| !held.countersigned && held.by_all).map(|held| &held.certificate);
        if let Some(newest) = newest.cloned() {
            own.retain(|held| held.countersigned || held.certificate.says_the_same(&newest));
        }
        own
    }

    /// Whose device it is, by any certificate that counts.
    pub fn workers(&self, device: DeviceId) -> impl Iterator<Item = &WorkerId> {
        let hashes = self.devices.get(&device).into_iter().flatten();
        hashes.filter_map(|hash| self.certificates.get(hash)).map(|counting| &counting.certificate.worker)
    }

    /// Whether a device's word for what another one wrote counts after an end.
    ///
    /// Nobody vouches for himself: a thief who was told of the end could give its word for all that is to come to somebody
    /// who was not, and that word would be held when the end arrives. Where a worker's grant ends, he is all of his devices;
    /// where a device does, another one of his may be the only one that knows what it wrote.
    pub fn may_vouch(&self, by: DeviceId, end: &RecordBody, other: DeviceId) -> bool {
        let of_worker = matches!(end, RecordBody::EndOfGrant(_));
        other != by && !(of_worker && self.have_one_worker(by, other))
    }

    fn have_one_worker(&self, one: DeviceId, other: DeviceId) -> bool {
        self.workers(one).any(|worker| self.workers(other).any(|also| also == worker))
    }

    /// Whether any certificate of a device that counts gives it a role.
    pub fn has_role(&self, device: DeviceId, role: &Role) -> bool {
        let hashes = self.devices.get(&device).into_iter().flatten();
        let mut own = hashes.filter_map(|hash| self.certificates.get(hash));
        own.any(|counting| counting.certificate.roles.contains(role))
    }

    /// What an issuer may do now; nothing once it or its device is ended.
    pub fn power(&self, of: DeviceId) -> Option<IssuerPower> {
        let present = !self.limits.contains_key(&of) && !self.ended.contains_key(&of);
        self.issuers.get(&of).copied().filter(|_| present)
    }

    /// Whether an issuer's id is that of a root, a replaced one too.
    pub fn is_root(&self, by: IssuerId) -> bool {
        self.roots.iter().any(|root| root.issuer == by)
    }

    /// Whether an issuer's id is that of a root, or of an issuer that may do all.
    pub fn may_issue(&self, by: IssuerId) -> bool {
        self.is_root(by) || self.issuers.get(&device(by)) == Some(&IssuerPower::All)
    }

    /// Whether a device may issue no more by an end of its own.
    pub fn is_ended_issuer(&self, device: DeviceId) -> bool {
        self.limits.contains_key(&device)
    }

    /// The chain that shows a certificate to somebody who knows the anchors only: its record first, then those of the
    /// issuers above, each with the root's word that it is one.
    pub fn chain(&self, held: &Held, certificate: &[u8; 32]) -> Vec<Signed> {
        let mut chain = Vec::new();
        let mut next = self.certificates.get(certificate);
        while let Some(counting) = next.take() {
            chain.push(counting.record.signed.clone());
            let by = device(counting.record.signed.record.issuer);
            if self.issuers.contains_key(&by) && chain.len() <= 2 * usize::from(MAX_LINKS) {
                let named = held.of_log(held.domain().as_bytes()).find(|entry| {
                    let body = &entry.signed.record.body;
                    matches!(body, RecordBody::Issuer(issuer) if issuer.device == by)
                        && self.is_by_root(entry)
                });
                chain.extend(named.map(|entry| entry.signed.clone()));
                let above = self.of_device(by).into_iter().min_by_key(|above| above.links);
                next = above.filter(|above| above.links < counting.links);
            }
        }
        chain
    }
}
