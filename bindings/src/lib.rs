//! What Kotlin and Swift see of the core: mirrors of its types, and calls of one expression each.
//!
//! Nothing is decided here. Every exported function returns a `Result`: in Swift, a panic in a function that
//! cannot throw ends the app. Text becomes a typed value at this boundary and is text again only on its far side.
//!
//! - [`store`]: what an app opens, and the traits that it implements;
//! - `case`, `visitation`, `due`, `contact`, `merge`, `exchange`, `identity`, `grants`, `enrolment`, `sync`, `nearby`, `care`: one
//!   file per concept, as in the core; `connection` is what an app brings for bytes to go over;
//! - `codes`, `ids`, `time`: values;
//! - [`error`]: what an app can act on.
// UniFFI's scaffolding is made of `unsafe` items; no line written here is. Its mirrors repeat what the core documents.
#![allow(unsafe_code)]

mod care;
mod case;
mod codes;
mod connection;
mod contact;
mod due;
mod enrolment;
pub mod error;
mod exchange;
mod grants;
mod hand_over;
mod identity;
mod ids;
mod merge;
mod nearby;
pub mod store;
mod sync;
mod time;
mod visitation;

pub use error::CaseplanError;
pub use store::CoreStore;

uniffi::setup_scaffolding!();

/// The version of the core, as in `Cargo.toml`.
#[uniffi::export]
pub fn core_version() -> Result<String, CaseplanError> {
    Ok(env!("CARGO_PKG_VERSION").to_owned())
}
