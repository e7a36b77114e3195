//! Branches of forks that somebody who is shut out of the case has left: they reach whoever may read it, and then go.

use caseplan_core::access::NewGrant;
use caseplan_core::identity::Role;

use crate::absent::{take_back_from, two_branches, two_branches_until};
use crate::forks::{come_to_rest, narratives, team};
use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, at, new_case, sound};

#[test]
fn a_branch_that_only_a_shut_out_device_has_goes_to_whoever_may_read() {
    let (desk, tablet, phone, case) = two_branches_until("holders-late", Some("2026-06-01T00:00:00Z"));
    tablet.now("2026-03-28T18:00:00Z");
    team(&tablet, case, "west");
    tablet.records(tablet.planned("2026-03-28", "2026-03-28")[0], "the tablet's own visit");
    let branch = "the tablet's branch".to_owned();
    assert!(narratives(&tablet).contains(&branch));
    // The grants run out: of those who may read the case none holds what the phone wrote for the second time.
    for device in [&desk, &tablet, &phone] {
        device.now("2026-06-02T08:00:00Z");
    }
    for _ in 0..3 {
        let reports = sync(&tablet.store, &desk.store);
        assert!(reports.iter().all(|report| report.failed.is_none()), "{reports:?}");
    }
    // Who came from there has nothing of it any more, and the desk has what nobody else had: a person lets it in.
    assert_eq!((tablet.cases(), tablet.store.grants().taken_back().unwrap()), (Vec::new(), Vec::new()));
    assert!(!narratives(&desk).contains(&branch));
    for work in desk.store.grants().waiting().unwrap() {
        assert!(desk.store.grants().admit(case, work.device).unwrap() > 0, "{work:?}");
    }
    let let_in = narratives(&desk);
    assert!(let_in.contains(&branch) && let_in.len() == 4, "{let_in:?}");
    sound(&[&desk]);
}

#[test]
fn a_case_that_was_taken_back_goes_though_its_fork_was_settled_elsewhere() {
    let (desk, tablet, phone, case) = two_branches("holders-settled");
    sync(&desk.store, &tablet.store);
    tablet.now("2026-03-28T18:00:00Z");
    let draft = tablet.drafted(tablet.planned("2026-03-28", "2026-03-28")[0], "not finished");
    desk.now("2026-03-28T18:00:00Z");
    take_back_from(&desk, &tablet, case);
    come_to_rest(&[&desk, &phone]);
    assert_eq!(narratives(&desk).len(), 3, "the phone has chosen, and made the other branch again");
    // The tablet hears no choice in the logs of scopes that it was shut out of. As long as it has a draft there it keeps all.
    let own = tablet.store.cases().create(&new_case("2026-0300", "Hugo Petit")).unwrap().id;
    let mut open = Link::between(&tablet.store, &desk.store);
    open.run(4096);
    let sent = open.sides[0].progress().sent;
    for at in 0..3 {
        team(&tablet, own, &format!("team {at}"));
        open.sides[0].catch_up().unwrap();
        open.run(4096);
    }
    let [report, _] = open.end();
    assert!(sent > 0 && report.sent == sent, "nothing is sent again: {sent}, {report:?}");
    assert_eq!(tablet.store.grants().taken_back().unwrap()[0].changes, 0);
    // Then it goes, and while a session is open.
    tablet.store.contacts().discard_draft(draft.id).unwrap();
    let mut open = Link::between(&tablet.store, &desk.store);
    open.run(4096);
    assert_eq!((tablet.cases(), tablet.store.grants().taken_back().unwrap()), (vec![own], Vec::new()));
    assert_eq!(open.end().map(|report| report.failed), [None, None]);
    sound(&[&desk]);
}

#[test]
fn who_refused_a_branch_is_not_taken_to_hold_it() {
    let (desk, tablet, _, case) = two_branches("holders-refused");
    let aide = Device::new("holders-aide", "w-119");
    take_in(&desk.store, &aide.store, "w-119", &[Role::Caseworker]);
    let grant = NewGrant {
        until: Some(at("2026-05-01T00:00:00Z")),
        ..NewGrant::colleague("w-119".parse().unwrap(), 5)
    };
    desk.store.grants().give(case, &grant).unwrap();
    sync(&desk.store, &aide.store);
    let branch = "the tablet's branch".to_owned();
    assert!(!narratives(&aide).contains(&branch));
    // The tablet hears that it is shut out, and meets somebody whose grant has run out, but not by the tablet's clock.
    aide.now("2026-03-28T18:00:00Z");
    aide.records(aide.planned("2026-03-28", "2026-03-28")[0], "why the case stays on the aide's phone");
    take_back_from(&desk, &tablet, case);
    desk.hand_over(&tablet);
    assert_eq!(tablet.store.grants().taken_back().unwrap().len(), 1);
    aide.now("2026-05-02T08:00:00Z");
    for _ in 0..2 {
        let reports = sync(&tablet.store, &aide.store);
        assert!(reports.iter().all(|report| report.failed.is_none()), "{reports:?}");
        assert!(reports[0].sent > 0, "{reports:?}");
    }
    assert!(!narratives(&aide).contains(&branch) && aide.store.exchange().quarantine().unwrap().is_empty());
    let kept = tablet.store.grants().taken_back().unwrap();
    assert_eq!(kept.iter().map(|back| back.case).collect::<Vec<_>>(), [case]);
    assert!(narratives(&tablet).contains(&branch));
}
