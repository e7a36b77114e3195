//! Sync between named devices: real stores, real channels, bytes in any portions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

#[path = "sync/absent.rs"]
mod absent;
#[path = "sync/afterwards.rs"]
mod afterwards;
#[path = "sync/again.rs"]
mod again;
#[path = "sync/blobs.rs"]
mod blobs;
#[path = "sync/enrolment.rs"]
mod enrolment;
#[path = "sync/expired.rs"]
mod expired;
#[path = "sync/files.rs"]
mod files;
#[path = "sync/forks.rs"]
mod forks;
#[path = "sync/hidden.rs"]
mod hidden;
#[path = "sync/holders.rs"]
mod holders;

#[path = "sync/lan.rs"]
mod lan;
#[path = "sync/late.rs"]
mod late;
#[path = "sync/left.rs"]
mod left;
#[path = "sync/levels.rs"]
mod levels;
#[path = "sync/lost.rs"]
mod lost;
#[path = "sync/nearby.rs"]
mod nearby;
#[path = "sync/newer.rs"]
mod newer;
#[path = "sync/portions.rs"]
mod portions;
#[path = "sync/sessions.rs"]
mod sessions;
#[path = "sync/set_back.rs"]
mod set_back;
#[path = "sync/status.rs"]
mod status;
#[path = "sync/stories.rs"]
mod stories;

#[path = "sync/taken_back.rs"]
mod taken_back;
#[path = "sync/visits.rs"]
mod visits;

#[path = "sync/access.rs"]
mod access;
