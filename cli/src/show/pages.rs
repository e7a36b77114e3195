//! One thing in full.

use caseplan_core::case::{Case, Participant};
use caseplan_core::contact::{Attendance, Contact, ContactDraft};
use caseplan_core::time::Zone;
use caseplan_core::visitation::{PlanStatus, VisitationPlan};

use super::{tables, words};
use crate::screen::Screen;

/// A case and the people in it.
pub fn case(screen: &Screen, case: &Case) {
    let closure = case.closure.as_ref().map(|closure| format!("{}: {}", closure.on, closure.reason));
    screen.pairs(&[
        ("case", case.reference.clone()),
        ("id", case.id.to_string()),
        ("status", case.status.code().to_owned()),
        ("closed", words::maybe(closure)),
        ("type", words::maybe(case.case_type.as_ref())),
        ("opened", words::maybe(case.opened_on)),
        ("worker", words::maybe(case.assigned_worker.as_ref())),
        ("team", words::maybe(case.team.as_ref())),
    ]);
    let row = |participant: &Participant| {
        let primary = if participant.id == case.primary_client { ", primary client" } else { "" };
        [
            participant.name.clone(),
            format!("{}{primary}", participant.role),
            words::maybe(participant.born),
            words::maybe(participant.from),
            words::maybe(participant.to),
            participant.id.to_string(),
        ]
    };
    let rows = case.participants.iter().map(row).collect();
    screen.table(["participant", "role", "born", "from", "to", "id"], rows, "nobody");
}

/// A visitation plan.
pub fn plan(screen: &Screen, plan: &VisitationPlan, status: Option<&PlanStatus>) {
    let methods: Vec<String> = plan.methods.iter().map(|method| words::code(method.code())).collect();
    let minutes = plan.schedule().and_then(|schedule| schedule.minutes);
    let supervision = words::code(plan.supervision.level.code());
    screen.pairs(&[
        ("plan", plan.id.to_string()),
        ("status", words::maybe(status)),
        ("mandate", words::mandate(&plan.mandate)),
        ("visits", words::names(&plan.to_visit)),
        ("visitors", words::names(&plan.visitors)),
        ("schedule", words::plan_schedule(plan)),
        ("length", words::maybe(minutes.map(|minutes| format!("{minutes} min")))),
        ("methods", methods.join(", ")),
        ("place", words::maybe(plan.place.as_ref())),
        ("supervision", supervision),
        ("purpose", words::maybe(plan.purpose.as_ref())),
        ("conditions", words::maybe(plan.conditions.as_ref())),
        ("from", plan.start.to_string()),
        ("until", words::maybe(plan.end)),
        ("canceled", words::maybe(plan.canceled.as_ref().map(|why| format!("{}: {}", why.on, why.why)))),
    ]);
}

/// A contact with what was added and corrected.
pub fn contact(screen: &Screen, zone: Zone, case: Option<&Case>, contact: &Contact) {
    let recorded = contact.recorded_at.map(|at| words::at(zone, at));
    screen.pairs(&[
        ("contact", contact.id.to_string()),
        ("kind", words::code(contact.kind.code())),
        ("planned", contact.planned_kind.to_string()),
        ("when", words::time(&contact.time)),
        ("outcome", words::outcome(&contact.outcome)),
        ("method", contact.method.as_ref().map(|method| words::code(method.code())).unwrap_or_default()),
        ("place", words::maybe(contact.place.as_ref())),
        ("attendance", attendance(case, &contact.attendance)),
        ("conducted by", words::party(case, &contact.conducted_by)),
        ("recorded by", format!("{} {}", words::maybe(contact.recorded_by.as_ref()), words::maybe(recorded))),
        ("in error", words::maybe(contact.in_error.as_ref().map(|error| error.why.clone()))),
        ("origin", words::maybe(contact.origin.as_ref().map(|origin| words::origin(zone, origin)))),
        ("narrative", contact.narrative.clone()),
    ]);
    for addendum in &contact.addenda {
        let when = words::maybe(addendum.at.map(|at| words::at(zone, at)));
        screen.line(format!(" addendum by {} {when}: {}", words::maybe(addendum.by.as_ref()), addendum.text));
    }
    if !contact.corrections.is_empty() {
        tables::corrections(screen, contact);
    }
}

/// Drafts, kept on this device only.
pub fn drafts(screen: &Screen, zone: Zone, drafts: &[ContactDraft]) {
    let row = |draft: &ContactDraft| {
        [
            draft.id.to_string(),
            draft.time.as_ref().map(words::time).unwrap_or_default(),
            words::code(draft.kind.code()),
            words::at(zone, draft.saved_at),
            draft.narrative.chars().take(60).collect(),
        ]
    };
    screen.table(
        ["draft", "when", "kind", "saved", "narrative"],
        drafts.iter().map(row).collect(),
        "no drafts",
    );
}

fn attendance(case: Option<&Case>, attendance: &[Attendance]) -> String {
    let minutes = |minutes: Option<u32>, how| minutes.map(|minutes| format!(" {minutes} min {how}"));
    let one = |there: &Attendance| {
        let late = words::maybe(minutes(there.minutes_late, "late"));
        let early = words::maybe(minutes(there.minutes_left_early, "before the end"));
        format!("{} {}{late}{early}", words::party(case, &there.party), there.status)
    };
    attendance.iter().map(one).collect::<Vec<_>>().join(", ")
}
