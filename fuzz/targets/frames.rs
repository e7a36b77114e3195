//! libFuzzer feeds `inputs::frames`.
#![no_main]
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared with the tests, where a failure panics"
)]

#[path = "../../tests/channel/inputs.rs"]
mod inputs;
#[path = "../../tests/channel/raw.rs"]
mod raw;
#[path = "../../tests/channel/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|data: &[u8]| inputs::frames(data));
