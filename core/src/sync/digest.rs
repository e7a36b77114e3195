//! What a store holds, as digests: equal digests, equal holdings (`sync.md` §5).
//!
//! A digest covers what is held, refused and waiting changes included, of one scope at a time: what somebody may not
//! read neither shows in a digest nor keeps it unequal. Everything is answered from rows; no document is loaded.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::exchange::vector::Holding;
use crate::ids::sha256;
use crate::storage::Reading;
use crate::storage::vectors::VectorEntry;
use crate::sync::wire::MOST_BUCKETS;

/// About so many scopes fall into a bucket.
const IN_A_BUCKET: usize = 8;

/// A digest: SHA-256, cut to 16 bytes.
pub type Digest = [u8; 16];

/// One document that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldDocument {
    /// Its row.
    pub row: i64,
    /// What is held of it.
    pub digest: Digest,
}

/// What is held of one scope: documents by id.
pub type HeldScope = BTreeMap<[u8; 16], HeldDocument>;

/// What is held of those scopes that a peer may read, by scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held(pub BTreeMap<[u8; 16], HeldScope>);

impl Held {
    /// What is held of the scopes that somebody may read. A document of which nothing is held is a name that somebody
    /// mentioned: it is left out.
    pub fn of(reading: &Reading<'_>, may_read: impl Fn(&[u8; 16]) -> bool) -> Result<Self> {
        let vectors = reading.vectors()?;
        let mut scopes: BTreeMap<[u8; 16], HeldScope> = BTreeMap::new();
        for row in reading.documents()? {
            let Some(vector) = vectors.get(&row.id).filter(|_| may_read(&row.scope_id)) else { continue };
            let digest = of_document(&row.document_id, vector);
            let held = HeldDocument { row: row.id, digest };
            scopes.entry(row.scope_id).or_default().insert(row.document_id, held);
        }
        Ok(Self(scopes))
    }

    /// The digest over all scopes; nothing where nothing is held.
    pub fn root(&self) -> Option<Digest> {
        self.buckets(1).pop().filter(|_| !self.0.is_empty())
    }

    /// How many buckets the scopes fall into: each then has some eight scopes, and where one differs little is listed in
    /// vain.
    pub fn bucket_count(&self) -> usize {
        self.0.len().div_ceil(IN_A_BUCKET).next_power_of_two().min(MOST_BUCKETS)
    }

    /// The digest of each of so many buckets, a power of two: over its scopes, by id.
    pub fn buckets(&self, count: usize) -> Vec<Digest> {
        let mut buckets = vec![Vec::new(); count];
        for (scope, documents) in &self.0 {
            buckets[bucket_of(scope, count)].extend([*scope, of_scope(documents)].concat());
        }
        buckets.iter().map(|entries| cut(entries)).collect()
    }
}

/// Which of so many buckets, a power of two, a scope falls into: the first bits of its id, which is a hash.
pub fn bucket_of(scope: &[u8; 16], count: usize) -> usize {
    let bits = count.max(1).ilog2();
    usize::from(u16::from_be_bytes([scope[0], scope[1]])) >> (u16::BITS - bits)
}

/// The digest of a document: over its id and its vector.
pub fn of_document(document: &[u8; 16], vector: &[VectorEntry]) -> Digest {
    let mut bytes = document.to_vec();
    for entry in vector {
        bytes.extend_from_slice(&entry.actor);
        bytes.extend_from_slice(&entry.seq.to_be_bytes());
        bytes.extend_from_slice(&entry.hash[..8]);
        entry.branches.iter().for_each(|branch| bytes.extend_from_slice(&branch[..8]));
    }
    cut(&bytes)
}

/// The digest of a scope: over its documents' ids and digests.
pub fn of_scope(documents: &HeldScope) -> Digest {
    cut(&documents.iter().flat_map(|(id, held)| [*id, held.digest].concat()).collect::<Vec<_>>())
}

/// How many changes the owner of `theirs` holds that the owner of `ours` lacks, by their numbers: a peer says what it
/// likes.
pub fn lacking(ours: &Holding, theirs: &Holding) -> u64 {
    theirs
        .iter()
        .map(|(actor, (seq, _))| seq.saturating_sub(ours.get(actor).map_or(0, |(held, _)| *held)))
        .fold(0, u64::saturating_add)
}

fn cut(bytes: &[u8]) -> Digest {
    let mut cut = [0; 16];
    cut.copy_from_slice(&sha256(&[bytes])[..16]);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_over_id_and_sorted_entries() {
        let entry =
            |actor, seq, hash, branches| VectorEntry { actor, seq, hash, branches, top: seq, loose: false };
        let vector = vec![entry([1; 24], 2, [3; 32], vec![]), entry([4; 24], 5, [6; 32], vec![])];
        let mut bytes = vec![9; 16];
        for (actor, seq, hash) in [([1_u8; 24], 2_u64, [3_u8; 8]), ([4; 24], 5, [6; 8])] {
            bytes.extend(actor);
            bytes.extend(seq.to_be_bytes());
            bytes.extend(hash);
        }
        assert_eq!(of_document(&[9; 16], &vector), sha256(&[&bytes])[..16]);
        assert_ne!(of_document(&[8; 16], &vector), of_document(&[9; 16], &vector));
    }

    #[test]
    fn a_known_fork_stands_in_a_digest_with_its_branches() {
        let fork = |branches: Vec<[u8; 32]>| VectorEntry {
            actor: [1; 24],
            seq: 2,
            hash: [3; 32],
            branches,
            top: 3,
            loose: false,
        };
        let bytes =
            [vec![9; 16], vec![1; 24], 2_u64.to_be_bytes().to_vec(), vec![3; 8], vec![4; 8], vec![5; 8]];
        let forked = fork(vec![[4; 32], [5; 32]]);
        assert_eq!(of_document(&[9; 16], std::slice::from_ref(&forked)), sha256(&[&bytes.concat()])[..16]);
        assert_ne!(forked.mark(), fork(vec![[4; 32], [6; 32]]).mark());
        assert_eq!(fork(Vec::new()).mark(), [3; 8], "without a fork it is the hash");
    }

    #[test]
    fn nothing_held_has_no_root_and_each_document_changes_it() {
        assert_eq!(Held::default().root(), None);
        let scope = |digest| HeldScope::from([([1; 16], HeldDocument { row: 1, digest })]);
        let one = Held(BTreeMap::from([([7; 16], scope([2; 16]))]));
        let other = Held(BTreeMap::from([([7; 16], scope([3; 16]))]));
        assert!(one.root().is_some());
        assert_ne!(one.root(), other.root());
    }

    #[test]
    fn scopes_fall_into_buckets_by_the_first_bits_of_their_ids() {
        let scope = |first: u8, second: u8| [first, second, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];
        assert_eq!(bucket_of(&scope(0xff, 0xff), 1), 0);
        assert_eq!([bucket_of(&scope(0x7f, 0), 2), bucket_of(&scope(0x80, 0), 2)], [0, 1]);
        assert_eq!(bucket_of(&scope(0xab, 0xcd), 4_096), 0xabc);
        let held = |count: u8| {
            let scopes = (0..count).map(|at| (scope(at, at), HeldScope::new()));
            Held(scopes.collect())
        };
        assert_eq!([0, 8, 9, 200].map(|count| held(count).bucket_count()), [1, 1, 2, 32]);
        let (some, more) = (held(63), held(64));
        assert_eq!(Some(some.buckets(1)[0]), some.root());
        // One more scope changes the bucket into which it falls, and no other.
        let differ: Vec<usize> = (0..8).filter(|at| some.buckets(8)[*at] != more.buckets(8)[*at]).collect();
        assert_eq!(differ, [bucket_of(&scope(63, 63), 8)]);
    }

    #[test]
    fn lacking_counts_what_the_other_has_more_of() {
        let holding = |seqs: &[(u8, u64)]| {
            seqs.iter().map(|(actor, seq)| ([*actor; 24], (*seq, [0; 8]))).collect::<Holding>()
        };
        assert_eq!(lacking(&holding(&[(1, 3)]), &holding(&[(1, 5), (2, 4)])), 6);
        assert_eq!(lacking(&holding(&[(1, 5), (3, 1)]), &holding(&[(1, 3)])), 0);
        assert_eq!(lacking(&holding(&[]), &holding(&[(1, u64::MAX), (2, 1)])), u64::MAX);
    }
}
