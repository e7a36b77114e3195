//! Names: value types for every identifier, and how identifiers are derived from what they name.
//!
//! A 16-byte identifier always carries the version and variant bits of a UUID (version 8, RFC 9562), so that Rust's,
//! Kotlin's and Swift's UUID types can hold it. No identifier is ever a bare string past the FFI boundary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A text that should have been an identifier and is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}")]
pub struct InvalidId {
    /// The kind of identifier that was expected.
    pub kind: &'static str,
}

/// Sets the version and variant bits of a version 8 UUID after a cut to 16 bytes.
pub fn uuid8(mut bytes: [u8; 16]) -> Uuid {
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

/// SHA-256 over the parts, one after another.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A hash's first eight bytes, where so many must do.
pub fn mark(hash: &[u8; 32]) -> [u8; 8] {
    let mut mark = [0; 8];
    mark.copy_from_slice(&hash[..8]);
    mark
}

/// The identifier of whatever the parts describe: SHA-256, cut to 16 bytes, as a UUID (`sync.md` §1).
pub fn derive(parts: &[&[u8]]) -> Uuid {
    let mut cut = [0; 16];
    cut.copy_from_slice(&sha256(parts)[..16]);
    uuid8(cut)
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The sixteen bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From sixteen bytes, as stored.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
                Uuid::from_slice(bytes).map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

uuid_ids! {
    /// One agency or team: everything below one root key.
    DomainId = "domain id";
    /// A device: SHA-256 of its Ed25519 public key, cut.
    DeviceId = "device id";
    /// A case: hash of its signed founding record, so nobody else can claim to have opened it.
    CaseId = "case id";
    /// The unit of access, digest, sync and removal: one per case and sensitivity level, one per visitation plan.
    ScopeId = "scope id";
    /// One Automerge document: hash of its scope, kind, genesis and name.
    DocumentId = "document id";
    /// A person taking part in a case.
    ParticipantId = "participant id";
    /// A visitation plan.
    VisitationPlanId = "visitation plan id";
    /// A client to visit or a visitor in a visitation plan.
    PartyId = "party id";
    /// One immutable schedule of a visitation plan.
    ScheduleId = "schedule id";
    /// A recorded contact.
    ContactId = "contact id";
    /// An addendum to a completed contact.
    AddendumId = "addendum id";
    /// A draft of a contact, kept on this device only.
    DraftId = "draft id";
    /// One command, where it touched several documents.
    CommandId = "command id";
}

/// A worker of the agency, in the agency's own spelling: 1 to 64 bytes of UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// The text as the agency spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WorkerId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits =
            (1..=64).contains(&text.len()) && !text.chars().any(char::is_control) && text.trim() == text;
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId { kind: "worker id" }) }
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub(crate) String);

        impl $name {
            /// The identifier as text; opaque to an app.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let fits = (1..=400).contains(&text.len()) && !text.chars().any(char::is_control);
                if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId { kind: $kind }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_ids! {
    /// A field in conflict together with the values that were seen: it changes when they do.
    ConflictId = "conflict id";
    /// One value of a field in conflict: the operation that wrote it.
    ConflictValueId = "conflict value id";
    /// An issue: the same on every device that sees the same facts.
    IssueId = "issue id";
}

/// The SHA-256 of a change, as Automerge computes it; the name of a version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeHash(pub [u8; 32]);

impl ChangeHash {
    /// From thirty-two bytes, as stored.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
        bytes.try_into().map(Self).map_err(|_| InvalidId { kind: "change hash" })
    }
}

impl fmt::Display for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChangeHash {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = from_hex(text).ok_or(InvalidId { kind: "change hash" })?;
        Self::from_slice(&bytes)
    }
}

/// A grant: the hash of its record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(pub [u8; 32]);

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for GrantId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = from_hex(text).ok_or(InvalidId { kind: "grant id" })?;
        bytes.try_into().map(Self).map_err(|_| InvalidId { kind: "grant id" })
    }
}

/// Bytes from lower- or upper-case hexadecimal; nothing when it is not hexadecimal.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// Who wrote a change in one document, in one incarnation: device id and eight random bytes.
///
/// An actor that does not begin with its signer's device id is forged (`sync.md` §1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor(pub [u8; 24]);

impl Actor {
    /// The actor of every genesis change; any other change by it is forged.
    pub const GENESIS: Self = Self([0; 24]);

    /// A new actor of this device.
    pub fn new(device: DeviceId, incarnation: [u8; 8]) -> Self {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(device.as_bytes());
        bytes[16..].copy_from_slice(&incarnation);
        Self(bytes)
    }

    /// The device that this actor claims to be.
    pub fn device(&self) -> DeviceId {
        let mut device = [0; 16];
        device.copy_from_slice(&self.0[..16]);
        DeviceId(Uuid::from_bytes(device))
    }

    /// From twenty-four bytes; anything else is nobody's actor.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
        bytes.try_into().map(Self).map_err(|_| InvalidId { kind: "actor" })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_version_8_uuids() {
        let id = derive(&[b"caseplan/case/1", b"anything"]);
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_ne!(id, derive(&[b"caseplan/case/1", b"anything else"]));
    }

    #[test]
    fn an_actor_begins_with_its_device() {
        let device = DeviceId(uuid8([7; 16]));
        assert_eq!(Actor::new(device, [1; 8]).device(), device);
    }

    #[test]
    fn worker_ids_are_one_to_64_bytes_without_control_characters() {
        assert!("w-117".parse::<WorkerId>().is_ok());
        for bad in ["", " w", "w\n", &"x".repeat(65)] {
            assert_eq!(bad.parse::<WorkerId>(), Err(InvalidId { kind: "worker id" }));
        }
    }

    #[test]
    fn hashes_survive_their_text_form() {
        let hash = ChangeHash(sha256(&[b"x"]));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("zz".parse::<ChangeHash>().is_err());
    }
}
