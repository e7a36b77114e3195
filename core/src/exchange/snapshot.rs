//! A whole document for somebody who holds nothing of it: loaded within limits and taken apart again.
//!
//! Nothing in it is believed because it came together: each change goes through the guard like any other.

use super::message::{DocumentHeader, SignedChange};
use super::refusal::Refusal;
use crate::document::chunk::{self, Limits};
use crate::document::{Kind, guard};

/// The changes of a document chunk, ancestors first, each with its signature.
pub fn take_apart(
    header: &DocumentHeader,
    chunk: &[u8],
    certificates: &[[u8; 32]],
    signatures: &[(u64, [u8; 64])],
) -> Result<Vec<SignedChange>, Refusal> {
    let kind = Kind::from_code(&header.kind);
    let signed = signatures.len();
    let loaded = guard::changes_of_snapshot(kind, &header.genesis, chunk, signed, &Limits::DEFAULT);
    let mut changes = Vec::new();
    for chunk in loaded.map_err(Refusal::of_chunk)? {
        let header = chunk::read_change(&chunk, &Limits::DEFAULT).map_err(Refusal::of_chunk)?;
        changes.push((header.max_op(), header.actor, chunk));
    }
    changes.sort();
    if changes.len() != signatures.len() {
        return Err(Refusal::BadSignature);
    }
    changes
        .into_iter()
        .zip(signatures)
        .map(|((_, _, chunk), (place, signature))| {
            let certificate = usize::try_from(*place).ok().and_then(|place| certificates.get(place));
            let certificate = *certificate.ok_or(Refusal::BadSignature)?;
            Ok(SignedChange { chunk, signature: *signature, certificate })
        })
        .collect()
}
