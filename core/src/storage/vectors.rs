//! Up to where documents are held: here, by vector, and by peers.

use std::collections::BTreeMap;

use rusqlite::{Params, Row, params};

use super::database::Reading;
use super::failure::StorageFailed;
use crate::planted::{self, Defect};

type Result<T> = std::result::Result<T, StorageFailed>;

/// An actor, its highest number up to which every change is held, and that change's hash.
pub type VectorEntry = ([u8; 24], u64, [u8; 32]);

impl Reading<'_> {
    /// Each actor's highest number up to which every change is held, with that change's hash.
    ///
    /// A change whose author is unknown is not counted: anybody could have made it up, and it would keep the true
    /// one away.
    pub fn vector(&self, document: i64) -> Result<Vec<VectorEntry>> {
        let mut vectors = self.vectors_of("WHERE c.document = ?1 AND c.state <> 2", [document])?;
        Ok(vectors.remove(&document).unwrap_or_default())
    }

    /// The vectors of all documents, by row.
    pub fn vectors(&self) -> Result<BTreeMap<i64, Vec<VectorEntry>>> {
        let accepted_only = planted::is(Defect::DigestOverAcceptedOnly);
        self.vectors_of(if accepted_only { "WHERE c.state = 0" } else { "WHERE c.state <> 2" }, [])
    }

    fn vectors_of(&self, which: &str, of: impl Params) -> Result<BTreeMap<i64, Vec<VectorEntry>>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT c.document, a.actor, c.seq, c.hash, count(*) OVER (PARTITION BY c.actor ORDER BY c.seq) AS held
             FROM change c JOIN actor a ON a.id = c.actor {which} ORDER BY c.document, a.actor, c.seq",
        ))?;
        let mut vectors: BTreeMap<i64, Vec<VectorEntry>> = BTreeMap::new();
        let mut rows = statement.query(of)?;
        while let Some(row) = rows.next()? {
            let (document, actor, seq) = (row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?);
            let (hash, held) = (row.get(3)?, row.get::<_, i64>(4)?);
            if seq != held {
                continue; // above a gap
            }
            let (vector, seq) = (vectors.entry(document).or_default(), seq.unsigned_abs());
            match vector.last_mut() {
                Some(last) if last.0 == actor => *last = (actor, seq, hash),
                _ => vector.push((actor, seq, hash)),
            }
        }
        Ok(vectors)
    }

    /// What a peer is known to hold of a document: its actors and their highest numbers.
    pub fn held_by_peer(&self, peer: &[u8; 16], document: i64) -> Result<Vec<([u8; 24], u64)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT actor, seq FROM held_elsewhere WHERE peer = ?1 AND document = ?2")?;
        let entry = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        Ok(statement
            .query_map(params![peer.as_slice(), document], entry)?
            .collect::<rusqlite::Result<_>>()?)
    }
}
