//! An export: messages for somebody who holds a given vector, made document by document as they are asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::CancelToken;
use super::import::WorkProgress;
use super::message::{DocumentHeader, MAX_BATCH, MAX_BATCH_BYTES, Message, SignedChange};
use super::vector::{self, Vector};
use crate::document::chunk::Limits;
use crate::document::{Kind, raw_chunk};
use crate::error::{Error, Result};
use crate::identity::record::{LogId, Signed};
use crate::identity::{Authority, LogVector, ScopeFacts};
use crate::ids::{CaseId, ChangeHash, DocumentId, ScopeId, sha256};
use crate::storage::changes::{ChangeRow, ChangeState};
use crate::storage::documents::DocumentRow;
use crate::storage::{Reading, StorageFailed};
use crate::store::Store;

/// From so many changes on, a document that is new to the other side goes whole.
const SNAPSHOT_FROM: usize = 8;

/// An export that is being read.
pub struct Export {
    store: Store,
    theirs: Option<Vector>,
    ready: VecDeque<u8>,
    documents: VecDeque<i64>,
    total: u64,
    scopes: VecDeque<ScopeFacts>,
    scopes_sent: Vec<[u8; 16]>,
    cases_sent: BTreeSet<CaseId>,
    begun: bool,
    ended: bool,
    cancel: CancelToken,
}

impl Export {
    pub(super) fn new(store: Store, theirs: Option<&[u8]>) -> Result<Self> {
        let theirs = theirs.map(Vector::decode).transpose()?;
        if theirs.as_ref().is_some_and(|theirs| theirs.domain != store.identity().domain()) {
            return Err(Error::NotAnExport { reason: "domain" });
        }
        if let Some(theirs) = &theirs {
            note_held(&store, theirs)?;
        }
        let documents: VecDeque<i64> =
            store.read(|reading| Ok(reading.documents()?.into_iter().map(|row| row.id).collect()))?;
        let scopes = store.own().authority.scopes().copied().collect();
        Ok(Self {
            store,
            theirs,
            ready: VecDeque::new(),
            total: documents.len() as u64,
            documents,
            scopes,
            scopes_sent: Vec::new(),
            cases_sent: BTreeSet::new(),
            begun: false,
            ended: false,
            cancel: CancelToken::default(),
        })
    }

    /// The next bytes, at most so many; none at the end. Waiting between calls is harmless.
    ///
    /// # Errors
    /// [`Error::Canceled`] after cancellation, [`Error::Storage`] when a change does not read back as what was signed.
    pub fn next(&mut self, max_bytes: usize) -> Result<Vec<u8>> {
        while self.ready.is_empty() && !self.ended {
            if self.cancel.is_canceled() {
                return Err(Error::Canceled);
            }
            self.fill()?;
        }
        let count = self.ready.len().min(max_bytes.max(1));
        Ok(self.ready.drain(..count).collect())
    }

    /// How far it is, in documents.
    pub fn progress(&self) -> WorkProgress {
        WorkProgress { done: self.total - self.documents.len() as u64, total: self.total }
    }

    /// Ends it from another thread.
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    fn push(&mut self, message: &Message) {
        self.ready.extend(message.encode());
    }

    fn fill(&mut self) -> Result<()> {
        if !self.begun {
            self.begun = true;
            let (hello, authority) = self.opening();
            self.push(&hello);
            self.push(&authority);
            return Ok(());
        }
        if let Some(facts) = self.scopes.pop_front() {
            let store = self.store.clone();
            let messages = store.read(|reading| self.scope_logs(reading, &facts))?;
            messages.iter().for_each(|message| self.push(message));
            return Ok(());
        }
        let Some(row) = self.documents.pop_front() else {
            self.push(&Message::End);
            self.ended = true;
            return Ok(());
        };
        let store = self.store.clone();
        let messages = store.read(|reading| self.document(reading, row))?;
        messages.iter().for_each(|message| self.push(message));
        Ok(())
    }

    fn opening(&self) -> (Message, Message) {
        let own = self.store.own();
        let records = self.records_after(&own.authority, own.authority.domain_log());
        (
            Message::Hello { domain: own.authority.domain(), device: own.device },
            Message::Authority { records },
        )
    }

    fn records_after(&self, authority: &Authority, log: LogId) -> Vec<Vec<u8>> {
        let empty = LogVector::new();
        let known = self.theirs.as_ref().and_then(|theirs| theirs.authority.get(&log)).unwrap_or(&empty);
        authority.records_after(&log, known).into_iter().map(Signed::encode).collect()
    }

    /// What is missing there of the logs of a scope and its case, after the scope that they belong to.
    fn scope_logs(&mut self, reading: &Reading<'_>, facts: &ScopeFacts) -> Result<Vec<Message>> {
        let authority = self.store.own().authority.clone();
        let mut records = Vec::new();
        if self.cases_sent.insert(facts.case) {
            records = self.records_after(&authority, *facts.case.as_bytes());
        }
        records.extend(self.records_after(&authority, *facts.id().as_bytes()));
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.scopes_sent.push(*facts.id().as_bytes());
        Ok(vec![scope(reading, facts.id().as_bytes())?, Message::Authority { records }])
    }

    fn document(&mut self, reading: &Reading<'_>, row: i64) -> Result<Vec<Message>> {
        let row = reading.document_of_row(row)?;
        let document = DocumentId::from_slice(&row.document_id)?;
        let empty = BTreeMap::new();
        let theirs =
            self.theirs.as_ref().and_then(|theirs| theirs.documents.get(&document)).unwrap_or(&empty);
        let mut missing: Vec<ChangeRow> = reading
            .changes(row.id)?
            .into_iter()
            .filter(|change| change.state != ChangeState::UnknownAuthor)
            .filter(|change| theirs.get(&change.actor).is_none_or(|(seq, _)| change.seq > *seq))
            .collect();
        // Counters grow along ancestry, so this order puts ancestors first.
        missing.sort_by_key(|change| (change.max_op, change.actor));
        let held = vector::of_document(reading, row.id)?;
        let mut messages = Vec::new();
        if !self.scopes_sent.contains(&row.scope_id) && !missing.is_empty() {
            self.scopes_sent.push(row.scope_id);
            messages.push(scope(reading, &row.scope_id)?);
        }
        if theirs.is_empty() && missing.len() >= SNAPSHOT_FROM && Kind::from_code(&row.kind).is_some() {
            let whole =
                missing.extract_if(.., |change| change.state == ChangeState::Accepted).collect::<Vec<_>>();
            messages.extend(self.snapshot(reading, &row, document, &whole)?);
        }
        if !missing.is_empty() {
            messages.extend(self.batches(reading, &row, document, &missing)?);
        }
        messages.push(Message::Held {
            document,
            actors: held.into_iter().map(|(actor, (seq, _))| (actor, seq)).collect(),
        });
        Ok(messages)
    }

    /// The whole document with its signatures; nothing if it would be too long for a message.
    fn snapshot(
        &self,
        reading: &Reading<'_>,
        row: &DocumentRow,
        document: DocumentId,
        changes: &[ChangeRow],
    ) -> Result<Vec<Message>> {
        let chunk = self.store.load(reading, row)?.save();
        let mut certificates: Vec<[u8; 32]> = Vec::new();
        let mut signatures = Vec::new();
        for change in changes {
            let place = match certificates.iter().position(|known| *known == change.certificate) {
                Some(place) => place,
                None => {
                    certificates.push(change.certificate);
                    certificates.len() - 1
                }
            };
            signatures.push((place as u64, change.signature));
        }
        if chunk.len() > Limits::DEFAULT.document_bytes {
            return self.batches(reading, row, document, changes);
        }
        Ok(vec![Message::Snapshot { document, header: header(row)?, chunk, certificates, signatures }])
    }

    fn batches(
        &self,
        reading: &Reading<'_>,
        row: &DocumentRow,
        document: DocumentId,
        missing: &[ChangeRow],
    ) -> Result<Vec<Message>> {
        let header = header(row)?;
        // Loaded only if a snapshot holds the bytes of a change that is missing there.
        let mut loaded = None;
        let (mut messages, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
        for change in missing {
            let chunk = match reading.chunk(change.id)? {
                // What was refused or waits is kept as it came: the engine has never seen it, and need not.
                Some(stored) if change.state != ChangeState::Accepted => stored,
                Some(stored) => raw_chunk(&stored).map_err(|_| StorageFailed::damaged("change"))?,
                None => {
                    if loaded.is_none() {
                        loaded = Some(self.store.load(reading, row)?);
                    }
                    let regenerated =
                        loaded.as_ref().and_then(|document| document.raw_change(&ChangeHash(change.hash)));
                    regenerated.ok_or(StorageFailed::damaged("change"))?
                }
            };
            // The hash covers everything after magic and checksum: what leaves is what was signed.
            if chunk.get(8..).map(|hashed| sha256(&[hashed])) != Some(change.hash) {
                return Err(StorageFailed::damaged("change").into());
            }
            if !batch.is_empty() && (batch.len() == MAX_BATCH || bytes + chunk.len() > MAX_BATCH_BYTES) {
                let changes = std::mem::take(&mut batch);
                messages.push(Message::Changes { document, header: header.clone(), changes });
                bytes = 0;
            }
            bytes += chunk.len();
            batch.push(SignedChange { chunk, signature: change.signature, certificate: change.certificate });
        }
        messages.push(Message::Changes { document, header, changes: batch });
        Ok(messages)
    }
}

fn header(row: &DocumentRow) -> Result<DocumentHeader> {
    Ok(DocumentHeader {
        scope: ScopeId::from_slice(&row.scope_id)?,
        kind: row.kind.clone(),
        genesis: ChangeHash::from_slice(&row.genesis)?,
        name: row.name.clone(),
    })
}

fn scope(reading: &Reading<'_>, id: &[u8; 16]) -> Result<Message> {
    let scope = reading.scope(id)?.ok_or(StorageFailed::damaged("scope"))?;
    let founding = reading.founding(&scope.case_id)?.ok_or(StorageFailed::damaged("founding"))?;
    let fixed = |_| StorageFailed::damaged("founding");
    Ok(Message::Scope {
        founding: founding.bytes,
        signature: founding.signature.try_into().map_err(|_| StorageFailed::damaged("founding"))?,
        certificate: founding.certificate.try_into().map_err(fixed)?,
        level: scope.level.unwrap_or(0),
        plan: scope.plan_id.map(|id| id.to_vec()).unwrap_or_default(),
    })
}

/// Keeps what the owner of a vector holds: it is no longer only here.
fn note_held(store: &Store, theirs: &Vector) -> Result<()> {
    store.inner.database.write(|tx| {
        for (document, actors) in &theirs.documents {
            let Some(row) = tx.reading().document(document.as_bytes())? else { continue };
            for (actor, (seq, hash)) in actors {
                // Only what is the same change here: a fork's number says nothing.
                let same = tx.reading().hash_at(row.id, actor, *seq)?.is_some_and(|ours| ours[..8] == *hash);
                if same {
                    tx.set_held_elsewhere(theirs.device.as_bytes(), row.id, actor, *seq)?;
                }
            }
        }
        Ok(())
    })
}
