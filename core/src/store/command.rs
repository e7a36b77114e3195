//! One command: one write transaction over documents, drafts and projections, all of it or nothing.
//!
//! A change is made in memory, signed, stored with heads and projections, and only then committed. On any error the
//! loaded documents that were touched are dropped, or memory would be one change ahead of the disk.

use std::collections::HashMap;

use super::project::{self, Touched};
use super::worker::{Changes, Topic};
use super::{LogLevel, Store, locked};
use crate::access::scopes;
use crate::document::{Document, Edit, EditRefused, Kind, Stamp};
use crate::error::{Error, Result};
use crate::identity::authority::MayWrite;
use crate::identity::founding::{Header, log_name};
use crate::identity::signature::Place;
use crate::identity::{Scope, ScopeFacts};
use crate::ids::{Actor, CaseId, CommandId, ConflictId, DocumentId, ScopeId};
use crate::random;
use crate::storage::changes::{ChangeState, ChangeToStore};
use crate::storage::documents::{DocumentRow, ScopeRow};
use crate::storage::{Reading, StorageFailed, Writing};
use crate::time::{Day, Instant};

/// Documents kept in memory between commands.
const CACHED: usize = 8;
/// A writer's time follows the newest ancestor's, unless that is further ahead than this: then its clock was wrong.
const MAX_AHEAD: i64 = 24 * 3600;

/// Loaded documents of the writer, by row.
#[derive(Default)]
pub(crate) struct Cache {
    documents: HashMap<i64, (u64, Document)>,
    /// How many parts of a parent's contact log of a year take no more contacts: none ever leaves one.
    full: HashMap<([u8; 16], u16), u32>,
    tick: u64,
}

impl Cache {
    pub fn clear(&mut self) {
        self.documents.clear();
        self.full.clear();
    }

    fn get(&mut self, row: i64) -> Option<&mut Document> {
        self.tick += 1;
        let tick = self.tick;
        self.documents.get_mut(&row).map(|(used, document)| {
            *used = tick;
            document
        })
    }

    pub fn put(&mut self, row: i64, document: Document) {
        self.tick += 1;
        self.documents.insert(row, (self.tick, document));
        if self.documents.len() > CACHED
            && let Some(oldest) =
                self.documents.iter().min_by_key(|(_, (used, _))| *used).map(|(row, _)| *row)
        {
            self.documents.remove(&oldest);
        }
    }

    pub fn remove(&mut self, row: i64) {
        self.documents.remove(&row);
    }
}

/// A command that is under way.
pub(crate) struct Command<'a> {
    pub store: &'a Store,
    pub tx: &'a Writing<'a>,
    pub now: Instant,
    cache: &'a mut Cache,
    code: &'static str,
    /// Names this command in its changes, where it touches several documents.
    pub id: Option<CommandId>,
    touched: Vec<i64>,
    scopes: Vec<ScopeFacts>,
    changes: Changes,
}

impl Store {
    /// Runs a command: its code goes into every change that it makes.
    pub(crate) fn command<T>(
        &self,
        code: &'static str,
        work: impl FnOnce(&mut Command<'_>) -> Result<T>,
    ) -> Result<T> {
        self.ready()?;
        if self.own().keys.is_none() {
            return Err(Error::KeysLost);
        }
        let now = self.now()?;
        let mut cache = locked(&self.inner.cache);
        let mut touched = Vec::new();
        let result = self.inner.database.write(|tx| {
            self.ready()?;
            let mut command = Command {
                store: self,
                tx,
                now,
                cache: &mut cache,
                code,
                id: None,
                touched: Vec::new(),
                scopes: Vec::new(),
                changes: Changes::default(),
            };
            let result = work(&mut command);
            touched = std::mem::take(&mut command.touched);
            result.map(|value| (value, command.changes, command.scopes))
        });
        match result {
            Ok((value, changes, scopes)) => {
                scopes.into_iter().for_each(|scope| self.know_scope(scope));
                drop(cache);
                let cases = changes.cases.iter().map(ToString::to_string).collect();
                self.inner.log(LogLevel::Info, code, cases);
                if !changes.topics.is_empty() {
                    self.inner.worker.changed(changes);
                }
                if !touched.is_empty() {
                    self.inner.worker.compact(Some(touched));
                }
                Ok(value)
            }
            Err(error) => {
                touched.into_iter().for_each(|row| cache.remove(row));
                cache.full.clear();
                drop(cache);
                self.inner.log(LogLevel::Trace, "command.refused", vec![code.to_owned(), error.to_string()]);
                Err(self.closing(error))
            }
        }
    }

    /// Loads a document from what is stored, strictly.
    pub(crate) fn load(&self, reading: &Reading<'_>, row: &DocumentRow) -> Result<Document> {
        let kind = Kind::from_code(&row.kind).ok_or(Error::Unexpected { reason: "newer_kind" })?;
        self.inner.documents_loaded.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let snapshot = reading.snapshot(row.id)?;
        let pending = reading.pending_chunks(row.id)?;
        let base = snapshot.as_deref().unwrap_or(kind.genesis_bytes());
        let document =
            Document::load(kind, base, &pending).map_err(|_| StorageFailed::damaged("document"))?;
        let stored = reading.heads(row.id)?;
        let heads: Vec<[u8; 32]> = document.heads().iter().map(|hash| hash.0).collect();
        // A document that nobody wrote into yet has its genesis as its only head, and no stored ones.
        if heads != stored && !(stored.is_empty() && heads == [kind.genesis_hash().0]) {
            return Err(StorageFailed::damaged("document").into());
        }
        Ok(document)
    }
}

impl Command<'_> {
    /// Reads within the transaction.
    pub fn reading(&self) -> Reading<'_> {
        self.tx.reading()
    }

    /// The civil date of this command, in the store's zone.
    pub fn today(&self) -> Day {
        self.store.zone().day_of(self.now)
    }

    /// Sixteen random bytes as an id.
    pub fn new_id(&self) -> Result<uuid::Uuid> {
        Ok(random::uuid(self.store.inner.config.random.as_ref())?)
    }

    /// Says what this command could change for a reader.
    pub fn changed(&mut self, topic: Topic, case: CaseId) {
        self.changes.add(Changes::of(topic, Some(case)));
    }

    /// A document that must be here.
    pub fn require(&self, document: DocumentId, kind: &'static str) -> Result<DocumentRow> {
        self.reading()
            .document(document.as_bytes())?
            .ok_or_else(|| Error::NotYetHere { kind, id: document.to_string() })
    }

    /// A document of a case, made if it is not there yet.
    pub fn document(&mut self, case: CaseId, scope: Scope, kind: Kind, name: Vec<u8>) -> Result<DocumentRow> {
        let scope_id = scope.id(case);
        let header = Header::new(scope_id, kind, name);
        let id = header.document_id();
        if let Some(row) = self.reading().document(id.as_bytes())? {
            return Ok(row);
        }
        let (level, plan_id) = match scope {
            Scope::Level(level) => (Some(level), None),
            Scope::Visits(plan) => (None, Some(*plan.as_bytes())),
        };
        self.tx.add_scope(&ScopeRow {
            scope_id: *scope_id.as_bytes(),
            case_id: *case.as_bytes(),
            level,
            plan_id,
        })?;
        let founder = scopes::founder(&self.reading(), case)?;
        self.scopes.push(ScopeFacts { case, founder, scope });
        self.tx.add_document(
            id.as_bytes(),
            scope_id.as_bytes(),
            kind.code(),
            &header.genesis.0,
            &header.name,
        )?;
        self.require(id, kind.code())
    }

    /// The lowest part of a parent's contact log of a year that holds fewer contacts than a size, and has room: whoever may
    /// write in it may have filled it with something else.
    pub fn log_with_room(
        &mut self,
        (case, scope): (CaseId, Scope),
        parent: &[u8; 16],
        year: u16,
        size: u64,
    ) -> Result<DocumentRow> {
        let mut part = self.cache.full.get(&(*parent, year)).copied().unwrap_or(0);
        loop {
            let row = self.document(case, scope, Kind::ContactLog, log_name(parent, year, part))?;
            if self.reading().contacts_in(row.id)? < size && !self.open(&row)?.is_full() {
                return Ok(row);
            }
            part += 1;
            self.cache.full.insert((*parent, year), part);
        }
    }

    /// A loaded document.
    pub fn open(&mut self, row: &DocumentRow) -> Result<&mut Document> {
        if self.cache.get(row.id).is_none() {
            let document = self.store.load(&self.tx.reading(), row)?;
            self.cache.put(row.id, document);
        }
        self.cache.get(row.id).ok_or(Error::Unexpected { reason: "cache" })
    }

    /// Makes edits in one change, signed and stored with its projections; nothing if they change nothing.
    pub fn write(&mut self, row: &DocumentRow, edits: &[Edit]) -> Result<()> {
        self.require_grant(row)?;
        let actor = self.own_actor(row)?;
        let time = self.time(row)?;
        let stamp = Stamp { code: self.code, command: self.id, actor, time };
        self.touched.push(row.id);
        let made = self.open(row)?.commit(edits, stamp);
        let change = match made {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(()),
            Err(refused) => {
                // What was too long to be kept stands in the loaded document, and nowhere else.
                self.cache.remove(row.id);
                return Err(self.refused(row, refused));
            }
        };
        let own = self.store.own();
        let keys = own.keys.as_ref().ok_or(Error::KeysLost)?;
        let place = Place {
            scope: ScopeId::from_slice(&row.scope_id)?,
            document: DocumentId::from_slice(&row.document_id)?,
            kind: &row.kind,
        };
        let signature = place.sign(keys, &own.certificate, &change.hash);
        self.tx.add_change(&ChangeToStore {
            document: row.id,
            actor: &change.actor.0,
            seq: change.seq,
            max_op: change.max_op,
            hash: &change.hash.0,
            certificate: &own.certificate,
            signature: &signature,
            time: change.time,
            code: &change.message,
            received_at: self.now.timestamp_millis(),
            state: ChangeState::Accepted,
            chunk: &change.stored,
        })?;
        drop(own);
        let horizon = self.store.horizon(&self.tx.reading())?;
        let document = self.cache.get(row.id).ok_or(Error::Unexpected { reason: "cache" })?;
        let heads: Vec<[u8; 32]> = document.heads().iter().map(|hash| hash.0).collect();
        self.tx.set_heads(row.id, &heads)?;
        let changed = project::document(self.tx, row, document, Touched::by(edits), horizon)?;
        self.changes.add(changed);
        Ok(())
    }

    /// Nobody would take what this device writes without a grant. After a grant was taken back, a draft can still be
    /// completed: that is let in for a while. After it ran out too: that counts in any case.
    fn require_grant(&self, row: &DocumentRow) -> Result<()> {
        let facts = scopes::facts(&self.reading(), &row.scope_id)?.ok_or(StorageFailed::damaged("scope"))?;
        let now = self.store.trusted_time()?;
        let own = self.store.own();
        let may = own.may_write(&facts, &row.kind);
        let lasts = may == MayWrite::Granted && own.authority.shut_out(own.device, &facts, now).is_none();
        if lasts || may != MayWrite::Never && self.code == "contact.complete" {
            Ok(())
        } else {
            Err(Error::NotGranted { case: facts.case })
        }
    }

    fn own_actor(&mut self, row: &DocumentRow) -> Result<Actor> {
        if let Some(actor) = self.reading().own_actor(row.id)? {
            return Ok(Actor(actor));
        }
        let incarnation = random::bytes(self.store.inner.config.random.as_ref())?;
        let actor = Actor::new(self.store.own().device, incarnation);
        self.tx.set_own_actor(row.id, &actor.0)?;
        Ok(actor)
    }

    /// The time of the next change: never before what it follows, unless that is absurdly far ahead.
    fn time(&mut self, row: &DocumentRow) -> Result<i64> {
        let now = self.now.timestamp();
        let heads = self.open(row)?.head_times();
        Ok(heads.into_iter().filter(|time| *time <= now + MAX_AHEAD).fold(now, i64::max))
    }

    fn refused(&self, row: &DocumentRow, refused: EditRefused) -> Error {
        let document = DocumentId(uuid::Uuid::from_bytes(row.document_id));
        match &refused {
            EditRefused::InConflict { path } => match self.reading().conflict_at(row.id, &path.to_string()) {
                Ok(Some(conflict)) => Error::FieldInConflict { conflict: ConflictId(conflict.conflict_id) },
                Ok(None) => Error::Unexpected { reason: "conflict_not_projected" },
                Err(failed) => failed.into(),
            },
            other => Error::of_edit(other, document),
        }
    }
}
