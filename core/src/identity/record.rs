//! Authority records: small signed objects, numbered without gaps and chained by hash per issuer and log.
//!
//! They are only ever added, so they sync by version vector and nothing can be dropped from the middle.

use super::cbor::{Malformed, Reader, Writer, only};
use super::certificate::Certificate;
use super::keys::{RootKey, verify};
use crate::ids::{DomainId, derive, sha256, uuid8};

/// The most that one record may take up.
pub const MAX_RECORD: usize = 4096;

/// Who issues records: an issuing device's id, or the root's own.
pub type IssuerId = [u8; 16];

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordBody {
    /// The keys of a domain.
    Anchor {
        /// The key that issues and that later anchors replace.
        root: [u8; 32],
        /// The key that can replace a lost root.
        recovery: [u8; 32],
        /// The domain, named after its first root.
        domain: DomainId,
    },
    /// A device's certificate.
    Certificate(Certificate),
    /// A record of a type that this version keeps and passes on without acting on it.
    Other {
        /// Its type.
        kind: u64,
        /// Its body.
        body: Vec<u8>,
    },
}

impl RecordBody {
    fn kind(&self) -> u64 {
        match self {
            Self::Anchor { .. } => 1,
            Self::Certificate(_) => 3,
            Self::Other { kind, .. } => *kind,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Anchor { root, recovery, domain } => {
                Writer::array(3).bytes(root).bytes(recovery).bytes(domain.as_bytes()).done()
            }
            Self::Certificate(certificate) => certificate.encode(),
            Self::Other { body, .. } => body.clone(),
        }
    }

    fn decode(kind: u64, body: &[u8]) -> Result<Self, Malformed> {
        match kind {
            1 => {
                let mut reader = Reader::array(body, 3)?;
                let (root, recovery) = (reader.fixed()?, reader.fixed()?);
                let domain = DomainId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
                reader.end()?;
                only(Self::Anchor { root, recovery, domain }, Self::encode, body)
            }
            3 => Certificate::decode(body).map(Self::Certificate),
            _ => Ok(Self::Other { kind, body: body.to_vec() }),
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The domain it belongs to.
    pub domain: DomainId,
    /// The log it stands in: the domain's, a case's or a scope's id.
    pub log: [u8; 16],
    /// Who issued it.
    pub issuer: IssuerId,
    /// Its number among the issuer's records in this log, from 1.
    pub number: u64,
    /// The hash of the issuer's previous record in this log; zeros for the first.
    pub previous: [u8; 32],
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
    pub fn hash(&self) -> [u8; 32] {
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
    pub fn new(record: Record, key: &RootKey) -> Self {
        let signature = key.sign(&signed_bytes(&record.encode()));
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

fn signed_bytes(record: &[u8]) -> Vec<u8> {
    [b"caseplan/record/1".as_slice(), record].concat()
}

/// The domain of a first root key.
pub fn domain_id(root: &[u8; 32]) -> DomainId {
    DomainId(derive(&[b"caseplan/domain/1", root]))
}

/// The issuer id of a root key.
pub fn root_issuer_id(root: &[u8; 32]) -> IssuerId {
    let mut cut = [0; 16];
    cut.copy_from_slice(&sha256(&[root])[..16]);
    *uuid8(cut).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::MemoryVault;
    use crate::random::SystemRandom;

    #[test]
    fn records_of_a_type_that_comes_later_are_kept_as_they_are() {
        let root = RootKey::make(&MemoryVault::default(), "root", &SystemRandom).unwrap();
        let domain = domain_id(&root.public());
        let record = Record {
            domain,
            log: *domain.as_bytes(),
            issuer: root_issuer_id(&root.public()),
            number: 7,
            previous: [1; 32],
            issued_at: 5,
            body: RecordBody::Other { kind: 42, body: vec![0x80] },
        };
        let signed = Signed::new(record, &root);
        let again = Signed::decode(&signed.encode()).unwrap();
        assert_eq!(again, signed);
        assert!(again.is_by(&root.public()));
        assert!(!again.is_by(&[9; 32]));
    }

    #[test]
    fn one_flipped_bit_breaks_encoding_or_signature() {
        let root = RootKey::make(&MemoryVault::default(), "root", &SystemRandom).unwrap();
        let domain = domain_id(&root.public());
        let body = RecordBody::Anchor { root: root.public(), recovery: [2; 32], domain };
        let record = Record {
            domain,
            log: *domain.as_bytes(),
            issuer: root_issuer_id(&root.public()),
            number: 1,
            previous: [0; 32],
            issued_at: 5,
            body,
        };
        let bytes = Signed::new(record, &root).encode();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(!Signed::decode(&bad).is_ok_and(|signed| signed.is_by(&root.public())), "byte {at}");
        }
    }
}
