//! Sync between devices: what goes over a wire, without sockets, clocks or threads.
//!
//! - [`channel`]: one connection, encrypted: bytes in, messages out, and the reverse;
//! - [`enrolment`]: how a new device is taken in: by a QR code, or by a short code that is spoken;
//! - [`hand_over`]: a file that is sealed for one device.
//!
//! `sync.md` §3, §4 and §10 fix what is here; `docs/sync.md` tells it so that another team could write it again.

pub mod channel;
pub mod enrolment;
pub mod hand_over;
mod noise;
