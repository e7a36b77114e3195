//! A case that was granted and is taken back: read-only, its drafts finished, then nothing of it is left.

use caseplan_core::access::{GrantState, NewGrant};
use caseplan_core::case::CaseChange;
use caseplan_core::contact::ContactDraft;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::EndReason;
use caseplan_core::ids::{CaseId, GrantId};
use caseplan_core::visitation::{OccurrenceRef, PlanChange};
use caseplan_core::{Error, Store};

use crate::support::files::{found, left};
use crate::support::link::{sync, take_in};
use crate::support::{Device, new_case, sound};

const WEEK: i64 = 7 * 86_400;
/// Unique words: in a name, in a narrative, in a draft's, and in a case that stays.
const NAME: &str = "Kanarienvogel";
const NARRATIVE: &str = "zitronenzeisig";
const DRAFT: &str = "distelfink";
const STAYS: &str = "goldammer";

struct Story {
    phone: Device,
    tablet: Device,
    case: CaseId,
    grant: GrantId,
    occurrences: Vec<OccurrenceRef>,
}

fn colleague() -> NewGrant {
    NewGrant::colleague("w-204".parse().unwrap(), 1)
}

/// A substitute who has a colleague's case for some weeks, recorded a visit in it, and a case of her own.
fn substitute() -> Story {
    let phone = Device::new("phone", "w-117");
    let tablet = Device::new("tablet", "w-204");
    take_in(&phone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, visitor) = phone.lea("2026-0117");
    let named = CaseChange { team: Some(NAME.to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &named).unwrap();
    phone.saturdays(&case, &visitor);
    let grant = phone.store.grants().give(case.id, &colleague()).unwrap().id;
    sync(&phone.store, &tablet.store);
    let occurrences = tablet.planned("2026-03-02", "2026-05-30");
    at(&phone, &tablet, &format!("{}T18:00:00Z", occurrences[1].day));
    tablet.records(occurrences[0], NARRATIVE);
    let own = tablet.store.cases().create(&new_case("2026-0300", "Hugo Petit")).unwrap();
    let start =
        DraftStart::InCase { case_id: own.id, kind: caseplan_core::contact::ContactKind::FamilyVisit };
    let mut draft = tablet.store.contacts().start_draft(&start).unwrap();
    draft.narrative = STAYS.to_owned();
    tablet.store.contacts().save_draft(&draft).unwrap();
    Story { phone, tablet, case: case.id, grant, occurrences }
}

fn at(phone: &Device, tablet: &Device, time: &str) {
    phone.now(time);
    tablet.now(time);
}

fn drafted(story: &Story, visit: usize) -> ContactDraft {
    story.tablet.drafted(story.occurrences[visit], DRAFT)
}

fn taken_back(store: &Store) -> Vec<(CaseId, u32, u64)> {
    let list = store.grants().taken_back().unwrap();
    list.iter().map(|back| (back.case, back.drafts, back.changes)).collect()
}

#[test]
fn a_substitute_is_taken_back_with_drafts_and_nothing_is_left() {
    let story = substitute();
    let (phone, tablet) = (&story.phone, &story.tablet);
    let (first, second) = (drafted(&story, 1), drafted(&story, 1));
    phone.store.grants().take_back(story.case, &[story.grant]).unwrap();
    sync(&phone.store, &tablet.store);

    // An earlier version of the app has left the store as it was.
    let mut copy = tablet.file().into_os_string();
    copy.push(".v2");
    std::fs::write(&copy, NAME).unwrap();

    // She learned of it: it can be read, and nothing changed or begun.
    assert_eq!(taken_back(&tablet.store), [(story.case, 2, 0)]);
    assert!(tablet.store.cases().get(story.case).unwrap().is_some());
    let refused = Some(Error::NotGranted { case: story.case });
    let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    assert_eq!(tablet.store.cases().change(story.case, &change).err(), refused);
    let start = DraftStart::Occurrences { occurrences: vec![story.occurrences[2]] };
    assert_eq!(tablet.store.contacts().start_draft(&start).err(), refused);
    assert_eq!(tablet.store.contacts().record(&first).err(), refused);

    // Her drafts are hers to finish; then her colleague has them, and her device nothing.
    let contact = tablet.store.contacts().complete(first.id).unwrap();
    tablet.store.contacts().discard_draft(second.id).unwrap();
    assert_eq!(taken_back(&tablet.store), [(story.case, 0, 1)]);
    assert_eq!(found(tablet, &[NAME, DRAFT, STAYS]), [NAME, DRAFT, STAYS]);
    let [_, received] = sync(&tablet.store, &phone.store);
    assert_eq!(received.failed, None);
    assert!(phone.store.contacts().get(contact.id).unwrap().is_some(), "late work is let in for two weeks");
    assert_eq!(taken_back(&tablet.store), []);
    assert!(tablet.store.cases().get(story.case).unwrap().is_none());
    assert_eq!(left(tablet, &[NAME, NARRATIVE, DRAFT]), [""; 0]);
    assert_eq!(found(tablet, &[STAYS]), [STAYS]);
    assert!(!std::path::Path::new(&copy).exists());
    let page = tablet.store.contacts().search(NARRATIVE, None, 10).unwrap();
    assert!(page.is_empty());
    let report = tablet.store.verify(|_| {}, &Default::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");

    // Nothing of it comes back by itself, also after a restart; with a new grant all of it does, under a new actor.
    let mut tablet = story.tablet;
    tablet.restart();
    sync(&phone.store, &tablet.store);
    assert!(tablet.store.cases().get(story.case).unwrap().is_none());
    phone.store.grants().give(story.case, &colleague()).unwrap();
    let [sent, _] = sync(&phone.store, &tablet.store);
    assert!(sent.equal, "{sent:?}");
    assert!(tablet.store.contacts().get(contact.id).unwrap().is_some());
    let change = CaseChange { team: Some("west".to_owned()), ..CaseChange::default() };
    tablet.store.cases().change(story.case, &change).unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(phone.store.cases().get(story.case).unwrap().unwrap().team.as_deref(), Some("west"));
    assert!(phone.store.exchange().quarantine().unwrap().is_empty());
    let grants = tablet.store.grants().list(story.case).unwrap();
    assert_eq!(grants.len(), 2);
    assert!(matches!(grants[0].state, GrantState::TakenBack(_)));
}

#[test]
fn drafts_that_nobody_finishes_are_completed_as_they_stand_after_a_week() {
    let story = substitute();
    let (phone, tablet) = (&story.phone, &story.tablet);
    let start = DraftStart::Occurrences { occurrences: vec![story.occurrences[1]] };
    let mut draft = tablet.store.contacts().start_draft(&start).unwrap();
    draft.narrative = DRAFT.to_owned();
    let draft = tablet.store.contacts().save_draft(&draft).unwrap();
    assert!(matches!(tablet.store.contacts().complete(draft.id), Err(Error::Incomplete { .. })));
    phone.store.grants().take_back(story.case, &[story.grant]).unwrap();
    sync(&phone.store, &tablet.store);
    for device in [phone, tablet] {
        device.clock.advance(WEEK);
    }
    tablet.store.grants().settle().unwrap();
    assert_eq!(taken_back(&tablet.store)[0].1, 1, "the week is not over");
    tablet.clock.advance(1);
    assert_eq!(tablet.store.grants().settle().unwrap(), []);
    assert_eq!(taken_back(&tablet.store), [(story.case, 0, 1)]);
    sync(&tablet.store, &phone.store);
    assert_eq!(taken_back(&tablet.store), []);
    let page = phone.store.contacts().search(DRAFT, None, 10).unwrap();
    let contact = phone.store.contacts().get(page[0].id).unwrap().unwrap();
    assert!(contact.unfinished && contact.narrative == DRAFT);
    assert!(!contact.counts(), "nobody said that it took place");
    assert_eq!(left(tablet, &[NAME, NARRATIVE, DRAFT]), [] as [&str; 0]);
}

#[test]
fn what_nobody_else_holds_stays_until_it_is_known_elsewhere() {
    let story = substitute();
    let (phone, tablet) = (&story.phone, &story.tablet);
    let hub = Device::new("hub", "w-1");
    take_in(&phone.store, &hub.store, "w-1", &[Role::Hub]);
    // The substitute's visit has never been sent, and only the hub is met after the end of the grant.
    sync(&phone.store, &hub.store);
    phone.store.grants().take_back(story.case, &[story.grant]).unwrap();
    sync(&phone.store, &hub.store);
    let other = Device::new("other", "w-204");
    take_in(&phone.store, &other.store, "w-204", &[]);
    sync(&tablet.store, &other.store);
    tablet.store.grants().settle().unwrap();
    assert!(tablet.store.cases().get(story.case).unwrap().is_some());
    sync(&tablet.store, &hub.store);
    if !taken_back(&tablet.store).is_empty() {
        sync(&tablet.store, &hub.store);
    }
    assert_eq!(taken_back(&tablet.store), []);
    assert_eq!(left(tablet, &[NAME, NARRATIVE]), [] as [&str; 0]);
    sync(&hub.store, &phone.store);
    assert_eq!(phone.store.contacts().search(NARRATIVE, None, 10).unwrap().len(), 1);
}

#[test]
fn late_work_in_several_documents_is_let_in_with_the_first() {
    let story = substitute();
    let (phone, tablet) = (&story.phone, &story.tablet);
    sync(&phone.store, &tablet.store);
    phone.store.grants().take_back(story.case, &[story.grant]).unwrap();
    let plan = story.occurrences[1].plan;
    let place = PlanChange { place: Some("Maison des familles".to_owned()), ..PlanChange::default() };
    tablet.store.visitation_plans().change(plan, &place).unwrap();
    let late = tablet.records(story.occurrences[1], DRAFT);
    // The plan and its visits are of one scope: what lets in the first document counts for the second.
    sync(&phone.store, &tablet.store);
    assert_eq!(phone.store.grants().waiting().unwrap(), []);
    assert!(phone.store.contacts().get(late.id).unwrap().is_some());
    assert_eq!(phone.store.visitation_plans().get(plan).unwrap().unwrap().plan.place, place.place);
    sound(&[phone, tablet]);
}

#[test]
fn a_grant_that_comes_back_in_time_keeps_the_case_and_gives_a_new_actor() {
    let story = substitute();
    let (phone, tablet) = (&story.phone, &story.tablet);
    drafted(&story, 1);
    phone.store.grants().take_back(story.case, &[story.grant]).unwrap();
    sync(&phone.store, &tablet.store);
    assert_eq!(taken_back(&tablet.store).len(), 1);
    phone.store.grants().give(story.case, &colleague()).unwrap();
    let [sent, received] = sync(&phone.store, &tablet.store);
    assert!(sent.equal && received.equal, "{sent:?}");
    assert_eq!(taken_back(&tablet.store), []);
    tablet.records(story.occurrences[1], "again");
    sync(&phone.store, &tablet.store);
    let (_, changes) = crate::support::hostile::document_of(phone, caseplan_core::document::Kind::ContactLog);
    let mut actors: Vec<Vec<u8>> =
        changes.iter().map(|change| crate::support::chunks::Parts::read(&change.chunk).actor).collect();
    actors.sort();
    actors.dedup();
    assert_eq!(actors.len(), 2);
    assert_eq!(
        phone
            .store
            .contacts()
            .page(&ContactQuery { limit: 10, ..ContactQuery::default() })
            .unwrap()
            .contacts
            .len(),
        2
    );
}

#[test]
fn what_was_taken_back_goes_from_an_older_copy_too_though_others_know_its_later_work() {
    let Story { phone, mut tablet, case, grant, occurrences } = substitute();
    let backup = tablet.folder.path().join("backup");
    tablet.store.back_up(&backup, |_| {}, &CancelToken::default()).unwrap();
    tablet.records(occurrences[1], NARRATIVE);
    sync(&phone.store, &tablet.store);
    tablet.restore(&backup);
    // The copy has the first visit only; of both the phone knows, and will never tell again.
    phone.store.grants().take_back(case, &[grant]).unwrap();
    sync(&phone.store, &tablet.store);
    sync(&phone.store, &tablet.store);
    assert_eq!(taken_back(&tablet.store), []);
    assert!(tablet.store.cases().get(case).unwrap().is_none());
    let page = phone.store.contacts().page(&ContactQuery::of_case(case, 10)).unwrap();
    assert_eq!(page.contacts.len(), 2);
    let again = sync(&phone.store, &tablet.store);
    assert!(again.iter().all(|report| report.sent == 0 && report.failed.is_none()), "{again:?}");
}

#[test]
fn what_a_restored_phone_has_lost_comes_again_from_whoever_lost_the_case() {
    let story = substitute();
    let draft = drafted(&story, 1);
    let Story { mut phone, tablet, case, grant, .. } = story;
    let backup = phone.folder.path().join("backup");
    phone.store.back_up(&backup, |_| {}, &CancelToken::default()).unwrap();
    phone.store.grants().take_back(case, &[grant]).unwrap();
    sync(&phone.store, &tablet.store);
    let contacts = |phone: &Device| {
        phone.store.contacts().page(&ContactQuery::of_case(case, 10)).unwrap().contacts.len()
    };
    assert_eq!(contacts(&phone), 1, "the first visit was handed over late");
    phone.restore(&backup);
    // The tablet takes the phone to hold the first visit, and has a second one for it.
    tablet.store.contacts().complete(draft.id).unwrap();
    for _ in 0..3 {
        sync(&tablet.store, &phone.store);
    }
    assert_eq!(contacts(&phone), 2);
    assert!(tablet.store.cases().get(case).unwrap().is_none(), "all of it is known elsewhere");
}

#[test]
fn what_an_ended_device_had_handed_over_before_the_desk_was_restored_comes_again() {
    let mut desk = Device::new("desk", "w-117");
    let lost = Device::new("lost", "w-117");
    take_in(&desk.store, &lost.store, "w-117", &[Role::Caseworker]);
    let (case, visitor) = desk.lea("2026-0117");
    desk.saturdays(&case, &visitor);
    sync(&desk.store, &lost.store);
    let occurrences = lost.planned("2026-03-02", "2026-05-30");
    at(&desk, &lost, &format!("{}T18:00:00Z", occurrences[0].day));
    let visit = lost.records(occurrences[0], NARRATIVE);
    desk.store.identity().end_device(lost.store.identity().device(), EndReason::Lost).unwrap();
    let backup = desk.folder.path().join("backup");
    desk.store.back_up(&backup, |_| {}, &CancelToken::default()).unwrap();
    for _ in 0..3 {
        sync(&lost.store, &desk.store);
    }
    assert_eq!(desk.store.grants().waiting().unwrap()[0].changes, 1);
    // The desk is set back to before, and the lost one takes it to hold the visit.
    desk.restore(&backup);
    assert_eq!(desk.store.grants().waiting().unwrap(), []);
    for _ in 0..3 {
        sync(&lost.store, &desk.store);
    }
    assert_eq!(desk.store.grants().waiting().unwrap()[0].changes, 1);
    assert_eq!(desk.store.grants().admit(case.id, lost.store.identity().device()).unwrap(), 1);
    assert!(desk.store.contacts().get(visit.id).unwrap().is_some());
    let again = sync(&lost.store, &desk.store);
    assert!(again.iter().all(|report| report.sent == 0), "{again:?}");
}

#[test]
fn what_was_held_of_an_ended_device_while_a_case_was_taken_back_counts_for_all_after_a_new_grant() {
    let Story { phone, tablet, case, grant, .. } = substitute();
    let lost = Device::new("lost", "w-117");
    take_in(&phone.store, &lost.store, "w-117", &[Role::Caseworker]);
    let with_more = NewGrant { may_grant: true, ..colleague() };
    let more = phone.store.grants().give(case, &with_more).unwrap().id;
    sync(&phone.store, &lost.store);
    sync(&phone.store, &tablet.store);
    let named = CaseChange { case_type: Some(NARRATIVE.to_owned()), ..CaseChange::default() };
    lost.store.cases().change(case, &named).unwrap();
    sync(&lost.store, &tablet.store);
    // The tablet gives the case back, keeps it for its draft, and learns of the end when its word does not count.
    let start = DraftStart::InCase { case_id: case, kind: caseplan_core::contact::ContactKind::FamilyVisit };
    tablet.store.contacts().start_draft(&start).unwrap();
    tablet.store.grants().take_back(case, &[grant, more]).unwrap();
    phone.store.identity().end_device(lost.store.identity().device(), EndReason::Lost).unwrap();
    (0..2).for_each(|_| drop(sync(&tablet.store, &phone.store)));
    assert_eq!(taken_back(&tablet.store).len(), 1);
    phone.store.grants().give(case, &colleague()).unwrap();
    (0..2).for_each(|_| drop(sync(&tablet.store, &phone.store)));
    let seen = |device: &Device| device.store.cases().get(case).unwrap().unwrap().case_type;
    assert_eq!(seen(&tablet).as_deref(), Some(NARRATIVE));
    assert_eq!(seen(&phone), seen(&tablet));
}

#[test]
fn a_worker_learns_from_her_other_device_that_a_case_was_taken_back() {
    for drafts in [1, 0] {
        let story = substitute();
        let (phone, tablet) = (&story.phone, &story.tablet);
        let laptop = Device::new("laptop", "w-204");
        take_in(&phone.store, &laptop.store, "w-204", &[Role::Caseworker]);
        sync(&phone.store, &laptop.store);
        // A draft keeps the case on the tablet. Whoever took it back is not met again.
        (0..drafts).for_each(|_| drop(drafted(&story, 1)));
        phone.store.grants().take_back(story.case, &[story.grant]).unwrap();
        sync(&phone.store, &tablet.store);
        assert_eq!(taken_back(&tablet.store).len(), drafts);
        assert!(laptop.store.cases().get(story.case).unwrap().is_some());

        let [sent, received] = sync(&tablet.store, &laptop.store);
        assert!(sent.equal && received.equal, "{sent:?}");
        // It was known on the phone: it is gone at once.
        assert_eq!(laptop.store.cases().get(story.case).unwrap(), None);
        assert_eq!(left(&laptop, &[NAME, NARRATIVE, STAYS]), Vec::<&str>::new());
    }
}

#[test]
fn who_is_no_administrator_any_more_keeps_what_he_opened_and_was_granted() {
    let phone = Device::new("roles-phone", "w-117");
    let desk = Device::new("roles-desk", "w-9");
    take_in(&phone.store, &desk.store, "w-9", &[Role::Administrator]);
    let (case, _) = phone.lea("2026-0117");
    let named = CaseChange { team: Some(NAME.to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &named).unwrap();
    let granted = phone.store.cases().create(&new_case("2026-0118", "Hugo Petit")).unwrap().id;
    let grant = NewGrant::colleague("w-9".parse().unwrap(), 1);
    phone.store.grants().give(granted, &grant).unwrap();
    let own = desk.store.cases().create(&new_case("2026-0119", "Noé Petit")).unwrap().id;
    sync(&phone.store, &desk.store);
    assert_eq!(desk.cases().len(), 3);
    at(&phone, &desk, "2026-03-03T09:00:00Z");
    phone.store.identity().change_roles(desk.store.identity().device(), &[Role::Caseworker], 1).unwrap();
    assert!(!phone.store.sync().status().unwrap().only_here.is_empty(), "nobody is counted upon to hold it");
    sync(&phone.store, &desk.store);
    assert_eq!(taken_back(&desk.store), []);
    assert_eq!(desk.store.cases().get(case.id).unwrap(), None);
    assert!(
        desk.store.cases().get(granted).unwrap().is_some() && desk.store.cases().get(own).unwrap().is_some()
    );
    assert_eq!(left(&desk, &[NAME]), [""; 0]);
    sound(&[&phone, &desk]);
}
