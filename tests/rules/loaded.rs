//! Screens are answered from projections: at 1,000 cases no read loads a document.

use caseplan_core::case::reads::CaseFilter;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::contact::{ContactKind, drafts::DraftStart};
use caseplan_core::history::AsOf;
use caseplan_core::time::Instant;
use caseplan_core::visitation::PlanChange;

use crate::support::{Device, day, new_case};

const CASES: usize = 1_000;

#[test]
fn no_list_search_or_due_list_loads_a_document_at_a_thousand_cases() {
    let mut phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    // One case with everything in it, a conflict and an issue included.
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    for (device, place) in [(&phone, "Parc Monceau"), (&tablet, "Gare")] {
        device.now("2026-03-07T16:30:00Z");
        device.records(device.planned("2026-03-07", "2026-03-07")[0], "Léa built a tower.");
        let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
        device.store.visitation_plans().change(plan.id, &change).unwrap();
    }
    phone.meet(&tablet);
    // Of the others, each tenth has a plan.
    for at in 1..CASES {
        let new = new_case(&format!("2026-{at:05}"), "Hugo Petit");
        let case = phone.store.cases().create(&new).unwrap();
        if at % 10 == 0 {
            let visitor = caseplan_core::visitation::PartyRef::User("w-117".parse().unwrap());
            let mut plan = crate::support::weekly(&case, &case.participants[0]);
            plan.visitors = vec![visitor];
            phone.store.visitation_plans().create(case.id, &plan).unwrap();
        }
    }
    phone.restart();

    let store = &phone.store;
    let loaded = |what: &str| assert_eq!(store.stats().documents_loaded, 0, "{what} loaded a document");
    assert_eq!(store.cases().list(&CaseFilter::default()).unwrap().len(), CASES);
    let worker = CaseFilter { worker: Some("w-117".parse().unwrap()), closed_too: true };
    assert_eq!(store.cases().list(&worker).unwrap().len(), CASES);
    assert!(store.cases().get(case.id).unwrap().is_some());
    let overview = store.cases().overview(case.id).unwrap();
    assert_eq!((overview.conflicts.len(), overview.issues.len(), overview.recent_contacts.len()), (1, 1, 2));
    assert_eq!(store.cases().imported("old", "1").unwrap(), None);
    loaded("caseload, case or overview");
    assert_eq!(store.visitation_plans().list(None).unwrap().len(), CASES / 10);
    assert!(store.visitation_plans().get(plan.id).unwrap().is_some());
    for (from, to) in [("2026-03-02", "2026-03-31"), ("2028-01-01", "2028-01-31")] {
        let due = store.visitation_plans().due(day(from), day(to), None).unwrap();
        assert!(due.len() >= CASES / 10, "due from {from}");
    }
    loaded("plans or due visits, the far future included");
    let mut query = ContactQuery { limit: 1, ..ContactQuery::default() };
    let first = store.contacts().page(&query).unwrap();
    query.after = first.next;
    let second = store.contacts().page(&query).unwrap();
    assert_ne!(first.contacts[0].id, second.contacts[0].id);
    assert_eq!(store.contacts().page(&ContactQuery::of_plan(plan.id, 10)).unwrap().contacts.len(), 2);
    assert!(store.contacts().get(first.contacts[0].id).unwrap().is_some());
    assert_eq!(store.contacts().search("lea tow", None, 10).unwrap().len(), 2);
    loaded("contacts or search");
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::Other };
    let draft = store.contacts().start_draft(&start).unwrap();
    store.contacts().save_draft(&draft).unwrap();
    assert_eq!(store.contacts().drafts(None).unwrap().len(), 1);
    assert!(store.contacts().draft(draft.id).unwrap().is_some());
    loaded("drafts");
    let conflict = store.conflicts().list(None).unwrap().remove(0);
    assert_eq!(store.conflicts().get(&conflict.id).unwrap(), Some(conflict));
    assert_eq!(store.issues().list(None, true).unwrap().len(), 1);
    loaded("conflicts or issues");
    assert!(store.history().events(case.id, None, 100).unwrap().events.len() > 4);
    assert_eq!(store.history().plan_version(plan.id).unwrap().len(), 2);
    loaded("the event log or versions");
    assert_eq!(store.today().unwrap().conflicts, 1);
    assert!(store.info().unwrap().documents > 1_000);
    store.exchange().vector().unwrap();
    store.exchange().digest().unwrap();
    assert!(store.exchange().quarantine().unwrap().is_empty());
    loaded("today, info or what is held");
    assert!(store.sync().status().unwrap().only_here.len() > CASES / 2);
    assert!(store.sync().case_status(case.id).unwrap().is_some());
    loaded("what is known elsewhere");

    // The figure does count: the past is read from documents.
    store.history().case_as_of(case.id, &AsOf::Instant { at: Instant::MAX_UTC }).unwrap();
    assert_eq!(store.stats().documents_loaded, 1);
}
