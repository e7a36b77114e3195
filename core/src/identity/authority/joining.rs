//! How a device comes into a domain: a request, an answer, and what it brings along.
//!
//! A store that was used alone brings the certificates that it made for itself; the issuer countersigns them, so what it
//! signed before stays valid.

use super::{Authority, RecordRefused};
use crate::identity::cbor::{self, Malformed, Reader, Writer};
use crate::identity::certificate::Certificate;
use crate::identity::keys::{DeviceKeys, device_id, verify};
use crate::identity::record::Signed;
use crate::ids::WorkerId;

/// The most certificates that a store made for itself: a request has room for no more.
const MAX_CERTIFICATES: u64 = 48;

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
    /// Whoever should issue may not: no root, no issuer, or one that may only renew.
    #[error("not an issuer")]
    NotAnIssuer,
    /// The device was ended, for ever: it must make new keys.
    #[error("the device was ended")]
    Ended,
    /// The device has no certificate here.
    #[error("the device is not certified")]
    NotCertified,
    /// The device made certificates for another worker while it was alone.
    #[error("the device has worked for another worker")]
    OtherWorker,
    /// The answer does not countersign what this store signed with while it was alone.
    #[error("earlier work would not count")]
    NotCountersigned,
    /// A device cannot end itself.
    #[error("a device cannot end itself")]
    ThisDevice,
    /// The secret is not the domain's recovery secret.
    #[error("not the recovery secret")]
    NotRecovery,
    /// A record could not be issued or taken.
    #[error(transparent)]
    Record(#[from] RecordRefused),
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
    /// The certificates that it made for itself while it was alone.
    pub certificates: Vec<Certificate>,
}

impl Joining {
    fn body(&self) -> Vec<u8> {
        let mut writer = Writer::array(5)
            .unsigned(1)
            .bytes(&self.ed25519)
            .bytes(&self.x25519)
            .text(self.worker.as_str())
            .nested(self.certificates.len() as u64);
        for certificate in &self.certificates {
            writer = writer.bytes(&certificate.encode());
        }
        writer.done()
    }

    /// Reads a request and checks that its device signed it.
    pub fn decode(bytes: &[u8]) -> Result<Self, JoiningRefused> {
        let mut outer = Reader::array(bytes, 2)?;
        let (body, signature) = (outer.bytes()?, outer.fixed()?);
        outer.end()?;
        let mut reader = Reader::array(body, 5)?;
        if reader.unsigned()? != 1 {
            return Err(JoiningRefused::Malformed);
        }
        let (ed25519, x25519) = (reader.fixed()?, reader.fixed()?);
        let worker = reader.text()?.parse().map_err(|_| JoiningRefused::Malformed)?;
        let count = reader.nested()?;
        if count > MAX_CERTIFICATES {
            return Err(JoiningRefused::Malformed);
        }
        let certificates =
            (0..count).map(|_| Certificate::decode(reader.bytes()?)).collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        if certificates.iter().any(|own| own.device != device_id(ed25519)) {
            return Err(JoiningRefused::NotSigned);
        }
        let joining = cbor::only(Self { ed25519, x25519, worker, certificates }, Self::body, body)?;
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

/// This device's wish to be certified, with the certificates that it made for itself.
pub fn request(keys: &DeviceKeys, worker: WorkerId, certificates: Vec<Certificate>) -> Vec<u8> {
    let joining = Joining { ed25519: keys.ed25519(), x25519: keys.x25519(), worker, certificates };
    let body = joining.body();
    let signature = keys.sign(&request_bytes(&body));
    Writer::array(2).bytes(&body).bytes(&signature).done()
}

impl Authority {
    /// What a certified device adopts: every record of the domain log. Network secrets are added only for an answer
    /// that goes through a channel.
    pub fn answer(&self, in_a_channel: bool) -> Vec<u8> {
        let mut records: Vec<&Signed> = self.records(&self.domain_log()).collect();
        if in_a_channel {
            records.extend(self.records(&self.network_log()));
        }
        let mut writer = Writer::array(2).unsigned(1).nested(records.len() as u64);
        for record in records {
            writer = writer.bytes(&record.encode());
        }
        writer.done()
    }

    /// The certificates that a device made for itself while it was alone: those that it signed with, and the newest.
    ///
    /// # Errors
    /// [`JoiningRefused::NotCountersigned`] when it signed with more than a request has room for.
    pub fn own_certificates(
        &self,
        keys: &DeviceKeys,
        signed_with: &[[u8; 32]],
    ) -> Result<Vec<Certificate>, JoiningRefused> {
        let judgement = self.judgement();
        let own = judgement.of_device(keys.device_id());
        let (mut used, others): (Vec<_>, Vec<_>) = own
            .iter()
            .filter_map(|counting| self.held_certificate(&counting.body_hash()).cloned())
            .partition(|certificate| signed_with.contains(&certificate.hash()));
        if used.len() as u64 > MAX_CERTIFICATES {
            return Err(JoiningRefused::NotCountersigned);
        }
        let room = MAX_CERTIFICATES as usize - used.len();
        used.extend(others.into_iter().take(room.min(1)));
        Ok(used)
    }
}

/// The authority in an answer, if it certifies this device for this worker.
///
/// Whoever hands over the answer is believed: the channel of enrolment says who that is.
pub fn adopt(answer: &[u8], keys: &DeviceKeys, worker: &WorkerId) -> Result<Authority, JoiningRefused> {
    let mut reader = Reader::array(answer, 2)?;
    if reader.unsigned()? != 1 {
        return Err(JoiningRefused::Malformed);
    }
    let count = reader.nested()?;
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
