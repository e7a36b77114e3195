//! Devices that are ended, or lose a case, while they are connected.

use super::*;
use crate::identity::record::{EndReason, Signed};

#[test]
fn a_device_that_is_ended_while_it_is_connected_hears_of_its_end_and_of_no_new_secret() {
    let phone = store(51);
    let lost = enrolled(&phone, 52);
    let marc = enrolled_as(&phone, "w-204", 53);
    let case = case(&phone, "2026-0117");
    let grant = NewGrant::colleague("w-204".parse().unwrap(), 1);
    let grant = phone.grants().give(case, &grant).unwrap().id;
    let [mut with_lost, mut with_marc] = [&lost, &marc].map(|other| Session::between(other, &phone));
    with_lost.run();
    with_marc.run();
    let logs = |said: &[(usize, Wire)]| -> Vec<[u8; 16]> {
        let records = said.iter().filter_map(|(side, wire)| match wire {
            Wire::Records(records) | Wire::SomeRecords(records) if *side == 1 => Some(records.clone()),
            _ => None,
        });
        records.flatten().map(|bytes| Signed::decode(&bytes).unwrap().record.log).collect()
    };
    let (domain, network) = (phone.own().authority.domain_log(), phone.own().authority.network_log());
    phone.identity().end_device(lost.identity().device(), EndReason::Stolen).unwrap();
    let told = logs(with_lost.says_of_news(1));
    assert!(told.contains(&domain) && !told.contains(&network), "it hears of its end only");
    assert!(logs(with_marc.says_of_news(1)).contains(&network), "others hear the new secret");
    // Who lost a case hears that, and nothing of the logs of its scopes.
    phone.grants().take_back(case, &[grant]).unwrap();
    let told = logs(with_marc.says_of_news(1));
    assert!(told.contains(case.as_bytes()) && !told.contains(Scope::Level(1).id(case).as_bytes()));
}

/// A session in which the phone ends the other device, which begins it or does not, before it says its message of this
/// number. The other holds nothing yet if it is new. What both say may cross on its way. False if the phone says fewer.
fn ended_at(said: usize, [begins, is_new, crosses]: [bool; 3]) -> bool {
    let story = format!("{said}, begins {begins}, new {is_new}, crosses {crosses}");
    let [begun, new, crossed] = [begins, is_new, crosses].map(u64::from);
    let seed = 1_000 + 16 * said as u64 + 8 * crossed + 4 * begun + 2 * new;
    let phone = store(seed);
    let lost = enrolled(&phone, seed + 1);
    let between = || if begins { Session::between(&lost, &phone) } else { Session::between(&phone, &lost) };
    let cases: Vec<CaseId> = (0..6).map(|at| case(&phone, &format!("2026-{at}"))).collect();
    if !is_new {
        between().run();
        // The phone has something for it, more than the window holds, and holds some of its work and lacks some.
        team(&lost, cases[0], "north");
        between().run();
        team(&lost, cases[0], "south");
        team(&lost, cases[1], "west");
    }
    cases[2..].iter().for_each(|case| team(&phone, *case, "east"));
    let (mut session, phones) = (between(), usize::from(begins));
    let (mut count, mut ended) = (0, false);
    loop {
        let (mut moved, mut on_its_way) = (false, Vec::new());
        for side in [1, 0] {
            loop {
                if side == phones && count == said && !ended {
                    phone.identity().end_device(lost.identity().device(), EndReason::Stolen).unwrap();
                    ended = true;
                }
                let Some(wire) = session.sides[side].next().unwrap() else { break };
                (moved, count) = (true, count + usize::from(side == phones));
                on_its_way.push((1 - side, wire));
                if crosses {
                    continue;
                }
                for (to, wire) in on_its_way.drain(..) {
                    let heard = session.sides[to].receive(wire.clone());
                    assert!(heard.is_ok(), "{story}: {wire:?}: {heard:?}");
                }
            }
        }
        for (to, wire) in on_its_way {
            let heard = session.sides[to].receive(wire.clone());
            assert!(heard.is_ok(), "{story}: {wire:?}: {heard:?}");
        }
        if !moved {
            break;
        }
    }
    if ended {
        assert!(session.sides.iter().all(Replica::is_over), "{story}");
        let held = phone.read(|reading| Ok(reading.held()?.len())).unwrap();
        let teams = [0, 1].map(|at| phone.cases().get(cases[at]).unwrap().unwrap().team);
        let let_in = teams.iter().filter(|team| matches!(team.as_deref(), Some("south" | "west"))).count();
        let wrote = if is_new { 0 } else { 2 };
        assert_eq!(held + let_in, wrote, "{story}: {held} wait, {let_in} came before");
    }
    ended
}

#[test]
fn a_device_that_is_ended_at_any_message_hands_over_all_of_its_work_and_leaves_in_good_order() {
    for story in 0..8_u8 {
        let story = [0, 1, 2].map(|bit| story & 1 << bit != 0);
        let mut said = 0;
        while ended_at(said, story) {
            said += 1;
        }
        assert!(said > 10, "{story:?}: {said}");
    }
}

#[test]
fn whoever_connects_to_a_device_that_it_did_not_know_tells_it_of_its_cases_in_the_first_session() {
    let phone = store(91);
    let tablet = enrolled(&phone, 92);
    let case = case(&phone, "2026-0117");
    let grant = NewGrant::colleague("w-204".parse().unwrap(), 1);
    let grant = phone.grants().give(case, &grant).unwrap().id;
    Session::between(&phone, &tablet).run();
    let jo = enrolled_as(&phone, "w-204", 93);
    Session::between(&phone, &jo).run();
    assert!(jo.cases().get(case).unwrap().is_some());
    tablet.grants().take_back(case, &[grant]).unwrap();
    let mut session = Session::between(&tablet, &jo);
    session.run();
    assert!(session.ended_equal());
    assert_eq!(jo.cases().get(case), Ok(None), "she hears of it, and that all is known elsewhere");
    let rounds = session.said.iter().filter(|(_, wire)| matches!(wire, Wire::Scopes(_))).count();
    assert!(rounds <= 2, "{rounds}: nothing is sent over and over");
}

#[test]
fn two_devices_that_were_ended_give_each_other_nothing_and_leave() {
    let phone = store(71);
    let [one, other] = [72, 73].map(|seed| enrolled(&phone, seed));
    let id = case(&one, "2026-0117");
    Session::between(&one, &phone).run();
    Session::between(&one, &other).run();
    team(&one, id, "north");
    for device in [&one, &other] {
        phone.identity().end_device(device.identity().device(), EndReason::Lost).unwrap();
    }
    [&one, &other].iter().for_each(|device| Session::between(device, &phone).run());
    team(&one, id, "south");
    for (initiator, responder) in [(&one, &other), (&other, &one)] {
        let mut session = Session::between(initiator, responder);
        session.run();
        assert!(session.sides.iter().all(Replica::is_over), "{:?}", session.said);
        assert!(!session.said.iter().any(|(_, wire)| matches!(wire, Wire::Late(_) | Wire::Changes(_))));
    }
}
