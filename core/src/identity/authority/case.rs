//! What counts in the logs of one case and its scopes: grants, their ends, receipts. A pure function of the records
//! held and of what counts in the domain log.
//!
//! Ends of grants are judged first, as if no grant had ever been taken back: an end always counts. Grants and receipts
//! are then the least set that begins with devices never ended and grants never taken back, and grows by what counting
//! receipts cover. Nothing in it can take anything out again. Who may write receipts is judged as if no device had ever
//! been ended, or the work of a founder's lost phone would hang on a grant that hangs on the receipts for that work.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::domain::{DomainJudgement, device};
use super::held::{Entry, Held};
use super::review::Attested;
use super::verdict::{ChangeFacts, ScopeFacts};
use crate::identity::certificate::Role;
use crate::identity::founding::Scope;
use crate::identity::record::{Extent, ForkChoice, Grant, LogId, Receipt, RecordBody, RecordHash};
use crate::ids::{Actor, CaseId, ChangeHash, DeviceId, DocumentId, ScopeId, WorkerId};

/// A grant that counts.
#[derive(Debug, Clone)]
pub struct CountingGrant {
    /// Its id: the hash of its record.
    pub id: RecordHash,
    /// What it says.
    pub grant: Grant,
    /// Who gave it.
    pub by: DeviceId,
    /// When, unix seconds.
    pub at: i64,
    /// The records that take it back, with their times; none if nobody did.
    pub ends: Vec<(RecordHash, i64)>,
}

/// What the logs of a case add up to.
#[derive(Debug, Clone, Default)]
pub struct CaseJudgement {
    /// Workers of the device that opened the case: they have every right on it.
    pub founders: Vec<WorkerId>,
    /// Grants that count, ended ones too.
    pub grants: Vec<CountingGrant>,
    /// Grants that would count if nobody had ever been ended, with their ends. Whoever has one of these may attest: a
    /// grant by a founder whose only device was lost counts by the receipts of those to whom it was given.
    pub possible: Vec<CountingGrant>,
    /// The receipts that count.
    pub receipts: HashSet<RecordHash>,
    /// Up to where changes are covered, per end, log of a scope, document and actor.
    changes: HashMap<(RecordHash, LogId, DocumentId, Actor), u64>,
    /// The records that are covered, per end.
    records: HashSet<(RecordHash, RecordHash)>,
    /// What the receipts say that an ended device's work is reviewed by.
    pub(super) attested: Attested,
    /// Which branches of forks were chosen, by the log that says so, what goes before first.
    pub forks: BTreeMap<(LogId, DocumentId, Actor, u64), BTreeSet<Kept>>,
}

/// A branch of a fork that somebody chose to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Whether somebody other than its author chose it: who lost the fork need not make the other branch again.
    pub by_another: bool,
    /// Its first change.
    pub hash: ChangeHash,
}

/// A scope whose log belongs to the case.
struct Log {
    scope: Scope,
    id: ScopeId,
}

impl CaseJudgement {
    /// Judges the logs of a case: that of the case, and those of its levels and of its scopes that are here.
    pub fn of(
        held: &Held,
        domain: &DomainJudgement,
        case: CaseId,
        founder: DeviceId,
        scopes: &[ScopeFacts],
    ) -> Self {
        let levels = (1..=5).map(Scope::Level);
        let visits = scopes.iter().map(|facts| facts.scope);
        let mut logs: Vec<Log> = levels
            .chain(visits.filter(|scope| matches!(scope, Scope::Visits(_))))
            .map(|scope| Log { scope, id: scope.id(case) })
            .collect();
        logs.dedup_by_key(|log| log.id);
        let mut founders: Vec<WorkerId> = domain.workers(founder).cloned().collect();
        founders.sort();
        founders.dedup();
        let mut judging = Judging { held, domain, case, judgement: Self { founders, ..Self::default() } };
        let given = judging.given();
        let ends = judging.ends(&given);
        judging.grow(&given, &ends, &logs);
        judging.choose_branches(&logs);
        judging.judgement
    }

    /// Whether a counting receipt for one of these ends covers a change: one in the log of the document's own scope. Whoever
    /// may write in another scope has no say here, and who reads this one may not know that log.
    pub fn covers_change(&self, ends: &[RecordHash], change: &ChangeFacts<'_>) -> bool {
        let log = *change.scope.id().as_bytes();
        let covered = |end| self.covered(end, log, change.document, change.actor);
        ends.iter().any(|end| covered(*end).is_some_and(|covered| change.seq <= covered))
    }

    /// Up to which number the counting receipts for an end, in the log of a scope, cover an actor's changes in a document.
    pub fn covered(&self, end: RecordHash, log: LogId, document: DocumentId, actor: Actor) -> Option<u64> {
        self.changes.get(&(end, log, document, actor)).copied()
    }

    fn covers_record(&self, ends: impl IntoIterator<Item = RecordHash>, record: RecordHash) -> bool {
        ends.into_iter().any(|end| self.records.contains(&(end, record)))
    }

    fn grant(&self, id: &RecordHash) -> Option<&CountingGrant> {
        self.grants.iter().find(|grant| grant.id == *id)
    }
}

struct Judging<'a> {
    held: &'a Held,
    domain: &'a DomainJudgement,
    case: CaseId,
    judgement: CaseJudgement,
}

impl<'a> Judging<'a> {
    /// Every grant of the case log by a certified device, whether it counts or not.
    fn given(&self) -> Vec<(&'a Arc<Entry>, &'a Grant)> {
        let log = self.held.of_log(self.case.as_bytes());
        log.filter_map(|entry| match &entry.signed.record.body {
            RecordBody::Grant(grant) => Some((entry, grant)),
            _ => None,
        })
        .collect()
    }

    /// Whether a device may grant on a case without any grant.
    fn is_master(&self, by: DeviceId) -> bool {
        self.domain.workers(by).any(|worker| self.judgement.founders.contains(worker))
            || self.domain.has_role(by, &Role::Administrator)
    }

    fn allows(&self, held: &Grant, by: DeviceId, other: &Grant) -> bool {
        held.may_grant
            && self.domain.workers(by).any(|worker| *worker == held.worker)
            && held.extent.covers(&other.extent)
            && other.writes.iter().all(|kind| held.writes.contains(kind))
    }

    /// Which grants are taken back, and by which records: by whoever may grant them, if nothing was ever taken back.
    fn ends(&mut self, given: &[(&Arc<Entry>, &Grant)]) -> HashMap<RecordHash, Vec<(RecordHash, i64)>> {
        let mut possible: HashSet<RecordHash> = HashSet::new();
        loop {
            let before = possible.len();
            for (entry, grant) in given {
                let by = device(entry.signed.record.issuer);
                if self.is_master(by) || self.allowed_by(given, &possible, by, grant) {
                    possible.insert(entry.hash);
                }
            }
            if possible.len() == before {
                break;
            }
        }
        let mut ends: HashMap<RecordHash, Vec<(RecordHash, i64)>> = HashMap::new();
        for entry in self.held.of_log(self.case.as_bytes()) {
            let RecordBody::EndOfGrant(end) = &entry.signed.record.body else { continue };
            let by = device(entry.signed.record.issuer);
            for (taken, grant) in given.iter().filter(|(taken, _)| end.grants.contains(&taken.hash)) {
                if self.is_master(by) || self.allowed_by(given, &possible, by, grant) {
                    ends.entry(taken.hash).or_default().push((entry.hash, entry.signed.record.issued_at));
                }
            }
        }
        ends.values_mut().for_each(|ends| ends.sort_unstable());
        let mut counting: Vec<CountingGrant> = given
            .iter()
            .filter(|(entry, _)| possible.contains(&entry.hash))
            .map(|(entry, grant)| counting(entry, grant, &ends))
            .collect();
        counting.sort_by_key(|grant| grant.id);
        self.judgement.possible = counting;
        ends
    }

    fn allowed_by(
        &self,
        given: &[(&Arc<Entry>, &Grant)],
        possible: &HashSet<RecordHash>,
        by: DeviceId,
        other: &Grant,
    ) -> bool {
        given.iter().any(|(held, grant)| possible.contains(&held.hash) && self.allows(grant, by, other))
    }

    /// Grants and receipts, from devices never ended on.
    fn grow(
        &mut self,
        given: &[(&Arc<Entry>, &Grant)],
        ends: &HashMap<RecordHash, Vec<(RecordHash, i64)>>,
        logs: &[Log],
    ) {
        let held = self.held;
        loop {
            let before = (self.judgement.grants.len(), self.judgement.receipts.len());
            for (entry, grant) in given {
                if self.judgement.grant(&entry.hash).is_none() && self.may_give(entry, grant) {
                    self.judgement.grants.push(counting(entry, grant, ends));
                }
            }
            let of_case = (*self.case.as_bytes(), None);
            let of_scopes = logs.iter().map(|log| (*log.id.as_bytes(), Some(&log.scope)));
            for (log, scope) in std::iter::once(of_case).chain(of_scopes) {
                for entry in held.of_log(&log) {
                    let RecordBody::Receipt(receipt) = &entry.signed.record.body else { continue };
                    if !self.judgement.receipts.contains(&entry.hash) && self.may_attest(entry, scope) {
                        self.take(entry, receipt);
                    }
                }
            }
            if before == (self.judgement.grants.len(), self.judgement.receipts.len()) {
                break;
            }
        }
        self.judgement.grants.sort_by_key(|grant| grant.id);
    }

    fn is_present(&self, entry: &Entry) -> bool {
        let by = device(entry.signed.record.issuer);
        match self.domain.ended.get(&by) {
            None => true,
            Some(ends) => self.judgement.covers_record(ends.iter().map(|end| end.record), entry.hash),
        }
    }

    fn may_give(&self, entry: &Entry, grant: &Grant) -> bool {
        let by = device(entry.signed.record.issuer);
        grant.case == self.case
            && self.is_present(entry)
            && (self.is_master(by)
                || self
                    .judgement
                    .grants
                    .iter()
                    .any(|held| self.allows(&held.grant, by, grant) && self.still(held, entry)))
    }

    /// Whether a grant was not taken back, or a record by its worker is covered all the same.
    fn still(&self, held: &CountingGrant, entry: &Entry) -> bool {
        held.ends.is_empty()
            || self.judgement.covers_record(held.ends.iter().map(|(end, _)| *end), entry.hash)
    }

    /// Whether a receipt is by a device that may write in the scope, or, in the log of the case, anything of the case.
    fn may_attest(&self, entry: &Entry, scope: Option<&Scope>) -> bool {
        let by = device(entry.signed.record.issuer);
        let founder = self.domain.workers(by).any(|worker| self.judgement.founders.contains(worker));
        self.is_present(entry)
            && (founder
                || self.judgement.possible.iter().any(|held| {
                    !held.grant.writes.is_empty()
                        && scope.is_none_or(|scope| held.grant.extent.covers(&reach(scope)))
                        && self.domain.workers(by).any(|worker| *worker == held.grant.worker)
                        && self.still(held, entry)
                }))
    }

    fn take(&mut self, entry: &Entry, receipt: &Receipt) {
        self.judgement.receipts.insert(entry.hash);
        let Some(end) = self.held.get(&receipt.end) else {
            return; // it says something of an end that is not known here, or never was
        };
        self.judgement.attested.take(self.held, self.domain, entry, receipt);
        let by = device(entry.signed.record.issuer);
        let vouches = |other| self.domain.may_vouch(by, &end.signed.record.body, other);
        let others = receipt.changes.iter().filter(|(_, actor, _)| vouches(actor.device()));
        for (document, actor, seq) in others {
            let place = (receipt.end, entry.signed.record.log, *document, *actor);
            let covered = self.judgement.changes.entry(place).or_default();
            *covered = (*covered).max(*seq);
        }
        // And nobody for records of a log that he need not know.
        let known = [*self.case.as_bytes(), entry.signed.record.log];
        let others = receipt.records.iter();
        let others = others.filter(|(issuer, log, _)| vouches(device(*issuer)) && known.contains(log));
        for (issuer, log, last) in others {
            let named = self.held.get(&last.hash).map(|entry| &entry.signed.record);
            let right = named.is_some_and(|record| record.issuer == *issuer && record.log == *log);
            if right {
                let covered = self.held.history(&last.hash);
                self.judgement.records.extend(covered.into_iter().map(|record| (receipt.end, record)));
            }
        }
    }

    /// The actor's own device chooses, while it may write, else whoever may grant; of several choices the lower hash. Whoever
    /// has lost the case could take what was recorded out of it everywhere by choosing a branch that there never was.
    fn choose_branches(&mut self, logs: &[Log]) {
        for log in logs {
            for entry in self.held.of_log(log.id.as_bytes()) {
                let RecordBody::ForkChoice(choice) = &entry.signed.record.body else { continue };
                let by_another = !self.is_own(entry, choice);
                let may = match by_another {
                    true => self.is_present(entry) && self.may_choose(entry, &log.scope),
                    false => self.may_attest(entry, Some(&log.scope)),
                };
                if !may {
                    continue;
                }
                let kept = Kept { by_another, hash: choice.keep };
                let place = (*log.id.as_bytes(), choice.document, choice.actor, choice.seq);
                self.judgement.forks.entry(place).or_default().insert(kept);
            }
        }
    }

    fn is_own(&self, entry: &Entry, choice: &ForkChoice) -> bool {
        choice.actor.device() == device(entry.signed.record.issuer)
    }

    fn may_choose(&self, entry: &Entry, scope: &Scope) -> bool {
        let by = device(entry.signed.record.issuer);
        self.is_master(by)
            || self.judgement.grants.iter().any(|held| {
                held.grant.may_grant
                    && held.grant.extent.covers(&reach(scope))
                    && self.domain.workers(by).any(|worker| *worker == held.grant.worker)
                    && self.still(held, entry)
            })
    }
}

fn counting(
    entry: &Entry,
    grant: &Grant,
    ends: &HashMap<RecordHash, Vec<(RecordHash, i64)>>,
) -> CountingGrant {
    CountingGrant {
        id: entry.hash,
        grant: grant.clone(),
        by: device(entry.signed.record.issuer),
        at: entry.signed.record.issued_at,
        ends: ends.get(&entry.hash).cloned().unwrap_or_default(),
    }
}

/// What a grant must reach to reach a scope.
pub fn reach(scope: &Scope) -> Extent {
    match scope {
        Scope::Level(level) => Extent::Level(*level),
        Scope::Visits(plan) => Extent::Visits(*plan),
    }
}
