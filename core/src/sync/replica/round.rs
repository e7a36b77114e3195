//! A round: root, buckets of scopes, documents, vectors; each only where the one before differs.
//!
//! The initiator asks with its root. Each side asks for what it lacks, says `Asked` when it has nothing more to ask, and
//! `Sent` when the other has asked for everything and has acknowledged all of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Replica, ReplicaFailed, Side, Stage};
use crate::error::Result;
use crate::exchange::outgoing::Outgoing;
use crate::exchange::vector::{self, Holding};
use crate::sync::digest::{self, Digest, Held};
use crate::sync::wire::{Entry, Listing, PAGE_ACTORS, PAGE_DIGESTS, PAGE_VECTORS, Wire};

/// How often a round is repeated while it still moves something.
const MOST_ROUNDS: u32 = 8;

/// For each round everything that is held is looked over. An initiator begins one every quarter of an hour, when
/// something has come or gone, and when records came of what both are in; so many are answered without any of that,
pub(super) const MOST_ROUNDS_ASKED: u32 = 64;

/// and so many more after each sign of life, which is said every half a minute.
pub(super) const ROUNDS_IN_PASSING: u32 = 8;

/// Where a round is.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// What both may read and this side holds, when the round began.
    pub held: Held,
    /// The peer has nothing more to ask for.
    pub they_asked: bool,
    /// This side has nothing more to ask for.
    pub we_asked: bool,
    pub they_sent: bool,
    pub we_sent: bool,
    /// How many buckets the responder's scopes fall into; 0 before it has said so.
    pub buckets: usize,
    /// Scopes whose documents the peer has listed,
    pub listed: BTreeMap<[u8; 16], Vec<Entry>>,
    /// and how many documents these are.
    pub listed_documents: usize,
    /// Documents of which the peer has said what it holds.
    pub vectors: BTreeSet<[u8; 16]>,
    /// How many changes are known to come.
    pub coming: u64,
    /// How many have come.
    pub received: u64,
    /// How many were sent.
    pub sent: u64,
    /// How many documents go to the peer.
    pub documents: u64,
    /// Records came during this round that change who may read what.
    pub again: bool,
    /// How many rounds moved something, one after another.
    pub repeated: u32,
}

impl Replica {
    /// Begins a round, unless one is under way. It is the other side's to begin one where this is the responder.
    pub fn begin_round(&mut self) -> Result<()> {
        self.rounds_left = MOST_ROUNDS_ASKED;
        if self.side != Side::Initiator || !matches!(self.stage, Stage::Authority | Stage::Live) {
            return Ok(());
        }
        self.start_round()?;
        let root = self.round.held.root();
        self.out.push_back(Wire::Scopes(root));
        if root.is_none() {
            // Whoever holds nothing asks for everything.
            self.say_asked();
        }
        Ok(())
    }

    fn start_round(&mut self) -> Result<()> {
        self.stage = Stage::Round;
        self.round = Round {
            held: self.store.held_with(self.peer)?,
            repeated: self.round.repeated,
            ..Round::default()
        };
        self.queue_late()
    }

    pub(super) fn on_scopes(&mut self, root: Option<Digest>) -> Result<(), ReplicaFailed> {
        if self.side == Side::Initiator {
            return Err(ReplicaFailed::Protocol("scopes"));
        }
        self.expect(&[Stage::Authority, Stage::Live], "scopes")?;
        self.rounds_left = self.rounds_left.checked_sub(1).ok_or(ReplicaFailed::Protocol("rounds"))?;
        self.start_round()?;
        if root == self.round.held.root() {
            self.out.push_back(Wire::Equal);
            return Ok(self.equal()?);
        }
        let Some(_) = root else {
            let all: Vec<[u8; 16]> = self.round.held.0.keys().copied().collect();
            self.queue_scopes(&all)?;
            self.say_asked();
            return Ok(());
        };
        if self.round.held.0.is_empty() {
            self.out.push_back(Wire::Buckets(Vec::new()));
            self.say_asked();
        } else {
            let count = self.round.held.bucket_count();
            self.round.buckets = count;
            self.out.push_back(Wire::Buckets(self.round.held.buckets(count)));
        }
        Ok(())
    }

    pub(super) fn on_equal(&mut self) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round], "equal")?;
        // The responder compares, and only before it has said how the two differ.
        if self.side == Side::Responder || self.round.buckets > 0 {
            return Err(ReplicaFailed::Protocol("equal"));
        }
        Ok(self.equal()?)
    }

    /// Both hold the same: the peer has whatever this side has, and nothing is only here.
    fn equal(&mut self) -> Result<()> {
        self.equal = true;
        self.round.repeated = 0;
        self.same.clear();
        self.stage = Stage::Live;
        let held = std::mem::take(&mut self.round.held);
        self.store.note_equal(self.peer, &held)?;
        // What was said of documents that both may read is in this; acknowledged late work is not.
        self.unkept.retain(|document| !held.0.values().any(|scope| scope.contains_key(document)));
        self.keep_theirs()?;
        self.settle();
        if self.round.again && self.side == Side::Initiator {
            return self.begin_round();
        }
        self.catch_up()
    }

    /// The responder's buckets: the initiator lists what it holds of those that differ, or queues all if the responder
    /// holds nothing.
    pub(super) fn on_buckets(&mut self, theirs: &[Digest]) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round], "buckets")?;
        if self.side == Side::Responder || self.round.we_asked || self.round.buckets > 0 {
            return Err(ReplicaFailed::Protocol("buckets"));
        }
        self.round.buckets = theirs.len().max(1);
        let scopes: Vec<[u8; 16]> = self.round.held.0.keys().copied().collect();
        if theirs.is_empty() {
            return Ok(self.queue_scopes(&scopes)?);
        }
        let ours = self.round.held.buckets(theirs.len());
        let differ: Vec<bool> = ours.iter().zip(theirs).map(|(ours, theirs)| ours != theirs).collect();
        let (listed, same) =
            scopes.into_iter().partition(|scope| differ[digest::bucket_of(scope, differ.len())]);
        self.same = same;
        self.say_documents(listed);
        let numbers = (0..).zip(&differ).filter(|(_, differs)| **differs).map(|(number, _)| number);
        self.out.push_back(Wire::Listed(numbers.collect()));
        Ok(())
    }

    /// Says what is held of scopes, in pages.
    fn say_documents(&mut self, scopes: Vec<[u8; 16]>) {
        let (mut page, mut left) = (Vec::new(), PAGE_DIGESTS);
        for scope in scopes {
            let documents = self.round.held.0.get(&scope).into_iter().flatten();
            let documents: Vec<Entry> = documents.map(|(id, held)| (*id, held.digest)).collect();
            for part in documents.chunks(PAGE_DIGESTS) {
                if part.len() > left || page.len() == PAGE_DIGESTS {
                    self.out.push_back(Wire::Documents(std::mem::take(&mut page)));
                    left = PAGE_DIGESTS;
                }
                left -= part.len();
                page.push((scope, part.to_vec()));
            }
        }
        if !page.is_empty() {
            self.out.push_back(Wire::Documents(page));
        }
    }

    pub(super) fn on_documents(&mut self, listings: Vec<Listing>) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round], "documents")?;
        if self.side == Side::Initiator || self.round.we_asked {
            return Err(ReplicaFailed::Protocol("documents"));
        }
        for (scope, documents) in listings {
            self.round.listed_documents += documents.len();
            self.round.listed.entry(scope).or_default().extend(documents);
        }
        if self.round.listed.len() > 100_000 || self.round.listed_documents > 1_000_000 {
            return Err(ReplicaFailed::Protocol("documents over the limit"));
        }
        Ok(())
    }

    /// Everything that the initiator holds of the buckets that differ is known: ask, and queue what it lacks.
    pub(super) fn on_listed(&mut self, buckets: &[u16]) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round], "listed")?;
        if self.side == Side::Initiator || self.round.we_asked {
            return Err(ReplicaFailed::Protocol("listed"));
        }
        let count = self.round.buckets.max(1);
        if buckets.last().is_some_and(|last| usize::from(*last) >= count) {
            return Err(ReplicaFailed::Protocol("listed"));
        }
        let differs = |scope: &[u8; 16]| {
            let bucket = digest::bucket_of(scope, count);
            buckets.binary_search_by(|number| usize::from(*number).cmp(&bucket)).is_ok()
        };
        let listed = std::mem::take(&mut self.round.listed);
        self.same = self.round.held.0.keys().filter(|scope| !differs(scope)).copied().collect();
        let lacking = self.round.held.0.keys().filter(|scope| !listed.contains_key(*scope) && differs(scope));
        let lacking: Vec<[u8; 16]> = lacking.copied().collect();
        self.queue_scopes(&lacking)?;
        let (mut ask, mut whole): (Vec<([u8; 16], i64)>, Vec<i64>) = (Vec::new(), Vec::new());
        for (scope, documents) in listed {
            // A scope that was named with a guess is answered like one that is not here.
            let both = self.store.both_read(self.peer, &scope)?;
            let ours = self.round.held.0.get(&scope).filter(|_| both).cloned().unwrap_or_default();
            let theirs: BTreeMap<[u8; 16], Digest> = documents.into_iter().collect();
            if both
                && ours.len() == theirs.len()
                && ours.iter().all(|(id, held)| theirs.get(id) == Some(&held.digest))
            {
                self.same.push(scope);
            }
            for (id, held) in &ours {
                match theirs.get(id) {
                    None => whole.push(held.row),
                    Some(digest) if *digest != held.digest => ask.push((*id, held.row)),
                    Some(_) => {}
                }
            }
            ask.extend(theirs.keys().filter(|id| !ours.contains_key(*id)).map(|id| (*id, 0)));
        }
        self.queue_whole(&whole)?;
        self.say_vectors(&ask)?;
        self.say_asked();
        Ok(())
    }

    /// Says what is held of documents; row 0 is one of which nothing is.
    fn say_vectors(&mut self, documents: &[([u8; 16], i64)]) -> Result<()> {
        let (mut page, mut actors) = (Vec::new(), 0);
        for (id, row) in documents {
            let held = self.store.read(|reading| vector::of_document(reading, *row))?;
            if page.len() == PAGE_VECTORS || !page.is_empty() && actors + held.len() > PAGE_ACTORS {
                self.out.push_back(Wire::Vectors(std::mem::take(&mut page)));
                actors = 0;
            }
            actors += held.len();
            page.push((*id, held));
        }
        if !page.is_empty() {
            self.out.push_back(Wire::Vectors(page));
        }
        Ok(())
    }

    /// What the peer holds of documents: it gets the rest, and is asked for what it has more of.
    pub(super) fn on_vectors(&mut self, vectors: Vec<([u8; 16], Holding)>) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round], "vectors")?;
        if self.round.they_asked {
            return Err(ReplicaFailed::Protocol("vectors"));
        }
        let (mut ask, mut known) = (Vec::new(), Vec::new());
        for (document, theirs) in vectors {
            if !self.round.vectors.insert(document) {
                return Err(ReplicaFailed::Protocol("a document twice"));
            }
            let found = self.store.read(|reading| {
                let Some(row) = reading.document(&document)? else { return Ok(None) };
                let ours = reading.vector(row.id)?;
                let parted = vector::parted(reading, &row, &ours, &theirs)?;
                Ok(Some((vector::holding(&ours), !parted.is_empty(), row)))
            })?;
            let Some((ours, parted, row)) = found else {
                self.expect_changes(digest::lacking(&Holding::new(), &theirs));
                continue;
            };
            if !self.store.both_read(self.peer, &row.scope_id)? {
                continue; // asked for with a guess: it gets no answer
            }
            let lacking = digest::lacking(&ours, &theirs);
            self.expect_changes(lacking);
            if (lacking > 0 || parted) && self.side == Side::Initiator {
                ask.push((document, row.id));
            }
            self.queue_document(row.id, &theirs)?;
            known.push((row.id, theirs));
        }
        self.store.note_vectors(self.peer, &known)?;
        self.say_vectors(&ask)?;
        Ok(())
    }

    /// Something has come or gone: a round may follow.
    pub(super) fn allow_round(&mut self) {
        self.allow_rounds(1);
    }

    /// Time has gone by.
    pub fn allow_rounds_in_passing(&mut self) {
        self.allow_rounds(ROUNDS_IN_PASSING);
    }

    fn allow_rounds(&mut self, more: u32) {
        self.rounds_left = MOST_ROUNDS_ASKED.min(self.rounds_left + more);
    }

    /// More changes are said to come.
    fn expect_changes(&mut self, count: u64) {
        self.round.coming = self.round.coming.saturating_add(count).min(u64::from(u32::MAX));
    }

    pub(super) fn on_asked(&mut self) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round, Stage::Live], "asked")?;
        if self.stage == Stage::Live {
            return Ok(()); // neither side held anything, and both were found equal
        }
        self.round.they_asked = true;
        if !self.round.we_asked {
            self.say_asked();
        }
        self.say_coming();
        Ok(())
    }

    fn say_asked(&mut self) {
        self.round.we_asked = true;
        self.say_coming();
        self.out.push_back(Wire::Asked);
    }

    /// How much the peer may expect, as far as is known now.
    fn say_coming(&mut self) {
        let waiting = self.queue.iter().map(|outgoing| outgoing.left() as u64).sum::<u64>();
        let changes = self.round.sent + waiting;
        if changes > 0 {
            self.out.push_back(Wire::Coming { documents: self.round.documents, changes });
        }
    }

    pub(super) fn on_sent(&mut self) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Round, Stage::Live], "sent")?;
        self.round.they_sent = true;
        self.end_round()?;
        Ok(())
    }

    /// Ends the round when both sides have sent everything; what moved is looked over once more.
    pub(super) fn end_round(&mut self) -> Result<()> {
        if self.stage != Stage::Round || !(self.round.we_sent && self.round.they_sent) {
            return Ok(());
        }
        let moved = self.round.sent + self.round.received > 0 || self.round.again;
        self.stage = Stage::Live;
        self.equal = false;
        self.round.repeated = if moved { self.round.repeated + 1 } else { MOST_ROUNDS };
        self.keep_theirs()?;
        if self.side == Side::Initiator && self.round.repeated < MOST_ROUNDS {
            return self.begin_round();
        }
        self.catch_up()
    }

    fn queue_scopes(&mut self, scopes: &[[u8; 16]]) -> Result<()> {
        let held = scopes.iter().filter_map(|scope| self.round.held.0.get(scope)).flatten();
        let rows: Vec<i64> = held.map(|(_, held)| held.row).collect();
        self.queue_whole(&rows)
    }

    /// Queues documents of which the peer holds nothing, whatever it was taken to hold.
    fn queue_whole(&mut self, rows: &[i64]) -> Result<()> {
        let mut lost = Vec::new();
        for row in rows {
            if !self.store.held_by(self.peer, *row)?.is_empty() {
                lost.push((*row, Holding::new()));
            }
        }
        self.store.note_vectors(self.peer, &lost)?;
        rows.iter().try_for_each(|row| self.queue_document(*row, &Holding::new()))
    }

    /// Queues what the owner of a holding lacks of a document.
    pub(super) fn queue_document(&mut self, row: i64, theirs: &Holding) -> Result<()> {
        let outgoing = self.store.read(|reading| {
            reading.document_still(row)?.map(|row| Outgoing::of(reading, row, theirs)).transpose()
        })?;
        // What was queued of it before is among this.
        self.queue.retain(|waiting| waiting.row.id != row);
        if let Some(outgoing) = outgoing.filter(|outgoing| outgoing.left() > 0) {
            self.round.documents += 1;
            self.queue.push_back(outgoing);
        }
        Ok(())
    }
}
