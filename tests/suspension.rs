//! A suspended store holds no file and no lock, whatever happens while it takes them back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use caseplan_core::identity::{KeyVault, MemoryVault, VaultFailed};
use caseplan_core::{Error, Store};
use support::Device;

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
