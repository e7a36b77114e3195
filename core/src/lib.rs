//! The planning core.
