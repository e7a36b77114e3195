//! What a newer app writes and this one does not know: it passes from hand to hand, shows nowhere, and hinders nothing.

use automerge::transaction::Transactable;
use automerge::{ObjType, ROOT};
use caseplan_core::access::NewGrant;
use caseplan_core::document::Kind;
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::{Message, SignedChange};
use caseplan_core::identity::founding::Header;
use caseplan_core::identity::{Role, Scope};
use caseplan_core::ids::{CaseId, ChangeHash};

use crate::support::chunks::hash_of;
use crate::support::hostile::{Hostile, Target, changes_of, document_of, empty, imported, reasons};
use crate::support::levels::newer_tablet;
use crate::support::link::{sync, take_in};
use crate::support::{Device, sound, team, team_at};

/// A worker's tablet with a newer app, her phone, and a colleague's phone, all of whom have Léa's case.
fn three() -> (Hostile, Device, Device, CaseId) {
    let phone = Device::new("newer-phone", "w-117");
    let tablet = newer_tablet(&phone);
    let noor = Device::new("newer-noor", "w-204");
    take_in(&phone.store, &noor.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.store.grants().give(case.id, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    for other in [&tablet.device, &noor] {
        assert!(sync(&phone.store, &other.store).iter().all(|report| report.equal));
    }
    (tablet, phone, noor, case.id)
}

/// An assessment of a case, as the tablet's app records it: more changes than a document has that goes whole.
fn assessment(tablet: &Hostile, case: CaseId) -> (Target, Vec<SignedChange>) {
    let (scope, genesis) = (Scope::Level(1).id(case), Kind::Case.genesis_hash());
    let (kind, name) = ("assessment".to_owned(), vec![3; 16]);
    let target = Target::of(Header { scope, kind, genesis, name });
    let mut document = empty(Kind::Case);
    let changes = (0..10).map(|day| {
        let chunk = tablet.writes(&document, |tx| match day {
            0 => drop(tx.put_object(ROOT, "assessment", ObjType::Map).unwrap()),
            day => tx.put(ROOT, "day", day).unwrap(),
        });
        document.load_incremental(&chunk).unwrap();
        tablet.signs(&target, chunk)
    });
    let changes = changes.collect();
    (target, changes)
}

fn sorted(changes: &[SignedChange]) -> Vec<ChangeHash> {
    let mut hashes: Vec<_> = changes.iter().map(|change| hash_of(&change.chunk)).collect();
    hashes.sort_unstable();
    hashes
}

#[test]
fn work_of_a_kind_that_comes_later_goes_on_from_hand_to_hand_and_hinders_nothing() {
    let (tablet, phone, noor, id) = three();
    let case = phone.store.cases().get(id).unwrap().unwrap();
    let (target, changes) = assessment(&tablet, id);
    let own = [tablet.hello(), changes_of(&target, changes.clone()), Message::End];
    assert_eq!(reasons(&imported(&tablet.device, &own)), vec![Refusal::NewerKind; 10]);
    team(&tablet.device, &case, "north").unwrap();

    // From her tablet to her phone, and from there to Noor, who never meets the tablet.
    for (one, other) in [(&tablet.device, &phone), (&phone, &noor)] {
        let [gave, took] = sync(&one.store, &other.store);
        assert!(gave.equal && took.equal && gave.failed.is_none(), "{gave:?} {took:?}");
        assert_eq!((gave.sent, took.received, took.quarantined), (11, 11, 10));
        assert_eq!(team_at(other, &case).as_deref(), Some("north"), "what it knows it takes in");
        let held = other.store.exchange().quarantine().unwrap();
        let mut hashes: Vec<_> = held.iter().map(|held| held.hash).collect();
        hashes.sort_unstable();
        assert_eq!(hashes, sorted(&changes));
        let as_newer = |reason: &Refusal| *reason == Refusal::NewerKind;
        assert!(held.iter().all(|held| held.document == Some(target.id) && as_newer(&held.reason)));
    }

    // It counts as held, so that nobody sends it again, and nothing of it is only here.
    for (one, other) in [(&phone, &tablet.device), (&noor, &phone)] {
        let reports = sync(&one.store, &other.store);
        assert!(reports.iter().all(|report| report.equal && report.sent == 0), "{reports:?}");
        assert_eq!(one.store.exchange().digest().unwrap(), other.store.exchange().digest().unwrap());
        assert_eq!(one.rows(), other.rows());
        assert!(one.store.sync().status().unwrap().only_here.is_empty());
    }

    // Work goes on in both directions around it.
    team(&noor, &case, "south").unwrap();
    sync(&noor.store, &phone.store);
    sync(&phone.store, &tablet.device.store);
    assert_eq!(team_at(&tablet.device, &case).as_deref(), Some("south"));
    sound(&[&tablet.device, &phone, &noor]);
}

#[test]
fn what_an_older_app_kept_unread_shows_once_a_newer_one_opens_the_store() {
    let (_, phone, mut noor, _) = three();
    let planned = phone.planned("2026-03-02", "2026-03-30");
    assert_eq!((noor.planned("2026-03-02", "2026-03-30"), planned.len()), (planned.clone(), 4));
    let rows = noor.rows();
    // As an app would have kept the plan that does not know what a plan is: as it came, part of nothing, shown nowhere.
    let (_, changes) = document_of(&phone, Kind::VisitationPlan);
    noor.store.close();
    let file = rusqlite::Connection::open(noor.file()).unwrap();
    for change in &changes {
        let (stored, hash) = ([&[1], change.chunk.as_slice()].concat(), hash_of(&change.chunk).0);
        let kept = "UPDATE change SET state = 4, bytes = ?1 WHERE hash = ?2 AND state = 0";
        assert_eq!(file.execute(kept, rusqlite::params![stored, hash.as_slice()]).unwrap(), 1);
    }
    let plans = "document IN (SELECT id FROM document WHERE kind = 'visitation_plan')";
    assert_eq!(file.execute(&format!("DELETE FROM head WHERE {plans}"), []).unwrap(), 1);
    file.execute_batch("DELETE FROM occurrence; DELETE FROM quota; DELETE FROM plan_row;").unwrap();
    drop(file);

    noor.restart();
    assert!(noor.store.exchange().quarantine().unwrap().is_empty());
    assert_eq!(noor.planned("2026-03-02", "2026-03-30"), planned);
    assert_eq!(noor.rows(), rows);
    let reports = sync(&noor.store, &phone.store);
    assert!(reports.iter().all(|report| report.equal && report.sent == 0), "{reports:?}");
    sound(&[&noor]);
}
