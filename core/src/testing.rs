//! For tests, of this library and of apps: a clock that stands still until it is told to move, and randomness from a
//! seed, so that a story gives the same ids every time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::Store;
use crate::error::Result as StoreResult;
use crate::exchange::message::Message;
use crate::ids::sha256;
use crate::random::{Random, RandomFailed};
use crate::sync::wire::Wire;
use crate::sync::{Session, Sync};
use crate::time::{Clock, ClockFailed, Instant, from_unix};

/// A clock that is set by hand.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at this moment.
    pub fn at(at: Instant) -> Self {
        Self(AtomicI64::new(at.timestamp()))
    }

    /// Sets it.
    pub fn set(&self, at: Instant) {
        self.0.store(at.timestamp(), Ordering::SeqCst);
    }

    /// Moves it on by so many seconds.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Result<Instant, ClockFailed> {
        Ok(from_unix(self.0.load(Ordering::SeqCst)))
    }
}

/// Randomness from a seed: the same bytes every time. Never for real keys.
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    counter: AtomicU64,
}

impl SeededRandom {
    /// A source with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        for chunk in bytes.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::SeqCst);
            let block = sha256(&[b"caseplan/testing", &self.seed.to_be_bytes(), &counter.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl Store {
    /// From now on the file may grow by so many pages only, until it is opened anew.
    pub fn limit_growth(&self, pages: u32) -> StoreResult<()> {
        self.inner.database.write(|writing| Ok(writing.limit_growth(pages)?))
    }

    /// From now on what is deleted is overwritten, as always, or stays on free pages, until the file is opened anew.
    pub fn overwrite_deleted(&self, on: bool) -> StoreResult<()> {
        self.inner.database.write(|writing| Ok(writing.overwrite_deleted(on)?))
    }
}

impl Sync<'_> {
    /// [`Self::connect`] by an app that speaks these versions of the protocol, ascending.
    pub fn connect_speaking(&self, versions: &[u32]) -> StoreResult<Session> {
        Session::initiate(self.store, versions)
    }

    /// [`Self::accept`] by an app that speaks these versions of the protocol, ascending.
    pub fn accept_speaking(&self, versions: &[u32]) -> StoreResult<Session> {
        Session::respond(self.store, versions)
    }
}

/// Reads a session's message from its type and body, and answers how it is written again; nothing if it is none.
pub fn reread_message(kind: u8, body: &[u8]) -> Option<(u8, Vec<u8>)> {
    Wire::decode(kind, body).ok().flatten().map(|wire| wire.encode())
}

/// The type and body by which a session says a scope, changes or a document; nothing of another message.
pub fn session_message(message: &Message) -> Option<(u8, Vec<u8>)> {
    let wire = match message {
        Message::Scope { .. } => Wire::Founded(message.clone()),
        Message::Changes { .. } => Wire::Changes(message.clone()),
        Message::Snapshot { .. } => Wire::Snapshot(message.clone()),
        _ => return None,
    };
    Some(wire.encode())
}

/// A store in memory that is used alone, with Léa's case.
#[cfg(test)]
pub(crate) fn store_with_a_case(name: &str) -> (crate::Store, crate::ids::CaseId) {
    let config = crate::StoreConfig {
        location: crate::storage::Location::Memory(name.to_owned()),
        worker: "w-1".parse().unwrap(),
        zone: crate::time::Zone::UTC,
        clock: std::sync::Arc::new(FixedClock::at(crate::time::from_unix(1_772_438_400))),
        random: std::sync::Arc::new(SeededRandom::new(1)),
        log: None,
    };
    let vault = std::sync::Arc::new(crate::identity::MemoryVault::default());
    let store = crate::Store::open(config, vault).unwrap();
    let case = store.cases().create(&a_case()).unwrap().id;
    (store, case)
}

/// Léa's case, before it is opened.
#[cfg(test)]
pub(crate) fn a_case() -> crate::case::NewCase {
    crate::case::NewCase {
        reference: "2026-0117".to_owned(),
        case_type: None,
        primary_client: crate::case::NewPerson { name: "Léa Martin".to_owned(), born: None },
        assigned_worker: None,
        team: None,
        opened_on: None,
        origin: None,
    }
}
