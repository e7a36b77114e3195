//! Bounded runs over each kind of input, from good samples spoiled: nothing panics, and 64 KB of anything cost at most
//! 64 MB at once and 1 s. What is asked for altogether bounds the work: all of it had to be written or copied.

use caseplan_core::case::{NewCase, NewPerson};
use caseplan_core::exchange::message::Splitter;
use caseplan_core::identity::MemoryVault;
use caseplan_core::storage::Location;
use caseplan_core::testing::{FixedClock, SeededRandom};
use caseplan_core::{Store, StoreConfig};

use crate::enrolment::qr_invitation;
use crate::fuzz::{Dice, cases_within};
use crate::heap::{MOST_PEAK, within};
use crate::inputs;
use crate::members;
use crate::wire::device;

/// The goal, and as much again to be written or copied, four times over.
const SHARE: (usize, usize) = (MOST_PEAK, 4 * MOST_PEAK);

/// What a store with a case hands to others, message by message without their lengths.
fn export() -> Vec<Vec<u8>> {
    let config = StoreConfig {
        location: Location::Memory("inputs".to_owned()),
        worker: "w-117".parse().unwrap(),
        zone: "Europe/Paris".parse().unwrap(),
        clock: std::sync::Arc::new(FixedClock::at("2026-03-02T08:00:00Z".parse().unwrap())),
        random: std::sync::Arc::new(SeededRandom::new(7)),
        log: None,
    };
    let store = Store::open(config, std::sync::Arc::new(MemoryVault::default())).unwrap();
    let new = NewCase {
        reference: "2026-0117".to_owned(),
        case_type: None,
        primary_client: NewPerson { name: "Léa".to_owned(), born: None },
        assigned_worker: None,
        team: None,
        opened_on: None,
        origin: None,
    };
    store.cases().create(&new).unwrap();
    let (mut export, mut splitter, mut all) =
        (store.exchange().export(None).unwrap(), Splitter::default(), Vec::new());
    loop {
        let portion = export.next(1 << 20).unwrap();
        if portion.is_empty() {
            return all;
        }
        splitter.push(&portion);
        while let Some(message) = splitter.next_message().unwrap() {
            all.push(message);
        }
    }
}

/// Every byte string within a message, as CBOR writes one: records, certificates, chunks.
fn inner(message: &[u8]) -> Vec<Vec<u8>> {
    let strings = (0..message.len()).filter_map(|at| {
        let (head, rest) = match message[at] {
            0x58 => (usize::from(*message.get(at + 1)?), message.get(at + 2..)?),
            0x59 => {
                let length = message.get(at + 1..at + 3)?;
                (usize::from(u16::from_be_bytes([length[0], length[1]])), message.get(at + 3..)?)
            }
            _ => return None,
        };
        rest.get(..head).map(<[u8]>::to_vec)
    });
    strings.filter(|string| string.len() > 40).collect()
}

fn runs(seed: u64, samples: &[Vec<u8>], input: fn(&[u8])) {
    for sample in samples {
        within(SHARE, "a sample", || input(sample));
    }
    cases_within(seed, 1_500, SHARE, |dice: &Dice| {
        input(&dice.spoil(&samples[dice.below(samples.len())]));
    });
}

#[test]
fn records_certificates_and_changes_of_anybody() {
    let messages = export();
    let strings: Vec<_> = messages.iter().flat_map(|message| inner(message)).collect();
    assert!(strings.iter().any(|bytes| caseplan_core::identity::record::Signed::decode(bytes).is_ok()));
    runs(21, &strings, inputs::records);
    let whole = messages.iter().map(|message| [&(message.len() as u32).to_be_bytes(), &message[..]].concat());
    let whole: Vec<_> = whole.chain(strings).collect();
    runs(22, &whole, inputs::changes);
}

#[test]
fn messages_of_a_member_who_keeps_no_rule() {
    let messages = export();
    let samples = messages
        .iter()
        .flat_map(|message| (1..=29).map(|kind| [&[kind], message.get(1..).unwrap_or_default()].concat()));
    let samples: Vec<_> = samples.collect();
    assert!(
        samples
            .iter()
            .any(|sample| { caseplan_core::testing::reread_message(sample[0], &sample[1..]).is_some() })
    );
    runs(23, &samples, inputs::message);
}

#[test]
fn whatever_a_fuzzer_feeds_is_fed_here_too() {
    let qr = qr_invitation().qr(&device(1)).unwrap().to_string().into_bytes();
    runs(24, &[qr], inputs::enrolment);
    let dice = Dice::new(25);
    let inputs =
        [inputs::handshake, inputs::frames, inputs::file, members::guard, members::guard, members::session];
    for input in inputs {
        for length in [0, 1, 2, 9, 80, 1_200, 64 * 1024] {
            let bytes = dice.bytes(length);
            within(SHARE, length, || input(&bytes));
        }
    }
}
