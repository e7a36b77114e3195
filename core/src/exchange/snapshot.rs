//! A whole document for somebody who holds nothing of it: loaded within limits and taken apart again.
//!
//! Nothing in it is believed because it came together: each change goes through the guard like any other.

use super::message::{DocumentHeader, SignedChange};
use super::refusal::Refusal;
use super::vector::Holding;
use crate::document::chunk::{self, Limits};
use crate::document::{Kind, guard};
use crate::ids::mark;

/// The changes of a document chunk, ancestors first, each with its signature; and up to where it holds each actor's.
pub fn take_apart(
    header: &DocumentHeader,
    chunk: &[u8],
    certificates: &[[u8; 32]],
    signatures: &[(u64, [u8; 64])],
) -> Result<(Vec<SignedChange>, Holding), Refusal> {
    let kind = Kind::from_code(&header.kind);
    let signed = signatures.len();
    let loaded = guard::changes_of_snapshot(kind, &header.genesis, chunk, signed, &Limits::DEFAULT);
    let (mut changes, mut holding) = (Vec::new(), Holding::new());
    for chunk in loaded.map_err(Refusal::of_chunk)? {
        let header = chunk::read_change(&chunk, &Limits::DEFAULT).map_err(Refusal::of_chunk)?;
        let last = holding.entry(header.actor.0).or_default();
        *last = (*last).max((header.seq, mark(&header.hash.0)));
        changes.push((header.max_op(), header.actor, chunk));
    }
    changes.sort();
    if changes.len() != signatures.len() {
        return Err(Refusal::BadSignature);
    }
    let changes: Result<_, Refusal> = changes
        .into_iter()
        .zip(signatures)
        .map(|((_, _, chunk), (place, signature))| {
            let certificate = usize::try_from(*place).ok().and_then(|place| certificates.get(place));
            let certificate = *certificate.ok_or(Refusal::BadSignature)?;
            Ok(SignedChange { chunk, signature: *signature, certificate })
        })
        .collect();
    Ok((changes?, holding))
}
