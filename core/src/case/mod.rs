//! Cases: who they are about, who takes part, who keeps them.
//!
//! - [`model`]: what is read and requested;
//! - [`fields`]: how a case stands in its document;
//! - [`commands`]: one transaction each;
//! - [`import`]: an agency's existing case, whole or not at all;
//! - [`reads`]: from projections only.

pub mod commands;
pub mod fields;
pub mod import;
pub mod model;
pub mod reads;

pub use commands::Cases;
pub use import::CaseImport;
pub use model::*;
