//! Keeping a store well: information, verification, backup.

use std::collections::BTreeMap;
use std::path::Path;

use super::Store;
use crate::access::held::fits;
use crate::access::{receipts, scopes};
use crate::document::{Kind, chunk, raw_chunk};
use crate::error::{Error, Result};
use crate::exchange::{CancelToken, WorkProgress};
use crate::identity::Certificate;
use crate::identity::signature::Place;
use crate::ids::{ChangeHash, DocumentId, ScopeId};
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::setting;
use crate::storage::{Database, Location, Reading, StorageFailed, schema};
use crate::time::{Instant, from_unix};

/// What a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Documents loaded from disk. Lists, searches and due visits load none.
    pub documents_loaded: u64,
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

impl VerifyReport {
    /// Whether everything is as it should be.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.forged.is_empty() && self.stale_rows == 0 && !self.canceled
    }
}

impl Store {
    /// What this store is.
    pub fn info(&self) -> Result<Info> {
        let keys_lost = self.own().keys.is_none();
        self.read(|reading| {
            let (changes, quarantined) = reading.change_counts()?;
            let other_copy = reading.setting(setting::OTHER_COPY)?.and_then(|bytes| bytes.try_into().ok());
            Ok(Info {
                schema: reading.version()?,
                bytes: reading.bytes()?,
                documents: reading.document_count()?,
                changes,
                quarantined,
                encrypted: false,
                keys_lost,
                other_copy_wrote_at: other_copy.map(|bytes| from_unix(i64::from_be_bytes(bytes))),
            })
        })
    }

    /// What this store did since it was opened.
    pub fn stats(&self) -> Stats {
        Stats { documents_loaded: self.inner.documents_loaded.load(std::sync::atomic::Ordering::Relaxed) }
    }

    /// Copies the store, consistently and while it is in use, into a new file. Drafts go with it, keys do not.
    ///
    /// # Errors
    /// [`Error::Storage`] when the file is there already or cannot be written, [`Error::Canceled`]; no file is left.
    pub fn back_up(
        &self,
        to: &Path,
        mut progress: impl FnMut(WorkProgress),
        cancel: &CancelToken,
    ) -> Result<()> {
        self.ready()?;
        let finished = self.inner.database.back_up(to, |done, total| {
            progress(WorkProgress { done, total });
            !cancel.is_canceled()
        });
        let finished = finished.map_err(|failed| self.closing(failed.into()))?;
        if finished { Ok(()) } else { Err(Error::Canceled) }
    }

    /// Puts a backup in the place of a store that is not open. Opened with its vault, the store notices that it was
    /// restored and writes as somebody new from then on.
    ///
    /// # Errors
    /// [`Error::Storage`] when the backup is not a sound Caseplan database, or the place is taken.
    pub fn restore(backup: &Path, to: &Path) -> Result<()> {
        if to.exists() {
            return Err(StorageFailed::CannotOpen.into());
        }
        if !backup.is_file() {
            return Err(StorageFailed::CannotOpen.into());
        }
        let beside = to.with_extension("partial");
        let copy = || -> Result<()> {
            std::fs::copy(backup, &beside).map_err(StorageFailed::from)?;
            let database = Database::open(Location::File(beside.clone()))?;
            database.check_integrity()?;
            database.suspend();
            std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(StorageFailed::from)?;
            // What an earlier file of this name left behind would be taken for the backup's.
            for leftover in ["-wal", "-shm"] {
                let mut name = to.as_os_str().to_owned();
                name.push(leftover);
                let _ = std::fs::remove_file(name);
            }
            Ok(std::fs::rename(&beside, to).map_err(StorageFailed::from)?)
        };
        let copied = copy();
        for leftover in ["partial", "partial-wal", "partial-shm", "partial.lock"] {
            let _ = std::fs::remove_file(to.with_extension(leftover));
        }
        // A backup of an earlier version was migrated there.
        schema::forget_copies(&Location::File(beside));
        copied
    }

    /// Checks every page, every change's bytes and signature, and every projection against its document. Each document
    /// counts twice in the progress: it is looked at, and its rows are made anew to be compared.
    pub fn verify(
        &self,
        mut progress: impl FnMut(WorkProgress),
        cancel: &CancelToken,
    ) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        self.ready()?;
        self.inner.database.check_integrity().map_err(|failed| self.closing(failed.into()))?;
        let documents = self.read(|reading| Ok(reading.documents()?))?;
        let total = 2 * documents.len() as u64;
        for row in documents {
            if cancel.is_canceled() {
                report.canceled = true;
                return Ok(report);
            }
            self.read(|reading| self.verify_document(reading, &row, &mut report))?;
            report.documents += 1;
            progress(WorkProgress { done: report.documents, total });
        }
        report.digest = self.exchange().digest()?;
        if report.damaged.is_empty() {
            let looked_at = report.documents;
            let mut progress = |so_far: WorkProgress| {
                progress(WorkProgress { done: looked_at + so_far.done, total });
            };
            match self.stale_rows(&mut progress, cancel) {
                Ok(stale) => report.stale_rows += stale,
                Err(Error::Canceled) => report.canceled = true,
                Err(other) => return Err(other),
            }
        }
        Ok(report)
    }

    fn verify_document(
        &self,
        reading: &Reading<'_>,
        row: &DocumentRow,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let id = DocumentId::from_slice(&row.document_id)?;
        let document = match Kind::from_code(&row.kind) {
            None => None,
            Some(_) => match self.load(reading, row) {
                Ok(document) => Some(document),
                Err(Error::Storage(StorageFailed::Damaged { .. })) => {
                    report.damaged.push(id);
                    return Ok(());
                }
                Err(other) => return Err(other),
            },
        };
        let place = Place { scope: ScopeId::from_slice(&row.scope_id)?, document: id, kind: &row.kind };
        let own = self.own();
        let facts = scopes::facts(reading, &row.scope_id)?.ok_or(StorageFailed::damaged("scope"))?;
        let former = reading.former_certificates()?;
        let former = former.iter().map(|bytes| Certificate::decode(bytes)).collect::<Result<Vec<_>, _>>();
        let former = former.map_err(|_| StorageFailed::damaged("certificate"))?;
        let former: BTreeMap<[u8; 32], Certificate> =
            former.into_iter().map(|certificate| (certificate.hash(), certificate)).collect();
        for change in reading.changes(row.id)? {
            report.changes += 1;
            let hash = ChangeHash(change.hash);
            let chunk = match reading.chunk(change.id)? {
                Some(stored) if change.state != ChangeState::Accepted => Some(stored),
                Some(stored) => raw_chunk(&stored).ok(),
                None => document.as_ref().and_then(|document| document.raw_change(&hash)),
            };
            let intact = chunk.is_some_and(|chunk| chunk::hash_of(&chunk) == Some(change.hash));
            // Whose key signed does not depend on whether the certificate counts today.
            let certificate = own.authority.held_certificate(&change.certificate);
            let signed = match certificate.or_else(|| former.get(&change.certificate)) {
                Some(certificate) => place.verify(certificate, &hash, &change.signature),
                None => change.state == ChangeState::UnknownAuthor,
            };
            let judged = own.authority.verdict(&receipts::facts_of(row, &change, facts)?);
            report.stale_rows += u64::from(!fits(change.state, judged));
            if !intact || !signed {
                report.forged.push(hash);
            }
        }
        Ok(())
    }

    /// Every projection row as text, sorted: two stores with equal documents have equal ones.
    pub fn dump_projections(&self) -> Result<Vec<String>> {
        self.read(|reading| Ok(reading.dump_projections()?))
    }

    /// Each document as a standard Automerge file, with its header and the signatures of its changes beside it.
    pub fn dump_documents(&self, mut take: impl FnMut(DumpedDocument) -> Result<()>) -> Result<()> {
        let rows = self.read(|reading| Ok(reading.documents()?))?;
        for row in rows.iter().filter(|row| Kind::from_code(&row.kind).is_some()) {
            let dumped = self.read(|reading| {
                let document = self.load(reading, row)?;
                Ok(DumpedDocument {
                    id: DocumentId::from_slice(&row.document_id)?,
                    scope: ScopeId::from_slice(&row.scope_id)?,
                    kind: row.kind.clone(),
                    file: document.save(),
                    signatures: reading
                        .changes(row.id)?
                        .into_iter()
                        .filter(|change| change.state == ChangeState::Accepted)
                        .map(|change| ChangeSignature {
                            change: ChangeHash(change.hash),
                            certificate: change.certificate,
                            signature: change.signature,
                        })
                        .collect(),
                })
            })?;
            take(dumped)?;
        }
        Ok(())
    }

    /// The newest version of a store's file that this library knows.
    pub const SCHEMA: u32 = schema::VERSION;
}

/// A document outside its store: nobody's data is locked in.
#[derive(Debug, Clone)]
pub struct DumpedDocument {
    /// The document.
    pub id: DocumentId,
    /// Its scope.
    pub scope: ScopeId,
    /// Its kind's code.
    pub kind: String,
    /// A standard Automerge file; [`crate::document::FILE_EXTENSION`] is its ending.
    pub file: Vec<u8>,
    /// The signatures of its changes.
    pub signatures: Vec<ChangeSignature>,
}

/// The signature of one change.
#[derive(Debug, Clone)]
pub struct ChangeSignature {
    /// The change.
    pub change: ChangeHash,
    /// The certificate that it names, by hash.
    pub certificate: [u8; 32],
    /// The signature.
    pub signature: [u8; 64],
}
