//! The file that is handed over: sealed for exactly one device, readable only whole and in order (`sync.md` §4).
//!
//! On the stream, each part with a 2-byte big-endian length before it:
//!
//! 1. a clear header, `[1, recipient's device id, sender's X25519 key]`: the prologue;
//! 2. the one message of `Noise_K_25519_ChaChaPoly_SHA256`, its payload `[expires at]`;
//! 3. transport frames whose plaintext begins with 0x00, and one last that begins with 0x01.
//!
//! What stands in the frames are an export's messages, after a chain that proves the sender: [`super::Sync::hand_over`] writes
//! them and [`super::Sync::take_over`] takes them in.
//!
//! There is no forward secrecy, and who steals the recipient's key can forge the courier, never a change: every change
//! inside is signed by its author. Reading a file twice does no harm.

mod give;
mod read;
mod take;
mod write;

pub use give::{HandedOver, HandingOver};
pub use read::{HandOver, HandOverReader};
pub use take::{HandOverReport, TakingOver};
pub use write::{HandOverWriter, Recipient};

use super::channel::ChannelFailed;
use super::noise::{MAX_FRAME, NoiseFailed, TAG};
use crate::identity::cbor::{Malformed, Reader, Writer, only};
use crate::ids::DeviceId;

/// The version of the envelope.
const VERSION: u64 = 1;
/// A file is good for so long, in seconds of trusted time.
const LIFETIME: i64 = 72 * 3600;
/// How much of a file is read, written or sealed at once.
const PORTION: usize = 64 * 1024;
/// The longest header.
const MAX_HEADER: usize = 1024;
/// The most content in a frame.
const MAX_CONTENT: usize = MAX_FRAME - TAG - 1;
/// What a frame's plaintext begins with.
const MORE: u8 = 0;
const LAST: u8 = 1;

/// Why a file cannot be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandOverFailed {
    /// The bytes are no hand-over file.
    #[error("not a hand-over file")]
    NotAHandOver,
    /// A newer version wrote it.
    #[error("a hand-over file of version {version}")]
    Newer {
        /// The version that its header names.
        version: u64,
    },
    /// It is for another device.
    #[error("a hand-over file for device {recipient}")]
    NotForThisDevice {
        /// The device.
        recipient: DeviceId,
    },
    /// A part is not what the sender sealed here: altered, left out, or out of its order.
    #[error("a part of the file is not authentic")]
    NotAuthentic,
    /// The file ends before its last part.
    #[error("the file is cut")]
    Cut,
    /// Something follows the last part.
    #[error("something follows the end of the file")]
    Joined,
    /// Its 72 hours are over.
    #[error("the file is too old")]
    Expired,
    /// Nothing in it proves that a device of this domain wrote it.
    #[error("nobody of this domain wrote the file")]
    NotProven,
    /// No certificate of the device that it should be for is valid now.
    #[error("no device to hand over to")]
    NoRecipient,
    /// A device hands nothing over to itself.
    #[error("a file for the device that writes it")]
    ToItself,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// The cipher refused to work.
    #[error("the cipher refused")]
    Cipher,
}

impl HandOverFailed {
    /// A code that names it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAHandOver => "not_a_hand_over",
            Self::Newer { .. } => "newer",
            Self::NotForThisDevice { .. } => "not_for_this_device",
            Self::NotAuthentic => "not_authentic",
            Self::Cut => "cut",
            Self::Joined => "joined",
            Self::Expired => "expired",
            Self::NotProven => "not_proven",
            Self::NoRecipient => "no_recipient",
            Self::ToItself => "to_itself",
            Self::Random => "random",
            Self::Cipher => "cipher",
        }
    }
}

impl From<NoiseFailed> for HandOverFailed {
    fn from(failed: NoiseFailed) -> Self {
        match failed {
            NoiseFailed::Random => Self::Random,
            NoiseFailed::NotAuthentic => Self::NotAuthentic,
            NoiseFailed::Refused => Self::Cipher,
        }
    }
}

impl From<ChannelFailed> for HandOverFailed {
    fn from(_: ChannelFailed) -> Self {
        Self::NotAuthentic
    }
}

/// What stands at the front, readable by anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    recipient: DeviceId,
    sender_x25519: [u8; 32],
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let writer = Writer::array(3).unsigned(VERSION);
        writer.bytes(self.recipient.as_bytes()).bytes(&self.sender_x25519).done()
    }

    fn decode(bytes: &[u8]) -> Result<Self, HandOverFailed> {
        let read = || {
            let mut reader = Reader::array(bytes, 3)?;
            let version = reader.unsigned()?;
            if version != VERSION {
                return Ok(Err(HandOverFailed::Newer { version }));
            }
            let recipient = DeviceId::from_slice(reader.bytes()?).map_err(|_| Malformed)?;
            let sender_x25519 = reader.fixed()?;
            reader.end()?;
            only(Self { recipient, sender_x25519 }, Self::encode, bytes).map(Ok)
        };
        read().map_err(|_: Malformed| HandOverFailed::NotAHandOver)?
    }
}

fn encode_expiry(expires_at: i64) -> Vec<u8> {
    Writer::array(1).time(Some(expires_at)).done()
}

fn decode_expiry(bytes: &[u8]) -> Result<i64, Malformed> {
    let mut reader = Reader::array(bytes, 1)?;
    let expires_at = reader.time()?.ok_or(Malformed)?;
    reader.end()?;
    only(expires_at, |expires_at| encode_expiry(*expires_at), bytes)
}
