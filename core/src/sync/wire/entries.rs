//! Lists: of entries of one size, a byte string each, as digests, numbers of buckets, what is held of logs and documents;
//! and of these.

use super::{Entry, LateWork, MAX_ACTORS, MOST_BUCKETS, PAGE_DIGESTS, PAGE_LOGS, PAGE_VECTORS, list};
use crate::exchange::vector::Holding;
use crate::identity::LogVector;
use crate::identity::cbor::{Malformed, Reader, Writer};
use crate::sync::digest::Digest;

pub(super) fn entries(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|(id, digest)| [*id, *digest].concat()).collect()
}

pub(super) fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    if !bytes.len().is_multiple_of(32) || bytes.len() > 32 * PAGE_DIGESTS {
        return Err(Malformed);
    }
    let entry = |entry: &[u8]| Some((entry.get(..16)?.try_into().ok()?, entry.get(16..)?.try_into().ok()?));
    bytes.chunks_exact(32).map(|bytes| entry(bytes).ok_or(Malformed)).collect()
}

pub(super) fn read_buckets(bytes: &[u8]) -> Result<Vec<Digest>, Malformed> {
    let (digests, rest) = bytes.as_chunks::<16>();
    let fits = digests.is_empty() || digests.len().is_power_of_two() && digests.len() <= MOST_BUCKETS;
    if fits && rest.is_empty() { Ok(digests.to_vec()) } else { Err(Malformed) }
}

/// Numbers of buckets, ascending.
pub(super) fn read_numbers(bytes: &[u8]) -> Result<Vec<u16>, Malformed> {
    let (numbers, rest) = bytes.as_chunks::<2>();
    let numbers: Vec<u16> = numbers.iter().map(|number| u16::from_be_bytes(*number)).collect();
    let fits = numbers.iter().all(|number| usize::from(*number) < MOST_BUCKETS)
        && numbers.is_sorted_by(|a, b| a < b);
    if fits && rest.is_empty() { Ok(numbers) } else { Err(Malformed) }
}

pub(super) fn record_entries(vector: &LogVector) -> Vec<u8> {
    let entry = |(issuer, (number, hash)): (&[u8; 16], &(u64, [u8; 8]))| {
        [issuer.as_slice(), &number.to_be_bytes(), hash].concat()
    };
    vector.iter().flat_map(entry).collect()
}

pub(super) fn read_record_entries(bytes: &[u8]) -> Result<LogVector, Malformed> {
    if !bytes.len().is_multiple_of(32) || bytes.len() > 32 * PAGE_DIGESTS {
        return Err(Malformed);
    }
    let entry = |entry: &[u8]| {
        let number = u64::from_be_bytes(entry.get(16..24)?.try_into().ok()?);
        Some((entry.get(..16)?.try_into().ok()?, (number, entry.get(24..)?.try_into().ok()?)))
    };
    bytes.chunks_exact(32).map(|bytes| entry(bytes).ok_or(Malformed)).collect()
}

pub(super) fn holding(held: &Holding) -> Vec<u8> {
    held.iter()
        .flat_map(|(actor, (seq, hash))| [actor.as_slice(), &seq.to_be_bytes(), hash].concat())
        .collect()
}

pub(super) fn read_holding(bytes: &[u8]) -> Result<Holding, Malformed> {
    if !bytes.len().is_multiple_of(40) || bytes.len() > 40 * MAX_ACTORS {
        return Err(Malformed);
    }
    let entry = |entry: &[u8]| {
        let seq = u64::from_be_bytes(entry.get(24..32)?.try_into().ok()?);
        Some((entry.get(..24)?.try_into().ok()?, (seq, entry.get(32..)?.try_into().ok()?)))
    };
    bytes.chunks_exact(40).map(|bytes| entry(bytes).ok_or(Malformed)).collect()
}

pub(super) fn write_logs(logs: &[([u8; 16], LogVector)]) -> Vec<u8> {
    write_pairs(logs, record_entries)
}

pub(super) fn read_logs(body: &[u8]) -> Result<Vec<([u8; 16], LogVector)>, Malformed> {
    read_pairs(body, PAGE_LOGS, read_record_entries)
}

pub(super) fn write_vectors(vectors: &[([u8; 16], Holding)]) -> Vec<u8> {
    write_pairs(vectors, holding)
}

pub(super) fn read_vectors(body: &[u8]) -> Result<Vec<([u8; 16], Holding)>, Malformed> {
    read_pairs(body, PAGE_VECTORS, read_holding)
}

/// Ids, each with what is held under it.
fn write_pairs<T>(pairs: &[([u8; 16], T)], held: impl Fn(&T) -> Vec<u8>) -> Vec<u8> {
    let mut writer = Writer::array(pairs.len() as u64);
    for (id, value) in pairs {
        writer = writer.nested(2).bytes(id).bytes(&held(value));
    }
    writer.done()
}

fn read_pairs<T>(
    body: &[u8],
    most: usize,
    held: impl Fn(&[u8]) -> Result<T, Malformed>,
) -> Result<Vec<([u8; 16], T)>, Malformed> {
    list(body, most, |reader| {
        of(reader, 2)?;
        Ok((reader.fixed()?, held(reader.bytes()?)?))
    })
}

pub(super) fn write_list(records: &[Vec<u8>]) -> Vec<u8> {
    Writer::array(records.len() as u64).all(records).done()
}

pub(super) fn read_list(body: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    list(body, PAGE_DIGESTS, |reader| Ok(reader.bytes()?.to_vec()))
}

pub(super) fn write_late(work: &[LateWork]) -> Vec<u8> {
    let mut writer = Writer::array(work.len() as u64);
    for (scope, document, held) in work {
        writer = writer.nested(3).bytes(scope).bytes(document).bytes(&holding(held));
    }
    writer.done()
}

pub(super) fn read_late(body: &[u8]) -> Result<Vec<LateWork>, Malformed> {
    list(body, PAGE_VECTORS, |reader| {
        of(reader, 3)?;
        Ok((reader.fixed()?, reader.fixed()?, read_holding(reader.bytes()?)?))
    })
}

/// The beginning of an array of so many.
pub(super) fn of(reader: &mut Reader<'_>, count: u64) -> Result<(), Malformed> {
    if reader.nested()? == count { Ok(()) } else { Err(Malformed) }
}
