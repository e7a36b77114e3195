//! The only code that names rusqlite: one SQLite file with documents, records, drafts and projections.
//!
//! - [`database`], [`failure`]: open, lock, readers and the writer, backup; what can go wrong;
//! - [`schema`]: versions of the file;
//! - [`settings`], [`records`]: what the file knows of itself, foundings; authority records and certificates;
//! - [`documents`]: scopes, documents, actors, heads;
//! - [`changes`], [`snapshots`], [`vectors`]: changes, what absorbs their bytes, evidence of what was refused; up to
//!   where documents are held;
//! - [`forks`]: two changes with one number;
//! - [`blobs`]: the bytes of attachments;
//! - `removal`: a case that goes;
//! - [`drafts`]: contacts that are being written;
//! - [`cases`], [`plans`], [`contacts`], [`issues`]: projections, one file per concept.
//!
//! It knows ids, bytes and text; no rule, no document, no key.

pub mod blobs;
pub mod cases;
pub mod changes;
pub mod contacts;
pub mod database;
pub mod documents;
pub mod drafts;
pub mod failure;
pub mod forks;
pub mod issues;
pub mod peers;
pub mod plans;
pub mod records;
mod removal;
pub mod schema;
pub mod settings;
pub mod snapshots;
pub mod vectors;

pub use database::{Database, Location, Reading, Writing};
pub use failure::StorageFailed;
