//! Devices of two workers or more, each with its own cases, to which anything may happen while they sync.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use caseplan_core::access::{GrantState, NewGrant};
use caseplan_core::case::{NewParticipant, NewPerson, ParticipantRole};
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::EndReason;
use caseplan_core::ids::{CaseId, ContactId};
use caseplan_core::sync::SyncFailed;
use caseplan_core::{Error, Store};

use crate::deeds::{DEEDS, is_a_refusal};
use crate::dice::Dice;
use crate::support::Device;
use crate::support::link::take_in;
use crate::wire::{Fault, Wire};

/// How often each thing came about.
pub type Tally = BTreeMap<String, u64>;

/// One thing that happens: enough to do it again without the others.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What its chance comes from.
    seed: u64,
}

pub struct World {
    pub devices: Vec<Device>,
    /// Devices that were ended: nobody owes them anything.
    pub ended: BTreeSet<usize>,
    pub tally: Tally,
    pub trace: Vec<String>,
    /// Who was ever granted a case, its founder's worker included.
    pub granted: BTreeMap<CaseId, BTreeSet<String>>,
    /// The worker who opened each case.
    pub founders: BTreeMap<CaseId, String>,
    /// Contacts whose recording returned, and the device it returned on.
    pub acknowledged: BTreeMap<ContactId, (CaseId, usize)>,
    backups: Vec<(usize, PathBuf)>,
}

/// The word that stands in one case only.
pub fn canary(case: CaseId) -> String {
    format!("kanari{}", case.to_string().replace('-', ""))
}

/// What happens in the story of a seed.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    (0..count as u64).map(|at| Step { seed: seed.wrapping_mul(1_000_003).wrapping_add(at) }).collect()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let first = Device::new(&format!("first-{seed}"), "w-0");
        let mut devices = vec![first];
        for at in 1..3 + dice.below(2) {
            let worker = ["w-0", "w-1", "w-0", "w-2"][at];
            let newcomer = Device::new(&format!("device-{at}-{seed}"), worker);
            take_in(&devices[0].store, &newcomer.store, worker, &[Role::Caseworker]);
            devices.push(newcomer);
        }
        Self {
            devices,
            ended: BTreeSet::new(),
            tally: Tally::new(),
            trace: Vec::new(),
            granted: BTreeMap::new(),
            founders: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            backups: Vec::new(),
        }
    }

    pub fn step(&mut self, step: Step) {
        let mut dice = Dice::new(step.seed);
        let at = dice.below(self.devices.len());
        match dice.below(100) {
            0..=66 => self.deed(at, &mut dice),
            67..=83 => {
                let to = (at + 1 + dice.below(self.devices.len() - 1)) % self.devices.len();
                self.meet(at, to, &mut dice);
            }
            84..=88 => self.grant(at, &mut dice),
            89 => self.take_back(at, &mut dice),
            90 => self.end(&mut dice),
            91..=92 => self.note("restart", at, |world| world.devices[at].restart()),
            93..=94 => self.note("compact", at, |world| {
                world.devices[at].store.compact(1).unwrap();
            }),
            95..=96 => self.back_up(at),
            97 => self.restore(&mut dice),
            _ => {
                // A clock that is wrong, in either direction.
                let seconds = dice.below(4 * 24 * 3600) as i64 - 24 * 3600;
                self.note("clock skew", at, |world| world.devices[at].clock.advance(seconds));
            }
        }
    }

    fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    fn note(&mut self, what: &str, at: usize, work: impl FnOnce(&mut Self)) {
        self.trace.push(format!("{what} on {at}"));
        self.count(what);
        work(self);
    }

    /// Something that a person does; refusals are answers too.
    fn deed(&mut self, at: usize, dice: &mut Dice) {
        let mut throw = dice.below(DEEDS.iter().map(|(_, weight, _)| weight).sum());
        let chosen = DEEDS.iter().find(|(_, weight, _)| {
            let chosen = throw < *weight;
            throw = throw.saturating_sub(*weight);
            chosen
        });
        let (name, _, deed) = chosen.unwrap();
        let device = &self.devices[at];
        device.clock.advance(60 + dice.below(3600) as i64);
        let (cases, contacts) = (device.cases(), contacts(device));
        let done = deed(device, dice);
        self.trace.push(format!("{name} on {at}: {done:?}"));
        match done {
            Ok(_) => self.count("command"),
            Err(error) => {
                assert!(is_a_refusal(&error), "{name} on {at}: {error:?}");
                self.count("refused command");
            }
        }
        let device = &self.devices[at];
        for case in device.cases().into_iter().filter(|case| !cases.contains(case)) {
            let person = NewPerson { name: canary(case), born: None };
            let new = NewParticipant { person, role: ParticipantRole::Sibling, from: None, origin: None };
            device.store.cases().add_participant(case, &new).unwrap();
            self.granted.entry(case).or_default().insert(device.worker.clone());
            self.founders.insert(case, device.worker.clone());
        }
        for (contact, case) in crate::world::contacts(device) {
            if !contacts.contains_key(&contact) {
                self.acknowledged.insert(contact, (case, at));
            }
        }
    }

    /// Two devices sync, mostly over a bad connection, and one of them may be used meanwhile.
    fn meet(&mut self, one: usize, other: usize, dice: &mut Dice) {
        let fault = dice.maybe(75, |dice| {
            (
                dice.pick(&Fault::ALL).unwrap(),
                if dice.chance(40) { dice.below(6_000) } else { dice.below(60_000) },
            )
        });
        let name = fault.map_or("no fault", |((_, name), _)| name);
        self.trace
            .push(format!("{one} syncs with {other}: {name} after {:?}", fault.map(|(_, after)| after)));
        let portion = [200, 1_500, 20_000][dice.below(3)];
        let busy = dice.maybe(20, |dice| dice.below(2));
        let wire = Wire::between(
            [&self.devices[one].store, &self.devices[other].store],
            fault.map(|((fault, _), after)| (*fault, after)),
            portion,
        );
        let (devices, mut left) = (&self.devices, 2);
        let reports = wire.run(dice, |dice| {
            let who = busy.filter(|_| left > 0 && dice.chance(10))?;
            left -= 1;
            let device = &devices[[one, other][who]];
            let case = *dice.pick(&device.cases())?;
            let change = caseplan_core::case::CaseChange {
                team: Some(format!("team {}", dice.below(1000))),
                ..Default::default()
            };
            match device.store.cases().change(case, &change) {
                Ok(_) => Some(who),
                Err(error) if is_a_refusal(&error) => None,
                Err(error) => panic!("{error:?}"),
            }
        });
        self.count(name);
        for report in &reports {
            let outcome = report.failed.as_ref().map_or("in good order", |failed| failed.code());
            self.trace.push(format!("  {:?}", report.failed));
            self.count(&format!("session {outcome}"));
        }
        match fault {
            Some(((Fault::CrashOne, _), _)) => self.devices[one].restart(),
            Some(((Fault::CrashOther, _), _)) => self.devices[other].restart(),
            _ => {}
        }
    }

    fn grant(&mut self, at: usize, dice: &mut Dice) {
        let Some(case) = dice.pick(&self.devices[at].cases()).copied() else { return };
        let worker = dice.word(&["w-0", "w-1", "w-2"]);
        let grant =
            NewGrant { may_grant: dice.chance(50), ..NewGrant::colleague(worker.parse().unwrap(), 1) };
        match self.devices[at].store.grants().give(case, &grant) {
            Ok(_) => {
                self.granted.entry(case).or_default().insert(worker.to_owned());
                self.note("grant", at, |_| {});
            }
            Err(Error::NotGranted { .. }) => self.count("refused grant"),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn take_back(&mut self, at: usize, dice: &mut Dice) {
        let store = &self.devices[at].store;
        let Some(case) = dice.pick(&self.devices[at].cases()).copied() else { return };
        let grants: Vec<_> = store.grants().list(case).unwrap().into_iter().map(|grant| grant.id).collect();
        if grants.is_empty() {
            return;
        }
        match store.grants().take_back(case, &grants) {
            Ok(()) => self.note("take back", at, |_| {}),
            Err(Error::NotGranted { .. }) => self.count("refused taking back"),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// The first device, which is the root, ends another: once in a story, for one is never to be had back.
    fn end(&mut self, dice: &mut Dice) {
        let at = 1 + dice.below(self.devices.len() - 1);
        if self.devices.len() - self.ended.len() < 4 {
            return;
        }
        let device = self.devices[at].store.identity().device();
        self.devices[0].store.identity().end_device(device, EndReason::Lost).unwrap();
        self.ended.insert(at);
        self.note("end of device", at, |_| {});
    }

    fn back_up(&mut self, at: usize) {
        let path = self.devices[at].folder.path().join(format!("backup-{}", self.backups.len()));
        self.devices[at].store.back_up(&path, |_| {}, &CancelToken::default()).unwrap();
        self.backups.push((at, path));
        self.note("backup", at, |_| {});
    }

    /// An older copy takes the place of a store: what only that store had since is lost, and may be.
    fn restore(&mut self, dice: &mut Dice) {
        let Some((at, backup)) = dice.pick(&self.backups).cloned() else { return };
        self.note("restore", at, |world| {
            let device = &mut world.devices[at];
            device.store.close();
            for ending in ["", "-wal", "-shm"] {
                let mut name = device.file().into_os_string();
                name.push(ending);
                let _ = std::fs::remove_file(name);
            }
            Store::restore(&backup, &device.file()).unwrap();
            device.restart();
            let here = contacts(&world.devices[at]);
            let elsewhere: Vec<_> = world.devices.iter().map(contacts).collect();
            world.acknowledged.retain(|contact, (_, by)| {
                *by != at
                    || here.contains_key(contact)
                    || elsewhere.iter().any(|held| held.contains_key(contact))
            });
        });
    }

    /// Over good connections, until nobody has anything new.
    pub fn come_to_rest(&mut self) {
        for device in &self.devices {
            device.clock.set(crate::support::at("2027-06-01T08:00:00Z"));
        }
        let mut last = Vec::new();
        for _ in 0..8 {
            let mut quiet = true;
            last.clear();
            for one in 0..self.devices.len() {
                for other in one + 1..self.devices.len() {
                    let stores = [&self.devices[one].store, &self.devices[other].store];
                    let sync = || Wire::between(stores, None, usize::MAX).run(&mut Dice::new(0), |_| None);
                    let mut reports = sync();
                    if reports[1].failed == Some(SyncFailed::Stranger) {
                        // Whoever missed the end of a device knows the network by its secret before.
                        reports = sync();
                    }
                    let upload = self.ended.contains(&one) || self.ended.contains(&other);
                    for report in &reports {
                        assert!(upload || report.failed.is_none(), "{one} with {other}: {report:?}");
                        let rests = upload || (report.equal && report.sent == 0 && report.received == 0);
                        quiet &= rests;
                        if !rests {
                            last.push((one, other, report.clone()));
                        }
                    }
                }
            }
            if quiet {
                return;
            }
        }
        panic!("devices that never come to rest: {last:?}");
    }

    /// The workers who may read a case by the end, as a device of its founder's worker knows; nothing if there is none.
    pub fn readers(&self, case: CaseId) -> Option<BTreeSet<String>> {
        let founder = &self.founders[&case];
        let mut living = (0..self.devices.len()).filter(|at| !self.ended.contains(at));
        let at = living
            .find(|at| self.devices[*at].worker == *founder && self.devices[*at].cases().contains(&case))?;
        let grants = self.devices[at].store.grants().list(case).unwrap();
        let holding = grants.into_iter().filter(|grant| grant.state == GrantState::Live);
        Some(holding.map(|grant| grant.worker.to_string()).chain([founder.clone()]).collect())
    }
}

/// Every contact that a device shows, with its case.
pub fn contacts(device: &Device) -> BTreeMap<ContactId, CaseId> {
    let page = device.store.contacts().page(&ContactQuery { limit: 500, ..ContactQuery::default() });
    page.map_or(BTreeMap::new(), |page| {
        page.contacts.into_iter().map(|contact| (contact.id, contact.case_id)).collect()
    })
}
