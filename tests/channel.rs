//! The channel, enrolment and the file hand-over: what honest devices see, and what strangers and tamperers get.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

#[path = "channel/enrolment.rs"]
mod enrolment;
#[path = "channel/files.rs"]
mod files;
#[path = "channel/fuzz.rs"]
mod fuzz;
#[path = "channel/heap.rs"]
mod heap;
#[path = "channel/hostile.rs"]
mod hostile;
#[path = "channel/inputs.rs"]
mod inputs;
#[path = "channel/kinds.rs"]
mod kinds;
#[path = "channel/messages.rs"]
mod messages;
#[path = "channel/raw.rs"]
mod raw;
#[path = "channel/wire.rs"]
mod wire;
