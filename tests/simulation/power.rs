//! The power goes while a store is in use: it is opened again from its files as they lay at that moment, and whatever the
//! old store does as it is dropped has no effect on them.
//!
//! What was committed is durable, for every commit is synced. What was under way may be there in part: transactions up to
//! some one, and pieces of the next.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::acknowledged::Before;
use crate::dice::Dice;
use crate::leaks;
use crate::rows::Rows;
use crate::support::Device;
use crate::support::files::Secrets;
use crate::world::World;

/// The beginning of a log of writes, and of each page in it.
const HEADER: usize = 32;
const FRAME: usize = 24;

/// A store's files and vault at one moment.
pub struct Lying {
    database: Vec<u8>,
    log: Vec<u8>,
    index: Vec<u8>,
    secrets: Secrets,
    /// In how many documents the device was somebody.
    actors: u64,
}

impl Lying {
    /// As the files of a device lie, while its store is open.
    pub fn of(device: &Device) -> Self {
        let file = device.file();
        // Nobody commits and no log begins anew between one file and the next. A page that is being folded into the
        // database is in the log too.
        let nobody_writes = Connection::open(&file).unwrap();
        nobody_writes.busy_timeout(Duration::from_secs(10)).unwrap();
        nobody_writes.execute_batch("BEGIN IMMEDIATE").unwrap();
        let read = |ending| std::fs::read(beside(&file, ending)).unwrap_or_default();
        let (database, log, index) = (read(""), read("-wal"), read("-shm"));
        let actors = Rows::of(device).own_actors();
        Self { database, log, index, secrets: device.secrets(), actors }
    }

    /// As the files may lie if the power went at any time since they lay as before; answers how many transactions are
    /// lost.
    fn cut_since(&mut self, before: &Self, dice: &mut Dice) -> usize {
        // A log that has begun anew is folded into the database: it is as it is.
        if self.log.len() < HEADER || self.log.get(..HEADER) != before.log.get(..HEADER) {
            return 0;
        }
        let had = committed(&before.log).len();
        let ends = committed(&self.log);
        let kept = had + dice.below(ends.len() - had + 1);
        let lost = ends.len() - kept;
        let end = if kept == 0 { HEADER } else { ends[kept - 1] };
        let next = ends.get(kept).map_or(0, |next| dice.below(next - end));
        self.log.truncate(end + next);
        // Where nothing was written yet is what was there before, or nothing.
        if dice.chance(50) {
            self.log.extend(before.log.iter().skip(end + next));
        }
        self.database.clone_from(&before.database);
        self.actors = self.actors.min(before.actors);
        lost
    }

    /// The session that an opening finds, read from a copy in this place.
    fn session(&self, at: &Path) -> Vec<u8> {
        self.put_back(at, false);
        let copy = Connection::open(at).unwrap();
        let found = "SELECT value FROM setting WHERE name = 'session'";
        copy.query_row(found, [], |row| row.get(0)).unwrap()
    }

    /// Something of a transaction that was never committed lies after the last one that was.
    fn tear(&mut self, dice: &mut Dice) {
        let end = committed(&self.log).last().copied().unwrap_or(HEADER.min(self.log.len()));
        self.log.truncate(end);
        self.log.extend((0..1 + dice.below(9_000)).map(|_| dice.below(256) as u8));
    }

    /// Puts the files where they lay. The index beside the log is made anew by whoever opens it, so it may be there or not.
    fn put_back(&self, file: &Path, with_index: bool) {
        let index = if with_index { self.index.as_slice() } else { &[] };
        for (ending, bytes) in [("", self.database.as_slice()), ("-wal", &self.log), ("-shm", index)] {
            let path = beside(file, ending);
            let _ = std::fs::remove_file(&path);
            if !bytes.is_empty() {
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Where each transaction of a log ends: a page that says how large the database is then is the last of one. Pages of an
/// earlier run of the log have other salts.
fn committed(log: &[u8]) -> Vec<usize> {
    let Some(header) = log.get(..HEADER) else { return Vec::new() };
    let page = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
    let frames = log[HEADER..].chunks_exact(FRAME + page).take_while(|frame| frame[8..16] == header[16..24]);
    let last = frames.enumerate().filter(|(_, frame)| frame[4..8] != [0; 4]);
    last.map(|(at, _)| HEADER + (at + 1) * (FRAME + page)).collect()
}

impl World {
    /// The power goes between two commands.
    pub fn crash(&mut self, at: usize, dice: &mut Dice) {
        let held = self.may_let_go(&[at]);
        let lying = Lying::of(&self.devices[at]);
        self.note("crash", "crash", at).starts_again(at, lying, dice);
        self.the_last_copy_is_kept(&held);
    }

    /// The power goes while something is being done: some of it may be there afterwards, and nobody was told that it was
    /// done.
    pub fn crash_within(&mut self, at: usize, dice: &mut Dice) {
        let held = self.may_let_go(&[at]);
        let before = Lying::of(&self.devices[at]);
        match dice.below(10) {
            0 => self.take_back(at, dice),
            1..=2 => self.grant(at, dice),
            _ => {
                let _ = self.try_deeds(at, dice);
            }
        }
        self.note("crash in a command", "crash in a command", at).goes_dark(at, before, dice);
        self.the_last_copy_is_kept(&held);
        // A case may have been opened all the same.
        let before = Before::of(&self.devices[at]);
        for case in self.devices[at].cases() {
            if !self.founders.contains_key(&case) {
                self.mark(at, case);
            }
        }
        self.changes.extend(before.written(&self.devices[at], at));
    }

    /// The power goes at any time since the files lay as before.
    pub fn goes_dark(&mut self, at: usize, before: Lying, dice: &mut Dice) {
        let mut lying = Lying::of(&self.devices[at]);
        let lost = lying.cut_since(&before, dice);
        (0..lost).for_each(|_| self.count("commit lost"));
        self.starts_again(at, lying, dice);
    }

    /// The old store is dropped, and another is opened from what lay there.
    fn starts_again(&mut self, at: usize, mut lying: Lying, dice: &mut Dice) {
        if dice.chance(50) {
            lying.tear(dice);
            self.count("torn log");
        }
        leaks::was_granted(self, at, &lying.log, "as the power goes");
        let device = &mut self.devices[at];
        device.store.close();
        lying.put_back(&device.file(), dice.chance(50));
        device.vault = lying.secrets.vault();
        device.restart();
        // Or it would write as somebody new after every flat battery.
        let goes_on = Rows::of(device).own_actors() > 0 || lying.actors == 0;
        let an_older_copy = self.restored.contains(&at) || self.may_fork || !self.taken_back.is_empty();
        assert!(goes_on || an_older_copy, "{at} takes itself for an older copy after the power went");
        if dice.chance(15) {
            let mut opening = Lying::of(device);
            let lost = opening.cut_since(&lying, dice);
            opening.secrets = opening.secrets.opening(lying.session(&device.folder.path().join("probe")));
            (0..lost).for_each(|_| self.count("commit lost"));
            self.note("crash as it opens", "crash as it opens", at).starts_again(at, opening, dice);
        }
    }
}
