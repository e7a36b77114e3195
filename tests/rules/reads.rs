//! Reading: from projections only, and found without accents.

use caseplan_core::case::reads::CaseFilter;
use caseplan_core::contact::reads::ContactQuery;

use crate::support::{Device, day, new_case, weekly};

#[test]
fn no_list_search_or_screen_loads_a_document() {
    let mut phone = Device::new("phone", "w-117");
    let mut cases = Vec::new();
    for number in 0..50 {
        let case = phone.store.cases().create(&new_case(&format!("2026-{number:04}"), "Léa Martin")).unwrap();
        if number % 10 == 0 {
            let ana = caseplan_core::case::NewParticipant {
                person: "Ana Martin".into(),
                role: caseplan_core::case::ParticipantRole::Parent,
                from: None,
                origin: None,
            };
            let ana = phone.store.cases().add_participant(case.id, &ana).unwrap();
            phone.store.visitation_plans().create(case.id, &weekly(&case, &ana)).unwrap();
        }
        cases.push(case.id);
    }
    phone.now("2026-03-07T16:30:00Z");
    let planned = phone.planned("2026-03-07", "2026-03-07");
    assert_eq!(planned.len(), 5);
    let contact = phone.records(planned[0], "Léa ran to her mother.");
    phone.drafted(planned[1], "unfinished");
    phone.restart();

    let store = &phone.store;
    assert_eq!(store.cases().list(&CaseFilter::default()).unwrap().len(), 50);
    assert_eq!(store.cases().overview(cases[0]).unwrap().visitation_plans.len(), 1);
    assert!(store.cases().get(cases[7]).unwrap().is_some());
    assert_eq!(store.visitation_plans().list(None).unwrap().len(), 5);
    assert!(store.visitation_plans().get(planned[0].plan).unwrap().is_some());
    assert_eq!(phone.planned("2026-03-01", "2027-12-31").len(), 5 * 95);
    let today = store.today().unwrap();
    assert_eq!((today.due.len(), today.drafts.len()), (5, 1));
    assert_eq!(store.contacts().page(&ContactQuery::default()).unwrap().contacts.len(), 1);
    assert_eq!(store.contacts().search("mother", None, 10).unwrap().len(), 1);
    assert!(store.contacts().get(contact.id).unwrap().is_some());
    assert_eq!(store.contacts().drafts(None).unwrap().len(), 1);
    assert!(store.conflicts().list(None).unwrap().is_empty());
    assert!(store.issues().list(None, true).unwrap().is_empty());
    assert!(!store.history().events(cases[0], None, 10).unwrap().events.is_empty());
    store.exchange().vector().unwrap();
    store.exchange().digest().unwrap();
    assert_eq!(store.stats().documents_loaded, 0);

    // The counter counts: a version does load its document.
    store
        .history()
        .participant_versions(cases[0], store.cases().get(cases[0]).unwrap().unwrap().primary_client)
        .unwrap();
    assert_eq!(store.stats().documents_loaded, 1);
}

#[test]
fn a_search_finds_words_by_their_beginning_without_accents_or_case() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-14T16:30:00Z");
    let lea = phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa a retrouvé sa mère.");
    let leo = phone.records(phone.planned("2026-03-14", "2026-03-14")[0], "Léonie dormait.");
    let found = |words: &str| -> Vec<_> {
        let mut found: Vec<_> =
            phone.store.contacts().search(words, None, 10).unwrap().iter().map(|c| c.id).collect();
        found.sort();
        found
    };
    assert_eq!(found("lea"), [lea.id]);
    assert_eq!(found("LÉA mere"), [lea.id]);
    let mut both = [lea.id, leo.id];
    both.sort();
    assert_eq!(found("le"), both);
    for nothing in ["mother", "", "\"", "lea NOT mere", "*", "text:lea"] {
        assert!(found(nothing).is_empty(), "{nothing:?}");
    }
    assert!(
        phone
            .store
            .contacts()
            .search("lea", Some(caseplan_core::ids::CaseId(lea.id.0)), 10)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn pages_go_through_every_contact_once_newest_first() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.now("2026-08-01T18:00:00Z");
    let planned = phone.planned("2026-03-07", "2026-08-01");
    for occurrence in &planned {
        phone.records(*occurrence, "");
    }
    let mut query = ContactQuery::of_plan(plan.id, 5);
    let mut days = Vec::new();
    loop {
        let page = phone.store.contacts().page(&query).unwrap();
        assert!(page.contacts.len() <= 5);
        days.extend(page.contacts.iter().map(|contact| contact.time.day));
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    let mut expected: Vec<_> = planned.iter().map(|occurrence| occurrence.day).collect();
    expected.reverse();
    assert_eq!(days, expected);
    assert_eq!(days.last(), Some(&day("2026-03-07")));
    query.after = Some("nowhere".to_owned());
    assert!(phone.store.contacts().page(&query).is_err());
}
