//! What a device shows to prove its certificate, and how the other side checks it before it has all records.
//!
//! A chain is read from the anchors down: roots that follow a held one, issuers that a root named, certificates of
//! theirs. It is believed for this connection only; what counts is judged once the records themselves have come.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::authority::domain::Root;
use crate::identity::record::{IssuerId, RecordBody, Signed, issuer_id};
use crate::identity::{Authority, Certificate};
use crate::ids::DeviceId;
use crate::store::Store;

/// Links between a root and a device: the root's word, an issuer's certificate, the device's.
const MAX_LINKS: usize = 3;
/// The most records of a proof: those links, and the roots before them. Its bytes have a limit of their own.
pub(crate) const MAX_RECORDS: u64 = 48;

impl Store {
    /// What this device shows: later roots first, up to the one that its certificate hangs on, then issuers, its own
    /// certificate last. Roots after that prove nothing here, and a thief of a root key can make any number of them.
    pub(crate) fn own_chain(&self) -> Vec<Vec<u8>> {
        let own = self.own();
        let judgement = own.authority.judgement();
        let newest = own.authority.certificate_of(own.device).map_or(own.certificate, |newest| newest.hash());
        let mut chain = own.authority.chain(&newest);
        chain.reverse();
        let by: BTreeSet<IssuerId> = chain.iter().map(|signed| signed.record.issuer).collect();
        let signed = |root: &Root| by.contains(&issuer_id(&root.anchor.root));
        let last = judgement.roots.iter().rposition(signed).unwrap_or(0);
        let log = own.authority.domain_log();
        let later = judgement.roots[..=last].iter().skip(1).filter_map(|root| {
            own.authority.records(&log).find(|signed| match &signed.record.body {
                RecordBody::Anchor(anchor) => *anchor == root.anchor,
                _ => false,
            })
        });
        later.cloned().chain(chain).map(|signed| signed.encode()).collect()
    }

    /// The certificate that a chain proves; nothing if it proves none of this domain.
    pub(crate) fn proven_by(&self, chain: &[Vec<u8>]) -> Option<Certificate> {
        let authority = self.own().authority.clone();
        prove(&authority, chain)
    }
}

fn prove(authority: &Authority, chain: &[Vec<u8>]) -> Option<Certificate> {
    let judgement = authority.judgement();
    let mut roots: BTreeMap<IssuerId, [u8; 32]> = BTreeMap::new();
    let mut recovery: BTreeMap<IssuerId, [u8; 32]> = BTreeMap::new();
    for root in &judgement.roots {
        roots.insert(issuer_id(&root.anchor.root), root.anchor.root);
        recovery.insert(issuer_id(&root.anchor.recovery), root.anchor.recovery);
    }
    let mut named: BTreeSet<DeviceId> =
        judgement.issuers.keys().filter(|device| judgement.power(**device).is_some()).copied().collect();
    let mut issuers: BTreeMap<IssuerId, [u8; 32]> = BTreeMap::new();
    for device in &named {
        let certificate = authority.certificate_of(*device);
        issuers.extend(certificate.map(|certificate| (issuer_id(&certificate.ed25519), certificate.ed25519)));
    }
    let mut proven = None;
    let mut links = 0;
    // An issuer's certificate comes before the word that names it one.
    let mut certified: BTreeMap<DeviceId, [u8; 32]> = BTreeMap::new();
    for bytes in chain {
        let signed = Signed::decode(bytes).ok()?;
        let record = &signed.record;
        if record.domain != authority.domain() || record.log != authority.domain_log() {
            return None;
        }
        let by_root = roots.get(&record.issuer).is_some_and(|key| signed.is_by(key));
        let by_recovery = recovery.get(&record.issuer).is_some_and(|key| signed.is_by(key));
        let by_issuer = issuers.get(&record.issuer).is_some_and(|key| signed.is_by(key));
        match &record.body {
            RecordBody::Anchor(anchor) if by_root || by_recovery => {
                roots.insert(issuer_id(&anchor.root), anchor.root);
                recovery.insert(issuer_id(&anchor.recovery), anchor.recovery);
            }
            RecordBody::Issuer(issuer) if by_root => {
                named.insert(issuer.device);
                issuers.extend(certified.get(&issuer.device).map(|key| (issuer_id(key), *key)));
            }
            RecordBody::Certificate(certificate) if by_root || by_issuer => {
                links += 1;
                certified.insert(certificate.device, certificate.ed25519);
                if named.contains(&certificate.device) {
                    issuers.insert(issuer_id(&certificate.ed25519), certificate.ed25519);
                }
                proven = Some(certificate.clone());
            }
            _ => return None,
        }
    }
    proven.filter(|_| links <= MAX_LINKS)
}
