//! W1, W2, W3: what it costs to record a visit durably, beside the plain transaction of the same data.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use caseplan_core::identity::{DeviceKeys, MemoryVault};
use caseplan_core::random::SystemRandom;

use crate::Places;
use crate::measure::{Line, copy, in_turn, instructions, others_at_rest, short};
use crate::ours::{Family, Ours, draft};
use crate::plain::Plain;

/// So many writes are counted on top of as many: what opening costs cancels out.
const COUNTED: usize = 44;

/// W1: on a real disk, both with `synchronous=FULL`.
pub fn w1(places: &Places) -> Vec<Line> {
    let folder = places.disk();
    let sync = sync_time(folder.path());
    let pair = both(folder.path(), 100, 300);
    let most = if sync >= Duration::from_millis(3) { 1.1 } else { 1.8 };
    vec![
        Line::ratio("W1", "durable visit, on disk", pair.ratio(), most, &pair.detail()),
        Line::note("W1", "one fsync on this disk", short(sync)),
    ]
}

/// W2: where a sync costs nothing, so that only work is left; W3: the same with many contacts under the plan.
pub fn w2(places: &Places) -> Vec<Line> {
    let mut lines = Vec::new();
    for contacts in [100, 5_100] {
        let folder = places.memory();
        let pair = both(folder.path(), contacts, 300);
        let what = format!("visit, no sync to wait for, {contacts} contacts");
        lines.push(Line::ratio("W2", what, pair.ratio(), 4.0, &pair.detail()));
    }
    let counted: Vec<_> =
        [100, 5_100].into_iter().filter_map(|contacts| counts(places, contacts, ["ours", "plain"])).collect();
    for (contacts, (ours, plain)) in [100, 5_100].into_iter().zip(&counted) {
        let what = format!("the same in instructions, {contacts} contacts");
        lines.push(Line::ratio("W2", what, ours / plain, 14.0, &format!("({ours:.0} : {plain:.0})")));
    }
    if let [(few, _), (many, _)] = counted[..] {
        lines.push(Line::ratio("W3", "instructions at 5,100 contacts : at 100", many / few, 1.15, ""));
    } else {
        lines.push(Line::note("W3", "instructions", "not counted: valgrind is missing"));
    }
    let keys = DeviceKeys::make(&MemoryVault::default(), &SystemRandom).unwrap();
    let since = Instant::now();
    (0..200).for_each(|number: u8| {
        keys.sign(&[number; 160]);
    });
    lines.push(Line::note("W2", "of ours: one signature", short(since.elapsed() / 200)));
    lines
}

/// Records into both sides in turn, after so many contacts.
fn both(folder: &Path, contacts: usize, rounds: usize) -> crate::measure::Pair {
    let (ours, family) = prepared(folder, contacts);
    let mut plain = plain(folder, &family, contacts);
    let (mut next, mut other) = (contacts, contacts);
    in_turn(
        rounds,
        || {
            ours.record(&family, next, 1);
            next += 1;
        },
        || {
            plain.record(&draft(&family, other), None);
            other += 1;
        },
    )
}

/// A store with one plan and so many contacts, all compacted.
pub fn prepared(folder: &Path, contacts: usize) -> (Ours, Family) {
    let ours = Ours::open(folder);
    let family = ours.family(0);
    ours.record(&family, 0, contacts);
    ours.store.compact(1).unwrap();
    (ours, family)
}

fn plain(folder: &Path, family: &Family, contacts: usize) -> Plain {
    let mut plain = Plain::open(&folder.join("plain.db"));
    (0..contacts).for_each(|number| plain.record(&draft(family, number), None));
    plain
}

/// What it costs to overwrite what is deleted, at every write: the same visit with it and without.
pub fn d(places: &Places) -> Vec<Line> {
    let (folder, other) = (places.memory(), places.memory());
    let (ours, family) = prepared(folder.path(), 100);
    let (left, their_family) = prepared(other.path(), 100);
    left.store.overwrite_deleted(false).unwrap();
    let (mut next, mut other) = (100, 100);
    let pair = in_turn(
        300,
        || {
            ours.record(&family, next, 1);
            next += 1;
        },
        || {
            left.record(&their_family, other, 1);
            other += 1;
        },
    );
    let what = "visit with what is deleted overwritten : left";
    let mut lines = vec![Line::note("W2", what, format!("{:.2}x {}", pair.ratio(), pair.detail()))];
    if let Some((ours, left)) = counts(places, 100, ["ours", "left"]) {
        let what = "the same in instructions";
        lines.push(Line::note("W2", what, format!("{:.3}x ({ours:.0} : {left:.0})", ours / left)));
    }
    lines
}

/// User instructions of one write of two sides.
fn counts(places: &Places, contacts: usize, sides: [&str; 2]) -> Option<(f64, f64)> {
    let folder = places.memory();
    let base = folder.path().join("base");
    std::fs::create_dir(&base).unwrap();
    let (ours, family) = prepared(&base, contacts);
    plain(&base, &family, contacts);
    ours.store.close();
    let count = |side: &str| {
        let run = |writes: usize| {
            let own = folder.path().join(format!("{side}-{writes}"));
            copy(&base, &own).unwrap();
            instructions(&[side, own.to_str()?, &contacts.to_string(), &writes.to_string()])
        };
        Some((run(2 * COUNTED)? - run(COUNTED)?) / COUNTED as f64)
    };
    Some((count(sides[0])?, count(sides[1])?))
}

/// What runs under the counter: one side's writes.
pub fn run(side: &str, folder: &Path, contacts: usize, writes: usize) {
    let ours = Ours::open(folder);
    let family = ours.first_family();
    if side == "plain" {
        let mut plain = Plain::open(&folder.join("plain.db"));
        (contacts..contacts + writes).for_each(|number| plain.record(&draft(&family, number), None));
    } else {
        ours.store.overwrite_deleted(side == "ours").unwrap();
        for number in contacts..contacts + writes {
            ours.record(&family, number, 1);
            // One visit after another, as they are recorded: how often a log is folded must not hang on how threads
            // take turns under a counter that lets one run at a time.
            others_at_rest();
        }
    }
    ours.store.close();
}

fn sync_time(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("sync")).unwrap();
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let since = Instant::now();
            file.sync_data().unwrap();
            since.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[25]
}
