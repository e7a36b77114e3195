//! The guard that every foreign change passes: an enrolled device turns hostile, and nothing of ours breaks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "guard/corpus.rs"]
mod corpus;
#[path = "guard/full.rs"]
mod full;
#[path = "guard/refusals.rs"]
mod refusals;
#[path = "guard/streams.rs"]
mod streams;
#[path = "guard/structure.rs"]
mod structure;
#[path = "guard/values.rs"]
mod values;
