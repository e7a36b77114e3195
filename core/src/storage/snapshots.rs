//! Snapshots, which absorb the bytes of older changes; and the evidence of what was refused.
//!
//! Every stored blob begins with a format byte: 1 is a chunk as it is, 2 a deflated one.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

impl Reading<'_> {
    /// The newest snapshot of a document.
    pub fn snapshot(&self, document: i64) -> Result<Option<Vec<u8>>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT bytes FROM snapshot WHERE document = ?1 ORDER BY id DESC LIMIT 1")?;
        let blob: Option<Vec<u8>> = statement.query_row([document], |row| row.get(0)).optional()?;
        blob.map(|blob| open_blob(&blob, "snapshot")).transpose()
    }

    /// The row of the newest snapshot of a document: another one after each compaction.
    pub fn snapshot_row(&self, document: i64) -> Result<Option<i64>> {
        let mut statement =
            self.connection.prepare_cached("SELECT max(id) FROM snapshot WHERE document = ?1")?;
        Ok(statement.query_row([document], |row| row.get(0))?)
    }

    /// Whether a document's pending changes number at least `count`, or weigh more than half its snapshot.
    pub fn is_to_compact(&self, document: i64, count: u32) -> Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) >= ?2 OR coalesce(sum(length(bytes)) * 2
                    > (SELECT max(length(bytes)) FROM snapshot WHERE document = ?1), 0)
             FROM change WHERE document = ?1 AND bytes IS NOT NULL AND state = 0",
        )?;
        Ok(statement.query_row(params![document, count], |row| row.get(0))?)
    }

    /// The documents whose pending changes number at least `count`, or weigh more than half their snapshot.
    pub fn documents_to_compact(&self, count: u32) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.document FROM change c
             LEFT JOIN snapshot s ON s.document = c.document
             WHERE c.bytes IS NOT NULL AND c.state = 0
             GROUP BY c.document
             HAVING count(*) >= ?1 OR sum(length(c.bytes)) * 2 > max(length(s.bytes))",
        )?;
        Ok(statement.query_map([count], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Evidence: what was refused outright and why, oldest first.
    pub fn evidence(&self) -> Result<Vec<EvidenceRow>> {
        let mut statement =
            self.connection.prepare_cached("SELECT document_id, hash, reason FROM evidence ORDER BY id")?;
        let row = |row: &Row<'_>| {
            Ok(EvidenceRow { document_id: row.get(0)?, hash: row.get(1)?, reason: row.get(2)? })
        };
        Ok(statement.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
    }
}

/// Something that was refused outright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// The document that its sender named.
    pub document_id: Option<[u8; 16]>,
    /// SHA-256 of its bytes.
    pub hash: Vec<u8>,
    /// The code of the reason.
    pub reason: String,
}

/// The most pieces of evidence that are kept.
const MAX_EVIDENCE: u64 = 1_000;
/// The reason of what lost a fork.
pub const FORKED: &str = "forked";

impl Writing<'_> {
    /// Keeps a snapshot in place of the one that stands, and drops the bytes of the changes that it absorbed.
    ///
    /// The caller has loaded the very bytes and compared them; here they are read back once more before the old
    /// ones go. False, and nothing is done, if another snapshot stands by now than the one that this was made from: it
    /// may have absorbed changes that this one does not hold. The same if one of the changes that it absorbed is not there any
    /// more: the document may have gone since, and another have its number.
    pub fn replace_snapshot(
        &self,
        document: i64,
        made_from: Option<i64>,
        snapshot: &StoredSnapshot,
        absorbed: &[(i64, [u8; 32])],
    ) -> Result<bool> {
        if self.reading().snapshot_row(document)? != made_from {
            return Ok(false);
        }
        let mut there = self.tx.prepare_cached(
            "SELECT 1 FROM change WHERE id = ?1 AND document = ?2 AND hash = ?3 AND state = 0",
        )?;
        for (id, hash) in absorbed {
            if !there.exists(params![id, document, hash])? {
                return Ok(false);
            }
        }
        self.tx
            .prepare_cached("INSERT INTO snapshot (document, bytes) VALUES (?1, ?2)")?
            .execute(params![document, snapshot.0])?;
        let kept = self.tx.last_insert_rowid();
        let back: Vec<u8> =
            self.tx.query_row("SELECT bytes FROM snapshot WHERE id = ?1", [kept], |row| row.get(0))?;
        if back != snapshot.0 {
            return Err(StorageFailed::damaged("snapshot"));
        }
        self.tx.execute("DELETE FROM snapshot WHERE document = ?1 AND id <> ?2", params![document, kept])?;
        let mut absorb = self.tx.prepare_cached("UPDATE change SET bytes = NULL WHERE id = ?1")?;
        for (id, _) in absorbed {
            absorb.execute([id])?;
        }
        Ok(true)
    }

    /// Keeps what was refused, once, until the cap is reached. What lost a fork is kept beyond it: its author signed it,
    /// and makes it again from these bytes.
    pub fn add_evidence(
        &self,
        document_id: Option<&[u8; 16]>,
        hash: &[u8; 32],
        reason: &str,
        bytes: &[u8],
        received_at: i64,
    ) -> Result<()> {
        if reason != FORKED && self.reading().count("SELECT count(*) FROM evidence")? >= MAX_EVIDENCE {
            return Ok(());
        }
        self.tx
            .prepare_cached(
                // It may have come with a wrong signature before, of which nothing is made again.
                "INSERT INTO evidence (document_id, hash, reason, bytes, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (hash) DO UPDATE SET
                    document_id = excluded.document_id, reason = excluded.reason, bytes = excluded.bytes
                 WHERE excluded.reason = ?6 AND reason <> ?6",
            )?
            .execute(params![
                document_id.map(|id| id.as_slice()),
                hash.as_slice(),
                reason,
                bytes,
                received_at,
                FORKED
            ])?;
        Ok(())
    }
}

/// A stored blob's content.
pub(super) fn open_blob(blob: &[u8], what: &str) -> Result<Vec<u8>> {
    match blob.split_first() {
        Some((1, chunk)) => Ok(chunk.to_vec()),
        Some((2, deflated)) => {
            let mut chunk = Vec::new();
            let read = DeflateDecoder::new(deflated).read_to_end(&mut chunk);
            read.map_err(|_| StorageFailed::damaged(what))?;
            Ok(chunk)
        }
        _ => Err(StorageFailed::damaged(what)),
    }
}

/// A snapshot as it will stand in the file.
#[derive(Debug, Clone)]
pub struct StoredSnapshot(Vec<u8>);

impl StoredSnapshot {
    /// Deflates a document chunk.
    pub fn of(chunk: &[u8]) -> Result<Self> {
        deflated(chunk).map(Self)
    }

    /// The bytes that will be stored: a format byte and the deflated chunk.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The chunk, read back from the bytes that will be stored.
    pub fn chunk(&self) -> Result<Vec<u8>> {
        open_blob(&self.0, "snapshot")
    }
}

fn deflated(chunk: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(vec![2], Compression::default());
    encoder.write_all(chunk)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_say_their_format() {
        let chunk = vec![7; 1_000];
        assert_eq!(open_blob(&deflated(&chunk).unwrap(), "x").unwrap(), chunk);
        assert_eq!(open_blob(&[&[1], chunk.as_slice()].concat(), "x").unwrap(), chunk);
        for bad in [vec![], vec![3, 1], vec![2, 0xff, 0xff]] {
            assert_eq!(open_blob(&bad, "x"), Err(StorageFailed::damaged("x")));
        }
    }
}
