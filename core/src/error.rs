//! What a call can answer instead of a result. One variant for each thing that an app can act on.
//!
//! Errors carry ids and codes, never case content; a rule that was broken is named by its id in the specification.

use std::collections::BTreeMap;

use crate::document::EditRefused;
use crate::identity::{JoiningRefused, VaultFailed};
use crate::ids::{ConflictId, DocumentId, DraftId, InvalidId};
use crate::random::RandomFailed;
use crate::storage::StorageFailed;
use crate::time::ClockFailed;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did nothing. Nothing is lost: the store is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is nothing of this id here.
    #[error("no {kind} {id}")]
    NotFound {
        /// What was looked for: `case`, `participant`, `draft` ...
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Something refers to this id, and it has not reached this device yet.
    #[error("{kind} {id} is not here yet")]
    NotYetHere {
        /// What was looked for.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A rule of the specification forbids it.
    #[error("rule {rule} forbids it")]
    RuleBroken {
        /// The rule's id, such as `VP-03`.
        rule: &'static str,
        /// Ids of what the rule is about.
        subject: Vec<String>,
        /// Figures that explain it, by name: never case content.
        data: BTreeMap<String, String>,
    },
    /// A value of the request has no meaning: empty, out of range, not of its format.
    #[error("{field} is invalid: {reason}")]
    Invalid {
        /// The request's field, with a path where it is nested.
        field: String,
        /// What is wrong: `empty`, `too_long`, `format`, `range`, `unsupported`, `duplicate`.
        reason: &'static str,
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
    /// The draft was saved elsewhere since it was read. Both texts are kept: the stale one in a draft of its own.
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
    #[error("another case has this reference: {case}")]
    ReferenceTaken {
        /// The other case.
        case: crate::ids::CaseId,
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
    /// The vault lost this device's keys: reading works, writing needs a new enrolment.
    #[error("the store is read-only: its keys are lost")]
    KeysLost,
    /// The database belongs to another worker.
    #[error("the store belongs to another worker")]
    WrongWorker,
    /// The vault belongs to another database.
    #[error("the vault belongs to another store")]
    WrongVault,
    /// The app's key vault failed.
    #[error("the key vault failed: {reason}")]
    Vault {
        /// What the platform said.
        reason: String,
    },
    /// The app's clock failed.
    #[error("the clock failed")]
    Clock,
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    Random,
    /// The file or the disk.
    #[error(transparent)]
    Storage(#[from] StorageFailed),
    /// A device could not be certified, or an answer could not be adopted.
    #[error(transparent)]
    Joining(#[from] JoiningRefused),
    /// A device could not be taken in, or this one was not.
    #[error(transparent)]
    Enrolment(#[from] crate::sync::enrolment::EnrolmentFailed),
    /// A session with a peer ended before its time. What was committed stays; another session goes on.
    #[error(transparent)]
    Sync(#[from] crate::sync::session::SyncFailed),
    /// A file for one device could not be written, or one for this device not be read. What was committed stays.
    #[error(transparent)]
    HandOver(#[from] crate::sync::hand_over::HandOverFailed),
    /// The network could not be used.
    #[error("no network: {0}")]
    Network(#[from] crate::lan::NetworkFailed),
    /// This device has no grant for that in this case, or none any more.
    #[error("no grant for this in case {case}")]
    NotGranted {
        /// The case.
        case: crate::ids::CaseId,
    },
    /// The bytes are no export, are cut short where they must not be, or come from another domain.
    #[error("not an export for this store: {reason}")]
    NotAnExport {
        /// What is wrong: `format`, `domain`, `order`, `authority`, `finished`.
        reason: &'static str,
    },
    /// The caller canceled; what was committed before stays.
    #[error("canceled")]
    Canceled,
    /// Nothing that an app can act on. Logged where it was made.
    #[error("unexpected: {reason}")]
    Unexpected {
        /// A code for whoever reads the log.
        reason: &'static str,
    },
}

impl Error {
    /// Something that is not there.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// A request's field without meaning.
    pub fn invalid(field: impl Into<String>, reason: &'static str) -> Self {
        Self::Invalid { field: field.into(), reason }
    }

    /// A broken rule about some ids.
    pub fn rule(rule: &'static str, subject: impl IntoIterator<Item = impl ToString>) -> Self {
        Self::RuleBroken {
            rule,
            subject: subject.into_iter().map(|id| id.to_string()).collect(),
            data: BTreeMap::new(),
        }
    }

    /// Adds a figure to a broken rule.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        if let Self::RuleBroken { data, .. } = &mut self {
            data.insert(name.to_owned(), value.to_string());
        }
        self
    }

    /// An edit that a document refused, where no better answer is known.
    pub fn of_edit(refused: &EditRefused, document: DocumentId) -> Self {
        match refused {
            EditRefused::Full => Self::DocumentFull { document },
            EditRefused::NotStorable { path } => Self::invalid(path.field.clone(), "range"),
            EditRefused::NoSuchPlace { path } => {
                Self::not_found("entity", path.key.clone().unwrap_or_default())
            }
            EditRefused::InConflict { .. } | EditRefused::ConflictChanged { .. } | EditRefused::Internal => {
                Self::Unexpected { reason: "edit_refused" }
            }
        }
    }
}

impl From<VaultFailed> for Error {
    fn from(failed: VaultFailed) -> Self {
        Self::Vault { reason: failed.reason }
    }
}

impl From<ClockFailed> for Error {
    fn from(_: ClockFailed) -> Self {
        Self::Clock
    }
}

impl From<RandomFailed> for Error {
    fn from(_: RandomFailed) -> Self {
        Self::Random
    }
}

impl From<crate::identity::keys::MakeFailed> for Error {
    fn from(failed: crate::identity::keys::MakeFailed) -> Self {
        match failed {
            crate::identity::keys::MakeFailed::Vault(failed) => failed.into(),
            crate::identity::keys::MakeFailed::Random(failed) => failed.into(),
        }
    }
}

impl From<InvalidId> for Error {
    fn from(invalid: InvalidId) -> Self {
        Self::invalid(invalid.kind, "format")
    }
}

impl From<crate::json::NotCanonical> for Error {
    fn from(_: crate::json::NotCanonical) -> Self {
        Self::invalid("number", "range")
    }
}
