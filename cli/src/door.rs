//! Which store a command works on, and what it is opened with: beside `FILE` stand `FILE.json`, the worker and zone,
//! and `FILE.keys`, the vault.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseplan_core::identity::{FileVault, KeyVault};
use caseplan_core::ids::WorkerId;
use caseplan_core::time::Zone;
use caseplan_core::{Error, Store, StoreConfig};
use serde::{Deserialize, Serialize};

use crate::failed::{Failed, Result};

/// Whose store it is, and in which zone their day begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The worker.
    pub worker: WorkerId,
    /// The zone.
    pub zone: Zone,
}

/// The file beside a store with this ending.
pub fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The vault of a store in a file.
pub fn vault(store: &Path) -> Result<Arc<dyn KeyVault>> {
    Ok(Arc::new(FileVault::open(&beside(store, ".keys")).map_err(Error::from)?))
}

/// Reads the profile beside a store; nothing if there is none.
pub fn profile(store: &Path) -> Result<Option<Profile>> {
    let file = beside(store, ".json");
    match std::fs::read_to_string(&file) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(profile) => Ok(Some(profile)),
            Err(_) => Err(Failed::File { file, why: "not a profile with worker and zone".to_owned() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failed::file(&file, &error)),
    }
}

/// Writes the profile beside a store.
pub fn keep_profile(store: &Path, profile: &Profile) -> Result<()> {
    let file = beside(store, ".json");
    let text = serde_json::to_string_pretty(profile).unwrap_or_default();
    std::fs::write(&file, text + "\n").map_err(|error| Failed::file(&file, &error))
}

/// Makes a store in a new file.
pub fn make(file: &Path, profile: &Profile) -> Result<Store> {
    refuse_taken(file)?;
    let config = StoreConfig::file(file, profile.worker.clone(), profile.zone);
    let store = Store::open(config, vault(file)?)?;
    keep_profile(file, profile)?;
    Ok(store)
}

/// Opens a store that is there.
pub fn open(file: &Path) -> Result<Store> {
    if !file.is_file() {
        return Err(Failed::NotAStore(file.to_owned()));
    }
    let profile = profile(file)?.ok_or_else(|| Failed::NotAStore(file.to_owned()))?;
    Ok(Store::open(StoreConfig::file(file, profile.worker, profile.zone), vault(file)?)?)
}

/// Refuses to write over anything.
pub fn refuse_taken(file: &Path) -> Result<()> {
    if file.exists() { Err(Failed::Taken(file.to_owned())) } else { Ok(()) }
}

/// Reads a whole file.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Failed::file(file, &error))
}

/// Writes a new file.
pub fn write_new(file: &Path, bytes: &[u8]) -> Result<()> {
    refuse_taken(file)?;
    std::fs::write(file, bytes).map_err(|error| Failed::file(file, &error))
}
