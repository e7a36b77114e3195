//! Sync between devices: what goes over a wire, without sockets, clocks or threads.
//!
//! - [`channel`]: one connection, encrypted: bytes in, messages out, and the reverse;
//! - [`enrolment`]: how a new device is taken in: by a QR code, or by a short code that is spoken;
//! - [`hand_over`]: a file that is sealed for one device;
//! - [`session`]: one session with one peer: bytes in, bytes out;
//! - [`replica`]: what is said in a session, and in what order;
//! - [`wire`]: the messages;
//! - [`digest`]: what is held, as digests;
//! - [`peers`]: what the store knows of its peers.
//!
//! `sync.md` §3, §4, §5 and §10 fix what is here; `docs/sync.md` tells it so that another team could write it again.

pub mod channel;
pub mod digest;
pub mod enrolment;
pub mod hand_over;
mod noise;
pub(crate) mod peers;
pub(crate) mod replica;
pub mod session;
pub(crate) mod wire;
