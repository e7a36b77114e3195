//! Writing a file for one device, as a stream.

use std::collections::VecDeque;

use super::{HandOverFailed, Header, LAST, MAX_CONTENT, MORE, encode_expiry};
use crate::identity::DeviceKeys;
use crate::ids::DeviceId;
use crate::random::Random;
use crate::sync::channel::frame;
use crate::sync::noise::{FileKeys, Handshake, Transport, ephemeral};

/// Whom a file is for, as its certificate says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// The device.
    pub device: DeviceId,
    /// Its agreement key.
    pub x25519: [u8; 32],
}

/// Seals content for one device. Content goes in and bytes come out in any portions; at most one frame of content is
/// held back.
pub struct HandOverWriter {
    transport: Transport,
    waiting: Vec<u8>,
    outbox: VecDeque<u8>,
}

impl HandOverWriter {
    /// Begins a file. What it carries is stale after `expires_at`, unix seconds; the reader judges that.
    ///
    /// # Errors
    /// [`HandOverFailed::Random`].
    pub fn new(
        keys: &DeviceKeys,
        recipient: &Recipient,
        expires_at: i64,
        random: &dyn Random,
    ) -> Result<Self, HandOverFailed> {
        let header = Header { recipient: recipient.device, sender_x25519: keys.x25519() }.encode();
        let secret = keys.x25519_secret();
        let file = FileKeys { secret: &secret, remote: &recipient.x25519, prologue: &header };
        let mut handshake = Handshake::file_writer(&file, ephemeral(random)?)?;
        let first = handshake.write(&encode_expiry(expires_at))?;
        let mut outbox = VecDeque::from(frame(&header));
        outbox.extend(frame(&first));
        Ok(Self { transport: handshake.finish()?, waiting: Vec::new(), outbox })
    }

    /// Adds content.
    ///
    /// # Errors
    /// [`HandOverFailed::Cipher`], which leaves no file worth keeping.
    pub fn write(&mut self, mut content: &[u8]) -> Result<(), HandOverFailed> {
        while !content.is_empty() {
            // A full frame waits until something follows it, for the last one is marked.
            if self.waiting.len() == MAX_CONTENT {
                self.seal(MORE)?;
            }
            let (part, rest) = content.split_at(content.len().min(MAX_CONTENT - self.waiting.len()));
            self.waiting.extend(part);
            content = rest;
        }
        Ok(())
    }

    /// Takes at most so many bytes for the file.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        self.outbox.drain(..max.min(self.outbox.len())).collect()
    }

    /// Ends the file, and gives all bytes that were not taken.
    ///
    /// # Errors
    /// [`HandOverFailed::Cipher`].
    pub fn finish(mut self) -> Result<Vec<u8>, HandOverFailed> {
        self.seal(LAST)?;
        Ok(self.outbox.into())
    }

    fn seal(&mut self, mark: u8) -> Result<(), HandOverFailed> {
        let mut plaintext = Vec::with_capacity(1 + self.waiting.len());
        plaintext.push(mark);
        plaintext.append(&mut self.waiting);
        self.outbox.extend(frame(&self.transport.seal(&plaintext)?));
        Ok(())
    }
}
