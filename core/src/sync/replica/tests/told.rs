//! What a peer is believed to hold.

use super::*;
use crate::exchange::vector;
use crate::sync::known::Handed;

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
fn whoever_is_further_than_what_is_here_is_still_believed_to_hold_that_as_it_takes_in_late_work() {
    let phone = store(204);
    let tablet = enrolled(&phone, 205);
    let id = case(&phone, "2026-0117");
    team(&phone, id, "north");
    Session::between(&phone, &tablet).run();
    let peer = phone.own().device;
    let (row, document) = document(&tablet);
    let known = |tablet: &Store| tablet.held_by(peer, row).unwrap();
    let before = known(&tablet);
    assert!(!before.is_empty());

    team(&phone, id, "south");
    let asked = Handed { asked: holding(&tablet).into_keys().collect(), ..Handed::default() };
    let says = |held: &Holding, handed: &Handed| {
        tablet.note_handed(peer, &[(document, held, handed)]).unwrap();
        known(&tablet)
    };
    assert_eq!(says(&holding(&phone), &asked), before);
    // Of whom it was not asked it may have been set back since it said so, and have gone on with something else.
    assert_eq!(says(&holding(&phone), &Handed::default()), Holding::new());
}
