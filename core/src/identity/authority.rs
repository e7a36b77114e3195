//! Which certificates count: a pure function of the records held, never of their order of arrival or of a clock.
//!
//! A store that is used alone is a domain of its own. Before its first change it may join another store's domain:
//! [`request`], [`Authority::certify`] on the other device, [`adopt`].

use std::collections::BTreeMap;

use super::cbor::{Malformed, Reader, Writer};
use super::certificate::{Certificate, Role};
use super::keys::{DeviceKeys, RootKey, device_id, verify};
use super::record::{Record, RecordBody, Signed, domain_id, root_issuer_id};
use crate::ids::{DeviceId, DomainId, WorkerId};

/// The most records that an answer to a request may carry.
const MAX_RECORDS: u64 = 10_000;

/// The records of a domain and what follows from them.
#[derive(Debug, Clone)]
pub struct Authority {
    domain: DomainId,
    root: [u8; 32],
    last: BTreeMap<[u8; 16], (u64, [u8; 32])>,
    certificates: BTreeMap<[u8; 32], Certificate>,
    records: Vec<Signed>,
}

/// A record that does not belong, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordRefused {
    /// It belongs to another domain.
    #[error("a record of another domain")]
    OtherDomain,
    /// The signature is not its issuer's, or its issuer may not issue.
    #[error("a record that its issuer did not sign")]
    NotSigned,
    /// An earlier record of the same issuer is missing.
    #[error("a record is missing before this one")]
    Gap,
    /// Another record has its number.
    #[error("two records with one number")]
    Forked,
}

impl Authority {
    /// A new domain of one device: the root's anchor, and the certificate that it gives to the device.
    pub fn alone(root: &RootKey, recovery: &[u8; 32], keys: &DeviceKeys, worker: WorkerId, now: i64) -> Self {
        let domain = domain_id(&root.public());
        let mut authority = Self {
            domain,
            root: root.public(),
            last: BTreeMap::new(),
            certificates: BTreeMap::new(),
            records: Vec::new(),
        };
        authority.issue(root, RecordBody::Anchor { root: root.public(), recovery: *recovery, domain }, now);
        let certificate = Certificate {
            device: keys.device_id(),
            ed25519: keys.ed25519(),
            x25519: keys.x25519(),
            worker,
            roles: Vec::new(),
            level: 5,
            not_before: now,
            not_after: None,
            epoch: 0,
        };
        authority.issue(root, RecordBody::Certificate(certificate), now);
        authority
    }

    /// The authority that records add up to; the first must be a domain's anchor.
    pub fn from_records(records: Vec<Signed>) -> Result<Self, RecordRefused> {
        let Some(RecordBody::Anchor { root, .. }) = records.first().map(|first| first.record.body.clone())
        else {
            return Err(RecordRefused::Gap);
        };
        let mut authority = Self {
            domain: domain_id(&root),
            root,
            last: BTreeMap::new(),
            certificates: BTreeMap::new(),
            records: Vec::new(),
        };
        for record in records {
            authority.insert(record)?;
        }
        Ok(authority)
    }

    /// The domain.
    pub fn domain(&self) -> DomainId {
        self.domain
    }

    /// Every record, each after the ones that it follows.
    pub fn records(&self) -> &[Signed] {
        &self.records
    }

    /// The certificate of this hash, if it counts.
    pub fn certificate(&self, hash: &[u8; 32]) -> Option<&Certificate> {
        self.certificates.get(hash)
    }

    /// The certificate of a device with the highest epoch.
    pub fn certificate_of(&self, device: DeviceId) -> Option<&Certificate> {
        self.certificates.values().filter(|certificate| certificate.device == device).max_by_key(|c| c.epoch)
    }

    /// Every certificate that counts.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.certificates.values()
    }

    /// The highest number held of each issuer in the domain log.
    pub fn vector(&self) -> BTreeMap<[u8; 16], u64> {
        self.last.iter().map(|(issuer, (number, _))| (*issuer, *number)).collect()
    }

    /// Takes in a record; false when it was there already.
    pub fn insert(&mut self, signed: Signed) -> Result<bool, RecordRefused> {
        let record = &signed.record;
        if record.domain != self.domain || record.log != *self.domain.as_bytes() {
            return Err(RecordRefused::OtherDomain);
        }
        if record.issuer != root_issuer_id(&self.root) || !signed.is_by(&self.root) {
            return Err(RecordRefused::NotSigned);
        }
        let (number, hash) = self.last.get(&record.issuer).copied().unwrap_or((0, [0; 32]));
        if record.number <= number {
            let known = self.records.iter().any(|held| held.record == *record);
            return if known { Ok(false) } else { Err(RecordRefused::Forked) };
        }
        if record.number != number + 1 {
            return Err(RecordRefused::Gap);
        }
        if record.previous != hash {
            return Err(RecordRefused::Forked);
        }
        self.last.insert(record.issuer, (record.number, record.hash()));
        if let RecordBody::Certificate(certificate) = &record.body {
            self.certificates.insert(certificate.hash(), certificate.clone());
        }
        self.records.push(signed);
        Ok(true)
    }

    /// Certifies the device of a request, and answers with what it must adopt.
    ///
    /// # Errors
    /// [`JoiningRefused`] when the request is not one, or its device has a certificate here already.
    pub fn certify(
        &mut self,
        root: &RootKey,
        request: &[u8],
        roles: &[Role],
        level: u8,
        now: i64,
    ) -> Result<Certificate, JoiningRefused> {
        let request = Joining::decode(request)?;
        if !(1..=5).contains(&level) {
            return Err(JoiningRefused::Level);
        }
        if self.certificate_of(device_id(request.ed25519)).is_some() {
            return Err(JoiningRefused::AlreadyCertified);
        }
        let mut roles = roles.to_vec();
        roles.sort_by(|a, b| a.code().cmp(b.code()));
        roles.dedup();
        let certificate = Certificate {
            device: device_id(request.ed25519),
            ed25519: request.ed25519,
            x25519: request.x25519,
            worker: request.worker,
            roles,
            level,
            not_before: now,
            not_after: None,
            epoch: 0,
        };
        self.issue(root, RecordBody::Certificate(certificate.clone()), now);
        Ok(certificate)
    }

    /// What a certified device adopts: every record of the domain.
    pub fn answer(&self) -> Vec<u8> {
        let mut writer = Writer::array(2).unsigned(1).nested(self.records.len() as u64);
        for record in &self.records {
            writer = writer.bytes(&record.encode());
        }
        writer.done()
    }

    fn issue(&mut self, root: &RootKey, body: RecordBody, now: i64) {
        let issuer = root_issuer_id(&root.public());
        let (number, previous) = self.last.get(&issuer).copied().unwrap_or((0, [0; 32]));
        let record = Record {
            domain: self.domain,
            log: *self.domain.as_bytes(),
            issuer,
            number: number + 1,
            previous,
            issued_at: now,
            body,
        };
        self.last.insert(issuer, (record.number, record.hash()));
        if let RecordBody::Certificate(certificate) = &record.body {
            self.certificates.insert(certificate.hash(), certificate.clone());
        }
        self.records.push(Signed::new(record, root));
    }
}

/// Why a device cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoiningRefused {
    /// The bytes are not a request or an answer.
    #[error("not a request or an answer")]
    Malformed,
    /// The request is not signed by the keys in it.
    #[error("a request that its device did not sign")]
    NotSigned,
    /// A sensitivity level is 1 to 5.
    #[error("a level is 1 to 5")]
    Level,
    /// The device has a certificate in this domain already.
    #[error("the device is certified already")]
    AlreadyCertified,
    /// The answer holds no certificate for this device and its worker.
    #[error("no certificate for this device")]
    NotForThisDevice,
}

impl From<Malformed> for JoiningRefused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A device's wish to be certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// Its signing key.
    pub ed25519: [u8; 32],
    /// Its agreement key.
    pub x25519: [u8; 32],
    /// The worker it belongs to.
    pub worker: WorkerId,
}

impl Joining {
    fn body(&self) -> Vec<u8> {
        Writer::array(4)
            .unsigned(1)
            .bytes(&self.ed25519)
            .bytes(&self.x25519)
            .text(self.worker.as_str())
            .done()
    }

    /// Reads a request and checks that its device signed it.
    pub fn decode(bytes: &[u8]) -> Result<Self, JoiningRefused> {
        let mut outer = Reader::array(bytes, 2)?;
        let (body, signature) = (outer.bytes()?, outer.fixed()?);
        outer.end()?;
        let mut reader = Reader::array(body, 4)?;
        if reader.unsigned()? != 1 {
            return Err(JoiningRefused::Malformed);
        }
        let (ed25519, x25519) = (reader.fixed()?, reader.fixed()?);
        let worker = reader.text()?.parse().map_err(|_| JoiningRefused::Malformed)?;
        reader.end()?;
        let joining = super::cbor::only(Self { ed25519, x25519, worker }, Self::body, body)?;
        if verify(&ed25519, &request_bytes(body), &signature) {
            Ok(joining)
        } else {
            Err(JoiningRefused::NotSigned)
        }
    }
}

fn request_bytes(body: &[u8]) -> Vec<u8> {
    [b"caseplan/request/1".as_slice(), body].concat()
}

/// This device's wish to be certified by another store's root.
pub fn request(keys: &DeviceKeys, worker: WorkerId) -> Vec<u8> {
    let body = Joining { ed25519: keys.ed25519(), x25519: keys.x25519(), worker }.body();
    let signature = keys.sign(&request_bytes(&body));
    Writer::array(2).bytes(&body).bytes(&signature).done()
}

/// The authority in an answer, if it certifies this device for this worker.
///
/// Whoever hands over the answer is believed: the channel of `sync.md` §3 will say who that is.
pub fn adopt(answer: &[u8], keys: &DeviceKeys, worker: &WorkerId) -> Result<Authority, JoiningRefused> {
    let mut reader = Reader::array(answer, 2)?;
    if reader.unsigned()? != 1 {
        return Err(JoiningRefused::Malformed);
    }
    let count = reader.nested()?;
    if count > MAX_RECORDS {
        return Err(JoiningRefused::Malformed);
    }
    let records =
        (0..count).map(|_| Signed::decode(reader.bytes()?)).collect::<Result<Vec<_>, Malformed>>()?;
    reader.end()?;
    let authority = Authority::from_records(records).map_err(|_| JoiningRefused::NotSigned)?;
    match authority.certificate_of(keys.device_id()) {
        Some(certificate) if certificate.ed25519 == keys.ed25519() && certificate.worker == *worker => {
            Ok(authority)
        }
        _ => Err(JoiningRefused::NotForThisDevice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::MemoryVault;
    use crate::random::SystemRandom;

    struct Device {
        keys: DeviceKeys,
        root: RootKey,
        authority: Authority,
    }

    fn device(worker: &str) -> Device {
        let vault = MemoryVault::default();
        let keys = DeviceKeys::make(&vault, &SystemRandom).unwrap();
        let root = RootKey::make(&vault, "root", &SystemRandom).unwrap();
        let authority = Authority::alone(&root, &[5; 32], &keys, worker.parse().unwrap(), 100);
        Device { keys, root, authority }
    }

    #[test]
    fn a_certified_device_adopts_the_domain_and_both_know_each_other() {
        let (mut phone, tablet) = (device("w-1"), device("w-2"));
        let worker: WorkerId = "w-2".parse().unwrap();
        let request = request(&tablet.keys, worker.clone());
        let certificate =
            phone.authority.certify(&phone.root, &request, &[Role::Caseworker], 1, 200).unwrap();
        let adopted = adopt(&phone.authority.answer(), &tablet.keys, &worker).unwrap();
        assert_eq!(adopted.domain(), phone.authority.domain());
        assert_eq!(adopted.certificate(&certificate.hash()), Some(&certificate));
        assert!(adopted.certificate_of(phone.keys.device_id()).is_some());
        assert_eq!(
            phone.authority.certify(&phone.root, &request, &[], 1, 300),
            Err(JoiningRefused::AlreadyCertified)
        );
    }

    #[test]
    fn an_answer_for_somebody_else_is_refused() {
        let (phone, tablet) = (device("w-1"), device("w-2"));
        let refused = adopt(&phone.authority.answer(), &tablet.keys, &"w-2".parse().unwrap());
        assert_eq!(refused.err(), Some(JoiningRefused::NotForThisDevice));
    }

    #[test]
    fn a_request_with_another_devices_key_is_refused() {
        let (mut phone, tablet) = (device("w-1"), device("w-2"));
        let mut bytes = request(&tablet.keys, "w-2".parse().unwrap());
        bytes[10] ^= 1;
        assert_eq!(phone.authority.certify(&phone.root, &bytes, &[], 1, 200), Err(JoiningRefused::NotSigned));
    }

    #[test]
    fn records_by_anybody_but_the_root_are_refused() {
        let (mut phone, stranger) = (device("w-1"), device("w-9"));
        for record in stranger.authority.records() {
            assert_eq!(phone.authority.insert(record.clone()), Err(RecordRefused::OtherDomain));
        }
        let mut forged = phone.authority.records()[1].clone();
        forged.record.number = 3;
        forged.record.previous = phone.authority.records()[1].record.hash();
        let forged = Signed::new(forged.record, &stranger.root);
        assert_eq!(phone.authority.insert(forged), Err(RecordRefused::NotSigned));
    }
}
