//! Sync between devices: what goes over a wire, without sockets, clocks or threads.
//!
//! - [`channel`]: one connection, encrypted: bytes in, messages out, and the reverse;
//! - [`enrolment`]: how a new device is taken in: by a QR code, or by a short code that is spoken;
//! - [`joining`]: enrolment on a store: invitations, tries and answers kept and judged;
//! - [`hand_over`]: a file that is sealed for one device;
//! - [`session`]: one session with one peer: bytes in, bytes out;
//! - [`proof`]: what a device shows to prove its certificate;
//! - [`replica`]: what is said in a session, and in what order;
//! - [`status`]: what an app is told of all this;
//! - [`wire`]: the messages;
//! - [`digest`]: what is held, as digests;
//! - [`peers`]: what the store knows of its peers;
//! - [`known`]: what each is known to hold.
//!
//! `sync.md` §3, §4, §5 and §10 fix what is here; `docs/sync.md` tells it so that another team could write it again.

pub mod channel;
pub mod digest;
pub mod enrolment;
pub mod hand_over;
pub mod joining;
pub(crate) mod known;
mod noise;
pub(crate) mod peers;
pub(crate) mod proof;
pub(crate) mod replica;
pub mod session;
pub mod status;
pub(crate) mod wire;

pub use hand_over::{HandOverFailed, HandOverReport, HandedOver, HandingOver, TakingOver};
pub use joining::{Invited, JoinAttempt, JoinRequest, TakeIn};
pub use session::{Session, SyncFailed, SyncProgress, SyncReport, SyncState};
pub use status::{CaseOnPeer, CaseSync, CaseSyncStatus, PeerStatus, Sync, SyncStatus};
