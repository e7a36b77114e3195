//! What comes in one portion of the wire is committed together, and each of it is in as if it had come alone.

use caseplan_core::case::CaseChange;
use caseplan_core::identity::Role;
use caseplan_core::ids::CaseId;

use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, new_case};

/// As many batches as may be on their way at once.
const CASES: usize = 4;

/// A phone and a tablet of one worker that hold the same cases.
fn phone_and_tablet() -> (Device, Device, Vec<CaseId>) {
    let phone = Device::new("phone", "w-117");
    let tablet = Device::new("tablet", "w-117");
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    let made = (0..CASES).map(|at| new_case(&format!("2026-01{at}"), "Léa Martin"));
    let cases = made.map(|new| phone.store.cases().create(&new).unwrap().id).collect();
    assert!(sync(&phone.store, &tablet.store).iter().all(|report| report.equal));
    (phone, tablet, cases)
}

fn change_all(device: &Device, cases: &[CaseId]) {
    let change = CaseChange { team: Some("north".to_owned()), ..CaseChange::default() };
    cases.iter().for_each(|case| drop(device.store.cases().change(*case, &change).unwrap()));
}

/// How many transactions stand in the file's log: each ends with a frame that says how long the file is now.
fn commits(device: &Device) -> usize {
    let mut name = device.file().into_os_string();
    name.push("-wal");
    let log = std::fs::read(name).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let frames = log[32..].chunks_exact(24 + page);
    let now = frames.take_while(|frame| frame[8..16] == log[16..24]);
    now.filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Transactions on the tablet, when it hears of a change in every case in portions of so many bytes.
fn commits_in(portion: usize) -> usize {
    let (phone, tablet, cases) = phone_and_tablet();
    change_all(&phone, &cases);
    let mut link = Link::between(&phone.store, &tablet.store);
    let before = commits(&tablet);
    link.run(portion);
    let made = commits(&tablet) - before;
    assert!(link.end().iter().all(|report| report.equal));
    assert_eq!(phone.rows(), tablet.rows());
    made
}

#[test]
fn batches_that_come_together_are_committed_together() {
    let (together, alone) = (commits_in(usize::MAX), commits_in(1));
    assert_eq!(together + CASES - 1, alone);
}

#[test]
fn a_document_that_fails_keeps_nothing_out_that_came_before_it() {
    let mut taken = Vec::new();
    for damaged in 0..CASES as i64 {
        let (phone, mut tablet, cases) = phone_and_tablet();
        change_all(&phone, &cases);
        let connection = rusqlite::Connection::open(tablet.file()).unwrap();
        let head = "UPDATE head SET hash = zeroblob(32) WHERE document =
                    (SELECT id FROM document WHERE kind = 'case' ORDER BY document_id LIMIT 1 OFFSET ?1)";
        assert_eq!(connection.execute(head, [damaged]).unwrap(), 1);
        drop(connection);
        tablet.restart();
        let mut link = Link::between(&phone.store, &tablet.store);
        link.run(usize::MAX);
        let [sent, received] = link.end();
        assert!(!sent.equal && !received.equal, "{sent:?} {received:?}");
        assert_eq!(sent.sent, 0, "nothing is acknowledged by a session that failed");
        let teams = cases.iter().map(|case| tablet.store.cases().get(*case).unwrap().unwrap().team);
        taken.push(teams.filter(Option::is_some).count());
    }
    // Whichever it is, those before it are in.
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2, 3]);
}
