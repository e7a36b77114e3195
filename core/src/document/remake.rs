//! A change made again under another actor: the same operations, with the numbers that they have there.
//!
//! What lost a fork cannot stay in its document, for its number is taken. Its author writes it again from its bytes: as
//! itself in all that it says, and as new in actor, number, ancestors and operation ids (`sync.md` §7). What it stood on
//! may have been made again too, or be gone for good.

use std::collections::BTreeSet;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange};

use super::chunk::ChangeHeader;
use super::guard::walled;
use crate::ids::{Actor, ChangeHash, sha256};

/// What became of the operations of a change that left its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Who wrote them.
    from: Actor,
    /// The first and the last counter that they had.
    counters: (u64, u64),
    became: Became,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Became {
    /// The same operations of another actor, from this counter on.
    Again { by: Actor, at: u64 },
    /// Nothing. What wrote over one of them writes over what that had written over.
    Nothing { over: Vec<BTreeSet<OpId>> },
}

impl Fate {
    /// A change was made again as another.
    pub fn again(old: &ChangeHeader, new: &ChangeHeader) -> Self {
        let became = Became::Again { by: new.actor, at: new.start_op };
        Self { from: old.actor, counters: (old.start_op, old.max_op()), became }
    }

    /// A change is not made again. Nothing if the bytes are no change.
    pub fn nothing(old: &ChangeHeader, chunk: &[u8], before: &[Self]) -> Option<Self> {
        let change = walled(|| Change::from_bytes(chunk.to_vec()).ok().map(|change| change.decode()))??;
        let (counters, became) = ((old.start_op, old.max_op()), Became::Nothing { over: Vec::new() });
        let own = Self { from: old.actor, counters, became };
        let mut fates: Vec<Self> = before.iter().cloned().chain([own]).collect();
        for op in &change.operations {
            // It may have written over an earlier one of its own.
            let next = written_over(op, &fates);
            if let Some(Self { became: Became::Nothing { over }, .. }) = fates.last_mut() {
                over.push(next);
            }
        }
        fates.pop()
    }

    /// The place of one of the operations in its change.
    fn index(&self, id: &OpId) -> Option<u64> {
        let is_one = id.1.to_bytes() == self.from.0 && (self.counters.0..=self.counters.1).contains(&id.0);
        is_one.then(|| id.0 - self.counters.0)
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

/// The chunk of a change made again. `fates` is what became of what it stood on, and left its document.
///
/// Nothing if the bytes are no change, or one that does not stand.
pub fn again(chunk: &[u8], anew: Anew, fates: &[Fate]) -> Option<Vec<u8>> {
    walled(|| {
        let mut change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        let old = Actor(change.actor_id.to_bytes().try_into().ok()?);
        let first = change.start_op.get();
        // Its own operations name each other too.
        let own = Fate {
            from: old,
            counters: (first, (first + change.operations.len() as u64).saturating_sub(1)),
            became: Became::Again { by: anew.actor, at: anew.start_op },
        };
        let fates: Vec<Fate> = fates.iter().cloned().chain([own]).collect();
        for op in &mut change.operations {
            move_op(op, &fates)?;
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
pub fn stands(chunk: &[u8], fates: &[Fate]) -> bool {
    let stands = walled(|| {
        let mut change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        change.operations.iter_mut().try_for_each(|op| move_op(op, fates))
    });
    stands.flatten().is_some()
}

/// Nothing if what the operation is about is gone.
fn move_op(op: &mut Op, fates: &[Fate]) -> Option<()> {
    if let ObjectId::Id(id) = &mut op.obj {
        *id = place_of(id, fates)?;
    }
    if let Key::Seq(ElementId::Id(id)) = &mut op.key {
        *id = place_of(id, fates)?;
    }
    let over = written_over(op, fates);
    // Taking away what is not there is nothing.
    let takes = matches!(op.action, OpType::Delete | OpType::Increment(_));
    (!takes || !over.is_empty()).then(|| op.pred = over.into_iter().collect())
}

/// Where an operation stands now, if it is not gone.
fn place_of(id: &OpId, fates: &[Fate]) -> Option<OpId> {
    match fates.iter().find_map(|fate| Some((fate, fate.index(id)?))) {
        None => Some(id.clone()),
        Some((Fate { became: Became::Again { by, at }, .. }, index)) => {
            Some(OpId(at + index, ActorId::from(by.0)))
        }
        Some((Fate { became: Became::Nothing { .. }, .. }, _)) => None,
    }
}

/// What an operation writes over, as it stands now.
fn written_over(op: &Op, fates: &[Fate]) -> BTreeSet<OpId> {
    let mut over = BTreeSet::new();
    for id in op.pred.iter() {
        match fates.iter().find_map(|fate| Some((fate, fate.index(id)?))) {
            Some((Fate { became: Became::Nothing { over: before }, .. }, index)) => {
                over.extend(before.get(index as usize).into_iter().flatten().cloned());
            }
            _ => over.extend(place_of(id, fates)),
        }
    }
    over
}

/// What a change says, whatever its numbers: equal of a change and of the same change made again. Entities have random
/// keys, so two changes that say the same are the same.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::chunk::{Limits, read_change};
    use crate::document::{Document, Edit, FieldPath, Kind, Stamp, Value, guard};

    fn stamp(actor: Actor, time: i64) -> Stamp {
        Stamp { code: "test", command: None, actor, time }
    }

    fn commit(document: &mut Document, edits: &[Edit], stamp: Stamp) -> Vec<u8> {
        let change = document.commit(edits, stamp).unwrap().unwrap();
        document.raw_change(&change.hash).unwrap()
    }

    #[test]
    fn a_chain_of_changes_says_the_same_under_another_actor_and_other_numbers() {
        let actors: Vec<Actor> = (1..=3).map(|at| Actor([at; 24])).collect();
        let create =
            |key: &str| Edit::create("participants", key, [("name".to_owned(), Value::Text(key.to_owned()))]);
        let rename =
            |name: &str| Edit::put(FieldPath::of("participants", "k", "name"), Value::Text(name.to_owned()));
        let mut lost = Document::new(Kind::Case).unwrap();
        let chain = [
            commit(&mut lost, &[create("k")], stamp(actors[0], 10)),
            commit(&mut lost, &[rename("Léa")], stamp(actors[0], 20)),
        ];
        // The kept branch is longer, so the counters differ.
        let mut kept = Document::new(Kind::Case).unwrap();
        commit(&mut kept, &[create("x"), create("y")], stamp(actors[1], 15));
        let mut deps = kept.heads();
        let mut start_op = kept.operations() + 1;
        let (mut fates, mut made) = (Vec::new(), Vec::new());
        for (at, chunk) in chain.iter().enumerate() {
            let old = read_change(chunk, &Limits::DEFAULT).unwrap();
            let anew = Anew { actor: actors[2], seq: at as u64 + 1, deps, start_op };
            let new = again(chunk, anew, &fates).unwrap();
            let header = read_change(&new, &Limits::DEFAULT).unwrap();
            assert_eq!(
                (header.time, header.message.clone(), header.ops),
                (old.time, old.message.clone(), old.ops)
            );
            assert_eq!(saying(&new), saying(chunk));
            fates.push(Fate::again(&old, &header));
            (deps, start_op) = (vec![header.hash], header.max_op() + 1);
            made.push((header.hash, new));
        }
        assert_ne!(saying(&chain[0]), saying(&chain[1]));
        let applied = guard::apply(&kept, &made);
        assert_eq!(applied.poisoned, []);
        let person = applied.document.view().entity("participants", "k").unwrap();
        assert_eq!(person.fields["name"].value, Value::Text("Léa".to_owned()));
        assert!(person.fields["name"].rivals.is_empty(), "the later name follows the earlier one");
    }

    /// What is made again without the first change of a chain, as the third actor after the second's.
    fn without_the_first(chain: &[Vec<u8>], kept: &Document) -> Option<Document> {
        let headers: Vec<ChangeHeader> =
            chain.iter().map(|chunk| read_change(chunk, &Limits::DEFAULT).unwrap()).collect();
        let mut fates = vec![Fate::nothing(&headers[0], &chain[0], &[]).unwrap()];
        let (mut deps, mut start_op) = (kept.heads(), kept.operations() + 1);
        let mut made = Vec::new();
        for (at, (chunk, old)) in chain.iter().zip(&headers).enumerate().skip(1) {
            assert_eq!(stands(chunk, &fates), again(chunk, anew(at, &deps, start_op), &fates).is_some());
            let new = again(chunk, anew(at, &deps, start_op), &fates)?;
            let header = read_change(&new, &Limits::DEFAULT).unwrap();
            fates.push(Fate::again(old, &header));
            (deps, start_op) = (vec![header.hash], header.max_op() + 1);
            made.push((header.hash, new));
        }
        let applied = guard::apply(kept, &made);
        assert_eq!(applied.poisoned, []);
        Some(applied.document)
    }

    fn anew(seq: usize, deps: &[ChangeHash], start_op: u64) -> Anew {
        Anew { actor: Actor([3; 24]), seq: seq as u64, deps: deps.to_vec(), start_op }
    }

    #[test]
    fn what_wrote_over_a_change_that_is_gone_writes_over_what_that_had_written_over() {
        let team = |team: &str| Edit::put(FieldPath::flat("case", "team"), Value::Text(team.to_owned()));
        let mut base = Document::new(Kind::Case).unwrap();
        commit(&mut base, &[team("north")], stamp(Actor([1; 24]), 10));
        let mut lost = base.clone();
        let chain = [
            commit(&mut lost, &[team("west"), team("south")], stamp(Actor([2; 24]), 20)),
            commit(&mut lost, &[team("east")], stamp(Actor([2; 24]), 30)),
        ];
        let rest = without_the_first(&chain, &base).unwrap();
        let field = rest.view().fields("case").fields["team"].clone();
        assert_eq!(field.value, Value::Text("east".to_owned()));
        assert!(field.rivals.is_empty(), "it had seen what was there before: {:?}", field.rivals);
    }

    #[test]
    fn what_writes_into_an_entity_that_is_gone_does_not_stand() {
        let base = Document::new(Kind::Case).unwrap();
        let mut lost = base.clone();
        let name = |name: &str| ("name".to_owned(), Value::Text(name.to_owned()));
        let chain = [
            commit(&mut lost, &[Edit::create("participants", "k", [name("Ana")])], stamp(Actor([2; 24]), 20)),
            commit(
                &mut lost,
                &[Edit::put(FieldPath::of("participants", "k", "name"), Value::Text("Léa".to_owned()))],
                stamp(Actor([2; 24]), 30),
            ),
        ];
        assert!(without_the_first(&chain, &base).is_none());
    }
}
