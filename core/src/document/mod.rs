//! The only code that names Automerge: what a document holds and how it changes.
//!
//! - [`layout`]: kinds, containers, genesis changes, registers;
//! - [`value`]: what a field can hold, entities, paths;
//! - [`handle`]: a loaded document: load, save, apply;
//! - [`edit`]: how a command writes;
//! - [`view`]: how a document is read, now or as it stood;
//! - [`chunk`]: a bounded reader of a change's bytes, older than any trust in them;
//! - [`guard`]: the last step of taking in somebody else's changes.
//!
//! It knows no rule of the domain, no SQL and no key.

pub mod chunk;
pub mod edit;
pub mod guard;
pub mod handle;
pub mod layout;
pub mod remake;
pub mod value;
pub mod view;

pub use edit::{Edit, EditRefused, Stamp};
pub use handle::{Document, LoadFailed, NewChange, raw_chunk};
pub use layout::Kind;
pub use value::{Entity, Field, FieldPath, OpId, Value};
pub use view::View;

/// The ending of a document's standard file.
pub const FILE_EXTENSION: &str = "automerge";
