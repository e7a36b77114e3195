//! Rows to requests of the core. Whom and what a row names is looked up by the source's own ids.

use caseplan_core::case::{NewCase, NewParticipant, NewPerson, Origin, ParticipantRole};
use caseplan_core::contact::{
    Attendance, AttendanceStatus, Attribution, ContactDraft, ContactKind, ContactTime, Outcome, OutcomeCode,
    OutcomeReason, PlannedVisit,
};
use caseplan_core::ids::{CaseId, DraftId, ParticipantId, VisitationPlanId};
use caseplan_core::time::{Day, Zone, from_unix};
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, Mandate, NewVisitationPlan, OccurrenceRef, PartyRef, QuotaPeriod, Schedule,
    Supervision, SupervisionLevel,
};
use chrono::Duration;
use uuid::Uuid;

use super::cell::{Why, code};
use super::rows::Row;

/// Finds what a row names.
pub trait Names {
    /// A participant of the case.
    fn person(&self, external_id: &str) -> Result<ParticipantId, Why>;
    /// A visitation plan of the case.
    fn plan(&self, external_id: &str) -> Result<VisitationPlanId, Why>;
    /// The planned visit of a plan on a day.
    fn visit(&self, plan: VisitationPlanId, day: Day) -> Result<Option<OccurrenceRef>, Why>;
}

/// A case with its primary client's id there, and with the day and reason of its closure.
pub struct CaseRow {
    /// The case, but for the primary client.
    pub case: NewCase,
    /// Who the primary client is.
    pub primary_client: String,
    /// When and why it was closed.
    pub closed: Option<(Day, String)>,
}

/// Reads a case.
pub fn case(row: &Row, origin: Origin) -> Result<CaseRow, Why> {
    let closed = match row.day("closed_on")? {
        Some(on) => Some((on, row.need("closed_why")?.to_owned())),
        None if row.text("closed_why")?.is_some() => return Err("closed_on is empty".to_owned()),
        None => None,
    };
    let case = NewCase {
        reference: row.need("reference")?.to_owned(),
        case_type: row.owned("case_type")?,
        primary_client: NewPerson { name: String::new(), born: None },
        assigned_worker: row.id("assigned_worker")?,
        team: row.owned("team")?,
        opened_on: row.day("opened_on")?,
        origin: Some(origin),
    };
    Ok(CaseRow { case, primary_client: row.need("primary_client")?.to_owned(), closed })
}

/// Reads a participant, with the day and reason of their leaving.
pub fn participant(row: &Row, origin: Origin) -> Result<(NewParticipant, Option<(Day, String)>), Why> {
    let role = row.code("role", ParticipantRole::KNOWN, ParticipantRole::from_code)?;
    let participant = NewParticipant {
        person: NewPerson { name: row.need("name")?.to_owned(), born: row.day("born")? },
        role: role.ok_or("role is empty")?,
        from: row.day("from")?,
        origin: Some(origin),
    };
    let left = match row.day("until")? {
        Some(on) => Some((on, row.need("end_reason")?.to_owned())),
        None => None,
    };
    Ok((participant, left))
}

/// Reads a visitation plan.
pub fn plan(row: &Row, origin: Origin, own: Zone, names: &impl Names) -> Result<NewVisitationPlan, Why> {
    let zone = row.zone(own)?;
    let mandate = match (row.text("order")?, row.day("order_on")?) {
        (Some(reference), Some(on)) => Mandate::CourtOrdered {
            order: CourtOrder { reference: reference.to_owned(), on, court: row.owned("court")? },
        },
        (None, None) => Mandate::MutuallyAgreed { on: row.day("agreed_on")? },
        _ => return Err("order and order_on go together".to_owned()),
    };
    let per = row.code("per", QuotaPeriod::KNOWN, QuotaPeriod::from_code)?;
    let schedule = match (row.text("rule")?, row.wall_time("starts_at")?, row.number("quota")?, per) {
        (Some(rule), Some(starts_at), None, None) => {
            Schedule::Rule { rule: rule.to_owned(), starts_at, zone }
        }
        (None, None, Some(count), Some(period)) => Schedule::Quota { count, period, zone },
        _ => return Err("when is needed: rule and starts_at, or quota and per".to_owned()),
    };
    let methods = row.texts("methods");
    let methods = methods
        .into_iter()
        .map(|text| code("methods", text, ContactMethod::KNOWN, ContactMethod::from_code))
        .collect::<Result<Vec<_>, Why>>()?;
    let level = row.code("supervision", SupervisionLevel::KNOWN, SupervisionLevel::from_code)?;
    Ok(NewVisitationPlan {
        mandate,
        to_visit: parties(row, "to_visit", names)?,
        visitors: parties(row, "visitors", names)?,
        schedule,
        minutes: row.number("minutes")?,
        methods: if methods.is_empty() { vec![ContactMethod::InPerson] } else { methods },
        place: row.owned("place")?,
        supervision: level.map(|level| Supervision { level, supervisor: None, reason: None }),
        purpose: row.owned("purpose")?,
        conditions: row.owned("conditions")?,
        transport: row.owned("transport")?,
        excluded: row.owned("excluded")?,
        start: row.day("from")?,
        end: row.day("until")?,
        min_age: None,
        max_age: None,
        as_draft: false,
        origin: Some(origin),
    })
}

/// Reads a contact.
pub fn contact(
    row: &Row,
    case: CaseId,
    origin: Origin,
    own: Zone,
    names: &impl Names,
) -> Result<ContactDraft, Why> {
    let planned = planned(row, names)?;
    let kind = match row.code("kind", ContactKind::KNOWN, ContactKind::from_code)? {
        Some(kind) => kind,
        None if planned.is_empty() => return Err("kind is empty, and no plan says what it was".to_owned()),
        None => ContactKind::FamilyVisit,
    };
    let outcome = row.code("outcome", OutcomeCode::KNOWN, OutcomeCode::from_code)?;
    let outcome = Outcome {
        code: outcome.ok_or("outcome is empty")?,
        attributed_to: row.code("attributed_to", Attribution::KNOWN, Attribution::from_code)?,
        reason: row.code("reason", OutcomeReason::KNOWN, OutcomeReason::from_code)?,
        notice_hours: row.number("notice_hours")?,
        comment: row.owned("comment")?,
    };
    let attendance = row.texts("attendance");
    Ok(ContactDraft {
        // It never becomes a draft: the core needs a name for it in its errors only.
        id: DraftId(Uuid::nil()),
        revision: 1,
        case_id: case,
        kind,
        planned,
        outcome: Some(outcome),
        time: Some(time(row, own)?),
        method: row.code("method", ContactMethod::KNOWN, ContactMethod::from_code)?,
        place: row.owned("place")?,
        attendance: attendance.into_iter().map(|text| attended(text, names)).collect::<Result<_, Why>>()?,
        purposes: row.texts("purposes").into_iter().map(str::to_owned).collect(),
        narrative: row.owned("narrative")?.unwrap_or_default(),
        // Whoever runs the import did not conduct it.
        conducted_by: Some(party("conducted_by", row.need("conducted_by")?, names)?),
        origin: Some(origin),
        saved_at: from_unix(0),
    })
}

fn planned(row: &Row, names: &impl Names) -> Result<Vec<PlannedVisit>, Why> {
    let day = row.day("planned_on")?;
    let plans = row.texts("plans");
    if day.is_some() && plans.is_empty() {
        return Err("planned_on needs plans".to_owned());
    }
    plans
        .into_iter()
        .map(|text| {
            let plan = names.plan(text)?;
            let occurrence = day.map(|day| names.visit(plan, day)).transpose()?.flatten();
            Ok(PlannedVisit { plan, occurrence })
        })
        .collect()
}

/// An end that is earlier by the clock than the start is on the next day.
fn time(row: &Row, own: Zone) -> Result<ContactTime, Why> {
    let zone = row.zone(own)?;
    let day = row.day("day")?.ok_or("day is empty")?;
    let (start, end) = (row.clock("start")?, row.clock("end")?);
    let next = if end < start { Duration::days(1) } else { Duration::zero() };
    Ok(ContactTime {
        day,
        start: start.map(|clock| zone.instant_of(day.and_time(clock))),
        end: end.map(|clock| zone.instant_of(day.and_time(clock) + next)),
        zone,
    })
}

/// `P-3=present`, or `P-3=present late 10 early 5`.
fn attended(text: &str, names: &impl Names) -> Result<Attendance, Why> {
    let meant = || format!("attendance: {text:?} is not of the form ID=present late 10 early 5");
    let (who, how) = text.rsplit_once('=').ok_or_else(meant)?;
    let mut words = how.split_whitespace();
    let status = words.next().ok_or_else(meant)?;
    let mut attendance = Attendance {
        party: party("attendance", who.trim(), names)?,
        status: code("attendance", status, AttendanceStatus::KNOWN, AttendanceStatus::from_code)?,
        minutes_late: None,
        minutes_left_early: None,
    };
    while let Some(word) = words.next() {
        let minutes = words.next().and_then(|number| number.parse().ok());
        let minutes = Some(minutes.ok_or_else(meant)?);
        match word {
            "late" => attendance.minutes_late = minutes,
            "early" => attendance.minutes_left_early = minutes,
            _ => return Err(meant()),
        }
    }
    Ok(attendance)
}

fn parties(row: &Row, column: &str, names: &impl Names) -> Result<Vec<PartyRef>, Why> {
    row.texts(column).into_iter().map(|text| party(column, text, names)).collect()
}

fn party(column: &str, text: &str, names: &impl Names) -> Result<PartyRef, Why> {
    match text.strip_prefix("user:") {
        Some(worker) => {
            let worker = worker.parse().map_err(|_| format!("{column}: {text:?} is no worker's id"))?;
            Ok(PartyRef::User(worker))
        }
        None => Ok(PartyRef::Participant(names.person(text).map_err(|why| format!("{column}: {why}"))?)),
    }
}
