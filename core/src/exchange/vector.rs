//! What a store holds: per document, each actor's highest number up to which nothing is missing (`sync.md` §5).
//!
//! It covers what is held, quarantined changes included, or one refused change would make two devices exchange for
//! ever.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::chunk::{self, Limits};
use crate::error::{Error, Result};
use crate::identity::LogVector;
use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::identity::record::LogId;
use crate::ids::{DeviceId, DocumentId, DomainId, derive};
use crate::storage::Reading;
use crate::storage::documents::DocumentRow;
use crate::storage::vectors::VectorEntry;
use crate::store::Store;

/// The most documents of a vector.
const MAX_DOCUMENTS: u64 = 100_000;

/// What is held of one document: each actor's highest number, and a mark: the first eight bytes of that change's hash.
/// Of a known fork it is the last common number, and the mark stands for the branches too.
pub type Holding = BTreeMap<[u8; 24], (u64, [u8; 8])>;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Its domain.
    pub domain: DomainId,
    /// Its device.
    pub device: DeviceId,
    /// Up to where each log of authority records is held: the domain's, those of cases and of scopes.
    pub authority: BTreeMap<LogId, LogVector>,
    /// Per document, each actor's highest number and the first eight bytes of that change's hash.
    pub documents: BTreeMap<DocumentId, Holding>,
}

impl Vector {
    /// The bytes to hand over.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::array(5)
            .unsigned(1)
            .bytes(self.domain.as_bytes())
            .bytes(self.device.as_bytes())
            .nested(self.authority.len() as u64);
        for (log, issuers) in &self.authority {
            writer = writer.nested(2).bytes(log).nested(issuers.len() as u64);
            for (issuer, (number, mark)) in issuers {
                writer = writer.nested(3).bytes(issuer).unsigned(*number).bytes(mark);
            }
        }
        writer = writer.nested(self.documents.len() as u64);
        for (document, actors) in &self.documents {
            writer = writer.nested(2).bytes(document.as_bytes()).nested(actors.len() as u64);
            for (actor, (seq, hash)) in actors {
                writer = writer.nested(3).bytes(actor).unsigned(*seq).bytes(hash);
            }
        }
        writer.done()
    }

    /// Reads a vector.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 5)?;
        if reader.unsigned()? != 1 {
            return Err(Malformed);
        }
        let domain = DomainId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let device = DeviceId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
        let mut authority = BTreeMap::new();
        for _ in 0..reader.nested()? {
            expect(reader.nested()?, 2)?;
            let log = reader.fixed()?;
            let mut issuers = LogVector::new();
            for _ in 0..reader.nested()? {
                expect(reader.nested()?, 3)?;
                issuers.insert(reader.fixed()?, (reader.unsigned()?, reader.fixed()?));
            }
            authority.insert(log, issuers);
        }
        let mut documents = BTreeMap::new();
        let count = reader.nested()?;
        if count > MAX_DOCUMENTS {
            return Err(Malformed);
        }
        for _ in 0..count {
            expect(reader.nested()?, 2)?;
            let document = DocumentId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
            let mut actors = BTreeMap::new();
            for _ in 0..reader.nested()? {
                expect(reader.nested()?, 3)?;
                actors.insert(reader.fixed()?, (reader.unsigned()?, reader.fixed()?));
            }
            documents.insert(document, actors);
        }
        reader.end()?;
        Ok(Self { domain, device, authority, documents })
    }
}

fn expect(found: u64, wanted: u64) -> Result<(), Malformed> {
    if found == wanted { Ok(()) } else { Err(Malformed) }
}

/// What this store holds.
pub fn own(store: &Store, reading: &Reading<'_>) -> Result<Vector> {
    let own = store.own();
    let mut documents = BTreeMap::new();
    for row in reading.documents()? {
        documents.insert(DocumentId::from_slice(&row.document_id)?, of_document(reading, row.id)?);
    }
    let authority = &own.authority;
    let mut logs = BTreeSet::from([authority.domain_log()]);
    for scope in authority.scopes() {
        logs.extend([*scope.case.as_bytes(), *scope.id().as_bytes()]);
    }
    let authority = logs.into_iter().map(|log| (log, authority.vector(&log))).collect();
    Ok(Vector { domain: own.authority.domain(), device: own.device, authority, documents })
}

/// What is held of one document.
pub fn of_document(reading: &Reading<'_>, document: i64) -> Result<Holding> {
    Ok(holding(&reading.vector(document)?))
}

/// A vector as a holding.
pub fn holding(vector: &[VectorEntry]) -> Holding {
    vector.iter().map(|entry| (entry.actor, (entry.seq, entry.mark()))).collect()
}

/// The actors whose history here parts from what somebody holds, each with the number above which everything is to be
/// sent: from there on the two have different changes, or only one of them knows of a fork.
pub fn parted(
    reading: &Reading<'_>,
    row: &DocumentRow,
    ours: &[VectorEntry],
    theirs: &Holding,
) -> Result<BTreeMap<[u8; 24], u64>> {
    let mut parted = BTreeMap::new();
    let mut lost = None;
    for ours in ours {
        let Some((seq, mark)) = theirs.get(&ours.actor) else { continue };
        // Of what a peer was once seen to hold no mark is kept.
        if *mark == [0; 8] || (*seq, *mark) == (ours.seq, ours.mark()) {
            continue;
        }
        if !ours.branches.is_empty() && *seq >= ours.seq {
            parted.insert(ours.actor, if ours.loose { 0 } else { ours.seq });
        } else if *seq <= ours.seq {
            if !is_held(reading, row.id, (&ours.actor, *seq), mark)? {
                parted.insert(ours.actor, 0);
            }
        } else {
            // They may be ahead on the branch that is kept here, or on the one that has lost.
            if lost.is_none() {
                lost = Some(lost_above(reading, row)?);
            }
            let above = lost.as_ref().and_then(|lost| lost.get(&ours.actor));
            parted.extend(above.map(|common| (ours.actor, *common)));
        }
    }
    Ok(parted)
}

/// Whether the change of an actor that somebody names by number and mark is held here too.
pub fn is_held(
    reading: &Reading<'_>,
    document: i64,
    (actor, seq): (&[u8; 24], u64),
    mark: &[u8; 8],
) -> Result<bool> {
    Ok(reading.hashes_at(document, actor, seq)?.iter().any(|hash| hash[..8] == *mark))
}

/// What is held here of a document, to tell how far somebody holds the same by what it says of its actors.
pub struct Same<'a> {
    reading: &'a Reading<'a>,
    row: i64,
    /// Read where something may be missing or be a fork, or was asked for.
    vector: Option<BTreeMap<[u8; 24], VectorEntry>>,
}

impl<'a> Same<'a> {
    /// Of a document, by its row.
    pub fn of(reading: &'a Reading<'a>, row: i64) -> Result<Self> {
        // Of two changes with one number one is not part of the document, nor is what stands above a missing one.
        let vector = if reading.holds_apart(row)? { Some(entries(reading, row)?) } else { None };
        Ok(Self { reading, row, vector })
    }

    /// Whether an actor's changes are here up to a number.
    pub fn reaches(&self, actor: &[u8; 24], seq: u64) -> Result<bool> {
        Ok(match &self.vector {
            Some(vector) => vector.get(actor).is_some_and(|entry| seq <= entry.top),
            None => !self.reading.hashes_at(self.row, actor, seq)?.is_empty(),
        })
    }

    /// Up to where an actor's changes are here.
    pub fn entry(&mut self, actor: &[u8; 24]) -> Result<Option<&VectorEntry>> {
        let vector = match self.vector.take() {
            Some(vector) => vector,
            None => entries(self.reading, self.row)?,
        };
        Ok(self.vector.insert(vector).get(actor))
    }

    /// Up to which number somebody holds what is held here of an actor; nothing where it does not follow from what it names.
    pub fn up_to(&self, actor: &[u8; 24], seq: u64, mark: &[u8; 8]) -> Result<Option<u64>> {
        let is_here = || is_held(self.reading, self.row, (actor, seq), mark);
        let Some(vector) = &self.vector else { return Ok(is_here()?.then_some(seq)) };
        Ok(match vector.get(actor) {
            // It holds the same branches.
            Some(entry) if (entry.seq, entry.mark()) == (seq, *mark) => Some(entry.top),
            Some(entry) if seq <= entry.top && is_here()? => match entry.loose {
                true => (seq <= entry.seq).then_some(seq), // where they parted is not known
                false => Some(seq.min(entry.seq)),         // of its branch and the others only this is common
            },
            _ => None,
        })
    }
}

fn entries(reading: &Reading<'_>, row: i64) -> Result<BTreeMap<[u8; 24], VectorEntry>> {
    Ok(reading.vector(row)?.into_iter().map(|entry| (entry.actor, entry)).collect())
}

/// Above which number of each actor a branch has lost a fork in a document.
fn lost_above(reading: &Reading<'_>, row: &DocumentRow) -> Result<BTreeMap<[u8; 24], u64>> {
    let mut lost = BTreeMap::new();
    for chunk in reading.lost(&row.document_id)? {
        let Ok(header) = chunk::read_change(&chunk, &Limits::DEFAULT) else { continue };
        let above = lost.entry(header.actor.0).or_insert(u64::MAX);
        *above = header.seq.saturating_sub(1).min(*above);
    }
    Ok(lost)
}

/// The root digest: over scopes, over documents, over vector entries.
pub fn root_digest(reading: &Reading<'_>) -> Result<String> {
    let mut scopes: BTreeMap<[u8; 16], BTreeMap<[u8; 16], [u8; 16]>> = BTreeMap::new();
    for row in reading.documents()? {
        let mut entries = Vec::new();
        for (actor, (seq, hash)) in of_document(reading, row.id)? {
            entries.extend_from_slice(&actor);
            entries.extend_from_slice(&seq.to_be_bytes());
            entries.extend_from_slice(&hash);
        }
        // A document of which nothing is held is a name that somebody mentioned.
        if entries.is_empty() {
            continue;
        }
        let digest = *derive(&[&row.document_id, &entries]).as_bytes();
        scopes.entry(row.scope_id).or_default().insert(row.document_id, digest);
    }
    let mut root = Vec::new();
    for (scope, documents) in scopes {
        let inner: Vec<u8> = documents.iter().flat_map(|(id, digest)| [*id, *digest].concat()).collect();
        root.extend_from_slice(&scope);
        root.extend_from_slice(derive(&[&inner]).as_bytes());
    }
    Ok(derive(&[&root]).to_string())
}

impl From<Malformed> for Error {
    fn from(_: Malformed) -> Self {
        Self::NotAnExport { reason: "format" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::uuid8;

    #[test]
    fn a_vector_survives_its_bytes() {
        let vector = Vector {
            domain: DomainId(uuid8([1; 16])),
            device: DeviceId(uuid8([2; 16])),
            authority: BTreeMap::from([([3; 16], LogVector::from([([3; 16], (2, [9; 8]))]))]),
            documents: BTreeMap::from([(
                DocumentId(uuid8([4; 16])),
                BTreeMap::from([([5; 24], (9, [6; 8]))]),
            )]),
        };
        assert_eq!(Vector::decode(&vector.encode()), Ok(vector));
        assert!(Vector::decode(b"x").is_err());
    }
}
