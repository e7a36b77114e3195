//! Work of this device's own in documents that the two do not look at in rounds, because one of them is shut out: of a
//! device that was ended, and of a case that was taken back.
//!
//! The peer is told what of it it is taken to hold, and answers where that is wrong: it may have been set back to an older
//! copy since. Of anybody else's work neither says a word.

use std::collections::BTreeMap;

use super::live::later;
use super::{Access, Replica, ReplicaFailed, Stage};
use crate::error::Result;
use crate::exchange::outgoing::Outgoing;
use crate::exchange::vector::{self, Holding};
use crate::ids::DeviceId;
use crate::storage::documents::DocumentRow;
use crate::sync::wire::{LateWork, PAGE_VECTORS, Wire};

impl Replica {
    /// This device may hand over its own work and gets nothing.
    pub(super) fn upload(&mut self) -> Result<()> {
        self.stage = Stage::Upload;
        if self.access == Access::UploadOnly {
            return Ok(()); // neither gives the other anything
        }
        let mut rows = Vec::new();
        for row in self.store.read(|reading| Ok(reading.documents()?))? {
            // Whoever was never let in gets no word of it, though it would not keep it.
            if self.store.let_in(self.peer, &row.scope_id)? {
                rows.push(row);
            }
        }
        self.queue_own(rows)
    }

    /// Once nothing is on its way any more, what was passed over because of that is queued; true if anything was.
    pub(super) fn queue_skipped(&mut self) -> Result<bool> {
        if !self.window.is_empty() || !std::mem::take(&mut self.late_skipped) {
            return Ok(false);
        }
        match self.stage {
            Stage::Upload => self.upload()?,
            Stage::Round | Stage::Live => self.queue_late()?,
            Stage::Authority | Stage::Over => {}
        }
        Ok(!self.queue.is_empty())
    }

    /// Whether the peer may have something of a scope still, and not only when it was queued.
    pub(super) fn may_have(&self, scope: &[u8; 16]) -> Result<bool> {
        if self.stage == Stage::Upload {
            self.store.let_in(self.peer, scope)
        } else {
            self.store.reads(self.peer, scope)
        }
    }

    /// Queues what this device wrote where it was let in once: nobody may have it yet.
    pub(super) fn queue_late(&mut self) -> Result<()> {
        let rows = self.store.late_documents(self.peer)?;
        self.queue_own(rows)
    }

    /// Queues this device's own changes of documents, once it is known what of them the peer holds.
    fn queue_own(&mut self, rows: Vec<DocumentRow>) -> Result<()> {
        let (device, mut ask) = (self.store.own().device, Vec::new());
        for row in rows {
            let asked = self.late_asked.iter().flatten().any(|asked| *asked == row.id);
            let waits = self.queue.iter().any(|outgoing| outgoing.row.id == row.id);
            let on_its_way = self.window.iter().any(|(document, _, _)| *document == row.document_id);
            self.late_skipped |= on_its_way;
            if asked || waits || on_its_way {
                continue;
            }
            let kept = self.store.held_by(self.peer, row.id)?;
            let mut held = later(kept, self.theirs.get(&row.document_id).cloned().unwrap_or_default());
            if self.late_known.insert(row.id) && held.keys().any(|actor| actor.starts_with(device.as_bytes()))
            {
                held.retain(|actor, _| actor.starts_with(device.as_bytes()));
                ask.push((row, held));
                continue;
            }
            let outgoing =
                self.store.read(|reading| Outgoing::own(reading, row, &held, device.as_bytes()))?;
            if outgoing.left() > 0 {
                self.round.documents += 1;
                self.queue.push_back(outgoing);
            }
        }
        for page in ask.chunks(PAGE_VECTORS) {
            let work = self.store.read(|reading| {
                let with_marks = page.iter().map(|(row, held)| {
                    let ours = vector::of_document(reading, row.id)?;
                    // The mark of an earlier number than the last is not at hand: zeros say nothing of it.
                    let marked = held.iter().map(|(actor, (seq, _))| {
                        let mark = ours.get(actor).filter(|(last, _)| last == seq).map(|(_, mark)| *mark);
                        (*actor, (*seq, mark.unwrap_or_default()))
                    });
                    Ok((row.scope_id, row.document_id, marked.collect()))
                });
                with_marks.collect::<Result<Vec<_>>>()
            })?;
            self.late_asked.push_back(page.iter().map(|(row, _)| row.id).collect());
            self.out.push_back(Wire::Late(work));
        }
        Ok(())
    }

    /// What of the peer's own work is taken to be here: it hears of which documents that is not so.
    pub(super) fn on_late(&mut self, work: Vec<LateWork>) -> Result<(), ReplicaFailed> {
        if !self.settled {
            return Err(ReplicaFailed::Protocol("case data before authority"));
        }
        let mut lacks = Vec::new();
        for (scope, document, theirs) in work {
            let let_in = self.store.let_in(self.peer, &scope)?;
            if let_in && !self.store.may_take(&scope)? {
                continue; // it was taken back from here too
            }
            // Where it was never let in, as far as is known here, it is answered as if nothing were here.
            let ours = match let_in {
                true => self.held_of_author(&scope, &document, self.peer)?,
                false => Holding::new(),
            };
            let is_here = |actor: &[u8; 24], (seq, mark): (u64, [u8; 8])| {
                ours.get(actor).is_some_and(|(last, ours)| {
                    *last > seq || *last == seq && (mark == [0; 8] || mark == *ours)
                })
            };
            if !theirs.iter().all(|(actor, entry)| is_here(actor, *entry)) {
                lacks.push((document, ours));
            }
        }
        self.out.push_back(Wire::Lacks(lacks));
        Ok(())
    }

    /// What is held of a device's own work in a document of a scope.
    fn held_of_author(&self, scope: &[u8; 16], document: &[u8; 16], author: DeviceId) -> Result<Holding> {
        let mut held = self.store.read(|reading| match reading.document(document)? {
            Some(row) if row.scope_id == *scope => Ok(vector::of_document(reading, row.id)?),
            _ => Ok(Holding::new()),
        })?;
        held.retain(|actor, _| actor.starts_with(author.as_bytes()));
        Ok(held)
    }

    /// The peer answers a page: what it lacks is queued, with what it was not taken to hold.
    pub(super) fn on_lacks(&mut self, vectors: Vec<([u8; 16], Holding)>) -> Result<(), ReplicaFailed> {
        if self.access == Access::UploadOnly {
            return Ok(()); // it gets nothing any more
        }
        let Some(asked) = self.late_asked.pop_front() else {
            return Err(ReplicaFailed::Protocol("lacks"));
        };
        let vectors: BTreeMap<[u8; 16], Holding> = vectors.into_iter().collect();
        let mut rows = Vec::new();
        for id in asked {
            let row = self.store.read(|reading| Ok(reading.document_still(id)?))?;
            let Some(row) = row else { continue };
            if !self.may_have(&row.scope_id)? {
                continue;
            }
            if let Some(held) = vectors.get(&row.document_id) {
                self.store.note_own_held(self.peer, row.id, held)?;
                if let Some(theirs) = self.theirs.get_mut(&row.document_id) {
                    theirs.retain(|actor, _| !actor.starts_with(self.store.own().device.as_bytes()));
                    theirs.extend(held.iter().map(|(actor, entry)| (*actor, *entry)));
                }
            }
            rows.push(row);
        }
        self.queue_own(rows)?;
        if self.stage == Stage::Live {
            self.settle();
        }
        Ok(())
    }

    /// Settles what was taken back, once it is known what the peer holds of it.
    pub(super) fn settle(&self) {
        if self.late_asked.is_empty() {
            self.store.settle_taken_back();
        }
    }
}
