//! Forks that a choice has ended: what is not kept leaves its document (`sync.md` §7).
//!
//! A lost branch goes into the evidence, and what others wrote upon it waits, until their authors make both again.

use std::collections::{BTreeMap, BTreeSet};

use super::refusal::Refusal;
use crate::document::Document;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::error::Result;
use crate::identity::ScopeFacts;
use crate::identity::authority::{Authority, Kept};
use crate::ids::{Actor, ChangeHash, DocumentId};
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;
use crate::storage::snapshots::StoredSnapshot;
use crate::storage::{Reading, StorageFailed, Writing};

/// Which branches of a document's forks are kept.
pub(crate) type Choices = BTreeMap<(Actor, u64), Choice>;

/// What is in effect of what was chosen in a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The branch that is kept.
    pub kept: Kept,
    /// Those that go before it and are not here: should one come, it is kept instead.
    pub awaited: BTreeSet<ChangeHash>,
}

impl Choice {
    /// Whether a change with this number is not kept, whatever comes.
    fn loses(&self, hash: &ChangeHash) -> bool {
        *hash != self.kept.hash && !self.awaited.contains(hash)
    }
}

/// Of what was chosen in a document what is in effect: of each fork the first choice of a branch that is held and counts.
/// Before that comes, nothing gives way to it: somebody may choose a branch that there never was.
pub(crate) fn in_effect(
    reading: &Reading<'_>,
    authority: &Authority,
    facts: &ScopeFacts,
    row: &DocumentRow,
) -> Result<Choices> {
    let mut choices = Choices::new();
    for ((actor, seq), all) in &authority.fork_choices(facts, DocumentId::from_slice(&row.document_id)?) {
        let held = reading.counting_at(row.id, &actor.0, *seq)?;
        let mut awaited = BTreeSet::new();
        for kept in all {
            if held.contains(&kept.hash.0) {
                choices.insert((*actor, *seq), Choice { kept: *kept, awaited });
                break;
            }
            awaited.insert(kept.hash);
        }
    }
    Ok(choices)
}

/// Whether a change is of a branch that was not kept.
pub(crate) fn is_lost(choices: &Choices, header: &ChangeHeader) -> bool {
    choices.get(&(header.actor, header.seq)).is_some_and(|choice| choice.loses(&header.hash))
}

/// Whether something of a document is held that a choice does not keep.
pub(crate) fn is_unsettled(reading: &Reading<'_>, document: i64, choices: &Choices) -> Result<bool> {
    for ((actor, seq), choice) in choices {
        let held = reading.hashes_at(document, &actor.0, *seq)?;
        if held.into_iter().any(|hash| choice.loses(&ChangeHash(hash))) {
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
        let begins = is_lost(choices, &header);
        let branch = begins || header.deps.iter().any(|dep| lost.get(dep) == Some(&Some(header.actor)));
        if !branch && !header.deps.iter().any(|dep| lost.contains_key(dep)) {
            continue;
        }
        // Whoever held this number may have held this branch of it, and not the one that is kept.
        if begins {
            tx.forget_held_from(row.id, &header.actor.0, header.seq)?;
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
    let absorbed = tx.reading().pending(row.id)?;
    let made_from = tx.reading().snapshot_row(row.id)?;
    tx.replace_snapshot(row.id, made_from, &snapshot, &absorbed)?;
    Ok(back)
}
