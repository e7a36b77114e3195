//! A suspended store holds no file and no lock, whatever happens while it takes them back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use caseplan_core::case::reads::CaseFilter;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{ContactDraft, NewAddendum};
use caseplan_core::identity::{KeyVault, MemoryVault, VaultFailed};
use caseplan_core::random::{Random, RandomFailed, SystemRandom};
use caseplan_core::store::StoreConfig;
use caseplan_core::visitation::PlanChange;
use caseplan_core::{Error, Store};
use support::{Device, occurred, weekly};

/// A vault that can be locked, as a phone's is.
#[derive(Default)]
struct Lockable {
    kept: MemoryVault,
    locked: AtomicBool,
}

impl Lockable {
    fn check(&self) -> Result<(), VaultFailed> {
        match self.locked.load(Ordering::SeqCst) {
            true => Err(VaultFailed { reason: "locked".to_owned() }),
            false => Ok(()),
        }
    }
}

impl KeyVault for Lockable {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, VaultFailed> {
        self.check()?;
        self.kept.load(name)
    }

    fn store(&self, name: &str, secret: &[u8]) -> Result<(), VaultFailed> {
        self.check()?;
        self.kept.store(name, secret)
    }

    fn delete(&self, name: &str) -> Result<(), VaultFailed> {
        self.check()?;
        self.kept.delete(name)
    }
}

#[test]
fn a_vault_that_fails_while_resuming_leaves_the_store_suspended_and_the_file_free() {
    let device = Device::new("phone", "w-117");
    device.store.close();
    std::fs::remove_file(device.file()).unwrap();
    let vault = Arc::new(Lockable::default());
    let store = Store::open(device.config(), vault.clone()).unwrap();
    store.suspend();
    vault.locked.store(true, Ordering::SeqCst);
    assert_eq!(store.resume(), Err(Error::Vault { reason: "locked".to_owned() }));
    assert_eq!(store.today().err(), Some(Error::Suspended));
    vault.locked.store(false, Ordering::SeqCst);
    Store::open(device.config(), vault).unwrap().close();
    store.resume().unwrap();
    assert!(store.today().is_ok());
}

/// Random bytes, before the next of which the store is suspended by somebody else, as when an app goes to the background.
#[derive(Default)]
struct Interrupted {
    store: Mutex<Option<Store>>,
    suspending: Mutex<Option<JoinHandle<()>>>,
}

impl Random for Interrupted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        if let Some(store) = self.store.lock().unwrap().take() {
            let other = store.clone();
            *self.suspending.lock().unwrap() = Some(std::thread::spawn(move || other.suspend()));
            while store.cases().list(&CaseFilter::default()).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        SystemRandom.fill(bytes)
    }
}

/// Does something in a store that is suspended meanwhile, and takes the store up again.
fn suspended_while<T>(store: &Store, random: &Interrupted, work: impl FnOnce() -> Result<T, Error>) -> T {
    *random.store.lock().unwrap() = Some(store.clone());
    let done = work().unwrap();
    random.suspending.lock().unwrap().take().unwrap().join().unwrap();
    store.resume().unwrap();
    done
}

#[test]
fn what_was_committed_is_answered_though_the_store_is_suspended_by_then() {
    let device = Device::new("phone", "w-117");
    let (case, ana) = device.lea("2026-0117");
    device.saturdays(&case, &ana);
    device.now("2026-03-07T16:30:00Z");
    device.store.close();
    let random = Arc::new(Interrupted::default());
    let config = StoreConfig { random: random.clone(), ..device.config() };
    let store = Store::open(config, device.vault.clone()).unwrap();
    let (contacts, plans) = (store.contacts(), store.visitation_plans());

    let plan = suspended_while(&store, &random, || plans.create(case.id, &weekly(&case, &ana))).plan;
    let shorter = PlanChange { minutes: Some(60), ..PlanChange::default() };
    let changed = suspended_while(&store, &random, || plans.change(plan.id, &shorter)).plan;
    assert_eq!(changed.schedules[0].minutes, Some(60));

    let start = DraftStart::Plan { plan: plan.id };
    let draft = contacts.start_draft(&start).unwrap();
    let draft = contacts.save_draft(&ContactDraft { outcome: Some(occurred()), ..draft }).unwrap();
    let contact = suspended_while(&store, &random, || contacts.complete(draft.id));
    let addendum = NewAddendum { text: "more".to_owned(), corrections: Vec::new() };
    let amended = suspended_while(&store, &random, || contacts.amend(contact.id, &addendum));
    assert_eq!(amended.addenda.len(), 1);
    assert_eq!(contacts.get(contact.id).unwrap(), Some(amended), "as it is read afterwards");
    assert_eq!(plans.get(plan.id).unwrap().map(|view| view.plan), Some(changed));
}
