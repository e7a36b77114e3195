//! What a passing test has to say: how often something came about, and what this machine did not let it check.
#![allow(dead_code, reason = "each test uses a part of this")]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;

/// Prints a line, also where the test passes: what `println!` prints is kept back then.
pub fn say(line: impl Display) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// How often each thing came about, in one line.
pub fn counts(tally: &BTreeMap<impl Display, u64>) -> String {
    let counts: Vec<String> = tally.iter().map(|(what, count)| format!("{what} {count}")).collect();
    counts.join(", ")
}
