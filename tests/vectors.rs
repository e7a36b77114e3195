//! Test vectors for another implementation: files that this test recomputes, and `tests/vectors/check.py` once more with
//! independent libraries. Write them anew with `CASEPLAN_WRITE_VECTORS=1`, and only when the protocol gets a version.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "vectors/channel.rs"]
mod channel;
#[path = "vectors/digests.rs"]
mod digests;
#[path = "vectors/enrolment.rs"]
mod enrolment;
#[path = "vectors/fixed.rs"]
mod fixed;
#[path = "vectors/identity.rs"]
mod identity;
