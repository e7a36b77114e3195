//! Devices of the domain: certified, renewed, made issuers, ended.

use std::collections::BTreeSet;

use super::Identity;
use super::records::Records;
use crate::error::{Error, Result};
use crate::identity::authority::issuing::{Entitled, Issuing};
use crate::identity::keys::{RootKey, secret};
use crate::identity::record::{EndReason, IssuerPower};
use crate::identity::{DeviceKeys, Joining, JoiningRefused, KeyVault, Role, Standing};
use crate::ids::{DeviceId, DomainId, WorkerId};
use crate::random;
use crate::store::Store;
use crate::time::{Instant, from_unix};

/// A device as its newest certificate describes it.
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
    /// Until when it is good for connections; nothing if for ever.
    pub not_after: Option<Instant>,
    /// What it may issue; nothing for most devices, and once that right was ended.
    pub issuer: Option<IssuerPower>,
    /// Why it was ended, for ever; nothing while it is in use.
    pub ended: Option<EndReason>,
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

    /// How this device stands, at the trusted time.
    pub fn standing(&self) -> Result<Standing> {
        let trusted = self.store.trusted_time()?;
        let own = self.store.own();
        Ok(own.authority.standing(own.device, trusted))
    }

    /// Every device whose certificate counts, ended ones too.
    pub fn devices(&self) -> Result<Vec<CertifiedDevice>> {
        self.store.ready()?;
        let own = self.store.own();
        let judgement = own.authority.judgement();
        let newest = judgement.devices.keys().filter_map(|device| own.authority.certificate_of(*device));
        Ok(newest
            .map(|certificate| CertifiedDevice {
                device: certificate.device,
                not_after: certificate.not_after.map(from_unix),
                issuer: judgement.power(certificate.device),
                ended: judgement
                    .ended
                    .get(&certificate.device)
                    .and_then(|ends| ends.first())
                    .map(|end| end.why.clone()),
                worker: certificate.worker,
                roles: certificate.roles,
                level: certificate.level,
            })
            .collect())
    }

    /// Certifies the device of a request for the worker that it names; answers what that device must adopt.
    ///
    /// `not_after` is when the certificate stops being good for connections: 30 days ahead where a hub renews, nothing
    /// where there is none. It is no end of what the device may do: whoever may issue or renew makes it longer by as much,
    /// by itself, when the two meet after half of that time. A device is ended by [`Identity::end_device`].
    ///
    /// # Errors
    /// [`Error::Joining`] when the request is none, its device is certified already, or this store may not issue.
    pub fn certify(
        &self,
        request: &[u8],
        roles: &[Role],
        level: u8,
        not_after: Option<Instant>,
    ) -> Result<Vec<u8>> {
        let joining = Joining::decode(request)?;
        let worker = joining.worker.clone();
        self.certify_joining(&joining, worker, roles, level, not_after, false)
    }

    /// Certifies a device that joins, for a worker that the inviter chose. `in_a_channel` adds the network secrets to
    /// the answer: only where nobody else can read it.
    pub(crate) fn certify_joining(
        &self,
        joining: &Joining,
        worker: WorkerId,
        roles: &[Role],
        level: u8,
        not_after: Option<Instant>,
        in_a_channel: bool,
    ) -> Result<Vec<u8>> {
        let roles = roles.to_vec();
        let not_after = not_after.map(|at| at.timestamp());
        self.store.issuing(|change, by| {
            let entitled = Entitled { worker, roles, level, not_after };
            change.authority.certify(by, joining, entitled, change.now)?;
            Ok(change.authority.answer(in_a_channel))
        })
    }

    /// Gives a device that an invitation brought before what it says now, if that is something else.
    pub(crate) fn certify_again(
        &self,
        device: DeviceId,
        roles: &[Role],
        level: u8,
        not_after: Option<Instant>,
    ) -> Result<()> {
        let wanted: BTreeSet<&Role> = roles.iter().collect();
        let not_after = not_after.map(|at| at.timestamp());
        let held = self.store.own().authority.certificate_of(device);
        let says_so = held.is_some_and(|held| {
            let roles: BTreeSet<&Role> = held.roles.iter().collect();
            (held.level, held.not_after, roles) == (level, not_after, wanted)
        });
        if says_so {
            return Ok(());
        }
        let changed = Some((roles.to_vec(), level));
        self.store.issuing(|change, by| {
            change.authority.renew(by, device, changed, not_after, change.now)?;
            Ok(())
        })
    }

    /// Renews a device's certificate: the same keys, worker, roles and level, one epoch on, good until `not_after`, for ever if
    /// nothing is said.
    ///
    /// # Errors
    /// [`Error::Joining`] when this store may not issue, or may only renew and the new expiry is not later.
    pub fn renew(&self, device: DeviceId, not_after: Option<Instant>) -> Result<()> {
        let not_after = not_after.map(|at| at.timestamp());
        self.store.issuing(|change, by| {
            change.authority.renew(by, device, None, not_after, change.now)?;
            Ok(())
        })
    }

    /// Gives a device other roles and another level: it reads by these from then on. The worker's other devices keep theirs. What
    /// it grants by a role that it once had, and signs under an earlier certificate, counts: only [`Self::end_device`] ends that.
    pub fn change_roles(&self, device: DeviceId, roles: &[Role], level: u8) -> Result<()> {
        let changed = Some((roles.to_vec(), level));
        self.store.issuing(|change, by| {
            let not_after = change.authority.certificate_of(device).and_then(|held| held.not_after);
            change.authority.renew(by, device, changed, not_after, change.now)?;
            Ok(())
        })
    }

    /// Lets a device certify others, or only renew, as a hub does. Only the root can.
    pub fn make_issuer(&self, device: DeviceId, power: IssuerPower) -> Result<()> {
        self.store.issuing(|change, by| {
            change.authority.make_issuer(by, device, power, change.now)?;
            Ok(())
        })
    }

    /// Ends a device, for ever, and its right to issue if it has one; the domain gets a new network secret. By the root,
    /// an issuer, or another device of the same worker, which can end no right to issue.
    ///
    /// What this store holds of its work stays; what it still has will wait for a person.
    pub fn end_device(&self, device: DeviceId, why: EndReason) -> Result<()> {
        let store = self.store;
        let root = store.root_key()?;
        let secret = random::bytes(store.inner.config.random.as_ref())?;
        store.change_records(|change| {
            let keys = change.keys()?;
            if device == change.device {
                return Err(JoiningRefused::ThisDevice.into());
            }
            let judgement = change.authority.judgement();
            if !judgement.devices.contains_key(&device) {
                return Err(Error::not_found("device", device));
            }
            let refused = |_| Error::Unexpected { reason: "end" };
            change.ends = true;
            let issuing = change.authority.issuing(root.as_ref(), Some(&keys));
            if let Some(by) = issuing.filter(|by| by.power == IssuerPower::All) {
                change.authority.end_device(by.key, device, why.clone(), change.now).map_err(refused)?;
                if judgement.issuers.contains_key(&device) && !judgement.is_ended_issuer(device) {
                    change.authority.end_issuer(by.key, device, why, change.now).map_err(refused)?;
                }
                change.authority.issue_secret(by.key, secret, change.now).map_err(refused)?;
                return Ok(());
            }
            let own: BTreeSet<&WorkerId> = judgement.workers(change.device).collect();
            if !judgement.workers(device).any(|worker| own.contains(worker)) {
                return Err(JoiningRefused::NotAnIssuer.into());
            }
            change.authority.end_device(&keys, device, why, change.now).map_err(refused)?;
            Ok(())
        })?;
        store.retry_after_commit();
        Ok(())
    }

    /// Ends a device's right to issue. What it issued, as far as this store knows, stays.
    pub fn end_issuer(&self, device: DeviceId, why: EndReason) -> Result<()> {
        self.store.issuing(|change, by| {
            if by.power != IssuerPower::All {
                return Err(JoiningRefused::NotAnIssuer.into());
            }
            if !change.authority.judgement().issuers.contains_key(&device) {
                return Err(Error::not_found("issuer", device));
            }
            let ended = change.authority.end_issuer(by.key, device, why, change.now);
            ended.map(|_| ()).map_err(|_| Error::Unexpected { reason: "end" })
        })
    }

    /// Makes a network secret where the one that there is was made by somebody else's end of a device, or there is none.
    pub(crate) fn renew_network_secret(&self) -> Result<()> {
        let secret = random::bytes(self.store.inner.config.random.as_ref())?;
        self.store.issuing(|change, by| {
            if by.power != IssuerPower::All {
                return Err(JoiningRefused::NotAnIssuer.into());
            }
            let made = change.authority.issue_secret(by.key, secret, change.now);
            made.map(|_| ()).map_err(|_| Error::Unexpected { reason: "network_secret" })
        })
    }
}

impl Store {
    /// The root key, if this store holds one.
    pub(crate) fn root_key(&self) -> Result<Option<RootKey>> {
        Ok(RootKey::load(self.inner.vault.as_ref(), secret::ROOT)?)
    }

    /// A change of records by the root, if this store holds its key, or by this device as an issuer.
    pub(crate) fn issuing<T>(
        &self,
        work: impl FnOnce(&mut Records<'_>, &Issuing<'_>) -> Result<T>,
    ) -> Result<T> {
        let root = self.root_key()?;
        self.change_records(|change| {
            let keys = change.keys.clone();
            let by = match change.authority.issuing(root.as_ref(), keys.as_ref()) {
                Some(by) => by,
                None if keys.is_none() => return Err(Error::KeysLost),
                None => return Err(JoiningRefused::NotAnIssuer.into()),
            };
            work(change, &by)
        })
    }
}

/// The keys in a vault for a request, made if there are none.
pub(super) fn keys_for_request(store: &Store) -> Result<DeviceKeys> {
    let vault: &dyn KeyVault = store.inner.vault.as_ref();
    match DeviceKeys::load(vault)? {
        Some(keys) => Ok(keys),
        None => {
            // A session belonged to the keys that are gone: with other keys beside it the vault would be another device's.
            vault.delete(secret::SESSION_CURRENT)?;
            vault.delete(secret::SESSION_NEXT)?;
            Ok(DeviceKeys::make(vault, store.inner.config.random.as_ref())?)
        }
    }
}
