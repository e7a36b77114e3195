//! Devices that find each other by mDNS on this machine and sync with everybody nearby, until they leave.
//!
//! Whether this machine carries multicast from one socket to another is asked of it first. Where it does not, nobody can
//! be found: then it is seen that the search is quiet and ends when it is told to, and the output says so.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use caseplan_core::Error;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::Role;
use caseplan_core::lan::{self, NearbyPeer, NetworkFailed, Until};
use caseplan_core::random::SystemRandom;
use caseplan_core::sync::SyncState;

use crate::support::link::take_in;
use crate::support::say::say;
use crate::support::{Device, new_case};

const LONG: Duration = Duration::from_secs(50);

/// Whether a datagram to the group of mDNS comes back to this machine.
fn has_multicast() -> bool {
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let sent = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let port = socket.local_addr()?.port();
        socket.send_to(b"caseplan", (group, port))?;
        let mut buffer = [0; 16];
        Ok(socket.recv(&mut buffer)? == 8)
    };
    let has = sent().unwrap_or(false);
    if !has {
        say("NOT CHECKED: this machine carries no multicast, so nobody can be found");
    }
    has
}

/// A device that is nearby until it is dropped or leaves.
struct Meeting {
    cancel: CancelToken,
    seen: Receiver<Vec<NearbyPeer>>,
    running: Option<thread::JoinHandle<Result<(), Error>>>,
}

impl Meeting {
    fn of(device: &Device) -> Self {
        let (tell, seen) = channel();
        let (store, cancel, tell) = (device.store.clone(), CancelToken::default(), Mutex::new(tell));
        let until = cancel.clone();
        let running = thread::spawn(move || {
            lan::sync_nearby(&store, &SystemRandom, &until, &|peers| {
                let _ = tell.lock().unwrap().send(peers);
            })
        });
        Self { cancel, seen, running: Some(running) }
    }

    /// Waits until so many of this domain hold the same as this one, and answers what was seen last.
    fn until_up_to_date(&self, with: usize) -> Vec<NearbyPeer> {
        let begun = Instant::now();
        loop {
            let peers = self.seen.recv_timeout(LONG.saturating_sub(begun.elapsed())).unwrap();
            let current =
                |peer: &&NearbyPeer| peer.device.is_some() && peer.progress.state == SyncState::UpToDate;
            if peers.iter().filter(current).count() == with {
                return peers;
            }
        }
    }

    fn leave(&mut self) -> Result<(), Error> {
        self.cancel.cancel();
        self.running.take().unwrap().join().unwrap()
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn eventually(mut what: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < LONG, "it never happened");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn three_devices_nearby_find_each_other_sync_and_leave() {
    let phone = Device::new("phone", "w-117");
    let others = ["tablet", "laptop"].map(|name| Device::new(name, "w-117"));
    let stranger = Device::new("stranger", "w-9");
    for other in &others {
        take_in(&phone.store, &other.store, "w-117", &[Role::Caseworker]);
        other
            .store
            .cases()
            .create(&new_case(&format!("of {}", other.store.identity().device()), "Hugo"))
            .unwrap();
    }
    stranger.store.cases().create(&new_case("2026-0900", "Zoe")).unwrap();
    let (multicast, mut strange) = (has_multicast(), Meeting::of(&stranger));
    let mut meetings = [&phone, &others[0], &others[1]].map(Meeting::of);
    if multicast {
        let seen: Vec<_> = meetings.iter().map(|meeting| meeting.until_up_to_date(2)).collect();
        let digest = |device: &Device| device.store.exchange().digest().unwrap();
        eventually(|| others.iter().all(|other| digest(other) == digest(&phone)));
        assert_eq!(phone.cases().len(), 2, "and nothing of the stranger's");
        let mut workers = seen.iter().flatten().filter_map(|peer| peer.worker.as_ref());
        assert!(workers.all(|worker| worker.as_str() == "w-117"));

        // What is recorded while they are together goes to everybody at once.
        let (case, _) = phone.lea("2026-0117");
        eventually(|| others.iter().all(|other| other.store.cases().get(case.id).unwrap().is_some()));
    }
    for meeting in &mut meetings {
        let begun = Instant::now();
        assert_eq!(meeting.leave(), Ok(()));
        assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?} to leave", begun.elapsed());
    }
    assert_eq!(strange.leave(), Ok(()));
    let strangers: Vec<Vec<NearbyPeer>> = strange.seen.try_iter().collect();
    assert_eq!(strangers.first(), Some(&Vec::new()), "told at once that nobody is there yet");
    assert!(strangers.iter().flatten().all(|peer| peer.device.is_none()), "a stranger learns nobody's name");
    assert_eq!(strangers.iter().any(|peers| !peers.is_empty()), multicast);
    assert_eq!(stranger.cases().len(), 1);
}

#[test]
fn a_store_that_is_closed_ends_it_with_its_own_error() {
    let phone = Device::new("phone", "w-117");
    let mut meeting = Meeting::of(&phone);
    assert_eq!(meeting.seen.recv_timeout(LONG), Ok(Vec::new()));
    phone.store.close();
    assert_eq!(meeting.running.take().unwrap().join().unwrap(), Err(Error::Closed), "by itself");
    let again = lan::sync_nearby(&phone.store, &SystemRandom, &CancelToken::default(), &|_| {});
    assert_eq!(again, Err(Error::Closed));
}

#[test]
fn a_device_is_reached_by_host_and_port_or_the_error_says_that_nobody_answers() {
    let (phone, tablet) = (Device::new("phone", "w-117"), Device::new("tablet", "w-117"));
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    let (case, _) = phone.lea("2026-0117");
    let listener = Arc::new(lan::Listener::bind("127.0.0.1:0").unwrap());
    let port = listener.address().unwrap().port();
    let (serving, end) = (listener.clone(), CancelToken::default());
    let (store, until) = (phone.store.clone(), end.clone());
    let serving = thread::spawn(move || serving.serve(&store, Until::AtRest, &until, &|_| {}));
    let sync = |cancel: &CancelToken| {
        lan::sync_with(&tablet.store, ("localhost".to_owned(), port), Until::AtRest, cancel, &mut |_| {})
    };
    let report = sync(&CancelToken::default()).unwrap();
    assert_eq!((report.equal, report.failed), (true, None));
    assert!(tablet.store.cases().get(case.id).unwrap().is_some());
    let canceled = CancelToken::default();
    canceled.cancel();
    assert_eq!(sync(&canceled), Err(Error::Canceled));
    end.cancel();
    serving.join().unwrap().unwrap();
    drop(listener);
    assert_eq!(sync(&CancelToken::default()), Err(Error::Network(NetworkFailed::Unreachable)));
}
