//! New records: each follows its issuer's last one in its log.

use zeroize::Zeroizing;

use super::domain::Root;
use super::{Authority, Joining, JoiningRefused, RecordRefused};
use crate::identity::certificate::{Certificate, Role};
use crate::identity::keys::{DeviceKeys, RootKey, Signer, device_id};
use crate::identity::record::{
    Anchor, Countersigned, End, EndReason, Issuer, IssuerPower, Last, LogId, NetworkSecret, Record,
    RecordBody, Signed, domain_id, issuer_id,
};
use crate::ids::{DeviceId, WorkerId};

/// Who issues: the root where its key is here, else a device that a root named.
pub struct Issuing<'a> {
    /// The key to sign with.
    pub key: &'a dyn Signer,
    /// What it may do.
    pub power: IssuerPower,
    /// Whether it is the root.
    pub root: bool,
}

/// What a certificate says of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitled {
    /// The worker.
    pub worker: WorkerId,
    /// What the worker may do.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read, 1 to 5.
    pub level: u8,
    /// Until when it is good for connections, unix seconds; nothing where there is no hub to renew it.
    pub not_after: Option<i64>,
}

impl Authority {
    /// A new domain of one device: the root's anchor, its first network secret, and the certificate that it gives to
    /// the device.
    pub fn alone(
        root: &RootKey,
        recovery: &[u8; 32],
        keys: &DeviceKeys,
        worker: WorkerId,
        secret: [u8; 32],
        now: i64,
    ) -> Result<Self, RecordRefused> {
        let domain = domain_id(&root.public());
        let anchor = Anchor { root: root.public(), recovery: *recovery, domain, after: None };
        let record = Record {
            domain,
            log: *domain.as_bytes(),
            issuer: issuer_id(&root.public()),
            number: 1,
            previous: [0; 32],
            issued_at: now,
            body: RecordBody::Anchor(anchor),
        };
        let mut authority = Self::from_records([Signed::new(record, root)])?;
        let entitled = Entitled { worker, roles: Vec::new(), level: 5, not_after: None };
        let certificate = certificate(keys.ed25519(), keys.x25519(), entitled, 0, now);
        authority.issue(root, authority.domain_log(), RecordBody::Certificate(certificate), now)?;
        authority.issue_secret(root, secret, now)?;
        Ok(authority)
    }

    /// Signs and takes in a new record.
    pub fn issue(
        &mut self,
        key: &dyn Signer,
        log: LogId,
        body: RecordBody,
        now: i64,
    ) -> Result<Signed, RecordRefused> {
        let issuer = issuer_id(&key.public_key());
        let (number, previous) = self.held().next(&log, &issuer);
        let record = Record { domain: self.domain(), log, issuer, number, previous, issued_at: now, body };
        let signed = Signed::new(record, key);
        // What cannot be read again would keep the store from opening.
        Signed::decode(&signed.encode()).map_err(|_| RecordRefused::Unreadable)?;
        self.insert(signed.clone())?;
        Ok(signed)
    }

    /// Who can issue here: the present root if this is its key, else this device if a root named it.
    pub fn issuing<'a>(
        &self,
        root: Option<&'a RootKey>,
        keys: Option<&'a DeviceKeys>,
    ) -> Option<Issuing<'a>> {
        let judgement = self.judgement();
        let present = judgement.roots.last().map(|root| root.anchor.root);
        if let Some(root) = root.filter(|root| Some(root.public()) == present) {
            return Some(Issuing { key: root, power: IssuerPower::All, root: true });
        }
        let keys = keys?;
        let power = judgement.power(keys.device_id())?;
        Some(Issuing { key: keys, power, root: false })
    }

    /// Certifies the device of a request, and countersigns the certificates that it made for itself.
    ///
    /// # Errors
    /// [`JoiningRefused`] when the device has a certificate here already or was ended, or has worked for another
    /// worker, or when the issuer may only renew.
    pub fn certify(
        &mut self,
        by: &Issuing<'_>,
        joining: &Joining,
        entitled: Entitled,
        now: i64,
    ) -> Result<Certificate, JoiningRefused> {
        if by.power != IssuerPower::All {
            return Err(JoiningRefused::NotAnIssuer);
        }
        if !(1..=5).contains(&entitled.level) {
            return Err(JoiningRefused::Level);
        }
        let device = device_id(joining.ed25519);
        if self.judgement().ended.contains_key(&device) {
            return Err(JoiningRefused::Ended);
        }
        if self.certificate_of(device).is_some() {
            return Err(JoiningRefused::AlreadyCertified);
        }
        // Whoever could bring a certificate of another worker's name would be that worker on all that worker's cases.
        if joining.certificates.iter().any(|own| own.device != device || own.worker != entitled.worker) {
            return Err(JoiningRefused::OtherWorker);
        }
        let log = self.domain_log();
        for own in &joining.certificates {
            let body = Countersigned { certificate: own.clone(), level: entitled.level };
            self.issue(by.key, log, RecordBody::Countersigned(body), now)?;
        }
        let certificate = certificate(joining.ed25519, joining.x25519, entitled, 0, now);
        self.issue(by.key, log, RecordBody::Certificate(certificate.clone()), now)?;
        Ok(certificate)
    }

    /// Renews a device's certificate: with what it says, or with other roles and level by an issuer that may.
    pub fn renew(
        &mut self,
        by: &Issuing<'_>,
        device: DeviceId,
        change: Option<(Vec<Role>, u8)>,
        not_after: Option<i64>,
        now: i64,
    ) -> Result<Certificate, JoiningRefused> {
        let old = self.certificate_of(device).ok_or(JoiningRefused::NotCertified)?;
        if self.judgement().ended.contains_key(&device) {
            return Err(JoiningRefused::Ended);
        }
        let later = old.not_after.is_some_and(|old| not_after.is_some_and(|new| new > old));
        if by.power == IssuerPower::RenewOnly && (change.is_some() || !later) {
            return Err(JoiningRefused::NotAnIssuer);
        }
        let (roles, level) = change.unwrap_or((old.roles, old.level));
        if !(1..=5).contains(&level) {
            return Err(JoiningRefused::Level);
        }
        let entitled = Entitled { worker: old.worker, roles, level, not_after };
        let epoch = old.epoch.checked_add(1).ok_or(JoiningRefused::NotCertified)?;
        let renewed = certificate(old.ed25519, old.x25519, entitled, epoch, now);
        self.issue(by.key, self.domain_log(), RecordBody::Certificate(renewed.clone()), now)?;
        Ok(renewed)
    }

    /// Lets a device certify others. Only a root can.
    pub fn make_issuer(
        &mut self,
        by: &Issuing<'_>,
        device: DeviceId,
        power: IssuerPower,
        now: i64,
    ) -> Result<(), JoiningRefused> {
        if !by.root {
            return Err(JoiningRefused::NotAnIssuer);
        }
        self.certificate_of(device).ok_or(JoiningRefused::NotCertified)?;
        if self.judgement().ended.contains_key(&device) || self.judgement().is_ended_issuer(device) {
            return Err(JoiningRefused::Ended);
        }
        self.issue(by.key, self.domain_log(), RecordBody::Issuer(Issuer { device, power }), now)?;
        Ok(())
    }

    /// Ends a device's right to issue; what it issued up to what is held here stays.
    pub fn end_issuer(
        &mut self,
        by: &dyn Signer,
        device: DeviceId,
        why: EndReason,
        now: i64,
    ) -> Result<Signed, RecordRefused> {
        let log = self.domain_log();
        let (next, hash) = self.held().next(&log, device.as_bytes());
        let last = (next > 1).then_some(Last { number: next - 1, hash });
        self.issue(by, log, RecordBody::End(End { device, issuer: Some(last), why }), now)
    }

    /// Ends a device, for ever.
    pub fn end_device(
        &mut self,
        by: &dyn Signer,
        device: DeviceId,
        why: EndReason,
        now: i64,
    ) -> Result<Signed, RecordRefused> {
        self.issue(by, self.domain_log(), RecordBody::End(End { device, issuer: None, why }), now)
    }

    /// Makes the network secret of the next generation.
    pub fn issue_secret(
        &mut self,
        by: &dyn Signer,
        secret: [u8; 32],
        now: i64,
    ) -> Result<Signed, RecordRefused> {
        let highest = self.judgement().secrets.iter().map(|(generation, _)| *generation).max();
        let generation = highest.unwrap_or(0).saturating_add(1);
        let body = NetworkSecret { generation, secret: Zeroizing::new(secret) };
        self.issue(by, self.network_log(), RecordBody::NetworkSecret(body), now)
    }

    /// Replaces root and recovery key: by the recovery key after the root was lost, or by the root itself.
    pub fn replace_root(
        &mut self,
        by: &dyn Signer,
        root: &RootKey,
        recovery: &[u8; 32],
        now: i64,
    ) -> Result<Signed, RecordRefused> {
        let log = self.domain_log();
        // A thief's anchor may stand between: what is replaced is the root that this key belongs to.
        let key = by.public_key();
        let judgement = self.judgement();
        let own = |root: &&Root| root.anchor.root == key || root.anchor.recovery == key;
        let replaced = judgement.roots.iter().find(own).map(|root| root.anchor.root).unwrap_or_default();
        let (next, hash) = self.held().next(&log, &issuer_id(&replaced));
        let after = Some(Last { number: next.saturating_sub(1), hash });
        let anchor = Anchor { root: root.public(), recovery: *recovery, domain: self.domain(), after };
        self.issue(by, log, RecordBody::Anchor(anchor), now)
    }
}

fn certificate(ed25519: [u8; 32], x25519: [u8; 32], entitled: Entitled, epoch: u32, now: i64) -> Certificate {
    let mut roles = entitled.roles;
    roles.sort_by(|a, b| a.code().cmp(b.code()));
    roles.dedup();
    Certificate {
        device: device_id(ed25519),
        ed25519,
        x25519,
        worker: entitled.worker,
        roles,
        level: entitled.level,
        not_before: now,
        not_after: entitled.not_after,
        epoch,
    }
}
