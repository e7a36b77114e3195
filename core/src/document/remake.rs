//! A change made again under another actor: the same operations, with the numbers that they have there.
//!
//! What lost a fork cannot stay in its document, for its number is taken. Its author writes it again from its bytes: as
//! itself in all that it says, and as new in actor, number, ancestors and operation ids (`sync.md` §7). What it stood on
//! may have been made again too, or be gone for good.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange};

use super::chunk::ChangeHeader;
use crate::ids::{Actor, ChangeHash, sha256};
use crate::wall::walled;

/// Of each actor the lost branches that a change stands on: their first changes. Two branches of one actor give out the same
/// operation ids, and no change stands on both; but one that lost its fork may have forked once more, and what was written
/// then stands on it too. The newest is the last.
pub type Branches = BTreeMap<Actor, Vec<ChangeHash>>;

/// What became of the operations of changes that left their document: by branch and first counter.
#[derive(Debug, Clone, Default)]
pub struct Fates(BTreeMap<(ChangeHash, u64), Fate>);

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
        self.0.insert((branch, old.start_op), Fate { last: old.max_op(), became });
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
        self.0.insert((branch, old.start_op), fate);
        for op in &change.operations {
            // It may have written over an earlier one of its own.
            let next = self.written_over(op, on);
            if let Some(Fate { became: Became::Nothing { over }, .. }) =
                self.0.get_mut(&(branch, old.start_op))
            {
                over.push(next);
            }
        }
        Some(())
    }

    fn place_of(&self, id: &OpId, on: &Branches) -> Place<'_> {
        let actor = <[u8; 24]>::try_from(id.1.to_bytes()).map(Actor);
        let branches = actor.ok().and_then(|actor| on.get(&actor)).into_iter().flatten();
        let found = branches.rev().find_map(|branch| {
            let (of, fate) = self.0.range(..=(*branch, id.0)).next_back()?;
            (of.0 == *branch && id.0 <= fate.last).then(|| (id.0 - of.1, fate))
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

    /// What an operation writes over, as it stands now.
    fn written_over(&self, op: &Op, on: &Branches) -> BTreeSet<OpId> {
        let mut over = BTreeSet::new();
        for id in op.pred.iter() {
            match self.place_of(id, on) {
                Place::Here(id) => drop(over.insert(id)),
                Place::Gone(before) => over.extend(before.into_iter().flatten().cloned()),
            }
        }
        over
    }

    /// Nothing if what the operation is about is gone.
    fn move_op(&self, op: &mut Op, on: &Branches) -> Option<()> {
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
        let over = self.written_over(op, on);
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
        for op in &mut change.operations {
            fates.move_op(op, on)?;
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
        change.operations.iter_mut().try_for_each(|op| fates.move_op(op, on))
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
        let first = read_change(&chain[0], &Limits::DEFAULT).unwrap();
        let on = Branches::from([(actors[0], vec![first.hash])]);
        let (mut fates, mut made) = (Fates::default(), Vec::new());
        for (at, chunk) in chain.iter().enumerate() {
            let old = read_change(chunk, &Limits::DEFAULT).unwrap();
            let anew = Anew { actor: actors[2], seq: at as u64 + 1, deps, start_op };
            let new = again(chunk, anew, &fates, &on).unwrap();
            let header = read_change(&new, &Limits::DEFAULT).unwrap();
            assert_eq!(
                (header.time, header.message.clone(), header.ops),
                (old.time, old.message.clone(), old.ops)
            );
            assert_eq!(saying(&new), saying(chunk));
            fates.again(first.hash, &old, &header);
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
        let branch = headers[0].hash;
        let on = Branches::from([(headers[0].actor, vec![branch])]);
        let mut fates = Fates::default();
        fates.nothing(branch, &headers[0], &chain[0], &on).unwrap();
        let (mut deps, mut start_op) = (kept.heads(), kept.operations() + 1);
        let mut made = Vec::new();
        for (at, (chunk, old)) in chain.iter().zip(&headers).enumerate().skip(1) {
            let new = again(chunk, anew(at, &deps, start_op), &fates, &on);
            assert_eq!(stands(chunk, &fates, &on), new.is_some());
            let new = new?;
            let header = read_change(&new, &Limits::DEFAULT).unwrap();
            fates.again(branch, old, &header);
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
    fn an_operation_from_before_its_branch_stands_where_it_stood() {
        let chunk = |counter: u64, actor: u8| {
            let mut document = Document::new(Kind::Case).unwrap();
            let edits: Vec<Edit> = (0..counter)
                .map(|at| Edit::put(FieldPath::flat("case", "team"), Value::Text(at.to_string())))
                .collect();
            let chunk = commit(&mut document, &edits, stamp(Actor([actor; 24]), 10));
            (read_change(&chunk, &Limits::DEFAULT).unwrap(), chunk)
        };
        let ((low, bytes), (high, other)) = (chunk(2, 7), chunk(3, 8));
        let mut fates = Fates::default();
        // Branches are told apart by their hashes, of which either may be the lower one.
        for (branch, header, bytes) in
            [(ChangeHash([1; 32]), &low, &bytes), (ChangeHash([9; 32]), &high, &other)]
        {
            let late = ChangeHeader { start_op: header.start_op + 100, ..header.clone() };
            let on = Branches::from([(header.actor, vec![branch])]);
            fates.nothing(branch, &late, bytes, &on).unwrap();
            let before = OpId(header.start_op, ActorId::from(header.actor.0));
            assert!(matches!(fates.place_of(&before, &on), Place::Here(id) if id == before));
        }
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
