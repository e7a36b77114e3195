//! Receipts: what this device held of somebody's work when it learned of an end. Written in the transaction that stores
//! the end, so what was applied is always covered and nothing is ever taken out of a document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::records::{EndHash, Records};
use super::scopes;
use crate::document::chunk::{self, Limits};
use crate::error::{Error, Result};
use crate::identity::record::{IssuerId, Last, LogId, Receipt, RecordBody};
use crate::identity::{Authority, ChangeFacts, ScopeFacts, Verdict};
use crate::ids::{Actor, CaseId, DeviceId, DocumentId};
use crate::planted::{self, Defect};
use crate::storage::changes::{ChangeRow, ChangeState};
use crate::storage::documents::DocumentRow;
use crate::store::Store;

/// After a grant was taken back, what its worker still had is let in without asking for so long.
const LATE_SECONDS: i64 = 14 * 24 * 3600;
/// So much fits into one record, with room to spare.
const RECORDS_PER_RECEIPT: usize = 8;
const CHANGES_PER_RECEIPT: usize = 48;

/// Writes receipts for each end that counts now and did not before, and for all where this device's word counts now and
/// did not before.
pub(super) fn for_new_ends(change: &mut Records<'_>, before: &Authority) -> Result<()> {
    if change.keys.is_none() || change.authority.held().all().count() == before.held().all().count() {
        return Ok(());
    }
    if planted::is(Defect::ReceiptsSkipped) {
        return Ok(());
    }
    let (was, is) = (before.judgement(), change.authority.judgement());
    // Of a case that is judged as before nothing follows.
    let changed = |facts: &&ScopeFacts| {
        let judged = |authority: &Authority| authority.case_judgement(facts.case, facts.founder);
        !Arc::ptr_eq(&was, &is) || !Arc::ptr_eq(&judged(before), &judged(&change.authority))
    };
    let scopes: Vec<ScopeFacts> = change.authority.scopes().filter(changed).copied().collect();
    // Where this device's word counts from now on it attests what it holds of everybody who ended before: it may have
    // learned of those ends while its word did not count, and what it has applied is never taken out.
    let gained: Vec<bool> = scopes
        .iter()
        .map(|facts| {
            change.authority.may_attest(change.device, facts) && !before.may_attest(change.device, facts)
        })
        .collect();
    let mut ends: Vec<(EndHash, DeviceId, bool)> = Vec::new();
    for (device, found) in &is.ended {
        let known = was.ended.get(device).map(Vec::as_slice).unwrap_or_default();
        // What is attested for one end is attested for all: of those that others made, the first is enough.
        let mut first = known.is_empty() || change.ends;
        for end in found {
            let new = !known.contains(end) && first;
            first &= !new || change.ends;
            ends.push((end.record, *device, new));
        }
    }
    for (facts, gained) in scopes.iter().zip(&gained) {
        for (end, device, new) in ends.iter().filter(|(_, _, new)| *new || *gained) {
            // Whoever ends a device says so too where that is nothing: only then is it known that what others have is
            // not what the end was made upon.
            let nothing_too = change.ends && *new && before.may_write_something(*device, facts);
            let cover = Cover::Applied { nothing_too, known: new.then_some(before) };
            write(change, facts, *end, &[*device], cover)?;
        }
    }
    let cases: BTreeSet<(CaseId, DeviceId)> =
        scopes.iter().map(|facts| (facts.case, facts.founder)).collect();
    for (case, founder) in cases {
        let device = change.device;
        let attests = |authority: &Authority| {
            let mut of_case = scopes.iter().filter(|facts| facts.case == case);
            of_case.any(|facts| authority.may_attest(device, facts))
        };
        let gained_any = attests(&change.authority) && !attests(before);
        for (end, device, new) in ends.iter().filter(|(_, _, new)| *new || gained_any) {
            write_of_case(change, case, *end, &[*device], new.then_some(before))?;
        }
        let was: BTreeSet<EndHash> =
            ends_of_grants(before, case, founder).into_iter().map(|(end, _)| end).collect();
        for (end, devices) in ends_of_grants(&change.authority, case, founder) {
            let known = (!was.contains(&end)).then_some(before);
            if gained_any || known.is_some() {
                write_of_case(change, case, end, &devices, known)?;
            }
            let of_case = scopes.iter().zip(&gained).filter(|(facts, _)| facts.case == case);
            for (facts, _) in of_case.filter(|(_, gained)| **gained || known.is_some()) {
                write(change, facts, end, &devices, Cover::Applied { nothing_too: false, known })?;
            }
        }
    }
    Ok(())
}

/// Each record that takes grants back, with the devices of their workers.
fn ends_of_grants(authority: &Authority, case: CaseId, founder: DeviceId) -> Vec<(EndHash, Vec<DeviceId>)> {
    let judgement = authority.case_judgement(case, founder);
    let mut ends: Vec<(EndHash, Vec<DeviceId>)> = Vec::new();
    for grant in &judgement.possible {
        for (end, _) in &grant.ends {
            let devices = authority.devices_of(&grant.grant.worker);
            match ends.iter_mut().find(|(known, _)| known == end) {
                Some((_, known)) => known.extend(devices),
                None => ends.push((*end, devices)),
            }
        }
    }
    ends
}

/// What of somebody's work in a scope this device attests by itself.
#[derive(Clone, Copy)]
enum Cover<'a> {
    /// What was applied, and the records; where there is nothing, nothing is written unless that is to be said. Of an end
    /// that is new here, the records that were known before it came: one that came with it may be its answer.
    Applied { nothing_too: bool, known: Option<&'a Authority> },
    /// What waits because of such ends too. Records that came after the end, such as grants, are nobody's late work.
    Late,
}

/// Attests what is held in a scope of the subjects' work; nothing by a device whose word would not count.
fn write(
    change: &mut Records<'_>,
    facts: &ScopeFacts,
    end: EndHash,
    subjects: &[DeviceId],
    cover: Cover<'_>,
) -> Result<bool> {
    if !change.authority.may_attest(change.device, facts) {
        return Ok(false);
    }
    let late = matches!(cover, Cover::Late);
    let log = *facts.id().as_bytes();
    let subjects = others(change, &end, subjects);
    let records = match cover {
        Cover::Late => Vec::new(),
        Cover::Applied { known, .. } => records_of(change, known, &log, &subjects),
    };
    let mut changes = Vec::new();
    for device in &subjects {
        let held = change.tx.reading().held_of_device(facts.id().as_bytes(), device.as_bytes(), late)?;
        for (document, actor, seq) in held {
            changes.push((DocumentId::from_slice(&document)?, Actor(actor), seq));
        }
    }
    changes.sort_unstable();
    changes.dedup();
    if late {
        // What was attested already, by whomever, is not said again: two that both do would never come to an end.
        let judgement = change.authority.case_judgement(facts.case, facts.founder);
        changes.retain(|(document, actor, seq)| {
            judgement.covered(end, log, *document, *actor).is_none_or(|covered| covered < *seq)
        });
    }
    let nothing = records.is_empty() && changes.is_empty();
    if nothing && !matches!(cover, Cover::Applied { nothing_too: true, .. }) {
        return Ok(false);
    }
    issue(change, &log, Receipt { end, records, changes, by_person: false })?;
    Ok(true)
}

/// Attests what is held of the subjects' records in a case's log, in that log: whoever reads anything of the case hears
/// it, and all who do are to agree on which grants count.
fn write_of_case(
    change: &mut Records<'_>,
    case: CaseId,
    end: EndHash,
    subjects: &[DeviceId],
    known: Option<&Authority>,
) -> Result<()> {
    let attests =
        |facts: &ScopeFacts| facts.case == case && change.authority.may_attest(change.device, facts);
    let log = *case.as_bytes();
    let records = records_of(change, known, &log, &others(change, &end, subjects));
    if records.is_empty() || !change.authority.scopes().any(attests) {
        return Ok(());
    }
    issue(change, &log, Receipt { end, records, changes: Vec::new(), by_person: false })
}

/// Those for whom this device's word counts after an end.
fn others(change: &Records<'_>, end: &EndHash, subjects: &[DeviceId]) -> BTreeSet<DeviceId> {
    let vouches = |device: &DeviceId| change.authority.may_vouch(change.device, end, *device);
    subjects.iter().copied().filter(vouches).collect()
}

/// Up to where a log was held of the subjects' records, or is held now.
fn records_of(
    change: &Records<'_>,
    known: Option<&Authority>,
    log: &LogId,
    subjects: &BTreeSet<DeviceId>,
) -> Vec<(IssuerId, LogId, Last)> {
    let held = known.unwrap_or(&change.authority).held();
    // A restored copy may have written several histories: each is held, and each counted.
    let tips = |device: &DeviceId| -> Vec<_> {
        let tips = held.tips(log, device.as_bytes()).into_iter();
        tips.map(|last| (*device.as_bytes(), *log, last)).collect()
    };
    let mut records: Vec<_> = subjects.iter().flat_map(tips).collect();
    records.sort_unstable();
    records
}

/// Writes what a person decided of others' changes in a scope, in sorted order; nothing by a device whose word would not
/// count.
pub(super) fn decide(
    change: &mut Records<'_>,
    facts: &ScopeFacts,
    end: EndHash,
    mut changes: Vec<(DocumentId, Actor, u64)>,
) -> Result<()> {
    changes.retain(|(_, actor, _)| change.authority.may_vouch(change.device, &end, actor.device()));
    if changes.is_empty() || !change.authority.may_attest(change.device, facts) {
        return Ok(());
    }
    let log = *facts.id().as_bytes();
    issue(change, &log, Receipt { end, records: Vec::new(), changes, by_person: true })
}

/// Issues a receipt in as many records as it takes, and at least one.
fn issue(change: &mut Records<'_>, log: &LogId, whole: Receipt) -> Result<()> {
    let keys = change.keys()?;
    let Receipt { end, mut records, mut changes, by_person } = whole;
    loop {
        let receipt = Receipt {
            end,
            records: records.drain(..records.len().min(RECORDS_PER_RECEIPT)).collect(),
            changes: changes.drain(..changes.len().min(CHANGES_PER_RECEIPT)).collect(),
            by_person,
        };
        let issued = change.authority.issue(&keys, *log, RecordBody::Receipt(receipt), change.now);
        issued.map_err(|_| Error::Unexpected { reason: "receipt" })?;
        if records.is_empty() && changes.is_empty() {
            return Ok(());
        }
    }
}

impl Store {
    /// Attests what came too late after a grant was taken back, if this device may grant: in the whole scope. True if it
    /// attested anything.
    pub(crate) fn admit_late(&self, row: &DocumentRow) -> Result<bool> {
        let trusted = self.trusted_time()?;
        self.attest(row, false, |authority, device, facts, change| {
            let extent = facts.extent();
            if !authority.may_grant(device, facts.case, facts.founder, &extent)
                || authority.verdict(change) != Verdict::NotGranted
            {
                return false;
            }
            let judgement = authority.case_judgement(facts.case, facts.founder);
            let (_, ends) = authority.ends_against(change);
            judgement
                .grants
                .iter()
                .flat_map(|grant| &grant.ends)
                .any(|(end, at)| ends.contains(end) && trusted.saturating_sub(*at) <= LATE_SECONDS)
        })
    }

    /// Writes receipts for the held changes of a document that somebody chose to let in; true if it wrote any. What a
    /// person lets in is vouched for with all that its author's device wrote there before; nothing else of the device is.
    pub(crate) fn attest(
        &self,
        row: &DocumentRow,
        by_person: bool,
        choose: impl Fn(&Authority, DeviceId, &ScopeFacts, &ChangeFacts<'_>) -> bool,
    ) -> Result<bool> {
        let chosen = self.read(|reading| {
            let own = self.own();
            let Some(facts) = scopes::facts(reading, &row.scope_id)? else { return Ok(None) };
            let mut chosen: BTreeMap<(EndHash, DeviceId), BTreeSet<Actor>> = BTreeMap::new();
            for (held, bytes) in reading.held_of(row.id)? {
                let waits = matches!(held.state, ChangeState::AuthorEnded | ChangeState::NotGranted);
                if !waits || chunk::read_change(&bytes, &Limits::DEFAULT).is_err() {
                    continue;
                }
                let change = facts_of(row, &held, facts)?;
                if choose(&own.authority, own.device, &facts, &change) {
                    let (device, grants) = own.authority.ends_against(&change);
                    for end in device.into_iter().chain(grants) {
                        chosen.entry((end, change.actor.device())).or_default().insert(change.actor);
                    }
                }
            }
            Ok(Some((facts, chosen)))
        })?;
        let Some((facts, chosen)) = chosen.filter(|(_, chosen)| !chosen.is_empty()) else { return Ok(false) };
        self.change_records(|change| {
            let mut wrote = false;
            for ((end, device), actors) in chosen {
                if !by_person {
                    wrote |= write(change, &facts, end, &[device], Cover::Late)?;
                    continue;
                }
                let held = change.tx.reading().held_of_device(&row.scope_id, device.as_bytes(), true)?;
                let chosen = held.into_iter().filter(|(document, actor, _)| {
                    *document == row.document_id && actors.contains(&Actor(*actor))
                });
                let changes = chosen
                    .map(|(document, actor, seq)| Ok((DocumentId::from_slice(&document)?, Actor(actor), seq)))
                    .collect::<Result<Vec<_>>>()?;
                decide(change, &facts, end, changes)?;
                wrote = true;
            }
            Ok(wrote)
        })
    }
}

/// What the guard would know of a held change.
pub(crate) fn facts_of<'a>(
    row: &'a DocumentRow,
    held: &'a ChangeRow,
    scope: ScopeFacts,
) -> Result<ChangeFacts<'a>> {
    Ok(ChangeFacts {
        certificate: &held.certificate,
        actor: Actor(held.actor),
        seq: held.seq,
        document: DocumentId::from_slice(&row.document_id)?,
        kind: &row.kind,
        scope,
    })
}
