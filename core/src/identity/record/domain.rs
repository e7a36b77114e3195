//! What stands in the domain's log and in that of its network secrets, each with its one encoding.
//!
//! Where a record says "up to here", it names a number and the hash of the record with that number: a number alone
//! would let whoever has a stolen key write a second history below it.

use zeroize::Zeroizing;

use crate::identity::cbor::{Malformed, Reader, Writer, only};
use crate::identity::certificate::Certificate;
use crate::ids::{DeviceId, DomainId};

use super::RecordHash;

crate::code_enum! {
    /// Why a device or an issuer was ended.
    EndReason {
        /// Nobody knows where it is.
        Lost = "lost",
        /// Somebody took it.
        Stolen = "stolen",
        /// Another one takes its place.
        Replaced = "replaced",
        /// Its worker left.
        Left = "left",
        /// Two copies of it are in use.
        Cloned = "cloned",
    }
}

/// The last record of an issuer that counts, in one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Last {
    /// Its number.
    pub number: u64,
    /// Its hash: it and what it follows count, and no other history with the same numbers.
    pub hash: RecordHash,
}

/// The keys of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The key that issues and that later anchors replace.
    pub root: [u8; 32],
    /// The key that can replace a lost root.
    pub recovery: [u8; 32],
    /// The domain, named after its first root.
    pub domain: DomainId,
    /// The replaced root's last record that counts; nothing in the first anchor.
    pub after: Option<Last>,
}

impl Anchor {
    pub(super) fn encode(&self) -> Vec<u8> {
        let writer = Writer::array(if self.after.is_some() { 5 } else { 3 })
            .bytes(&self.root)
            .bytes(&self.recovery)
            .bytes(self.domain.as_bytes());
        match &self.after {
            Some(last) => writer.unsigned(last.number).bytes(&last.hash).done(),
            None => writer.done(),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (mut reader, later) = match Reader::array(bytes, 3) {
            Ok(reader) => (reader, false),
            Err(_) => (Reader::array(bytes, 5)?, true),
        };
        let (root, recovery) = (reader.fixed()?, reader.fixed()?);
        let domain = DomainId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let after =
            if later { Some(Last { number: reader.unsigned()?, hash: reader.fixed()? }) } else { None };
        reader.end()?;
        only(Self { root, recovery, domain, after }, Self::encode, bytes)
    }
}

/// What an issuer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerPower {
    /// Certify any device, and end devices and issuers.
    All,
    /// Renew: the same keys, worker, roles and level, with a later expiry. That is what a hub gets.
    RenewOnly,
}

/// A device that may certify devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The device.
    pub device: DeviceId,
    /// What it may do.
    pub power: IssuerPower,
}

impl Issuer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let power = match self.power {
            IssuerPower::All => 1,
            IssuerPower::RenewOnly => 2,
        };
        Writer::array(2).bytes(self.device.as_bytes()).unsigned(power).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 2)?;
        let device = device(&mut reader)?;
        let power = match reader.unsigned()? {
            1 => IssuerPower::All,
            2 => IssuerPower::RenewOnly,
            _ => return Err(Malformed),
        };
        reader.end()?;
        only(Self { device, power }, Self::encode, bytes)
    }
}

/// A device, or a device's right to issue, is no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The device.
    pub device: DeviceId,
    /// For the end of an issuer: its last record in the domain log that counts; `None` inside if none does. Nothing for
    /// the end of a device.
    pub issuer: Option<Option<Last>>,
    /// Why.
    pub why: EndReason,
}

impl End {
    pub(super) fn encode(&self) -> Vec<u8> {
        let writer = Writer::array(3).bytes(self.device.as_bytes());
        let writer = match &self.issuer {
            None => writer.null(),
            Some(None) => writer.nested(0),
            Some(Some(last)) => writer.nested(2).unsigned(last.number).bytes(&last.hash),
        };
        writer.text(self.why.code()).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 3)?;
        let device = device(&mut reader)?;
        let issuer = if reader.null()? {
            None
        } else {
            match reader.nested()? {
                0 => Some(None),
                2 => Some(Some(Last { number: reader.unsigned()?, hash: reader.fixed()? })),
                _ => return Err(Malformed),
            }
        };
        let why = EndReason::from_code(reader.text()?);
        reader.end()?;
        only(Self { device, issuer, why }, Self::encode, bytes)
    }
}

/// The secret that every session of the domain begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSecret {
    /// One more with each.
    pub generation: u64,
    /// The secret; overwritten in memory when it is dropped.
    pub secret: Zeroizing<[u8; 32]>,
}

impl NetworkSecret {
    pub(super) fn encode(&self) -> Vec<u8> {
        Writer::array(2).unsigned(self.generation).bytes(self.secret.as_ref()).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 2)?;
        let (generation, secret) = (reader.unsigned()?, Zeroizing::new(reader.fixed()?));
        reader.end()?;
        only(Self { generation, secret }, Self::encode, bytes)
    }
}

/// A certificate that a store made for itself while it was used alone. It counts in the domain that the store joined,
/// without roles, up to a level that the inviter set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countersigned {
    /// The certificate.
    pub certificate: Certificate,
    /// The highest sensitivity level that its signatures count for, 1 to 5.
    pub level: u8,
}

impl Countersigned {
    pub(super) fn encode(&self) -> Vec<u8> {
        Writer::array(2).bytes(&self.certificate.encode()).unsigned(self.level.into()).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 2)?;
        let certificate = Certificate::decode(reader.bytes()?)?;
        let level = u8::try_from(reader.unsigned()?).map_err(|_| Malformed)?;
        reader.end()?;
        if !(1..=5).contains(&level) {
            return Err(Malformed);
        }
        only(Self { certificate, level }, Self::encode, bytes)
    }
}

fn device(reader: &mut Reader<'_>) -> Result<DeviceId, Malformed> {
    DeviceId::from_slice(reader.bytes()?).map_err(|_| Malformed)
}
