//! Two devices and the bytes between them: real sessions over real channels, in any portions.

use std::time::Duration;

use caseplan_core::Store;
use caseplan_core::identity::Role;
use caseplan_core::sync::enrolment::Terms;
use caseplan_core::sync::{Session, SyncReport};
use caseplan_core::time::Instant;

/// A session between two stores, seen from outside.
pub struct Link {
    pub sides: [Session; 2],
    /// Bytes that are on their way to each side.
    wires: [Vec<u8>; 2],
    /// How many bytes went to each side.
    pub carried: [u64; 2],
    now: Duration,
}

impl Link {
    /// The first connects to the second.
    pub fn between(one: &Store, other: &Store) -> Self {
        Self {
            sides: [one.sync().connect().unwrap(), other.sync().accept().unwrap()],
            wires: [Vec::new(), Vec::new()],
            carried: [0, 0],
            now: Duration::ZERO,
        }
    }

    /// Carries at most so many bytes in one direction; false if there were none. What fails stays in the report.
    pub fn carry(&mut self, from: usize, most: usize) -> bool {
        let to = 1 - from;
        if self.wires[to].is_empty() {
            self.wires[to] = self.sides[from].take(most.max(64 * 1024)).unwrap_or_default();
        }
        let portion: Vec<u8> = {
            let count = self.wires[to].len().min(most);
            self.wires[to].drain(..count).collect()
        };
        if portion.is_empty() {
            return false;
        }
        self.carried[to] += portion.len() as u64;
        let _ = self.sides[to].feed(&portion);
        true
    }

    /// Carries everything in both directions until nothing is left to be said.
    pub fn run(&mut self, portion: usize) {
        loop {
            let moved = (0..2).map(|from| self.carry(from, portion)).fold(false, |any, moved| any | moved);
            if !moved {
                return;
            }
        }
    }

    /// Lets time pass on both sides.
    pub fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        for side in &mut self.sides {
            let _ = side.tick(self.now);
        }
    }

    /// Ends it in good order.
    pub fn end(mut self) -> [SyncReport; 2] {
        self.sides[0].leave();
        self.run(usize::MAX);
        [self.sides[0].report(), self.sides[1].report()]
    }
}

/// One whole session.
pub fn sync(one: &Store, other: &Store) -> [SyncReport; 2] {
    let mut link = Link::between(one, other);
    link.run(usize::MAX);
    link.end()
}

/// Takes a new device in through a channel, by QR code, as two people would.
pub fn take_in(inviter: &Store, newcomer: &Store, worker: &str, roles: &[Role]) {
    take_in_until(inviter, newcomer, worker, roles, None);
}

/// The same, with a certificate that is good until some time.
pub fn take_in_until(
    inviter: &Store,
    newcomer: &Store,
    worker: &str,
    roles: &[Role],
    until: Option<Instant>,
) {
    let terms = Terms { worker: worker.parse().unwrap(), roles: roles.to_vec(), level: 1 };
    take_in_on(inviter, newcomer, terms, until);
}

/// The same, with a certificate up to some level.
pub fn take_in_at(inviter: &Store, newcomer: &Store, worker: &str, roles: &[Role], level: u8) {
    let terms = Terms { worker: worker.parse().unwrap(), roles: roles.to_vec(), level };
    take_in_on(inviter, newcomer, terms, None);
}

fn take_in_on(inviter: &Store, newcomer: &Store, terms: Terms, until: Option<Instant>) {
    let invited = inviter.sync().invite_by_qr(terms, until).unwrap();
    let mut joining = newcomer.sync().join(&invited.qr().unwrap().unwrap(), "a new phone").unwrap();
    let mut taking = invited.take_in().unwrap();
    for _ in 0..16 {
        if let Some(request) = taking.feed(&joining.take(usize::MAX)).unwrap() {
            assert_eq!(request.fingerprint, joining.fingerprint().unwrap());
            taking.accept().unwrap();
        }
        if joining.feed(&taking.take(usize::MAX)).unwrap() {
            return;
        }
    }
    panic!("a newcomer that is never taken in");
}
