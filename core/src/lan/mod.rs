//! Sync over a local network, ready to use: sockets and threads around the sessions of [`crate::sync`], which know
//! neither.
//!
//! - [`stream`]: what carries bytes, a TCP socket or a platform's own;
//! - [`session`]: one session over it; [`joining`]: one new device taken in over it;
//! - [`listener`]: a socket at which several peers arrive at once;
//! - [`discovery`]: devices nearby, by mDNS (feature `discovery`);
//! - `pump`: the two threads at each connection.

#[cfg(feature = "discovery")]
pub mod discovery;
pub mod joining;
pub mod listener;
mod pump;
pub mod session;
pub mod stream;

#[cfg(feature = "discovery")]
pub use discovery::{Nearby, NearbyDevice, Sighting};
pub use joining::{join, take_in};
pub use listener::{Arrival, Listener, MOST_PEERS, reach};
pub use session::{Until, accept, connect};
pub use stream::Stream;
