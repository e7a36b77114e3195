//! Stories on named devices: who joins, who is ended, who may write which case, and what waits for a person.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

use caseplan_core::Error;
use caseplan_core::access::{GrantState, NewGrant, RecoverySecret};
use caseplan_core::case::Case;
use caseplan_core::document::Kind;
use caseplan_core::exchange::message::Message;
use caseplan_core::exchange::{ImportReport, Refusal};
use caseplan_core::identity::record::{EndReason, IssuerPower};
use caseplan_core::identity::{JoiningRefused, Role, Standing};
use caseplan_core::sync::enrolment::Terms;
use support::hostile::messages;
use support::{Device, day, sound, team, team_at};

fn certify(by: &Device, device: &Device, roles: &[Role]) -> Result<(), Error> {
    let answer = by.store.identity().certify(&device.store.identity().request()?, roles, 1, None)?;
    device.store.identity().adopt(&answer)
}

fn reasons(report: &ImportReport) -> Vec<Refusal> {
    report.quarantined.iter().map(|entry| entry.reason.clone()).collect()
}

/// A desk with a case, and a colleague's device that has it too.
fn desk_and_lost() -> (Device, Device, Case) {
    let desk = Device::new("desk", "w-117");
    let (case, _) = desk.lea("2026-0117");
    let lost = desk.enrol("lost", "w-204");
    desk.meet(&lost);
    (desk, lost, case)
}

#[test]
fn a_second_device_of_one_worker_needs_no_grant() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    let tablet = Device::new("tablet", "w-117");
    certify(&phone, &tablet, &[Role::Caseworker]).unwrap();
    phone.hand_over(&tablet);
    team(&tablet, &case, "north").unwrap();
    tablet.hand_over(&phone);
    assert_eq!(team_at(&phone, &case).as_deref(), Some("north"));
    sound(&[&phone, &tablet]);
}

#[test]
fn a_new_worker_reads_until_granted_to_write_and_no_further_than_granted() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.hand_over(&tablet);
    assert_eq!(team(&tablet, &case, "north"), Err(Error::NotGranted { case: case.id }));
    let plan = phone.saturdays(&case, &ana);
    let worker = "w-204".parse().unwrap();
    let visits = NewGrant::visits(worker, plan.id);
    phone.store.grants().give(case.id, &visits).unwrap();
    phone.hand_over(&tablet);
    // A visit supervisor: one plan to read, its log to write.
    let visit = tablet.planned("2026-03-07", "2026-03-07").remove(0);
    tablet.now("2026-03-07T18:00:00Z");
    phone.now("2026-03-07T18:00:00Z");
    tablet.records(visit, "On time.");
    assert_eq!(team(&tablet, &case, "north"), Err(Error::NotGranted { case: case.id }));
    assert_eq!(tablet.hand_over(&phone).quarantined, []);
    assert_eq!(phone.rows(), tablet.rows());
    sound(&[&phone, &tablet]);
}

#[test]
fn a_supervisors_role_stands_in_the_certificate_and_earlier_acts_keep_theirs() {
    let phone = Device::new("phone", "w-117");
    let desk = Device::new("desk", "s-1");
    certify(&phone, &desk, &[Role::Supervisor]).unwrap();
    let device = desk.store.identity().device();
    let roles = |at: &Device| {
        at.store.identity().devices().unwrap().into_iter().find(|d| d.device == device).unwrap().roles
    };
    assert_eq!(roles(&phone), [Role::Supervisor]);
    phone.store.identity().change_roles(device, &[Role::Caseworker], 2).unwrap();
    phone.hand_over(&desk);
    assert_eq!(roles(&desk), [Role::Caseworker]);
    let refused = desk.store.identity().change_roles(device, &[Role::Administrator], 5);
    assert_eq!(refused, Err(Error::Joining(JoiningRefused::NotAnIssuer)));
}

#[test]
fn a_lost_phone_is_ended_and_its_workers_grants_follow_to_the_new_one() {
    let (desk, lost, case) = desk_and_lost();
    team(&lost, &case, "north").unwrap();
    lost.hand_over(&desk);
    team(&lost, &case, "south").unwrap();
    let device = lost.store.identity().device();
    desk.store.identity().end_device(device, EndReason::Lost).unwrap();
    assert_eq!(desk.store.identity().devices().unwrap().into_iter().filter(|d| d.ended.is_some()).count(), 1);
    let found = Device::new("found", "w-204");
    certify(&desk, &found, &[Role::Caseworker]).unwrap();
    desk.hand_over(&found);
    assert_eq!(team_at(&found, &case).as_deref(), Some("north"), "what the desk held is covered");
    team(&found, &case, "west").unwrap();
    assert_eq!(found.hand_over(&desk).quarantined, []);
    // The lost one turns up: its last work waits for a person, and nothing else does.
    assert_eq!(reasons(&lost.hand_over(&desk)), [Refusal::AuthorEnded]);
    assert_eq!(team_at(&desk, &case).as_deref(), Some("west"));
    let waiting = desk.store.grants().waiting().unwrap();
    assert_eq!((waiting.len(), waiting[0].device, waiting[0].changes), (1, device, 1));
    assert!(waiting[0].can_be_admitted);
    // Held, counted and passed on as it waits: both come to rest.
    desk.hand_over(&found);
    assert_eq!(desk.store.exchange().digest().unwrap(), found.store.exchange().digest().unwrap());
    sound(&[&desk, &found]);
    assert_eq!(desk.store.grants().admit(case.id, device).unwrap(), 1);
    assert_eq!(desk.hand_over(&found).accepted, 1);
    assert_eq!(desk.rows(), found.rows());
    assert_eq!(desk.store.grants().waiting().unwrap(), []);
    lost.store.identity().standing().unwrap();
    desk.hand_over(&lost);
    assert_eq!(lost.store.identity().standing().unwrap(), Standing::Ended);
}

#[test]
fn what_follows_on_a_change_that_has_not_come_waits_for_it() {
    let (desk, lost, case) = desk_and_lost();
    let device = lost.store.identity().device();
    desk.store.identity().end_device(device, EndReason::Lost).unwrap();
    ["south", "west"].iter().for_each(|way| drop(team(&lost, &case, way).unwrap()));
    // The second change comes without the first.
    let mut import = desk.store.exchange().import().unwrap();
    for message in messages(&lost) {
        let part = match message {
            Message::Changes { document, header, mut changes } if header.kind == Kind::Case.code() => {
                changes.remove(changes.len() - 2);
                Message::Changes { document, header, changes }
            }
            other => other,
        };
        import.feed(&part.encode()).unwrap();
    }
    let waiting = |changes: u64| {
        let list = desk.store.grants().waiting().unwrap();
        assert_eq!((list.len(), list[0].changes), (1, changes));
        list[0].can_be_admitted
    };
    assert!(!waiting(1), "nobody knows what it follows on");
    assert_eq!(desk.store.grants().admit(case.id, device).unwrap(), 0);
    lost.hand_over(&desk);
    assert!(waiting(2));
    assert_eq!(desk.store.grants().admit(case.id, device).unwrap(), 2);
    assert_eq!(team_at(&desk, &case).as_deref(), Some("west"));
    sound(&[&desk]);
}

#[test]
fn what_an_older_version_could_not_read_is_looked_at_again_when_the_store_is_opened() {
    let (mut desk, lost, case) = desk_and_lost();
    let device = lost.store.identity().device();
    team(&lost, &case, "south").unwrap();
    desk.store.identity().end_device(device, EndReason::Lost).unwrap();
    lost.hand_over(&desk);
    let waiting = |desk: &Device| desk.store.grants().waiting().unwrap().len();
    assert_eq!(waiting(&desk), 1);
    // As an app would have kept it that does not know the kind.
    desk.store.close();
    let file = rusqlite::Connection::open(desk.file()).unwrap();
    assert_eq!(file.execute("UPDATE change SET state = 4 WHERE state = 5", []).unwrap(), 1);
    drop(file);
    desk.restart();
    assert_eq!(waiting(&desk), 1);
    sound(&[&desk]);
}

#[test]
fn a_device_ended_while_two_others_build_on_its_work_loses_them_nothing() {
    let desk = Device::new("desk", "w-117");
    let (case, _) = desk.lea("2026-0117");
    let [gone, one, two] =
        [("gone", "w-2"), ("one", "w-3"), ("two", "w-4")].map(|(name, worker)| desk.enrol(name, worker));
    for other in [&gone, &one, &two] {
        desk.meet(other);
    }
    // The desk hears nothing of this; the other two build on it and on each other.
    team(&gone, &case, "north").unwrap();
    gone.hand_over(&one);
    team(&one, &case, "north-east").unwrap();
    one.hand_over(&two);
    team(&two, &case, "east").unwrap();
    desk.store.identity().end_device(gone.store.identity().device(), EndReason::Left).unwrap();
    desk.hand_over(&two);
    assert_eq!(two.hand_over(&desk).quarantined, [], "its receipt covers what it had applied");
    desk.hand_over(&one);
    one.hand_over(&desk);
    two.meet(&one);
    desk.meet(&two);
    desk.meet(&one);
    for device in [&desk, &one, &two] {
        assert_eq!(team_at(device, &case).as_deref(), Some("east"));
    }
    assert_eq!(desk.rows(), one.rows());
    assert_eq!(desk.store.exchange().digest().unwrap(), two.store.exchange().digest().unwrap());
    sound(&[&desk, &one, &two]);
}

#[test]
fn two_issuers_that_end_each_other_are_both_ended_everywhere() {
    let desk = Device::new("desk", "w-117");
    let (one, two) = (desk.enrol("one", "w-2"), desk.enrol("two", "w-3"));
    let ids = [&one, &two].map(|device| device.store.identity().device());
    ids.iter().for_each(|id| desk.store.identity().make_issuer(*id, IssuerPower::All).unwrap());
    desk.hand_over(&one);
    desk.hand_over(&two);
    one.store.identity().end_device(ids[1], EndReason::Stolen).unwrap();
    two.store.identity().end_device(ids[0], EndReason::Stolen).unwrap();
    two.hand_over(&desk);
    one.hand_over(&desk);
    desk.hand_over(&one);
    for device in [&desk, &one] {
        let ended = device.store.identity().devices().unwrap();
        let ended: Vec<_> = ended.iter().filter(|d| d.ended.is_some()).map(|d| d.issuer).collect();
        assert_eq!(ended, [None, None]);
    }
    let newcomer = Device::new("newcomer", "w-9");
    assert!(certify(&one, &newcomer, &[]).is_err());
    certify(&desk, &newcomer, &[]).unwrap();
}

#[test]
fn a_lost_root_comes_back_by_24_words_and_earlier_certificates_stay() {
    let phone = Device::new("phone", "w-117");
    let words = phone.store.identity().recovery_secret().unwrap().unwrap().words().unwrap().to_string();
    assert_eq!(words.split(' ').count(), 24);
    phone.store.identity().confirm_recovery_shown().unwrap();
    assert!(phone.store.identity().recovery_secret().unwrap().is_none());
    let tablet = phone.enrol("tablet", "w-204");
    let (case, _) = phone.lea("2026-0117");
    phone.meet(&tablet);
    // The phone falls into a river; the tablet has the words and no root.
    let newcomer = Device::new("newcomer", "w-9");
    assert!(certify(&tablet, &newcomer, &[]).is_err());
    let other = RecoverySecret::from_bytes(&[1; 32]).unwrap();
    let refused = tablet.store.identity().recover_root(&other);
    assert_eq!(refused, Err(Error::Joining(JoiningRefused::NotRecovery)));
    assert!(RecoverySecret::from_words(&words.replacen(' ', " zoo ", 1)).is_err());
    let secret = RecoverySecret::from_words(&words.to_uppercase()).unwrap();
    tablet.store.identity().recover_root(&secret).unwrap();
    certify(&tablet, &newcomer, &[Role::Caseworker]).unwrap();
    let again = tablet.store.identity().recovery_secret().unwrap().unwrap();
    assert_ne!(again.words().unwrap().as_str(), words, "words that were typed are used up");
    tablet.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    tablet.hand_over(&newcomer);
    assert!(newcomer.store.cases().get(case.id).unwrap().is_some(), "the case and its founder still count");
    sound(&[&tablet, &newcomer]);
}

#[test]
fn words_that_brought_a_root_back_bring_back_no_other() {
    let phone = Device::new("phone", "w-1");
    let words = phone.store.identity().recovery_secret().unwrap().unwrap().words().unwrap().to_string();
    let (tablet, laptop) = (phone.enrol("tablet", "w-1"), phone.enrol("laptop", "w-1"));
    let secret = RecoverySecret::from_words(&words).unwrap();
    tablet.store.identity().recover_root(&secret).unwrap();
    tablet.store.identity().end_device(phone.store.identity().device(), EndReason::Stolen).unwrap();
    let newcomer = Device::new("newcomer", "w-9");
    certify(&tablet, &newcomer, &[Role::Caseworker]).unwrap();
    tablet.hand_over(&laptop);
    let refused = laptop.store.identity().recover_root(&secret);
    assert_eq!(refused, Err(Error::Joining(JoiningRefused::NotRecovery)));
    // Where it brought the root to, it is done already.
    let known = tablet.store.identity().devices().unwrap();
    let next = tablet.store.identity().recovery_secret().unwrap().unwrap().words().unwrap();
    tablet.store.identity().recover_root(&secret).unwrap();
    assert_eq!(tablet.store.identity().devices().unwrap(), known);
    let unchanged = tablet.store.identity().recovery_secret().unwrap().unwrap().words().unwrap();
    assert_eq!(unchanged, next);
    laptop.hand_over(&tablet);
    assert_eq!(tablet.store.identity().devices().unwrap(), laptop.store.identity().devices().unwrap());
}

#[test]
fn a_store_that_was_used_alone_joins_an_agency_with_its_work() {
    let alone = Device::new("alone", "w-204");
    let (case, ana) = alone.lea("2026-0200");
    alone.saturdays(&case, &ana);
    let agency = Device::new("agency", "w-1");
    certify(&agency, &alone, &[Role::Caseworker]).unwrap();
    assert_eq!(alone.store.identity().domain(), agency.store.identity().domain());
    assert_eq!(alone.hand_to(&agency).quarantined, []);
    assert_eq!(alone.rows(), agency.rows());
    team(&alone, &case, "north").unwrap();
    team(&agency, &case, "south").unwrap();
    alone.meet(&agency);
    assert_eq!(alone.rows(), agency.rows());
    assert!(alone.store.identity().recovery_secret().unwrap().is_none());
    sound(&[&alone, &agency]);
}

#[test]
fn a_grant_taken_back_lets_late_work_in_for_14_days_and_then_asks() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let grant =
        phone.store.grants().give(case.id, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    phone.hand_over(&tablet);
    team(&tablet, &case, "north").unwrap();
    phone.store.grants().take_back(case.id, &[grant.id]).unwrap();
    assert!(matches!(phone.store.grants().list(case.id).unwrap()[0].state, GrantState::TakenBack(_)));
    // What was written before the tablet knew goes in without asking.
    assert_eq!((tablet.hand_over(&phone).accepted, team_at(&phone, &case).as_deref()), (1, Some("north")));
    team(&tablet, &case, "south").unwrap();
    let drafted = tablet.drafted(tablet.planned("2026-03-07", "2026-03-07").remove(0), "Late.");
    phone.hand_over(&tablet);
    // Now it knows: read-only, but a draft can be completed.
    assert_eq!(team(&tablet, &case, "west"), Err(Error::NotGranted { case: case.id }));
    phone.now("2026-03-20T08:00:00Z");
    tablet.now("2026-03-20T08:00:00Z");
    tablet.store.contacts().complete(drafted.id).unwrap();
    let report = tablet.hand_over(&phone);
    assert!(reasons(&report).iter().all(|reason| *reason == Refusal::NotGranted));
    assert!(!report.quarantined.is_empty(), "18 days later a person decides");
    let device = tablet.store.identity().device();
    let admitted = phone.store.grants().admit(case.id, device).unwrap();
    assert_eq!(admitted, report.quarantined.len() as u64);
    tablet.hand_over(&phone);
    phone.hand_over(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
    assert_eq!(phone.store.today().unwrap().drafts.len(), 0);
    assert_eq!(day("2026-03-20"), phone.store.zone().day_of(support::at("2026-03-20T08:00:00Z")));
    sound(&[&phone, &tablet]);
}

#[test]
fn a_worker_ends_an_own_lost_device_and_nobody_elses() {
    let desk = Device::new("desk", "w-1");
    let (mine, lost, other) =
        (desk.enrol("mine", "w-2"), desk.enrol("lost", "w-2"), desk.enrol("other", "w-3"));
    desk.hand_over(&mine);
    mine.store.identity().end_device(lost.store.identity().device(), EndReason::Stolen).unwrap();
    let refused = mine.store.identity().end_device(other.store.identity().device(), EndReason::Stolen);
    assert_eq!(refused, Err(Error::Joining(JoiningRefused::NotAnIssuer)));
    mine.hand_over(&desk);
    assert_eq!(desk.store.identity().devices().unwrap().iter().filter(|d| d.ended.is_some()).count(), 1);
}

#[test]
fn who_is_taken_in_signed_for_it_under_its_own_workers_name_and_keeps_its_work() {
    let agency = Device::new("agency", "w-1");
    let alone = Device::new("alone", "w-204");
    let identity = alone.store.identity();
    let old = identity.request().unwrap();
    let certify = |request: &[u8]| agency.store.identity().certify(request, &[Role::Caseworker], 1, None);

    // A request that was changed on its way: not one bit of it may be another.
    let mut reasons = std::collections::BTreeSet::new();
    for at in 0..old.len() {
        let mut altered = old.clone();
        altered[at] ^= 1;
        match certify(&altered) {
            Err(Error::Joining(refused)) => reasons.insert(format!("{refused:?}")),
            other => panic!("byte {at}: {other:?}"),
        };
    }
    assert!(reasons.contains("NotSigned"), "{reasons:?}");

    // What it signed since the request, under a certificate that the answer does not know, must not be lost.
    identity.change_roles(identity.device(), &[Role::Caseworker, Role::Supervisor], 3).unwrap();
    alone.lea("2026-0200");
    let answer = certify(&old).unwrap();
    assert_eq!(identity.adopt(&answer), Err(Error::Joining(JoiningRefused::NotCountersigned)));
    assert_ne!(identity.domain(), agency.store.identity().domain());
    assert_eq!(alone.cases().len(), 1);

    let itself = identity.end_device(identity.device(), EndReason::Lost);
    assert_eq!(itself, Err(Error::Joining(JoiningRefused::ThisDevice)));
}

#[test]
fn a_device_that_worked_for_one_worker_is_not_taken_in_as_another() {
    let agency = Device::new("agency", "w-1");
    let alone = Device::new("alone", "w-204");
    alone.lea("2026-0200");
    let terms = Terms { worker: "w-2".parse().unwrap(), roles: vec![Role::Caseworker], level: 1 };
    let invited = agency.store.sync().invite_by_qr(terms, None).unwrap();
    let mut joining = alone.store.sync().join(&invited.qr().unwrap().unwrap(), "a phone").unwrap();
    let mut taking = invited.take_in().unwrap();
    let refused = (0..16).find_map(|_| match taking.feed(&joining.take(usize::MAX)) {
        Ok(Some(_)) => taking.accept().err(),
        Ok(None) => joining.feed(&taking.take(usize::MAX)).err(),
        Err(refused) => Some(refused),
    });
    assert_eq!(refused, Some(Error::Joining(JoiningRefused::OtherWorker)));
    assert_eq!(agency.store.identity().devices().unwrap().len(), 1);
    assert_eq!(alone.cases().len(), 1);
}
