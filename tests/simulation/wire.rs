//! A session over a bad connection: portions are lost, swapped, doubled, altered, held back, or a side is gone.

use std::time::Duration;

use caseplan_core::sync::{Session, SyncReport};
use caseplan_core::{Error, Store};

use crate::dice::Dice;

/// What happens to the bytes between two devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends.
    Cut,
    /// A portion is lost, and what follows arrives.
    Lose,
    /// Two portions change places.
    Reorder,
    /// A portion arrives twice.
    Duplicate,
    /// The end of a portion is missing.
    Truncate,
    /// One bit is another.
    Alter,
    /// One direction waits for a while; nothing is lost.
    Delay,
    /// Nothing arrives any more, and nobody says so.
    Stall,
    /// The first side is gone, and starts again later.
    CrashOne,
    /// The second side is gone.
    CrashOther,
}

impl Fault {
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Cut, "cut"),
        (Self::Lose, "lose"),
        (Self::Reorder, "reorder"),
        (Self::Duplicate, "duplicate"),
        (Self::Truncate, "truncate"),
        (Self::Alter, "alter"),
        (Self::Delay, "delay"),
        (Self::Stall, "stall"),
        (Self::CrashOne, "crash one"),
        (Self::CrashOther, "crash other"),
    ];
}

/// More portions than any honest session needs.
const ENDLESS: usize = 50_000;

/// A session under way, with at most one fault after so many bytes.
pub struct Wire {
    sides: [Session; 2],
    fault: Option<(Fault, usize)>,
    portion: usize,
    carried: usize,
    /// What was on its way, and to which side, when one of them was gone.
    last: Option<(usize, Vec<u8>)>,
    over: bool,
}

impl Wire {
    pub fn between(
        stores: [&Store; 2],
        versions: [&[u32]; 2],
        fault: Option<(Fault, usize)>,
        portion: usize,
    ) -> Self {
        let mut sides = [
            stores[0].sync().connect_speaking(versions[0]).unwrap(),
            stores[1].sync().accept_speaking(versions[1]).unwrap(),
        ];
        sides.iter_mut().for_each(|side| drop(side.overhear()));
        Self { sides, fault, portion, carried: 0, last: None, over: false }
    }

    /// What each side has said, in the clear.
    pub fn said(&mut self) -> [Vec<u8>; 2] {
        self.sides.each_mut().map(Session::overhear)
    }

    /// A side takes in what was on its way to it as it went, and is heard no more.
    pub fn takes_the_last(&mut self, side: usize) {
        if let Some((_, bytes)) = self.last.take_if(|(to, _)| *to == side) {
            heard(self.sides[side].feed(&bytes));
        }
    }

    /// Runs it to its end; `meanwhile` is asked after each portion what else is done.
    pub fn run(
        &mut self,
        dice: &mut Dice,
        mut meanwhile: impl FnMut(&mut Dice) -> Option<usize>,
    ) -> [SyncReport; 2] {
        for _ in 0..ENDLESS {
            let mut moved = false;
            for from in 0..2 {
                let bytes = heard(self.sides[from].take(self.portion));
                moved |= !bytes.is_empty();
                self.deliver(from, bytes, dice);
                if self.over {
                    return self.reports();
                }
            }
            if let Some(who) = meanwhile(dice) {
                heard(self.sides[who].catch_up());
                moved = true;
            }
            if !moved {
                self.sides[0].leave();
                let last = heard(self.sides[0].take(usize::MAX));
                heard(self.sides[1].feed(&last));
                return self.reports();
            }
        }
        panic!("a session that never ends");
    }

    fn reports(&self) -> [SyncReport; 2] {
        [self.sides[0].report(), self.sides[1].report()]
    }

    /// Carries a portion, or does to it what is due.
    fn deliver(&mut self, from: usize, mut bytes: Vec<u8>, dice: &mut Dice) {
        let to = 1 - from;
        self.carried += bytes.len();
        let due = !bytes.is_empty() && self.fault.is_some_and(|(_, after)| self.carried >= after);
        if !due {
            heard(self.sides[to].feed(&bytes));
            return;
        }
        match self.fault.take().map(|(fault, _)| fault) {
            Some(Fault::Cut) => {
                bytes.truncate(dice.below(bytes.len()));
                heard(self.sides[to].feed(&bytes));
                self.over = true;
            }
            Some(Fault::CrashOne | Fault::CrashOther) => {
                self.last = Some((to, bytes));
                self.over = true;
            }
            Some(Fault::Lose) => {}
            Some(Fault::Truncate) => {
                bytes.truncate(dice.below(bytes.len()));
                heard(self.sides[to].feed(&bytes));
            }
            Some(Fault::Alter) => {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
                heard(self.sides[to].feed(&bytes));
            }
            Some(Fault::Duplicate) => {
                heard(self.sides[to].feed(&bytes));
                heard(self.sides[to].feed(&bytes));
            }
            Some(Fault::Reorder) => {
                let next = heard(self.sides[from].take(self.portion));
                heard(self.sides[to].feed(&next));
                heard(self.sides[to].feed(&bytes));
            }
            Some(Fault::Delay) => {
                // The other direction goes on as long as it has something to say.
                for _ in 0..8 {
                    let back = heard(self.sides[to].take(self.portion));
                    heard(self.sides[from].feed(&back));
                }
                heard(self.sides[to].feed(&bytes));
            }
            Some(Fault::Stall) => {
                for second in [1, 61, 200] {
                    for side in &mut self.sides {
                        heard(side.tick(Duration::from_secs(second)));
                    }
                }
                self.over = true;
            }
            None => {}
        }
        // After bytes that never came a stream waits for ever: the clock ends it.
        if self.sides.iter().all(Session::is_over) {
            self.over = true;
        }
    }
}

/// A session may fail in every way that a connection makes it fail: its store must not.
fn heard<T: Default>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(Error::Sync(_)) => T::default(),
        Err(error) => panic!("a store fails: {error:?}"),
    }
}
