//! The channel, enrolment and the file hand-over: what honest devices see, and what strangers and tamperers get.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story fails by panicking")]

mod support;

#[path = "channel/columns.rs"]
mod columns;
#[path = "channel/enrolment.rs"]
mod enrolment;
#[path = "channel/files.rs"]
mod files;
#[path = "channel/fuzz.rs"]
mod fuzz;
#[path = "channel/guard.rs"]
mod guard;
#[path = "channel/heap.rs"]
mod heap;
#[path = "channel/hostile.rs"]
mod hostile;
#[path = "channel/inputs.rs"]
mod inputs;
#[path = "channel/kinds.rs"]
mod kinds;
#[path = "channel/members.rs"]
mod members;
#[path = "channel/messages.rs"]
mod messages;
#[path = "channel/raw.rs"]
mod raw;
#[path = "channel/scene.rs"]
mod scene;
#[path = "channel/session.rs"]
mod session;
#[path = "channel/talk.rs"]
mod talk;
#[path = "channel/wire.rs"]
mod wire;
