//! A file for one device: what it may read and is not known to hold, judged by the records of the day of reading.

use caseplan_core::access::NewGrant;
use caseplan_core::case::CaseChange;
use caseplan_core::exchange::{CancelToken, Refusal};
use caseplan_core::identity::record::EndReason;
use caseplan_core::identity::{DeviceKeys, Role};
use caseplan_core::ids::CaseId;
use caseplan_core::sync::hand_over::{HandOverWriter, Recipient};
use caseplan_core::sync::{HandOverFailed, HandOverReport};
use caseplan_core::testing::SeededRandom;
use caseplan_core::{Error, Store};

use crate::support::link::{sync, take_in};
use crate::support::{Device, new_case};

/// A unique word in a case that is not the recipient's.
const CANARY: &str = "Kanarienvogel";
const HOUR: i64 = 3600;

pub fn write(from: &Store, to: &Store) -> Vec<u8> {
    let mut handing = from.sync().hand_over(to.identity().device()).unwrap();
    let mut file = Vec::new();
    loop {
        let bytes = handing.next(1000).unwrap();
        if bytes.is_empty() {
            return file;
        }
        file.extend(bytes);
    }
}

pub fn read(to: &Store, file: &[u8]) -> Result<HandOverReport, Error> {
    let mut taking = to.sync().take_over().unwrap();
    for portion in file.chunks(700) {
        taking.feed(portion)?;
    }
    taking.finish()
}

fn refused(failed: HandOverFailed) -> Error {
    Error::HandOver(failed)
}

fn team(device: &Device, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

/// A phone with two cases, and a colleague's tablet that is granted the first of them.
fn colleagues() -> (Device, Device, CaseId) {
    let phone = Device::new("phone", "w-117");
    let tablet = Device::new("tablet", "w-204");
    take_in(&phone.store, &tablet.store, "w-204", &[Role::Caseworker]);
    let (case, _) = phone.lea("2026-0117");
    phone.store.cases().create(&new_case("2026-0118", CANARY)).unwrap();
    phone.store.grants().give(case.id, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    (phone, tablet, case.id)
}

fn only_here(device: &Device, case: CaseId) -> u64 {
    let status = device.store.sync().status().unwrap();
    status.only_here.iter().find(|found| found.case == case).map_or(0, |found| found.changes)
}

#[test]
fn a_file_brings_what_its_recipient_may_read_and_lacks_and_nothing_else() {
    let (phone, tablet, case) = colleagues();
    let before = only_here(&phone, case);
    let file = write(&phone.store, &tablet.store);
    let report = read(&tablet.store, &file).unwrap();
    assert_eq!(report.sender, Some(phone.store.identity().device()));
    assert_eq!(report.worker, Some("w-117".parse().unwrap()));
    assert!(report.taken.complete && report.taken.accepted == before && report.not_entitled == 0);
    assert_eq!(tablet.cases(), [case]);
    let found = tablet.store.cases().list(&Default::default()).unwrap();
    assert!(found.iter().all(|row| !format!("{row:?}").contains(CANARY)));
    assert!(tablet.store.exchange().quarantine().unwrap().is_empty());

    // Only an acknowledgement says that something arrived. Then a new file carries what came since.
    assert_eq!(only_here(&phone, case), before);
    sync(&phone.store, &tablet.store);
    assert_eq!(only_here(&phone, case), 0);
    team(&phone, case, "north");
    let report = read(&tablet.store, &write(&phone.store, &tablet.store)).unwrap();
    assert_eq!((report.taken.received, report.taken.accepted), (1, 1));
    assert_eq!(tablet.store.cases().get(case).unwrap().unwrap().team.as_deref(), Some("north"));
}

#[test]
fn a_file_may_be_read_twice_and_after_a_cut() {
    let (phone, tablet, _) = colleagues();
    // More than one frame, or a cut file would have brought nothing.
    let (opened, visitor) = phone.lea("2026-0119");
    phone.store.grants().give(opened.id, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    let plan = phone.saturdays(&opened, &visitor);
    for (at, occurrence) in phone.planned("2026-03-02", "2026-06-30").into_iter().take(12).enumerate() {
        phone.now(&format!("{}T18:00:00Z", occurrence.day));
        phone.records(occurrence, &noise(at as u64 + 1, 9_000));
    }
    tablet.now("2026-06-30T18:00:00Z");
    phone.now("2026-06-30T18:00:00Z");
    let file = write(&phone.store, &tablet.store);
    assert!(file.len() > 70_000, "one frame only: {} bytes", file.len());

    let cut = &file[..file.len() - 10];
    let mut taking = tablet.store.sync().take_over().unwrap();
    taking.feed(cut).unwrap();
    assert_eq!(taking.finish(), Err(refused(HandOverFailed::Cut)));
    let kept = taking.report().taken;
    assert!(kept.accepted > 0 && !kept.complete, "{kept:?}");

    let whole = read(&tablet.store, &file).unwrap().taken;
    assert!(whole.complete && whole.known >= kept.accepted && whole.accepted > 0, "{whole:?}");
    let again = read(&tablet.store, &file).unwrap().taken;
    assert_eq!((again.accepted, again.records), (0, 0));
    assert!(tablet.store.visitation_plans().get(plan.id).unwrap().is_some());
    assert!(tablet.store.exchange().quarantine().unwrap().is_empty());
    let [one, other] = sync(&phone.store, &tablet.store);
    assert!(one.equal && other.equal && one.sent + one.received == 0, "{one:?}");
}

/// Text that does not compress.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..length).map(|_| letter()).collect()
}

#[test]
fn a_file_goes_stale_after_72_hours_of_trusted_time() {
    let (phone, tablet, case) = colleagues();
    let file = write(&phone.store, &tablet.store);
    tablet.clock.advance(72 * HOUR);
    assert!(tablet.store.sync().take_over().unwrap().feed(&file).is_ok());
    tablet.clock.advance(1);
    assert_eq!(read(&tablet.store, &file), Err(refused(HandOverFailed::Expired)));
    // Trusted time never goes back, whatever the clock says.
    tablet.clock.advance(-48 * HOUR);
    assert_eq!(read(&tablet.store, &file), Err(refused(HandOverFailed::Expired)));
    phone.clock.advance(72 * HOUR);
    team(&phone, case, "north");
    assert!(read(&tablet.store, &write(&phone.store, &tablet.store)).is_ok());
}

#[test]
fn a_file_is_for_one_device_by_a_device_of_this_domain() {
    let (phone, tablet, _) = colleagues();
    let hub = Device::new("hub", "w-1");
    take_in(&phone.store, &hub.store, "w-1", &[Role::Hub]);
    let file = write(&phone.store, &tablet.store);
    let recipient = tablet.store.identity().device();
    assert_eq!(read(&hub.store, &file), Err(refused(HandOverFailed::NotForThisDevice { recipient })));
    assert_eq!(read(&tablet.store, &[&file[..], &[0; 9]].concat()), Err(refused(HandOverFailed::Joined)));
    assert_eq!(read(&tablet.store, b"something else"), Err(refused(HandOverFailed::NotAHandOver)));

    // A stranger can seal a file for a device whose key is known, and gets nothing in.
    let stranger = Device::new("stranger", "w-117");
    let keys = DeviceKeys::load(stranger.vault.as_ref()).unwrap().unwrap();
    let own = DeviceKeys::load(tablet.vault.as_ref()).unwrap().unwrap();
    let recipient = Recipient { device: own.device_id(), x25519: own.x25519() };
    let mut content = stranger.store.exchange().export(None).unwrap();
    let mut writer = HandOverWriter::new(&keys, &recipient, i64::MAX, &SeededRandom::new(5)).unwrap();
    writer.write(&content.next(usize::MAX).unwrap()).unwrap();
    let forged = writer.finish().unwrap();
    assert_eq!(read(&tablet.store, &forged), Err(refused(HandOverFailed::NotProven)));

    let sync = phone.store.sync();
    let unknown = stranger.store.identity().device();
    assert_eq!(sync.hand_over(unknown).err(), Some(refused(HandOverFailed::NoRecipient)));
    let own = phone.store.identity().device();
    assert_eq!(sync.hand_over(own).err(), Some(refused(HandOverFailed::ToItself)));
    phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
    let ended = tablet.store.identity().device();
    assert_eq!(sync.hand_over(ended).err(), Some(refused(HandOverFailed::NoRecipient)));
}

#[test]
fn what_is_ended_today_counts_and_not_what_held_when_the_file_was_written() {
    let (phone, tablet, case) = colleagues();
    let file = write(&phone.store, &tablet.store);
    // A hub learns first that the grant is over, and tells the tablet before it reads the file.
    sync(&phone.store, &tablet.store);
    team(&phone, case, "north");
    let newer = write(&phone.store, &tablet.store);
    let grants: Vec<_> = phone.store.grants().list(case).unwrap().iter().map(|grant| grant.id).collect();
    phone.hand_over(&tablet);
    phone.store.grants().take_back(case, &grants).unwrap();
    phone.hand_over(&tablet);
    let report = read(&tablet.store, &newer).unwrap();
    assert!(report.not_entitled == 1 && report.taken.accepted == 0, "{report:?}");
    assert!(read(&tablet.store, &file).unwrap().not_entitled > 0);

    // A device that was ended since: its own work waits for a person.
    let second = Device::new("second", "w-117");
    take_in(&phone.store, &second.store, "w-117", &[]);
    sync(&phone.store, &second.store);
    team(&second, case, "south");
    let late = write(&second.store, &phone.store);
    phone.store.identity().end_device(second.store.identity().device(), EndReason::Lost).unwrap();
    let report = read(&phone.store, &late).unwrap();
    let reasons: Vec<_> = report.taken.quarantined.iter().map(|held| held.reason.clone()).collect();
    assert_eq!(reasons, [Refusal::AuthorEnded]);
    assert_eq!(phone.store.cases().get(case).unwrap().unwrap().team.as_deref(), Some("north"));
}

#[test]
fn a_file_on_disk_is_there_whole_or_not_at_all() {
    let (phone, tablet, _) = colleagues();
    let place = phone.folder.path().join("for the tablet.caseplan");
    let (device, canceled) = (tablet.store.identity().device(), CancelToken::default());
    canceled.cancel();
    let sync = phone.store.sync();
    assert_eq!(sync.hand_over_file(device, &place, |_| {}, &canceled), Err(Error::Canceled));
    assert!(
        std::fs::read_dir(phone.folder.path())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().contains("tablet") })
    );
    let mut last = None;
    let written =
        sync.hand_over_file(device, &place, |progress| last = Some(progress), &CancelToken::default());
    let written = written.unwrap();
    assert_eq!(written.bytes, std::fs::metadata(&place).unwrap().len());
    assert_eq!(
        last.map(|progress| (progress.done, progress.total)),
        Some((written.documents, written.documents))
    );
    let report = read(&tablet.store, &std::fs::read(&place).unwrap()).unwrap();
    assert_eq!(report.taken.received, written.changes);
}
