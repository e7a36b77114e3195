//! What changes that lost a fork stand on, and what is in their place once they are made again, or gone for good.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::document::Document;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::document::remake::{self, Anew, Branches, Fates};
use crate::error::Result;
use crate::ids::{ChangeHash, DeviceId};
use crate::storage::StorageFailed;

/// The most branches that a change may stand on and be made again.
const MOST_BRANCHES: usize = 64;

/// A change that lost a fork, or stands on one that did.
pub(super) struct Lost {
    /// Itself, read,
    pub header: ChangeHeader,
    /// and as it came.
    pub chunk: Vec<u8>,
    /// What it says, whatever its numbers.
    pub says: [u8; 32],
    /// Whether it may be made again: what waits for a grant, or for its author's device to be let in, waits for that first.
    pub counts: bool,
}

impl Lost {
    pub fn read(chunk: Vec<u8>) -> Option<Self> {
        let header = chunk::read_change(&chunk, &Limits::DEFAULT).ok()?;
        Some(Self { says: remake::saying(&chunk)?, header, chunk, counts: true })
    }

    pub fn author(&self) -> DeviceId {
        self.header.actor.device()
    }
}

/// What lost changes stand on, as far as it is settled.
pub(super) struct Ground<'a> {
    document: &'a Document,
    /// Each lost change with the branches that it stands on, its own included.
    lost: BTreeMap<ChangeHash, Rc<Branches>>,
    /// The first change of each branch.
    branches: BTreeMap<ChangeHash, &'a ChangeHeader>,
    /// What of the document is in the place of a lost change: what it was made into, or what it followed.
    places: BTreeMap<ChangeHash, Rc<BTreeSet<ChangeHash>>>,
    fates: Fates,
}

impl<'a> Ground<'a> {
    /// Of lost changes, each after what it follows.
    pub fn of(document: &'a Document, changes: &'a [Lost]) -> Self {
        let (mut lost, mut branches) = (BTreeMap::<ChangeHash, Rc<Branches>>::new(), BTreeMap::new());
        for change in changes {
            let header = &change.header;
            let mut beneath = header.deps.iter().filter_map(|dep| lost.get(dep).cloned());
            // Most follow one change, on branches that it names already.
            let mut on = beneath.next().unwrap_or_default();
            for other in beneath {
                if !Rc::ptr_eq(&on, &other) {
                    Rc::make_mut(&mut on).extend(other.iter());
                }
            }
            // Of what stands on more branches than anybody makes, nothing is made again.
            let begins = !on.contains_key(&header.actor);
            if on.len() + usize::from(begins) > MOST_BRANCHES {
                continue;
            }
            if begins {
                branches.insert(header.hash, header);
                Rc::make_mut(&mut on).insert(header.actor, header.hash);
            }
            lost.insert(header.hash, on);
        }
        Self { document, lost, branches, places: BTreeMap::new(), fates: Fates::default() }
    }

    /// The first change of the branch that a change belongs to.
    pub fn branch(&self, change: &Lost) -> Option<&'a ChangeHeader> {
        let of = self.lost.get(&change.header.hash)?.get(&change.header.actor)?;
        self.branches.get(of).copied()
    }

    /// The branches that a change stands on, its own included.
    pub fn on(&self, change: &Lost) -> Option<&Branches> {
        self.lost.get(&change.header.hash).map(Rc::as_ref)
    }

    /// What a change would follow now; nothing as long as that is not settled.
    pub fn beneath(&self, change: &Lost) -> Option<Rc<BTreeSet<ChangeHash>>> {
        // A long chain that is gone stands on the same all along.
        if let [dep] = change.header.deps.as_slice()
            && let Some(place) = self.places.get(dep)
        {
            return Some(place.clone());
        }
        let mut deps = BTreeSet::new();
        for dep in &change.header.deps {
            match self.places.get(dep) {
                Some(place) => deps.extend(place.iter().copied()),
                None if !self.lost.contains_key(dep) && self.document.holds(dep) => drop(deps.insert(*dep)),
                None => return None,
            }
            if deps.len() > Limits::DEFAULT.deps {
                return None;
            }
        }
        Some(Rc::new(deps))
    }

    pub fn stands(&self, change: &Lost) -> bool {
        self.lost.get(&change.header.hash).is_some_and(|on| remake::stands(&change.chunk, &self.fates, on))
    }

    pub fn again(&self, change: &Lost, anew: Anew) -> Option<Vec<u8>> {
        remake::again(&change.chunk, anew, &self.fates, self.lost.get(&change.header.hash)?)
    }

    pub fn is_made(&mut self, old: &Lost, new: &ChangeHeader) {
        self.places.insert(old.header.hash, Rc::new(BTreeSet::from([new.hash])));
        if let Some(branch) = self.branch(old) {
            self.fates.again(branch.hash, &old.header, new);
        }
    }

    pub fn is_gone(&mut self, change: &Lost, deps: Rc<BTreeSet<ChangeHash>>) -> Result<()> {
        let branch = self.branch(change).ok_or_else(damaged)?.hash;
        let on = self.lost.get(&change.header.hash).cloned().unwrap_or_default();
        self.fates.nothing(branch, &change.header, &change.chunk, &on).ok_or_else(damaged)?;
        self.places.insert(change.header.hash, deps);
        Ok(())
    }
}

fn damaged() -> StorageFailed {
    StorageFailed::damaged("evidence")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Kind;
    use crate::ids::Actor;

    fn change(at: u64, actor: u8, deps: Vec<ChangeHash>) -> Lost {
        let mut hash = [actor; 32];
        hash[..8].copy_from_slice(&at.to_be_bytes());
        let header = ChangeHeader {
            hash: ChangeHash(hash),
            actor: Actor([actor; 24]),
            seq: at,
            start_op: at,
            ops: 1,
            deps,
            time: 0,
            message: String::new(),
        };
        Lost { header, chunk: Vec::new(), says: [0; 32], counts: true }
    }

    #[test]
    fn a_long_branch_takes_room_for_its_actors_and_not_for_its_length_squared() {
        let mut changes: Vec<Lost> = Vec::new();
        for at in 1..=20_000 {
            let deps = changes.last().map(|last| last.header.hash).into_iter().collect();
            changes.push(change(at, if at % 1_000 == 0 { 2 } else { 1 }, deps));
        }
        let document = Document::new(Kind::Case).unwrap();
        let ground = Ground::of(&document, &changes);
        let shared: BTreeSet<_> = ground.lost.values().map(Rc::as_ptr).collect();
        assert_eq!(shared.len(), 2, "before and after the second actor came in");
        assert_eq!(ground.branch(&changes[19_999]).map(|branch| branch.seq), Some(1_000));
        assert_eq!(ground.branch(&changes[19_998]).map(|branch| branch.seq), Some(1));
    }

    #[test]
    fn of_a_chain_of_many_actors_only_the_beginning_is_made_again() {
        let mut changes: Vec<Lost> = Vec::new();
        for at in 1..=200 {
            let deps = changes.last().map(|last| last.header.hash).into_iter().collect();
            changes.push(change(at, at as u8, deps));
        }
        let document = Document::new(Kind::Case).unwrap();
        let mut ground = Ground::of(&document, &changes);
        assert!(ground.lost.values().all(|on| on.len() <= MOST_BRANCHES));
        // Each is settled as soon as what it follows is, but for the first above the limit, and what follows that.
        let mut settled = 0;
        for change in &changes {
            if ground.beneath(change).is_some() && ground.branch(change).is_some() {
                ground.is_made(change, &change.header);
                settled += 1;
            }
        }
        assert_eq!(settled, MOST_BRANCHES);
    }
}
