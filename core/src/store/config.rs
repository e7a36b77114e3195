//! What a store is opened with: where, whose, in which zone, by which clock, from which randomness.

use std::path::PathBuf;
use std::sync::Arc;

use crate::ids::WorkerId;
use crate::random::{Random, SystemRandom};
use crate::storage::Location;
use crate::time::{Clock, SystemClock, Zone};

/// What a store is opened with.
#[derive(Clone)]
pub struct StoreConfig {
    /// Where the database lives.
    pub location: Location,
    /// Whose store it is: one device and one worker, for ever.
    pub worker: WorkerId,
    /// The zone in which the worker's day begins and ends.
    pub zone: Zone,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where keys and ids come from.
    pub random: Arc<dyn Random>,
    /// Where log entries go.
    pub log: Option<Arc<dyn LogSink>>,
}

impl StoreConfig {
    /// A store in a file, by the device's own clock and randomness.
    pub fn file(path: impl Into<PathBuf>, worker: WorkerId, zone: Zone) -> Self {
        Self {
            location: Location::File(path.into()),
            worker,
            zone,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            log: None,
        }
    }
}

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Each step.
    Trace,
    /// What happened.
    Info,
    /// What somebody should look at.
    Warning,
}

/// One entry: a code and ids, never a name or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// How much it matters.
    pub level: LogLevel,
    /// What it is about, such as `change.poisoned`.
    pub code: &'static str,
    /// Ids of what it is about.
    pub ids: Vec<String>,
}

/// Takes log entries. Called on the store's own thread, with no lock held.
pub trait LogSink: Send + Sync {
    /// Takes one entry; a failure is ignored.
    fn log(&self, entry: &LogEntry) -> Result<(), super::ListenerFailed>;
}
