//! One batch of one document: through the guard, into rows and projections, in one transaction.

use std::sync::atomic::Ordering;

use super::admit::By;
use super::message::SignedChange;
use super::refusal::Refusal;
use super::{admit, fork};
use crate::access::scopes;
use crate::document::{Document, Kind};
use crate::error::{Error, Result};
use crate::identity::signature::Place;
use crate::ids::{Actor, ChangeHash, DocumentId, ScopeId, sha256};
use crate::random;
use crate::storage::Writing;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::setting;
use crate::store::project::{self, Touched};
use crate::store::{Changes, LogLevel, Store, locked};

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

impl Store {
    /// Takes in changes of a document whose row is here; what is held of it is tried again with them.
    pub(crate) fn take_changes(&self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<Intake> {
        let mut intake = self.pass_guard(row, changes)?;
        // A choice that this device may make is made at once, and ends the fork here.
        if intake.refused.iter().any(|(_, reason)| *reason == Refusal::Forked) && self.choose_branches(row)? {
            intake.accepted += self.pass_guard(row, Vec::new())?.accepted;
        }
        // What came too late after a grant was taken back is let in by a device that may grant, for a while.
        let late = intake.refused.iter().any(|(_, reason)| *reason == Refusal::NotGranted);
        if late && self.admit_late(row)? {
            let again = self.pass_guard(row, Vec::new())?;
            intake.accepted += again.accepted;
            intake.refused.retain(|(_, reason)| *reason != Refusal::NotGranted);
            intake.refused.extend(again.refused);
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

    fn pass_guard(&self, row: &DocumentRow, changes: Vec<SignedChange>) -> Result<Intake> {
        let now = self.now()?;
        let authority = self.own().authority.clone();
        let mut cache = locked(&self.inner.cache);
        // The guard reloads the document; the writer's copy would be one version behind.
        cache.remove(row.id);
        let result = self.inner.database.write(|tx| {
            self.ready()?;
            // A case that was taken back may have gone meanwhile, and its documents with it.
            let Some(facts) = scopes::facts(&tx.reading(), &row.scope_id)? else {
                return Ok(Default::default());
            };
            let document = match Kind::from_code(&row.kind) {
                Some(_) => self.load(&tx.reading(), row)?,
                None => Document::new(Kind::Case).map_err(|_| Error::Unexpected { reason: "genesis" })?,
            };
            let own_actor = tx.reading().own_actor(row.id)?;
            let (millis, place) = (now.timestamp_millis(), DocumentId::from_slice(&row.document_id)?);
            let choices = fork::choices(&authority, &facts, place);
            let rest = fork::take_out(tx, row, &document, &choices, millis)?;
            let mut next = rest.as_ref().unwrap_or(&document);
            let by = By { authority: &authority, scope: facts, choices: &choices };
            let mut admitted = admit::admit(tx, by, row, next, changes, millis)?;
            self.notice_other_copy(tx, &admitted)?;
            // A change by this device's own present actor that comes from outside: the file is an older copy of
            // what it was. Its numbers must not be given out twice, so this device goes on as somebody new.
            if own_actor.is_some_and(|own| admitted.actors.contains_key(&Actor(own))) {
                tx.rotate_actor(row.id)?;
            }
            next = admitted.document.as_ref().unwrap_or(next);
            let again = if choices.is_empty() { None } else { self.make_again(tx, row, next)? };
            if let Some((actor, again)) = again {
                let more = admit::admit(tx, by, row, next, again, millis)?;
                tx.set_own_actor(row.id, &actor.0)?;
                admitted.accepted += more.accepted;
                admitted.document = more.document.or(admitted.document);
            }
            let mut changed = Changes::default();
            if let Some(document) = admitted.document.as_ref().or(rest.as_ref()) {
                let heads: Vec<[u8; 32]> = document.heads().iter().map(|hash| hash.0).collect();
                tx.set_heads(row.id, &heads)?;
                let horizon = self.horizon(&tx.reading())?;
                changed = project::document(tx, row, document, Touched::Everything, horizon)?;
            }
            Ok((admitted, changed))
        });
        drop(cache);
        let (admitted, changed) = result.map_err(|error| self.closing(error))?;
        if !changed.topics.is_empty() {
            self.inner.worker.changed(changed);
            self.inner.worker.compact(Some(vec![row.id]));
        }
        Ok(Intake { accepted: admitted.accepted, known: admitted.known, refused: admitted.refused })
    }

    /// What this device is to make again of a document, signed.
    fn make_again(
        &self,
        tx: &Writing<'_>,
        row: &DocumentRow,
        document: &Document,
    ) -> Result<Option<(Actor, Vec<SignedChange>)>> {
        let own = self.own();
        let Some(keys) = &own.keys else { return Ok(None) };
        let incarnation = random::bytes(self.inner.config.random.as_ref())?;
        let made = fork::to_make_again(&tx.reading(), row, document, (own.device, incarnation))?;
        let Some((actor, chunks)) = made else { return Ok(None) };
        let place = Place {
            scope: ScopeId::from_slice(&row.scope_id)?,
            document: DocumentId::from_slice(&row.document_id)?,
            kind: &row.kind,
        };
        let signed = chunks.into_iter().map(|chunk| {
            let hash = ChangeHash(sha256(&[chunk.get(8..).unwrap_or_default()]));
            let signature = place.sign(keys, &own.certificate, &hash);
            SignedChange { chunk, signature, certificate: own.certificate }
        });
        Ok(Some((actor, signed.collect())))
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
