//! Who opened a case; and the names of cases, scopes and documents, all derived from that (`sync.md` §1, §10).

use super::cbor::{Malformed, Reader, Writer, only};
use crate::document::Kind;
use crate::ids::{CaseId, ChangeHash, DeviceId, DocumentId, ScopeId, VisitationPlanId, derive};

/// The founding record of a case: signed by the device that opened it, so nobody else can claim to be its founder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// The device that opened the case.
    pub device: DeviceId,
    /// Sixteen random bytes.
    pub nonce: [u8; 16],
    /// When, unix seconds.
    pub founded_at: i64,
}

impl Founding {
    /// The bytes that are hashed and signed.
    pub fn encode(&self) -> Vec<u8> {
        Writer::array(3).bytes(self.device.as_bytes()).bytes(&self.nonce).time(Some(self.founded_at)).done()
    }

    /// Reads a founding record strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 3)?;
        let device = DeviceId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let nonce = reader.fixed()?;
        let founded_at = reader.time()?.ok_or(Malformed)?;
        reader.end()?;
        only(Self { device, nonce, founded_at }, Self::encode, bytes)
    }

    /// The case that this record founds.
    pub fn case_id(&self) -> CaseId {
        CaseId(derive(&[b"caseplan/case/1", &self.encode()]))
    }

    /// What the founder signs.
    pub fn signed_bytes(&self) -> Vec<u8> {
        [b"caseplan/case/1".as_slice(), &self.encode()].concat()
    }
}

/// What a scope covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything of a case at one sensitivity level, 1 to 5, that is in no visitation plan's scope.
    Level(u8),
    /// One visitation plan and its contact logs.
    Visits(VisitationPlanId),
}

impl Scope {
    /// The scope's id within a case.
    pub fn id(&self, case: CaseId) -> ScopeId {
        ScopeId(match self {
            Self::Level(level) => derive(&[b"caseplan/scope/1", case.as_bytes(), &[1, *level]]),
            Self::Visits(plan) => derive(&[b"caseplan/scope/1", case.as_bytes(), &[2], plan.as_bytes()]),
        })
    }
}

/// What a document's id is the hash of. It goes with a document that is new to a peer and is checked by recomputing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The scope.
    pub scope: ScopeId,
    /// The kind's code, perhaps of a newer version.
    pub kind: String,
    /// The genesis change.
    pub genesis: ChangeHash,
    /// The name within the scope and kind.
    pub name: Vec<u8>,
}

impl Header {
    /// The header of a document of a known kind.
    pub fn new(scope: ScopeId, kind: Kind, name: Vec<u8>) -> Self {
        Self { scope, kind: kind.code().to_owned(), genesis: kind.genesis_hash(), name }
    }

    /// The document's id.
    pub fn document_id(&self) -> DocumentId {
        DocumentId(derive(&[
            b"caseplan/doc/1",
            self.scope.as_bytes(),
            self.kind.as_bytes(),
            &self.genesis.0,
            &self.name,
        ]))
    }
}

/// The name of a contact log: its parent, the UTC year of recording, and the part.
pub fn log_name(parent: &[u8; 16], year: u16, part: u32) -> Vec<u8> {
    [parent.as_slice(), &year.to_be_bytes(), &part.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::uuid8;

    fn founding() -> Founding {
        Founding { device: DeviceId(uuid8([1; 16])), nonce: [2; 16], founded_at: 1_767_225_600 }
    }

    #[test]
    fn names_are_pinned() {
        let case = founding().case_id();
        let scope = Scope::Level(1).id(case);
        let header = Header::new(scope, Kind::Case, case.as_bytes().to_vec());
        assert_eq!(
            [case.to_string(), scope.to_string(), header.document_id().to_string()],
            [
                "eef3a9f8-a3f7-874e-afc4-ad1bb06748e3",
                "ae540bdc-e3ca-8d9b-8001-ae3ca1d6c73d",
                "ddc8ff65-09fa-8a04-95f3-20dc23d516f2",
            ]
        );
    }

    #[test]
    fn two_devices_that_start_the_same_log_start_the_same_document() {
        let scope = Scope::Level(1).id(founding().case_id());
        let name = || log_name(founding().case_id().as_bytes(), 2026, 0);
        let id = |name| Header::new(scope, Kind::ContactLog, name).document_id();
        assert_eq!(id(name()), id(name()));
        assert_ne!(id(name()), id(log_name(founding().case_id().as_bytes(), 2026, 1)));
        assert_eq!(name().len(), 22);
    }

    #[test]
    fn a_founding_record_reads_back_strictly() {
        let bytes = founding().encode();
        assert_eq!(Founding::decode(&bytes), Ok(founding()));
        assert!(Founding::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
