//! Compaction: a snapshot absorbs the bytes of older changes, whose rows and signatures stay.
//!
//! It runs on the store's own thread. The heavy part holds no lock; the old snapshot and the changes' own bytes stand
//! until the new snapshot was loaded back from the very bytes and compared.

use std::collections::BTreeSet;

use super::Store;
use crate::document::{Document, Kind};
use crate::error::Result;
use crate::storage::snapshots::StoredSnapshot;
use crate::storage::{Reading, StorageFailed};

/// A document is compacted when so many changes are pending, or when they weigh half its snapshot.
const COMPACT_AT: u32 = 32;

/// A snapshot that is about to take the place of another.
struct Next {
    made_from: Option<i64>,
    snapshot: StoredSnapshot,
    absorbed: Vec<(i64, [u8; 32])>,
}

impl Store {
    /// Compacts those of these documents, or of all, that are due; the heavy part holds no lock.
    pub(crate) fn compact_due(&self, documents: Option<BTreeSet<i64>>) -> Result<u32> {
        let due = self.read(|reading| match documents {
            None => Ok(reading.documents_to_compact(COMPACT_AT)?),
            Some(documents) => {
                let mut due = Vec::new();
                for document in documents {
                    if reading.is_to_compact(document, COMPACT_AT)? {
                        due.push(document);
                    }
                }
                Ok(due)
            }
        })?;
        self.compact_documents(due)
    }

    /// Compacts every document with at least so many pending changes; answers how many.
    pub fn compact(&self, pending: u32) -> Result<u32> {
        let due = self.read(|reading| Ok(reading.documents_to_compact(pending)?))?;
        self.compact_documents(due)
    }

    fn compact_documents(&self, due: Vec<i64>) -> Result<u32> {
        let mut compacted = 0;
        for id in due {
            let Some(next) = self.read(|reading| self.snapshot_of(reading, id))? else { continue };
            let done = self.inner.database.write(|tx| {
                self.ready()?;
                Ok(tx.replace_snapshot(id, next.made_from, &next.snapshot, &next.absorbed)?)
            });
            compacted += u32::from(done.map_err(|error| self.closing(error))?);
        }
        Ok(compacted)
    }

    /// A document's next snapshot, loaded back from the very bytes and compared, and the changes that it absorbs.
    fn snapshot_of(&self, reading: &Reading<'_>, id: i64) -> Result<Option<Next>> {
        let Some(row) = reading.document_still(id)? else { return Ok(None) };
        if Kind::from_code(&row.kind).is_none() {
            return Ok(None);
        }
        let absorbed = reading.pending(id)?;
        let made_from = reading.snapshot_row(id)?;
        let document = self.load(reading, &row)?;
        let snapshot = StoredSnapshot::of(&document.save())?;
        let back = Document::load(document.kind(), &snapshot.chunk()?, &[]);
        let same = back.is_ok_and(|back| back.heads() == document.heads() && back.save() == document.save());
        if same {
            Ok(Some(Next { made_from, snapshot, absorbed }))
        } else {
            Err(StorageFailed::damaged("snapshot").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::locked;
    use crate::testing::{a_case, store_with_a_case};

    #[test]
    fn a_snapshot_of_a_document_that_has_gone_stands_in_no_others_place() {
        let (store, case) = store_with_a_case("compaction-gone");
        let row = store.read(|reading| Ok(reading.documents()?.remove(0).id)).unwrap();
        let next = store.read(|reading| store.snapshot_of(reading, row)).unwrap().unwrap();
        store.inner.database.write(|tx| tx.remove_case(case.as_bytes())).unwrap();
        locked(&store.inner.cache).clear();
        store.cases().create(&a_case()).unwrap();
        assert_eq!(store.read(|reading| Ok(reading.documents()?.remove(0).id)), Ok(row), "it has its number");
        let replaced = store
            .inner
            .database
            .write(|tx| tx.replace_snapshot(row, next.made_from, &next.snapshot, &next.absorbed))
            .unwrap();
        assert!(!replaced);
    }
}
