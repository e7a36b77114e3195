//! Making a visitation plan within a command: checks, parties, its first schedule.

use std::collections::BTreeMap;

use super::commands::{
    check_ages, check_mandate, check_methods, check_minutes, check_parties, checked, join, puts,
};
use super::fields::{self, Activated, CLIENT, VISITOR, methods, place, schedule_fields};
use super::{NewVisitationPlan, Schedule, schedule};
use crate::case::commands::require_open;
use crate::case::fields::{day, register};
use crate::document::layout::visitation_plan::SCHEDULES;
use crate::document::{Edit, Kind, Value};
use crate::error::{Error, Result};
use crate::identity::Scope;
use crate::ids::{CaseId, ScheduleId, VisitationPlanId};
use crate::store::command::Command;
use crate::text::{REMARK, optional_line};

/// Makes a plan in an open case.
pub(crate) fn create(
    command: &mut Command<'_>,
    case_id: CaseId,
    new: &NewVisitationPlan,
) -> Result<VisitationPlanId> {
    check_parties(&new.to_visit, &new.visitors)?;
    let mandate = check_mandate(&new.mandate)?;
    schedule::check(&new.schedule)?;
    check_minutes(new.minutes)?;
    check_methods(&new.methods)?;
    let today = command.today();
    let start = new.start.unwrap_or(match &new.schedule {
        Schedule::Rule { starts_at, .. } => starts_at.date(),
        Schedule::Quota { .. } => today,
    });
    if new.end.is_some_and(|end| end < start) {
        return Err(Error::invalid("end", "range"));
    }
    let (_, case) = require_open(command, case_id)?;
    let id = VisitationPlanId(command.new_id()?);
    check_ages(&case, new, start)?;
    let document =
        command.document(case_id, Scope::Visits(id), Kind::VisitationPlan, id.as_bytes().to_vec())?;
    let schedule_id = ScheduleId(command.new_id()?);
    let supervision = new.supervision.clone().unwrap_or(fields::UNSUPERVISED);
    let activated = (!new.as_draft).then_some(Activated { on: today });
    let own: BTreeMap<&str, Value> = BTreeMap::from([
        ("mandate", register(Some(&mandate))?),
        ("methods", methods(&new.methods)?),
        ("place", place(optional_line("place", new.place.as_deref(), REMARK)?.as_deref())?),
        ("supervision", register(Some(&checked(&case, supervision)?))?),
        ("purpose", optional_line("purpose", new.purpose.as_deref(), REMARK)?.into()),
        ("conditions", optional_line("conditions", new.conditions.as_deref(), REMARK)?.into()),
        ("transport", optional_line("transport", new.transport.as_deref(), REMARK)?.into()),
        ("excluded", optional_line("excluded", new.excluded.as_deref(), REMARK)?.into()),
        ("start", day(Some(start))),
        ("end", day(new.end)),
        ("schedule", schedule_id.to_string().into()),
        ("activated", register(activated.as_ref())?),
        ("origin", register(new.origin.as_ref())?),
    ]);
    let mut edits: Vec<Edit> = puts(own);
    for (role, parties) in [(CLIENT, &new.to_visit), (VISITOR, &new.visitors)] {
        for party in parties {
            edits.push(join(command, &case, role, party, None)?);
        }
    }
    edits.push(Edit::create(
        SCHEDULES,
        schedule_id,
        schedule_fields(&new.schedule, new.minutes, start, None)?,
    ));
    command.write(&document, &edits)?;
    Ok(id)
}
