//! Canaries: words that stand in one place only, and where they are found.
//!
//! Each case has one in its own document and one in a visitation plan; what is written after the end of a device has one
//! each. They are where nobody corrects them, so whoever holds the place holds the word.

use std::collections::BTreeSet;

use caseplan_core::ids::CaseId;

const BEGIN: &[u8] = b"kanari";
const LENGTH: usize = 33;

/// The word in a case's own document: level 1.
pub fn of_case(case: CaseId) -> String {
    format!("kanaric{}", case.to_string().replace('-', ""))
}

/// The word in the visitation plan that the simulator gives each case.
pub fn of_plan(case: CaseId) -> String {
    format!("kanariv{}", case.to_string().replace('-', ""))
}

/// The word of something that was written after the end of a device.
pub fn after_end(number: usize) -> String {
    format!("kanarie{number:032}")
}

/// Every such word in some bytes.
pub fn found_in(bytes: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == BEGIN[0]) {
        rest = &rest[at..];
        match rest.get(..BEGIN.len() + LENGTH) {
            Some(word) if word.starts_with(BEGIN) && word.iter().all(u8::is_ascii_alphanumeric) => {
                found.insert(String::from_utf8_lossy(word).into_owned());
                rest = &rest[word.len()..];
            }
            _ => rest = &rest[1..],
        }
    }
    found
}
