//! Roles and levels that were taken away, and what an ended device may still say of others.

use super::*;

#[test]
fn who_was_given_fewer_roles_reads_by_them_alone_whatever_a_hub_renewed_meanwhile() {
    let mut world = World::new();
    let (admin, hub) = (world.enrol("w-9", &[Role::Administrator]), world.enrol("hub", &[Role::Hub]));
    let later = |days: i64| Some(NOW + days * 86_400);
    let reads = |world: &World| world.authority.may_read(admin.device_id(), &world.facts, NOW);
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    world.authority.make_issuer(&by, hub.device_id(), IssuerPower::RenewOnly, NOW).unwrap();
    world.authority.renew(&by, admin.device_id(), None, later(30), NOW).unwrap();
    let apart = world.authority.clone();
    assert!(reads(&world));
    world.authority.renew(&by, admin.device_id(), Some((vec![Role::Caseworker], 1)), later(30), NOW).unwrap();
    assert!(!reads(&world), "its certificates of before run on");

    // The hub had not heard of it, and renewed what was, twice.
    let mut hubs = apart;
    for days in [60, 90] {
        let by = hubs.issuing(None, Some(&hub)).unwrap();
        hubs.renew(&by, admin.device_id(), None, later(days), NOW).unwrap();
    }
    for entry in hubs.held().all() {
        world.authority.insert(entry.signed.clone()).unwrap();
    }
    assert!(!reads(&world));
    let certificate = world.authority.certificate_of(admin.device_id()).unwrap();
    assert_eq!(certificate.roles, [Role::Caseworker]);
    // Once it knows, it renews what is.
    let by = world.authority.issuing(None, Some(&hub)).unwrap();
    world.authority.renew(&by, admin.device_id(), None, later(120), NOW).unwrap();
    assert_eq!(world.authority.standing(admin.device_id(), NOW + 100 * 86_400), Standing::Current);
    assert!(!reads(&world));
}

#[test]
fn who_was_given_fewer_roles_or_a_lower_level_is_shut_out_of_what_those_let_in_to() {
    let mut world = World::new();
    let (admin, marc) = (world.enrol("w-9", &[Role::Administrator]), world.enrol("w-2", &[]));
    let phone = world.phone.clone();
    world.grant(&phone, "w-2", false);
    let secret = ScopeFacts { scope: Scope::Level(3), ..world.facts };
    let shut = |world: &World, of: &DeviceKeys, scope: &ScopeFacts| {
        let shut = world.authority.shut_out(of.device_id(), scope, NOW + 9);
        let reads = world.authority.may_read(of.device_id(), scope, NOW + 9);
        assert_eq!(shut.is_none(), reads, "whoever was let in reads, or is shut out");
        shut
    };
    assert_eq!([&admin, &marc].map(|of| shut(&world, of, &secret)), [None; 2]);
    assert_eq!(world.authority.all_changed(), []);
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    for (device, roles, level) in [(&admin, Role::Caseworker, 3), (&marc, Role::Caseworker, 2)] {
        let says = Some((vec![roles], level));
        world.authority.renew(&by, device.device_id(), says, None, NOW + 5).unwrap();
    }
    assert_eq!([&admin, &marc].map(|of| shut(&world, of, &secret)), [Some(NOW + 5); 2]);
    assert_eq!([&admin, &marc].map(|of| shut(&world, of, &world.facts)), [Some(NOW + 5), None]);
    let mut changed = [admin.device_id(), marc.device_id()];
    changed.sort_unstable();
    assert_eq!(world.authority.all_changed(), changed);
    // With a grant of its own the former administrator's device is in again.
    world.grant(&phone, "w-9", false);
    assert_eq!(shut(&world, &admin, &secret), None);
}

#[test]
fn another_role_takes_nothing_back_that_the_new_certificate_reaches_too() {
    let mut world = World::new();
    let (max, ana) = (world.enrol("w-3", &[]), world.enrol("w-2", &[]));
    let phone = world.phone.clone();
    world.grant(&phone, "w-3", true);
    // A grant that stops counting, since who gave it was ended and nobody has attested it.
    let grant = world.grant(&max, "w-2", false);
    world.authority.end_device(&world.root, max.device_id(), EndReason::Lost, NOW).unwrap();
    let shut = |world: &World| world.authority.shut_out(ana.device_id(), &world.facts, NOW + 9);
    assert_eq!(shut(&world), None, "it was not taken back");
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    let says = Some((vec![Role::Supervisor], 3));
    world.authority.renew(&by, ana.device_id(), says, None, NOW + 5).unwrap();
    assert_eq!(shut(&world), None);
    world.take_back(&phone, grant);
    assert_eq!(shut(&world), Some(NOW), "since it was taken back, not since the certificate is another");
}

#[test]
fn an_ended_device_ends_none_that_came_in_its_place() {
    let mut world = World::new();
    let (phone, old) = (world.phone.clone(), world.enrol("w-1", &[]));
    world.authority.end_device(&world.root, phone.device_id(), EndReason::Stolen, NOW).unwrap();
    let new = keys();
    let request = request(&new, "w-1".parse().unwrap(), Vec::new());
    let entitled = Entitled { worker: "w-1".parse().unwrap(), roles: Vec::new(), level: 3, not_after: None };
    let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
    world.authority.certify(&by, &Joining::decode(&request).unwrap(), entitled, NOW + 60).unwrap();
    // Whoever has the stolen phone ends both: the one that was there with it is ended, as two may end each other.
    for device in [&old, &new] {
        world.end_device(&phone, device);
    }
    let standing = |of: &DeviceKeys| world.authority.standing(of.device_id(), NOW + 60);
    assert_eq!((standing(&old), standing(&new)), (Standing::Ended, Standing::Current));
}
