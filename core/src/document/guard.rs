//! The last step of taking in somebody else's changes: Automerge itself, behind a wall.
//!
//! Everything before this step has been checked without Automerge. Here a copy of the document takes the changes, is
//! saved, loaded and read; a panic anywhere refuses what caused it and leaves the document as it was (`sync.md` §6,
//! step 9). Three findings set the shape: applied one by one, changes cost quadratic time, so a batch is applied at
//! once; a document that took concurrent changes keeps quadratic memory until it is reloaded, so it always is; and
//! taking many of them costs quadratic time and memory, so then the document is built anew from all its changes.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{ObjectId, OpId};
use automerge::{Automerge, Change, ReadDoc};

use super::chunk::{self, Limits};
use super::handle::Document;
use super::layout::Kind;
use crate::ids::{Actor, ChangeHash, DeviceId};
use crate::wall::walled;

/// What became of a batch. What is neither in the document nor poisoned was not tried to the end.
#[derive(Debug)]
pub struct Applied {
    /// The document with every change that it could take, freshly loaded.
    pub document: Document,
    /// The changes that it did not take: they, or what they depend on, made Automerge fail.
    pub poisoned: Vec<ChangeHash>,
}

/// Each failure costs several loads of the document. After so many of one device in a batch, its others wait for the
/// next one: somebody could fill batches with nothing else.
const MOST_POISONED: usize = 4;

/// From so many changes on, the copy is no clone that takes them: it is built anew, from the document's own changes and
/// these. A clone is torn where each of them goes in, which costs quadratic time and memory; building costs what the
/// document has. Times cross at 50 to 80 changes, peaks earlier (measured: `docs/performance.md`, Q1).
const ANEW: usize = 64;

/// Bytes of a signature beside a document.
pub const SIGNATURE: usize = 64;

/// Applies changes, ancestors first, to a copy of the document.
///
/// A batch that fails is halved until the change that fails stands alone; the rest goes in, but for what a device sends
/// that has failed too often.
pub fn apply(document: &Document, changes: &[(ChangeHash, Vec<u8>)]) -> Applied {
    apply_anew_from(ANEW, document, changes)
}

/// As [`apply`], with another number of changes than [`ANEW`] from which the document is built anew: for whoever
/// compares both ways.
pub fn apply_anew_from(anew: usize, document: &Document, changes: &[(ChangeHash, Vec<u8>)]) -> Applied {
    let mut halving = Halving {
        base: document,
        current: None,
        poisoned: Vec::new(),
        failed: BTreeMap::new(),
        left: BTreeSet::new(),
        anew,
    };
    halving.take(changes);
    let document = halving.current.unwrap_or_else(|| document.clone());
    Applied { document, poisoned: halving.poisoned }
}

struct Halving<'a> {
    base: &'a Document,
    current: Option<Document>,
    poisoned: Vec<ChangeHash>,
    /// How often each device's changes failed.
    failed: BTreeMap<DeviceId, usize>,
    /// Changes that are not tried any more, and those that follow them.
    left: BTreeSet<ChangeHash>,
    anew: usize,
}

impl Halving<'_> {
    fn take(&mut self, changes: &[(ChangeHash, Vec<u8>)]) {
        if self.failed.values().any(|times| *times >= MOST_POISONED) {
            let rest: Vec<_> = changes.iter().filter(|change| self.is_tried(change)).cloned().collect();
            if rest.len() < changes.len() {
                return self.take(&rest);
            }
        }
        if changes.is_empty() {
            return;
        }
        let document = self.current.as_ref().unwrap_or(self.base);
        if let Some(document) = attempt(document, changes, changes.len() >= self.anew) {
            self.current = Some(document);
        } else if let [(hash, chunk)] = changes {
            self.poisoned.push(*hash);
            if let Ok(header) = chunk::read_change(chunk, &Limits::DEFAULT) {
                *self.failed.entry(header.actor.device()).or_default() += 1;
            }
        } else {
            let (first, second) = changes.split_at(changes.len() / 2);
            self.take(first);
            self.take(second);
        }
    }

    /// Whether a change is still tried: its device has not failed too often, and it follows none that is not.
    fn is_tried(&mut self, (hash, chunk): &(ChangeHash, Vec<u8>)) -> bool {
        let Ok(header) = chunk::read_change(chunk, &Limits::DEFAULT) else { return true };
        let failed = self.failed.get(&header.actor.device()).is_some_and(|times| *times >= MOST_POISONED);
        let left = failed || header.deps.iter().any(|dep| self.left.contains(dep));
        if left {
            self.left.insert(*hash);
        }
        !left
    }
}

/// The document with all of the changes, or nothing.
fn attempt(document: &Document, changes: &[(ChangeHash, Vec<u8>)], anew: bool) -> Option<Document> {
    let kind = document.kind();
    walled(|| {
        let parsed: Vec<Change> =
            changes.iter().map(|(_, bytes)| Change::from_bytes(bytes.clone()).ok()).collect::<Option<_>>()?;
        if parsed.iter().zip(changes).any(|(change, (hash, _))| change.hash().0 != hash.0) {
            return None;
        }
        if parsed.iter().any(|change| disturbs(kind, change)) {
            return None;
        }
        let copy = with_all(&document.am, parsed, anew)?;
        if !copy.get_missing_deps(&[]).is_empty() {
            return None;
        }
        let reloaded = Document::load(kind, &copy.save_nocompress(), &[]).ok()?;
        let mut heads: Vec<_> = copy.get_heads().iter().map(|hash| ChangeHash(hash.0)).collect();
        heads.sort_unstable();
        if reloaded.heads() != heads || !changes.iter().all(|(hash, _)| reloaded.holds(hash)) {
            return None;
        }
        read_everything(&reloaded);
        Some(reloaded)
    })
    .flatten()
}

/// A copy of a document with changes; `anew` says that it is built from every change, instead of cloned.
fn with_all(document: &Automerge, changes: Vec<Change>, anew: bool) -> Option<Automerge> {
    if !anew {
        let mut copy = document.clone();
        copy.apply_changes(changes).ok()?;
        return Some(copy);
    }
    // Automerge itself sorts a batch so that ancestors come first.
    let mut all = document.get_changes(&[]);
    all.extend(changes);
    let mut copy = Automerge::new();
    copy.apply_changes(all).ok()?;
    Some(copy)
}

/// Whether a change touches what the genesis made, or deletes or replaces an entity: no version of Caseplan does.
///
/// Without its containers a document can be read and never be written again. It is judged by the change alone, so
/// that every device judges alike.
fn disturbs(kind: Kind, change: &Change) -> bool {
    change.decode().operations.iter().any(|op| match &op.obj {
        ObjectId::Root => true,
        ObjectId::Id(OpId(counter, actor)) if actor.to_bytes() == Actor::GENESIS.0 => {
            let container =
                usize::try_from(*counter).ok().and_then(|at| kind.containers().get(at.wrapping_sub(1)));
            container.is_none_or(|container| !kind.is_flat(container) && !op.pred.is_empty())
        }
        ObjectId::Id(_) => false,
    })
}

/// Loads a snapshot that a peer sent, within the limits, and reads all of it. Of a kind that is not known here its changes
/// can be read, which are all but the genesis, and nothing else. It is loaded only if it has so many changes besides the
/// genesis as are signed: loading costs more the more there are.
///
/// # Errors
/// [`chunk::ChunkRefused`] when it is over a limit, is no document, has another number of changes, or makes Automerge fail.
pub fn changes_of_snapshot(
    kind: Option<Kind>,
    genesis: &ChangeHash,
    bytes: &[u8],
    signed: usize,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, chunk::ChunkRefused> {
    let size = chunk::check_document(bytes, limits)?;
    if size.changes != signed as u64 + 1 {
        return Err(chunk::ChunkRefused::Unsigned);
    }
    if chunk::is_too_dense(size.ops, bytes.len() + SIGNATURE * signed) {
        return Err(chunk::ChunkRefused::OverLimit);
    }
    walled(|| {
        let document = Document::load(kind.unwrap_or(Kind::Case), bytes, &[]).ok()?;
        if !document.holds(genesis) {
            return None;
        }
        if kind.is_some() {
            read_everything(&document);
        }
        let changes = document.raw_changes().into_iter().filter(|(hash, _)| hash != genesis);
        Some(changes.map(|(_, chunk)| chunk).collect())
    })
    .flatten()
    .ok_or(chunk::ChunkRefused::Malformed)
}

/// Reads every entity, as the projections will.
fn read_everything(document: &Document) {
    let view = document.view();
    for container in document.kind().containers() {
        if document.kind().is_flat(container) {
            view.fields(container);
        } else {
            view.entities(container);
        }
    }
}

#[cfg(test)]
mod tests;
