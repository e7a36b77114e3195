//! The bytes of attachments: asked for when both sides are at rest, one portion at a time, inside scopes that both may
//! read. A hash alone opens nothing: whoever asks in a scope that is not both sides' hears the same as of a blob that
//! is not here.

use super::{Access, Replica, ReplicaFailed, Stage};
use crate::blob::{BlobHash, Portion};
use crate::error::Result;
use crate::sync::wire::Wire;

impl Replica {
    /// Asks for the next portion of what is wanted, if nothing else is on its way.
    pub(super) fn want_blob(&mut self) -> Result<()> {
        let idle = self.out.is_empty() && self.queue.is_empty() && self.window.is_empty();
        if self.stage != Stage::Live || self.access != Access::Full || self.wanting.is_some() || !idle {
            return Ok(());
        }
        for blob in self.store.wanted_blobs()? {
            if self.not_there.contains(&(blob.scope, blob.hash))
                || !self.store.both_read(self.peer, &blob.scope)?
            {
                continue;
            }
            self.wanting = Some((blob.scope, blob.hash, blob.held));
            self.out.push_back(Wire::BlobWant { scope: blob.scope, hash: blob.hash, offset: blob.held });
            break;
        }
        Ok(())
    }

    /// Answers with a portion; with an empty one where there is nothing for this peer. An offset at the end asks for
    /// nothing: the peer holds all of it.
    pub(super) fn on_blob_want(
        &mut self,
        scope: [u8; 16],
        hash: BlobHash,
        offset: u64,
    ) -> Result<(), ReplicaFailed> {
        if !self.settled {
            return Err(ReplicaFailed::Protocol("case data before authority"));
        }
        if self.out.iter().any(|wire| matches!(wire, Wire::BlobPart { .. })) {
            return Err(ReplicaFailed::Protocol("blob")); // one portion is asked for at a time
        }
        let may = self.access == Access::Full && self.store.both_read(self.peer, &scope)?;
        let found = if may { self.store.blob_from(&scope, &hash, offset)? } else { None };
        if let Some((length, _)) = &found
            && *length == offset
        {
            self.store.note_blob_elsewhere(&scope, &hash)?;
            return Ok(());
        }
        let bytes = found.map(|(_, bytes)| bytes).unwrap_or_default();
        self.out.push_back(Wire::BlobPart { scope, hash, offset, bytes });
        Ok(())
    }

    /// Takes in a portion; what was asked for is asked no further where the peer has nothing, or something else.
    pub(super) fn on_blob_part(
        &mut self,
        (scope, hash): ([u8; 16], BlobHash),
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), ReplicaFailed> {
        if self.wanting.take() != Some((scope, hash, offset)) {
            return Err(ReplicaFailed::Protocol("blob"));
        }
        // A scope may have been taken back since it was asked for.
        let taken = if !bytes.is_empty() && self.store.may_take(&scope)? {
            self.store.take_blob_portion(&scope, &hash, offset, bytes)?
        } else {
            Portion::Unwanted
        };
        match taken {
            Portion::More => {}
            Portion::Whole => {
                let offset = offset + bytes.len() as u64;
                self.out.push_back(Wire::BlobWant { scope, hash, offset });
            }
            Portion::Forged | Portion::Unwanted => {
                self.not_there.insert((scope, hash));
            }
        }
        Ok(())
    }
}
