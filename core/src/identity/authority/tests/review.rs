//! What a person should look over, told with records alone.

use super::*;
use crate::ids::VisitationPlanId;

const LATER: i64 = NOW + 3_600;

/// A world where marc (w-2) was ended by the root, in which the phone and lise (w-3) write too.
fn ended() -> (World, DeviceKeys, DeviceKeys, RecordHash) {
    let mut world = World::new();
    let (marc, lise) = (world.enrol("w-2", &[]), world.enrol("w-3", &[]));
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    world.grant(&phone, "w-3", false);
    let end = world.authority.end_device(&world.root, marc.device_id(), EndReason::Lost, NOW).unwrap();
    let end = end.record.hash();
    (world, marc, lise, end)
}

/// The numbers up to 9 that are asked for, all written at a time.
fn asked(world: &World, of: &DeviceKeys, time: i64) -> Vec<u64> {
    let review = world.authority.review(of.device_id(), &world.facts, document(), actor(of));
    let review = review.unwrap_or_else(|| panic!("not ended"));
    let asked: Vec<u64> = (1..10).filter(|seq| review.asks(*seq, time)).collect();
    assert!(asked.iter().all(|seq| *seq > review.settled()));
    asked
}

#[test]
fn what_whoever_ended_a_device_had_is_settled_and_what_only_others_had_is_asked_for() {
    let (mut world, marc, lise, end) = ended();
    let phone = world.phone.clone();
    world.receipt(&phone, end, &marc, 3);
    world.receipt_at(&lise, end, &marc, 5, LATER, false);
    assert_eq!(world.verdict(&marc, 5), Verdict::Counts);
    for time in [NOW - 1, NOW, LATER] {
        assert_eq!(asked(&world, &marc, time), [4, 5, 6, 7, 8, 9]);
    }
    let phones = world.authority.review(phone.device_id(), &world.facts, document(), actor(&phone));
    assert_eq!(phones, None, "it was not ended");
}

#[test]
fn an_issuers_own_receipts_tell_what_it_had_and_nobody_elses_do() {
    let mut world = World::new();
    let (marc, lise) = (world.enrol("w-2", &[]), world.enrol("w-3", &[]));
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    world.grant(&phone, "w-3", false);
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    world.authority.make_issuer(&by, lise.device_id(), IssuerPower::All, NOW).unwrap();
    let end = world.end_device(&lise, &marc);
    world.receipt(&phone, end, &marc, 7);
    assert_eq!(asked(&world, &marc, NOW - 1), [0; 0], "who ended it attested nothing, and it is older");
    world.receipt(&lise, end, &marc, 2);
    assert_eq!(asked(&world, &marc, NOW - 1), [3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn where_whoever_ended_a_device_attested_nothing_the_writers_clock_tells() {
    let (mut world, marc, lise, end) = ended();
    // What it learns later it did not have then.
    world.receipt_at(&lise, end, &marc, 9, LATER, false);
    let phone = world.phone.clone();
    world.receipt_at(&phone, end, &marc, 9, LATER, false);
    assert_eq!(asked(&world, &marc, NOW - 1), [0; 0]);
    assert_eq!(asked(&world, &marc, NOW).len(), 9);
    assert_eq!(asked(&world, &marc, LATER).len(), 9);
}

#[test]
fn a_receipt_of_nothing_says_that_whoever_ended_a_device_had_nothing() {
    let (mut world, marc, _, end) = ended();
    let receipt = Receipt { end, records: Vec::new(), changes: Vec::new(), by_person: false };
    let (phone, log) = (world.phone.clone(), *world.facts.id().as_bytes());
    world.authority.issue(&phone, log, RecordBody::Receipt(receipt), NOW).unwrap();
    assert_eq!(asked(&world, &marc, NOW - 1).len(), 9);
}

#[test]
fn a_scope_that_whoever_ended_a_device_could_see_and_did_not_know_is_asked_for_whole() {
    let (mut world, marc, _, end) = ended();
    let plan = Scope::Visits(crate::ids::VisitationPlanId(uuid8([5; 16])));
    let (level, visits) = (world.facts, ScopeFacts { scope: plan, ..world.facts });
    world.authority.know_scope(visits);
    let phone = world.phone.clone();
    world.facts = visits;
    assert_eq!(asked(&world, &marc, NOW - 1), [0; 0]);
    world.facts = level;
    world.receipt(&phone, end, &marc, 3);
    world.facts = visits;
    assert_eq!(asked(&world, &marc, NOW - 1).len(), 9);
    // From a plan's scope nobody sees the rest of the case.
    world.facts = ScopeFacts { scope: Scope::Level(2), ..level };
    assert_eq!(asked(&world, &marc, NOW - 1), [0; 0]);
}

#[test]
fn a_second_end_does_not_settle_what_the_first_one_asks_for() {
    let (mut world, marc, lise, end) = ended();
    let phone = world.phone.clone();
    world.receipt(&phone, end, &marc, 3);
    let second = world.authority.end_device(&world.root, marc.device_id(), EndReason::Stolen, LATER);
    let second = second.unwrap().record.hash();
    world.receipt_at(&lise, second, &marc, 9, LATER, false);
    assert_eq!(asked(&world, &marc, NOW - 1), [4, 5, 6, 7, 8, 9]);
    let review = world.authority.review(marc.device_id(), &world.facts, document(), actor(&marc));
    assert_eq!(review.unwrap().end.record, end, "the first is shown");
}

#[test]
fn a_persons_word_settles_up_to_its_number_and_a_devices_own_does_not() {
    let (mut world, marc, lise, end) = ended();
    let phone = world.phone.clone();
    world.receipt(&phone, end, &marc, 3);
    world.receipt_at(&lise, end, &marc, 9, LATER, false);
    world.receipt_at(&lise, end, &marc, 6, LATER, true);
    assert_eq!(asked(&world, &marc, NOW), [7, 8, 9]);
    // An ended device's word for its own work, though somebody held it when the end came.
    world.receipt_at(&marc, end, &marc, 9, LATER, true);
    world.receipt_at(&phone, end, &marc, 3, LATER, false);
    assert_eq!(asked(&world, &marc, NOW), [7, 8, 9]);
}

#[test]
fn an_ended_devices_word_for_its_own_work_says_nothing_whatever_its_clock_said() {
    let (mut world, marc, lise, end) = ended();
    world.receipt_at(&marc, end, &marc, 9, NOW - 1, true);
    world.receipt_at(&lise, end, &marc, 9, LATER, false);
    assert_eq!(asked(&world, &marc, NOW).len(), 9);
}

#[test]
fn an_ended_device_that_vouches_for_itself_to_somebody_who_does_not_know_yet_gains_nothing() {
    let (mut world, marc, _, end) = ended();
    let phone = world.phone.clone();
    world.receipt_at(&marc, end, &marc, 9, NOW, false);
    world.receipt_at(&phone, end, &marc, 3, LATER, false);
    assert_eq!([3, 4].map(|seq| world.verdict(&marc, seq)), [Verdict::Counts, Verdict::AuthorEnded]);
}

#[test]
fn the_word_of_a_person_whose_device_is_ended_too_stands_only_if_it_was_known_then() {
    let (mut world, marc, lise, end) = ended();
    let phone = world.phone.clone();
    world.receipt(&phone, end, &marc, 3);
    world.receipt_at(&lise, end, &marc, 6, NOW + 1, true);
    let known = world.last_of(&lise);
    world.receipt_at(&lise, end, &marc, 9, NOW + 2, true);
    assert_eq!(asked(&world, &marc, NOW), [0; 0]);
    let second = world.authority.end_device(&world.root, lise.device_id(), EndReason::Stolen, LATER);
    let second = second.unwrap().record.hash();
    let log = *world.facts.id().as_bytes();
    for (records, at) in [(known, LATER), (world.last_of(&lise), LATER + 9)] {
        let receipt = Receipt { end: second, records, changes: Vec::new(), by_person: false };
        world.authority.issue(&phone, log, RecordBody::Receipt(receipt), at).unwrap();
        assert_eq!(asked(&world, &marc, NOW), [7, 8, 9]);
    }
}

#[test]
fn a_word_in_another_scopes_log_settles_nothing() {
    let (mut world, marc, lise, end) = ended();
    let phone = world.phone.clone();
    world.receipt(&phone, end, &marc, 3);
    let other = ScopeFacts { scope: Scope::Level(2), ..world.facts };
    world.authority.know_scope(other);
    let changes = vec![(document(), actor(&marc), 9)];
    let receipt = Receipt { end, records: Vec::new(), changes, by_person: true };
    world.authority.issue(&lise, *other.id().as_bytes(), RecordBody::Receipt(receipt), LATER).unwrap();
    assert_eq!(asked(&world, &marc, NOW), [4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_receipt_in_another_scopes_log_lets_nothing_in() {
    let (mut world, marc, lise, end) = ended();
    let plan = Scope::Visits(VisitationPlanId(uuid8([7; 16])));
    let visits = ScopeFacts { scope: plan, ..world.facts };
    world.authority.know_scope(visits);
    let receipt =
        Receipt { end, records: Vec::new(), changes: vec![(document(), actor(&marc), 5)], by_person: true };
    let body = RecordBody::Receipt(receipt.clone());
    world.authority.issue(&lise, *visits.id().as_bytes(), body, NOW).unwrap();
    assert_eq!(
        world.verdict(&marc, 5),
        Verdict::AuthorEnded,
        "she may write there, and the document is not there"
    );
    world.authority.issue(&lise, *world.facts.id().as_bytes(), RecordBody::Receipt(receipt), NOW).unwrap();
    assert_eq!(world.verdict(&marc, 5), Verdict::Counts);
}
