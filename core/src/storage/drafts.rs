//! Contacts that are being written. This device's only; each save is on disk when it returns.

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A draft as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// The draft.
    pub draft_id: [u8; 16],
    /// Its case.
    pub case_id: [u8; 16],
    /// How often it was saved, from 1.
    pub revision: i64,
    /// The draft as JSON.
    pub body: String,
    /// When it was begun, unix milliseconds.
    pub created_at: i64,
    /// When it was last saved, unix milliseconds.
    pub saved_at: i64,
}

const DRAFT: &str = "SELECT draft_id, case_id, revision, body, created_at, saved_at FROM draft";

fn draft(row: &Row<'_>) -> rusqlite::Result<DraftRow> {
    Ok(DraftRow {
        draft_id: row.get(0)?,
        case_id: row.get(1)?,
        revision: row.get(2)?,
        body: row.get(3)?,
        created_at: row.get(4)?,
        saved_at: row.get(5)?,
    })
}

impl Reading<'_> {
    /// A draft.
    pub fn draft(&self, draft_id: &[u8; 16]) -> Result<Option<DraftRow>> {
        let mut statement = self.connection.prepare_cached(&format!("{DRAFT} WHERE draft_id = ?1"))?;
        Ok(statement.query_row([draft_id.as_slice()], draft).optional()?)
    }

    /// Every draft, or a case's, last saved first.
    pub fn drafts(&self, case: Option<&[u8; 16]>) -> Result<Vec<DraftRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{DRAFT} WHERE ?1 IS NULL OR case_id = ?1 ORDER BY saved_at DESC, id DESC"
        ))?;
        let rows = statement.query_map([case.map(|id| id.as_slice())], draft)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// Keeps a new draft.
    pub fn add_draft(&self, draft: &DraftRow) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO draft (draft_id, case_id, revision, body, created_at, saved_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                draft.draft_id.as_slice(),
                draft.case_id.as_slice(),
                draft.revision,
                draft.body,
                draft.created_at,
                draft.saved_at
            ])?;
        Ok(())
    }

    /// Saves a draft's next revision.
    pub fn save_draft(&self, draft_id: &[u8; 16], revision: i64, body: &str, saved_at: i64) -> Result<()> {
        self.tx
            .prepare_cached("UPDATE draft SET revision = ?2, body = ?3, saved_at = ?4 WHERE draft_id = ?1")?
            .execute(params![draft_id.as_slice(), revision, body, saved_at])?;
        Ok(())
    }

    /// Removes a draft that was completed or discarded.
    pub fn remove_draft(&self, draft_id: &[u8; 16]) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM draft WHERE draft_id = ?1")?.execute([draft_id.as_slice()])?;
        Ok(())
    }
}
