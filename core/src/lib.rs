//! Caseplan core.

pub mod codes;
pub mod document;
pub mod identity;
pub mod ids;
pub mod json;
pub mod random;
pub mod time;
