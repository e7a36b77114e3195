//! Sync over a local network, ready to use: sockets and threads around the sessions of [`crate::sync`], which know
//! neither.
//!
//! - [`stream`]: what carries bytes, a TCP socket or a platform's own;
//! - [`session`]: one session over it; [`joining`]: one new device taken in over it;
//! - [`listener`]: a socket at which several peers arrive at once;
//! - [`discovery`]: devices nearby, by mDNS, and [`nearby`]: sync with all of them (feature `discovery`);
//! - [`network`]: why there is no network;
//! - [`reach`]: a peer by host and port;
//! - `pump`: the two threads at each connection.

#[cfg(feature = "discovery")]
mod board;
#[cfg(feature = "discovery")]
pub mod discovery;
pub mod joining;
pub mod listener;
#[cfg(feature = "discovery")]
pub mod nearby;
pub mod network;
mod pump;
pub mod reach;
pub mod session;
pub mod stream;

#[cfg(feature = "discovery")]
pub use board::{NearbyFailed, NearbyPeer};
#[cfg(feature = "discovery")]
pub use discovery::{Nearby, NearbyDevice, Sighting};
pub use joining::{join, take_in};
pub use listener::{Arrival, Listener, MOST_PEERS};
#[cfg(feature = "discovery")]
pub use nearby::sync_nearby;
pub use network::NetworkFailed;
pub use reach::{reach, reach_unless, sync_with};
pub use session::{Until, accept, connect};
pub use stream::Stream;
