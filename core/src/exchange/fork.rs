//! Forks that a choice has ended: what is not kept leaves its document, and its author makes it again (`sync.md` §7).
//!
//! A lost branch goes into the evidence. What others wrote upon it waits until they make it again too; what it was
//! made into is found by what it says, so every device finds the same without being told.

use std::collections::{BTreeMap, BTreeSet};

use super::refusal::Refusal;
use crate::document::Document;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::document::remake::{self, Anew, Moved};
use crate::error::Result;
use crate::identity::{Authority, ScopeFacts};
use crate::ids::{Actor, ChangeHash, DeviceId, DocumentId};
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;
use crate::storage::snapshots::StoredSnapshot;
use crate::storage::{Reading, StorageFailed, Writing};

/// Which branches of a document's forks are kept.
pub(crate) type Choices = BTreeMap<(Actor, u64), ChangeHash>;

/// The choices that count for a document.
pub(crate) fn choices(authority: &Authority, facts: &ScopeFacts, document: DocumentId) -> Choices {
    let judgement = authority.case_judgement(facts.case, facts.founder);
    let of_document = judgement.forks.iter().filter(|((of, _, _), _)| *of == document);
    of_document.map(|((_, actor, seq), keep)| ((*actor, *seq), *keep)).collect()
}

/// Whether a change is of a branch that was not kept.
pub(crate) fn is_lost(choices: &Choices, header: &ChangeHeader) -> bool {
    choices.get(&(header.actor, header.seq)).is_some_and(|keep| *keep != header.hash)
}

/// Whether something of a document is held that a choice does not keep.
pub(crate) fn is_unsettled(reading: &Reading<'_>, document: i64, choices: &Choices) -> Result<bool> {
    for ((actor, seq), keep) in choices {
        if reading.hashes_at(document, &actor.0, *seq)?.iter().any(|hash| *hash != keep.0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes out of a document what choices do not keep, and what stands on it. Answers the document as it is then, if it
/// is another one.
pub(crate) fn take_out(
    tx: &Writing<'_>,
    row: &DocumentRow,
    document: &Document,
    choices: &Choices,
    now_millis: i64,
) -> Result<Option<Document>> {
    if !is_unsettled(&tx.reading(), row.id, choices)? {
        return Ok(None);
    }
    let mut rows = tx.reading().changes(row.id)?;
    rows.retain(|change| change.state != ChangeState::UnknownAuthor);
    rows.sort_by_key(|change| (change.max_op, change.actor));
    let own = tx.reading().own_actor(row.id)?;
    let mut lost: BTreeMap<ChangeHash, Option<Actor>> = BTreeMap::new();
    let mut rebuild = false;
    for change in rows {
        let hash = ChangeHash(change.hash);
        let chunk = match change.state {
            ChangeState::Accepted => document.raw_change(&hash),
            _ => tx.reading().chunk(change.id)?,
        };
        let chunk = chunk.ok_or(StorageFailed::damaged("change"))?;
        let header = chunk::read_change(&chunk, &Limits::DEFAULT);
        let header = header.map_err(|_| StorageFailed::damaged("change"))?;
        let branch = is_lost(choices, &header)
            || header.deps.iter().any(|dep| lost.get(dep) == Some(&Some(header.actor)));
        if !branch && !header.deps.iter().any(|dep| lost.contains_key(dep)) {
            continue;
        }
        lost.insert(hash, branch.then_some(header.actor));
        rebuild |= change.state == ChangeState::Accepted;
        if branch {
            let reason = Refusal::Forked;
            tx.add_evidence(Some(&row.document_id), &hash.0, reason.code(), &chunk, now_millis)?;
            tx.remove_change(change.id)?;
        } else if change.state == ChangeState::Accepted {
            tx.take_out(change.id, &chunk)?;
        }
        // The numbers that this actor had here are given out.
        if own == Some(header.actor.0) {
            tx.rotate_actor(row.id)?;
        }
    }
    if rebuild { without(tx, row, document, &lost).map(Some) } else { Ok(None) }
}

/// The document without some changes, stored in its place.
fn without(
    tx: &Writing<'_>,
    row: &DocumentRow,
    document: &Document,
    lost: &BTreeMap<ChangeHash, Option<Actor>>,
) -> Result<Document> {
    let damaged = || StorageFailed::damaged("document");
    let kept: Vec<Vec<u8>> = document
        .raw_changes()
        .into_iter()
        .filter(|(hash, _)| !lost.contains_key(hash))
        .map(|(_, chunk)| chunk)
        .collect();
    let kind = document.kind();
    let rest = Document::load(kind, kind.genesis_bytes(), &kept).map_err(|_| damaged())?;
    let snapshot = StoredSnapshot::of(&rest.save())?;
    let back = Document::load(kind, &snapshot.chunk()?, &[]).map_err(|_| damaged())?;
    if back.heads() != rest.heads() {
        return Err(damaged().into());
    }
    let absorbed: Vec<i64> = tx.reading().pending_chunks(row.id)?.into_iter().map(|(id, _)| id).collect();
    let made_from = tx.reading().snapshot_row(row.id)?;
    tx.replace_snapshot(row.id, made_from, &snapshot, &absorbed)?;
    Ok(back)
}

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
/// What stands on somebody's work that is not made again yet waits for it.
pub(crate) fn to_make_again(
    reading: &Reading<'_>,
    row: &DocumentRow,
    document: &Document,
    (device, incarnation): (DeviceId, [u8; 8]),
) -> Result<Option<(Actor, Vec<Vec<u8>>)>> {
    let mut lost = lost(reading, row)?;
    if !lost.iter().any(|change| change.header.actor.device() == device) {
        return Ok(None);
    }
    lost.sort_by_key(|change| (change.header.start_op, change.header.actor));
    let known: BTreeSet<ChangeHash> = lost.iter().map(|change| change.header.hash).collect();
    let mut made = Made::find(reading, row, document, &lost)?;
    let actor = Actor::new(device, incarnation);
    let mut again: Vec<(ChangeHeader, Vec<u8>)> = Vec::new();
    for change in lost.iter().filter(|change| change.header.actor.device() == device) {
        if made.is_made(change) {
            continue;
        }
        let mut deps: BTreeSet<ChangeHash> = BTreeSet::new();
        for dep in &change.header.deps {
            match made.again.get(dep) {
                Some(new) => deps.insert(new.hash),
                None if !known.contains(dep) && document.holds(dep) => deps.insert(*dep),
                None => break,
            };
        }
        if deps.len() < change.header.deps.len() {
            continue; // its author has not made it again
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
        // Its own operations name each other too.
        let own = Moved {
            from: change.header.actor,
            counters: (change.header.start_op, change.header.max_op()),
            to: actor,
            at: start_op,
        };
        made.moved.push(own);
        let chunk =
            remake::again(&change.chunk, anew, &made.moved).ok_or(StorageFailed::damaged("evidence"))?;
        let header = chunk::read_change(&chunk, &Limits::DEFAULT);
        let header = header.map_err(|_| StorageFailed::damaged("evidence"))?;
        made.again.insert(change.header.hash, header.clone());
        again.push((header, chunk));
    }
    let chunks: Vec<Vec<u8>> = again.into_iter().map(|(_, chunk)| chunk).collect();
    Ok((!chunks.is_empty()).then_some((actor, chunks)))
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
    moved: Vec<Moved>,
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
        let mut made = Self { again: BTreeMap::new(), moved: Vec::new(), waits: BTreeSet::new() };
        found.values_mut().for_each(|changes| changes.sort_by_key(|(header, _)| header.start_op));
        for change in lost {
            let old = &change.header;
            let Some(candidates) = found.get_mut(&(old.actor.device(), change.says)) else { continue };
            let Some(at) = candidates.iter().position(|(new, _)| new.actor != old.actor) else { continue };
            let (new, accepted) = candidates.remove(at);
            if accepted {
                made.moved.push(Moved::of(old, &new));
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
