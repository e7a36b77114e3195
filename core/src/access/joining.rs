//! Joining another store's domain: with what was made while alone, or with new keys after the old ones were lost.

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
            return Ok(authority::request(keys, worker, own.authority.own_certificates(keys)));
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
        self.store.retry_held()?;
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
        let (_one_at_a_time, _no_intake) = (locked(&inner.records), locked(&inner.cache));
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
        // The root of a domain that this store has left.
        for name in [secret::ROOT, secret::RECOVERY] {
            inner.vault.delete(name)?;
        }
        self.become_device(joined, keys, certificate, lost)
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
    let mut cases: Vec<_> = old.scopes().map(|scope| scope.case).collect();
    cases.dedup();
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
