//! A first screen in one call: what is due, what is overdue, what is not finished, what only this device has.

use chrono::Days;

use crate::contact::ContactDraft;
use crate::error::Result;
use crate::store::Store;
use crate::time::Day;
use crate::visitation::{DueState, DueVisit};

/// How far back something overdue is still shown.
const OVERDUE_DAYS: u64 = 30;

/// What a worker sees first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Today {
    /// The day, in the store's zone.
    pub day: Day,
    /// Visits of the day, and quotas whose period it lies in.
    pub due: Vec<DueVisit>,
    /// Planned visits of the last 30 days with nothing recorded.
    pub overdue: Vec<DueVisit>,
    /// Drafts on this device, last saved first.
    pub drafts: Vec<ContactDraft>,
    /// How many fields are in conflict.
    pub conflicts: u32,
    /// How many issues are open.
    pub issues: u32,
    /// What would be lost with this device.
    pub only_here: OnlyHere,
}

/// What no other device is known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnlyHere {
    /// Drafts: never handed to anybody.
    pub drafts: u32,
    /// Changes on this device that no peer is known to hold.
    pub changes: u64,
}

pub(crate) fn today(store: &Store) -> Result<Today> {
    let day = store.this_day()?;
    let plans = store.visitation_plans();
    let before = day.checked_sub_days(Days::new(OVERDUE_DAYS)).unwrap_or(day);
    let yesterday = day.pred_opt().unwrap_or(day);
    let overdue = plans
        .due(before, yesterday, None)?
        .into_iter()
        .filter(|visit| matches!(visit, DueVisit::Occurrence { state: DueState::Overdue, .. }))
        .collect();
    let drafts = store.contacts().drafts(None)?;
    let changes = store.only_here()?;
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Ok(Today {
        day,
        due: plans.due(day, day, None)?,
        overdue,
        conflicts: count(store.conflicts().list(None)?.len()),
        issues: count(store.issues().list(None, false)?.len()),
        only_here: OnlyHere { drafts: count(drafts.len()), changes },
        drafts,
    })
}
