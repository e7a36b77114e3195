//! What a peer hears that is held here, and what it is believed to hold.

use super::*;
use crate::access::DocumentKind;
use crate::exchange::vector;
use crate::identity::LogVector;
use crate::identity::record::Signed;
use crate::sync::wire::BATCH_CHANGES;

/// The only document of a store with one case.
fn document(store: &Store) -> (i64, [u8; 16]) {
    let rows = store.read(|reading| Ok(reading.documents()?)).unwrap();
    let [row] = rows.as_slice() else { panic!("{} documents", rows.len()) };
    (row.id, row.document_id)
}

fn holding(store: &Store) -> Holding {
    store.read(|reading| vector::of_document(reading, document(store).0)).unwrap()
}

#[test]
fn who_sends_a_document_whole_is_believed_to_hold_what_is_in_it_and_nothing_that_another_brought() {
    let phone = store(201);
    let [tablet, desk] = [202, 203].map(|seed| enrolled(&phone, seed));
    let id = case(&phone, "2026-0117");
    (0..10).for_each(|at| team(&phone, id, &format!("team {at}")));
    Session::between(&phone, &tablet).run();
    team(&tablet, id, "north");

    let mut session = Session::between(&phone, &desk);
    let is_whole = |wire: &Wire| matches!(wire, Wire::Snapshot(_));
    let whole = session.run_until(is_whole).unwrap();
    // It was on its way when another device brought more.
    Session::between(&tablet, &desk).run();
    session.sides[1].receive(whole).unwrap();
    let (_, id) = document(&desk);
    assert_eq!(session.sides[1].theirs[&id], holding(&phone));
    assert_ne!(holding(&phone), holding(&desk));
}

#[test]
fn who_is_shut_out_hears_of_nothing_that_others_wrote_since() {
    let desk = store(211);
    let phone = enrolled_as(&desk, "w-204", 212);
    let id = case(&desk, "2026-0117");
    let grant =
        NewGrant { writes: vec![DocumentKind::Case], ..NewGrant::colleague("w-204".parse().unwrap(), 1) };
    let grant = desk.grants().give(id, &grant).unwrap().id;
    Session::between(&desk, &phone).run();
    team(&phone, id, "north");
    let known = holding(&phone);
    desk.grants().take_back(id, &[grant]).unwrap();
    team(&desk, id, "south");

    let mut session = Session::between(&phone, &desk);
    session.run();
    let told: Vec<&Holding> = session
        .said
        .iter()
        .filter_map(|(side, wire)| match wire {
            Wire::Ack { held, .. } if *side == 1 => Some(held),
            _ => None,
        })
        .collect();
    assert_eq!(told, [&known], "what it has said itself");
    assert_ne!(holding(&desk), known);
    assert_eq!(phone.cases().get(id), Ok(None), "all of it is known elsewhere");
}

#[test]
fn who_is_shut_out_hears_as_it_goes_on_what_of_its_first_batch_is_here() {
    let desk = store(221);
    let [phone, tablet] =
        [("w-204", 222), ("w-305", 223)].map(|(worker, seed)| enrolled_as(&desk, worker, seed));
    let id = case(&desk, "2026-0117");
    let give = |worker: &str| {
        let colleague = NewGrant::colleague(worker.parse().unwrap(), 1);
        desk.grants().give(id, &NewGrant { writes: vec![DocumentKind::Case], ..colleague }).unwrap().id
    };
    let grants = ["w-204", "w-305"].map(give);
    [&phone, &tablet].iter().for_each(|other| Session::between(&desk, other).run());
    // A whole batch of the tablet's, and then one of the phone's own.
    (0..BATCH_CHANGES).for_each(|at| team(&tablet, id, &format!("team {at}")));
    Session::between(&tablet, &phone).run();
    team(&phone, id, "north");
    let held = holding(&phone);
    desk.grants().take_back(id, &grants).unwrap();
    let ended = desk.records_after(id.as_bytes(), &mut LogVector::new());
    phone.take_records(ended.iter().map(|bytes| Signed::decode(bytes).unwrap()).collect()).unwrap();

    let mut session = Session::between(&phone, &desk);
    session.run();
    let told = session.said.iter().filter_map(|(side, wire)| match wire {
        Wire::Ack { held, .. } if *side == 1 => Some(held),
        _ => None,
    });
    let told: Vec<&Holding> = told.collect();
    assert!(told.len() == 2 && *told[1] == held, "{told:?}");
    session.sides[0].leave().unwrap();
    assert_eq!(phone.cases().get(id), Ok(None), "all of it is known elsewhere");
    assert_eq!(desk.cases().get(id).unwrap().unwrap().team.as_deref(), Some("north"));
}
