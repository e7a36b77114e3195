//! Stories that span devices and weeks, over real channels: a root that is lost, a device that is ended behind the others'
//! backs, a store that joins an agency, and three phones that have no hub.

use caseplan_core::access::{NewGrant, RecoverySecret};
use caseplan_core::case::CaseChange;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::identity::record::EndReason;
use caseplan_core::identity::{Role, Standing};
use caseplan_core::ids::CaseId;
use caseplan_core::sync::SyncReport;

use crate::support::link::{sync, take_in};
use crate::support::{Device, sound};

const DAY: i64 = 86_400;
/// Far more than anybody makes by hand: a device that is not reached by then never is.
const ATTEMPTS: usize = 20;

fn team(device: &Device, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

fn team_at(device: &Device, case: CaseId) -> Option<String> {
    device.store.cases().get(case).unwrap().unwrap().team
}

/// Both hold the same afterwards. Whoever missed ends of devices is reached after some attempts.
#[track_caller]
fn meets(one: &Device, other: &Device) -> [SyncReport; 2] {
    let mut reports = sync(&one.store, &other.store);
    for _ in 0..ATTEMPTS {
        if reports[0].peer.is_none() {
            reports = sync(&one.store, &other.store);
        }
    }
    assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
    reports
}

fn share(device: &Device, case: CaseId, worker: &str) {
    let grant = NewGrant { may_grant: true, ..NewGrant::colleague(worker.parse().unwrap(), 1) };
    device.store.grants().give(case, &grant).unwrap();
}

fn digest(device: &Device) -> String {
    device.store.exchange().digest().unwrap()
}

fn ended(device: &Device) -> usize {
    device.store.identity().devices().unwrap().iter().filter(|device| device.ended.is_some()).count()
}

#[test]
fn a_root_that_went_down_with_a_phone_is_recovered_and_the_others_follow() {
    let phone = Device::new("phone", "w-117");
    let words = phone.store.identity().recovery_secret().unwrap().unwrap().words().unwrap().to_string();
    phone.store.identity().confirm_recovery_shown().unwrap();
    let (tablet, desk) = (Device::new("tablet", "w-204"), Device::new("desk", "w-300"));
    for other in [&tablet, &desk] {
        take_in(&phone.store, &other.store, &other.worker, &[Role::Caseworker]);
    }
    let (case, _) = phone.lea("2026-0117");
    for other in [&tablet, &desk] {
        share(&phone, case.id, &other.worker);
        meets(&phone, other);
    }
    team(&phone, case.id, "never seen again");

    // The phone falls into a river. The words are in a drawer, and nobody here can take anybody in.
    let newcomer = Device::new("newcomer", "w-9");
    let request = newcomer.store.identity().request().unwrap();
    assert!(tablet.store.identity().certify(&request, &[], 1, None).is_err());
    tablet.store.identity().recover_root(&RecoverySecret::from_words(&words).unwrap()).unwrap();
    tablet.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    assert!(tablet.store.identity().recovery_secret().unwrap().is_some(), "there are new words to be kept");

    // The desk follows the new anchor when it hears of it, and so does whoever hears of it from the desk.
    meets(&tablet, &desk);
    assert_eq!((ended(&desk), desk.store.identity().standing().unwrap()), (1, Standing::Current));
    take_in(&tablet.store, &newcomer.store, "w-9", &[Role::Caseworker]);
    share(&tablet, case.id, "w-9");
    meets(&newcomer, &tablet);
    // The desk has never heard of the newcomer, nor of what it was granted: the first session tells it.
    meets(&newcomer, &desk);
    team(&newcomer, case.id, "north");
    meets(&newcomer, &desk);
    assert_eq!(team_at(&desk, case.id).as_deref(), Some("north"), "by a certificate of the new root");

    // The phone is dredged up. It is told, hands over what it had, which waits for a person, and gets nothing.
    for _ in 0..2 {
        sync(&phone.store, &desk.store);
    }
    assert_eq!(phone.store.identity().standing().unwrap(), Standing::Ended);
    assert_eq!(desk.store.grants().waiting().unwrap().len(), 1);
    assert_eq!(team_at(&phone, case.id).as_deref(), Some("never seen again"));
    assert_eq!(team_at(&desk, case.id).as_deref(), Some("north"));
    sound(&[&phone, &tablet, &desk, &newcomer]);
}

#[test]
fn a_device_is_ended_while_two_others_are_offline_and_build_on_each_others_work() {
    let desk = Device::new("desk", "w-117");
    let [gone, one, two] =
        [("gone", "w-2"), ("one", "w-3"), ("two", "w-4")].map(|(name, worker)| Device::new(name, worker));
    let (case, _) = desk.lea("2026-0117");
    for other in [&gone, &one, &two] {
        take_in(&desk.store, &other.store, &other.worker, &[Role::Caseworker]);
        share(&desk, case.id, &other.worker);
    }
    for other in [&gone, &one, &two] {
        meets(&desk, other);
    }
    // Up in the valley: each goes on from what the one before wrote, and what is gone is at the beginning of it.
    team(&gone, case.id, "north");
    meets(&gone, &one);
    team(&one, case.id, "north-east");
    meets(&one, &two);
    team(&two, case.id, "east");
    desk.store.identity().end_device(gone.store.identity().device(), EndReason::Stolen).unwrap();
    team(&gone, case.id, "by a thief");

    for other in [&two, &one, &two] {
        meets(&desk, other);
    }
    for device in [&desk, &one, &two] {
        assert_eq!(team_at(device, case.id).as_deref(), Some("east"));
        assert_eq!(device.store.exchange().quarantine().unwrap(), [], "their receipts cover what they had");
        assert_eq!(ended(device), 1);
    }
    assert_eq!(digest(&desk), digest(&one));
    assert_eq!(digest(&desk), digest(&two));

    // What the thief adds reaches one of them, waits there, and is passed on as what waits.
    for _ in 0..2 {
        sync(&gone.store, &one.store);
    }
    meets(&one, &desk);
    for device in [&one, &desk] {
        assert_eq!(device.store.grants().waiting().unwrap().len(), 1);
        assert_eq!(team_at(device, case.id).as_deref(), Some("east"));
    }
    sound(&[&desk, &one, &two]);
}

#[test]
fn what_a_thief_wrote_and_a_colleague_took_is_listed_everywhere_until_a_person_has_looked() {
    let desk = Device::new("desk", "w-117");
    let [lost, colleague, third] = [("lost", "w-2"), ("colleague", "w-3"), ("third", "w-4")]
        .map(|(name, worker)| Device::new(name, worker));
    let outsider = Device::new("outsider", "w-5");
    let (case, _) = desk.lea("2026-0117");
    for other in [&lost, &colleague, &third, &outsider] {
        take_in(&desk.store, &other.store, &other.worker, &[Role::Caseworker]);
    }
    for other in [&lost, &colleague, &third] {
        share(&desk, case.id, &other.worker);
    }
    for other in [&lost, &colleague, &third] {
        meets(&desk, other);
    }
    team(&lost, case.id, "north");
    meets(&lost, &desk);
    let devices = [&desk, &lost, &colleague, &third, &outsider];
    devices.iter().for_each(|device| device.clock.advance(DAY));
    team(&lost, case.id, "by a thief");
    lost.clock.advance(60);
    team(&lost, case.id, "by a thief again");
    meets(&lost, &colleague);
    team(&colleague, case.id, "upon it");
    devices.iter().for_each(|device| device.clock.advance(DAY));
    let list = |device: &Device| device.store.grants().to_review().unwrap();
    assert_eq!(list(&colleague), [], "nobody knows of a theft");
    let device = lost.store.identity().device();
    desk.store.identity().end_device(device, EndReason::Stolen).unwrap();
    assert_eq!(list(&desk), [], "what the desk had is not in doubt");
    devices.iter().for_each(|device| device.clock.advance(60));
    for other in [&colleague, &third, &outsider] {
        meets(&desk, other);
    }

    for device in [&desk, &colleague, &third] {
        assert_eq!(team_at(device, case.id).as_deref(), Some("upon it"));
        assert_eq!(device.store.grants().waiting().unwrap(), []);
        assert_eq!(list(device), list(&desk));
    }
    let [work] = list(&desk).try_into().unwrap();
    assert_eq!((work.case, work.device, work.changes), (case.id, device, 2));
    assert_eq!((work.worker.unwrap().as_str(), work.why), ("w-2", EndReason::Stolen));
    assert_eq!((work.to - work.from).num_seconds(), 60);
    assert_eq!((work.ended_at - work.from).num_seconds(), DAY);
    assert_eq!(list(&outsider), [], "it never had the case");

    assert_eq!(third.store.grants().confirm(case.id, device).unwrap(), 2);
    assert_eq!(third.store.grants().confirm(case.id, device).unwrap(), 0);
    assert_eq!(list(&desk).len(), 1, "the desk has not heard of it");
    meets(&third, &desk);
    meets(&desk, &colleague);
    for device in [&desk, &colleague, &third] {
        assert_eq!(list(device), []);
    }
    assert_eq!(digest(&desk), digest(&colleague));
    sound(&[&desk, &colleague, &third]);
}

#[test]
fn a_store_that_was_used_alone_joins_an_agency_and_its_work_counts_there() {
    let (agency, colleague) = (Device::new("agency", "w-1"), Device::new("colleague", "w-117"));
    take_in(&agency.store, &colleague.store, "w-117", &[Role::Caseworker]);
    let alone = Device::new("alone", "w-204");
    let (case, ana) = alone.lea("2026-0200");
    alone.saturdays(&case, &ana);
    [&agency, &colleague, &alone].iter().for_each(|device| device.now("2026-03-07T16:30:00Z"));
    let contact =
        alone.records(alone.planned("2026-03-07", "2026-03-07")[0], "Before anybody else was there.");
    assert!(alone.store.identity().recovery_secret().unwrap().is_some());

    take_in(&agency.store, &alone.store, "w-204", &[Role::Caseworker]);
    assert_eq!(alone.store.identity().domain(), agency.store.identity().domain());
    assert!(
        alone.store.identity().recovery_secret().unwrap().is_none(),
        "its own root is of no use any more"
    );
    meets(&alone, &agency);
    assert!(agency.store.cases().get(case.id).unwrap().is_none(), "it is the worker's to share");
    share(&alone, case.id, "w-117");
    meets(&alone, &agency);
    meets(&alone, &colleague);
    let there = colleague.store.contacts().get(contact.id).unwrap().unwrap();
    assert_eq!((there.recorded_by, there.narrative), (contact.recorded_by, contact.narrative));
    team(&colleague, case.id, "north");
    meets(&colleague, &alone);
    assert_eq!(team_at(&alone, case.id).as_deref(), Some("north"));
    assert_eq!(alone.store.sync().status().unwrap().only_here, []);
    sound(&[&agency, &colleague, &alone]);
}

/// Whoever finds two values chooses one; how many choices it was.
fn settle(device: &Device) -> usize {
    let conflicts = device.store.conflicts().list(None).unwrap();
    for conflict in &conflicts {
        device.store.conflicts().settle(&conflict.id, &conflict.values[0].id).unwrap();
    }
    conflicts.len()
}

#[test]
fn three_phones_without_a_hub_share_a_case_for_a_month() {
    let mut phones =
        [("anna", "w-1"), ("boris", "w-2"), ("chen", "w-3")].map(|(name, worker)| Device::new(name, worker));
    let (case, ana) = phones[0].lea("2026-0117");
    phones[0].saturdays(&case, &ana);
    for other in 1..3 {
        take_in(&phones[0].store, &phones[other].store, &phones[other].worker.clone(), &[Role::Caseworker]);
        share(&phones[0], case.id, &phones[other].worker.clone());
        meets(&phones[0], &phones[other]);
    }
    let (mut recorded, mut settled) = (Vec::new(), 0);
    for day in 0..30_usize {
        phones.iter().for_each(|phone| phone.clock.advance(DAY));
        // Who is on duty writes something down; Saturdays' visits are recorded by whoever was there.
        let duty = day % 3;
        settled += settle(&phones[duty]);
        team(&phones[duty], case.id, &format!("on day {day}"));
        let today = phones[duty].store.today().unwrap().day.to_string();
        for visit in phones[duty].planned(&today, &today) {
            phones[duty].clock.advance(DAY / 2);
            recorded.push(phones[duty].records(visit, &format!("The visit of day {day}.")).id);
        }
        // Two of them meet on most days; in the third week nobody meets anybody, and one of them starts again.
        if !(14..21).contains(&day) && day % 4 != 3 {
            meets(&phones[day % 3], &phones[(day % 3 + 1 + day / 3 % 2) % 3]);
        }
        if day == 17 {
            phones[1].restart();
            assert!(!phones[1].store.sync().status().unwrap().only_here.is_empty());
        }
    }
    assert!(settled > 0, "two of them wrote the same field apart");
    for (one, other) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
        meets(&phones[one], &phones[other]);
    }
    assert!(recorded.len() >= 4, "{recorded:?}");
    for phone in &phones {
        assert_eq!(digest(phone), digest(&phones[0]));
        let query = ContactQuery { limit: 100, ..ContactQuery::default() };
        assert_eq!(phone.store.contacts().page(&query).unwrap().contacts.len(), recorded.len());
        assert_eq!(phone.store.exchange().quarantine().unwrap(), []);
        assert_eq!(phone.store.sync().status().unwrap().only_here, []);
        assert_eq!(phone.store.issues().list(None, false).unwrap(), []);
    }
    sound(&[&phones[0], &phones[1], &phones[2]]);
}
