//! `kill -9` at any moment: whatever a call returned for is there, and the store is sound and goes on.
//!
//! A child process works and prints what each call acknowledged; this one kills it and looks. `CASEPLAN_KILLS=500`
//! kills so often in each test instead of a few times.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "kill/child.rs"]
mod child;
#[path = "kill/parent.rs"]
mod parent;
#[cfg(target_os = "linux")]
#[path = "kill/trace.rs"]
mod trace;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::keys::secret;
use caseplan_core::identity::{KeyVault, MemoryVault, VaultFailed};
use caseplan_core::store::{ListenerFailed, LogEntry, LogSink};
use caseplan_core::{Store, StoreConfig};
use child::{Home, any_case};
use parent::{Acknowledged, Chance, Family, Opening, kills, look, run};
use support::say::say;
use support::{new_case, scratch};

/// A new store now and then: looking at a long one would take longer than working.
const KILLS_OF_A_STORE: u64 = 10;
/// How often a store is killed while it is opened.
const OPENINGS: u64 = 16;

/// Kills children at their work, looks after each, and hands what they wrote to another store.
fn kill_at(work: &str, normally: u64, check: impl Fn(&Home, &Acknowledged)) {
    let (mut chance, mut found, mut family) = (Chance::new(work.len() as u64), 0, Family::new());
    for kill in 1..=kills(normally) {
        let acknowledged = run(&family.home, work, ("opened", 1), chance.millis(120));
        check(&family.home, &acknowledged);
        let (store, more) = look(&family.home, &acknowledged);
        found += more;
        family.hands_on(&store);
        store.close();
        if kill % KILLS_OF_A_STORE == 0 {
            family = Family::new();
        }
    }
    say(format_args!("{work}: {} kills, {found} acknowledged and found", kills(normally)));
    assert!(found > 0, "nothing was acknowledged before a kill");
}

#[test]
fn every_acknowledged_contact_draft_addendum_and_change_is_there() {
    kill_at("record", 12, |_, _| {});
}

#[test]
fn a_kill_during_compaction_loses_nothing() {
    kill_at("compact", 5, |_, _| {});
}

#[test]
fn a_kill_during_a_rebuild_loses_nothing() {
    kill_at("rebuild", 5, |_, _| {});
}

#[test]
fn a_kill_during_a_backup_loses_nothing_and_leaves_no_half_backup_under_its_name() {
    kill_at("back up", 5, |home, acknowledged| {
        let restored = home.0.join("restored.db");
        let finished: Vec<_> = fs::read_dir(&home.0)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none() && path.to_string_lossy().contains("backup-"))
            .collect();
        for backup in acknowledged.of("backup") {
            assert!(finished.contains(&home.0.join(&backup[0])), "backup {backup:?} is lost");
        }
        for backup in finished {
            Store::restore(&backup, &restored).unwrap();
            fs::remove_file(&restored).unwrap();
            fs::remove_file(&backup).unwrap();
        }
    });
}

#[test]
fn a_kill_during_an_import_loses_neither_what_was_committed_nor_drafts_saved_meanwhile() {
    let (mut chance, mut imported, mut cut, mut family) = (Chance::new(7), 0, 0, Family::with_a_stream(60));
    for kill in 1..=kills(4) {
        let before = family.home.open().unwrap();
        let held = before.info().unwrap().changes;
        before.close();
        // By portions and not by the time: two kills leave something out of an import, however fast it is.
        let portions = 1 + chance.below(150);
        let acknowledged = run(&family.home, "import", ("imported", portions), chance.millis(3));
        let (store, _) = look(&family.home, &acknowledged);
        let accepted = acknowledged.of("imported").next_back().map_or(0, |rest| rest[0].parse().unwrap());
        assert!(store.info().unwrap().changes >= held + accepted, "{held} and {accepted}");
        imported += accepted;
        let theirs = family.peer().exchange().digest().unwrap();
        cut += u64::from(store.exchange().digest().unwrap() != theirs);
        if kill % 2 == 0 {
            parent::takes(&store, &fs::read(family.home.stream()).unwrap());
            assert_eq!(store.exchange().digest().unwrap(), theirs, "what was cut off goes on");
        }
        store.close();
        if kill % 2 == 0 {
            family = Family::with_a_stream(60);
        }
    }
    say(format_args!("import: {} kills, {cut} within it, {imported} changes before them", kills(4)));
    assert!(imported > 0 && cut > 0, "{imported} changes imported before a kill, {cut} imports cut off");
}

#[test]
fn a_store_that_was_killed_while_it_was_made_can_be_made() {
    let mut opening = Opening::new(11);
    for _ in 0..kills(OPENINGS) {
        let folder = scratch();
        let home = Home(folder.path().to_owned());
        opening.kill(&home);
        let store = home.open().unwrap();
        let case = store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
        store.close();
        let store = home.open().unwrap();
        assert!(store.cases().get(case.id).unwrap().is_some());
        assert!(store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
    }
    opening.end("new", OPENINGS);
}

/// A vault that is killed with its process after it kept a session's id, and before anybody heard of it.
struct KilledWhenTold(Arc<MemoryVault>);

impl KeyVault for KilledWhenTold {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, VaultFailed> {
        self.0.load(name)
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), VaultFailed> {
        self.0.store(name, bytes)?;
        let killed = VaultFailed { reason: "killed".to_owned() };
        if name == secret::SESSION_NEXT { Err(killed) } else { Ok(()) }
    }

    fn delete(&self, name: &str) -> Result<(), VaultFailed> {
        self.0.delete(name)
    }
}

#[derive(Default)]
struct Codes(Mutex<Vec<&'static str>>);

impl LogSink for Codes {
    fn log(&self, entry: &LogEntry) -> Result<(), ListenerFailed> {
        self.0.lock().unwrap().push(entry.code);
        Ok(())
    }
}

#[test]
fn a_store_that_was_killed_at_two_openings_is_not_taken_for_a_restored_one() {
    let phone = support::Device::new("phone", "w-117");
    phone.store.close();
    // Killed once after the database had its session: the vault knows that as the next one only.
    phone.vault.store(secret::SESSION_CURRENT, &[7; 16]).unwrap();
    let killed = Store::open(phone.config(), Arc::new(KilledWhenTold(phone.vault.clone())));
    assert!(matches!(killed, Err(caseplan_core::Error::Vault { .. })));
    let codes = Arc::new(Codes::default());
    let config = StoreConfig { log: Some(codes.clone()), ..phone.config() };
    let store = Store::open(config, phone.vault.clone()).unwrap();
    store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap();
    store.close();
    let codes = codes.0.lock().unwrap();
    assert!(codes.contains(&"case.create") && !codes.contains(&"store.restored"), "{codes:?}");
}

#[test]
fn a_store_that_was_killed_while_its_projections_were_made_anew_has_them() {
    let mut opening = Opening::new(13);
    let family = Family::new();
    let store = family.home.open().unwrap();
    let case = any_case(&store);
    parent::records(&store, &case, 60);
    let rows = store.dump_projections().unwrap();
    store.close();
    for _ in 0..kills(OPENINGS) {
        // As the file of an app whose projections had another form.
        let file = rusqlite::Connection::open(family.home.file()).unwrap();
        file.execute("DELETE FROM setting WHERE name = 'projections'", []).unwrap();
        drop(file);
        opening.kill(&family.home);
        let store = family.home.open().unwrap();
        assert_eq!(store.dump_projections().unwrap(), rows);
        assert_eq!(store.contacts().page(&ContactQuery::of_case(case.id, 100)).unwrap().contacts.len(), 60);
        store.close();
    }
    opening.end("projections", OPENINGS);
}

fn version_of(file: &Path) -> u32 {
    let file = rusqlite::Connection::open(file).unwrap();
    file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_file_of_an_older_version_that_was_killed_while_it_was_upgraded_is_upgraded_whole() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1/caseplan.db");
    let upgraded = |kill: Option<&mut Opening>| {
        let folder = scratch();
        let home = Home(folder.path().to_owned());
        fs::copy(&fixture, home.file()).unwrap();
        if let Some(opening) = kill {
            opening.kill(&home);
        }
        let version = version_of(&home.file());
        let store = home.open().unwrap();
        assert!(store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
        let rows = store.dump_projections().unwrap();
        store.close();
        assert_eq!(version_of(&home.0.join("caseplan.db.v1")), 1, "what it was is kept beside it");
        (version, rows)
    };
    let (_, whole) = upgraded(None);
    let mut opening = Opening::new(17);
    for _ in 0..kills(OPENINGS) {
        let (version, rows) = upgraded(Some(&mut opening));
        // A step is a transaction: a kill leaves what one of the steps makes, and the next opening goes on from there.
        assert!((1..=Store::SCHEMA).contains(&version), "half upgraded: {version}");
        assert_eq!(rows, whole);
    }
    opening.end("upgrade", OPENINGS);
}
