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
