//! How things read: in words for a table, as JSON for a machine.
//!
//! - [`words`]: schedules, times, parties, fields in a few words;
//! - [`tables`]: many things in rows;
//! - [`pages`]: one thing in full;
//! - [`json`]: the stable form of every read;
//! - [`qr`]: what a camera is to read.

pub mod json;
pub mod pages;
pub mod qr;
pub mod tables;
pub mod words;
