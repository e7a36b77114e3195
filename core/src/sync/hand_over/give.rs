//! A file for one device, from a store: what that device is believed to lack of what it may read.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{HandOverFailed, HandOverWriter, LIFETIME, PORTION, Recipient};
use crate::error::Result;
use crate::exchange::{CancelToken, Export, WorkProgress};
use crate::identity::Standing;
use crate::ids::DeviceId;
use crate::storage::StorageFailed;
use crate::sync::Sync;

/// A hand-over that is being written.
pub struct HandingOver {
    export: Export,
    /// Nothing once the last frame was sealed.
    writer: Option<HandOverWriter>,
    ready: VecDeque<u8>,
}

/// What a file carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandedOver {
    /// The device that can read it.
    pub recipient: DeviceId,
    /// Documents that were looked through.
    pub documents: u64,
    /// Changes that the recipient was not known to hold.
    pub changes: u64,
    /// The size of the file.
    pub bytes: u64,
}

impl Sync<'_> {
    /// Begins a file for one device: what it is not known to hold of what it may read today. It is good for 72 hours.
    ///
    /// That a file was written says nothing about where it got to: its content still counts as only here.
    ///
    /// # Errors
    /// [`crate::Error::HandOver`] when the device is unknown, ended, expired, or this one.
    pub fn hand_over(&self, device: DeviceId) -> Result<HandingOver> {
        let store = self.store;
        store.ready()?;
        let keys = store.keys()?;
        if device == store.own().device {
            return Err(HandOverFailed::ToItself.into());
        }
        if store.standing_of(device)? != Standing::Current {
            return Err(HandOverFailed::NoRecipient.into());
        }
        let certificate = store.own().authority.certificate_of(device).ok_or(HandOverFailed::NoRecipient)?;
        let recipient = Recipient { device, x25519: certificate.x25519 };
        let expires_at = store.trusted_time()?.saturating_add(LIFETIME);
        let writer = HandOverWriter::new(&keys, &recipient, expires_at, store.inner.config.random.as_ref())?;
        let export = Export::for_device(store.clone(), device)?;
        Ok(HandingOver { export, writer: Some(writer), ready: VecDeque::new() })
    }

    /// Writes a file for one device. The file is there whole or not at all; one of the same name is replaced.
    ///
    /// # Errors
    /// As [`Self::hand_over`]; [`crate::Error::Storage`] when the file cannot be written,
    /// [`crate::Error::Canceled`] after cancellation.
    pub fn hand_over_file(
        &self,
        device: DeviceId,
        to: &Path,
        mut progress: impl FnMut(WorkProgress),
        cancel: &CancelToken,
    ) -> Result<HandedOver> {
        let mut handing = self.hand_over(device)?;
        let mut name = to.as_os_str().to_owned();
        name.push(".partial");
        let beside = Path::new(&name);
        let mut write = || -> Result<u64> {
            let mut file = File::create(beside).map_err(StorageFailed::from)?;
            let mut bytes = 0;
            loop {
                if cancel.is_canceled() {
                    return Err(crate::Error::Canceled);
                }
                let portion = handing.next(PORTION)?;
                if portion.is_empty() {
                    break;
                }
                file.write_all(&portion).map_err(StorageFailed::from)?;
                bytes += portion.len() as u64;
                progress(handing.progress());
            }
            file.sync_all().and_then(|()| std::fs::rename(beside, to)).map_err(StorageFailed::from)?;
            Ok(bytes)
        };
        let written = write();
        if written.is_err() {
            let _ = std::fs::remove_file(beside);
        }
        let (documents, changes) = (handing.progress().total, handing.changes());
        Ok(HandedOver { recipient: device, documents, changes, bytes: written? })
    }
}

impl HandingOver {
    /// The next bytes of the file, at most so many; none at the end. Waiting between calls is harmless.
    ///
    /// # Errors
    /// As [`Export::next`]. What was written until then is no file worth keeping.
    pub fn next(&mut self, max_bytes: usize) -> Result<Vec<u8>> {
        while self.ready.is_empty() {
            let Some(writer) = &mut self.writer else { break };
            let content = self.export.next(PORTION)?;
            if !content.is_empty() {
                writer.write(&content)?;
                self.ready.extend(writer.take(usize::MAX));
            } else if let Some(writer) = self.writer.take() {
                self.ready.extend(writer.finish()?);
            }
        }
        Ok(self.ready.drain(..self.ready.len().min(max_bytes.max(1))).collect())
    }

    /// How far it is, in documents.
    pub fn progress(&self) -> WorkProgress {
        self.export.progress()
    }

    /// How many changes were put in so far.
    pub fn changes(&self) -> u64 {
        self.export.changes()
    }

    /// Ends it from another thread.
    pub fn cancel_token(&self) -> CancelToken {
        self.export.cancel_token()
    }
}
