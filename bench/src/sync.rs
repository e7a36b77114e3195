//! S1 to S5: what two devices say to hold the same, beside automerge's own protocol, loro and yrs with the same content.
//!
//! Ours is the real session of two stores: encrypted, each change signed and checked, rights asked, all committed on
//! both sides. Theirs is none of that, and begins with its documents in memory.

use std::path::Path;

use automerge::Automerge;

use crate::Places;
use crate::between::{CASES, Measured, SIDES, Wire, documents, measure, prepare, snapshots};
use crate::libraries::Traffic;
use crate::measure::{Line, instructions, short};
use crate::ours::Ours;

/// So many cases, each of three documents, are counted in instructions too.
const COUNTED: usize = 30;
/// Batches that may be on their way at once.
const WINDOW: usize = 4;

pub fn s(places: &Places) -> Vec<Line> {
    of(places, COUNTED)
}

pub fn s1000(places: &Places) -> Vec<Line> {
    of(places, 334)
}

pub fn s3000(places: &Places) -> Vec<Line> {
    of(places, 1_000)
}

/// S1 to S5 at one size.
fn of(places: &Places, families: usize) -> Vec<Line> {
    let folder = places.memory();
    prepare(folder.path(), families);
    let at = |case: &str| folder.path().join(case);
    let mut lines = goals(folder.path(), families);
    if families == COUNTED {
        lines.push(on_disk(places, &at("first"), 3 * families));
    }
    for (case, ..) in CASES {
        let counted = families == COUNTED;
        let sides = SIDES.map(|side| {
            let instructions = if counted { count(side, &at(case)) } else { None };
            // What was counted ran on copies; this is the only exchange of these stores.
            let measured = measure(side, &at(case), true).unwrap();
            format!("{side} {}", told(&measured, instructions))
        });
        lines.push(Line::note("S", format!("{}, {} documents", said(case), 3 * families), sides.join("; ")));
    }
    lines
}

/// What commits cost: the receiver makes one for what came together before it acknowledges it.
fn on_disk(places: &Places, first: &Path, documents: usize) -> Line {
    let times = [places.disk(), places.memory()].map(|folder| {
        crate::measure::copy(first, folder.path()).unwrap();
        measure("ours", folder.path(), true).unwrap().time
    });
    let each = times[0].saturating_sub(times[1]) / u32::try_from(documents).unwrap();
    let told = format!("{} : {}, {} a document", short(times[0]), short(times[1]), short(each));
    Line::note(
        "S4",
        format!("a new phone, {documents} documents, on disk : where a sync costs nothing"),
        told,
    )
}

fn said(case: &str) -> &'static str {
    match case {
        "first" => "a new phone",
        "nothing" => "nothing new",
        "one" => "one new visit",
        "ten" => "10 visits a side, one log",
        "both" => "100 visits a side, one log",
        _ => "100 visits a side, ten logs",
    }
}

fn told(measured: &Measured, instructions: Option<f64>) -> String {
    let Measured { traffic: Traffic { bytes, turns, loaded, .. }, time, peak } = measured;
    let trips = *turns as f64 / 2.0;
    let counted =
        instructions.map(|count| format!(", {:.1} M instructions", count / 1e6)).unwrap_or_default();
    let loaded = if *loaded > 0 { format!(", {loaded} loaded") } else { String::new() };
    format!("{bytes} B, {trips} trips, {}, {:.1} MB{counted}{loaded}", short(*time), peak / 1e6)
}

/// User instructions of an exchange alone: what making it ready costs cancels out.
fn count(side: &str, folder: &Path) -> Option<f64> {
    let run = |what: &str| {
        let own = folder.with_file_name("counted");
        crate::measure::copy(folder, &own).unwrap();
        let counted = instructions(&["sync", side, own.to_str()?, what]);
        std::fs::remove_dir_all(own).unwrap();
        counted
    };
    Some(run("go")? - run("ready")?)
}

/// What runs under the counter.
pub fn run(side: &str, folder: &Path, what: &str) {
    measure(side, folder, what == "go");
}

/// One session on a copy, and then what an open one costs.
fn once<T>(folder: &Path, work: impl FnOnce(&mut Wire<'_>, Traffic) -> T) -> T {
    let own = folder.with_file_name("once");
    crate::measure::copy(folder, &own).unwrap();
    let (phone, other) = (Ours::open(&own.join("phone")), Ours::open(&own.join("other")));
    let mut wire = Wire::between(&phone, &other);
    let traffic = wire.run();
    let result = work(&mut wire, traffic);
    drop(wire);
    [phone, other].into_iter().for_each(|side| side.store.close());
    std::fs::remove_dir_all(own).unwrap();
    result
}

fn goals(folder: &Path, families: usize) -> Vec<Line> {
    let documents_in_all = 3 * families;
    let at = |case: &str| folder.join(case);
    let what = |words: &str| format!("{words}, {documents_in_all} documents");
    let verdict = |goal, what, measured, target: &str, met| Line {
        goal,
        what,
        measured,
        target: Some((target.to_owned(), met)),
    };
    let (whole, round, live) = once(&at("nothing"), |wire, whole| (whole, wire.look_over(), wire.record()));
    // What is said before the first round of a session: handshake, proofs, records.
    let greeting = Traffic { bytes: whole.bytes - round.bytes, turns: whole.turns - round.turns, ..round };
    let in_open = |case: &str| {
        once(&at(case), |_, traffic| Traffic {
            bytes: traffic.bytes - greeting.bytes,
            turns: traffic.turns - greeting.turns,
            until_sent: traffic.until_sent.saturating_sub(greeting.turns),
            ..traffic
        })
    };
    let trips = |turns: usize| turns as f64 / 2.0;
    let mut lines = vec![
        Line::note(
            "S",
            what("handshake, proofs and records"),
            format!("{} B, {} trips", greeting.bytes, trips(greeting.turns)),
        ),
        verdict(
            "S1",
            what("nothing new, in an open session"),
            format!("{} B, {} trips, {} loaded", round.bytes, trips(round.turns), round.loaded),
            "<= 64 B, 1 trip, 0 loaded",
            round.bytes <= 64 && round.turns <= 2 && round.loaded == 0,
        ),
    ];
    let new = |case: &str| (news(&at(case), "phone", "other"), news(&at(case), "other", "phone"));
    let one = in_open("one");
    let (change, _) = new("one");
    let beyond = one.bytes as i64 - change.stored as i64;
    lines.push(verdict(
        "S2",
        what("one new visit, found in a round"),
        format!("change + {beyond} B, sent after {} trips", trips(one.until_sent - 1)),
        "<= change + 500 B, 2 trips",
        beyond <= 500 && one.until_sent <= 5,
    ));
    let beyond = live.bytes as i64 - change.stored as i64;
    lines.push(verdict(
        "S2",
        what("one new visit, while the session is open"),
        format!("change + {beyond} B, sent after {} trips", trips(live.until_sent - 1)),
        "<= change + 500 B, 2 trips",
        beyond <= 500 && live.until_sent <= 5,
    ));
    for (case, words) in [("ten", "10 visits a side"), ("both", "100 visits a side")] {
        let (phone, other) = new(case);
        let ours = in_open(case).bytes - 64 * (phone.changes + other.changes);
        let best = phone.best + other.best;
        let detail = format!("({ours} : {best} B)");
        let words = what(&format!("{words}, without signatures : zstd-19"));
        lines.push(Line::ratio("S3", words, ours as f64 / best as f64, 1.15, &detail));
    }
    let first = in_open("first");
    let changes: usize =
        documents(&at("first"), "other").iter().map(|document| document.get_changes(&[]).len() - 1).sum();
    let (ours, best) = (first.bytes - 64 * changes, snapshots(&at("first")));
    let detail = format!("({ours} : {best} B)");
    lines.push(Line::ratio(
        "S4",
        what("a new phone, without signatures : snapshots"),
        ours as f64 / best as f64,
        1.1,
        &detail,
    ));
    let most = 1 + documents_in_all.div_ceil(WINDOW);
    lines.push(verdict(
        "S4",
        what("the same, round trips"),
        format!("{}", trips(first.turns)),
        &format!("<= {most}: 1 and 1 a window"),
        first.turns <= 2 * most,
    ));
    if families == COUNTED {
        let counted = || {
            let session = count("ours", &at("both"))? - count("ours", &at("nothing"))?;
            Some((session, count("merge", &at("both"))?))
        };
        let words = "100 visits a side : one merge in memory, instructions";
        lines.push(match counted() {
            Some((session, merge)) => {
                let detail = format!("({:.0} : {:.0} M)", session / 1e6, merge / 1e6);
                Line::ratio("S5", words, session / merge, 2.2, &detail)
            }
            None => Line::note("S5", words, "not counted: valgrind is missing"),
        });
    }
    lines
}

/// What one device holds and the other lacks.
struct News {
    changes: usize,
    /// Bytes as stored, each change deflated by itself.
    stored: usize,
    /// Bytes of all raw changes together, by zstd at its best.
    best: usize,
}

fn news(folder: &Path, of: &str, lacks: &str) -> News {
    let (mut changes, mut stored, mut raw) = (0, 0, Vec::new());
    for (have, lack) in documents(folder, of).iter().zip(&documents(folder, lacks)) {
        if have.get_heads() == lack.get_heads() {
            continue;
        }
        for mut change in Automerge::get_changes_added(lack, have) {
            changes += 1;
            raw.extend_from_slice(change.raw_bytes());
            stored += change.bytes().len();
        }
    }
    let best = if raw.is_empty() { 0 } else { zstd::bulk::compress(&raw, 19).unwrap().len() };
    News { changes, stored, best }
}
