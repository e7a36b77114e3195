//! M1, Q1, Q2: memory after a merge, how costs grow, and what hostile bytes can cost.

use std::path::Path;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, ObjType, ROOT};
use caseplan_core::document::chunk::Limits;
use caseplan_core::document::{Document, Kind, NewChange, guard, raw_chunk};
use caseplan_core::ids::ChangeHash;

use crate::Places;
use crate::loads::kilobytes;
use crate::measure::{Line, exponent, heap, in_turn, instructions, short};
use crate::ours::Log;

/// What a peer sends.
fn sent(changes: &[NewChange]) -> Vec<(ChangeHash, Vec<u8>)> {
    changes.iter().map(|change| (change.hash, raw_chunk(&change.stored).unwrap())).collect()
}

/// A log of 20 contacts that two devices hold, to which each added so many apart.
fn apart(count: usize) -> (Document, Vec<(ChangeHash, Vec<u8>)>) {
    aside(20 + count, count)
}

/// A log of so many contacts, and so many that another device added when it held the first 20.
fn aside(own: usize, foreign: usize) -> (Document, Vec<(ChangeHash, Vec<u8>)>) {
    let saved = Log::with(20).document.save();
    let load = || Document::load(Kind::ContactLog, &saved, &[]).unwrap();
    let (mut ours, mut theirs) = (Log::of(load()), Log::of(load()));
    ours.add(own - 20);
    theirs.add(foreign);
    (Document::load(Kind::ContactLog, &ours.document.save(), &[]).unwrap(), sent(&theirs.changes))
}

pub fn m1(_: &Places) -> Vec<Line> {
    [100, 1_000]
        .map(|count| {
            let (document, changes) = apart(count);
            let (applied, live, peak) = heap(|| guard::apply(&document, &changes));
            assert!(applied.poisoned.is_empty());
            let saved = applied.document.save();
            let (_clean, clean, _) = heap(|| Document::load(Kind::ContactLog, &saved, &[]).unwrap());
            let what = format!("heap after merging {count} a side : clean load");
            let detail = format!("{} peak {:.0} MB", kilobytes(live, clean), peak / 1e6);
            Line::ratio("M1", what, live / clean, 1.5, &detail)
        })
        .into()
}

/// The two ways in which the guard makes its copy: cloned, or built anew from every change.
pub fn g(_: &Places) -> Vec<Line> {
    let ways = [usize::MAX, 0];
    let mut lines = Vec::new();
    for own in [50, 100, 200, 500, 1_000] {
        for foreign in [32, 48, 64, 80, 200, 1_000] {
            let (document, changes) = aside(own, foreign);
            let by = |anew: usize| guard::apply_anew_from(anew, &document, &changes);
            let [cloned, built] = ways.map(|anew| heap(|| by(anew)).2 / 1e6);
            let rounds = if own * foreign > 50_000 { 3 } else { 9 };
            let times = in_turn(rounds, || drop(by(0)), || drop(by(usize::MAX)));
            let told = format!("{:.2}x {}, peak {built:.1} : {cloned:.1} MB", times.ratio(), times.detail());
            lines.push(Line::note("Q1", format!("built anew : cloned, {foreign} changes onto {own}"), told));
        }
    }
    lines
}

const OPERATIONS: [&str; 5] = ["load", "save", "batch", "merge", "devices"];
const SIZES: [usize; 4] = [125, 250, 500, 1_000];

/// Q1: exponents of instructions over three doublings.
pub fn q1(places: &Places) -> Vec<Line> {
    let mut lines = Vec::new();
    let folder = places.memory();
    let file = |name: &str, size: usize| folder.path().join(format!("{name}-{size}"));
    let counted = |operation: &str, size: usize, with: &str| {
        let base = file(if operation == "merge" { "ours" } else { "log" }, size);
        let changes = file(with, size);
        instructions(&[operation, base.to_str()?, changes.to_str()?, "0"])
    };
    for size in SIZES {
        let log = Log::with(size);
        std::fs::write(file("log", size), log.document.save()).unwrap();
        keep(&file("batch", size), &sent(&log.changes));
        let (ours, theirs) = apart(size);
        std::fs::write(file("ours", size), ours.save()).unwrap();
        keep(&file("merge", size), &theirs);
        let devices: Vec<_> = (0..size)
            .flat_map(|_| {
                let mut device = Log::new();
                device.add(1);
                sent(&device.changes)
            })
            .collect();
        keep(&file("devices", size), &devices);
    }
    for operation in OPERATIONS {
        let with = if operation == "load" || operation == "save" { "batch" } else { operation };
        let figures: Option<Vec<(usize, f64)>> = SIZES
            .into_iter()
            .map(|size| {
                let nothing = counted("nothing", size, with)?;
                // Merging and saving first load: what that takes is another line's.
                let first = match operation {
                    "save" => counted("load", size, with)?,
                    _ => nothing,
                };
                Some((size, counted(operation, size, with)? - first))
            })
            .collect();
        let Some(figures) = figures else {
            lines.push(Line::note("Q1", operation, "not counted: valgrind is missing"));
            continue;
        };
        let per = figures.last().map_or(0.0, |(size, cost)| cost / *size as f64 / 1_000.0);
        let what = format!("exponent of {operation}, 125 to 1,000 contacts");
        lines.push(Line::ratio(
            "Q1",
            what,
            exponent(&figures),
            1.15,
            &format!("({per:.0} k instructions each)"),
        ));
    }
    lines
}

fn keep(file: &Path, changes: &[(ChangeHash, Vec<u8>)]) {
    let mut bytes = Vec::new();
    for (hash, chunk) in changes {
        bytes.extend_from_slice(&hash.0);
        bytes.extend_from_slice(&(chunk.len() as u32).to_be_bytes());
        bytes.extend_from_slice(chunk);
    }
    std::fs::write(file, bytes).unwrap();
}

fn kept(file: &Path) -> Vec<(ChangeHash, Vec<u8>)> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = bytes.as_slice();
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let (hash, after) = rest.split_at(32);
        let (length, after) = after.split_at(4);
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        changes.push((ChangeHash(hash.try_into().unwrap()), after[..length].to_vec()));
        rest = &after[length..];
    }
    changes
}

/// What runs under the counter.
pub fn run(operation: &str, log: &Path, changes: &Path) {
    let (saved, changes) = (std::fs::read(log).unwrap(), kept(changes));
    let load = || Document::load(Kind::ContactLog, &saved, &[]).unwrap();
    let empty = || Document::new(Kind::ContactLog).unwrap();
    match operation {
        "load" => drop(load()),
        "save" => drop(load().save()),
        "batch" | "devices" => assert!(guard::apply(&empty(), &changes).poisoned.is_empty()),
        "merge" => assert!(guard::apply(&load(), &changes).poisoned.is_empty()),
        _ => {}
    }
}

/// Q2: a small file that says much.
pub fn q2(_: &Places) -> Vec<Line> {
    let mut document = Automerge::new();
    let mut tx = document.transaction();
    let text = tx.put_object(ROOT, "text", ObjType::Text).unwrap();
    tx.splice_text(&text, 0, 0, &"a".repeat(2_000_000)).unwrap();
    tx.commit_with(CommitOptions::default());
    let file = document.save();
    let change = document.get_changes(&[])[0].clone().bytes().into_owned();
    drop(document);
    let kind = Kind::ContactLog;
    let refused =
        || guard::changes_of_snapshot(Some(kind), &kind.genesis_hash(), &file, 0, &Limits::DEFAULT).is_err();
    let (document_refused, _, peak) = heap(refused);
    let (change_refused, _, other) =
        heap(|| caseplan_core::document::chunk::read_change(&change, &Limits::DEFAULT).is_err());
    assert!(document_refused && change_refused);
    let time = in_turn(5, || assert!(refused()), || ());
    let peak = peak.max(other) / 1e6;
    let measured = format!("{peak:.2} MB, {} for {} B", short(time.ours), file.len().max(change.len()));
    vec![Line {
        goal: "Q2",
        what: "2 million equal characters, refused".to_owned(),
        measured,
        target: Some(("<= 64 MB, 1 s".to_owned(), peak <= 64.0 && time.ours.as_secs_f64() <= 1.0)),
    }]
}
