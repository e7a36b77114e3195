//! What an app opens: one [`Store`], and a small service per concept hanging off it.
//!
//! - [`config`]: what it is opened with;
//! - [`opening`]: keys, sessions, restored and cloned files;
//! - [`command`]: one write transaction over documents;
//! - [`project`]: projections from documents;
//! - [`worker`]: the one thread: listeners, logs, compaction, the turn of the day;
//! - [`compaction`], [`rebuild`], [`maintenance`]: snapshots; projections made anew; verification, backup.
//!
//! Every method may be called from any thread. A command has been committed to disk when it returns.

pub mod command;
pub mod compaction;
pub mod config;
pub mod maintenance;
pub mod opening;
pub mod project;
pub mod rebuild;
pub mod worker;

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::access::{Grants, Identity};
use crate::case::Cases;
use crate::conflict::Conflicts;
use crate::contact::Contacts;
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::history::History;
use crate::identity::KeyVault;
use crate::issue::Issues;
use crate::storage::{Database, Reading, StorageFailed};
use crate::sync::Sync;
use crate::time::{Day, Instant, Zone};
use crate::today::Today;
use crate::visitation::VisitationPlans;

pub use config::{LogEntry, LogLevel, LogSink, StoreConfig};
pub use maintenance::{Info, Stats, VerifyReport};
pub use worker::{ChangeListener, Changes, ListenerFailed, Topic, Watch};

use command::Cache;
use opening::Own;
use worker::Worker;

const OPEN: u8 = 0;
const SUSPENDED: u8 = 1;
const CLOSED: u8 = 2;

/// One worker's store on one device.
///
/// Cloning it gives another handle to the same store. It is closed by [`Store::close`], or with its last handle.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub config: StoreConfig,
    pub vault: Arc<dyn KeyVault>,
    pub database: Database,
    pub own: RwLock<Own>,
    pub cache: Mutex<Cache>,
    pub worker: Worker,
    pub state: AtomicU8,
    pub documents_loaded: AtomicU64,
    /// Trusted time when the file was opened or resumed, unix seconds.
    pub(crate) opened_at: AtomicI64,
    /// Held while records are changed: they are numbered, and two that are made at once would be a fork.
    pub records: Mutex<()>,
    /// The highest trusted time seen, unix seconds.
    pub trusted: AtomicI64,
    /// Which network secret the next connection tries: it moves on with each that is not answered.
    pub turn: AtomicUsize,
}

impl Store {
    /// Opens a store, or makes it.
    ///
    /// # Errors
    /// [`Error::Storage`] for each thing that can be wrong with the file, [`Error::WrongWorker`] and
    /// [`Error::WrongVault`] when file or vault belong to somebody else, [`Error::Vault`] when the vault failed. A lost
    /// vault is no error: the store opens read-only, see [`Info::keys_lost`].
    pub fn open(config: StoreConfig, vault: Arc<dyn KeyVault>) -> Result<Self> {
        opening::open(config, vault)
    }

    /// Cases and their participants.
    pub fn cases(&self) -> Cases<'_> {
        Cases { store: self }
    }

    /// Visitation plans and due visits.
    pub fn visitation_plans(&self) -> VisitationPlans<'_> {
        VisitationPlans { store: self }
    }

    /// Drafts, contacts and their addenda.
    pub fn contacts(&self) -> Contacts<'_> {
        Contacts { store: self }
    }

    /// Fields that hold several values.
    pub fn conflicts(&self) -> Conflicts<'_> {
        Conflicts { store: self }
    }

    /// Breaches that merging brought together.
    pub fn issues(&self) -> Issues<'_> {
        Issues { store: self }
    }

    /// The event log, and everything as it stood.
    pub fn history(&self) -> History<'_> {
        History { store: self }
    }

    /// This device's identity and the domain that it belongs to.
    pub fn identity(&self) -> Identity<'_> {
        Identity { store: self }
    }

    /// Who may see and write which case.
    pub fn grants(&self) -> Grants<'_> {
        Grants { store: self }
    }

    /// What others lack, and what they brought.
    pub fn exchange(&self) -> Exchange<'_> {
        Exchange { store: self }
    }

    /// Sessions with other devices, and the truth about what is where.
    pub fn sync(&self) -> Sync<'_> {
        Sync { store: self }
    }

    /// A first screen in one call: due, overdue, drafts, conflicts, issues, only on this device.
    pub fn today(&self) -> Result<Today> {
        crate::today::today(self)
    }

    /// Calls a listener after each commit, local or imported, that could change what somebody reads.
    ///
    /// It is called on the store's own thread, one call at a time, with what changed since the last; a listener that
    /// fails stays subscribed, one that blocks holds up no command.
    pub fn watch(&self, listener: Arc<dyn ChangeListener>) -> Result<Watch> {
        self.ready()?;
        Ok(self.inner.worker.watch(listener))
    }

    /// Lets go of every file and lock, after the command that is under way. Until [`Store::resume`], calls answer
    /// [`Error::Suspended`]. iOS ends an app that holds a lock while it is frozen.
    pub fn suspend(&self) {
        if self.inner.state.compare_exchange(OPEN, SUSPENDED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.inner.database.interrupt_reads();
            self.inner.database.suspend();
            locked(&self.inner.cache).clear();
        }
    }

    /// Takes the files back.
    ///
    /// # Errors
    /// [`Error::Storage`] when another process has taken them meanwhile, [`Error::Vault`] when the vault failed, as it
    /// does on a locked phone; the store stays suspended and holds nothing.
    pub fn resume(&self) -> Result<()> {
        if self.inner.state.load(Ordering::SeqCst) != SUSPENDED {
            return self.ready();
        }
        self.inner.database.resume()?;
        if let Err(error) = opening::begin_session(&self.inner) {
            self.inner.database.suspend();
            return Err(error);
        }
        if self.inner.state.compare_exchange(SUSPENDED, OPEN, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            // Closed, or resumed as well, by another thread meanwhile.
            let ready = self.ready();
            if ready.is_err() {
                self.inner.database.suspend();
            }
            return ready;
        }
        // What was under way may have been cut off between a record and what follows from it.
        self.catch_up();
        Ok(())
    }

    /// Closes the store: new calls answer [`Error::Closed`], long reads are interrupted, the command that is under way
    /// is finished. May be called from anywhere, a listener included, and again.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Logs that something failed for which nobody waits.
    pub(crate) fn log_failure(&self, what: &'static str, failed: &Error) {
        self.inner.log(LogLevel::Warning, what, vec![format!("{:.60}", failed.to_string())]);
    }

    /// The time now, by the store's clock.
    pub(crate) fn now(&self) -> Result<Instant> {
        Ok(self.inner.config.clock.now()?)
    }

    /// The store's zone.
    pub fn zone(&self) -> Zone {
        self.inner.config.zone
    }

    /// The civil date now, in the store's zone.
    pub(crate) fn this_day(&self) -> Result<Day> {
        Ok(self.zone().day_of(self.now()?))
    }

    pub(crate) fn ready(&self) -> Result<()> {
        match self.inner.state.load(Ordering::SeqCst) {
            OPEN => Ok(()),
            SUSPENDED => Err(Error::Suspended),
            _ => Err(Error::Closed),
        }
    }

    /// One read transaction.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Reading<'_>) -> Result<T>) -> Result<T> {
        self.ready()?;
        self.inner.database.read(work).map_err(|error| self.closing(error))
    }

    /// An interruption is the store's closing or suspension; it may have been resumed since.
    pub(crate) fn closing(&self, error: Error) -> Error {
        match (&error, self.ready()) {
            (Error::Storage(StorageFailed::Interrupted), Err(why)) => why,
            (Error::Storage(StorageFailed::Interrupted), Ok(())) => Error::Suspended,
            _ => error,
        }
    }
}

impl Inner {
    fn close(&self) {
        if self.state.swap(CLOSED, Ordering::SeqCst) != CLOSED {
            self.database.interrupt_reads();
            self.worker.stop();
            self.database.suspend();
            locked(&self.cache).clear();
            // Dropped keys are overwritten in memory.
            self.own.write().unwrap_or_else(PoisonError::into_inner).keys = None;
        }
    }

    /// Says something to the app's log: a code and ids, never content.
    pub fn log(&self, level: LogLevel, code: &'static str, ids: Vec<String>) {
        if self.config.log.is_some() {
            self.worker.log(LogEntry { level, code, ids });
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
