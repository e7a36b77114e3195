//! Backups, restored and copied files: whoever comes back writes as somebody new, and nothing is lost.

use std::sync::Arc;

use caseplan_core::case::CaseChange;
use caseplan_core::document::Kind;
use caseplan_core::exchange::{CancelToken, WorkProgress};
use caseplan_core::identity::MemoryVault;
use caseplan_core::ids::CaseId;
use caseplan_core::storage::StorageFailed;
use caseplan_core::{Error, Store};

use crate::support::chunks::Parts;
use crate::support::hostile::document_of;
use crate::support::{Device, new_case};

fn team(device: &Device, case: CaseId, team: &str) {
    let change = CaseChange { team: Some(team.to_owned()), ..CaseChange::default() };
    device.store.cases().change(case, &change).unwrap();
}

fn actors(device: &Device) -> Vec<Vec<u8>> {
    let (_, changes) = document_of(device, Kind::Case);
    let mut actors: Vec<Vec<u8>> = changes.iter().map(|change| Parts::read(&change.chunk).actor).collect();
    actors.sort();
    actors.dedup();
    actors
}

fn backup(device: &Device, name: &str) -> std::path::PathBuf {
    let to = device.folder.path().join(name);
    device.store.back_up(&to, |_| {}, &CancelToken::default()).unwrap();
    to
}

#[test]
fn a_restored_older_backup_writes_as_somebody_new_and_gets_back_what_it_had_lost() {
    let mut phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, _) = phone.lea("2026-0117");
    let copy = backup(&phone, "monday.backup");
    team(&phone, case.id, "north");
    phone.meet(&tablet);
    phone.store.close();
    std::fs::remove_file(phone.file()).unwrap();
    Store::restore(&copy, &phone.file()).unwrap();
    phone.restart();
    assert_eq!(phone.store.cases().get(case.id).unwrap().unwrap().team, None, "it is Monday again");

    // The same vault: the same device, another actor, so that no number is given twice.
    let change = CaseChange { case_type: Some("foster".to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &change).unwrap();
    phone.meet(&tablet);
    for device in [&phone, &tablet] {
        let case = device.store.cases().get(case.id).unwrap().unwrap();
        assert_eq!((case.team.as_deref(), case.case_type.as_deref()), (Some("north"), Some("foster")));
        assert!(device.store.exchange().quarantine().unwrap().is_empty(), "no fork");
        assert_eq!(actors(device).len(), 2);
    }
    assert_eq!(phone.rows(), tablet.rows());
}

#[test]
fn a_backup_on_another_device_without_its_vault_is_read_only_until_enrolled() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    let copy = backup(&phone, "copy.db");
    let second = phone.on(copy, Arc::new(MemoryVault::default()));
    assert!(second.store.info().unwrap().keys_lost);
    assert!(second.store.cases().get(case.id).unwrap().is_some());
    assert_eq!(second.store.cases().create(&new_case("2", "x")).unwrap_err(), Error::KeysLost);
    let answer =
        phone.store.identity().certify(&second.store.identity().request().unwrap(), &[], 1, None).unwrap();
    second.store.identity().adopt(&answer).unwrap();
    team(&second, case.id, "second");
    let change = CaseChange { case_type: Some("foster".to_owned()), ..CaseChange::default() };
    phone.store.cases().change(case.id, &change).unwrap();
    phone.meet(&second);
    assert_eq!(phone.rows(), second.rows());
    assert_ne!(phone.store.identity().device(), second.store.identity().device());
    assert_eq!(actors(&phone).len(), 2);
    assert!(phone.store.exchange().quarantine().unwrap().is_empty());
}

#[test]
fn a_copy_made_within_one_run_is_caught_when_its_own_later_work_comes_back() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, _) = phone.lea("2026-0117");
    // A suspended store's file is whole; it is copied as it lies there, and the vault still names this session.
    phone.store.suspend();
    let copied = phone.folder.path().join("copied.db");
    std::fs::copy(phone.file(), &copied).unwrap();
    let vault = phone.vault.clone();
    phone.store.resume().unwrap();
    team(&phone, case.id, "north");
    phone.meet(&tablet);
    phone.store.close();

    let twin = phone.on(copied, vault);
    twin.meet(&tablet);
    let change = CaseChange { case_type: Some("foster".to_owned()), ..CaseChange::default() };
    twin.store.cases().change(case.id, &change).unwrap();
    twin.meet(&tablet);
    assert_eq!(twin.rows(), tablet.rows());
    assert!(tablet.store.exchange().quarantine().unwrap().is_empty(), "no number was given twice");
    let seen = tablet.store.cases().get(case.id).unwrap().unwrap();
    assert_eq!((seen.team.as_deref(), seen.case_type.as_deref()), (Some("north"), Some("foster")));
}

#[test]
fn a_copy_learns_from_a_vector_that_it_lost_work_before_it_writes() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, _) = phone.lea("2026-0117");
    phone.store.suspend();
    let copied = phone.folder.path().join("copied.db");
    std::fs::copy(phone.file(), &copied).unwrap();
    let vault = phone.vault.clone();
    phone.store.resume().unwrap();
    team(&phone, case.id, "north");
    phone.meet(&tablet);
    phone.store.close();

    // It only exports: nothing comes in, and still its next number must not be one that the tablet holds.
    let twin = phone.on(copied, vault);
    twin.hand_over(&tablet);
    team(&twin, case.id, "south");
    twin.meet(&tablet);
    assert!(tablet.store.exchange().quarantine().unwrap().is_empty(), "no number was given twice");
    assert_eq!(twin.rows(), tablet.rows());
}

#[test]
fn a_backup_is_made_while_others_write_and_is_sound() {
    let phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    let done = std::sync::atomic::AtomicBool::new(false);
    let copies: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                number += 1;
                team(&phone, case.id, &format!("team {number}"));
            }
        });
        let copies = (0..5).map(|at| backup(&phone, &format!("{at}.backup"))).collect();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        copies
    });
    for (at, copy) in copies.iter().enumerate() {
        let place = phone.folder.path().join(format!("restored {at}.db"));
        Store::restore(copy, &place).unwrap();
        let restored = phone.on(place, Arc::new(MemoryVault::default()));
        let report = restored.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert!(report.is_sound() && report.changes >= 2, "{report:?}");
    }
}

#[test]
fn a_backup_never_overwrites_and_a_canceled_one_leaves_nothing() {
    let phone = Device::new("phone", "w-117");
    phone.lea("2026-0117");
    let copy = backup(&phone, "a.backup");
    let bytes = std::fs::read(&copy).unwrap();
    let again = phone.store.back_up(&copy, |_| {}, &CancelToken::default());
    assert_eq!(again, Err(Error::Storage(StorageFailed::CannotOpen)));
    assert_eq!(std::fs::read(&copy).unwrap(), bytes);
    assert_eq!(Store::restore(&copy, &phone.file()), Err(Error::Storage(StorageFailed::CannotOpen)));

    let canceled = CancelToken::default();
    canceled.cancel();
    let other = phone.folder.path().join("b.backup");
    assert_eq!(phone.store.back_up(&other, |_| {}, &canceled), Err(Error::Canceled));
    let names: Vec<_> =
        std::fs::read_dir(phone.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("b.")), "{names:?}");

    let rubbish = phone.folder.path().join("rubbish");
    std::fs::write(&rubbish, "rubbish ".repeat(1_000)).unwrap();
    let place = phone.folder.path().join("place.db");
    assert_eq!(Store::restore(&rubbish, &place), Err(Error::Storage(StorageFailed::NotADatabase)));
    assert!(!place.exists());
}

/// Whether it was canceled.
type LongWork<'a> = dyn Fn(&mut dyn FnMut(WorkProgress), &CancelToken) -> bool + 'a;

#[test]
fn a_rebuild_and_a_verification_tell_how_far_they_are_and_end_between_two_documents() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let (rows, documents) = (phone.rows(), phone.store.info().unwrap().documents);
    for most in 0..=2 * documents {
        // Asked to end after so many steps, each of them stops there and has changed nothing.
        let run = |total: u64, work: &LongWork<'_>| {
            let (cancel, mut seen) = (CancelToken::default(), Vec::new());
            if most == 0 {
                cancel.cancel();
            }
            let mut progress = |progress: WorkProgress| {
                seen.push(progress);
                if progress.done == most {
                    cancel.cancel();
                }
            };
            let canceled = work(&mut progress, &cancel);
            let steps = most.min(total);
            assert_eq!(seen, (1..=steps).map(|done| WorkProgress { done, total }).collect::<Vec<_>>());
            assert_eq!(canceled, most < total, "{most} of {total}");
            assert_eq!(phone.rows(), rows);
        };
        run(documents, &|progress, cancel| match phone.store.rebuild(progress, cancel) {
            Ok(()) => false,
            Err(error) => error == Error::Canceled,
        });
        run(2 * documents, &|progress, cancel| {
            let report = phone.store.verify(progress, cancel).unwrap();
            assert_eq!(report.is_sound(), !report.canceled);
            report.canceled
        });
    }
}
