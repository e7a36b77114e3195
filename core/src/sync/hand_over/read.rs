//! Reading a file that was handed over, as a stream.

use super::{HandOverFailed, Header, LAST, MAX_HEADER, MORE, decode_expiry};
use crate::identity::DeviceKeys;
use crate::sync::channel::Deframer;
use crate::sync::noise::{FileKeys, Handshake, MAX_FRAME, Transport};

/// What came out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandOver {
    /// The file is for this device. Comes once, before any content.
    Opened {
        /// The sender's agreement key; the file was sealed with the secret behind it.
        sender_x25519: [u8; 32],
        /// When the file goes stale, unix seconds, as the sender's clock saw it. Not judged here.
        expires_at: i64,
    },
    /// The next piece of content.
    Content(Vec<u8>),
    /// The file is whole.
    End,
}

/// Opens a file that was sealed for this device. Holds at most what is fed and one frame.
pub struct HandOverReader {
    keys: DeviceKeys,
    state: State,
    inbox: Deframer,
}

enum State {
    Header,
    First(Header),
    Frames(Box<Transport>),
    /// The last frame was read, and its content given.
    Last,
    Ended,
    Failed(HandOverFailed),
}

impl HandOverReader {
    /// Begins to read.
    pub fn new(keys: &DeviceKeys) -> Self {
        Self { keys: keys.clone(), state: State::Header, inbox: Deframer::default() }
    }

    /// Takes bytes of the file, in any portion. Call [`Self::next`] until it gives nothing before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Failed(_)) {
            self.inbox.push(bytes);
        }
    }

    /// The next thing in the file; nothing until more bytes are fed.
    ///
    /// # Errors
    /// When the file can not be read on. The same error then comes for ever; content that came before is authentic.
    #[allow(clippy::should_implement_trait, reason = "nothing now may be something later, and it can fail")]
    pub fn next(&mut self) -> Result<Option<HandOver>, HandOverFailed> {
        let result = self.advance();
        if let Err(failed) = &result {
            self.fail(*failed);
        }
        result
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    /// [`HandOverFailed::Cut`] unless [`HandOver::End`] came; the reason of a file that failed.
    pub fn end(&mut self) -> Result<(), HandOverFailed> {
        let failed = match self.state {
            State::Ended if self.inbox.is_empty() => return Ok(()),
            State::Ended => HandOverFailed::Joined,
            State::Failed(failed) => failed,
            _ => HandOverFailed::Cut,
        };
        self.fail(failed);
        Err(failed)
    }

    fn fail(&mut self, failed: HandOverFailed) {
        self.state = State::Failed(failed);
        self.inbox = Deframer::default();
    }

    fn advance(&mut self) -> Result<Option<HandOver>, HandOverFailed> {
        loop {
            match &mut self.state {
                State::Header => {
                    let part = self.inbox.next(MAX_HEADER).map_err(|_| HandOverFailed::NotAHandOver)?;
                    let Some(part) = part else { return Ok(None) };
                    let header = Header::decode(part)?;
                    if header.recipient != self.keys.device_id() {
                        return Err(HandOverFailed::NotForThisDevice { recipient: header.recipient });
                    }
                    self.state = State::First(header);
                }
                State::First(header) => {
                    let Some(part) = self.inbox.next(MAX_HEADER)? else { return Ok(None) };
                    let secret = self.keys.x25519_secret();
                    let sender_x25519 = header.sender_x25519;
                    let prologue = header.encode();
                    let file = FileKeys { secret: &secret, remote: &sender_x25519, prologue: &prologue };
                    let mut handshake = Handshake::file_reader(&file)?;
                    let expiry = handshake.read(part)?;
                    let expires_at = decode_expiry(&expiry).map_err(|_| HandOverFailed::NotAHandOver)?;
                    self.state = State::Frames(Box::new(handshake.finish()?));
                    return Ok(Some(HandOver::Opened { sender_x25519, expires_at }));
                }
                State::Frames(transport) => {
                    let Some(part) = self.inbox.next(MAX_FRAME)? else { return Ok(None) };
                    let mut content = transport.open(part)?;
                    let mark = content.first().copied();
                    content.drain(..1.min(content.len()));
                    match mark {
                        Some(MORE) => {}
                        Some(LAST) => self.state = State::Last,
                        _ => return Err(HandOverFailed::NotAHandOver),
                    }
                    if !content.is_empty() {
                        return Ok(Some(HandOver::Content(content)));
                    }
                }
                State::Last => {
                    self.state = State::Ended;
                    return Ok(Some(HandOver::End));
                }
                State::Ended if self.inbox.is_empty() => return Ok(None),
                State::Ended => return Err(HandOverFailed::Joined),
                State::Failed(failed) => return Err(*failed),
            }
        }
    }
}
