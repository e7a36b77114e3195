//! Two threads at one connection, and what they tell: bytes came, bytes went, it ended. Whoever feeds a session from
//! this waits in one place for all of it, and is never held up by a peer that does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::stream::Stream;
use crate::exchange::CancelToken;
use crate::store::{ChangeListener, Changes, ListenerFailed};

/// How much is read or written at once.
pub(super) const PORTION: usize = 64 * 1024;
/// What was read and not yet taken in; then the reader waits, and with it the peer.
const WAITING: usize = 4;
/// How often somebody's wish to end is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long the other side may take to end after the last bytes, and a session's last word to leave.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// What happened.
pub(super) enum Event {
    /// Bytes came.
    Read(Vec<u8>),
    /// The other side writes no more, or the connection broke.
    Ended,
    /// What was given was written.
    Written,
    /// It could not be written.
    Unwritten,
    /// Something was committed in the store.
    Committed,
    /// Nothing happened for as long as was to be waited.
    Nothing,
    /// The end was asked for.
    Canceled,
}

/// One connection with its threads.
pub(super) struct Pump<'a> {
    stream: &'a dyn Stream,
    cancel: &'a CancelToken,
    events: Receiver<Event>,
    outgoing: SyncSender<Vec<u8>>,
    committed: Committed,
    /// The writer has something to write.
    busy: bool,
    /// Nothing more will come, or go.
    ended: bool,
}

/// Tells the loop that something was committed. Never waits: the mark stays where the loop is busy.
#[derive(Clone)]
pub(super) struct Committed {
    mark: Arc<AtomicBool>,
    wake: SyncSender<Event>,
}

impl ChangeListener for Committed {
    fn on_change(&self, _: &Changes) -> Result<(), ListenerFailed> {
        self.mark.store(true, Ordering::SeqCst);
        let _ = self.wake.try_send(Event::Committed);
        Ok(())
    }
}

impl<'a> Pump<'a> {
    /// Runs work with a connection; both threads have ended and it is closed when this returns.
    pub fn run<T>(
        stream: &'a dyn Stream,
        cancel: &'a CancelToken,
        work: impl FnOnce(&mut Pump<'_>) -> T,
    ) -> T {
        thread::scope(|scope| {
            let (wake, events) = sync_channel(WAITING);
            let (outgoing, portions) = sync_channel::<Vec<u8>>(1);
            let (read, written) = (wake.clone(), wake.clone());
            scope.spawn(move || reading(stream, &read));
            scope.spawn(move || writing(stream, &portions, &written));
            let committed = Committed { mark: Arc::default(), wake };
            let mut pump = Pump { stream, cancel, events, outgoing, committed, busy: false, ended: false };
            // It is dropped before the threads are waited for, and they end with that.
            work(&mut pump)
        })
    }

    /// A listener for the store.
    pub fn listener(&self) -> Arc<dyn ChangeListener> {
        Arc::new(self.committed.clone())
    }

    /// Whether bytes may be given to be written.
    pub fn is_free(&self) -> bool {
        !self.busy && !self.ended
    }

    /// Whether everything that was given has been written, or never will be.
    pub fn is_drained(&self) -> bool {
        !self.busy || self.ended
    }

    /// Gives bytes to be written; only when [`Self::is_free`].
    pub fn write(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.busy = self.outgoing.send(bytes).is_ok();
            self.ended |= !self.busy;
        }
    }

    /// Waits for what happens next, at most so long.
    pub fn wait(&mut self, most: Duration) -> Event {
        let until = Instant::now() + most;
        loop {
            if self.cancel.is_canceled() {
                return Event::Canceled;
            }
            if self.committed.mark.swap(false, Ordering::SeqCst) {
                return Event::Committed;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.receive(left.min(LOOK)) {
                Event::Nothing if left > LOOK => {}
                Event::Committed => {} // the mark says it
                event => return event,
            }
        }
    }

    fn receive(&mut self, most: Duration) -> Event {
        let event = match self.events.recv_timeout(most) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => Event::Nothing,
            Err(RecvTimeoutError::Disconnected) => Event::Ended,
        };
        match event {
            Event::Written => self.busy = false,
            Event::Ended | Event::Unwritten => self.ended = true,
            _ => {}
        }
        event
    }

    /// Writes what is left and says that it was all; then waits a moment for the other side to end too, or it might lose
    /// what it has not read. Whoever has nothing left to say was told that it is over, and ends at once.
    ///
    /// Each portion that is left has `patience` to leave, unless the end was asked for.
    pub fn finish(&mut self, patience: Duration, mut take: impl FnMut(usize) -> Vec<u8>) {
        let begun = Instant::now();
        let mut until = begun + patience;
        let (mut said, mut last) = (self.busy, false);
        while !self.ended {
            if !self.busy && !last {
                let bytes = take(PORTION);
                last = bytes.is_empty();
                until = Instant::now() + if last { LINGER } else { patience };
                match (last, said) {
                    (false, _) => self.write(bytes),
                    (true, true) => self.stream.finish(),
                    (true, false) => return,
                }
                said = true;
            }
            let until = if self.cancel.is_canceled() { until.min(begun + LINGER) } else { until };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.receive(left.min(LOOK));
        }
    }
}

/// Whoever waits at the connection is let go, and whoever wants to tell something finds nobody.
impl Drop for Pump<'_> {
    fn drop(&mut self) {
        self.stream.close();
    }
}

fn reading(stream: &dyn Stream, tell: &SyncSender<Event>) {
    let mut buffer = vec![0; PORTION];
    loop {
        let event = match stream.read(&mut buffer) {
            Ok(0) | Err(_) => Event::Ended,
            Ok(count) => Event::Read(buffer[..count.min(PORTION)].to_vec()),
        };
        let ended = matches!(event, Event::Ended);
        if tell.send(event).is_err() || ended {
            return;
        }
    }
}

fn writing(stream: &dyn Stream, portions: &Receiver<Vec<u8>>, tell: &SyncSender<Event>) {
    for bytes in portions {
        let written = stream.write_all(&bytes).is_ok();
        let event = if written { Event::Written } else { Event::Unwritten };
        if tell.send(event).is_err() || !written {
            return;
        }
    }
}
