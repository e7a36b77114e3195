//! Who may do what: a pure function of the records held, never of their order of arrival or of a clock.
//!
//! - [`held`]: which records are held, a function of signatures;
//! - [`domain`]: which of the domain log count: roots, issuers, certificates, ends;
//! - [`case`]: which of a case's logs count: grants, their ends, receipts;
//! - [`verdict`]: the questions that others ask;
//! - [`rights`]: what a device may write, grant and attest;
//! - `shut`: who was let in and is not any more;
//! - [`review`]: which work of an ended device a person should look over;
//! - [`issuing`]: new records;
//! - [`joining`]: how a device comes into a domain.
//!
//! A store that is used alone is a domain of its own.

pub mod case;
pub mod domain;
pub mod held;
pub mod issuing;
pub mod joining;
pub mod review;
pub mod rights;
mod shut;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::record::{LogId, RecordBody, RecordHash, Signed, network_log};
use crate::ids::{CaseId, DeviceId, DomainId, ScopeId};

pub use case::{CaseJudgement, CountingGrant, Kept};
pub use domain::{Counting, DeviceEnd, DomainJudgement};
pub use held::{Entry, Held, LogVector};
pub use joining::{Joining, JoiningRefused, adopt, request};
pub use review::Review;
pub use rights::MayWrite;
pub use verdict::{ChangeFacts, ScopeFacts, Standing, Verdict};

/// A record that does not belong, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordRefused {
    /// It belongs to another domain.
    #[error("a record of another domain")]
    OtherDomain,
    /// No held record says what its issuer's key is.
    #[error("a record of an unknown issuer")]
    UnknownIssuer,
    /// The signature is not its issuer's.
    #[error("a record that its issuer did not sign")]
    NotSigned,
    /// An earlier record of the same issuer is missing.
    #[error("a record is missing before this one")]
    Gap,
    /// It stands in a log where such a record cannot stand.
    #[error("a record in the wrong log")]
    WrongLog,
    /// It could not be read again: it is longer than a record may be, or something in it has no place in one.
    #[error("a record that cannot be read")]
    Unreadable,
    /// The first record is no domain's first anchor.
    #[error("no anchor")]
    NoAnchor,
}

/// The records of a domain and what follows from them. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Authority {
    held: Arc<Held>,
    scopes: Arc<Scopes>,
    judged: Arc<Judged>,
}

/// The scopes that are here.
#[derive(Debug, Clone, Default)]
struct Scopes {
    by_id: BTreeMap<ScopeId, ScopeFacts>,
    of_case: BTreeMap<CaseId, Vec<ScopeFacts>>,
}

/// What was judged of the records held: of the domain until one of its own comes, of a case until one of its logs does.
#[derive(Debug, Default)]
struct Judged {
    domain: OnceLock<Arc<DomainJudgement>>,
    cases: Mutex<BTreeMap<(CaseId, DeviceId), Arc<CaseJudgement>>>,
}

impl Clone for Judged {
    fn clone(&self) -> Self {
        let cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { domain: self.domain.clone(), cases: Mutex::new(cases) }
    }
}

/// So many network secrets are tried.
const SECRETS_TRIED: usize = 8;

impl Authority {
    /// The authority that records add up to, each after what it needs; the first must be a domain's first anchor.
    pub fn from_records(records: impl IntoIterator<Item = Signed>) -> Result<Self, RecordRefused> {
        let mut records = records.into_iter();
        let anchor = records.next().ok_or(RecordRefused::NoAnchor)?;
        let mut authority =
            Self { held: Arc::new(Held::new(anchor)?), scopes: Arc::default(), judged: Arc::default() };
        for record in records {
            authority.insert(record)?;
        }
        Ok(authority)
    }

    /// Takes in a record; false when it was held already.
    ///
    /// # Errors
    /// Why it is not held. After [`RecordRefused::Gap`] and [`RecordRefused::UnknownIssuer`] it may be sent again later.
    pub fn insert(&mut self, signed: Signed) -> Result<bool, RecordRefused> {
        let log = signed.record.log;
        if self.held.get(&signed.record.hash()).is_some() {
            return Ok(false);
        }
        Arc::make_mut(&mut self.held).insert(signed)?;
        match self.case_of(&log) {
            Some(case) => self.forget(case),
            // The domain's logs, and those of which nobody has said whose they are.
            None => self.judged = Arc::default(),
        }
        Ok(true)
    }

    /// The case that a log belongs to, if it is its own or that of a scope that is here.
    pub fn case_of(&self, log: &LogId) -> Option<CaseId> {
        let of_case = || {
            let case = CaseId(uuid::Uuid::from_bytes(*log));
            self.scopes.of_case.contains_key(&case).then_some(case)
        };
        let scope = self.scopes.by_id.get(&ScopeId(uuid::Uuid::from_bytes(*log)));
        scope.map(|facts| facts.case).or_else(of_case)
    }

    /// Says that a scope is here, so that its log is judged with its case's.
    pub fn know_scope(&mut self, scope: ScopeFacts) {
        if self.scopes.by_id.contains_key(&scope.id()) {
            return;
        }
        let scopes = Arc::make_mut(&mut self.scopes);
        scopes.by_id.insert(scope.id(), scope);
        scopes.of_case.entry(scope.case).or_default().push(scope);
        self.forget(scope.case);
    }

    /// A case is judged anew when it is asked for.
    fn forget(&mut self, case: CaseId) {
        let judged = Arc::make_mut(&mut self.judged);
        let cases = judged.cases.get_mut().unwrap_or_else(PoisonError::into_inner);
        cases.retain(|(judged, _), _| *judged != case);
    }

    /// The scopes that are here.
    pub fn scopes(&self) -> impl Iterator<Item = &ScopeFacts> {
        self.scopes.by_id.values()
    }

    /// A scope that is here.
    pub fn scope(&self, id: &ScopeId) -> Option<&ScopeFacts> {
        self.scopes.by_id.get(id)
    }

    /// The domain.
    pub fn domain(&self) -> DomainId {
        self.held.domain()
    }

    /// The log of certificates, issuers and ends.
    pub fn domain_log(&self) -> LogId {
        *self.domain().as_bytes()
    }

    /// The log of network secrets: only for peers that are not ended, and only inside a channel.
    pub fn network_log(&self) -> LogId {
        network_log(self.domain())
    }

    /// The records held.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// The records of a log, each after what it needs.
    pub fn records<'a>(&'a self, log: &LogId) -> impl Iterator<Item = &'a Signed> {
        self.held.of_log(log).map(|entry| &entry.signed)
    }

    /// Up to where a log is held, per issuer.
    pub fn vector(&self, log: &LogId) -> LogVector {
        self.held.vector(log)
    }

    /// What the owner of a vector lacks of a log, each record after what it needs.
    pub fn records_after(&self, log: &LogId, theirs: &LogVector) -> Vec<&Signed> {
        self.held.after(log, theirs).into_iter().map(|entry| &entry.signed).collect()
    }

    /// What counts in the domain log.
    pub fn judgement(&self) -> Arc<DomainJudgement> {
        Arc::clone(self.judged.domain.get_or_init(|| Arc::new(DomainJudgement::of(&self.held))))
    }

    /// What counts in the logs of a case that a device opened.
    pub fn case_judgement(&self, case: CaseId, founder: DeviceId) -> Arc<CaseJudgement> {
        let mut cases = self.judged.cases.lock().unwrap_or_else(PoisonError::into_inner);
        let judge = || {
            let scopes = self.scopes.of_case.get(&case).map(Vec::as_slice).unwrap_or_default();
            Arc::new(CaseJudgement::of(&self.held, &self.judgement(), case, founder, scopes))
        };
        Arc::clone(cases.entry((case, founder)).or_insert_with(judge))
    }

    /// The certificate of this hash, if it counts, with the roles and the level that count.
    pub fn certificate(&self, hash: &[u8; 32]) -> Option<Certificate> {
        self.judgement().certificates.get(hash).map(|counting| counting.certificate.clone())
    }

    /// The certificate of this hash, to check a signature with, whether it counts or not.
    pub fn held_certificate(&self, hash: &[u8; 32]) -> Option<&Certificate> {
        self.held.certificate(hash)
    }

    /// The newest certificate of a device that counts.
    pub fn certificate_of(&self, device: DeviceId) -> Option<Certificate> {
        let judgement = self.judgement();
        let newest = judgement.in_force(device).into_iter().find(|counting| !counting.countersigned);
        newest.map(|counting| counting.certificate.clone())
    }

    /// The records that show a certificate to somebody who knows the domain's anchors: it, its issuer's, and so on up.
    pub fn chain(&self, certificate: &[u8; 32]) -> Vec<Signed> {
        self.judgement().chain(&self.held, certificate)
    }

    /// The last network secrets, the one to use first: whoever was away while several devices were ended knows only an
    /// older one.
    pub fn network_secrets(&self) -> Vec<(u64, Zeroizing<[u8; 32]>)> {
        let judgement = self.judgement();
        let secrets =
            judgement.secrets.iter().take(SECRETS_TRIED).filter_map(|(generation, hash)| {
                match &self.held.get(hash)?.signed.record.body {
                    RecordBody::NetworkSecret(body) => Some((*generation, body.secret.clone())),
                    _ => None,
                }
            });
        secrets.collect()
    }

    /// Which branches of a document's forks were chosen, by actor and number, what goes before first: by whoever may, in the
    /// log of the document's own scope. Whoever may choose in another one has no say here, and who reads this may not know
    /// that log.
    pub fn fork_choices(
        &self,
        facts: &ScopeFacts,
        document: crate::ids::DocumentId,
    ) -> BTreeMap<(crate::ids::Actor, u64), BTreeSet<Kept>> {
        let judgement = self.case_judgement(facts.case, facts.founder);
        let log = *facts.id().as_bytes();
        let of_document =
            judgement.forks.iter().filter(|((of_log, of, _, _), _)| (*of_log, *of) == (log, document));
        of_document.map(|((_, _, actor, seq), kept)| ((*actor, *seq), kept.clone())).collect()
    }

    /// The end of a device by record hash.
    pub fn device_of_end(&self, end: &RecordHash) -> Option<DeviceId> {
        let judgement = self.judgement();
        let found = judgement.ended.iter().find(|(_, ends)| ends.iter().any(|known| known.record == *end));
        found.map(|(device, _)| *device)
    }
}

#[cfg(test)]
mod tests;
