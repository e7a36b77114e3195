//! A loaded document: from genesis and stored bytes to a value, and back.
//!
//! Loading is strict: a document whose heads are not the stored ones is damaged, never half shown.

use std::collections::{BTreeSet, HashSet};

use automerge::{Automerge, LoadOptions, OnPartialLoad, ReadDoc, VerificationMode};

use super::layout::Kind;
use super::view::View;
use crate::ids::{Actor, ChangeHash};
use crate::wall::walled;

/// A document in memory.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) am: Automerge,
    kind: Kind,
}

/// A change that was just made, as it is stored and signed.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// Its hash.
    pub hash: ChangeHash,
    /// Who wrote it.
    pub actor: Actor,
    /// Its number among its actor's changes, from 1.
    pub seq: u64,
    /// The counter of its last operation.
    pub max_op: u64,
    /// The writer's time, unix seconds.
    pub time: i64,
    /// The operation's code.
    pub message: String,
    /// The chunk as it is stored: deflated where that is shorter.
    pub stored: Vec<u8>,
}

impl NewChange {
    pub(super) fn of(mut change: automerge::Change) -> Self {
        Self {
            hash: ChangeHash(change.hash().0),
            actor: Actor::from_slice(change.actor_id().to_bytes()).unwrap_or(Actor::GENESIS),
            seq: change.seq(),
            max_op: change.max_op(),
            time: change.timestamp(),
            message: change.message().unwrap_or_default().to_owned(),
            stored: change.bytes().into_owned(),
        }
    }
}

/// A stored chunk as it is sent: never deflated. What is stored was made or checked here.
pub fn raw_chunk(stored: &[u8]) -> Result<Vec<u8>, LoadFailed> {
    let change = automerge::Change::from_bytes(stored.to_vec()).map_err(|_| LoadFailed)?;
    Ok(change.raw_bytes().to_vec())
}

/// Stored bytes that are not a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored bytes are not the document that they were")]
pub struct LoadFailed;

impl Document {
    /// The document of a kind before anybody wrote into it.
    pub fn new(kind: Kind) -> Result<Self, LoadFailed> {
        Self::load(kind, kind.genesis_bytes(), &[])
    }

    /// Loads a snapshot, or the genesis, with the changes after it, all at once.
    ///
    /// # Errors
    /// [`LoadFailed`] when any byte is not what it was, or an ancestor is missing.
    pub fn load(kind: Kind, snapshot: &[u8], changes: &[Vec<u8>]) -> Result<Self, LoadFailed> {
        let mut bytes = Vec::with_capacity(snapshot.len() + changes.iter().map(Vec::len).sum::<usize>());
        bytes.extend_from_slice(snapshot);
        for change in changes {
            bytes.extend_from_slice(change);
        }
        let options = LoadOptions::new()
            .on_partial_load(OnPartialLoad::Error)
            .verification_mode(VerificationMode::Check);
        let am = Automerge::load_with_options(&bytes, options).map_err(|_| LoadFailed)?;
        if !am.get_missing_deps(&[]).is_empty() {
            return Err(LoadFailed);
        }
        Ok(Self { am, kind })
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The newest changes: the name of this version, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        let mut heads: Vec<_> = self.am.get_heads().into_iter().map(|hash| ChangeHash(hash.0)).collect();
        heads.sort_unstable();
        heads
    }

    /// The document as it is.
    pub fn view(&self) -> View<'_> {
        View::now(&self.am)
    }

    /// The document as it stood when these changes and their ancestors were all there was.
    ///
    /// A hash that the document does not hold is left out.
    pub fn view_at(&self, heads: &[ChangeHash]) -> View<'_> {
        let known: Vec<ChangeHash> = heads.iter().copied().filter(|hash| self.holds(hash)).collect();
        View::at(&self.am, &known)
    }

    /// Whether the document holds a change.
    pub fn holds(&self, hash: &ChangeHash) -> bool {
        self.am.get_change_meta_by_hash(&automerge::ChangeHash(hash.0)).is_some()
    }

    /// The whole document as one chunk without inner compression.
    pub fn save(&self) -> Vec<u8> {
        self.am.save_nocompress()
    }

    /// A change's chunk as it is sent; regenerated from a snapshot it is identical.
    pub fn raw_change(&self, hash: &ChangeHash) -> Option<Vec<u8>> {
        self.am.get_change_by_hash(&automerge::ChangeHash(hash.0)).map(|change| change.raw_bytes().to_vec())
    }

    /// Every change but the genesis as it is sent, ancestors first.
    pub fn raw_changes(&self) -> Vec<(ChangeHash, Vec<u8>)> {
        let genesis = automerge::ChangeHash(self.kind.genesis_hash().0);
        self.am
            .get_changes(&[])
            .into_iter()
            .filter(|change| change.hash() != genesis)
            .map(|change| (ChangeHash(change.hash().0), change.raw_bytes().to_vec()))
            .collect()
    }

    /// The hashes of every change but the genesis, ancestors first, each with its writer's time.
    pub fn change_times(&self) -> Vec<(ChangeHash, i64)> {
        let genesis = automerge::ChangeHash(self.kind.genesis_hash().0);
        self.am
            .get_changes_meta(&[])
            .into_iter()
            .filter(|meta| meta.hash != genesis)
            .map(|meta| (ChangeHash(meta.hash.0), meta.timestamp))
            .collect()
    }

    /// What a change follows, without the genesis.
    pub fn follows(&self, hash: &ChangeHash) -> Vec<ChangeHash> {
        let meta = self.am.get_change_meta_by_hash(&automerge::ChangeHash(hash.0));
        let deps = meta.map(|meta| meta.deps).unwrap_or_default();
        let genesis = self.kind.genesis_hash();
        deps.iter().map(|dep| ChangeHash(dep.0)).filter(|dep| *dep != genesis).collect()
    }

    /// The newest of those changes that are known together with all that they follow.
    pub fn newest_known(&self, is_known: impl Fn(&ChangeHash) -> bool) -> Vec<ChangeHash> {
        let (mut whole, mut newest) = (HashSet::new(), BTreeSet::new());
        // Ancestors come first.
        for (hash, _) in self.change_times() {
            let follows = self.follows(&hash);
            if is_known(&hash) && follows.iter().all(|dep| whole.contains(dep)) {
                newest.retain(|other| !follows.contains(other));
                whole.insert(hash);
                newest.insert(hash);
            }
        }
        newest.into_iter().collect()
    }

    /// The writers' times of the newest changes.
    pub fn head_times(&self) -> Vec<i64> {
        let heads = self.am.get_heads();
        heads
            .iter()
            .filter_map(|hash| self.am.get_change_meta_by_hash(hash))
            .map(|meta| meta.timestamp)
            .collect()
    }

    /// The key under which an object stands: a container's name, or an entity's. Nothing if the document has no such object.
    pub fn key_of(&self, counter: u64, actor: &Actor) -> Option<String> {
        let id = automerge::ObjId::Id(counter, automerge::ActorId::from(actor.0), 0);
        let parent = walled(|| self.am.parents(&id).ok()?.next())??;
        match parent.prop {
            automerge::Prop::Map(key) => Some(key),
            automerge::Prop::Seq(_) => None,
        }
    }

    /// The number of operations, the genesis included.
    pub fn operations(&self) -> u64 {
        self.am.stats().num_ops
    }
}
