//! A file from another device, into a store: through the same receiver as a session, judged by today's records.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{HandOver, HandOverFailed, HandOverReader, PORTION};
use crate::error::{Error, Result};
use crate::exchange::message::{DocumentHeader, Message, Splitter};
use crate::exchange::{CancelToken, Import, ImportReport, WorkProgress};
use crate::ids::{DeviceId, WorkerId};
use crate::planted::{self, Defect};
use crate::storage::StorageFailed;
use crate::store::Store;
use crate::sync::Sync;

/// A hand-over that is being read.
pub struct TakingOver {
    store: Store,
    reader: HandOverReader,
    splitter: Splitter,
    /// The key that sealed the file, once its envelope is open.
    sender_x25519: [u8; 32],
    /// Begins once the sender is proven.
    import: Option<Import>,
    report: HandOverReport,
    cancel: CancelToken,
    failed: Option<Error>,
}

/// What came out of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandOverReport {
    /// The device that wrote it, once it was proven.
    pub sender: Option<DeviceId>,
    /// Its worker.
    pub worker: Option<WorkerId>,
    /// Changes of scopes that this device may not read any more: they were not taken.
    pub not_entitled: u64,
    /// What was taken in.
    pub taken: ImportReport,
}

impl Sync<'_> {
    /// Begins to read a file that was handed over to this device. Reading it again does no harm.
    ///
    /// # Errors
    /// [`Error::KeysLost`] when this device has no keys.
    pub fn take_over(&self) -> Result<TakingOver> {
        self.store.ready()?;
        Ok(TakingOver {
            store: self.store.clone(),
            reader: HandOverReader::new(&self.store.keys()?),
            splitter: Splitter::default(),
            sender_x25519: [0; 32],
            import: None,
            report: HandOverReport::default(),
            cancel: CancelToken::default(),
            failed: None,
        })
    }

    /// Reads a file that was handed over to this device.
    ///
    /// # Errors
    /// As [`TakingOver::feed`] and [`TakingOver::finish`]; [`Error::Storage`] when the file cannot be read. What was whole
    /// in it is kept.
    pub fn take_over_file(
        &self,
        from: &Path,
        mut progress: impl FnMut(WorkProgress),
        cancel: &CancelToken,
    ) -> Result<HandOverReport> {
        let mut file = File::open(from).map_err(StorageFailed::from)?;
        let total = file.metadata().map_err(StorageFailed::from)?.len();
        let mut taking = TakingOver { cancel: cancel.clone(), ..self.take_over()? };
        let (mut portion, mut done) = (vec![0; PORTION], 0);
        loop {
            let read = file.read(&mut portion).map_err(StorageFailed::from)?;
            if read == 0 {
                return taking.finish();
            }
            taking.feed(&portion[..read])?;
            done += read as u64;
            progress(WorkProgress { done, total });
        }
    }
}

impl TakingOver {
    /// Takes the next bytes of the file, in any portion. What is whole in them is committed when this returns.
    ///
    /// # Errors
    /// [`Error::HandOver`] when the file is not for this device, stale, or not what its sender sealed: the same error
    /// then comes for ever, and what was committed before stays. [`Error::Canceled`] after cancellation.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.reader.feed(bytes);
        let taken = self.take_in();
        if let Err(error) = &taken {
            self.failed = Some(error.clone());
        }
        taken
    }

    /// What was done so far.
    pub fn report(&self) -> HandOverReport {
        let taken = self.import.as_ref().map(|import| import.report().clone()).unwrap_or_default();
        HandOverReport { taken, ..self.report.clone() }
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    /// [`HandOverFailed::Cut`] when the file ends early; what was whole in it is kept, and [`Self::report`] says what
    /// that was. The reason of a file that failed.
    pub fn finish(&mut self) -> Result<HandOverReport> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.reader.end()?;
        let report = self.report();
        // The envelope is whole: its sender did not write everything.
        if report.taken.complete { Ok(report) } else { Err(HandOverFailed::Cut.into()) }
    }

    /// Ends it from another thread, after its last committed message.
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    fn take_in(&mut self) -> Result<()> {
        while let Some(part) = self.reader.next()? {
            match part {
                HandOver::Opened { sender_x25519, expires_at } => {
                    if self.store.trusted_time()? > expires_at && !planted::is(Defect::ExpiredFileTaken) {
                        return Err(HandOverFailed::Expired.into());
                    }
                    self.sender_x25519 = sender_x25519;
                }
                HandOver::Content(content) => {
                    self.splitter.push(&content);
                    self.take_messages()?;
                }
                HandOver::End => {}
            }
        }
        Ok(())
    }

    fn take_messages(&mut self) -> Result<()> {
        let malformed = |_| Error::from(HandOverFailed::NotAHandOver);
        while let Some(bytes) = self.splitter.next_message().map_err(malformed)? {
            if self.cancel.is_canceled() {
                return Err(Error::Canceled);
            }
            // What a newer version adds is skipped.
            let Some(message) = Message::decode(&bytes).map_err(malformed)? else { continue };
            self.take(message)?;
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<()> {
        let Some(import) = &mut self.import else {
            let Message::Chain { records } = message else {
                return Err(HandOverFailed::NotProven.into());
            };
            return self.prove(&records);
        };
        match &message {
            Message::Changes { header, changes, .. } if !may_take(&self.store, header)? => {
                self.report.not_entitled += changes.len() as u64;
                Ok(())
            }
            Message::Snapshot { header, signatures, .. } if !may_take(&self.store, header)? => {
                self.report.not_entitled += signatures.len() as u64;
                Ok(())
            }
            _ => import.take(message),
        }
    }

    /// The chain proves a certificate of this domain, and the file was sealed with its agreement key.
    fn prove(&mut self, chain: &[Vec<u8>]) -> Result<()> {
        let certificate = self.store.proven_by(chain).ok_or(HandOverFailed::NotProven)?;
        if certificate.x25519 != self.sender_x25519 {
            return Err(HandOverFailed::NotProven.into());
        }
        self.import = Some(Import::from_peer(self.store.clone(), certificate.device)?);
        self.report.sender = Some(certificate.device);
        self.report.worker = Some(certificate.worker);
        Ok(())
    }
}

/// A scope may have come with the file, and its grant too: who may read is judged by what is held now.
fn may_take(store: &Store, header: &DocumentHeader) -> Result<bool> {
    store.may_take(header.scope.as_bytes())
}
