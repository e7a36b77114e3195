//! Devices of the domain: certified, renewed, made issuers, ended; root and recovery.

use caseplan_core::access::{CertifiedDevice, RecoverySecret};
use caseplan_core::identity::record::{EndReason, IssuerPower};
use caseplan_core::identity::{Role, Standing};
use caseplan_core::ids::{DeviceId, DomainId, WorkerId};

use crate::error::CaseplanError;
use crate::store::CoreStore;
use crate::time::Timestamp;

/// What a worker may do, as a certificate says it.
#[uniffi::remote(Enum)]
pub enum Role {
    /// Keeps cases.
    Caseworker,
    /// Approves.
    Supervisor,
    /// Sees one visitation plan and records its visits.
    VisitSupervisor,
    /// Reads every case and may grant access.
    Administrator,
    /// A machine that carries changes between devices.
    Hub,
    /// Publishes code tables and registries.
    Publisher,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// What an issuer may do.
#[uniffi::remote(Enum)]
pub enum IssuerPower {
    /// Certify any device, and end devices and issuers.
    All,
    /// Renew: the same keys, worker, roles and level, with a later expiry. That is what a hub gets.
    RenewOnly,
}

/// Why a device or an issuer was ended.
#[uniffi::remote(Enum)]
pub enum EndReason {
    /// Nobody knows where it is.
    Lost,
    /// Somebody took it.
    Stolen,
    /// Another one takes its place.
    Replaced,
    /// Its worker left.
    Left,
    /// Two copies of it are in use.
    Cloned,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// How a device stands, for connections.
#[uniffi::remote(Enum)]
pub enum Standing {
    /// A certificate is valid now.
    Current,
    /// No certificate is valid now: it may hand over its own work and renew, and receives no case data.
    Expired,
    /// It was ended: it may hand over its own work, and nothing else.
    Ended,
    /// No certificate of it counts here.
    Unknown,
}

/// A device as its newest certificate describes it.
#[uniffi::remote(Record)]
pub struct CertifiedDevice {
    /// The device.
    pub device: DeviceId,
    /// Its worker.
    pub worker: WorkerId,
    /// What the worker may do.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read.
    pub level: u8,
    /// Until when it is good for connections; nothing if for ever.
    pub not_after: Option<Timestamp>,
    /// What it may issue; nothing for most devices, and once that right was ended.
    pub issuer: Option<IssuerPower>,
    /// Why it was ended, for ever; nothing while it is in use.
    pub ended: Option<EndReason>,
}

#[uniffi::export]
impl CoreStore {
    /// This device.
    pub fn device(&self) -> Result<DeviceId, CaseplanError> {
        Ok(self.core()?.identity().device())
    }

    /// The domain: devices of two domains do not accept each other's work.
    pub fn domain(&self) -> Result<DomainId, CaseplanError> {
        Ok(self.core()?.identity().domain())
    }

    /// How this device stands.
    pub fn standing(&self) -> Result<Standing, CaseplanError> {
        Ok(self.core()?.identity().standing()?)
    }

    /// Every device whose certificate counts, ended ones too.
    pub fn devices(&self) -> Result<Vec<CertifiedDevice>, CaseplanError> {
        Ok(self.core()?.identity().devices()?)
    }

    /// This device's wish to be certified by another store's root or issuer.
    pub fn request_certificate(&self) -> Result<Vec<u8>, CaseplanError> {
        Ok(self.core()?.identity().request()?)
    }

    /// Certifies the device of a request; answers what that device must adopt.
    pub fn certify(
        &self,
        request: Vec<u8>,
        roles: Vec<Role>,
        level: u8,
        not_after: Option<Timestamp>,
    ) -> Result<Vec<u8>, CaseplanError> {
        Ok(self.core()?.identity().certify(&request, &roles, level, not_after)?)
    }

    /// Joins the domain of the store that certified this device, with the work that was done while it was alone.
    pub fn adopt(&self, answer: Vec<u8>) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().adopt(&answer)?)
    }

    /// Renews a device's certificate, one epoch on, good until `not_after`, for ever if nothing is said.
    pub fn renew(&self, device: DeviceId, not_after: Option<Timestamp>) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().renew(device, not_after)?)
    }

    /// Gives a device other roles and another level.
    pub fn change_roles(&self, device: DeviceId, roles: Vec<Role>, level: u8) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().change_roles(device, &roles, level)?)
    }

    /// Lets a device certify others, or only renew. Only the root can.
    pub fn make_issuer(&self, device: DeviceId, power: IssuerPower) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().make_issuer(device, power)?)
    }

    /// Ends a device, for ever.
    pub fn end_device(&self, device: DeviceId, why: EndReason) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().end_device(device, why)?)
    }

    /// Ends a device's right to issue.
    pub fn end_issuer(&self, device: DeviceId, why: EndReason) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().end_issuer(device, why)?)
    }

    /// The recovery secret as 24 words, as long as nobody confirmed that it was shown.
    pub fn recovery_words(&self) -> Result<Option<String>, CaseplanError> {
        let secret = self.core()?.identity().recovery_secret()?;
        Ok(secret.map(|secret| secret.words()).transpose()?.map(|words| words.to_string()))
    }

    /// The recovery secret as 32 bytes for a QR code, as long as nobody confirmed that it was shown.
    pub fn recovery_bytes(&self) -> Result<Option<Vec<u8>>, CaseplanError> {
        Ok(self.core()?.identity().recovery_secret()?.map(|secret| secret.bytes().to_vec()))
    }

    /// Confirms that the recovery secret was shown and is kept elsewhere: it is deleted here.
    pub fn confirm_recovery_shown(&self) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().confirm_recovery_shown()?)
    }

    /// Makes a new root on this device by the 24 words of the recovery secret. If its keys were lost, it gets new ones.
    pub fn recover_root(&self, words: String) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().recover_root(&RecoverySecret::from_words(&words)?)?)
    }

    /// Makes a new root on this device by the 32 bytes of the recovery secret. If its keys were lost, it gets new ones.
    pub fn recover_root_by_bytes(&self, bytes: Vec<u8>) -> Result<(), CaseplanError> {
        Ok(self.core()?.identity().recover_root(&RecoverySecret::from_bytes(&bytes)?)?)
    }
}
