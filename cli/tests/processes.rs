//! Two real `caseplan` processes and what may lie between them: a connection that is cut at any byte, a process that is
//! killed at any moment, a long way, a network of one's own. Every run ends equal, and little is sent twice.
//!
//! `CASEPLAN_CUTS=all` cuts a small session at every byte, `CASEPLAN_LARGE_CUTS` and `CASEPLAN_KILLS` say how often a
//! large one (of `CASEPLAN_LARGE_CASES`) is cut and each side killed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails by panicking")]

#[path = "processes/machine.rs"]
mod machine;
#[path = "processes/networks.rs"]
mod networks;
#[path = "processes/proxy.rs"]
mod proxy;
#[path = "../../tests/support/say.rs"]
mod say;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use machine::{Machine, copy, scratch, two};
use proxy::{BOTH, Passed, Plan, Proxy, Way};
use say::say;

/// What may be on its way without an acknowledgement: four batches. The protocol allows each 128 KiB; no document of a
/// seeded store has more than a sixteenth of that, so a test can tell a window from a whole session.
const WINDOW: u64 = 4 * 8 * 1024;
/// What else may be sent twice.
const MORE: u64 = 4 * 1024;
/// A run of so many cuts or kills is looked over by `verify`; each is by the digests.
const VERIFIED: usize = 16;

/// How many runs are under way at once.
const WORKERS: usize = 4;

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

fn wanted(name: &str, normally: u64) -> u64 {
    std::env::var(name).map_or(normally, |text| text.parse().unwrap_or(u64::MAX))
}

/// Two stores as they were before they met, to be copied for each run.
struct Before {
    folder: tempfile::TempDir,
    /// A session that nothing befell, and one that found nothing new.
    perfect: Passed,
    nothing: Passed,
}

/// One run's own copy of both.
struct Run {
    folder: tempfile::TempDir,
    office: Machine,
    laptop: Machine,
}

impl Before {
    fn with(cases: u32) -> Self {
        let folder = scratch();
        two(folder.path(), cases);
        let none = Passed::default();
        let mut before = Self { folder, perfect: none, nothing: none };
        let run = before.run();
        before.perfect = run.syncs(Plan::default());
        before.nothing = run.syncs(Plan::default());
        before
    }

    fn run(&self) -> Run {
        let folder = scratch();
        copy(self.folder.path(), folder.path());
        let machine = |name| Machine::new(folder.path(), name);
        let (office, laptop) = (machine("office"), machine("laptop"));
        Run { folder, office, laptop }
    }

    /// What two sessions sent that one would not have had to: beyond what it takes to meet.
    fn sent_twice(&self, first: Passed, second: Passed) -> u64 {
        (first.total() + second.total()).saturating_sub(self.perfect.total() + self.nothing.total())
    }

    /// Cuts a session after so many bytes one way; what the next one sent again.
    fn cut(&self, way: Way, after: u64, verify: bool) -> u64 {
        let run = self.run();
        let (mut listening, port) = run.office.listen();
        let first = through(port, Plan { most: Some((way, after)), ..Plan::default() }, |address| {
            run.laptop.start(&["sync", "connect", address]).end();
        });
        assert!(first.of(way) == after, "{first:?} for {after} {way:?}");
        let second = through(port, Plan::default(), |address| run.connects(address));
        listening.kill();
        run.is_equal(verify);
        self.sent_twice(first, second)
    }
}

impl Run {
    /// One session from its beginning to its end.
    fn syncs(&self, plan: Plan) -> Passed {
        let (mut listening, port) = self.office.listen();
        let passed = through(port, plan, |address| self.connects(address));
        listening.kill();
        passed
    }

    fn connects(&self, address: &str) {
        let report = self.laptop.json(&["sync", "connect", address]);
        assert_eq!((&report["equal"], &report["failed"]), (&Value::Bool(true), &Value::Null), "{report}");
    }

    fn is_equal(&self, verify: bool) {
        assert_eq!(self.office.digest(), self.laptop.digest());
        if verify {
            self.office.run(&["verify"]);
            self.laptop.run(&["verify"]);
        }
    }
}

/// Lets something connect through a proxy.
fn through(port: u16, plan: Plan, connect: impl FnOnce(&str)) -> Passed {
    let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], port)), plan);
    connect(&proxy.address("127.0.0.1"));
    proxy.passed()
}

/// Cuts at each of these places, several at once, for they mostly wait; the most that was sent twice.
fn cut_at(before: &Before, places: &[(Way, u64)]) -> u64 {
    let (next, worst) = (AtomicUsize::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some((way, after)) = places.get(at) else { return };
                    let twice = before.cut(*way, *after, at % VERIFIED == 0);
                    worst.fetch_max(twice, Ordering::SeqCst);
                }
            });
        }
    });
    worst.into_inner()
}

#[test]
fn a_small_session_that_is_cut_at_any_byte_is_resumed_and_ends_equal() {
    let before = Before::with(0);
    let places = BOTH.iter().flat_map(|way| (0..before.perfect.of(*way)).map(|after| (*way, after)));
    let step = match wanted("CASEPLAN_CUTS", 24) {
        u64::MAX => 1,
        cuts => before.perfect.total() / cuts,
    };
    let places: Vec<_> = places.step_by(usize::try_from(step).unwrap()).collect();
    let worst = cut_at(&before, &places);
    say(format_args!("{} cuts of {:?}; sent twice at most {worst} bytes", places.len(), before.perfect));
    assert!(before.perfect.total() > 2 * MORE, "too small to tell: {:?}", before.perfect);
    assert!(worst <= MORE, "{worst} bytes were sent twice");
}

#[test]
fn a_large_session_that_is_cut_anywhere_sends_little_twice() {
    let before = Before::with(u32::try_from(wanted("CASEPLAN_LARGE_CASES", 20)).unwrap());
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    // From the office comes nearly all of it, from the laptop the acknowledgements.
    let places = (0..wanted("CASEPLAN_LARGE_CUTS", 2)).map(|cut| {
        let way = if cut % 4 == 3 { Way::Up } else { Way::Down };
        (way, dice.below(before.perfect.of(way)))
    });
    let places: Vec<_> = places.collect();
    let worst = cut_at(&before, &places);
    say(format_args!("{} cuts of {:?}; sent twice at most {worst} bytes", places.len(), before.perfect));
    assert!(before.perfect.total() > 6 * (WINDOW + MORE), "too small to tell: {:?}", before.perfect);
    assert!(worst <= WINDOW + MORE, "{worst} bytes were sent twice");
}

#[test]
fn a_side_that_is_killed_at_any_moment_resumes_and_ends_equal() {
    let before = Before::with(8);
    assert!(before.perfect.total() > 2 * (WINDOW + MORE), "too small to tell: {:?}", before.perfect);
    let (mut dice, kills) = (Dice(0x9E37_79B9_7F4A_7C15), wanted("CASEPLAN_KILLS", 5) as usize);
    let mut killed = [0; 2];
    for kill in 0..2 * kills {
        let run = before.run();
        let way = BOTH[usize::from(dice.below(2) == 0)];
        let most = Some((way, dice.below(before.perfect.of(way))));
        let (mut listening, port) = run.office.listen();
        let proxy =
            Proxy::to(SocketAddr::from(([127, 0, 0, 1], port)), Plan { most, hold: true, ..Plan::default() });
        let mut connecting = run.laptop.start(&["sync", "connect", &proxy.address("127.0.0.1")]);
        assert!(proxy.reached(), "it was over before");
        // A moment more, so that it also happens in the middle of a transaction.
        thread::sleep(Duration::from_micros(dice.below(4_000)));
        if kill % 2 == 0 {
            connecting.kill()
        } else {
            listening.kill()
        }
        killed[usize::from(kill % 2 == 1)] += 1;
        let first = proxy.passed();
        drop((connecting, listening));
        let second = run.syncs(Plan::default());
        run.is_equal(kill % VERIFIED < 2);
        let twice = before.sent_twice(first, second);
        assert!(twice <= WINDOW + MORE, "{twice} bytes were sent twice");
    }
    say(format_args!("killed: {} that connected, {} that listened", killed[0], killed[1]));
}

#[test]
fn a_long_way_takes_no_more_turns_than_a_short_one() {
    let before = Before::with(3);
    let delay = Duration::from_millis(200);
    let far = before.run().syncs(Plan { delay, ..Plan::default() });
    say(format_args!(
        "turns: {} at no distance, {} at 400 ms there and back",
        before.perfect.turns, far.turns
    ));
    assert!(far.turns <= before.perfect.turns, "{far:?} and {:?}", before.perfect);
    let twice = before.sent_twice(far, before.nothing);
    assert!(twice <= MORE, "{twice} bytes more than at no distance");
}
