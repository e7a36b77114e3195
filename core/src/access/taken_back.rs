//! Cases that were taken back, or whose grants ran out: read-only, their drafts finished, and then removed once they are
//! known elsewhere (`sync.md` §5).

use std::collections::{BTreeMap, BTreeSet};

use super::Grants;
use crate::contact::complete::finish;
use crate::contact::drafts;
use crate::error::{Error, Result};
use crate::exchange::CancelToken;
use crate::identity::Scope;
use crate::ids::{CaseId, DeviceId, ScopeId};
use crate::storage::Reading;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::setting;
use crate::store::{Changes, LogLevel, Store, Topic, locked};
use crate::time::{Instant, from_unix};

/// After so long drafts are completed as they stand, in seconds of trusted time.
const DRAFTS_SECONDS: i64 = 7 * 24 * 3600;

/// A case that this worker has no grant for any more: it was taken back, or its time ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The case. It can be read, and nothing of it changed; it goes by itself.
    pub case: CaseId,
    /// Since when.
    pub since: Instant,
    /// Drafts that wait to be completed or discarded.
    pub drafts: u32,
    /// When drafts that are left will be completed as they stand.
    pub drafts_until: Instant,
    /// Changes that no hub and nobody with a grant is known to hold: the case goes once there are none and no drafts.
    pub changes: u64,
}

impl Grants<'_> {
    /// Cases that were taken back, or whose grants ran out, and that are still here.
    pub fn taken_back(&self) -> Result<Vec<TakenBack>> {
        let store = self.store;
        let now = store.trusted_time()?;
        let cases = store.cases_taken_back(now);
        store.read(|reading| {
            let mut list = Vec::new();
            for (case, since) in cases {
                if reading.documents_of_case(case.as_bytes())?.is_empty() {
                    continue; // it has gone
                }
                list.push(TakenBack {
                    case,
                    since: from_unix(since),
                    drafts: u32::try_from(reading.drafts(Some(case.as_bytes()))?.len()).unwrap_or(u32::MAX),
                    drafts_until: from_unix(since.saturating_add(DRAFTS_SECONDS)),
                    changes: store.known_nowhere(reading, case, now)?,
                });
            }
            Ok(list)
        })
    }

    /// Completes drafts whose week is over, as they stand, and removes cases that were taken back and are known
    /// elsewhere; answers which went. The store does so itself: when it is opened, at the turn of the day, and as a
    /// session comes to rest.
    pub fn settle(&self) -> Result<Vec<CaseId>> {
        let store = self.store;
        store.ready()?;
        let mut gone = Vec::new();
        if store.own().keys.is_some() {
            let now = store.trusted_time()?;
            for case in self.taken_back()? {
                if case.drafts > 0 && now > case.drafts_until.timestamp() {
                    store.finish_drafts(case.case)?;
                }
                if store.remove_case(case.case, now)? {
                    gone.push(case.case);
                }
            }
        }
        store.inner.database.empty_log()?;
        Ok(gone)
    }
}

impl Store {
    /// Cases of which every scope that is or was here was taken back or ran out, with the time of the last.
    fn cases_taken_back(&self, now: i64) -> BTreeMap<CaseId, i64> {
        let own = self.own();
        let mut cases: BTreeMap<CaseId, Option<i64>> = BTreeMap::new();
        for facts in own.authority.scopes() {
            let since = own.authority.shut_out(own.device, facts, now);
            let case = cases.entry(facts.case).or_insert(since);
            *case = case.and_then(|case| Some(case.max(since?)));
        }
        cases.into_iter().filter_map(|(case, since)| Some((case, since?))).collect()
    }

    /// Nothing new is begun where this worker has no grant any more, though another part of the case may be left to it.
    pub(crate) fn refuse_taken_back(&self, case: CaseId, scope: Scope) -> Result<()> {
        let now = self.trusted_time()?;
        let own = self.own();
        let facts = own.authority.scope(&scope.id(case));
        let since = facts.and_then(|facts| own.authority.shut_out(own.device, facts, now));
        if since.is_some() { Err(Error::NotGranted { case }) } else { Ok(()) }
    }

    /// Documents of scopes that this device may not read any more, and a peer may: what this device wrote in them goes to
    /// it, and nothing else of them does.
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

    /// How many changes of a case no peer that may read it today is known to hold.
    fn known_nowhere(&self, reading: &Reading<'_>, case: CaseId, now: i64) -> Result<u64> {
        let own = self.own();
        let mut unknown = reading.blobs_only_here(case.as_bytes())?;
        for row in reading.documents_of_case(case.as_bytes())? {
            let facts = own.authority.scope(&ScopeId::from_slice(&row.scope_id)?).copied();
            let mut known: BTreeMap<[u8; 24], u64> = BTreeMap::new();
            for (peer, actor, seq) in reading.holders(row.id)? {
                let reader = DeviceId::from_slice(&peer)?;
                if facts.is_some_and(|facts| own.authority.may_read(reader, &facts, now)) {
                    let known = known.entry(actor).or_default();
                    *known = (*known).max(seq);
                }
            }
            for entry in reading.vector(row.id)? {
                unknown += entry.seq.saturating_sub(known.get(&entry.actor).copied().unwrap_or(0));
                // Of a fork nobody is known to hold both branches.
                unknown += entry.branches.len() as u64;
            }
        }
        Ok(unknown)
    }

    /// Completes what drafts a case has, as they stand. One that cannot be kept stays a draft, and the rest goes on.
    fn finish_drafts(&self, case: CaseId) -> Result<()> {
        for draft in self.contacts().drafts(Some(case))? {
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

    /// Removes a case if nothing of it is only here; true if it is gone. One transaction: all of it, or nothing.
    fn remove_case(&self, case: CaseId, now: i64) -> Result<bool> {
        let no_records_meanwhile = locked(&self.inner.records);
        let mut cache = locked(&self.inner.cache);
        let mut external = false;
        let removed = self.inner.database.write(|tx| {
            self.ready()?;
            let reading = tx.reading();
            if !reading.drafts(Some(case.as_bytes()))?.is_empty()
                || self.known_nowhere(&reading, case, now)? > 0
            {
                return Ok(false);
            }
            external = tx.remove_case(case.as_bytes())?;
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
        self.inner.log(LogLevel::Info, "case.removed", vec![case.to_string()]);
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
