//! Reading visitation plans: from projections only, no document is loaded.

use super::commands::VisitationPlans;
use super::{PartyRef, PlanParty, PlanStatus, PlanWarning, VisitationPlan, VisitationPlanView};
use crate::error::{Error, Result};
use crate::ids::{CaseId, VisitationPlanId};
use crate::storage::Reading;
use crate::storage::plans::PlanRow;
use crate::time::Day;

impl VisitationPlans<'_> {
    /// A plan as it stands today.
    pub fn get(&self, id: VisitationPlanId) -> Result<Option<VisitationPlanView>> {
        let today = self.store.this_day()?;
        self.store.read(|reading| one(reading, id, today))
    }

    /// The plans of a case, or all, earliest first.
    pub fn list(&self, case: Option<CaseId>) -> Result<Vec<VisitationPlanView>> {
        let today = self.store.this_day()?;
        self.store.read(|reading| {
            let all = plans(reading, case)?;
            Ok(all.iter().map(|plan| view(plan.clone(), &all, today)).collect())
        })
    }
}

/// A plan as a screen shows it on a day.
pub(crate) fn one(
    reading: &Reading<'_>,
    id: VisitationPlanId,
    today: Day,
) -> Result<Option<VisitationPlanView>> {
    let Some(row) = reading.plan_row(id.as_bytes())? else { return Ok(None) };
    let plan = read(reading, &row)?;
    let others = plans(reading, Some(plan.case_id))?;
    Ok(Some(view(plan, &others, today)))
}

fn plans(reading: &Reading<'_>, case: Option<CaseId>) -> Result<Vec<VisitationPlan>> {
    let rows = reading.plan_rows(case.as_ref().map(|id| id.as_bytes()))?;
    rows.iter().map(|row| read(reading, row)).collect()
}

/// A plan from its row, with names as they stand in the case where that is here.
pub(crate) fn read(reading: &Reading<'_>, row: &PlanRow) -> Result<VisitationPlan> {
    let mut plan: VisitationPlan =
        crate::json::from_text(&row.detail).ok_or(Error::Unexpected { reason: "projection" })?;
    for party in plan.to_visit.iter_mut().chain(&mut plan.visitors) {
        if let PartyRef::Participant(id) = &party.party
            && let Some(name) = reading.participant_name(plan.case_id.as_bytes(), id.as_bytes())?
        {
            party.name = name;
        }
    }
    Ok(plan)
}

fn view(plan: VisitationPlan, others: &[VisitationPlan], today: Day) -> VisitationPlanView {
    let status = plan.status(today);
    let warnings = others
        .iter()
        .filter(|other| other.case_id == plan.case_id && other.id != plan.id)
        .filter(|other| status == PlanStatus::Active && other.status(today) == PlanStatus::Active)
        .filter(|other| overlaps(&plan, other))
        .map(|other| PlanWarning::Overlaps { plan: other.id })
        .collect();
    VisitationPlanView { plan, status, warnings }
}

/// VP-02: a client, a visitor and dates in common.
fn overlaps(one: &VisitationPlan, other: &VisitationPlan) -> bool {
    let shares = |ours: &[PlanParty], theirs: &[PlanParty]| {
        ours.iter().any(|party| theirs.iter().any(|theirs| theirs.party == party.party))
    };
    let before =
        |first: &VisitationPlan, second: &VisitationPlan| first.end.is_some_and(|end| end < second.start);
    shares(&one.to_visit, &other.to_visit)
        && shares(&one.visitors, &other.visitors)
        && !before(one, other)
        && !before(other, one)
}
