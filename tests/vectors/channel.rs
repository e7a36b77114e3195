//! A handshake with fixed ephemeral keys, frames, the change of keys, and a file that is handed over.

use caseplan_core::sync::channel::{Channel, Padding, Purpose, REKEY_AFTER, Received, Side, sign_handshake};
use caseplan_core::sync::hand_over::{HandOver, HandOverReader, HandOverWriter, Recipient};
use serde_json::json;

use crate::fixed::{Fixed, compare, counting, described, device, hex};

const INITIATOR: u8 = 0;
const RESPONDER: u8 = 0x40;
const PSK: u8 = 0x90;
const EPHEMERALS: [u8; 2] = [0xb0, 0xd0];
const PROOF: &[u8] = b"the certificate chain stands here";

fn all(channel: &mut Channel) -> Vec<Received> {
    std::iter::from_fn(|| channel.next().unwrap()).collect()
}

#[test]
fn a_handshake_and_its_frames_are_those_of_the_file() {
    let ephemeral = EPHEMERALS.map(counting::<32>);
    let psk = counting(PSK);
    let (ours, theirs) = (device(INITIATOR), device(RESPONDER));
    let mut a = Channel::initiate(&ours, &psk, PROOF.to_vec(), &Fixed::new(&ephemeral[0])).unwrap();
    let mut b = Channel::respond(&theirs, vec![[0; 32], psk], &Fixed::new(&ephemeral[1])).unwrap();
    let first = a.take(usize::MAX);
    b.feed(&first);
    assert_eq!(all(&mut b), []);
    let second = b.take(usize::MAX);
    a.feed(&second);
    let Some(Received::Established(at_a)) = all(&mut a).pop() else { panic!("not established") };
    let third = a.take(usize::MAX);
    b.feed(&third);
    let Some(Received::Established(at_b)) = all(&mut b).pop() else { panic!("not established") };
    assert_eq!(at_a.handshake_hash, at_b.handshake_hash);
    let hash = at_a.handshake_hash;

    let long = vec![0x5a; 70_000];
    a.send(1, b"padded", Padding::Block).unwrap();
    let padded = a.take(usize::MAX);
    b.send(2, b"not padded", Padding::None).unwrap();
    let plain = b.take(usize::MAX);
    a.send(3, &long, Padding::None).unwrap();
    let cut = a.take(usize::MAX);
    // Three frames are out already.
    for _ in 3..REKEY_AFTER {
        a.send(4, b"", Padding::None).unwrap();
        a.take(usize::MAX);
    }
    a.send(5, b"under the second key", Padding::None).unwrap();
    let rekeyed = a.take(usize::MAX);

    let signatures = |purpose| {
        json!({
            "initiator": hex(&sign_handshake(&ours, purpose, Side::Initiator, &hash)),
            "responder": hex(&sign_handshake(&theirs, purpose, Side::Responder, &hash)),
        })
    };
    compare(
        "handshake.json",
        &json!({
            "protocol": "Noise_XXpsk0_25519_ChaChaPoly_SHA256",
            "prologue": hex(b"caseplan/sync"),
            "psk": hex(&psk),
            "initiator": described(INITIATOR),
            "responder": described(RESPONDER),
            "initiator_ephemeral": hex(&ephemeral[0]),
            "responder_ephemeral": hex(&ephemeral[1]),
            "versions_offered": [1],
            "version_chosen": at_b.version,
            "proof": hex(PROOF),
            "messages": [hex(&first), hex(&second), hex(&third)],
            "handshake_hash": hex(&hash),
            "signatures": { "hello": signatures(Purpose::Hello), "enrol": signatures(Purpose::Enrol) },
            "padded": { "from": "initiator", "type": 1, "body": hex(b"padded"), "frames": hex(&padded) },
            "plain": { "from": "responder", "type": 2, "body": hex(b"not padded"), "frames": hex(&plain) },
            "cut": {
                "from": "initiator", "type": 3, "body_is": "70,000 times 5a",
                "frames_sha256": hex(&caseplan_core::ids::sha256(&[&cut])),
            },
            "rekeyed": {
                "from": "initiator", "frames_before": REKEY_AFTER, "frames_between": "type 4, empty body",
                "type": 5, "body": hex(b"under the second key"), "frames": hex(&rekeyed),
            },
        }),
    );
}

#[test]
fn a_file_that_is_handed_over_is_that_of_the_file() {
    let (from, to) = (device(INITIATOR), device(RESPONDER));
    let recipient = Recipient { device: to.device_id(), x25519: to.x25519() };
    let ephemeral = counting::<32>(EPHEMERALS[0]);
    let expires_at = 1_767_484_800;
    let content: Vec<u8> = (0..70_000).map(|at| (at % 251) as u8).collect();
    let mut writer = HandOverWriter::new(&from, &recipient, expires_at, &Fixed::new(&ephemeral)).unwrap();
    let head = writer.take(usize::MAX);
    writer.write(&content).unwrap();
    let file = [head.clone(), writer.finish().unwrap()].concat();
    let mut reader = HandOverReader::new(&to);
    reader.feed(&file);
    let parts: Vec<_> = std::iter::from_fn(|| reader.next().unwrap()).collect();
    assert_eq!(parts.last(), Some(&HandOver::End));
    compare(
        "hand_over.json",
        &json!({
            "protocol": "Noise_K_25519_ChaChaPoly_SHA256",
            "sender": described(INITIATOR),
            "recipient": described(RESPONDER),
            "sender_ephemeral": hex(&ephemeral),
            "expires_at": expires_at,
            "content_is": "70,000 bytes, byte n is n mod 251",
            "header_and_first_message": hex(&head),
            "file_length": file.len(),
            "file_sha256": hex(&caseplan_core::ids::sha256(&[&file])),
        }),
    );
}
