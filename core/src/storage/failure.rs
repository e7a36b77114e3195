//! What can go wrong with a file, as SQLite and the system say it.

use rusqlite::ErrorCode;

/// What went wrong with the file. The command that met it did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageFailed {
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The file or its folder cannot be written.
    #[error("the database cannot be written")]
    NotWritable,
    /// The file cannot be opened: no such folder, or no leave.
    #[error("the database cannot be opened")]
    CannotOpen,
    /// The file is not a Caseplan database.
    #[error("not a caseplan database")]
    NotADatabase,
    /// The file was written by a newer version.
    #[error("the database has version {found}, and this version knows {known}")]
    NewerSchema {
        /// The file's version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// A page or a row is not what it was.
    #[error("the database is damaged: {what}")]
    Damaged {
        /// Which part.
        what: String,
    },
    /// Another process has the store open.
    #[error("another process has the store open")]
    InUse,
    /// The read was interrupted because the store closes.
    #[error("interrupted")]
    Interrupted,
    /// Anything else, by SQLite's code.
    #[error("sqlite error {code}")]
    Other {
        /// SQLite's extended code.
        code: i32,
    },
}

impl StorageFailed {
    /// A row that does not read as what it was written as.
    pub fn damaged(what: &str) -> Self {
        Self::Damaged { what: what.to_owned() }
    }
}

impl From<rusqlite::Error> for StorageFailed {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(error, _) => match error.code {
                ErrorCode::DiskFull => Self::DiskFull,
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::NotWritable,
                ErrorCode::CannotOpen => Self::CannotOpen,
                ErrorCode::NotADatabase => Self::NotADatabase,
                ErrorCode::DatabaseCorrupt => Self::damaged("page"),
                ErrorCode::OperationInterrupted => Self::Interrupted,
                _ => Self::Other { code: error.extended_code },
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::QueryReturnedNoRows => Self::damaged("row"),
            _ => Self::Other { code: 0 },
        }
    }
}

impl From<std::io::Error> for StorageFailed {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable
            }
            std::io::ErrorKind::NotFound => Self::CannotOpen,
            _ => Self::Other { code: error.raw_os_error().unwrap_or(0) },
        }
    }
}
