//! Up to where documents are held: here, by vector, and by peers.

use std::collections::BTreeMap;

use rusqlite::{Params, Row, params};

use super::database::Reading;
use super::failure::StorageFailed;
use crate::ids::sha256;
use crate::planted::{self, Defect};

type Result<T> = std::result::Result<T, StorageFailed>;

/// Up to where an actor's changes are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorEntry {
    /// The actor.
    pub actor: [u8; 24],
    /// Its highest number up to which every change is held, and held once.
    pub seq: u64,
    /// That change's hash; zeros where the number is 0.
    pub hash: [u8; 32],
    /// Of a fork every change above that number, up to where one is missing, in ascending order: each of its branches may
    /// still grow. Empty where there is none.
    pub branches: Vec<[u8; 32]>,
}

impl VectorEntry {
    /// What stands for the entry where eight bytes must do: the hash's first, or a digest of it and the branches.
    pub fn mark(&self) -> [u8; 8] {
        let mut mark = [0; 8];
        if self.branches.is_empty() {
            mark.copy_from_slice(&self.hash[..8]);
        } else {
            let branches = self.branches.iter().map(|branch| &branch[..8]);
            let all: Vec<u8> = std::iter::once(&self.hash[..8]).chain(branches).flatten().copied().collect();
            mark.copy_from_slice(&sha256(&[&all])[..8]);
        }
        mark
    }
}

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

    /// The vectors of a case's documents, by row.
    pub fn vectors_of_case(&self, case: &[u8; 16]) -> Result<BTreeMap<i64, Vec<VectorEntry>>> {
        let documents = "SELECT d.id FROM document d JOIN scope s ON s.id = d.scope WHERE s.case_id = ?1";
        self.vectors_of(&format!("WHERE c.document IN ({documents}) AND c.state <> 2"), [case.as_slice()])
    }

    fn vectors_of(&self, which: &str, of: impl Params) -> Result<BTreeMap<i64, Vec<VectorEntry>>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT c.document, a.actor, c.seq, c.hash FROM change c JOIN actor a ON a.id = c.actor {which}
             ORDER BY c.document, a.actor, c.seq, c.hash",
        ))?;
        let mut vectors: BTreeMap<i64, Vec<VectorEntry>> = BTreeMap::new();
        // What stands before the last number, and of a fork the highest number up to which nothing is missing.
        let (mut before, mut top) = ([0; 32], 0);
        let mut rows = statement.query(of)?;
        while let Some(row) = rows.next()? {
            let (document, actor): (i64, [u8; 24]) = (row.get(0)?, row.get(1)?);
            let (seq, hash) = (row.get::<_, i64>(2)?.unsigned_abs(), row.get(3)?);
            let vector = vectors.entry(document).or_default();
            match vector.last_mut() {
                Some(last) if last.actor == actor => {
                    if !last.branches.is_empty() {
                        if seq <= top + 1 {
                            top = seq;
                            let at = last.branches.partition_point(|branch| *branch < hash);
                            last.branches.insert(at, hash);
                        }
                    } else if seq == last.seq + 1 {
                        (before, last.seq, last.hash) = (last.hash, seq, hash);
                    } else if seq == last.seq {
                        // A second change has the last number: common is what stands before both.
                        last.branches = vec![last.hash, hash];
                        (last.seq, last.hash, top) = (seq - 1, before, seq);
                    }
                }
                _ if seq == 1 => {
                    before = [0; 32];
                    vector.push(VectorEntry { actor, seq, hash, branches: Vec::new() });
                }
                _ => {} // above a gap
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
