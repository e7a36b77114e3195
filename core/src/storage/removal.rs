//! A case that goes, or scopes of one: everything that is stored of it, in one transaction, and then the log of writes too.
//!
//! What stays is that there was a case, by its id, and who might do what in it: the records that say that it was taken
//! back. Without them another device of the worker, which has not heard of it, would bring the case again.
//! What is deleted is overwritten (`secure_delete`), so nothing of it stays on a free page.

use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::{ToSql, params};

use super::database::{BUSY, Database, Reading, Writing};
use super::failure::StorageFailed;
use super::peers::hex;
use super::schema::forget_copies;
use super::settings::setting;

type Result<T> = std::result::Result<T, StorageFailed>;

/// What goes with a case, children before what they refer to. `?1` is the case.
const REMOVALS: &[&str] = &[
    "DELETE FROM contact_text WHERE contact IN (SELECT id FROM contact_row WHERE case_id = ?1)",
    "DELETE FROM contact_plan WHERE contact IN (SELECT id FROM contact_row WHERE case_id = ?1)",
    "DELETE FROM contact_party WHERE contact IN (SELECT id FROM contact_row WHERE case_id = ?1)",
    "DELETE FROM contact_row WHERE case_id = ?1",
    "DELETE FROM occurrence WHERE plan IN (SELECT id FROM plan_row WHERE case_id = ?1)",
    "DELETE FROM quota WHERE plan IN (SELECT id FROM plan_row WHERE case_id = ?1)",
    "DELETE FROM plan_row WHERE case_id = ?1",
    "DELETE FROM participant_row WHERE case_id = ?1",
    "DELETE FROM case_row WHERE case_id = ?1",
    "DELETE FROM conflict_row WHERE case_id = ?1",
    "DELETE FROM issue_row WHERE case_id = ?1 OR first = ?1 OR second = ?1",
    "DELETE FROM draft WHERE case_id = ?1",
];
/// What goes with each of its scopes; `{scopes}` are their rows.
const OF_SCOPES: &[&str] = &[
    "DELETE FROM blob_part WHERE blob IN (SELECT id FROM blob WHERE scope IN ({scopes}))",
    "DELETE FROM blob WHERE scope IN ({scopes})",
    "DELETE FROM peer_scope WHERE scope IN ({scopes})",
    "DELETE FROM evidence WHERE document_id IN (SELECT document_id FROM document WHERE scope IN ({scopes}))",
];
/// What goes with each of their documents.
const OF_DOCUMENTS: &[&str] =
    &["external_row", "decision_row", "held_elsewhere", "head", "snapshot", "change"];
/// The documents, once nothing refers to them.
const ROOTS: &[&str] = &[
    "UPDATE document SET actor = NULL WHERE scope IN ({scopes})",
    "DELETE FROM actor WHERE document IN (SELECT id FROM document WHERE scope IN ({scopes}))",
    "DELETE FROM document WHERE scope IN ({scopes})",
];
/// The scopes of a case, and of these some by their ids in hexadecimal, as a JSON array.
const ALL_SCOPES: &str = "SELECT id FROM scope WHERE case_id = ?1";
const SOME_SCOPES: &str = "SELECT id FROM scope WHERE hex(scope_id) IN (SELECT value FROM json_each(?1))";
/// The search index keeps words until it is made anew.
const SEARCH: &str = "INSERT INTO contact_search (contact_search) VALUES ('delete-all');
     INSERT INTO contact_search (rowid, text)
     SELECT c.id, t.narrative || coalesce((
        SELECT group_concat(char(10) || json_extract(a.value, '$.text'), '')
        FROM json_each(c.detail, '$.addenda') a), '')
     FROM contact_row c JOIN contact_text t ON t.contact = c.id ORDER BY c.id;";

/// Up to where a peer was last known to hold an actor's changes: `(peer, actor, seq)`.
pub type Holder = ([u8; 16], [u8; 24], u64);

impl Reading<'_> {
    /// Up to where each peer was last known to hold each actor's changes of a document.
    pub fn holders(&self, document: i64) -> Result<Vec<Holder>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT peer, actor, seq FROM held_elsewhere WHERE document = ?1")?;
        let rows = statement.query_map([document], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// From now on what this connection deletes is overwritten, or stays on free pages: to measure what it costs.
    #[cfg(any(test, feature = "testing"))]
    pub fn overwrite_deleted(&self, on: bool) -> Result<()> {
        self.tx.query_row(&format!("PRAGMA secure_delete = {}", u8::from(on)), [], |_| Ok(()))?;
        Ok(())
    }

    /// Removes every document of a case and all that was derived from it, and marks the log of writes to be emptied; true
    /// if an import had brought of it.
    pub fn remove_case(&self, case: &[u8; 16]) -> Result<bool> {
        for sql in REMOVALS {
            self.tx.execute(sql, [case.as_slice()])?;
        }
        let external = self.remove_documents(ALL_SCOPES, case.as_slice())?;
        self.forget_words()?;
        Ok(external)
    }

    /// Removes every document of some scopes, and every projection: they are to be made anew in this same transaction, and
    /// then [`Self::forget_words`] called.
    pub fn remove_scopes(&self, scopes: &[[u8; 16]]) -> Result<()> {
        self.clear_projections()?;
        let scopes: Vec<String> = scopes.iter().map(|scope| hex(scope)).collect();
        self.remove_documents(SOME_SCOPES, serde_json::json!(scopes).to_string())?;
        Ok(())
    }

    /// Makes the search index anew, and marks the log of writes to be emptied.
    pub fn forget_words(&self) -> Result<()> {
        self.tx.execute_batch(SEARCH)?;
        self.set_setting(setting::TO_EMPTY, &[1])
    }

    /// Removes the documents of scopes with all that belongs to them; true if an import had brought of it.
    fn remove_documents(&self, scopes: &str, which: impl ToSql) -> Result<bool> {
        let removed = |sql: &str| self.tx.execute(&sql.replace("{scopes}", scopes), [&which]);
        let mut external = false;
        for sql in OF_SCOPES {
            removed(sql)?;
        }
        for table in OF_DOCUMENTS {
            let sql = format!(
                "DELETE FROM {table} WHERE document IN (SELECT id FROM document WHERE scope IN ({{scopes}}))"
            );
            let gone = removed(&sql)?;
            external |= gone > 0 && *table == "external_row";
        }
        for sql in ROOTS {
            removed(sql)?;
        }
        Ok(external)
    }
}

impl Database {
    /// Empties the log of writes if something was removed, and drops the copies of an earlier version: after this, no file
    /// of the store holds it any more. False while a reader still uses the log: it is tried again later.
    pub fn empty_log(&self) -> Result<bool> {
        if self.read(|reading| reading.setting(setting::TO_EMPTY))?.is_none() {
            return Ok(true);
        }
        let busy: i64 = {
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = writer.as_ref().ok_or(StorageFailed::Interrupted)?;
            // Beside a long reader it would wait here, and every command with it.
            connection.busy_timeout(Duration::ZERO)?;
            let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
            connection.busy_timeout(BUSY)?;
            busy?
        };
        if busy != 0 {
            return Ok(false);
        }
        // It would live on in what the file was before a migration.
        forget_copies(&self.location);
        self.write(|tx| {
            tx.tx.execute("DELETE FROM setting WHERE name = ?1", params![setting::TO_EMPTY])?;
            Ok::<_, StorageFailed>(())
        })?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::Location;
    use super::super::drafts::DraftRow;
    use super::*;

    const WORD: &[u8] = b"kanarienvogel";

    fn holds(folder: &std::path::Path) -> bool {
        let files = std::fs::read_dir(folder).unwrap();
        let bytes: Vec<u8> = files.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        bytes.windows(WORD.len()).any(|window| window == WORD)
    }

    #[test]
    fn a_power_cut_between_the_removal_and_the_emptied_log_is_made_good_later() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(Location::File(folder.path().join("a.db"))).unwrap();
        let body = String::from_utf8(WORD.repeat(700)).unwrap();
        let draft =
            DraftRow { draft_id: [1; 16], case_id: [2; 16], revision: 1, body, created_at: 0, saved_at: 0 };
        database.write(|tx| tx.add_draft(&draft)).unwrap();
        database.write(|tx| tx.remove_case(&[2; 16])).unwrap();
        // As the files lie when the power goes: the log of writes still tells what was there.
        let cut = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), cut.path().join(entry.file_name())).unwrap();
        }
        assert!(holds(cut.path()));
        let after = Database::open(Location::File(cut.path().join("a.db"))).unwrap();
        assert_eq!(after.empty_log(), Ok(true));
        assert_eq!(after.read(|reading| reading.setting(setting::TO_EMPTY)), Ok(None));
        assert!(!holds(cut.path()));
    }

    #[test]
    fn a_long_reader_keeps_the_log_from_being_emptied_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(Location::File(folder.path().join("a.db"))).unwrap();
        database.write(|tx| tx.remove_case(&[2; 16])).unwrap();
        let reading = database.read(|reading| {
            assert!(reading.setting(setting::TO_EMPTY)?.is_some());
            database.write(|tx| tx.set_setting("x", b"y"))?;
            // On this very thread: whatever waited for the reader would wait for ever, or for its time to be over.
            database.empty_log()
        });
        assert_eq!(reading, Ok(false));
        assert_eq!(database.empty_log(), Ok(true));
    }
}
