//! What goes wrong with files, keys, copies and threads: typed errors, nothing lost, nothing written twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "faults/copies.rs"]
mod copies;
#[path = "faults/files.rs"]
mod files;
#[path = "faults/keys.rs"]
mod keys;
#[path = "faults/threads.rs"]
mod threads;
