//! A document that somebody who may write in it has filled with what means nothing.

use automerge::transaction::Transactable;
use automerge::{ROOT, ReadDoc};
use caseplan_core::access::NewGrant;
use caseplan_core::document::Kind;

use crate::support::Device;
use crate::support::hostile::{Hostile, document_of, loaded};

#[test]
fn visits_are_recorded_though_somebody_filled_their_log() {
    let phone = Device::new("full-phone", "w-117");
    let hostile = Hostile::enrolled_by(&phone);
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.now("2026-03-14T18:00:00Z");
    let visits = phone.planned("2026-03-07", "2026-03-14");
    phone.records(visits[0], "On time.");
    let worker = hostile.device.worker.parse().unwrap();
    phone.store.grants().give(case.id, &NewGrant::visits(worker, plan.id)).unwrap();
    let (log, changes) = document_of(&phone, Kind::ContactLog);
    let mut document = loaded(Kind::ContactLog, &changes);
    let mut sent = Vec::new();
    for _ in 0..11 {
        let chunk = hostile.writes(&document, |tx| {
            let (_, more) = tx.get(ROOT, "decisions").unwrap().unwrap();
            (0..9_999).for_each(|at| tx.put(&more, format!("{}", at % 7), at).unwrap());
        });
        document.load_incremental(&chunk).unwrap();
        sent.push(hostile.signs(&log, chunk));
    }
    assert_eq!(hostile.sends(&phone, &log, sent).accepted, 11);
    let contact = phone.records(visits[1], "Late.");
    assert_eq!(phone.store.contacts().get(contact.id).unwrap().unwrap().narrative, "Late.");
    let first =
        phone.store.contacts().page(&caseplan_core::contact::reads::ContactQuery::of_plan(plan.id, 9));
    assert_eq!(first.unwrap().contacts.len(), 2);
}
