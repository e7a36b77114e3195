//! Batches of documents: through the guard, into rows and projections, one or several in a transaction.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::admit::By;
use super::again::{self, Absent};
use super::message::{DocumentHeader, MAX_BATCH, MAX_BATCH_BYTES, SignedChange};
use super::refusal::Refusal;
use super::{admit, fork, header};
use crate::access::scopes;
use crate::document::{Document, Kind, chunk};
use crate::error::{Error, Result};
use crate::identity::Authority;
use crate::identity::signature::Place;
use crate::ids::{Actor, ChangeHash, DeviceId, DocumentId, ScopeId};
use crate::storage::Writing;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::setting;
use crate::store::project::{self, Touched};
use crate::store::{Changes, LogLevel, Store, Topic, locked};

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// How many changes went in, earlier ones that waited for them included.
    pub accepted: u64,
    /// How many were held already.
    pub known: u64,
    /// Those that did not go in, with reasons.
    pub refused: Vec<(ChangeHash, Refusal)>,
}

/// Changes of one document, as a message brings them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub document: DocumentId,
    pub header: DocumentHeader,
    pub changes: Vec<SignedChange>,
}

/// The room of one transaction, for which a writer of the app waits: what one message may bring.
#[derive(Default)]
pub(crate) struct Room {
    documents: BTreeSet<DocumentId>,
    changes: usize,
    bytes: usize,
}

/// So many documents go into one transaction.
const TOGETHER: usize = 8;

impl Room {
    /// Whether one batch more fits in, which it does where it is the first. It takes its room.
    pub fn has(&mut self, batch: &Batch) -> bool {
        let first = self.documents.is_empty();
        self.documents.insert(batch.document);
        self.changes += batch.changes.len();
        self.bytes += batch.changes.iter().map(|change| change.chunk.len()).sum::<usize>();
        let fits =
            self.documents.len() <= TOGETHER && self.changes <= MAX_BATCH && self.bytes <= MAX_BATCH_BYTES;
        first || fits
    }
}

/// What became of a [`Batch`]: its document's row and what went in, or why the document may not be here at all.
pub(crate) type Taken = std::result::Result<(DocumentRow, Intake), Refusal>;

/// What one transaction takes in, and what is to be done after its commit.
struct Passing<'a> {
    store: &'a Store,
    tx: &'a Writing<'a>,
    authority: &'a Authority,
    now_millis: i64,
    changed: Changes,
    /// The rows of the documents that came by,
    rows: Vec<i64>,
    /// and of those that took something.
    grown: Vec<i64>,
    /// Whose lost work a person has decided to make again.
    in_place_of: Option<DeviceId>,
}

impl Store {
    /// Takes in changes of a document whose row is here; what is held of it is tried again with them.
    pub(crate) fn take_changes(&self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<Intake> {
        let intake = self.pass_guard(row, changes)?;
        self.settle_intake(row, intake)
    }

    /// Takes in batches in one transaction; where that fails, each in one of its own, up to the first that fails.
    pub(crate) fn take_batches(&self, batches: &[Batch]) -> Result<Vec<Taken>> {
        let all = self.passing(|passing| batches.iter().map(|batch| passing.take(batch)).collect());
        let all: Vec<Taken> = match all {
            Err(_) if batches.len() > 1 => {
                let each = batches.chunks(1).map(|batch| self.take_batches(batch));
                return Ok(each.collect::<Result<Vec<_>>>()?.concat());
            }
            all => all?,
        };
        let settled = all.into_iter().map(|taken| match taken {
            Ok((row, intake)) => self.settle_intake(&row, intake).map(|intake| Ok((row, intake))),
            Err(refused) => Ok(Err(refused)),
        });
        settled.collect()
    }

    /// What can be done at once about changes that did not go in.
    fn settle_intake(&self, row: &DocumentRow, mut intake: Intake) -> Result<Intake> {
        // A choice that this device may make is made at once, and ends the fork here; so does one that waited for its branch.
        if intake.refused.iter().any(|(_, reason)| *reason == Refusal::Forked)
            && (self.choose_branches(row)? || self.has_unsettled(row)?)
        {
            intake.accepted += self.pass_guard(row, Vec::new())?.accepted;
        }
        // What came too late after a grant was taken back is let in by a device that may grant, for a while; and with it
        // what is held of that device in other documents of the scope.
        if self.waits_for_a_grant(row)? && self.admit_late(row)? {
            for other in self.misjudged_documents(&row.scope_id)? {
                let again = self.pass_guard(&other, Vec::new());
                if other.id == row.id {
                    let again = again?;
                    intake.accepted += again.accepted;
                    intake.refused.retain(|(_, reason)| *reason != Refusal::NotGranted);
                    intake.refused.extend(again.refused);
                } else if let Err(failed) = again {
                    self.log_failure("retry.failed", &failed);
                }
            }
        }
        for (hash, reason) in &intake.refused {
            self.inner.log(
                LogLevel::Warning,
                "change.quarantined",
                vec![hash.to_string(), reason.to_string()],
            );
        }
        Ok(intake)
    }

    /// Makes again, in this device's name, what an author lost in a document; how many changes went in.
    pub(crate) fn make_again_for(&self, row: &DocumentRow, author: DeviceId) -> Result<u64> {
        let intake = self.passing(|passing| {
            passing.in_place_of = Some(author);
            passing.guard(row, Vec::new())
        })?;
        Ok(self.settle_intake(row, intake)?.accepted)
    }

    fn pass_guard(&self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<Intake> {
        self.passing(|passing| passing.guard(row, changes))
    }

    /// One transaction that takes something in. What follows from it in memory, and who is told, comes after its commit.
    fn passing<T>(&self, work: impl FnOnce(&mut Passing<'_>) -> Result<T>) -> Result<T> {
        let now_millis = self.now()?.timestamp_millis();
        let mut cache = locked(&self.inner.cache);
        // With the lock, which a change of records holds until they are in force: no older ones are judged by.
        let authority = self.own().authority.clone();
        let mut rows = Vec::new();
        let result = self.inner.database.write(|tx| {
            self.ready()?;
            let (changed, grown) = Default::default();
            let mut passing = Passing {
                store: self,
                tx,
                authority: &authority,
                now_millis,
                changed,
                rows: Vec::new(),
                grown,
                in_place_of: None,
            };
            let value = work(&mut passing);
            rows = passing.rows;
            value.map(|value| (value, passing.changed, passing.grown))
        });
        // The guard reloads documents; the writer's copies would be one version behind.
        rows.into_iter().for_each(|row| cache.remove(row));
        drop(cache);
        let (value, changed, grown) = result.map_err(|error| self.closing(error))?;
        if !changed.topics.is_empty() {
            self.inner.worker.changed(changed);
            self.inner.worker.compact(Some(grown));
        }
        Ok(value)
    }

    /// What this device is to make again of a document, signed: its own work, or somebody's in whose place it does so.
    fn make_again(
        &self,
        tx: &Writing<'_>,
        row: &DocumentRow,
        document: &Document,
        By { authority, scope, choices }: By<'_>,
        in_place_of: Option<DeviceId>,
    ) -> Result<Vec<SignedChange>> {
        let now = self.trusted_time()?;
        let own = self.own();
        let Some(keys) = &own.keys else { return Ok(Vec::new()) };
        let device = |device| in_place_of == Some(device) || authority.is_absent(device, &scope, now);
        let let_in = |device| authority.was_let_in(device, &scope);
        let absent = Absent { device: &device, let_in: &let_in, choices };
        let whose = (own.device, in_place_of.unwrap_or(own.device));
        let chunks = again::to_make_again(&tx.reading(), row, document, whose, &absent)?;
        let place = Place {
            scope: ScopeId::from_slice(&row.scope_id)?,
            document: DocumentId::from_slice(&row.document_id)?,
            kind: &row.kind,
        };
        let signed = chunks.into_iter().map(|chunk| {
            let hash = ChangeHash(chunk::hash_of(&chunk).unwrap_or_default());
            let signature = place.sign(keys, &own.certificate, &hash);
            SignedChange { chunk, signature, certificate: own.certificate }
        });
        Ok(signed.collect())
    }

    /// Work of this device that it did not write, although it was open by then: there is another copy of it.
    fn notice_other_copy(&self, tx: &Writing<'_>, admitted: &admit::Admitted) -> Result<()> {
        let device = self.own().device;
        let latest = admitted.actors.iter().filter(|(actor, _)| actor.device() == device);
        let latest = latest.map(|(_, time)| *time).max();
        let since = self.inner.opened_at.load(Ordering::SeqCst);
        if let Some(at) = latest.filter(|latest| *latest > since) {
            tx.set_setting(setting::OTHER_COPY, &at.to_be_bytes())?;
            self.inner.log(LogLevel::Warning, "store.other_copy", Vec::new());
        }
        Ok(())
    }
}

impl Passing<'_> {
    /// Takes in a batch, with its document's row where that is new.
    fn take(&mut self, batch: &Batch) -> Result<Taken> {
        let Batch { document, header, changes } = batch;
        let (tx, scope) = (self.tx, self.tx.reading().scope(header.scope.as_bytes())?);
        let refused = header::check(*document, header).err().or_else(|| match &scope {
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
        let row = row.ok_or(Error::Unexpected { reason: "document" })?;
        let intake = self.guard(&row, changes.clone())?;
        Ok(Ok((row, intake)))
    }

    fn guard(&mut self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<Intake> {
        let Self { store, tx, authority, now_millis: millis, .. } = *self;
        self.rows.push(row.id);
        // A case that was taken back may have gone meanwhile, and its documents with it.
        let Some(facts) = scopes::facts(&tx.reading(), &row.scope_id)? else {
            return Ok(Intake::default());
        };
        let document = match Kind::from_code(&row.kind) {
            Some(_) => store.load(&tx.reading(), row)?,
            None => Document::new(Kind::Case).map_err(|_| Error::Unexpected { reason: "genesis" })?,
        };
        let own_actor = tx.reading().own_actor(row.id)?;
        let choices = fork::in_effect(&tx.reading(), authority, &facts, row)?;
        let rest = fork::take_out(tx, row, &document, &choices, millis)?;
        let mut next = rest.as_ref().unwrap_or(&document);
        let by = By { authority, scope: facts, choices: &choices };
        let mut admitted = admit::admit(tx, by, row, next, changes, millis)?;
        store.notice_other_copy(tx, &admitted)?;
        // A change by this device's own present actor that comes from outside: the file is an older copy of
        // what it was. Its numbers must not be given out twice, so this device goes on as somebody new.
        if own_actor.is_some_and(|own| admitted.actors.contains_key(&Actor(own))) {
            tx.rotate_actor(row.id)?;
        }
        next = admitted.document.as_ref().unwrap_or(next);
        let mut again = Vec::new();
        if !choices.is_empty() {
            again = store.make_again(tx, row, next, by, self.in_place_of)?;
        }
        if !again.is_empty() {
            let more = admit::admit(tx, by, row, next, again, millis)?;
            admitted.accepted += more.accepted;
            admitted.document = more.document.or(admitted.document);
        }
        if let Some(document) = admitted.document.as_ref().or(rest.as_ref()) {
            let heads: Vec<[u8; 32]> = document.heads().iter().map(|hash| hash.0).collect();
            tx.set_heads(row.id, &heads)?;
            let horizon = store.horizon(&tx.reading())?;
            let changed = match rest {
                Some(_) => store.project_rest(tx, row, document, horizon)?,
                None => project::document(tx, row, document, Touched::Everything, horizon)?,
            };
            if !changed.topics.is_empty() {
                self.grown.push(row.id);
            }
            self.changed.add(changed);
        }
        if !admitted.refused.is_empty() {
            // What is held without being part of its document is passed on too, and listed.
            self.changed.add(Changes::of(Topic::Identity, Some(facts.case)));
        }
        Ok(Intake { accepted: admitted.accepted, known: admitted.known, refused: admitted.refused })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_with_a_case;

    #[test]
    fn changes_of_a_case_that_has_gone_meanwhile_are_not_taken_and_nothing_is_damaged() {
        let (store, case) = store_with_a_case("intake-gone");
        let row = store.read(|reading| Ok(reading.documents()?.remove(0))).unwrap();
        store.inner.database.write(|tx| Ok::<_, Error>(tx.remove_case(case.as_bytes())?)).unwrap();
        assert_eq!(store.take_changes(&row, Vec::new()), Ok(Intake::default()));
    }
}
