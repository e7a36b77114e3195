//! Work that waits because its author's device was ended, or a grant taken back; and a person's decision to let it in.

use std::collections::BTreeMap;

use super::records::EndHash;
use super::{Grants, receipts, scopes};
use crate::error::{Error, Result};
use crate::exchange::Refusal;
use crate::identity::{ScopeFacts, Verdict};
use crate::ids::{Actor, CaseId, DeviceId, WorkerId};
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;
use crate::store::{Changes, Topic};
use crate::time::{Instant, from_unix};

/// What a device still had, of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingWork {
    /// The case.
    pub case: CaseId,
    /// The device that wrote it.
    pub device: DeviceId,
    /// Its worker, as far as a certificate says.
    pub worker: Option<WorkerId>,
    /// How many changes wait.
    pub changes: u64,
    /// The writer's clock at the first of them.
    pub from: Instant,
    /// The writer's clock at the last of them.
    pub to: Instant,
    /// `author_ended` or `not_granted`.
    pub reason: Refusal,
    /// Whether it can be let in: there is an end to which a receipt can be written. Work for which there never was a
    /// grant needs a grant instead.
    pub can_be_admitted: bool,
}

impl Grants<'_> {
    /// What waits for a person, by case and device.
    pub fn waiting(&self) -> Result<Vec<WaitingWork>> {
        self.store.read(|reading| {
            let own = self.store.own();
            let mut found: BTreeMap<(CaseId, DeviceId, bool), WaitingWork> = BTreeMap::new();
            for held in reading.held()? {
                let reason = match held.state {
                    ChangeState::AuthorEnded => Refusal::AuthorEnded,
                    ChangeState::NotGranted => Refusal::NotGranted,
                    _ => continue,
                };
                let row = reading.document_of_row(held.document)?;
                let Some(facts) = scopes::facts(reading, &row.scope_id)? else { continue };
                let change = receipts::facts_of(&row, &held, facts)?;
                let (device, grants) = own.authority.ends_against(&change);
                let no_ends: Vec<EndHash> = device.into_iter().chain(grants).collect();
                let ended = reason == Refusal::AuthorEnded;
                let device = Actor(held.actor).device();
                let time = from_unix(held.time);
                let work = found.entry((facts.case, device, ended)).or_insert_with(|| WaitingWork {
                    case: facts.case,
                    device,
                    worker: own.authority.held_certificate(&held.certificate).map(|c| c.worker.clone()),
                    changes: 0,
                    from: time,
                    to: time,
                    reason,
                    can_be_admitted: false,
                });
                work.changes += 1;
                work.from = work.from.min(time);
                work.to = work.to.max(time);
                work.can_be_admitted |= !no_ends.is_empty();
            }
            Ok(found.into_values().collect())
        })
    }

    /// Lets in what a device still had of a case when it was ended or its worker's grant was taken back: a person's
    /// decision. Answers how many changes went in.
    ///
    /// # Errors
    /// [`Error::NotGranted`] when this device may not write in the case, so that its word does not count.
    pub fn admit(&self, case: CaseId, device: DeviceId) -> Result<u64> {
        let store = self.store;
        let rows = self.attestable(case)?;
        let mut admitted = 0;
        for (row, _) in &rows {
            store.attest(row, true, |authority, _, _, change| {
                change.actor.device() == device && authority.verdict(change) != Verdict::Counts
            })?;
        }
        for (row, _) in &rows {
            admitted += store.take_changes(row, Vec::new())?.accepted;
        }
        store.inner.worker.changed(Changes::of(Topic::Identity, Some(case)));
        Ok(admitted)
    }

    /// The documents of a case with their scopes, where this device's word counts in all of them.
    pub(super) fn attestable(&self, case: CaseId) -> Result<Vec<(DocumentRow, ScopeFacts)>> {
        self.store.read(|reading| {
            let own = self.store.own();
            let mut rows = Vec::new();
            for row in reading.documents_of_case(case.as_bytes())? {
                let Some(facts) = scopes::facts(reading, &row.scope_id)? else { continue };
                if !own.authority.may_attest(own.device, &facts) {
                    return Err(Error::NotGranted { case });
                }
                rows.push((row, facts));
            }
            Ok(rows)
        })
    }
}
