//! What somebody signs after a case was taken back, and hands round among those who have not heard of that.

use automerge::transaction::Transactable;
use automerge::{ROOT, ReadDoc};
use caseplan_core::access::{GrantState, NewGrant};
use caseplan_core::document::Kind;
use caseplan_core::document::chunk::{Limits, read_change};
use caseplan_core::exchange::message::Message;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::{Extent, ForkChoice, Grant, Record, RecordBody, Signed};
use caseplan_core::ids::{CaseId, ChangeHash};
use caseplan_core::visitation::PlanChange;

use crate::support::hostile::{Hostile, document_of, imported, loaded};
use crate::support::link::{sync, take_in};
use crate::support::{Device, sound, team, team_at};

/// A record by a device in a log in which it has written nothing yet.
fn first(by: &Hostile, log: [u8; 16], body: RecordBody) -> Message {
    let record = Record {
        domain: by.device.store.identity().domain(),
        log,
        issuer: *by.keys.device_id().as_bytes(),
        number: 1,
        previous: [0; 32],
        issued_at: 1_772_438_400,
        body,
    };
    Message::Authority { records: vec![Signed::new(record, &by.keys).encode()] }
}

fn lives(device: &Device, case: CaseId, worker: &str) -> bool {
    let grants = device.store.grants().list(case).unwrap();
    grants.iter().any(|grant| grant.worker.as_str() == worker && grant.state == GrantState::Live)
}

#[test]
fn a_grant_that_comes_with_the_end_of_what_it_hangs_on_is_attested_by_nobody() {
    let desk = Device::new("afterwards-desk", "w-100");
    let tablet = Device::new("afterwards-tablet", "w-204");
    take_in(&desk.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let hostile = Hostile::enrolled_by(&desk);
    let (case, _) = desk.lea("2026-0117");
    let given =
        |worker: &str| NewGrant { may_grant: true, ..NewGrant::colleague(worker.parse().unwrap(), 1) };
    desk.store.grants().give(case.id, &given("w-204")).unwrap();
    let grant = desk.store.grants().give(case.id, &given("w-666")).unwrap().id;
    sync(&desk.store, &tablet.store);
    assert!(lives(&tablet, case.id, "w-666"));
    desk.store.grants().take_back(case.id, &[grant]).unwrap();
    // To itself, by the grant that it has lost.
    let writes = vec!["case".to_owned()];
    let worker = "w-666".parse().unwrap();
    let again =
        Grant { case: case.id, worker, extent: Extent::Level(1), writes, may_grant: true, until: None };
    let record = first(&hostile, *case.id.as_bytes(), RecordBody::Grant(again));
    imported(&desk, &[hostile.hello(), record, Message::End]);
    assert!(!lives(&desk, case.id, "w-666"));
    for _ in 0..2 {
        sync(&desk.store, &tablet.store);
    }
    for device in [&desk, &tablet] {
        assert!(!lives(device, case.id, "w-666"));
    }
}

#[test]
fn whoever_lost_a_case_takes_nothing_of_what_was_recorded_out_of_it() {
    let desk = Device::new("afterwards-out-desk", "w-100");
    let hostile = Hostile::enrolled_by(&desk);
    let (case, _) = desk.lea("2026-0117");
    let grant = NewGrant::colleague("w-666".parse().unwrap(), 1);
    let grant = desk.store.grants().give(case.id, &grant).unwrap().id;
    let (target, changes) = document_of(&desk, Kind::Case);
    let document = loaded(Kind::Case, &changes);
    let chunk = hostile.writes(&document, |tx| {
        let (_, fields) = tx.get(ROOT, "case").unwrap().unwrap();
        tx.put(&fields, "team", "north").unwrap();
    });
    assert_eq!(hostile.sends(&desk, &target, vec![hostile.signs(&target, chunk)]).accepted, 1);
    desk.store.grants().take_back(case.id, &[grant]).unwrap();
    let choice =
        ForkChoice { document: target.id, actor: hostile.actor(1), seq: 1, keep: ChangeHash([0; 32]) };
    let record = first(&hostile, *target.header.scope.as_bytes(), RecordBody::ForkChoice(choice));
    imported(&desk, &[hostile.hello(), record, Message::End]);
    assert_eq!(team_at(&desk, &case).as_deref(), Some("north"));
    sound(&[&desk]);
}

#[test]
fn whoever_may_grant_takes_nothing_out_by_choosing_a_branch_that_there_never_was() {
    let desk = Device::new("afterwards-choice-desk", "w-100");
    let tablet = Device::new("afterwards-choice-tablet", "w-204");
    take_in(&desk.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let hostile = Hostile::enrolled_by(&desk);
    let (case, _) = desk.lea("2026-0117");
    for worker in ["w-204", "w-666"] {
        let grant = NewGrant { may_grant: true, ..NewGrant::colleague(worker.parse().unwrap(), 1) };
        desk.store.grants().give(case.id, &grant).unwrap();
    }
    sync(&desk.store, &tablet.store);
    team(&tablet, &case, "north").unwrap();
    sync(&desk.store, &tablet.store);
    let (target, changes) = document_of(&desk, Kind::Case);
    let actor = changes.iter().map(|change| read_change(&change.chunk, &Limits::DEFAULT).unwrap().actor);
    let actor = actor.into_iter().find(|actor| actor.device() == tablet.store.identity().device()).unwrap();
    let choice = ForkChoice { document: target.id, actor, seq: 1, keep: ChangeHash([0; 32]) };
    let record = first(&hostile, *target.header.scope.as_bytes(), RecordBody::ForkChoice(choice));
    imported(&desk, &[hostile.hello(), record, Message::End]);
    assert_eq!(team_at(&desk, &case).as_deref(), Some("north"));
    for _ in 0..2 {
        assert!(sync(&desk.store, &tablet.store).iter().all(|report| report.equal));
    }
    for device in [&desk, &tablet] {
        assert_eq!(team_at(device, &case).as_deref(), Some("north"));
    }
    team(&tablet, &case, "west").unwrap();
    sync(&desk.store, &tablet.store);
    assert_eq!(team_at(&desk, &case).as_deref(), Some("west"));
    sound(&[&desk, &tablet]);
}

#[test]
fn a_device_writes_no_word_for_another_one_of_its_worker_that_would_not_count() {
    let desk = Device::new("afterwards-word-desk", "w-100");
    let (phone, tablet) = (Device::new("word-phone", "w-204"), Device::new("word-tablet", "w-204"));
    for device in [&phone, &tablet] {
        take_in(&desk.store, &device.store, "w-204", &[Role::Caseworker]);
    }
    let (case, ana) = desk.lea("2026-0117");
    let plan = desk.saturdays(&case, &ana);
    let all = NewGrant::colleague("w-204".parse().unwrap(), 1);
    let all = desk.store.grants().give(case.id, &all).unwrap().id;
    sync(&desk.store, &phone.store);
    sync(&desk.store, &tablet.store);
    // What is left to her lets her attest, and covers no plan.
    let visits = NewGrant { may_grant: true, ..NewGrant::visits("w-204".parse().unwrap(), plan.id) };
    desk.store.grants().give(case.id, &visits).unwrap();
    let change = PlanChange { place: Some("Gare".to_owned()), ..PlanChange::default() };
    phone.store.visitation_plans().change(plan.id, &change).unwrap();
    desk.store.grants().take_back(case.id, &[all]).unwrap();
    sync(&desk.store, &tablet.store);
    let records = || -> i64 {
        let file = rusqlite::Connection::open(tablet.file()).unwrap();
        file.query_row("SELECT count(*) FROM case_record", [], |row| row.get(0)).unwrap()
    };
    sync(&phone.store, &tablet.store);
    let waiting = tablet.store.grants().waiting().unwrap();
    let told: Vec<_> = waiting.iter().map(|work| (work.device, work.can_be_admitted)).collect();
    assert_eq!(told, [(phone.store.identity().device(), false)]);
    let before = records();
    for _ in 0..3 {
        sync(&phone.store, &tablet.store);
        assert_eq!(tablet.store.grants().admit(case.id, phone.store.identity().device()).unwrap(), 0);
    }
    assert_eq!(records(), before, "a word that does not count is not written again and again");
    // The desk's word counts.
    sync(&desk.store, &tablet.store);
    sync(&desk.store, &tablet.store);
    let place = |device: &Device| device.store.visitation_plans().get(plan.id).unwrap().unwrap().plan.place;
    assert_eq!([place(&desk), place(&tablet)].map(Option::unwrap_or_default), ["Gare", "Gare"]);
}
