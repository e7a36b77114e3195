//! The rules of the specification, each cited by its id, with a case that is refused and one that is allowed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "rules/contacts.rs"]
mod contacts;
#[path = "rules/corrections.rs"]
mod corrections;
#[path = "rules/drafts.rs"]
mod drafts;
#[path = "rules/imports.rs"]
mod imports;
#[path = "rules/issues.rs"]
mod issues;
#[path = "rules/loaded.rs"]
mod loaded;
#[path = "rules/plans.rs"]
mod plans;
#[path = "rules/reads.rs"]
mod reads;
#[path = "rules/times.rs"]
mod times;
#[path = "rules/watching.rs"]
mod watching;
