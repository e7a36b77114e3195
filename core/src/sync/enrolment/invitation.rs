//! An invitation: whom the inviter takes in, decided before anybody asks.

use std::fmt;

use zeroize::Zeroizing;

use super::code::ShortCode;
use super::qr::QrPayload;
use crate::identity::cbor::{Malformed, Reader, Writer, only};
use crate::identity::{DeviceKeys, Role};
use crate::ids::{WorkerId, sha256};
use crate::random::{self, Random, RandomFailed};

/// How long an invitation is good for, in seconds.
pub const LIFETIME: i64 = 300;

/// Names an invitation: sixteen random bytes, no secret.
pub type InvitationId = [u8; 16];

/// What the new device's certificate will say; the newcomer cannot ask for anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The worker that the device will belong to.
    pub worker: WorkerId,
    /// What the worker may do, sorted by code.
    pub roles: Vec<Role>,
    /// The highest sensitivity level that the worker may read, 1 to 5.
    pub level: u8,
}

/// An invitation, as the inviter keeps it until it is used or over: in memory, since it holds the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its name.
    pub id: InvitationId,
    /// What it gives.
    pub terms: Terms,
    /// Not good after, unix seconds.
    pub expires_at: i64,
    /// What the newcomer shows that it was given.
    pub(super) secret: Secret,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// Read from a QR code.
    Qr(Zeroizing<[u8; 32]>),
    /// Spoken.
    Code(ShortCode),
}

impl Invitation {
    /// An invitation that is shown as a QR code.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn by_qr(terms: Terms, now: i64, random: &dyn Random) -> Result<Self, RandomFailed> {
        let secret = Secret::Qr(Zeroizing::new(random::bytes(random)?));
        Self::new(terms, secret, now, random)
    }

    /// An invitation whose code is spoken and typed.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn by_code(terms: Terms, now: i64, random: &dyn Random) -> Result<Self, RandomFailed> {
        let secret = Secret::Code(ShortCode::make(random)?);
        Self::new(terms, secret, now, random)
    }

    fn new(terms: Terms, secret: Secret, now: i64, random: &dyn Random) -> Result<Self, RandomFailed> {
        Ok(Self { id: random::bytes(random)?, terms, expires_at: now.saturating_add(LIFETIME), secret })
    }

    /// What to draw as a QR code on this device; nothing where the code is spoken.
    pub fn qr(&self, keys: &DeviceKeys) -> Option<QrPayload> {
        let Secret::Qr(secret) = &self.secret else { return None };
        Some(QrPayload {
            id: self.id,
            inviter_key_hash: sha256(&[&keys.x25519()]),
            secret: secret.clone(),
            expires_at: self.expires_at,
        })
    }

    /// The code to speak; nothing where a QR code is shown.
    pub fn code(&self) -> Option<&ShortCode> {
        match &self.secret {
            Secret::Code(code) => Some(code),
            Secret::Qr(_) => None,
        }
    }

    /// The bytes to keep in the vault, with the secret.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (kind, secret) = match &self.secret {
            Secret::Qr(secret) => (1, secret.as_slice()),
            Secret::Code(code) => (2, code.as_bytes()),
        };
        let mut writer = Writer::array(8)
            .unsigned(1)
            .bytes(&self.id)
            .unsigned(kind)
            .bytes(secret)
            .text(self.terms.worker.as_str())
            .nested(self.terms.roles.len() as u64);
        for role in &self.terms.roles {
            writer = writer.text(role.code());
        }
        writer = writer.unsigned(self.terms.level.into()).time(Some(self.expires_at));
        Zeroizing::new(writer.done())
    }

    /// Reads what [`Self::encode`] gave.
    ///
    /// # Errors
    /// When it is nothing that it gave.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 8)?;
        if reader.unsigned()? != 1 {
            return Err(Malformed);
        }
        let id = reader.fixed()?;
        let secret = match reader.unsigned()? {
            1 => Secret::Qr(Zeroizing::new(reader.fixed()?)),
            2 => {
                let code = std::str::from_utf8(reader.bytes()?).map_err(|_| Malformed)?;
                Secret::Code(code.parse().map_err(|_| Malformed)?)
            }
            _ => return Err(Malformed),
        };
        let worker = reader.text()?.parse().map_err(|_| Malformed)?;
        let count = reader.nested()?;
        if count > 16 {
            return Err(Malformed);
        }
        let roles = (0..count).map(|_| reader.text().map(Role::from_code)).collect::<Result<_, _>>()?;
        let level = u8::try_from(reader.unsigned()?).map_err(|_| Malformed)?;
        let expires_at = reader.time()?.ok_or(Malformed)?;
        reader.end()?;
        let invitation = Self { id, terms: Terms { worker, roles, level }, expires_at, secret };
        only(invitation, |invitation| invitation.encode().to_vec(), bytes)
    }
}

/// Without the secret.
impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Invitation");
        debug.field("id", &self.id).field("terms", &self.terms).field("expires_at", &self.expires_at);
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn an_invitation_survives_the_vault() {
        let roles = vec![Role::Caseworker, Role::Supervisor];
        let terms = Terms { worker: "w-9".parse().unwrap(), roles, level: 3 };
        let qr = Invitation::by_qr(terms.clone(), 1000, &SystemRandom).unwrap();
        let code = Invitation::by_code(terms, 1000, &SystemRandom).unwrap();
        assert_eq!((qr.expires_at, qr.code(), code.code().is_some()), (1300, None, true));
        for invitation in [qr, code] {
            let bytes = invitation.encode();
            assert_eq!(Invitation::decode(&bytes), Ok(invitation));
            assert!(Invitation::decode(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
