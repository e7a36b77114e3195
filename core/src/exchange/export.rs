//! An export: messages for somebody who holds a given vector, or for one device by what it is known to hold; made
//! document by document as they are asked for.

use std::collections::{BTreeSet, VecDeque};

use super::CancelToken;
use super::import::WorkProgress;
use super::message::{MAX_BATCH, MAX_BATCH_BYTES, Message};
use super::outgoing::{self, Outgoing};
use super::vector::{self, Holding, Vector};
use crate::error::{Error, Result};
use crate::identity::record::{self, LogId, Signed};
use crate::identity::{Authority, LogVector, ScopeFacts, Standing};
use crate::ids::{CaseId, DeviceId, DocumentId};
use crate::storage::Reading;
use crate::storage::documents::DocumentRow;
use crate::store::Store;

/// An export that is being read.
pub struct Export {
    store: Store,
    receiver: Receiver,
    ready: VecDeque<u8>,
    documents: VecDeque<i64>,
    total: u64,
    changes: u64,
    scopes: VecDeque<ScopeFacts>,
    scopes_sent: Vec<[u8; 16]>,
    cases_sent: BTreeSet<CaseId>,
    begun: bool,
    ended: bool,
    cancel: CancelToken,
}

/// Whom an export is for.
enum Receiver {
    /// Whoever holds this; whoever holds nothing.
    Holder(Option<Vector>),
    /// One device, by what it was last known to hold. Of scopes that this device may not read itself any more it goes late;
    /// where the device itself is shut out, its own work only.
    Device { device: DeviceId, late: BTreeSet<[u8; 16]>, own_only: bool },
}

impl Export {
    pub(super) fn new(store: Store, theirs: Option<&[u8]>) -> Result<Self> {
        let theirs = theirs.map(Vector::decode).transpose()?;
        if theirs.as_ref().is_some_and(|theirs| theirs.domain != store.identity().domain()) {
            return Err(Error::NotAnExport { reason: "domain" });
        }
        let scopes = store.own().authority.scopes().copied().collect();
        Self::of(store, Receiver::Holder(theirs), scopes)
    }

    /// What a device is not known to hold of the scopes that it may read.
    pub(crate) fn for_device(store: Store, device: DeviceId) -> Result<Self> {
        let now = store.trusted_time()?;
        let (mut scopes, mut late) = (Vec::new(), BTreeSet::new());
        let own_only = store.standing_of(store.identity().device())? != Standing::Current;
        {
            let own = store.own();
            for facts in own.authority.scopes().filter(|facts| own.authority.may_read(device, facts, now)) {
                if !own.authority.may_read(own.device, facts, now) {
                    late.insert(*facts.id().as_bytes());
                }
                scopes.push(*facts);
            }
        }
        Self::of(store, Receiver::Device { device, late, own_only }, scopes)
    }

    fn of(store: Store, receiver: Receiver, scopes: Vec<ScopeFacts>) -> Result<Self> {
        let ids: BTreeSet<[u8; 16]> = scopes.iter().map(|facts| *facts.id().as_bytes()).collect();
        let goes = |row: &DocumentRow| match receiver {
            Receiver::Holder(_) => true,
            Receiver::Device { .. } => ids.contains(&row.scope_id),
        };
        let rows = store.read(|reading| Ok(reading.documents()?))?;
        let documents: VecDeque<i64> = rows.into_iter().filter(goes).map(|row| row.id).collect();
        Ok(Self {
            store,
            receiver,
            ready: VecDeque::new(),
            total: documents.len() as u64,
            changes: 0,
            documents,
            scopes: scopes.into(),
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

    /// How many changes were put in so far.
    pub fn changes(&self) -> u64 {
        self.changes
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
            let messages = self.opening();
            messages.iter().for_each(|message| self.push(message));
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

    /// Who sends, and the domain's records.
    fn opening(&self) -> Vec<Message> {
        let chain = self.store.own_chain();
        let own = self.store.own();
        let who = match &self.receiver {
            Receiver::Holder(_) => Message::Hello { domain: own.authority.domain(), device: own.device },
            Receiver::Device { .. } => Message::Chain { records: chain },
        };
        let records = self.records_after(&own.authority, own.authority.domain_log());
        std::iter::once(who).chain(authority_of(records)).collect()
    }

    fn records_after(&self, authority: &Authority, log: LogId) -> Vec<Vec<u8>> {
        let nothing = LogVector::new();
        let known = match &self.receiver {
            Receiver::Holder(Some(theirs)) => theirs.authority.get(&log).unwrap_or(&nothing),
            // Nobody keeps what a device has of a log, and logs are short.
            Receiver::Holder(None) | Receiver::Device { .. } => &nothing,
        };
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
        let scope = outgoing::scope(reading, facts.id().as_bytes())?;
        Ok(std::iter::once(scope).chain(authority_of(records)).collect())
    }

    fn document(&mut self, reading: &Reading<'_>, row: i64) -> Result<Vec<Message>> {
        let Some(row) = reading.document_still(row)? else { return Ok(Vec::new()) };
        let document = DocumentId::from_slice(&row.document_id)?;
        let (row_id, scope_id) = (row.id, row.scope_id);
        let mut is_late = false;
        let mut outgoing = match &self.receiver {
            Receiver::Holder(theirs) => {
                let theirs = theirs.as_ref().and_then(|theirs| theirs.documents.get(&document));
                Outgoing::of(reading, row, theirs.unwrap_or(&Holding::new()))?
            }
            Receiver::Device { device, late, own_only } => {
                let held = reading.held_by_peer(device.as_bytes(), row_id)?;
                let theirs = held.into_iter().map(|(actor, seq)| (actor, (seq, [0; 8]))).collect();
                is_late = late.contains(&scope_id);
                if is_late {
                    let own = *self.store.own().device.as_bytes();
                    Outgoing::late(reading, row, &theirs, &BTreeSet::new(), own_only.then_some(&own))?
                } else {
                    Outgoing::of(reading, row, &theirs)?
                }
            }
        };
        self.changes += outgoing.left() as u64;
        let mut messages = Vec::new();
        if !self.scopes_sent.contains(&scope_id) && outgoing.left() > 0 {
            self.scopes_sent.push(scope_id);
            messages.push(outgoing::scope(reading, &scope_id)?);
        }
        while let Some(message) = outgoing.next(&self.store, reading, MAX_BATCH, MAX_BATCH_BYTES)? {
            messages.push(message);
        }
        if !is_late {
            let held = vector::of_document(reading, row_id)?;
            let actors = held.into_iter().map(|(actor, (seq, mark))| (actor, seq, mark)).collect();
            messages.push(Message::Held { document, actors });
        }
        Ok(messages)
    }
}

/// Records, in as many messages as it takes.
fn authority_of(records: Vec<Vec<u8>>) -> impl Iterator<Item = Message> {
    record::pages(records).into_iter().map(|records| Message::Authority { records })
}
