//! Who vouches for what is left after an end: nobody for himself, and after the end of a grant no worker for himself.

use super::*;

#[test]
fn who_lost_a_case_does_not_vouch_for_one_device_by_another() {
    let mut world = World::new();
    let (one, other, lise) = (world.enrol("w-2", &[]), world.enrol("w-2", &[]), world.enrol("w-3", &[]));
    let phone = world.phone.clone();
    let grant = world.grant(&phone, "w-2", false);
    world.grant(&phone, "w-3", false);
    let end = world.take_back(&phone, grant);
    // He was told of the end, and gives his word for all that is to come to Lise, who was not. When she hears of the end,
    // she has held that word before it.
    world.receipt(&other, end, &one, 1_000);
    world.receipt(&lise, end, &other, 0);
    world.receipt(&lise, end, &one, 2);
    assert_eq!(world.verdict(&one, 2), Verdict::Counts, "she held these");
    assert_eq!(world.verdict(&one, 3), Verdict::NotGranted);
}

#[test]
fn a_worker_vouches_for_what_an_own_device_wrote_before_it_was_ended() {
    let mut world = World::new();
    let (lost, other) = (world.enrol("w-2", &[]), world.enrol("w-2", &[]));
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    let end = world.authority.end_device(&world.root, lost.device_id(), EndReason::Stolen, NOW);
    let end = end.unwrap().record.hash();
    world.receipt(&other, end, &lost, 2);
    assert_eq!(world.verdict(&lost, 2), Verdict::Counts);
    assert_eq!(world.verdict(&lost, 3), Verdict::AuthorEnded);
}
