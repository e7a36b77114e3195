//! What a device makes again of what lost a fork (`sync.md` §7): its own work, onto the branch that is kept.
//!
//! What stands on somebody's work waits until that is made again, as long as its author may do so. Of an author who was
//! ended, who lost the case, or for whom somebody else chose, nothing more is awaited: what others wrote upon it is made
//! again without it, and what writes into an entity that only the lost branch had waits. An author who is here may have
//! lost what it made again, set back to an older copy once more. A person may decide that this device makes the lost
//! branch again in its author's place, in this device's name, and what its author wrote upon others'.

use std::collections::{BTreeMap, BTreeSet};

use super::fork::Choices;
use super::ground::{Ground, Lost};
use crate::document::Document;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::document::remake::{self, Anew, Branches};
use crate::error::Result;
use crate::ids::{Actor, ChangeHash, DeviceId, mark, sha256};
use crate::storage::Reading;
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;

/// Of whom nothing more is awaited.
pub(crate) struct Absent<'a> {
    /// Devices that are absent,
    pub device: &'a dyn Fn(DeviceId) -> bool,
    /// those that were ever let in, whose work may be made again in their place,
    pub let_in: &'a dyn Fn(DeviceId) -> bool,
    /// and branches that somebody else chose against.
    pub choices: &'a Choices,
}

impl Absent<'_> {
    /// Whether the author of a change on a branch need not make it again.
    fn is(&self, change: &Lost, branch: &ChangeHeader) -> bool {
        let choice = self.choices.get(&(branch.actor, branch.seq));
        choice.is_some_and(|choice| choice.kept.by_another) || (self.device)(change.author())
    }
}

/// The actor as which a device makes a branch again. Two copies of a device that do so make the same changes. In another
/// author's place half of its bytes are a mark, by which everybody knows whose work it is.
fn actor_for(device: DeviceId, author: DeviceId, branch: &ChangeHash) -> Actor {
    let mut incarnation = mark(&sha256(&[b"caseplan/again/1", &branch.0]));
    if author != device {
        incarnation[..4].copy_from_slice(&mark_of(author));
    }
    Actor::new(device, incarnation)
}

fn mark_of(author: DeviceId) -> [u8; 4] {
    let hash = sha256(&[b"caseplan/again/1", author.as_bytes()]);
    [hash[0], hash[1], hash[2], hash[3]]
}

/// What an author wrote that lost a fork, or stands on what did, and was not made again.
pub(crate) struct LeftBehind {
    /// How many changes.
    pub changes: u64,
    /// The time of the first, unix seconds.
    pub from: i64,
    /// The time of the last.
    pub to: i64,
    /// Whether the author may still make it again.
    pub awaited: bool,
    /// Whether a device can make some of it again in the author's place: all that it stands on is here.
    pub can_be_made: bool,
}

/// A change that counts and was not made again.
struct Unmade<'a> {
    change: &'a Lost,
    /// Whether its author may still do so.
    awaited: bool,
    /// Whether nobody passes it on, or its author may not make it again. What somebody who is here wrote upon a lost branch
    /// is a held change like others.
    left: bool,
}

/// What was not made again in a document, of devices that were ever let in.
fn unmade<'a>(
    reading: &Reading<'_>,
    row: &DocumentRow,
    document: &Document,
    lost: &'a [Lost],
    absent: &Absent<'_>,
) -> Result<Vec<Unmade<'a>>> {
    let ground = Ground::of(document, lost);
    let made = Made::find(reading, row, document, (lost, &ground))?;
    let unmade = lost.iter().filter(|change| change.counts && !made.is_made(change));
    let unmade = unmade.filter(|change| (absent.let_in)(change.author())).filter_map(|change| {
        let branch = ground.branch(change)?;
        let awaited = !absent.is(change, branch);
        let left = !awaited || absent.choices.contains_key(&(branch.actor, branch.seq));
        Some(Unmade { change, awaited, left })
    });
    Ok(unmade.collect())
}

/// How many changes of a document nobody passes on, or nobody makes again unless a person lets them in.
pub(crate) fn count_left_behind(
    reading: &Reading<'_>,
    row: &DocumentRow,
    document: &Document,
    absent: &Absent<'_>,
) -> Result<u64> {
    let lost = lost(reading, row)?;
    let unmade = unmade(reading, row, document, &lost, absent)?;
    Ok(unmade.iter().filter(|unmade| unmade.left).count() as u64)
}

/// What was left behind in a document, by author, and whether a device can make it again.
pub(crate) fn left_behind(
    reading: &Reading<'_>,
    row: &DocumentRow,
    document: &Document,
    device: DeviceId,
    absent: &Absent<'_>,
) -> Result<BTreeMap<DeviceId, LeftBehind>> {
    let lost = lost(reading, row)?;
    let mut by_author: BTreeMap<DeviceId, Vec<Unmade<'_>>> = BTreeMap::new();
    for unmade in unmade(reading, row, document, &lost, absent)? {
        by_author.entry(unmade.change.author()).or_default().push(unmade);
    }
    let mut left = BTreeMap::new();
    for (author, mut unmade) in by_author {
        let nobody = |other| other == author || (absent.device)(other);
        let in_place = Absent { device: &nobody, ..*absent };
        let again = make_again((reading, row, document), &lost, (device, author), &in_place)?;
        let can_be_made: BTreeSet<ChangeHash> = again.into_iter().map(|(lost, _)| lost).collect();
        // What somebody who is here wrote upon a lost branch waits for that, and goes in by itself once that is settled. An
        // author who was set back may have got it back from others, but not the branch, which nobody passes on.
        unmade.retain(|unmade| unmade.left || can_be_made.contains(&unmade.change.header.hash));
        let times = || unmade.iter().map(|unmade| unmade.change.header.time);
        let (Some(from), Some(to)) = (times().min(), times().max()) else { continue };
        left.insert(
            author,
            LeftBehind {
                changes: unmade.len() as u64,
                from,
                to,
                awaited: unmade.iter().any(|unmade| unmade.awaited),
                can_be_made: !can_be_made.is_empty(),
            },
        );
    }
    Ok(left)
}

/// What a device is to make again of an author's changes in a document, its own or those of somebody who is absent, or of
/// whom a person decided that nothing more is awaited: in order, without their signatures.
pub(crate) fn to_make_again(
    reading: &Reading<'_>,
    row: &DocumentRow,
    document: &Document,
    whose: (DeviceId, DeviceId),
    absent: &Absent<'_>,
) -> Result<Vec<Vec<u8>>> {
    let lost = lost(reading, row)?;
    let again = make_again((reading, row, document), &lost, whose, absent)?;
    Ok(again.into_iter().map(|(_, chunk)| chunk).collect())
}

/// The same, each with the hash of what was lost.
fn make_again(
    (reading, row, document): (&Reading<'_>, &DocumentRow, &Document),
    lost: &[Lost],
    (device, author): (DeviceId, DeviceId),
    absent: &Absent<'_>,
) -> Result<Vec<(ChangeHash, Vec<u8>)>> {
    let mut again = Vec::new();
    if !lost.iter().any(|change| change.author() == author) {
        return Ok(again);
    }
    let mut ground = Ground::of(document, lost);
    let mut made = Made::find(reading, row, document, (lost, &ground))?;
    // The highest counters of what is made here.
    let mut highest: BTreeMap<ChangeHash, u64> = BTreeMap::new();
    for change in lost {
        if let Some(new) = made.again.get(&change.header.hash) {
            ground.is_made(change, new);
            continue;
        }
        let Some(beneath) = ground.beneath(change) else { continue };
        let Some(branch) = ground.branch(change).filter(|_| !made.is_made(change)) else {
            continue; // it waits
        };
        let (is_absent, is_own) = (absent.is(change, branch), change.author() == device);
        let in_place = is_absent && (absent.let_in)(author);
        let mine = change.author() == author && change.counts && (is_own || in_place);
        let stands = ground.stands(change);
        if stands && !mine && !is_absent {
            continue; // its author will make it again
        }
        if !stands || !mine {
            ground.is_gone(change, beneath)?;
            continue;
        }
        let actor = actor_for(device, author, &branch.hash);
        let last = made.last.get(&actor).copied();
        let mut deps: BTreeSet<ChangeHash> = beneath.iter().copied().collect();
        deps.extend(last.map(|(_, hash)| hash));
        let mut start_op = 0;
        for dep in &deps {
            let max_op = match highest.get(dep) {
                Some(max_op) => *max_op,
                None if *dep == document.kind().genesis_hash() => document.kind().containers().len() as u64,
                None => reading.change(row.id, &dep.0)?.map_or(0, |change| change.max_op),
            };
            start_op = start_op.max(max_op + 1);
        }
        let seq = last.map_or(1, |(seq, _)| seq + 1);
        let anew = Anew { actor, seq, deps: deps.into_iter().collect(), start_op };
        // What would be over a limit waits, and keeps nothing else out.
        let Some(chunk) = ground.again(change, anew) else { continue };
        let Ok(header) = chunk::read_change(&chunk, &Limits::DEFAULT) else { continue };
        ground.is_made(change, &header);
        made.last.insert(actor, (seq, header.hash));
        highest.insert(header.hash, header.max_op());
        again.push((change.header.hash, chunk));
    }
    Ok(again)
}

fn may_be_made(state: ChangeState) -> bool {
    !matches!(state, ChangeState::AuthorEnded | ChangeState::NotGranted)
}

/// What lost a fork in a document, and what waits because it stands on that: each after what it follows.
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
    let mut waiting: Vec<Lost> = Vec::new();
    for (held, chunk) in reading.held_of(row.id)? {
        // Anybody could have made that up.
        if held.state == ChangeState::UnknownAuthor {
            continue;
        }
        let counts = may_be_made(held.state);
        waiting.extend(Lost::read(chunk).map(|change| Lost { counts, ..change }));
    }
    waiting.sort_by_key(place);
    for change in waiting {
        if change.header.deps.iter().any(|dep| known.contains(dep)) && known.insert(change.header.hash) {
            lost.push(change);
        }
    }
    lost.sort_by_key(place);
    Ok(lost)
}

/// Each after what it follows, and in the same order wherever it came in.
fn place(change: &Lost) -> (u64, Actor, ChangeHash) {
    (change.header.start_op, change.header.actor, change.header.hash)
}

/// What of the lost was made again, by whomever.
struct Made {
    again: BTreeMap<ChangeHash, ChangeHeader>,
    /// This is held and waits: it is not to be made a second time.
    waits: BTreeSet<ChangeHash>,
    /// The last change of each actor that makes something again, whatever became of it.
    last: BTreeMap<Actor, (u64, ChangeHash)>,
}

impl Made {
    fn find(
        reading: &Reading<'_>,
        row: &DocumentRow,
        document: &Document,
        (lost, ground): (&[Lost], &Ground<'_>),
    ) -> Result<Self> {
        let authors: BTreeSet<DeviceId> = lost.iter().map(|change| change.header.actor.device()).collect();
        let marks: Vec<_> = authors.iter().map(|author| (mark_of(*author), author)).collect();
        let known: BTreeSet<ChangeHash> = lost.iter().map(|change| change.header.hash).collect();
        let mut found: BTreeMap<_, Vec<(Lost, bool)>> =
            lost.iter().map(|change| ((change.author(), change.says), Vec::new())).collect();
        // Entities that stand in no document yet, or did.
        let mut keys = Keys::default();
        let mut last: BTreeMap<Actor, (u64, ChangeHash)> = BTreeMap::new();
        for held in reading.changes(row.id)? {
            if held.state == ChangeState::UnknownAuthor {
                continue;
            }
            let (hash, device) = (ChangeHash(held.hash), Actor(held.actor).device());
            let of_other =
                |(mark, author): &&([u8; 4], &DeviceId)| **author != device && held.actor[16..20] == *mark;
            let in_place = marks.iter().find(of_other).map(|(_, author)| *author);
            let Some(author) = in_place.or_else(|| authors.get(&device)) else { continue };
            if known.contains(&hash) {
                continue;
            }
            let of = last.entry(Actor(held.actor)).or_insert((held.seq, hash));
            *of = (held.seq, hash).max(*of);
            // Who may not write here makes nothing again in another's place.
            if in_place.is_some() && !may_be_made(held.state) {
                continue;
            }
            let accepted = held.state == ChangeState::Accepted;
            let chunk = if accepted { document.raw_change(&hash) } else { reading.chunk(held.id)? };
            let Some(change) = chunk.and_then(Lost::read) else { continue };
            if !accepted {
                keys.add(&change, None);
            }
            if let Some(changes) = found.get_mut(&(*author, change.says)) {
                changes.push((change, accepted));
            }
        }
        for change in lost {
            keys.add(change, ground.newest_branch(change));
        }
        let mut candidates: BTreeMap<_, Vec<(ChangeHeader, bool, About)>> = BTreeMap::new();
        for (of, mut changes) in found {
            changes.sort_by_key(|(change, _)| change.header.start_op);
            let about = |(change, accepted): (Lost, bool)| {
                let about = keys.about(document, &change, None);
                (change.header, accepted, about)
            };
            candidates.insert(of, changes.into_iter().map(about).collect());
        }
        let mut made = Self { again: BTreeMap::new(), waits: BTreeSet::new(), last };
        for change in lost {
            let old = &change.header;
            let Some(candidates) = candidates.get_mut(&(change.author(), change.says)) else { continue };
            let about = keys.about(document, change, ground.on(change));
            let mut same = candidates.iter();
            let Some(at) =
                same.position(|(new, _, other)| new.actor != old.actor && may_agree(&about, other))
            else {
                continue;
            };
            let (new, accepted, _) = candidates.remove(at);
            if accepted {
                made.again.insert(old.hash, new);
            } else {
                made.waits.insert(old.hash);
            }
        }
        Ok(made)
    }

    fn is_made(&self, change: &Lost) -> bool {
        self.again.contains_key(&change.header.hash) || self.waits.contains(&change.header.hash)
    }
}

/// The keys of what a change writes into, operation by operation, as far as they are known.
type About = Vec<Option<String>>;

/// The keys of entities that changes make which are in no document, by branch and by the operation.
#[derive(Default)]
struct Keys(BTreeMap<(Option<ChangeHash>, Actor, u64), String>);

impl Keys {
    fn add(&mut self, change: &Lost, branch: Option<ChangeHash>) {
        let made = remake::makes(&change.chunk).unwrap_or_default();
        self.0.extend(made.into_iter().map(|(at, key)| ((branch, change.header.actor, at), key)));
    }

    fn about(&self, document: &Document, change: &Lost, on: Option<&Branches>) -> About {
        let key_of = |at, actor: &Actor| {
            let branch = on.and_then(|on| remake::branch_of(on, actor, at));
            let on_branch = branch.and_then(|branch| self.0.get(&(Some(branch), *actor, at)));
            let made = on_branch.cloned().or_else(|| document.key_of(at, actor));
            made.or_else(|| self.0.get(&(None, *actor, at)).cloned())
        };
        remake::about(&change.chunk, key_of).unwrap_or_default()
    }
}

/// Whether two changes write into the same, as far as that is known.
fn may_agree(one: &About, other: &About) -> bool {
    one.iter().zip(other).all(|(one, other)| one.is_none() || other.is_none() || one == other)
}
