//! What can be done to a visitation plan: one transaction each.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::create::create;
use super::fields::{Activated, VISITOR, methods, party_fields, place, read_plan, schedule_fields};
use super::{
    Cancelation, ContactMethod, CourtOrder, Mandate, NewVisitationPlan, PartyRef, PlanChange, PlanSchedule,
    Schedule, Supervision, VisitationPlan, VisitationPlanView,
};
use super::{reads, schedule};
use crate::case::Case;
use crate::case::commands::require_open;
use crate::case::fields::{day, register};
use crate::document::layout::visitation_plan::{PARTIES, PLAN, SCHEDULES};
use crate::document::{Edit, FieldPath, Kind, Value};
use crate::error::{Error, Result};
use crate::identity::Scope;
use crate::ids::{CaseId, PartyId, ScheduleId, VisitationPlanId};
use crate::storage::documents::DocumentRow;
use crate::store::Store;
use crate::store::command::Command;
use crate::text::{REFERENCE, REMARK, line, optional_line};
use crate::time::Day;

/// Visitation plans of a store.
pub struct VisitationPlans<'a> {
    pub(crate) store: &'a Store,
}

/// The longest visit: a day.
const MAX_MINUTES: u32 = 24 * 60;

impl VisitationPlans<'_> {
    /// Makes a visitation plan, active at once unless it is asked for as a draft.
    ///
    /// # Errors
    /// [`Error::RuleBroken`] by VP-01 (who), VP-03 (an order has a reference) or VP-04 (ages); [`Error::Invalid`];
    /// [`Error::CaseClosed`].
    pub fn create(&self, case_id: CaseId, new: &NewVisitationPlan) -> Result<VisitationPlanView> {
        self.store.command("visitation_plan.create", |command| {
            let id = create(command, case_id, new)?;
            shown(command, id)
        })
    }

    /// Activates a plan that was kept as a draft; an active one stays as it is.
    pub fn activate(&self, id: VisitationPlanId) -> Result<VisitationPlanView> {
        let today = self.store.this_day()?;
        self.store.command("visitation_plan.activate", |command| {
            let (document, plan, _) = require_plan(command, id)?;
            if plan.activated_on.is_none() {
                let value = register(Some(&Activated { on: today }))?;
                command.write(&document, &[Edit::Put { path: FieldPath::flat(PLAN, "activated"), value }])?;
            }
            shown(command, id)
        })
    }

    /// Changes a plan.
    ///
    /// # Errors
    /// [`Error::RuleBroken`] by VP-03 when the plan is court-ordered, the change needs an order and names none; by
    /// VP-01 when nobody would be left to visit; [`Error::FieldInConflict`].
    pub fn change(&self, id: VisitationPlanId, change: &PlanChange) -> Result<VisitationPlanView> {
        if let Some(schedule) = &change.schedule {
            schedule::check(schedule)?;
        }
        check_minutes(change.minutes)?;
        if let Some(methods) = &change.methods {
            check_methods(methods)?;
        }
        let new_order = change.new_order.as_ref().map(check_order).transpose()?;
        let change = &PlanChange { new_order, ..change.clone() };
        let today = self.store.this_day()?;
        self.store.command("visitation_plan.change", |command| {
            let (document, plan, case) = require_plan(command, id)?;
            check_order_given(&plan, change)?;
            let mut edits = field_edits(&case, &plan, change)?;
            edits.extend(party_edits(command, &case, &plan, change, today)?);
            edits.extend(schedule_edits(command, &plan, change, today)?);
            command.write(&document, &edits)?;
            shown(command, id)
        })
    }

    /// Ends a plan with this day as its last. A court-ordered plan needs the order that says so (VP-03).
    pub fn end(
        &self,
        id: VisitationPlanId,
        on: Day,
        order: Option<&CourtOrder>,
    ) -> Result<VisitationPlanView> {
        self.change(id, &PlanChange { end: Some(on), new_order: order.cloned(), ..PlanChange::default() })
    }

    /// Withdraws a plan: it has no visits any more, what was recorded under it stays.
    pub fn cancel(&self, id: VisitationPlanId, why: &str) -> Result<VisitationPlanView> {
        let why = line("why", why, REMARK)?;
        let today = self.store.this_day()?;
        self.store.command("visitation_plan.cancel", |command| {
            let (document, _, _) = require_plan(command, id)?;
            let value = register(Some(&Cancelation { on: today, why: why.clone() }))?;
            command.write(&document, &[Edit::Put { path: FieldPath::flat(PLAN, "canceled"), value }])?;
            shown(command, id)
        })
    }
}

/// What a command has made of a plan, read before it is committed: afterwards the store may be suspended, and what was done
/// would look as if it had failed.
fn shown(command: &Command<'_>, id: VisitationPlanId) -> Result<VisitationPlanView> {
    let view = reads::one(&command.reading(), id, command.today())?;
    view.ok_or_else(|| Error::not_found("visitation plan", id))
}

pub(super) fn puts(fields: BTreeMap<&str, Value>) -> Vec<Edit> {
    fields
        .into_iter()
        .filter(|(_, value)| *value != Value::Null)
        .map(|(field, value)| Edit::Put { path: FieldPath::flat(PLAN, field), value })
        .collect()
}

/// A plan that is here, in a case that is open.
fn require_plan(
    command: &mut Command<'_>,
    id: VisitationPlanId,
) -> Result<(DocumentRow, VisitationPlan, Case)> {
    let missing = || Error::not_found("visitation plan", id);
    let row = command.reading().plan_row(id.as_bytes())?.ok_or_else(missing)?;
    let case_id = CaseId::from_slice(&row.case_id)?;
    let (_, case) = require_open(command, case_id)?;
    let document =
        command.document(case_id, Scope::Visits(id), Kind::VisitationPlan, id.as_bytes().to_vec())?;
    let plan = read_plan(case_id, id, &command.open(&document)?.view()).ok_or_else(missing)?;
    Ok((document, plan, case))
}

fn field_edits(case: &Case, plan: &VisitationPlan, change: &PlanChange) -> Result<Vec<Edit>> {
    let start = change.start.unwrap_or(plan.start);
    if change.end.or(plan.end).is_some_and(|end| end < start) {
        return Err(Error::invalid("end", "range"));
    }
    let mandate = change.new_order.clone().map(|order| Mandate::CourtOrdered { order });
    let supervision = change.supervision.clone().map(|supervision| checked(case, supervision)).transpose()?;
    let fields: BTreeMap<&str, Value> = BTreeMap::from([
        ("mandate", register(mandate.as_ref())?),
        ("methods", change.methods.as_deref().map_or(Ok(Value::Null), methods)?),
        ("place", place(optional_line("place", change.place.as_deref(), REMARK)?.as_deref())?),
        ("supervision", register(supervision.as_ref())?),
        ("purpose", optional_line("purpose", change.purpose.as_deref(), REMARK)?.into()),
        ("conditions", optional_line("conditions", change.conditions.as_deref(), REMARK)?.into()),
        ("start", day(change.start)),
        ("end", day(change.end)),
    ]);
    Ok(puts(fields))
}

fn party_edits(
    command: &Command<'_>,
    case: &Case,
    plan: &VisitationPlan,
    change: &PlanChange,
    today: Day,
) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    let from = Some(change.effective_from.unwrap_or(today));
    check_once(&change.add_visitors)?;
    for party in &change.add_visitors {
        let there = |other: &super::model::PlanParty| other.party == *party && other.to.is_none();
        if plan.to_visit.iter().any(there) || plan.visitors.iter().any(there) {
            return Err(Error::rule("VP-01", [party.key()]));
        }
        edits.push(join(command, case, VISITOR, party, from)?);
    }
    for id in &change.end_visitors {
        if !plan.visitors.iter().any(|party| party.id == *id && party.to.is_none()) {
            return Err(Error::not_found("visitor", id));
        }
        edits.push(Edit::put(FieldPath::of(PARTIES, id, "to"), day(from)));
    }
    let left =
        plan.visitors.iter().filter(|party| party.to.is_none() && !change.end_visitors.contains(&party.id));
    if left.count() + change.add_visitors.len() == 0 {
        return Err(Error::rule("VP-01", [plan.id]));
    }
    Ok(edits)
}

fn schedule_edits(
    command: &Command<'_>,
    plan: &VisitationPlan,
    change: &PlanChange,
    today: Day,
) -> Result<Vec<Edit>> {
    if change.schedule.is_none() && change.minutes.is_none() {
        return Ok(Vec::new());
    }
    let from = change.effective_from.unwrap_or(today);
    // Whichever is in force from that day on is followed by one with another duration; another schedule follows them all.
    let in_force = schedule::in_force(plan);
    let lasts = |(_, _, last): &&schedule::InForce<'_>| last.is_none_or(|last| from <= last);
    let bases = in_force.iter().filter(lasts).rev().map(|(schedule, first, _)| (*schedule, *first));
    let mut bases: Vec<(&PlanSchedule, Day)> = bases.collect();
    if bases.is_empty() {
        bases.extend(plan.schedule().map(|newest| (newest, from)));
    }
    let mut replaces = plan.schedule().map(|newest| newest.id);
    let mut edits = Vec::new();
    let mut follow = |schedule: &Schedule, minutes: Option<u32>, from: Day| -> Result<()> {
        let id = ScheduleId(command.new_id()?);
        let fields = schedule_fields(schedule, minutes, from, replaces.replace(id))?;
        edits.push(Edit::create(SCHEDULES, id, fields));
        Ok(())
    };
    match (&change.schedule, bases.first()) {
        (Some(schedule), base) => {
            let before = base.and_then(|(base, _)| base.minutes);
            follow(schedule, change.minutes.or(before), from)?;
        }
        (None, None) => return Err(Error::invalid("schedule", "empty")),
        (None, Some(_)) => {
            for (base, first) in bases {
                follow(&base.schedule, change.minutes, first.max(from))?;
            }
        }
    }
    let newest = replaces.map(|id| id.to_string());
    edits.push(Edit::put(FieldPath::flat(PLAN, "schedule"), newest));
    Ok(edits)
}

/// Puts somebody into a plan, with a copy of the name for those who cannot read the case.
pub(super) fn join(
    command: &Command<'_>,
    case: &Case,
    role: &str,
    party: &PartyRef,
    from: Option<Day>,
) -> Result<Edit> {
    let name = match party {
        PartyRef::Participant(id) => {
            let participant = case.participant(*id).ok_or_else(|| Error::not_found("participant", id))?;
            participant.name.clone()
        }
        PartyRef::User(worker) => worker.to_string(),
    };
    Ok(Edit::create(PARTIES, PartyId(command.new_id()?), party_fields(role, party, &name, from)?))
}

/// VP-01: at least one client to visit and one visitor, and nobody is both.
pub(super) fn check_parties(to_visit: &[PartyRef], visitors: &[PartyRef]) -> Result<()> {
    let both: Vec<String> =
        to_visit.iter().filter(|party| visitors.contains(party)).map(PartyRef::key).collect();
    if to_visit.is_empty() || visitors.is_empty() || !both.is_empty() {
        let counts =
            Error::rule("VP-01", both).with("to_visit", to_visit.len()).with("visitors", visitors.len());
        return Err(counts);
    }
    check_once(to_visit)?;
    check_once(visitors)
}

fn check_once(parties: &[PartyRef]) -> Result<()> {
    let twice = (1..parties.len()).any(|at| parties[..at].contains(&parties[at]));
    if twice { Err(Error::invalid("parties", "duplicate")) } else { Ok(()) }
}

/// VP-03, first half: a court's order has a reference.
pub(super) fn check_mandate(mandate: &Mandate) -> Result<Mandate> {
    Ok(match mandate {
        Mandate::CourtOrdered { order } => Mandate::CourtOrdered { order: check_order(order)? },
        agreed @ Mandate::MutuallyAgreed { .. } => agreed.clone(),
    })
}

fn check_order(order: &CourtOrder) -> Result<CourtOrder> {
    if order.reference.trim().is_empty() {
        return Err(Error::rule("VP-03", Vec::<String>::new()).with("missing", "reference"));
    }
    let reference = line("order.reference", &order.reference, REFERENCE)?;
    let court = optional_line("order.court", order.court.as_deref(), REMARK)?;
    Ok(CourtOrder { reference, court, ..order.clone() })
}

/// VP-03, second half: what a court ordered changes by a new order only.
fn check_order_given(plan: &VisitationPlan, change: &PlanChange) -> Result<()> {
    if !matches!(plan.mandate, Mandate::CourtOrdered { .. }) || change.new_order.is_some() {
        return Ok(());
    }
    let ordered = [
        ("schedule", change.schedule.is_some()),
        ("duration", change.minutes.is_some()),
        ("methods", change.methods.is_some()),
        ("visitors", !change.add_visitors.is_empty() || !change.end_visitors.is_empty()),
        ("supervision", change.supervision.is_some()),
        ("dates", change.start.is_some() || change.end.is_some()),
    ];
    let changed: Vec<&str> = ordered.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect();
    if changed.is_empty() {
        Ok(())
    } else {
        Err(Error::rule("VP-03", [plan.id]).with("changed", changed.join(" ")))
    }
}

/// VP-04: clients to visit are within the age limits on the plan's first day. An unknown age is a warning later.
pub(super) fn check_ages(case: &Case, new: &NewVisitationPlan, start: Day) -> Result<()> {
    for party in &new.to_visit {
        let PartyRef::Participant(id) = party else { continue };
        let born = case.participant(*id).ok_or_else(|| Error::not_found("participant", id))?.born;
        let Some(age) = born.map(|born| age_on(born, start)) else { continue };
        if new.min_age.is_some_and(|min| age < min) || new.max_age.is_some_and(|max| age > max) {
            return Err(Error::rule("VP-04", [id]));
        }
    }
    Ok(())
}

/// Whole years between a birth and a day; somebody born on 29 February has their birthday on 1 March in other years.
fn age_on(born: Day, on: Day) -> u32 {
    let years = on.year() - born.year();
    let before_birthday = (on.month(), on.day()) < (born.month(), born.day());
    u32::try_from(years - i32::from(before_birthday)).unwrap_or(0)
}

pub(super) fn check_minutes(minutes: Option<u32>) -> Result<()> {
    match minutes {
        Some(minutes) if minutes == 0 || minutes > MAX_MINUTES => Err(Error::invalid("minutes", "range")),
        _ => Ok(()),
    }
}

pub(super) fn check_methods(methods: &[ContactMethod]) -> Result<()> {
    if methods.is_empty() { Err(Error::invalid("methods", "empty")) } else { Ok(()) }
}

pub(super) fn checked(case: &Case, supervision: Supervision) -> Result<Supervision> {
    if let Some(PartyRef::Participant(id)) = &supervision.supervisor {
        case.participant(*id).ok_or_else(|| Error::not_found("participant", id))?;
    }
    let reason = optional_line("supervision.reason", supervision.reason.as_deref(), REMARK)?;
    Ok(Supervision { reason, ..supervision })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_turn_on_the_birthday() {
        let age = |born: &str, on: &str| age_on(born.parse().unwrap(), on.parse().unwrap());
        assert_eq!(age("2019-04-02", "2026-04-01"), 6);
        assert_eq!(age("2019-04-02", "2026-04-02"), 7);
        assert_eq!(age("2020-02-29", "2026-02-28"), 5);
        assert_eq!(age("2020-02-29", "2026-03-01"), 6);
    }
}
