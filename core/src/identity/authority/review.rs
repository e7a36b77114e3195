//! Which work of an ended device a person should look over: it counts, and yet whoever ended the device did not have it.
//! A pure function of the records held and of the change, as what counts is. It takes nothing out of any document.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::case::reach;
use super::domain::{DeviceEnd, DomainJudgement, device};
use super::held::{Entry, Held};
use super::{Authority, ScopeFacts};
use crate::identity::founding::Scope;
use crate::identity::record::{IssuerId, LogId, Receipt, RecordHash};
use crate::ids::{Actor, DeviceId, DocumentId};

/// What counting receipts say of ended devices besides what counts.
#[derive(Debug, Clone, Default)]
pub struct Attested {
    /// What whoever may have made an end held when it was made, per end, log and device.
    at_end: HashMap<(RecordHash, LogId), BTreeMap<IssuerId, AtEnd>>,
    /// What persons decided, per log.
    decided: HashMap<LogId, Vec<Decision>>,
}

#[derive(Debug, Clone, Default)]
struct AtEnd {
    changes: HashMap<(DocumentId, Actor), u64>,
    records: HashSet<RecordHash>,
}

#[derive(Debug, Clone)]
struct Decision {
    record: RecordHash,
    by: DeviceId,
    /// Unix seconds.
    at: i64,
    /// The end of the device whose work it is.
    end: RecordHash,
    changes: HashMap<(DocumentId, Actor), u64>,
}

impl Attested {
    /// Takes in a receipt that counts.
    pub(super) fn take(&mut self, held: &Held, domain: &DomainJudgement, entry: &Entry, receipt: &Receipt) {
        let record = &entry.signed.record;
        let by = device(record.issuer);
        // Nobody vouches for himself.
        let others = receipt.changes.iter().filter(|(_, actor, _)| actor.device() != by);
        let changes = others.map(|(document, actor, seq)| ((*document, *actor), *seq));
        if receipt.by_person {
            let (at, end) = (record.issued_at, receipt.end);
            let decision = Decision { record: entry.hash, by, at, end, changes: changes.collect() };
            self.decided.entry(record.log).or_default().push(decision);
            return;
        }
        let end = domain.ended.values().flatten().find(|end| end.record == receipt.end);
        if !end.is_some_and(|end| is_by_whoever_ended(domain, end, entry)) {
            return;
        }
        let there =
            self.at_end.entry((receipt.end, record.log)).or_default().entry(record.issuer).or_default();
        for (place, seq) in changes {
            let held = there.changes.entry(place).or_default();
            *held = seq.max(*held);
        }
        for (issuer, log, last) in &receipt.records {
            let named = held.get(&last.hash).map(|entry| &entry.signed.record);
            if named.is_some_and(|record| record.issuer == *issuer && record.log == *log) {
                there.records.extend(held.history(&last.hash));
            }
        }
    }

    /// What whoever may have made an end held in a scope then; nothing where that is not known. Who attested in a scope
    /// that reaches this one, and not in this one, held nothing of it: a thief may have begun it.
    fn held_at(&self, end: RecordHash, scope: &ScopeFacts) -> Option<Vec<&AtEnd>> {
        if let Some(held) = self.at_end.get(&(end, *scope.id().as_bytes())) {
            return Some(held.values().collect());
        }
        let mut wider = (1..=5).map(Scope::Level).filter(|level| reach(level).covers(&scope.extent()));
        let attested = wider.any(|level| self.at_end.contains_key(&(end, *level.id(scope.case).as_bytes())));
        attested.then(Vec::new)
    }

    /// Whether a person's decision stands. What was decided with a stolen key is as much in doubt as what was written.
    fn stands(&self, domain: &DomainJudgement, scope: &ScopeFacts, decision: &Decision) -> bool {
        let mut ends = domain.ended.get(&decision.by).into_iter().flatten();
        ends.all(|end| match self.held_at(end.record, scope) {
            Some(held) => !held.is_empty() && held.iter().all(|held| held.records.contains(&decision.record)),
            None => decision.at < end.at,
        })
    }
}

/// Whether a receipt may be by the device that made an end: it writes both in one transaction, at one time. Which device
/// has the root is written nowhere; for an end by the root it is any whose receipt has the time of the end.
fn is_by_whoever_ended(domain: &DomainJudgement, end: &DeviceEnd, entry: &Entry) -> bool {
    let record = &entry.signed.record;
    record.issued_at == end.at && (record.issuer == end.by || domain.is_root(end.by))
}

/// Which changes of an ended device in one document a person should look over, among those that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The first end of the device.
    pub end: DeviceEnd,
    /// Up to this number a person has looked.
    decided: u64,
    /// Up to this number whoever ended the device had it, of several the least; nothing where that is not known.
    had: Option<u64>,
    /// From this time on, unix seconds, what the device wrote was late; nothing where it is known what was had.
    since: Option<i64>,
}

impl Review {
    /// Whether a change should be looked over, by its number and the writer's clock, unix seconds.
    pub fn asks(&self, seq: u64, time: i64) -> bool {
        let unknown = self.had.is_some_and(|had| seq > had) || self.since.is_some_and(|since| time >= since);
        seq > self.decided && unknown
    }

    /// Up to this number nothing needs to be looked over.
    pub fn settled(&self) -> u64 {
        match (self.had, self.since) {
            (Some(had), None) => had.max(self.decided),
            _ => self.decided,
        }
    }
}

impl Authority {
    /// What a person should look over of a device's work in a document; nothing while the device was not ended.
    ///
    /// It is what whoever ended the device had not attested in the scope when the end was made, and, where nothing was
    /// attested in a scope that reaches it, what has the time of the end or a later one by its writer's clock. A thief's
    /// clock may say anything: there, what is said to be older is not found.
    ///
    /// Of several ends each can ask, and it takes only one: a second end comes later, and whoever makes it may have got
    /// by then what a thief wrote before. So an honest change may be asked for that only one of those who ended the
    /// device had; that costs a look, and a thief's change that nobody is asked about costs more. For the same reason a
    /// person's word is asked for even if it is the person's own device that was ended.
    pub fn review(
        &self,
        device: DeviceId,
        scope: &ScopeFacts,
        document: DocumentId,
        actor: Actor,
    ) -> Option<Review> {
        let domain = self.judgement();
        let ends = domain.ended.get(&device)?;
        let first = ends.iter().min_by_key(|end| (end.at, end.record))?;
        let case = self.case_judgement(scope.case, scope.founder);
        let (attested, place) = (&case.attested, (document, actor));
        let decisions = attested.decided.get(scope.id().as_bytes()).into_iter().flatten();
        let decided = decisions
            .filter(|decision| ends.iter().any(|end| end.record == decision.end))
            .filter(|decision| attested.stands(&domain, scope, decision))
            .filter_map(|decision| decision.changes.get(&place).copied())
            .max();
        let (mut had, mut since) = (None, None);
        for end in ends {
            match attested.held_at(end.record, scope) {
                Some(held) => {
                    let each = held.iter().map(|held| held.changes.get(&place).copied().unwrap_or(0));
                    let least = each.min().unwrap_or(0);
                    had = had.into_iter().chain([least]).min();
                }
                None => since = since.into_iter().chain([end.at]).min(),
            }
        }
        Some(Review { end: first.clone(), decided: decided.unwrap_or(0), had, since })
    }
}
