//! A case's levels: what stands at one goes to whoever may read that high, and nobody else learns that there is anything.

use caseplan_core::access::NewGrant;
use caseplan_core::contact::NewAddendum;
use caseplan_core::identity::Role;
use caseplan_core::ids::{CaseId, GrantId};
use caseplan_core::sync::{Session, SyncState};

use super::files::{read, write};
use crate::support::files::{found, left};
use crate::support::hostile::Hostile;
use crate::support::levels::{AtLevel, newer_tablet};
use crate::support::link::{Link, sync, take_in_at};
use crate::support::{Device, sound, team};

/// A word in a contact at level 3, one that is added to it, and one in the case itself.
const CANARY: &str = "Kanarienvogel";
const ADDED: &str = "zitronenzeisig";
const PLAIN: &str = "goldammer";

struct Story {
    phone: Device,
    tablet: Hostile,
    case: CaseId,
    secret: AtLevel,
}

/// A phone with Léa's case, in which its worker's newer tablet recorded something at level 3.
fn at_level_three() -> Story {
    let phone = Device::new("levels-phone", "w-117");
    let tablet = newer_tablet(&phone);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    team(&phone, &case, PLAIN).unwrap();
    let secret = tablet.records_at(&phone, case.id, 3, CANARY);
    assert_eq!(found(&phone, &[CANARY]), [CANARY]);
    Story { phone, tablet, case: case.id, secret }
}

/// What bytes tell of what stands at a level: a word of it, its scope, its document.
fn told(above: &AtLevel, bytes: &[u8]) -> [bool; 3] {
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    [has(CANARY.as_bytes()), has(above.scope.as_bytes()), has(above.log.id.as_bytes())]
}

impl Story {
    /// A colleague's device, certified up to a level.
    fn colleague(&self, worker: &str, certified: u8) -> Device {
        let device = Device::new(worker, worker);
        take_in_at(&self.phone.store, &device.store, worker, &[Role::Caseworker], certified);
        device
    }

    fn grants(&self, to: &Device, level: u8) -> GrantId {
        let grant = NewGrant::colleague(to.worker.parse().unwrap(), level);
        self.phone.store.grants().give(self.case, &grant).unwrap().id
    }

    fn takes_back(&self, grant: GrantId) {
        self.phone.store.grants().take_back(self.case, &[grant]).unwrap();
    }

    /// A device has the case, and of level 3 what it is said to have: all of it, or not a byte that tells of it.
    fn has(&self, device: &Device, above: bool) {
        assert_eq!(device.cases(), [self.case], "{}", device.worker);
        assert_eq!(found(device, &[PLAIN]), [PLAIN]);
        let words: &[&str] = if above { &[CANARY] } else { &[] };
        assert_eq!(if above { found(device, &[CANARY]) } else { left(device, &[CANARY]) }, words);
        let contact = device.store.contacts().get(self.secret.contact).unwrap();
        assert_eq!(contact.map(|contact| contact.narrative), above.then(|| CANARY.to_owned()));
        let hits = device.store.contacts().search(CANARY, None, 10).unwrap();
        assert_eq!(hits.len(), usize::from(above));
        let documents = device.store.info().unwrap().documents;
        assert_eq!(documents, if above { 3 } else { 2 }, "the case and its plan, and a log at level 3");
        assert!(device.store.exchange().quarantine().unwrap().is_empty());
        sound(&[device]);
    }

    fn told(&self, bytes: &[u8]) -> [bool; 3] {
        told(&self.secret, bytes)
    }

    /// A session, whoever of the two connects: what was said in it, and that both found themselves equal.
    fn overheard(&self, device: &Device, connects: bool) -> Vec<u8> {
        let (one, other) = if connects { (device, &self.phone) } else { (&self.phone, device) };
        let mut link = Link::between(&one.store, &other.store);
        link.sides.iter_mut().for_each(|side| drop(side.overhear()));
        link.run(usize::MAX);
        let states = [0, 1].map(|side| link.sides[side].progress().state);
        assert_eq!(states, [SyncState::UpToDate; 2]);
        let said = link.sides.iter_mut().flat_map(Session::overhear).collect();
        let reports = link.end();
        assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
        said
    }
}

#[test]
fn what_stands_at_a_level_is_told_to_nobody_who_was_granted_less() {
    let story = at_level_three();
    for (granted, worker) in [(1, "w-201"), (2, "w-202"), (3, "w-203"), (5, "w-205")] {
        let colleague = story.colleague(worker, 5);
        story.grants(&colleague, granted);
        let above = granted >= 3;
        // What was said is searched as it was before it was sealed: here it is found if it is there.
        let said = story.overheard(&colleague, granted % 2 == 0);
        assert_eq!(story.told(&said), [above; 3], "granted level {granted}");
        assert!(!story.told(&story.overheard(&colleague, granted % 2 == 1))[0], "once is enough");
        let file = std::fs::read(colleague.file()).unwrap();
        let log = std::fs::read(colleague.file().with_extension("db-wal")).unwrap_or_default();
        assert_eq!(story.told(&[file, log].concat()), [above; 3], "granted level {granted}");
        story.has(&colleague, above);
    }
}

#[test]
fn what_is_recorded_at_a_level_while_a_session_is_open_goes_to_whoever_may_have_it_and_to_nobody_else() {
    let story = at_level_three();
    for (granted, worker, level) in [(3, "w-203", 4), (5, "w-205", 5)] {
        let colleague = story.colleague(worker, 5);
        story.grants(&colleague, granted);
        let mut link = Link::between(&colleague.store, &story.phone.store);
        link.run(usize::MAX);
        link.sides.iter_mut().for_each(|side| drop(side.overhear()));
        let word = format!("{CANARY}{level}");
        let higher = story.tablet.records_at(&story.phone, story.case, level, &word);
        link.sides.iter_mut().for_each(|side| side.catch_up().unwrap());
        link.run(usize::MAX);
        let said: Vec<u8> = link.sides.iter_mut().flat_map(Session::overhear).collect();
        let above = granted >= level;
        assert_eq!(told(&higher, &said), [above; 3], "granted {granted}, recorded at {level}");
        assert!(link.end().iter().all(|report| report.equal && report.failed.is_none()));
        assert_eq!(found(&colleague, &[&word]).len(), usize::from(above));
        assert_eq!(colleague.store.contacts().get(higher.contact).unwrap().is_some(), above);
    }
}

#[test]
fn what_a_colleague_adds_to_a_contact_stands_at_its_level() {
    let story = at_level_three();
    let [below, above] = ["w-202", "w-203"].map(|worker| story.colleague(worker, 5));
    story.grants(&below, 2);
    story.grants(&above, 3);
    story.overheard(&above, true);
    let added = NewAddendum { text: ADDED.to_owned(), corrections: Vec::new() };
    above.store.contacts().amend(story.secret.contact, &added).unwrap();
    assert!(story.told(&story.overheard(&above, false))[2]);
    assert_eq!(story.told(&story.overheard(&below, false)), [false; 3]);
    let holders = [&story.phone, &above, &below].map(|device| found(device, &[ADDED]).len());
    assert_eq!(holders, [1, 1, 0]);
    story.has(&below, false);
    story.has(&story.phone, true);
}

#[test]
fn what_is_said_of_the_end_of_a_grant_tells_nobody_below_of_a_level() {
    let story = at_level_three();
    let [below, above, gone] = ["w-201", "w-205", "w-206"].map(|worker| story.colleague(worker, 5));
    story.grants(&below, 2);
    story.grants(&above, 5);
    let ended = story.grants(&gone, 5);
    for device in [&below, &above, &gone] {
        story.overheard(device, false);
    }
    // Whoever takes back says in the log of each scope what it has there of the colleague.
    story.takes_back(ended);
    assert_eq!(story.told(&story.overheard(&below, true)), [false; 3]);
    assert!(story.told(&story.overheard(&above, true))[1], "the log of level 3");
    story.has(&below, false);
    story.has(&above, true);
}

#[test]
fn a_file_holds_nothing_above_what_its_reader_was_granted() {
    let story = at_level_three();
    for (granted, worker) in [(2, "w-202"), (3, "w-203")] {
        let colleague = story.colleague(worker, 5);
        story.grants(&colleague, granted);
        let report = read(&colleague.store, &write(&story.phone.store, &colleague.store)).unwrap();
        assert!(report.taken.complete && report.not_entitled == 0, "{report:?}");
        assert_eq!(report.taken.received, report.taken.accepted);
        story.has(&colleague, granted >= 3);
    }
}

#[test]
fn a_certificate_below_a_level_keeps_it_out_whatever_was_granted() {
    let story = at_level_three();
    let colleague = story.colleague("w-204", 2);
    story.grants(&colleague, 5);
    // Nor does the founder's worker read it on a device that is trusted with less.
    let own = story.colleague("w-117", 2);
    for device in [&colleague, &own] {
        assert_eq!(story.told(&story.overheard(device, false)), [false; 3]);
        story.has(device, false);
        let report = read(&device.store, &write(&story.phone.store, &device.store)).unwrap();
        assert_eq!((report.taken.received, report.not_entitled), (0, 0));
    }
    // With a higher certificate it comes, and with a lower one it goes again.
    for (certified, above) in [(3, true), (2, false), (5, true)] {
        for device in [&colleague, &own] {
            let id = device.store.identity().device();
            story.phone.store.identity().change_roles(id, &[Role::Caseworker], certified).unwrap();
            sync(&story.phone.store, &device.store);
            sync(&story.phone.store, &device.store);
            story.has(device, above);
        }
    }
}

#[test]
fn a_level_goes_with_the_grant_that_reached_it_and_comes_with_a_higher_one() {
    let story = at_level_three();
    let colleague = story.colleague("w-204", 5);
    let wide = story.grants(&colleague, 5);
    story.overheard(&colleague, false);
    story.has(&colleague, true);

    // Less is granted than before: that level goes, and the case stays.
    let narrow = story.grants(&colleague, 2);
    story.takes_back(wide);
    sync(&story.phone.store, &colleague.store);
    story.has(&colleague, false);
    assert!(!story.told(&story.overheard(&colleague, true))[0]);
    story.has(&colleague, false);

    // More is granted, and it comes; then all goes, in a file as little is left as in the index.
    let again = story.grants(&colleague, 3);
    story.overheard(&colleague, true);
    story.has(&colleague, true);
    story.takes_back(narrow);
    sync(&colleague.store, &story.phone.store);
    story.has(&colleague, true);
    story.takes_back(again);
    sync(&story.phone.store, &colleague.store);
    assert_eq!(colleague.cases(), []);
    assert_eq!(left(&colleague, &[CANARY, PLAIN]), [""; 0]);
    assert_eq!(colleague.store.contacts().get(story.secret.contact).unwrap(), None);
    story.has(&story.phone, true);
}

#[test]
fn what_a_newer_app_keeps_of_a_case_at_a_level_takes_nothing_from_the_case() {
    let story = at_level_three();
    let [below, above] = ["w-202", "w-203"].map(|worker| story.colleague(worker, 5));
    story.grants(&below, 2);
    story.grants(&above, 3);
    let case = story.phone.store.cases().get(story.case).unwrap();
    // Contacts are counted as far as they may be read.
    let listed = |device: &Device| {
        let row = device.store.cases().list(&Default::default()).unwrap().remove(0);
        (row.reference, row.primary_client, row.assigned_worker, row.visitation_plans)
    };
    let (row, remark) = (listed(&story.phone), format!("{CANARY} before the court"));
    story.tablet.remarks_at(&story.phone, story.case, &story.secret, &remark);
    for device in [&below, &above] {
        story.overheard(device, true);
    }
    for device in [&story.phone, &below, &above] {
        assert_eq!(device.store.cases().get(story.case).unwrap(), case);
        assert_eq!(listed(device), row);
        assert_eq!(found(device, &[&remark]).len(), usize::from(device.worker != below.worker));
        let before = device.rows();
        device.store.rebuild(|_| {}, &Default::default()).unwrap();
        assert_eq!(device.rows(), before, "whichever document is projected last");
        sound(&[device]);
    }
}
