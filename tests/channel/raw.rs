//! A peer that knows every secret and keeps no rule: it seals whatever it likes.

use caseplan_core::random;
use caseplan_core::sync::channel::Channel;
use caseplan_core::testing::SeededRandom;
use snow::{Builder, HandshakeState, TransportState};

use crate::wire::{drain, give};

const SESSION: &str = "Noise_XXpsk0_25519_ChaChaPoly_SHA256";

/// The X25519 secret of [`crate::wire::device`]: the second half of what it drew.
pub fn secret(number: u64) -> [u8; 32] {
    random::bytes::<64>(&SeededRandom::new(number)).unwrap()[32..].try_into().unwrap()
}

pub fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

pub fn padded(payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&(payload.len() as u32).to_be_bytes(), payload].concat();
    bytes.resize(bytes.len().next_multiple_of(1024), 0);
    bytes
}

/// `length ‖ type ‖ body`, not padded.
pub fn plain(kind: u8, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 1).to_be_bytes()[1..], &[kind], body].concat()
}

fn builder<'a>(pattern: &str, secret: &'a [u8; 32]) -> Builder<'a> {
    Builder::new(pattern.parse().unwrap()).local_private_key(secret).unwrap()
}

pub fn raw_initiator(secret: &[u8; 32], psk: &[u8; 32]) -> HandshakeState {
    let builder = builder(SESSION, secret).psk(0, psk).unwrap();
    builder.prologue(b"caseplan/sync").unwrap().build_initiator().unwrap()
}

pub fn raw_responder(secret: &[u8; 32], psk: &[u8; 32]) -> HandshakeState {
    let builder = builder(SESSION, secret).psk(0, psk).unwrap();
    builder.prologue(b"caseplan/sync").unwrap().build_responder().unwrap()
}

pub fn write(state: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 65_535];
    let length = state.write_message(payload, &mut message).unwrap();
    framed(&message[..length])
}

pub fn read(state: &mut HandshakeState, framed: &[u8]) {
    state.read_message(&framed[2..], &mut [0; 65_535]).unwrap();
}

pub fn seal(state: &mut TransportState, plaintext: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; plaintext.len() + 16];
    state.write_message(plaintext, &mut frame).unwrap();
    framed(&frame)
}

/// A raw peer that got through the handshake with a responder.
pub fn connect(channel: &mut Channel, secret: &[u8; 32], psk: &[u8; 32]) -> TransportState {
    let mut state = raw_initiator(secret, psk);
    give(channel, &write(&mut state, &padded(&[0x81, 0x81, 1]))).unwrap();
    read(&mut state, &drain(channel));
    give(channel, &write(&mut state, &padded(b""))).unwrap();
    state.into_transport_mode().unwrap()
}

/// A raw file: any payload in its handshake, any plaintexts in its frames.
pub fn raw_file(
    from: &[u8; 32],
    to: &[u8; 32],
    header: &[u8],
    payload: &[u8],
    plaintexts: &[&[u8]],
) -> Vec<u8> {
    let builder = builder("Noise_K_25519_ChaChaPoly_SHA256", from).remote_public_key(to).unwrap();
    let mut state = builder.prologue(header).unwrap().build_initiator().unwrap();
    let mut file = framed(header);
    file.extend(write(&mut state, payload));
    let mut state = state.into_transport_mode().unwrap();
    for plaintext in plaintexts {
        file.extend(seal(&mut state, plaintext));
    }
    file
}
