//! Work in documents that the two do not look at in rounds, because one of them is shut out: of a device that was ended,
//! what it wrote itself; of a case that was taken back, which goes once all of it is known elsewhere, all that is here.
//!
//! The peer is told what there is, or is taken to be there, and answers where it has less: it may have been set back to an
//! older copy since. Of what was not named it says no word.

use std::collections::BTreeMap;

use super::live::later;
use super::{Access, Replica, ReplicaFailed, Stage};
use crate::error::Result;
use crate::exchange::outgoing::Outgoing;
use crate::exchange::vector::{self, Holding};
use crate::ids::mark;
use crate::storage::documents::DocumentRow;
use crate::sync::wire::{LateWork, PAGE_VECTORS, Wire};

/// A document of which the peer is asked what it holds, and what was named of it.
pub(super) struct Asked {
    row: i64,
    named: Holding,
}

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
            if self.may_have(&row.scope_id)? {
                rows.push(row);
            }
        }
        self.queue_late_of(rows)
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
            self.store.may_hand_over(self.peer, scope)
        } else {
            self.store.reads(self.peer, scope)
        }
    }

    /// Queues what is here of where this device was let in once: nobody may have it yet.
    pub(super) fn queue_late(&mut self) -> Result<()> {
        let rows = self.store.late_documents(self.peer)?;
        self.queue_late_of(rows)
    }

    /// Queues changes of documents, once it is known what of them the peer holds. Of what was taken back it is asked about
    /// all that is here: none of it goes before it is known to be elsewhere, and whoever it came from, or passed it on, may
    /// have been shut out or ended since. Whoever is shut out of the domain has nothing to say of others.
    fn queue_late_of(&mut self, rows: Vec<DocumentRow>) -> Result<()> {
        let (own, mut ask) = (self.store.own().device, Vec::new());
        for row in rows {
            self.handed.entry(row.document_id).or_default();
            let asked = self.late_asked.iter().flatten().any(|asked| asked.row == row.id);
            let waits = self.queue.iter().any(|outgoing| outgoing.row.id == row.id);
            let on_its_way = self.window.iter().any(|batch| batch.document == row.document_id);
            self.late_skipped |= on_its_way;
            if asked || waits || on_its_way {
                continue;
            }
            let kept = self.store.held_by(self.peer, row.id)?;
            let held = later(kept, self.theirs.get(&row.document_id).cloned().unwrap_or_default());
            let mut ours = self.store.read(|reading| vector::of_document(reading, row.id))?;
            if self.stage == Stage::Upload {
                // Of what the peer is not taken to hold it gets all.
                ours.retain(|actor, _| actor.starts_with(own.as_bytes()) && held.contains_key(actor));
                for (actor, entry) in &mut ours {
                    let known = held.get(actor).map(|(seq, _)| *seq).filter(|seq| *seq < entry.0);
                    if let Some(seq) = known {
                        let here = self.store.read(|reading| Ok(reading.hashes_at(row.id, actor, seq)?))?;
                        *entry = (seq, here.first().map_or([0; 8], mark));
                    }
                }
            }
            if self.late_known.insert(row.id) && !ours.is_empty() {
                ask.push((row, ours));
                continue;
            }
            let of = (self.stage == Stage::Upload).then_some(own.as_bytes());
            let handed = &self.handed[&row.document_id].taken;
            let outgoing = self.store.read(|reading| Outgoing::late(reading, row, &held, handed, of))?;
            if outgoing.left() > 0 {
                self.round.documents += 1;
                self.queue.push_back(outgoing);
            }
        }
        for page in ask.chunks(PAGE_VECTORS) {
            let work = page.iter().map(|(row, ours)| (row.scope_id, row.document_id, ours.clone()));
            self.out.push_back(Wire::Late(work.collect()));
            let asked = page.iter().map(|(row, ours)| Asked { row: row.id, named: ours.clone() });
            self.late_asked.push_back(asked.collect());
        }
        Ok(())
    }

    /// What the peer names of documents is taken to be here: it hears of which that is not so.
    pub(super) fn on_late(&mut self, work: Vec<LateWork>) -> Result<(), ReplicaFailed> {
        if !self.settled {
            return Err(ReplicaFailed::Protocol("case data before authority"));
        }
        let mut lacks = Vec::new();
        for (scope, document, named) in work {
            // Where it was never let in, as far as is known here, it is answered as if nothing were here. Where the case was
            // taken back from here too, with what is here still: whoever believes more might let go of the last copy.
            let ours = match self.store.let_in(self.peer, &scope)? {
                true => self.held_of_named(&scope, &document, &named)?,
                false => Holding::new(),
            };
            if ours != named {
                lacks.push((document, ours));
            }
        }
        self.out.push_back(Wire::Lacks(lacks));
        Ok(())
    }

    /// What is held of what a peer names of a document, and no more of anybody's than it names.
    fn held_of_named(&self, scope: &[u8; 16], document: &[u8; 16], named: &Holding) -> Result<Holding> {
        self.store.read(|reading| {
            let Some(row) = reading.document(document)?.filter(|row| row.scope_id == *scope) else {
                return Ok(Holding::new());
            };
            let mut held = Holding::new();
            for entry in reading.vector(row.id)? {
                let Some(theirs) = named.get(&entry.actor) else { continue };
                let ours = (entry.seq, entry.mark());
                // Of a branch that begins here all is here up to it.
                let up_to = if entry.loose { entry.seq } else { entry.top };
                let there = ours == *theirs
                    || theirs.0 <= up_to
                        && vector::is_held(reading, row.id, (&entry.actor, theirs.0), &theirs.1)?;
                let ours = match there {
                    true => *theirs,
                    // Of another branch not even its beginning is known to be the same.
                    false if theirs.0 <= ours.0 => (0, [0; 8]),
                    false => ours,
                };
                held.insert(entry.actor, ours);
            }
            Ok(held)
        })
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
        for Asked { row, named } in asked {
            let row = self.store.read(|reading| Ok(reading.document_still(row)?))?;
            let Some(row) = row else { continue };
            if !self.may_have(&row.scope_id)? {
                continue;
            }
            let held = vectors.get(&row.document_id).unwrap_or(&named);
            self.store.note_named(self.peer, row.id, &named, held)?;
            self.handed.entry(row.document_id).or_default().asked.extend(named.keys());
            if let Some(theirs) = self.theirs.get_mut(&row.document_id) {
                theirs.retain(|actor, _| !named.contains_key(actor));
                theirs.extend(held.iter().map(|(actor, entry)| (*actor, *entry)));
            }
            rows.push(row);
        }
        self.queue_late_of(rows)?;
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
