//! One side of one connection: bytes in, messages out, and the reverse. No socket, no clock, no thread.
//!
//! The handshake is `Noise_XXpsk0_25519_ChaChaPoly_SHA256` (`sync.md` §4). The secret that both sides have beforehand
//! makes a stranger's first frame fail, and a stranger gets no answer. It proves nothing else: who the other side is,
//! its certificate and its signature over the handshake hash say, and judging them is the owner's part.

mod frames;
mod padding;
mod signature;
mod version;

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::noise::{Handshake, MAX_FRAME, NoiseFailed, SessionKeys, TAG, Transport, ephemeral};
use crate::identity::DeviceKeys;
use crate::random::Random;

use frames::Assembler;
pub(super) use frames::{Deframer, frame};
pub use padding::{BLOCK, Padding};
pub use signature::{Purpose, Side, sign_handshake, verify_handshake};
pub use version::VERSIONS;

pub use super::noise::REKEY_AFTER;

/// No message is longer, type and body together: a whole document with its signatures.
pub const MAX_MESSAGE: usize = 8 * 1024 * 1024;
/// The limit on messages until the owner sets another.
pub const FIRST_LIMIT: usize = 16 * 1024;
/// The longest proof: a certificate chain of three records of 4 KiB fits.
pub const MAX_PROOF: usize = 16 * BLOCK - 4;

/// What both sides say before the first message.
const PROLOGUE: &[u8] = b"caseplan/sync";
/// The most padded payload in the first and second handshake message.
const MAX_HELLO: usize = 4 * BLOCK;
/// A public key, and one that is sealed.
const KEY: usize = 32;
const SEALED_KEY: usize = KEY + TAG;

/// Why a channel can not be used, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelFailed {
    /// The other side does not have any of our network's secrets. It got no answer.
    #[error("the other side is of another network")]
    Stranger,
    /// A frame is not what the other side sealed: altered, left out, repeated, sent back, or of another connection.
    #[error("a frame is not authentic")]
    NotAuthentic,
    /// A frame's length is 0 or over the limit.
    #[error("a frame of {length} bytes, where at most {limit} may stand")]
    FrameLength {
        /// What the frame says.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A message is longer than is allowed at this point.
    #[error("a message of {length} bytes, where at most {limit} may stand")]
    MessageTooLong {
        /// Type and body together.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The other side sealed something that is not of the protocol's form.
    #[error("a frame is malformed")]
    Malformed,
    /// The two sides speak no version in common.
    #[error("no version in common")]
    NoCommonVersion,
    /// The handshake is not over: nothing can be sent yet.
    #[error("the channel is not established")]
    NotEstablished,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// The cipher refused to work.
    #[error("the cipher refused")]
    Cipher,
}

impl From<NoiseFailed> for ChannelFailed {
    fn from(failed: NoiseFailed) -> Self {
        match failed {
            NoiseFailed::Random => Self::Random,
            NoiseFailed::NotAuthentic => Self::NotAuthentic,
            NoiseFailed::Refused => Self::Cipher,
        }
    }
}

/// What came out of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The handshake is over. Comes once, before any message.
    Established(Established),
    /// A message.
    Message {
        /// Its type.
        kind: u8,
        /// Its body.
        body: Vec<u8>,
    },
}

/// What a handshake settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Established {
    /// The other side's agreement key; that it has the secret behind it is proven, whose it is, is not.
    pub remote_x25519: [u8; 32],
    /// The hash of all that was said: what both sides sign.
    pub handshake_hash: [u8; 32],
    /// The version that both speak.
    pub version: u32,
    /// What the initiator sent along: its certificate chain. Empty on the initiator's side.
    pub proof: Vec<u8>,
}

/// One side of one connection.
pub struct Channel {
    side: Side,
    state: State,
    inbox: Deframer,
    assembler: Assembler,
    outbox: VecDeque<u8>,
    limit: usize,
}

enum State {
    /// Initiator: the first message is out.
    Offered { handshake: Handshake, offered: Vec<u32>, proof: Vec<u8> },
    /// Responder: waits for the first message.
    Listening(Listening),
    /// Responder: the second message is out.
    Answered { handshake: Handshake, version: u32 },
    /// The handshake is over.
    Open(Transport),
    /// Nothing more goes in or out.
    Failed(ChannelFailed),
}

struct Listening {
    secret: Zeroizing<[u8; 32]>,
    psks: Zeroizing<Vec<[u8; 32]>>,
    ephemeral: Zeroizing<[u8; 32]>,
    versions: Vec<u32>,
}

impl Channel {
    /// The side that connects. The proof is given to the other side once that has shown that it has the secret.
    ///
    /// # Errors
    /// [`ChannelFailed::MessageTooLong`] for a proof over [`MAX_PROOF`]; [`ChannelFailed::Random`].
    pub fn initiate(
        keys: &DeviceKeys,
        psk: &[u8; 32],
        proof: Vec<u8>,
        random: &dyn Random,
    ) -> Result<Self, ChannelFailed> {
        Self::initiate_speaking(VERSIONS, keys, psk, proof, random)
    }

    /// The side that is connected to. Any of the secrets will do.
    ///
    /// # Errors
    /// [`ChannelFailed::Random`].
    pub fn respond(
        keys: &DeviceKeys,
        psks: Vec<[u8; 32]>,
        random: &dyn Random,
    ) -> Result<Self, ChannelFailed> {
        Self::respond_speaking(VERSIONS, keys, psks, random)
    }

    /// [`Self::initiate`] by a device that speaks these versions, ascending: for tests of devices of different age.
    #[doc(hidden)]
    pub fn initiate_speaking(
        versions: &[u32],
        keys: &DeviceKeys,
        psk: &[u8; 32],
        proof: Vec<u8>,
        random: &dyn Random,
    ) -> Result<Self, ChannelFailed> {
        if proof.len() > MAX_PROOF {
            return Err(ChannelFailed::MessageTooLong { length: proof.len(), limit: MAX_PROOF });
        }
        let secret = keys.x25519_secret();
        let session = SessionKeys { secret: &secret, psk, prologue: PROLOGUE };
        let mut handshake = Handshake::initiator(&session, ephemeral(random)?)?;
        let first = handshake.write(&padding::pad(&version::offer(versions)))?;
        let mut channel =
            Self::new(Side::Initiator, State::Offered { handshake, offered: versions.to_vec(), proof });
        channel.outbox.extend(frame(&first));
        Ok(channel)
    }

    /// [`Self::respond`] by a device that speaks these versions, ascending: for tests of devices of different age.
    #[doc(hidden)]
    pub fn respond_speaking(
        versions: &[u32],
        keys: &DeviceKeys,
        psks: Vec<[u8; 32]>,
        random: &dyn Random,
    ) -> Result<Self, ChannelFailed> {
        let listening = Listening {
            secret: keys.x25519_secret(),
            psks: Zeroizing::new(psks),
            ephemeral: ephemeral(random)?,
            versions: versions.to_vec(),
        };
        Ok(Self::new(Side::Responder, State::Listening(listening)))
    }

    fn new(side: Side, state: State) -> Self {
        Self {
            side,
            state,
            inbox: Deframer::default(),
            assembler: Assembler::default(),
            outbox: VecDeque::new(),
            limit: FIRST_LIMIT,
        }
    }

    /// Which side this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Sets how long a message may be from now on, type and body together; at most [`MAX_MESSAGE`]. A message whose
    /// length has been read already is not judged again.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_MESSAGE);
    }

    /// Takes bytes from the wire, in any portion. Call [`Self::next`] until it gives nothing before feeding more:
    /// what is fed and not yet read is held in memory.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Failed(_)) {
            self.inbox.push(bytes);
        }
    }

    /// The next thing that came; nothing until more bytes are fed.
    ///
    /// # Errors
    /// When the connection can not be trusted any more. The same error then comes for ever, and nothing else.
    #[allow(clippy::should_implement_trait, reason = "nothing now may be something later, and it can fail")]
    pub fn next(&mut self) -> Result<Option<Received>, ChannelFailed> {
        let result = self.advance();
        if let Err(failed) = &result {
            self.state = State::Failed(*failed);
            self.inbox = Deframer::default();
            self.assembler = Assembler::default();
            self.outbox.clear();
        }
        result
    }

    /// Seals a message for the other side.
    ///
    /// # Errors
    /// [`ChannelFailed::NotEstablished`] before [`Received::Established`] came, [`ChannelFailed::MessageTooLong`] for a
    /// message over [`MAX_MESSAGE`]; the channel is as it was. The reason of a channel that failed.
    pub fn send(&mut self, kind: u8, body: &[u8], padding: Padding) -> Result<(), ChannelFailed> {
        let transport = match &mut self.state {
            State::Open(transport) => transport,
            State::Failed(failed) => return Err(*failed),
            _ => return Err(ChannelFailed::NotEstablished),
        };
        if body.len() >= MAX_MESSAGE {
            return Err(ChannelFailed::MessageTooLong { length: body.len() + 1, limit: MAX_MESSAGE });
        }
        for plaintext in frames::cut(kind, body, padding) {
            self.outbox.extend(frame(&transport.seal(&plaintext)?));
        }
        Ok(())
    }

    /// Takes at most so many bytes for the wire.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        self.outbox.drain(..max.min(self.outbox.len())).collect()
    }

    /// How many bytes wait for the wire.
    pub fn pending(&self) -> usize {
        self.outbox.len()
    }

    /// Whether the stream may end here: all that came was whole frames, and no message is cut.
    pub fn is_at_rest(&self) -> bool {
        self.inbox.is_empty() && self.assembler.is_empty()
    }

    fn advance(&mut self) -> Result<Option<Received>, ChannelFailed> {
        loop {
            let limit = match &self.state {
                State::Failed(failed) => return Err(*failed),
                State::Listening(_) => KEY + MAX_HELLO + TAG,
                State::Offered { .. } => KEY + SEALED_KEY + MAX_HELLO + TAG,
                State::Answered { .. } => SEALED_KEY + MAX_PROOF + 4 + TAG,
                State::Open(_) => MAX_FRAME,
            };
            let Some(received) = self.inbox.next(limit)? else { return Ok(None) };
            if let State::Open(transport) = &mut self.state {
                let plaintext = transport.open(received)?;
                if let Some((kind, body)) = self.assembler.push(&plaintext, self.limit)? {
                    return Ok(Some(Received::Message { kind, body }));
                }
                continue;
            }
            // A handshake that does not come back from below has failed.
            let before = std::mem::replace(&mut self.state, State::Failed(ChannelFailed::Cipher));
            let (state, answer, established) = shake(before, received)?;
            self.state = state;
            self.outbox.extend(answer.iter().flat_map(|message| frame(message)));
            if let Some(established) = established {
                return Ok(Some(Received::Established(established)));
            }
        }
    }
}

type Shaken = (State, Option<Vec<u8>>, Option<Established>);

/// One handshake message: the state after it, the answer, and what was settled if it was the last.
fn shake(before: State, message: &[u8]) -> Result<Shaken, ChannelFailed> {
    match before {
        State::Listening(listening) => {
            let (mut handshake, payload) = recognise(&listening, message)?;
            let offered = padding::unpad(&payload).ok_or(ChannelFailed::Malformed)?;
            let version = version::choose(offered, &listening.versions)?;
            let second = handshake.write(&padding::pad(&version::choice(version)))?;
            Ok((State::Answered { handshake, version }, Some(second), None))
        }
        State::Offered { mut handshake, offered, proof } => {
            let payload = handshake.read(message)?;
            let choice = padding::unpad(&payload).ok_or(ChannelFailed::Malformed)?;
            let version = version::chosen(choice, &offered)?;
            let third = handshake.write(&padding::pad(&proof))?;
            let established = settled(&handshake, version, Vec::new())?;
            Ok((State::Open(handshake.finish()?), Some(third), Some(established)))
        }
        State::Answered { mut handshake, version } => {
            let payload = handshake.read(message)?;
            let proof = padding::unpad(&payload).ok_or(ChannelFailed::Malformed)?.to_vec();
            let established = settled(&handshake, version, proof)?;
            Ok((State::Open(handshake.finish()?), None, Some(established)))
        }
        State::Failed(failed) => Err(failed),
        State::Open(_) => Err(ChannelFailed::Cipher),
    }
}

/// Finds the secret with which a first message was sealed.
fn recognise(listening: &Listening, message: &[u8]) -> Result<(Handshake, Vec<u8>), ChannelFailed> {
    for psk in listening.psks.iter() {
        let session = SessionKeys { secret: &listening.secret, psk, prologue: PROLOGUE };
        let mut handshake = Handshake::responder(&session, listening.ephemeral.clone())?;
        if let Ok(payload) = handshake.read(message) {
            return Ok((handshake, payload));
        }
    }
    Err(ChannelFailed::Stranger)
}

fn settled(handshake: &Handshake, version: u32, proof: Vec<u8>) -> Result<Established, ChannelFailed> {
    let remote_x25519 = handshake.remote().ok_or(ChannelFailed::Cipher)?;
    Ok(Established { remote_x25519, handshake_hash: handshake.hash()?, version, proof })
}
