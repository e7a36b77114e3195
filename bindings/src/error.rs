//! What an app can act on. A variant exists only if an app does something of its own about it; see `docs/errors.md`.

use std::collections::HashMap;

use caseplan_core::Error;
use caseplan_core::identity::{JoiningRefused, VaultFailed};
use caseplan_core::ids::{CaseId, ConflictId, DocumentId, DraftId};
use caseplan_core::storage::StorageFailed;
use caseplan_core::store::ListenerFailed;
use caseplan_core::sync::enrolment::EnrolmentFailed;

/// Why a call did nothing. Nothing is lost: the store is as it was. Ids and codes, never case content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CaseplanError {
    /// There is nothing of this id here.
    #[error("no {kind} {id}")]
    NotFound {
        /// What was looked for: `case`, `participant`, `draft` ...
        kind: String,
        /// Its id.
        id: String,
    },
    /// Something refers to this id, and it has not reached this device yet.
    #[error("{kind} {id} is not here yet")]
    NotYetHere {
        /// What was looked for.
        kind: String,
        /// Its id.
        id: String,
    },
    /// A rule of the specification forbids it.
    #[error("rule {rule} forbids it")]
    RuleBroken {
        /// The rule's id, such as `VP-03`.
        rule: String,
        /// Ids of what the rule is about.
        subject: Vec<String>,
        /// Figures that explain it, by name.
        data: HashMap<String, String>,
    },
    /// A value of the request has no meaning.
    #[error("{field} is invalid: {reason}")]
    Invalid {
        /// The request's field.
        field: String,
        /// `empty`, `too_long`, `format`, `range`, `unsupported`, `duplicate`, `ended`, `primary_client`.
        reason: String,
    },
    /// A draft lacks fields that a completed contact must have.
    #[error("the draft is incomplete")]
    Incomplete {
        /// The draft.
        draft: DraftId,
        /// The fields that are missing.
        missing: Vec<String>,
    },
    /// The field holds several values; settle the conflict first.
    #[error("the field is in conflict {conflict}")]
    FieldInConflict {
        /// The conflict to settle.
        conflict: ConflictId,
    },
    /// The conflict is not the one that was seen any more; read it again.
    #[error("the conflict has changed: {conflict}")]
    ConflictChanged {
        /// The conflict that was named.
        conflict: ConflictId,
    },
    /// The draft was saved elsewhere since it was read. Both texts are kept.
    #[error("the draft has changed: {draft}")]
    DraftChanged {
        /// The draft as it is saved.
        draft: DraftId,
        /// Its revision.
        revision: i64,
        /// The new draft that keeps the text of the stale save.
        kept_as: DraftId,
    },
    /// The case is closed; reopen it first.
    #[error("the case is closed")]
    CaseClosed,
    /// Another open case has this reference.
    #[error("another case has this reference: {case_id}")]
    ReferenceTaken {
        /// The other case.
        case_id: CaseId,
    },
    /// The document holds half of what a peer accepts.
    #[error("document {document} is full")]
    DocumentFull {
        /// The document.
        document: DocumentId,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The store is suspended; resume it first.
    #[error("the store is suspended")]
    Suspended,
    /// The vault lost this device's keys: reading and drafts work, everything else needs a new certificate.
    #[error("the store is read-only: its keys are lost")]
    KeysLost,
    /// The database belongs to another worker.
    #[error("the store belongs to another worker")]
    WrongWorker,
    /// The vault belongs to another database.
    #[error("the vault belongs to another store")]
    WrongVault,
    /// The app's vault failed.
    #[error("the key vault failed: {reason}")]
    Vault {
        /// What the platform said.
        reason: String,
    },
    /// The disk is full. Free some space and do it again.
    #[error("the disk is full")]
    DiskFull,
    /// The file or its folder cannot be written.
    #[error("the database cannot be written")]
    NotWritable,
    /// The file cannot be opened, or is there already where a new one is wanted.
    #[error("the file cannot be opened")]
    CannotOpen,
    /// The file is not a Caseplan database.
    #[error("not a caseplan database")]
    NotADatabase,
    /// The file was written by a newer version: update the app.
    #[error("the database has version {found}, and this version knows {known}")]
    NewerSchema {
        /// The file's version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// A part of the file is not what it was: restore a backup, and exchange with others.
    #[error("the database is damaged: {what}")]
    Damaged {
        /// Which part.
        what: String,
    },
    /// Another process has the store open.
    #[error("another process has the store open")]
    InUse,
    /// A device could not be certified, or an answer could not be adopted.
    #[error("not certified: {reason}")]
    NotCertified {
        /// `malformed`, `not_signed`, `level`, `already_certified`, `not_for_this_device`, `not_an_issuer`, `ended`,
        /// `not_certified`, `other_worker`, `not_countersigned`, `this_device`, `not_recovery`, `record`.
        reason: String,
    },
    /// This device has no grant for that in this case, or none any more.
    #[error("no grant for this in case {case_id}")]
    NotGranted {
        /// The case.
        case_id: CaseId,
    },
    /// The bytes are no export for this store.
    #[error("not an export for this store: {reason}")]
    NotAnExport {
        /// `format`, `domain`, `order`, `authority`, `finished`.
        reason: String,
    },
    /// A device could not be taken in, or this one was not.
    #[error("not enrolled: {reason}")]
    NotEnrolled {
        /// `expired`, `used`, `wrong_code`, `no_tries_left`, `not_invited`, `wrong_inviter`, `declined`, `not_stored`,
        /// `malformed`, `newer`, `not_signed`, `closed`, `not_now`, `altered`.
        reason: String,
        /// Where it is `wrong_code`, how often a code may still be tried, by this side's count: the inviter counts the
        /// tries of its invitation, the newcomer those of the code that was typed. Nothing with any other reason.
        tries_left: Option<u32>,
    },
    /// A session with a peer ended before its time. What was committed stays; another session goes on.
    #[error("sync ended early: {reason}")]
    SyncFailed {
        /// `stranger`, `altered`, `no_common_version`, `not_proven`, `protocol`, `stalled`, `cut`, `canceled`,
        /// `gave_up`.
        reason: String,
    },
    /// A file for one device could not be written, or one for this device not be read. What was committed stays.
    #[error("not handed over: {reason}")]
    NotHandedOver {
        /// `not_a_hand_over`, `newer`, `not_for_this_device`, `not_authentic`, `cut`, `joined`, `expired`, `not_proven`,
        /// `no_recipient`, `to_itself`, `random`, `cipher`.
        reason: String,
    },
    /// The network could not be used.
    #[error("no network: {reason}")]
    NetworkFailed {
        /// `not_permitted`, `unavailable`, `unreachable`, `interrupted`.
        reason: String,
    },
    /// The caller canceled; what was committed before stays.
    #[error("canceled")]
    Canceled,
    /// Nothing that an app can act on: show it, log it, report it.
    #[error("unexpected: {reason}")]
    Unexpected {
        /// A code for whoever reads the log.
        reason: String,
    },
}

impl CaseplanError {
    /// The error of a text that an app sent and that is not a `what`. UniFFI hands it to the caller as it is.
    pub(crate) fn not_a(what: &str) -> Self {
        Self::Invalid { field: what.to_owned(), reason: "format".to_owned() }
    }

    fn unexpected(reason: impl ToString) -> Self {
        Self::Unexpected { reason: reason.to_string() }
    }
}

impl From<Error> for CaseplanError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { kind, id } => Self::NotFound { kind: kind.to_owned(), id },
            Error::NotYetHere { kind, id } => Self::NotYetHere { kind: kind.to_owned(), id },
            Error::RuleBroken { rule, subject, data } => {
                Self::RuleBroken { rule: rule.to_owned(), subject, data: data.into_iter().collect() }
            }
            Error::Invalid { field, reason } => Self::Invalid { field, reason: reason.to_owned() },
            Error::Incomplete { draft, missing } => Self::Incomplete { draft, missing },
            Error::FieldInConflict { conflict } => Self::FieldInConflict { conflict },
            Error::ConflictChanged { conflict } => Self::ConflictChanged { conflict },
            Error::DraftChanged { draft, revision, kept_as } => {
                Self::DraftChanged { draft, revision, kept_as }
            }
            Error::CaseClosed => Self::CaseClosed,
            Error::ReferenceTaken { case } => Self::ReferenceTaken { case_id: case },
            Error::DocumentFull { document } => Self::DocumentFull { document },
            Error::Closed => Self::Closed,
            Error::Suspended => Self::Suspended,
            Error::KeysLost => Self::KeysLost,
            Error::WrongWorker => Self::WrongWorker,
            Error::WrongVault => Self::WrongVault,
            Error::Vault { reason } => Self::Vault { reason },
            Error::Clock => Self::unexpected("clock"),
            Error::Random => Self::unexpected("random"),
            Error::Storage(failed) => failed.into(),
            Error::Joining(refused) => Self::NotCertified { reason: joining(refused).to_owned() },
            Error::NotGranted { case } => Self::NotGranted { case_id: case },
            Error::Enrolment(failed) => Self::NotEnrolled {
                reason: enrolment_failed(failed).to_owned(),
                tries_left: match failed {
                    EnrolmentFailed::WrongCode { left } => Some(left),
                    _ => None,
                },
            },
            Error::Sync(failed) => Self::SyncFailed { reason: failed.code().to_owned() },
            Error::HandOver(failed) => Self::NotHandedOver { reason: failed.code().to_owned() },
            Error::Network(failed) => Self::NetworkFailed { reason: failed.code().to_owned() },
            Error::NotAnExport { reason } => Self::NotAnExport { reason: reason.to_owned() },
            Error::Canceled => Self::Canceled,
            Error::Unexpected { reason } => Self::unexpected(reason),
        }
    }
}

impl From<StorageFailed> for CaseplanError {
    fn from(failed: StorageFailed) -> Self {
        match failed {
            StorageFailed::DiskFull => Self::DiskFull,
            StorageFailed::NotWritable => Self::NotWritable,
            StorageFailed::CannotOpen => Self::CannotOpen,
            StorageFailed::NotADatabase => Self::NotADatabase,
            StorageFailed::NewerSchema { found, known } => Self::NewerSchema { found, known },
            StorageFailed::Damaged { what } => Self::Damaged { what },
            StorageFailed::InUse => Self::InUse,
            StorageFailed::Interrupted => Self::Canceled,
            StorageFailed::Other { code } => Self::unexpected(format!("sqlite_{code}")),
        }
    }
}

fn enrolment_failed(failed: EnrolmentFailed) -> &'static str {
    match failed {
        EnrolmentFailed::Expired => "expired",
        EnrolmentFailed::Used => "used",
        EnrolmentFailed::WrongCode { .. } => "wrong_code",
        EnrolmentFailed::NoTriesLeft => "no_tries_left",
        EnrolmentFailed::NotInvited => "not_invited",
        EnrolmentFailed::WrongInviter => "wrong_inviter",
        EnrolmentFailed::Declined => "declined",
        EnrolmentFailed::NotStored => "not_stored",
        EnrolmentFailed::Newer => "newer",
        EnrolmentFailed::Malformed => "malformed",
        EnrolmentFailed::NotSigned => "not_signed",
        EnrolmentFailed::Closed => "closed",
        EnrolmentFailed::NotNow => "not_now",
        EnrolmentFailed::Channel(_) => "altered",
    }
}

fn joining(refused: JoiningRefused) -> &'static str {
    match refused {
        JoiningRefused::Malformed => "malformed",
        JoiningRefused::NotSigned => "not_signed",
        JoiningRefused::Level => "level",
        JoiningRefused::AlreadyCertified => "already_certified",
        JoiningRefused::NotForThisDevice => "not_for_this_device",
        JoiningRefused::NotAnIssuer => "not_an_issuer",
        JoiningRefused::Ended => "ended",
        JoiningRefused::NotCertified => "not_certified",
        JoiningRefused::OtherWorker => "other_worker",
        JoiningRefused::NotCountersigned => "not_countersigned",
        JoiningRefused::ThisDevice => "this_device",
        JoiningRefused::NotRecovery => "not_recovery",
        JoiningRefused::Record(_) => "record",
    }
}

/// What an app's vault, clock, listener or log answers when it cannot do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// It failed.
    #[error("failed: {reason}")]
    Failed {
        /// Why: a class or a code, never case content.
        reason: String,
    },
}

impl CallbackError {
    pub(crate) fn into_vault(self) -> VaultFailed {
        let Self::Failed { reason } = self;
        VaultFailed { reason }
    }

    pub(crate) fn into_listener(self) -> ListenerFailed {
        let Self::Failed { reason } = self;
        ListenerFailed { class: reason }
    }
}

/// What an app's code threw without meaning to: its class is kept, its text is not, because it may hold anything.
impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        let class: String =
            error.reason.chars().take_while(|c| c.is_alphanumeric() || *c == '.' || *c == '_').collect();
        Self::Failed { reason: class }
    }
}
