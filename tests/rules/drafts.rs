//! Drafts: on disk after each save, both texts kept when two screens write, this device's only.

use caseplan_core::Error;
use caseplan_core::contact::ContactDraft;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::visitation::{DueState, DueVisit};

use crate::support::{Device, day};

#[test]
fn a_stale_save_is_refused_and_both_texts_are_kept() {
    let mut phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    let start = DraftStart::Occurrences { occurrences: vec![saturday] };
    let read = phone.store.contacts().start_draft(&start).unwrap();
    let written = |text: &str| ContactDraft { narrative: text.to_owned(), ..read.clone() };
    let first = phone.store.contacts().save_draft(&written("from the first screen")).unwrap();
    let refused = phone.store.contacts().save_draft(&written("from the second screen")).unwrap_err();
    let Error::DraftChanged { draft, revision, kept_as } = refused else { panic!("{refused:?}") };
    assert_eq!((draft, revision), (first.id, first.revision));

    phone.restart();
    let drafts = phone.store.contacts().drafts(Some(case.id)).unwrap();
    let mut texts: Vec<(_, &str)> = drafts.iter().map(|d| (d.id, d.narrative.as_str())).collect();
    texts.sort();
    let mut expected = vec![(first.id, "from the first screen"), (kept_as, "from the second screen")];
    expected.sort();
    assert_eq!(texts, expected);
    let again = ContactDraft { narrative: "and on".to_owned(), ..first.clone() };
    assert_eq!(phone.store.contacts().save_draft(&again).unwrap().revision, first.revision + 1);
}

#[test]
fn two_drafts_for_one_planned_visit_are_both_kept() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    let one = phone.drafted(saturday, "one");
    let two = phone.drafted(saturday, "two");
    let due = phone.store.visitation_plans().due(day("2026-03-07"), day("2026-03-07"), None).unwrap();
    let [DueVisit::Occurrence { state, drafts, .. }] = &due[..] else { panic!("{due:?}") };
    assert_eq!(*state, DueState::Drafted);
    let mut ids = [one.id, two.id];
    ids.sort();
    let mut listed = drafts.clone();
    listed.sort();
    assert_eq!(listed, ids);
    phone.store.contacts().complete(one.id).unwrap();
    assert_eq!(phone.store.contacts().draft(two.id).unwrap().unwrap().narrative, "two");
}

#[test]
fn a_discarded_draft_is_gone_and_cannot_be_saved_or_completed() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "x");
    phone.store.contacts().discard_draft(draft.id).unwrap();
    let missing = |result: Result<(), Error>| {
        assert!(matches!(result, Err(Error::NotFound { kind: "draft", .. })));
    };
    missing(phone.store.contacts().save_draft(&draft).map(drop));
    missing(phone.store.contacts().complete(draft.id).map(drop));
    missing(phone.store.contacts().discard_draft(draft.id));
    assert!(phone.store.contacts().drafts(None).unwrap().is_empty());
}

#[test]
fn drafts_never_leave_the_device() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let before = phone.store.today().unwrap().only_here;
    phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "unfinished");
    phone.meet(&tablet);
    assert!(tablet.store.contacts().drafts(None).unwrap().is_empty());
    let today = phone.store.today().unwrap().only_here;
    assert_eq!((today.drafts, today.changes), (1, before.changes), "a draft is no change");
}
