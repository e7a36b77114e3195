//! Sync between named devices: real stores, real channels, bytes in any portions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

#[path = "sync/hidden.rs"]
mod hidden;
#[path = "sync/files.rs"]
mod files;

#[path = "sync/lan.rs"]
mod lan;
#[path = "sync/sessions.rs"]
mod sessions;

#[path = "sync/access.rs"]
mod access;
