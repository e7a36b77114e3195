//! Visitation plans: by what right, when, how and where a child meets people; and which visits are due.
//!
//! - [`codes`], [`model`]: what is read and requested;
//! - [`schedule`]: recurrence rules and quotas made into dates;
//! - [`fields`]: how a plan stands in its document;
//! - [`commands`]: one transaction each;
//! - `create`: making one;
//! - [`due`]: planned visits and what became of them;
//! - [`reads`]: from projections only.

pub mod codes;
pub mod commands;
pub(crate) mod create;
pub mod due;
pub mod fields;
pub mod model;
pub mod reads;
pub mod schedule;

pub use codes::*;
pub use commands::VisitationPlans;
pub use model::*;
