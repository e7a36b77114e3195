//! Who may do what, as an app asks for it: devices, issuers and their ends; grants and their ends; what waits for a
//! person; root and recovery.
//!
//! - [`records`]: records of any kind, stored with what they bring about, in one transaction;
//! - [`receipts`]: what this device held when it learned of an end;
//! - [`devices`], [`joining`], [`recovery`]: the domain: [`Identity`];
//! - [`grants`], [`waiting`], [`review`], [`taken_back`]: cases: [`Grants`];
//! - `forks`: which branch of a fork is kept;
//! - `held`: what is held is tried again;
//! - [`scopes`]: what a scope is, from what is stored.

pub mod devices;
mod forks;
pub mod grants;
pub(crate) mod held;
pub mod joining;
pub mod receipts;
pub mod records;
pub mod recovery;
pub mod review;
pub mod scopes;
pub mod taken_back;
pub mod waiting;

use crate::store::Store;

pub use devices::CertifiedDevice;
pub use grants::{DocumentKind, GrantState, GrantView, NewGrant};
pub use records::TakenRecords;
pub use recovery::RecoverySecret;
pub use review::WorkToReview;
pub use taken_back::TakenBack;
pub use waiting::WaitingWork;

/// This device's identity and the domain that it belongs to.
pub struct Identity<'a> {
    pub(crate) store: &'a Store,
}

/// Who may see and write which case.
pub struct Grants<'a> {
    pub(crate) store: &'a Store,
}
