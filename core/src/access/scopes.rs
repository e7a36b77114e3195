//! What a scope is, from what is stored of it and of its case's founding.

use crate::error::{Error, Result};
use crate::identity::{Founding, Scope, ScopeFacts};
use crate::ids::{CaseId, DeviceId, VisitationPlanId};
use crate::storage::documents::ScopeRow;
use crate::storage::{Reading, StorageFailed};
use crate::store::Store;

/// What a stored scope is; nothing if it is not here.
pub(crate) fn facts(reading: &Reading<'_>, scope: &[u8; 16]) -> Result<Option<ScopeFacts>> {
    reading.scope(scope)?.map(|row| of_row(reading, &row)).transpose()
}

/// Every stored scope.
pub(crate) fn all(reading: &Reading<'_>) -> Result<Vec<ScopeFacts>> {
    reading.scopes()?.iter().map(|row| of_row(reading, row)).collect()
}

/// The device that opened a case.
pub(crate) fn founder(reading: &Reading<'_>, case: CaseId) -> Result<DeviceId> {
    let founding = reading.founding(case.as_bytes())?.ok_or_else(|| Error::not_found("case", case))?;
    let founding = Founding::decode(&founding.bytes).map_err(|_| StorageFailed::damaged("founding"))?;
    Ok(founding.device)
}

fn of_row(reading: &Reading<'_>, row: &ScopeRow) -> Result<ScopeFacts> {
    let case = CaseId::from_slice(&row.case_id)?;
    let scope = match (row.level, row.plan_id) {
        (Some(level), None) => Scope::Level(level),
        (None, Some(plan)) => Scope::Visits(VisitationPlanId::from_slice(&plan)?),
        _ => return Err(StorageFailed::damaged("scope").into()),
    };
    Ok(ScopeFacts { case, founder: founder(reading, case)?, scope })
}

impl Store {
    /// Has a scope's log judged with its case's from now on.
    pub(crate) fn know_scope(&self, scope: ScopeFacts) {
        let mut own = self.inner.own.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        own.authority.know_scope(scope);
    }
}
