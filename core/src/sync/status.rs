//! The truth about sync, for a screen: whom this device met, what exists only here, what is kept apart and why.

use std::collections::BTreeMap;

use super::channel::VERSIONS;
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
}

/// What of a case exists only on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseSync {
    /// The case.
    pub case: CaseId,
    /// This device's changes that no peer is known to hold: none that was ended, or that the case was taken back from.
    pub changes: u64,
    /// Those of them that record a contact: "3 visits exist only on this phone".
    pub contacts: u64,
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
        let gone = self.store.gone()?;
        let (rows, only_here) =
            self.store.read(|reading| Ok((reading.peers()?, reading.only_here_by_case(&gone)?)))?;
        let mut cases: BTreeMap<CaseId, CaseSync> = BTreeMap::new();
        for (case, code, count) in only_here {
            let case = CaseId::from_slice(&case)?;
            let sync = cases.entry(case).or_insert(CaseSync { case, changes: 0, contacts: 0 });
            sync.changes += count;
            if code.split(' ').next() == Some(RECORDS_CONTACT) {
                sync.contacts += count;
            }
        }
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
            });
        }
        Ok(SyncStatus {
            peers,
            only_here: cases.into_values().collect(),
            drafts: u32::try_from(drafts).unwrap_or(u32::MAX),
            quarantine: self.store.exchange().quarantine()?,
        })
    }
}
