//! One session with one peer: bytes in, bytes out. It knows no socket, no clock and no thread: whoever carries the
//! bytes says how much time has passed.
//!
//! It opens the channel, proves who both sides are, and then carries the replication's messages. A session may be cut
//! at any byte: what was committed stays, and the next one goes on from there.

mod chain;
mod greeting;
mod overheard;
mod portion;
mod report;

use std::time::Duration;

use super::channel::{Channel, Established, Padding, Side};
use super::replica::{Replica, ReplicaFailed, SyncCounts};
use super::wire::Wire;
use crate::error::{Error, Result};
use crate::identity::Certificate;
use crate::ids::DeviceId;
use crate::store::Store;

use chain::encode_chain;
use overheard::Overheard;
pub use report::{SyncFailed, SyncProgress, SyncReport, SyncState};

/// A side that has said nothing for so long says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A peer that has said nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(60);
/// How long it may take to find out who the other side is, however slowly it speaks.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// How often everything is looked over while a session stays open.
const FULL_ROUND: Duration = Duration::from_secs(15 * 60);
/// No more bytes are sealed ahead of what the wire takes.
const AHEAD: usize = 256 * 1024;
/// A difference between two clocks that is worth saying.
const CLOCKS_DIFFER: i64 = 10 * 60;

/// One session.
pub struct Session {
    store: Store,
    side: Side,
    channel: Channel,
    /// Which try of a network secret this is, until it is answered.
    turn: Option<usize>,
    stage: Stage,
    heard: Duration,
    spoke: Duration,
    rounds: Duration,
    now: Duration,
    bytes: u64,
    peer: Option<Certificate>,
    clock_ahead: Option<i64>,
    equal: bool,
    counts: SyncCounts,
    failed: Option<SyncFailed>,
    overheard: Overheard,
}

enum Stage {
    /// The handshake is under way.
    Shaking,
    /// The handshake is over; the other side's hello is awaited.
    Greeting(Established),
    /// Both sides are proven.
    Open(Box<Replica>),
    Over,
}

impl Session {
    /// The side that connects, speaking these versions.
    pub(crate) fn initiate(store: &Store, versions: &[u32]) -> Result<Self> {
        let (keys, random) = (store.keys()?, store.inner.config.random.clone());
        let (turn, secret) = store.network_secret_to_try()?;
        let proof = encode_chain(&store.own_chain());
        let channel = Channel::initiate_speaking(versions, &keys, &secret, proof, random.as_ref());
        Ok(Self { turn: Some(turn), ..Self::new(store, channel.map_err(SyncFailed::from)?) })
    }

    /// The side that is connected to, speaking these versions.
    pub(crate) fn respond(store: &Store, versions: &[u32]) -> Result<Self> {
        let (keys, random) = (store.keys()?, store.inner.config.random.clone());
        let secrets = store.network_secrets().iter().map(|secret| **secret).collect();
        let channel = Channel::respond_speaking(versions, &keys, secrets, random.as_ref());
        Ok(Self::new(store, channel.map_err(SyncFailed::from)?))
    }

    fn new(store: &Store, channel: Channel) -> Self {
        Self {
            store: store.clone(),
            side: channel.side(),
            channel,
            turn: None,
            stage: Stage::Shaking,
            heard: Duration::ZERO,
            spoke: Duration::ZERO,
            rounds: Duration::ZERO,
            now: Duration::ZERO,
            bytes: 0,
            peer: None,
            clock_ahead: None,
            equal: false,
            counts: SyncCounts::default(),
            failed: None,
            overheard: Overheard::default(),
        }
    }

    /// Takes bytes from the wire, in any portion. What is whole in them is committed when this returns.
    ///
    /// # Errors
    /// [`Error::Sync`] when the session is over before its time; bytes that are still to be sent may say why.
    /// [`Error::Storage`] and others when this store fails: the session is over, and nothing was lost.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        if matches!(self.stage, Stage::Over) {
            return Ok(());
        }
        self.heard = self.now;
        self.bytes += bytes.len() as u64;
        if let Some(turn) = self.turn.take_if(|_| !bytes.is_empty()) {
            self.store.was_answered(turn);
        }
        self.channel.feed(bytes);
        let result = self.take_in();
        self.ended(result)
    }

    /// Bytes for the wire, at most so many; none until something comes or is committed.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn take(&mut self, most: usize) -> Result<Vec<u8>> {
        let result = self.fill();
        self.ended(result)?;
        let bytes = self.channel.take(most);
        if !bytes.is_empty() {
            self.spoke = self.now;
            self.bytes += bytes.len() as u64;
        }
        Ok(bytes)
    }

    /// Says how much time has passed since the session began: a silent peer is given up, a long session looks
    /// everything over now and then.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn tick(&mut self, now: Duration) -> Result<()> {
        self.now = self.now.max(now);
        if matches!(self.stage, Stage::Over) {
            return Ok(());
        }
        if let Err(error) = self.store.ready() {
            return self.ended(Err(error));
        }
        let unknown = matches!(self.stage, Stage::Shaking | Stage::Greeting(_));
        if self.now >= self.heard + STALLED || unknown && self.now >= HANDSHAKE {
            return self.ended(Err(SyncFailed::Stalled.into()));
        }
        if let Stage::Open(replica) = &mut self.stage {
            if self.now >= self.spoke + HEARTBEAT {
                replica.allow_rounds_in_passing();
                let (kind, body) = Wire::Alive.encode();
                let sent = self.channel.send(kind, &body, Padding::None).map_err(SyncFailed::from);
                self.spoke = self.now;
                return self.ended(sent.map_err(Error::from));
            }
            if self.now >= self.rounds + FULL_ROUND {
                self.rounds = self.now;
                let begun = replica.begin_round();
                return self.ended(begun);
            }
        }
        Ok(())
    }

    /// When [`Self::tick`] wants to be called, at the latest; nothing when the session is over.
    pub fn next_timeout(&self) -> Option<Duration> {
        let stalled = self.heard + STALLED;
        match &self.stage {
            Stage::Over => None,
            Stage::Open(_) => Some(stalled.min(self.spoke + HEARTBEAT).min(self.rounds + FULL_ROUND)),
            _ => Some(stalled.min(HANDSHAKE)),
        }
    }

    /// Something was committed in the store: by the worker, or by a session with somebody else.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn catch_up(&mut self) -> Result<()> {
        let result = match &mut self.stage {
            Stage::Open(replica) => replica.catch_up(),
            _ => Ok(()),
        };
        self.ended(result)
    }

    /// Ends the session in good order: what waits to be sent is still to be taken.
    pub fn leave(&mut self) {
        if let Stage::Open(replica) = &mut self.stage {
            let _ = replica.leave();
        } else {
            self.stage = Stage::Over;
        }
    }

    /// How far it is.
    pub fn progress(&self) -> SyncProgress {
        let (state, counts, equal) = match &self.stage {
            Stage::Shaking | Stage::Greeting(_) => (SyncState::Connecting, self.counts, false),
            Stage::Open(replica) if replica.is_equal() && replica.is_at_rest() => {
                (SyncState::UpToDate, replica.counts(), true)
            }
            Stage::Open(replica) => (SyncState::Syncing, replica.counts(), false),
            Stage::Over => (SyncState::Over, self.counts, self.equal && self.counts.on_the_way == 0),
        };
        let SyncCounts { sent, received, on_the_way, documents, .. } = counts;
        SyncProgress { state, sent, received, on_the_way, documents, bytes: self.bytes, equal }
    }

    /// The peer, once it was proven.
    pub fn peer(&self) -> Option<DeviceId> {
        self.peer.as_ref().map(|certificate| certificate.device)
    }

    /// Whether nothing more will be said or heard.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over) && self.channel.pending() == 0
    }

    /// Whether everything that either side lacked has been sent, and the session only waits for what will be
    /// committed.
    pub fn is_at_rest(&self) -> bool {
        match &self.stage {
            Stage::Open(replica) => replica.is_at_rest() && self.channel.pending() == 0,
            Stage::Over => self.channel.pending() == 0,
            _ => false,
        }
    }

    /// What it did so far.
    pub fn report(&self) -> SyncReport {
        let (counts, equal) = match &self.stage {
            Stage::Open(replica) => (replica.counts(), replica.is_equal()),
            _ => (self.counts, self.equal),
        };
        SyncReport {
            peer: self.peer(),
            worker: self.peer.as_ref().map(|certificate| certificate.worker.clone()),
            sent: counts.sent,
            received: counts.received,
            quarantined: counts.quarantined,
            only_here: self.store.only_here().ok(),
            equal,
            clock_ahead: self.clock_ahead,
            bytes: self.bytes,
            failed: self.failed.clone(),
        }
    }

    fn receive(&mut self, wire: Wire) -> Result<()> {
        match &mut self.stage {
            Stage::Open(replica) => {
                let taken = replica.receive(wire);
                self.received(taken)
            }
            Stage::Greeting(_) => self.on_hello(wire),
            Stage::Shaking => Err(SyncFailed::Protocol("order").into()),
            Stage::Over => Ok(()),
        }
    }

    fn received(&mut self, taken: std::result::Result<(), ReplicaFailed>) -> Result<()> {
        taken.map_err(|failed| match failed {
            ReplicaFailed::Protocol(what) => SyncFailed::Protocol(what).into(),
            ReplicaFailed::Peer(reason) => SyncFailed::GaveUp(reason).into(),
            ReplicaFailed::Store(error) => error,
        })?;
        self.fill()
    }

    /// Seals what the replication has to say, not further ahead than the wire takes.
    fn fill(&mut self) -> Result<()> {
        while self.channel.pending() < AHEAD {
            let Stage::Open(replica) = &mut self.stage else { return Ok(()) };
            let Some(wire) = replica.next()? else {
                if replica.is_over() {
                    self.close();
                }
                return Ok(());
            };
            self.say(&wire)?;
        }
        Ok(())
    }

    fn say(&mut self, wire: &Wire) -> Result<()> {
        self.overheard.note(wire);
        let (kind, body) = wire.encode();
        let padding = if wire.is_padded() { Padding::Block } else { Padding::None };
        Ok(self.channel.send(kind, &body, padding).map_err(SyncFailed::from)?)
    }

    fn close(&mut self) {
        if let Stage::Open(replica) = &self.stage {
            self.counts = replica.counts();
            self.equal = replica.is_equal();
        }
        self.stage = Stage::Over;
    }

    /// A failure ends the session; the peer is told why, as far as the channel still carries it.
    fn ended(&mut self, result: Result<()>) -> Result<()> {
        if let Err(error) = &result {
            let reason = match error {
                Error::Sync(failed) => {
                    self.failed = Some(failed.clone());
                    failed.code()
                }
                _ => "store",
            };
            let told = matches!(error, Error::Sync(SyncFailed::GaveUp(_)));
            self.close();
            if !told {
                let (kind, body) = Wire::Failed { reason: reason.to_owned(), retry_after: None }.encode();
                let _ = self.channel.send(kind, &body, Padding::Block);
            }
        }
        result
    }
}
