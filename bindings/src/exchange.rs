//! Exchange and identity: what others lack, what they brought, and who may be believed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caseplan_core::exchange::{
    CancelToken, Export, HeldChange, Import, ImportReport, Progress, Quarantined, Refusal,
};
use caseplan_core::identity::Role;
use caseplan_core::ids::{ChangeHash, DeviceId, DocumentId, DomainId, WorkerId};
use caseplan_core::store::opening::CertifiedDevice;

use crate::error::CaseplanError;
use crate::store::CoreStore;


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

/// A device as its certificate describes it.
#[uniffi::remote(Record)]
pub struct CertifiedDevice {
    /// The device.
    pub device: DeviceId,
    /// Its worker.
    pub worker: crate::ids::WorkerId,
    /// What the worker may do.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read.
    pub level: u8,
}

/// Why a change is not part of its document.
#[uniffi::remote(Enum)]
pub enum Refusal {
    /// It waits for changes that it follows.
    Waiting,
    /// No certificate that counts here is its author's.
    UnknownAuthor,
    /// It made the document engine fail.
    Poisoned,
    /// Its document is of a kind that a newer version knows.
    NewerKind,
    /// Its bytes are no change.
    Malformed,
    /// It is over a limit.
    OverLimit,
    /// It is compressed, a bundle or a document.
    WrongType,
    /// Its actor is not its signer's.
    WrongActor,
    /// Its signature is not its author's for this place.
    BadSignature,
    /// Its numbers do not follow from its ancestors.
    BadStructure,
    /// Another change has its actor and number.
    Forked,
    /// Its document's id is not the hash of its header.
    BadHeader,
    /// Nobody founded its scope here.
    UnknownScope,
    /// A code that this version does not know, kept as it is.
    Unknown {
        /// The code as it was written.
        raw: String,
    },
}

/// A change that is held and not part of its document, or was refused outright.
#[uniffi::remote(Record)]
pub struct HeldChange {
    /// The document, if it is known.
    pub document: Option<DocumentId>,
    /// The change.
    pub hash: ChangeHash,
    /// Why.
    pub reason: Refusal,
}

/// How far something is.
#[uniffi::remote(Record)]
pub struct Progress {
    /// So much is done,
    pub done: u64,
    /// of so much; 0 while it is not known.
    pub total: u64,
}

/// A change that did not go in.
#[uniffi::remote(Record)]
pub struct Quarantined {
    /// The document.
    pub document: DocumentId,
    /// The change.
    pub hash: ChangeHash,
    /// Why.
    pub reason: Refusal,
}

/// What an import did.
#[uniffi::remote(Record)]
pub struct ImportReport {
    /// Changes that came.
    pub received: u64,
    /// Changes that went in, earlier ones that waited for them included.
    pub accepted: u64,
    /// Changes that were here already.
    pub known: u64,
    /// Authority records that were new.
    pub records: u64,
    /// Changes that did not go in, with reasons.
    pub quarantined: Vec<Quarantined>,
    /// True if everything that was exported has come.
    pub complete: bool,
    /// True if it was canceled.
    pub canceled: bool,
}
