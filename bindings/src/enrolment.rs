//! Taking in a new device over a connection that the app brings, and becoming one.

use std::sync::Arc;

use caseplan_core::identity::Role;
use caseplan_core::ids::{DeviceId, WorkerId};
use caseplan_core::lan;
use caseplan_core::sync::enrolment::Terms;
use caseplan_core::sync::{Invited, JoinRequest};

use crate::connection::{Connection, CoreConnection};
use crate::error::{CallbackError, CaseplanError};
use crate::store::{CancelToken, CoreStore};
use crate::time::Timestamp;

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

/// Asks a person whether it is the right device.
#[uniffi::export(foreign)]
pub trait CoreJoinDecision: Send + Sync {
    /// Waits for the answer. Whoever fails to give one declines.
    fn decide(&self, request: JoinRequest) -> Result<bool, CallbackError>;
}

/// Told what the newcomer's screen is to show.
#[uniffi::export(foreign)]
pub trait CoreFingerprintListener: Send + Sync {
    /// Called once, before the inviter hears anything.
    fn on_fingerprint(&self, fingerprint: String) -> Result<(), CallbackError>;
}

#[uniffi::export]
impl CoreStore {
    /// Invites a device by a QR code; `not_after` is when its certificate stops being good for connections, unless it meets
    /// somebody who renews it.
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

    /// Joins the domain of whoever shows a QR code with this text, or speaks this code: this device connected to it. It is a
    /// member, on disk, when this returns.
    pub fn join(
        &self,
        text: String,
        device_name: String,
        connection: Arc<dyn CoreConnection>,
        listener: Arc<dyn CoreFingerprintListener>,
        cancel: Arc<CancelToken>,
    ) -> Result<(), CaseplanError> {
        let connection = Connection::new(connection);
        let attempt = self.core()?.sync().join(&text, &device_name)?;
        // A listener that fails misses what is to be shown; the inviter's person will not find it there.
        let _ = listener.on_fingerprint(attempt.fingerprint()?);
        Ok(lan::join(attempt, &connection, &CancelToken::of(Some(&cancel)))?)
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

    /// Takes in the device that connected, if a person says that it is the right one; whether it was.
    pub fn take_in(
        &self,
        connection: Arc<dyn CoreConnection>,
        decision: Arc<dyn CoreJoinDecision>,
        cancel: Arc<CancelToken>,
    ) -> Result<bool, CaseplanError> {
        let connection = Connection::new(connection);
        let mut decide = |request: &JoinRequest| decision.decide(request.clone()).unwrap_or(false);
        let cancel = CancelToken::of(Some(&cancel));
        let (_, taken) = lan::take_in(self.0.take_in()?, &connection, &cancel, &mut decide)?;
        Ok(taken)
    }
}
