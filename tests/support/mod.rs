//! Named devices for stories: real stores in real files, a clock that is set by hand, exported bytes between them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each story uses a part of this, and fails by panicking"
)]

pub mod chunks;
pub mod files;
pub mod hostile;
pub mod levels;
pub mod link;
pub mod say;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseplan_core::access::NewGrant;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::case::{
    Case, CaseChange, NewCase, NewParticipant, NewPerson, Participant, ParticipantRole,
};
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{Contact, ContactDraft, Outcome, OutcomeCode};
use caseplan_core::exchange::{CancelToken, ImportReport};
use caseplan_core::identity::{KeyVault, MemoryVault, Role};
use caseplan_core::ids::{CaseId, WorkerId};
use caseplan_core::storage::Location;
use caseplan_core::testing::{FixedClock, SeededRandom};
use caseplan_core::time::{Clock, Day, Instant, Zone};
use caseplan_core::visitation::{
    ContactMethod, DueVisit, Mandate, NewVisitationPlan, OccurrenceRef, PartyRef, Schedule, VisitationPlan,
};
use caseplan_core::{Error, Store, StoreConfig};

/// Where stories begin: a Monday.
pub const MONDAY: &str = "2026-03-02T08:00:00Z";

pub fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub fn paris() -> Zone {
    "Europe/Paris".parse().unwrap()
}

/// A phone with one worker's store.
pub struct Device {
    pub store: Store,
    pub clock: Arc<FixedClock>,
    pub vault: Arc<MemoryVault>,
    pub folder: Arc<tempfile::TempDir>,
    pub worker: String,
    seed: u64,
}

impl Device {
    /// A new phone of a worker; the name makes its keys and ids.
    pub fn new(name: &str, worker: &str) -> Self {
        let seed = name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(131).wrapping_add(byte.into()));
        let clock = Arc::new(FixedClock::at(at(MONDAY)));
        let vault = Arc::new(MemoryVault::default());
        let folder = Arc::new(scratch());
        let config = config(folder.path().join("caseplan.db"), worker, &clock, seed);
        let store = Store::open(config, vault.clone()).unwrap();
        Self { store, clock, vault, folder, worker: worker.to_owned(), seed }
    }

    /// A new phone that this one certifies before its first change.
    pub fn enrol(&self, name: &str, worker: &str) -> Self {
        let other = Self::new(name, worker);
        let answer = self.store.identity().certify(
            &other.store.identity().request().unwrap(),
            &[Role::Caseworker],
            1,
            None,
        );
        other.store.identity().adopt(&answer.unwrap()).unwrap();
        other
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("caseplan.db")
    }

    pub fn config(&self) -> StoreConfig {
        config(self.file(), &self.worker, &self.clock, self.seed + 1_000_003)
    }

    /// Closes the store and opens it again, as after a restart.
    pub fn restart(&mut self) {
        self.store.close();
        self.seed += 1;
        self.store = Store::open(self.config(), self.vault.clone()).unwrap();
    }

    /// Grants every case of this worker to another one, with the right to grant on; once.
    pub fn share_with(&self, other: &Self) {
        let worker: WorkerId = other.worker.parse().unwrap();
        if self.worker == other.worker || self.store.identity().domain() != other.store.identity().domain() {
            return;
        }
        if self.store.info().unwrap().keys_lost {
            return;
        }
        for case in self.cases() {
            let grants = self.store.grants().list(case).unwrap();
            if grants.iter().all(|grant| grant.worker != worker) {
                let grant = NewGrant { may_grant: true, ..NewGrant::colleague(worker.clone(), 5) };
                match self.store.grants().give(case, &grant) {
                    // It brought the case here and was never granted it itself.
                    Ok(_) | Err(Error::NotGranted { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Every case that is known here.
    pub fn cases(&self) -> Vec<CaseId> {
        self.store
            .cases()
            .list(&CaseFilter { worker: None, closed_too: true })
            .unwrap()
            .into_iter()
            .map(|case| case.id)
            .collect()
    }

    /// Hands everything that another lacks to it, as bytes, and grants it the cases.
    pub fn hand_to(&self, other: &Self) -> ImportReport {
        self.share_with(other);
        self.hand_over(other)
    }

    /// Hands everything that another lacks to it, as bytes.
    pub fn hand_over(&self, other: &Self) -> ImportReport {
        let mut export =
            self.store.exchange().export(Some(&other.store.exchange().vector().unwrap())).unwrap();
        let mut import = other.store.exchange().import().unwrap();
        loop {
            let bytes = export.next(64 * 1024).unwrap();
            if bytes.is_empty() {
                return import.finish();
            }
            import.feed(&bytes).unwrap();
        }
    }

    /// Both hand each other what the other lacks, until neither has anything new.
    pub fn meet(&self, other: &Self) {
        for _ in 0..8 {
            let (there, back) = (self.hand_to(other), other.hand_to(self));
            let moved = there.accepted + there.records + back.accepted + back.records;
            if moved == 0 {
                return;
            }
        }
        panic!("two devices that never come to rest");
    }

    /// A copy of this one's store in another place, from a backup, with some vault.
    pub fn copied(&self, name: &str, backup: &std::path::Path, vault: Arc<MemoryVault>) -> Self {
        let seed = name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(131).wrapping_add(byte.into()));
        let (folder, worker) = (Arc::new(scratch()), self.worker.clone());
        let clock = Arc::new(FixedClock::at(self.clock.now().unwrap()));
        let file = folder.path().join("caseplan.db");
        Store::restore(backup, &file).unwrap();
        let store = Store::open(config(file, &worker, &clock, seed), vault.clone()).unwrap();
        Self { store, clock, vault, folder, worker, seed }
    }

    /// A store like this one's on another file, with this vault or another.
    pub fn on(&self, file: PathBuf, vault: Arc<MemoryVault>) -> Self {
        let config = config(file, &self.worker, &self.clock, self.seed + 77_777);
        let store = Store::open(config, vault.clone()).unwrap();
        let (clock, folder, worker) = (self.clock.clone(), self.folder.clone(), self.worker.clone());
        Self { store, clock, vault, folder, worker, seed: self.seed + 88_888 }
    }

    /// A backup takes the place of the store, whose vault stays.
    pub fn restore(&mut self, backup: &Path) {
        self.store.close();
        self.remove_file(&["", "-wal", "-shm"]);
        Store::restore(backup, &self.file()).unwrap();
        self.restart();
    }

    /// Removes what there is of the file and of those beside it.
    fn remove_file(&self, endings: &[&str]) {
        for ending in endings {
            let mut name = self.file().into_os_string();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
    }

    pub fn now(&self, text: &str) {
        self.clock.set(at(text));
    }

    /// Léa's case, with her mother.
    pub fn lea(&self, reference: &str) -> (Case, Participant) {
        let case = self.store.cases().create(&new_case(reference, "Léa Martin")).unwrap();
        let ana = NewParticipant {
            person: NewPerson { name: "Ana Martin".to_owned(), born: None },
            role: ParticipantRole::Parent,
            from: None,
            origin: None,
        };
        let ana = self.store.cases().add_participant(case.id, &ana).unwrap();
        let case = self.store.cases().get(case.id).unwrap().unwrap();
        (case, ana)
    }

    /// Ana visits Léa on Saturdays at 14:00.
    pub fn saturdays(&self, case: &Case, visitor: &Participant) -> VisitationPlan {
        let plan = weekly(case, visitor);
        self.store.visitation_plans().create(case.id, &plan).unwrap().plan
    }

    /// The planned visits of some days.
    pub fn planned(&self, from: &str, to: &str) -> Vec<OccurrenceRef> {
        let due = self.store.visitation_plans().due(day(from), day(to), None).unwrap();
        due.into_iter()
            .filter_map(|visit| match visit {
                DueVisit::Occurrence { occurrence, .. } => Some(occurrence),
                DueVisit::Quota { .. } => None,
            })
            .collect()
    }

    /// A draft for a planned visit that took place, ready to be completed.
    pub fn drafted(&self, occurrence: OccurrenceRef, narrative: &str) -> ContactDraft {
        let start = DraftStart::Occurrences { occurrences: vec![occurrence] };
        let draft = self.store.contacts().start_draft(&start).unwrap();
        let draft = ContactDraft { narrative: narrative.to_owned(), outcome: Some(occurred()), ..draft };
        self.store.contacts().save_draft(&draft).unwrap()
    }

    /// Records that a planned visit took place.
    pub fn records(&self, occurrence: OccurrenceRef, narrative: &str) -> Contact {
        let draft = self.drafted(occurrence, narrative);
        self.store.contacts().complete(draft.id).unwrap()
    }

    pub fn rows(&self) -> Vec<String> {
        self.store.dump_projections().unwrap()
    }
}

/// Gives a case another team: the change that stories make when it does not matter which.
pub fn team(device: &Device, case: &Case, team: &str) -> Result<Case, Error> {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case.id, &change)
}

/// The team of a case, as a device shows it.
pub fn team_at(device: &Device, case: &Case) -> Option<String> {
    device.store.cases().get(case.id).unwrap().unwrap().team
}

/// Everything that these devices hold reads back as what was signed and written.
pub fn sound(devices: &[&Device]) {
    for device in devices {
        let report = device.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound(), "{}: {report:?}", device.worker);
    }
}

/// A folder for a story: in memory where the system has such a place, because thousands of commits wait for no disk.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn config(path: PathBuf, worker: &str, clock: &Arc<FixedClock>, seed: u64) -> StoreConfig {
    StoreConfig {
        location: Location::File(path),
        worker: worker.parse().unwrap(),
        zone: paris(),
        clock: clock.clone(),
        random: Arc::new(SeededRandom::new(seed)),
        log: None,
    }
}

pub fn new_case(reference: &str, child: &str) -> NewCase {
    NewCase {
        reference: reference.to_owned(),
        case_type: None,
        primary_client: NewPerson { name: child.to_owned(), born: Some(day("2019-04-02")) },
        assigned_worker: None,
        team: None,
        opened_on: None,
        origin: None,
    }
}

pub fn weekly(case: &Case, visitor: &Participant) -> NewVisitationPlan {
    NewVisitationPlan {
        mandate: Mandate::MutuallyAgreed { on: None },
        to_visit: vec![PartyRef::Participant(case.primary_client)],
        visitors: vec![PartyRef::Participant(visitor.id)],
        schedule: Schedule::Rule {
            rule: "FREQ=WEEKLY;BYDAY=SA".to_owned(),
            starts_at: "2026-03-07T14:00:00".parse().unwrap(),
            zone: paris(),
        },
        minutes: Some(120),
        methods: vec![ContactMethod::InPerson],
        place: Some("Maison de la famille, salle 2".to_owned()),
        supervision: None,
        purpose: None,
        conditions: None,
        transport: None,
        excluded: None,
        start: None,
        end: None,
        min_age: None,
        max_age: None,
        as_draft: false,
        origin: None,
    }
}

pub fn occurred() -> Outcome {
    Outcome {
        code: OutcomeCode::Occurred,
        attributed_to: None,
        reason: None,
        notice_hours: None,
        comment: None,
    }
}

/// A device whose vault is another's: a file that was copied with nothing else.
pub fn vault_of(device: &Device) -> Arc<dyn KeyVault> {
    device.vault.clone()
}
