//! Two sides and what lies between them.

use caseplan_core::identity::{DeviceKeys, MemoryVault};
use caseplan_core::sync::channel::{Channel, ChannelFailed, Established, Received};
use caseplan_core::testing::SeededRandom;

pub const PSK: [u8; 32] = [7; 32];
pub const PROOF: &[u8] = b"a certificate chain";

/// The keys of the device with this number, the same every time.
pub fn device(number: u64) -> DeviceKeys {
    DeviceKeys::make(&MemoryVault::default(), &SeededRandom::new(number)).unwrap()
}

pub fn initiator() -> Channel {
    Channel::initiate(&device(1), &PSK, PROOF.to_vec(), &SeededRandom::new(101)).unwrap()
}

pub fn responder() -> Channel {
    Channel::respond(&device(2), vec![PSK], &SeededRandom::new(102)).unwrap()
}

/// Everything that a channel has for the wire.
pub fn drain(channel: &mut Channel) -> Vec<u8> {
    channel.take(usize::MAX)
}

/// Everything that comes out of a channel now.
pub fn read(channel: &mut Channel) -> Result<Vec<Received>, ChannelFailed> {
    let mut all = Vec::new();
    while let Some(received) = channel.next()? {
        all.push(received);
    }
    Ok(all)
}

/// Feeds and reads.
pub fn give(channel: &mut Channel, bytes: &[u8]) -> Result<Vec<Received>, ChannelFailed> {
    channel.feed(bytes);
    read(channel)
}

/// Carries bytes both ways in portions until nobody has any left; what came out at each side.
pub fn carry(
    a: &mut Channel,
    b: &mut Channel,
    portion: usize,
) -> Result<(Vec<Received>, Vec<Received>), ChannelFailed> {
    let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
    while a.pending() + b.pending() > 0 {
        at_b.extend(give(b, &a.take(portion))?);
        at_a.extend(give(a, &b.take(portion))?);
    }
    Ok((at_a, at_b))
}

/// Two channels with the handshake behind them.
pub fn established() -> (Channel, Channel) {
    let (mut a, mut b) = (initiator(), responder());
    carry(&mut a, &mut b, usize::MAX).unwrap();
    (a, b)
}

pub fn settled(received: &[Received]) -> &Established {
    match received.first() {
        Some(Received::Established(established)) => established,
        other => panic!("not established: {other:?}"),
    }
}

pub fn message(kind: u8, body: &[u8]) -> Received {
    Received::Message { kind, body: body.to_vec() }
}
