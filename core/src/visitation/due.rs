//! Visits that are due, and what became of them: from projections, and beyond their horizon from the schedule's row.

use std::collections::BTreeMap;

use chrono::NaiveTime;

use super::commands::VisitationPlans;
use super::schedule::{self, Occurrence};
use super::{DueState, DueVisit, OccurrenceRef, Schedule, VisitationPlan};
use crate::contact::ContactDraft;
use crate::error::{Error, Result};
use crate::ids::{CaseId, ContactId, DraftId, ScheduleId, VisitationPlanId, from_hex};
use crate::issue::{DUPLICATE_CONTACT, IssueChoice, read_decision};
use crate::storage::Reading;
use crate::time::{Day, Instant, Zone, from_unix};

impl VisitationPlans<'_> {
    /// Visits due from one day to another, both inclusive, in the store's zone; of one case or all.
    ///
    /// Planned visits come by their start, then quotas by their plan. A quota's period is whole: it is listed with all
    /// its planned visits when any day of it lies within the days asked for and within the plan.
    pub fn due(&self, from: Day, to: Day, case: Option<CaseId>) -> Result<Vec<DueVisit>> {
        let now = self.store.now()?;
        self.store.read(|reading| {
            let drafts = drafts_by_occurrence(reading)?;
            let closed = closed_cases(reading)?;
            let due = Due { reading, now, zone: self.store.zone(), drafts, closed };
            let mut visits = due.projected(from, to, case)?;
            let horizon = self.store.horizon(reading)?;
            visits.extend(due.expanded(from, to, horizon, case)?);
            visits.sort_by_key(|(starts_at, visit)| (*starts_at, key(visit)));
            let mut visits: Vec<DueVisit> = visits.into_iter().map(|(_, visit)| visit).collect();
            visits.extend(due.quotas(from, to, case)?);
            Ok(visits)
        })
    }
}

fn key(visit: &DueVisit) -> Option<OccurrenceRef> {
    match visit {
        DueVisit::Occurrence { occurrence, .. } => Some(*occurrence),
        DueVisit::Quota { .. } => None,
    }
}

/// Drafts by plan and day: a schedule that took the place of another may have a visit on the same day.
type Drafts = BTreeMap<(VisitationPlanId, Day), Vec<DraftId>>;

fn drafts_by_occurrence(reading: &Reading<'_>) -> Result<Drafts> {
    let mut drafts = Drafts::new();
    for row in reading.drafts(None)? {
        let Some(draft) = crate::json::from_text::<ContactDraft>(&row.body) else { continue };
        for occurrence in draft.planned.iter().filter_map(|visit| visit.occurrence) {
            drafts.entry((occurrence.plan, occurrence.day)).or_default().push(draft.id);
        }
    }
    Ok(drafts)
}

/// When each closed case was closed: it has no visits after that day.
fn closed_cases(reading: &Reading<'_>) -> Result<BTreeMap<CaseId, Day>> {
    let mut closed = BTreeMap::new();
    for (case, on) in reading.closed_cases()? {
        if let Ok(on) = on.parse() {
            closed.insert(CaseId::from_slice(&case)?, on);
        }
    }
    Ok(closed)
}

struct Due<'a, 'r> {
    reading: &'a Reading<'r>,
    now: Instant,
    zone: Zone,
    drafts: Drafts,
    closed: BTreeMap<CaseId, Day>,
}

impl Due<'_, '_> {
    /// Whether a plan's case was closed before a day.
    fn is_over(&self, plan: &VisitationPlan, day: Day) -> bool {
        self.closed.get(&plan.case_id).is_some_and(|closed| *closed < day)
    }

    /// What was recorded for a plan's visit on a day by schedules that another took the place of since: in one plan there is
    /// one visit on one day.
    fn recorded_before(&self, plan: &VisitationPlan, visit: &Occurrence) -> Result<Vec<(ContactId, bool)>> {
        if plan.schedules.len() < 2 {
            return Ok(Vec::new());
        }
        let (day, schedule) = (visit.day.to_string(), visit.schedule.as_bytes());
        let recorded = self.reading.contacts_of_other_schedules(plan.id.as_bytes(), schedule, &day)?;
        Ok(recorded.into_iter().map(contact).collect())
    }

    fn projected(&self, from: Day, to: Day, case: Option<CaseId>) -> Result<Vec<(Instant, DueVisit)>> {
        let (start, until) = self.bounds(from, to);
        let mut plans: BTreeMap<[u8; 16], VisitationPlan> = BTreeMap::new();
        let mut visits = Vec::new();
        for row in self.reading.due(start, until, case.as_ref().map(|id| id.as_bytes()))? {
            let plan = match plans.entry(row.plan.plan_id) {
                std::collections::btree_map::Entry::Occupied(plan) => plan.into_mut(),
                std::collections::btree_map::Entry::Vacant(empty) => {
                    empty.insert(super::reads::read(self.reading, &row.plan)?)
                }
            };
            let contacts: Vec<(String, bool)> = crate::json::from_text::<Vec<(String, u8)>>(&row.contacts)
                .unwrap_or_default()
                .into_iter()
                .map(|(id, counts)| (id, counts == 1))
                .collect();
            let mut contacts: Vec<(ContactId, bool)> = contacts
                .iter()
                .filter_map(|(id, counts)| Some((ContactId::from_slice(&from_hex(id)?).ok()?, *counts)))
                .collect();
            let starts_at = from_unix(row.occurrence.starts_at);
            let occurrence = Occurrence {
                schedule: ScheduleId::from_slice(&row.occurrence.schedule)?,
                day: row.occurrence.day.parse().map_err(|_| Error::Unexpected { reason: "projection" })?,
                local: zone_of(plan, &row.occurrence.schedule).wall_time_of(starts_at),
                starts_at,
            };
            if self.is_over(plan, occurrence.day) {
                continue;
            }
            contacts.extend(self.recorded_before(plan, &occurrence)?);
            visits.push((starts_at, self.occurrence(plan, occurrence, contacts)));
        }
        Ok(visits)
    }

    /// When days begin and end in the store's zone, unix seconds.
    fn bounds(&self, from: Day, to: Day) -> (i64, i64) {
        let midnight = |day: Day| self.zone.instant_of(day.and_time(NaiveTime::MIN)).timestamp();
        (midnight(from), midnight(to.succ_opt().unwrap_or(to)))
    }

    /// Visits beyond the projections' horizon, by the same function that projected the others.
    ///
    /// The horizon is a local date in each plan's zone, and a day here may be the one before or after there.
    fn expanded(
        &self,
        from: Day,
        to: Day,
        horizon: Day,
        case: Option<CaseId>,
    ) -> Result<Vec<(Instant, DueVisit)>> {
        let (start, until) = self.bounds(from, to);
        let beyond = horizon.succ_opt().unwrap_or(horizon);
        let from = from.pred_opt().unwrap_or(from).max(beyond);
        let to = to.succ_opt().unwrap_or(to);
        let mut visits = Vec::new();
        if from > to {
            return Ok(visits);
        }
        for row in self.reading.plan_rows(case.as_ref().map(|id| id.as_bytes()))? {
            if !row.live {
                continue;
            }
            let plan = super::reads::read(self.reading, &row)?;
            for occurrence in schedule::occurrences(&plan, from, to) {
                if !(start..until).contains(&occurrence.starts_at.timestamp())
                    || self.is_over(&plan, occurrence.day)
                {
                    continue;
                }
                let recorded = self.reading.contacts_of_occurrence(
                    plan.id.as_bytes(),
                    occurrence.schedule.as_bytes(),
                    &occurrence.day.to_string(),
                )?;
                let mut contacts: Vec<(ContactId, bool)> = recorded.into_iter().map(contact).collect();
                contacts.extend(self.recorded_before(&plan, &occurrence)?);
                visits.push((occurrence.starts_at, self.occurrence(&plan, occurrence, contacts)));
            }
        }
        Ok(visits)
    }

    fn occurrence(
        &self,
        plan: &VisitationPlan,
        occurrence: Occurrence,
        mut contacts: Vec<(ContactId, bool)>,
    ) -> DueVisit {
        contacts.sort_unstable();
        let drafts = self.drafts.get(&(plan.id, occurrence.day)).cloned().unwrap_or_default();
        let schedule = plan.schedules.iter().find(|schedule| schedule.id == occurrence.schedule);
        let minutes = schedule.and_then(|schedule| schedule.minutes);
        let over = occurrence.starts_at + chrono::Duration::minutes(minutes.unwrap_or(0).into());
        let state = if contacts.iter().any(|(_, counts)| *counts) {
            DueState::Done
        } else if !contacts.is_empty() {
            DueState::NotHeld
        } else if !drafts.is_empty() {
            DueState::Drafted
        } else if over < self.now {
            DueState::Overdue
        } else {
            DueState::Planned
        };
        let (to_visit, visitors) = names(plan, occurrence.day);
        DueVisit::Occurrence {
            occurrence: OccurrenceRef { plan: plan.id, schedule: occurrence.schedule, day: occurrence.day },
            case_id: plan.case_id,
            starts_at: occurrence.starts_at,
            local: occurrence.local,
            zone: zone_of(plan, occurrence.schedule.as_bytes()),
            minutes,
            place: plan.place.clone(),
            to_visit,
            visitors,
            state,
            contacts: contacts.into_iter().map(|(id, _)| id).collect(),
            drafts,
        }
    }

    fn quotas(&self, from: Day, to: Day, case: Option<CaseId>) -> Result<Vec<DueVisit>> {
        let mut visits = Vec::new();
        for row in self.reading.quota_plans(case.as_ref().map(|id| id.as_bytes()))? {
            let plan = super::reads::read(self.reading, &row)?;
            let closed = self.closed.get(&plan.case_id).copied();
            let last = [plan.end, closed].into_iter().flatten().fold(to, Day::min);
            let first = from.max(plan.start);
            if first > last {
                continue;
            }
            let mut of_plan = Vec::new();
            for in_force in schedule::in_force(&plan) {
                self.quotas_of(&plan, in_force, (first, last), &mut of_plan)?;
            }
            of_plan.reverse();
            visits.extend(of_plan);
        }
        Ok(visits)
    }

    /// The periods of a quota, the last first. A period is of the schedule that is in force on its last day, or on the plan's.
    fn quotas_of(
        &self,
        plan: &VisitationPlan,
        (schedule, since, until): schedule::InForce<'_>,
        (first, last): (Day, Day),
        visits: &mut Vec<DueVisit>,
    ) -> Result<()> {
        let Schedule::Quota { count, period, zone } = &schedule.schedule else { return Ok(()) };
        let (to_visit, visitors) = names(plan, first);
        for (from, to) in schedule::periods(period, first, last).into_iter().rev() {
            let decides = plan.end.map_or(to, |end| end.min(to));
            if decides < since || until.is_some_and(|until| until < decides) {
                continue;
            }
            let midnight = |day: Day| zone.instant_of(day.and_time(NaiveTime::MIN)).timestamp();
            let end = midnight(to.succ_opt().unwrap_or(to));
            let contacts = self.reading.plan_contacts(plan.id.as_bytes(), midnight(from), end)?;
            let held: Vec<[u8; 16]> =
                contacts.into_iter().filter(|(_, counts)| *counts).map(|(id, _)| id).collect();
            visits.push(DueVisit::Quota {
                plan: plan.id,
                case_id: plan.case_id,
                from,
                to,
                planned: *count,
                done: self.distinct(&held)?,
                to_visit: to_visit.clone(),
                visitors: visitors.clone(),
            });
        }
        Ok(())
    }

    /// How many visits these contacts are: possible duplicates count once until a person says that they are two.
    fn distinct(&self, contacts: &[[u8; 16]]) -> Result<u32> {
        let mut group: Vec<usize> = (0..contacts.len()).collect();
        for (at, contact) in contacts.iter().enumerate() {
            for issue in self.reading.issues_of(DUPLICATE_CONTACT, contact)? {
                let decision = issue.decision.as_deref().and_then(read_decision);
                if decision.is_some_and(|decision| decision.choice == IssueChoice::Distinct) {
                    continue;
                }
                let other = if issue.first == *contact { issue.second } else { issue.first };
                if let Some(with) = contacts.iter().position(|id| *id == other) {
                    let (from, to) = (group[at].max(group[with]), group[at].min(group[with]));
                    group.iter_mut().filter(|member| **member == from).for_each(|member| *member = to);
                }
            }
        }
        group.sort_unstable();
        group.dedup();
        Ok(u32::try_from(group.len()).unwrap_or(u32::MAX))
    }
}

fn contact((id, counts): ([u8; 16], bool)) -> (ContactId, bool) {
    (ContactId(uuid::Uuid::from_bytes(id)), counts)
}

fn zone_of(plan: &VisitationPlan, schedule: &[u8; 16]) -> Zone {
    let found = plan.schedules.iter().find(|other| other.id.as_bytes() == schedule);
    match found.map(|schedule| &schedule.schedule) {
        Some(Schedule::Rule { zone, .. } | Schedule::Quota { zone, .. }) => *zone,
        None => Zone::UTC,
    }
}

fn names(plan: &VisitationPlan, on: Day) -> (Vec<String>, Vec<String>) {
    let there = |party: &&super::model::PlanParty| {
        party.from.is_none_or(|from| from <= on) && party.to.is_none_or(|to| on <= to)
    };
    let list = |parties: &[super::model::PlanParty]| {
        parties.iter().filter(there).map(|party| party.name.clone()).collect()
    };
    (list(&plan.to_visit), list(&plan.visitors))
}
