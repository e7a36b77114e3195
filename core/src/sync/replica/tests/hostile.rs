//! What a peer says that keeps no rule.

use super::*;
use crate::ids::DeviceId;
use crate::sync::replica::ReplicaFailed;

#[test]
fn a_scope_that_is_none_is_the_peers_failure_and_not_this_stores() {
    let phone = store(81);
    let tablet = enrolled(&phone, 82);
    let founded = |founding: Vec<u8>, level| {
        let (signature, certificate, plan) = ([0; 64], [0; 32], Vec::new());
        Wire::Founded(Message::Scope { founding, signature, certificate, level, plan })
    };
    case(&phone, "2026-0117");
    let row = phone.read(|reading| Ok(reading.scopes()?.remove(0).scope_id)).unwrap();
    let Message::Scope { founding, signature, certificate, .. } =
        phone.read(|reading| outgoing::scope(reading, &row)).unwrap()
    else {
        panic!("no scope")
    };
    let level_9 = Message::Scope { founding, signature, certificate, level: 9, plan: Vec::new() };
    for wrong in [founded(vec![7], 1), Wire::Founded(level_9)] {
        let mut session = Session::between(&tablet, &phone);
        session.run();
        let heard = session.sides[1].receive(wrong);
        assert_eq!(heard, Err(ReplicaFailed::Protocol("founded")));
    }
}

#[test]
fn who_was_never_certified_by_anybody_that_counts_gets_no_network_secret() {
    let phone = store(83);
    let tablet = enrolled(&phone, 84);
    let network = phone.own().authority.network_log();
    let shares = |device: DeviceId| phone.shared(device).unwrap().contains(&network);
    assert!(shares(tablet.identity().device()));
    assert!(!shares(store(85).identity().device()));
    // And nobody asks for logs before he said what he holds.
    let mut asked = Replica::new(phone.clone(), tablet.identity().device(), Side::Responder).unwrap();
    let logs = Wire::Logs(vec![(network, crate::identity::LogVector::new())]);
    assert_eq!(asked.receive(logs), Err(ReplicaFailed::Protocol("logs")));
}

/// A phone with cases, a device that is in its domain, and a session in which that device says what it likes.
fn asked(seed: u64) -> (Store, Store, Replica) {
    let phone = store(seed);
    let tablet = enrolled(&phone, seed + 1);
    for at in 0..3 {
        case(&phone, &format!("2026-{at}"));
    }
    let asked = Replica::new(phone.clone(), tablet.identity().device(), Side::Responder).unwrap();
    (phone, tablet, asked)
}

/// What a replica says now.
fn answers(replica: &mut Replica) -> Vec<Wire> {
    std::iter::from_fn(|| replica.next().unwrap()).collect()
}

fn authority() -> Wire {
    Wire::Authority { vector: crate::identity::LogVector::new(), cases: [0; 16] }
}

#[test]
fn whoever_is_shut_out_gets_nothing_by_saying_that_the_other_is() {
    let upload_only = || Wire::UploadOnly;
    // Before anybody was judged.
    let (phone, tablet, mut session) = asked(101);
    phone
        .identity()
        .end_device(tablet.identity().device(), crate::identity::record::EndReason::Stolen)
        .unwrap();
    assert_eq!(session.receive(upload_only()), Err(ReplicaFailed::Protocol("upload only before authority")));
    // And after.
    let mut session = Replica::new(phone.clone(), tablet.identity().device(), Side::Responder).unwrap();
    for wire in [Wire::Records(Vec::new()), authority(), upload_only()] {
        session.receive(wire).unwrap();
    }
    let brings = |wire: &Wire| matches!(wire, Wire::Founded(_) | Wire::Changes(_) | Wire::Snapshot(_));
    let said = answers(&mut session);
    assert!(said.iter().any(|wire| matches!(wire, Wire::UploadOnly)) && !said.iter().any(brings), "{said:?}");
    // A colleague whose case was taken back is in the domain as before.
    let (phone, _, _) = asked(103);
    let marc = enrolled_as(&phone, "w-204", 105);
    let of_marc = case(&phone, "2026-9");
    let grant = phone.grants().give(of_marc, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap().id;
    Session::between(&phone, &marc).run();
    phone.grants().take_back(of_marc, &[grant]).unwrap();
    team(&phone, of_marc, "north");
    let mut session = Replica::new(phone.clone(), marc.identity().device(), Side::Responder).unwrap();
    for wire in [Wire::Records(Vec::new()), authority(), upload_only()] {
        session.receive(wire).unwrap();
    }
    let said = answers(&mut session);
    assert!(!said.iter().any(brings), "{said:?}");
}

#[test]
fn nobody_is_answered_twice() {
    let (phone, tablet, mut session) = asked(111);
    session.receive(authority()).unwrap();
    assert_eq!(session.receive(authority()), Err(ReplicaFailed::Protocol("authority")));
    let (_, _, mut session) = asked(113);
    session.receive(authority()).unwrap();
    session.receive(Wire::Logs(Vec::new())).unwrap();
    assert_eq!(session.receive(Wire::Logs(Vec::new())), Err(ReplicaFailed::Protocol("logs")));
    // In a round: what is listed, what is held, and that both hold the same.
    let in_a_round = || {
        let mut session = Replica::new(phone.clone(), tablet.identity().device(), Side::Responder).unwrap();
        for wire in [Wire::Records(Vec::new()), authority(), Wire::Scopes(Some([7; 16]))] {
            session.receive(wire).unwrap();
        }
        session
    };
    let mut session = in_a_round();
    assert_eq!(session.receive(Wire::Equal), Err(ReplicaFailed::Protocol("equal")));
    let mut session = in_a_round();
    session.receive(Wire::Listed(Vec::new())).unwrap();
    assert_eq!(session.receive(Wire::Listed(Vec::new())), Err(ReplicaFailed::Protocol("listed")));
    let row = phone.read(|reading| Ok(reading.documents()?.remove(0))).unwrap();
    let holds_nothing = || Wire::Vectors(vec![(row.document_id, Holding::new())]);
    session.receive(holds_nothing()).unwrap();
    assert_eq!(session.receive(holds_nothing()), Err(ReplicaFailed::Protocol("a document twice")));
    assert!(phone.only_here().unwrap() > 0, "nobody has said that it holds anything");
}
