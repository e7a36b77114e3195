//! Taking in a new device over one connection.

use std::time::{Duration, Instant};

use super::pump::{Event, LINGER, PORTION, Pump};
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::exchange::CancelToken;
use crate::sync::enrolment::{EnrolmentFailed, LIFETIME};
use crate::sync::{JoinAttempt, JoinRequest, TakeIn};

/// How long a newcomer has for its request.
const REQUEST: Duration = Duration::from_secs(30);
/// How long each portion of an answer may take: the records of a large domain over a slow connection.
const LEAVING: Duration = Duration::from_secs(30);
/// How long it waits for a person's answer.
const ANSWER: Duration = Duration::from_secs(LIFETIME.unsigned_abs());

/// Carries the inviter's side: a person is asked whether it is the right device, and it is answered. The request, and
/// whether it was taken in.
///
/// # Errors
/// [`Error::Enrolment`] and [`Error::Joining`] when this attempt is over; the invitation may have others.
/// [`Error::Canceled`].
pub fn take_in(
    mut taking: TakeIn,
    stream: &dyn Stream,
    cancel: &CancelToken,
    decide: &mut dyn FnMut(&JoinRequest) -> bool,
) -> Result<(JoinRequest, bool)> {
    Pump::run(stream, cancel, |pump| {
        let request = exchange(pump, &mut taking, REQUEST, TakeIn::take, TakeIn::feed);
        let decided = match request {
            Ok(Some(request)) => {
                let yes = decide(&request);
                let answered = if yes { taking.accept() } else { taking.decline() };
                answered.map(|()| (request, yes))
            }
            Ok(None) => Err(early(taking.closed())),
            Err(error) => Err(error),
        };
        pump.finish(LEAVING, |most| taking.take(most));
        decided
    })
}

/// Carries the newcomer's side; this device is a member, on disk, when this returns.
///
/// # Errors
/// [`Error::Enrolment`] and [`Error::Joining`] when this attempt is over, [`Error::Canceled`].
pub fn join(mut attempt: JoinAttempt, stream: &dyn Stream, cancel: &CancelToken) -> Result<()> {
    Pump::run(stream, cancel, |pump| {
        let feed = |attempt: &mut JoinAttempt, bytes: &[u8]| Ok(attempt.feed(bytes)?.then_some(()));
        let joined = match exchange(pump, &mut attempt, ANSWER, JoinAttempt::take, feed) {
            Ok(Some(())) => Ok(()),
            Ok(None) => Err(early(attempt.closed())),
            Err(error) => Err(error),
        };
        pump.finish(LINGER, |most| attempt.take(most));
        joined
    })
}

/// An attempt whose connection ended knows why it is over; one that does not was simply not finished.
fn early(closed: Result<()>) -> Error {
    closed.err().unwrap_or(Error::Enrolment(EnrolmentFailed::Closed))
}

/// Carries bytes until something comes of it; nothing if the connection ended, or it took too long.
fn exchange<A, T>(
    pump: &mut Pump<'_>,
    attempt: &mut A,
    most: Duration,
    take: impl Fn(&mut A, usize) -> Vec<u8>,
    feed: impl Fn(&mut A, &[u8]) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let until = Instant::now() + most;
    loop {
        if pump.is_free() {
            let bytes = take(attempt, PORTION);
            pump.write(bytes);
        }
        match pump.wait(until.saturating_duration_since(Instant::now())) {
            Event::Read(bytes) => {
                if let Some(done) = feed(attempt, &bytes)? {
                    return Ok(Some(done));
                }
            }
            Event::Ended => return Ok(None),
            Event::Canceled => return Err(Error::Canceled),
            Event::Nothing if Instant::now() >= until => return Ok(None),
            Event::Unwritten | Event::Written | Event::Committed | Event::Nothing => {}
        }
    }
}
