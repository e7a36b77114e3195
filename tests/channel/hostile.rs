//! What strangers and tamperers get: nothing, and at once.

use caseplan_core::sync::channel::{Channel, ChannelFailed, Padding, Received};
use caseplan_core::testing::SeededRandom;

use crate::wire::{PSK, carry, device, drain, established, give, initiator, message, responder};

/// The three handshake frames and one message each way, as an eavesdropper sees them.
struct Recording {
    first: Vec<u8>,
    second: Vec<u8>,
    third: Vec<u8>,
    to_responder: Vec<u8>,
    to_initiator: Vec<u8>,
}

fn record() -> Recording {
    let (mut a, mut b) = (initiator(), responder());
    let first = drain(&mut a);
    give(&mut b, &first).unwrap();
    let second = drain(&mut b);
    give(&mut a, &second).unwrap();
    let third = drain(&mut a);
    give(&mut b, &third).unwrap();
    a.send(1, b"to responder", Padding::None).unwrap();
    b.send(1, b"to initiator", Padding::None).unwrap();
    Recording { first, second, third, to_responder: drain(&mut a), to_initiator: drain(&mut b) }
}

/// The same responder as in the recording, with the first message behind it.
fn answered(recording: &Recording) -> Channel {
    let mut b = responder();
    give(&mut b, &recording.first).unwrap();
    assert_eq!(drain(&mut b), recording.second);
    b
}

/// Feeds it, and checks that nothing came out and nothing is answered.
fn gives_nothing(channel: &mut Channel, bytes: &[u8], what: &str) {
    let before = channel.pending();
    match give(channel, bytes) {
        Ok(received) => {
            // A length was raised: the frame never ends.
            assert_eq!(received, [], "{what}");
            assert_eq!(channel.pending(), before, "{what}");
        }
        Err(failed) => {
            assert_eq!(channel.pending(), 0, "{what}");
            assert_eq!(channel.next(), Err(failed), "{what}: a failed channel stays failed");
            channel.feed(&[0; 100]);
            assert_eq!(channel.next(), Err(failed), "{what}");
            assert_eq!(channel.send(1, b"", Padding::None), Err(failed), "{what}");
        }
    }
}

/// Every way of flipping one bit of a frame, one bit per byte.
fn flips(frame: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..frame.len()).map(|at| {
        let mut bad = frame.to_vec();
        bad[at] ^= 1 << (at % 8);
        (at, bad)
    })
}

#[test]
fn a_stranger_is_refused_at_the_first_frame_and_hears_nothing() {
    let mut stranger = Channel::initiate(&device(3), &[8; 32], Vec::new(), &SeededRandom::new(3)).unwrap();
    let mut b = responder();
    b.feed(&drain(&mut stranger));
    assert_eq!(b.next(), Err(ChannelFailed::Stranger));
    assert_eq!(b.pending(), 0);
    let mut nobody = Channel::respond(&device(2), Vec::new(), &SeededRandom::new(2)).unwrap();
    nobody.feed(&drain(&mut initiator()));
    assert_eq!(nobody.next(), Err(ChannelFailed::Stranger));
}

#[test]
fn a_stranger_who_waits_to_be_connected_to_learns_no_key() {
    let mut stranger = Channel::respond(&device(3), vec![[8; 32]], &SeededRandom::new(3)).unwrap();
    let first = drain(&mut initiator());
    stranger.feed(&first);
    assert_eq!(stranger.next(), Err(ChannelFailed::Stranger));
    assert!(!first.windows(32).any(|window| window == device(1).x25519()));
}

#[test]
fn one_flipped_bit_anywhere_in_a_handshake_ends_it() {
    let recording = record();
    for (at, bad) in flips(&recording.first) {
        gives_nothing(&mut responder(), &bad, &format!("first message, byte {at}"));
    }
    for (at, bad) in flips(&recording.second) {
        let mut a = initiator();
        drain(&mut a);
        gives_nothing(&mut a, &bad, &format!("second message, byte {at}"));
    }
    for (at, bad) in flips(&recording.third) {
        gives_nothing(&mut answered(&recording), &bad, &format!("third message, byte {at}"));
    }
}

#[test]
fn one_flipped_bit_anywhere_in_a_message_ends_the_channel() {
    let recording = record();
    for (at, bad) in flips(&recording.to_responder) {
        let mut b = answered(&recording);
        assert_eq!(give(&mut b, &recording.third).unwrap().len(), 1);
        gives_nothing(&mut b, &bad, &format!("to the responder, byte {at}"));
    }
    for (at, bad) in flips(&recording.to_initiator) {
        let mut a = initiator();
        give(&mut a, &recording.second).unwrap();
        drain(&mut a);
        gives_nothing(&mut a, &bad, &format!("to the initiator, byte {at}"));
    }
}

#[test]
fn a_stream_cut_anywhere_gives_nothing_of_the_message_that_it_cuts() {
    let recording = record();
    for at in 0..recording.first.len() {
        let mut b = responder();
        assert_eq!(give(&mut b, &recording.first[..at]), Ok(Vec::new()));
        assert_eq!((b.pending(), b.is_at_rest()), (0, at == 0));
    }
    for at in 0..recording.third.len() {
        assert_eq!(give(&mut answered(&recording), &recording.third[..at]), Ok(Vec::new()));
    }
    let (mut a, mut b) = established();
    a.send(1, &[1; 70_000], Padding::None).unwrap();
    b.set_limit(100_000);
    let bytes = drain(&mut a);
    for portion in bytes[..bytes.len() - 1].chunks(999) {
        assert_eq!(give(&mut b, portion), Ok(Vec::new()));
        assert!(!b.is_at_rest());
    }
    assert_eq!(give(&mut b, &bytes[bytes.len() - 1..]), Ok(vec![message(1, &[1; 70_000])]));
}

#[test]
fn a_recorded_connection_played_again_to_another_session_ends_at_its_third_message() {
    let recording = record();
    let mut b = Channel::respond(&device(2), vec![PSK], &SeededRandom::new(999)).unwrap();
    assert_eq!(give(&mut b, &recording.first), Ok(Vec::new()));
    assert_ne!(drain(&mut b), recording.second, "another ephemeral key");
    b.feed(&recording.third);
    assert_eq!(b.next(), Err(ChannelFailed::NotAuthentic));
}

#[test]
fn frames_repeated_left_out_or_exchanged_end_the_channel() {
    let three = |order: &[usize]| {
        let (mut a, mut b) = established();
        let frames: Vec<_> = (0..3)
            .map(|number| {
                a.send(number, b"x", Padding::None).unwrap();
                drain(&mut a)
            })
            .collect();
        let mut read = 0;
        for number in order {
            read += give(&mut b, &frames[*number])?.len();
        }
        Ok(read)
    };
    assert_eq!(three(&[0, 1, 2]), Ok(3));
    for order in [[0, 0, 1], [0, 2, 1], [1, 0, 2], [2, 0, 1], [0, 1, 1]] {
        assert_eq!(three(&order), Err(ChannelFailed::NotAuthentic), "{order:?}");
    }
}

#[test]
fn what_is_sent_back_to_its_sender_is_refused() {
    let mut a = initiator();
    let first = drain(&mut a);
    // Its length is that of no second message's, which is refused as one that is not authentic.
    a.feed(&first);
    assert_eq!(a.next(), Err(ChannelFailed::NotAuthentic));
    let recording = record();
    let mut b = answered(&recording);
    b.feed(&recording.second);
    assert_eq!(b.next(), Err(ChannelFailed::NotAuthentic));
    let (mut a, _) = established();
    a.send(1, b"echo", Padding::None).unwrap();
    let echo = drain(&mut a);
    a.feed(&echo);
    assert_eq!(a.next(), Err(ChannelFailed::NotAuthentic));
}

#[test]
fn a_member_in_the_middle_cannot_push_two_devices_to_an_older_version() {
    // Who has the network secret can seal another offer for the same ephemeral key: here made from the same seed.
    let offer = |versions: &[u32]| {
        Channel::initiate_speaking(versions, &device(1), &PSK, Vec::new(), &SeededRandom::new(5)).unwrap()
    };
    let (mut a, mut forged) = (offer(&[1, 2]), offer(&[1]));
    let mut b = Channel::respond_speaking(&[1, 2], &device(2), vec![PSK], &SeededRandom::new(6)).unwrap();
    let (real, forged) = (drain(&mut a), drain(&mut forged));
    assert_eq!(real[..36], forged[..36], "length and ephemeral key");
    assert_ne!(real, forged);
    give(&mut b, &forged).unwrap();
    let second = drain(&mut b);
    assert!(!second.is_empty(), "the responder believes the offer");
    a.feed(&second);
    assert_eq!(a.next(), Err(ChannelFailed::NotAuthentic));
    assert_eq!(a.pending(), 0);
}

#[test]
fn a_device_that_speaks_nothing_in_common_gets_no_answer() {
    let random = SeededRandom::new(1);
    let mut a = Channel::initiate_speaking(&[9], &device(1), &PSK, Vec::new(), &random).unwrap();
    let mut b = responder();
    b.feed(&drain(&mut a));
    assert_eq!(b.next(), Err(ChannelFailed::NoCommonVersion));
    assert_eq!(b.pending(), 0);
}

#[test]
fn two_connections_that_are_crossed_fail() {
    let (mut a, mut b) = established();
    let mut c = Channel::initiate(&device(1), &PSK, Vec::new(), &SeededRandom::new(77)).unwrap();
    let mut d = Channel::respond(&device(2), vec![PSK], &SeededRandom::new(78)).unwrap();
    carry(&mut c, &mut d, 1000).unwrap();
    a.send(1, b"for b", Padding::None).unwrap();
    let bytes = drain(&mut a);
    assert_eq!(give(&mut d, &bytes), Err(ChannelFailed::NotAuthentic));
    assert_eq!(give(&mut b, &bytes), Ok(vec![Received::Message { kind: 1, body: b"for b".to_vec() }]));
}
