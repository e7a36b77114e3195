//! What a record says: one type per number, and what comes later as it came.

use super::case::{EndOfGrant, ForkChoice, Grant, Receipt};
use super::domain::{Anchor, Countersigned, End, Issuer, NetworkSecret};
use crate::identity::cbor::Malformed;
use crate::identity::certificate::Certificate;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordBody {
    /// The keys of a domain.
    Anchor(Anchor),
    /// A device that may certify devices.
    Issuer(Issuer),
    /// A device's certificate.
    Certificate(Certificate),
    /// A device or an issuer is no more.
    End(End),
    /// A worker may see and write something of a case.
    Grant(Grant),
    /// Grants are taken back.
    EndOfGrant(EndOfGrant),
    /// What a device held of somebody's work when it learned of an end.
    Receipt(Receipt),
    /// Which of two changes with one number is to be kept.
    ForkChoice(ForkChoice),
    /// The secret that every session of the domain begins with.
    NetworkSecret(NetworkSecret),
    /// A certificate of another domain that counts here, without its roles.
    Countersigned(Countersigned),
    /// A record of a type that this version keeps and passes on without acting on it.
    Other {
        /// Its type.
        kind: u64,
        /// Its body.
        body: Vec<u8>,
    },
}

/// In which log a record may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// The domain's.
    Domain,
    /// The one of network secrets.
    Network,
    /// The case's of this id.
    Case([u8; 16]),
    /// A case's or a scope's.
    CaseOrScope,
    /// Any: what it is comes later.
    Any,
}

impl RecordBody {
    pub(crate) fn kind(&self) -> u64 {
        match self {
            Self::Anchor(_) => 1,
            Self::Issuer(_) => 2,
            Self::Certificate(_) => 3,
            Self::End(_) => 4,
            Self::Grant(_) => 5,
            Self::EndOfGrant(_) => 6,
            Self::Receipt(_) => 7,
            Self::ForkChoice(_) => 8,
            Self::NetworkSecret(_) => 9,
            Self::Countersigned(_) => 10,
            Self::Other { kind, .. } => *kind,
        }
    }

    pub(crate) fn home(&self) -> Home {
        match self {
            Self::Anchor(_)
            | Self::Issuer(_)
            | Self::Certificate(_)
            | Self::End(_)
            | Self::Countersigned(_) => Home::Domain,
            Self::NetworkSecret(_) => Home::Network,
            Self::Grant(grant) => Home::Case(*grant.case.as_bytes()),
            Self::EndOfGrant(_) | Self::Receipt(_) | Self::ForkChoice(_) => Home::CaseOrScope,
            Self::Other { .. } => Home::Any,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Anchor(body) => body.encode(),
            Self::Issuer(body) => body.encode(),
            Self::Certificate(body) => body.encode(),
            Self::End(body) => body.encode(),
            Self::Grant(body) => body.encode(),
            Self::EndOfGrant(body) => body.encode(),
            Self::Receipt(body) => body.encode(),
            Self::ForkChoice(body) => body.encode(),
            Self::NetworkSecret(body) => body.encode(),
            Self::Countersigned(body) => body.encode(),
            Self::Other { body, .. } => body.clone(),
        }
    }

    pub(super) fn decode(kind: u64, body: &[u8]) -> Result<Self, Malformed> {
        Ok(match kind {
            1 => Self::Anchor(Anchor::decode(body)?),
            2 => Self::Issuer(Issuer::decode(body)?),
            3 => Self::Certificate(Certificate::decode(body)?),
            4 => Self::End(End::decode(body)?),
            5 => Self::Grant(Grant::decode(body)?),
            6 => Self::EndOfGrant(EndOfGrant::decode(body)?),
            7 => Self::Receipt(Receipt::decode(body)?),
            8 => Self::ForkChoice(ForkChoice::decode(body)?),
            9 => Self::NetworkSecret(NetworkSecret::decode(body)?),
            10 => Self::Countersigned(Countersigned::decode(body)?),
            _ => Self::Other { kind, body: body.to_vec() },
        })
    }
}
