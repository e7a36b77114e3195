//! What follows a fork's lost branch: let in with it where it counts, and nothing else.

use automerge::transaction::Transactable;
use automerge::{ROOT, ReadDoc};
use caseplan_core::document::Kind;
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::{Message, SignedChange};
use caseplan_core::identity::record::{EndReason, ForkChoice, Record, Signed};
use caseplan_core::identity::{RecordBody, Role};
use caseplan_core::ids::{Actor, CaseId, ChangeHash};

use crate::forks::{come_to_rest, team};
use crate::support::Device;
use crate::support::chunks::Parts;
use crate::support::hostile::{Hostile, changes_of, document_of, imported, loaded, reasons};
use crate::support::link::{sync, take_in};

/// The desk with a case, an ended phone's lost branch of two teams, and a tablet that only got the second of them. Perhaps
/// somebody brought it to the desk before, with signatures that are wrong.
fn half_a_branch(name: &str, forged_first: bool) -> (Device, Device, Device, CaseId) {
    let desk = Device::new(&format!("{name}-desk"), "w-100");
    let tablet = Device::new(&format!("{name}-tablet"), "w-100");
    let mut phone = Device::new(&format!("{name}-phone"), "w-117");
    take_in(&desk.store, &tablet.store, "w-100", &[Role::Caseworker]);
    take_in(&desk.store, &phone.store, "w-117", &[Role::Caseworker]);
    let (case, _) = desk.lea("2026-0117");
    desk.share_with(&phone);
    come_to_rest(&[&desk, &tablet, &phone]);
    team(&phone, case.id, "east");
    let monday = phone.image("monday");
    team(&phone, case.id, "north");
    come_to_rest(&[&desk, &tablet, &phone]);
    desk.store.identity().end_device(phone.store.identity().device(), EndReason::Lost).unwrap();
    phone.come_back(&monday);
    // What was chosen against is not kept as a change, and does not go on to anybody; what comes after it does.
    for lost in ["south", "west"] {
        team(&phone, case.id, lost);
        if forged_first {
            let (target, mut changes) = document_of(&phone, Kind::Case);
            let mut forged = changes.split_off(changes.len() - 1);
            forged[0].signature[7] ^= 1;
            let hello = Message::Hello {
                domain: phone.store.identity().domain(),
                device: phone.store.identity().device(),
            };
            assert_eq!(
                reasons(&imported(&desk, &[hello, changes_of(&target, forged), Message::End])),
                [Refusal::BadSignature]
            );
        }
        (0..3).for_each(|_| drop(sync(&phone.store, &desk.store)));
        (0..3).for_each(|_| drop(sync(&tablet.store, &desk.store)));
    }
    (desk, tablet, phone, case.id)
}

#[test]
fn whoever_got_only_what_follows_a_lost_branch_knows_that_it_is_lost() {
    both_branches_are_let_in("forked-half", false);
}

#[test]
fn a_branch_that_came_with_wrong_signatures_before_is_kept_when_it_is_lost() {
    both_branches_are_let_in("forked-signed", true);
}

fn both_branches_are_let_in(name: &str, forged_first: bool) {
    let (desk, tablet, phone, case) = half_a_branch(name, forged_first);
    let author = phone.store.identity().device();
    assert!(desk.store.grants().admit(case, author).unwrap() > 0);
    come_to_rest(&[&desk, &tablet]);
    for device in [&desk, &tablet] {
        assert_eq!(device.store.info().unwrap().quarantined, 0);
        let conflicts = device.store.conflicts().list(Some(case)).unwrap();
        let [conflict] = conflicts.as_slice() else { panic!("both branches say a team: {conflicts:?}") };
        assert_eq!(conflict.values.len(), 2, "{conflict:?}");
    }
    assert_eq!(desk.store.grants().waiting(), Ok(Vec::new()));
}

#[test]
fn what_nobody_vouches_for_is_not_let_in_with_the_lost_branch_that_it_follows() {
    let (desk, _, phone, case) = half_a_branch("forked-forged", false);
    let author = phone.store.identity().device();
    let hostile = Hostile::enrolled_by(&desk);
    let (target, changes) = document_of(&phone, Kind::Case);
    let document = loaded(Kind::Case, &changes);
    // Somebody makes a change up, in the name of the phone and under a certificate that nobody has seen.
    let forged = hostile.writes_as(Actor::new(author, [9; 8]), &document, |tx| {
        let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
        tx.put(&case, "team", "forged").unwrap();
    });
    // Likewise as if the phone had made its branch again.
    let south = Parts::read(&changes[changes.len() - 2].chunk);
    let again = Parts { actor: Actor::new(author, [8; 8]).0.to_vec(), seq: 1, ..south }.chunk();
    for chunk in [forged, again] {
        let forged = SignedChange { chunk, signature: [1; 64], certificate: [1; 32] };
        let brings = [hostile.hello(), changes_of(&target, vec![forged]), Message::End];
        assert_eq!(reasons(&imported(&desk, &brings)), [Refusal::UnknownAuthor]);
    }
    // And somebody who was granted nothing writes in its own name.
    let ungranted = hostile.writes(&document, |tx| {
        let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
        tx.put(&case, "team", "not granted").unwrap();
    });
    let ungranted = vec![hostile.signs(&target, ungranted)];
    let brings = [hostile.hello(), changes_of(&target, ungranted), Message::End];
    assert_eq!(reasons(&imported(&desk, &brings)), [Refusal::NotGranted]);
    // It also says that another branch of its own was kept, which everybody may say of himself.
    let keep = ChangeHash([7; 32]);
    let choice = ForkChoice { document: target.id, actor: hostile.actor(1), seq: 1, keep };
    let record = Record {
        domain: desk.store.identity().domain(),
        log: *target.header.scope.as_bytes(),
        issuer: *hostile.keys.device_id().as_bytes(),
        number: 1,
        previous: [0; 32],
        issued_at: 1_772_438_400,
        body: RecordBody::ForkChoice(choice),
    };
    let records = vec![Signed::new(record, &hostile.keys).encode()];
    imported(&desk, &[hostile.hello(), Message::Authority { records }, Message::End]);

    let waiting = || desk.store.grants().waiting().unwrap();
    let of_author: u64 = waiting().iter().filter(|work| work.device == author).map(|work| work.changes).sum();
    assert_eq!(of_author, 2, "{:?}", waiting());
    let others: Vec<_> = waiting().into_iter().filter(|work| work.device != author).collect();
    assert!(others.iter().all(|work| !work.can_be_admitted), "{others:?}");
    // The branch first, and then what follows it, if anything were to.
    for device in [author, hostile.keys.device_id()] {
        desk.store.grants().admit(case, device).unwrap();
    }
    assert!(waiting().iter().all(|work| !work.can_be_admitted), "{:?}", waiting());
    let shown = format!("{:?}", desk.rows());
    assert!(shown.contains("west") && !shown.contains("forged") && !shown.contains("not granted"));
}
