//! What a device makes again of what lost a fork (`sync.md` §7): its own work, onto the branch that is kept.
//!
//! What stands on somebody's work waits until that is made again, as long as its author may do so. Of an author who was
//! ended, who lost the case, or for whom somebody else chose, nothing more is awaited: what others wrote upon it is made
//! again without it, and what writes into an entity that only the lost branch had waits for good.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::Document;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::document::remake::{self, Anew, Fate};
use crate::error::Result;
use crate::ids::{Actor, ChangeHash, DeviceId};
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;
use crate::storage::{Reading, StorageFailed};

/// A change that lost a fork, or stands on one that did.
struct Lost {
    header: ChangeHeader,
    chunk: Vec<u8>,
    says: [u8; 32],
}

impl Lost {
    fn read(chunk: Vec<u8>) -> Option<Self> {
        let header = chunk::read_change(&chunk, &Limits::DEFAULT).ok()?;
        Some(Self { says: remake::saying(&chunk)?, header, chunk })
    }
}

/// What this device is to make again of a document: as which actor, and the changes in order, without their signatures.
/// `is_absent` tells of whom nothing more is awaited.
pub(crate) fn to_make_again(
    reading: &Reading<'_>,
    row: &DocumentRow,
    document: &Document,
    actor: Actor,
    is_absent: impl Fn(DeviceId) -> bool,
) -> Result<Vec<Vec<u8>>> {
    let mut lost = lost(reading, row)?;
    let is_own = |change: &Lost| change.header.actor.device() == actor.device();
    if !lost.iter().any(is_own) {
        return Ok(Vec::new());
    }
    lost.sort_by_key(|change| (change.header.start_op, change.header.actor));
    let made = Made::find(reading, row, document, &lost)?;
    let mut ground = Ground::of(document, &lost);
    let mut again: Vec<(ChangeHeader, Vec<u8>)> = Vec::new();
    for change in &lost {
        if let Some(new) = made.again.get(&change.header.hash) {
            ground.is_made(change, new);
            continue;
        }
        let Some(mut deps) = ground.beneath(change) else { continue };
        if made.waits.contains(&change.header.hash) {
            continue;
        }
        let fates = ground.fates(change);
        let stands = remake::stands(&change.chunk, &fates);
        if stands && !is_own(change) && !is_absent(change.header.actor.device()) {
            continue; // its author will make it again
        }
        if !stands || !is_own(change) {
            ground.is_gone(change, deps, &fates)?;
            continue;
        }
        deps.extend(again.last().map(|(header, _)| header.hash));
        let mut highest = 0;
        for dep in &deps {
            let max_op = match again.iter().find(|(header, _)| header.hash == *dep) {
                Some((header, _)) => header.max_op(),
                None if *dep == document.kind().genesis_hash() => document.kind().containers().len() as u64,
                None => reading.change(row.id, &dep.0)?.map_or(0, |change| change.max_op),
            };
            highest = highest.max(max_op);
        }
        let (seq, start_op) = (again.len() as u64 + 1, highest + 1);
        let anew = Anew { actor, seq, deps: deps.into_iter().collect(), start_op };
        let chunk = remake::again(&change.chunk, anew, &fates).ok_or_else(damaged)?;
        let header = chunk::read_change(&chunk, &Limits::DEFAULT).map_err(|_| damaged())?;
        ground.is_made(change, &header);
        again.push((header, chunk));
    }
    Ok(again.into_iter().map(|(_, chunk)| chunk).collect())
}

fn damaged() -> StorageFailed {
    StorageFailed::damaged("evidence")
}

/// What lost changes stand on, as far as it is settled.
struct Ground<'a> {
    document: &'a Document,
    /// What each lost change follows among the lost.
    lost: BTreeMap<ChangeHash, BTreeSet<ChangeHash>>,
    /// What of the document is in the place of a lost change: what it was made into, or what it followed.
    places: BTreeMap<ChangeHash, BTreeSet<ChangeHash>>,
    fates: BTreeMap<ChangeHash, Fate>,
}

impl<'a> Ground<'a> {
    /// Of lost changes, each after what it follows.
    fn of(document: &'a Document, changes: &[Lost]) -> Self {
        let mut lost: BTreeMap<ChangeHash, BTreeSet<ChangeHash>> = BTreeMap::new();
        for change in changes {
            let mut beneath = BTreeSet::new();
            for dep in &change.header.deps {
                if let Some(theirs) = lost.get(dep) {
                    beneath.extend(theirs);
                    beneath.insert(*dep);
                }
            }
            lost.insert(change.header.hash, beneath);
        }
        Self { document, lost, places: BTreeMap::new(), fates: BTreeMap::new() }
    }

    /// What a change would follow now; nothing as long as that is not settled.
    fn beneath(&self, change: &Lost) -> Option<BTreeSet<ChangeHash>> {
        let mut deps = BTreeSet::new();
        for dep in &change.header.deps {
            match self.places.get(dep) {
                Some(place) => deps.extend(place),
                None if !self.lost.contains_key(dep) && self.document.holds(dep) => drop(deps.insert(*dep)),
                None => return None,
            }
        }
        Some(deps)
    }

    /// What became of the operations that a change may name.
    fn fates(&self, change: &Lost) -> Vec<Fate> {
        let beneath = self.lost.get(&change.header.hash).into_iter().flatten();
        beneath.filter_map(|hash| self.fates.get(hash)).cloned().collect()
    }

    fn is_made(&mut self, old: &Lost, new: &ChangeHeader) {
        self.places.insert(old.header.hash, BTreeSet::from([new.hash]));
        self.fates.insert(old.header.hash, Fate::again(&old.header, new));
    }

    fn is_gone(&mut self, change: &Lost, deps: BTreeSet<ChangeHash>, before: &[Fate]) -> Result<()> {
        let fate = Fate::nothing(&change.header, &change.chunk, before).ok_or_else(damaged)?;
        self.places.insert(change.header.hash, deps);
        self.fates.insert(change.header.hash, fate);
        Ok(())
    }
}

/// What lost a fork in a document, and what waits because it stands on that.
fn lost(reading: &Reading<'_>, row: &DocumentRow) -> Result<Vec<Lost>> {
    let mut lost: Vec<Lost> = reading.lost(&row.document_id)?.into_iter().filter_map(Lost::read).collect();
    // Whatever came back as the branch that is kept is not lost after all.
    let mut kept = BTreeSet::new();
    for change in &lost {
        let held = reading.change(row.id, &change.header.hash.0)?;
        kept.extend(
            held.filter(|held| held.state == ChangeState::Accepted).map(|held| ChangeHash(held.hash)),
        );
    }
    lost.retain(|change| !kept.contains(&change.header.hash));
    if lost.is_empty() {
        return Ok(lost);
    }
    let mut known: BTreeSet<ChangeHash> = lost.iter().map(|change| change.header.hash).collect();
    let mut waiting: Vec<Lost> =
        reading.held_of(row.id)?.into_iter().filter_map(|(_, chunk)| Lost::read(chunk)).collect();
    waiting.sort_by_key(|change| (change.header.start_op, change.header.actor));
    for change in waiting {
        if change.header.deps.iter().any(|dep| known.contains(dep)) && known.insert(change.header.hash) {
            lost.push(change);
        }
    }
    Ok(lost)
}

/// What of the lost was made again, by whomever.
struct Made {
    again: BTreeMap<ChangeHash, ChangeHeader>,
    /// This is held and waits: it is not to be made a second time.
    waits: BTreeSet<ChangeHash>,
}

impl Made {
    fn find(reading: &Reading<'_>, row: &DocumentRow, document: &Document, lost: &[Lost]) -> Result<Self> {
        let authors: BTreeSet<DeviceId> = lost.iter().map(|change| change.header.actor.device()).collect();
        let known: BTreeSet<ChangeHash> = lost.iter().map(|change| change.header.hash).collect();
        let mut found: BTreeMap<_, Vec<(ChangeHeader, bool)>> = BTreeMap::new();
        for held in reading.changes(row.id)? {
            let (hash, device) = (ChangeHash(held.hash), Actor(held.actor).device());
            if !authors.contains(&device) || known.contains(&hash) {
                continue;
            }
            let accepted = held.state == ChangeState::Accepted;
            let chunk = if accepted { document.raw_change(&hash) } else { reading.chunk(held.id)? };
            let Some(change) = chunk.and_then(Lost::read) else { continue };
            found.entry((device, change.says)).or_default().push((change.header, accepted));
        }
        let mut made = Self { again: BTreeMap::new(), waits: BTreeSet::new() };
        found.values_mut().for_each(|changes| changes.sort_by_key(|(header, _)| header.start_op));
        for change in lost {
            let old = &change.header;
            let Some(candidates) = found.get_mut(&(old.actor.device(), change.says)) else { continue };
            let Some(at) = candidates.iter().position(|(new, _)| new.actor != old.actor) else { continue };
            let (new, accepted) = candidates.remove(at);
            if accepted {
                made.again.insert(old.hash, new);
            } else {
                made.waits.insert(old.hash);
            }
        }
        Ok(made)
    }
}
