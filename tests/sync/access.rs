//! Who gets what: a colleague only what was granted, an ended device nothing, and neither ever held anything else.

use caseplan_core::access::NewGrant;
use caseplan_core::case::CaseChange;
use caseplan_core::exchange::Refusal;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::EndReason;
use caseplan_core::sync::SyncFailed;

use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, new_case};

/// A unique word in a case: whoever was never granted the case must not have it anywhere.
const CANARY: &str = "Kanarienvogel";

fn colleagues() -> (Device, Device) {
    let phone = Device::new("phone", "w-117");
    let tablet = Device::new("tablet", "w-204");
    take_in(&phone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    (phone, tablet)
}

/// Whether a word stands anywhere in a device's files.
fn holds(device: &Device, word: &str) -> bool {
    device.store.suspend();
    let files = std::fs::read_dir(device.folder.path()).unwrap();
    let found = files
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap_or_default())
        .any(|bytes| bytes.windows(word.len()).any(|window| window == word.as_bytes()));
    device.store.resume().unwrap();
    found
}

#[test]
fn a_colleague_gets_what_was_granted_and_nothing_else() {
    let (phone, tablet) = colleagues();
    let shared = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    phone.store.cases().create(&new_case("2026-0118", CANARY)).unwrap();
    let [sent, received] = sync(&phone.store, &tablet.store);
    assert!(sent.equal && sent.sent == 0, "nothing is shared yet: {sent:?}");
    assert_eq!((sent.failed, received.failed), (None, None));

    let colleague = NewGrant::colleague("w-204".parse().unwrap(), 1);
    phone.store.grants().give(shared.id, &colleague).unwrap();
    let reports = sync(&tablet.store, &phone.store);
    assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
    let cases = tablet.store.cases().list(&Default::default()).unwrap();
    assert_eq!(cases.iter().map(|case| case.id).collect::<Vec<_>>(), [shared.id]);
    assert!(holds(&phone, CANARY) && !holds(&tablet, CANARY));

    // The colleague's work counts, and comes back.
    let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    tablet.store.cases().change(shared.id, &change).unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(phone.store.cases().get(shared.id).unwrap().unwrap().team.as_deref(), Some("north"));
}

#[test]
fn a_grant_that_is_given_while_a_session_is_open_brings_the_case_at_once() {
    let (phone, tablet) = colleagues();
    let case = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    for initiator in 0..2 {
        let (one, other) = if initiator == 0 { (&phone, &tablet) } else { (&tablet, &phone) };
        let mut link = Link::between(&one.store, &other.store);
        link.run(usize::MAX);
        if initiator == 0 {
            assert!(tablet.store.cases().get(case.id).unwrap().is_none());
            let colleague = NewGrant::colleague("w-204".parse().unwrap(), 1);
            phone.store.grants().give(case.id, &colleague).unwrap();
        }
        link.sides[0].catch_up().unwrap();
        link.sides[1].catch_up().unwrap();
        link.run(usize::MAX);
        assert!(tablet.store.cases().get(case.id).unwrap().is_some());
        assert!(link.end().iter().all(|report| report.equal));
    }
}

#[test]
fn a_case_that_is_taken_back_while_a_session_is_open_goes_at_once_whoever_connected() {
    for initiator in 0..2 {
        let (phone, tablet) = colleagues();
        let case = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
        let colleague = NewGrant::colleague("w-204".parse().unwrap(), 1);
        let grant = phone.store.grants().give(case.id, &colleague).unwrap();
        sync(&phone.store, &tablet.store);
        let (one, other) = if initiator == 0 { (&phone, &tablet) } else { (&tablet, &phone) };
        let mut link = Link::between(&one.store, &other.store);
        link.run(usize::MAX);
        phone.store.grants().take_back(case.id, &[grant.id]).unwrap();
        link.run(usize::MAX);
        // Its worker had written nothing there, so it is gone as soon as it is known to be taken back.
        assert!(tablet.store.cases().get(case.id).unwrap().is_none());
    }
}

#[test]
fn an_end_in_the_middle_of_a_transfer_stops_it() {
    for initiator in 0..2 {
        let (phone, tablet) = colleagues();
        for at in 0..40 {
            let case = phone.store.cases().create(&new_case(&format!("2026-{at}"), "Léa Martin")).unwrap();
            let colleague = NewGrant::colleague("w-204".parse().unwrap(), 1);
            phone.store.grants().give(case.id, &colleague).unwrap();
        }
        let (one, other) = if initiator == 0 { (&phone, &tablet) } else { (&tablet, &phone) };
        let mut link = Link::between(&one.store, &other.store);
        while tablet.cases().is_empty() {
            assert!(link.carry(0, 4_000) | link.carry(1, 4_000));
        }
        phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
        link.run(4_000);
        let _ = link.end();
        let came = tablet.cases().len();
        assert!((1..30).contains(&came), "{came} of 40 cases came");
        assert!(tablet.store.identity().devices().unwrap().iter().any(|it| it.ended.is_some()), "it is told");
    }
}

#[test]
fn an_ended_device_hands_over_its_work_and_gets_nothing() {
    let (phone, tablet) = colleagues();
    let case = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    let colleague = NewGrant::colleague("w-204".parse().unwrap(), 1);
    phone.store.grants().give(case.id, &colleague).unwrap();
    sync(&phone.store, &tablet.store);

    let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    tablet.store.cases().change(case.id, &change).unwrap();
    phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
    let later = CaseChange { case_type: Some(CANARY.to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &later).unwrap();
    for initiator in 0..2 {
        let (one, other) = if initiator == 0 { (&tablet, &phone) } else { (&phone, &tablet) };
        let mut link = Link::between(&one.store, &other.store);
        link.run(usize::MAX);
        let _ = link.end();
    }
    assert!(!holds(&tablet, CANARY), "an ended device gets nothing");
    let waiting = phone.store.exchange().quarantine().unwrap();
    assert_eq!(waiting.iter().map(|held| held.reason.clone()).collect::<Vec<_>>(), [Refusal::AuthorEnded]);
    assert_eq!(phone.store.cases().get(case.id).unwrap().unwrap().team, None, "it waits for a person");
}

#[test]
fn an_ended_device_says_nothing_of_a_case_to_a_peer_that_was_not_granted_it() {
    let (phone, tablet) = colleagues();
    let lost = Device::new("lost", "w-117");
    take_in(&phone.store, &lost.store, "w-117", &[Role::Caseworker]);
    lost.store.cases().create(&new_case("2026-0117", CANARY)).unwrap();
    phone.store.identity().end_device(lost.store.identity().device(), EndReason::Lost).unwrap();
    for _ in 0..3 {
        sync(&phone.store, &tablet.store);
    }
    for (peer, may) in [(&tablet, false), (&phone, true)] {
        let mut link = Link::between(&lost.store, &peer.store);
        link.sides[0].overhear();
        link.run(usize::MAX);
        let said = link.sides[0].overhear();
        let word = said.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert_eq!(word, may, "to a device of {}", peer.worker);
    }
}

#[test]
fn a_device_that_missed_the_end_of_another_is_reached_at_the_second_attempt() {
    let (phone, tablet) = colleagues();
    let lost = Device::new("lost", "w-117");
    take_in(&phone.store, &lost.store, "w-117", &[Role::Caseworker]);
    sync(&phone.store, &tablet.store);
    phone.store.identity().end_device(lost.store.identity().device(), EndReason::Lost).unwrap();
    // The end made a new network secret, of which the tablet does not know: to it the phone is a stranger.
    let [unanswered, stranger] = sync(&phone.store, &tablet.store);
    assert_eq!((unanswered.peer, stranger.failed), (None, Some(SyncFailed::Stranger)));
    for _ in 0..2 {
        let reports = sync(&phone.store, &tablet.store);
        assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
    }
    let ended =
        |device: &Device| device.store.identity().devices().unwrap().iter().any(|it| it.ended.is_some());
    assert!(ended(&tablet));
    // It is told of its end as before, and by nobody else's secret.
    let reports = sync(&lost.store, &tablet.store);
    assert!(ended(&lost), "{reports:?} {:?}", lost.store.identity().devices());
}

#[test]
fn two_ends_while_a_third_device_is_away_do_not_shut_it_out() {
    for initiator in 0..2 {
        let (phone, tablet) = colleagues();
        let near = Device::new("near", "w-117");
        take_in(&phone.store, &near.store, "w-117", &[Role::Caseworker]);
        sync(&phone.store, &tablet.store);
        for name in ["lost in march", "lost in april", "lost in may"] {
            let lost = Device::new(name, "w-117");
            take_in(&phone.store, &lost.store, "w-117", &[Role::Caseworker]);
            phone.store.identity().end_device(lost.store.identity().device(), EndReason::Lost).unwrap();
            assert!(sync(&near.store, &phone.store).iter().all(|report| report.equal));
        }
        let (one, other) = if initiator == 0 { (&phone, &tablet) } else { (&tablet, &phone) };
        let mut tries = 0;
        // Whoever is met in between is met at once, and does not make it begin again.
        while !sync(&one.store, &other.store).iter().all(|report| report.equal) {
            tries += 1;
            assert!(tries < 8, "it is a stranger for ever");
            if initiator == 0 {
                assert!(sync(&phone.store, &near.store).iter().all(|report| report.equal));
            }
        }
        assert!(sync(&one.store, &other.store).iter().all(|report| report.equal), "and from then on at once");
    }
}

#[test]
fn whoever_reads_one_plan_learns_whose_grants_count_after_the_granter_was_ended() {
    let desk = Device::new("desk-plan", "w-100");
    let phone = Device::new("phone-plan", "w-117");
    let tablet = Device::new("tablet-plan", "w-204");
    let laptop = Device::new("laptop-plan", "w-300");
    for device in [&phone, &tablet, &laptop] {
        take_in(&desk.store, &device.store, &device.worker, &[Role::Caseworker]);
    }
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    let visits = NewGrant::visits("w-204".parse().unwrap(), plan.id);
    phone.store.grants().give(case.id, &visits).unwrap();
    sync(&phone.store, &tablet.store);
    // A colleague is granted the case, and has not got its plan when the phone is lost.
    phone.store.grants().give(case.id, &NewGrant::colleague("w-300".parse().unwrap(), 1)).unwrap();
    let mut link = Link::between(&phone.store, &laptop.store);
    while laptop.cases().is_empty() {
        assert!([0, 1].map(|from| link.carry(from, 200)).contains(&true), "the case does not come");
    }
    drop(link);
    assert_eq!(laptop.store.visitation_plans().list(None).unwrap(), [], "it was cut too late");
    desk.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    for device in [&laptop, &tablet] {
        // Who missed the end is a stranger the first time.
        (0..2).for_each(|_| drop(sync(&desk.store, &device.store)));
    }
    let reports = sync(&laptop.store, &tablet.store);
    assert!(reports.iter().all(|report| report.failed.is_none() && report.equal), "{reports:?}");
    assert_eq!(laptop.store.visitation_plans().list(None).unwrap().len(), 1, "both may read the plan");
}
