//! A change made again under another actor: the same operations, with the numbers that they have there.
//!
//! What lost a fork cannot stay in its document, for its number is taken. Its author writes it again from its bytes: as
//! itself in all that it says, and as new in actor, number, ancestors and operation ids (`sync.md` §7).

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId};
use automerge::{ActorId, Change, ExpandedChange};

use super::chunk::ChangeHeader;
use super::guard::walled;
use crate::ids::{Actor, ChangeHash, sha256};

/// Operations that stand elsewhere now: those of one change that was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Who wrote them.
    pub from: Actor,
    /// The first and the last counter that they had.
    pub counters: (u64, u64),
    /// Who writes them now.
    pub to: Actor,
    /// The counter of the first of them now.
    pub at: u64,
}

impl Moved {
    /// The operations of a change, as those of another.
    pub fn of(old: &ChangeHeader, new: &ChangeHeader) -> Self {
        let counters = (old.start_op, old.max_op());
        Self { from: old.actor, counters, to: new.actor, at: new.start_op }
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

/// The chunk of a change made again. `moved` is where operations that it names stand now, its own included.
///
/// Nothing if the bytes are no change.
pub fn again(chunk: &[u8], anew: Anew, moved: &[Moved]) -> Option<Vec<u8>> {
    walled(|| {
        let mut change = Change::from_bytes(chunk.to_vec()).ok()?.decode();
        for op in &mut change.operations {
            move_op(op, moved);
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

fn move_op(op: &mut Op, moved: &[Moved]) {
    if let ObjectId::Id(id) = &mut op.obj {
        *id = place_of(id, moved);
    }
    if let Key::Seq(ElementId::Id(id)) = &mut op.key {
        *id = place_of(id, moved);
    }
    op.pred = op.pred.iter().map(|id| place_of(id, moved)).collect();
}

fn place_of(id: &OpId, moved: &[Moved]) -> OpId {
    let found = moved.iter().find(|moved| {
        id.1.to_bytes() == moved.from.0 && (moved.counters.0..=moved.counters.1).contains(&id.0)
    });
    match found {
        Some(moved) => OpId(moved.at + (id.0 - moved.counters.0), ActorId::from(moved.to.0)),
        None => id.clone(),
    }
}

/// What a change says, whatever its numbers: equal of a change and of the same change made again. Entities have random
/// keys, so two changes that say the same are the same.
pub fn saying(chunk: &[u8]) -> Option<[u8; 32]> {
    walled(|| {
        let ExpandedChange { operations, time, message, .. } =
            Change::from_bytes(chunk.to_vec()).ok()?.decode();
        let said = operations.iter().map(|op| match &op.key {
            Key::Map(key) => format!("{:?} {key:?} {}", op.action, op.pred.len()),
            Key::Seq(_) => format!("{:?} {} {}", op.action, op.insert, op.pred.len()),
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
        let (mut moved, mut made) = (Vec::new(), Vec::new());
        for (at, chunk) in chain.iter().enumerate() {
            let old = read_change(chunk, &Limits::DEFAULT).unwrap();
            let anew = Anew { actor: actors[2], seq: at as u64 + 1, deps, start_op };
            moved.push(Moved {
                from: old.actor,
                counters: (old.start_op, old.max_op()),
                to: anew.actor,
                at: start_op,
            });
            let new = again(chunk, anew, &moved).unwrap();
            let header = read_change(&new, &Limits::DEFAULT).unwrap();
            assert_eq!((header.time, header.message.clone(), header.ops), (old.time, old.message, old.ops));
            assert_eq!(saying(&new), saying(chunk));
            assert_eq!(moved[at], Moved::of(&read_change(chunk, &Limits::DEFAULT).unwrap(), &header));
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
}
