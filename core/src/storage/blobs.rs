//! The bytes of attachments, in portions: held, or still to come.

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;
use super::snapshots::open_blob;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A blob as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRow {
    /// Its row.
    pub id: i64,
    /// Its scope.
    pub scope: [u8; 16],
    /// SHA-256 of the whole.
    pub hash: [u8; 32],
    /// Bytes of the whole.
    pub length: u64,
    /// How many of them are here, from the front.
    pub held: u64,
}

const BLOB: &str =
    "SELECT b.id, s.scope_id, b.hash, b.length, b.held FROM blob b JOIN scope s ON s.id = b.scope";

fn blob(row: &Row<'_>) -> rusqlite::Result<BlobRow> {
    Ok(BlobRow {
        id: row.get(0)?,
        scope: row.get(1)?,
        hash: row.get(2)?,
        length: row.get::<_, i64>(3)?.unsigned_abs(),
        held: row.get::<_, i64>(4)?.unsigned_abs(),
    })
}

impl Reading<'_> {
    /// A blob of a scope.
    pub fn blob(&self, scope: &[u8; 16], hash: &[u8; 32]) -> Result<Option<BlobRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{BLOB} WHERE s.scope_id = ?1 AND b.hash = ?2"))?;
        Ok(statement.query_row(params![scope.as_slice(), hash.as_slice()], blob).optional()?)
    }

    /// The blobs of which not everything is here, oldest first.
    pub fn wanted_blobs(&self) -> Result<Vec<BlobRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{BLOB} WHERE b.held < b.length ORDER BY b.id"))?;
        Ok(statement.query_map([], blob)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The stored portion in which a byte of a blob stands, from that byte on.
    pub fn blob_portion(&self, id: i64, offset: u64) -> Result<Vec<u8>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT offset, bytes FROM blob_part WHERE blob = ?1 AND offset <= ?2 ORDER BY offset DESC LIMIT 1",
        )?;
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?));
        let found: Option<(u64, Vec<u8>)> =
            statement.query_row(params![id, offset as i64], row).optional()?;
        let Some((begins, stored)) = found else { return Ok(Vec::new()) };
        let mut portion = open_blob(&stored, "blob")?;
        let skipped = usize::try_from(offset - begins).unwrap_or(usize::MAX).min(portion.len());
        Ok(portion.split_off(skipped))
    }

    /// All bytes of a blob that are here.
    pub fn blob_bytes(&self, id: i64) -> Result<Vec<u8>> {
        let mut statement =
            self.connection.prepare_cached("SELECT bytes FROM blob_part WHERE blob = ?1 ORDER BY offset")?;
        let mut bytes = Vec::new();
        for stored in statement.query_map([id], |row| row.get::<_, Vec<u8>>(0))? {
            bytes.extend(open_blob(&stored?, "blob")?);
        }
        Ok(bytes)
    }

    /// How many blobs of a scope are here whole that nobody else is known to hold.
    pub fn blobs_only_here(&self, scope: &[u8; 16]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM blob b JOIN scope s ON s.id = b.scope
             WHERE s.scope_id = ?1 AND b.held = b.length AND b.elsewhere = 0",
        )?;
        let count: i64 = statement.query_row([scope.as_slice()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

impl Writing<'_> {
    /// Makes room for a blob of a scope, which must be here; one that is there already stays as it is.
    pub fn add_blob(&self, scope: &[u8; 16], hash: &[u8; 32], length: u64) -> Result<BlobRow> {
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO blob (scope, hash, length, held)
                 SELECT id, ?2, ?3, 0 FROM scope WHERE scope_id = ?1",
            )?
            .execute(params![scope.as_slice(), hash.as_slice(), length as i64])?;
        self.reading().blob(scope, hash)?.ok_or(StorageFailed::damaged("scope"))
    }

    /// Adds the next portion of a blob.
    pub fn add_blob_portion(&self, blob: &BlobRow, portion: &[u8]) -> Result<()> {
        self.tx
            .prepare_cached("INSERT INTO blob_part (blob, offset, bytes) VALUES (?1, ?2, ?3)")?
            .execute(params![blob.id, blob.held as i64, [&[1], portion].concat()])?;
        self.tx
            .prepare_cached("UPDATE blob SET held = held + ?2 WHERE id = ?1")?
            .execute(params![blob.id, portion.len() as i64])?;
        Ok(())
    }

    /// Drops what is here of a blob: it is not what it should be.
    pub fn clear_blob(&self, id: i64) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM blob_part WHERE blob = ?1")?.execute([id])?;
        self.tx.prepare_cached("UPDATE blob SET held = 0 WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// A peer holds all of a blob.
    pub fn note_blob_elsewhere(&self, id: i64) -> Result<()> {
        self.tx.prepare_cached("UPDATE blob SET elsewhere = 1 WHERE id = ?1")?.execute([id])?;
        Ok(())
    }
}
