//! What is committed while a session is open.

use super::{Access, Replica, Stage};
use crate::error::Result;
use crate::exchange::vector::Holding;

impl Replica {
    /// Something was committed here: by the worker, or by a session with somebody else.
    pub fn catch_up(&mut self) -> Result<()> {
        self.notice_records()?;
        if self.stage != Stage::Live || self.access == Access::UploadOnly {
            return Ok(()); // a round that is under way ends with this
        }
        let (newest, documents) = self.store.read(|reading| {
            let changed = reading.documents_changed_after(self.seen)?;
            let rows = changed.into_iter().map(|row| Ok(reading.document_of_row(row)?));
            Ok((reading.newest_change()?, rows.collect::<Result<Vec<_>>>()?))
        })?;
        self.seen = newest;
        for row in documents {
            if !self.store.both_read(self.peer, &row.scope_id)? {
                continue;
            }
            let kept = self.store.held_by(self.peer, row.id)?;
            let theirs = self.theirs.get(&row.document_id).cloned().unwrap_or_default();
            self.queue_document(row.id, &later(kept, theirs))?;
        }
        self.queue_late()
    }
}

/// The later of what was kept and what this session has seen.
pub(super) fn later(mut kept: Holding, seen: Holding) -> Holding {
    for (actor, entry) in seen {
        let known = kept.entry(actor).or_insert(entry);
        if entry.0 > known.0 {
            *known = entry;
        }
    }
    kept
}
