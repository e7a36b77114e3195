//! Authority records: small signed objects, numbered without gaps and chained by hash per issuer and log.
//!
//! They are only ever added, so they sync by version vector and nothing can be dropped from the middle.
//! - [`RecordBody`] says what there is; its parts have their one encoding each.

mod body;
mod case;
mod domain;

use super::cbor::{Malformed, Reader, Writer, only};
use super::keys::{Signer, verify};
use crate::ids::{DomainId, derive, sha256, uuid8};

pub(crate) use body::Home;
pub use body::RecordBody;
pub use case::{EndOfGrant, Extent, ForkChoice, Grant, Receipt};
pub use domain::{Anchor, Countersigned, End, EndReason, Issuer, IssuerPower, Last, NetworkSecret};

/// The most that one record may take up.
pub const MAX_RECORD: usize = 4096;
/// So many bytes of records go into one message.
const PAGE: usize = 64 * 1024;

/// Who issues records: an issuing device's id, or that of a root or recovery key, all made from the key in one way.
pub type IssuerId = [u8; 16];

/// A log: a domain's, a case's or a scope's id, or that of the domain's network secrets.
pub type LogId = [u8; 16];

/// The name of a record.
pub type RecordHash = [u8; 32];

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The domain it belongs to.
    pub domain: DomainId,
    /// The log it stands in: the domain's, a case's or a scope's id.
    pub log: LogId,
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its number among the issuer's records in this log, from 1.
    pub number: u64,
    /// The hash of the issuer's previous record in this log; zeros for the first.
    pub previous: RecordHash,
    /// When, unix seconds.
    pub issued_at: i64,
    /// What it says.
    pub body: RecordBody,
}

impl Record {
    /// The bytes that are hashed and signed.
    pub fn encode(&self) -> Vec<u8> {
        Writer::array(9)
            .unsigned(1)
            .unsigned(self.body.kind())
            .bytes(self.domain.as_bytes())
            .bytes(&self.log)
            .bytes(&self.issuer)
            .unsigned(self.number)
            .bytes(&self.previous)
            .time(Some(self.issued_at))
            .bytes(&self.body.encode())
            .done()
    }

    /// Reads a record strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_RECORD {
            return Err(Malformed);
        }
        let mut reader = Reader::array(bytes, 9)?;
        if reader.unsigned()? != 1 {
            return Err(Malformed);
        }
        let kind = reader.unsigned()?;
        let domain = DomainId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let log = reader.fixed()?;
        let issuer = reader.fixed()?;
        let number = reader.unsigned()?;
        let previous = reader.fixed()?;
        let issued_at = reader.time()?.ok_or(Malformed)?;
        let body = RecordBody::decode(kind, reader.bytes()?)?;
        reader.end()?;
        only(Self { domain, log, issuer, number, previous, issued_at, body }, Self::encode, bytes)
    }

    /// The record's name: a grant's id, the previous hash of the next one.
    pub fn hash(&self) -> RecordHash {
        sha256(&[&signed_bytes(&self.encode())])
    }
}

/// A record with its issuer's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The record.
    pub record: Record,
    /// The issuer's signature over it.
    pub signature: [u8; 64],
}

impl Signed {
    /// Signs a record.
    pub fn new(record: Record, key: &dyn Signer) -> Self {
        let signature = key.sign_bytes(&signed_bytes(&record.encode()));
        Self { record, signature }
    }

    /// Whether this key signed it.
    pub fn is_by(&self, ed25519: &[u8; 32]) -> bool {
        verify(ed25519, &signed_bytes(&self.record.encode()), &self.signature)
    }

    /// Record and signature as one array.
    pub fn encode(&self) -> Vec<u8> {
        Writer::array(2).bytes(&self.record.encode()).bytes(&self.signature).done()
    }

    /// Reads record and signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 2)?;
        let record = Record::decode(reader.bytes()?)?;
        let signature = reader.fixed()?;
        reader.end()?;
        only(Self { record, signature }, Self::encode, bytes)
    }
}

/// Records in pages of what one message carries; one page, without any, where there are none.
pub(crate) fn pages(records: Vec<Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    let (mut pages, mut bytes) = (vec![Vec::new()], 0);
    for record in records {
        bytes += record.len();
        match pages.last_mut() {
            Some(page) if page.is_empty() || bytes <= PAGE => page.push(record),
            _ => {
                bytes = record.len();
                pages.push(vec![record]);
            }
        }
    }
    pages
}

fn signed_bytes(record: &[u8]) -> Vec<u8> {
    [b"caseplan/record/1".as_slice(), record].concat()
}

/// The domain of a first root key.
pub fn domain_id(root: &[u8; 32]) -> DomainId {
    DomainId(derive(&[b"caseplan/domain/1", root]))
}

/// The issuer id of a key: for a device's the device id.
pub fn issuer_id(key: &[u8; 32]) -> IssuerId {
    let mut cut = [0; 16];
    cut.copy_from_slice(&sha256(&[key])[..16]);
    *uuid8(cut).as_bytes()
}

/// The log of a domain's network secrets. It goes only to peers that are not ended, and so it is none of the domain
/// log's: a gapless log cannot be sent without some of its records.
pub fn network_log(domain: DomainId) -> LogId {
    *derive(&[b"caseplan/network/1", domain.as_bytes()]).as_bytes()
}

#[cfg(test)]
mod tests;
