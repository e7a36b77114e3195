//! The truth about sync, for a screen: whom this device met, what exists only here, what is kept apart and why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::channel::VERSIONS;
use super::known::Here;
use super::session::Session;
use crate::error::Result;
use crate::exchange::HeldChange;
use crate::identity::Standing;
use crate::ids::{CaseId, DeviceId, WorkerId};
use crate::store::Store;
use crate::time::{Instant, from_unix};

/// Sessions with other devices, and the truth about what is where.
pub struct Sync<'a> {
    pub(crate) store: &'a Store,
}

/// A device that this one has met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The device.
    pub device: DeviceId,
    /// Its worker, if its certificate is here.
    pub worker: Option<WorkerId>,
    /// How it stands now.
    pub standing: Standing,
    /// When a session with it last began, by this device's clock.
    pub met_at: Instant,
    /// When both were last seen to hold the same of what both may read.
    pub equal_at: Option<Instant>,
    /// Changes on this device that the peer may have, and is not known to hold: what is still on its way to it.
    pub to_send: u64,
}

/// What of a case exists only on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseSync {
    /// The case.
    pub case: CaseId,
    /// Changes on this device that no peer is known to hold: none that was ended, or that the case was taken back from.
    pub changes: u64,
    /// Those of them that record a contact: "3 visits exist only on this phone".
    pub contacts: u64,
}

/// How a case stands with another device that may read something of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOnPeer {
    /// The device; this one need not have met it.
    pub device: DeviceId,
    /// Its worker.
    pub worker: WorkerId,
    /// When both were last seen to hold the same of all that both may read of the case, by this device's clock.
    pub equal_at: Option<Instant>,
    /// Changes of the case on this device that the peer may have, and is not known to hold: what is still on its way to it.
    pub to_send: u64,
}

/// The truth about the sync of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSyncStatus {
    /// What of it exists only here.
    pub only_here: CaseSync,
    /// The devices that may read something of it, the one that was equal last first; those that never were come last.
    pub peers: Vec<CaseOnPeer>,
    /// Changes of it that came and are kept apart, with the reason.
    pub quarantine: Vec<HeldChange>,
}

/// The truth about sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncStatus {
    /// Devices that this one has met, last met first.
    pub peers: Vec<PeerStatus>,
    /// Cases of which something exists only here.
    pub only_here: Vec<CaseSync>,
    /// Drafts: never handed to anybody.
    pub drafts: u32,
    /// Changes that came and are kept apart, with the reason.
    pub quarantine: Vec<HeldChange>,
}

/// The code of the operation that records a contact.
const RECORDS_CONTACT: &str = "contact.complete";

impl Sync<'_> {
    /// A session with a peer that this device connects to, over whatever carries bytes.
    ///
    /// # Errors
    /// [`crate::Error::KeysLost`] when this device has no keys.
    pub fn connect(&self) -> Result<Session> {
        self.store.ready()?;
        Session::initiate(self.store, VERSIONS)
    }

    /// A session with a peer that connects to this device.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn accept(&self) -> Result<Session> {
        self.store.ready()?;
        Session::respond(self.store, VERSIONS)
    }

    /// Whom this device met, what exists only here, what is kept apart and why. Loads no document.
    pub fn status(&self) -> Result<SyncStatus> {
        let drafts = self.store.contacts().drafts(None)?.len();
        let rows = self.store.read(|reading| Ok(reading.peers()?))?;
        let here = Here::of_all(self.store)?;
        let mut peers = Vec::new();
        for row in rows {
            let device = DeviceId::from_slice(&row.device)?;
            let worker = self.store.own().authority.certificate_of(device).map(|held| held.worker);
            peers.push(PeerStatus {
                device,
                worker,
                standing: self.store.standing_of(device)?,
                met_at: from_unix(row.met_at / 1000),
                equal_at: row.equal_at.map(|at| from_unix(at / 1000)),
                to_send: here.lacking(self.store, device, &here.read_by(self.store, device)?)?,
            });
        }
        Ok(SyncStatus {
            peers,
            only_here: self.only_here()?.into_values().collect(),
            drafts: u32::try_from(drafts).unwrap_or(u32::MAX),
            quarantine: self.store.exchange().quarantine()?,
        })
    }

    /// The same of one case: who else has it, what exists only here, what is kept apart and why; nothing for a case that is
    /// not here. Loads no document.
    pub fn case_status(&self, case: CaseId) -> Result<Option<CaseSyncStatus>> {
        let here = Here::of_case(self.store, case)?;
        if here.is_empty() {
            return Ok(None);
        }
        let mut peers = Vec::new();
        for peer in self.store.others() {
            let read = here.read_by(self.store, peer.device)?;
            if read.is_empty() {
                continue;
            }
            let seen = self.seen_equal(peer.device, case, &read)?;
            peers.push(CaseOnPeer {
                device: peer.device,
                equal_at: seen.map(|at| from_unix(at / 1000)),
                to_send: here.lacking(self.store, peer.device, &read)?,
                worker: peer.worker,
            });
        }
        peers.sort_by_key(|peer| (Reverse(peer.equal_at), peer.device));
        let mut quarantine = self.store.exchange().quarantine()?;
        quarantine.retain(|held| held.case == Some(case));
        let nothing = CaseSync { case, changes: 0, contacts: 0 };
        let only_here = self.only_here()?.remove(&case).unwrap_or(nothing);
        Ok(Some(CaseSyncStatus { only_here, peers, quarantine }))
    }

    /// When a peer was last seen to hold the same of these scopes of a case, unix milliseconds: of all that there were then.
    fn seen_equal(&self, peer: DeviceId, case: CaseId, read: &BTreeSet<[u8; 16]>) -> Result<Option<i64>> {
        self.store.read(|reading| {
            let seen = reading.scopes_equal_at(peer.as_bytes(), case.as_bytes())?;
            let seen: BTreeMap<_, _> = seen.into_iter().filter(|(scope, _)| read.contains(scope)).collect();
            let Some(first) = seen.values().min() else { return Ok(None) };
            for scope in read.iter().filter(|scope| !seen.contains_key(*scope)) {
                if reading.scope_began_at(scope)?.is_some_and(|began| began <= *first) {
                    return Ok(None); // it was here by then, and differed or was not shared yet
                }
            }
            Ok(Some(*first))
        })
    }

    /// What of each case exists only here, where something does.
    fn only_here(&self) -> Result<BTreeMap<CaseId, CaseSync>> {
        let gone = self.store.gone()?;
        let rows = self.store.read(|reading| Ok(reading.only_here_by_case(&gone)?))?;
        let mut cases: BTreeMap<CaseId, CaseSync> = BTreeMap::new();
        for (case, code, count) in rows {
            let case = CaseId::from_slice(&case)?;
            let sync = cases.entry(case).or_insert(CaseSync { case, changes: 0, contacts: 0 });
            sync.changes += count;
            if code.split(' ').next() == Some(RECORDS_CONTACT) {
                sync.contacts += count;
            }
        }
        Ok(cases)
    }
}
