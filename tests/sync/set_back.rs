//! A device that was set back, and hears by a file of work of its own that others have: under its numbers they hold other
//! changes than it writes from then on, and between those that it is brought some are missing.

use caseplan_core::identity::Role;
use caseplan_core::ids::CaseId;

use crate::files::{read, write};
use crate::forks::{come_to_rest, kind_of_case, seen, team};
use crate::holders::{only_here, shared};
use crate::support::Device;
use crate::support::link::{sync, take_in};

/// A tablet that was set back to Monday. Since then it had named one team, which the phone had from it, and another, which
/// the phone had from a desk: by a file the phone hands it the second one alone.
fn set_back(name: &str) -> (Device, Device, Device, CaseId) {
    let (phone, mut tablet, case) = shared(name, None);
    let desk = Device::new(&format!("{name}-desk"), "w-117");
    take_in(&phone.store, &desk.store, "w-117", &[Role::Caseworker]);
    team(&tablet, case, "west");
    come_to_rest(&[&phone, &tablet, &desk]);
    let monday = tablet.image("monday");
    team(&tablet, case, "north");
    sync(&tablet.store, &phone.store);
    team(&tablet, case, "south");
    sync(&tablet.store, &desk.store);
    sync(&desk.store, &phone.store);
    tablet.come_back(&monday);
    tablet.clock.advance(60);
    (phone, tablet, desk, case)
}

fn hand_over(from: &Device, to: &Device) {
    read(&to.store, &write(&from.store, &to.store)).unwrap();
}

#[test]
fn what_it_writes_after_it_heard_of_later_work_of_its_own_is_only_here() {
    let (phone, tablet, desk, case) = set_back("set-back-before");
    hand_over(&phone, &tablet);
    let before = only_here(&tablet);
    kind_of_case(&tablet, case, "foster");
    assert_eq!(only_here(&tablet), before + 1);
    come_to_rest(&[&phone, &tablet, &desk]);
    assert_eq!(only_here(&tablet), 0);
    assert_eq!(seen(&phone, case), (Some("south".to_owned()), Some("foster".to_owned())));
}

#[test]
fn what_it_wrote_before_it_heard_of_other_work_under_its_numbers_is_only_here_and_goes_to_all() {
    let (phone, tablet, desk, case) = set_back("set-back-after");
    kind_of_case(&tablet, case, "foster");
    hand_over(&phone, &tablet);
    assert_eq!(tablet.store.exchange().quarantine().unwrap().len(), 1, "what it follows is not here");
    assert!(only_here(&tablet) >= 1);
    kind_of_case(&tablet, case, "kinship");
    assert!(only_here(&tablet) >= 2);
    come_to_rest(&[&phone, &tablet, &desk]);
    assert_eq!(only_here(&tablet), 0);
    assert_eq!(seen(&phone, case), (Some("south".to_owned()), Some("kinship".to_owned())));
}

#[test]
fn what_it_wrote_under_numbers_that_others_count_on_goes_to_whoever_meets_it_though_it_writes_no_more() {
    let (phone, tablet, desk, case) = set_back("set-back-still");
    kind_of_case(&tablet, case, "foster");
    hand_over(&phone, &tablet);
    let reports = sync(&tablet.store, &phone.store);
    assert!(reports.iter().all(|report| report.failed.is_none()), "{reports:?}");
    assert_eq!(seen(&phone, case).1.as_deref(), Some("foster"));
    come_to_rest(&[&phone, &tablet, &desk]);
    assert_eq!(seen(&desk, case), (Some("south".to_owned()), Some("foster".to_owned())));
}
