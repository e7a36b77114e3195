//! What the file knows of itself, and who opened its cases: settings, foundings.

use rusqlite::{OptionalExtension, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// Names of the settings.
pub mod setting {
    /// The device that the database belongs to: 16 bytes.
    pub const DEVICE: &str = "device";
    /// The worker that the database belongs to: UTF-8.
    pub const WORKER: &str = "worker";
    /// The session that has the database: 16 bytes.
    pub const SESSION: &str = "session";
    /// The certificate in whose name this device signs: its hash.
    pub const CERTIFICATE: &str = "certificate";
    /// The highest trusted time that this device has seen: eight bytes, unix seconds.
    pub const TRUSTED_TIME: &str = "trusted-time";
    /// The day up to which occurrences are projected.
    pub const HORIZON: &str = "horizon";
    /// A case was removed, and the log of writes still holds it: one byte.
    pub const TO_EMPTY: &str = "to-empty";
    /// When another copy of this device last wrote: eight bytes, unix seconds, its clock.
    pub const OTHER_COPY: &str = "other-copy";
    /// The version of the projections.
    pub const PROJECTIONS: &str = "projections";
}

/// A case's founding record as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundingRow {
    /// The record.
    pub bytes: Vec<u8>,
    /// The founder's signature.
    pub signature: Vec<u8>,
    /// The founder's certificate, by hash.
    pub certificate: Vec<u8>,
}

impl Reading<'_> {
    /// A setting.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// A case's founding record.
    pub fn founding(&self, case: &[u8; 16]) -> Result<Option<FoundingRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT bytes, signature, certificate FROM founding WHERE case_id = ?1")?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok(FoundingRow { bytes: row.get(0)?, signature: row.get(1)?, certificate: row.get(2)? })
        };
        Ok(statement.query_row([case.as_slice()], row).optional()?)
    }
}

impl Writing<'_> {
    /// Keeps a setting.
    pub fn set_setting(&self, name: &str, value: &[u8]) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO setting (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![name, value])?;
        Ok(())
    }

    /// Keeps who opened a case.
    pub fn add_founding(&self, case: &[u8; 16], founding: &FoundingRow) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO founding (case_id, bytes, signature, certificate) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![case.as_slice(), founding.bytes, founding.signature, founding.certificate])?;
        Ok(())
    }
}
