//! What two legal acts, done apart, break together: the same visit twice (I-10), the same case twice (I-21).

use caseplan_core::Error;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{Contact, ContactDraft, ContactTime, Correction, NewAddendum};
use caseplan_core::ids::VisitationPlanId;
use caseplan_core::issue::{Issue, IssueChoice, IssueSubject};
use caseplan_core::visitation::{DueVisit, NewVisitationPlan, QuotaPeriod, Schedule};

use crate::support::{Device, at, day, new_case, occurred, paris, weekly};

/// Two devices with a plan of two visits a month.
fn with_quota() -> (Device, Device, VisitationPlanId) {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    let schedule = Schedule::Quota { count: 2, period: QuotaPeriod::Month, zone: paris() };
    let plan = NewVisitationPlan { schedule, ..weekly(&case, &ana) };
    let plan = phone.store.visitation_plans().create(case.id, &plan).unwrap().plan;
    phone.meet(&tablet);
    for device in [&phone, &tablet] {
        device.now("2026-03-07T16:30:00Z");
    }
    (phone, tablet, plan.id)
}

/// Records a visit of the plan from a start to an end, both on 7 March.
fn records(device: &Device, plan: VisitationPlanId, from: &str, to: &str) -> Contact {
    let contacts = device.store.contacts();
    let draft = contacts.start_draft(&DraftStart::Plan { plan }).unwrap();
    let time = |hour: &str| Some(at(&format!("2026-03-07T{hour}:00Z")));
    let time = ContactTime { day: day("2026-03-07"), start: time(from), end: time(to), zone: paris() };
    let draft = ContactDraft { time: Some(time), outcome: Some(occurred()), ..draft };
    contacts.save_draft(&draft).unwrap();
    contacts.complete(draft.id).unwrap()
}

fn done_in_march(device: &Device) -> u32 {
    let due = device.store.visitation_plans().due(day("2026-03-10"), day("2026-03-10"), None).unwrap();
    match &due[..] {
        [DueVisit::Quota { planned: 2, done, .. }] => *done,
        other => panic!("not one quota: {other:?}"),
    }
}

fn only_issue(device: &Device) -> Issue {
    let mut issues = device.store.issues().list(None, true).unwrap();
    assert_eq!(issues.len(), 1, "{issues:?}");
    issues.remove(0)
}

#[test]
fn i_10_overlapping_visits_of_one_plan_count_once_until_a_person_parts_them() {
    let (phone, tablet, plan) = with_quota();
    let here = records(&phone, plan, "13:00", "15:00");
    let there = records(&tablet, plan, "14:30", "16:00");
    // One after the other is no overlap.
    records(&tablet, plan, "16:00", "16:20");
    phone.meet(&tablet);
    assert_eq!(phone.rows(), tablet.rows());
    let issue = only_issue(&phone);
    let (first, second) = if here.id < there.id { (here.id, there.id) } else { (there.id, here.id) };
    assert_eq!(issue.code, "I-10");
    assert_eq!(issue.subject, IssueSubject::PossibleDuplicateContacts { first, second });
    for device in [&phone, &tablet] {
        assert_eq!(only_issue(device).id, issue.id, "the same issue everywhere");
        assert_eq!(done_in_march(device), 2);
    }

    let wrong = IssueChoice::Same { keep: plan.0 };
    assert_eq!(phone.store.issues().settle(&issue.id, &wrong, None), Err(Error::invalid("keep", "range")));
    tablet.store.issues().settle(&issue.id, &IssueChoice::Distinct, Some("two rooms")).unwrap();
    tablet.meet(&phone);
    for device in [&phone, &tablet] {
        assert_eq!(done_in_march(device), 3, "parted, both count");
        let decision = only_issue(device).decision.unwrap();
        assert_eq!((decision.choice, decision.why.as_deref()), (IssueChoice::Distinct, Some("two rooms")));
        assert!(device.store.issues().list(None, false).unwrap().is_empty());
    }
    phone.store.issues().settle(&issue.id, &IssueChoice::Same { keep: here.id.0 }, None).unwrap();
    phone.meet(&tablet);
    assert_eq!((done_in_march(&phone), done_in_march(&tablet)), (2, 2), "decided anew");
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn i_10_two_settlements_that_disagree_leave_the_issue_open() {
    let (phone, tablet, plan) = with_quota();
    let here = records(&phone, plan, "13:00", "15:00");
    records(&tablet, plan, "14:30", "16:00");
    phone.meet(&tablet);
    let issue = only_issue(&phone);
    phone.store.issues().settle(&issue.id, &IssueChoice::Same { keep: here.id.0 }, None).unwrap();
    tablet.store.issues().settle(&issue.id, &IssueChoice::Distinct, None).unwrap();
    phone.meet(&tablet);
    for device in [&phone, &tablet] {
        assert_eq!(only_issue(device).decision, None);
        assert_eq!(device.store.issues().list(None, false).unwrap().len(), 1);
        assert_eq!(device.store.conflicts().list(None).unwrap().len(), 1, "and shows both decisions");
        assert_eq!(done_in_march(device), 1, "once meanwhile");
    }
    tablet.store.issues().settle(&issue.id, &IssueChoice::Distinct, None).unwrap();
    phone.meet(&tablet);
    for device in [&phone, &tablet] {
        assert!(device.store.conflicts().list(None).unwrap().is_empty());
        assert_eq!(only_issue(device).decision.unwrap().choice, IssueChoice::Distinct);
    }
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn i_10_is_raised_whichever_contact_comes_first_and_goes_with_a_correction() {
    let (phone, tablet, plan) = with_quota();
    let laptop = phone.enrol("laptop", "w-300");
    phone.meet(&tablet);
    phone.meet(&laptop);
    let here = records(&phone, plan, "13:00", "15:00");
    records(&tablet, plan, "14:30", "16:00");
    // The laptop gets them in one order, phone and tablet in the two others.
    tablet.hand_to(&laptop);
    phone.hand_to(&laptop);
    phone.meet(&tablet);
    assert_eq!(only_issue(&laptop).id, only_issue(&phone).id);
    assert_eq!(only_issue(&laptop).id, only_issue(&tablet).id);
    let error = Correction::EnteredInError { why: "it was not me".to_owned(), recorded_as: None };
    let addendum = NewAddendum { text: String::new(), corrections: vec![error] };
    phone.store.contacts().amend(here.id, &addendum).unwrap();
    assert!(phone.store.issues().list(None, true).unwrap().is_empty());
    phone.meet(&laptop);
    assert!(laptop.store.issues().list(None, true).unwrap().is_empty());
    assert_eq!(done_in_march(&laptop), 1);
}

#[test]
fn i_21_one_reference_is_refused_on_a_device_and_an_issue_after_a_merge() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    phone.meet(&tablet);
    let here = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    let refused = phone.store.cases().create(&new_case("2026-0117", "Hugo Petit"));
    assert_eq!(refused, Err(Error::ReferenceTaken { case: here.id }));
    let there = tablet.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    tablet.store.cases().create(&new_case("2026-0118", "Hugo Petit")).unwrap();
    phone.meet(&tablet);
    let (first, second) = if here.id < there.id { (here.id, there.id) } else { (there.id, here.id) };
    for device in [&phone, &tablet] {
        let issue = only_issue(device);
        assert_eq!(issue.code, "I-21");
        assert_eq!(issue.subject, IssueSubject::PossibleDuplicateCases { first, second });
    }
    let issue = only_issue(&tablet);
    tablet.store.issues().settle(&issue.id, &IssueChoice::Same { keep: here.id.0 }, None).unwrap();
    phone.meet(&tablet);
    assert!(phone.store.issues().list(None, false).unwrap().is_empty());
    let counted: u32 =
        phone.store.cases().list(&CaseFilter::default()).unwrap().iter().map(|case| case.issues).sum();
    assert_eq!(counted, 0);
    assert_eq!(phone.rows(), tablet.rows());
}
