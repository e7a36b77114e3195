//! Forks: two changes with one actor and number, and what became of the branch that was not kept.

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::documents::DocumentRow;
use super::failure::StorageFailed;
use super::snapshots::FORKED;

type Result<T> = std::result::Result<T, StorageFailed>;

/// An actor and the lowest number of which it has several changes.
pub type Fork = ([u8; 24], u64);

impl Reading<'_> {
    /// The forks of a document that no choice has ended.
    pub fn forks(&self, document: i64) -> Result<Vec<Fork>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.actor, min(f.seq) FROM actor a JOIN (
                SELECT actor, seq FROM change WHERE document = ?1 AND state <> 2
                GROUP BY actor, seq HAVING count(*) > 1) f ON f.actor = a.id
             GROUP BY a.id ORDER BY a.actor",
        )?;
        let fork = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        Ok(statement.query_map([document], fork)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The bytes of what lost a fork in a document, in the order in which it was lost.
    pub fn lost(&self, document_id: &[u8; 16]) -> Result<Vec<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT bytes FROM evidence WHERE document_id = ?1 AND reason = ?2 ORDER BY id",
        )?;
        let rows = statement.query_map(params![document_id.as_slice(), FORKED], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether something lost a fork in a document.
    pub fn has_lost(&self, document_id: &[u8; 16]) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM evidence WHERE document_id = ?1 AND reason = ?2)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![document_id.as_slice(), FORKED], |row| row.get(0))?)
    }

    /// The documents in which something lost a fork.
    pub fn documents_with_lost(&self) -> Result<Vec<DocumentRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT document_id FROM evidence WHERE reason = ?1 ORDER BY document_id",
        )?;
        let ids = statement.query_map([FORKED], |row| row.get::<_, Option<[u8; 16]>>(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<_>>>()?;
        let rows = ids.into_iter().flatten().map(|id| self.document(&id));
        Ok(rows.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The bytes of a change that lost a fork.
    pub fn lost_change(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>> {
        let mut statement =
            self.connection.prepare_cached("SELECT bytes FROM evidence WHERE hash = ?1 AND reason = ?2")?;
        Ok(statement.query_row(params![hash.as_slice(), FORKED], |row| row.get(0)).optional()?)
    }

    /// The change with this number of an actor that is part of a document.
    pub fn accepted_at(&self, document: i64, actor: &[u8; 24], seq: u64) -> Result<Option<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.hash FROM change c JOIN actor a ON a.id = c.actor
             WHERE a.document = ?1 AND a.actor = ?2 AND c.seq = ?3 AND c.state = 0",
        )?;
        let hash = statement.query_row(params![document, actor.as_slice(), seq as i64], |row| row.get(0));
        Ok(hash.optional()?)
    }

    /// The documents in which a branch of a fork waits for a choice.
    pub fn forked_documents(&self) -> Result<Vec<i64>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT document FROM change WHERE state <> 0 AND state = 7")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// A change is no longer part of its document, and waits with its own bytes.
    pub fn take_out(&self, id: i64, chunk: &[u8]) -> Result<()> {
        self.tx
            .prepare_cached("UPDATE change SET state = 1, bytes = ?2 WHERE id = ?1")?
            .execute(params![id, [&[1], chunk].concat()])?;
        Ok(())
    }
}
