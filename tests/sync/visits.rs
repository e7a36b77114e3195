//! A colleague who is let into one visitation plan and no more of its case: it can be visited, recorded and corrected.

use caseplan_core::Error;
use caseplan_core::access::NewGrant;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, ContactDraft, ContactKind, Correction, NewAddendum,
};
use caseplan_core::identity::Role;
use caseplan_core::ids::ParticipantId;
use caseplan_core::visitation::PartyRef;

use crate::support::files::{found, left};
use crate::support::link::{sync, take_in};
use crate::support::{Device, sound, team, team_at};

#[test]
fn whoever_is_let_into_one_plan_records_its_visits_without_the_case() {
    let phone = Device::new("visits-phone", "w-117");
    let tablet = Device::new("visits-tablet", "w-204");
    take_in(&phone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    let visits = NewGrant::visits("w-204".parse().unwrap(), plan.id);
    phone.store.grants().give(case.id, &visits).unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(tablet.store.cases().get(case.id).unwrap(), None, "the case is not hers");
    let visit = tablet.planned("2026-03-07", "2026-03-07").remove(0);
    for device in [&phone, &tablet] {
        device.now("2026-03-07T18:00:00Z");
    }
    // Somebody whom the plan does not name is nobody that is known here; the draft stays.
    let contacts = tablet.store.contacts();
    let draft = tablet.drafted(visit, "On time.");
    let stranger = PartyRef::Participant(ParticipantId::from_slice(&[8; 16]).unwrap());
    let there = Attendance {
        party: stranger,
        status: AttendanceStatus::Present,
        minutes_late: None,
        minutes_left_early: None,
    };
    let with_stranger = ContactDraft { attendance: vec![there], ..draft.clone() };
    let saved = contacts.save_draft(&with_stranger).unwrap();
    assert!(matches!(contacts.complete(saved.id), Err(Error::NotFound { kind: "participant", .. })));
    let draft = contacts.save_draft(&ContactDraft { revision: saved.revision, ..draft }).unwrap();
    let contact = contacts.complete(draft.id).unwrap();
    let place = Correction::Place { value: "the library".to_owned() };
    let addendum = NewAddendum { text: String::new(), corrections: vec![place] };
    contacts.amend(contact.id, &addendum).unwrap();
    // Nothing of the case itself: neither a contact without a plan nor a draft for one.
    let without = ContactDraft { planned: Vec::new(), ..draft };
    assert_eq!(contacts.record(&without), Err(Error::NotGranted { case: case.id }));
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::FamilyVisit };
    assert!(matches!(contacts.start_draft(&start), Err(Error::NotFound { kind: "case", .. })));
    let reports = sync(&tablet.store, &phone.store);
    assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
    let recorded = phone.store.contacts().get(contact.id).unwrap().unwrap();
    assert_eq!((recorded.narrative.as_str(), recorded.addenda.len()), ("On time.", 1));
    sound(&[&phone, &tablet]);
}

#[test]
fn of_a_case_that_was_taken_back_but_for_one_plan_that_plan_is_left_and_nothing_else() {
    let phone = Device::new("visits-left-phone", "w-117");
    let tablet = Device::new("visits-left-tablet", "w-204");
    take_in(&phone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, ana) = phone.lea("2026-0117");
    team(&phone, &case, "Kanarienvogel").unwrap();
    let plan = phone.saturdays(&case, &ana);
    let worker = || "w-204".parse().unwrap();
    let all = phone.store.grants().give(case.id, &NewGrant::colleague(worker(), 1)).unwrap().id;
    phone.store.grants().give(case.id, &NewGrant::visits(worker(), plan.id)).unwrap();
    sync(&phone.store, &tablet.store);
    for device in [&phone, &tablet] {
        device.now("2026-03-07T18:00:00Z");
    }
    let visit = tablet.planned("2026-03-07", "2026-03-07").remove(0);
    let contacts = tablet.store.contacts();
    let draft = tablet.drafted(visit, "On time, zitronenzeisig.");
    let without = ContactDraft { planned: Vec::new(), narrative: "distelfink".to_owned(), ..draft.clone() };
    let before = contacts.record(&without).unwrap();
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::FamilyVisit };
    let begun = contacts.start_draft(&start).unwrap();
    let begun = ContactDraft { narrative: "goldammer".to_owned(), planned: Vec::new(), ..begun };
    let begun = contacts.save_draft(&begun).unwrap();
    phone.store.grants().take_back(case.id, &[all]).unwrap();
    sync(&phone.store, &tablet.store);

    // What was taken back waits for its own draft, and takes nothing new.
    let listed = tablet.store.grants().taken_back().unwrap();
    let told: Vec<_> = listed.iter().map(|back| (back.case, back.whole, back.drafts, back.changes)).collect();
    assert_eq!(told, [(case.id, false, 1, 0)]);
    let refused = Error::NotGranted { case: case.id };
    assert_eq!(contacts.start_draft(&start), Err(refused.clone()));
    assert_eq!(contacts.record(&without), Err(refused.clone()));
    assert_eq!(team(&tablet, &case, "north"), Err(refused));
    assert!(contacts.get(before).unwrap().is_some(), "it can still be read");

    // Then it goes, in whatever file it stood, and the plan stays with its visits and the draft of one.
    contacts.discard_draft(begun.id).unwrap();
    assert_eq!(tablet.store.grants().settle().unwrap(), [case.id]);
    assert_eq!(tablet.store.grants().taken_back().unwrap(), []);
    assert_eq!(tablet.store.cases().get(case.id).unwrap(), None);
    assert_eq!(contacts.get(before).unwrap(), None);
    assert!(contacts.search("distelfink", None, 10).unwrap().is_empty());
    assert_eq!(left(&tablet, &["Kanarienvogel", "distelfink", "goldammer"]), [""; 0]);
    assert_eq!(found(&tablet, &["zitronenzeisig"]), ["zitronenzeisig"]);
    assert_eq!(tablet.store.visitation_plans().list(Some(case.id)).unwrap().len(), 1);
    let contact = contacts.complete(draft.id).unwrap();
    let [sent, received] = sync(&tablet.store, &phone.store);
    assert!(sent.equal && received.equal, "{sent:?} {received:?}");
    assert!(phone.store.contacts().get(contact.id).unwrap().is_some());
    assert!(phone.store.contacts().get(before).unwrap().is_some());
    sound(&[&phone, &tablet]);

    // Granted again, all of it is there again.
    phone.store.grants().give(case.id, &NewGrant::colleague(worker(), 1)).unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(team_at(&tablet, &case).as_deref(), Some("Kanarienvogel"));
    assert!(contacts.get(before).unwrap().is_some());
    sound(&[&phone, &tablet]);
}
