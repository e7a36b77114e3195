//! The only file that names snow: Noise handshakes, and the transport that they end in.
//!
//! What it gives is small on purpose, so that another cipher could stand here towards a hub.

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::{Builder, HandshakeState, TransportState, types};
use zeroize::Zeroizing;

use crate::random::{self, Random, RandomFailed};

/// The longest Noise message.
pub(super) const MAX_FRAME: usize = 65_535;
/// What a tag adds to each.
pub(super) const TAG: usize = 16;
/// Each direction changes its key after so many frames.
pub const REKEY_AFTER: u64 = 65_536;

/// The pattern of a session.
const SESSION: &str = "Noise_XXpsk0_25519_ChaChaPoly_SHA256";
/// The pattern of a file for one recipient.
const FILE: &str = "Noise_K_25519_ChaChaPoly_SHA256";

/// Why a message could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoiseFailed {
    /// There was no randomness.
    Random,
    /// The message is not what the other side's keys would have sealed here.
    NotAuthentic,
    /// The library refused what it was asked for.
    Refused,
}

impl From<RandomFailed> for NoiseFailed {
    fn from(_: RandomFailed) -> Self {
        Self::Random
    }
}

/// The keys of one side of a session.
pub(super) struct SessionKeys<'a> {
    /// Its static secret.
    pub secret: &'a [u8; 32],
    /// The secret that both sides have beforehand.
    pub psk: &'a [u8; 32],
    /// What both sides say before the first message.
    pub prologue: &'a [u8],
}

/// The keys with which a file is written or read.
pub(super) struct FileKeys<'a> {
    /// This side's static secret.
    pub secret: &'a [u8; 32],
    /// The other side's static key.
    pub remote: &'a [u8; 32],
    /// What stands before the first message.
    pub prologue: &'a [u8],
}

/// A handshake on its way.
pub(super) struct Handshake(HandshakeState);

impl Handshake {
    /// The side of a session that speaks first.
    pub fn initiator(keys: &SessionKeys<'_>, ephemeral: Zeroizing<[u8; 32]>) -> Result<Self, NoiseFailed> {
        let builder = session(keys, ephemeral)?;
        builder.build_initiator().map(Self).map_err(|_| NoiseFailed::Refused)
    }

    /// The side of a session that answers.
    pub fn responder(keys: &SessionKeys<'_>, ephemeral: Zeroizing<[u8; 32]>) -> Result<Self, NoiseFailed> {
        let builder = session(keys, ephemeral)?;
        builder.build_responder().map(Self).map_err(|_| NoiseFailed::Refused)
    }

    /// The writer of a file for one recipient.
    pub fn file_writer(keys: &FileKeys<'_>, ephemeral: Zeroizing<[u8; 32]>) -> Result<Self, NoiseFailed> {
        file(keys, Some(ephemeral))?.build_initiator().map(Self).map_err(|_| NoiseFailed::Refused)
    }

    /// The reader of a file.
    pub fn file_reader(keys: &FileKeys<'_>) -> Result<Self, NoiseFailed> {
        file(keys, None)?.build_responder().map(Self).map_err(|_| NoiseFailed::Refused)
    }

    /// The next message of this side.
    pub fn write(&mut self, payload: &[u8]) -> Result<Vec<u8>, NoiseFailed> {
        // Two keys and two tags at most.
        let mut message = vec![0; payload.len() + 2 * (32 + TAG) + TAG];
        let length = self.0.write_message(payload, &mut message).map_err(|_| NoiseFailed::Refused)?;
        message.truncate(length);
        Ok(message)
    }

    /// The payload of the other side's next message.
    pub fn read(&mut self, message: &[u8]) -> Result<Vec<u8>, NoiseFailed> {
        let mut payload = vec![0; message.len()];
        let length = self.0.read_message(message, &mut payload).map_err(|_| NoiseFailed::NotAuthentic)?;
        payload.truncate(length);
        Ok(payload)
    }

    /// The other side's static key, once it was sent.
    pub fn remote(&self) -> Option<[u8; 32]> {
        self.0.get_remote_static()?.try_into().ok()
    }

    /// The hash of all that was said.
    pub fn hash(&self) -> Result<[u8; 32], NoiseFailed> {
        self.0.get_handshake_hash().try_into().map_err(|_| NoiseFailed::Refused)
    }

    /// What comes after the last message.
    pub fn finish(self) -> Result<Transport, NoiseFailed> {
        let state = self.0.into_transport_mode().map_err(|_| NoiseFailed::Refused)?;
        Ok(Transport { state, sealed: 0, opened: 0 })
    }
}

/// Sealed frames in both directions, each in its order.
pub(super) struct Transport {
    state: TransportState,
    sealed: u64,
    opened: u64,
}

impl Transport {
    /// Seals the next frame.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, NoiseFailed> {
        let mut frame = vec![0; plaintext.len() + TAG];
        let length = self.state.write_message(plaintext, &mut frame).map_err(|_| NoiseFailed::Refused)?;
        frame.truncate(length);
        self.sealed += 1;
        if self.sealed.is_multiple_of(REKEY_AFTER) {
            self.state.rekey_outgoing();
        }
        Ok(frame)
    }

    /// Opens the next frame.
    pub fn open(&mut self, frame: &[u8]) -> Result<Vec<u8>, NoiseFailed> {
        let mut plaintext = vec![0; frame.len()];
        let length = self.state.read_message(frame, &mut plaintext).map_err(|_| NoiseFailed::NotAuthentic)?;
        plaintext.truncate(length);
        self.opened += 1;
        if self.opened.is_multiple_of(REKEY_AFTER) {
            self.state.rekey_incoming();
        }
        Ok(plaintext)
    }
}

/// A fresh ephemeral secret.
pub(super) fn ephemeral(random: &dyn Random) -> Result<Zeroizing<[u8; 32]>, NoiseFailed> {
    Ok(Zeroizing::new(random::bytes(random)?))
}

fn session<'a>(keys: &SessionKeys<'a>, ephemeral: Zeroizing<[u8; 32]>) -> Result<Builder<'a>, NoiseFailed> {
    let build = || {
        builder(SESSION, Some(ephemeral))?
            .local_private_key(keys.secret)?
            .psk(0, keys.psk)?
            .prologue(keys.prologue)
    };
    build().map_err(|_: snow::Error| NoiseFailed::Refused)
}

fn file<'a>(keys: &FileKeys<'a>, ephemeral: Option<Zeroizing<[u8; 32]>>) -> Result<Builder<'a>, NoiseFailed> {
    let build = || {
        builder(FILE, ephemeral)?
            .local_private_key(keys.secret)?
            .remote_public_key(keys.remote)?
            .prologue(keys.prologue)
    };
    build().map_err(|_: snow::Error| NoiseFailed::Refused)
}

fn builder<'a>(pattern: &str, ephemeral: Option<Zeroizing<[u8; 32]>>) -> Result<Builder<'a>, snow::Error> {
    Ok(Builder::with_resolver(pattern.parse()?, Box::new(Resolver(ephemeral))))
}

/// snow's own primitives, with randomness that was drawn beforehand from the source that the store was given.
struct Resolver(Option<Zeroizing<[u8; 32]>>);

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn types::Random>> {
        Some(Box::new(Once(self.0.clone())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn types::Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn types::Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn types::Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Gives 32 bytes once: a handshake draws one ephemeral secret, and a second draw would repeat it.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl types::Random for Once {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        let drawn = self.0.take().filter(|drawn| drawn.len() == bytes.len()).ok_or(snow::Error::Rng)?;
        bytes.copy_from_slice(drawn.as_ref());
        Ok(())
    }
}
