//! What goes between the story's two devices: the bytes of a real channel, which can be cut.

use caseplan_core::Store;
use caseplan_core::identity::Role;
use caseplan_core::sync::enrolment::Terms;
use caseplan_core::sync::{JoinRequest, Session, SyncReport};

use crate::failed::{Failed, Result};

/// How much a radio takes at once.
const PORTION: usize = 16 * 1024;

/// What one session came to.
pub struct Met {
    /// What each side reports: first who connected.
    pub reports: [SyncReport; 2],
    /// How many bytes went in both directions.
    pub bytes: u64,
}

/// Syncs two stores; the connection breaks off after so many bytes, if it is to.
pub fn sync(one: &Store, other: &Store, cut: Option<u64>) -> Result<Met> {
    let mut sides = [one.sync().connect()?, other.sync().accept()?];
    let mut bytes = 0;
    let mut carry = |sides: &mut [Session; 2]| -> Result<bool> {
        let mut moved = false;
        for from in 0..2 {
            let mut portion = sides[from].take(PORTION)?;
            let left = cut.map_or(usize::MAX, |cut| usize::try_from(cut - bytes).unwrap_or(usize::MAX));
            portion.truncate(left);
            moved |= !portion.is_empty();
            bytes += portion.len() as u64;
            sides[1 - from].feed(&portion)?;
        }
        Ok(moved)
    };
    while carry(&mut sides)? {}
    if cut.is_none() {
        sides[0].leave();
        while carry(&mut sides)? {}
    }
    Ok(Met { reports: [sides[0].report(), sides[1].report()], bytes })
}

/// What both people see while a device is taken in.
pub struct TakenIn {
    /// What the newcomer's camera reads.
    pub qr: String,
    /// What the inviter is shown of the newcomer, and what the newcomer shows of itself.
    pub request: JoinRequest,
    /// The same, at the newcomer.
    pub fingerprint: String,
}

/// Takes a newcomer in by QR code.
pub fn take_in(inviter: &Store, newcomer: &Store, terms: Terms, name: &str) -> Result<TakenIn> {
    let lost = || Failed::Unclear("the newcomer was not taken in".to_owned());
    let invited = inviter.sync().invite_by_qr(terms, None)?;
    let qr = invited.qr()?.ok_or_else(lost)?;
    let mut joining = newcomer.sync().join(&qr, name)?;
    let fingerprint = joining.fingerprint()?;
    let mut taking = invited.take_in()?;
    let mut asked = None;
    // Three messages there, three back.
    for _ in 0..8 {
        if let Some(request) = taking.feed(&joining.take(PORTION))? {
            if request.fingerprint != fingerprint {
                return Err(lost());
            }
            taking.accept()?;
            asked = Some(request);
        }
        if joining.feed(&taking.take(PORTION))? {
            return Ok(TakenIn { qr, request: asked.ok_or_else(lost)?, fingerprint });
        }
    }
    Err(lost())
}

/// What a colleague is taken in as.
pub fn colleague(worker: caseplan_core::ids::WorkerId) -> Terms {
    Terms { worker, roles: vec![Role::Caseworker], level: 1 }
}
