//! Keys and whose store it is: lost vaults, wrong vaults, wrong workers, and the way back.

use std::sync::Arc;

use caseplan_core::access::RecoverySecret;
use caseplan_core::contact::ContactDraft;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::{KeyVault, MemoryVault, Role};
use caseplan_core::{Error, Store};

use crate::support::{Device, new_case, team};

#[test]
fn a_store_belongs_to_one_worker_and_one_vault() {
    let phone = Device::new("phone", "w-117");
    let other = Device::new("other", "w-117");
    phone.lea("2026-0117");
    phone.store.close();
    let mut config = phone.config();
    config.worker = "w-118".parse().unwrap();
    assert_eq!(Store::open(config, phone.vault.clone()).err(), Some(Error::WrongWorker));
    assert_eq!(Store::open(phone.config(), other.vault.clone()).err(), Some(Error::WrongVault));
    let again = Store::open(phone.config(), phone.vault.clone()).unwrap();
    again.cases().create(&new_case("2026-0118", "Hugo Petit")).unwrap();
}

#[test]
fn a_lost_vault_leaves_a_store_that_reads_and_keeps_drafts_until_it_is_enrolled_anew() {
    let laptop = Device::new("laptop", "w-300");
    let mut phone = laptop.enrol("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    let draft = phone.drafted(saturday, "before");
    let before = phone.store.identity().device();
    phone.store.close();

    phone.vault = Arc::new(MemoryVault::default());
    phone.restart();
    assert!(phone.store.info().unwrap().keys_lost);
    phone.now("2026-03-07T16:30:00Z");
    assert_eq!(phone.store.cases().overview(case.id).unwrap().drafts.len(), 1);
    let typed = ContactDraft { narrative: "after".to_owned(), ..draft };
    phone.store.contacts().save_draft(&typed).unwrap();
    let start = DraftStart::Occurrences { occurrences: vec![saturday] };
    let second = phone.store.contacts().start_draft(&start).unwrap();
    phone.store.contacts().discard_draft(second.id).unwrap();
    assert_eq!(phone.store.contacts().complete(typed.id).unwrap_err(), Error::KeysLost);
    assert_eq!(phone.store.cases().create(&new_case("2", "x")).unwrap_err(), Error::KeysLost);
    assert_eq!(phone.store.exchange().import().err(), Some(Error::KeysLost));
    let stranger = Device::new("stranger", "w-1");
    assert_eq!(
        phone.store.identity().certify(&stranger.store.identity().request().unwrap(), &[], 1, None),
        Err(Error::KeysLost)
    );
    // What it holds can still be handed over: it is signed.
    assert_eq!(phone.hand_to(&laptop).accepted, 3);

    let request = phone.store.identity().request().unwrap();
    // The app may end between request and answer.
    phone.restart();
    assert!(phone.store.info().unwrap().keys_lost);
    let only_here = |phone: &Device| -> u64 {
        phone.store.sync().status().unwrap().only_here.iter().map(|case| case.changes).sum()
    };
    let told = only_here(&phone);
    assert!(told > 0, "nobody has said that it holds anything");
    let answer = laptop.store.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap();
    phone.store.identity().adopt(&answer).unwrap();
    assert!(!phone.store.info().unwrap().keys_lost);
    assert_eq!(only_here(&phone), told, "what it wrote before is its own work still");
    assert_ne!(phone.store.identity().device(), before, "it is a new device");
    let contact = phone.store.contacts().complete(typed.id).unwrap();
    assert_eq!(contact.narrative, "after");
    assert_eq!(contact.recorded_on, Some(phone.store.identity().device()));
    phone.restart();
    assert!(!phone.store.info().unwrap().keys_lost);
    phone.meet(&laptop);
    assert_eq!(phone.rows(), laptop.rows());
    for device in [&phone, &laptop] {
        assert!(device.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
    }
}

#[test]
fn a_store_used_alone_whose_vault_is_lost_is_written_again_by_its_recovery_words() {
    let mut phone = Device::new("phone", "w-117");
    let words = phone.store.identity().recovery_secret().unwrap().unwrap().words().unwrap();
    phone.store.identity().confirm_recovery_shown().unwrap();
    let (case, _) = phone.lea("2026-0117");
    let before = phone.store.identity().device();
    phone.store.close();
    phone.vault = Arc::new(MemoryVault::default());
    phone.restart();
    assert_eq!(phone.store.cases().create(&new_case("2", "x")).unwrap_err(), Error::KeysLost);
    let recover =
        |phone: &Device| phone.store.identity().recover_root(&RecoverySecret::from_words(&words).unwrap());
    recover(&phone).unwrap();
    assert_ne!(phone.store.identity().device(), before, "it is a new device");
    team(&phone, &case, "north").unwrap();
    assert_eq!(recover(&phone), Ok(()), "again it does nothing");
    phone.restart();
    assert!(!phone.store.info().unwrap().keys_lost);
    // It is the root of its domain as before: others join, and take what both have written.
    let desk = phone.enrol("desk", "w-117");
    phone.meet(&desk);
    assert_eq!(crate::support::team_at(&desk, &case).as_deref(), Some("north"));
    crate::support::sound(&[&phone, &desk]);
}

#[test]
fn a_vault_that_lost_the_devices_key_alone_is_no_other_devices_after_a_request() {
    let laptop = Device::new("laptop", "w-300");
    let mut phone = laptop.enrol("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    phone.store.close();
    phone.vault.delete("device").unwrap();
    phone.restart();
    let request = phone.store.identity().request().unwrap();
    phone.restart();
    assert!(phone.store.info().unwrap().keys_lost);
    assert!(phone.store.cases().get(case.id).unwrap().is_some());
    let answer = laptop.store.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap();
    phone.store.identity().adopt(&answer).unwrap();
    phone.restart();
    assert!(!phone.store.info().unwrap().keys_lost);
}

#[test]
fn stores_of_two_domains_take_nothing_from_each_other_until_one_joins() {
    let phone = Device::new("phone", "w-117");
    let tablet = Device::new("tablet", "w-204");
    tablet.lea("2026-0117");
    let vector = tablet.store.exchange().vector().unwrap();
    assert_eq!(
        phone.store.exchange().export(Some(&vector)).err(),
        Some(Error::NotAnExport { reason: "domain" })
    );
    let request = tablet.store.identity().request().unwrap();
    let answer = phone.store.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap();
    tablet.store.identity().adopt(&answer).unwrap();
    tablet.store.cases().create(&new_case("2026-0118", "Hugo Petit")).unwrap();
    assert_eq!(tablet.hand_to(&phone).quarantined, []);
}

#[test]
fn a_vault_that_fails_fails_the_opening_and_leaves_a_store_that_opens_again() {
    struct Failing(Arc<MemoryVault>, std::sync::atomic::AtomicI64);
    impl KeyVault for Failing {
        fn load(&self, name: &str) -> Result<Option<Vec<u8>>, caseplan_core::identity::VaultFailed> {
            self.0.load(name)
        }
        fn store(&self, name: &str, secret: &[u8]) -> Result<(), caseplan_core::identity::VaultFailed> {
            if self.1.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) <= 0 {
                return Err(caseplan_core::identity::VaultFailed { reason: "locked".to_owned() });
            }
            self.0.store(name, secret)
        }
        fn delete(&self, name: &str) -> Result<(), caseplan_core::identity::VaultFailed> {
            self.0.delete(name)
        }
    }
    for stores in 0..6 {
        let phone = Device::new("phone", "w-117");
        let (file, vault) = (phone.folder.path().join("other.db"), Arc::new(MemoryVault::default()));
        let failing = Arc::new(Failing(vault.clone(), stores.into()));
        let config = || crate::support::config(file.clone(), "w-117", &phone.clock, 9);
        let opened = Store::open(config(), failing);
        assert_eq!(opened.is_ok(), stores >= 5, "{stores}");
        drop(opened);
        // The platform's vault works again: no work is lost, and nothing was founded twice.
        let store = Store::open(config(), vault).unwrap();
        assert!(!store.info().unwrap().keys_lost, "{stores}");
        store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
        assert!(store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
    }
}
