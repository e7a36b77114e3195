//! What a session tells: how far it is, what it did, and why it ended before its time.

use crate::ids::{DeviceId, WorkerId};
use crate::sync::channel::ChannelFailed;

/// Why a session ended before its time. What was committed stays; another session goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncFailed {
    /// The other side belongs to another agency, or to nobody.
    #[error("the other side is of another network")]
    Stranger,
    /// The bytes are not what the other side sent.
    #[error("the connection was altered or cut")]
    Altered,
    /// The two sides speak no version in common: one app must be updated.
    #[error("no version in common")]
    NoCommonVersion,
    /// The other side could not prove that it is a device of this domain.
    #[error("the other side is not a device of this domain")]
    NotProven,
    /// The other side does not follow the protocol.
    #[error("the other side does not follow the protocol: {0}")]
    Protocol(&'static str),
    /// The other side said nothing for a minute.
    #[error("the other side is silent")]
    Stalled,
    /// The connection ended before the session did.
    #[error("the connection was cut")]
    Cut,
    /// It was canceled here.
    #[error("canceled")]
    Canceled,
    /// The other side gave up, for this reason.
    #[error("the other side gave up: {0}")]
    GaveUp(String),
}

impl SyncFailed {
    /// Its code, as it is told to the peer and to an app.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Altered => "altered",
            Self::NoCommonVersion => "no_common_version",
            Self::NotProven => "not_proven",
            Self::Protocol(_) => "protocol",
            Self::Stalled => "stalled",
            Self::Cut => "cut",
            Self::Canceled => "canceled",
            Self::GaveUp(_) => "gave_up",
        }
    }
}

impl From<ChannelFailed> for SyncFailed {
    fn from(failed: ChannelFailed) -> Self {
        match failed {
            ChannelFailed::Stranger => Self::Stranger,
            ChannelFailed::NoCommonVersion => Self::NoCommonVersion,
            ChannelFailed::Malformed | ChannelFailed::MessageTooLong { .. } => Self::Protocol("message"),
            _ => Self::Altered,
        }
    }
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// The two sides find out who they are.
    Connecting,
    /// What differs is found and sent.
    Syncing,
    /// Both sides hold the same, and what is committed now is sent at once.
    UpToDate,
    /// It is over.
    Over,
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncProgress {
    /// Where it is.
    pub state: SyncState,
    /// Changes that were sent and acknowledged.
    pub sent: u64,
    /// Changes that were received.
    pub received: u64,
    /// Changes that are known to be still on their way, in either direction.
    pub on_the_way: u64,
    /// Documents of which something was sent and acknowledged, or received.
    pub documents: u64,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Whether both sides hold the same, or did when it was over.
    pub equal: bool,
}

impl SyncProgress {
    /// The part of what is known to be there that has been done, 0 to 1. It is 1 only when both sides hold the same, and
    /// stays 1 when the session is over after that.
    pub fn fraction(&self) -> f64 {
        let done = (self.sent + self.received) as f64;
        let all = done + self.on_the_way as f64;
        match self.equal {
            true => 1.0,
            false if all > 0.0 => (done / all).min(0.99),
            false => 0.0,
        }
    }
}

/// What a session did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncReport {
    /// The peer, once it was proven.
    pub peer: Option<DeviceId>,
    /// Its worker.
    pub worker: Option<WorkerId>,
    /// Changes that were sent and acknowledged.
    pub sent: u64,
    /// Changes that were received.
    pub received: u64,
    /// Received changes that are kept apart, with a reason.
    pub quarantined: u64,
    /// Changes on this device that no peer is known to hold; nothing where they could not be counted.
    pub only_here: Option<u64>,
    /// Whether both sides were seen to hold the same.
    pub equal: bool,
    /// How much the other clock is ahead, in seconds, where that is more than ten minutes.
    pub clock_ahead: Option<i64>,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Why it ended before its time.
    pub failed: Option<SyncFailed>,
}
