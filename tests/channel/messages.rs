//! What two honest devices see.

use caseplan_core::sync::channel::{
    BLOCK, Channel, ChannelFailed, FIRST_LIMIT, MAX_MESSAGE, MAX_PROOF, Padding, REKEY_AFTER, VERSIONS,
};
use caseplan_core::testing::SeededRandom;
use proptest::prelude::*;

use crate::wire::{
    PROOF, PSK, carry, device, drain, established, give, initiator, message, read, responder, settled,
};

#[test]
fn both_sides_settle_the_same_handshake_whatever_portions_the_wire_gives() {
    for portion in [1, 2, 3, 5, 100, 1076, 65_536] {
        let (mut a, mut b) = (initiator(), responder());
        let (at_a, at_b) = carry(&mut a, &mut b, portion).unwrap();
        let (at_a, at_b) = (settled(&at_a), settled(&at_b));
        assert_eq!(at_a.handshake_hash, at_b.handshake_hash);
        assert_eq!(at_a.remote_x25519, device(2).x25519());
        assert_eq!(at_b.remote_x25519, device(1).x25519());
        assert_eq!((at_a.version, at_b.version), (VERSIONS[0], VERSIONS[0]));
        assert_eq!((at_a.proof.as_slice(), at_b.proof.as_slice()), (&[][..], PROOF));
    }
}

#[test]
fn messages_arrive_in_order_with_type_and_body() {
    let (mut a, mut b) = established();
    a.send(1, b"hello", Padding::Block).unwrap();
    a.send(2, b"", Padding::None).unwrap();
    a.send(255, &[9; 12_000], Padding::None).unwrap();
    b.send(3, b"answer", Padding::None).unwrap();
    let (at_a, at_b) = carry(&mut a, &mut b, 17).unwrap();
    assert_eq!(at_b, [message(1, b"hello"), message(2, b""), message(255, &[9; 12_000])]);
    assert_eq!(at_a, [message(3, b"answer")]);
    assert!(a.is_at_rest() && b.is_at_rest());
}

#[test]
fn padded_messages_of_different_lengths_look_the_same_on_the_wire() {
    let sizes = |length: usize| {
        let (mut a, _) = established();
        a.send(1, &vec![1; length], Padding::Block).unwrap();
        a.pending()
    };
    assert_eq!(sizes(0), 2 + BLOCK + 16);
    assert_eq!(sizes(0), sizes(BLOCK - 4));
    assert_eq!(sizes(BLOCK - 3), 2 + 2 * BLOCK + 16);
}

#[test]
fn a_question_and_its_answer_that_nothing_is_new_take_63_bytes() {
    let (mut a, mut b) = established();
    // Scopes with its root, and Equal, as docs/sync.md has them.
    a.send(6, &[&[0x81, 0x50][..], &[7; 16]].concat(), Padding::None).unwrap();
    b.send(7, &[0x80], Padding::None).unwrap();
    assert_eq!(a.pending() + b.pending(), 63);
}

#[test]
fn a_handshake_has_the_same_sizes_for_every_short_proof() {
    let sizes = |proof: Vec<u8>| {
        let mut a = Channel::initiate(&device(1), &PSK, proof, &SeededRandom::new(1)).unwrap();
        let mut b = responder();
        let first = drain(&mut a);
        give(&mut b, &first).unwrap();
        let second = drain(&mut b);
        give(&mut a, &second).unwrap();
        [first.len(), second.len(), drain(&mut a).len()]
    };
    assert_eq!(sizes(Vec::new()), [2 + 1072, 2 + 1120, 2 + 1088]);
    assert_eq!(sizes(Vec::new()), sizes(vec![1; BLOCK - 4]));
    assert_eq!(sizes(vec![1; MAX_PROOF])[2], 2 + 48 + 16 * BLOCK + 16);
    let long = Channel::initiate(&device(1), &PSK, vec![1; MAX_PROOF + 1], &SeededRandom::new(1));
    assert!(matches!(long, Err(ChannelFailed::MessageTooLong { .. })));
}

#[test]
fn either_of_the_last_two_network_secrets_will_do() {
    for psk in [[5; 32], [6; 32]] {
        let mut a = Channel::initiate(&device(1), &psk, Vec::new(), &SeededRandom::new(1)).unwrap();
        let mut b = Channel::respond(&device(2), vec![[5; 32], [6; 32]], &SeededRandom::new(2)).unwrap();
        let (at_a, at_b) = carry(&mut a, &mut b, 1000).unwrap();
        assert_eq!(settled(&at_a).handshake_hash, settled(&at_b).handshake_hash);
    }
}

#[test]
fn the_newest_version_that_both_speak_is_settled() {
    let meet = |ours: &[u32], theirs: &[u32]| {
        let random = SeededRandom::new(1);
        let mut a = Channel::initiate_speaking(ours, &device(1), &PSK, Vec::new(), &random).unwrap();
        let mut b = Channel::respond_speaking(theirs, &device(2), vec![PSK], &random).unwrap();
        carry(&mut a, &mut b, 500).map(|(at_a, at_b)| (settled(&at_a).version, settled(&at_b).version))
    };
    assert_eq!(meet(&[1], &[1, 2]), Ok((1, 1)));
    assert_eq!(meet(&[1, 2, 3], &[2, 3, 4]), Ok((3, 3)));
    assert_eq!(meet(&[1], &[2]), Err(ChannelFailed::NoCommonVersion));
}

#[test]
fn nothing_is_sent_before_the_handshake_is_over() {
    let (mut a, mut b) = (initiator(), responder());
    assert_eq!(a.send(1, b"early", Padding::None), Err(ChannelFailed::NotEstablished));
    assert_eq!(b.send(1, b"early", Padding::None), Err(ChannelFailed::NotEstablished));
    assert!(carry(&mut a, &mut b, 100).is_ok(), "asking too early breaks nothing");
}

#[test]
fn the_owner_says_how_long_a_message_may_be() {
    let (mut a, mut b) = established();
    a.send(1, &vec![1; FIRST_LIMIT - 1], Padding::None).unwrap();
    b.set_limit(200_000);
    a.send(2, &vec![2; 199_999], Padding::None).unwrap();
    let (_, at_b) = carry(&mut a, &mut b, 4096).unwrap();
    assert_eq!(at_b, [message(1, &vec![1; FIRST_LIMIT - 1]), message(2, &vec![2; 199_999])]);
    a.send(3, &vec![3; 200_000], Padding::None).unwrap();
    let failed = carry(&mut a, &mut b, 70_000).unwrap_err();
    assert_eq!(failed, ChannelFailed::MessageTooLong { length: 200_001, limit: 200_000 });
    let too_long = a.send(4, &vec![0; MAX_MESSAGE], Padding::None).unwrap_err();
    assert!(matches!(too_long, ChannelFailed::MessageTooLong { .. }));
}

#[test]
fn keys_change_after_65_536_frames_in_each_direction_and_nobody_notices() {
    let (mut a, mut b) = established();
    for round in 0..REKEY_AFTER + 2 {
        a.send(1, &round.to_be_bytes(), Padding::None).unwrap();
        b.send(2, &round.to_be_bytes(), Padding::None).unwrap();
        let (to_b, to_a) = (drain(&mut a), drain(&mut b));
        assert_eq!(give(&mut b, &to_b).unwrap(), [message(1, &round.to_be_bytes())]);
        assert_eq!(give(&mut a, &to_a).unwrap(), [message(2, &round.to_be_bytes())]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_messages_in_any_portions_arrive_as_they_were_sent(
        messages in proptest::collection::vec(
            (any::<u8>(), 0..9000_usize, any::<u8>(), any::<bool>(), any::<bool>()), 0..12),
        portions in proptest::collection::vec(1..5000_usize, 1..20),
    ) {
        let (mut a, mut b) = established();
        let (mut for_a, mut for_b) = (Vec::new(), Vec::new());
        for (kind, length, fill, padded, from_a) in messages {
            let body = vec![fill; length];
            let padding = if padded { Padding::Block } else { Padding::None };
            let (sender, expected) = if from_a { (&mut a, &mut for_b) } else { (&mut b, &mut for_a) };
            sender.send(kind, &body, padding).unwrap();
            expected.push(message(kind, &body));
        }
        let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
        let mut portions = portions.into_iter().cycle();
        while a.pending() + b.pending() > 0 {
            b.feed(&a.take(portions.next().unwrap()));
            a.feed(&b.take(portions.next().unwrap()));
            at_a.extend(read(&mut a).unwrap());
            at_b.extend(read(&mut b).unwrap());
        }
        prop_assert_eq!(at_a, for_a);
        prop_assert_eq!(at_b, for_b);
    }
}
