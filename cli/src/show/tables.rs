//! Lists as tables.

use std::collections::HashMap;

use caseplan_core::Store;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::case::{CaseStatus, CaseSummary};
use caseplan_core::conflict::Conflict;
use caseplan_core::contact::{Contact, ContactSummary};
use caseplan_core::history::Event;
use caseplan_core::ids::CaseId;
use caseplan_core::issue::{Issue, IssueChoice, IssueSubject};
use caseplan_core::time::Zone;
use caseplan_core::visitation::{DueVisit, VisitationPlanView};

use super::words;
use crate::failed::Result;
use crate::screen::Screen;

/// References of all cases, by id.
pub fn references(store: &Store) -> Result<HashMap<CaseId, String>> {
    let cases = store.cases().list(&CaseFilter { worker: None, closed_too: true })?;
    Ok(cases.into_iter().map(|case| (case.id, case.reference)).collect())
}

/// The caseload.
pub fn cases(screen: &Screen, zone: Zone, cases: &[CaseSummary]) {
    let row = |case: &CaseSummary| {
        let closed = if case.status == CaseStatus::Closed { " (closed)" } else { "" };
        [
            format!("{}{closed}", case.reference),
            case.primary_client.clone(),
            words::maybe(case.assigned_worker.as_ref()),
            words::count(case.visitation_plans),
            words::count(case.contacts),
            words::maybe(case.last_contact.map(|at| zone.day_of(at))),
            words::count(case.drafts),
            words::count(case.conflicts + case.issues),
        ]
    };
    let head = ["case", "client", "worker", "plans", "contacts", "last contact", "drafts", "to settle"];
    screen.table(head, cases.iter().map(row).collect(), "no cases");
}

/// Due visits.
pub fn due(screen: &Screen, visits: &[DueVisit], references: &HashMap<CaseId, String>) {
    let reference = |case: &CaseId| references.get(case).cloned().unwrap_or_else(|| case.to_string());
    let row = |visit: &DueVisit| match visit {
        DueVisit::Occurrence {
            case_id, local, minutes, place, to_visit, visitors, state, contacts, ..
        } => {
            let accounts =
                if contacts.len() > 1 { format!(", {} accounts", contacts.len()) } else { String::new() };
            [
                local.format("%a %d %b %H:%M").to_string(),
                minutes.map(|minutes| format!("{minutes} min")).unwrap_or_default(),
                reference(case_id),
                to_visit.join(", "),
                visitors.join(", "),
                words::maybe(place.as_ref()),
                format!("{}{accounts}", words::code(state.code())),
            ]
        }
        DueVisit::Quota { case_id, from, to, planned, done, to_visit, visitors, .. } => [
            format!("{} – {}", from.format("%d %b"), to.format("%d %b")),
            String::new(),
            reference(case_id),
            to_visit.join(", "),
            visitors.join(", "),
            String::new(),
            format!("{done} of {planned} done"),
        ],
    };
    let head = ["when", "length", "case", "visits", "visitors", "place", "state"];
    screen.table(head, visits.iter().map(row).collect(), "no visits are due");
}

/// Contacts, newest first.
pub fn contacts(screen: &Screen, contacts: &[ContactSummary], references: &HashMap<CaseId, String>) {
    let row = |contact: &ContactSummary| {
        let mut what = format!("{}: {}", words::code(contact.kind.code()), words::outcome(&contact.outcome));
        if contact.addenda > 0 {
            what.push_str(&format!(", {} added", contact.addenda));
        }
        if contact.in_error {
            what.push_str(", entered in error");
        }
        [
            words::time(&contact.time),
            references.get(&contact.case_id).cloned().unwrap_or_default(),
            what,
            words::maybe(contact.place.as_ref()),
            words::maybe(contact.recorded_by.as_ref()),
            contact.id.to_string(),
        ]
    };
    let head = ["when", "case", "what", "place", "by", "contact"];
    screen.table(head, contacts.iter().map(row).collect(), "no contacts");
}

/// Plans.
pub fn plans(screen: &Screen, plans: &[VisitationPlanView], references: &HashMap<CaseId, String>) {
    let row = |view: &VisitationPlanView| {
        let plan = &view.plan;
        [
            plan.id.to_string(),
            references.get(&plan.case_id).cloned().unwrap_or_default(),
            view.status.code().to_owned(),
            words::names(&plan.to_visit),
            words::names(&plan.visitors),
            words::plan_schedule(plan),
        ]
    };
    let head = ["plan", "case", "status", "visits", "visitors", "schedule"];
    screen.table(head, plans.iter().map(row).collect(), "no visitation plans");
}

/// One conflict: its values side by side.
pub fn conflict(screen: &Screen, zone: Zone, conflict: &Conflict, references: &HashMap<CaseId, String>) {
    let case = references.get(&conflict.case_id).cloned().unwrap_or_default();
    screen.line(format!(
        " case {case}: {} of the {} has {} values",
        conflict.field,
        words::code(&conflict.kind),
        conflict.values.len()
    ));
    let rows = conflict.values.iter().enumerate().map(|(at, value)| {
        [
            (at + 1).to_string(),
            words::field_value(value.value.as_deref()),
            value.by.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string),
            value.device.to_string(),
            words::at(zone, value.at),
        ]
    });
    screen.table(["no.", "value", "by", "device", "when"], rows.collect(), "");
}

/// Issues.
pub fn issues(screen: &Screen, issues: &[Issue], references: &HashMap<CaseId, String>) {
    let row = |issue: &Issue| {
        let (what, first, second) = subject(issue);
        let decision = match issue.decision.as_ref().map(|decision| &decision.choice) {
            None => "open".to_owned(),
            Some(IssueChoice::Same { keep }) => format!("same, {keep} is read"),
            Some(IssueChoice::Distinct) => "two".to_owned(),
        };
        let case = references.get(&issue.case_id).cloned().unwrap_or_default();
        [issue.id.to_string(), case, format!("{} {what}", issue.code), format!("{first} {second}"), decision]
    };
    let head = ["issue", "case", "what", "of", "decision"];
    screen.table(head, issues.iter().map(row).collect(), "no issues");
}

/// What an issue is about: in words, and its two subjects.
pub fn subject(issue: &Issue) -> (&'static str, uuid::Uuid, uuid::Uuid) {
    match &issue.subject {
        IssueSubject::PossibleDuplicateContacts { first, second } => {
            ("one visit recorded twice?", first.0, second.0)
        }
        IssueSubject::PossibleDuplicateCases { first, second } => {
            ("two cases with one reference", first.0, second.0)
        }
    }
}

/// The event log.
pub fn events(screen: &Screen, zone: Zone, events: &[Event]) {
    let row = |event: &Event| {
        [
            words::at(zone, event.at),
            words::maybe(event.by.as_ref()),
            event.code.clone(),
            words::at(zone, event.received_at),
            event.device.to_string(),
        ]
    };
    let head = ["when", "by", "what", "here since", "device"];
    screen.table(head, events.iter().map(row).collect(), "nothing yet");
}

/// What addenda corrected: what was recorded, and what counts.
pub fn corrections(screen: &Screen, contact: &Contact) {
    let rows = contact.corrections.iter().map(|corrected| {
        [
            corrected.field.clone(),
            words::field_value(Some(&corrected.original)),
            words::field_value(Some(&corrected.corrected)),
        ]
    });
    screen.table(["field", "recorded", "counts"], rows.collect(), " no corrections");
}
