//! The stable form of every read: dates as ISO 8601, moments as RFC 3339, codes and ids as text.

use caseplan_core::case::{Case, CaseSummary};
use caseplan_core::conflict::Conflict;
use caseplan_core::contact::{Contact, ContactDraft, ContactSummary, ContactTime};
use caseplan_core::exchange::ImportReport;
use caseplan_core::history::Event;
use caseplan_core::issue::{Issue, IssueChoice};
use caseplan_core::store::VerifyReport;
use caseplan_core::today::Today;
use caseplan_core::visitation::{DueVisit, PlanWarning, VisitationPlanView};
use serde_json::{Value, json};

use super::tables::subject;

/// Several of something.
pub fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(one).collect())
}

/// A case.
pub fn case(case: &Case) -> Value {
    json!(case)
}

/// A case in a list.
pub fn case_summary(case: &CaseSummary) -> Value {
    json!({
        "id": case.id, "reference": case.reference, "primary_client": case.primary_client, "status": case.status,
        "assigned_worker": case.assigned_worker, "visitation_plans": case.visitation_plans,
        "contacts": case.contacts, "last_contact": case.last_contact, "drafts": case.drafts,
        "conflicts": case.conflicts, "issues": case.issues,
    })
}

/// A plan.
pub fn plan(view: &VisitationPlanView) -> Value {
    let mut value = json!(view.plan);
    value["status"] = json!(view.status);
    value["warnings"] = list(&view.warnings, |warning| match warning {
        PlanWarning::Overlaps { plan } => json!({ "overlaps": plan }),
    });
    value
}

/// A due visit.
pub fn due(visit: &DueVisit) -> Value {
    match visit {
        DueVisit::Occurrence {
            occurrence,
            case_id,
            starts_at,
            local,
            zone,
            minutes,
            place,
            to_visit,
            visitors,
            state,
            contacts,
            drafts,
        } => json!({
            "kind": "occurrence", "plan": occurrence.plan, "schedule": occurrence.schedule, "day": occurrence.day,
            "case_id": case_id, "starts_at": starts_at, "local": local, "zone": zone, "minutes": minutes,
            "place": place, "to_visit": to_visit, "visitors": visitors, "state": state, "contacts": contacts,
            "drafts": drafts,
        }),
        DueVisit::Quota { plan, case_id, from, to, planned, done, to_visit, visitors } => json!({
            "kind": "quota", "plan": plan, "case_id": case_id, "from": from, "to": to, "planned": planned,
            "done": done, "to_visit": to_visit, "visitors": visitors,
        }),
    }
}

fn time(time: &ContactTime) -> Value {
    json!({ "day": time.day, "start": time.start, "end": time.end, "zone": time.zone })
}

/// A contact in full.
pub fn contact(contact: &Contact) -> Value {
    let mut value = json!(contact);
    value["time"] = time(&contact.time);
    value
}

/// A contact in a list.
pub fn contact_summary(contact: &ContactSummary) -> Value {
    json!({
        "id": contact.id, "case_id": contact.case_id, "kind": contact.kind, "planned_kind": contact.planned_kind,
        "outcome": contact.outcome, "time": time(&contact.time), "method": contact.method, "place": contact.place,
        "conducted_by": contact.conducted_by, "recorded_by": contact.recorded_by,
        "recorded_at": contact.recorded_at, "addenda": contact.addenda, "in_error": contact.in_error,
    })
}

/// A draft.
pub fn draft(draft: &ContactDraft) -> Value {
    let mut value = json!(draft);
    value["time"] = draft.time.as_ref().map_or(Value::Null, time);
    value
}

/// A conflict.
pub fn conflict(conflict: &Conflict) -> Value {
    let value = |value: &caseplan_core::conflict::ConflictValue| json!({ "id": value.id, "value": value.value, "by": value.by, "device": value.device, "at": value.at });
    json!({
        "id": conflict.id, "case_id": conflict.case_id, "document": conflict.document, "kind": conflict.kind,
        "entity": conflict.entity, "field": conflict.field, "values": list(&conflict.values, value),
    })
}

/// An issue.
pub fn issue(issue: &Issue) -> Value {
    let (_, first, second) = subject(issue);
    let decision = issue.decision.as_ref().map(|decision| match &decision.choice {
        IssueChoice::Same { keep } => json!({ "choice": "same", "keep": keep, "why": decision.why }),
        IssueChoice::Distinct => json!({ "choice": "distinct", "why": decision.why }),
    });
    json!({
        "id": issue.id, "code": issue.code, "case_id": issue.case_id, "first": first, "second": second,
        "decision": decision,
    })
}

/// An entry of the event log.
pub fn event(event: &Event) -> Value {
    json!({
        "code": event.code, "kind": event.kind, "document": event.document, "change": event.change.to_string(),
        "by": event.by, "device": event.device, "at": event.at, "received_at": event.received_at,
    })
}

/// A first screen.
pub fn today(today: &Today) -> Value {
    json!({
        "day": today.day, "due": list(&today.due, due), "overdue": list(&today.overdue, due),
        "drafts": list(&today.drafts, draft), "conflicts": today.conflicts, "issues": today.issues,
        "only_here": { "drafts": today.only_here.drafts, "changes": today.only_here.changes },
    })
}

/// What an import did.
pub fn import(report: &ImportReport) -> Value {
    let quarantined = list(
        &report.quarantined,
        |held| json!({ "document": held.document, "change": held.hash.to_string(), "reason": held.reason }),
    );
    json!({
        "received": report.received, "accepted": report.accepted, "known": report.known,
        "records": report.records, "quarantined": quarantined, "complete": report.complete,
    })
}

/// What verification found.
pub fn verify(report: &VerifyReport) -> Value {
    json!({
        "sound": report.is_sound(), "documents": report.documents, "changes": report.changes,
        "damaged": report.damaged, "forged": list(&report.forged, |hash| json!(hash.to_string())),
        "stale_rows": report.stale_rows, "digest": report.digest,
    })
}
