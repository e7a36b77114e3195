//! An import: bytes in any portions; each message is one transaction, so a cut loses nothing that was committed.

use super::CancelToken;
use super::intake::Intake;
use super::message::{DocumentHeader, MAX_BATCH, Message, SignedChange, Splitter};
use super::refusal::Refusal;
use super::{header, snapshot};
use crate::error::{Error, Result};
use crate::identity::cbor::Malformed;
use crate::identity::keys::verify;
use crate::identity::record::Signed;
use crate::identity::{Founding, RecordRefused, Scope, ScopeFacts};
use crate::ids::{ChangeHash, DeviceId, DocumentId, VisitationPlanId};
use crate::planted::{self, Defect};
use crate::storage::documents::{DocumentRow, ScopeRow};
use crate::storage::settings::FoundingRow;
use crate::store::{LogLevel, Store};

/// How far something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkProgress {
    /// So much is done,
    pub done: u64,
    /// of so much; 0 while it is not known.
    pub total: u64,
}

/// A change that did not go in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The document.
    pub document: DocumentId,
    /// The change.
    pub hash: ChangeHash,
    /// Why.
    pub reason: Refusal,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

/// An import that is under way.
pub struct Import {
    store: Store,
    splitter: Splitter,
    peer: Option<DeviceId>,
    report: ImportReport,
    fed: u64,
    cancel: CancelToken,
    failed: bool,
}

impl Import {
    pub(super) fn new(store: Store) -> Result<Self> {
        store.ready()?;
        if store.own().keys.is_none() {
            return Err(Error::KeysLost);
        }
        Ok(Self {
            store,
            splitter: Splitter::default(),
            peer: None,
            report: ImportReport::default(),
            fed: 0,
            cancel: CancelToken::default(),
            failed: false,
        })
    }

    /// Begins to take in what a proven peer sends, message by message.
    pub(crate) fn from_peer(store: Store, peer: DeviceId) -> Result<Self> {
        Ok(Self { peer: Some(peer), ..Self::new(store)? })
    }

    /// Takes the next bytes, in any portion. What is whole in them is committed when this returns.
    ///
    /// # Errors
    /// [`Error::NotAnExport`] when the bytes are none, or come from another domain; nothing more is taken then.
    /// [`Error::Canceled`] after cancellation.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        if self.failed || self.report.complete {
            return Err(Error::NotAnExport { reason: "finished" });
        }
        self.splitter.push(bytes);
        self.fed += bytes.len() as u64;
        loop {
            if self.cancel.is_canceled() {
                self.report.canceled = true;
                return Err(Error::Canceled);
            }
            let next = self.splitter.next_message().and_then(|message| match message {
                Some(message) => Message::decode(&message).map(Some),
                None => Ok(None),
            });
            match next {
                Ok(None) => return Ok(()),
                Ok(Some(None)) => {}
                Ok(Some(Some(message))) => {
                    let taken = self.take(message);
                    self.failed |= matches!(taken, Err(Error::NotAnExport { .. }));
                    taken?;
                }
                Err(Malformed) => {
                    self.failed = true;
                    return Err(Error::NotAnExport { reason: "format" });
                }
            }
        }
    }

    /// What was done. An import that ends before its export did is no error: the next one goes on.
    pub fn finish(self) -> ImportReport {
        self.report
    }

    /// What was done so far.
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    /// How far it is, in bytes.
    pub fn progress(&self) -> WorkProgress {
        WorkProgress { done: self.fed, total: 0 }
    }

    /// Ends it from another thread.
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// Takes in one message: what it brings is committed when this returns.
    pub(crate) fn take(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Hello { domain, device } => {
                if domain != self.store.identity().domain() {
                    return Err(Error::NotAnExport { reason: "domain" });
                }
                self.peer = Some(device);
                Ok(())
            }
            Message::Chain { .. } => Err(Error::NotAnExport { reason: "order" }),
            _ if self.peer.is_none() => Err(Error::NotAnExport { reason: "order" }),
            Message::Authority { records } => self.authority(&records),
            Message::Scope { founding, signature, certificate, level, plan } => {
                self.scope(&founding, &signature, &certificate, level, &plan)
            }
            Message::Changes { document, header, changes } => {
                self.store.inner.database.give_way();
                self.changes(document, &header, changes)
            }
            Message::Snapshot { document, header, chunk, certificates, signatures } => {
                self.store.inner.database.give_way();
                self.snapshot(document, &header, &chunk, &certificates, &signatures)
            }
            Message::Held { document, actors } => self.held(document, &actors),
            Message::End => {
                self.report.complete = self.splitter.is_empty();
                Ok(())
            }
        }
    }

    /// Takes in authority records, then whatever waited for them.
    fn authority(&mut self, records: &[Vec<u8>]) -> Result<()> {
        let records = records.iter().map(|bytes| Signed::decode(bytes)).collect::<Result<Vec<_>, _>>()?;
        let store = self.store.clone();
        let taken = store.take_records(records)?;
        // What is forged or of another domain says that the whole stream is; what is early comes again.
        let never =
            |refused: &RecordRefused| !matches!(refused, RecordRefused::Gap | RecordRefused::UnknownIssuer);
        if taken.refused.iter().any(never) {
            return Err(Error::NotAnExport { reason: "authority" });
        }
        self.report.records += taken.fresh;
        for (row, intake) in taken.retried {
            self.note(&row, intake)?;
        }
        Ok(())
    }

    /// Takes in a scope: its case's founder signed it, and every id in it is the hash of what it names.
    fn scope(
        &mut self,
        founding: &[u8],
        signature: &[u8; 64],
        certificate: &[u8; 32],
        level: u8,
        plan: &[u8],
    ) -> Result<()> {
        let record = Founding::decode(founding)?;
        let own = self.store.own();
        let founder =
            own.authority.certificate(certificate).filter(|founder| founder.device == record.device);
        let signed =
            founder.is_some_and(|founder| verify(&founder.ed25519, &record.signed_bytes(), signature));
        drop(own);
        if !signed {
            // Its documents will be refused one by one, as of an unknown scope; the rest goes in.
            self.store.inner.log(LogLevel::Warning, "scope.unsigned", vec![record.case_id().to_string()]);
            return Ok(());
        }
        let scope = match (level, plan) {
            (1..=5, []) => Scope::Level(level),
            (0, plan) => Scope::Visits(VisitationPlanId::from_slice(plan)?),
            _ => return Err(Error::NotAnExport { reason: "format" }),
        };
        let case_id = record.case_id();
        let written: Result<()> = self.store.inner.database.write(|tx| {
            tx.add_founding(
                case_id.as_bytes(),
                &FoundingRow {
                    bytes: founding.to_vec(),
                    signature: signature.to_vec(),
                    certificate: certificate.to_vec(),
                },
            )?;
            tx.add_scope(&ScopeRow {
                scope_id: *scope.id(case_id).as_bytes(),
                case_id: *case_id.as_bytes(),
                level: (level > 0).then_some(level),
                plan_id: plan.try_into().ok(),
            })?;
            Ok(())
        });
        written?;
        self.store.know_scope(ScopeFacts { case: case_id, founder: record.device, scope });
        Ok(())
    }

    /// A whole document is loaded within limits, taken apart again and passed through the guard change by change.
    fn snapshot(
        &mut self,
        document: DocumentId,
        header: &DocumentHeader,
        chunk: &[u8],
        certificates: &[[u8; 32]],
        signatures: &[(u64, [u8; 64])],
    ) -> Result<()> {
        let mut changes = match snapshot::take_apart(&header.kind, chunk, certificates, signatures) {
            Ok(changes) => changes,
            Err(reason) => {
                let hash = ChangeHash(crate::ids::sha256(&[chunk]));
                self.report.quarantined.push(Quarantined { document, hash, reason });
                return Ok(());
            }
        };
        while !changes.is_empty() {
            let rest = changes.split_off(changes.len().min(MAX_BATCH));
            self.changes(document, header, std::mem::replace(&mut changes, rest))?;
        }
        Ok(())
    }

    fn changes(
        &mut self,
        document: DocumentId,
        header: &DocumentHeader,
        changes: Vec<SignedChange>,
    ) -> Result<()> {
        self.report.received += changes.len() as u64;
        let sixteenth = |change: &SignedChange| change.chunk.get(4).is_some_and(|byte| byte % 16 == 0);
        if planted::is(Defect::BatchDropped) && changes.first().is_some_and(sixteenth) {
            return Ok(());
        }
        // In one transaction: a case that was taken back may go at any time.
        let found: Result<std::result::Result<DocumentRow, Refusal>> =
            self.store.inner.database.write(|tx| {
                let scope = tx.reading().scope(header.scope.as_bytes())?;
                let refused = header::check(document, header).err().or_else(|| match &scope {
                    Some(scope) => header::check_name(header, scope).err(),
                    None => Some(Refusal::UnknownScope),
                });
                if let Some(reason) = refused {
                    return Ok(Err(reason));
                }
                tx.add_document(
                    document.as_bytes(),
                    header.scope.as_bytes(),
                    &header.kind,
                    &header.genesis.0,
                    &header.name,
                )?;
                let row = tx.reading().document(document.as_bytes())?;
                row.map(Ok).ok_or(Error::Unexpected { reason: "document" })
            });
        let row = match found? {
            Ok(row) => row,
            Err(reason) => {
                let hashes = changes.iter().map(|change| ChangeHash(crate::ids::sha256(&[&change.chunk])));
                let entries = hashes.map(|hash| Quarantined { document, hash, reason: reason.clone() });
                self.report.quarantined.extend(entries);
                return Ok(());
            }
        };
        self.admit(&row, changes)
    }

    fn admit(&mut self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<()> {
        let intake = self.store.take_changes(row, changes)?;
        self.note(row, intake)
    }

    fn note(&mut self, row: &DocumentRow, intake: Intake) -> Result<()> {
        self.report.accepted += intake.accepted;
        self.report.known += intake.known;
        let document = DocumentId::from_slice(&row.document_id)?;
        for (hash, reason) in intake.refused {
            self.report.quarantined.push(Quarantined { document, hash, reason });
        }
        Ok(())
    }

    fn held(&mut self, document: DocumentId, actors: &[([u8; 24], u64)]) -> Result<()> {
        let Some(peer) = self.peer else { return Ok(()) };
        self.store.inner.database.write(|tx| {
            let Some(row) = tx.reading().document(document.as_bytes())? else { return Ok(()) };
            for (actor, seq) in actors {
                tx.set_held_elsewhere(peer.as_bytes(), row.id, actor, *seq)?;
            }
            Ok(())
        })
    }
}
