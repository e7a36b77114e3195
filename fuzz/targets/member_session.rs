//! libFuzzer feeds `members::session`.
#![no_main]
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared with the tests, where a failure panics"
)]

#[path = "../../tests/channel/columns.rs"]
mod columns;
#[path = "../../tests/channel/members.rs"]
mod members;
#[path = "../../tests/channel/scene.rs"]
mod scene;
#[path = "../../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| members::session(data));
