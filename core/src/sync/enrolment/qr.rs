//! What a QR code says: `CASEPLAN1:` and base64url of `[1, id, SHA-256(inviter's X25519 key), secret, expires at]`.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use super::invitation::InvitationId;
use crate::identity::cbor::{Malformed, Reader, Writer, only};

/// What every payload begins with.
pub const PREFIX: &str = "CASEPLAN1:";
/// What the texts of every version begin with, and no short code: none has an L.
const FAMILY: &str = "CASEPLAN";
/// No payload is longer.
const MOST: usize = 256;

/// What the inviter shows and the newcomer reads. It holds the secret: it is shown, and neither stored nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct QrPayload {
    /// The invitation.
    pub id: InvitationId,
    /// SHA-256 of the inviter's agreement key: who has only a photograph cannot stand in the middle.
    pub inviter_key_hash: [u8; 32],
    /// The secret of the channel.
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// Not good after, unix seconds, by the inviter's clock.
    pub expires_at: i64,
}

impl QrPayload {
    fn encode(&self) -> Vec<u8> {
        Writer::array(5)
            .unsigned(1)
            .bytes(&self.id)
            .bytes(&self.inviter_key_hash)
            .bytes(self.secret.as_ref())
            .time(Some(self.expires_at))
            .done()
    }

    fn decode(bytes: &[u8]) -> Result<Self, InvalidQr> {
        let read = || {
            let mut reader = Reader::array(bytes, 5)?;
            if reader.unsigned()? != 1 {
                return Err(Malformed);
            }
            let (id, inviter_key_hash) = (reader.fixed()?, reader.fixed()?);
            let secret = Zeroizing::new(reader.fixed()?);
            let expires_at = reader.time()?.ok_or(Malformed)?;
            reader.end()?;
            only(Self { id, inviter_key_hash, secret, expires_at }, Self::encode, bytes)
        };
        read().map_err(|_: Malformed| InvalidQr::Malformed)
    }
}

/// The text to draw.
impl fmt::Display for QrPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Base64UrlUnpadded::encode_string(&self.encode()))
    }
}

/// Without the secret.
impl fmt::Debug for QrPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("QrPayload");
        debug.field("id", &self.id).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Why a text is no invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQr {
    /// A QR code of something else.
    #[error("not an invitation")]
    NotAnInvitation,
    /// A newer version of the library made it.
    #[error("an invitation of a newer version")]
    Newer,
    /// An invitation with a fault in it.
    #[error("a malformed invitation")]
    Malformed,
}

impl QrPayload {
    /// Whether a text is meant to be a QR code's, of whatever version: anything else that is typed is a short code.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(FAMILY)
    }
}

/// Reads exactly what was drawn: one text for each payload.
impl FromStr for QrPayload {
    type Err = InvalidQr;

    fn from_str(text: &str) -> Result<Self, InvalidQr> {
        let Some(encoded) = text.strip_prefix(PREFIX) else {
            let version = text.strip_prefix(FAMILY).and_then(|rest| rest.split_once(':'));
            let newer = version.is_some_and(|(number, _)| number.parse::<u16>().is_ok_and(|n| n > 1));
            return Err(if newer { InvalidQr::Newer } else { InvalidQr::NotAnInvitation });
        };
        if text.len() > MOST {
            return Err(InvalidQr::Malformed);
        }
        let bytes = Base64UrlUnpadded::decode_vec(encoded).map_err(|_| InvalidQr::Malformed)?;
        let payload = Self::decode(&Zeroizing::new(bytes))?;
        if payload.to_string() == text { Ok(payload) } else { Err(InvalidQr::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> QrPayload {
        let secret = Zeroizing::new([3; 32]);
        QrPayload { id: [1; 16], inviter_key_hash: [2; 32], secret, expires_at: 1_767_225_900 }
    }

    #[test]
    fn a_payload_reads_back_and_hides_its_secret() {
        let text = payload().to_string();
        assert_eq!(text.len(), 133);
        assert_eq!(text.parse(), Ok(payload()));
        assert!(!format!("{:?}", payload()).contains("3, 3, 3"));
    }

    #[test]
    fn other_codes_newer_versions_and_faults_are_told_apart() {
        let text = payload().to_string();
        assert_eq!("https://example.org".parse::<QrPayload>(), Err(InvalidQr::NotAnInvitation));
        assert_eq!("CASEPLAN:x".parse::<QrPayload>(), Err(InvalidQr::NotAnInvitation));
        assert_eq!(text.replace("N1:", "N2:").parse::<QrPayload>(), Err(InvalidQr::Newer));
        for at in PREFIX.len()..text.len() {
            let cut = &text[..at];
            assert_eq!(cut.parse::<QrPayload>(), Err(InvalidQr::Malformed), "cut at {at}");
        }
        let other_alphabet = text.replace("hQFQ", "hQ+Q");
        for bad in [format!("{text}="), format!("{text}A"), format!("{text} "), other_alphabet] {
            assert_eq!(bad.parse::<QrPayload>(), Err(InvalidQr::Malformed), "{bad}");
        }
        assert_eq!(
            format!("{PREFIX}{}", "A".repeat(100_000)).parse::<QrPayload>(),
            Err(InvalidQr::Malformed)
        );
    }
}
