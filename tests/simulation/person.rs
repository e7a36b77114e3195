//! When all have come to rest, a person of each case looks at what waits and what ended devices wrote, and lets it in.

use caseplan_core::Error;
use caseplan_core::access::WaitingWork;
use caseplan_core::ids::CaseId;

use crate::support::Device;
use crate::world::World;

impl World {
    /// On one device of each case's founder all that waits is let in, and what asks for a look is confirmed; false if
    /// there was nothing to decide.
    pub fn decide(&mut self) -> bool {
        let mut any = false;
        let cases: Vec<CaseId> = self.founders.keys().copied().collect();
        for case in cases {
            let Some(at) = self.a_founder(case) else { continue };
            for work in waiting(&self.devices[at], case) {
                match self.devices[at].store.grants().admit(case, work.device) {
                    Ok(changes) => {
                        any = true;
                        self.decided_of(case, &format!("{changes} of {work:?} let in"), "let in", at)
                    }
                    Err(Error::NotGranted { .. }) => self.count("refused letting in"),
                    Err(error) => panic!("letting in {work:?} on {at}: {error:?}"),
                }
            }
            let asking = self.devices[at].store.grants().to_review().unwrap();
            for work in asking.into_iter().filter(|work| work.case == case) {
                match self.devices[at].store.grants().confirm(case, work.device) {
                    Ok(_) => {
                        any = true;
                        self.decided_of(case, &format!("{work:?} confirmed"), "confirm", at);
                    }
                    Err(Error::NotGranted { .. }) => self.count("refused confirming"),
                    Err(error) => panic!("confirming {work:?} on {at}: {error:?}"),
                }
            }
        }
        any
    }

    fn decided_of(&mut self, case: CaseId, what: &str, name: &str, at: usize) {
        self.decided.insert(case, at);
        self.note(what, name, at);
    }

    /// A device of the worker who opened a case, which is not ended and has it.
    pub fn a_founder(&self, case: CaseId) -> Option<usize> {
        let founder = &self.founders[&case];
        self.living()
            .find(|at| self.devices[*at].worker == *founder && self.devices[*at].cases().contains(&case))
    }
}

/// What of a case waits on a device.
pub fn listed(device: &Device, case: CaseId) -> Vec<WaitingWork> {
    let list = device.store.grants().waiting().unwrap();
    list.into_iter().filter(|work| work.case == case).collect()
}

/// What of that can be let in.
pub fn waiting(device: &Device, case: CaseId) -> Vec<WaitingWork> {
    listed(device, case).into_iter().filter(|work| work.can_be_admitted).collect()
}
