//! An import: bytes in any portions; each message is one transaction, so a cut loses nothing that was committed.

use std::collections::BTreeMap;

use super::CancelToken;
use super::intake::{Batch, Intake, Room};
use super::message::{MAX_BATCH, Message, SignedChange, Splitter};
use super::refusal::Refusal;
use super::snapshot;
use super::vector::{Holding, Same};
use crate::error::{Error, Result};
use crate::identity::cbor::Malformed;
use crate::identity::keys::verify;
use crate::identity::record::Signed;
use crate::identity::{Founding, RecordRefused, Scope, ScopeFacts};
use crate::ids::{Actor, ChangeHash, DeviceId, DocumentId, VisitationPlanId, sha256};
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

/// What documents hold that came whole, by their ids.
pub(crate) type Whole = BTreeMap<[u8; 16], Holding>;

/// An import that is under way.
pub struct Import {
    store: Store,
    splitter: Splitter,
    peer: Option<DeviceId>,
    /// Whether the peer has proven who it is, and did not only say so.
    proven: bool,
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
            proven: false,
            report: ImportReport::default(),
            fed: 0,
            cancel: CancelToken::default(),
            failed: false,
        })
    }

    /// Begins to take in what a proven peer sends, message by message.
    pub(crate) fn from_peer(store: Store, peer: DeviceId) -> Result<Self> {
        Ok(Self { peer: Some(peer), proven: true, ..Self::new(store)? })
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
            // A proven peer has said who it is.
            Message::Hello { .. } if self.proven => Err(Error::NotAnExport { reason: "order" }),
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
            Message::Scope { .. } => self.take_scopes(&[message]),
            Message::Changes { .. } | Message::Snapshot { .. } => {
                self.take_documents(vec![message]).map(drop)
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

    /// Takes in scopes in one transaction; messages of another kind are passed over.
    ///
    /// # Errors
    /// As [`Self::take`]; then none of them was taken in.
    pub(crate) fn take_scopes(&mut self, messages: &[Message]) -> Result<()> {
        let scopes = messages.iter().map(|message| self.scope(message)).collect::<Result<Vec<_>>>()?;
        let scopes: Vec<_> = scopes.into_iter().flatten().collect();
        if scopes.is_empty() {
            return Ok(());
        }
        let written: Result<()> = self.store.inner.database.write(|tx| {
            for (facts, founding, row) in &scopes {
                tx.add_founding(facts.case.as_bytes(), founding)?;
                tx.add_scope(row)?;
            }
            Ok(())
        });
        written?;
        scopes.into_iter().for_each(|(facts, ..)| self.store.know_scope(facts));
        Ok(())
    }

    /// A scope with its rows: its case's founder signed it, and every id in it is the hash of what it names. Nothing
    /// if nobody that is known signed it.
    fn scope(&self, message: &Message) -> Result<Option<(ScopeFacts, FoundingRow, ScopeRow)>> {
        let Message::Scope { founding, signature, certificate, level, plan } = message else {
            return Ok(None);
        };
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
            return Ok(None);
        }
        let scope = match (*level, plan.as_slice()) {
            (level @ 1..=5, []) => Scope::Level(level),
            (0, plan) => Scope::Visits(VisitationPlanId::from_slice(plan)?),
            _ => return Err(Error::NotAnExport { reason: "format" }),
        };
        let case = record.case_id();
        let founding = FoundingRow {
            bytes: founding.clone(),
            signature: signature.to_vec(),
            certificate: certificate.to_vec(),
        };
        let row = ScopeRow {
            scope_id: *scope.id(case).as_bytes(),
            case_id: *case.as_bytes(),
            level: (*level > 0).then_some(*level),
            plan_id: plan.as_slice().try_into().ok(),
        };
        Ok(Some((ScopeFacts { case, founder: record.device, scope }, founding, row)))
    }

    /// Takes in what messages bring of documents, several of them in one transaction; other messages are passed over.
    /// Answers up to where those that came whole hold each actor's changes.
    ///
    /// A writer waits for one transaction: it has no more in it than one message may bring, of a few documents.
    ///
    /// # Errors
    /// As [`Self::take`]. What came before the batch that failed is in.
    pub(crate) fn take_documents(&mut self, messages: Vec<Message>) -> Result<Whole> {
        let (mut together, mut room) = (Vec::<Batch>::new(), Room::default());
        let mut whole = Whole::new();
        for message in messages {
            for batch in self.batches(message, &mut whole) {
                if !room.has(&batch) {
                    self.batches_in(&together)?;
                    (together, room) = (Vec::new(), Room::default());
                    room.has(&batch);
                }
                // A document is loaded once for all that came of it together, however small the messages.
                let same =
                    |other: &&mut Batch| other.document == batch.document && other.header == batch.header;
                match together.iter_mut().find(same) {
                    Some(other) => other.changes.extend(batch.changes),
                    None => together.push(batch),
                }
            }
        }
        self.batches_in(&together)?;
        Ok(whole)
    }

    /// What a message brings, in batches. A whole document is loaded within limits and taken apart again: the guard
    /// judges change by change.
    fn batches(&mut self, message: Message, whole: &mut Whole) -> Vec<Batch> {
        let (document, header, mut changes) = match message {
            Message::Changes { document, header, changes } => (document, header, changes),
            Message::Snapshot { document, header, chunk, certificates, signatures } => {
                match snapshot::take_apart(&header, &chunk, &certificates, &signatures) {
                    Ok((changes, _)) if changes.is_empty() => return Vec::new(),
                    Ok((changes, holding)) => {
                        whole.insert(*document.as_bytes(), holding);
                        (document, header, changes)
                    }
                    Err(reason) => {
                        let hash = ChangeHash(sha256(&[&chunk]));
                        self.report.quarantined.push(Quarantined { document, hash, reason });
                        return Vec::new();
                    }
                }
            }
            _ => return Vec::new(),
        };
        self.report.received += changes.len() as u64;
        let mut batches = Vec::new();
        loop {
            let rest = changes.split_off(changes.len().min(MAX_BATCH));
            let part = std::mem::replace(&mut changes, rest);
            let sixteenth = |change: &SignedChange| change.chunk.get(4).is_some_and(|byte| byte % 16 == 0);
            if !(planted::is(Defect::BatchDropped) && part.first().is_some_and(sixteenth)) {
                batches.push(Batch { document, header: header.clone(), changes: part });
            }
            if changes.is_empty() {
                return batches;
            }
        }
    }

    fn batches_in(&mut self, batches: &[Batch]) -> Result<()> {
        if batches.is_empty() {
            return Ok(());
        }
        self.store.inner.database.give_way();
        let taken = self.store.take_batches(batches)?;
        for (taken, batch) in taken.into_iter().zip(batches) {
            match taken {
                Ok((row, intake)) => self.note(&row, intake)?,
                Err(reason) => {
                    let document = batch.document;
                    let hashes = batch.changes.iter().map(|change| sha256(&[&change.chunk]));
                    let entries = hashes.map(|hash| Quarantined {
                        document,
                        hash: ChangeHash(hash),
                        reason: reason.clone(),
                    });
                    self.report.quarantined.extend(entries);
                }
            }
        }
        Ok(())
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

    fn held(&mut self, document: DocumentId, actors: &[([u8; 24], u64, [u8; 8])]) -> Result<()> {
        // By what is held elsewhere a case that was taken back goes from here: nobody is believed who is not proven.
        let Some(peer) = self.peer.filter(|_| self.proven) else { return Ok(()) };
        self.store.inner.database.write(|tx| {
            let reading = tx.reading();
            let Some(row) = reading.document(document.as_bytes())? else { return Ok(()) };
            // Of what is not here it says nothing: under the same numbers it may hold another branch.
            let same = Same::of(&reading, row.id)?;
            let (device, present) = (self.store.own().device, reading.own_actor(row.id)?);
            for (actor, seq, mark) in actors {
                if let Some(seq) = same.up_to(actor, *seq, mark)? {
                    tx.set_held_elsewhere(peer.as_bytes(), row.id, actor, seq)?;
                } else if Actor(*actor).device() == device && present == Some(*actor) {
                    // This device was set back, and what it has written since under these numbers is only here: it goes on
                    // as somebody new.
                    tx.rotate_actor(row.id)?;
                }
            }
            Ok(())
        })
    }
}
