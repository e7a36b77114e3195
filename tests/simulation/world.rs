//! Devices of two workers or more, each with its own cases, to which anything may happen while they sync.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use caseplan_core::access::{DocumentKind, GrantState, NewGrant};
use caseplan_core::case::{NewParticipant, NewPerson, Origin, ParticipantRole};
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::Extent;
use caseplan_core::ids::{CaseId, ChangeHash, ContactId, VisitationPlanId};
use caseplan_core::visitation::NewVisitationPlan;
use caseplan_core::{Error, Store};

use crate::acknowledged::{Acknowledged, Before};
use crate::deeds::{DEEDS, is_a_refusal};
use crate::dice::Dice;
use crate::files::OnAStick;
use crate::rows::Hash;
use crate::support::files::Image;
use crate::support::hostile::Hostile;
use crate::support::link::take_in;
use crate::support::{Device, weekly};
use crate::words;

/// How often each thing came about.
pub type Tally = BTreeMap<String, u64>;

/// The workers of a story.
pub const WORKERS: &[&str] = &["w-0", "w-1", "w-2"];

/// What leaves a change whenever it returns; other deeds may find that all is as it should be.
const ALWAYS_WRITE: [&str; 6] =
    ["create case", "add participant", "create plan", "record contact", "complete contact", "amend contact"];

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
    /// Whether an ended device still hands over its work when all come to rest.
    pub ended_come_back: bool,
    /// Devices whose store was an older copy at some time.
    pub restored: BTreeSet<usize>,
    pub tally: Tally,
    pub trace: Vec<String>,
    /// Who was ever granted a case, its founder's worker included.
    pub granted: BTreeMap<CaseId, BTreeSet<String>>,
    /// Who was ever granted nothing of a case but the plan that has a word.
    pub visiting: BTreeMap<CaseId, BTreeSet<String>>,
    /// The plan of each case that has a word.
    pub plans: BTreeMap<CaseId, VisitationPlanId>,
    /// The worker who opened each case.
    pub founders: BTreeMap<CaseId, String>,
    /// Cases of which something was taken back from somebody.
    pub taken_back: BTreeSet<CaseId>,
    /// Contacts whose recording returned, and the device it returned on.
    pub acknowledged: BTreeMap<ContactId, (CaseId, usize)>,
    /// Changes whose command returned.
    pub changes: Vec<Acknowledged>,
    /// For each word that was written after the end of a device: that device.
    pub after_end: Vec<usize>,
    /// Changes that a device held, and an older copy took the place of.
    pub overwritten: BTreeSet<Hash>,
    /// Changes that the intruder signed for another's actor.
    pub forged: BTreeSet<ChangeHash>,
    pub intruder: Hostile,
    pub intrusions: usize,
    pub files: Vec<OnAStick>,
    pub backups: Vec<(usize, PathBuf)>,
    /// Whole phones, vaults included; nothing in a story in which none comes back.
    pub images: Option<Vec<(usize, Image)>>,
    /// Cases of which a person let something in at the end, or confirmed it, and on which device.
    pub decided: BTreeMap<CaseId, usize>,
    /// Whether a whole phone came back, so that an actor may have two changes of one number.
    pub may_fork: bool,
    seed: u64,
}

/// What happens in the story of a seed.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    (0..count as u64).map(|at| Step { seed: seed.wrapping_mul(1_000_003).wrapping_add(at) }).collect()
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let first = Device::new(&format!("first-{seed}"), "w-0");
        let intruder = Hostile::enrolled_by(&first);
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
            ended_come_back: dice.chance(50),
            restored: BTreeSet::new(),
            tally: Tally::new(),
            trace: Vec::new(),
            granted: BTreeMap::new(),
            visiting: BTreeMap::new(),
            plans: BTreeMap::new(),
            founders: BTreeMap::new(),
            taken_back: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            changes: Vec::new(),
            after_end: Vec::new(),
            overwritten: BTreeSet::new(),
            forged: BTreeSet::new(),
            intruder,
            intrusions: 0,
            files: Vec::new(),
            backups: Vec::new(),
            images: dice.maybe(30, |_| Vec::new()),
            decided: BTreeMap::new(),
            may_fork: false,
            seed,
        }
    }

    pub fn step(&mut self, step: Step) {
        let mut dice = Dice::new(step.seed);
        let at = dice.below(self.devices.len());
        match dice.below(100) {
            0..=1 => self.crash_within(at, &mut dice),
            2..=61 => self.deed(at, &mut dice),
            62..=77 => {
                let to = (at + 1 + dice.below(self.devices.len() - 1)) % self.devices.len();
                self.meet(at, to, &mut dice);
            }
            78..=80 => self.grant(at, &mut dice),
            81..=82 => self.grant_visits(at, &mut dice),
            83 => self.take_back(at, &mut dice),
            84 => self.end(&mut dice),
            85 => self.restart(at),
            86 => self.crash(at, &mut dice),
            87 => {
                self.note("compact", "compact", at).devices[at].store.compact(1).unwrap();
            }
            88..=89 => self.back_up(at),
            90 => self.restore(&mut dice),
            91 => self.clone_without_vault(&mut dice),
            92..=93 => self.hand_over(at, &mut dice),
            94..=95 => self.take_over(&mut dice),
            96..=97 => self.intrude(at, &mut dice),
            _ => {
                // A clock that is wrong, in either direction.
                let seconds = dice.below(4 * 24 * 3600) as i64 - 24 * 3600;
                self.note("clock skew", "clock skew", at).devices[at].clock.advance(seconds);
            }
        }
    }

    pub fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    /// Tells something of a device, and counts it under a name.
    pub fn note(&mut self, what: &str, name: &str, at: usize) -> &mut Self {
        self.trace.push(format!("{what} on {at}"));
        self.count(name);
        self
    }

    /// The devices that were not ended.
    pub fn living(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.devices.len()).filter(|at| !self.ended.contains(at))
    }

    /// What makes a new device's keys and ids.
    pub fn name(&self) -> String {
        format!("device-{}-{}", self.devices.len(), self.seed)
    }

    /// Something that a person does, and what it leaves to be remembered.
    fn deed(&mut self, at: usize, dice: &mut Dice) {
        let (cases, contacts) = (self.devices[at].cases(), contacts(&self.devices[at]));
        let before = Before::of(&self.devices[at]);
        let Some(name) = self.try_deeds(at, dice) else { return };
        for case in self.devices[at].cases().into_iter().filter(|case| !cases.contains(case)) {
            self.mark(at, case);
        }
        for (contact, case) in crate::world::contacts(&self.devices[at]) {
            if !contacts.contains_key(&contact) {
                self.acknowledged.insert(contact, (case, at));
            }
        }
        let written = before.written(&self.devices[at], at);
        assert!(!written.is_empty() || !ALWAYS_WRITE.contains(&name), "{name} on {at} has written nothing");
        self.changes.extend(written);
    }

    /// Something that a person does; refusals are answers too. Where there is nothing to do it to, it is something else.
    pub fn try_deeds(&mut self, at: usize, dice: &mut Dice) -> Option<&'static str> {
        self.devices[at].clock.advance(60 + dice.below(3600) as i64);
        (0..DEEDS.len()).find_map(|_| self.one_deed(at, dice))
    }

    fn one_deed(&mut self, at: usize, dice: &mut Dice) -> Option<&'static str> {
        let mut throw = dice.below(DEEDS.iter().map(|(_, weight, _)| weight).sum());
        let chosen = DEEDS.iter().find(|(_, weight, _)| {
            let chosen = throw < *weight;
            throw = throw.saturating_sub(*weight);
            chosen
        });
        let (name, _, deed) = chosen.unwrap();
        match deed(&self.devices[at], dice) {
            Ok(true) => self.count("command"),
            Ok(false) => return None,
            Err(error) => {
                assert!(is_a_refusal(&error), "{name} on {at}: {error:?}");
                self.count("refused command");
                self.trace.push(format!("{name} on {at}: refused"));
                return None;
            }
        }
        self.trace.push(format!("{name} on {at}"));
        Some(name)
    }

    /// Gives a new case its words: one in its own document, one in a visitation plan.
    pub fn mark(&mut self, at: usize, id: CaseId) {
        let device = &self.devices[at];
        let origin = |word: String| {
            Some(Origin {
                source: "aviary".to_owned(),
                external_id: word,
                recorded_by: None,
                recorded_at: None,
            })
        };
        let person = NewPerson { name: "Noé".to_owned(), born: None };
        let role = ParticipantRole::Sibling;
        let new = NewParticipant { person, role, from: None, origin: origin(words::of_case(id)) };
        let sibling = device.store.cases().add_participant(id, &new).unwrap();
        let case = device.store.cases().get(id).unwrap().unwrap();
        let plan = NewVisitationPlan { origin: origin(words::of_plan(id)), ..weekly(&case, &sibling) };
        let plan = device.store.visitation_plans().create(id, &plan).unwrap().plan.id;
        let worker = device.worker.clone();
        self.plans.insert(id, plan);
        self.granted.entry(id).or_default().insert(worker.clone());
        self.founders.insert(id, worker);
        (0..2).for_each(|_| self.count("command"));
    }

    pub fn grant(&mut self, at: usize, dice: &mut Dice) {
        let Some(case) = dice.pick(&self.devices[at].cases()).copied() else { return };
        let worker = dice.word(WORKERS);
        let grant =
            NewGrant { may_grant: dice.chance(50), ..NewGrant::colleague(worker.parse().unwrap(), 1) };
        if self.give(at, case, &grant) {
            self.granted.entry(case).or_default().insert(worker.to_owned());
            self.note(&format!("grant of {case} to {worker}"), "grant", at);
        }
    }

    /// One visitation plan of a case, and nothing else of it.
    fn grant_visits(&mut self, at: usize, dice: &mut Dice) {
        let cases: Vec<_> =
            self.devices[at].cases().into_iter().filter(|it| self.plans.contains_key(it)).collect();
        let Some(case) = dice.pick(&cases).copied() else { return };
        let worker = dice.word(WORKERS);
        let grant = NewGrant {
            extent: Extent::Visits(self.plans[&case]),
            writes: vec![DocumentKind::ContactLog],
            ..NewGrant::colleague(worker.parse().unwrap(), 1)
        };
        if self.give(at, case, &grant) {
            self.visiting.entry(case).or_default().insert(worker.to_owned());
            self.note(&format!("grant of visits of {case} to {worker}"), "grant of visits", at);
        }
    }

    fn give(&mut self, at: usize, case: CaseId, grant: &NewGrant) -> bool {
        match self.devices[at].store.grants().give(case, grant) {
            Ok(_) => return true,
            Err(Error::NotGranted { .. }) => self.count("refused grant"),
            Err(error) => panic!("a grant on {at}: {error:?}"),
        }
        false
    }

    pub fn take_back(&mut self, at: usize, dice: &mut Dice) {
        let store = &self.devices[at].store;
        let Some(case) = dice.pick(&self.devices[at].cases()).copied() else { return };
        let all: Vec<_> = store.grants().list(case).unwrap().into_iter().map(|grant| grant.id).collect();
        // One of them only, now and then: its worker may keep a plan of the case, or the case without it.
        let one = dice.maybe(40, |dice| dice.pick(&all).copied()).flatten();
        let grants = one.map_or_else(|| all.clone(), |one| vec![one]);
        if grants.is_empty() {
            return;
        }
        match store.grants().take_back(case, &grants) {
            Ok(()) => {
                self.taken_back.insert(case);
                let part = grants.len() < all.len();
                let name = if part { "take back of one grant" } else { "take back" };
                self.note(&format!("{name} of {case}"), name, at);
                self.owe_what_is_left();
            }
            Err(Error::NotGranted { .. }) => self.count("refused taking back"),
            Err(error) => panic!("taking back on {at}: {error:?}"),
        }
    }

    /// The workers who may read a case by the end, as a device of its founder's worker knows; nothing if there is none.
    pub fn readers(&self, case: CaseId) -> Option<BTreeSet<String>> {
        let (founder, at) = (&self.founders[&case], self.a_founder(case)?);
        let grants = self.devices[at].store.grants().list(case).unwrap();
        let holding = grants
            .into_iter()
            .filter(|grant| grant.state == GrantState::Live && matches!(grant.extent, Extent::Level(_)));
        Some(holding.map(|grant| grant.worker.to_string()).chain([founder.clone()]).collect())
    }

    /// The stores of two devices.
    pub fn stores(&self, one: usize, other: usize) -> [&Store; 2] {
        [&self.devices[one].store, &self.devices[other].store]
    }
}

/// Every contact that a device shows, with its case.
pub fn contacts(device: &Device) -> BTreeMap<ContactId, CaseId> {
    let page = device.store.contacts().page(&ContactQuery { limit: 500, ..ContactQuery::default() });
    page.map_or(BTreeMap::new(), |page| {
        page.contacts.into_iter().map(|contact| (contact.id, contact.case_id)).collect()
    })
}
