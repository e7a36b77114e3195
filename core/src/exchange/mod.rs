//! Exchange: what one store holds that another lacks, as bytes. The inner part of sync, with no channel around it.
//!
//! - [`message`]: the messages and their one encoding;
//! - [`vector`]: what a store holds;
//! - [`outgoing`]: what one document has and a peer lacks;
//! - [`export`]: messages for somebody who holds a given vector;
//! - [`import`]: bytes in any portions, committed batch by batch;
//! - [`header`], [`snapshot`]: a document's name checked; a whole document taken apart;
//! - [`admit`]: the guard that every foreign change passes, with `ancestry`; [`refusal`]: why it kept one out;
//! - `fork`: what lost a fork leaves its document, and is made again: `again`, on `ground`;
//! - [`intake`]: a batch of changes through the guard, into rows and projections.
//!
//! Bytes may arrive in any split, twice, and only half: what was committed stays, and a later import goes on.

pub mod admit;
pub(crate) mod again;
mod ancestry;
pub mod export;
pub(crate) mod fork;
mod ground;
pub mod header;
pub mod import;
pub mod intake;
pub mod message;
pub(crate) mod outgoing;
pub mod refusal;
pub mod snapshot;
pub mod vector;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::ids::{CaseId, ChangeHash, DocumentId};
use crate::store::Store;

pub use export::Export;
pub use import::{Import, ImportReport, Quarantined, WorkProgress};
pub use refusal::Refusal;

/// Lets somebody end long work: it ends after its last committed batch and says so.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks for the end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the end was asked for.
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A change that is held and not part of its document, or was refused outright.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What others lack, and what they brought.
pub struct Exchange<'a> {
    pub(crate) store: &'a Store,
}

impl Exchange<'_> {
    /// What this store holds, to be given to whoever exports for it.
    pub fn vector(&self) -> Result<Vec<u8>> {
        self.store.read(|reading| Ok(vector::own(self.store, reading)?.encode()))
    }

    /// One figure for everything held: equal figures, equal holdings.
    pub fn digest(&self) -> Result<String> {
        self.store.read(vector::root_digest)
    }

    /// Everything that the owner of a vector lacks; everything there is if none is given.
    ///
    /// # Errors
    /// [`crate::Error::NotAnExport`] when the bytes are no vector, or one of another domain.
    pub fn export(&self, theirs: Option<&[u8]>) -> Result<Export> {
        Export::new(self.store.clone(), theirs)
    }

    /// Begins to take in what somebody exported.
    pub fn import(&self) -> Result<Import> {
        Import::new(self.store.clone())
    }

    /// Changes that are held and not part of their documents, and what was refused outright, with the reason.
    pub fn quarantine(&self) -> Result<Vec<HeldChange>> {
        self.store.read(|reading| {
            let mut held = Vec::new();
            for row in reading.held()? {
                let document = reading.document_of_row(row.document)?;
                held.push(HeldChange {
                    case: Some(CaseId::from_slice(&document.case_id)?),
                    document: Some(DocumentId::from_slice(&document.document_id)?),
                    hash: ChangeHash(row.hash),
                    reason: Refusal::of_state(row.state),
                });
            }
            for row in reading.evidence()? {
                let document = match row.document_id {
                    Some(document) => reading.document(&document)?,
                    None => None,
                };
                let ids = document.map(|row| {
                    Ok::<_, Error>((
                        CaseId::from_slice(&row.case_id)?,
                        DocumentId::from_slice(&row.document_id)?,
                    ))
                });
                let (case, document) = ids.transpose()?.unzip();
                let reason = Refusal::from_code(&row.reason);
                held.push(HeldChange { case, document, hash: ChangeHash::from_slice(&row.hash)?, reason });
            }
            Ok(held)
        })
    }
}
