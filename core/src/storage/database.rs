//! Opening the file, one writer and a few readers, and what can go wrong with files.
//!
//! WAL with `synchronous=FULL`: a change that was sent and then lost to a power cut would re-use its sequence number
//! and block its document for ever. A second process is refused by a lock beside the file.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, InterruptHandle, OpenFlags, Transaction, TransactionBehavior};

use super::failure::StorageFailed;
use super::schema;

type Result<T> = std::result::Result<T, StorageFailed>;

/// Where a database lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file; the folder must exist.
    File(PathBuf),
    /// In memory, gone when the store closes. The name keeps two such stores of one process apart.
    Memory(String),
}

/// Readers kept open; more are made when all are in use.
const IDLE_READERS: usize = 4;
/// How long a write waits for another process's.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// An open database.
pub struct Database {
    pub(super) location: Location,
    pub(super) writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
    reading: Mutex<Vec<(u64, InterruptHandle)>>,
    lock: Mutex<Option<File>>,
    open: AtomicBool,
    waiting: AtomicUsize,
    in_use: AtomicUsize,
}

/// Somebody who may have a connection besides the writer's.
struct InUse<'a>(&'a AtomicUsize);

impl<'a> InUse<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Database {
    /// Opens the file, or makes it, and brings it to the newest version.
    ///
    /// # Errors
    /// One variant of [`StorageFailed`] for each thing that can be wrong with a file; the file is then as it was.
    pub fn open(location: Location) -> Result<Self> {
        let database = Self {
            location,
            writer: Mutex::new(None),
            readers: Mutex::new(Vec::new()),
            reading: Mutex::new(Vec::new()),
            lock: Mutex::new(None),
            open: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            in_use: AtomicUsize::new(0),
        };
        database.resume()?;
        Ok(database)
    }

    /// Takes the file back after [`Database::suspend`].
    pub fn resume(&self) -> Result<()> {
        let mut writer = locked(&self.writer);
        if writer.is_some() {
            self.open.store(true, Ordering::SeqCst);
            return Ok(());
        }
        let lock = match &self.location {
            Location::File(path) => Some(take_lock(path)?),
            Location::Memory(_) => None,
        };
        let mut connection = connect(&self.location)?;
        schema::migrate(&mut connection, &self.location)?;
        *locked(&self.lock) = lock;
        *writer = Some(connection);
        self.open.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Lets go of every file and lock, after the command that is under way; long reads are interrupted.
    pub fn suspend(&self) {
        let mut writer = locked(&self.writer);
        self.open.store(false, Ordering::SeqCst);
        // A read that is under way holds the file until its connection is gone; each of its statements is interrupted.
        while self.in_use.load(Ordering::SeqCst) > 0 {
            self.interrupt_reads();
            std::thread::sleep(Duration::from_millis(1));
        }
        if matches!(self.location, Location::Memory(_)) {
            return; // nothing to let go of, and everything to lose
        }
        // The last connection to close folds the WAL into the file.
        locked(&self.readers).clear();
        *writer = None;
        if let Some(lock) = locked(&self.lock).take() {
            // Said aloud: a process that is just being spawned elsewhere in the app holds a copy of the handle.
            let _ = lock.unlock();
        }
    }

    /// Runs one write transaction: all of it, or nothing. One at a time; the others wait.
    pub fn write<T, E: From<StorageFailed>>(
        &self,
        work: impl FnOnce(&Writing<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut writer = locked(&self.writer);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let connection = writer.as_mut().ok_or(StorageFailed::Interrupted)?;
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StorageFailed::from)?;
        let writing = Writing { tx };
        let value = work(&writing)?;
        writing.tx.commit().map_err(StorageFailed::from)?;
        Ok(value)
    }

    /// Lets waiting writers go first, for a moment: called between the batches of a long import.
    pub fn give_way(&self) {
        for _ in 0..50 {
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Runs one read transaction on a connection of its own: it sees one version, and never waits for the writer.
    pub fn read<T, E: From<StorageFailed>>(
        &self,
        work: impl FnOnce(&Reading<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        // Counted before it is asked whether the file is open, and until after the connection is gone.
        let _in_use = InUse::of(&self.in_use);
        if !self.open.load(Ordering::SeqCst) {
            return Err(StorageFailed::Interrupted.into());
        }
        let idle = locked(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.location)?,
        };
        let ticket = self.enter(&connection);
        let result = (|| {
            let tx = connection.unchecked_transaction().map_err(StorageFailed::from)?;
            work(&Reading { connection: &tx })
        })();
        self.leave(ticket);
        let mut idle = locked(&self.readers);
        if idle.len() < IDLE_READERS && self.open.load(Ordering::SeqCst) {
            idle.push(connection);
        }
        result
    }

    /// Runs SQLite's own check of every page, and of every reference between rows.
    ///
    /// On a connection of its own: FTS5 checks its index by the structure that a connection last saw, and takes what
    /// another one has written since for damage.
    pub fn check_integrity(&self) -> Result<()> {
        let _in_use = InUse::of(&self.in_use);
        if !self.open.load(Ordering::SeqCst) {
            return Err(StorageFailed::Interrupted);
        }
        let connection = connect(&self.location)?;
        let ticket = self.enter(&connection);
        let result = Reading { connection: &connection }.check_integrity();
        self.leave(ticket);
        result
    }

    fn enter(&self, connection: &Connection) -> u64 {
        let mut reading = locked(&self.reading);
        let ticket = reading.last().map_or(0, |(ticket, _)| ticket + 1);
        reading.push((ticket, connection.get_interrupt_handle()));
        ticket
    }

    fn leave(&self, ticket: u64) {
        locked(&self.reading).retain(|(other, _)| *other != ticket);
    }

    /// Interrupts every read that is under way.
    pub fn interrupt_reads(&self) {
        for (_, handle) in locked(&self.reading).iter() {
            handle.interrupt();
        }
    }

    /// Copies the database, consistently and while it is in use, into a new file.
    ///
    /// # Errors
    /// [`StorageFailed::CannotOpen`] when the file is there already: a backup never overwrites.
    pub fn back_up(&self, to: &Path, mut progress: impl FnMut(u64, u64) -> bool) -> Result<bool> {
        if to.exists() {
            return Err(StorageFailed::CannotOpen);
        }
        let _in_use = InUse::of(&self.in_use);
        if !self.open.load(Ordering::SeqCst) {
            return Err(StorageFailed::Interrupted);
        }
        let beside = to.with_extension("partial");
        let _ = std::fs::remove_file(&beside);
        let source = connect(&self.location)?;
        let finished = (|| -> Result<bool> {
            let mut target = Connection::open(&beside)?;
            let backup = rusqlite::backup::Backup::new(&source, &mut target)?;
            loop {
                if !self.open.load(Ordering::SeqCst) {
                    return Err(StorageFailed::Interrupted);
                }
                let step = backup.step(256)?;
                let at = backup.progress();
                let (total, left) = (at.pagecount.max(0) as u64, at.remaining.max(0) as u64);
                if !progress(total - left, total) {
                    return Ok(false);
                }
                if step == rusqlite::backup::StepResult::Done {
                    return Ok(true);
                }
            }
        })();
        match finished {
            Ok(true) => {
                // Whoever opens the copy must see that it is one, even in the session in which it was made.
                Connection::open(&beside)?
                    .execute("UPDATE setting SET value = randomblob(16) WHERE name = 'session'", [])?;
                File::open(&beside)?.sync_all()?;
                std::fs::rename(&beside, to)?;
                Ok(true)
            }
            other => {
                let _ = std::fs::remove_file(&beside);
                other
            }
        }
    }

    /// Where it lives.
    pub fn location(&self) -> &Location {
        &self.location
    }
}

/// Takes the lock beside the file; it is let go when the handle closes, a killed process's too.
fn take_lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options().create(true).write(true).truncate(false).open(name)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StorageFailed::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

fn connect(location: &Location) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = match location {
        Location::File(path) => Connection::open_with_flags(path, flags & !OpenFlags::SQLITE_OPEN_URI)?,
        Location::Memory(name) => Connection::open_with_flags(format!("file:/{name}?vfs=memdb"), flags)?,
    };
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Or a cached statement is planned anew whenever a value that it is given changes: a tenth of every write.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )?;
    Ok(connection)
}

/// One read transaction.
pub struct Reading<'a> {
    pub(super) connection: &'a Connection,
}

impl Reading<'_> {
    fn check_integrity(&self) -> Result<()> {
        let answer: String = self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if answer != "ok" {
            return Err(StorageFailed::damaged("page"));
        }
        let broken: i64 =
            self.connection
                .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
        if broken == 0 { Ok(()) } else { Err(StorageFailed::damaged("reference")) }
    }

    /// The size of the database in bytes, free pages included.
    pub fn bytes(&self) -> Result<u64> {
        let bytes: i64 = self.connection.query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            [],
            |row| row.get(0),
        )?;
        Ok(bytes.unsigned_abs())
    }

    /// The version of the file.
    pub fn version(&self) -> Result<u32> {
        Ok(schema::version(self.connection)?)
    }

    /// How many rows a table has.
    pub(super) fn count(&self, sql: &str) -> Result<u64> {
        let count: i64 = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

/// One write transaction, which can also read.
pub struct Writing<'a> {
    pub(super) tx: Transaction<'a>,
}

impl Writing<'_> {
    /// Lets the file grow by so many pages and no more: a disk as small as a test wants it.
    #[cfg(any(test, feature = "testing"))]
    pub fn limit_growth(&self, pages: u32) -> Result<()> {
        let now: u32 = self.tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        self.tx
            .query_row(&format!("PRAGMA max_page_count = {}", now.saturating_add(pages)), [], |_| Ok(()))?;
        Ok(())
    }

    /// The same transaction for readers.
    pub fn reading(&self) -> Reading<'_> {
        Reading { connection: self.tx.deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opening_of_one_file_is_refused_until_the_first_is_suspended() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("a.db"));
        let first = Database::open(location.clone()).unwrap();
        assert_eq!(Database::open(location.clone()).err(), Some(StorageFailed::InUse));
        first.suspend();
        let second = Database::open(location).unwrap();
        assert_eq!(first.resume().err(), Some(StorageFailed::InUse));
        drop(second);
        first.resume().unwrap();
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let database = Database::open(Location::Memory("failed-transaction".to_owned())).unwrap();
        let failed: Result<()> = database.write(|tx| {
            tx.set_setting("x", b"1")?;
            Err(StorageFailed::DiskFull)
        });
        assert_eq!(failed, Err(StorageFailed::DiskFull));
        assert_eq!(database.read(|r| r.setting("x")), Ok(None));
    }
}
