//! The inviting side of one attempt.

use std::collections::VecDeque;
use std::sync::Arc;

use super::invitation::{Invitation, Secret};
use super::messages::{Answer, MAX_ANSWER, MAX_REQUEST, Refusal, Request, kind};
use super::pake::{MESSAGE, Pake};
use super::{EnrolmentFailed, InvitationBook, TRIES};
use crate::identity::DeviceKeys;
use crate::random::Random;
use crate::sync::channel::{
    Channel, ChannelFailed, Deframer, Established, Padding, Purpose, Received, Side, frame, verify_handshake,
};

/// The inviter's side of one connection. One invitation may have several, one after another or at once: what they
/// share is in the book.
///
/// After a request came, the answer may take as long as it takes: a person confirms, and an inviter who may not certify
/// forwards the request to somebody who may.
pub struct Inviter {
    expires_at: i64,
    state: State,
    /// How many tries of the short code there were with this one.
    tries: Option<u32>,
    /// What goes out before the channel.
    first: VecDeque<u8>,
}

enum State {
    /// A short code's first frame is out.
    Exchanging(Box<Exchange>),
    /// In a handshake, or the request is awaited.
    Listening { channel: Channel, established: Option<Established> },
    /// A person decides.
    Deciding(Channel),
    /// Answered.
    Done(Channel),
    /// Told why not: that goes out, and nothing more comes in.
    Refused(Channel, EnrolmentFailed),
    /// Nothing goes in or out any more.
    Failed(EnrolmentFailed),
}

struct Exchange {
    pake: Pake,
    keys: DeviceKeys,
    random: Arc<dyn Random>,
    inbox: Deframer,
}

impl Inviter {
    /// Begins with a connection that somebody made.
    ///
    /// # Errors
    /// [`EnrolmentFailed::Expired`]; when there is no randomness.
    pub fn new(
        keys: &DeviceKeys,
        invitation: &Invitation,
        now: i64,
        random: Arc<dyn Random>,
    ) -> Result<Self, EnrolmentFailed> {
        let expires_at = invitation.expires_at;
        if now > expires_at {
            return Err(EnrolmentFailed::Expired);
        }
        let mut first = VecDeque::new();
        let state = match &invitation.secret {
            Secret::Qr(secret) => {
                let channel = Channel::respond(keys, vec![**secret], random.as_ref())?;
                State::Listening { channel: limited(channel), established: None }
            }
            Secret::Code(code) => {
                let (pake, message) = Pake::inviter(code, &invitation.id, random.as_ref())?;
                first.extend(frame(&[invitation.id.as_slice(), &message].concat()));
                let (keys, inbox) = (keys.clone(), Deframer::default());
                State::Exchanging(Box::new(Exchange { pake, keys, random, inbox }))
            }
        };
        Ok(Self { expires_at, state, tries: None, first })
    }

    /// Takes bytes from the wire, in any portion.
    pub fn feed(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Exchanging(exchange) => exchange.inbox.push(bytes),
            State::Listening { channel, .. } | State::Deciding(channel) => channel.feed(bytes),
            State::Done(_) | State::Refused(..) | State::Failed(_) => {}
        }
    }

    /// The request, once; nothing until more bytes are fed. Show its name and fingerprint to a person, and then
    /// [`Self::answer`] or [`Self::decline`].
    ///
    /// Everything that this puts out for the wire is stored in the book already: keep the order.
    ///
    /// # Errors
    /// When this attempt is over. After [`EnrolmentFailed::Expired`] and [`EnrolmentFailed::Used`] bytes may wait that
    /// tell the newcomer.
    pub fn next(
        &mut self,
        now: i64,
        book: &mut dyn InvitationBook,
    ) -> Result<Option<Request>, EnrolmentFailed> {
        let result = self.advance(now, book);
        if let Err(failed) = &result
            && !matches!(self.state, State::Refused(..))
        {
            self.fail(*failed);
        }
        result
    }

    /// Answers the request. Take the bytes and the attempt is over.
    ///
    /// # Errors
    /// [`EnrolmentFailed::NotNow`] without a request, [`ChannelFailed::MessageTooLong`]; the attempt is as it was.
    pub fn answer(&mut self, answer: &Answer) -> Result<(), EnrolmentFailed> {
        let State::Deciding(channel) = &mut self.state else { return Err(EnrolmentFailed::NotNow) };
        let body = answer.encode();
        if body.len() >= MAX_ANSWER {
            let too_long = ChannelFailed::MessageTooLong { length: body.len() + 1, limit: MAX_ANSWER };
            return Err(too_long.into());
        }
        channel.send(kind::ANSWER, &body, Padding::Block)?;
        self.become_state(|state| match state {
            State::Deciding(channel) => State::Done(channel),
            other => other,
        });
        Ok(())
    }

    /// Declines the request. The invitation stays with the device that asked: forget it, and make a new one for
    /// somebody else.
    ///
    /// # Errors
    /// [`EnrolmentFailed::NotNow`] without a request.
    pub fn decline(&mut self) -> Result<(), EnrolmentFailed> {
        if !matches!(self.state, State::Deciding(_)) {
            return Err(EnrolmentFailed::NotNow);
        }
        self.refuse(Refusal::Declined)
    }

    /// Says that the connection ended.
    ///
    /// # Errors
    /// [`EnrolmentFailed::Closed`] before an answer left, or why the attempt was over already.
    pub fn closed(&mut self) -> Result<(), EnrolmentFailed> {
        let failed = match &self.state {
            State::Done(channel) if channel.pending() == 0 => return Ok(()),
            State::Refused(_, failed) | State::Failed(failed) => *failed,
            _ => EnrolmentFailed::Closed,
        };
        self.fail(failed);
        Err(failed)
    }

    /// Takes at most so many bytes for the wire.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.first.drain(..max.min(self.first.len())).collect();
        if let Some(channel) = self.channel() {
            bytes.extend(channel.take(max - bytes.len()));
        }
        bytes
    }

    /// How many bytes wait for the wire.
    pub fn pending(&mut self) -> usize {
        self.first.len() + self.channel().map_or(0, |channel| channel.pending())
    }

    fn channel(&mut self) -> Option<&mut Channel> {
        match &mut self.state {
            State::Listening { channel, .. }
            | State::Deciding(channel)
            | State::Done(channel)
            | State::Refused(channel, _) => Some(channel),
            State::Exchanging(_) | State::Failed(_) => None,
        }
    }

    fn advance(
        &mut self,
        now: i64,
        book: &mut dyn InvitationBook,
    ) -> Result<Option<Request>, EnrolmentFailed> {
        loop {
            match &mut self.state {
                State::Exchanging(exchange) => {
                    let message = exchange.inbox.next(MESSAGE).map_err(|_| EnrolmentFailed::Malformed)?;
                    let Some(message) = message.map(<[u8]>::to_vec) else { return Ok(None) };
                    let tries = book.count_try()?;
                    self.tries = Some(tries);
                    if tries > TRIES {
                        return Err(EnrolmentFailed::NoTriesLeft);
                    }
                    let State::Exchanging(exchange) = std::mem::replace(&mut self.state, GONE) else {
                        return Err(EnrolmentFailed::NotNow);
                    };
                    let Exchange { pake, keys, random, inbox } = *exchange;
                    let key = pake.finish(&message)?;
                    let mut channel = limited(Channel::respond(&keys, vec![*key], random.as_ref())?);
                    channel.feed(inbox.rest());
                    self.state = State::Listening { channel, established: None };
                }
                State::Listening { channel, established } => {
                    let received = channel.next().map_err(|failed| wrong_secret(failed, self.tries))?;
                    match (received, &*established) {
                        (None, _) => return Ok(None),
                        (Some(Received::Established(now_known)), None) => *established = Some(now_known),
                        (Some(Received::Message { kind: kind::REQUEST, body }), Some(established)) => {
                            let request = check(&body, established)?;
                            return self.admit(request, now, book).map(Some);
                        }
                        _ => return Err(EnrolmentFailed::Malformed),
                    }
                }
                State::Deciding(channel) => {
                    // The newcomer has nothing more to say.
                    return match channel.next()? {
                        None => Ok(None),
                        Some(_) => Err(EnrolmentFailed::Malformed),
                    };
                }
                State::Done(_) => return Ok(None),
                State::Refused(_, failed) | State::Failed(failed) => return Err(*failed),
            }
        }
    }

    /// A request that is what it says: whether this invitation still takes it in.
    fn admit(
        &mut self,
        request: Request,
        now: i64,
        book: &mut dyn InvitationBook,
    ) -> Result<Request, EnrolmentFailed> {
        let refusal = if now > self.expires_at {
            Refusal::Expired
        } else if !book.use_up(request.device())? {
            Refusal::Used
        } else {
            self.become_state(|state| match state {
                State::Listening { channel, .. } => State::Deciding(channel),
                other => other,
            });
            return Ok(request);
        };
        self.refuse(refusal)?;
        Err(refusal.into())
    }

    fn refuse(&mut self, refusal: Refusal) -> Result<(), EnrolmentFailed> {
        if let Some(channel) = self.channel() {
            channel.send(kind::REFUSAL, &refusal.encode(), Padding::Block)?;
        }
        self.become_state(|state| match state {
            State::Listening { channel, .. } | State::Deciding(channel) => {
                State::Refused(channel, refusal.into())
            }
            other => other,
        });
        Ok(())
    }

    fn become_state(&mut self, next: impl FnOnce(State) -> State) {
        self.state = next(std::mem::replace(&mut self.state, GONE));
    }

    fn fail(&mut self, failed: EnrolmentFailed) {
        self.state = State::Failed(failed);
        self.first.clear();
    }
}

/// Stands in for a state while the next one is made of it.
const GONE: State = State::Failed(EnrolmentFailed::NotNow);

fn limited(mut channel: Channel) -> Channel {
    channel.set_limit(MAX_REQUEST);
    channel
}

/// A first frame that does not open was sealed with another secret.
fn wrong_secret(failed: ChannelFailed, tries: Option<u32>) -> EnrolmentFailed {
    match (failed, tries) {
        (ChannelFailed::Stranger, Some(tries)) => {
            EnrolmentFailed::WrongCode { left: TRIES - tries.min(TRIES) }
        }
        (ChannelFailed::Stranger, None) => EnrolmentFailed::NotInvited,
        (failed, _) => failed.into(),
    }
}

/// The keys must be those of this channel, and signed for it.
fn check(body: &[u8], established: &Established) -> Result<Request, EnrolmentFailed> {
    let (request, signature) = Request::decode(body).map_err(|_| EnrolmentFailed::Malformed)?;
    let hash = &established.handshake_hash;
    let signed = verify_handshake(&request.ed25519, Purpose::Enrol, Side::Initiator, hash, &signature);
    if signed && request.x25519 == established.remote_x25519 {
        Ok(request)
    } else {
        Err(EnrolmentFailed::NotSigned)
    }
}
