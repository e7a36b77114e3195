//! Batches within a credit window. A batch is acknowledged after its commit, and a session that is cut sends at most
//! what was not acknowledged once more.

use std::collections::BTreeSet;

use super::{Access, Replica, ReplicaFailed, Stage};
use crate::document::chunk::{self, Limits};
use crate::error::{Error, Result};
use crate::exchange::Refusal;
use crate::exchange::message::{DocumentHeader, Message, SignedChange};
use crate::exchange::outgoing;
use crate::exchange::vector::{self, Holding};
use crate::ids::{DocumentId, mark, sha256};
use crate::planted::{self, Defect};
use crate::sync::known::Said;
use crate::sync::wire::{BATCH_BYTES, BATCH_CHANGES, Wire};

/// Batches that may be on their way at once,
const WINDOW: usize = 4;
/// of at most so many documents,
const WINDOW_DOCUMENTS: usize = 8;
/// and at most so many bytes.
const WINDOW_BYTES: usize = 16 * 1024 * 1024;
/// What peers hold is kept in the store after so many documents, and at the end of a round.
const KEEP_AFTER: usize = 64;

impl Replica {
    /// Puts the next batches on their way, as far as the window allows.
    pub(super) fn fill(&mut self) -> Result<()> {
        while self.may_send() {
            let Some(mut outgoing) = self.queue.pop_front() else { break };
            let (store, scope) = (self.store.clone(), outgoing.row.scope_id);
            if !self.may_have(&scope)? {
                self.passed_over = true; // it was taken back since it was queued
                continue;
            }
            // Who holds something of a document knows its scope, and was told what it lacked of the scope's log.
            let known = outgoing.known && self.stage != Stage::Upload && self.records.contains_key(&scope);
            let (founded, message) = store.read(|reading| {
                let message = outgoing.next(&store, reading, BATCH_CHANGES, BATCH_BYTES)?;
                let founds = message.is_some() && !known && !self.founded.contains(&scope);
                Ok((founds.then(|| outgoing::scope(reading, &scope)).transpose()?, message))
            })?;
            let Some(message) = message else { continue };
            if let Some(founded) = founded {
                self.introduce(scope, founded)?;
            }
            let late = self.handed.contains_key(&outgoing.row.document_id);
            let hashes = if late { outgoing::hashes_of(&message) } else { Vec::new() };
            let (wire, count, bytes) = wire_of(message, known);
            self.window.push_back(OnItsWay { document: outgoing.row.document_id, count, bytes, hashes });
            self.out.push_back(wire);
            if outgoing.left() > 0 {
                self.queue.push_front(outgoing);
            }
        }
        if self.queue_skipped()? {
            return self.fill();
        }
        if self.stage == Stage::Round
            && self.round.they_asked
            && !self.round.we_sent
            && self.queue.is_empty()
            && self.window.is_empty()
        {
            self.round.we_sent = true;
            self.out.push_back(Wire::Sent);
            self.end_round()?;
        }
        let nothing_left = self.queue.is_empty() && self.window.is_empty() && self.late_asked.is_empty();
        if self.stage == Stage::Upload && nothing_left {
            self.leave()?;
        }
        Ok(())
    }

    fn may_send(&self) -> bool {
        let documents = self.window.iter().map(|batch| batch.document).collect::<BTreeSet<_>>();
        let bytes = self.window.iter().map(|batch| batch.bytes).sum::<usize>();
        self.access == Access::Full
            && matches!(self.stage, Stage::Round | Stage::Live | Stage::Upload)
            && self.window.len() < WINDOW
            && documents.len() < WINDOW_DOCUMENTS
            && bytes < WINDOW_BYTES
    }

    /// A scope goes with its founding record and its logs before the first of its documents.
    fn introduce(&mut self, scope: [u8; 16], founded: Message) -> Result<()> {
        self.founded.insert(scope);
        self.out.push_back(Wire::Founded(founded));
        let mut records = Vec::new();
        for log in self.store.logs_of(&scope)? {
            records.extend(self.store.records_after(&log, self.records.entry(log).or_default()));
        }
        if !records.is_empty() {
            self.push_records(records);
        }
        Ok(())
    }

    /// Takes in scopes, batches and documents that came together, several in one transaction, and acknowledges what was
    /// committed.
    pub fn on_brought(&mut self, messages: Vec<Message>) -> Result<(), ReplicaFailed> {
        if self.stage == Stage::Over {
            return Ok(());
        }
        if !self.settled {
            return Err(ReplicaFailed::Protocol("case data before authority"));
        }
        if let Err(failed) = self.import.take_scopes(&messages) {
            // What came before the one that fails is taken in, as if each had come alone.
            if messages.len() == 1 {
                // What a peer says wrongly is not this store's failure.
                return Err(match failed {
                    Error::NotAnExport { .. } | Error::Invalid { .. } => ReplicaFailed::Protocol("founded"),
                    failed => failed.into(),
                });
            }
            return messages.into_iter().try_for_each(|message| self.on_brought(vec![message]));
        }
        let (mut taken, mut entitled) = (Vec::new(), Vec::new());
        for message in messages {
            let Some(brought) = Brought::of(&message) else { continue };
            self.counts.received += brought.changes;
            self.round.received += brought.changes;
            self.allow_round();
            if self.store.may_take(&brought.scope)? {
                entitled.extend(self.late.instead_of(message));
            } else {
                let notices = brought.hashes.iter().map(|hash| (*hash, "not_entitled".to_owned()));
                self.out.push_back(Wire::Notice(notices.collect()));
            }
            taken.push(brought);
        }
        let mut whole = self.import.take_documents(entitled)?;
        self.say_refused(&taken.iter().flat_map(|brought| brought.hashes.iter().copied()).collect())?;
        let documents: Vec<[u8; 16]> = taken.iter().map(|brought| brought.document).collect();
        for brought in taken {
            let whole = whole.remove(&brought.document);
            self.acknowledge(brought, whole.unwrap_or_default())?;
        }
        if self.stage == Stage::Live {
            // What has just come is not only here.
            let held = documents.iter().filter_map(|document| Some((*document, self.theirs.get(document)?)));
            self.store.note_held_documents(self.peer, held, Said::Something)?;
        }
        Ok(())
    }

    /// The header that is here of a document; nothing where the document is not here, or the peer was never let into its
    /// scope.
    pub fn header_of(&self, document: DocumentId) -> Result<Option<DocumentHeader>> {
        let row = self.store.read(|reading| Ok(reading.document(document.as_bytes())?))?;
        match row {
            Some(row) if self.store.let_in(self.peer, &row.scope_id)? => Ok(Some(outgoing::header(&row)?)),
            _ => Ok(None),
        }
    }

    /// Changes of a document that has gone from here, or was guessed: the peer is told that nothing of it is held.
    pub(super) fn on_more(
        &mut self,
        document: DocumentId,
        changes: Vec<SignedChange>,
    ) -> Result<(), ReplicaFailed> {
        match self.header_of(document)? {
            Some(header) => return self.on_brought(vec![Message::Changes { document, header, changes }]),
            None if !self.settled => return Err(ReplicaFailed::Protocol("case data before authority")),
            None => self.out.push_back(Wire::Ack { document: *document.as_bytes(), held: Holding::new() }),
        }
        Ok(())
    }

    /// What is held here of a document; nothing where the peer was never let into its scope.
    fn held_of(&self, document: &[u8; 16]) -> Result<Holding> {
        let row = self.store.read(|reading| Ok(reading.document(document)?))?;
        match row {
            Some(row) if self.store.let_in(self.peer, &row.scope_id)? => {
                self.store.read(|reading| vector::of_document(reading, row.id))
            }
            _ => Ok(Holding::new()),
        }
    }

    /// Says what is held of a document, after the commit of what was brought of it, some of it by a whole document.
    fn acknowledge(&mut self, brought: Brought, whole: Holding) -> Result<()> {
        let held = self.held_of(&brought.document)?;
        let theirs = self.theirs.entry(brought.document).or_default();
        let kept = match brought.entries.iter().all(|(actor, _, _)| theirs.contains_key(actor)) {
            true => Holding::new(),
            false => self.store.held_by_of(self.peer, &brought.document)?,
        };
        for (actor, last) in whole {
            let known = theirs.entry(actor).or_insert(last);
            *known = (*known).max(last);
        }
        for (actor, seq, hash) in brought.entries {
            // What comes before it the peer may lack.
            let known = theirs.get(&actor).or_else(|| kept.get(&actor)).map_or(0, |(known, _)| *known);
            if seq == known || seq == known + 1 {
                theirs.insert(actor, (seq, mark(&hash)));
            }
        }
        let held = if planted::is(Defect::AckBeforeCommit) { theirs.clone() } else { held };
        self.unkept.insert(brought.document);
        self.out.push_back(Wire::Ack { document: brought.document, held });
        Ok(())
    }

    /// Tells the peer which changes did not go in, and why: its own, and what was tried again with them where it may read.
    fn say_refused(&mut self, brought: &BTreeSet<[u8; 32]>) -> Result<()> {
        let refused = self.import.report().quarantined[self.quarantined..].to_vec();
        self.quarantined += refused.len();
        self.counts.quarantined += refused.len() as u64;
        let mut notices = Vec::new();
        for refused in refused {
            if brought.contains(&refused.hash.0) || self.reads_document(&refused.document)? {
                notices.push((refused.hash.0, refused.reason.code().to_owned()));
            }
        }
        if !notices.is_empty() {
            self.out.push_back(Wire::Notice(notices));
        }
        Ok(())
    }

    fn reads_document(&self, document: &DocumentId) -> Result<bool> {
        let row = self.store.read(|reading| Ok(reading.document(document.as_bytes())?))?;
        row.map_or(Ok(false), |row| self.store.reads(self.peer, &row.scope_id))
    }

    /// The peer did not take some changes: what it has not kept either it does not hold, whatever it acknowledges.
    pub(super) fn on_notice(&mut self, notices: &[([u8; 32], String)]) {
        for (hash, _) in notices.iter().filter(|(_, reason)| !Refusal::from_code(reason).is_kept()) {
            self.passed_over = true;
            self.window.iter_mut().for_each(|batch| batch.hashes.retain(|sent| sent != hash));
        }
        self.store.log_notices(self.peer, notices);
    }

    pub(super) fn on_ack(&mut self, document: [u8; 16], held: Holding) -> Result<(), ReplicaFailed> {
        let found = self.window.iter().position(|batch| batch.document == document);
        let Some(batch) = found.and_then(|at| self.window.remove(at)) else {
            return Err(ReplicaFailed::Protocol("ack"));
        };
        self.allow_round();
        self.counts.sent += batch.count;
        self.round.sent += batch.count;
        if let Some(handed) = self.handed.get_mut(&document) {
            handed.taken.extend(batch.hashes);
        }
        self.theirs.insert(document, held);
        self.told.insert(document);
        self.unkept.insert(document);
        if self.unkept.len() >= KEEP_AFTER {
            self.keep_theirs()?;
        } else if self.stage == Stage::Live && self.queue.is_empty() && self.window.is_empty() {
            // What was recorded a moment ago is not only here any more: that is shown now, not in a quarter of an hour.
            let told = self.unkept.intersection(&self.told).copied().collect();
            self.keep_said(told, Said::Everything)?;
            if self.handed.contains_key(&document) {
                self.settle();
            }
        }
        Ok(())
    }

    /// Keeps what the peer is known to hold now: it is no longer only here.
    pub(super) fn keep_theirs(&mut self) -> Result<()> {
        let unkept = std::mem::take(&mut self.unkept);
        // While something is on its way, or where something was passed over or refused, it has not taken in all that is here.
        let all = self.queue.is_empty() && self.window.is_empty() && !self.passed_over;
        // As it acknowledges it tells all that it holds: where that is less than it was known to hold, it was restored.
        let (told, heard): (Vec<_>, Vec<_>) =
            unkept.into_iter().partition(|document| self.told.contains(document));
        let told_so = if all { Said::AcknowledgedAll } else { Said::Everything };
        let heard_so = if all { Said::Acknowledged } else { Said::Something };
        self.keep_said(told, told_so)?;
        self.keep_said(heard, heard_so)
    }

    fn keep_said(&self, documents: Vec<[u8; 16]>, said: Said) -> Result<()> {
        let (late, met): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| self.handed.contains_key(document));
        let held = met.iter().filter_map(|document| Some((*document, self.theirs.get(document)?)));
        self.store.note_held_documents(self.peer, held, said)?;
        // What of these the peer was not sent it may lack, or hold another branch of.
        let held = late
            .iter()
            .filter_map(|document| Some((*document, self.theirs.get(document)?, self.handed.get(document)?)));
        self.store.note_handed(self.peer, &held.collect::<Vec<_>>())
    }
}

/// A batch that was sent and not acknowledged.
pub(super) struct OnItsWay {
    pub document: [u8; 16],
    pub count: u64,
    bytes: usize,
    /// Of late work, what the peer has when it acknowledges it.
    hashes: Vec<[u8; 32]>,
}

/// What a message brings, read before it is taken.
struct Brought {
    document: [u8; 16],
    scope: [u8; 16],
    changes: u64,
    hashes: Vec<[u8; 32]>,
    entries: Vec<([u8; 24], u64, [u8; 32])>,
}

impl Brought {
    fn of(message: &Message) -> Option<Self> {
        match message {
            Message::Changes { document, header, changes } => {
                let read = changes.iter().map(|change| chunk::read_change(&change.chunk, &Limits::DEFAULT));
                let entries: Vec<_> = read
                    .filter_map(Result::ok)
                    .map(|header| (header.actor.0, header.seq, header.hash.0))
                    .collect();
                Some(Self {
                    document: *document.as_bytes(),
                    scope: *header.scope.as_bytes(),
                    changes: changes.len() as u64,
                    hashes: entries.iter().map(|(_, _, hash)| *hash).collect(),
                    entries,
                })
            }
            Message::Snapshot { document, header, chunk, signatures, .. } => Some(Self {
                document: *document.as_bytes(),
                scope: *header.scope.as_bytes(),
                changes: signatures.len() as u64,
                hashes: vec![sha256(&[chunk])],
                entries: Vec::new(),
            }),
            _ => None,
        }
    }
}

/// A message as it is sent, with the number of its changes and their bytes. Of a document that the other side knows the
/// header goes without saying.
fn wire_of(message: Message, known: bool) -> (Wire, u64, usize) {
    let (count, bytes) = match &message {
        Message::Changes { changes, .. } => {
            (changes.len(), changes.iter().map(|change| change.chunk.len()).sum())
        }
        Message::Snapshot { chunk, signatures, .. } => (signatures.len(), chunk.len()),
        _ => (0, 0),
    };
    let wire = match message {
        Message::Snapshot { .. } => Wire::Snapshot(message),
        Message::Changes { document, changes, .. } if known => Wire::More { document, changes },
        message => Wire::Changes(message),
    };
    (wire, count as u64, bytes)
}
