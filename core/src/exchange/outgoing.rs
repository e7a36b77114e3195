//! What one document has and a peer lacks, read from rows: changes with signatures, or the whole document.
//!
//! Both the export and the sync session send from here. Nothing is loaded unless a snapshot has absorbed the bytes.

use std::collections::{BTreeSet, VecDeque};

use super::message::{DocumentHeader, MAX_MESSAGE, Message, SignedChange};
use super::vector::{self, Holding};
use crate::document::chunk::{self, Limits};
use crate::document::{Document, Kind, guard, raw_chunk};
use crate::error::Result;
use crate::ids::{ChangeHash, DocumentId, ScopeId};
use crate::storage::changes::{ChangeRow, ChangeState};
use crate::storage::documents::DocumentRow;
use crate::storage::{Reading, StorageFailed};
use crate::store::Store;

/// From so many changes on, a document that is new to the other side goes whole.
const SNAPSHOT_FROM: usize = 8;
/// A signature takes so many bytes in a message, with its place;
const SIGNATURE_BYTES: usize = 70;
/// and so many are left for the header and the certificates.
const ROOM: usize = 256 * 1024;

/// The hashes of the changes in a message.
pub(crate) fn hashes_of(message: &Message) -> Vec<[u8; 32]> {
    let Message::Changes { changes, .. } = message else { return Vec::new() };
    changes.iter().filter_map(|change| chunk::hash_of(&change.chunk)).collect()
}

/// A document on its way to somebody: what is still to be sent of it.
pub(crate) struct Outgoing {
    pub row: DocumentRow,
    /// What the other side lacks, ancestors first.
    missing: VecDeque<ChangeRow>,
    /// Whether the other side holds something of it.
    pub known: bool,
    /// Whether it may still go whole: the other side holds nothing of it.
    whole: bool,
    /// The document, once a change had to be regenerated.
    loaded: Option<Document>,
}

impl Outgoing {
    /// What the owner of a holding lacks of a document.
    pub fn of(reading: &Reading<'_>, row: DocumentRow, theirs: &Holding) -> Result<Self> {
        // Who holds nothing parts from nobody.
        let ours = if theirs.is_empty() { Vec::new() } else { reading.vector(row.id)? };
        let parted = vector::parted(reading, &row, &ours, theirs)?;
        let lacks = |change: &ChangeRow| match (parted.get(&change.actor), theirs.get(&change.actor)) {
            (Some(common), _) => change.seq > *common,
            (None, Some((seq, _))) => change.seq > *seq,
            (None, None) => true,
        };
        let mut missing: Vec<ChangeRow> = reading
            .changes(row.id)?
            .into_iter()
            .filter(|change| change.state != ChangeState::UnknownAuthor && lacks(change))
            .collect();
        // Counters grow along ancestry, so this order puts ancestors first.
        missing.sort_by_key(|change| (change.max_op, change.actor));
        let accepted = missing.iter().filter(|change| change.state == ChangeState::Accepted).count();
        let whole = theirs.is_empty() && accepted >= SNAPSHOT_FROM && Kind::from_code(&row.kind).is_some();
        Ok(Self { row, missing: missing.into(), known: !theirs.is_empty(), whole, loaded: None })
    }

    /// What the owner of a holding lacks of a document that this device is shut out of, and was not handed before: of all
    /// that is here, or of what one device wrote.
    pub fn late(
        reading: &Reading<'_>,
        row: DocumentRow,
        theirs: &Holding,
        handed: &BTreeSet<[u8; 32]>,
        of: Option<&[u8; 16]>,
    ) -> Result<Self> {
        let mut outgoing = Self::of(reading, row, theirs)?;
        let goes = |change: &ChangeRow| of.is_none_or(|device| change.actor.starts_with(device));
        outgoing.missing.retain(|change| goes(change) && !handed.contains(&change.hash));
        (outgoing.whole, outgoing.known) = (false, false);
        Ok(outgoing)
    }

    /// How many changes are still to be sent.
    pub fn left(&self) -> usize {
        self.missing.len()
    }

    /// The document's name.
    pub fn document(&self) -> Result<DocumentId> {
        Ok(DocumentId::from_slice(&self.row.document_id)?)
    }

    /// The next message, with at most so many changes and bytes, but always one change; nothing at the end.
    pub fn next(
        &mut self,
        store: &Store,
        reading: &Reading<'_>,
        most: usize,
        most_bytes: usize,
    ) -> Result<Option<Message>> {
        // Since it was queued the case may have gone, and perhaps come again, or a choice may have settled a fork.
        let Some(row) = reading.document(&self.row.document_id)? else {
            self.missing.clear();
            return Ok(None);
        };
        self.row = row;
        if std::mem::take(&mut self.whole) {
            self.missing = Self::of(reading, self.row.clone(), &Holding::new())?.missing;
            if let Some(message) = self.snapshot(store, reading)? {
                return Ok(Some(message));
            }
        }
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while let Some(queued) = self.missing.front() {
            let Some(change) = reading.change(self.row.id, &queued.hash)? else {
                self.missing.pop_front();
                continue;
            };
            let chunk = self.chunk(store, reading, &change)?;
            if changes.len() == most || !changes.is_empty() && bytes + chunk.len() > most_bytes {
                break;
            }
            bytes += chunk.len();
            self.missing.pop_front();
            changes.push(SignedChange {
                chunk,
                signature: change.signature,
                certificate: change.certificate,
            });
        }
        if changes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Message::Changes { document: self.document()?, header: header(&self.row)?, changes }))
    }

    /// The whole document with its signatures; nothing if it would be refused, or too long for a message.
    fn snapshot(&mut self, store: &Store, reading: &Reading<'_>) -> Result<Option<Message>> {
        let chunk = store.load(reading, &self.row)?.save();
        let signed = self.missing.iter().filter(|change| change.state == ChangeState::Accepted).count();
        let ops = chunk::operations(&chunk, &Limits::DEFAULT);
        if ops == 0
            || chunk::is_too_dense(ops, chunk.len() + guard::SIGNATURE * signed)
            || chunk.len() + signed * SIGNATURE_BYTES > MAX_MESSAGE - ROOM
        {
            return Ok(None);
        }
        let mut certificates: Vec<[u8; 32]> = Vec::new();
        let mut signatures = Vec::new();
        let mut others = VecDeque::new();
        for change in self.missing.drain(..) {
            if change.state != ChangeState::Accepted {
                others.push_back(change);
                continue;
            }
            let place = match certificates.iter().position(|known| *known == change.certificate) {
                Some(place) => place,
                None => {
                    certificates.push(change.certificate);
                    certificates.len() - 1
                }
            };
            signatures.push((place as u64, change.signature));
        }
        self.missing = others;
        let (document, header) = (self.document()?, header(&self.row)?);
        Ok(Some(Message::Snapshot { document, header, chunk, certificates, signatures }))
    }

    fn chunk(&mut self, store: &Store, reading: &Reading<'_>, change: &ChangeRow) -> Result<Vec<u8>> {
        let chunk = match reading.chunk(change.id)? {
            // What was refused or waits is kept as it came: the engine has never seen it, and need not.
            Some(stored) if change.state != ChangeState::Accepted => stored,
            Some(stored) => raw_chunk(&stored).map_err(|_| StorageFailed::damaged("change"))?,
            None => {
                let regenerate = |loaded: &Option<Document>| {
                    loaded.as_ref().and_then(|document| document.raw_change(&ChangeHash(change.hash)))
                };
                match regenerate(&self.loaded) {
                    Some(regenerated) => regenerated,
                    None => {
                        self.loaded = Some(store.load(reading, &self.row)?);
                        regenerate(&self.loaded).ok_or(StorageFailed::damaged("change"))?
                    }
                }
            }
        };
        // What leaves is what was signed.
        if chunk::hash_of(&chunk) != Some(change.hash) {
            return Err(StorageFailed::damaged("change").into());
        }
        Ok(chunk)
    }
}

/// What everybody who holds something of a document knows of it.
pub(crate) fn header(row: &DocumentRow) -> Result<DocumentHeader> {
    Ok(DocumentHeader {
        scope: ScopeId::from_slice(&row.scope_id)?,
        kind: row.kind.clone(),
        genesis: ChangeHash::from_slice(&row.genesis)?,
        name: row.name.clone(),
    })
}

/// A scope, with the founding record of its case.
pub(crate) fn scope(reading: &Reading<'_>, scope_id: &[u8; 16]) -> Result<Message> {
    let damaged = || StorageFailed::damaged("founding");
    let scope = reading.scope(scope_id)?.ok_or(StorageFailed::damaged("scope"))?;
    let founding = reading.founding(&scope.case_id)?.ok_or_else(damaged)?;
    Ok(Message::Scope {
        founding: founding.bytes,
        signature: founding.signature.try_into().map_err(|_| damaged())?,
        certificate: founding.certificate.try_into().map_err(|_| damaged())?,
        level: scope.level.unwrap_or(0),
        plan: scope.plan_id.map(|id| id.to_vec()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_with_a_case;

    #[test]
    fn what_has_gone_since_it_was_queued_is_passed_over() {
        let (store, case) = store_with_a_case("outgoing-gone");
        let mut outgoing = store
            .read(|reading| Outgoing::of(reading, reading.documents()?.remove(0), &Holding::new()))
            .unwrap();
        assert!(outgoing.left() > 0);
        store.inner.database.write(|tx| tx.remove_case(case.as_bytes())).unwrap();
        assert_eq!(store.read(|reading| outgoing.next(&store, reading, 9, 9_000)), Ok(None));
        assert_eq!(outgoing.left(), 0);
    }
}
