//! Keeping a store well: information, verification, backup.

use std::path::Path;
use std::sync::Arc;

use caseplan_core::exchange::WorkProgress;
use caseplan_core::ids::{ChangeHash, DocumentId};
use caseplan_core::store::{Info, Stats, VerifyReport};
use caseplan_core::time::Instant;

use crate::error::{CallbackError, CaseplanError};
use crate::store::{CancelToken, CoreStore};

/// What a store is.
#[uniffi::remote(Record)]
pub struct Info {
    /// The version of its file.
    pub schema: u32,
    /// The size of its file in bytes.
    pub bytes: u64,
    /// How many documents it holds.
    pub documents: u64,
    /// How many changes it holds.
    pub changes: u64,
    /// How many of them are not part of their documents.
    pub quarantined: u64,
    /// Whether the file is encrypted by the store itself.
    pub encrypted: bool,
    /// Whether its keys are lost: it can be read, and drafts can be saved.
    pub keys_lost: bool,
    /// When another copy of this device last wrote, by that copy's clock; nothing if none is known. Two copies that are
    /// both used cannot tell their work apart: one of them must be enrolled anew.
    pub other_copy_wrote_at: Option<Instant>,
}

/// What a store did since it was opened.
#[uniffi::remote(Record)]
pub struct Stats {
    /// Documents loaded from disk. Lists, searches and due visits load none.
    pub documents_loaded: u64,
}

/// What verification found.
#[uniffi::remote(Record)]
pub struct VerifyReport {
    /// Documents that were looked at.
    pub documents: u64,
    /// Changes that were looked at.
    pub changes: u64,
    /// Documents that do not load as what they were.
    pub damaged: Vec<DocumentId>,
    /// Changes whose bytes or signature are not what they were.
    pub forged: Vec<ChangeHash>,
    /// Projection rows that are not what the documents say.
    pub stale_rows: u64,
    /// One figure for everything held.
    pub digest: String,
    /// True if it was canceled before the end.
    pub canceled: bool,
}

/// Told how far long work is. Called on the thread that does the work.
#[uniffi::export(foreign)]
pub trait ProgressListener: Send + Sync {
    /// So much is done.
    fn on_progress(&self, progress: WorkProgress) -> Result<(), CallbackError>;
}

pub(crate) fn tell(listener: Option<&Arc<dyn ProgressListener>>) -> impl FnMut(WorkProgress) + '_ {
    move |progress| {
        if let Some(listener) = listener {
            // A listener that fails misses a figure, nothing else.
            let _ = listener.on_progress(progress);
        }
    }
}

#[uniffi::export]
impl CoreStore {
    /// What this store is.
    pub fn info(&self) -> Result<Info, CaseplanError> {
        Ok(self.core()?.info()?)
    }

    /// What this store did since it was opened.
    pub fn stats(&self) -> Result<Stats, CaseplanError> {
        Ok(self.core()?.stats())
    }

    /// Checks every page, every change's bytes and signature, and every projection against its document.
    pub fn verify(
        &self,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<VerifyReport, CaseplanError> {
        Ok(self.core()?.verify(tell(progress.as_ref()), &CancelToken::of(cancel.as_ref()))?)
    }

    /// Drops every projection and makes it again from documents and records. Canceled, every row is as it was.
    pub fn rebuild(
        &self,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), CaseplanError> {
        Ok(self.core()?.rebuild(tell(progress.as_ref()), &CancelToken::of(cancel.as_ref()))?)
    }

    /// Copies the store, consistently and while it is in use, into a new file. Drafts go with it, keys do not.
    pub fn back_up(
        &self,
        file: String,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<(), CaseplanError> {
        let token = CancelToken::of(cancel.as_ref());
        Ok(self.core()?.back_up(Path::new(&file), tell(progress.as_ref()), &token)?)
    }
}

/// Puts a backup in the place of a store that is not open.
#[uniffi::export]
pub fn restore_store(backup: String, file: String) -> Result<(), CaseplanError> {
    Ok(caseplan_core::Store::restore(Path::new(&backup), Path::new(&file))?)
}
