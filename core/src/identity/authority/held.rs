//! The records that are held: a function of signatures, never of what they say.
//!
//! A record is held when its issuer's key is known from a held record and the record before it is held. An issuer that
//! wrote two histories (a restored copy of a device, a thief) has both held: dropping one would make what counts depend
//! on which came first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::RecordRefused;
use crate::identity::certificate::Certificate;
use crate::identity::record::{
    Home, IssuerId, Last, LogId, RecordBody, RecordHash, Signed, domain_id, issuer_id, network_log,
};
use crate::ids::{self, DomainId, sha256};

/// Up to where an issuer's records in one log are held: the highest number, and eight bytes that two devices with the
/// same records have in common. They are the last record's hash, cut; where an issuer wrote several histories, a hash
/// over the last records of all of them.
pub type LogVector = BTreeMap<IssuerId, (u64, [u8; 8])>;

/// A held record with its hash.
#[derive(Debug)]
pub struct Entry {
    /// Record and signature.
    pub signed: Signed,
    /// The record's hash.
    pub hash: RecordHash,
}

/// One issuer's records in one log.
#[derive(Debug, Clone, Default)]
struct Chain {
    highest: u64,
    tips: BTreeSet<RecordHash>,
}

/// Every record held, in an order in which each follows what it needs.
#[derive(Debug, Clone)]
pub struct Held {
    domain: DomainId,
    entries: Vec<Arc<Entry>>,
    by_hash: HashMap<RecordHash, usize>,
    logs: BTreeMap<LogId, (BTreeMap<IssuerId, Chain>, Vec<usize>)>,
    keys: BTreeMap<IssuerId, [u8; 32]>,
    certificates: HashMap<[u8; 32], Certificate>,
}

impl Held {
    /// The records of a domain, of which its first anchor is held.
    pub fn new(anchor: Signed) -> Result<Self, RecordRefused> {
        let RecordBody::Anchor(body) = &anchor.record.body else { return Err(RecordRefused::NoAnchor) };
        let domain = domain_id(&body.root);
        let root = issuer_id(&body.root);
        if body.domain != domain || body.after.is_some() || anchor.record.issuer != root {
            return Err(RecordRefused::NoAnchor);
        }
        let mut held = Self {
            domain,
            entries: Vec::new(),
            by_hash: HashMap::new(),
            logs: BTreeMap::new(),
            keys: BTreeMap::from([(root, body.root)]),
            certificates: HashMap::new(),
        };
        held.insert(anchor)?;
        Ok(held)
    }

    /// The domain.
    pub fn domain(&self) -> DomainId {
        self.domain
    }

    /// Takes in a record; false when it was held already.
    pub fn insert(&mut self, signed: Signed) -> Result<bool, RecordRefused> {
        let record = &signed.record;
        if record.domain != self.domain {
            return Err(RecordRefused::OtherDomain);
        }
        let hash = record.hash();
        if self.by_hash.contains_key(&hash) {
            return Ok(false);
        }
        if !self.is_at_home(&signed) {
            return Err(RecordRefused::WrongLog);
        }
        let key = self.keys.get(&record.issuer).ok_or(RecordRefused::UnknownIssuer)?;
        if !signed.is_by(key) {
            return Err(RecordRefused::NotSigned);
        }
        let first = record.number == 1 && record.previous == [0; 32];
        if !first && !self.follows(&signed) {
            return Err(RecordRefused::Gap);
        }
        self.keep(signed, hash);
        Ok(true)
    }

    fn is_at_home(&self, signed: &Signed) -> bool {
        let (log, domain) = (signed.record.log, *self.domain.as_bytes());
        let network = network_log(self.domain);
        match signed.record.body.home() {
            Home::Domain => log == domain,
            Home::Network => log == network,
            Home::Case(case) => log == case && log != domain && log != network,
            Home::CaseOrScope => log != domain && log != network,
            Home::Any => true,
        }
    }

    fn follows(&self, signed: &Signed) -> bool {
        let record = &signed.record;
        self.get(&record.previous).is_some_and(|previous| {
            let previous = &previous.signed.record;
            previous.log == record.log
                && previous.issuer == record.issuer
                && previous.number.checked_add(1) == Some(record.number)
        })
    }

    fn keep(&mut self, signed: Signed, hash: RecordHash) {
        let record = &signed.record;
        let at = self.entries.len();
        let (chains, order) = self.logs.entry(record.log).or_default();
        let chain = chains.entry(record.issuer).or_default();
        chain.highest = chain.highest.max(record.number);
        chain.tips.remove(&record.previous);
        chain.tips.insert(hash);
        order.push(at);
        self.by_hash.insert(hash, at);
        let keys: &[&[u8; 32]] = match &record.body {
            RecordBody::Anchor(anchor) => &[&anchor.root, &anchor.recovery],
            RecordBody::Certificate(certificate) => &[&certificate.ed25519],
            RecordBody::Countersigned(body) => &[&body.certificate.ed25519],
            _ => &[],
        };
        for key in keys {
            self.keys.insert(issuer_id(key), **key);
        }
        let certificate = match &record.body {
            RecordBody::Certificate(certificate) => Some(certificate),
            RecordBody::Countersigned(body) => Some(&body.certificate),
            _ => None,
        };
        self.certificates.extend(certificate.map(|certificate| (certificate.hash(), certificate.clone())));
        self.entries.push(Arc::new(Entry { signed, hash }));
    }

    /// A held record.
    pub fn get(&self, hash: &RecordHash) -> Option<&Arc<Entry>> {
        self.by_hash.get(hash).and_then(|at| self.entries.get(*at))
    }

    /// A certificate, whether it counts or not.
    pub fn certificate(&self, hash: &[u8; 32]) -> Option<&Certificate> {
        self.certificates.get(hash)
    }

    /// Every record, in the order in which they came.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    /// The records of a log, in the order in which they came.
    pub fn of_log(&self, log: &LogId) -> impl Iterator<Item = &Arc<Entry>> {
        let order = self.logs.get(log).map(|(_, order)| order.as_slice()).unwrap_or_default();
        order.iter().filter_map(|at| self.entries.get(*at))
    }

    /// Whether records of a log are held.
    pub fn knows_log(&self, log: &LogId) -> bool {
        self.logs.contains_key(log)
    }

    /// The number and previous hash of an issuer's next record in a log. After a fork it follows the longest history.
    pub fn next(&self, log: &LogId, issuer: &IssuerId) -> (u64, RecordHash) {
        let chain = self.logs.get(log).and_then(|(chains, _)| chains.get(issuer));
        let longest = chain.and_then(|chain| {
            chain
                .tips
                .iter()
                .find(|tip| self.get(tip).is_some_and(|entry| entry.signed.record.number == chain.highest))
        });
        match (chain, longest) {
            (Some(chain), Some(tip)) => (chain.highest + 1, *tip),
            _ => (1, [0; 32]),
        }
    }

    /// The last record of each history that an issuer wrote in a log: of most there is one.
    pub fn tips(&self, log: &LogId, issuer: &IssuerId) -> Vec<Last> {
        let chain = self.logs.get(log).and_then(|(chains, _)| chains.get(issuer));
        let tips = chain.into_iter().flat_map(|chain| &chain.tips).filter_map(|tip| self.get(tip));
        tips.map(|entry| Last { number: entry.signed.record.number, hash: entry.hash }).collect()
    }

    /// Up to where a log is held.
    pub fn vector(&self, log: &LogId) -> LogVector {
        let Some((chains, _)) = self.logs.get(log) else { return LogVector::new() };
        chains.iter().map(|(issuer, chain)| (*issuer, mark(chain))).collect()
    }

    /// What the owner of a vector lacks of a log, each record after what it needs.
    pub fn after(&self, log: &LogId, theirs: &LogVector) -> Vec<&Arc<Entry>> {
        let Some((chains, _)) = self.logs.get(log) else { return Vec::new() };
        let mut known = HashSet::new();
        let mut equal = BTreeSet::new();
        for (issuer, chain) in chains {
            match theirs.get(issuer) {
                Some(their) if *their == mark(chain) => {
                    equal.insert(*issuer);
                }
                Some((number, cut)) => {
                    let there = self.of_log(log).find(|entry| {
                        let record = &entry.signed.record;
                        record.issuer == *issuer && record.number == *number && entry.hash[..8] == *cut
                    });
                    if let Some(entry) = there {
                        known.extend(self.history(&entry.hash));
                    }
                }
                None => {}
            }
        }
        self.of_log(log)
            .filter(|entry| !equal.contains(&entry.signed.record.issuer) && !known.contains(&entry.hash))
            .collect()
    }

    /// A record and everything of its issuer and log before it; nothing if it is not held.
    pub fn history(&self, last: &RecordHash) -> HashSet<RecordHash> {
        let mut history = HashSet::new();
        let mut at = *last;
        while let Some(entry) = self.get(&at) {
            history.insert(at);
            at = entry.signed.record.previous;
        }
        history
    }
}

fn mark(chain: &Chain) -> (u64, [u8; 8]) {
    let mark = match chain.tips.first() {
        Some(tip) if chain.tips.len() == 1 => ids::mark(tip),
        _ => ids::mark(&sha256(&[&chain.tips.iter().flatten().copied().collect::<Vec<u8>>()])),
    };
    (chain.highest, mark)
}
