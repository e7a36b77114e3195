//! What came together in one portion of the wire, to be committed together.

use super::{Session, Stage, SyncFailed};
use crate::error::Result;
use crate::exchange::message::Message;
use crate::identity::cbor::Malformed;
use crate::sync::channel::{Established, Received};
use crate::sync::wire::{BATCH_BYTES, Wire};

/// So many messages are held back at most: a window is four batches, with a scope each.
const MESSAGES: usize = 16;

/// Scopes, batches and documents in a row, before any of them is taken in.
#[derive(Default)]
struct Portion {
    messages: Vec<Message>,
    bytes: usize,
}

impl Portion {
    /// Adds a message that takes so many bytes.
    fn add(&mut self, message: Message, bytes: usize) {
        self.messages.push(message);
        self.bytes += bytes;
    }

    /// Whether what is held back is to be taken in before more comes: it is as much as the largest batch.
    fn is_full(&self) -> bool {
        self.messages.len() >= MESSAGES || self.bytes >= BATCH_BYTES
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What was held back, in the order in which it came.
    fn take(&mut self) -> Vec<Message> {
        self.bytes = 0;
        std::mem::take(&mut self.messages)
    }
}

/// What came from the other side.
enum Heard {
    Established(Established),
    /// A scope, batch or document, and how many bytes of memory it takes: a few may have inflated to many.
    Brought(Message, usize),
    Other(Wire),
}

impl Session {
    /// Takes in what is whole in the bytes that came.
    pub(super) fn take_in(&mut self) -> Result<()> {
        let mut portion = Portion::default();
        loop {
            let heard = match self.hear() {
                Ok(Some(Heard::Brought(message, bytes))) => {
                    portion.add(message, bytes);
                    if portion.is_full() {
                        self.bring(&mut portion)?;
                    }
                    continue;
                }
                heard => heard,
            };
            // What came before, also before a failure, is taken in first.
            self.bring(&mut portion)?;
            match heard? {
                Some(Heard::Established(established)) => self.established(established)?,
                Some(Heard::Other(wire)) => self.receive(wire)?,
                _ => return Ok(()),
            }
        }
    }

    /// What is whole in the bytes that came; nothing where no more is. What only newer versions know is passed over.
    fn hear(&mut self) -> Result<Option<Heard>> {
        while let Some(received) = self.channel.next().map_err(SyncFailed::from)? {
            let (kind, body) = match received {
                Received::Established(established) => return Ok(Some(Heard::Established(established))),
                Received::Message { kind, body } => (kind, body),
            };
            let wire = Wire::decode(kind, &body).map_err(|Malformed| SyncFailed::Protocol("malformed"))?;
            let Some(wire) = wire else { continue };
            // With its header, so that it is taken in together with what came beside it.
            let wire = match (&self.stage, wire) {
                (Stage::Open(replica), Wire::More { document, changes }) => {
                    match replica.header_of(document)? {
                        Some(header) => Wire::Changes(Message::Changes { document, header, changes }),
                        None => Wire::More { document, changes },
                    }
                }
                (_, wire) => wire,
            };
            return Ok(Some(match wire {
                Wire::Founded(message) | Wire::Changes(message) | Wire::Snapshot(message)
                    if matches!(self.stage, Stage::Open(_)) =>
                {
                    let bytes = body.len() + inflated(&message);
                    Heard::Brought(message, bytes)
                }
                other => Heard::Other(other),
            }));
        }
        Ok(None)
    }

    /// Takes in what was held back.
    fn bring(&mut self, portion: &mut Portion) -> Result<()> {
        let Stage::Open(replica) = &mut self.stage else { return Ok(()) };
        if portion.is_empty() {
            return Ok(());
        }
        let taken = replica.on_brought(portion.take());
        self.received(taken)
    }
}

/// The bytes of a message that may have come deflated.
fn inflated(message: &Message) -> usize {
    match message {
        Message::Changes { changes, .. } => changes.iter().map(|change| change.chunk.len()).sum(),
        Message::Snapshot { chunk, .. } => chunk.len(),
        _ => 0,
    }
}
