//! Caseplan's core: service and visitation planning for social casework, offline, merged without loss.
//!
//! A [`Store`] keeps cases, visitation plans and the log of actual contacts as Automerge documents in one SQLite file.
//! Every change is signed by the device that made it; devices hand each other what they lack and both end up with the
//! same state, conflicts included, shown until a person settles them.
//!
//! # Where to start
//! - [`store`]: what an app opens, and how a command becomes a signed change on disk;
//! - [`case`], [`visitation`], [`contact`]: the domain: types first, then one file per use case;
//! - [`conflict`], [`issue`], [`history`], [`today`]: what merging brings up, and what was;
//! - [`access`]: devices, issuers, grants and their ends; root and recovery;
//! - [`exchange`]: what others lack, and the guard that foreign changes pass;
//! - [`sync`]: the channel that devices talk through, how a new one is taken in, and the file that is handed over;
//! - [`lan`]: sessions over sockets, with threads and no async runtime;
//! - [`document`], [`storage`], [`identity`]: the rooms that alone name Automerge, SQLite and keys.
//!
//! # Invariants
//! - Documents and authority records are the truth; every projection can be dropped and rebuilt from them.
//! - Nothing is shown or sent before it is on disk.
//! - Time and randomness are arguments: a clock and a source are given at open.
//! - Errors and log entries carry ids and codes, never case content.

pub mod access;
pub mod blob;
pub mod case;
pub mod codes;
pub mod conflict;
pub mod contact;
pub mod document;
pub mod error;
pub mod exchange;
pub mod history;
pub mod identity;
pub mod ids;
pub mod issue;
pub mod json;
pub mod lan;
#[cfg(feature = "planted")]
pub mod planted;
#[cfg(not(feature = "planted"))]
mod planted;
pub mod random;
pub mod storage;
pub mod store;
pub mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
pub mod time;
pub mod today;
pub mod visitation;
mod wall;

pub use error::{Error, Result};
pub use store::{Store, StoreConfig};
