//! What carries bytes: a socket here, whatever a platform has elsewhere.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

/// A connection that is read by one thread and written by another, both blocking.
pub trait Stream: Send + Sync {
    /// Waits for bytes; 0 when the other side writes no more, or after [`Self::close`].
    ///
    /// # Errors
    /// When the connection broke.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of it.
    ///
    /// # Errors
    /// When the connection broke.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;

    /// Says that nothing more is written; what was written still arrives.
    fn finish(&self);

    /// Ends it, and whoever waits in [`Self::read`] or [`Self::write_all`].
    fn close(&self);
}

impl Stream for TcpStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = self;
        loop {
            match Read::read(&mut socket, buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut socket = self;
        Write::write_all(&mut socket, bytes)
    }

    // A connection that is gone already has nothing to end.
    fn finish(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }

    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}
