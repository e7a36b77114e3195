//! What changes that lost a fork stand on, and what is in their place once they are made again, or gone for good.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::document::Document;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::document::remake::{self, Anew, Branch, Branches, Fates};
use crate::error::Result;
use crate::ids::{ChangeHash, DeviceId};
use crate::storage::StorageFailed;

/// The most branches that a change may stand on, of all actors, and be made again.
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
        let mut numbers: BTreeSet<(ChangeHash, u64)> = BTreeSet::new();
        for change in changes {
            let header = &change.header;
            let mut beneath = header.deps.iter().filter_map(|dep| lost.get(dep).cloned());
            // Most follow one change, on branches that it names already.
            let mut on = beneath.next().unwrap_or_default();
            for other in beneath {
                if !Rc::ptr_eq(&on, &other) {
                    join(Rc::make_mut(&mut on), &other);
                }
            }
            // Of what stands on more branches than anybody makes, nothing is made again.
            let own = on.get(&header.actor).and_then(|of| of.last()).map(|branch| branch.first);
            let begins = own.is_none_or(|branch| numbers.contains(&(branch, header.seq)));
            if on.values().map(Vec::len).sum::<usize>() + usize::from(begins) > MOST_BRANCHES {
                continue;
            }
            if begins {
                branches.insert(header.hash, header);
                let branch = Branch { first: header.hash, start_op: header.start_op };
                Rc::make_mut(&mut on).entry(header.actor).or_default().push(branch);
            }
            numbers.insert((own.filter(|_| !begins).unwrap_or(header.hash), header.seq));
            lost.insert(header.hash, on);
        }
        Self { document, lost, branches, places: BTreeMap::new(), fates: Fates::default() }
    }

    /// The first change of the branch that a change belongs to: the one that lost its fork to what is in the document.
    pub fn branch(&self, change: &Lost) -> Option<&'a ChangeHeader> {
        self.branches.get(&self.own_branches(change)?.first()?.first).copied()
    }

    /// That branch, or the newest that forked off it and that the change belongs to.
    pub fn newest_branch(&self, change: &Lost) -> Option<ChangeHash> {
        self.own_branches(change)?.last().map(|branch| branch.first)
    }

    fn own_branches(&self, change: &Lost) -> Option<&Vec<Branch>> {
        self.on(change)?.get(&change.header.actor)
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
        if let Some(branch) = self.newest_branch(old) {
            self.fates.again(branch, &old.header, new);
        }
    }

    pub fn is_gone(&mut self, change: &Lost, deps: Rc<BTreeSet<ChangeHash>>) -> Result<()> {
        let branch = self.newest_branch(change).ok_or_else(damaged)?;
        let on = self.lost.get(&change.header.hash).cloned().unwrap_or_default();
        self.fates.nothing(branch, &change.header, &change.chunk, &on).ok_or_else(damaged)?;
        self.places.insert(change.header.hash, deps);
        Ok(())
    }
}

/// Of two that a change follows, one may have seen more of an actor than the other.
fn join(on: &mut Branches, other: &Branches) {
    for (actor, of) in other {
        let here = on.entry(*actor).or_default();
        if here.len() < of.len() {
            here.clone_from(of);
        }
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
    fn a_branch_that_forked_once_more_is_told_from_what_it_forked_off() {
        let first = change(1, 1, Vec::new());
        let of = |at: u64, last: u8, deps: &[&Lost]| {
            let mut change = change(at, 1, deps.iter().map(|dep| dep.header.hash).collect());
            change.header.hash.0[31] = last;
            change
        };
        let (one, other) = (of(2, 1, &[&first]), of(2, 2, &[&first]));
        // Others have seen the beginning of it, or one of the two.
        let begun = change(3, 2, vec![first.header.hash]);
        let seen = |actor, half: &Lost| change(4, actor, vec![begun.header.hash, half.header.hash]);
        let (of_one, of_other) = (seen(3, &one), seen(4, &other));
        let late = of(5, 0, &[&begun, &one]);
        let changes = [first, one, other, begun, of_one, late, of_other];
        let document = Document::new(Kind::Case).unwrap();
        let ground = Ground::of(&document, &changes);
        let [first, other] = [0, 2].map(|at| changes[at].header.hash);
        let of_first = |at: usize| {
            let on = &ground.on(&changes[at]).unwrap()[&Actor([1; 24])];
            on.iter().map(|branch| branch.first).collect::<Vec<_>>()
        };
        assert_eq!([2, 6].map(of_first), [[first, other], [first, other]]);
        assert!([0, 1, 3, 4, 5].iter().all(|at| of_first(*at) == [first]));
        assert_eq!(ground.newest_branch(&changes[2]), Some(other));
        assert!([0, 1, 2, 5].iter().all(|at| ground.branch(&changes[*at]).unwrap().hash == first));
    }

    #[test]
    fn long_halves_of_a_branch_are_two_branches() {
        let mut changes = vec![change(1, 1, Vec::new())];
        let mut last = [changes[0].header.hash; 2];
        for at in 2..=200 {
            for (half, last) in last.iter_mut().enumerate() {
                let mut next = change(at, 1, vec![*last]);
                next.header.hash.0[31] = half as u8;
                *last = next.header.hash;
                changes.push(next);
            }
        }
        let document = Document::new(Kind::Case).unwrap();
        let ground = Ground::of(&document, &changes);
        let branches: BTreeSet<_> = changes.iter().map(|change| ground.newest_branch(change)).collect();
        assert_eq!(branches.len(), 2);
        assert!(ground.lost.values().all(|on| on[&Actor([1; 24])].len() <= 2));
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
