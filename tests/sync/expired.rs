//! A device whose certificate ran out: it hands over its own work, gets nothing, and goes on once somebody renews it.

use caseplan_core::access::NewGrant;
use caseplan_core::identity::record::IssuerPower;
use caseplan_core::identity::{Role, Standing};

use crate::support::link::{sync, take_in, take_in_until};
use crate::support::{Device, at, sound, team, team_at};

#[test]
fn an_expired_device_hands_over_its_work_and_gets_the_rest_once_a_hub_has_renewed_it() {
    let desk = Device::new("expired-desk", "w-100");
    let [hub, tablet, phone] = [("hub", "w-1"), ("tablet", "w-204"), ("phone", "w-117")]
        .map(|(name, worker)| Device::new(name, worker));
    take_in(&desk.store, &hub.store, "w-1", &[Role::Hub]);
    desk.store.identity().make_issuer(hub.store.identity().device(), IssuerPower::RenewOnly).unwrap();
    take_in(&desk.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let until = Some(at("2026-04-01T08:00:00Z"));
    take_in_until(&desk.store, &phone.store, "w-117", &[Role::Caseworker], until);
    let (case, _) = phone.lea("2026-0117");
    phone.store.grants().give(case.id, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    for device in [&hub, &tablet] {
        (0..2).for_each(|_| drop(sync(&desk.store, &device.store)));
    }
    sync(&phone.store, &tablet.store);
    sync(&tablet.store, &hub.store);
    for device in [&desk, &hub, &tablet, &phone] {
        device.now("2026-04-15T08:00:00Z");
    }
    let standing = || phone.store.identity().standing().unwrap();
    assert_eq!(standing(), Standing::Expired);
    // It is written in as before. Whoever may not renew takes that, and gives nothing.
    team(&phone, &case, "north").unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(team_at(&tablet, &case).as_deref(), Some("north"));
    team(&tablet, &case, "south").unwrap();
    for (one, other) in [(&phone, &tablet), (&tablet, &phone)] {
        sync(&one.store, &other.store);
        assert_eq!(team_at(&phone, &case).as_deref(), Some("north"));
    }
    sync(&tablet.store, &hub.store);
    let reports = sync(&phone.store, &hub.store);
    assert!(reports.iter().all(|report| report.failed.is_none()), "{reports:?}");
    assert_eq!(standing(), Standing::Current);
    if team_at(&phone, &case).as_deref() != Some("south") {
        sync(&phone.store, &hub.store);
    }
    assert_eq!(team_at(&phone, &case).as_deref(), Some("south"));
    sync(&phone.store, &tablet.store);
    sound(&[&hub, &tablet, &phone]);
}
