//! The bytes of attachments: kept, wanted and read by scope and content. A document says what they are of.
//!
//! A blob belongs to a scope, as a document does: the same content in two scopes is held twice, so that nobody learns
//! from a hash what somebody else holds.

use crate::error::{Error, Result};
use crate::ids::{ScopeId, sha256};
use crate::storage::blobs::BlobRow;
use crate::store::{LogLevel, Store};

/// The longest blob: 32 MiB.
pub const MAX_BLOB: u64 = 32 * 1024 * 1024;
/// So much of it is stored and sent at once.
pub(crate) const PORTION: usize = 64 * 1024;

/// SHA-256 of a blob's bytes.
pub type BlobHash = [u8; 32];

/// The bytes of attachments.
pub struct Blobs<'a> {
    pub(crate) store: &'a Store,
}

/// What became of a portion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Portion {
    /// It went in; more is to come.
    More,
    /// The blob is whole.
    Whole,
    /// It was the last one, and all of them together are something else: they were dropped.
    Forged,
    /// It is not the next one, or of nothing that is wanted.
    Unwanted,
}

impl Blobs<'_> {
    /// Keeps bytes in a scope; they are on disk when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a scope that is not here, [`Error::Invalid`] when there are none or more than
    /// [`MAX_BLOB`].
    pub fn keep(&self, scope: ScopeId, bytes: &[u8]) -> Result<BlobHash> {
        let hash = sha256(&[bytes]);
        self.write(scope, bytes.len() as u64, |tx| {
            let mut row = tx.add_blob(scope.as_bytes(), &hash, bytes.len() as u64)?;
            if row.held == row.length {
                return Ok(());
            }
            tx.clear_blob(row.id)?;
            row.held = 0;
            for portion in bytes.chunks(PORTION) {
                tx.add_blob_portion(&row, portion)?;
                row.held += portion.len() as u64;
            }
            Ok(())
        })?;
        Ok(hash)
    }

    /// Has the next sessions bring a blob that a document names.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn want(&self, scope: ScopeId, hash: &BlobHash, length: u64) -> Result<()> {
        self.write(scope, length, |tx| Ok(tx.add_blob(scope.as_bytes(), hash, length).map(|_| ())?))
    }

    /// A blob's bytes; nothing while not all of them are here.
    pub fn get(&self, scope: ScopeId, hash: &BlobHash) -> Result<Option<Vec<u8>>> {
        self.store.read(|reading| match reading.blob(scope.as_bytes(), hash)? {
            Some(row) if row.held == row.length => {
                let bytes = reading.blob_bytes(row.id)?;
                let same = sha256(&[&bytes]) == *hash;
                if same {
                    Ok(Some(bytes))
                } else {
                    Err(crate::storage::StorageFailed::damaged("blob").into())
                }
            }
            _ => Ok(None),
        })
    }

    fn write(
        &self,
        scope: ScopeId,
        length: u64,
        work: impl FnOnce(&crate::storage::Writing<'_>) -> Result<()>,
    ) -> Result<()> {
        if length == 0 {
            return Err(Error::invalid("bytes", "empty"));
        }
        if length > MAX_BLOB {
            return Err(Error::invalid("bytes", "too_long"));
        }
        self.store.ready()?;
        let done = self.store.inner.database.write(|tx| {
            self.store.ready()?;
            if tx.reading().scope(scope.as_bytes())?.is_none() {
                return Err(Error::not_found("scope", scope));
            }
            work(tx)
        });
        done.map_err(|error| self.store.closing(error))
    }
}

impl Store {
    /// The bytes of attachments.
    pub fn blobs(&self) -> Blobs<'_> {
        Blobs { store: self }
    }

    /// The blobs of which not everything is here.
    pub(crate) fn wanted_blobs(&self) -> Result<Vec<BlobRow>> {
        self.read(|reading| Ok(reading.wanted_blobs()?))
    }

    /// The length of a blob that is here whole, and its bytes from an offset on, at most a portion.
    pub(crate) fn blob_from(
        &self,
        scope: &[u8; 16],
        hash: &BlobHash,
        offset: u64,
    ) -> Result<Option<(u64, Vec<u8>)>> {
        self.read(|reading| match reading.blob(scope, hash)? {
            Some(row) if row.held == row.length => {
                Ok(Some((row.length, reading.blob_portion(row.id, offset)?)))
            }
            _ => Ok(None),
        })
    }

    /// Takes in the next portion of a wanted blob. The last one is followed by a look at the whole.
    pub(crate) fn take_blob_portion(
        &self,
        scope: &[u8; 16],
        hash: &BlobHash,
        offset: u64,
        portion: &[u8],
    ) -> Result<Portion> {
        let taken = self.inner.database.write(|tx| {
            self.ready()?;
            let Some(row) = tx.reading().blob(scope, hash)? else { return Ok(Portion::Unwanted) };
            let after = offset.saturating_add(portion.len() as u64);
            if row.held != offset || after > row.length || portion.is_empty() {
                return Ok(Portion::Unwanted);
            }
            tx.add_blob_portion(&row, portion)?;
            if after < row.length {
                return Ok(Portion::More);
            }
            if sha256(&[&tx.reading().blob_bytes(row.id)?]) == *hash {
                tx.note_blob_elsewhere(row.id)?;
                return Ok(Portion::Whole);
            }
            tx.clear_blob(row.id)?;
            Ok(Portion::Forged)
        });
        let taken = taken.map_err(|error: Error| self.closing(error))?;
        if taken == Portion::Forged {
            self.inner.log(LogLevel::Warning, "blob.forged", vec![ScopeId::from_slice(scope)?.to_string()]);
        }
        Ok(taken)
    }

    /// A peer says that it holds all of a blob.
    pub(crate) fn note_blob_elsewhere(&self, scope: &[u8; 16], hash: &BlobHash) -> Result<()> {
        self.inner.database.write(|tx| {
            if let Some(row) = tx.reading().blob(scope, hash)? {
                tx.note_blob_elsewhere(row.id)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Scope;
    use crate::testing::store_with_a_case;

    fn store(name: &str) -> (Store, ScopeId) {
        let (store, case) = store_with_a_case(&format!("blobs-{name}"));
        (store, Scope::Level(1).id(case))
    }

    #[test]
    fn what_is_not_what_its_hash_says_is_dropped_and_still_wanted() {
        let (store, scope) = store("a");
        let (id, hash) = (*scope.as_bytes(), sha256(&[b"a signed order"]));
        store.blobs().want(scope, &hash, 14).unwrap();
        assert_eq!(store.take_blob_portion(&id, &hash, 0, b"a signed").unwrap(), Portion::More);
        for (offset, portion) in
            [(0, b"a signed".as_slice()), (9, b"order"), (8, b" order and more"), (8, b"")]
        {
            assert_eq!(store.take_blob_portion(&id, &hash, offset, portion).unwrap(), Portion::Unwanted);
        }
        assert_eq!(store.take_blob_portion(&id, &hash, 8, b" ordex").unwrap(), Portion::Forged);
        assert_eq!(store.wanted_blobs().unwrap()[0].held, 0);
        assert_eq!(store.take_blob_portion(&id, &hash, 0, b"a signed order").unwrap(), Portion::Whole);
        assert_eq!(store.blobs().get(scope, &hash).unwrap().unwrap(), b"a signed order");
        assert!(store.wanted_blobs().unwrap().is_empty());
    }

    #[test]
    fn bytes_are_kept_once_and_within_limits() {
        let (store, scope) = store("b");
        let bytes = vec![7; PORTION + 1];
        let hash = store.blobs().keep(scope, &bytes).unwrap();
        assert_eq!(store.blobs().keep(scope, &bytes).unwrap(), hash);
        assert_eq!(store.blobs().get(scope, &hash).unwrap().unwrap(), bytes);
        assert_eq!(store.blobs().keep(scope, b"").unwrap_err(), Error::invalid("bytes", "empty"));
        let long = store.blobs().want(scope, &hash, MAX_BLOB + 1).unwrap_err();
        assert_eq!(long, Error::invalid("bytes", "too_long"));
        let nowhere = ScopeId(crate::ids::uuid8([9; 16]));
        assert_eq!(store.blobs().keep(nowhere, b"x").unwrap_err(), Error::not_found("scope", nowhere));
    }
}
