//! Files and disks: full, read-only, foreign, cut, newer and damaged.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "a disk of one's own is mounted on Linux only")
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use caseplan_core::case::CaseChange;
use caseplan_core::document::Kind;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::MemoryVault;
use caseplan_core::storage::StorageFailed;
use caseplan_core::{Error, Store};

use crate::support::chunks::Parts;
use crate::support::hostile::document_of;
use crate::support::{Device, new_case, scratch};

/// A small disk of its own, for as long as this lives. Needs root on Linux, as the whole of `./test` does.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "caseplan"])
            .arg(folder.path()));
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("caseplan.db")
    }

    fn read_only(&self) {
        run(Command::new("mount").args(["-o", "remount,ro"]).arg(self.0.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?} failed: this test needs root");
}

fn opened(device: &Device, file: &Path) -> Result<Store, Error> {
    let config = crate::support::config(file.to_owned(), &device.worker, &device.clock, 1);
    Store::open(config, device.vault.clone())
}

/// The error of an opening that must fail.
fn refusal(device: &Device, file: &Path) -> Error {
    match opened(device, file) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing_and_the_next_change_has_the_next_number() {
    let disk = Disk::new("4m");
    let phone = Device::new("phone", "w-117").on(disk.file(), Arc::new(MemoryVault::default()));
    let filler = disk.0.path().join("filler");
    fills_up(
        &phone,
        || std::fs::write(&filler, vec![0; 3_200 * 1024]).unwrap(),
        || std::fs::remove_file(&filler).unwrap(),
    );
}

#[test]
fn a_database_that_may_not_grow_loses_nothing_and_the_next_change_has_the_next_number() {
    let phone = Device::new("phone", "w-117");
    fills_up(
        &phone,
        || phone.store.limit_growth(40).unwrap(),
        || phone.store.limit_growth(1_000_000).unwrap(),
    );
}

/// Writes until there is no room, makes room, and writes on.
fn fills_up(phone: &Device, fill: impl FnOnce(), empty: impl FnOnce()) {
    let case = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    let change = |number: u32| {
        let change = CaseChange { team: Some(format!("team {number}")), ..CaseChange::default() };
        phone.store.cases().change(case.id, &change)
    };
    change(0).unwrap();
    fill();
    let mut done = 0;
    let failed = loop {
        assert!(done < 5_000, "the disk does not fill up");
        match change(done + 1) {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(failed, Error::Storage(StorageFailed::DiskFull));
    let reads = phone.store.cases().get(case.id).unwrap().unwrap();
    assert_eq!(reads.team.as_deref(), Some(&*format!("team {done}")), "reading works on");
    // A compaction that was under way may have made room for one more.
    let mut more = 0;
    for again in 0..3 {
        match change(9_990 + again) {
            Ok(_) => more += 1,
            Err(error) => assert_eq!(error, Error::Storage(StorageFailed::DiskFull)),
        }
    }

    empty();
    change(10_000).unwrap();
    let (_, changes) = document_of(phone, Kind::Case);
    let numbers: Vec<u64> = changes.iter().map(|change| Parts::read(&change.chunk).seq).collect();
    assert_eq!(
        numbers,
        (1..=u64::from(done) + more + 3).collect::<Vec<_>>(),
        "no number is left out or used twice"
    );
    assert!(phone.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_disk_is_said_to_be_one() {
    let disk = Disk::new("4m");
    let phone = Device::new("phone", "w-117").on(disk.file(), Arc::new(MemoryVault::default()));
    phone.lea("2026-0117");
    phone.store.close();
    disk.read_only();
    assert_eq!(refusal(&phone, &disk.file()), Error::Storage(StorageFailed::NotWritable));
    let elsewhere = Path::new("/no/such/folder/caseplan.db");
    assert_eq!(refusal(&phone, elsewhere), Error::Storage(StorageFailed::CannotOpen));
}

#[test]
fn files_that_are_no_database_of_this_version_are_refused_and_left_alone() {
    let phone = Device::new("phone", "w-117");
    phone.lea("2026-0117");
    phone.store.close();
    let good = std::fs::read(phone.file()).unwrap();
    let folder = scratch();
    let file = folder.path().join("x.db");

    let text = "Not a database, but long enough to be mistaken for one. ".repeat(40);
    std::fs::write(&file, &text).unwrap();
    assert_eq!(refusal(&phone, &file), Error::Storage(StorageFailed::NotADatabase));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    for keep in [good.len() / 2, 4096, 5000, 100] {
        std::fs::write(&file, &good[..keep]).unwrap();
        let error = refusal(&phone, &file);
        let typed =
            matches!(error, Error::Storage(StorageFailed::Damaged { .. } | StorageFailed::NotADatabase));
        assert!(typed, "{keep}: {error:?}");
    }

    std::fs::write(&file, &good).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", Store::SCHEMA + 1).unwrap();
    drop(connection);
    let newer = StorageFailed::NewerSchema { found: Store::SCHEMA + 1, known: Store::SCHEMA };
    assert_eq!(refusal(&phone, &file), Error::Storage(newer));

    let theirs = folder.path().join("theirs.db");
    rusqlite::Connection::open(&theirs).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert_eq!(refusal(&phone, &theirs), Error::Storage(StorageFailed::NotADatabase));
}

/// A store with two cases, one of them compacted.
fn filled() -> (Device, Vec<u8>) {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    phone.store.compact(1).unwrap();
    phone.store.cases().create(&new_case("2026-0118", "Hugo Petit")).unwrap();
    phone.store.close();
    let bytes = std::fs::read(phone.file()).unwrap();
    (phone, bytes)
}

#[test]
fn damage_in_any_page_is_a_typed_error_and_never_a_panic() {
    let (phone, good) = filled();
    let folder = scratch();
    let (mut refused, mut found) = (0, 0);
    for page in 0..good.len() / 4096 {
        for (at, length) in [(0, 8), (100, 16), (2_000, 64), (4_000, 90)] {
            let mut bad = good.clone();
            bad[page * 4096 + at..][..length].iter_mut().for_each(|byte| *byte ^= 0x55);
            let file = folder.path().join("damaged.db");
            for leftover in ["damaged.db-wal", "damaged.db-shm"] {
                let _ = std::fs::remove_file(folder.path().join(leftover));
            }
            std::fs::write(&file, &bad).unwrap();
            let place = format!("page {page} byte {at}");
            let vault = Arc::new(MemoryVault::default());
            for name in ["device", "root", "recovery", "session-current", "session-next"] {
                use caseplan_core::identity::KeyVault;
                if let Some(secret) = phone.vault.load(name).unwrap() {
                    vault.store(name, &secret).unwrap();
                }
            }
            let config = crate::support::config(file.clone(), &phone.worker, &phone.clock, 5);
            let store = match Store::open(config, vault) {
                Ok(store) => store,
                Err(error) => {
                    typed(&error, &place);
                    refused += 1;
                    continue;
                }
            };
            let mut errors = Vec::new();
            match store.cases().list(&Default::default()) {
                Ok(cases) => {
                    for case in cases {
                        errors.extend(store.cases().overview(case.id).err());
                        let change = CaseChange { team: Some("x".to_owned()), ..CaseChange::default() };
                        errors.extend(store.cases().change(case.id, &change).err());
                    }
                }
                Err(error) => errors.push(error),
            }
            errors.extend(store.today().err());
            errors.extend(store.contacts().search("mother", None, 10).err());
            errors.iter().for_each(|error| typed(error, &place));
            match store.verify(|_| {}, &CancelToken::default()) {
                Ok(report) => found += usize::from(!report.is_sound()),
                Err(error) => {
                    typed(&error, &place);
                    found += 1;
                }
            }
        }
    }
    let pages = good.len() / 4096;
    assert!(refused + found > pages, "{pages} pages, refused {refused}, found {found}");
}

fn typed(error: &Error, place: &str) {
    // A row that reads and means nothing is told by a code; whatever else is told by what is damaged.
    let known = matches!(
        error,
        Error::Storage(_)
            | Error::WrongWorker
            | Error::WrongVault
            | Error::Unexpected { .. }
            | Error::Invalid { .. }
            | Error::NotFound { .. }
            | Error::FieldInConflict { .. }
    );
    assert!(known, "{place}: {error:?}");
}

#[test]
fn one_damaged_document_leaves_the_others_readable_and_writable() {
    for (what, sql) in [
        ("snapshot", "UPDATE snapshot SET bytes = substr(bytes, 1, length(bytes) - 20) WHERE document = 1"),
        (
            "snapshot byte",
            "UPDATE snapshot SET bytes = CAST(x'0299' || substr(bytes, 3) AS BLOB) WHERE document = 1",
        ),
        ("format", "UPDATE snapshot SET bytes = CAST(x'63' || substr(bytes, 2) AS BLOB) WHERE document = 1"),
        ("head", "UPDATE head SET hash = zeroblob(32) WHERE document = 1"),
        ("missing", "DELETE FROM snapshot WHERE document = 1"),
    ] {
        let (mut phone, _) = filled();
        let connection = rusqlite::Connection::open(phone.file()).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{what}");
        drop(connection);
        phone.restart();
        let cases = phone.store.cases().list(&Default::default()).unwrap();
        assert_eq!(cases.len(), 2, "lists do not need the document");
        let change = CaseChange { team: Some("x".to_owned()), ..CaseChange::default() };
        let error = phone.store.cases().change(cases[0].id, &change).unwrap_err();
        assert!(matches!(error, Error::Storage(StorageFailed::Damaged { .. })), "{what}: {error:?}");
        phone.store.cases().change(cases[1].id, &change).unwrap();
        let report = phone.store.verify(|_| {}, &CancelToken::default()).unwrap();
        assert_eq!(report.damaged.len(), 1, "{what}: {report:?}");
    }
}
