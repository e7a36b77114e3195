//! Chunks that are read and refused, byte by byte.

use super::*;
use crate::document::Kind;

#[test]
fn the_genesis_reads_as_what_it_is() {
    let header = read_change(Kind::Case.genesis_bytes(), &Limits::DEFAULT).unwrap();
    assert_eq!(header.actor, Actor::GENESIS);
    assert_eq!((header.seq, header.start_op, header.time, header.message.as_str()), (1, 1, 0, ""));
    assert_eq!(header.ops, Kind::Case.containers().len() as u64);
    assert_eq!(header.hash, Kind::Case.genesis_hash());
}

#[test]
fn a_document_chunk_is_counted_and_is_no_change() {
    let bytes = crate::document::Document::new(Kind::Case).unwrap().save();
    let ops = Kind::Case.containers().len() as u64;
    assert_eq!(check_document(&bytes, &Limits::DEFAULT), Ok(DocumentSize { changes: 1, ops }));
    assert_eq!(read_change(&bytes, &Limits::DEFAULT), Err(ChunkRefused::WrongType));
}

#[test]
fn trailing_and_missing_bytes_are_refused() {
    let bytes = Kind::Case.genesis_bytes();
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(read_change(&longer, &Limits::DEFAULT), Err(ChunkRefused::Malformed));
    for end in 0..bytes.len() {
        assert!(read_change(&bytes[..end], &Limits::DEFAULT).is_err());
    }
}

#[test]
fn ten_million_rows_in_a_few_bytes_are_counted_without_being_made() {
    let mut column = vec![];
    let mut count: u64 = 10_000_000;
    while count >= 0x40 {
        column.push((count & 0x7f) as u8 | 0x80);
        count >>= 7;
    }
    column.extend([count as u8, 1]);
    assert_eq!(Reader(&column).rows(2, 0), Ok(10_000_000));
}

#[test]
fn signed_numbers_keep_their_sign() {
    for (bytes, number) in [(vec![0x7f], -1), (vec![0x80, 0x7f], -128), (vec![0x3f], 63), (vec![0xc0, 0], 64)]
    {
        assert_eq!(Reader(&bytes).signed(), Ok(number));
    }
}

/// A change of so many operations, in columns of so many bytes besides; its keys are all the same.
pub(crate) fn of_runs(ops: u32, key: &[u8], filler: usize) -> Vec<u8> {
    let leb = |mut value: usize| {
        let mut bytes = Vec::new();
        while value >= 0x40 {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    let long = |value: usize| if value < 0x80 { vec![value as u8] } else { [leb(value), vec![]].concat() };
    let keys = [leb(ops as usize), long(key.len()), key.to_vec()].concat();
    let columns = [(0x15, keys), (0x42, [leb(ops as usize), vec![1]].concat()), (0x57, vec![0; filler])];
    let mut body = [vec![0, 24], vec![7; 24], vec![1, 1, 0, 0, 0, columns.len() as u8]].concat();
    columns.iter().for_each(|(spec, data)| body.extend([vec![*spec], long(data.len())].concat()));
    columns.iter().for_each(|(_, data)| body.extend(data));
    let hashed = [vec![CHANGE], long(body.len()), body].concat();
    [&MAGIC[..], &sha256(&[&hashed])[..4], &hashed].concat()
}

#[test]
fn a_run_stands_for_no_more_operations_than_the_change_has_room_for() {
    let read =
        |ops, filler| read_change(&of_runs(ops, b"key", filler), &Limits::DEFAULT).map(|header| header.ops);
    assert_eq!(read(10_000, 40_000), Ok(10_000));
    assert_eq!(read(10_000, 30_000), Err(ChunkRefused::OverLimit));
    assert_eq!(read(10_001, 60_000), Err(ChunkRefused::OverLimit));
}

#[test]
fn a_long_key_is_refused_for_a_run_writes_it_often() {
    let read = |length| {
        let chunk = of_runs(100, &vec![b'k'; length], 2_000);
        read_change(&chunk, &Limits::DEFAULT).map(|header| header.ops)
    };
    assert_eq!(read(512), Ok(100));
    assert_eq!(read(513), Err(ChunkRefused::OverLimit));
}
