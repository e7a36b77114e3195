//! A connection that the app brings: Bluetooth, a socket of its own, whatever carries bytes both ways. The core reads it
//! on one thread and writes it on another.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use caseplan_core::lan::Stream;

use crate::error::CallbackError;

/// A connection to one peer. Reading waits for bytes, writing for room; both end when it is closed.
#[uniffi::export(foreign)]
pub trait CoreConnection: Send + Sync {
    /// Waits for the next bytes; none at the end.
    fn read(&self) -> Result<Vec<u8>, CallbackError>;
    /// Writes all of it.
    fn write(&self, bytes: Vec<u8>) -> Result<(), CallbackError>;
    /// Says that nothing more is written, where the connection can.
    fn finish(&self) -> Result<(), CallbackError>;
    /// Ends it, and whoever waits at it. It may have ended already.
    fn shut(&self) -> Result<(), CallbackError>;
}

/// Closed when it is let go, whether or not anything ever went over it.
pub(crate) struct Connection {
    peer: Arc<dyn CoreConnection>,
    /// What was read and not yet asked for.
    left: Mutex<Vec<u8>>,
}

impl Connection {
    pub fn new(peer: Arc<dyn CoreConnection>) -> Self {
        Self { peer, left: Mutex::default() }
    }
}

impl Stream for Connection {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // One thread reads, so it waits for nobody here.
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            *left = self.peer.read().map_err(broken)?;
        }
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        left.drain(..count);
        Ok(count)
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        self.peer.write(bytes.to_vec()).map_err(broken)
    }

    // What is gone already has nothing to end.
    fn finish(&self) {
        let _ = self.peer.finish();
    }

    fn close(&self) {
        let _ = self.peer.shut();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

fn broken(CallbackError::Failed { .. }: CallbackError) -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}
