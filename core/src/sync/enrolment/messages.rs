//! The messages of an enrolment: a request, and an answer or a refusal. All are padded.

use std::fmt;

use zeroize::Zeroizing;

use crate::identity::cbor::{Malformed, Reader, Writer, only};
use crate::identity::keys::device_id;
use crate::ids::DeviceId;
use crate::sync::channel::MAX_MESSAGE;

/// Types of messages.
pub(super) mod kind {
    pub const REQUEST: u8 = 101;
    pub const ANSWER: u8 = 102;
    pub const REFUSAL: u8 = 103;
}

/// The longest request, type and body.
pub const MAX_REQUEST: usize = 16 * 1024;
/// The longest answer, type and body: some 30,000 records of the domain log.
pub const MAX_ANSWER: usize = MAX_MESSAGE;
/// The longest device name, in bytes.
const MAX_NAME: usize = 64;
/// No chain has more records.
const MAX_CHAIN: u64 = 16;

/// What the newcomer says of itself. The inviter shows name and fingerprint to a person before it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its signing key.
    pub ed25519: [u8; 32],
    /// Its agreement key, the one that this channel was made with.
    pub x25519: [u8; 32],
    /// What its person calls it; a claim.
    pub device_name: String,
    /// Its own authority records where its store was used alone, to be countersigned; empty otherwise. Not read here.
    pub own_records: Vec<u8>,
}

impl Request {
    /// The device's id.
    pub fn device(&self) -> DeviceId {
        device_id(self.ed25519)
    }

    /// What both people compare.
    pub fn fingerprint(&self) -> String {
        super::fingerprint(&self.ed25519)
    }

    pub(super) fn encode(&self, signature: &[u8; 64]) -> Vec<u8> {
        Writer::array(6)
            .unsigned(1)
            .bytes(&self.ed25519)
            .bytes(&self.x25519)
            .text(&self.device_name)
            .bytes(&self.own_records)
            .bytes(signature)
            .done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, [u8; 64]), Malformed> {
        let mut reader = Reader::array(bytes, 6)?;
        if reader.unsigned()? != 1 {
            return Err(Malformed);
        }
        let (ed25519, x25519) = (reader.fixed()?, reader.fixed()?);
        let device_name = reader.text()?.to_owned();
        let own_records = reader.bytes()?.to_vec();
        let signature = reader.fixed()?;
        reader.end()?;
        if !is_name(&device_name) {
            return Err(Malformed);
        }
        let request = Self { ed25519, x25519, device_name, own_records };
        only((request, signature), |(request, signature)| request.encode(signature), bytes)
    }
}

/// Whether a text can be shown as a device's name: 1 to 64 bytes, nothing that controls or hides.
pub fn is_name(name: &str) -> bool {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    (1..=MAX_NAME).contains(&name.len()) && name.trim() == name && !name.chars().any(hides)
}

/// What makes the newcomer a member. The owner makes and reads the parts.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The anchor that the newcomer will pin.
    pub anchor: Vec<u8>,
    /// The records between the anchor and the certificate.
    pub chain: Vec<Vec<u8>>,
    /// The newcomer's certificate, with every record of the domain that it follows: logs have no gaps.
    pub certificate: Vec<u8>,
    /// The network secret.
    pub network_secret: Zeroizing<Vec<u8>>,
}

/// Without the network secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

impl Answer {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::array(5).unsigned(1).bytes(&self.anchor).nested(self.chain.len() as u64);
        for record in &self.chain {
            writer = writer.bytes(record);
        }
        Zeroizing::new(writer.bytes(&self.certificate).bytes(&self.network_secret).done())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 5)?;
        if reader.unsigned()? != 1 {
            return Err(Malformed);
        }
        let anchor = reader.bytes()?.to_vec();
        let count = reader.nested()?;
        if count > MAX_CHAIN {
            return Err(Malformed);
        }
        let chain = (0..count).map(|_| Ok(reader.bytes()?.to_vec())).collect::<Result<_, Malformed>>()?;
        let certificate = reader.bytes()?.to_vec();
        let network_secret = Zeroizing::new(reader.bytes()?.to_vec());
        reader.end()?;
        let answer = Self { anchor, chain, certificate, network_secret };
        only(answer, |answer| answer.encode().to_vec(), bytes)
    }
}

/// Why a request got no answer, as the inviter says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The invitation is over.
    Expired,
    /// Another device used it.
    Used,
    /// The person said no.
    Declined,
}

impl Refusal {
    pub(super) fn encode(self) -> Vec<u8> {
        let code = match self {
            Self::Expired => 1,
            Self::Used => 2,
            Self::Declined => 3,
        };
        Writer::array(1).unsigned(code).done()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::array(bytes, 1)?;
        let refusal = match reader.unsigned()? {
            1 => Self::Expired,
            2 => Self::Used,
            3 => Self::Declined,
            _ => return Err(Malformed),
        };
        reader.end()?;
        only(refusal, |refusal| refusal.encode(), bytes)
    }
}

impl From<Refusal> for super::EnrolmentFailed {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Expired => Self::Expired,
            Refusal::Used => Self::Used,
            Refusal::Declined => Self::Declined,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_and_have_one_encoding() {
        let request = Request {
            ed25519: [1; 32],
            x25519: [2; 32],
            device_name: "Léa's phone".to_owned(),
            own_records: vec![9; 300],
        };
        let bytes = request.encode(&[7; 64]);
        assert_eq!(Request::decode(&bytes), Ok((request, [7; 64])));
        let answer = Answer {
            anchor: vec![1; 200],
            chain: vec![vec![2; 300], vec![3; 10]],
            certificate: vec![4; 200],
            network_secret: Zeroizing::new(vec![5; 40]),
        };
        let encoded = answer.encode();
        assert_eq!(Answer::decode(&encoded), Ok(answer));
        for at in 0..encoded.len() {
            assert!(Answer::decode(&encoded[..at]).is_err());
        }
        for refusal in [Refusal::Expired, Refusal::Used, Refusal::Declined] {
            assert_eq!(Refusal::decode(&refusal.encode()), Ok(refusal));
        }
        assert!(Refusal::decode(&[0x81, 4]).is_err());
    }

    #[test]
    fn a_name_shows_what_it_is() {
        assert!(is_name("Ana’s phone 2"));
        for bad in ["", " a", "a\nb", "a\u{202e}b", "\u{200b}", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
