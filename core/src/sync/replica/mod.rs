//! One side's replication with one proven peer: messages in, messages out (`sync.md` §5).
//!
//! - [`authority`]: who may be believed, before any case data;
//! - [`round`]: which buckets of scopes, documents and changes differ;
//! - [`transfer`]: batches within a credit window, acknowledged after their commit;
//! - [`blobs`]: the bytes of attachments;
//! - [`live`]: what is committed while the session is open;
//! - [`late`]: work in documents that the two do not look at in rounds, because one of them is shut out.
//!
//! It knows neither sockets nor clocks nor encryption. What was committed before a session is cut stays, and the next
//! session goes on from there, because each begins with what both sides hold.

mod authority;
mod blobs;
mod late;
mod live;
mod round;
mod transfer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::digest::Digest;
use super::known::Handed;
use super::wire::Wire;
use crate::blob::BlobHash;
use crate::error::{Error, Result};
use crate::exchange::Import;
use crate::exchange::message::Message;
use crate::exchange::outgoing::Outgoing;
use crate::exchange::vector::Holding;
use crate::identity::LogVector;
use crate::identity::record::LogId;
use crate::ids::DeviceId;
use crate::planted::Late;
use crate::store::Store;

use round::Round;
use transfer::OnItsWay;

/// Who began the session. Only the initiator begins rounds, so that two never cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Initiator,
    Responder,
}

/// What the peer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// What it is entitled to.
    Full,
    /// Nothing: its certificate has ended or expired. It may hand over its own work.
    UploadOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Authority records are exchanged; no case data yet.
    Authority,
    /// A round is under way.
    Round,
    /// Both sides hold the same, and what is committed is sent at once.
    Live,
    /// This device hands over its own work and gets nothing.
    Upload,
    /// Nothing more is said or heard.
    Over,
}

/// What a session has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncCounts {
    /// Changes that were sent and acknowledged.
    pub sent: u64,
    /// Changes that were received.
    pub received: u64,
    /// Changes of these that did not go in, kept with a reason.
    pub quarantined: u64,
    /// Changes that are known to be still on their way, in either direction.
    pub on_the_way: u64,
    /// Documents of which something was sent and acknowledged, or received.
    pub documents: u64,
}

/// Why a peer's message cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplicaFailed {
    /// A message out of its turn, over a limit, or with a meaning that it cannot have.
    #[error("the peer does not follow the protocol: {0}")]
    Protocol(&'static str),
    /// This side's store failed.
    #[error(transparent)]
    Store(#[from] Error),
    /// The peer gave up.
    #[error("the peer gave up: {0}")]
    Peer(String),
}

/// One side's replication.
pub(crate) struct Replica {
    store: Store,
    import: Import,
    late: Late<Message>,
    peer: DeviceId,
    side: Side,
    access: Access,
    stage: Stage,
    /// The peer has said what records it holds.
    heard: bool,
    /// The peer's records have come: case data may follow.
    settled: bool,
    out: VecDeque<Wire>,
    /// Documents that the peer lacks something of.
    queue: VecDeque<Outgoing>,
    /// Whether something that was queued was not sent, or did not stay where it was sent to.
    passed_over: bool,
    /// Batches that were sent and not acknowledged.
    window: VecDeque<OnItsWay>,
    /// Scopes that this session has introduced.
    founded: BTreeSet<[u8; 16]>,
    /// What the peer is known to hold of documents that this session has touched.
    theirs: BTreeMap<[u8; 16], Holding>,
    /// Documents of which the peer told all that it holds.
    told: BTreeSet<[u8; 16]>,
    /// What of that the store has not kept yet.
    unkept: BTreeSet<[u8; 16]>,
    round: Round,
    /// How many rounds the initiator may begin before anything comes or goes.
    rounds_left: u32,
    /// The newest change of the store that this session has looked at.
    seen: i64,
    /// What the peer holds of each log that both are in.
    records: BTreeMap<LogId, LogVector>,
    /// What this side held of its logs when it said a digest of them: the peer's too, if it does not object.
    offered: BTreeMap<LogId, LogVector>,
    /// What the peer has said of its logs, until it has said all.
    logs: Vec<(LogId, LogVector)>,
    log_entries: usize,
    /// Whether it has, and is not answered yet.
    logs_told: bool,
    /// Whether it ever has: it says so once.
    logs_heard: bool,
    /// Late work of which the peer is asked what it holds, in pages that it has not answered,
    late_asked: VecDeque<Vec<late::Asked>>,
    /// and the documents of which it has been asked.
    late_known: BTreeSet<i64>,
    /// Of documents that were looked at so, what it has answered, and what it took in of what this session sent.
    handed: BTreeMap<[u8; 16], Handed>,
    /// Whether a document was passed over because something of it was on its way.
    late_skipped: bool,
    /// How many records there were when they were last looked at,
    record_count: usize,
    /// and a digest of those that are of logs which both are in.
    logs_seen: Digest,
    /// A blob's portion that was asked for: scope, hash, offset.
    wanting: Option<([u8; 16], BlobHash, u64)>,
    /// Blobs that this peer does not have.
    not_there: BTreeSet<([u8; 16], BlobHash)>,
    counts: SyncCounts,
    quarantined: usize,
    equal: bool,
    /// Scopes of which both were seen to hold the same, until that is known of all.
    same: Vec<[u8; 16]>,
}

impl Replica {
    /// The replication with a peer whose certificate was proven in the handshake.
    pub fn new(store: Store, peer: DeviceId, side: Side) -> Result<Self> {
        let import = Import::from_peer(store.clone(), peer)?;
        let seen = store.read(|reading| Ok(reading.newest_change()?))?;
        let record_count = store.record_count();
        let mut replica = Self {
            store,
            import,
            late: Late::default(),
            peer,
            side,
            access: Access::Full,
            stage: Stage::Authority,
            heard: false,
            settled: false,
            out: VecDeque::new(),
            queue: VecDeque::new(),
            window: VecDeque::new(),
            founded: BTreeSet::new(),
            theirs: BTreeMap::new(),
            told: BTreeSet::new(),
            unkept: BTreeSet::new(),
            round: Round::default(),
            rounds_left: round::MOST_ROUNDS_ASKED,
            seen,
            records: BTreeMap::new(),
            offered: BTreeMap::new(),
            logs: Vec::new(),
            log_entries: 0,
            logs_told: false,
            logs_heard: false,
            late_asked: VecDeque::new(),
            late_known: BTreeSet::new(),
            handed: BTreeMap::new(),
            late_skipped: false,
            passed_over: false,
            record_count,
            logs_seen: Digest::default(),
            wanting: None,
            not_there: BTreeSet::new(),
            counts: SyncCounts::default(),
            quarantined: 0,
            equal: false,
            same: Vec::new(),
        };
        if side == Side::Responder {
            replica.say_authority()?;
        }
        Ok(replica)
    }

    /// What was done so far.
    pub fn counts(&self) -> SyncCounts {
        let waiting = self.queue.iter().map(|outgoing| outgoing.left() as u64).sum::<u64>()
            + self.window.iter().map(|batch| batch.count).sum::<u64>();
        let coming = self.round.coming.saturating_sub(self.round.received);
        let documents = self.theirs.len() as u64;
        SyncCounts { on_the_way: waiting + coming, documents, ..self.counts }
    }

    /// Whether both sides were seen to hold the same in the last round.
    pub fn is_equal(&self) -> bool {
        self.equal
    }

    /// Whether a round is over and nothing is on its way.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Over)
            && self.out.is_empty()
            && self.queue.is_empty()
            && self.window.is_empty()
            && self.wanting.is_none()
            && self.late_asked.is_empty()
    }

    /// Whether nothing more will be said.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over && self.out.is_empty()
    }

    /// The next message for the peer; nothing until something comes from it or is committed here.
    pub fn next(&mut self) -> Result<Option<Wire>> {
        self.notice_records()?;
        if self.out.is_empty() {
            self.fill()?;
            self.want_blob()?;
        }
        Ok(self.out.pop_front())
    }

    /// Takes in a message. What it brings is committed when this returns.
    pub fn receive(&mut self, wire: Wire) -> Result<(), ReplicaFailed> {
        match wire {
            Wire::Bye => {
                self.stage = Stage::Over;
                self.out.clear();
                self.keep_theirs()?;
                self.settle();
                Ok(())
            }
            Wire::Failed { reason, .. } => Err(ReplicaFailed::Peer(reason)),
            Wire::Alive => Ok(()),
            _ if self.stage == Stage::Over => Ok(()),
            // One side may only hand over its own by now, and the other had not heard of that.
            _ if self.is_for_one_side() && wire.is_of_a_round() => Ok(()),
            Wire::Hello { .. } => Err(ReplicaFailed::Protocol("hello")),
            Wire::Authority { vector, cases } => self.on_authority(vector, cases),
            Wire::SomeLogs(logs) => self.on_some_logs(logs),
            Wire::Logs(logs) => self.on_logs(logs),
            Wire::SomeRecords(records) => self.on_some_records(&records),
            Wire::Records(records) => self.on_records(&records),
            Wire::UploadOnly => self.on_upload_only(),
            Wire::Scopes(root) => self.on_scopes(root),
            Wire::Equal => self.on_equal(),
            Wire::Buckets(digests) => self.on_buckets(&digests),
            Wire::Documents(listings) => self.on_documents(listings),
            Wire::Listed(buckets) => self.on_listed(&buckets),
            Wire::Vectors(vectors) => self.on_vectors(vectors),
            Wire::Asked => self.on_asked(),
            Wire::Coming { changes, .. } => {
                self.round.coming = changes.min(u64::from(u32::MAX));
                Ok(())
            }
            Wire::Founded(message) | Wire::Changes(message) | Wire::Snapshot(message) => {
                self.on_brought(vec![message])
            }
            Wire::More { document, changes } => self.on_more(document, changes),
            Wire::Ack { document, held } => self.on_ack(document, held),
            Wire::Sent => self.on_sent(),
            Wire::Late(work) => self.on_late(work),
            Wire::Lacks(vectors) => self.on_lacks(vectors),
            Wire::BlobWant { scope, hash, offset } => self.on_blob_want(scope, hash, offset),
            Wire::BlobPart { scope, hash, offset, bytes } => self.on_blob_part((scope, hash), offset, &bytes),
            Wire::Notice(notices) => {
                self.on_notice(&notices);
                Ok(())
            }
        }
    }

    /// Ends the session in good order.
    pub fn leave(&mut self) -> Result<()> {
        if self.stage != Stage::Over {
            self.keep_theirs()?;
            self.settle();
            self.out.push_back(Wire::Bye);
            self.stage = Stage::Over;
        }
        Ok(())
    }

    /// Whether there are no rounds any more, because one of the two is shut out.
    fn is_for_one_side(&self) -> bool {
        self.stage == Stage::Upload || self.access == Access::UploadOnly
    }

    fn expect(&self, stages: &[Stage], what: &'static str) -> Result<(), ReplicaFailed> {
        if stages.contains(&self.stage) { Ok(()) } else { Err(ReplicaFailed::Protocol(what)) }
    }
}

impl Drop for Replica {
    /// However the session ends: of which scopes both were seen to hold the same, where that is not known of all. It is for
    /// people: a store that cannot keep it now loses nothing by that.
    fn drop(&mut self) {
        if !self.same.is_empty() {
            let _ = self.store.note_equal_scopes(self.peer, &self.same);
        }
    }
}

#[cfg(test)]
mod tests;
