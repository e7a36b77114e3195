//! Over real sockets on this machine: once or as long as somebody stays, several peers at once, cut, silent, canceled.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use caseplan_core::case::CaseChange;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::Role;
use caseplan_core::lan::{self, Arrival, Listener, Until};
use caseplan_core::sync::enrolment::{EnrolmentFailed, Terms};
use caseplan_core::sync::{SyncFailed, SyncProgress, SyncReport, SyncState};
use caseplan_core::{Error, Store};

use crate::support::link::take_in;
use crate::support::{Device, new_case};

/// Far more than anything here takes; a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(50);

fn phone_and(names: &[&str]) -> (Device, Vec<Device>) {
    let phone = Device::new("phone", "w-117");
    let others = names.iter().map(|name| {
        let other = Device::new(name, "w-117");
        take_in(&phone.store, &other.store, "w-117", &[Role::Caseworker]);
        other.store.cases().create(&new_case(&format!("case of {name}"), "Hugo Petit")).unwrap();
        other
    });
    let others = others.collect();
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    (phone, others)
}

fn digest(device: &Device) -> String {
    device.store.exchange().digest().unwrap()
}

fn once(store: &Store, address: SocketAddr) -> SyncReport {
    let stream = lan::reach(address).unwrap();
    lan::connect(store, &stream, Until::AtRest, &CancelToken::default(), &mut |_| {}).unwrap()
}

/// Ends what listens, also when a story fails.
struct Ending<'a>(&'a CancelToken);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Listens with a store while something else happens; what became of each session.
fn listening<T>(
    store: &Store,
    until: Until,
    work: impl FnOnce(SocketAddr, &Receiver<u64>) -> T,
) -> (T, Vec<SyncReport>) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let (cancel, over, (came, arrivals)) = (CancelToken::default(), Mutex::new(Vec::new()), channel());
    let done = thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let came = Mutex::new(came);
            listener.serve(store, until, &cancel, &|arrival| match arrival {
                Arrival::Came(number, _) => came.lock().unwrap().send(number).unwrap(),
                Arrival::Over(_, report) => over.lock().unwrap().push(report.unwrap()),
                Arrival::Progress(..) => {}
            })
        });
        let ending = Ending(&cancel);
        let done = work(listener.address().unwrap(), &arrivals);
        drop(ending);
        serving.join().unwrap().unwrap();
        done
    });
    (done, over.into_inner().unwrap())
}

fn eventually(mut what: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < LONG, "it never happened");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_devices_sync_once_and_both_say_so() {
    let (phone, others) = phone_and(&["tablet"]);
    let tablet = &others[0];
    let mut seen = Vec::new();
    let (here, there) = listening(&phone.store, Until::AtRest, |address, _| {
        let stream = lan::reach(address).unwrap();
        let (store, cancel) = (&tablet.store, CancelToken::default());
        let report =
            lan::connect(store, &stream, Until::AtRest, &cancel, &mut |progress| seen.push(progress));
        eventually(|| phone.store.sync().status().unwrap().peers.iter().any(|peer| peer.equal_at.is_some()));
        report.unwrap()
    });
    assert!(here.equal && there[0].equal, "{here:?} {there:?}");
    assert_eq!((here.failed, &there[0].failed), (None, &None));
    assert_eq!((here.sent, here.received), (there[0].received, there[0].sent));
    assert!(here.sent > 0 && here.received > 0);
    assert_eq!(digest(&phone), digest(tablet));
    assert_eq!(seen.first().unwrap().state, SyncState::Connecting);
    assert!(seen.iter().any(|progress| progress.state == SyncState::UpToDate));
    assert!(seen.iter().all(|progress| (0.0..=1.0).contains(&progress.fraction())));
    let whole = seen.iter().position(|progress| progress.fraction() == 1.0).unwrap();
    assert_eq!(seen[whole].state, SyncState::UpToDate);
    assert!(seen[whole..].iter().all(|progress| progress.fraction() == 1.0), "a bar that is full stays full");
    assert_eq!(seen.last().unwrap().state, SyncState::Over);
}

#[test]
fn what_is_committed_meanwhile_goes_in_both_directions() {
    let (phone, others) = phone_and(&["tablet"]);
    let tablet = &others[0];
    let cancel = CancelToken::default();
    let (report, _) = listening(&phone.store, Until::Left, |address, _| {
        thread::scope(|scope| {
            let staying = scope.spawn(|| {
                let stream = lan::reach(address).unwrap();
                lan::connect(&tablet.store, &stream, Until::Left, &cancel, &mut |_| {}).unwrap()
            });
            eventually(|| digest(&phone) == digest(tablet));
            for (from, to, team) in [(&phone, tablet, "north"), (tablet, &phone, "south")] {
                let case = from.store.cases().list(&Default::default()).unwrap()[0].id;
                let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
                from.store.cases().change(case, &change).unwrap();
                let team_there = || to.store.cases().get(case).unwrap().unwrap().team;
                eventually(|| team_there().as_deref() == Some(team));
            }
            cancel.cancel();
            staying.join().unwrap()
        })
    });
    assert_eq!(report.failed, Some(SyncFailed::Canceled));
    assert_eq!(digest(&phone), digest(tablet));
}

#[test]
fn a_store_that_is_closed_ends_what_stays_open_with_its_own_error() {
    let (phone, others) = phone_and(&["tablet"]);
    let (store, (tell, told)) = (&others[0].store, channel());
    listening(&phone.store, Until::Left, |address, _| {
        let stream = lan::reach(address).unwrap();
        let mut progress = |progress: SyncProgress| {
            if progress.state == SyncState::UpToDate {
                tell.send(()).unwrap();
            }
        };
        thread::scope(|scope| {
            scope.spawn(move || {
                told.recv_timeout(LONG).unwrap();
                store.close();
            });
            let ended = lan::connect(store, &stream, Until::Left, &CancelToken::default(), &mut progress);
            assert_eq!(ended.err(), Some(Error::Closed));
        });
    });
}

#[test]
fn several_peers_sync_at_once_and_a_silent_one_holds_nobody_up() {
    let (phone, others) = phone_and(&["tablet", "laptop", "hub"]);
    let ((), reports) = listening(&phone.store, Until::AtRest, |address, arrivals| {
        let silent = TcpStream::connect(address).unwrap();
        assert_eq!(arrivals.recv_timeout(LONG), Ok(1));
        thread::scope(|scope| {
            for other in &others {
                scope.spawn(|| assert!(once(&other.store, address).equal));
            }
        });
        // Twice, so that everybody has what everybody else brought.
        others.iter().for_each(|other| assert!(once(&other.store, address).equal));
        drop(silent);
    });
    assert!(others.iter().all(|other| digest(other) == digest(&phone)));
    assert_eq!(reports.iter().filter(|report| report.peer.is_some()).count(), 6);
    assert_eq!(reports.iter().filter(|report| report.peer.is_none()).count(), 1);
}

#[test]
fn no_more_peers_are_held_than_the_limit_allows() {
    let (phone, _) = phone_and(&[]);
    listening(&phone.store, Until::AtRest, |address, arrivals| {
        let connect = || {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            stream
        };
        let held: Vec<TcpStream> = (0..lan::MOST_PEERS).map(|_| connect()).collect();
        assert!(held.iter().all(|_| arrivals.recv_timeout(LONG).is_ok()));
        assert_eq!(connect().read(&mut [0; 1]).unwrap(), 0, "closed at once");
    });
}

#[test]
fn a_peer_that_talks_of_something_else_is_shown_out() {
    let (phone, _) = phone_and(&[]);
    let (answer, reports) = listening(&phone.store, Until::AtRest, |address, _| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: caseplan\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    assert!(answer.is_empty());
    assert!(reports[0].failed.is_some() && reports[0].peer.is_none(), "{reports:?}");
}

#[test]
fn a_session_that_is_canceled_ends_on_both_sides() {
    let (phone, others) = phone_and(&["tablet"]);
    let (report, there) = listening(&phone.store, Until::Left, |address, _| {
        let cancel = CancelToken::default();
        let stream = lan::reach(address).unwrap();
        let mut asked = |_| cancel.cancel();
        lan::connect(&others[0].store, &stream, Until::Left, &cancel, &mut asked).unwrap()
    });
    assert_eq!(report.failed, Some(SyncFailed::Canceled));
    assert!(there.iter().all(|report| report.failed.is_some()), "{there:?}");
}

/// Carries bytes between a client and a server, and cuts both after so many.
fn cut_after(server: SocketAddr, most: usize) -> (SocketAddr, thread::JoinHandle<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let between = thread::spawn(move || {
        let (client, _) = socket.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        let left = Mutex::new(most);
        let carry = |mut from: &TcpStream, mut to: &TcpStream| {
            let mut buffer = [0; 256];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                let mut left = left.lock().unwrap();
                let count = count.min(*left);
                *left -= count;
                if to.write_all(&buffer[..count]).is_err() || *left == 0 {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        };
        thread::scope(|scope| {
            scope.spawn(|| carry(&client, &server));
            carry(&server, &client);
        });
    });
    (address, between)
}

#[test]
fn a_connection_that_is_cut_is_resumed_by_the_next() {
    let (phone, others) = phone_and(&["tablet"]);
    let tablet = &others[0];
    let (last, reports) = listening(&phone.store, Until::AtRest, |address, _| {
        let mut early = 0;
        for most in [1, 100, 3_000, 7_000, 9_000, 11_000, 13_000] {
            let (through, between) = cut_after(address, most);
            early += usize::from(once(&tablet.store, through).failed.is_some());
            between.join().unwrap();
        }
        assert!(early > 3, "only {early} were cut");
        let last = once(&tablet.store, address);
        eventually(|| digest(&phone) == digest(tablet));
        last
    });
    assert!(last.equal && last.failed.is_none(), "{last:?}");
    assert!(reports.iter().any(|report| report.failed == Some(SyncFailed::Cut)), "{reports:?}");
}

fn invited(code: bool) -> (Device, Device, caseplan_core::sync::Invited) {
    let (phone, tablet) = (Device::new("phone", "w-117"), Device::new("tablet", "w-117"));
    let terms = Terms { worker: "w-117".parse().unwrap(), roles: vec![Role::Caseworker], level: 1 };
    let sync = phone.store.sync();
    let invited = if code { sync.invite_by_code(terms, None) } else { sync.invite_by_qr(terms, None) };
    (phone, tablet, invited.unwrap())
}

/// One attempt over a socket: what came of it on the inviter's side and on the newcomer's.
fn attempt(
    invited: &caseplan_core::sync::Invited,
    joining: caseplan_core::sync::JoinAttempt,
    yes: bool,
) -> (caseplan_core::Result<(String, bool)>, caseplan_core::Result<()>) {
    let (listener, cancel) = (Listener::bind("127.0.0.1:0").unwrap(), CancelToken::default());
    let address = listener.address().unwrap();
    thread::scope(|scope| {
        let joined =
            scope.spawn(move || lan::join(joining, &lan::reach(address).unwrap(), &CancelToken::default()));
        let (stream, _) = listener.next(Some(Instant::now() + LONG), &cancel).unwrap().unwrap();
        let taken = lan::take_in(invited.take_in().unwrap(), &stream, &cancel, &mut |_| yes);
        (taken.map(|(request, yes)| (request.fingerprint, yes)), joined.join().unwrap())
    })
}

#[test]
fn a_new_device_is_taken_in_over_the_network_and_syncs() {
    for code in [false, true] {
        let (phone, tablet, invited) = invited(code);
        let joining = match invited.code() {
            Some(code) => tablet.store.sync().join(&code, "a new phone"),
            None => tablet.store.sync().join(&invited.qr().unwrap().unwrap(), "a new phone"),
        };
        let joining = joining.unwrap();
        let fingerprint = joining.fingerprint().unwrap();
        let (taken, joined) = attempt(&invited, joining, true);
        assert_eq!((taken, joined), (Ok((fingerprint, true)), Ok(())));
        phone.lea("2026-0117");
        let (report, _) = listening(&phone.store, Until::AtRest, |address, _| once(&tablet.store, address));
        assert!(report.equal && report.received > 0, "{report:?}");
    }
}

#[test]
fn a_wrong_code_and_a_no_are_told_to_both_sides() {
    let (_, tablet, wrong) = invited(true);
    let joining = tablet.store.sync().join("0000-0000", "a new phone").unwrap();
    let (taken, joined) = attempt(&wrong, joining, true);
    assert_eq!(taken, Err(EnrolmentFailed::WrongCode { left: 2 }.into()));
    assert_eq!(joined, Err(EnrolmentFailed::WrongCode { left: 2 }.into()));
    let (_, tablet, refused) = invited(false);
    let joining = tablet.store.sync().join(&refused.qr().unwrap().unwrap(), "a new phone").unwrap();
    let (taken, joined) = attempt(&refused, joining, false);
    assert!(matches!(taken, Ok((_, false))));
    assert_eq!(joined, Err(EnrolmentFailed::Declined.into()));
}
