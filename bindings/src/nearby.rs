//! Sync with everybody nearby, for as long as somebody wants it. The sockets and threads are the core's.

use std::sync::Arc;

use caseplan_core::ids::{DeviceId, WorkerId};
use caseplan_core::lan;
use caseplan_core::random::SystemRandom;
use caseplan_core::sync::SyncProgress;

use crate::error::{CallbackError, CaseplanError};
use crate::store::{CancelToken, CoreStore};

/// A device nearby, and how the session with it stands.
#[derive(Debug, Clone, uniffi::Record)]
pub struct NearbyPeer {
    /// The random name under which it is announced; nothing where it only connected here.
    pub name: Option<String>,
    /// The device, once it was proven to be one of this domain.
    pub device: Option<DeviceId>,
    /// Its worker.
    pub worker: Option<WorkerId>,
    /// How far the session is, the last one if there were several.
    pub progress: SyncProgress,
    /// Why the last session ended before its time: the codes of [`CaseplanError::SyncFailed`], or `unreachable`.
    pub failed: Option<String>,
}

impl From<lan::NearbyPeer> for NearbyPeer {
    fn from(peer: lan::NearbyPeer) -> Self {
        Self {
            name: peer.name,
            device: peer.device,
            worker: peer.worker,
            progress: peer.progress,
            failed: peer.failed.map(|failed| failed.code().to_owned()),
        }
    }
}

/// Told who is nearby. Called by one thread at a time; do not wait there.
#[uniffi::export(foreign)]
pub trait NearbyListener: Send + Sync {
    /// Everybody who is seen, and how each session stands.
    fn on_nearby(&self, peers: Vec<NearbyPeer>) -> Result<(), CallbackError>;
}

#[uniffi::export]
impl CoreStore {
    /// Announces this device under a random name and syncs with every device of its domain that it finds or that finds
    /// it, until it is canceled.
    pub fn sync_nearby(
        &self,
        listener: Arc<dyn NearbyListener>,
        cancel: Arc<CancelToken>,
    ) -> Result<(), CaseplanError> {
        // A listener that fails misses a sight, nothing else.
        let tell = |peers: Vec<lan::NearbyPeer>| {
            let _ = listener.on_nearby(peers.into_iter().map(NearbyPeer::from).collect());
        };
        Ok(lan::sync_nearby(self.core()?, &SystemRandom, &CancelToken::of(Some(&cancel)), &tell)?)
    }
}
