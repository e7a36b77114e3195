//! What goes with a case that was taken back is held by somebody else: looked at wherever a store may let something go.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows::{Hash, Held, Place, Rows, UNKNOWN_AUTHOR};
use crate::world::World;

/// What devices hold of cases of which something was taken back, and where it stands.
pub type Holdings = BTreeMap<usize, BTreeMap<Hash, Place>>;

impl World {
    /// What these devices hold that they may let go.
    pub fn may_let_go(&self, devices: &[usize]) -> Holdings {
        if self.taken_back.is_empty() {
            return Holdings::new();
        }
        let held = |at: &usize| {
            let mut held = Rows::of(&self.devices[*at]).places();
            held.retain(|_, place| self.taken_back.contains(&place.case));
            (*at, held)
        };
        devices.iter().map(held).collect()
    }

    /// What they have let go since is on some other device: nobody lets go of the last copy, but where somebody who is
    /// taken to have one is an older copy since.
    pub fn the_last_copy_is_kept(&mut self, before: &Holdings) {
        for (at, held) in before {
            // A branch that is made again, or loses its fork, goes without its document.
            let left = Rows::of(&self.devices[*at]).documents();
            let gone: Vec<_> = held.iter().filter(|(_, place)| !left.contains(&place.document)).collect();
            if gone.is_empty() {
                continue;
            }
            let others = (0..self.devices.len()).filter(|other| other != at);
            let others: Vec<_> = others.map(|at| Rows::of(&self.devices[at])).collect();
            let others: Vec<_> = others.iter().map(|rows| (rows.hashes(), rows.lost_branches())).collect();
            for (hash, place) in gone {
                // What has lost a fork waits there for a person; what nobody is known to have written counts for nothing.
                let has = |(held, lost): &(Held, BTreeSet<Hash>)| {
                    held.get(hash).is_some_and(|state| *state != UNKNOWN_AUTHOR) || lost.contains(hash)
                };
                let kept = others.iter().any(has);
                let case = place.case;
                assert!(
                    kept || self.overwritten.contains(hash),
                    "{at} has let go of {hash:02X?} of {case}, which is nowhere else"
                );
            }
            self.note("removal", "removal", *at);
            self.owe_what_is_left();
        }
    }
}
