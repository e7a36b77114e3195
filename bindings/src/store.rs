//! What an app opens, and the traits that it implements: vault, clock, listeners, log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseplan_core::identity::{FileVault, MemoryVault};
use caseplan_core::ids::{CaseId, WorkerId};
use caseplan_core::random::SystemRandom;
use caseplan_core::storage::Location;
use caseplan_core::store::{LogLevel, Topic};
use caseplan_core::time::{SystemClock, Zone};
use caseplan_core::{Store, identity, store, time};
use chrono::Utc;

use crate::error::{CallbackError, CaseplanError};
use crate::time::Timestamp;

/// What a store is opened with.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CoreStoreConfig {
    /// The database file; its folder must exist. Nothing for a store in memory, gone when it closes.
    pub file: Option<String>,
    /// Whose store it is: one device and one worker, for ever.
    pub worker: WorkerId,
    /// The zone in which the worker's day begins and ends.
    pub zone: Zone,
}

/// Small secrets by name; the platform wraps them. One vault belongs to one store.
#[uniffi::export(foreign)]
pub trait KeyVault: Send + Sync {
    /// The secret of this name; nothing if there is none.
    fn load(&self, name: String) -> Result<Option<Vec<u8>>, CallbackError>;
    /// Keeps a secret, in place of the one of this name. Durable when it returns.
    fn store(&self, name: String, secret: Vec<u8>) -> Result<(), CallbackError>;
    /// Forgets a secret; forgetting what is not there is no error.
    fn delete(&self, name: String) -> Result<(), CallbackError>;
}

/// Where a store gets the time from.
#[uniffi::export(foreign)]
pub trait StoreClock: Send + Sync {
    /// The time now.
    fn now(&self) -> Result<Timestamp, CallbackError>;
}

/// Told what changed. Called on the store's own thread, one call at a time, with no lock held.
#[uniffi::export(foreign)]
pub trait ChangeListener: Send + Sync {
    /// Something changed.
    fn on_change(&self, changes: ChangeSet) -> Result<(), CallbackError>;
}

/// Takes log entries: codes and ids, never content. Called on the store's own thread, with no lock held.
#[uniffi::export(foreign)]
pub trait LogSink: Send + Sync {
    /// Takes one entry.
    fn log(&self, level: LogLevel, code: String, ids: Vec<String>) -> Result<(), CallbackError>;
}

/// How much an entry matters.
#[uniffi::remote(Enum)]
pub enum LogLevel {
    /// Each step.
    Trace,
    /// What happened.
    Info,
    /// What somebody should look at.
    Warning,
}

/// What a commit could have changed.
#[uniffi::remote(Enum)]
pub enum Topic {
    /// Cases and participants.
    Cases,
    /// Visitation plans and due visits.
    VisitationPlans,
    /// Contacts.
    Contacts,
    /// Drafts.
    Drafts,
    /// Fields in conflict.
    Conflicts,
    /// Issues.
    Issues,
    /// The domain and its certificates.
    Identity,
    /// The day has turned in the store's zone.
    Today,
}

/// What changed since a listener was last called.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ChangeSet {
    /// What kinds of things.
    pub topics: Vec<Topic>,
    /// In which cases; none when it is not about single ones.
    pub cases: Vec<CaseId>,
}

/// Ends long work from another thread: it ends after its last committed batch.
#[derive(Debug, Default, uniffi::Object)]
pub struct CancelToken(caseplan_core::exchange::CancelToken);

#[uniffi::export]
impl CancelToken {
    /// A token that nobody has used.
    #[uniffi::constructor]
    pub fn new() -> Result<Arc<Self>, CaseplanError> {
        Ok(Arc::default())
    }

    /// Asks for the end.
    pub fn cancel(&self) -> Result<(), CaseplanError> {
        self.0.cancel();
        Ok(())
    }
}

impl CancelToken {
    /// The core's token, or one that nobody can use.
    pub(crate) fn of(token: Option<&Arc<Self>>) -> caseplan_core::exchange::CancelToken {
        token.map(|token| token.0.clone()).unwrap_or_default()
    }
}

/// One worker's store on one device.
#[derive(uniffi::Object)]
pub struct CoreStore(Store);

#[uniffi::export]
impl CoreStore {
    /// Opens a store, or makes it, with the app's own vault and, if given, clock and log.
    #[uniffi::constructor]
    pub fn open(
        config: CoreStoreConfig,
        vault: Arc<dyn KeyVault>,
        clock: Option<Arc<dyn StoreClock>>,
        log: Option<Arc<dyn LogSink>>,
    ) -> Result<Arc<Self>, CaseplanError> {
        open(config, Arc::new(AppVault(vault)), clock, log)
    }

    /// Opens a store with a vault of files in a folder, readable by their owner only: for desktops and tests.
    #[uniffi::constructor]
    pub fn open_with_vault_folder(
        config: CoreStoreConfig,
        folder: String,
        clock: Option<Arc<dyn StoreClock>>,
        log: Option<Arc<dyn LogSink>>,
    ) -> Result<Arc<Self>, CaseplanError> {
        open(
            config,
            Arc::new(FileVault::open(Path::new(&folder)).map_err(caseplan_core::Error::from)?),
            clock,
            log,
        )
    }

    /// Opens a store with a vault in memory: for an app's own tests.
    #[uniffi::constructor]
    pub fn open_with_memory_vault(
        config: CoreStoreConfig,
        clock: Option<Arc<dyn StoreClock>>,
        log: Option<Arc<dyn LogSink>>,
    ) -> Result<Arc<Self>, CaseplanError> {
        open(config, Arc::new(MemoryVault::default()), clock, log)
    }

    /// Calls a listener after each commit, local or imported, that could change what somebody reads.
    pub fn watch(&self, listener: Arc<dyn ChangeListener>) -> Result<Arc<CoreWatch>, CaseplanError> {
        Ok(Arc::new(CoreWatch(self.core()?.watch(Arc::new(AppListener(listener)))?)))
    }

    /// Lets go of every file and lock, after the command that is under way.
    pub fn suspend(&self) -> Result<(), CaseplanError> {
        self.0.suspend();
        Ok(())
    }

    /// Takes the files back.
    pub fn resume(&self) -> Result<(), CaseplanError> {
        Ok(self.0.resume()?)
    }

    /// Closes the store, from anywhere and as often as one likes. UniFFI's own `close` frees the handle.
    pub fn shut(&self) -> Result<(), CaseplanError> {
        self.0.close();
        Ok(())
    }
}

impl CoreStore {
    /// The core's store. A closed one answers for itself.
    pub(crate) fn core(&self) -> Result<&Store, CaseplanError> {
        Ok(&self.0)
    }
}

fn open(
    config: CoreStoreConfig,
    vault: Arc<dyn identity::KeyVault>,
    clock: Option<Arc<dyn StoreClock>>,
    log: Option<Arc<dyn LogSink>>,
) -> Result<Arc<CoreStore>, CaseplanError> {
    let location = match config.file {
        Some(file) => Location::File(PathBuf::from(file)),
        None => Location::Memory(uuid::Uuid::new_v4().to_string()),
    };
    let config = store::StoreConfig {
        location,
        worker: config.worker,
        zone: config.zone,
        clock: match clock {
            Some(clock) => Arc::new(AppClock(clock)),
            None => Arc::new(SystemClock),
        },
        random: Arc::new(SystemRandom),
        log: log.map(|log| Arc::new(AppLog(log)) as Arc<dyn store::LogSink>),
    };
    Ok(Arc::new(CoreStore(Store::open(config, vault)?)))
}

/// A subscription.
#[derive(uniffi::Object)]
pub struct CoreWatch(store::Watch);

#[uniffi::export]
impl CoreWatch {
    /// Ends the subscription. A call that is under way is finished.
    pub fn cancel(&self) -> Result<(), CaseplanError> {
        self.0.cancel();
        Ok(())
    }
}

struct AppVault(Arc<dyn KeyVault>);

impl identity::KeyVault for AppVault {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, identity::VaultFailed> {
        self.0.load(name.to_owned()).map_err(CallbackError::into_vault)
    }

    fn store(&self, name: &str, secret: &[u8]) -> Result<(), identity::VaultFailed> {
        self.0.store(name.to_owned(), secret.to_vec()).map_err(CallbackError::into_vault)
    }

    fn delete(&self, name: &str) -> Result<(), identity::VaultFailed> {
        self.0.delete(name.to_owned()).map_err(CallbackError::into_vault)
    }
}

struct AppClock(Arc<dyn StoreClock>);

impl time::Clock for AppClock {
    fn now(&self) -> Result<chrono::DateTime<Utc>, time::ClockFailed> {
        self.0.now().map_err(|_| time::ClockFailed)
    }
}

struct AppListener(Arc<dyn ChangeListener>);

impl store::ChangeListener for AppListener {
    fn on_change(&self, changes: &store::Changes) -> Result<(), store::ListenerFailed> {
        let changes = ChangeSet {
            topics: changes.topics.iter().copied().collect(),
            cases: changes.cases.iter().copied().collect(),
        };
        self.0.on_change(changes).map_err(CallbackError::into_listener)
    }
}

struct AppLog(Arc<dyn LogSink>);

impl store::LogSink for AppLog {
    fn log(&self, entry: &store::LogEntry) -> Result<(), store::ListenerFailed> {
        self.0
            .log(entry.level, entry.code.to_owned(), entry.ids.clone())
            .map_err(CallbackError::into_listener)
    }
}
