//! A device's own keys: Ed25519 to sign, X25519 to agree. Kept in the vault, in memory while a store is open.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::vault::{KeyVault, VaultFailed};
use crate::ids::{DeviceId, uuid8};
use crate::random::{Random, RandomFailed};

/// Names of the secrets that a store keeps in its vault.
pub mod secret {
    /// Ed25519 seed and X25519 secret of this device, 32 bytes each.
    pub const DEVICE: &str = "device";
    /// Ed25519 seed of a root that this store made for itself.
    pub const ROOT: &str = "root";
    /// Ed25519 seed of the recovery key, until the app confirms that it was shown.
    pub const RECOVERY: &str = "recovery";
    /// Ed25519 seed of a root whose anchor is being stored.
    pub const NEXT_ROOT: &str = "next-root";
    /// Ed25519 seed of a recovery key whose anchor is being stored.
    pub const NEXT_RECOVERY: &str = "next-recovery";
    /// The session that is about to begin.
    pub const SESSION_NEXT: &str = "session-next";
    /// The session that began last.
    pub const SESSION_CURRENT: &str = "session-current";
}

/// The keys of this device.
#[derive(Clone)]
pub struct DeviceKeys {
    signing: SigningKey,
    agreement: StaticSecret,
}

impl DeviceKeys {
    /// The keys in the vault; nothing if there are none, or if what is there is not a pair of keys.
    pub fn load(vault: &dyn KeyVault) -> Result<Option<Self>, VaultFailed> {
        let Some(bytes) = vault.load(secret::DEVICE)?.map(Zeroizing::new) else { return Ok(None) };
        let halves = bytes.split_at_checked(32).filter(|(_, second)| second.len() == 32);
        let Some((seed, agreement)) = halves else { return Ok(None) };
        let mut pair = Zeroizing::new([[0; 32]; 2]);
        pair[0].copy_from_slice(seed);
        pair[1].copy_from_slice(agreement);
        Ok(Some(Self { signing: SigningKey::from_bytes(&pair[0]), agreement: StaticSecret::from(pair[1]) }))
    }

    /// New keys, kept in the vault before they are used.
    pub fn make(vault: &dyn KeyVault, random: &dyn Random) -> Result<Self, MakeFailed> {
        let mut bytes = Zeroizing::new([0; 64]);
        random.fill(bytes.as_mut())?;
        vault.store(secret::DEVICE, bytes.as_ref())?;
        Self::load(vault)?
            .ok_or(MakeFailed::Vault(VaultFailed { reason: "a secret was not kept".to_owned() }))
    }

    /// The device's name.
    pub fn device_id(&self) -> DeviceId {
        device_id(self.ed25519())
    }

    /// The public key that checks this device's signatures.
    pub fn ed25519(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// The public key that agrees on session keys with this device.
    pub fn x25519(&self) -> [u8; 32] {
        PublicKey::from(&self.agreement).to_bytes()
    }

    /// Signs.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(bytes).to_bytes()
    }
}

/// Whoever can sign a record: a device, a root, a recovery key.
pub trait Signer {
    /// The public key that checks the signatures.
    fn public_key(&self) -> [u8; 32];
    /// Signs.
    fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64];
}

impl Signer for DeviceKeys {
    fn public_key(&self) -> [u8; 32] {
        self.ed25519()
    }

    fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.sign(bytes)
    }
}

impl Signer for RootKey {
    fn public_key(&self) -> [u8; 32] {
        self.public()
    }

    fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.sign(bytes)
    }
}

/// New keys could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeFailed {
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultFailed),
    /// There was no randomness.
    #[error(transparent)]
    Random(#[from] RandomFailed),
}

/// A signing key that is no device's: a root or a recovery key.
pub struct RootKey(SigningKey);

impl RootKey {
    /// The key under a name in the vault.
    pub fn load(vault: &dyn KeyVault, name: &str) -> Result<Option<Self>, VaultFailed> {
        let Some(seed) = vault.load(name)?.map(Zeroizing::new) else { return Ok(None) };
        let Ok(seed) = <[u8; 32]>::try_from(seed.as_slice()).map(Zeroizing::new) else { return Ok(None) };
        Ok(Some(Self(SigningKey::from_bytes(&seed))))
    }

    /// The key of a seed.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// A new key, kept in the vault before it is used.
    pub fn make(vault: &dyn KeyVault, name: &str, random: &dyn Random) -> Result<Self, MakeFailed> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut())?;
        vault.store(name, seed.as_ref())?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

/// The device id of a public key.
pub fn device_id(ed25519: [u8; 32]) -> DeviceId {
    let mut cut = [0; 16];
    cut.copy_from_slice(&Sha256::digest(ed25519)[..16]);
    DeviceId(uuid8(cut))
}

/// Checks a signature strictly. Batch verification disagrees with it on crafted signatures, and two devices that
/// disagree would accept different changes for ever.
pub fn verify(ed25519: &[u8; 32], bytes: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(ed25519)
        .is_ok_and(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::MemoryVault;
    use crate::random::SystemRandom;

    #[test]
    fn keys_come_back_from_the_vault_and_sign() {
        let vault = MemoryVault::default();
        assert!(DeviceKeys::load(&vault).unwrap().is_none());
        let keys = DeviceKeys::make(&vault, &SystemRandom).unwrap();
        let again = DeviceKeys::load(&vault).unwrap().unwrap();
        assert_eq!((keys.device_id(), keys.x25519()), (again.device_id(), again.x25519()));
        let signature = again.sign(b"change");
        assert!(verify(&keys.ed25519(), b"change", &signature));
        assert!(!verify(&keys.ed25519(), b"other", &signature));
    }

    #[test]
    fn a_secret_of_the_wrong_length_is_no_key() {
        let vault = MemoryVault::default();
        vault.store(secret::DEVICE, &[1; 63]).unwrap();
        assert!(DeviceKeys::load(&vault).unwrap().is_none());
    }
}
