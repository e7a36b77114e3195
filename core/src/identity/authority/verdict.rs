//! The questions that others ask: does a change count, may a device read, may it connect.

use super::Authority;
use super::case::{CaseJudgement, CountingGrant, reach};
use super::domain::Counting;
use crate::identity::certificate::{Certificate, Role};
use crate::identity::founding::Scope;
use crate::identity::record::{Extent, RecordHash};
use crate::ids::{Actor, CaseId, DeviceId, DocumentId, ScopeId, WorkerId};
use crate::planted::{self, Defect};

/// What a scope is, as its founding record and its id say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeFacts {
    /// The case.
    pub case: CaseId,
    /// The device that opened it.
    pub founder: DeviceId,
    /// What of it the scope covers.
    pub scope: Scope,
}

impl ScopeFacts {
    /// The scope's id.
    pub fn id(&self) -> ScopeId {
        self.scope.id(self.case)
    }

    /// What a grant must reach to reach it.
    pub fn extent(&self) -> Extent {
        reach(&self.scope)
    }
}

/// What the guard knows of a change.
#[derive(Debug, Clone, Copy)]
pub struct ChangeFacts<'a> {
    /// The certificate that its signature names.
    pub certificate: &'a [u8; 32],
    /// Who wrote it.
    pub actor: Actor,
    /// Its number.
    pub seq: u64,
    /// Its document.
    pub document: DocumentId,
    /// The document's kind.
    pub kind: &'a str,
    /// The document's scope.
    pub scope: ScopeFacts,
}

/// Whether a change counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Counts,
    /// No certificate that counts is its author's.
    UnknownAuthor,
    /// Its author's device was ended, and no counting receipt covers it.
    AuthorEnded,
    /// No grant covers it: there was none, or it was taken back and no counting receipt covers the change.
    NotGranted,
}

/// How a device stands, for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A certificate is valid now.
    Current,
    /// No certificate is valid now: it may hand over its own work and renew, and receives no case data.
    Expired,
    /// It was ended: it may hand over its own work, and nothing else.
    Ended,
    /// No certificate of it counts here.
    Unknown,
}

impl Authority {
    /// Whether a change counts: by records and the change alone, never by a clock or by what came first.
    pub fn verdict(&self, facts: &ChangeFacts<'_>) -> Verdict {
        match self.obstacles(facts) {
            None => Verdict::UnknownAuthor,
            Some((device, _)) if !device.is_empty() => Verdict::AuthorEnded,
            Some((_, None)) => Verdict::Counts,
            Some((_, Some(_))) => Verdict::NotGranted,
        }
    }

    /// The ends that keep a change out: of its author's device, and of grants. A counting receipt for one of each that
    /// there are lets it in.
    pub fn ends_against(&self, facts: &ChangeFacts<'_>) -> (Vec<RecordHash>, Vec<RecordHash>) {
        self.obstacles(facts).map(|(device, grants)| (device, grants.unwrap_or_default())).unwrap_or_default()
    }

    /// Whether receipts for its obstacles would let a change in: not where no grant ever did.
    pub fn can_be_attested(&self, facts: &ChangeFacts<'_>) -> bool {
        match self.obstacles(facts) {
            None => false,
            Some((device, None)) => !device.is_empty(),
            Some((_, Some(taken_back))) => !taken_back.is_empty(),
        }
    }

    /// Ends of the author's device that no receipt covers, and ends of grants if no grant lets the change in; nothing
    /// for an unknown author.
    fn obstacles(&self, facts: &ChangeFacts<'_>) -> Option<(Vec<RecordHash>, Option<Vec<RecordHash>>)> {
        let domain = self.judgement();
        let counting = domain.certificates.get(facts.certificate)?;
        let case = self.case_judgement(facts.scope.case, facts.scope.founder);
        let covered = |ends: &[RecordHash]| case.covers_change(ends, facts);
        let ended = domain.ended.get(&counting.certificate.device).into_iter().flatten();
        let mut device: Vec<RecordHash> = ended.map(|end| end.record).collect();
        if covered(&device) {
            device.clear();
        }
        if is_founder(&case, counting, &facts.scope.scope) {
            return Some((device, None));
        }
        let mut taken_back = Vec::new();
        for grant in grants_for(&case, counting, &facts.scope.scope, Some(facts.kind)) {
            let ends: Vec<RecordHash> = grant.ends.iter().map(|(end, _)| *end).collect();
            if ends.is_empty() || covered(&ends) {
                return Some((device, None));
            }
            taken_back.extend(ends);
        }
        Some((device, Some(taken_back)))
    }

    /// How a device stands at a trusted time.
    pub fn standing(&self, device: DeviceId, trusted_time: i64) -> Standing {
        let domain = self.judgement();
        let own = domain.in_force(device);
        if domain.ended.contains_key(&device) {
            Standing::Ended
        } else if own.iter().all(|counting| counting.countersigned) {
            Standing::Unknown
        } else if own.iter().any(|counting| is_valid(counting, trusted_time)) {
            Standing::Current
        } else {
            Standing::Expired
        }
    }

    /// Whether a device may be sent a scope at a trusted time.
    pub fn may_read(&self, device: DeviceId, scope: &ScopeFacts, trusted_time: i64) -> bool {
        let ignored = planted::is(Defect::EndIgnoredInOpenSession);
        if self.standing(device, trusted_time) != Standing::Current && !ignored {
            return false;
        }
        let domain = self.judgement();
        let case = self.case_judgement(scope.case, scope.founder);
        domain.in_force(device).into_iter().any(|counting| {
            is_valid(counting, trusted_time)
                && reads(counting, &case, &case.grants, &scope.scope, trusted_time)
        })
    }

    /// Whether a device may be sent the log of a case at a trusted time: whoever was ever let into anything of it learns
    /// what was granted and taken back. Judged as if no device had ever been ended: by these records alone it is known
    /// whether a grant by an ended device counts.
    pub fn hears_case(&self, device: DeviceId, case: CaseId, founder: DeviceId, trusted_time: i64) -> bool {
        let judgement = self.case_judgement(case, founder);
        self.valid(device, trusted_time, |counting| {
            reads_all(&counting.certificate)
                || judgement.founders.contains(&counting.certificate.worker)
                || judgement.possible.iter().any(|held| {
                    held.grant.worker == counting.certificate.worker
                        && (!held.ends.is_empty() || lasts(held, trusted_time))
                })
        })
    }

    /// Whether a device may be sent the log of a scope at a trusted time, judged as that of its case.
    pub fn hears_scope(&self, device: DeviceId, scope: &ScopeFacts, trusted_time: i64) -> bool {
        let case = self.case_judgement(scope.case, scope.founder);
        self.valid(device, trusted_time, |counting| {
            reads(counting, &case, &case.possible, &scope.scope, trusted_time)
        })
    }

    /// Whether a device that is not ended has a certificate, valid at a trusted time, of which something is true.
    fn valid(&self, device: DeviceId, trusted_time: i64, is: impl Fn(&Counting) -> bool) -> bool {
        let domain = self.judgement();
        self.standing(device, trusted_time) == Standing::Current
            && domain.in_force(device).into_iter().any(|held| is_valid(held, trusted_time) && is(held))
    }

    /// Whether a device reads every case, up to its level: a hub's or an administrator's.
    pub fn reads_everything(&self, device: DeviceId) -> bool {
        let domain = self.judgement();
        domain.of_device(device).iter().any(|counting| reads_all(&counting.certificate))
    }

    /// Whether a device was let into a scope at any time, by whomever, as far as is known here: the device that granted it
    /// may have ended, and no receipt of that may have come.
    pub fn was_let_in(&self, device: DeviceId, scope: &ScopeFacts) -> bool {
        let case = self.case_judgement(scope.case, scope.founder);
        let granted = |worker: &WorkerId| {
            case.possible
                .iter()
                .any(|held| held.grant.worker == *worker && held.grant.extent.covers(&scope.extent()))
        };
        self.reads_everything(device)
            || self
                .judgement()
                .workers(device)
                .any(|worker| case.founders.contains(worker) || granted(worker))
    }

    /// Whether something of a case is granted to a device's worker at a trusted time, as far as is known here.
    pub fn is_granted(&self, device: DeviceId, case: CaseId, founder: DeviceId, trusted_time: i64) -> bool {
        let (domain, judgement) = (self.judgement(), self.case_judgement(case, founder));
        domain.workers(device).any(|worker| {
            let mut granted = judgement.possible.iter().filter(|held| held.grant.worker == *worker);
            granted.any(|held| lasts(held, trusted_time))
        })
    }

    /// Whether a device is in a case by who it is: everybody who knows the case knows that, without any grant.
    pub fn needs_no_grant(&self, device: DeviceId, case: CaseId, founder: DeviceId) -> bool {
        let judgement = self.case_judgement(case, founder);
        self.reads_everything(device)
            || self.judgement().workers(device).any(|worker| judgement.founders.contains(worker))
    }

    /// The devices of a worker.
    pub fn devices_of(&self, worker: &WorkerId) -> Vec<DeviceId> {
        let domain = self.judgement();
        let devices = domain.devices.keys().copied();
        devices.filter(|device| domain.workers(*device).any(|other| other == worker)).collect()
    }
}

fn is_valid(counting: &Counting, at: i64) -> bool {
    let certificate = &counting.certificate;
    !counting.countersigned
        && certificate.not_before <= at
        && certificate.not_after.is_none_or(|not_after| at <= not_after)
}

/// Whether the holder of a certificate reads a scope, by its role, as a founder, or by one of these grants.
fn reads(
    counting: &Counting,
    case: &CaseJudgement,
    grants: &[CountingGrant],
    scope: &Scope,
    trusted_time: i64,
) -> bool {
    reads_all(&counting.certificate) && reaches(counting, scope)
        || is_founder(case, counting, scope)
        || among(grants, counting, scope, None).any(|held| lasts(held, trusted_time))
}

/// Whether a grant was neither taken back nor ran out.
pub(super) fn lasts(held: &CountingGrant, trusted_time: i64) -> bool {
    over(held, trusted_time).is_none()
}

/// Since when a grant is taken back, or has run out.
pub(super) fn over(held: &CountingGrant, trusted_time: i64) -> Option<i64> {
    let ran_out = held.grant.until.filter(|until| *until < trusted_time);
    held.ends.iter().map(|(_, at)| *at).chain(ran_out).min()
}

pub(super) fn reads_all(certificate: &Certificate) -> bool {
    certificate.roles.iter().any(|role| matches!(role, Role::Hub | Role::Administrator))
}

/// Whether a certificate's level reaches a scope.
pub(super) fn reaches(counting: &Counting, scope: &Scope) -> bool {
    match scope {
        Scope::Level(level) => *level <= counting.certificate.level,
        Scope::Visits(_) => true,
    }
}

pub(super) fn is_founder(case: &CaseJudgement, counting: &Counting, scope: &Scope) -> bool {
    case.founders.contains(&counting.certificate.worker) && reaches(counting, scope)
}

/// The grants that count, ended ones too, that let the holder of a certificate into a scope, and write a kind if one is
/// named.
pub(super) fn grants_for<'a>(
    case: &'a CaseJudgement,
    counting: &'a Counting,
    scope: &'a Scope,
    kind: Option<&'a str>,
) -> impl Iterator<Item = &'a CountingGrant> {
    among(&case.grants, counting, scope, kind)
}

/// The same of any grants.
pub(super) fn among<'a>(
    grants: &'a [CountingGrant],
    counting: &'a Counting,
    scope: &'a Scope,
    kind: Option<&'a str>,
) -> impl Iterator<Item = &'a CountingGrant> {
    grants.iter().filter(move |held| {
        held.grant.worker == counting.certificate.worker
            && reaches(counting, scope)
            && held.grant.extent.covers(&reach(scope))
            && kind.is_none_or(|kind| held.grant.writes.iter().any(|writes| writes == kind))
    })
}
