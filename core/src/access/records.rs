//! Records, own or somebody else's, stored with what they bring about: receipts for each end that they bring, the
//! certificates that count, the certificate to sign with. One transaction each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::receipts;
use crate::error::{Error, Result};
use crate::exchange::intake::Intake;
use crate::identity::record::{RecordHash, Signed};
use crate::identity::{Authority, DeviceKeys, JoiningRefused, RecordRefused};
use crate::ids::DeviceId;
use crate::storage::documents::DocumentRow;
use crate::storage::records::CaseLog;
use crate::storage::settings::setting;
use crate::storage::{StorageFailed, Writing};
use crate::store::{Changes, Store, Topic, locked};

/// What became of records that somebody sent.
#[derive(Debug, Default)]
pub struct TakenRecords {
    /// How many were new.
    pub fresh: u64,
    /// Those that were not taken. After a gap or an unknown issuer they may be sent again later.
    pub refused: Vec<RecordRefused>,
    /// What became of changes that waited, by document.
    pub(crate) retried: Vec<(DocumentRow, Intake)>,
}

/// A change of records that is under way.
pub(crate) struct Records<'a> {
    pub tx: &'a Writing<'a>,
    pub authority: Authority,
    pub device: DeviceId,
    pub keys: Option<DeviceKeys>,
    /// This device's clock, unix seconds.
    pub now: i64,
    /// Whether this device ends another in it.
    pub ends: bool,
}

impl Records<'_> {
    /// This device's keys.
    pub fn keys(&self) -> Result<DeviceKeys> {
        self.keys.clone().ok_or(Error::KeysLost)
    }
}

impl Store {
    /// Takes in records that somebody sent, then what waited for them.
    pub(crate) fn take_records(&self, records: Vec<Signed>) -> Result<TakenRecords> {
        let mut taken = TakenRecords::default();
        let homeless = |authority: &Authority, signed: &Signed| {
            let log = signed.record.log;
            log != authority.domain_log()
                && log != authority.network_log()
                && authority.case_of(&log).is_none()
        };
        taken.fresh = self.change_records(|change| {
            let mut fresh = 0;
            for signed in records {
                if homeless(&change.authority, &signed) {
                    // Its scope may come yet; where the founder does not count, it never does.
                    taken.refused.push(RecordRefused::Gap);
                    continue;
                }
                match change.authority.insert(signed) {
                    Ok(new) => fresh += u64::from(new),
                    Err(refused) => taken.refused.push(refused),
                }
            }
            Ok(fresh)
        })?;
        if taken.fresh > 0 {
            if let Err(failed) = self.answer_ends() {
                self.log_failure("answering.failed", &failed);
            }
            taken.retried = self.retry_held()?;
        }
        Ok(taken)
    }

    /// A worker's end of an own device brings no new network secret: whoever can issue makes it on learning of the end.
    pub(super) fn answer_ends(&self) -> Result<()> {
        let unanswered = {
            let own = self.own();
            let judgement = own.authority.judgement();
            let ends: BTreeMap<RecordHash, (DeviceId, bool)> = judgement
                .ended
                .iter()
                .flat_map(|(device, ends)| ends.iter().map(move |end| (end, *device)))
                .map(|(end, device)| (end.record, (device, !judgement.may_issue(end.by))))
                .collect();
            let secrets: BTreeSet<RecordHash> = judgement.secrets.iter().map(|(_, hash)| *hash).collect();
            // The order in which records came: no secret is newer than the last of these ends. Of a device the first one
            // is answered, and no other: whoever says it again would shut out everybody who is away.
            let (mut seen, mut unanswered) = (BTreeSet::new(), false);
            for entry in own.authority.held().all() {
                match ends.get(&entry.hash) {
                    Some((device, by_other)) if seen.insert(*device) => unanswered |= by_other,
                    _ => unanswered &= !secrets.contains(&entry.hash),
                }
            }
            unanswered
        };
        match unanswered.then(|| self.identity().renew_network_secret()) {
            Some(Err(Error::Joining(JoiningRefused::NotAnIssuer) | Error::KeysLost)) | None => Ok(()),
            Some(made) => made,
        }
    }

    /// Runs a change of records in one transaction with what the new records bring about.
    pub(crate) fn change_records<T>(&self, work: impl FnOnce(&mut Records<'_>) -> Result<T>) -> Result<T> {
        self.ready()?;
        let _one_at_a_time = locked(&self.inner.records);
        // And no intake meanwhile: it judges by all records that are stored, or what it applied is attested here.
        let _no_intake = locked(&self.inner.cache);
        let now = self.now()?;
        let trusted = self.trusted_time()?;
        let (before, device, keys, certificate) = {
            let own = self.own();
            (own.authority.clone(), own.device, own.keys.clone(), own.certificate)
        };
        let held = before.held().all().count();
        let result = self.inner.database.write(|tx| {
            self.ready()?;
            let authority = before.clone();
            let mut change = Records { tx, authority, device, keys, now: now.timestamp(), ends: false };
            let value = work(&mut change)?;
            receipts::for_new_ends(&mut change, &before)?;
            let fresh: Vec<Signed> =
                change.authority.held().all().skip(held).map(|entry| entry.signed.clone()).collect();
            for signed in &fresh {
                keep(tx, &change.authority, signed, now.timestamp_millis())?;
            }
            let mut certificate = certificate;
            if !fresh.is_empty() {
                // Who is let in again after a case was taken back writes as somebody new.
                for facts in change.authority.scopes() {
                    if before.taken_back(device, facts).is_some()
                        && change.authority.taken_back(device, facts).is_none()
                    {
                        tx.rotate_scope(facts.id().as_bytes())?;
                    }
                }
                if !Arc::ptr_eq(&before.judgement(), &change.authority.judgement()) {
                    keep_certificates(tx, &change.authority)?;
                }
                if let Some(newest) = change.authority.certificate_of(device) {
                    certificate = newest.hash();
                    tx.set_setting(setting::CERTIFICATE, &certificate)?;
                }
                let trusted = trusted.max(change.authority.judgement().highest_time);
                tx.set_setting(setting::TRUSTED_TIME, &trusted.to_be_bytes())?;
            }
            Ok::<_, Error>((value, fresh, certificate))
        });
        let (value, fresh, certificate) = result.map_err(|error| self.closing(error))?;
        // The records are not copied again where nobody else has them.
        drop(before);
        if !fresh.is_empty() {
            let mut own = self.inner.own.write().unwrap_or_else(PoisonError::into_inner);
            // Scopes may have become known meanwhile; records come only through here.
            for signed in fresh {
                own.authority.insert(signed).map_err(|_| Error::Unexpected { reason: "record" })?;
            }
            own.certificate = certificate;
            drop(own);
            self.inner.worker.changed(Changes::of(Topic::Identity, None));
        }
        Ok(value)
    }

    /// The time that expiry is judged by, unix seconds: the highest of this device's clock and of any time signed by a
    /// root or an issuer. It never goes back.
    pub fn trusted_time(&self) -> Result<i64> {
        let now = self.now()?.timestamp().max(self.own().authority.judgement().highest_time);
        Ok(self.inner.trusted.fetch_max(now, Ordering::SeqCst).max(now))
    }
}

/// Stores a record in the log that it stands in.
pub(crate) fn keep(tx: &Writing<'_>, authority: &Authority, signed: &Signed, received_at: i64) -> Result<()> {
    let log = signed.record.log;
    let bytes = signed.encode();
    if log == authority.domain_log() || log == authority.network_log() {
        return Ok(tx.add_domain_record(&bytes, received_at)?);
    }
    let case = *authority.case_of(&log).ok_or(StorageFailed::damaged("scope"))?.as_bytes();
    let log = CaseLog { case, scope: (log != case).then_some(log) };
    Ok(tx.add_case_record(&log, &bytes, received_at)?)
}

/// Projects the certificates that count.
pub(crate) fn keep_certificates(tx: &Writing<'_>, authority: &Authority) -> Result<()> {
    tx.clear_certificates()?;
    for (hash, counting) in &authority.judgement().certificates {
        let certificate = &counting.certificate;
        tx.add_certificate(hash, certificate.device.as_bytes(), certificate.worker.as_str())?;
    }
    Ok(())
}

/// The record that ends a device or grants.
pub(crate) type EndHash = RecordHash;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::identity::MemoryVault;
    use crate::identity::record::EndReason;
    use crate::storage::Location;
    use crate::store::StoreConfig;
    use crate::testing::{FixedClock, SeededRandom};
    use crate::time::{Zone, from_unix};

    fn store(name: &str, worker: &str, seed: u64) -> (Store, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::at(from_unix(1_772_438_400)));
        let config = StoreConfig {
            location: Location::Memory(format!("records-{name}")),
            worker: worker.parse().unwrap(),
            zone: Zone::UTC,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(seed)),
            log: None,
        };
        (Store::open(config, Arc::new(MemoryVault::default())).unwrap(), clock)
    }

    fn generation(store: &Store) -> u64 {
        store.own().authority.network_secrets()[0].0
    }

    #[test]
    fn whoever_can_issue_makes_a_new_network_secret_for_each_end_of_a_device() {
        let ((desk, _), (mine, _), (lost, _)) =
            (store("a", "w-1", 1), store("b", "w-2", 2), store("c", "w-2", 3));
        for other in [&mine, &lost] {
            let answer = desk.identity().certify(&other.identity().request().unwrap(), &[], 1, None).unwrap();
            other.identity().adopt(&answer).unwrap();
        }
        let log = desk.own().authority.domain_log();
        let news: Vec<Signed> = desk.own().authority.records(&log).cloned().collect();
        mine.take_records(news).unwrap();
        assert!(mine.own().authority.network_secrets().is_empty(), "secrets go through a channel only");
        assert_eq!(generation(&desk), 1);
        mine.identity().end_device(lost.identity().device(), EndReason::Stolen).unwrap();
        let news: Vec<Signed> = mine.own().authority.records(&log).cloned().collect();
        desk.take_records(news).unwrap();
        assert_eq!((generation(&desk), desk.own().authority.network_secrets().len()), (2, 2));
        // Said once more it is nothing new: whoever was away would be shut out by one who says it often.
        mine.identity().end_device(lost.identity().device(), EndReason::Lost).unwrap();
        let news: Vec<Signed> = mine.own().authority.records(&log).cloned().collect();
        assert!(desk.take_records(news).unwrap().fresh > 0);
        assert_eq!(generation(&desk), 2);
        desk.identity().end_device(mine.identity().device(), EndReason::Left).unwrap();
        assert_eq!(generation(&desk), 3);
    }

    #[test]
    fn trusted_time_follows_what_issuers_signed_and_never_goes_back() {
        let ((desk, clock), (phone, _)) = (store("d", "w-1", 4), store("e", "w-2", 5));
        let begin = phone.trusted_time().unwrap();
        clock.advance(7 * 86_400);
        let answer = desk.identity().certify(&phone.identity().request().unwrap(), &[], 1, None).unwrap();
        phone.identity().adopt(&answer).unwrap();
        assert_eq!(phone.trusted_time().unwrap(), begin + 7 * 86_400);
        clock.advance(-3 * 86_400);
        assert_eq!(desk.trusted_time().unwrap(), begin + 7 * 86_400);
    }
}
