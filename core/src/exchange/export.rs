//! An export: messages for somebody who holds a given vector, made document by document as they are asked for.

use std::collections::{BTreeSet, VecDeque};

use super::CancelToken;
use super::import::WorkProgress;
use super::message::{MAX_BATCH, MAX_BATCH_BYTES, Message};
use super::outgoing::{self, Outgoing};
use super::vector::{self, Holding, Vector};
use crate::error::{Error, Result};
use crate::identity::record::{LogId, Signed};
use crate::identity::{Authority, LogVector, ScopeFacts};
use crate::ids::{CaseId, DocumentId};
use crate::storage::Reading;
use crate::store::Store;

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
        Ok(vec![outgoing::scope(reading, facts.id().as_bytes())?, Message::Authority { records }])
    }

    fn document(&mut self, reading: &Reading<'_>, row: i64) -> Result<Vec<Message>> {
        let row = reading.document_of_row(row)?;
        let document = DocumentId::from_slice(&row.document_id)?;
        let nothing = Holding::new();
        let theirs = self.theirs.as_ref().and_then(|theirs| theirs.documents.get(&document));
        let (row_id, scope_id) = (row.id, row.scope_id);
        let mut outgoing = Outgoing::of(reading, row, theirs.unwrap_or(&nothing))?;
        let mut messages = Vec::new();
        if !self.scopes_sent.contains(&scope_id) && outgoing.left() > 0 {
            self.scopes_sent.push(scope_id);
            messages.push(outgoing::scope(reading, &scope_id)?);
        }
        while let Some(message) = outgoing.next(&self.store, reading, MAX_BATCH, MAX_BATCH_BYTES)? {
            messages.push(message);
        }
        let held = vector::of_document(reading, row_id)?;
        messages.push(Message::Held {
            document,
            actors: held.into_iter().map(|(actor, (seq, _))| (actor, seq)).collect(),
        });
        Ok(messages)
    }
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
