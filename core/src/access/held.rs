//! Changes that are held and no part of their document: tried again when records may let them in, and when the store is
//! opened, because the power may have gone between a record and what follows from it.

use std::collections::BTreeSet;

use super::{receipts, scopes};
use crate::error::Result;
use crate::exchange::intake::Intake;
use crate::identity::Verdict;
use crate::storage::Reading;
use crate::storage::changes::{ChangeRow, ChangeState};
use crate::storage::documents::DocumentRow;
use crate::store::{Store, locked};

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
        // An intake that judges by the records before is waited for, or what it holds would be looked for too early.
        drop(locked(&self.inner.cache));
        let rows = self.rows(|reading| {
            let mut waiting: BTreeSet<i64> = reading.held()?.into_iter().map(|held| held.document).collect();
            waiting.extend(self.unsettled(reading)?);
            Ok(waiting)
        })?;
        self.retry(rows)
    }

    /// Goes on where an earlier opening was cut short: ends the forks that can be ended, and lets in what counts by now.
    pub(crate) fn catch_up(&self) -> Result<()> {
        if self.own().keys.is_none() {
            return Ok(());
        }
        let rows = self.rows(|reading| {
            let mut rows = self.unsettled(reading)?;
            rows.extend(reading.forked_documents()?);
            rows.extend(self.misjudged(reading, reading.held()?)?);
            Ok(rows)
        })?;
        self.retry(rows).map(|_| ())
    }

    /// Whether something is held of a document for a reason that the records of today do not give.
    pub(crate) fn is_misjudged(&self, row: &DocumentRow) -> Result<bool> {
        self.read(|reading| {
            let held = reading.held_of(row.id)?.into_iter().map(|(held, _)| held).collect();
            Ok(!self.misjudged(reading, held)?.is_empty())
        })
    }

    /// The documents of held changes of which that is true.
    fn misjudged(&self, reading: &Reading<'_>, held: Vec<ChangeRow>) -> Result<BTreeSet<i64>> {
        let own = self.own();
        let mut misjudged = BTreeSet::new();
        for change in held {
            if misjudged.contains(&change.document) {
                continue;
            }
            let row = reading.document_of_row(change.document)?;
            let Some(facts) = scopes::facts(reading, &row.scope_id)? else { continue };
            if !fits(change.state, own.authority.verdict(&receipts::facts_of(&row, &change, facts)?)) {
                misjudged.insert(change.document);
            }
        }
        Ok(misjudged)
    }

    fn rows(&self, which: impl FnOnce(&Reading<'_>) -> Result<BTreeSet<i64>>) -> Result<Vec<DocumentRow>> {
        self.read(|reading| {
            which(reading)?.into_iter().map(|row| Ok(reading.document_of_row(row)?)).collect()
        })
    }

    fn retry(&self, rows: Vec<DocumentRow>) -> Result<Vec<(DocumentRow, Intake)>> {
        let each = rows.into_iter().map(|row| {
            let intake = self.take_changes(&row, Vec::new())?;
            Ok((row, intake))
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::NewGrant;
    use crate::case::CaseChange;
    use crate::document::Kind;
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
