//! Work of an ended device that counts because somebody had it, and that whoever ended the device did not have: a person
//! looks it over, and says so. What is wrong is corrected as any other entry is.

use std::collections::BTreeMap;

use super::records::EndHash;
use super::{Grants, receipts, scopes};
use crate::error::Result;
use crate::identity::record::EndReason;
use crate::identity::{ChangeFacts, ScopeFacts, Verdict};
use crate::ids::{Actor, CaseId, DeviceId, DocumentId, WorkerId};
use crate::storage::Reading;
use crate::storage::documents::DocumentRow;
use crate::store::{Changes, Topic};
use crate::time::{Instant, from_unix};

/// What of one case an ended device wrote, and what reached others before they knew of the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkToReview {
    /// The case.
    pub case: CaseId,
    /// The device that wrote it.
    pub device: DeviceId,
    /// Its worker, as far as a certificate says.
    pub worker: Option<WorkerId>,
    /// When the device was ended, by the clock of whoever ended it; of several times the first.
    pub ended_at: Instant,
    /// Why it was ended then.
    pub why: EndReason,
    /// How many changes nobody has looked over.
    pub changes: u64,
    /// The writer's clock at the first of them. A thief's clock may say anything.
    pub from: Instant,
    /// The writer's clock at the last of them.
    pub to: Instant,
}

/// A document, an author, and a number.
type UpTo = (DocumentId, Actor, u64);

/// Changes of one author in one document that ask for a look.
struct Asking {
    document: DocumentId,
    actor: Actor,
    facts: ScopeFacts,
    /// The device's first end.
    end: EndHash,
    ended_at: i64,
    why: EndReason,
    worker: Option<WorkerId>,
    /// Their numbers and times, by number; one at least.
    changes: Vec<(u64, i64)>,
}

impl Grants<'_> {
    /// What ended devices wrote and others have accepted, though whoever ended the device did not have it then: by case
    /// and device. It counts; this list is the same wherever the same records and changes are.
    pub fn to_review(&self) -> Result<Vec<WorkToReview>> {
        let mut found: BTreeMap<(CaseId, DeviceId), WorkToReview> = BTreeMap::new();
        for asking in self.asking(None)? {
            let (case, device) = (asking.facts.case, asking.actor.device());
            for (_, time) in asking.changes {
                let time = from_unix(time);
                let work = found.entry((case, device)).or_insert_with(|| WorkToReview {
                    case,
                    device,
                    worker: asking.worker.clone(),
                    ended_at: from_unix(asking.ended_at),
                    why: asking.why.clone(),
                    changes: 0,
                    from: time,
                    to: time,
                });
                work.changes += 1;
                work.from = work.from.min(time);
                work.to = work.to.max(time);
            }
        }
        Ok(found.into_values().collect())
    }

    /// Says that what a device wrote of a case was looked over and stands: a person's decision, which others learn with
    /// the case. Answers how many changes it now vouches for; what comes later is listed again.
    ///
    /// # Errors
    /// [`Error::NotGranted`](crate::Error::NotGranted) when this device may not write in the case, so that its word does
    /// not count.
    pub fn confirm(&self, case: CaseId, device: DeviceId) -> Result<u64> {
        self.attestable(case)?;
        let asking = self.asking(Some((case, device)))?;
        let changes: u64 = asking.iter().map(|asking| asking.changes.len() as u64).sum();
        let mut decided: BTreeMap<(ScopeFacts, EndHash), Vec<UpTo>> = BTreeMap::new();
        for asking in &asking {
            let last = asking.changes.iter().map(|(seq, _)| *seq).max();
            let place = last.map(|last| (asking.document, asking.actor, last));
            decided.entry((asking.facts, asking.end)).or_default().extend(place);
        }
        if decided.is_empty() {
            return Ok(0);
        }
        self.store.change_records(|change| {
            for ((facts, end), mut changes) in decided {
                changes.sort_unstable();
                receipts::decide(change, &facts, end, changes)?;
            }
            Ok(())
        })?;
        self.store.inner.worker.changed(Changes::of(Topic::Identity, Some(case)));
        Ok(changes)
    }

    /// What asks for a look: everything, or what one device wrote of one case.
    fn asking(&self, of: Option<(CaseId, DeviceId)>) -> Result<Vec<Asking>> {
        self.store.read(|reading| {
            let judgement = self.store.own().authority.judgement();
            if judgement.ended.is_empty() {
                return Ok(Vec::new());
            }
            let mut found = Vec::new();
            let mut last: Option<(i64, DocumentRow, Option<ScopeFacts>)> = None;
            for (document, author, actor) in reading.authors()? {
                let actor = Actor(actor);
                let wanted = of.is_none_or(|(_, device)| device == actor.device());
                if !wanted || !judgement.ended.contains_key(&actor.device()) {
                    continue;
                }
                if last.as_ref().is_none_or(|(known, ..)| *known != document) {
                    let row = reading.document_of_row(document)?;
                    let facts = scopes::facts(reading, &row.scope_id)?;
                    last = Some((document, row, facts));
                }
                let Some((_, row, Some(facts))) = &last else { continue };
                if of.is_none_or(|(case, _)| case == facts.case) {
                    found.extend(self.asking_by(reading, row, *facts, (author, actor))?);
                }
            }
            Ok(found)
        })
    }

    fn asking_by(
        &self,
        reading: &Reading<'_>,
        row: &DocumentRow,
        scope: ScopeFacts,
        (author, actor): (i64, Actor),
    ) -> Result<Option<Asking>> {
        let own = self.store.own();
        let document = DocumentId::from_slice(&row.document_id)?;
        let Some(review) = own.authority.review(actor.device(), &scope, document, actor) else {
            return Ok(None);
        };
        let mut worker = None;
        let mut changes = Vec::new();
        for (seq, time, certificate) in reading.applied_above(author, review.settled())? {
            let change =
                ChangeFacts { certificate: &certificate, actor, seq, document, kind: &row.kind, scope };
            if review.asks(seq, time) && own.authority.verdict(&change) == Verdict::Counts {
                changes.push((seq, time));
                worker = own.authority.held_certificate(&certificate).map(|c| c.worker.clone());
            }
        }
        let (end, ended_at, why) = (review.end.record, review.end.at, review.end.why);
        let asking = Asking { document, actor, facts: scope, end, ended_at, why, worker, changes };
        Ok(Some(asking).filter(|asking| !asking.changes.is_empty()))
    }
}
