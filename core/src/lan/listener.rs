//! A socket at which peers arrive, several at once.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::session::{Until, accept};
use crate::error::Result;
use crate::exchange::CancelToken;
use crate::store::Store;
use crate::sync::{SyncProgress, SyncReport};

/// Connections that are held at once; whoever comes on top is not let in.
pub const MOST_PEERS: usize = 16;
/// How often arrivals, and somebody's wish to end, are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What happens at a listener. Connections are numbered from 1 in the order in which they came.
#[derive(Debug)]
pub enum Arrival {
    /// Somebody connected; who it is will be seen.
    Came(u64, SocketAddr),
    /// How far its session is.
    Progress(u64, SyncProgress),
    /// Its session is over; an error is this store's own.
    Over(u64, Result<SyncReport>),
}

/// A socket at which peers arrive.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Listens at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is not this machine's or is taken.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Waits for the next connection; nothing when the end was asked for or the time is over.
    ///
    /// # Errors
    /// When the socket broke.
    pub fn next(
        &self,
        until: Option<Instant>,
        cancel: &CancelToken,
    ) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        while !cancel.is_canceled() && until.is_none_or(|until| Instant::now() < until) {
            match self.0.accept() {
                Ok((stream, from)) => {
                    // Some systems say of a connection that went away meanwhile that it cannot be set.
                    let set = stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true));
                    if set.is_ok() {
                        return Ok(Some((stream, from)));
                    }
                }
                // Whoever went away before it was let in is not this socket's failure.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::Interrupted
                            | io::ErrorKind::ConnectionAborted
                            | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    thread::sleep(LOOK);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Syncs with whoever comes, each on a thread of its own, until the end is asked for. What happens is told on those
    /// threads.
    ///
    /// # Errors
    /// When the socket broke.
    pub fn serve(
        &self,
        store: &Store,
        until: Until,
        cancel: &CancelToken,
        tell: &(dyn Fn(Arrival) + Sync),
    ) -> io::Result<()> {
        let (numbers, held) = (AtomicU64::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            while let Some((stream, from)) = self.next(None, cancel)? {
                if held.load(Ordering::SeqCst) >= MOST_PEERS {
                    continue; // dropped, and so closed
                }
                held.fetch_add(1, Ordering::SeqCst);
                let number = numbers.fetch_add(1, Ordering::SeqCst) + 1;
                let held = &held;
                scope.spawn(move || {
                    tell(Arrival::Came(number, from));
                    let mut progress = |progress| tell(Arrival::Progress(number, progress));
                    let over = accept(store, &stream, until, cancel, &mut progress);
                    drop(stream);
                    held.fetch_sub(1, Ordering::SeqCst);
                    tell(Arrival::Over(number, over));
                });
            }
            Ok(())
        })
    }
}
