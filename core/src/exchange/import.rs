//! An import: bytes in any portions; each message is one transaction, so a cut loses nothing that was committed.

use super::CancelToken;
use super::admit::{self, Refusal};
use super::message::{DocumentHeader, MAX_BATCH, Message, SignedChange, Splitter};
use super::{header, snapshot};
use crate::document::{Document, Kind};
use crate::error::{Error, Result};
use crate::identity::cbor::Malformed;
use crate::identity::keys::verify;
use crate::identity::record::Signed;
use crate::identity::{Founding, Scope};
use crate::ids::{ChangeHash, DeviceId, DocumentId, VisitationPlanId};
use crate::storage::documents::{DocumentRow, ScopeRow};
use crate::storage::settings::FoundingRow;
use crate::store::project::{self, Touched};
use crate::store::{Changes, LogLevel, Store, Topic, locked, opening};

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

    /// Takes in authority records, then whatever waited for a certificate.
    fn authority(&mut self, records: &[Vec<u8>]) -> Result<()> {
        let store = self.store.clone();
        let now = store.now()?.timestamp_millis();
        let mut authority = store.own().authority.clone();
        let mut fresh = Vec::new();
        for bytes in records {
            let signed = Signed::decode(bytes)?;
            match authority.insert(signed.clone()) {
                Ok(true) => fresh.push(signed),
                Ok(false) => {}
                Err(_) => return Err(Error::NotAnExport { reason: "authority" }),
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        store.inner.database.write(|tx| {
            for signed in &fresh {
                tx.add_authority_record(&signed.record.issuer, signed.record.number, &signed.encode(), now)?;
            }
            opening::keep_certificates(tx, &authority)
        })?;
        store.inner.own.write().unwrap_or_else(std::sync::PoisonError::into_inner).authority = authority;
        self.report.records += fresh.len() as u64;
        store.inner.worker.changed(Changes::of(Topic::Identity, None));
        let waiting: Vec<i64> = store.read(|reading| {
            let mut rows: Vec<i64> = reading.held()?.into_iter().map(|held| held.document).collect();
            rows.dedup();
            Ok(rows)
        })?;
        for row in waiting {
            let row = store.read(|reading| Ok(reading.document_of_row(row)?))?;
            self.admit(&row, Vec::new())?;
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
        self.store.inner.database.write(|tx| {
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
        })
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
        let scope = self.store.read(|reading| Ok(reading.scope(header.scope.as_bytes())?))?;
        let refused = header::check(document, header).err().or_else(|| match &scope {
            Some(scope) => header::check_name(header, scope).err(),
            None => Some(Refusal::UnknownScope),
        });
        if let Some(reason) = refused {
            let hashes = changes.iter().map(|change| ChangeHash(crate::ids::sha256(&[&change.chunk])));
            let entries = hashes.map(|hash| Quarantined { document, hash, reason: reason.clone() });
            self.report.quarantined.extend(entries);
            return Ok(());
        }
        let row = self.store.inner.database.write(|tx| {
            tx.add_document(
                document.as_bytes(),
                header.scope.as_bytes(),
                &header.kind,
                &header.genesis.0,
                &header.name,
            )?;
            tx.reading().document(document.as_bytes())?.ok_or(Error::Unexpected { reason: "document" })
        })?;
        self.admit(&row, changes)
    }

    /// One batch of one document: through the guard, into rows and projections, in one transaction.
    fn admit(&mut self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<()> {
        let store = self.store.clone();
        let now = store.now()?;
        let authority = store.own().authority.clone();
        let mut cache = locked(&store.inner.cache);
        // The guard reloads the document; the writer's copy would be one version behind.
        cache.remove(row.id);
        let result = store.inner.database.write(|tx| {
            store.ready()?;
            let document = match Kind::from_code(&row.kind) {
                Some(_) => store.load(&tx.reading(), row)?,
                None => Document::new(Kind::Case).map_err(|_| Error::Unexpected { reason: "genesis" })?,
            };
            let own_actor = tx.reading().own_actor(row.id)?;
            let admitted = admit::admit(tx, &authority, row, &document, changes, now.timestamp_millis())?;
            let mut changed = Changes::default();
            if let Some(document) = &admitted.document {
                let heads: Vec<[u8; 32]> = document.heads().iter().map(|hash| hash.0).collect();
                tx.set_heads(row.id, &heads)?;
                // A change by this device's own present actor that comes from outside: the file is an older copy of
                // what it was. Its numbers must not be given out twice, so this device goes on as somebody new.
                if admitted.actors.iter().any(|actor| Some(actor.0) == own_actor) {
                    tx.rotate_actor(row.id)?;
                }
                let horizon = store.horizon(&tx.reading())?;
                changed = project::document(tx, row, document, Touched::Everything, horizon)?;
            }
            Ok((admitted, changed))
        });
        drop(cache);
        let (admitted, changed) = result.map_err(|error| store.closing(error))?;
        self.report.accepted += admitted.accepted;
        self.report.known += admitted.known;
        let document = DocumentId::from_slice(&row.document_id)?;
        for (hash, reason) in admitted.refused {
            store.inner.log(
                LogLevel::Warning,
                "change.quarantined",
                vec![hash.to_string(), reason.to_string()],
            );
            self.report.quarantined.push(Quarantined { document, hash, reason });
        }
        if !changed.topics.is_empty() {
            store.inner.worker.changed(changed);
            store.inner.worker.compact(Some(vec![row.id]));
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
