//! Opening: whose keys, whose file, which session; and what a restored, cloned or orphaned file becomes.
//!
//! A fixed id does not find yesterday's copy. So each open writes a fresh session id to the vault as *next*, then to
//! the database, then to the vault as *current*; a database whose id is neither was restored or cloned, and this
//! device then writes as somebody new in every document (`sync.md` §7).

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use super::worker::Worker;
use super::{Inner, LogLevel, OPEN, Store, StoreConfig};
use crate::access::{records, recovery, scopes};
use crate::error::{Error, Result};
use crate::identity::authority::MayWrite;
use crate::identity::keys::{RootKey, secret};
use crate::identity::record::Signed;
use crate::identity::{Authority, DeviceKeys, JoiningRefused, KeyVault, ScopeFacts};
use crate::ids::DeviceId;
use crate::planted::{self, Defect};
use crate::random;
use crate::storage::Database;
use crate::storage::settings::setting;

/// Who this store is.
pub(crate) struct Own {
    pub device: DeviceId,
    pub keys: Option<DeviceKeys>,
    pub certificate: [u8; 32],
    pub authority: Authority,
}

impl Own {
    /// Whether this device may write documents of a kind in a scope.
    pub fn may_write(&self, scope: &ScopeFacts, kind: &str) -> MayWrite {
        self.authority.may_write(&self.certificate, scope, kind)
    }
}

pub(crate) fn open(config: StoreConfig, vault: Arc<dyn KeyVault>) -> Result<Store> {
    let now = config.clock.now()?;
    let database = Database::open(config.location.clone())?;
    let own = match database.read(|reading| Ok::<_, Error>(reading.setting(setting::DEVICE)?))? {
        Some(device) => known(&database, &config, vault.as_ref(), &device)?,
        None => fresh(&database, &config, vault.as_ref(), now.timestamp())?,
    };
    let trusted = database.read(|reading| Ok::<_, Error>(reading.setting(setting::TRUSTED_TIME)?))?;
    let trusted = trusted.and_then(|bytes| bytes.try_into().ok()).map_or(i64::MIN, i64::from_be_bytes);
    let inner = Arc::new(Inner {
        config,
        vault,
        database,
        own: RwLock::new(own),
        cache: Mutex::default(),
        worker: Worker::new(),
        state: AtomicU8::new(OPEN),
        documents_loaded: AtomicU64::new(0),
        opened_at: AtomicI64::new(now.timestamp()),
        records: Mutex::default(),
        trusted: AtomicI64::new(trusted),
        turn: AtomicUsize::new(0),
    });
    begin_session(&inner)?;
    let store = Store { inner };
    recovery::take_over(&store.identity())?;
    // A store of the first version has no network secret yet.
    if store.own().authority.network_secrets().is_empty()
        && store.root_key()?.is_some()
        && store.own().keys.is_some()
    {
        match store.identity().renew_network_secret() {
            // The root is of a domain that this store has left: the power went before it was forgotten.
            Err(Error::Joining(JoiningRefused::NotAnIssuer)) => {}
            made => made?,
        }
    }
    store.refresh_projections()?;
    store.extend_horizon(store.zone().day_of(now))?;
    store.catch_up();
    store.settle_taken_back();
    store.inner.worker.start(&store.inner);
    store.inner.worker.compact(None);
    Ok(store)
}

/// A database that knows its device: file, worker and vault must belong together.
fn known(database: &Database, config: &StoreConfig, vault: &dyn KeyVault, device: &[u8]) -> Result<Own> {
    let device = DeviceId::from_slice(device)?;
    let (worker, certificate, records) = database.read(|reading| {
        Ok::<_, Error>((
            reading.setting(setting::WORKER)?.unwrap_or_default(),
            reading.setting(setting::CERTIFICATE)?.unwrap_or_default(),
            (reading.domain_records()?, reading.case_records()?, scopes::all(reading)?),
        ))
    })?;
    if worker != config.worker.as_str().as_bytes() {
        return Err(Error::WrongWorker);
    }
    let damaged = || crate::storage::StorageFailed::damaged("authority");
    let (domain, cases, scopes) = records;
    let records =
        domain.iter().chain(&cases).map(|bytes| Signed::decode(bytes)).collect::<Result<Vec<_>, _>>();
    let mut authority = Authority::from_records(records.map_err(|_| damaged())?).map_err(|_| damaged())?;
    scopes.into_iter().for_each(|scope| authority.know_scope(scope));
    let certificate: [u8; 32] = certificate.try_into().map_err(|_| damaged())?;
    let keys = DeviceKeys::load(vault)?;
    match keys {
        Some(keys) if keys.device_id() == device => {
            Ok(Own { device, keys: Some(keys), certificate, authority })
        }
        // New keys that were made for a request, and are not certified yet.
        Some(_) if vault.load(secret::SESSION_CURRENT)?.is_none() => {
            Ok(Own { device, keys: None, certificate, authority })
        }
        Some(_) => Err(Error::WrongVault),
        None => Ok(Own { device, keys: None, certificate, authority }),
    }
}

/// A database that belongs to nobody yet: a domain of its own.
///
/// Keys in a vault without a session were made by an opening that did not get to its commit. Keys with one belonged
/// to a database that is gone (an app that was removed and installed again): this is another device then, or its numbers
/// would be given out twice. The former keys are kept beside, for whoever wants that database back.
fn fresh(database: &Database, config: &StoreConfig, vault: &dyn KeyVault, now: i64) -> Result<Own> {
    let random = config.random.as_ref();
    if vault.load(secret::SESSION_CURRENT)?.is_some() {
        for name in [secret::DEVICE, secret::ROOT, secret::RECOVERY] {
            if let Some(former) = vault.load(name)? {
                vault.store(&format!("former-{name}"), &former)?;
            }
            vault.delete(name)?;
        }
        vault.delete(secret::SESSION_CURRENT)?;
        vault.delete(secret::SESSION_NEXT)?;
    }
    let keys = match DeviceKeys::load(vault)? {
        Some(keys) => keys,
        None => DeviceKeys::make(vault, random)?,
    };
    let root = match RootKey::load(vault, secret::ROOT)? {
        Some(root) => root,
        None => RootKey::make(vault, secret::ROOT, random)?,
    };
    let recovery = match RootKey::load(vault, secret::RECOVERY)? {
        Some(recovery) => recovery,
        None => RootKey::make(vault, secret::RECOVERY, random)?,
    };
    let secret = random::bytes(random)?;
    let authority = Authority::alone(&root, &recovery.public(), &keys, config.worker.clone(), secret, now)
        .map_err(|_| Error::Unexpected { reason: "authority" })?;
    let certificate = authority
        .certificate_of(keys.device_id())
        .map(|certificate| certificate.hash())
        .ok_or(Error::Unexpected { reason: "certificate" })?;
    database.write(|tx| {
        tx.set_setting(setting::DEVICE, keys.device_id().as_bytes())?;
        tx.set_setting(setting::WORKER, config.worker.as_str().as_bytes())?;
        for entry in authority.held().all() {
            records::keep(tx, &authority, &entry.signed, now.saturating_mul(1000))?;
        }
        records::keep_certificates(tx, &authority)?;
        Ok::<_, Error>(tx.set_setting(setting::CERTIFICATE, &certificate)?)
    })?;
    Ok(Own { device: keys.device_id(), keys: Some(keys), certificate, authority })
}

/// Finds out whether the file is the one that this vault last saw, and marks it as this session's.
pub(crate) fn begin_session(inner: &Inner) -> Result<()> {
    let vault = inner.vault.as_ref();
    let found = inner.database.read(|reading| Ok::<_, Error>(reading.setting(setting::SESSION)?))?;
    let expected = [vault.load(secret::SESSION_CURRENT)?, vault.load(secret::SESSION_NEXT)?];
    let ours = found.is_none() || expected.contains(&found);
    if inner.own.read().unwrap_or_else(PoisonError::into_inner).keys.is_none() {
        return Ok(()); // read-only: there is nothing to write as
    }
    if let Some(found) = found.filter(|_| ours) {
        // The last opening may have been cut short; if this one is too, the database must still be known.
        if expected[0].as_ref() != Some(&found) {
            vault.store(secret::SESSION_CURRENT, &found)?;
        }
    }
    let session: [u8; 16] = random::bytes(inner.config.random.as_ref())?;
    vault.store(secret::SESSION_NEXT, &session)?;
    inner.database.write(|tx| {
        if !ours && !planted::is(Defect::RotationSkipped) {
            tx.rotate_actors()?;
        }
        // The clock may have been set back since this file was last open.
        let now = inner.config.clock.now()?.timestamp();
        let trusted = inner.trusted.fetch_max(now, Ordering::SeqCst).max(now);
        tx.set_setting(setting::TRUSTED_TIME, &trusted.to_be_bytes())?;
        inner.opened_at.store(trusted, Ordering::SeqCst);
        Ok::<_, Error>(tx.set_setting(setting::SESSION, &session)?)
    })?;
    vault.store(secret::SESSION_CURRENT, &session)?;
    if !ours {
        inner.log(LogLevel::Warning, "store.restored", Vec::new());
    }
    Ok(())
}

impl Store {
    pub(crate) fn own(&self) -> RwLockReadGuard<'_, Own> {
        self.inner.own.read().unwrap_or_else(PoisonError::into_inner)
    }
}
