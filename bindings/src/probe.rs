//! One value of every type that crosses the boundary in a form of its own, sent back as it came.
//!
//! The packages' tests use it to show that no value is lost or changed on the way; it touches no store.

use crate::{CaseId, CaseplanError, Day, Minutes, Timestamp, WallTime, WorkerId, Zone};

/// A value of each type.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BoundaryProbe {
    /// An id that is a UUID.
    pub case_id: CaseId,
    /// An id that is the agency's text.
    pub worker: WorkerId,
    /// A moment.
    pub at: Timestamp,
    /// A day.
    pub day: Day,
    /// A day and a time.
    pub wall_time: WallTime,
    /// A length of time.
    pub length: Minutes,
    /// A zone.
    pub zone: Zone,
    /// Days in a list, which take another way across than a lone one.
    pub days: Vec<Day>,
    /// An id that may be absent.
    pub other: Option<CaseId>,
}

/// Returns the probe as it came.
#[uniffi::export]
pub fn probe_boundary(probe: BoundaryProbe) -> Result<BoundaryProbe, CaseplanError> {
    Ok(probe)
}

/// Returns the outermost days that the core can name, which every platform must be able to show.
#[uniffi::export]
pub fn probe_outermost_days() -> Result<Vec<Day>, CaseplanError> {
    Ok(vec![Day::MIN, Day::MAX])
}

/// Returns the day as it came.
#[uniffi::export]
pub fn probe_day(day: Day) -> Result<Day, CaseplanError> {
    Ok(day)
}
