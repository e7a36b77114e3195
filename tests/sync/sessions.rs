//! Sessions: they end equal, whatever each side held, however the bytes came, and wherever they were cut.

use std::time::Duration;

use caseplan_core::case::CaseChange;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::Role;
use caseplan_core::ids::CaseId;
use caseplan_core::sync::{SyncFailed, SyncState};

use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, new_case};

fn team(device: &Device, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

/// A phone and a tablet of one worker; the phone has Léa's case with a visit, the tablet a case of its own.
fn phone_and_tablet() -> (Device, Device, CaseId) {
    let phone = Device::new("phone", "w-117");
    let tablet = Device::new("tablet", "w-117");
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    tablet.store.cases().create(&new_case("2026-0119", "Hugo Petit")).unwrap();
    (phone, tablet, case.id)
}

fn same(one: &Device, other: &Device) {
    assert_eq!(one.store.exchange().digest().unwrap(), other.store.exchange().digest().unwrap());
    assert_eq!(one.rows(), other.rows());
    for device in [one, other] {
        assert!(device.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
    }
}

#[test]
fn two_devices_end_equal_and_say_what_they_did() {
    let (phone, tablet, _) = phone_and_tablet();
    let only_here = phone.store.sync().status().unwrap().only_here;
    assert_eq!((only_here.len(), only_here[0].contacts), (1, 1));
    let [sent, received] = sync(&phone.store, &tablet.store);
    assert!(sent.equal && received.equal, "{sent:?} {received:?}");
    assert_eq!((sent.failed.clone(), received.failed.clone()), (None, None));
    assert_eq!((sent.sent, sent.received), (received.received, received.sent));
    assert_eq!(sent.peer, Some(tablet.store.identity().device()));
    assert_eq!((sent.only_here, received.only_here), (Some(0), Some(0)));
    same(&phone, &tablet);
    let status = phone.store.sync().status().unwrap();
    assert!(status.only_here.is_empty() && status.quarantine.is_empty());
    assert_eq!(status.peers.len(), 1);
    assert!(status.peers[0].equal_at.is_some());
}

#[test]
fn bytes_may_come_one_by_one() {
    let (phone, tablet, _) = phone_and_tablet();
    let mut link = Link::between(&tablet.store, &phone.store);
    link.run(1);
    let progress = [0, 1].map(|side| link.sides[side].progress());
    assert_eq!(progress[0].state, SyncState::UpToDate);
    assert_eq!((progress[0].documents, progress[1].documents), (4, 4), "two cases, a plan, a contact log");
    assert!((link.sides[1].progress().fraction() - 1.0).abs() < f64::EPSILON);
    let reports = link.end();
    assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
    same(&phone, &tablet);
}

#[test]
fn what_is_committed_during_a_session_is_sent_at_once() {
    let (phone, tablet, case) = phone_and_tablet();
    let mut link = Link::between(&phone.store, &tablet.store);
    link.run(usize::MAX);
    let before = link.carried;
    team(&tablet, case, "north");
    link.sides[1].catch_up().unwrap();
    link.run(usize::MAX);
    assert_eq!(phone.store.cases().get(case).unwrap().unwrap().team.as_deref(), Some("north"));
    assert!(link.carried[0] - before[0] < 2_000, "{:?} {before:?}", link.carried);
    same(&phone, &tablet);
}

#[test]
fn a_session_cut_at_any_byte_is_resumed() {
    let (phone, tablet, case) = phone_and_tablet();
    let mut cut = 0;
    let mut whole = false;
    while !whole {
        team(&phone, case, &format!("team {cut}"));
        let mut link = Link::between(&phone.store, &tablet.store);
        let mut left = cut;
        loop {
            let moved = (0..2)
                .map(|from| {
                    let moved = left > 0 && link.carry(from, left.min(97));
                    left -= if moved { left.min(97) } else { 0 };
                    moved
                })
                .fold(false, |any, moved| any | moved);
            if !moved {
                whole = left > 0;
                break;
            }
        }
        cut += 149;
    }
    assert!(cut > 10 * 149);
    let reports = sync(&tablet.store, &phone.store);
    assert!(reports.iter().all(|report| report.equal), "{reports:?}");
    same(&phone, &tablet);
}

#[test]
fn strangers_get_no_answer() {
    let (phone, _, _) = phone_and_tablet();
    let stranger = Device::new("stranger", "w-117");
    stranger.store.cases().create(&new_case("1", "x")).unwrap();
    let mut link = Link::between(&stranger.store, &phone.store);
    link.run(usize::MAX);
    assert_eq!(link.carried[0], 0, "not one byte");
    assert_eq!(link.sides[1].report().failed, Some(SyncFailed::Stranger));
    assert_eq!(link.sides[1].report().peer, None);
}

#[test]
fn a_silent_peer_is_given_up_and_a_quiet_one_is_not() {
    let (phone, tablet, _) = phone_and_tablet();
    let mut link = Link::between(&phone.store, &tablet.store);
    link.run(usize::MAX);
    for _ in 0..10 {
        link.wait(31);
        link.run(usize::MAX);
    }
    assert!(link.sides.iter().all(|side| side.report().failed.is_none()));
    link.wait(61);
    link.wait(61);
    assert_eq!(link.sides[0].report().failed, Some(SyncFailed::Stalled));
    assert!(link.sides[0].next_timeout().is_none());
}

#[test]
fn any_altered_byte_ends_the_session_and_harms_nothing() {
    let (phone, tablet, _) = phone_and_tablet();
    for at in (0..6_000).step_by(211) {
        let mut left = at;
        let (mut one, mut other) =
            (phone.store.sync().connect().unwrap(), tablet.store.sync().accept().unwrap());
        for _ in 0..200 {
            let mut bytes = one.take(usize::MAX).unwrap_or_default();
            if left < bytes.len() {
                bytes[left] ^= 1;
                left = usize::MAX;
            } else {
                left = left.saturating_sub(bytes.len());
            }
            let _ = other.feed(&bytes);
            let back = other.take(usize::MAX).unwrap_or_default();
            if bytes.is_empty() && back.is_empty() {
                break;
            }
            let _ = one.feed(&back);
        }
    }
    let reports = sync(&phone.store, &tablet.store);
    assert!(reports.iter().all(|report| report.equal), "{reports:?}");
    same(&phone, &tablet);
}

#[test]
fn who_never_says_who_it_is_does_not_stay_longer_for_speaking_slowly() {
    let (phone, tablet, _) = phone_and_tablet();
    let hello = tablet.store.sync().connect().unwrap().take(usize::MAX).unwrap();
    let mut session = phone.store.sync().accept().unwrap();
    let mut ended = None;
    for (minute, byte) in (0..3).zip(&hello) {
        let begun = Duration::from_secs(60 * minute);
        session.feed(&[*byte]).unwrap();
        ended = ended.or(session.tick(begun + Duration::from_secs(59)).err());
    }
    assert_eq!(ended, Some(SyncFailed::Stalled.into()));
    assert_eq!(session.next_timeout(), None);
}

#[test]
fn a_clock_that_is_more_than_ten_minutes_off_is_said_on_both_sides() {
    let (phone, tablet, _) = phone_and_tablet();
    tablet.now("2026-03-07T16:30:00Z");
    for (minutes, told) in [(0, None), (9, None), (10, None), (11, Some(660)), (-9, None), (-11, Some(-660))]
    {
        phone.now("2026-03-07T16:30:00Z");
        phone.clock.advance(minutes * 60);
        // Each says how much the other one is ahead, whoever connects.
        let behind = told.map(|ahead: i64| -ahead);
        let [of_phone, of_tablet] = sync(&phone.store, &tablet.store);
        assert_eq!((of_phone.clock_ahead, of_tablet.clock_ahead), (behind, told), "{minutes} minutes");
        let [of_tablet, of_phone] = sync(&tablet.store, &phone.store);
        assert_eq!((of_phone.clock_ahead, of_tablet.clock_ahead), (behind, told), "{minutes} minutes");
        assert!(of_phone.equal && of_tablet.equal, "it is said, and nothing else");
    }
}
