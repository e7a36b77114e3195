//! What Kotlin and Swift see of the core: mirrors of its types, and functions of one expression each.
//!
//! Nothing is decided here. Every exported function returns a `Result`: in Swift, a panic in a function that
//! cannot throw ends the app. Text becomes a typed value at this boundary and is text again only on its far side.
// UniFFI's scaffolding is made of `unsafe` items; no line written here is.
#![allow(unsafe_code)]

mod error;
mod ids;
mod probe;
mod time;

pub use error::CaseplanError;
pub use ids::{CaseId, WorkerId};
pub use probe::{BoundaryProbe, probe_boundary};
pub use time::{Day, Minutes, Timestamp, WallTime, Zone};

uniffi::setup_scaffolding!();

/// Returns the version of the core, as in `Cargo.toml`.
#[uniffi::export]
pub fn core_version() -> Result<String, CaseplanError> {
    Ok(env!("CARGO_PKG_VERSION").to_owned())
}
