//! Sync with everybody nearby, as long as somebody wants it: this device announces itself, looks for others, and every
//! pair keeps one session open. Whoever is found may be a stranger, and is left alone once that is known.
//!
//! Of two devices that see each other the one with the lower name connects. The other one does so too if nobody of
//! this domain came from there after a moment: it may be the only one that sees the other, that is let through, or that missed
//! an end and knows only an older network secret.

use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use super::board::{Board, NearbyFailed, NearbyPeer};
use super::discovery::{Nearby, Sighting};
use super::listener::{Listener, MOST_PEERS};
use super::network::NetworkFailed;
use super::reach::reach_unless;
use super::session::{Side, Until, carry};
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::exchange::CancelToken;
use crate::random::Random;
use crate::store::Store;
use crate::sync::{Session, SyncProgress};

/// How often somebody's wish to end, and what is to be tried again, is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Announces this device under a random name, made anew each time, and syncs with every device of its domain that it
/// finds or that finds it, until the end is asked for. Sessions stay open: what is committed meanwhile is sent at once.
/// Whom it sees, and how each session stands, is told at once and whenever it changes, by one thread at a time.
///
/// # Errors
/// [`Error::Network`] when the system gives no sockets, and what the store itself fails with: closed, suspended, keys
/// lost, disk full. What was committed stays.
pub fn sync_nearby(
    store: &Store,
    random: &dyn Random,
    cancel: &CancelToken,
    tell: &(dyn Fn(Vec<NearbyPeer>) + Sync),
) -> Result<()> {
    // A store that can hold no session looks for nobody.
    drop(store.sync().accept()?);
    let listener = Listener::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|error| NetworkFailed::of(&error))?;
    let address = listener.address().map_err(|error| NetworkFailed::of(&error))?;
    let mut nearby = Nearby::search().map_err(|error| NetworkFailed::of(&error))?;
    let own = nearby.announce(address, random).map_err(|error| NetworkFailed::of(&error))?;
    let board = Mutex::new(Board::new(own));
    let meeting = Meeting { store, tell, board, stop: CancelToken::default(), failed: Mutex::default() };
    meeting.change(|_| ());
    thread::scope(|scope| {
        scope.spawn(|| meeting.listen(scope, &listener));
        meeting.look(scope, nearby, cancel);
        // Sessions take their leave; the goodbye has been said.
        meeting.stop.cancel();
    });
    match locked(&meeting.failed).take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

struct Meeting<'a> {
    store: &'a Store,
    tell: &'a (dyn Fn(Vec<NearbyPeer>) + Sync),
    board: Mutex<Board>,
    stop: CancelToken,
    /// The first failure that ends all of it.
    failed: Mutex<Option<Error>>,
}

impl Meeting<'_> {
    /// Looks for devices and connects to them, until the end is asked for or something failed.
    fn look<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, nearby: Nearby, cancel: &CancelToken) {
        while !cancel.is_canceled() && !self.stop.is_canceled() {
            if let Err(error) = self.store.ready() {
                self.fail(error);
            }
            match nearby.next(Some(Instant::now() + LOOK), &self.stop) {
                Ok(Some(Sighting::Here(device))) => self.change(|board| board.here(&device, Instant::now())),
                Ok(Some(Sighting::Gone(name))) => self.change(|board| board.gone(&name)),
                Ok(None) => {}
                Err(_) => self.fail(NetworkFailed::Interrupted.into()),
            }
            while let Some((number, addresses)) = locked(&self.board).next_to_reach(Instant::now()) {
                scope.spawn(move || match reach_unless(addresses, &self.stop) {
                    Ok(stream) => self.session(number, &stream, Side::Connected),
                    Err(_) => self.change(|board| {
                        board.over(number, Some(NearbyFailed::Unreachable), Instant::now());
                    }),
                });
            }
        }
    }

    /// Lets in whoever connects.
    fn listen<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, listener: &'scope Listener) {
        loop {
            match listener.next(None, &self.stop) {
                Ok(Some((stream, from))) => {
                    let number = locked(&self.board).came(from.ip(), MOST_PEERS);
                    // Whoever comes on top is dropped, and so closed.
                    if let Some(number) = number {
                        scope.spawn(move || self.session(number, &stream, Side::WasConnectedTo));
                    }
                }
                Ok(None) => return,
                Err(error) => return self.fail(NetworkFailed::of(&error).into()),
            }
        }
    }

    fn session(&self, number: u64, stream: &dyn Stream, side: Side) {
        let mut progress = |session: &Session, so_far: SyncProgress| {
            // Asked only once: a report counts what is only here.
            let unknown = session.peer().is_some() && locked(&self.board).is_unknown(number);
            let who = unknown.then(|| session.report());
            self.change(|board| {
                if let Some((Some(device), worker)) = who.map(|report| (report.peer, report.worker)) {
                    board.proven(number, device, worker);
                }
                board.progress(number, so_far);
            });
        };
        match carry(self.store, stream, side, Until::Left, &self.stop, &mut progress) {
            Ok(report) => self.change(|board| {
                board.over(number, report.failed.map(NearbyFailed::Sync), Instant::now());
            }),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&self, error: Error) {
        locked(&self.failed).get_or_insert(error);
        self.stop.cancel();
    }

    /// Changes what is seen, and tells it if it is anything new.
    fn change(&self, change: impl FnOnce(&mut Board)) {
        let mut board = locked(&self.board);
        change(&mut board);
        // Told while nobody else can change it, so that the last one told is how it stands.
        if let Some(peers) = board.news() {
            (self.tell)(peers);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_with_a_case;

    #[test]
    fn a_search_that_breaks_ends_with_a_reason() {
        let (store, _) = store_with_a_case("nearby-breaks");
        let tell = |_| ();
        let meeting = Meeting {
            store: &store,
            tell: &tell,
            board: Mutex::new(Board::new("0123456789abcdef".to_owned())),
            stop: CancelToken::default(),
            failed: Mutex::default(),
        };
        let nearby = Nearby::search().unwrap();
        nearby.break_off();
        thread::scope(|scope| meeting.look(scope, nearby, &CancelToken::default()));
        assert_eq!(*locked(&meeting.failed), Some(NetworkFailed::Interrupted.into()));
        assert!(meeting.stop.is_canceled(), "who listens ends too");
    }
}
