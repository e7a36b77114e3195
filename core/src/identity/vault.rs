//! Where small secrets live: a device key, a database key, session ids. The platform wraps them; nothing else does.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

/// Small secrets by name. One vault belongs to one store. Called with no lock held.
///
/// On Android the platform's Keystore wraps them, on iOS the Keychain keeps them; [`FileVault`] serves desktops.
pub trait KeyVault: Send + Sync {
    /// The secret of this name; nothing if there is none.
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, VaultFailed>;
    /// Keeps a secret, in place of the one of this name. Durable when it returns.
    fn store(&self, name: &str, secret: &[u8]) -> Result<(), VaultFailed>;
    /// Forgets a secret; forgetting what is not there is no error.
    fn delete(&self, name: &str) -> Result<(), VaultFailed>;
}

/// The vault could not be read or written; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key vault failed: {reason}")]
pub struct VaultFailed {
    /// What the platform said, without any secret.
    pub reason: String,
}

impl VaultFailed {
    fn io(error: &std::io::Error) -> Self {
        Self { reason: error.kind().to_string() }
    }
}

/// A vault in one folder, a file per secret, readable by its owner only (permissions 0600).
#[derive(Debug, Clone)]
pub struct FileVault {
    folder: PathBuf,
}

impl FileVault {
    /// A vault in this folder, which is made (permissions 0700) when it is not there.
    pub fn open(folder: &Path) -> Result<Self, VaultFailed> {
        std::fs::create_dir_all(folder).map_err(|error| VaultFailed::io(&error))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
                .map_err(|error| VaultFailed::io(&error))?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, name: &str) -> Result<PathBuf, VaultFailed> {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plain {
            Ok(self.folder.join(name))
        } else {
            Err(VaultFailed { reason: "a name that is no name".to_owned() })
        }
    }
}

impl KeyVault for FileVault {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, VaultFailed> {
        match std::fs::read(self.path(name)?) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultFailed::io(&error)),
        }
    }

    fn store(&self, name: &str, secret: &[u8]) -> Result<(), VaultFailed> {
        let path = self.path(name)?;
        let beside = path.with_extension("new");
        let write = || -> std::io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt;
                options.mode(0o600);
            }
            let mut file = options.open(&beside)?;
            file.write_all(secret)?;
            file.sync_all()?;
            std::fs::rename(&beside, &path)?;
            if cfg!(unix) { File::open(&self.folder)?.sync_all() } else { Ok(()) }
        };
        write().map_err(|error| VaultFailed::io(&error))
    }

    fn delete(&self, name: &str) -> Result<(), VaultFailed> {
        match std::fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(VaultFailed::io(&error)),
            _ => Ok(()),
        }
    }
}

/// A vault in memory, gone with the process: for in-memory stores and an app's own tests.
#[derive(Debug, Default)]
pub struct MemoryVault(Mutex<BTreeMap<String, Zeroizing<Vec<u8>>>>);

impl KeyVault for MemoryVault {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, VaultFailed> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(secrets.get(name).map(|secret| secret.to_vec()))
    }

    fn store(&self, name: &str, secret: &[u8]) -> Result<(), VaultFailed> {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.to_owned(), Zeroizing::new(secret.to_vec()));
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), VaultFailed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_loads_and_forgets(vault: &dyn KeyVault) {
        assert_eq!(vault.load("device").unwrap(), None);
        vault.store("device", b"one").unwrap();
        vault.store("device", b"two").unwrap();
        assert_eq!(vault.load("device").unwrap(), Some(b"two".to_vec()));
        vault.delete("device").unwrap();
        vault.delete("device").unwrap();
        assert_eq!(vault.load("device").unwrap(), None);
    }

    #[test]
    fn both_vaults_keep_load_and_forget() {
        let folder = tempfile::tempdir().unwrap();
        keeps_loads_and_forgets(&FileVault::open(folder.path()).unwrap());
        keeps_loads_and_forgets(&MemoryVault::default());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_vault_is_its_owners_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let vault = FileVault::open(&folder.path().join("keys")).unwrap();
        vault.store("device", b"secret").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("keys")), 0o700);
        assert_eq!(mode(&folder.path().join("keys/device")), 0o600);
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let vault = FileVault::open(folder.path()).unwrap();
        assert!(vault.store("../escape", b"x").is_err());
    }
}
