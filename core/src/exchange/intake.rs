//! One batch of one document: through the guard, into rows and projections, in one transaction.

use super::admit;
use super::message::SignedChange;
use super::refusal::Refusal;
use crate::access::scopes;
use crate::document::{Document, Kind};
use crate::error::{Error, Result};
use crate::ids::ChangeHash;
use crate::storage::StorageFailed;
use crate::storage::documents::DocumentRow;
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
            let document = match Kind::from_code(&row.kind) {
                Some(_) => self.load(&tx.reading(), row)?,
                None => Document::new(Kind::Case).map_err(|_| Error::Unexpected { reason: "genesis" })?,
            };
            let own_actor = tx.reading().own_actor(row.id)?;
            let facts =
                scopes::facts(&tx.reading(), &row.scope_id)?.ok_or(StorageFailed::damaged("scope"))?;
            let now = now.timestamp_millis();
            let admitted = admit::admit(tx, &authority, facts, row, &document, changes, now)?;
            let mut changed = Changes::default();
            if let Some(document) = &admitted.document {
                let heads: Vec<[u8; 32]> = document.heads().iter().map(|hash| hash.0).collect();
                tx.set_heads(row.id, &heads)?;
                // A change by this device's own present actor that comes from outside: the file is an older copy of
                // what it was. Its numbers must not be given out twice, so this device goes on as somebody new.
                if admitted.actors.iter().any(|actor| Some(actor.0) == own_actor) {
                    tx.rotate_actor(row.id)?;
                }
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
}
