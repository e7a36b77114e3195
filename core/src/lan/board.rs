//! Who is nearby, and whom to reach next. No socket, no thread, no clock: [`super::nearby`] brings those.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::discovery::NearbyDevice;
use crate::ids::{DeviceId, WorkerId};
use crate::sync::{SyncFailed, SyncProgress, SyncState};

/// How long the device with the higher name waits to be connected to.
const GRACE: Duration = Duration::from_secs(3);
/// How often in a row a device is tried in vain before it is left alone, until it is announced anew.
const TRIES: u32 = 4;
/// The pause before a second try; each later one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// A device nearby, and how the session with it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearbyPeer {
    /// The random name under which it is announced; nothing where it only connected here.
    pub name: Option<String>,
    /// The device, once it was proven to be one of this domain.
    pub device: Option<DeviceId>,
    /// Its worker.
    pub worker: Option<WorkerId>,
    /// How far the session is, the last one if there were several.
    pub progress: SyncProgress,
    /// Why the last session ended before its time.
    pub failed: Option<NearbyFailed>,
}

/// Why nothing came of a device nearby, or no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NearbyFailed {
    /// It is announced and does not answer.
    #[error("unreachable")]
    Unreachable,
    /// The session ended before its time.
    #[error("{0}")]
    Sync(SyncFailed),
}

impl NearbyFailed {
    /// The reason as a code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Sync(failed) => failed.code(),
        }
    }
}

/// One device that was found, or one connection that came.
struct Entry {
    peer: NearbyPeer,
    /// Where it listens; nothing of who only connected here.
    addresses: Vec<SocketAddr>,
    /// From where it connected.
    from: Option<IpAddr>,
    announced: bool,
    running: bool,
    tries: u32,
    /// When to reach it.
    due: Option<Instant>,
}

/// What is seen, by number in the order in which it came.
pub(super) struct Board {
    own: String,
    entries: BTreeMap<u64, Entry>,
    last: u64,
    /// From where somebody of this domain connected.
    came_from: BTreeSet<IpAddr>,
    told: Option<Vec<NearbyPeer>>,
}

const NOTHING_YET: SyncProgress = SyncProgress {
    state: SyncState::Connecting,
    sent: 0,
    received: 0,
    on_the_way: 0,
    documents: 0,
    bytes: 0,
    equal: false,
};

impl Board {
    pub fn new(own: String) -> Self {
        Self { own, entries: BTreeMap::new(), last: 0, came_from: BTreeSet::new(), told: None }
    }

    /// A device announces itself, or the same one has other addresses.
    pub fn here(&mut self, device: &NearbyDevice, now: Instant) {
        let known = self.entries.values_mut().find(|entry| entry.peer.name.as_ref() == Some(&device.name));
        if let Some(entry) = known {
            let moved = entry.addresses != device.addresses;
            entry.addresses.clone_from(&device.addresses);
            if (moved || !entry.announced) && !entry.running && entry.due.is_none() && entry.is_unfinished() {
                (entry.tries, entry.due) = (0, Some(now));
            }
            entry.announced = true;
            return;
        }
        let due = if self.own < device.name { now } else { now + GRACE };
        let number = self.add(Some(device.name.clone()), None);
        if let Some(entry) = self.entries.get_mut(&number) {
            (entry.addresses, entry.due) = (device.addresses.clone(), Some(due));
        }
    }

    /// A device is announced no more. Who was proven stays to be seen.
    pub fn gone(&mut self, name: &str) {
        for entry in self.entries.values_mut().filter(|entry| entry.peer.name.as_deref() == Some(name)) {
            (entry.announced, entry.due) = (false, None);
        }
        self.entries.retain(|_, entry| entry.announced || entry.running || entry.peer.device.is_some());
    }

    /// Somebody connected; nothing if so many are here already.
    pub fn came(&mut self, from: IpAddr, most: usize) -> Option<u64> {
        (self.running() < most).then(|| self.add(None, Some(from)))
    }

    /// Whom to reach now.
    pub fn next_to_reach(&mut self, now: Instant) -> Option<(u64, Vec<SocketAddr>)> {
        if self.running() >= super::MOST_PEERS {
            return None;
        }
        let (own, came_from) = (&self.own, &self.came_from);
        for (number, entry) in &mut self.entries {
            if entry.due.is_none_or(|due| due > now) || entry.running {
                continue;
            }
            entry.due = None;
            let ours = entry.peer.name.as_ref().is_some_and(|name| own < name);
            let came = entry.addresses.iter().any(|address| came_from.contains(&address.ip()));
            if !ours && came && entry.tries == 0 {
                continue; // it reached us
            }
            (entry.running, entry.peer.progress, entry.peer.failed) = (true, NOTHING_YET, None);
            return Some((*number, entry.addresses.clone()));
        }
        None
    }

    /// Whether it is not known yet who is at the other end.
    pub fn is_unknown(&self, number: u64) -> bool {
        self.entries.get(&number).is_some_and(|entry| entry.peer.device.is_none())
    }

    /// Who is at the other end. What is left of earlier sessions with it is forgotten.
    pub fn proven(&mut self, number: u64, device: DeviceId, worker: Option<WorkerId>) {
        self.entries.retain(|other, entry| {
            *other == number || entry.running || entry.announced || entry.peer.device != Some(device)
        });
        if let Some(entry) = self.entries.get_mut(&number) {
            (entry.peer.device, entry.peer.worker) = (Some(device), worker);
            self.came_from.extend(entry.from);
        }
    }

    pub fn progress(&mut self, number: u64, progress: SyncProgress) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.peer.progress = progress;
            if progress.state == SyncState::UpToDate {
                entry.tries = 0;
            }
        }
    }

    /// A session is over, or could not begin.
    pub fn over(&mut self, number: u64, failed: Option<NearbyFailed>, now: Instant) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        (entry.running, entry.peer.progress.state) = (false, SyncState::Over);
        entry.peer.failed = failed;
        if entry.announced && entry.is_unfinished() {
            entry.tries += 1;
            let pause = PAUSE.saturating_mul(1 << (entry.tries - 1).min(8));
            entry.due = (entry.tries < TRIES).then(|| now + pause);
        }
        // Whoever only connected here and never said who it is was nobody.
        self.entries.retain(|_, entry| entry.running || entry.announced || entry.peer.device.is_some());
    }

    /// What is to be told, if it is not what was told last. A device with several sessions is told once.
    pub fn news(&mut self) -> Option<Vec<NearbyPeer>> {
        let mut peers: Vec<(bool, NearbyPeer)> = Vec::new();
        for entry in self.entries.values().filter(|entry| entry.announced || entry.peer.device.is_some()) {
            let same = |(_, peer): &&mut (bool, NearbyPeer)| {
                peer.device.is_some() && peer.device == entry.peer.device
            };
            match peers.iter_mut().find(same) {
                Some((running, peer)) => {
                    let name = entry.peer.name.clone().or(peer.name.take());
                    if entry.running || !*running {
                        (*running, *peer) = (entry.running, entry.peer.clone());
                    }
                    peer.name = name;
                }
                None => peers.push((entry.running, entry.peer.clone())),
            }
        }
        let peers: Vec<NearbyPeer> = peers.into_iter().map(|(_, peer)| peer).collect();
        if self.told.as_ref() == Some(&peers) {
            return None;
        }
        self.told = Some(peers.clone());
        Some(peers)
    }

    fn running(&self) -> usize {
        self.entries.values().filter(|entry| entry.running).count()
    }

    fn add(&mut self, name: Option<String>, from: Option<IpAddr>) -> u64 {
        self.last += 1;
        let peer = NearbyPeer { name, device: None, worker: None, progress: NOTHING_YET, failed: None };
        let (announced, running) = (from.is_none(), from.is_some());
        let entry = Entry { peer, addresses: Vec::new(), from, announced, running, tries: 0, due: None };
        self.entries.insert(self.last, entry);
        self.last
    }
}

impl Entry {
    /// Whether another session with it may bring something.
    fn is_unfinished(&self) -> bool {
        self.peer.progress.state != SyncState::Over || self.peer.failed.is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn device(name: &str) -> NearbyDevice {
        let addresses = vec![SocketAddr::from(([192, 0, 2, 7], 7117))];
        NearbyDevice { name: name.to_owned(), addresses, version: 1 }
    }

    fn id() -> DeviceId {
        "00000000-0000-8000-8000-000000000001".parse().unwrap()
    }

    /// Who is to be reached after so many seconds.
    fn reached(board: &mut Board, begun: Instant, seconds: u64) -> Option<u64> {
        board.next_to_reach(begun + Duration::from_secs(seconds)).map(|(number, _)| number)
    }

    #[test]
    fn the_lower_name_connects_at_once_and_the_higher_only_if_nobody_came() {
        let begun = Instant::now();
        let mut lower = Board::new("a".to_owned());
        lower.here(&device("b"), begun);
        assert_eq!((reached(&mut lower, begun, 0), reached(&mut lower, begun, 60)), (Some(1), None));

        let mut higher = Board::new("c".to_owned());
        higher.here(&device("b"), begun);
        assert_eq!((reached(&mut higher, begun, 2), reached(&mut higher, begun, 3)), (None, Some(1)));
        let mut met = Board::new("c".to_owned());
        met.here(&device("b"), begun);
        let came = met.came(IpAddr::from([192, 0, 2, 7]), 1).unwrap();
        met.proven(came, id(), None);
        met.over(came, None, begun);
        assert_eq!(reached(&mut met, begun, 60), None);
    }

    #[test]
    fn who_cannot_be_reached_is_tried_ever_later_and_then_left_alone_until_it_is_announced_anew() {
        let begun = Instant::now();
        let mut board = Board::new("a".to_owned());
        board.here(&device("b"), begun);
        let (mut now, mut tries) = (0, Vec::new());
        while now < 100 {
            if let Some(number) = reached(&mut board, begun, now) {
                tries.push(now);
                let failed = Some(NearbyFailed::Unreachable);
                board.over(number, failed, begun + Duration::from_secs(now));
            }
            now += 1;
        }
        assert_eq!(tries, [0, 1, 3, 7]);
        board.here(&device("b"), begun);
        assert_eq!(reached(&mut board, begun, 100), None);
        board.gone("b");
        assert_eq!(board.news(), Some(Vec::new()));
        board.here(&device("b"), begun);
        assert!(reached(&mut board, begun, 100).is_some());
    }

    #[test]
    fn a_device_with_two_sessions_is_told_once_and_one_that_left_in_good_order_stays_to_be_seen() {
        let begun = Instant::now();
        let mut board = Board::new("a".to_owned());
        board.here(&device("b"), begun);
        let one = reached(&mut board, begun, 0).unwrap();
        let other = board.came(IpAddr::from([192, 0, 2, 8]), 16).unwrap();
        for number in [other, one] {
            assert!(board.is_unknown(number));
            board.proven(number, id(), Some("w-117".parse().unwrap()));
            board.progress(number, SyncProgress { state: SyncState::UpToDate, equal: true, ..NOTHING_YET });
        }
        let seen = board.news().unwrap();
        assert_eq!((seen.len(), seen[0].name.as_deref(), seen[0].device), (1, Some("b"), Some(id())));
        assert_eq!(board.news(), None, "nothing new");
        board.over(one, None, begun);
        board.over(other, None, begun);
        board.gone("b");
        let seen = board.news().unwrap();
        assert_eq!((seen.len(), seen[0].progress.state), (1, SyncState::Over));
        assert_eq!(seen[0].progress.fraction(), 1.0, "and says that all was done");
    }
}
