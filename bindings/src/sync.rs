//! Sessions with other devices, taking devices in, and the truth about what is where. Bytes in, bytes out: whoever
//! carries them is the app's or the package's own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caseplan_core::exchange::HeldChange;
use caseplan_core::identity::{Role, Standing};
use caseplan_core::ids::{CaseId, DeviceId, WorkerId};
use caseplan_core::sync::enrolment::Terms;
use caseplan_core::sync::{
    self, CaseSync, Invited, JoinAttempt, JoinRequest, PeerStatus, Session, SyncProgress, SyncState,
    SyncStatus, TakeIn,
};

use crate::error::CaseplanError;
use crate::store::CoreStore;
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
}

/// The part of what is known to be there that has been done: 1 only when both sides hold the same.
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
    /// This device's changes that no peer is known to hold.
    pub only_here: u64,
    /// Whether both sides were seen to hold the same.
    pub equal: bool,
    /// How much the other clock is ahead, in seconds, where that is more than ten minutes.
    pub clock_ahead: Option<i64>,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Why it ended before its time: the codes of [`CaseplanError::SyncFailed`].
    pub failed: Option<String>,
}

impl From<sync::SyncReport> for SyncReport {
    fn from(report: sync::SyncReport) -> Self {
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
}

/// What of a case exists only on this device.
#[uniffi::remote(Record)]
pub struct CaseSync {
    /// The case.
    pub case: CaseId,
    /// This device's changes that no peer is known to hold.
    pub changes: u64,
    /// Those of them that record a contact: "3 visits exist only on this phone".
    pub contacts: u64,
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

/// Who asks to be taken in: a person compares name and fingerprint with what the other screen shows.
#[uniffi::remote(Record)]
pub struct JoinRequest {
    /// The device.
    pub device: DeviceId,
    /// What its person calls it; a claim.
    pub device_name: String,
    /// What both screens show.
    pub fingerprint: String,
}

/// What the new device's certificate will say; the newcomer cannot ask for anything else.
#[uniffi::remote(Record)]
pub struct Terms {
    /// The worker that the device will belong to.
    pub worker: WorkerId,
    /// What the worker may do, sorted by code.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read, 1 to 5.
    pub level: u8,
}

#[uniffi::export]
impl CoreStore {
    /// A session with a peer that this device connects to.
    pub fn connect_session(&self) -> Result<Arc<CoreSession>, CaseplanError> {
        Ok(Arc::new(CoreSession(Mutex::new(self.core()?.sync().connect()?))))
    }

    /// A session with a peer that connects to this device.
    pub fn accept_session(&self) -> Result<Arc<CoreSession>, CaseplanError> {
        Ok(Arc::new(CoreSession(Mutex::new(self.core()?.sync().accept()?))))
    }

    /// Whom this device met, what exists only here, what is kept apart and why.
    pub fn sync_status(&self) -> Result<SyncStatus, CaseplanError> {
        Ok(self.core()?.sync().status()?)
    }

    /// Invites a device by a QR code; `not_after` is when its certificate stops being good for connections.
    pub fn invite_by_qr(
        &self,
        terms: Terms,
        not_after: Option<Timestamp>,
    ) -> Result<Arc<CoreInvitation>, CaseplanError> {
        Ok(Arc::new(CoreInvitation(self.core()?.sync().invite_by_qr(terms, not_after)?)))
    }

    /// Invites a device by a short code that is spoken.
    pub fn invite_by_code(
        &self,
        terms: Terms,
        not_after: Option<Timestamp>,
    ) -> Result<Arc<CoreInvitation>, CaseplanError> {
        Ok(Arc::new(CoreInvitation(self.core()?.sync().invite_by_code(terms, not_after)?)))
    }

    /// Joins the domain of whoever shows this QR code.
    pub fn join_by_qr(&self, text: String, device_name: String) -> Result<Arc<CoreJoining>, CaseplanError> {
        Ok(Arc::new(CoreJoining(Mutex::new(self.core()?.sync().join_by_qr(&text, &device_name)?))))
    }

    /// Joins the domain of whoever speaks this code.
    pub fn join_by_code(&self, code: String, device_name: String) -> Result<Arc<CoreJoining>, CaseplanError> {
        Ok(Arc::new(CoreJoining(Mutex::new(self.core()?.sync().join_by_code(&code, &device_name)?))))
    }
}

/// One session: bytes in, bytes out.
#[derive(uniffi::Object)]
pub struct CoreSession(Mutex<Session>);

#[uniffi::export]
impl CoreSession {
    /// Takes bytes from the wire, in any portion. What is whole in them is committed when this returns.
    pub fn feed(&self, bytes: Vec<u8>) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).feed(&bytes)?)
    }

    /// Bytes for the wire, at most so many; none until something comes or is committed.
    pub fn take(&self, most: u32) -> Result<Vec<u8>, CaseplanError> {
        Ok(locked(&self.0).take(most as usize)?)
    }

    /// Says how many milliseconds have passed since the session began.
    pub fn tick(&self, elapsed_millis: u64) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).tick(Duration::from_millis(elapsed_millis))?)
    }

    /// When `tick` wants to be called at the latest, in milliseconds since the session began; nothing when it is over.
    pub fn next_timeout(&self) -> Result<Option<u64>, CaseplanError> {
        let timeout = locked(&self.0).next_timeout();
        Ok(timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Something was committed in the store.
    pub fn catch_up(&self) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).catch_up()?)
    }

    /// Ends the session in good order: what waits to be sent is still to be taken.
    pub fn leave(&self) -> Result<(), CaseplanError> {
        locked(&self.0).leave();
        Ok(())
    }

    /// How far it is.
    pub fn progress(&self) -> Result<SyncProgress, CaseplanError> {
        Ok(locked(&self.0).progress())
    }

    /// What it did so far.
    pub fn report(&self) -> Result<SyncReport, CaseplanError> {
        Ok(locked(&self.0).report().into())
    }

    /// Whether nothing more will be said or heard.
    pub fn is_over(&self) -> Result<bool, CaseplanError> {
        Ok(locked(&self.0).is_over())
    }

    /// Whether everything that either side lacked has been sent.
    pub fn is_at_rest(&self) -> Result<bool, CaseplanError> {
        Ok(locked(&self.0).is_at_rest())
    }
}

/// An invitation: shown as a QR code, or spoken.
#[derive(uniffi::Object)]
pub struct CoreInvitation(Invited);

#[uniffi::export]
impl CoreInvitation {
    /// The text to draw as a QR code; nothing where a code is spoken.
    pub fn qr(&self) -> Result<Option<String>, CaseplanError> {
        Ok(self.0.qr()?)
    }

    /// The code to speak; nothing where a QR code is shown.
    pub fn code(&self) -> Result<Option<String>, CaseplanError> {
        Ok(self.0.code())
    }

    /// When it is over.
    pub fn expires_at(&self) -> Result<Timestamp, CaseplanError> {
        Ok(self.0.expires_at())
    }

    /// Begins with a connection that somebody made.
    pub fn take_in(&self) -> Result<Arc<CoreTakingIn>, CaseplanError> {
        Ok(Arc::new(CoreTakingIn(Mutex::new(self.0.take_in()?))))
    }
}

/// The inviter's side of one attempt: bytes in, bytes out.
#[derive(uniffi::Object)]
pub struct CoreTakingIn(Mutex<TakeIn>);

#[uniffi::export]
impl CoreTakingIn {
    /// Takes bytes from the wire. Answers the request once: show it to a person, then accept or decline.
    pub fn feed(&self, bytes: Vec<u8>) -> Result<Option<JoinRequest>, CaseplanError> {
        Ok(locked(&self.0).feed(&bytes)?)
    }

    /// Certifies the device and answers it. Take the bytes and the attempt is over.
    pub fn accept(&self) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).accept()?)
    }

    /// Declines the request. Take the bytes and the attempt is over.
    pub fn decline(&self) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).decline()?)
    }

    /// Bytes for the wire, at most so many.
    pub fn take(&self, most: u32) -> Result<Vec<u8>, CaseplanError> {
        Ok(locked(&self.0).take(most as usize))
    }

    /// Says that the connection ended.
    pub fn closed(&self) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).closed()?)
    }
}

/// The newcomer's side of one attempt: bytes in, bytes out.
#[derive(uniffi::Object)]
pub struct CoreJoining(Mutex<JoinAttempt>);

#[uniffi::export]
impl CoreJoining {
    /// What both screens show.
    pub fn fingerprint(&self) -> Result<String, CaseplanError> {
        Ok(locked(&self.0).fingerprint()?)
    }

    /// Takes bytes from the wire; true once this device is a member: on disk when this returns.
    pub fn feed(&self, bytes: Vec<u8>) -> Result<bool, CaseplanError> {
        Ok(locked(&self.0).feed(&bytes)?)
    }

    /// Bytes for the wire, at most so many.
    pub fn take(&self, most: u32) -> Result<Vec<u8>, CaseplanError> {
        Ok(locked(&self.0).take(most as usize))
    }

    /// Says that the connection ended.
    pub fn closed(&self) -> Result<(), CaseplanError> {
        Ok(locked(&self.0).closed()?)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
