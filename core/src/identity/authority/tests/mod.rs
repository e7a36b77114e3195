//! What counts, told with records alone: any order gives the same, and nobody says more than they may.

mod forks;
mod judged;
mod order;
mod review;
mod roles;
mod vouching;

use super::issuing::{Entitled, Issuing};
use super::*;
use crate::identity::MemoryVault;
use crate::identity::certificate::Role;
use crate::identity::founding::Scope;
use crate::identity::keys::{DeviceKeys, RootKey, Signer};
use crate::identity::record::{
    EndOfGrant, EndReason, Extent, Grant, IssuerPower, Last, Receipt, Record, RecordBody,
};
use crate::ids::{Actor, DocumentId, uuid8};
use crate::random::SystemRandom;

const NOW: i64 = 1_772_438_400;

fn keys() -> DeviceKeys {
    DeviceKeys::make(&MemoryVault::default(), &SystemRandom).unwrap()
}

fn root_key() -> RootKey {
    RootKey::make(&MemoryVault::default(), "root", &SystemRandom).unwrap()
}

/// A domain with a phone (w-1), which opened a case, and what the phone holds.
struct World {
    root: RootKey,
    recovery: RootKey,
    phone: DeviceKeys,
    authority: Authority,
    facts: ScopeFacts,
}

impl World {
    fn new() -> Self {
        let (root, recovery, phone) = (root_key(), root_key(), keys());
        let worker = "w-1".parse().unwrap();
        let mut authority =
            Authority::alone(&root, &recovery.public(), &phone, worker, [7; 32], NOW).unwrap();
        let case = CaseId(uuid8([9; 16]));
        let facts = ScopeFacts { case, founder: phone.device_id(), scope: Scope::Level(1) };
        authority.know_scope(facts);
        Self { root, recovery, phone, authority, facts }
    }

    fn by_root(&self) -> Issuing<'_> {
        Issuing { key: &self.root, power: IssuerPower::All, root: true }
    }

    fn enrol(&mut self, worker: &str, roles: &[Role]) -> DeviceKeys {
        let keys = keys();
        let request = request(&keys, worker.parse().unwrap(), Vec::new());
        let joining = Joining::decode(&request).unwrap();
        let entitled =
            Entitled { worker: worker.parse().unwrap(), roles: roles.to_vec(), level: 3, not_after: None };
        let by = Issuing { key: &self.root, power: IssuerPower::All, root: true };
        self.authority.certify(&by, &joining, entitled, NOW).unwrap();
        keys
    }

    fn case_log(&self) -> LogId {
        *self.facts.case.as_bytes()
    }

    fn grant(&mut self, by: &DeviceKeys, worker: &str, may_grant: bool) -> RecordHash {
        let grant = Grant {
            case: self.facts.case,
            worker: worker.parse().unwrap(),
            extent: Extent::Level(3),
            writes: vec!["contact_log".to_owned()],
            may_grant,
            until: None,
        };
        let log = self.case_log();
        self.authority.issue(by, log, RecordBody::Grant(grant), NOW).unwrap().record.hash()
    }

    fn take_back(&mut self, by: &DeviceKeys, grant: RecordHash) -> RecordHash {
        let end = RecordBody::EndOfGrant(EndOfGrant { grants: vec![grant] });
        let log = self.case_log();
        self.authority.issue(by, log, end, NOW).unwrap().record.hash()
    }

    fn receipt(&mut self, by: &DeviceKeys, end: RecordHash, of: &DeviceKeys, seq: u64) {
        self.receipt_at(by, end, of, seq, NOW, false);
    }

    fn receipt_at(
        &mut self,
        by: &DeviceKeys,
        end: RecordHash,
        of: &DeviceKeys,
        seq: u64,
        at: i64,
        by_person: bool,
    ) {
        let changes = vec![(document(), actor(of), seq)];
        let receipt = Receipt { end, records: self.last_of(of), changes, by_person };
        let log = *self.facts.id().as_bytes();
        self.authority.issue(by, log, RecordBody::Receipt(receipt), at).unwrap();
    }

    fn last_of(&self, device: &DeviceKeys) -> Vec<([u8; 16], LogId, Last)> {
        let id = *device.device_id().as_bytes();
        let mut logs = [self.case_log(), *self.facts.id().as_bytes()];
        logs.sort_unstable();
        let last = logs.into_iter().map(|log| (log, self.authority.held().next(&log, &id)));
        last.filter(|(_, (next, _))| *next > 1)
            .map(|(log, (next, hash))| (id, log, Last { number: next - 1, hash }))
            .collect()
    }

    fn end_device(&mut self, by: &dyn Signer, device: &DeviceKeys) -> RecordHash {
        let ended = self.authority.end_device(by, device.device_id(), EndReason::Lost, NOW);
        ended.unwrap().record.hash()
    }

    fn verdict(&self, by: &DeviceKeys, seq: u64) -> Verdict {
        let certificate =
            self.authority.certificate_of(by.device_id()).unwrap_or_else(|| panic!("no certificate"));
        self.authority.verdict(&ChangeFacts {
            certificate: &certificate.hash(),
            actor: actor(by),
            seq,
            document: document(),
            kind: "contact_log",
            scope: self.facts,
        })
    }
}

fn document() -> DocumentId {
    DocumentId(uuid8([8; 16]))
}

fn actor(of: &DeviceKeys) -> Actor {
    Actor::new(of.device_id(), [1; 8])
}

#[test]
fn a_worker_needs_a_grant_in_anothers_case_and_none_on_an_own_second_device() {
    let mut world = World::new();
    let (second, marc) = (world.enrol("w-1", &[]), world.enrol("w-2", &[]));
    assert_eq!(world.verdict(&second, 1), Verdict::Counts);
    assert_eq!(world.verdict(&marc, 1), Verdict::NotGranted);
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    assert_eq!(world.verdict(&marc, 1), Verdict::Counts);
    assert!(world.authority.may_read(marc.device_id(), &world.facts, NOW));
    let secret = ScopeFacts { scope: Scope::Level(4), ..world.facts };
    assert!(!world.authority.may_read(marc.device_id(), &secret, NOW));
}

#[test]
fn a_grant_by_somebody_without_the_right_is_held_and_says_nothing() {
    let mut world = World::new();
    let (marc, lise) = (world.enrol("w-2", &[]), world.enrol("w-3", &[]));
    world.grant(&marc, "w-3", false);
    assert_eq!(world.verdict(&lise, 1), Verdict::NotGranted);
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", true);
    assert_eq!(world.verdict(&lise, 1), Verdict::Counts, "the right makes it count, whatever came first");
    let admin = world.enrol("w-9", &[Role::Administrator]);
    assert_eq!(world.verdict(&admin, 1), Verdict::NotGranted);
    world.grant(&admin, "w-9", false);
    assert_eq!(world.verdict(&admin, 1), Verdict::Counts);
}

#[test]
fn after_an_end_only_what_a_receipt_covers_counts() {
    let mut world = World::new();
    let marc = world.enrol("w-2", &[]);
    let phone = world.phone.clone();
    let grant = world.grant(&phone, "w-2", true);
    let end = world.take_back(&phone, grant);
    assert_eq!(world.verdict(&marc, 1), Verdict::NotGranted);
    world.receipt(&phone, end, &marc, 4);
    assert_eq!([4, 5].map(|seq| world.verdict(&marc, seq)), [Verdict::Counts, Verdict::NotGranted]);
    // Nobody grants on, not even to himself, once the right is taken back.
    world.grant(&marc, "w-2", false);
    assert_eq!(world.verdict(&marc, 5), Verdict::NotGranted);
}

#[test]
fn two_that_end_each_other_are_both_ended_and_a_third_keeps_what_it_held() {
    let mut world = World::new();
    let (one, two) = (world.enrol("w-2", &[]), world.enrol("w-3", &[]));
    for issuer in [&one, &two] {
        let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
        world.authority.make_issuer(&by, issuer.device_id(), IssuerPower::All, NOW).unwrap();
    }
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    world.grant(&phone, "w-3", false);
    let ends = [world.end_device(&one, &two), world.end_device(&two, &one)];
    for device in [&one, &two] {
        assert_eq!(world.authority.standing(device.device_id(), NOW), Standing::Ended);
        assert_eq!(world.verdict(device, 1), Verdict::AuthorEnded);
    }
    // Two's receipt for one's work counts because the phone attests two's records, and not before.
    world.receipt(&two, ends[1], &one, 6);
    assert_eq!(world.verdict(&one, 6), Verdict::AuthorEnded);
    world.receipt(&phone, ends[0], &two, 2);
    assert_eq!([world.verdict(&one, 6), world.verdict(&one, 7)], [Verdict::Counts, Verdict::AuthorEnded]);
}

#[test]
fn a_receipt_by_an_ended_device_that_nobody_covers_says_nothing() {
    let mut world = World::new();
    let marc = world.enrol("w-2", &[]);
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    let root = RootKey::of_seed(&[3; 32]);
    assert!(matches!(
        world.authority.end_device(&root, marc.device_id(), EndReason::Lost, NOW),
        Err(RecordRefused::UnknownIssuer)
    ));
    let end = world.authority.end_device(&world.root, marc.device_id(), EndReason::Lost, NOW).unwrap();
    world.receipt(&marc, end.record.hash(), &marc, 9);
    assert_eq!(world.verdict(&marc, 1), Verdict::AuthorEnded);
}

#[test]
fn a_founders_only_device_is_lost_and_a_grantees_receipt_carries_the_case_on() {
    let mut world = World::new();
    let (marc, lise) = (world.enrol("w-2", &[]), world.enrol("w-3", &[]));
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", true);
    world.grant(&marc, "w-3", false);
    let end = world.authority.end_device(&world.root, phone.device_id(), EndReason::Lost, NOW);
    let end = end.unwrap().record.hash();
    assert_eq!(
        [&phone, &marc, &lise].map(|by| world.verdict(by, 1)),
        [Verdict::AuthorEnded, Verdict::NotGranted, Verdict::NotGranted]
    );
    world.receipt(&marc, end, &phone, 4);
    assert_eq!([&phone, &marc, &lise].map(|by| world.verdict(by, 4)), [Verdict::Counts; 3]);
    // What a thief grants with that key afterwards is covered by nobody.
    let thief = world.enrol("w-9", &[]);
    world.grant(&phone, "w-9", true);
    assert_eq!(world.verdict(&thief, 1), Verdict::NotGranted);
}

#[test]
fn a_certificate_by_a_device_that_is_no_issuer_does_not_count() {
    let mut world = World::new();
    let marc = world.enrol("w-2", &[]);
    let friend = keys();
    let mut rogue = world.authority.certificate_of(marc.device_id()).unwrap();
    (rogue.device, rogue.ed25519) = (friend.device_id(), friend.ed25519());
    let log = world.authority.domain_log();
    world.authority.issue(&marc, log, RecordBody::Certificate(rogue.clone()), NOW).unwrap();
    assert_eq!(world.authority.certificate(&rogue.hash()), None);
    assert_eq!(world.authority.standing(friend.device_id(), NOW), Standing::Unknown);
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    world.authority.make_issuer(&by, marc.device_id(), IssuerPower::RenewOnly, NOW).unwrap();
    assert_eq!(world.authority.certificate(&rogue.hash()), None, "renewing is not certifying");
}

#[test]
fn who_may_only_renew_changes_nothing_but_the_expiry() {
    let mut world = World::new();
    let (hub, marc) = (world.enrol("hub", &[Role::Hub]), world.enrol("w-2", &[Role::Caseworker]));
    let later = |days: i64| Some(NOW + days * 86_400);
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    world.authority.make_issuer(&by, hub.device_id(), IssuerPower::RenewOnly, NOW).unwrap();
    world.authority.renew(&by, marc.device_id(), None, later(30), NOW).unwrap();
    let by = world.authority.issuing(None, Some(&hub)).unwrap();
    let renewed = world.authority.renew(&by, marc.device_id(), None, later(60), NOW).unwrap();
    assert_eq!(world.authority.certificate_of(marc.device_id()), Some(renewed.clone()));
    let roles = Some((vec![Role::Administrator], 5));
    let refused = world.authority.renew(&by, marc.device_id(), roles, later(90), NOW);
    assert_eq!(refused, Err(JoiningRefused::NotAnIssuer));
    let forged =
        Certificate { roles: vec![Role::Administrator], epoch: 3, not_after: later(90), ..renewed.clone() };
    let log = world.authority.domain_log();
    world.authority.issue(&hub, log, RecordBody::Certificate(forged), NOW).unwrap();
    assert_eq!(world.authority.certificate_of(marc.device_id()), Some(renewed));
    assert_eq!(
        world.authority.standing(marc.device_id(), NOW + 61 * 86_400),
        Standing::Current,
        "the first one has no end"
    );
    // Nor does its word end anybody.
    world.end_device(&hub, &marc);
    assert_eq!(world.authority.standing(marc.device_id(), NOW), Standing::Current);
}

#[test]
fn a_second_history_below_an_issuers_end_does_not_count() {
    let mut world = World::new();
    let marc = world.enrol("w-2", &[]);
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    world.authority.make_issuer(&by, marc.device_id(), IssuerPower::All, NOW).unwrap();
    let certify = |world: &mut World, by: &DeviceKeys| {
        let newcomer = keys();
        let joining = Joining::decode(&request(&newcomer, "w-5".parse().unwrap(), Vec::new())).unwrap();
        let entitled =
            Entitled { worker: "w-5".parse().unwrap(), roles: Vec::new(), level: 1, not_after: None };
        let by = world.authority.issuing(None, Some(by)).unwrap();
        world.authority.certify(&by, &joining, entitled, NOW).unwrap()
    };
    let honest = certify(&mut world, &marc);
    world.authority.end_issuer(&world.root, marc.device_id(), EndReason::Stolen, NOW).unwrap();
    assert!(world.authority.issuing(None, Some(&marc)).is_none());
    assert!(world.authority.certificate(&honest.hash()).is_some());
    let thiefs = Certificate { worker: "w-1".parse().unwrap(), ..honest };
    let record = Record {
        domain: world.authority.domain(),
        log: world.authority.domain_log(),
        issuer: *marc.device_id().as_bytes(),
        number: 1,
        previous: [0; 32],
        issued_at: NOW,
        body: RecordBody::Certificate(thiefs.clone()),
    };
    assert_eq!(world.authority.insert(Signed::new(record, &marc)), Ok(true), "a fork is held");
    assert_eq!(world.authority.certificate(&thiefs.hash()), None);
}

#[test]
fn the_recovery_key_takes_the_root_back_from_a_thief() {
    let mut world = World::new();
    let (thief, mine, next) = (root_key(), root_key(), root_key());
    world.authority.replace_root(&world.root, &thief, &[4; 32], NOW).unwrap();
    let marc = world.enrol("w-2", &[]);
    let before = world.authority.certificate_of(marc.device_id());
    assert_eq!(before, None, "the old root counts no further than it was replaced");
    world.authority.replace_root(&world.recovery, &mine, &next.public(), NOW).unwrap();
    let roots = world.authority.judgement();
    assert_eq!(roots.roots.last().unwrap().anchor.root, mine.public());
    assert!(world.authority.certificate_of(world.phone.device_id()).is_some());
    assert!(world.authority.issuing(Some(&thief), Some(&marc)).is_none());
    assert!(world.authority.issuing(Some(&mine), Some(&marc)).is_some());
    assert!(world.by_root().root);
}

#[test]
fn a_record_in_another_domain_or_log_or_that_cannot_be_read_again_is_refused() {
    let (mut world, mut other) = (World::new(), World::new());
    let foreign = other.authority.records(&other.authority.domain_log()).next().unwrap().clone();
    assert_eq!(world.authority.insert(foreign), Err(RecordRefused::OtherDomain));
    let phone = world.phone.clone();
    let grant = world.grant(&phone, "w-2", false);
    let mut replayed = world.authority.held().get(&grant).unwrap().signed.clone();
    replayed.record.log = [5; 16];
    assert_eq!(world.authority.insert(replayed.clone()), Err(RecordRefused::WrongLog));
    replayed.record.body = RecordBody::Other { kind: 42, body: vec![0x80] };
    assert_eq!(world.authority.insert(replayed), Err(RecordRefused::NotSigned));
    let long = RecordBody::Other { kind: 42, body: vec![0; 4096] };
    let log = world.case_log();
    let unsorted = RecordBody::EndOfGrant(EndOfGrant { grants: vec![[2; 32], [1; 32]] });
    let held = world.authority.held().all().count();
    for unreadable in [long, unsorted] {
        let refused = world.authority.issue(&phone, log, unreadable, NOW).err();
        assert_eq!(refused, Some(RecordRefused::Unreadable));
    }
    assert_eq!(world.authority.held().all().count(), held);
    let later = RecordBody::Other { kind: 42, body: vec![0x80] };
    let later = other.authority.issue(&other.phone, *other.facts.case.as_bytes(), later, NOW);
    assert!(later.is_ok(), "what comes later is kept and passed on");
}

#[test]
fn a_vector_finds_what_is_missing_forks_too() {
    let mut world = World::new();
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    let mut copy = world.authority.clone();
    let log = world.case_log();
    world.grant(&phone, "w-3", false);
    let body = RecordBody::EndOfGrant(EndOfGrant { grants: vec![[1; 32]] });
    copy.issue(&phone, log, body, NOW).unwrap();
    assert_ne!(world.authority.vector(&log), copy.vector(&log));
    let (here, there) = (world.authority.vector(&log), copy.vector(&log));
    let sent: Vec<Signed> = copy.records_after(&log, &here).into_iter().cloned().collect();
    let back: Vec<Signed> = world.authority.records_after(&log, &there).into_iter().cloned().collect();
    for signed in sent {
        world.authority.insert(signed).unwrap();
    }
    for signed in back {
        copy.insert(signed).unwrap();
    }
    assert_eq!(world.authority.vector(&log), copy.vector(&log));
    assert!(world.authority.records_after(&log, &copy.vector(&log)).is_empty());
    world.grant(&phone, "w-4", false);
    assert_eq!(world.authority.records_after(&log, &copy.vector(&log)).len(), 4, "all of a forked history");
}
