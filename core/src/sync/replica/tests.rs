//! Two stores and the messages between them, with no channel in between.

mod ends;
mod hostile;
mod roots;
mod told;

use std::sync::Arc;

use super::{Replica, Side};
use crate::access::NewGrant;
use crate::case::{CaseChange, NewCase, NewPerson};
use crate::exchange::message::Message;
use crate::exchange::outgoing;
use crate::exchange::vector::Holding;
use crate::identity::{MemoryVault, Role, Scope};
use crate::ids::{CaseId, DocumentId};
use crate::storage::Location;
use crate::store::{Store, StoreConfig};
use crate::sync::wire::Wire;
use crate::testing::{FixedClock, SeededRandom};

fn store(seed: u64) -> Store {
    store_of("w-117", seed)
}

fn store_of(worker: &str, seed: u64) -> Store {
    let config = StoreConfig {
        location: Location::Memory(format!("replica {seed} {:?}", std::thread::current().id())),
        worker: worker.parse().unwrap(),
        zone: "Europe/Paris".parse().unwrap(),
        clock: Arc::new(FixedClock::at("2026-03-02T08:00:00Z".parse().unwrap())),
        random: Arc::new(SeededRandom::new(seed)),
        log: None,
    };
    Store::open(config, Arc::new(MemoryVault::default())).unwrap()
}

fn enrolled(first: &Store, seed: u64) -> Store {
    enrolled_as(first, "w-117", seed)
}

fn enrolled_as(first: &Store, worker: &str, seed: u64) -> Store {
    let other = store_of(worker, seed);
    let request = other.identity().request().unwrap();
    let answer = first.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap();
    other.identity().adopt(&answer).unwrap();
    other
}

fn case(store: &Store, reference: &str) -> CaseId {
    let new = NewCase {
        reference: reference.to_owned(),
        case_type: None,
        primary_client: NewPerson { name: "Léa".to_owned(), born: None },
        assigned_worker: None,
        team: None,
        opened_on: None,
        origin: None,
    };
    store.cases().create(&new).unwrap().id
}

fn team(store: &Store, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    store.cases().change(case, &change).unwrap();
}

/// A session of two replicas, and what went over it.
struct Session {
    sides: [Replica; 2],
    said: Vec<(usize, Wire)>,
}

impl Session {
    fn between(initiator: &Store, responder: &Store) -> Self {
        let (first, second) = (initiator.identity().device(), responder.identity().device());
        let sides = [
            Replica::new(initiator.clone(), second, Side::Initiator).unwrap(),
            Replica::new(responder.clone(), first, Side::Responder).unwrap(),
        ];
        Self { sides, said: Vec::new() }
    }

    /// What is said once a side looks at what was committed there.
    fn says_of_news(&mut self, side: usize) -> &[(usize, Wire)] {
        let before = self.said.len();
        self.sides[side].catch_up().unwrap();
        self.run();
        &self.said[before..]
    }

    /// Hands messages over in turns until neither side has one.
    fn run(&mut self) {
        assert!(self.run_until(|_| false).is_none());
    }

    /// The same, until there is such a one: it is still on its way.
    fn run_until(&mut self, stops: impl Fn(&Wire) -> bool) -> Option<Wire> {
        loop {
            let mut moved = false;
            for side in [1, 0] {
                while let Some(wire) = self.sides[side].next().unwrap() {
                    moved = true;
                    let (kind, body) = wire.encode();
                    let read = Wire::decode(kind, &body).unwrap().unwrap();
                    if stops(&wire) {
                        return Some(read);
                    }
                    self.said.push((side, wire));
                    self.sides[1 - side].receive(read).unwrap();
                }
            }
            if !moved {
                return None;
            }
        }
    }

    fn ended_equal(&self) -> bool {
        self.sides.iter().all(|side| side.is_equal() && side.is_at_rest())
    }
}

fn same(one: &Store, other: &Store) {
    assert_eq!(one.exchange().digest().unwrap(), other.exchange().digest().unwrap());
    assert_eq!(one.dump_projections().unwrap(), other.dump_projections().unwrap());
}

#[test]
fn logs_and_records_come_in_pages_however_many_there_are() {
    let phone = store(41);
    let tablet = enrolled(&phone, 42);
    let marc = enrolled_as(&phone, "w-204", 43);
    let cases: Vec<CaseId> = (0..130).map(|at| case(&phone, &format!("2026-{at}"))).collect();
    Session::between(&phone, &tablet).run();
    for worker in ["w-204", "w-205"] {
        let grant = NewGrant::colleague(worker.parse().unwrap(), 1);
        cases.iter().for_each(|case| drop(phone.grants().give(*case, &grant).unwrap()));
    }
    for (initiator, other, least) in [(&tablet, &phone, 261), (&marc, &tablet, 0)] {
        let mut session = Session::between(initiator, other);
        session.run();
        assert!(session.ended_equal());
        same(&phone, other);
        let (mut logs, mut records) = (0, 0);
        for (_, wire) in &session.said {
            match wire {
                Wire::SomeLogs(page) | Wire::Logs(page) => logs += page.len(),
                Wire::SomeRecords(page) | Wire::Records(page) => records += page.len(),
                _ => continue,
            }
            assert!(wire.encode().1.len() < 72 * 1024, "a message of any number");
        }
        assert!(logs >= least && records >= 260, "{logs} logs, {records} records");
    }
    for store in [&tablet, &marc] {
        assert!(cases.iter().all(|case| store.grants().list(*case).unwrap().len() == 2));
        same(&phone, store);
    }
}

#[test]
fn two_stores_end_equal_whoever_began_and_whatever_each_held() {
    for initiator in 0..2 {
        let phone = store(1);
        let tablet = enrolled(&phone, 2);
        let both = case(&phone, "2026-0117");
        let mut first = Session::between(&phone, &tablet);
        first.run();
        assert!(first.ended_equal(), "{:?}", first.said);
        team(&phone, both, "north");
        team(&tablet, both, "south");
        case(&phone, "2026-0118");
        case(&tablet, "2026-0119");
        let (one, other) = if initiator == 0 { (&phone, &tablet) } else { (&tablet, &phone) };
        let mut session = Session::between(one, other);
        session.run();
        assert!(session.ended_equal(), "{:?}", session.said);
        same(&phone, &tablet);
        assert_eq!(phone.cases().list(&Default::default()).unwrap().len(), 3);
        assert_eq!(phone.conflicts().list(None).unwrap().len(), 1);
        assert_eq!(phone.today().unwrap().only_here.changes, 0);
        assert_eq!(tablet.today().unwrap().only_here.changes, 0);
    }
}

#[test]
fn equal_stores_say_one_root_and_one_answer_and_load_nothing() {
    let phone = store(3);
    let tablet = enrolled(&phone, 4);
    case(&phone, "2026-0117");
    Session::between(&phone, &tablet).run();
    let mut session = Session::between(&phone, &tablet);
    session.run();
    let before = (session.said.len(), phone.stats().documents_loaded);
    session.sides[0].begin_round().unwrap();
    session.run();
    assert!(matches!(&session.said[before.0..], [(0, Wire::Scopes(Some(_))), (1, Wire::Equal)]));
    assert_eq!(phone.stats().documents_loaded, before.1);
}

#[test]
fn what_is_committed_during_a_session_is_sent_at_once() {
    let phone = store(5);
    let tablet = enrolled(&phone, 6);
    let id = case(&phone, "2026-0117");
    let mut session = Session::between(&phone, &tablet);
    session.run();
    team(&tablet, id, "south");
    let before = session.said.len();
    let said = session.says_of_news(1);
    assert!(
        matches!(said, [(1, Wire::Founded(_)), (1, Wire::Changes(_)), (0, Wire::Ack { .. })]),
        "{said:?}"
    );
    same(&phone, &tablet);
    // What came from a peer is not sent back to it.
    session.sides[0].catch_up().unwrap();
    session.run();
    assert_eq!(session.said.len(), before + 3);
    // Where both had the case before they met, neither scope nor header is said again.
    let mut session = Session::between(&phone, &tablet);
    session.run();
    team(&phone, id, "north");
    let said = session.says_of_news(0);
    assert!(matches!(said, [(0, Wire::More { .. }), (1, Wire::Ack { .. })]), "{said:?}");
    same(&phone, &tablet);
}

#[test]
fn changes_of_a_document_that_went_meanwhile_are_answered_with_what_is_held_of_it() {
    let phone = store(7);
    let tablet = enrolled(&phone, 8);
    let id = case(&phone, "2026-0117");
    Session::between(&phone, &tablet).run();
    let mut session = Session::between(&phone, &tablet);
    session.run();
    tablet.inner.database.write(|tx| tx.remove_case(id.as_bytes())).unwrap();
    team(&phone, id, "north");
    let said = session.says_of_news(0);
    let nothing = |held: &Holding| held.is_empty();
    assert!(
        matches!(said, [(0, Wire::More { .. }), (1, Wire::Ack { held, .. })] if nothing(held)),
        "{said:?}"
    );
    // The next round brings all of it.
    session.sides[0].begin_round().unwrap();
    session.run();
    same(&phone, &tablet);
}

#[test]
fn a_session_cut_after_any_message_is_resumed_and_ends_equal() {
    let (mut cut_at, mut ended) = (0, false);
    while !ended {
        let phone = store(100 + 2 * cut_at as u64);
        let tablet = enrolled(&phone, 101 + 2 * cut_at as u64);
        let id = case(&phone, "2026-0117");
        for round in 0..12 {
            team(&phone, id, &format!("team {round}"));
        }
        case(&tablet, "2026-0119");
        let mut session = Session::between(&phone, &tablet);
        let mut said = 0;
        'cut: loop {
            let mut moved = false;
            for side in [1, 0] {
                while let Some(wire) = session.sides[side].next().unwrap() {
                    if said == cut_at {
                        break 'cut;
                    }
                    said += 1;
                    moved = true;
                    session.sides[1 - side].receive(wire).unwrap();
                }
            }
            if !moved {
                ended = true;
                break;
            }
        }
        drop(session);
        let mut again = Session::between(&tablet, &phone);
        again.run();
        assert!(again.ended_equal());
        same(&phone, &tablet);
        cut_at += 1;
    }
    assert!(cut_at > 10, "{cut_at}");
}

#[test]
fn what_is_committed_while_both_are_found_equal_is_not_taken_for_the_peers() {
    let phone = store(31);
    let tablet = enrolled(&phone, 32);
    let id = case(&phone, "2026-0117");
    Session::between(&phone, &tablet).run();
    // It has compared, and is about to say so; its worker writes at this moment.
    let held = phone.held_with(tablet.identity().device()).unwrap();
    team(&phone, id, "north");
    phone.note_equal(tablet.identity().device(), &held).unwrap();
    assert_eq!(phone.only_here().unwrap(), 1, "nobody else has it yet");
    Session::between(&tablet, &phone).run();
    assert_eq!(phone.only_here().unwrap(), 0);
    assert_eq!(tablet.cases().get(id).unwrap().unwrap().team.as_deref(), Some("north"));
}

#[test]
fn who_names_a_scope_and_a_document_that_were_not_granted_gets_no_answer() {
    for granted in [false, true] {
        let phone = store(41 + 2 * u64::from(granted));
        let colleague = enrolled_as(&phone, "w-204", 42 + 2 * u64::from(granted));
        let give =
            |case| phone.grants().give(case, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
        give(case(&phone, "2026-0116"));
        let hidden = case(&phone, "2026-0117");
        Session::between(&colleague, &phone).run();
        if granted {
            give(hidden);
        }
        let scope = Scope::Level(1).id(hidden);
        let mut document = None;
        let dumped = phone.dump_documents(|dumped| {
            document = document.or((dumped.scope == scope).then(|| *dumped.id.as_bytes()));
            Ok(())
        });
        dumped.unwrap();
        let answers = |guess: &[Wire]| {
            let mut asked =
                Replica::new(phone.clone(), colleague.identity().device(), Side::Responder).unwrap();
            let vector = phone.own().authority.vector(&phone.own().authority.domain_log());
            let greeting = [Wire::Records(Vec::new()), Wire::Authority { vector, cases: [0; 16] }];
            let mut said = Vec::new();
            for wire in [&greeting[..], &[Wire::Scopes(Some([9; 16]))], guess].concat() {
                asked.receive(wire).unwrap();
                while let Some(wire) = asked.next().unwrap() {
                    said.push(wire);
                }
            }
            said
        };
        // What an app that keeps no rule says: the scope, as if it held nothing of it; or the document at once.
        let document = document.unwrap();
        let listed = |scope, documents| [Wire::Documents(vec![(scope, documents)]), Wire::Listed(Vec::new())];
        let by_scope = listed(*scope.as_bytes(), Vec::new());
        let by_document = [Wire::Vectors(vec![(document, Holding::new())]), Wire::Asked];
        for guess in [by_scope, by_document] {
            let said = answers(&guess);
            let brings = |wire: &Wire| {
                matches!(wire, Wire::Founded(_) | Wire::Changes(_) | Wire::Snapshot(_) | Wire::Vectors(_))
            };
            assert_eq!(said.iter().any(brings), granted, "{guess:?}: {said:?}");
        }
        // Or changes of a document, as if something of it were known to be here.
        let more = Wire::More { document: DocumentId::from_slice(&document).unwrap(), changes: Vec::new() };
        let tells = |wire: &Wire| matches!(wire, Wire::Ack { held, .. } if !held.is_empty());
        assert_eq!(answers(&[more]).iter().any(tells), granted);
        let row = phone.read(|reading| Ok(reading.document(&document)?.unwrap())).unwrap();
        let (id, header) = (DocumentId::from_slice(&document).unwrap(), outgoing::header(&row).unwrap());
        let changes = Wire::Changes(Message::Changes { document: id, header, changes: Vec::new() });
        assert_eq!(answers(&[changes]).iter().any(tells), granted);
        // And both: what is here is answered like what was made up.
        let [named, made_up] =
            [*scope.as_bytes(), [7; 16]].map(|scope| listed(scope, vec![(document, [1; 16])]));
        assert_eq!(answers(&named) == answers(&made_up), !granted);
        // Late work is its own in any case.
        let own = Holding::from([([7; 24], (1, [0; 8]))]);
        let late = |scope| Wire::Late(vec![(scope, document, own.clone())]);
        assert_eq!(answers(&[late(*scope.as_bytes())]), answers(&[late([7; 16])]));
    }
}

#[test]
fn what_an_open_session_has_brought_is_not_only_here_any_more_in_any_document() {
    let phone = store(61);
    let tablet = enrolled(&phone, 62);
    let mut session = Session::between(&phone, &tablet);
    session.run();
    for at in 0..3 {
        case(&phone, &format!("2026-{at}"));
    }
    assert!(phone.today().unwrap().only_here.changes >= 3);
    session.says_of_news(0);
    assert_eq!(phone.today().unwrap().only_here.changes, 0);
}
