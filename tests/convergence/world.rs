//! Two to four devices to which anything may happen, at random points: deeds, exchange in every wrong way,
//! compaction, restarts, rebuilt projections, restored backups.

use std::collections::BTreeMap;
use std::path::PathBuf;

use caseplan_core::exchange::{CancelToken, ImportReport};
use caseplan_core::time::Clock;

use super::deeds::{DEEDS, Deed, is_a_refusal};
use super::dice::Dice;
use crate::support::Device;

/// How often each thing came about.
pub type Tally = BTreeMap<&'static str, u64>;

pub struct World {
    pub devices: Vec<Device>,
    pub dice: Dice,
    pub tally: Tally,
    /// What was done, for whoever reads a failure.
    pub trace: Vec<String>,
    /// Exports of earlier moments: they arrive again, late, anywhere.
    streams: Vec<Vec<u8>>,
    /// Vectors of earlier moments, by device.
    vectors: Vec<Vec<u8>>,
    backups: Vec<(usize, PathBuf)>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let first = Device::new(&format!("first-{seed}"), "w-0");
        let others = (1..2 + dice.below(3))
            .map(|at| first.enrol(&format!("device-{at}-{seed}"), &format!("w-{}", at % 3)));
        let mut devices: Vec<Device> = others.collect();
        devices.insert(0, first);
        // All know each other's certificates: what is restored later must not forget them.
        for at in 1..devices.len() {
            devices[0].meet(&devices[at]);
        }
        // Some stories cross the end of a year, and with it into other logs.
        if dice.chance(25) {
            devices.iter().for_each(|device| device.now("2026-12-30T22:00:00Z"));
        }
        let vectors = devices.iter().map(|device| device.store.exchange().vector().unwrap()).collect();
        let (tally, trace) = (Tally::new(), Vec::new());
        let mut world =
            Self { devices, dice, tally, trace, streams: Vec::new(), vectors, backups: Vec::new() };
        // Something to begin with, and most of it known to all.
        let begin = [
            "create case",
            "create case",
            "add participant",
            "add participant",
            "create plan",
            "create plan",
            "create plan",
            "record contact",
            "record contact",
        ];
        for name in begin {
            let at = world.dice.below(world.devices.len());
            world.deed_of(at, DEEDS.iter().find(|(deed, ..)| *deed == name).unwrap());
            if world.dice.chance(70) {
                world.come_to_rest();
            }
        }
        world
    }

    pub fn step(&mut self) {
        let at = self.dice.below(self.devices.len());
        match self.dice.below(100) {
            0..=63 => self.deed(at),
            64..=69 => self.note("verify", at, |world| world.verify(at)),
            70..=84 => self.exchange(at),
            85..=86 => self.replay(at),
            87..=89 => self.note("compact", at, |world| {
                world.devices[at].store.compact(1 + world.dice.below(4) as u32).unwrap();
            }),
            90..=92 => self.note("restart", at, |world| world.devices[at].restart()),
            93..=94 => self.note("rebuild", at, |world| {
                world.devices[at].store.rebuild(|_| {}, &Default::default()).unwrap()
            }),
            95..=96 => self.note("backup", at, |world| world.back_up(at)),
            97..=98 => self.restore(),
            _ => {
                let seconds = self.dice.below(3 * 24 * 3600) as i64;
                self.note("clock", at, |world| world.devices[at].clock.advance(seconds));
            }
        }
    }

    fn note(&mut self, what: &'static str, at: usize, work: impl FnOnce(&mut Self)) {
        self.trace.push(format!("{what} on {at}"));
        *self.tally.entry(what).or_default() += 1;
        work(self);
    }

    /// Something that can be done; a deed that finds nothing to do makes way for another.
    fn deed(&mut self, at: usize) {
        for _ in 0..4 {
            let mut throw = self.dice.below(DEEDS.iter().map(|(_, weight, _)| weight).sum());
            let chosen = DEEDS.iter().find(|(_, weight, _)| {
                let chosen = throw < *weight;
                throw = throw.saturating_sub(*weight);
                chosen
            });
            if self.deed_of(at, chosen.unwrap()) {
                return;
            }
        }
    }

    fn deed_of(&mut self, at: usize, (name, _, deed): &(&'static str, usize, Deed)) -> bool {
        self.devices[at].clock.advance(60 + self.dice.below(3600) as i64);
        let done = deed(&self.devices[at], &mut self.dice);
        match &done {
            Ok(true) => *self.tally.entry(name).or_default() += 1,
            Ok(false) => return false,
            Err(error) => {
                assert!(is_a_refusal(error), "{name}: {error:?}");
                *self.tally.entry("refused").or_default() += 1;
            }
        }
        self.trace.push(format!(
            "{name} on {at}{}",
            done.err().map_or(String::new(), |error| format!(": {error:?}"))
        ));
        true
    }

    /// One device hands another what it lacks now, lacked before, or everything there is.
    fn exchange(&mut self, from: usize) {
        let to = (from + 1 + self.dice.below(self.devices.len() - 1)) % self.devices.len();
        self.devices[from].share_with(&self.devices[to]);
        let vector = match self.dice.below(10) {
            0 => None,
            1 | 2 => Some(self.vectors[to].clone()),
            _ => Some(self.devices[to].store.exchange().vector().unwrap()),
        };
        let mut export = self.devices[from].store.exchange().export(vector.as_deref()).unwrap();
        let mut stream = Vec::new();
        loop {
            let portion = export.next(1 + self.dice.below(20_000)).unwrap();
            if portion.is_empty() {
                break;
            }
            stream.extend(portion);
            // The store is written to while it is being exported.
            if self.dice.chance(5) {
                self.deed(from);
            }
        }
        if self.dice.chance(30) {
            self.vectors[to] = self.devices[to].store.exchange().vector().unwrap();
        }
        self.trace.push(format!("exchange from {from} to {to}, {} bytes", stream.len()));
        self.deliver(to, &stream);
        if self.streams.len() < 6 {
            self.streams.push(stream);
        } else {
            let place = self.dice.below(6);
            self.streams[place] = stream;
        }
    }

    fn replay(&mut self, to: usize) {
        let at = self.dice.below(self.streams.len());
        if let Some(stream) = self.streams.get(at).cloned() {
            self.note("replay", to, |world| {
                world.deliver(to, &stream);
            });
        }
    }

    /// Whole, byte by byte, in odd portions, cut off, or twice.
    fn deliver(&mut self, to: usize, stream: &[u8]) {
        let (name, portion) = match self.dice.below(10) {
            0 if stream.len() < 30_000 => ("byte by byte", 1),
            1..=4 => ("in portions", 1 + self.dice.below(3_000)),
            _ => ("whole", stream.len().max(1)),
        };
        *self.tally.entry(name).or_default() += 1;
        let cut = self.dice.maybe(25, |dice| dice.below(stream.len() + 1));
        if let Some(cut) = cut {
            *self.tally.entry("cut off").or_default() += 1;
            self.feed(to, &stream[..cut], portion);
        }
        if cut.is_none() || self.dice.chance(50) {
            let report = self.feed(to, stream, portion);
            assert!(report.complete, "{report:?}");
            if self.dice.chance(15) {
                *self.tally.entry("twice").or_default() += 1;
                let again = self.feed(to, stream, portion);
                assert_eq!((again.accepted, again.records), (0, 0), "a duplicate changes nothing: {again:?}");
            }
        }
    }

    fn feed(&mut self, to: usize, stream: &[u8], portion: usize) -> ImportReport {
        let mut import = self.devices[to].store.exchange().import().unwrap();
        for bytes in stream.chunks(portion) {
            import.feed(bytes).unwrap();
            // The store is written to while it imports.
            if portion > 1 && self.dice.chance(3) {
                self.deed(to);
            }
        }
        let report = import.finish();
        self.trace.push(format!("  {} of {} accepted by {to}", report.accepted, report.received));
        report
    }

    fn back_up(&mut self, at: usize) {
        let path = self.devices[at].folder.path().join(format!("backup-{}.db", self.backups.len()));
        self.devices[at].store.back_up(&path, |_| {}, &CancelToken::default()).unwrap();
        self.backups.push((at, path));
    }

    /// An older copy takes the place of a store; what only that store had since is lost.
    fn restore(&mut self) {
        let Some((at, backup)) = self.dice.pick(&self.backups).cloned() else { return };
        self.note("restore", at, |world| world.devices[at].restore(&backup));
    }

    /// What a command projected of what it touched is what a rebuild makes of everything.
    pub fn verify(&self, at: usize) {
        let report = self.devices[at].store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "device {at}: {report:?}");
    }

    /// Everybody hands everybody what they lack, until nobody has anything new.
    pub fn come_to_rest(&mut self) {
        for _ in 0..8 {
            let mut moved = 0;
            for from in 0..self.devices.len() {
                for to in (0..self.devices.len()).filter(|to| *to != from) {
                    let report = self.devices[from].hand_to(&self.devices[to]);
                    moved += report.accepted + report.records;
                }
            }
            if moved == 0 {
                return;
            }
        }
        panic!("devices that never come to rest");
    }

    /// The latest of the devices' clocks, for all of them.
    pub fn agree_on_the_time(&self) {
        let latest = self.devices.iter().map(|device| device.clock.now().unwrap()).max().unwrap();
        self.devices.iter().for_each(|device| device.clock.set(latest));
    }
}
