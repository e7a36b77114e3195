//! The file that is handed over: for one device, whole and in order, or refused.

use caseplan_core::identity::DeviceKeys;
use caseplan_core::sync::hand_over::{HandOver, HandOverFailed, HandOverReader, HandOverWriter, Recipient};
use caseplan_core::testing::SeededRandom;
use proptest::prelude::*;

use crate::wire::device;

const EXPIRES: i64 = 1_767_484_800;
/// What one frame holds.
const FRAME: usize = 65_535 - 16 - 1;

fn recipient(keys: &DeviceKeys) -> Recipient {
    Recipient { device: keys.device_id(), x25519: keys.x25519() }
}

/// A file from device 1 to device 2.
fn file(content: &[u8]) -> Vec<u8> {
    let random = SeededRandom::new(11);
    let mut writer = HandOverWriter::new(&device(1), &recipient(&device(2)), EXPIRES, &random).unwrap();
    writer.write(content).unwrap();
    writer.finish().unwrap()
}

/// Reads a file in portions, to its end or to its first fault: what came out before, and the fault.
fn read(keys: &DeviceKeys, file: &[u8], portion: usize) -> (Vec<HandOver>, Result<(), HandOverFailed>) {
    let mut reader = HandOverReader::new(keys);
    let mut all = Vec::new();
    for part in file.chunks(portion) {
        reader.feed(part);
        loop {
            match reader.next() {
                Ok(Some(part)) => all.push(part),
                Ok(None) => break,
                Err(failed) => {
                    assert_eq!(reader.next(), Err(failed), "a failed reader stays failed");
                    return (all, reader.end());
                }
            }
        }
    }
    let end = reader.end();
    (all, end)
}

fn content(parts: &[HandOver]) -> Vec<u8> {
    let pieces = parts.iter().map(|part| match part {
        HandOver::Content(content) => content.as_slice(),
        _ => &[],
    });
    pieces.collect::<Vec<_>>().concat()
}

/// The parts of a file, each with its length.
fn parts(mut file: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, _)) = file.split_first_chunk::<2>() {
        let (part, rest) = file.split_at(2 + usize::from(u16::from_be_bytes(*length)));
        parts.push(part);
        file = rest;
    }
    parts
}

#[test]
fn a_file_comes_out_as_it_went_in_at_every_edge_of_a_frame() {
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME - 1] {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let sealed = file(&bytes);
        let (read, end) = read(&device(2), &sealed, 40_000);
        assert_eq!(end, Ok(()));
        let opened = HandOver::Opened { sender_x25519: device(1).x25519(), expires_at: EXPIRES };
        assert_eq!((&read[0], read.last().unwrap()), (&opened, &HandOver::End));
        assert_eq!(content(&read), bytes, "{length}");
        assert_eq!(parts(&sealed).len(), 2 + length.div_ceil(FRAME).max(1));
    }
}

#[test]
fn only_the_recipient_can_read_it() {
    let sealed = file(b"content");
    let (parts, end) = read(&device(3), &sealed, 1000);
    assert_eq!(parts, []);
    assert_eq!(end, Err(HandOverFailed::NotForThisDevice { recipient: device(2).device_id() }));
    // Somebody writes his own name over the recipient's: the header is what the handshake begins with.
    let mut renamed = sealed.clone();
    let at = sealed.windows(16).position(|window| window == device(2).device_id().as_bytes()).unwrap();
    renamed[at..at + 16].copy_from_slice(device(3).device_id().as_bytes());
    assert_eq!(read(&device(3), &renamed, 1000), (Vec::new(), Err(HandOverFailed::NotAuthentic)));
    // And his own key over the sender's.
    let mut claimed = sealed.clone();
    let at = sealed.windows(32).position(|window| window == device(1).x25519()).unwrap();
    claimed[at..at + 32].copy_from_slice(&device(4).x25519());
    assert_eq!(read(&device(2), &claimed, 1000), (Vec::new(), Err(HandOverFailed::NotAuthentic)));
}

#[test]
fn a_file_cut_anywhere_is_cut() {
    let sealed = file(b"content of the file");
    for at in 0..sealed.len() {
        let (_, end) = read(&device(2), &sealed[..at], 64);
        assert_eq!(end, Err(HandOverFailed::Cut), "cut at {at}");
    }
    let long = file(&[7; 2 * FRAME]);
    let whole = parts(&long);
    let without_last = whole[..whole.len() - 1].concat();
    let (read, end) = read(&device(2), &without_last, 10_000);
    assert_eq!((content(&read).len(), end), (FRAME, Err(HandOverFailed::Cut)), "cut between two frames");
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let sealed = file(b"content of the file");
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1 << (at % 8);
        let (parts, end) = read(&device(2), &bad, sealed.len());
        assert!(end.is_err(), "byte {at}");
        assert_eq!(content(&parts), b"", "byte {at}");
    }
}

#[test]
fn frames_exchanged_left_out_repeated_or_from_another_file_are_refused() {
    let long = file(&[7; 3 * FRAME]);
    let whole = parts(&long);
    let of = |order: &[usize]| order.iter().flat_map(|at| whole[*at].to_vec()).collect::<Vec<_>>();
    assert_eq!(read(&device(2), &of(&[0, 1, 2, 3, 4]), 70_000).1, Ok(()));
    for order in [[0, 1, 3, 2, 4], [0, 1, 2, 2, 4], [0, 1, 2, 4, 4], [0, 1, 3, 4, 4]] {
        assert_eq!(read(&device(2), &of(&order), 70_000).1, Err(HandOverFailed::NotAuthentic), "{order:?}");
    }
    let random = SeededRandom::new(12);
    let mut other = HandOverWriter::new(&device(1), &recipient(&device(2)), EXPIRES, &random).unwrap();
    other.write(&[8; 3 * FRAME]).unwrap();
    let other = other.finish().unwrap();
    let mixed = [of(&[0, 1, 2]), parts(&other)[3..].concat()].concat();
    assert_eq!(read(&device(2), &mixed, 70_000).1, Err(HandOverFailed::NotAuthentic));
}

#[test]
fn two_files_joined_are_refused_after_the_first() {
    let one = file(b"one");
    let (parts, end) = read(&device(2), &[one.clone(), file(b"two")].concat(), 50);
    assert_eq!((content(&parts), end), (b"one".to_vec(), Err(HandOverFailed::Joined)));
    let (_, end) = read(&device(2), &[one, vec![0]].concat(), 1000);
    assert_eq!(end, Err(HandOverFailed::Joined));
}

#[test]
fn what_is_no_hand_over_file_and_what_is_newer_are_told_apart() {
    let end = |bytes: &[u8]| read(&device(2), bytes, 1000).1;
    assert_eq!(end(b"SQLite format 3\0"), Err(HandOverFailed::NotAHandOver));
    assert_eq!(end(&[0, 1, 0x80]), Err(HandOverFailed::NotAHandOver));
    let mut newer = file(b"content");
    assert_eq!(newer[..4], [0, 53, 0x83, 1]);
    newer[3] = 2;
    assert_eq!(end(&newer), Err(HandOverFailed::Newer { version: 2 }));
}

#[test]
fn a_writer_holds_back_one_frame_at_most() {
    let random = SeededRandom::new(11);
    let mut writer = HandOverWriter::new(&device(1), &recipient(&device(2)), EXPIRES, &random).unwrap();
    let (mut sealed, mut given) = (writer.take(usize::MAX), 0);
    for _ in 0..200 {
        writer.write(&[7; 10_000]).unwrap();
        given += 10_000;
        sealed.extend(writer.take(usize::MAX));
        assert!(given - sealed.len().min(given) <= FRAME + 1, "{given} in, {} out", sealed.len());
    }
    sealed.extend(writer.finish().unwrap());
    assert_eq!(content(&read(&device(2), &sealed, 65_536).0).len(), given);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_content_in_any_pieces_comes_out_in_any_portions(
        pieces in proptest::collection::vec((0..30_000_usize, any::<u8>()), 0..10),
        portion in 1..50_000_usize,
    ) {
        let random = SeededRandom::new(13);
        let to = recipient(&device(2));
        let mut writer = HandOverWriter::new(&device(1), &to, EXPIRES, &random).unwrap();
        let (mut sealed, mut bytes) = (Vec::new(), Vec::new());
        for (length, fill) in pieces {
            let piece = vec![fill; length];
            writer.write(&piece).unwrap();
            bytes.extend(piece);
            sealed.extend(writer.take(portion));
        }
        sealed.extend(writer.finish().unwrap());
        let (parts, end) = read(&device(2), &sealed, portion);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(content(&parts), bytes);
    }
}
