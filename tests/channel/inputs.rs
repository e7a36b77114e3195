//! Each kind of input that comes from outside, as one function over any bytes: bounded runs feed them here, and libFuzzer
//! feeds the same functions in `fuzz/`. None may panic, and what is read must be read the same from its own bytes.
#![allow(clippy::unwrap_used, reason = "what a test itself makes is right")]

use caseplan_core::document::chunk::{self, Limits};
use caseplan_core::exchange::message::{Message, Splitter};
use caseplan_core::identity::founding::Founding;
use caseplan_core::identity::record::Signed;
use caseplan_core::identity::{Certificate, Record};
use caseplan_core::sync::enrolment::{QrPayload, ShortCode};
use caseplan_core::sync::hand_over::HandOverReader;
use caseplan_core::testing;

use crate::raw::{connect, padded, raw_file, raw_initiator, raw_responder, read, seal, secret, write};
use crate::wire::{PSK, device, drain, give, initiator, responder};

/// The longest payload in a handshake message, and the longest plaintext in a frame.
const MOST_PAYLOAD: usize = 16 * 1024;
const MOST_PLAINTEXT: usize = 65_000;

/// A stranger's first bytes at either side, and a member's in each message of the handshake.
pub fn handshake(data: &[u8]) {
    let _ = give(&mut responder(), data);
    let _ = give(&mut initiator(), data);
    let payload = &data[..data.len().min(MOST_PAYLOAD)];
    let mut state = raw_initiator(&secret(3), &PSK);
    let _ = give(&mut responder(), &write(&mut state, payload));
    let (mut a, mut state) = (initiator(), raw_responder(&secret(3), &PSK));
    read(&mut state, &drain(&mut a));
    let _ = give(&mut a, &write(&mut state, payload));
    let (mut b, mut state) = (responder(), raw_initiator(&secret(3), &PSK));
    give(&mut b, &write(&mut state, &padded(&[0x81, 0x81, 1]))).unwrap();
    read(&mut state, &drain(&mut b));
    let _ = give(&mut b, &write(&mut state, payload));
}

/// Frames: as they are, and as a member seals them, cut where the bytes say.
pub fn frames(data: &[u8]) {
    let mut b = responder();
    connect(&mut b, &secret(3), &PSK);
    let _ = give(&mut b, data);
    let mut b = responder();
    b.set_limit(100_000);
    let mut peer = connect(&mut b, &secret(3), &PSK);
    let mut rest = data;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len()).min(MOST_PLAINTEXT);
        let (plaintext, after) = after.split_at(length);
        rest = after;
        let _ = give(&mut b, &seal(&mut peer, plaintext));
    }
}

/// Certificates, records with and without their signature, founding records.
pub fn records(data: &[u8]) {
    if let Ok(signed) = Signed::decode(data) {
        assert_eq!(signed.encode(), data, "one encoding for each record");
        signed.is_by(&device(1).ed25519());
    }
    if let Ok(record) = Record::decode(data) {
        assert_eq!(record.encode(), data);
    }
    if let Ok(certificate) = Certificate::decode(data) {
        assert_eq!(certificate.encode(), data);
    }
    if let Ok(founding) = Founding::decode(data) {
        assert_eq!(founding.encode(), data);
    }
}

/// What is scanned or typed.
pub fn enrolment(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(payload) = text.parse::<QrPayload>() {
        assert_eq!(payload.to_string(), text, "one text for each payload");
    }
    if let Ok(code) = text.parse::<ShortCode>() {
        assert_eq!(code.to_string().parse(), Ok(code));
    }
}

/// A file as it is, and one whose parts a member sealed.
pub fn file(data: &[u8]) {
    swallow(data);
    let mut header = vec![0x83, 1, 0x50];
    header.extend(device(2).device_id().as_bytes());
    header.extend([0x58, 0x20]);
    header.extend(device(1).x25519());
    let (payload, content) = data.split_at(data.len().min(9));
    let plaintexts = [content.get(..content.len().min(MOST_PLAINTEXT)).unwrap_or_default()];
    swallow(&raw_file(&secret(1), &device(2).x25519(), &header, payload, &plaintexts));
}

fn swallow(file: &[u8]) {
    let mut reader = HandOverReader::new(&device(2));
    reader.feed(file);
    while let Ok(Some(_)) = reader.next() {}
    let _ = reader.end();
}

/// What the guard reads first: a change's chunk, a document's, and the messages of an export.
pub fn changes(data: &[u8]) {
    if let Ok(header) = chunk::read_change(data, &Limits::DEFAULT) {
        assert!(header.seq > 0 && header.start_op > 0);
    }
    let _ = chunk::check_document(data, &Limits::DEFAULT);
    let mut splitter = Splitter::default();
    splitter.push(data);
    while let Ok(Some(bytes)) = splitter.next_message() {
        if let Ok(Some(message)) = Message::decode(&bytes) {
            assert_eq!(Message::decode(&message.encode()[4..]), Ok(Some(message)));
        }
    }
}

/// A message of a session: its type, then its body.
pub fn message(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    if let Some((kind, body)) = testing::reread_message(*kind, body) {
        assert_eq!(testing::reread_message(kind, &body), Some((kind, body)));
    }
}
