//! Up to where documents are held: here, by vector, and by peers.

use std::collections::BTreeMap;

use rusqlite::{Params, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;
use crate::document::chunk;
use crate::ids::{mark, sha256};
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
    /// The highest number of a branch, of a fork; else of the actor.
    pub top: u64,
    /// Whether one of the branches follows what is not here: it may have parted earlier.
    pub loose: bool,
}

impl VectorEntry {
    /// How many changes it stands for that whoever holds the actor's up to a number does not hold.
    pub fn above(&self, held: u64) -> u64 {
        let branches = if held < self.top { self.branches.len() as u64 } else { 0 };
        self.seq.saturating_sub(held) + branches
    }

    /// What stands for the entry where eight bytes must do: the hash's first, or a digest of it and the branches.
    pub fn mark(&self) -> [u8; 8] {
        if self.branches.is_empty() {
            return mark(&self.hash);
        }
        let all = std::iter::once(&self.hash).chain(&self.branches);
        mark(&sha256(&[&all.flat_map(mark).collect::<Vec<u8>>()]))
    }
}

/// An actor's changes as they are read, by their numbers.
#[derive(Default)]
struct Run {
    /// The last number.
    seq: u64,
    /// The changes with that number,
    here: Vec<[u8; 32]>,
    /// and those with the one before it.
    before: Vec<[u8; 32]>,
}

impl Run {
    fn add(&mut self, seq: u64, hash: [u8; 32]) {
        if seq > self.seq {
            (self.seq, self.before) = (seq, std::mem::take(&mut self.here));
        }
        self.here.push(hash);
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
            "SELECT c.document, a.actor, c.seq, c.hash, CASE WHEN c.state <> 0 THEN c.id END
             FROM change c JOIN actor a ON a.id = c.actor {which}
             ORDER BY c.document, a.actor, c.seq, c.hash",
        ))?;
        let mut vectors: BTreeMap<i64, Vec<VectorEntry>> = BTreeMap::new();
        let mut run = Run::default();
        let mut rows = statement.query(of)?;
        while let Some(row) = rows.next()? {
            let (document, actor): (i64, [u8; 24]) = (row.get(0)?, row.get(1)?);
            let (seq, hash) = (row.get::<_, i64>(2)?.unsigned_abs(), row.get(3)?);
            let vector = vectors.entry(document).or_default();
            match vector.last_mut() {
                Some(last) if last.actor == actor => {
                    if seq > run.seq + 1 {
                        continue; // above a gap
                    }
                    run.add(seq, hash);
                    let follows = match row.get::<_, Option<i64>>(4)? {
                        Some(apart) => self.follows(apart, &run)?,
                        None => true,
                    };
                    if last.branches.is_empty() && follows && seq == last.seq + 1 {
                        (last.seq, last.hash, last.top) = (seq, hash, seq);
                        continue;
                    }
                    if last.branches.is_empty() && seq == last.seq {
                        // A second change has the last number: common is what stands before both.
                        last.branches.push(last.hash);
                        (last.seq, last.hash) = (seq - 1, run.before.first().copied().unwrap_or_default());
                    }
                    let at = last.branches.partition_point(|branch| *branch < hash);
                    last.branches.insert(at, hash);
                    (last.top, last.loose) = (seq, last.loose || !follows);
                }
                _ if seq == 1 => {
                    run = Run { seq, here: vec![hash], ..Run::default() };
                    let branches = Vec::new();
                    vector.push(VectorEntry { actor, seq, hash, branches, top: seq, loose: false });
                }
                _ => {} // above a gap
            }
        }
        Ok(vectors)
    }

    /// Whether a change that is held apart follows one of its actor that is here.
    fn follows(&self, change: i64, run: &Run) -> Result<bool> {
        if run.seq == 1 {
            return Ok(true);
        }
        let chunk = self.chunk(change)?.ok_or(StorageFailed::damaged("change"))?;
        Ok(run.before.iter().any(|before| chunk::follows(&chunk, before)))
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

impl Writing<'_> {
    /// Keeps what a peer was seen to hold of a document; what it held before it still holds.
    pub fn set_held_elsewhere(
        &self,
        peer: &[u8; 16],
        document: i64,
        actor: &[u8; 24],
        seq: u64,
    ) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO held_elsewhere (peer, document, actor, seq) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (peer, document, actor) DO UPDATE SET seq = max(seq, excluded.seq)",
            )?
            .execute(params![peer.as_slice(), document, actor.as_slice(), seq as i64])?;
        Ok(())
    }

    /// Forgets that anybody was known to hold an actor's changes from a number on.
    pub fn forget_held_from(&self, document: i64, actor: &[u8; 24], seq: u64) -> Result<()> {
        let sql = "UPDATE held_elsewhere SET seq = ?3 - 1 WHERE document = ?1 AND actor = ?2 AND seq >= ?3";
        self.tx.prepare_cached(sql)?.execute(params![document, actor.as_slice(), seq as i64])?;
        Ok(())
    }

    /// Forgets what a peer was known to hold of a document: it says itself what it holds now.
    pub fn clear_held_elsewhere(&self, peer: &[u8; 16], document: i64) -> Result<()> {
        self.tx
            .prepare_cached("DELETE FROM held_elsewhere WHERE peer = ?1 AND document = ?2")?
            .execute(params![peer.as_slice(), document])?;
        Ok(())
    }
}
