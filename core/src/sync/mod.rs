//! Sync: what devices send each other, and in what order. Bytes in, bytes out; no socket, clock or thread.
//!
//! - [`digest`]: what is held, as digests;
//! - [`wire`]: the messages;
//! - [`replica`]: one side's replication with one proven peer;
//! - [`peers`]: what the store knows of its peers.

pub mod digest;
pub(crate) mod peers;
pub(crate) mod replica;
pub(crate) mod wire;
