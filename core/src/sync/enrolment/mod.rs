//! Taking in a new device: an invitation is shown as a QR code or spoken as a short code, the newcomer asks through a
//! channel that only the two of them have, a person confirms, and the answer makes it a member (`sync.md` §3).
//!
//! - [`invitation`]: who is taken in, decided by the inviter beforehand;
//! - [`qr`], [`code`]: what is shown, and what is spoken;
//! - [`messages`]: the request and the answer;
//! - [`Inviter`], [`Newcomer`]: the two sides of one attempt, bytes in and bytes out like the channel;
//! - [`TryBook`], [`InvitationBook`]: what must be on disk before an answer leaves.
//!
//! The newcomer connects, so it is the initiator of the channel. With a short code the inviter's first frame is
//! `invitation id ‖ SPAKE2 message` and the newcomer's `SPAKE2 message`; the channel follows with the key as its secret.

pub mod code;
pub mod invitation;
mod inviter;
pub mod messages;
mod newcomer;
mod pake;
pub mod qr;

pub use code::{InvalidCode, ShortCode, fingerprint};
pub use invitation::{Invitation, InvitationId, LIFETIME, Terms};
pub use inviter::Inviter;
pub use messages::{Answer, Refusal, Request, is_name};
pub use newcomer::{Newcomer, SKEW};
pub use qr::{InvalidQr, QrPayload};

use super::channel::ChannelFailed;
use crate::ids::DeviceId;
use crate::random::RandomFailed;

/// How often a short code may be tried, over all connections together; then a new one is needed.
pub const TRIES: u32 = 3;

/// Where the tries of one short code are counted: on the inviter's side those of the invitation, on the newcomer's
/// those of the code that was typed. Each try is on disk before anything that depends on it is sent, so that cutting
/// the power buys nobody another guess.
pub trait TryBook {
    /// Counts one more try; how many there are with it. Durable when it returns.
    ///
    /// # Errors
    /// When it was not stored; the attempt ends and nothing is sent.
    fn count_try(&mut self) -> Result<u32, NotStored>;
}

/// Where the inviter keeps what became of one invitation.
pub trait InvitationBook: TryBook {
    /// Gives the invitation to this device if nobody has it yet; whether it has it now. So it is used once, and the
    /// device that had it can come back after a cut connection. Durable when it returns.
    ///
    /// # Errors
    /// When it was not stored; the attempt ends and nothing is sent.
    fn use_up(&mut self, device: DeviceId) -> Result<bool, NotStored>;
}

/// The book could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not stored")]
pub struct NotStored;

/// Why an attempt ended without a new device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentFailed {
    /// The invitation is over; make a new one.
    #[error("the invitation has expired")]
    Expired,
    /// Another device used the invitation. If that was not meant, somebody saw it: make a new one.
    #[error("the invitation was used by another device")]
    Used,
    /// The two sides do not have the same short code. The newcomer cannot tell this from a connection that broke.
    #[error("the short code is wrong; {left} tries left")]
    WrongCode {
        /// How often it may still be tried, over all connections together.
        left: u32,
    },
    /// The short code was tried too often; make a new one.
    #[error("no tries left")]
    NoTriesLeft,
    /// The other side does not have the QR code's secret.
    #[error("the other side was not invited")]
    NotInvited,
    /// The other side has the QR code's secret, but is not the device that showed it: somebody stands between.
    #[error("the other side is not the inviter")]
    WrongInviter,
    /// The person at the inviting device said no.
    #[error("the inviter declined")]
    Declined,
    /// A try or the use of the invitation could not be stored, so nothing was sent.
    #[error("a try could not be stored")]
    NotStored,
    /// The QR code is of a newer version of the app.
    #[error("the invitation is of a newer version")]
    Newer,
    /// The other side sent something that is not of the protocol's form.
    #[error("a message is malformed")]
    Malformed,
    /// The request is not signed by the device that it names.
    #[error("the request is not signed")]
    NotSigned,
    /// The connection ended too early.
    #[error("the connection ended")]
    Closed,
    /// What was asked for cannot be done at this point.
    #[error("not now")]
    NotNow,
    /// The channel failed.
    #[error(transparent)]
    Channel(#[from] ChannelFailed),
}

impl From<NotStored> for EnrolmentFailed {
    fn from(_: NotStored) -> Self {
        Self::NotStored
    }
}

impl From<RandomFailed> for EnrolmentFailed {
    fn from(_: RandomFailed) -> Self {
        Self::Channel(ChannelFailed::Random)
    }
}
