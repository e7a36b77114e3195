//! The truth about the sync of one case: who else has it, since when, what is on its way to whom, what is kept apart.

use caseplan_core::access::NewGrant;
use caseplan_core::case::CaseChange;
use caseplan_core::document::Kind;
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::Message;
use caseplan_core::identity::Role;
use caseplan_core::ids::CaseId;
use caseplan_core::sync::{CaseOnPeer, CaseSyncStatus};

use crate::support::hostile::{Hostile, changes_of, document_of, imported, loaded, reasons};
use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, at, new_case};

fn of_case(device: &Device, case: CaseId) -> CaseSyncStatus {
    device.store.sync().case_status(case).unwrap().unwrap()
}

fn on_peer(device: &Device, case: CaseId, peer: &Device) -> Option<CaseOnPeer> {
    let id = peer.store.identity().device();
    of_case(device, case).peers.into_iter().find(|peer| peer.device == id)
}

/// What of everything is on its way to a peer.
pub fn to_send(device: &Device, peer: &Device) -> u64 {
    let id = peer.store.identity().device();
    let status = device.store.sync().status().unwrap();
    status.peers.into_iter().find(|peer| peer.device == id).unwrap().to_send
}

fn team(device: &Device, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

#[test]
fn a_case_says_who_else_has_it_since_when_and_what_is_on_its_way() {
    let phone = Device::new("status-phone", "w-117");
    let tablet = Device::new("status-tablet", "w-117");
    let noor = Device::new("status-noor", "w-204");
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    take_in(&phone.store, &noor.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    let other = phone.store.cases().create(&new_case("2026-0119", "Hugo Petit")).unwrap();

    // Nobody has it yet, and Noor may not.
    let status = of_case(&phone, case.id);
    assert_eq!((status.only_here.changes, status.only_here.contacts), (4, 1));
    assert_eq!(status.peers.len(), 1);
    assert_eq!(on_peer(&phone, case.id, &tablet).map(|peer| (peer.equal_at, peer.to_send)), Some((None, 4)));
    assert_eq!(on_peer(&phone, case.id, &noor), None);

    sync(&phone.store, &tablet.store);
    let first = at("2026-03-07T16:30:00Z");
    assert_eq!(on_peer(&phone, case.id, &tablet).unwrap().equal_at, Some(first));
    assert_eq!((of_case(&phone, case.id).only_here.changes, to_send(&phone, &tablet)), (0, 0));

    // Noor is granted it and was never met; what is written now is on its way to both.
    phone.now("2026-03-08T09:00:00Z");
    let grant = NewGrant::colleague("w-204".parse().unwrap(), 1);
    phone.store.grants().give(case.id, &grant).unwrap();
    team(&phone, case.id, "north");
    team(&phone, other.id, "south");
    let peers: Vec<(String, _, u64)> = of_case(&phone, case.id)
        .peers
        .into_iter()
        .map(|peer| (peer.worker.to_string(), peer.equal_at, peer.to_send))
        .collect();
    assert_eq!(peers, [("w-117".to_owned(), Some(first), 1), ("w-204".to_owned(), None, 5)]);
    assert_eq!(to_send(&phone, &tablet), 2, "one of each case");
    assert_eq!(on_peer(&phone, other.id, &noor), None);

    sync(&phone.store, &noor.store);
    let second = at("2026-03-08T09:00:00Z");
    assert_eq!(
        on_peer(&phone, case.id, &noor).map(|peer| (peer.equal_at, peer.to_send)),
        Some((Some(second), 0))
    );
    assert_eq!(
        of_case(&phone, case.id).peers[0].worker.to_string(),
        "w-204",
        "who was equal last comes first"
    );
    assert_eq!(to_send(&phone, &noor), 0, "the other case is not for her");
    assert_eq!(of_case(&noor, case.id).only_here.changes, 0);
    assert_eq!(noor.store.sync().case_status(other.id).unwrap(), None);

    // It was taken back from her: nothing is on its way to her any more.
    let grants: Vec<_> = phone.store.grants().list(case.id).unwrap().iter().map(|grant| grant.id).collect();
    phone.store.grants().take_back(case.id, &grants).unwrap();
    team(&phone, case.id, "west");
    assert_eq!(on_peer(&phone, case.id, &noor), None);
    assert_eq!(to_send(&phone, &noor), 0);
}

#[test]
fn a_case_that_was_the_same_on_both_is_told_to_be_though_the_session_was_cut_before_all_was() {
    let phone = Device::new("status-cut-phone", "w-117");
    let tablet = Device::new("status-cut-tablet", "w-117");
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    let cases: Vec<CaseId> = (0..40)
        .map(|number| {
            phone.store.cases().create(&new_case(&format!("2026-{number:04}"), "Hugo Petit")).unwrap().id
        })
        .collect();
    phone.now("2026-03-07T16:30:00Z");
    tablet.now("2026-03-07T16:30:00Z");
    sync(&phone.store, &tablet.store);
    let first = at("2026-03-07T16:30:00Z");

    let mut found = [false, false];
    for most in (0..).step_by(200) {
        phone.now("2026-03-08T09:00:00Z");
        tablet.now("2026-03-08T09:00:00Z");
        team(&phone, cases[0], &format!("team {most}"));
        // The one connects first, then the other; the line goes dead after so many bytes.
        let [one, other] = [&phone, &tablet];
        let mut link = if most % 400 == 0 {
            Link::between(&one.store, &other.store)
        } else {
            Link::between(&other.store, &one.store)
        };
        let mut left = most;
        while left > 0 {
            let carried: u64 = link.carried.iter().sum();
            (0..2).for_each(|from| _ = link.carry(from, left.min(100)));
            let now: u64 = link.carried.iter().sum();
            if now == carried {
                break;
            }
            left = left.saturating_sub((now - carried) as usize);
        }
        let equal = link.sides.iter().any(|side| side.report().equal);
        drop(link);
        if equal {
            break;
        }
        for (side, (device, peer)) in [(one, other), (other, one)].into_iter().enumerate() {
            let at = |case| on_peer(device, case, peer).unwrap().equal_at;
            assert_eq!(at(cases[0]), Some(first), "it was not seen to be the same since");
            found[side] |= cases[1..].iter().any(|case| at(*case) > Some(first));
        }
    }
    assert_eq!(found, [true, true], "no cut session told what it had seen");
}

#[test]
fn a_session_that_stays_says_when_both_were_last_seen_to_hold_the_same() {
    let phone = Device::new("status-stays-phone", "w-117");
    let tablet = Device::new("status-stays-tablet", "w-117");
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    let (case, _) = phone.lea("2026-0117");
    let mut link = Link::between(&phone.store, &tablet.store);
    link.run(usize::MAX);
    phone.now("2026-03-07T17:00:00Z");
    // A full round every fifteen minutes, and a sign of life in between.
    for _ in 0..40 {
        link.wait(25);
        link.run(usize::MAX);
    }
    let at = at("2026-03-07T17:00:00Z");
    assert_eq!(on_peer(&phone, case.id, &tablet).unwrap().equal_at, Some(at));
    assert_eq!(phone.store.sync().status().unwrap().peers[0].equal_at, Some(at));
    link.end();
}

#[test]
fn what_is_kept_apart_names_its_case_and_says_why_in_words() {
    let phone = Device::new("status-apart-phone", "w-117");
    let newcomer = Hostile::enrolled_by(&phone);
    let (case, _) = phone.lea("2026-0117");
    let other = phone.store.cases().create(&new_case("2026-0119", "Hugo Petit")).unwrap();
    let (target, changes) = document_of(&phone, Kind::Case);
    let chunk = newcomer.writes(&loaded(Kind::Case, &changes), |tx| {
        let (_, map) = automerge::ReadDoc::get(tx, automerge::ROOT, "case").unwrap().unwrap();
        automerge::transaction::Transactable::put(tx, &map, "team", "north").unwrap();
    });
    let brings = [newcomer.hello(), changes_of(&target, vec![newcomer.signs(&target, chunk)]), Message::End];
    assert_eq!(reasons(&imported(&phone, &brings)), [Refusal::NotGranted]);
    let held: Vec<_> = [case.id, other.id].map(|case| of_case(&phone, case).quarantine).concat();
    let told: Vec<_> = held.iter().map(|held| (&held.reason, held.reason.words())).collect();
    let words = "Written without a right to the case: somebody who may grant has to decide.";
    assert_eq!(told, [(&Refusal::NotGranted, words)]);
    assert!(of_case(&phone, held[0].case.unwrap()).quarantine == held);
}

#[test]
fn a_case_of_which_a_part_was_never_the_same_was_not_the_same() {
    let phone = Device::new("status-part-phone", "w-117");
    let noor = Device::new("status-part-noor", "w-204");
    take_in(&phone.store, &noor.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.now("2026-03-03T09:00:00Z");
    let worker = || "w-204".parse().unwrap();
    phone.store.grants().give(case.id, &NewGrant::visits(worker(), plan.id)).unwrap();
    sync(&phone.store, &noor.store);
    let first = at("2026-03-03T09:00:00Z");
    assert_eq!(on_peer(&phone, case.id, &noor).unwrap().equal_at, Some(first));
    // The whole case is hers too, and has not come to her yet.
    phone.now("2026-03-04T09:00:00Z");
    phone.store.grants().give(case.id, &NewGrant::colleague(worker(), 1)).unwrap();
    assert_eq!(on_peer(&phone, case.id, &noor).map(|peer| (peer.equal_at, peer.to_send)), Some((None, 2)));
    sync(&phone.store, &noor.store);
    let second = at("2026-03-04T09:00:00Z");
    assert_eq!(on_peer(&phone, case.id, &noor).unwrap().equal_at, Some(second));
    // A plan that was made since takes nothing of that away.
    phone.now("2026-03-05T09:00:00Z");
    phone.saturdays(&case, &ana);
    let told = on_peer(&phone, case.id, &noor).unwrap();
    assert!(told.equal_at == Some(second) && told.to_send > 0, "{told:?}");
}
