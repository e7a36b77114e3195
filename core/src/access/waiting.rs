//! Work that waits because its author's device was ended, or a grant taken back, or that lost a fork and was not made
//! again; and a person's decision to let it in.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Grants, receipts, scopes};
use crate::document::{Document, Kind};
use crate::error::{Error, Result};
use crate::exchange::Refusal;
use crate::exchange::again::{self, Absent};
use crate::exchange::fork;
use crate::identity::authority::MayWrite;
use crate::identity::{ScopeFacts, Verdict};
use crate::ids::{Actor, CaseId, DeviceId, WorkerId};
use crate::storage::Reading;
use crate::storage::changes::{ChangeRow, ChangeState};
use crate::storage::documents::DocumentRow;
use crate::storage::records::HeldUpTo;
use crate::store::opening::Own;
use crate::store::{Changes, Store, Topic};
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
    /// `author_ended`, `not_granted`, or `forked`: its device gave out numbers twice, as a copy of a phone that came back with
    /// its vault does, the other branch was kept, and this one, or what was written upon it, has not been made again.
    pub reason: Refusal,
    /// Whether its author may still make it again: it does so as soon as it meets the branch that was kept, or what a
    /// colleague's branch was made into that it wrote upon. A person lets it in where that device has met those and it is
    /// still missing: set back to an older copy it has lost the branch. Let in earlier, both make it, and it is shown once.
    pub awaited: bool,
    /// Whether some of it can be let in: there is an end to which a receipt can be written, or the work can be made again.
    /// Work for which there never was a grant needs a grant instead, what follows on a change that has not come yet waits
    /// for that, and what is made again is made by a device that may write it.
    pub can_be_admitted: bool,
}

impl Grants<'_> {
    /// What waits for a person, by case and device.
    pub fn waiting(&self) -> Result<Vec<WaitingWork>> {
        let now = self.store.trusted_time()?;
        self.store.read(|reading| {
            let own = self.store.own();
            let (mut found, mut whole) = (Found::default(), WithoutGaps { reading, scopes: BTreeMap::new() });
            for held in reading.held()? {
                let reason = match held.state {
                    ChangeState::AuthorEnded => Refusal::AuthorEnded,
                    ChangeState::NotGranted => Refusal::NotGranted,
                    _ => continue,
                };
                let row = reading.document_of_row(held.document)?;
                let Some(facts) = scopes::facts(reading, &row.scope_id)? else { continue };
                let author = Actor(held.actor).device();
                let of_change = receipts::facts_of(&row, &held, facts)?;
                let (of_device, of_grants) = own.authority.ends_against(&of_change);
                let vouches = |ends: &[[u8; 32]]| {
                    ends.is_empty() || ends.iter().any(|end| own.authority.may_vouch(own.device, end, author))
                };
                let can_be_attested =
                    own.authority.can_be_attested(&of_change) && vouches(&of_device) && vouches(&of_grants);
                let at = from_unix(held.time);
                found.add(WaitingWork {
                    case: facts.case,
                    device: author,
                    worker: own.authority.held_certificate(&held.certificate).map(|c| c.worker.clone()),
                    changes: 1,
                    from: at,
                    to: at,
                    reason,
                    awaited: false,
                    can_be_admitted: can_be_attested && whole.holds(&row, &held)?,
                });
            }
            for row in reading.documents_with_lost()? {
                let Some(facts) = scopes::facts(reading, &row.scope_id)? else { continue };
                let may_write = own.may_write(&facts, &row.kind);
                let left =
                    self.store.where_lost(reading, &row, &facts, (&own, now), |document, absent| {
                        again::left_behind(reading, &row, document, own.device, absent)
                    })?;
                for (device, left) in left {
                    found.add(WaitingWork {
                        case: facts.case,
                        device,
                        worker: own.authority.judgement().workers(device).next().cloned(),
                        changes: left.changes,
                        from: from_unix(left.from),
                        to: from_unix(left.to),
                        reason: Refusal::Forked,
                        awaited: left.awaited,
                        can_be_admitted: left.can_be_made && may_write == MayWrite::Granted,
                    });
                }
            }
            Ok(found.0.into_values().collect())
        })
    }

    /// Lets in what a device still had of a case when it was ended or its worker's grant was taken back, and what of its
    /// lost a fork and was not made again: a person's decision. Answers how many changes went in. What lost a fork stands in
    /// this device's name from then on, at the times when it was written: its author's signatures are for numbers that are
    /// taken.
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
        for (row, facts) in &rows {
            admitted += store.take_changes(row, Vec::new())?.accepted;
            let may_write = store.own().may_write(facts, &row.kind);
            let again = if may_write == MayWrite::Granted { store.make_again_for(row, device)? } else { 0 };
            if again > 0 {
                // What this device wrote upon it follows.
                admitted += again + store.take_changes(row, Vec::new())?.accepted;
            }
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

impl Store {
    /// Looks at what of a document lost a fork, if anything did; of a kind that is not known nothing is seen yet.
    pub(super) fn where_lost<T: Default>(
        &self,
        reading: &Reading<'_>,
        row: &DocumentRow,
        facts: &ScopeFacts,
        (own, now): (&Own, i64),
        look: impl FnOnce(&Document, &Absent<'_>) -> Result<T>,
    ) -> Result<T> {
        if Kind::from_code(&row.kind).is_none() || !reading.has_lost(&row.document_id)? {
            return Ok(T::default());
        }
        let choices = fork::in_effect(reading, &own.authority, facts, row)?;
        let document = self.load(reading, row)?;
        let is_absent = |device| own.authority.is_absent(device, facts, now);
        let let_in = |device| own.authority.was_let_in(device, facts);
        look(&document, &Absent { device: &is_absent, let_in: &let_in, choices: &choices })
    }
}

/// What was found to wait: one piece for each case, device and reason.
#[derive(Default)]
struct Found(BTreeMap<(CaseId, DeviceId, String), WaitingWork>);

impl Found {
    fn add(&mut self, more: WaitingWork) {
        match self.0.entry((more.case, more.device, more.reason.code().to_owned())) {
            Entry::Vacant(place) => drop(place.insert(more)),
            Entry::Occupied(known) => {
                let work = known.into_mut();
                work.changes += more.changes;
                (work.from, work.to) = (work.from.min(more.from), work.to.max(more.to));
                work.awaited |= more.awaited;
                work.can_be_admitted |= more.can_be_admitted;
            }
        }
    }
}

/// Up to where everything that devices wrote in scopes is held.
struct WithoutGaps<'a> {
    reading: &'a Reading<'a>,
    scopes: BTreeMap<([u8; 16], DeviceId), Vec<HeldUpTo>>,
}

impl WithoutGaps<'_> {
    /// Whether all that a change's actor wrote in its document before it is held too.
    fn holds(&mut self, row: &DocumentRow, held: &ChangeRow) -> Result<bool> {
        let device = Actor(held.actor).device();
        let up_to = match self.scopes.entry((row.scope_id, device)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(self.reading.held_of_device(&row.scope_id, device.as_bytes(), true)?)
            }
        };
        let mut same =
            up_to.iter().filter(|(document, actor, _)| (document, actor) == (&row.document_id, &held.actor));
        Ok(same.any(|(_, _, seq)| held.seq <= *seq))
    }
}
