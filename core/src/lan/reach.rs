//! A peer that is known by host and port: from a platform's own discovery, or because somebody typed them.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::network::NetworkFailed;
use super::session::{Until, connect};
use crate::error::{Error, Result};
use crate::exchange::CancelToken;
use crate::store::Store;
use crate::sync::{SyncFailed, SyncProgress, SyncReport};

/// How long a peer may take to be reached at one address.
const REACH: Duration = Duration::from_secs(10);
/// How often somebody's wish to end is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Reaches a peer at one of the addresses that a name has.
///
/// # Errors
/// When none answers.
pub fn reach(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, REACH) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The same, given up at once when the end is asked for. Finding a name's addresses and connecting cannot be interrupted:
/// both go on by themselves until they time out, and what comes of them is dropped.
///
/// # Errors
/// When none answers, and [`io::ErrorKind::Interrupted`] when the end was asked for.
pub fn reach_unless<A>(address: A, cancel: &CancelToken) -> io::Result<TcpStream>
where
    A: Addresses,
{
    let (reached, reaching) = channel();
    thread::Builder::new().name("caseplan-reach".to_owned()).spawn(move || {
        // Nobody waits any more where this cannot be sent.
        let _ = reached.send(address.addresses().and_then(|addresses| reach(addresses.as_slice())));
    })?;
    while !cancel.is_canceled() {
        match reaching.recv_timeout(LOOK) {
            Ok(reached) => return reached,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// Where a peer may listen.
pub trait Addresses: Send + 'static {
    /// The addresses, the likeliest first.
    ///
    /// # Errors
    /// When a name has none.
    fn addresses(&self) -> io::Result<Vec<SocketAddr>>;
}

impl Addresses for Vec<SocketAddr> {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(self.clone())
    }
}

impl Addresses for (String, u16) {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.0.as_str(), self.1).to_socket_addrs()?.collect())
    }
}

/// Reaches a peer and syncs with it. Whoever missed the end of a device knows the network by a secret before, and answers to
/// nothing else: each attempt that is not answered is followed by one with another secret, until all that are kept were
/// tried.
///
/// # Errors
/// [`Error::Network`] when nobody answers there, [`Error::Canceled`], and as [`connect`].
pub fn sync_with(
    store: &Store,
    address: impl Addresses + Clone,
    until: Until,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(SyncProgress),
) -> Result<SyncReport> {
    let mut session = || {
        let stream = reach_unless(address.clone(), cancel).map_err(|error| match cancel.is_canceled() {
            true => Error::Canceled,
            false => NetworkFailed::to_reach(&error).into(),
        })?;
        connect(store, &stream, until, cancel, progress)
    };
    let mut report = session()?;
    // The newest is tried before each of the others: a peer that was taken in since knows no other.
    let tries = 2 * store.network_secrets().len().saturating_sub(1);
    for _ in 1..tries {
        let unanswered = report.peer.is_none() && report.failed == Some(SyncFailed::Cut);
        if !unanswered || cancel.is_canceled() {
            break;
        }
        report = session()?;
    }
    Ok(report)
}
