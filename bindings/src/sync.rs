//! Sessions with other devices, and the truth about what is where.

use std::sync::Arc;

use caseplan_core::exchange::HeldChange;
use caseplan_core::identity::Standing;
use caseplan_core::ids::{CaseId, DeviceId, WorkerId};
use caseplan_core::lan::{self, Until};
use caseplan_core::sync::{
    self, CaseOnPeer, CaseSync, CaseSyncStatus, PeerStatus, SyncFailed, SyncProgress, SyncState, SyncStatus,
};

use crate::connection::{Connection, CoreConnection};
use crate::error::{CallbackError, CaseplanError};
use crate::store::{CancelToken, CoreStore};
use crate::time::Timestamp;

/// Where a session is.
#[uniffi::remote(Enum)]
pub enum SyncState {
    /// The two sides find out who they are.
    Connecting,
    /// What differs is found and sent.
    Syncing,
    /// Both sides hold the same, and what is committed now is sent at once.
    UpToDate,
    /// It is over.
    Over,
}

/// How far a session is.
#[uniffi::remote(Record)]
pub struct SyncProgress {
    /// Where it is.
    pub state: SyncState,
    /// Changes that were sent and acknowledged.
    pub sent: u64,
    /// Changes that were received.
    pub received: u64,
    /// Changes that are known to be still on their way, in either direction.
    pub on_the_way: u64,
    /// Documents of which something was sent and acknowledged, or received.
    pub documents: u64,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Whether both sides hold the same, or did when it was over.
    pub equal: bool,
}

/// The part of what is known to be there that has been done, 0 to 1. It is 1 only when both sides hold the same, and
/// stays 1 when the session is over after that.
#[uniffi::export]
pub fn fraction_of(progress: SyncProgress) -> Result<f64, CaseplanError> {
    Ok(progress.fraction())
}

/// What a session did.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SyncReport {
    /// The peer, once it was proven.
    pub peer: Option<DeviceId>,
    /// Its worker.
    pub worker: Option<WorkerId>,
    /// Changes that were sent and acknowledged.
    pub sent: u64,
    /// Changes that were received.
    pub received: u64,
    /// Received changes that are kept apart, with a reason.
    pub quarantined: u64,
    /// Changes on this device that no peer is known to hold; nothing where they could not be counted.
    pub only_here: Option<u64>,
    /// Whether both sides were seen to hold the same.
    pub equal: bool,
    /// How much the other clock is ahead, in seconds, where that is more than ten minutes.
    pub clock_ahead: Option<i64>,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Why it ended before its time: the codes of [`CaseplanError::SyncFailed`].
    pub failed: Option<String>,
    /// Why the peer gave up, where `failed` is `gave_up`: one of the same codes, or `store` where its store failed.
    pub peer_failed: Option<String>,
}

impl From<sync::SyncReport> for SyncReport {
    fn from(report: sync::SyncReport) -> Self {
        let peer_failed = match &report.failed {
            Some(SyncFailed::GaveUp(reason)) => Some(reason.clone()),
            _ => None,
        };
        Self {
            peer: report.peer,
            worker: report.worker,
            sent: report.sent,
            received: report.received,
            quarantined: report.quarantined,
            only_here: report.only_here,
            equal: report.equal,
            clock_ahead: report.clock_ahead,
            bytes: report.bytes,
            failed: report.failed.map(|failed| failed.code().to_owned()),
            peer_failed,
        }
    }
}

/// A device that this one has met.
#[uniffi::remote(Record)]
pub struct PeerStatus {
    /// The device.
    pub device: DeviceId,
    /// Its worker, if its certificate is here.
    pub worker: Option<WorkerId>,
    /// How it stands now.
    pub standing: Standing,
    /// When a session with it last began, by this device's clock.
    pub met_at: Timestamp,
    /// When both were last seen to hold the same of what both may read.
    pub equal_at: Option<Timestamp>,
    /// Changes on this device that the peer may have, and is not known to hold: what is still on its way to it.
    pub to_send: u64,
}

/// What of a case exists only on this device.
#[uniffi::remote(Record)]
pub struct CaseSync {
    /// The case.
    pub case: CaseId,
    /// Changes on this device that no peer is known to hold: none that was ended, or that the case was taken back from.
    pub changes: u64,
    /// Those of them that record a contact: "3 visits exist only on this phone".
    pub contacts: u64,
}

/// How a case stands with another device that may read something of it.
#[uniffi::remote(Record)]
pub struct CaseOnPeer {
    /// The device; this one need not have met it.
    pub device: DeviceId,
    /// Its worker.
    pub worker: WorkerId,
    /// When both were last seen to hold the same of all that both may read of the case, by this device's clock.
    pub equal_at: Option<Timestamp>,
    /// Changes of the case on this device that the peer may have, and is not known to hold: what is still on its way to it.
    pub to_send: u64,
}

/// The truth about the sync of one case.
#[uniffi::remote(Record)]
pub struct CaseSyncStatus {
    /// What of it exists only here.
    pub only_here: CaseSync,
    /// The devices that may read something of it, the one that was equal last first; those that never were come last.
    pub peers: Vec<CaseOnPeer>,
    /// Changes of it that came and are kept apart, with the reason.
    pub quarantine: Vec<HeldChange>,
}

/// The truth about sync.
#[uniffi::remote(Record)]
pub struct SyncStatus {
    /// Devices that this one has met, last met first.
    pub peers: Vec<PeerStatus>,
    /// Cases of which something exists only here.
    pub only_here: Vec<CaseSync>,
    /// Drafts: never handed to anybody.
    pub drafts: u32,
    /// Changes that came and are kept apart, with the reason.
    pub quarantine: Vec<HeldChange>,
}

/// Told how far a session is. Called on the thread that carries it; do not wait there.
#[uniffi::export(foreign)]
pub trait SyncListener: Send + Sync {
    /// It is so far.
    fn on_progress(&self, progress: SyncProgress) -> Result<(), CallbackError>;
}

/// A listener that fails misses a word, nothing else.
fn tell(listener: &dyn SyncListener) -> impl FnMut(SyncProgress) {
    move |progress| {
        let _ = listener.on_progress(progress);
    }
}

#[uniffi::export]
impl CoreStore {
    /// Syncs with a peer that this device connected to: until both hold the same, or with `stay` until somebody leaves.
    pub fn connect(
        &self,
        connection: Arc<dyn CoreConnection>,
        stay: bool,
        listener: Arc<dyn SyncListener>,
        cancel: Arc<CancelToken>,
    ) -> Result<SyncReport, CaseplanError> {
        let connection = Connection::new(connection);
        let until = if stay { Until::Left } else { Until::AtRest };
        let (store, cancel) = (self.core()?, CancelToken::of(Some(&cancel)));
        Ok(lan::connect(store, &connection, until, &cancel, &mut tell(&*listener))?.into())
    }

    /// Syncs with a peer that connected to this device, until somebody leaves.
    pub fn accept(
        &self,
        connection: Arc<dyn CoreConnection>,
        listener: Arc<dyn SyncListener>,
        cancel: Arc<CancelToken>,
    ) -> Result<SyncReport, CaseplanError> {
        let connection = Connection::new(connection);
        let (store, cancel) = (self.core()?, CancelToken::of(Some(&cancel)));
        Ok(lan::accept(store, &connection, Until::Left, &cancel, &mut tell(&*listener))?.into())
    }

    /// Syncs with the peer at a host and port, as [`Self::connect`] does over a connection.
    pub fn sync_with(
        &self,
        host: String,
        port: u16,
        stay: bool,
        listener: Arc<dyn SyncListener>,
        cancel: Arc<CancelToken>,
    ) -> Result<SyncReport, CaseplanError> {
        let until = if stay { Until::Left } else { Until::AtRest };
        let (store, cancel) = (self.core()?, CancelToken::of(Some(&cancel)));
        Ok(lan::sync_with(store, (host, port), until, &cancel, &mut tell(&*listener))?.into())
    }

    /// Whom this device met, what exists only here, what is kept apart and why.
    pub fn sync_status(&self) -> Result<SyncStatus, CaseplanError> {
        Ok(self.core()?.sync().status()?)
    }

    /// The same of one case: who else has it, what exists only here, what is kept apart and why; nothing for a case that is
    /// not here.
    pub fn case_sync_status(&self, case_id: CaseId) -> Result<Option<CaseSyncStatus>, CaseplanError> {
        Ok(self.core()?.sync().case_status(case_id)?)
    }
}
