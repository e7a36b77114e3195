//! A change made again under another actor: the same operations, with the numbers that they have there.
//!
//! What lost a fork cannot stay in its document, for its number is taken. Its author writes it again from its bytes: as
//! itself in all that it says, and as new in actor, number, ancestors and operation ids (`sync.md` §7). What it stood on
//! may have been made again too, or be gone for good.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange};

use super::chunk::{self, ChangeHeader};
use crate::ids::{Actor, ChangeHash, sha256};
use crate::wall::walled;

/// A branch that lost its fork, or forked off one that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    /// Its first change,
    pub first: ChangeHash,
    /// and the counter of the first operation of that.
    pub start_op: u64,
}

/// Of each actor the lost branches that a change stands on. Two branches of one actor give out the same operation ids, and
/// no change stands on both; but one that lost its fork may have forked once more, and what was written then stands on its
/// beginning too. The newest is the last.
pub type Branches = BTreeMap<Actor, Vec<Branch>>;

/// On which of them an actor made an operation.
pub fn branch_of(on: &Branches, actor: &Actor, counter: u64) -> Option<ChangeHash> {
    let of = on.get(actor)?.iter().rev().find(|branch| branch.start_op <= counter)?;
    Some(of.first)
}

/// The most that is kept, of all that is not made again, of what it had written over.
const MOST_OVER: usize = 200_000;

/// What became of the operations of changes that left their document.
#[derive(Debug, Clone, Default)]
pub struct Fates {
    /// By branch and first counter.
    of: BTreeMap<(ChangeHash, u64), Fate>,
    /// How much is kept of what those had written over that are not made again.
    over: usize,
}

/// How much a change of so many operations may write over in all: as much as it may name (`sync.md` §6). Where what it
/// names had written over much, and that is gone, it would become more with every step.
fn room(ops: usize) -> usize {
    ops.saturating_mul(chunk::ROWS_PER_OP as usize).max(chunk::ROWS_OF_ONE as usize)
}

#[derive(Debug, Clone)]
struct Fate {
    /// The last counter.
    last: u64,
    became: Became,
}

#[derive(Debug, Clone)]
enum Became {
    /// The same operations of another actor, from this counter on.
    Again { by: Actor, at: u64 },
    /// Nothing. What wrote over one of them writes over what that had written over.
    Nothing { over: Vec<BTreeSet<OpId>> },
}

/// Where an operation stands now.
enum Place<'a> {
    Here(OpId),
    /// Nowhere; and what it had written over.
    Gone(Option<&'a BTreeSet<OpId>>),
}

impl Fates {
    /// A change of a branch was made again as another.
    pub fn again(&mut self, branch: ChangeHash, old: &ChangeHeader, new: &ChangeHeader) {
        let became = Became::Again { by: new.actor, at: new.start_op };
        self.of.insert((branch, old.start_op), Fate { last: old.max_op(), became });
    }

    /// A change of a branch, the newest that it stands on, is not made again. Nothing if the bytes are no change.
    pub fn nothing(
        &mut self,
        branch: ChangeHash,
        old: &ChangeHeader,
        chunk: &[u8],
        on: &Branches,
    ) -> Option<()> {
        let change = walled(|| Change::from_bytes(chunk.to_vec()).ok().map(|change| change.decode()))??;
        let fate = Fate { last: old.max_op(), became: Became::Nothing { over: Vec::new() } };
        self.of.insert((branch, old.start_op), fate);
        let mut left = room(change.operations.len()).min(MOST_OVER - self.over);
        for op in &change.operations {
            // It may have written over an earlier one of its own. Beyond any measure a person will be asked once more.
            let next = self.written_over(op, on, &mut left).unwrap_or_default();
            self.over += next.len();
            if let Some(Fate { became: Became::Nothing { over }, .. }) =
                self.of.get_mut(&(branch, old.start_op))
            {
                over.push(next);
            }
        }
        Some(())
    }

    fn place_of(&self, id: &OpId, on: &Branches) -> Place<'_> {
        let actor = <[u8; 24]>::try_from(id.1.to_bytes()).map(Actor);
        let branch = actor.ok().and_then(|actor| branch_of(on, &actor, id.0));
        let found = branch.and_then(|branch| {
            let (of, fate) = self.of.range(..=(branch, id.0)).next_back()?;
            (of.0 == branch && id.0 <= fate.last).then(|| (id.0 - of.1, fate))
        });
        match found {
            None => Place::Here(id.clone()),
            Some((index, Fate { became: Became::Again { by, at }, .. })) => {
                Place::Here(OpId(at + index, ActorId::from(by.0)))
            }
            Some((index, Fate { became: Became::Nothing { over }, .. })) => {
                Place::Gone(over.get(index as usize))
            }
        }
    }

    /// What an operation writes over, as it stands now. Nothing if that is more than there is room for.
    fn written_over(&self, op: &Op, on: &Branches, room: &mut usize) -> Option<BTreeSet<OpId>> {
        let mut over = BTreeSet::new();
        for id in op.pred.iter() {
            let place = self.place_of(id, on);
            let takes = if let Place::Gone(before) = &place { before.map_or(0, BTreeSet::len) } else { 1 };
            let Some(left) = room.checked_sub(takes) else {
                *room = 0;
                return None;
            };
            *room = left;
            match place {
                Place::Here(id) => drop(over.insert(id)),
                Place::Gone(before) => over.extend(before.into_iter().flatten().cloned()),
            }
        }
        Some(over)
    }

    /// Nothing if what the operation is about is gone, or it would write over too much.
    fn move_op(&self, op: &mut Op, on: &Branches, room: &mut usize) -> Option<()> {
        let here = |id: &OpId| match self.place_of(id, on) {
            Place::Here(id) => Some(id),
            Place::Gone(_) => None,
        };
        if let ObjectId::Id(id) = &mut op.obj {
            *id = here(id)?;
        }
        if let Key::Seq(ElementId::Id(id)) = &mut op.key {
            *id = here(id)?;
        }
        let over = self.written_over(op, on, room)?;
        // Taking away what is not there is nothing.
        let takes = matches!(op.action, OpType::Delete | OpType::Increment(_));
        (!takes || !over.is_empty()).then(|| op.pred = over.into_iter().collect())
    }
}

/// Where a change is made again.
#[derive(Debug, Clone)]
pub struct Anew {
    /// As whom.
    pub actor: Actor,
    /// Its number.
    pub seq: u64,
    /// What it follows.
    pub deps: Vec<ChangeHash>,
    /// The counter of its first operation: one above the highest of what it follows.
    pub start_op: u64,
}

/// The chunk of a change made again, that stands on branches which left the document.
///
/// Nothing if the bytes are no change, or one that does not stand.
pub fn again(chunk: &[u8], anew: Anew, fates: &Fates, on: &Branches) -> Option<Vec<u8>> {
    walled(|| {
        let mut change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        let old = Actor(change.actor_id.to_bytes().try_into().ok()?);
        let own = change.start_op.get()..change.start_op.get() + change.operations.len() as u64;
        // Its own operations name each other too.
        let moved = |id: &mut OpId| {
            if own.contains(&id.0) && id.1.to_bytes() == old.0 {
                *id = OpId(anew.start_op + (id.0 - own.start), ActorId::from(anew.actor.0));
            }
        };
        let mut left = room(change.operations.len());
        for op in &mut change.operations {
            fates.move_op(op, on, &mut left)?;
            if let ObjectId::Id(id) = &mut op.obj {
                moved(id);
            }
            if let Key::Seq(ElementId::Id(id)) = &mut op.key {
                moved(id);
            }
            let mut over: Vec<OpId> = op.pred.iter().cloned().collect();
            over.iter_mut().for_each(moved);
            op.pred = over.into();
        }
        change.actor_id = ActorId::from(anew.actor.0);
        change.seq = anew.seq;
        change.start_op = std::num::NonZeroU64::new(anew.start_op)?;
        change.deps = anew.deps.iter().map(|hash| automerge::ChangeHash(hash.0)).collect();
        change.deps.sort_unstable();
        change.hash = None;
        Some(Change::from(change).raw_bytes().to_vec())
    })
    .flatten()
}

/// Whether a change can be made again: it writes into nothing that is gone.
pub fn stands(chunk: &[u8], fates: &Fates, on: &Branches) -> bool {
    let stands = walled(|| {
        let mut change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        let mut left = room(change.operations.len());
        change.operations.iter_mut().try_for_each(|op| fates.move_op(op, on, &mut left))
    });
    stands.flatten().is_some()
}

/// What a change says, whatever its numbers: equal of a change and of the same change made again. Two changes of one second
/// may say the same of two entities, which [`about`] tells apart.
pub fn saying(chunk: &[u8]) -> Option<[u8; 32]> {
    walled(|| {
        let ExpandedChange { operations, time, message, .. } =
            Change::from_bytes(chunk.to_vec()).ok()?.decode();
        let said = operations.iter().map(|op| match &op.key {
            Key::Map(key) => format!("{:?} {key:?}", op.action),
            Key::Seq(_) => format!("{:?} {}", op.action, op.insert),
        });
        let said: Vec<String> = said.collect();
        Some(sha256(&[format!("{time} {message:?} {said:?}").as_bytes()]))
    })
    .flatten()
}

/// Of each operation of a change the key of the entity that it writes into, as far as `key_of` knows it by counter and
/// actor; of one that writes into no entity what it writes into.
pub fn about(chunk: &[u8], key_of: impl Fn(u64, &Actor) -> Option<String>) -> Option<Vec<Option<String>>> {
    walled(|| {
        let change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        let own: BTreeMap<u64, String> = made_by(&change).collect();
        let about = change.operations.iter().map(|op| match &op.obj {
            ObjectId::Root => Some(String::new()),
            ObjectId::Id(OpId(at, by)) if *by == change.actor_id && own.contains_key(at) => {
                own.get(at).cloned()
            }
            ObjectId::Id(OpId(at, by)) => key_of(*at, &Actor(by.to_bytes().try_into().ok()?)),
        });
        Some(about.collect())
    })
    .flatten()
}

/// The entities that a change makes: the counters of their operations, and their keys.
pub fn makes(chunk: &[u8]) -> Option<Vec<(u64, String)>> {
    walled(|| {
        let change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        Some(made_by(&change).collect())
    })
    .flatten()
}

fn made_by(change: &ExpandedChange) -> impl Iterator<Item = (u64, String)> {
    let numbered = (change.start_op.get()..).zip(&change.operations);
    numbered.filter_map(|(at, op)| match (&op.action, &op.key) {
        (OpType::Make(_), Key::Map(key)) => Some((at, key.to_string())),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
