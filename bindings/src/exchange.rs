//! Exchange: what others lack, and what they brought.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caseplan_core::exchange::{Export, HeldChange, Import, ImportReport, Quarantined, Refusal, WorkProgress};
use caseplan_core::ids::{CaseId, ChangeHash, DocumentId};

use crate::error::CaseplanError;
use crate::store::CoreStore;

/// Why a change is not part of its document.
#[uniffi::remote(Enum)]
pub enum Refusal {
    /// It waits for changes that it follows.
    Waiting,
    /// No certificate that counts here is its author's.
    UnknownAuthor,
    /// Its author's device was ended before this device knew of it: it waits for a person.
    AuthorEnded,
    /// Its author has no grant for it, or none any more.
    NotGranted,
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

/// What an app may show of a reason, in English; an app of another language has words of its own for each code.
#[uniffi::export]
pub fn words_of(reason: Refusal) -> Result<String, CaseplanError> {
    Ok(reason.words().to_owned())
}

/// A change that is held and not part of its document, or was refused outright.
#[uniffi::remote(Record)]
pub struct HeldChange {
    /// The case, if it is known.
    pub case: Option<CaseId>,
    /// The document, if it is known.
    pub document: Option<DocumentId>,
    /// The change.
    pub hash: ChangeHash,
    /// Why.
    pub reason: Refusal,
}

/// How far something is.
#[uniffi::remote(Record)]
pub struct WorkProgress {
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

#[uniffi::export]
impl CoreStore {
    /// What this store holds, to be given to whoever exports for it.
    pub fn vector(&self) -> Result<Vec<u8>, CaseplanError> {
        Ok(self.core()?.exchange().vector()?)
    }

    /// One figure for everything held: equal figures, equal holdings.
    pub fn digest(&self) -> Result<String, CaseplanError> {
        Ok(self.core()?.exchange().digest()?)
    }

    /// Everything that the owner of a vector lacks; everything there is if none is given.
    pub fn start_export(&self, theirs: Option<Vec<u8>>) -> Result<Arc<CoreExport>, CaseplanError> {
        let export = self.core()?.exchange().export(theirs.as_deref())?;
        Ok(Arc::new(CoreExport(Mutex::new(Some(export)))))
    }

    /// Begins to take in what somebody exported.
    pub fn start_import(&self) -> Result<Arc<CoreImport>, CaseplanError> {
        let import = self.core()?.exchange().import()?;
        Ok(Arc::new(CoreImport { token: import.cancel_token(), import: Mutex::new(Some(import)) }))
    }

    /// Changes that are held and not part of their documents, and what was refused outright, with the reason.
    pub fn quarantine(&self) -> Result<Vec<HeldChange>, CaseplanError> {
        Ok(self.core()?.exchange().quarantine()?)
    }
}

/// An export that is being read.
#[derive(uniffi::Object)]
pub struct CoreExport(Mutex<Option<Export>>);

#[uniffi::export]
impl CoreExport {
    /// The next bytes, at most so many; none at the end.
    pub fn next(&self, max_bytes: u32) -> Result<Vec<u8>, CaseplanError> {
        match locked(&self.0).as_mut() {
            Some(export) => Ok(export.next(max_bytes as usize)?),
            None => Err(CaseplanError::Canceled),
        }
    }

    /// How far it is, in documents.
    pub fn progress(&self) -> Result<WorkProgress, CaseplanError> {
        Ok(locked(&self.0).as_ref().map(Export::progress).unwrap_or_default())
    }

    /// Ends it; it may be ended again.
    pub fn cancel(&self) -> Result<(), CaseplanError> {
        locked(&self.0).take();
        Ok(())
    }
}

/// An import that is under way.
#[derive(uniffi::Object)]
pub struct CoreImport {
    import: Mutex<Option<Import>>,
    token: caseplan_core::exchange::CancelToken,
}

#[uniffi::export]
impl CoreImport {
    /// Takes the next bytes, in any portion. What is whole in them is committed when this returns.
    pub fn feed(&self, bytes: Vec<u8>) -> Result<(), CaseplanError> {
        match locked(&self.import).as_mut() {
            Some(import) => Ok(import.feed(&bytes)?),
            None => Err(CaseplanError::Canceled),
        }
    }

    /// What was done so far.
    pub fn report(&self) -> Result<ImportReport, CaseplanError> {
        Ok(locked(&self.import).as_ref().map(|import| import.report().clone()).unwrap_or_default())
    }

    /// Ends it and says what was done; what was committed stays.
    pub fn finish(&self) -> Result<ImportReport, CaseplanError> {
        Ok(locked(&self.import).take().map(Import::finish).unwrap_or_default())
    }

    /// Asks for its end from another thread; it ends after its last committed batch.
    pub fn cancel(&self) -> Result<(), CaseplanError> {
        self.token.cancel();
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
