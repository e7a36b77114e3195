//! What counts in the domain log: a pure function of the records held.
//!
//! It is found in layers, each from the ones before, so that no end can take away what makes it count: roots; issuers,
//! whom only a root names; their ends, which always count; certificates; ends of devices.

mod devices;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::held::{Entry, Held};
use crate::identity::certificate::Certificate;
use crate::identity::record::{
    Anchor, End, EndReason, IssuerId, IssuerPower, Last, RecordBody, RecordHash, issuer_id, network_log,
};
use crate::ids::DeviceId;

/// A certificate chain has at most so many links.
const MAX_LINKS: u8 = 3;

/// A certificate that counts.
#[derive(Debug, Clone)]
pub struct Counting {
    /// The certificate, with the roles and the level that count.
    pub certificate: Certificate,
    /// Whether it was made by the device itself in another domain.
    pub countersigned: bool,
    /// The record that says so, with the fewest links to the root.
    pub record: Arc<Entry>,
    links: u8,
    /// Whether somebody said so who may say what a certificate says, and not only renew it.
    pub(super) by_all: bool,
}

impl Counting {
    /// The hash by which signatures name it: of the certificate as it was signed.
    pub fn body_hash(&self) -> [u8; 32] {
        match &self.record.signed.record.body {
            RecordBody::Countersigned(body) => body.certificate.hash(),
            _ => self.certificate.hash(),
        }
    }
}

/// An end of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEnd {
    /// The record.
    pub record: RecordHash,
    /// Who ended it.
    pub by: IssuerId,
    /// When, unix seconds.
    pub at: i64,
    /// Why.
    pub why: EndReason,
}

/// A root, in the order of succession.
#[derive(Debug, Clone)]
pub struct Root {
    /// Its anchor.
    pub anchor: Anchor,
    /// Whose records these are.
    issuer: IssuerId,
    /// What of it counts; everything if it was not replaced.
    limit: Option<HashSet<RecordHash>>,
}

/// What the domain log adds up to.
#[derive(Debug, Clone, Default)]
pub struct DomainJudgement {
    /// Roots, the present one last.
    pub roots: Vec<Root>,
    /// Issuers that a root named, ended ones too.
    pub issuers: BTreeMap<DeviceId, IssuerPower>,
    /// Of ended issuers, the records that count.
    limits: BTreeMap<DeviceId, HashSet<RecordHash>>,
    /// Certificates that count, by hash.
    pub certificates: BTreeMap<[u8; 32], Counting>,
    /// Certificates of each device, by hash.
    pub devices: BTreeMap<DeviceId, Vec<[u8; 32]>>,
    /// Ended devices.
    pub ended: BTreeMap<DeviceId, Vec<DeviceEnd>>,
    /// Network secrets, the one to use first.
    pub secrets: Vec<(u64, RecordHash)>,
    /// The highest time in any record by a root or an issuer, unix seconds.
    pub highest_time: i64,
}

impl DomainJudgement {
    /// Judges the domain log.
    pub fn of(held: &Held) -> Self {
        let mut judgement = Self::default();
        judgement.find_roots(held);
        judgement.find_issuers(held);
        judgement.find_certificates(held);
        judgement.find_ends_of_own_devices(held);
        judgement.find_secrets(held);
        judgement.highest_time = held
            .of_log(held.domain().as_bytes())
            .filter(|entry| judgement.is_by_root(entry) || judgement.is_by_issuer(entry).is_some())
            .map(|entry| entry.signed.record.issued_at)
            .max()
            .unwrap_or(i64::MIN);
        judgement
    }

    /// Of two anchors that follow one, the recovery key's wins, of one signer's the lower hash. Keys are never used
    /// again, so that it is plain which anchor a later one follows.
    fn find_roots(&mut self, held: &Held) {
        let log = *held.domain().as_bytes();
        let anchors: Vec<(&Arc<Entry>, &Anchor)> = held
            .of_log(&log)
            .filter_map(|entry| match &entry.signed.record.body {
                RecordBody::Anchor(anchor) => Some((entry, anchor)),
                _ => None,
            })
            .collect();
        let mut keys = BTreeSet::new();
        let mut next = anchors.first().map(|(_, anchor)| (*anchor).clone());
        while let Some(anchor) = next.take() {
            keys.extend([anchor.root, anchor.recovery]);
            let (root, recovery) = (issuer_id(&anchor.root), issuer_id(&anchor.recovery));
            let follower = anchors
                .iter()
                .filter(|(entry, later)| {
                    let by = entry.signed.record.issuer;
                    (by == root || by == recovery)
                        && later.after.is_some()
                        && later.root != later.recovery
                        && !keys.contains(&later.root)
                        && !keys.contains(&later.recovery)
                })
                .min_by_key(|(entry, _)| (entry.signed.record.issuer != recovery, entry.hash));
            let last = follower.and_then(|(_, later)| later.after);
            let limit = follower.map(|_| last.map(|last| history(held, last)).unwrap_or_default());
            self.roots.push(Root { anchor, issuer: root, limit });
            next = follower.map(|(_, later)| (*later).clone());
        }
    }

    fn is_by_root(&self, entry: &Entry) -> bool {
        self.roots.iter().any(|root| {
            root.issuer == entry.signed.record.issuer
                && root.limit.as_ref().is_none_or(|limit| limit.contains(&entry.hash))
        })
    }

    /// The issuer and its power, if the record is by one and not beyond its end.
    fn is_by_issuer(&self, entry: &Entry) -> Option<(DeviceId, IssuerPower)> {
        let device = device(entry.signed.record.issuer);
        let power = *self.issuers.get(&device)?;
        let counts = self.limits.get(&device).is_none_or(|limit| limit.contains(&entry.hash));
        counts.then_some((device, power))
    }

    fn find_issuers(&mut self, held: &Held) {
        let log = *held.domain().as_bytes();
        for entry in held.of_log(&log) {
            if let RecordBody::Issuer(issuer) = &entry.signed.record.body
                && self.is_by_root(entry)
            {
                // A root that says both means the more.
                let power = self.issuers.entry(issuer.device).or_insert(issuer.power);
                if issuer.power == IssuerPower::All {
                    *power = IssuerPower::All;
                }
            }
        }
        for entry in held.of_log(&log) {
            let RecordBody::End(end) = &entry.signed.record.body else { continue };
            // An end by an issuer counts even if it is ended itself: two that end each other are both ended.
            let issuer = self.issuers.get(&device(entry.signed.record.issuer));
            if !self.is_by_root(entry) && issuer != Some(&IssuerPower::All) {
                continue;
            }
            match &end.issuer {
                None => self.end(entry, end),
                Some(last) => {
                    let counting = last.map(|last| history(held, last)).unwrap_or_default();
                    // Of several ends, each limits.
                    let limit = self.limits.entry(end.device).or_insert_with(|| counting.clone());
                    limit.retain(|hash| counting.contains(hash));
                }
            }
        }
    }

    fn end(&mut self, entry: &Entry, end: &End) {
        let record = &entry.signed.record;
        self.ended.entry(end.device).or_default().push(DeviceEnd {
            record: entry.hash,
            by: record.issuer,
            at: record.issued_at,
            why: end.why.clone(),
        });
    }

    fn find_certificates(&mut self, held: &Held) {
        let log = *held.domain().as_bytes();
        let mut open: Vec<&Arc<Entry>> = held
            .of_log(&log)
            .filter(|entry| {
                let body = &entry.signed.record.body;
                matches!(body, RecordBody::Certificate(_) | RecordBody::Countersigned(_))
            })
            .collect();
        for links in 1..=MAX_LINKS {
            loop {
                let before = open.len();
                open.retain(|entry| !self.certify(entry, links));
                // A renewal may stand on a certificate of as many links.
                if open.len() == before {
                    break;
                }
            }
        }
        for (hash, counting) in &self.certificates {
            self.devices.entry(counting.certificate.device).or_default().push(*hash);
        }
    }

    /// Takes in a certificate if it counts with so many links.
    fn certify(&mut self, entry: &Arc<Entry>, links: u8) -> bool {
        let power = if self.is_by_root(entry) {
            Some(IssuerPower::All)
        } else {
            self.is_by_issuer(entry).filter(|(issuer, _)| self.links(*issuer) < links).map(|(_, power)| power)
        };
        let Some(power) = power else { return false };
        let (certificate, hash, countersigned) = match &entry.signed.record.body {
            RecordBody::Certificate(certificate) => (certificate.clone(), certificate.hash(), false),
            // Roles are left behind with the domain in which somebody gave them to himself.
            RecordBody::Countersigned(body) => (
                Certificate { roles: Vec::new(), level: body.level, ..body.certificate.clone() },
                body.certificate.hash(),
                true,
            ),
            _ => return false,
        };
        if power == IssuerPower::RenewOnly && (countersigned || !self.renews(&certificate)) {
            return false;
        }
        let by_all = power == IssuerPower::All;
        let mut counting = Counting { certificate, countersigned, record: Arc::clone(entry), links, by_all };
        // The same body twice: as a certificate of this domain it says more; of two levels the higher counts.
        let rank = |c: &Counting| (!c.countersigned, c.certificate.level, Reverse((c.links, c.record.hash)));
        match self.certificates.get_mut(&hash) {
            Some(known) if rank(known) > rank(&counting) => {
                known.links = known.links.min(links);
                known.by_all |= by_all;
            }
            Some(known) => {
                counting.links = links.min(known.links);
                counting.by_all |= known.by_all;
                *known = counting;
            }
            None => {
                self.certificates.insert(hash, counting);
            }
        }
        true
    }

    fn links(&self, device: DeviceId) -> u8 {
        let own = self.certificates.values().filter(|counting| counting.certificate.device == device);
        own.map(|counting| counting.links).min().unwrap_or(MAX_LINKS)
    }

    fn renews(&self, renewed: &Certificate) -> bool {
        self.certificates.values().filter(|counting| !counting.countersigned).any(|counting| {
            let held = &counting.certificate;
            let same = Certificate {
                not_before: renewed.not_before,
                not_after: renewed.not_after,
                epoch: renewed.epoch,
                ..held.clone()
            };
            same == *renewed
                && held.epoch.checked_add(1) == Some(renewed.epoch)
                && held.not_after.is_some_and(|held| renewed.not_after.is_some_and(|later| later > held))
        })
    }

    /// A worker may end an own device.
    fn find_ends_of_own_devices(&mut self, held: &Held) {
        let log = *held.domain().as_bytes();
        // When roots and issuers ended it: who has a phone that was stolen ends none that came in its place.
        let first = |ends: &Vec<DeviceEnd>| ends.iter().map(|end| end.at).min();
        let by_issuers: HashMap<DeviceId, i64> =
            self.ended.iter().filter_map(|(device, ends)| Some((*device, first(ends)?))).collect();
        for entry in held.of_log(&log) {
            let RecordBody::End(end) = &entry.signed.record.body else { continue };
            let by = device(entry.signed.record.issuer);
            // Not since it made a certificate for itself, when it was used alone.
            let here = self.of_device(end.device).into_iter().filter(|held| !held.countersigned);
            let since = here.map(|held| held.certificate.not_before).min();
            if by_issuers.get(&by).is_some_and(|ended| since.is_some_and(|since| since > *ended)) {
                continue;
            }
            let known = self
                .ended
                .get(&end.device)
                .is_some_and(|ends| ends.iter().any(|known| known.record == entry.hash));
            let own = self.workers(by).any(|worker| self.workers(end.device).any(|other| other == worker));
            if end.issuer.is_none() && !known && own {
                self.end(entry, end);
            }
        }
        self.ended.values_mut().for_each(|ends| ends.sort_by_key(|end| end.record));
    }

    /// The newer secret first, of one generation the lower hash; what a replaced root or an ended issuer made comes
    /// after all others.
    fn find_secrets(&mut self, held: &Held) {
        let mut ranked: Vec<(bool, u64, RecordHash)> = Vec::new();
        for entry in held.of_log(&network_log(held.domain())) {
            let RecordBody::NetworkSecret(body) = &entry.signed.record.body else { continue };
            let by = entry.signed.record.issuer;
            let root = self.roots.iter().position(|root| root.issuer == by);
            let issuer = self.issuers.get(&device(by)) == Some(&IssuerPower::All);
            let past = match root {
                Some(at) => at + 1 < self.roots.len(),
                None => self.limits.contains_key(&device(by)) || self.ended.contains_key(&device(by)),
            };
            if root.is_some() || issuer {
                ranked.push((past, body.generation, entry.hash));
            }
        }
        ranked.sort_by_key(|(past, generation, hash)| (*past, Reverse(*generation), *hash));
        self.secrets = ranked.into_iter().map(|(_, generation, hash)| (generation, hash)).collect();
    }
}

fn history(held: &Held, last: Last) -> HashSet<RecordHash> {
    let there = held.get(&last.hash).is_some_and(|entry| entry.signed.record.number == last.number);
    if there { held.history(&last.hash) } else { HashSet::new() }
}

/// The device whose id an issuer's id is, if it is a device's.
pub fn device(issuer: IssuerId) -> DeviceId {
    DeviceId(uuid::Uuid::from_bytes(issuer))
}
