//! Who may be believed: keys, certificates and signatures.
//!
//! - [`vault`]: where small secrets live;
//! - [`keys`]: a device's own keys;
//! - [`cbor`]: the one encoding of everything that is signed outside Automerge;
//! - [`record`]: signed, numbered, grow-only records;
//! - [`certificate`]: which keys a device and its worker have;
//! - [`authority`]: who may do what, from the records held;
//! - [`founding`]: who opened a case, and so the names of a case, its scopes and its documents;
//! - [`signature`]: the signature over one change.
//!
//! It knows bytes and keys; no document, no SQL and no rule of the domain. `sync.md` §1, §2 and §10 fix what is here.

pub mod authority;
pub mod cbor;
pub mod certificate;
pub mod founding;
pub mod keys;
pub mod record;
pub mod signature;
pub mod vault;

pub use authority::{
    Authority, ChangeFacts, Joining, JoiningRefused, LogVector, RecordRefused, ScopeFacts, Standing, Verdict,
};
pub use certificate::{Certificate, Role};
pub use founding::{Founding, Scope};
pub use keys::DeviceKeys;
pub use record::{Record, RecordBody};
pub use vault::{FileVault, KeyVault, MemoryVault, VaultFailed};
