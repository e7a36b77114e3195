//! The newcomer's side of one attempt.

use std::collections::VecDeque;
use std::sync::Arc;

use super::code::ShortCode;
use super::messages::{Answer, MAX_ANSWER, Refusal, Request, is_name, kind};
use super::pake::{MESSAGE, Pake};
use super::qr::QrPayload;
use super::{EnrolmentFailed, TRIES, TryBook};
use crate::identity::DeviceKeys;
use crate::ids::sha256;
use crate::random::Random;
use crate::sync::channel::{
    Channel, Deframer, Established, Padding, Purpose, Received, Side, frame, sign_handshake,
};

/// How far the newcomer's clock may be ahead of the inviter's before it calls a QR code expired, in seconds. The
/// inviter, whose clock made it, decides exactly.
pub const SKEW: i64 = 600;

/// The invitation's id and the inviter's message.
const FIRST_FRAME: usize = 16 + MESSAGE;

/// The newcomer's side of one connection that it made.
pub struct Newcomer {
    keys: DeviceKeys,
    device_name: String,
    own_records: Vec<u8>,
    state: State,
    /// How many tries of the short code there were with this one.
    tries: Option<u32>,
    /// What goes out before the channel.
    first: VecDeque<u8>,
}

enum State {
    /// Waits for a short code's first frame.
    Waiting { code: ShortCode, random: Arc<dyn Random>, inbox: Deframer },
    /// The handshake. With a QR code the inviter's key must have this hash.
    Shaking { channel: Channel, inviter: Option<[u8; 32]> },
    /// Asked.
    Asked(Channel),
    /// Answered.
    Done,
    /// Nothing goes in or out any more.
    Failed(EnrolmentFailed),
}

impl Newcomer {
    /// Begins with a QR code that was scanned. Give it records of its own authority where its store was used alone,
    /// nothing otherwise.
    ///
    /// # Errors
    /// [`EnrolmentFailed::Expired`]; [`EnrolmentFailed::Malformed`] for a name that cannot be shown; when there is no
    /// randomness.
    pub fn by_qr(
        keys: &DeviceKeys,
        device_name: &str,
        own_records: Vec<u8>,
        qr: &QrPayload,
        now: i64,
        random: &dyn Random,
    ) -> Result<Self, EnrolmentFailed> {
        if now > qr.expires_at.saturating_add(SKEW) {
            return Err(EnrolmentFailed::Expired);
        }
        let channel = limited(Channel::initiate(keys, &qr.secret, Vec::new(), random)?);
        let inviter = Some(qr.inviter_key_hash);
        Self::new(keys, device_name, own_records, State::Shaking { channel, inviter })
    }

    /// Begins with a short code that was typed.
    ///
    /// # Errors
    /// [`EnrolmentFailed::Malformed`] for a name that cannot be shown.
    pub fn by_code(
        keys: &DeviceKeys,
        device_name: &str,
        own_records: Vec<u8>,
        code: ShortCode,
        random: Arc<dyn Random>,
    ) -> Result<Self, EnrolmentFailed> {
        let state = State::Waiting { code, random, inbox: Deframer::default() };
        Self::new(keys, device_name, own_records, state)
    }

    fn new(
        keys: &DeviceKeys,
        device_name: &str,
        own_records: Vec<u8>,
        state: State,
    ) -> Result<Self, EnrolmentFailed> {
        if !is_name(device_name) {
            return Err(EnrolmentFailed::Malformed);
        }
        let (keys, device_name, first) = (keys.clone(), device_name.to_owned(), VecDeque::new());
        Ok(Self { keys, device_name, own_records, state, tries: None, first })
    }

    /// Takes bytes from the wire, in any portion.
    pub fn feed(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Waiting { inbox, .. } => inbox.push(bytes),
            State::Shaking { channel, .. } | State::Asked(channel) => channel.feed(bytes),
            State::Done | State::Failed(_) => {}
        }
    }

    /// The answer, once; nothing until more bytes are fed. The book is not asked with a QR code.
    ///
    /// # Errors
    /// When this attempt is over.
    pub fn next(&mut self, book: &mut dyn TryBook) -> Result<Option<Answer>, EnrolmentFailed> {
        let result = self.advance(book);
        if let Err(failed) = &result {
            self.fail(*failed);
        }
        result
    }

    /// Says that the connection ended.
    ///
    /// # Errors
    /// Unless the answer came: [`EnrolmentFailed::WrongCode`] if the inviter went away where it would after a wrong
    /// code, else [`EnrolmentFailed::Closed`], or why the attempt was over already.
    pub fn closed(&mut self) -> Result<(), EnrolmentFailed> {
        let failed = match (&self.state, self.tries) {
            (State::Done, _) => return Ok(()),
            (State::Failed(failed), _) => *failed,
            (State::Shaking { .. }, Some(tries)) => {
                EnrolmentFailed::WrongCode { left: TRIES - tries.min(TRIES) }
            }
            _ => EnrolmentFailed::Closed,
        };
        self.fail(failed);
        Err(failed)
    }

    /// Takes at most so many bytes for the wire.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.first.drain(..max.min(self.first.len())).collect();
        if let State::Shaking { channel, .. } | State::Asked(channel) = &mut self.state {
            bytes.extend(channel.take(max - bytes.len()));
        }
        bytes
    }

    /// How many bytes wait for the wire.
    pub fn pending(&self) -> usize {
        let channel = match &self.state {
            State::Shaking { channel, .. } | State::Asked(channel) => channel.pending(),
            _ => 0,
        };
        self.first.len() + channel
    }

    fn advance(&mut self, book: &mut dyn TryBook) -> Result<Option<Answer>, EnrolmentFailed> {
        loop {
            match &mut self.state {
                State::Waiting { code, random, inbox } => {
                    let part = inbox.next(FIRST_FRAME).map_err(|_| EnrolmentFailed::Malformed)?;
                    let Some(part) = part else { return Ok(None) };
                    let (id, message) = part.split_first_chunk::<16>().ok_or(EnrolmentFailed::Malformed)?;
                    // Whoever is there can test one code with what goes out now.
                    let tries = book.count_try()?;
                    self.tries = Some(tries);
                    if tries > TRIES {
                        return Err(EnrolmentFailed::NoTriesLeft);
                    }
                    let (pake, answer) = Pake::newcomer(code, id, random.as_ref())?;
                    let key = pake.finish(message)?;
                    let mut channel =
                        limited(Channel::initiate(&self.keys, &key, Vec::new(), random.as_ref())?);
                    channel.feed(inbox.rest());
                    self.first.extend(frame(&answer));
                    self.state = State::Shaking { channel, inviter: None };
                }
                State::Shaking { channel, inviter } => {
                    let established = match channel.next()? {
                        None => return Ok(None),
                        Some(Received::Established(established)) => established,
                        Some(Received::Message { .. }) => return Err(EnrolmentFailed::Malformed),
                    };
                    // The third message waits in the channel and is dropped with it.
                    if inviter.is_some_and(|hash| hash != sha256(&[&established.remote_x25519])) {
                        return Err(EnrolmentFailed::WrongInviter);
                    }
                    self.ask(&established)?;
                }
                State::Asked(channel) => {
                    let Some(received) = channel.next()? else { return Ok(None) };
                    return match received {
                        Received::Message { kind: kind::ANSWER, body } => {
                            let answer = Answer::decode(&body).map_err(|_| EnrolmentFailed::Malformed)?;
                            self.state = State::Done;
                            Ok(Some(answer))
                        }
                        Received::Message { kind: kind::REFUSAL, body } => {
                            let refusal = Refusal::decode(&body).map_err(|_| EnrolmentFailed::Malformed)?;
                            Err(refusal.into())
                        }
                        _ => Err(EnrolmentFailed::Malformed),
                    };
                }
                State::Done => return Ok(None),
                State::Failed(failed) => return Err(*failed),
            }
        }
    }

    fn ask(&mut self, established: &Established) -> Result<(), EnrolmentFailed> {
        let request = Request {
            ed25519: self.keys.ed25519(),
            x25519: self.keys.x25519(),
            device_name: self.device_name.clone(),
            own_records: std::mem::take(&mut self.own_records),
        };
        let hash = &established.handshake_hash;
        let signature = sign_handshake(&self.keys, Purpose::Enrol, Side::Initiator, hash);
        let gone = State::Failed(EnrolmentFailed::NotNow);
        if let State::Shaking { mut channel, .. } = std::mem::replace(&mut self.state, gone) {
            channel.send(kind::REQUEST, &request.encode(&signature), Padding::Block)?;
            self.state = State::Asked(channel);
        }
        Ok(())
    }

    fn fail(&mut self, failed: EnrolmentFailed) {
        self.state = State::Failed(failed);
        self.first.clear();
    }
}

fn limited(mut channel: Channel) -> Channel {
    channel.set_limit(MAX_ANSWER);
    channel
}
