//! Lists of entries of one size, a byte string each: digests, numbers of buckets, what is held of logs and documents.

use super::{Entry, MAX_ACTORS, MOST_BUCKETS, PAGE_DIGESTS};
use crate::exchange::vector::Holding;
use crate::identity::LogVector;
use crate::identity::cbor::Malformed;
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
