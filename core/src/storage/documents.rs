//! Scopes, documents, actors and heads.

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A document as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its row.
    pub id: i64,
    /// Its name everywhere else.
    pub document_id: [u8; 16],
    /// Its scope.
    pub scope_id: [u8; 16],
    /// Its case.
    pub case_id: [u8; 16],
    /// The kind's code.
    pub kind: String,
    /// Its genesis change.
    pub genesis: Vec<u8>,
    /// Its name within scope and kind.
    pub name: Vec<u8>,
}

/// A scope as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRow {
    /// Its id.
    pub scope_id: [u8; 16],
    /// Its case.
    pub case_id: [u8; 16],
    /// Its sensitivity level, or nothing for a visitation plan's.
    pub level: Option<u8>,
    /// Its visitation plan, or nothing for a level's.
    pub plan_id: Option<[u8; 16]>,
}

const DOCUMENT: &str = "SELECT d.id, d.document_id, s.scope_id, s.case_id, d.kind, d.genesis, d.name
     FROM document d JOIN scope s ON s.id = d.scope";

fn document(row: &Row<'_>) -> rusqlite::Result<DocumentRow> {
    Ok(DocumentRow {
        id: row.get(0)?,
        document_id: row.get(1)?,
        scope_id: row.get(2)?,
        case_id: row.get(3)?,
        kind: row.get(4)?,
        genesis: row.get(5)?,
        name: row.get(6)?,
    })
}

impl Reading<'_> {
    /// A document by its name.
    pub fn document(&self, document_id: &[u8; 16]) -> Result<Option<DocumentRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{DOCUMENT} WHERE d.document_id = ?1"))?;
        Ok(statement.query_row([document_id.as_slice()], document).optional()?)
    }

    /// A document by its row.
    pub fn document_of_row(&self, id: i64) -> Result<DocumentRow> {
        self.document_still(id)?.ok_or(StorageFailed::damaged("document"))
    }

    /// A document by a row that was read a while ago: a case that was taken back may have gone since.
    pub fn document_still(&self, id: i64) -> Result<Option<DocumentRow>> {
        let mut statement = self.connection.prepare_cached(&format!("{DOCUMENT} WHERE d.id = ?1"))?;
        Ok(statement.query_row([id], document).optional()?)
    }

    /// Every document, oldest first.
    pub fn documents(&self) -> Result<Vec<DocumentRow>> {
        let mut statement = self.connection.prepare_cached(&format!("{DOCUMENT} ORDER BY d.id"))?;
        Ok(statement.query_map([], document)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The documents of a case, oldest first.
    pub fn documents_of_case(&self, case: &[u8; 16]) -> Result<Vec<DocumentRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{DOCUMENT} WHERE s.case_id = ?1 ORDER BY d.id"))?;
        Ok(statement.query_map([case.as_slice()], document)?.collect::<rusqlite::Result<_>>()?)
    }

    /// A scope.
    pub fn scope(&self, scope_id: &[u8; 16]) -> Result<Option<ScopeRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT scope_id, case_id, level, plan_id FROM scope WHERE scope_id = ?1")?;
        let row = |row: &Row<'_>| {
            Ok(ScopeRow {
                scope_id: row.get(0)?,
                case_id: row.get(1)?,
                level: row.get(2)?,
                plan_id: row.get(3)?,
            })
        };
        Ok(statement.query_row([scope_id.as_slice()], row).optional()?)
    }

    /// Every scope, oldest first.
    pub fn scopes(&self) -> Result<Vec<ScopeRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT scope_id, case_id, level, plan_id FROM scope ORDER BY id")?;
        let row = |row: &Row<'_>| {
            Ok(ScopeRow {
                scope_id: row.get(0)?,
                case_id: row.get(1)?,
                level: row.get(2)?,
                plan_id: row.get(3)?,
            })
        };
        Ok(statement.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest accepted changes of a document, sorted.
    pub fn heads(&self, document: i64) -> Result<Vec<[u8; 32]>> {
        let mut statement =
            self.connection.prepare_cached("SELECT hash FROM head WHERE document = ?1 ORDER BY hash")?;
        Ok(statement.query_map([document], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// This device's actor in a document, if it wrote there in its present incarnation.
    pub fn own_actor(&self, document: i64) -> Result<Option<[u8; 24]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.actor FROM document d JOIN actor a ON a.id = d.actor WHERE d.id = ?1",
        )?;
        Ok(statement.query_row([document], |row| row.get(0)).optional()?)
    }

    /// How many documents there are.
    pub fn document_count(&self) -> Result<u64> {
        self.count("SELECT count(*) FROM document")
    }
}

impl Writing<'_> {
    /// Keeps a scope; keeping it again changes nothing.
    pub fn add_scope(&self, scope: &ScopeRow) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO scope (scope_id, case_id, level, plan_id) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                scope.scope_id.as_slice(),
                scope.case_id.as_slice(),
                scope.level,
                scope.plan_id.as_ref().map(|id| id.as_slice())
            ])?;
        Ok(())
    }

    /// Keeps a document's header; answers its row, old or new.
    pub fn add_document(
        &self,
        document_id: &[u8; 16],
        scope_id: &[u8; 16],
        kind: &str,
        genesis: &[u8; 32],
        name: &[u8],
    ) -> Result<i64> {
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO document (document_id, scope, kind, genesis, name)
                 SELECT ?1, id, ?3, ?4, ?5 FROM scope WHERE scope_id = ?2",
            )?
            .execute(params![document_id.as_slice(), scope_id.as_slice(), kind, genesis.as_slice(), name])?;
        let row = self.reading().document(document_id)?;
        row.map(|row| row.id).ok_or(StorageFailed::damaged("scope"))
    }

    /// The row of an actor, old or new.
    pub fn actor_row(&self, document: i64, actor: &[u8; 24]) -> Result<i64> {
        let mut find = self.tx.prepare_cached("SELECT id FROM actor WHERE document = ?1 AND actor = ?2")?;
        let found = find.query_row(params![document, actor.as_slice()], |row| row.get(0)).optional()?;
        match found {
            Some(id) => Ok(id),
            None => {
                self.tx
                    .prepare_cached("INSERT INTO actor (document, actor) VALUES (?1, ?2)")?
                    .execute(params![document, actor.as_slice()])?;
                Ok(self.tx.last_insert_rowid())
            }
        }
    }

    /// Makes an actor this device's own in a document.
    pub fn set_own_actor(&self, document: i64, actor: &[u8; 24]) -> Result<()> {
        let row = self.actor_row(document, actor)?;
        self.tx
            .prepare_cached("UPDATE document SET actor = ?2 WHERE id = ?1")?
            .execute(params![document, row])?;
        Ok(())
    }

    /// Forgets this device's actor in one document: it writes there as somebody new from now on.
    pub fn rotate_actor(&self, document: i64) -> Result<()> {
        self.tx.prepare_cached("UPDATE document SET actor = NULL WHERE id = ?1")?.execute([document])?;
        Ok(())
    }

    /// Forgets this device's actors in the documents of a scope.
    pub fn rotate_scope(&self, scope_id: &[u8; 16]) -> Result<()> {
        self.tx
            .prepare_cached(
                "UPDATE document SET actor = NULL WHERE scope = (SELECT id FROM scope WHERE scope_id = ?1)",
            )?
            .execute([scope_id.as_slice()])?;
        Ok(())
    }

    /// Forgets every actor of this device: it writes as somebody new from now on, in every document.
    pub fn rotate_actors(&self) -> Result<()> {
        self.tx.execute("UPDATE document SET actor = NULL", [])?;
        Ok(())
    }

    /// Replaces a document's heads.
    pub fn set_heads(&self, document: i64, heads: &[[u8; 32]]) -> Result<()> {
        let old = self.reading().heads(document)?;
        let mut delete = self.tx.prepare_cached("DELETE FROM head WHERE document = ?1 AND hash = ?2")?;
        for hash in old.iter().filter(|hash| !heads.contains(hash)) {
            delete.execute(params![document, hash.as_slice()])?;
        }
        let mut insert = self.tx.prepare_cached("INSERT INTO head (document, hash) VALUES (?1, ?2)")?;
        for hash in heads.iter().filter(|hash| !old.contains(hash)) {
            insert.execute(params![document, hash.as_slice()])?;
        }
        Ok(())
    }
}
