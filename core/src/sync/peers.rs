//! What the store knows of its peers: who may have what, what each holds, and when it was last met.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use zeroize::Zeroizing;

use super::digest::{Digest, Held};
use crate::error::{Error, Result};

use crate::identity::authority::Standing;
use crate::identity::record::{LogId, Signed};
use crate::identity::{Certificate, DeviceKeys, LogVector, ScopeFacts};
use crate::ids::{DeviceId, ScopeId, sha256};
use crate::store::Store;
use crate::time::from_unix;

/// So many records of cases' logs are sent to a peer that did not name the log.
const MOST_UNASKED: usize = 1_000;

impl Store {
    /// What is held of the scopes that this device and a peer may both read.
    pub(crate) fn held_with(&self, peer: DeviceId) -> Result<Held> {
        let both: BTreeSet<[u8; 16]> =
            self.scopes_with(peer)?.into_iter().map(|scope| *scope.id().as_bytes()).collect();
        self.read(|reading| Held::of(reading, |scope| both.contains(scope)))
    }

    /// The scopes here that this device and a peer may both read.
    fn scopes_with(&self, peer: DeviceId) -> Result<Vec<ScopeFacts>> {
        let now = self.trusted_time()?;
        let own = self.own();
        let both = |scope: &&ScopeFacts| {
            own.authority.may_read(own.device, scope, now) && own.authority.may_read(peer, scope, now)
        };
        Ok(own.authority.scopes().filter(both).copied().collect())
    }

    /// The newest certificate of every other device.
    pub(crate) fn others(&self) -> Vec<Certificate> {
        let own = self.own();
        let judgement = own.authority.judgement();
        let others = judgement.devices.keys().filter(|device| **device != own.device);
        others.filter_map(|device| own.authority.certificate_of(*device)).collect()
    }

    /// Whether this device and a peer may both read a scope.
    pub(crate) fn both_read(&self, peer: DeviceId, scope: &[u8; 16]) -> Result<bool> {
        Ok(self.may_take(scope)? && self.reads(peer, scope)?)
    }

    /// Whether this device may have a scope, whoever brings it.
    pub(crate) fn may_take(&self, scope: &[u8; 16]) -> Result<bool> {
        // Not in one expression: its guard would be held while `reads` takes another, and a writer waits between them.
        let device = self.own().device;
        self.reads(device, scope)
    }

    /// Whether a device was let into a scope at any time.
    pub(crate) fn let_in(&self, device: DeviceId, scope: &[u8; 16]) -> Result<bool> {
        let scope = ScopeId::from_slice(scope)?;
        let own = self.own();
        Ok(own.authority.scope(&scope).is_some_and(|facts| own.authority.was_let_in(device, facts)))
    }

    /// Whether this device's own work in a scope may go to a peer that gives it nothing: while this device is in the domain,
    /// to whom may read it. What one that was ended knows of grants is not all, and it may meet nobody else: it hands over to
    /// everybody who was ever let in.
    pub(crate) fn may_hand_over(&self, peer: DeviceId, scope: &[u8; 16]) -> Result<bool> {
        let (now, scope) = (self.trusted_time()?, ScopeId::from_slice(scope)?);
        let own = self.own();
        let Some(facts) = own.authority.scope(&scope) else { return Ok(false) };
        if own.authority.standing(own.device, now) == Standing::Current {
            return Ok(own.authority.may_read(peer, facts, now));
        }
        Ok(own.authority.was_let_in(peer, facts))
    }

    /// Whether a device may read a scope now.
    pub(crate) fn reads(&self, device: DeviceId, scope: &[u8; 16]) -> Result<bool> {
        let (now, scope) = (self.trusted_time()?, ScopeId::from_slice(scope)?);
        let own = self.own();
        Ok(own.authority.scope(&scope).is_some_and(|facts| own.authority.may_read(device, facts, now)))
    }

    /// How a device stands now.
    pub(crate) fn standing_of(&self, device: DeviceId) -> Result<Standing> {
        let now = self.trusted_time()?;
        Ok(self.own().authority.standing(device, now))
    }

    /// This device's keys.
    pub(crate) fn keys(&self) -> Result<DeviceKeys> {
        self.own().keys.clone().ok_or(Error::KeysLost)
    }

    /// Renews a peer's certificate when half its time is over and this device may issue. True if it did.
    pub(crate) fn renew_if_due(&self, peer: DeviceId) -> Result<bool> {
        let now = self.trusted_time()?;
        let due = self.own().authority.certificate_of(peer).and_then(|held| {
            let until = held.not_after?;
            (until.saturating_sub(now) < until.saturating_sub(held.not_before) / 2)
                .then(|| now.saturating_add(until.saturating_sub(held.not_before)))
        });
        let Some(until) = due else { return Ok(false) };
        match self.identity().renew(peer, Some(from_unix(until))) {
            Ok(()) => Ok(true),
            Err(Error::Joining(_)) => Ok(false), // somebody else renews
            Err(error) => Err(error),
        }
    }

    /// The last network secrets, the one to use first.
    pub(crate) fn network_secrets(&self) -> Vec<Zeroizing<[u8; 32]>> {
        self.own().authority.network_secrets().into_iter().map(|(_, secret)| secret).collect()
    }

    /// The network secret for the next connection, and which turn this is: the newest one, and after a connection that
    /// was not answered an older one and the newest in turns. A peer that missed ends of devices knows only an older one,
    /// and says nothing to the newest; one that was taken in since knows only the newest.
    pub(crate) fn network_secret_to_try(&self) -> Result<(usize, Zeroizing<[u8; 32]>)> {
        let mut secrets = self.network_secrets();
        let turn = self.inner.turn.fetch_add(1, Ordering::SeqCst);
        match secrets.len() {
            0 => Err(Error::Unexpected { reason: "network_secret" }),
            1 => Ok((turn, secrets.swap_remove(0))),
            _ if turn.is_multiple_of(2) => Ok((turn, secrets.swap_remove(0))),
            count => Ok((turn, secrets.swap_remove(1 + turn / 2 % (count - 1)))),
        }
    }

    /// The connection of a turn was answered: its secret is the one to go on with.
    pub(crate) fn was_answered(&self, turn: usize) {
        self.inner.turn.store(turn, Ordering::SeqCst);
    }

    /// Records of a log that the owner of a vector lacks; the vector becomes this store's.
    pub(crate) fn records_after(&self, log: &LogId, theirs: &mut LogVector) -> Vec<Vec<u8>> {
        let own = self.own();
        let records = own.authority.records_after(log, theirs).into_iter().map(Signed::encode).collect();
        *theirs = own.authority.vector(log);
        records
    }

    /// How many records are held: another number after each new one.
    pub(crate) fn record_count(&self) -> usize {
        self.own().authority.held().all().count()
    }

    /// The logs of a scope: its case's and its own.
    pub(crate) fn logs_of(&self, scope: &[u8; 16]) -> Result<Vec<LogId>> {
        let row = self.read(|reading| Ok(reading.scope(scope)?))?;
        Ok(row.map(|row| vec![row.case_id, row.scope_id]).unwrap_or_default())
    }

    /// What is held of the logs that this device and a peer are both in, besides the domain's: of cases, of scopes, and
    /// of the network's secrets, which an ended device does not get.
    pub(crate) fn shared_logs(&self, peer: DeviceId) -> Result<BTreeMap<LogId, LogVector>> {
        let logs = self.shared(peer)?;
        let own = self.own();
        Ok(logs.into_iter().map(|log| (log, own.authority.vector(&log))).collect())
    }

    /// Which logs these are.
    pub(crate) fn shared(&self, peer: DeviceId) -> Result<BTreeSet<LogId>> {
        let now = self.trusted_time()?;
        let own = self.own();
        let mut logs: BTreeSet<LogId> = BTreeSet::new();
        for facts in own.authority.scopes() {
            let both = [own.device, peer];
            let of_case = |device| own.authority.hears_case(device, facts.case, facts.founder, now);
            let of_scope = |device| own.authority.hears_scope(device, facts, now);
            logs.extend(both.into_iter().all(of_case).then_some(*facts.case.as_bytes()));
            logs.extend(both.into_iter().all(of_scope).then_some(*facts.id().as_bytes()));
        }
        // Not with whom a replaced root or an ended issuer certified, nor with whom was ended.
        if matches!(own.authority.standing(peer, now), Standing::Current | Standing::Expired) {
            logs.insert(own.authority.network_log());
        }
        Ok(logs)
    }

    /// Of logs that this device shares with a peer, those of cases that something is granted of to the peer, and that it
    /// does not name: it has not heard of the grant by which this device is in the case. So many records at most go
    /// unasked: where a case has not come to the peer yet, its log comes with it.
    pub(crate) fn unheard_logs(
        &self,
        peer: DeviceId,
        shared: &BTreeMap<LogId, LogVector>,
        theirs: &BTreeSet<LogId>,
    ) -> Result<Vec<LogId>> {
        let now = self.trusted_time()?;
        let own = self.own();
        let authority = &own.authority;
        let unheard = authority.scopes().filter(|facts| {
            let log = *facts.case.as_bytes();
            shared.contains_key(&log)
                && !theirs.contains(&log)
                && !authority.needs_no_grant(own.device, facts.case, facts.founder)
                && authority.is_granted(peer, facts.case, facts.founder, now)
        });
        let logs: BTreeSet<LogId> = unheard.map(|facts| *facts.case.as_bytes()).collect();
        let mut room = MOST_UNASKED;
        let fits = logs.into_iter().filter(|log| {
            let rest = room.checked_sub(authority.records(log).count());
            room = rest.unwrap_or(room);
            rest.is_some()
        });
        Ok(fits.collect())
    }

    /// A digest over logs.
    pub(crate) fn logs_digest(logs: &BTreeMap<LogId, LogVector>) -> Digest {
        let mut bytes = Vec::new();
        for (log, vector) in logs.iter().filter(|(_, vector)| !vector.is_empty()) {
            bytes.extend_from_slice(log);
            for (issuer, (number, hash)) in vector {
                bytes.extend_from_slice(&[issuer.as_slice(), &number.to_be_bytes(), hash].concat());
            }
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(&[&bytes])[..16]);
        digest
    }
}
