//! A fork's end: whoever may choose says which branch is kept (`sync.md` §7).
//!
//! Two changes of one number are what a restored copy makes that has its vault beside it. Its device keeps the branch
//! that others hold, writes as somebody new from then on, and makes its own branch again. Of a device that was ended, or
//! may not read the case any more, whoever may grant keeps the branch that is part of the document here.

use std::collections::BTreeSet;

use super::scopes;
use crate::error::{Error, Result};
use crate::exchange::fork;
use crate::identity::authority::Authority;
use crate::identity::record::{ForkChoice, RecordBody};
use crate::ids::{Actor, ChangeHash, DocumentId};
use crate::storage::Reading;
use crate::storage::changes::ChangeState;
use crate::storage::documents::DocumentRow;
use crate::store::{LogLevel, Store};

impl Store {
    /// Chooses a branch of each fork of a document for which this device's word counts; true if it chose one.
    pub(crate) fn choose_branches(&self, row: &DocumentRow) -> Result<bool> {
        let document = DocumentId::from_slice(&row.document_id)?;
        let now = self.trusted_time()?;
        let chosen = self.read(|reading| {
            let own = self.own();
            let Some(facts) = scopes::facts(reading, &row.scope_id)? else { return Ok(Vec::new()) };
            let ended = own.authority.judgement().ended.contains_key(&own.device);
            let mut chosen = Vec::new();
            let choices = fork::in_effect(reading, &own.authority, &facts, row)?;
            for (actor, seq) in reading.forks(row.id)? {
                let (actor, device) = (Actor(actor), Actor(actor).device());
                let may_choose = device == own.device
                    || own.authority.is_absent(device, &facts, now)
                        && own.authority.may_grant(own.device, facts.case, facts.founder, &facts.extent());
                // One that does not count is not said twice.
                let said = own.authority.records(&row.scope_id).any(|signed| match &signed.record.body {
                    RecordBody::ForkChoice(choice) => {
                        (choice.document, choice.actor, choice.seq) == (document, actor, seq)
                            && signed.record.issuer == *own.device.as_bytes()
                    }
                    _ => false,
                });
                if choices.contains_key(&(actor, seq)) || said || ended || !may_choose {
                    continue;
                }
                let keep = branch(reading, row.id, (&actor, seq), device != own.device)?;
                chosen.extend(keep.map(|keep| ForkChoice { document, actor, seq, keep }));
            }
            Ok(chosen)
        })?;
        if chosen.is_empty() {
            return Ok(false);
        }
        let mut own_forks = false;
        self.change_records(|change| {
            let keys = change.keys()?;
            for choice in &chosen {
                own_forks |= choice.actor.device() == change.device;
                let issued = change.authority.issue(
                    &keys,
                    row.scope_id,
                    RecordBody::ForkChoice(choice.clone()),
                    change.now,
                );
                issued.map_err(|_| Error::Unexpected { reason: "fork_choice" })?;
            }
            if own_forks {
                // What happened in this document may have happened in any.
                change.tx.rotate_actors()?;
            }
            Ok(())
        })?;
        if own_forks {
            self.inner.log(LogLevel::Warning, "store.forked", vec![document.to_string()]);
        }
        Ok(true)
    }

    /// The documents of which something is held that a choice does not keep.
    pub(crate) fn unsettled(&self, reading: &Reading<'_>) -> Result<BTreeSet<i64>> {
        let own = self.own();
        let mut unsettled = BTreeSet::new();
        let chosen = own.authority.held().all().filter_map(|entry| match &entry.signed.record.body {
            RecordBody::ForkChoice(choice) => Some(choice.document),
            _ => None,
        });
        for document in chosen.collect::<BTreeSet<_>>() {
            let Some(row) = reading.document(document.as_bytes())? else { continue };
            if is_unsettled(&own.authority, reading, &row)? {
                unsettled.insert(row.id);
            }
        }
        Ok(unsettled)
    }

    /// Whether something of a document is held that a choice does not keep.
    pub(crate) fn has_unsettled(&self, row: &DocumentRow) -> Result<bool> {
        self.read(|reading| is_unsettled(&self.own().authority, reading, row))
    }
}

fn is_unsettled(authority: &Authority, reading: &Reading<'_>, row: &DocumentRow) -> Result<bool> {
    let Some(facts) = scopes::facts(reading, &row.scope_id)? else { return Ok(false) };
    let choices = fork::in_effect(reading, authority, &facts, row)?;
    fork::is_unsettled(reading, row.id, &choices)
}

/// The branch to keep: the one that is part of the document, or another; of several the one with the lowest hash.
fn branch(
    reading: &Reading<'_>,
    document: i64,
    (actor, seq): (&Actor, u64),
    accepted: bool,
) -> Result<Option<ChangeHash>> {
    let mut branches = Vec::new();
    for hash in reading.hashes_at(document, &actor.0, seq)? {
        let held = reading.change(document, &hash)?;
        let fits = held.is_some_and(|held| (held.state == ChangeState::Accepted) == accepted);
        branches.push((!fits, ChangeHash(hash)));
    }
    Ok(branches.into_iter().min().map(|(_, hash)| hash))
}
