//! Two devices meet: mostly over a bad connection, and one of them may be used meanwhile, or ended.

use caseplan_core::case::CaseChange;
use caseplan_core::exchange::Refusal;
use caseplan_core::ids::CaseId;
use caseplan_core::sync::{SyncFailed, SyncReport};

use crate::acknowledged::{Acknowledged, Before};
use crate::deeds::is_a_refusal;
use crate::dice::Dice;
use crate::mishaps::{ends, writes_after};
use crate::oracles;
use crate::person::listed;
use crate::power::Lying;
use crate::rows::Rows;
use crate::wire::{Fault, Wire};
use crate::world::World;

/// What an app of another version speaks.
const VERSIONS: [[&[u32]; 2]; 3] = [[&[1], &[1, 2]], [&[1, 2], &[1]], [&[1], &[2]]];

/// What was done while a session was open.
#[derive(Default)]
struct Meanwhile {
    ended: Option<usize>,
    wrote: Option<usize>,
    written: Vec<Acknowledged>,
}

impl World {
    /// Two devices sync, mostly over a bad connection, and one of them may be used meanwhile.
    pub fn meet(&mut self, one: usize, other: usize, dice: &mut Dice) {
        let fault = dice.maybe(75, |dice| {
            (
                dice.pick(&Fault::ALL).unwrap(),
                if dice.chance(40) { dice.below(6_000) } else { dice.below(60_000) },
            )
        });
        let name = fault.map_or("no fault", |((_, name), _)| name);
        let held = self.may_let_go(&[one, other]);
        self.trace
            .push(format!("{one} syncs with {other}: {name} after {:?}", fault.map(|(_, after)| after)));
        let portion = [200, 1_500, 20_000][dice.below(3)];
        let busy = dice.maybe(20, |dice| dice.below(2));
        let versions = dice.maybe(5, |dice| *dice.pick(&VERSIONS).unwrap());
        // The first device may end the other in the middle of what they say.
        let peer = one.max(other);
        let mut ending = (one.min(other) == 0 && self.may_end() && dice.chance(15)).then_some(dice.below(12));
        let mut wire = Wire::between(
            self.stores(one, other),
            versions.unwrap_or([&[1], &[1]]),
            fault.map(|((fault, _), after)| (*fault, after)),
            portion,
        );
        let (devices, mut left, mut meanwhile) = (&self.devices, 2, Meanwhile::default());
        let reports = wire.run(dice, |dice| {
            if let Some(after) = ending.take() {
                ending = after.checked_sub(1);
                if ending.is_none() {
                    let before = Before::of(&devices[0]);
                    meanwhile.ended = ends(devices, peer).then_some(peer);
                    meanwhile.wrote = meanwhile.ended.filter(|_| writes_after(devices, 0, dice));
                    meanwhile.written.extend(before.written(&devices[0], 0));
                    return Some(usize::from(other == 0));
                }
                return None;
            }
            let who = busy.filter(|_| left > 0 && dice.chance(10))?;
            left -= 1;
            let at = [one, other][who];
            let device = &devices[at];
            let case = *dice.pick(&device.cases())?;
            let team = Some(format!("team {}", dice.below(1000)));
            let before = Before::of(device);
            match device.store.cases().change(case, &CaseChange { team, ..CaseChange::default() }) {
                Ok(_) => {
                    meanwhile.written.extend(before.written(device, at));
                    Some(who)
                }
                Err(error) if is_a_refusal(&error) => None,
                Err(error) => panic!("{error:?}"),
            }
        });
        self.changes.extend(meanwhile.written);
        if let Some(at) = meanwhile.ended {
            self.has_ended(at, meanwhile.wrote);
            self.note("end while a session is open", "end in a session", at);
        }
        self.count(name);
        if let Some(versions) = versions {
            self.trace.push(format!("  versions {versions:?}"));
            self.count("version skew");
        }
        for report in &reports {
            // Both keep to it, whatever becomes of the connection.
            let honest = !matches!(report.failed, Some(SyncFailed::Protocol(_)));
            assert!(honest, "{one} with {other}: {report:?}");
            // What lost or cut its connection has not failed by itself, and has not come to its end either.
            let unbroken = if fault.is_some() { "broken off" } else { "in good order" };
            let outcome = report.failed.as_ref().map_or(unbroken, SyncFailed::code);
            self.trace.push(format!("  {:?}", report.failed));
            self.count(&format!("session {outcome}"));
        }
        let gone = match fault {
            Some(((Fault::CrashOne, _), _)) => Some((0, one)),
            Some(((Fault::CrashOther, _), _)) => Some((1, other)),
            _ => None,
        };
        if let Some((side, at)) = gone {
            // In the midst of what it last took in: the session is still open.
            let before = Lying::of(&self.devices[at]);
            wire.takes_the_last(side);
            self.goes_dark(at, before, dice);
        }
        let said = wire.said();
        oracles::after_a_session(self, [one, other], said);
        self.the_last_copy_is_kept(&held);
    }

    /// Over good connections, until nobody has anything new.
    pub fn come_to_rest(&mut self) {
        for device in &self.devices {
            device.clock.set(crate::support::at("2027-06-01T08:00:00Z"));
        }
        let mut last = Vec::new();
        let ended = self.ended.clone();
        for _ in 0..8 {
            let mut quiet = true;
            last.clear();
            for one in 0..self.devices.len() {
                for other in one + 1..self.devices.len() {
                    let upload = ended.contains(&one) || ended.contains(&other);
                    if upload && !self.ended_come_back {
                        continue;
                    }
                    // What an ended device hands over late goes on to the others. It does not hear who may not have it.
                    let held = || [one, other].map(|at| self.devices[at].store.exchange().digest().unwrap());
                    // Of a fork of which the other has more, and above a gap, it cannot tell whether that holds all that is
                    // here: as long as it keeps the case it hands that over each time.
                    let again = [one, other].iter().any(|at| self.keeps_what_was_taken_back(*at));
                    let before = (upload || again).then(held);
                    let holdings = self.may_let_go(&[one, other]);
                    for report in &self.meet_well(one, other) {
                        assert!(upload || report.failed.is_none(), "{one} with {other}: {report:?}");
                        let moved = report.sent + report.received > 0;
                        let as_before = || before == Some(held());
                        let rests = match upload {
                            true => as_before(),
                            false => report.equal && (!moved || again && as_before()),
                        };
                        quiet &= rests;
                        if !rests {
                            last.push((one, other, report.clone()));
                        }
                    }
                    self.the_last_copy_is_kept(&holdings);
                }
            }
            if quiet {
                return;
            }
        }
        for (one, other, _) in &last {
            self.trace.push(format!("{one} and {other} never come to rest"));
            self.trace.extend(Rows::differing(&self.devices, *one, *other));
        }
        panic!("devices that never come to rest: {last:?}");
    }

    /// Whether a device still has something of a case that was taken back from it, because a branch has lost its fork there,
    /// or something is missing.
    fn keeps_what_was_taken_back(&self, at: usize) -> bool {
        let (device, rows) = (&self.devices[at], Rows::of(&self.devices[at]));
        let forked = |case: &CaseId| listed(device, *case).iter().any(|work| work.reason == Refusal::Forked);
        let mut kept = self.taken_back.iter().filter(|case| !oracles::entitled(self, **case).contains(&at));
        kept.any(|case| rows.has_a_gap(*case) || self.may_fork && forked(case))
    }

    /// A session over a good connection. Whoever missed the end of a device knows the network by the secret before, and
    /// is reached at the second attempt.
    fn meet_well(&self, one: usize, other: usize) -> [SyncReport; 2] {
        let sync = || {
            let mut wire = Wire::between(self.stores(one, other), [&[1], &[1]], None, usize::MAX);
            let reports = wire.run(&mut Dice::new(0), |_| None);
            oracles::says_only_what_is_granted(self, [one, other], wire.said());
            reports
        };
        let reports = sync();
        if reports[1].failed == Some(SyncFailed::Stranger) { sync() } else { reports }
    }
}
