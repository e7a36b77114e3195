//! What was taken back, or whose grants ran out: a case, or scopes of one of which others are left to this worker. It is
//! read-only, its drafts are finished, and then it is removed once it is known elsewhere (`sync.md` §5).

use std::collections::{BTreeMap, BTreeSet};

use super::Grants;
use crate::contact::complete::{finish, scope_of};
use crate::contact::{ContactDraft, drafts};
use crate::error::{Error, Result};
use crate::exchange::{CancelToken, again};
use crate::identity::{Scope, ScopeFacts};
use crate::ids::{CaseId, DeviceId, ScopeId};
use crate::storage::Reading;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::setting;
use crate::store::{Changes, LogLevel, Store, Topic, locked};
use crate::time::{Instant, from_unix};

/// After so long drafts are completed as they stand, in seconds of trusted time.
const DRAFTS_SECONDS: i64 = 7 * 24 * 3600;

/// A case that this worker has no grant for any more, or not for all of it: it was taken back, or its time ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The case. What was taken back can be read, and nothing of it changed; it goes by itself.
    pub case: CaseId,
    /// Whether all of the case goes; else only what no other grant of this worker reaches.
    pub whole: bool,
    /// Since when.
    pub since: Instant,
    /// Drafts of what was taken back that wait to be completed or discarded.
    pub drafts: u32,
    /// When drafts that are left will be completed as they stand.
    pub drafts_until: Instant,
    /// Changes of it that no device which may read it today is known to hold: it goes once there are none and no drafts.
    pub changes: u64,
}

/// The scopes of a case that this device is shut out of.
struct Shut {
    case: CaseId,
    /// Since when, unix seconds: the last of them.
    since: i64,
    scopes: Vec<ScopeFacts>,
    /// Whether these are all that is or was here of the case.
    whole: bool,
}

impl Shut {
    /// Their documents that are here.
    fn documents(&self, reading: &Reading<'_>) -> Result<Vec<DocumentRow>> {
        let mut rows = reading.documents_of_case(self.case.as_bytes())?;
        rows.retain(|row| self.scopes.iter().any(|facts| *facts.id().as_bytes() == row.scope_id));
        Ok(rows)
    }

    /// The drafts of contacts that would stand in them.
    fn drafts(&self, reading: &Reading<'_>) -> Result<Vec<ContactDraft>> {
        let drafts = reading.drafts(Some(self.case.as_bytes()))?;
        let drafts: Result<Vec<_>> = drafts.iter().map(drafts::read).collect();
        let shut = |draft: &ContactDraft| {
            let scope = scope_of(&draft.planned);
            self.whole || self.scopes.iter().any(|facts| facts.scope == scope)
        };
        Ok(drafts?.into_iter().filter(shut).collect())
    }
}

impl Grants<'_> {
    /// Cases that were taken back, or whose grants ran out, and of which what was taken back is still here.
    pub fn taken_back(&self) -> Result<Vec<TakenBack>> {
        let now = self.store.trusted_time()?;
        let told = self.store.shut(now)?.into_iter().map(|shut| self.store.told(&shut, now));
        told.collect()
    }

    /// Completes drafts whose week is over, as they stand, and removes what was taken back and is known elsewhere; answers
    /// of which cases. The store does so itself: when it is opened, at the turn of the day, and as a session comes to rest.
    pub fn settle(&self) -> Result<Vec<CaseId>> {
        let store = self.store;
        store.ready()?;
        let mut gone = Vec::new();
        if store.own().keys.is_some() {
            let now = store.trusted_time()?;
            for shut in store.shut(now)? {
                if now > shut.since.saturating_add(DRAFTS_SECONDS) {
                    store.finish_drafts(&shut)?;
                }
                if store.remove(&shut, now)? {
                    gone.push(shut.case);
                }
            }
        }
        store.inner.database.empty_log()?;
        Ok(gone)
    }
}

impl Store {
    /// What this device is shut out of and that is still here, by case.
    fn shut(&self, now: i64) -> Result<Vec<Shut>> {
        let mut cases: BTreeMap<CaseId, Shut> = BTreeMap::new();
        {
            let own = self.own();
            for facts in own.authority.scopes() {
                let case = facts.case;
                let new = || Shut { case, since: i64::MIN, scopes: Vec::new(), whole: true };
                let shut = cases.entry(case).or_insert_with(new);
                match own.authority.shut_out(own.device, facts, now) {
                    Some(since) => {
                        shut.since = shut.since.max(since);
                        shut.scopes.push(*facts);
                    }
                    None => shut.whole = false,
                }
            }
        }
        cases.retain(|_, shut| !shut.scopes.is_empty());
        self.read(|reading| {
            let mut here = Vec::new();
            for shut in cases.into_values() {
                if !shut.documents(reading)?.is_empty() {
                    here.push(shut);
                }
            }
            Ok(here)
        })
    }

    fn told(&self, shut: &Shut, now: i64) -> Result<TakenBack> {
        self.read(|reading| {
            Ok(TakenBack {
                case: shut.case,
                whole: shut.whole,
                since: from_unix(shut.since),
                drafts: u32::try_from(shut.drafts(reading)?.len()).unwrap_or(u32::MAX),
                drafts_until: from_unix(shut.since.saturating_add(DRAFTS_SECONDS)),
                changes: self.known_nowhere(reading, shut, now)?,
            })
        })
    }

    /// Nothing new is begun where this worker has no grant any more, though another part of the case may be left to it.
    pub(crate) fn refuse_taken_back(&self, case: CaseId, scope: Scope) -> Result<()> {
        let now = self.trusted_time()?;
        let own = self.own();
        let facts = own.authority.scope(&scope.id(case));
        let since = facts.and_then(|facts| own.authority.shut_out(own.device, facts, now));
        if since.is_some() { Err(Error::NotGranted { case }) } else { Ok(()) }
    }

    /// Documents of scopes that this device may not read any more, and a peer may: what is here of them goes to it, and
    /// nothing of them comes from it.
    pub(crate) fn late_documents(&self, peer: DeviceId) -> Result<Vec<DocumentRow>> {
        let now = self.trusted_time()?;
        let late: BTreeSet<[u8; 16]> = {
            let own = self.own();
            let late = own.authority.scopes().filter(|facts| {
                !own.authority.may_read(own.device, facts, now) && own.authority.may_read(peer, facts, now)
            });
            late.map(|facts| *facts.id().as_bytes()).collect()
        };
        if late.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.read(|reading| Ok(reading.documents()?))?;
        Ok(rows.into_iter().filter(|row| late.contains(&row.scope_id)).collect())
    }

    /// Settles what was taken back, where nobody waits for an answer.
    pub(crate) fn settle_taken_back(&self) {
        if let Err(error) = self.grants().settle() {
            self.log_failure("settling.failed", &error);
        }
    }

    /// How many changes of what was taken back no peer that may read it today is known to hold.
    fn known_nowhere(&self, reading: &Reading<'_>, shut: &Shut, now: i64) -> Result<u64> {
        let own = self.own();
        let mut unknown = 0;
        for facts in &shut.scopes {
            unknown += reading.blobs_only_here(facts.id().as_bytes())?;
        }
        for row in shut.documents(reading)? {
            let facts = own.authority.scope(&ScopeId::from_slice(&row.scope_id)?).copied();
            let mut known: BTreeMap<[u8; 24], u64> = BTreeMap::new();
            for (peer, actor, seq) in reading.holders(row.id)? {
                let reader = DeviceId::from_slice(&peer)?;
                if facts.is_some_and(|facts| own.authority.may_read(reader, &facts, now)) {
                    let known = known.entry(actor).or_default();
                    *known = (*known).max(seq);
                }
            }
            let vector = reading.vector(row.id)?;
            for entry in &vector {
                unknown += entry.above(known.get(&entry.actor).copied().unwrap_or(0));
            }
            // Above what is missing here nobody is known to hold anything.
            let apart = reading.held_apart(row.id)?.into_iter();
            let reached = |(actor, seq)| vector.iter().any(|entry| entry.actor == actor && seq <= entry.top);
            unknown += apart.filter(|number| !reached(*number)).count() as u64;
            // What has lost one is passed on by nobody.
            if let Some(facts) = facts {
                unknown += self.where_lost(reading, &row, &facts, (&own, now), |document, absent| {
                    again::count_left_behind(reading, &row, document, absent)
                })?;
            }
        }
        Ok(unknown)
    }

    /// Completes what drafts there are, as they stand. One that cannot be kept stays a draft, and the rest goes on.
    fn finish_drafts(&self, shut: &Shut) -> Result<()> {
        for draft in self.read(|reading| shut.drafts(reading))? {
            let done = self.command("contact.complete", |command| {
                let row = command.reading().draft(draft.id.as_bytes())?;
                let row = row.ok_or_else(|| drafts::missing(draft.id))?;
                finish(command, drafts::read(&row)?, self.zone())
            });
            if let Err(error) = done {
                let ids = vec![draft.id.to_string(), format!("{:.60}", error.to_string())];
                self.inner.log(LogLevel::Warning, "draft.not_finished", ids);
            }
        }
        Ok(())
    }

    /// Removes what was taken back if nothing of it is only here; true if it is gone. One transaction: all of it, or
    /// nothing.
    fn remove(&self, shut: &Shut, now: i64) -> Result<bool> {
        let no_records_meanwhile = locked(&self.inner.records);
        let mut cache = locked(&self.inner.cache);
        let (case, mut external) = (shut.case, false);
        let removed = self.inner.database.write(|tx| {
            self.ready()?;
            let reading = tx.reading();
            if !shut.drafts(&reading)?.is_empty() || self.known_nowhere(&reading, shut, now)? > 0 {
                return Ok(false);
            }
            if shut.whole {
                external = tx.remove_case(case.as_bytes())?;
            } else {
                let scopes: Vec<[u8; 16]> = shut.scopes.iter().map(|facts| *facts.id().as_bytes()).collect();
                tx.remove_scopes(&scopes)?;
                let horizon = self.horizon(&tx.reading())?;
                self.rebuild_in(tx, horizon, &mut |_| {}, &CancelToken::default())?;
                tx.forget_words()?;
            }
            if external {
                // Rebuilt after this, or when the store is opened again.
                tx.set_setting(setting::PROJECTIONS, &[])?;
            }
            Ok(true)
        });
        if !removed.map_err(|error| self.closing(error))? {
            return Ok(false);
        }
        cache.clear();
        drop(cache);
        // What waits is looked at again after a rebuild, and that may write records.
        drop(no_records_meanwhile);
        let what = if shut.whole { "case.removed" } else { "case.removed_in_part" };
        self.inner.log(LogLevel::Info, what, vec![case.to_string()]);
        if external {
            // Another case may claim the same id of the agency's: it stood behind this one.
            self.rebuild(|_| {}, &CancelToken::default())?;
        }
        let mut changes = Changes::default();
        for topic in [
            Topic::Cases,
            Topic::VisitationPlans,
            Topic::Contacts,
            Topic::Drafts,
            Topic::Conflicts,
            Topic::Issues,
            Topic::Identity,
        ] {
            changes.add(Changes::of(topic, Some(case)));
        }
        self.inner.worker.changed(changes);
        Ok(true)
    }
}
