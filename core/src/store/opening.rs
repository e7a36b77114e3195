//! Opening: whose keys, whose file, which session; and what a restored, cloned or orphaned file becomes.
//!
//! A fixed id does not find yesterday's copy. So each open writes a fresh session id to the vault as *next*, then to
//! the database, then to the vault as *current*; a database whose id is neither was restored or cloned, and this
//! device then writes as somebody new in every document (`sync.md` §7).

use std::sync::atomic::{AtomicU8, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use super::worker::{Changes, Topic, Worker};
use super::{Inner, LogLevel, OPEN, Store, StoreConfig};
use crate::error::{Error, Result};
use crate::identity::keys::{RootKey, secret};
use crate::identity::record::Signed;
use crate::identity::{Authority, Certificate, DeviceKeys, JoiningRefused, KeyVault, Role, authority};
use crate::ids::{DeviceId, DomainId, WorkerId};
use crate::random;
use crate::storage::settings::setting;
use crate::storage::{Database, Writing};

/// Who this store is.
pub(crate) struct Own {
    pub device: DeviceId,
    pub keys: Option<DeviceKeys>,
    pub certificate: [u8; 32],
    pub authority: Authority,
}

pub(crate) fn open(config: StoreConfig, vault: Arc<dyn KeyVault>) -> Result<Store> {
    let now = config.clock.now()?;
    let database = Database::open(config.location.clone())?;
    let own = match database.read(|reading| Ok::<_, Error>(reading.setting(setting::DEVICE)?))? {
        Some(device) => known(&database, &config, vault.as_ref(), &device)?,
        None => fresh(&database, &config, vault.as_ref(), now.timestamp())?,
    };
    let inner = Arc::new(Inner {
        config,
        vault,
        database,
        own: RwLock::new(own),
        cache: Mutex::default(),
        worker: Worker::new(),
        state: AtomicU8::new(OPEN),
        documents_loaded: AtomicU64::new(0),
    });
    begin_session(&inner)?;
    let store = Store { inner };
    store.refresh_projections()?;
    store.extend_horizon(store.zone().day_of(now))?;
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
            reading.authority_records()?,
        ))
    })?;
    if worker != config.worker.as_str().as_bytes() {
        return Err(Error::WrongWorker);
    }
    let records = records.iter().map(|bytes| Signed::decode(bytes)).collect::<Result<Vec<_>, _>>();
    let damaged = || crate::storage::StorageFailed::damaged("authority");
    let authority = Authority::from_records(records.map_err(|_| damaged())?).map_err(|_| damaged())?;
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
    let authority = Authority::alone(&root, &recovery.public(), &keys, config.worker.clone(), now);
    let certificate = authority
        .certificate_of(keys.device_id())
        .map(Certificate::hash)
        .ok_or(Error::Unexpected { reason: "certificate" })?;
    database.write(|tx| {
        tx.set_setting(setting::DEVICE, keys.device_id().as_bytes())?;
        tx.set_setting(setting::WORKER, config.worker.as_str().as_bytes())?;
        keep_authority(tx, &authority, &certificate, now * 1000)
    })?;
    Ok(Own { device: keys.device_id(), keys: Some(keys), certificate, authority })
}

/// Writes a domain's records, in place of any before, and the certificate to sign with.
fn keep_authority(
    tx: &Writing<'_>,
    authority: &Authority,
    certificate: &[u8; 32],
    received_at: i64,
) -> Result<()> {
    tx.clear_authority()?;
    for signed in authority.records() {
        tx.add_authority_record(&signed.record.issuer, signed.record.number, &signed.encode(), received_at)?;
    }
    keep_certificates(tx, authority)?;
    tx.set_setting(setting::CERTIFICATE, certificate)?;
    Ok(())
}

/// Projects the certificates that count.
pub(crate) fn keep_certificates(tx: &Writing<'_>, authority: &Authority) -> Result<()> {
    for certificate in authority.certificates() {
        tx.add_certificate(&certificate.hash(), certificate.device.as_bytes(), certificate.worker.as_str())?;
    }
    Ok(())
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
        if !ours {
            tx.rotate_actors()?;
        }
        Ok::<_, Error>(tx.set_setting(setting::SESSION, &session)?)
    })?;
    vault.store(secret::SESSION_CURRENT, &session)?;
    if !ours {
        inner.log(LogLevel::Warning, "store.restored", Vec::new());
    }
    Ok(())
}

/// This device's identity and the domain that it belongs to.
pub struct Identity<'a> {
    pub(crate) store: &'a Store,
}

/// A device as its certificate describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedDevice {
    /// The device.
    pub device: DeviceId,
    /// Its worker.
    pub worker: WorkerId,
    /// What the worker may do.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read.
    pub level: u8,
}

impl From<&Certificate> for CertifiedDevice {
    fn from(certificate: &Certificate) -> Self {
        Self {
            device: certificate.device,
            worker: certificate.worker.clone(),
            roles: certificate.roles.clone(),
            level: certificate.level,
        }
    }
}

impl Identity<'_> {
    /// This device.
    pub fn device(&self) -> DeviceId {
        self.store.own().device
    }

    /// The domain: devices of two domains do not accept each other's work.
    pub fn domain(&self) -> DomainId {
        self.store.own().authority.domain()
    }

    /// Every device whose certificate counts.
    pub fn devices(&self) -> Result<Vec<CertifiedDevice>> {
        self.store.ready()?;
        Ok(self.store.own().authority.certificates().map(CertifiedDevice::from).collect())
    }

    /// This device's wish to be certified by another store's root. After lost keys, it makes new ones for it.
    pub fn request(&self) -> Result<Vec<u8>> {
        self.store.ready()?;
        let inner = &self.store.inner;
        let worker = inner.config.worker.clone();
        if let Some(keys) = &self.store.own().keys {
            return Ok(authority::request(keys, worker));
        }
        let keys = match DeviceKeys::load(inner.vault.as_ref())? {
            Some(keys) => keys,
            None => DeviceKeys::make(inner.vault.as_ref(), inner.config.random.as_ref())?,
        };
        Ok(authority::request(&keys, worker))
    }

    /// Certifies the device of a request with the root that this store holds; answers what that device must adopt.
    ///
    /// # Errors
    /// [`Error::Joining`] when the request is none or its device is certified already; [`Error::KeysLost`] when this
    /// store holds no root.
    pub fn certify(&self, request: &[u8], roles: &[Role], level: u8) -> Result<Vec<u8>> {
        self.store.ready()?;
        let inner = &self.store.inner;
        let root = RootKey::load(inner.vault.as_ref(), secret::ROOT)?.ok_or(Error::KeysLost)?;
        let now = self.store.now()?;
        let mut authority = self.store.own().authority.clone();
        let held = authority.records().len();
        authority.certify(&root, request, roles, level, now.timestamp())?;
        inner.database.write(|tx| {
            for signed in &authority.records()[held..] {
                let record = &signed.record;
                tx.add_authority_record(
                    &record.issuer,
                    record.number,
                    &signed.encode(),
                    now.timestamp_millis(),
                )?;
            }
            keep_certificates(tx, &authority)
        })?;
        let answer = authority.answer();
        inner.own.write().unwrap_or_else(PoisonError::into_inner).authority = authority;
        inner.worker.changed(Changes::of(Topic::Identity, None));
        Ok(answer)
    }

    /// Joins the domain of the store that certified this device.
    ///
    /// Whoever handed over the answer is believed. Before the first change any domain may be joined; afterwards only
    /// the own one again, with new keys after the old ones were lost.
    ///
    /// # Errors
    /// [`Error::HasChanges`], or [`Error::Joining`] when the answer is not for this device.
    pub fn adopt(&self, answer: &[u8]) -> Result<()> {
        self.store.ready()?;
        let inner = &self.store.inner;
        let lost = self.store.own().keys.is_none();
        let keys = match &self.store.own().keys {
            Some(keys) => keys.clone(),
            None => DeviceKeys::load(inner.vault.as_ref())?.ok_or(JoiningRefused::NotForThisDevice)?,
        };
        let authority = authority::adopt(answer, &keys, &inner.config.worker)?;
        let now = self.store.now()?;
        let certificate = authority
            .certificate_of(keys.device_id())
            .map(Certificate::hash)
            .ok_or(JoiningRefused::NotForThisDevice)?;
        let same_domain = authority.domain() == self.domain();
        inner.database.write(|tx| {
            if !same_domain && !tx.reading().is_untouched()? {
                return Err(Error::HasChanges);
            }
            if lost {
                tx.set_setting(setting::DEVICE, keys.device_id().as_bytes())?;
                tx.rotate_actors()?;
            }
            keep_authority(tx, &authority, &certificate, now.timestamp_millis())
        })?;
        if !same_domain {
            // The root of a domain that nobody is left in.
            inner.vault.delete(secret::ROOT)?;
            inner.vault.delete(secret::RECOVERY)?;
        }
        let device = keys.device_id();
        *inner.own.write().unwrap_or_else(PoisonError::into_inner) =
            Own { device, keys: Some(keys), certificate, authority };
        if lost {
            begin_session(inner)?;
        }
        inner.worker.changed(Changes::of(Topic::Identity, None));
        Ok(())
    }
}

impl Store {
    pub(crate) fn own(&self) -> RwLockReadGuard<'_, Own> {
        self.inner.own.read().unwrap_or_else(PoisonError::into_inner)
    }
}
