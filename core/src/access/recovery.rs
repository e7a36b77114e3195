//! The recovery secret: shown once, kept on paper, and what brings the root back when it is lost.

use bip0039::{English, Mnemonic};
use zeroize::Zeroizing;

use super::Identity;
use crate::error::{Error, Result};
use crate::identity::JoiningRefused;
use crate::identity::keys::{RootKey, secret};
use crate::identity::record::{RecordBody, issuer_id};
use crate::random;

/// The recovery secret, to be shown and written down. Overwritten in memory when it is dropped.
pub struct RecoverySecret {
    seed: Zeroizing<[u8; 32]>,
}

impl RecoverySecret {
    /// The secret as 24 English words of BIP-39.
    pub fn words(&self) -> Result<Zeroizing<String>> {
        let words = Mnemonic::<English>::from_entropy(self.seed.as_slice());
        let words = words.map_err(|_| Error::Unexpected { reason: "recovery_words" })?;
        Ok(Zeroizing::new(words.phrase().to_owned()))
    }

    /// The secret as 32 bytes, for a QR code.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Reads 24 words: any case, any space between them.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they are not such words, or the last one does not fit the others.
    pub fn from_words(words: &str) -> Result<Self> {
        let plain = Zeroizing::new(words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
        let words = Mnemonic::<English>::from_phrase(plain.as_str());
        let words = words.map_err(|_| Error::invalid("words", "format"))?;
        Self::from_bytes(words.entropy())
    }

    /// The secret of 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let seed = bytes.try_into().map_err(|_| Error::invalid("words", "format"))?;
        Ok(Self { seed: Zeroizing::new(seed) })
    }
}

impl Identity<'_> {
    /// The recovery secret, as long as nobody confirmed that it was shown; nothing afterwards, and on a store that
    /// joined a domain which others made.
    pub fn recovery_secret(&self) -> Result<Option<RecoverySecret>> {
        self.store.ready()?;
        let Some(seed) = self.store.inner.vault.load(secret::RECOVERY)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        RecoverySecret::from_bytes(&seed).map(Some)
    }

    /// Confirms that the recovery secret was shown and is kept elsewhere: it is deleted here.
    pub fn confirm_recovery_shown(&self) -> Result<()> {
        self.store.ready()?;
        Ok(self.store.inner.vault.delete(secret::RECOVERY)?)
    }

    /// Makes a new root on this device after the old one was lost, by the recovery secret. The old root counts up to
    /// what this store knows of it. There is a new recovery secret afterwards, to be shown and confirmed. A store whose
    /// keys were lost gets new ones with the roles that it had: it is another device, and can be written in again.
    ///
    /// # Errors
    /// [`Error::Joining`] when the secret is not this domain's, or was used before: a secret brings back one root. Again on
    /// the store that it brought it to, it does nothing but what was cut short.
    pub fn recover_root(&self, recovery: &RecoverySecret) -> Result<()> {
        self.bring_back_root(recovery)?;
        self.replace_lost_keys()
    }

    fn bring_back_root(&self, recovery: &RecoverySecret) -> Result<()> {
        let by = RootKey::of_seed(&recovery.seed);
        // An earlier time may have been cut short after its anchor was stored.
        take_over(self)?;
        if let Some(used) = self.root_made_with(&by) {
            let own = self.store.root_key()?.is_some_and(|root| root.public() == used);
            return if own { Ok(()) } else { Err(JoiningRefused::NotRecovery.into()) };
        }
        let random = self.store.inner.config.random.as_ref();
        let vault = self.store.inner.vault.as_ref();
        // Of any root in succession: a thief's anchor may follow the one that this secret belongs to.
        let judgement = self.store.own().authority.judgement();
        if judgement.roots.iter().all(|root| root.anchor.recovery != by.public()) {
            return Err(JoiningRefused::NotRecovery.into());
        }
        // In the vault before it is used, beside the old ones until the anchor is stored.
        let root = RootKey::make(vault, secret::NEXT_ROOT, random)?;
        let next = RootKey::make(vault, secret::NEXT_RECOVERY, random)?;
        let network = random::bytes(random)?;
        self.store.change_records(|change| {
            let refused = |_| Error::Unexpected { reason: "anchor" };
            change.authority.replace_root(&by, &root, &next.public(), change.now).map_err(refused)?;
            change.authority.issue_secret(&root, network, change.now).map_err(refused)?;
            Ok(())
        })?;
        take_over(self)
    }
}

impl Identity<'_> {
    /// Certifies new keys for a store that lost its own, by the root that it holds.
    fn replace_lost_keys(&self) -> Result<()> {
        let former = {
            let own = self.store.own();
            if own.keys.is_some() {
                return Ok(());
            }
            own.authority.certificate_of(own.device)
        };
        let (roles, level) = former.map_or((Vec::new(), 5), |held| (held.roles, held.level));
        let request = self.request()?;
        let answer = match self.certify(&request, &roles, level, None) {
            // It was cut short before these keys were adopted.
            Err(Error::Joining(JoiningRefused::AlreadyCertified)) => self.store.own().authority.answer(false),
            certified => certified?,
        };
        self.adopt(&answer)
    }

    /// The root that a recovery key has signed, if this store knows of one.
    fn root_made_with(&self, recovery: &RootKey) -> Option<[u8; 32]> {
        let own = self.store.own();
        let by = issuer_id(&recovery.public());
        own.authority.records(&own.authority.domain_log()).find_map(|signed| match &signed.record.body {
            RecordBody::Anchor(anchor) if signed.record.issuer == by && anchor.after.is_some() => {
                Some(anchor.root)
            }
            _ => None,
        })
    }
}

/// Puts keys that were made for a new anchor in their place, once the anchor is stored. Called at each opening too: a
/// process may have ended in between.
pub(crate) fn take_over(identity: &Identity<'_>) -> Result<()> {
    let vault = identity.store.inner.vault.as_ref();
    let Some(root) = RootKey::load(vault, secret::NEXT_ROOT)? else { return Ok(()) };
    let judgement = identity.store.own().authority.judgement();
    let stored =
        judgement.roots.iter().any(|known| issuer_id(&known.anchor.root) == issuer_id(&root.public()));
    for (next, name) in [(secret::NEXT_RECOVERY, secret::RECOVERY), (secret::NEXT_ROOT, secret::ROOT)] {
        if stored && let Some(seed) = vault.load(next)?.map(Zeroizing::new) {
            vault.store(name, &seed)?;
        }
        vault.delete(next)?;
    }
    Ok(())
}
