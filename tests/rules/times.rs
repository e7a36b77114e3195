//! Zones, horizons and versions: 14:00 stays 14:00, far visits equal near ones, and everything as it stood.

use caseplan_core::Error;
use caseplan_core::contact::NewAddendum;
use caseplan_core::exchange::message::Message;
use caseplan_core::history::AsOf;
use caseplan_core::ids::ChangeHash;
use caseplan_core::time::Day;
use caseplan_core::visitation::{DueVisit, NewVisitationPlan, PlanChange, Schedule};

use crate::support::hostile::messages;
use crate::support::{Device, at, day, paris, weekly};

fn occurrences(device: &Device, from: &str, to: &str) -> Vec<DueVisit> {
    device.store.visitation_plans().due(day(from), day(to), None).unwrap()
}

#[test]
fn a_weekly_visit_at_14_stays_at_14_when_clocks_change() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let mut utc = Vec::new();
    for visit in occurrences(&phone, "2026-03-28", "2026-04-04") {
        let DueVisit::Occurrence { starts_at, local, .. } = visit else { panic!("a quota") };
        assert_eq!(local.format("%H:%M").to_string(), "14:00");
        utc.push(starts_at.to_rfc3339());
    }
    assert_eq!(utc, ["2026-03-28T13:00:00+00:00", "2026-04-04T12:00:00+00:00"]);
}

#[test]
fn visits_beyond_the_horizon_are_what_they_are_once_it_has_moved() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    let rule = Schedule::Rule {
        rule: "FREQ=MONTHLY;BYDAY=2SA".to_owned(),
        starts_at: "2026-03-14T10:00:00".parse().unwrap(),
        zone: "America/New_York".parse().unwrap(),
    };
    let monthly = NewVisitationPlan { schedule: rule, ..weekly(&case, &ana) };
    phone.store.visitation_plans().create(case.id, &monthly).unwrap();
    let change = PlanChange {
        schedule: Some(Schedule::Rule {
            rule: "FREQ=WEEKLY;BYDAY=SU".to_owned(),
            starts_at: "2027-05-02T14:00:00".parse().unwrap(),
            zone: paris(),
        }),
        effective_from: Some(day("2027-05-01")),
        ..PlanChange::default()
    };
    phone.store.visitation_plans().change(plan.id, &change).unwrap();
    // By the clocks here these are on the day after, and on the day before.
    for (starts_at, zone) in
        [("2026-03-14T20:00:00", "America/New_York"), ("2026-03-14T05:00:00", "Pacific/Kiritimati")]
    {
        let rule = Schedule::Rule {
            rule: "FREQ=DAILY;INTERVAL=3".to_owned(),
            starts_at: starts_at.parse().unwrap(),
            zone: zone.parse().unwrap(),
        };
        let far = NewVisitationPlan { schedule: rule, ..weekly(&case, &ana) };
        phone.store.visitation_plans().create(case.id, &far).unwrap();
    }
    // The horizon is 400 days ahead, on 6 April 2027. These days lie on both sides of it, alone and together.
    let asked = |phone: &Device| {
        let days: Vec<Day> = day("2027-04-02").iter_days().take(10).collect();
        let plans = phone.store.visitation_plans();
        let alone: Vec<_> = days.iter().map(|on| plans.due(*on, *on, None).unwrap()).collect();
        let mut together = vec![occurrences(phone, "2027-03-20", "2027-06-30")];
        together.extend(days.iter().map(|last| plans.due(days[0], *last, None).unwrap()));
        assert_eq!(alone.concat(), together[10], "day by day is the same as all at once");
        together
    };
    let expanded = asked(&phone);
    assert!(expanded[0].len() > 80);

    let mut phone = phone;
    phone.now("2026-08-03T08:00:00Z");
    phone.restart();
    assert!(phone.rows().iter().any(|row| row.starts_with("occurrence|") && row.contains("|2027-06-")));
    assert_eq!(asked(&phone), expanded);
}

#[test]
fn a_plan_as_it_stood_by_instant_by_knowledge_and_by_version_also_after_compaction() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    let first = phone.store.history().plan_version(plan.id).unwrap();
    phone.meet(&tablet);
    let moves = |device: &Device, time: &str, place: &str| {
        device.now(time);
        let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
        device.store.visitation_plans().change(plan.id, &change).unwrap();
    };
    moves(&phone, "2026-03-05T09:00:00Z", "Parc Monceau");
    moves(&phone, "2026-03-10T09:00:00Z", "Gare");
    // The tablet learns of both on the twelfth.
    tablet.now("2026-03-12T09:00:00Z");
    phone.meet(&tablet);

    let answers = |device: &Device| -> Vec<Option<String>> {
        let instant = |text: &str| AsOf::Instant { at: at(text) };
        let known = |text: &str| AsOf::Known { at: at(text) };
        [
            instant("2026-03-01T00:00:00Z"),
            instant("2026-03-04T00:00:00Z"),
            instant("2026-03-05T09:00:00Z"),
            instant("2026-03-11T00:00:00Z"),
            AsOf::Version { heads: first.clone() },
            known("2026-03-11T00:00:00Z"),
            known("2026-03-12T09:00:00Z"),
        ]
        .iter()
        .map(|when| {
            let plan = device.store.history().plan_as_of(plan.id, when).unwrap();
            plan.map(|plan| plan.place.unwrap())
        })
        .collect()
    };
    let room = Some("Maison de la famille, salle 2".to_owned());
    let (park, station) = (Some("Parc Monceau".to_owned()), Some("Gare".to_owned()));
    let shared = [None, room.clone(), park, station.clone(), room.clone()];
    for round in 0..2 {
        let (here, there) = (answers(&phone), answers(&tablet));
        assert_eq!(here[..5], shared, "round {round}");
        assert_eq!(there[..5], shared, "equal on every device");
        assert_eq!(here[5..], [station.clone(), station.clone()], "the phone knew at once");
        assert_eq!(there[5..], [room.clone(), station.clone()], "the tablet learned on the twelfth");
        for device in [&phone, &tablet] {
            device.store.compact(1).unwrap();
        }
    }
    let nowhere = AsOf::Version { heads: vec![ChangeHash([7; 32])] };
    let missing = phone.store.history().plan_as_of(plan.id, &nowhere);
    assert!(matches!(missing, Err(Error::NotYetHere { kind: "change", .. })));
}

#[test]
fn a_contact_as_it_stood_has_no_later_addenda() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    let contact = phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "A calm visit.");
    phone.now("2026-03-09T09:00:00Z");
    let addendum = NewAddendum { text: "Later.".to_owned(), corrections: Vec::new() };
    phone.store.contacts().amend(contact.id, &addendum).unwrap();
    let as_of = |text: &str| {
        phone.store.history().contact_as_of(contact.id, &AsOf::Instant { at: at(text) }).unwrap()
    };
    assert_eq!(as_of("2026-03-07T12:00:00Z"), None);
    let then = as_of("2026-03-08T00:00:00Z").unwrap();
    assert!(then.addenda.is_empty());
    assert_eq!(then.recorded_by, Some("w-117".parse().unwrap()));
    assert_eq!(as_of("2026-03-10T00:00:00Z").unwrap().addenda.len(), 1);
    for hour in 10..16 {
        phone.now(&format!("2026-03-09T{hour}:00:00Z"));
        phone.store.contacts().amend(contact.id, &addendum).unwrap();
    }
    let now = phone.store.contacts().get(contact.id).unwrap().unwrap().addenda;
    assert!(now.is_sorted_by_key(|addendum| addendum.at) && now.iter().all(|addendum| addendum.by.is_some()));
    assert_eq!(as_of("2026-03-10T00:00:00Z").unwrap().addenda, now, "by the same people, in the same order");
}

#[test]
fn what_waited_for_an_ancestor_was_not_known_before_that_came() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    for place in ["Parc Monceau", "Gare"] {
        let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
        phone.store.visitation_plans().change(plan.id, &change).unwrap();
    }
    // The second comes on Monday, the first on Friday.
    tablet.now("2026-03-09T08:00:00Z");
    for (time, leaves_out) in [("2026-03-09T08:00:00Z", 1), ("2026-03-13T08:00:00Z", 0)] {
        tablet.now(time);
        let mut import = tablet.store.exchange().import().unwrap();
        for message in messages(&phone) {
            let part = match message {
                Message::Changes { document, header, mut changes } if header.kind == "visitation_plan" => {
                    changes.drain(changes.len() - 1 - leaves_out..changes.len() - 1);
                    Message::Changes { document, header, changes }
                }
                other => other,
            };
            import.feed(&part.encode()).unwrap();
        }
    }
    let known = |text: &str| {
        let plan = tablet.store.history().plan_as_of(plan.id, &AsOf::Known { at: at(text) }).unwrap();
        plan.and_then(|plan| plan.place)
    };
    let room = Some("Maison de la famille, salle 2".to_owned());
    assert_eq!(known("2026-03-11T08:00:00Z"), room);
    assert_eq!(known("2026-03-14T08:00:00Z"), Some("Gare".to_owned()));
}

#[test]
fn a_clock_that_went_back_does_not_put_a_change_before_what_it_follows() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.now("2026-03-01T08:00:00Z");
    let change = PlanChange { place: Some("Gare".to_owned()), ..PlanChange::default() };
    phone.store.visitation_plans().change(plan.id, &change).unwrap();
    let events = phone.store.history().events(case.id, None, 1).unwrap().events;
    assert_eq!(events[0].at, at("2026-03-02T08:00:00Z"));
    let then = AsOf::Instant { at: at("2026-03-01T12:00:00Z") };
    assert_eq!(phone.store.history().plan_as_of(plan.id, &then), Ok(None));
}
