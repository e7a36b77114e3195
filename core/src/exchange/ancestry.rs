//! Steps 6 to 8 of the guard: whether a change follows from what is part of its document, or is of a fork's other branch.

use std::collections::BTreeMap;

use super::fork::{self, Choices};
use super::refusal::Refusal;
use crate::document::Kind;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::error::Result;
use crate::ids::{Actor, ChangeHash};
use crate::storage::Reading;
use crate::storage::changes::ChangeState;

/// The most changes of one number of an actor that are kept until a choice.
const MAX_BRANCHES: usize = 16;

/// What of a batch goes in: actor, number and highest operation counter of each change.
pub(super) type Accepted = BTreeMap<ChangeHash, (Actor, u64, u64)>;

/// What becomes of a change.
pub(super) enum Fit {
    /// It goes in.
    Now,
    /// What it follows is not there yet.
    Waits,
    /// Its number is taken, or it follows such a change: it is held until a choice.
    Forked,
    /// It never goes in.
    Never(Refusal),
}

/// What changes of a document are held against.
pub(super) struct Ancestry<'a> {
    pub reading: &'a Reading<'a>,
    /// The document's row,
    pub document: i64,
    /// its kind,
    pub kind: Kind,
    /// and which branches of its forks are kept.
    pub choices: &'a Choices,
}

impl Ancestry<'_> {
    /// Steps 6 to 8: whether a change follows from what is accepted, here or earlier in its batch.
    pub fn fits(&self, header: &ChangeHeader, batch: &Accepted) -> Result<Fit> {
        if fork::is_lost(self.choices, header) {
            return Ok(Fit::Never(Refusal::Forked));
        }
        let mut own_seq = 0;
        let mut highest = 0;
        for dep in &header.deps {
            let (actor, seq, max_op) = if *dep == self.kind.genesis_hash() {
                (Actor::GENESIS, 1, self.kind.containers().len() as u64)
            } else if let Some(found) = batch.get(dep) {
                *found
            } else {
                match self.reading.change(self.document, &dep.0)? {
                    Some(row) if row.state == ChangeState::Accepted => {
                        (Actor(row.actor), row.seq, row.max_op)
                    }
                    _ => return self.unheld(header, batch),
                }
            };
            if actor == header.actor {
                own_seq = own_seq.max(seq);
            }
            highest = highest.max(max_op);
        }
        if header.deps.is_empty() || header.seq != own_seq + 1 || header.start_op != highest + 1 {
            return Ok(Fit::Never(Refusal::BadStructure));
        }
        let held = self.accepted_at(header.actor, header.seq, batch)?;
        if held.is_some_and(|held| held != header.hash) {
            let branches = self.reading.hashes_at(self.document, &header.actor.0, header.seq)?;
            let many = branches.len() >= MAX_BRANCHES && !branches.contains(&header.hash.0);
            return Ok(if many { Fit::Never(Refusal::Forked) } else { Fit::Forked });
        }
        Ok(Fit::Now)
    }

    /// What becomes of a change that follows one that is no part of the document: on a branch of its own actor it shares
    /// the branch's fate, else it waits.
    fn unheld(&self, header: &ChangeHeader, batch: &Accepted) -> Result<Fit> {
        for dep in &header.deps {
            match self.reading.change(self.document, &dep.0)? {
                Some(row) if row.state == ChangeState::Forked && row.actor == header.actor.0 => {
                    return Ok(Fit::Forked);
                }
                Some(_) => {}
                None => {
                    let lost = self.reading.lost_change(&dep.0)?;
                    let lost = lost.and_then(|chunk| chunk::read_change(&chunk, &Limits::DEFAULT).ok());
                    if lost.is_some_and(|lost| lost.actor == header.actor) {
                        return Ok(Fit::Never(Refusal::Forked));
                    }
                }
            }
        }
        // Every change follows the one before it of its actor. Which that is may show before it comes, if it ever does.
        let Some(before) = header.seq.checked_sub(1) else { return Ok(Fit::Waits) };
        let chosen = self.choices.range((header.actor, 0)..=(header.actor, before));
        let held = match self.choices.get(&(header.actor, before)) {
            Some(choice) => Some(choice.kept.hash),
            None => self.accepted_at(header.actor, before, batch)?,
        };
        Ok(match held {
            Some(held) if !header.deps.contains(&held) => match chosen.count() {
                0 => Fit::Forked,
                _ => Fit::Never(Refusal::Forked),
            },
            _ => Fit::Waits,
        })
    }

    /// The change with this number of an actor that is part of the document, here or earlier in its batch.
    fn accepted_at(&self, actor: Actor, seq: u64, batch: &Accepted) -> Result<Option<ChangeHash>> {
        let earlier = batch.iter().find(|(_, (of, number, _))| (*of, *number) == (actor, seq));
        match earlier {
            Some((hash, _)) => Ok(Some(*hash)),
            None => Ok(self.reading.accepted_at(self.document, &actor.0, seq)?.map(ChangeHash)),
        }
    }
}
