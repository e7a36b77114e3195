//! Changes that are held and no part of their document: tried again when records may let them in, and when the store is
//! opened, because the power may have gone between a record and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::{receipts, scopes};
use crate::document::Kind;
use crate::error::Result;
use crate::exchange::intake::Intake;
use crate::identity::Verdict;
use crate::storage::Reading;
use crate::storage::changes::{ChangeRow, ChangeState};
use crate::storage::documents::DocumentRow;
use crate::store::Store;

/// Whether a change stands where the records of today put it. What was applied stays, whatever they say.
pub(crate) fn fits(state: ChangeState, verdict: Verdict) -> bool {
    match state {
        ChangeState::Accepted => true,
        ChangeState::UnknownAuthor => verdict == Verdict::UnknownAuthor,
        ChangeState::AuthorEnded => verdict == Verdict::AuthorEnded,
        ChangeState::NotGranted => verdict == Verdict::NotGranted,
        ChangeState::Waiting | ChangeState::Poisoned | ChangeState::NewerKind | ChangeState::Forked => true,
    }
}

impl Store {
    /// Tries again whatever is held and not part of its document.
    pub(crate) fn retry_held(&self) -> Result<Vec<(DocumentRow, Intake)>> {
        let rows = self.rows(|reading| {
            let mut waiting: BTreeSet<i64> = reading.held()?.into_iter().map(|held| held.document).collect();
            waiting.extend(self.unsettled(reading)?);
            Ok(waiting)
        })?;
        Ok(self.retry(rows))
    }

    /// The same after something was committed, which has not failed where this does: a store that was closed or suspended
    /// meanwhile tries again when it is opened or resumed.
    pub(crate) fn retry_after_commit(&self) {
        if let Err(failed) = self.retry_held() {
            self.log_failure("held.not_retried", &failed);
        }
    }

    /// Goes on where this was cut short: ends the forks that can be ended, lets in what came too late and what counts by
    /// now, and answers ends of devices. What fails is logged: nothing of it may keep the store from opening.
    pub(crate) fn catch_up(&self) {
        if self.own().keys.is_none() {
            return;
        }
        for failed in [self.catch_up_held().err(), self.answer_ends().err()].into_iter().flatten() {
            self.log_failure("catching_up.failed", &failed);
        }
    }

    fn catch_up_held(&self) -> Result<()> {
        // What is late is attested without a look at its document; if it was, it is misjudged then.
        let late = |change: &ChangeRow| change.state == ChangeState::NotGranted;
        let late = self.rows(|reading| {
            Ok(reading.held()?.into_iter().filter(late).map(|change| change.document).collect())
        })?;
        for row in late {
            if let Err(failed) = self.admit_late(&row) {
                self.log_failure("retry.failed", &failed);
            }
        }
        let rows = self.rows(|reading| {
            let held = reading.held()?;
            let waits = |held: &&ChangeRow| held.state == ChangeState::Waiting;
            let waiting: BTreeSet<i64> = held.iter().filter(waits).map(|held| held.document).collect();
            let mut rows = self.misjudged(reading, held)?;
            rows.extend(self.unsettled(reading)?);
            rows.extend(reading.forked_documents()?);
            // What waits for a lost branch of which this device makes its part again.
            let lost = reading.documents_with_lost()?.into_iter().map(|row| row.id);
            rows.extend(lost.filter(|row| waiting.contains(row)));
            Ok(rows)
        })?;
        self.retry(rows);
        Ok(())
    }

    /// Whether something of a document waits for want of a grant.
    pub(crate) fn waits_for_a_grant(&self, row: &DocumentRow) -> Result<bool> {
        self.read(|reading| Ok(reading.holds_in_state(row.id, ChangeState::NotGranted)?))
    }

    /// The documents of a scope of which something is held for a reason that the records of today do not give.
    pub(crate) fn misjudged_documents(&self, scope: &[u8; 16]) -> Result<Vec<DocumentRow>> {
        let mut rows = self.rows(|reading| self.misjudged(reading, reading.held()?))?;
        rows.retain(|row| row.scope_id == *scope);
        Ok(rows)
    }

    fn misjudged(&self, reading: &Reading<'_>, held: Vec<ChangeRow>) -> Result<BTreeSet<i64>> {
        let mut of_document: BTreeMap<i64, Vec<ChangeRow>> = BTreeMap::new();
        held.into_iter().for_each(|change| of_document.entry(change.document).or_default().push(change));
        let own = self.own();
        let mut misjudged = BTreeSet::new();
        for (document, changes) in of_document {
            let row = reading.document_of_row(document)?;
            let Some(facts) = scopes::facts(reading, &row.scope_id)? else { continue };
            // This version may know a kind that the one before did not.
            let readable = Kind::from_code(&row.kind).is_some();
            for change in changes {
                let verdict = own.authority.verdict(&receipts::facts_of(&row, &change, facts)?);
                if !fits(change.state, verdict) || readable && change.state == ChangeState::NewerKind {
                    misjudged.insert(document);
                    break;
                }
            }
        }
        Ok(misjudged)
    }

    fn rows(&self, which: impl FnOnce(&Reading<'_>) -> Result<BTreeSet<i64>>) -> Result<Vec<DocumentRow>> {
        self.read(|reading| {
            which(reading)?.into_iter().map(|row| Ok(reading.document_of_row(row)?)).collect()
        })
    }

    /// Tries each document; one that fails keeps nothing of the others out.
    fn retry(&self, rows: Vec<DocumentRow>) -> Vec<(DocumentRow, Intake)> {
        let mut tried = Vec::new();
        for row in rows {
            match self.take_changes(&row, Vec::new()) {
                Ok(intake) => tried.push((row, intake)),
                Err(failed) => self.log_failure("retry.failed", &failed),
            }
        }
        tried
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::NewGrant;
    use crate::case::CaseChange;
    use crate::error::Error;
    use crate::identity::MemoryVault;
    use crate::identity::record::{Grant, RecordBody};
    use crate::storage::Location;
    use crate::store::StoreConfig;
    use crate::testing::{FixedClock, SeededRandom, a_case};
    use crate::time::{Zone, from_unix};

    fn hand_over(from: &Store, to: &Store) {
        let mut export = from.exchange().export(Some(&to.exchange().vector().unwrap())).unwrap();
        let mut import = to.exchange().import().unwrap();
        loop {
            let bytes = export.next(64 * 1024).unwrap();
            if bytes.is_empty() {
                break;
            }
            import.feed(&bytes).unwrap();
        }
    }

    #[test]
    fn what_counts_since_a_record_is_let_in_when_the_power_went_before_it_was_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(from_unix(1_772_438_400)));
        let config = |location: Location, worker: &str, seed| StoreConfig {
            location,
            worker: worker.parse().unwrap(),
            zone: Zone::UTC,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(seed)),
            log: None,
        };
        let vault = Arc::new(MemoryVault::default());
        let open = |seed| {
            let location = Location::File(folder.path().join("phone.db"));
            Store::open(config(location, "w-1", seed), vault.clone()).unwrap()
        };
        let phone = open(1);
        let tablet = config(Location::Memory("held-tablet".to_owned()), "w-2", 2);
        let tablet = Store::open(tablet, Arc::new(MemoryVault::default())).unwrap();
        let answer = phone.identity().certify(&tablet.identity().request().unwrap(), &[], 1, None).unwrap();
        tablet.identity().adopt(&answer).unwrap();
        let case = phone.cases().create(&a_case()).unwrap().id;
        let new = NewGrant::colleague("w-2".parse().unwrap(), 1);
        let grant = phone.grants().give(case, &new).unwrap().id;
        hand_over(&phone, &tablet);
        phone.grants().take_back(case, &[grant]).unwrap();
        // Later than what is let in without asking.
        clock.advance(20 * 86_400);
        let north = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
        tablet.cases().change(case, &north).unwrap();
        hand_over(&tablet, &phone);
        assert_eq!(phone.grants().waiting().unwrap().len(), 1);

        // A new grant is stored, and the battery dies.
        let granted = phone.change_records(|change| {
            let grant = Grant {
                case,
                worker: new.worker.clone(),
                extent: new.extent,
                writes: vec![Kind::Case.code().to_owned()],
                may_grant: false,
                until: None,
            };
            let keys = change.keys()?;
            let issued =
                change.authority.issue(&keys, *case.as_bytes(), RecordBody::Grant(grant), change.now);
            issued.map(|_| ()).map_err(|_| Error::Unexpected { reason: "grant" })
        });
        assert_eq!(granted, Ok(()));
        assert_eq!(phone.cases().get(case).unwrap().unwrap().team, None);
        phone.close();
        drop(phone);
        let phone = open(3);
        assert_eq!(phone.cases().get(case).unwrap().unwrap().team, north.team);
        assert_eq!(phone.grants().waiting().unwrap(), []);
    }
}
