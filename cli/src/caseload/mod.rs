//! An agency's existing caseload, read from a file and taken in case by case.
//!
//! - [`decode`]: bytes to text, whatever wrote them;
//! - [`rows`]: CSV or JSON to rows, the same for both;
//! - [`columns`]: which columns a row of a kind can have;
//! - [`cell`]: one value of a row, or why it is none;
//! - [`read`]: rows to requests of the core;
//! - [`group`]: rows by case;
//! - [`take`]: one case, whole or not at all.
//!
//! The format is published in `docs/import`.

pub mod cell;
pub mod columns;
pub mod decode;
pub mod group;
pub mod read;
pub mod rows;
pub mod take;
