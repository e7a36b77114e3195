//! One session over one connection, from the first byte to the report.

use std::time::{Duration, Instant};

use super::pump::{Event, LINGER, PORTION, Pump};
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::exchange::CancelToken;
use crate::store::Store;
use crate::sync::{Session, SyncFailed, SyncProgress, SyncReport, SyncState};

/// Whoever was connected to leaves after so long a rest: the other side, which begins rounds, knows better when all is
/// done.
const REST: Duration = Duration::from_secs(2);

/// How often a session looks whether its store is still open.
const LOOK: Duration = Duration::from_millis(500);

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until each side has what the other could give.
    AtRest,
    /// Until somebody ends it: what is committed meanwhile is sent at once.
    Left,
}

/// Syncs as the side that connected. Whatever is committed stays, whatever becomes of the connection; why a session
/// ended before its time is in the report.
///
/// # Errors
/// When this store fails: closed, keys lost, disk full. The peer is told that the session is over, and nothing is lost.
pub fn connect(
    store: &Store,
    stream: &dyn Stream,
    until: Until,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(SyncProgress),
) -> Result<SyncReport> {
    carry(store, stream, Side::Connected, until, cancel, &mut |_, so_far| progress(so_far))
}

/// Syncs as the side that was connected to.
///
/// # Errors
/// As [`connect`].
pub fn accept(
    store: &Store,
    stream: &dyn Stream,
    until: Until,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(SyncProgress),
) -> Result<SyncReport> {
    carry(store, stream, Side::WasConnectedTo, until, cancel, &mut |_, so_far| progress(so_far))
}

/// Who began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// This device.
    Connected,
    /// The other.
    WasConnectedTo,
}

/// Syncs as either side; how far it is, is told with the session, which knows who the peer is.
pub(super) fn carry(
    store: &Store,
    stream: &dyn Stream,
    side: Side,
    until: Until,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(&Session, SyncProgress),
) -> Result<SyncReport> {
    let (mut session, rest) = match side {
        Side::Connected => (store.sync().connect()?, Duration::ZERO),
        Side::WasConnectedTo => (store.sync().accept()?, REST),
    };
    let ended = Pump::run(stream, cancel, |pump| {
        let watch = store.watch(pump.listener())?;
        let (session, ends) = (&mut session, (until, rest));
        let ended = Carrier { session, pump, ends, progress, begun: Instant::now(), told: None }.run();
        watch.cancel();
        ended
    });
    let report = session.report();
    match ended {
        Ok(early) => Ok(SyncReport { failed: report.failed.clone().or(early), ..report }),
        Err(Error::Sync(failed)) => Ok(SyncReport { failed: Some(failed), ..report }),
        Err(error) => Err(error),
    }
}

struct Carrier<'a, 'b> {
    session: &'a mut Session,
    pump: &'a mut Pump<'b>,
    ends: (Until, Duration),
    progress: &'a mut dyn FnMut(&Session, SyncProgress),
    begun: Instant,
    told: Option<SyncProgress>,
}

impl Carrier<'_, '_> {
    /// Runs the session to its end; why it ended early, where the session itself does not know.
    fn run(mut self) -> Result<Option<SyncFailed>> {
        let ended = self.talk();
        if matches!(ended, Ok(None | Some(SyncFailed::Canceled))) {
            self.session.leave();
        }
        // What still says why it ended goes out; an error of this store is told already.
        self.pump.finish(LINGER, |most| self.session.take(most).unwrap_or_default());
        self.tell();
        ended
    }

    fn talk(&mut self) -> Result<Option<SyncFailed>> {
        let mut rested = None;
        loop {
            let now = self.begun.elapsed();
            self.session.tick(now)?;
            if self.pump.is_free() {
                let bytes = self.session.take(PORTION)?;
                self.pump.write(bytes);
            }
            self.tell();
            let state = self.session.progress().state;
            if state == SyncState::Over {
                return Ok(None);
            }
            let (until, rest) = self.ends;
            let at_rest = until == Until::AtRest && self.session.is_at_rest() && self.pump.is_drained();
            let since = *rested.get_or_insert(now);
            if !at_rest {
                rested = None;
            } else if now.saturating_sub(since) >= rest {
                return Ok(None);
            }
            let timeout = self.session.next_timeout().unwrap_or(now);
            let timeout = rested.map_or(timeout, |since| timeout.min(since + rest));
            match self.pump.wait(timeout.saturating_sub(now).min(LOOK)) {
                Event::Read(bytes) => {
                    rested = None;
                    self.session.feed(&bytes)?;
                }
                Event::Committed => self.session.catch_up()?,
                Event::Ended => return Ok(Some(SyncFailed::Cut)),
                Event::Canceled => return Ok(Some(SyncFailed::Canceled)),
                // What the other side said before it went away is still read.
                Event::Unwritten | Event::Written | Event::Nothing => {}
            }
        }
    }

    fn tell(&mut self) {
        let progress = self.session.progress();
        if self.told != Some(progress) {
            self.told = Some(progress);
            (self.progress)(self.session, progress);
        }
    }
}
