//! Contacts: drafts that are never lost, records that are never overwritten.
//!
//! - [`codes`], [`model`]: what is read and requested;
//! - [`drafts`]: begin, save, discard;
//! - [`fields`]: how a contact stands in its document;
//! - `around`: what of its case a contact is checked against;
//! - [`complete`]: from draft to record;
//! - [`amend`]: addenda and corrections;
//! - [`reads`]: from projections only.

pub mod amend;
mod around;
pub mod codes;
pub mod complete;
pub mod drafts;
pub mod fields;
pub mod model;
pub mod reads;

pub(crate) use around::Around;
pub use codes::*;
pub use drafts::Contacts;
pub use model::*;
