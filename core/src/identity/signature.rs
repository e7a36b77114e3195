//! The signature over one change: fixed from the first change on (`architecture.md` §5).
//!
//! All documents of a kind share their genesis, so an early change of one applies cleanly to another. The scope, the
//! document and the kind in the signed bytes keep a note from being moved into another child's plan.

use super::certificate::Certificate;
use super::keys::{DeviceKeys, verify};
use crate::ids::{ChangeHash, DocumentId, ScopeId};

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The document's scope.
    pub scope: ScopeId,
    /// The document.
    pub document: DocumentId,
    /// The document's kind.
    pub kind: &'a str,
}

impl Place<'_> {
    fn signed_bytes(&self, certificate: &[u8; 32], change: &ChangeHash) -> Vec<u8> {
        [
            b"caseplan/change/1".as_slice(),
            self.scope.as_bytes(),
            self.document.as_bytes(),
            self.kind.as_bytes(),
            certificate,
            &change.0,
        ]
        .concat()
    }

    /// Signs a change in the name of a certificate.
    pub fn sign(&self, keys: &DeviceKeys, certificate: &[u8; 32], change: &ChangeHash) -> [u8; 64] {
        keys.sign(&self.signed_bytes(certificate, change))
    }

    /// Whether the certificate's device signed this change for this place.
    pub fn verify(&self, certificate: &Certificate, change: &ChangeHash, signature: &[u8; 64]) -> bool {
        verify(&certificate.ed25519, &self.signed_bytes(&certificate.hash(), change), signature)
    }
}
