//! Joining another store's domain: with what was made while alone, or with new keys after the old ones were lost.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::devices::keys_for_request;
use super::records::{Records, keep, keep_certificates};
use super::{Identity, receipts, scopes};
use crate::error::{Error, Result};
use crate::identity::authority::CountingGrant;
use crate::identity::keys::secret;
use crate::identity::record::RecordBody;
use crate::identity::{Authority, Certificate, DeviceKeys, JoiningRefused, authority};
use crate::storage::Writing;
use crate::storage::settings::setting;
use crate::store::opening::{Own, begin_session};
use crate::store::{Changes, Topic, locked};

impl Identity<'_> {
    /// This device's wish to be certified by another store's root or issuer, with the certificates that it made for
    /// itself while it was alone. After lost keys, it makes new ones for it.
    pub fn request(&self) -> Result<Vec<u8>> {
        self.store.ready()?;
        let worker = self.store.inner.config.worker.clone();
        let own = self.store.own();
        if let Some(keys) = &own.keys {
            let device = keys.device_id();
            let used = self.store.read(|reading| Ok(reading.certificates_used_by(device.as_bytes())?))?;
            let certificates = own.authority.own_certificates(keys, &used)?;
            return Ok(authority::request(keys, worker, certificates));
        }
        drop(own);
        Ok(authority::request(&keys_for_request(self.store)?, worker, Vec::new()))
    }

    /// Joins the domain of the store that certified this device. Work that was done while the store was alone stays
    /// valid there; if it had enrolled other devices, each joins by itself.
    ///
    /// Whoever handed over the answer is believed.
    ///
    /// # Errors
    /// [`Error::Joining`] when the answer is not for this device, or does not countersign what this store signed with.
    pub fn adopt(&self, answer: &[u8]) -> Result<()> {
        self.store.ready()?;
        self.join(answer)?;
        self.store.retry_after_commit();
        Ok(())
    }

    fn join(&self, answer: &[u8]) -> Result<()> {
        let inner = &self.store.inner;
        let own_keys = self.store.own().keys.clone();
        let lost = own_keys.is_none();
        let keys = match own_keys {
            Some(keys) => keys,
            None => DeviceKeys::load(inner.vault.as_ref())?.ok_or(JoiningRefused::NotForThisDevice)?,
        };
        let mut joined = authority::adopt(answer, &keys, &inner.config.worker)?;
        if joined.domain() == self.domain() {
            return self.stay(joined, keys, lost);
        }
        let turns = (locked(&inner.records), locked(&inner.cache));
        let now = self.store.now()?;
        let old = self.store.own().authority.clone();
        old.scopes().for_each(|scope| joined.know_scope(*scope));
        let certificate = own_certificate(&joined, &keys)?;
        inner.database.write(|tx| {
            let used = tx.reading().certificates_used_by(keys.device_id().as_bytes())?;
            if used.iter().any(|hash| joined.certificate(hash).is_none()) {
                return Err(Error::Joining(JoiningRefused::NotCountersigned));
            }
            grant_again(tx, &old, &mut joined, &keys, now.timestamp())?;
            for entry in old.held().all() {
                if let RecordBody::Certificate(former) = &entry.signed.record.body {
                    tx.add_former_certificate(&former.hash(), &former.encode())?;
                }
            }
            self.settle(tx, &joined, &keys, &certificate, lost, now.timestamp_millis())
        })?;
        self.become_device(joined, keys, certificate, lost)?;
        drop(turns);
        // The root of a domain that this store has left: of no use any more, so that a vault which refuses does no harm.
        for name in [secret::RECOVERY, secret::ROOT] {
            if let Err(failed) = inner.vault.delete(name) {
                self.store.log_failure("root.not_forgotten", &failed.into());
            }
        }
        Ok(())
    }

    /// The same domain again: with new keys after the old ones were lost, or with newer records.
    fn stay(&self, joined: Authority, keys: DeviceKeys, lost: bool) -> Result<()> {
        let inner = &self.store.inner;
        let (_one_at_a_time, _no_intake) = (locked(&inner.records), locked(&inner.cache));
        let now = self.store.now()?;
        let before = self.store.own().authority.clone();
        let mut authority = before.clone();
        for entry in joined.held().all() {
            authority.insert(entry.signed.clone()).map_err(JoiningRefused::Record)?;
        }
        let certificate = own_certificate(&authority, &keys)?;
        let authority = inner.database.write(|tx| {
            // What a copy brought with it is attested by the device that it becomes.
            let (device, now_seconds) = (keys.device_id(), now.timestamp());
            let keyed = Some(keys.clone());
            let mut change = Records { tx, authority, device, keys: keyed, now: now_seconds, ends: false };
            receipts::for_new_ends(&mut change, &before)?;
            let authority = change.authority;
            self.settle(tx, &authority, &keys, &certificate, lost, now.timestamp_millis())?;
            Ok::<_, Error>(authority)
        })?;
        self.become_device(authority, keys, certificate, lost)
    }

    /// Writes a domain's records in place of those before, and the certificate to sign with.
    fn settle(
        &self,
        tx: &Writing<'_>,
        authority: &Authority,
        keys: &DeviceKeys,
        certificate: &[u8; 32],
        lost: bool,
        now_millis: i64,
    ) -> Result<()> {
        if lost {
            tx.set_setting(setting::DEVICE, keys.device_id().as_bytes())?;
            tx.rotate_actors()?;
        }
        tx.clear_authority()?;
        for entry in authority.held().all() {
            keep(tx, authority, &entry.signed, now_millis)?;
        }
        keep_certificates(tx, authority)?;
        tx.set_setting(setting::CERTIFICATE, certificate)?;
        Ok(())
    }

    fn become_device(
        &self,
        mut authority: Authority,
        keys: DeviceKeys,
        certificate: [u8; 32],
        lost: bool,
    ) -> Result<()> {
        let inner = &self.store.inner;
        let mut own = inner.own.write().unwrap_or_else(PoisonError::into_inner);
        // Scopes may have become known meanwhile.
        own.authority.scopes().for_each(|scope| authority.know_scope(*scope));
        *own = Own { device: keys.device_id(), keys: Some(keys), certificate, authority };
        drop(own);
        if lost {
            begin_session(inner)?;
        }
        inner.worker.changed(Changes::of(Topic::Identity, None));
        Ok(())
    }
}

fn own_certificate(authority: &Authority, keys: &DeviceKeys) -> Result<[u8; 32]> {
    let newest = authority.certificate_of(keys.device_id());
    newest.as_ref().map(Certificate::hash).ok_or(JoiningRefused::NotForThisDevice.into())
}

/// Grants of the old domain say nothing in the new one: this device gives again what it had given.
fn grant_again(
    tx: &Writing<'_>,
    old: &Authority,
    joined: &mut Authority,
    keys: &DeviceKeys,
    now: i64,
) -> Result<()> {
    let cases: BTreeSet<_> = old.scopes().map(|scope| scope.case).collect();
    for case in cases {
        let founder = scopes::founder(&tx.reading(), case)?;
        let judgement = old.case_judgement(case, founder);
        let own = |grant: &&CountingGrant| grant.by == keys.device_id() && grant.ends.is_empty();
        for grant in judgement.grants.iter().filter(own) {
            let body = RecordBody::Grant(grant.grant.clone());
            joined.issue(keys, *case.as_bytes(), body, now).map_err(JoiningRefused::Record)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::NewGrant;
    use crate::identity::keys::RootKey;
    use crate::identity::record::Extent;
    use crate::identity::{KeyVault, MemoryVault};
    use crate::storage::Location;
    use crate::store::{Store, StoreConfig};
    use crate::testing::{FixedClock, SeededRandom, a_case};
    use crate::time::{Zone, from_unix};

    fn open(location: Location, worker: &str, vault: &Arc<MemoryVault>, seed: u64) -> Store {
        let config = StoreConfig {
            location,
            worker: worker.parse().unwrap(),
            zone: Zone::UTC,
            clock: Arc::new(FixedClock::at(from_unix(1_772_438_400))),
            random: Arc::new(SeededRandom::new(seed)),
            log: None,
        };
        Store::open(config, vault.clone()).unwrap()
    }

    #[test]
    fn a_store_that_joined_opens_though_the_power_went_before_its_root_was_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let desk = open(Location::Memory("joining-desk".to_owned()), "w-1", &Arc::default(), 1);
        let vault = Arc::new(MemoryVault::default());
        let file = || Location::File(folder.path().join("phone.db"));
        let phone = open(file(), "w-2", &vault, 2);
        let root = vault.load(secret::ROOT).unwrap().unwrap();
        let answer = desk.identity().certify(&phone.identity().request().unwrap(), &[], 1, None).unwrap();
        phone.identity().adopt(&answer).unwrap();
        assert!(RootKey::load(vault.as_ref(), secret::ROOT).unwrap().is_none());
        phone.close();
        drop(phone);
        vault.store(secret::ROOT, &root).unwrap();
        let phone = open(file(), "w-2", &vault, 3);
        assert_eq!(phone.identity().domain(), desk.identity().domain());
    }

    #[test]
    fn each_grant_is_given_again_once() {
        let desk = open(Location::Memory("joining-grants-desk".to_owned()), "w-1", &Arc::default(), 4);
        let phone = open(Location::Memory("joining-grants".to_owned()), "w-2", &Arc::default(), 5);
        let cases: Vec<_> = (0..4)
            .map(|at| {
                let new = crate::case::NewCase { reference: format!("2026-{at}"), ..a_case() };
                phone.cases().create(&new).unwrap().id
            })
            .collect();
        for case in &cases {
            // Each case has several scopes.
            for level in 1..=4 {
                let scope = crate::identity::Scope::Level(level);
                let row = phone.own().authority.scopes().find(|facts| facts.case == *case).copied().unwrap();
                phone.know_scope(crate::identity::ScopeFacts { scope, ..row });
            }
            let grant =
                NewGrant { extent: Extent::Level(1), ..NewGrant::colleague("w-3".parse().unwrap(), 1) };
            phone.grants().give(*case, &grant).unwrap();
        }
        let answer = desk.identity().certify(&phone.identity().request().unwrap(), &[], 1, None).unwrap();
        phone.identity().adopt(&answer).unwrap();
        for case in cases {
            assert_eq!(phone.grants().list(case).unwrap().len(), 1);
        }
    }
}
