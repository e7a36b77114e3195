//! What Caseplan costs, beside plain SQLite and other CRDT libraries: one table of ratios against the goals.
//!
//! `caseplan-bench all`, or some of the names that it prints without arguments. Only ratios of sides that took turns in
//! one run, counts of instructions, and bytes mean anything; see `docs/performance.md`.
// A benchmark that meets something unexpected has nothing to say: it stops.
#![allow(clippy::unwrap_used, clippy::panic)]

mod between;
mod libraries;
mod loads;
mod measure;
mod merges;
mod ours;
mod peers;
mod plain;
mod reads;
mod sizes;
mod sync;
mod writes;

use std::path::Path;
use std::process::ExitCode;

use measure::{Counting, Line};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Where files lie while they are measured.
pub struct Places;

impl Places {
    /// A folder on the disk of temporary files.
    pub fn disk(&self) -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    /// A folder in memory, where a sync costs nothing; on the disk where there is no such place.
    pub fn memory(&self) -> tempfile::TempDir {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
    }
}

type Benchmark = fn(&Places) -> Vec<Line>;

const BENCHMARKS: [(&str, Benchmark); 17] = [
    ("w1", writes::w1),
    ("w2", writes::w2),
    ("w4", peers::w4),
    ("d", writes::d),
    ("l1", loads::l1),
    ("c1", loads::c1),
    ("r", reads::r),
    ("b1", sizes::b1),
    ("b2", sizes::b2),
    ("m1", merges::m1),
    ("g", merges::g),
    ("m2", loads::m2),
    ("h", loads::h),
    ("s", sync::s),
    ("s1000", sync::s1000),
    ("s3000", sync::s3000),
    ("q1", merges::q1),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", side @ ("ours" | "plain" | "left"), folder, contacts, writes] => {
            writes::run(side, Path::new(folder), contacts.parse().unwrap(), writes.parse().unwrap());
            ExitCode::SUCCESS
        }
        // For a profiler: a store to run the above in.
        ["prepare", folder, contacts] => {
            writes::prepared(Path::new(folder), contacts.parse().unwrap()).0.store.close();
            ExitCode::SUCCESS
        }
        // Likewise: a week's due visits of so many cases, so often.
        ["due", cases, times] => {
            reads::due(&Places, cases.parse().unwrap(), times.parse().unwrap());
            ExitCode::SUCCESS
        }
        ["run", "sync", side, folder, what] => {
            sync::run(side, Path::new(folder), what);
            ExitCode::SUCCESS
        }
        ["run", operation, log, changes, _] => {
            merges::run(operation, Path::new(log), Path::new(changes));
            ExitCode::SUCCESS
        }
        _ => measure_all(&words),
    }
}

fn measure_all(wanted: &[&str]) -> ExitCode {
    let all = [&BENCHMARKS[..], &[("q2", merges::q2 as Benchmark)]].concat();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    if wanted.is_empty() || wanted.iter().any(|name| *name != "all" && !names.contains(name)) {
        eprintln!("which? all, or some of {}", names.join(", "));
        return ExitCode::from(2);
    }
    println!("| goal | what | measured | target | |\n|---|---|---|---|---|");
    for (name, benchmark) in all {
        if !wanted.contains(&"all") && !wanted.contains(&name) {
            continue;
        }
        for Line { goal, what, measured, target } in benchmark(&Places) {
            let (target, verdict) = match target {
                Some((target, met)) => (target, if met { "met" } else { "**not met**" }),
                None => (String::new(), ""),
            };
            println!("| {goal} | {what} | {measured} | {target} | {verdict} |");
        }
    }
    ExitCode::SUCCESS
}
