//! Projections: rows for lists and counts, made from documents and from nothing else.
//!
//! A local command projects what it touched; an import and a rebuild project whole documents. Both must give the same
//! rows, and a property test holds them to it.

use std::collections::BTreeSet;

use super::worker::{Changes, Topic};
use crate::case::fields::read_case;
use crate::case::{CaseStatus, Origin};
use crate::contact::fields::{LogView, StoredContact};
use crate::document::layout::{case, contact_log};
use crate::document::{Document, Edit, Entity, FieldPath, Kind, OpId, Value, View};
use crate::error::{Error, Result};
use crate::identity::Scope;
use crate::ids::{CaseId, ContactId, VisitationPlanId, derive};
use crate::issue::{DUPLICATE_CASE, DUPLICATE_CONTACT, issue_row};
use crate::storage::cases::{CaseRow, ParticipantRow};
use crate::storage::contacts::{ContactPlanRow, ContactRow};
use crate::storage::documents::DocumentRow;
use crate::storage::issues::ConflictRow;
use crate::storage::plans::{OccurrenceRow, PlanRow};
use crate::storage::{Reading, Writing};
use crate::time::Day;
use crate::visitation::fields::read_plan;
use crate::visitation::{Schedule, VisitationPlan, schedule};

/// What a change touched in its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// Anything.
    Everything,
    /// These contacts, and decisions if so said.
    Contacts(BTreeSet<ContactId>, bool),
}

impl Touched {
    /// What some edits touch. Cases and plans are small: they are always projected whole.
    pub fn by(edits: &[Edit]) -> Self {
        let mut contacts = BTreeSet::new();
        let mut decisions = false;
        for edit in edits {
            let contact = match edit {
                Edit::Create { container: contact_log::CONTACTS, key, .. } => key.parse().ok(),
                Edit::Create { container: contact_log::ADDENDA, fields, .. } => {
                    fields.get("contact").and_then(Value::text).and_then(|id| id.parse().ok())
                }
                Edit::Put { path, .. } | Edit::Settle { path, .. } => match path.container.as_str() {
                    contact_log::CORRECTED => path.field.split('.').next().and_then(|id| id.parse().ok()),
                    contact_log::CONTACTS => path.key.as_ref().and_then(|id| id.parse().ok()),
                    contact_log::DECISIONS => {
                        decisions = true;
                        continue;
                    }
                    _ => None,
                },
                Edit::Create { .. } => None,
            };
            match contact {
                Some(contact) => {
                    contacts.insert(contact);
                }
                None => return Self::Everything,
            }
        }
        Self::Contacts(contacts, decisions)
    }
}

/// Projects a document, or what was touched of it.
pub(crate) fn document(
    tx: &Writing<'_>,
    row: &DocumentRow,
    document: &Document,
    touched: Touched,
    horizon: Day,
) -> Result<Changes> {
    let view = document.view();
    let case_id = CaseId::from_slice(&row.case_id)?;
    let mut changes = Changes::of(Topic::Conflicts, Some(case_id));
    let topic = match document.kind() {
        // A case stands at level 1. What a newer app keeps of it higher up is held and passed on, and shown nowhere.
        Kind::Case if row.scope_id != *Scope::Level(1).id(case_id).as_bytes() => Topic::Cases,
        Kind::Case => {
            project_case(tx, row, case_id, &view)?;
            conflicts(tx, row, document, "", &[])?;
            decisions(tx, row, &view)?;
            Topic::Cases
        }
        Kind::VisitationPlan => {
            let id = VisitationPlanId::from_slice(&row.name)?;
            if let Some(plan) = read_plan(case_id, id, &view) {
                put_plan(tx, &plan, horizon)?;
                project_origin(tx, row, "visitation_plan", id.as_bytes(), &view.fields("plan"))?;
            }
            conflicts(tx, row, document, "", &[])?;
            Topic::VisitationPlans
        }
        Kind::ContactLog => {
            let log = LogView::new(case_id, &view);
            match touched {
                Touched::Everything => {
                    for key in view.keys(contact_log::CONTACTS) {
                        if let Ok(id) = key.parse() {
                            project_contact(tx, row, id, &log)?;
                        }
                    }
                    conflicts(tx, row, document, "", &[])?;
                    decisions(tx, row, &view)?;
                }
                Touched::Contacts(ids, decided) => {
                    for id in &ids {
                        project_contact(tx, row, *id, &log)?;
                        conflicts(tx, row, document, &format!("contacts/{id}/"), &[id.to_string()])?;
                        conflicts(tx, row, document, &format!("corrected/{id}."), &[])?;
                    }
                    if decided {
                        conflicts(tx, row, document, "decisions/", &[])?;
                        decisions(tx, row, &view)?;
                    }
                }
            }
            changes.add(Changes::of(Topic::VisitationPlans, Some(case_id)));
            Topic::Contacts
        }
    };
    changes.add(Changes::of(topic, Some(case_id)));
    changes.add(Changes::of(Topic::Issues, Some(case_id)));
    Ok(changes)
}

fn text<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| Error::Unexpected { reason: "projection" })
}

fn project_case(tx: &Writing<'_>, row: &DocumentRow, id: CaseId, view: &View<'_>) -> Result<()> {
    let case = read_case(id, view);
    let participants: Vec<ParticipantRow> = case
        .participants
        .iter()
        .map(|participant| ParticipantRow {
            participant_id: *participant.id.as_bytes(),
            name: participant.name.clone(),
            role: participant.role.code().to_owned(),
        })
        .collect();
    let projected = CaseRow {
        case_id: *id.as_bytes(),
        reference: case.reference.clone(),
        primary_name: case.participant(case.primary_client).map(|p| p.name.clone()).unwrap_or_default(),
        closed: case.status == CaseStatus::Closed,
        worker: case.assigned_worker.as_ref().map(|worker| worker.as_str().to_owned()),
        detail: text(&case)?,
    };
    tx.put_case_row(&projected, &participants)?;
    project_origin(tx, row, "case", id.as_bytes(), &view.fields(case::CASE))?;
    for (key, entity) in view.entities(case::PARTICIPANTS) {
        if let Ok(participant) = key.parse::<uuid::Uuid>() {
            project_origin(tx, row, "participant", participant.as_bytes(), &entity)?;
        }
    }
    // I-21: two cases with one reference, brought together by a merge.
    let others = tx.reading().cases_of_reference(&case.reference)?;
    let issues = others
        .iter()
        .filter(|other| *other != id.as_bytes() && !case.reference.is_empty())
        .map(|other| issue_row(DUPLICATE_CASE, id.as_bytes(), id.as_bytes(), other))
        .collect::<Vec<_>>();
    tx.put_issues(DUPLICATE_CASE, id.as_bytes(), &issues)?;
    Ok(())
}

fn project_origin(
    tx: &Writing<'_>,
    row: &DocumentRow,
    kind: &str,
    id: &[u8; 16],
    entity: &Entity,
) -> Result<()> {
    if let Some(origin) = entity.register::<Origin>("origin") {
        tx.put_external(row.id, &origin.source, &origin.external_id, kind, id)?;
    }
    Ok(())
}

/// Projects a plan and its planned visits up to the horizon.
pub(crate) fn put_plan(tx: &Writing<'_>, plan: &VisitationPlan, horizon: Day) -> Result<()> {
    let live = plan.activated_on.is_some() && plan.canceled.is_none();
    let occurrences: Vec<OccurrenceRow> = if live {
        schedule::occurrences(plan, plan.start, horizon)
            .into_iter()
            .map(|occurrence| OccurrenceRow {
                schedule: *occurrence.schedule.as_bytes(),
                day: occurrence.day.to_string(),
                starts_at: occurrence.starts_at.timestamp(),
            })
            .collect()
    } else {
        Vec::new()
    };
    let quota = plan
        .schedules
        .iter()
        .find(|schedule| matches!(schedule.schedule, Schedule::Quota { .. }))
        .filter(|_| live)
        .map(|schedule| schedule.id);
    let row = PlanRow {
        plan_id: *plan.id.as_bytes(),
        case_id: *plan.case_id.as_bytes(),
        first_day: plan.start.to_string(),
        last_day: plan.end.map(|day| day.to_string()),
        live,
        detail: text(plan)?,
    };
    tx.put_plan_row(&row, &occurrences, quota.as_ref().map(|id| id.as_bytes()))?;
    Ok(())
}

/// Says who wrote each addendum, and when: that stands in its change. In the order in which they were written.
pub(crate) fn sign_addenda(
    reading: &Reading<'_>,
    row: &DocumentRow,
    stored: &mut StoredContact,
) -> Result<()> {
    for addendum in &mut stored.contact.addenda {
        let made_by = stored.addenda_made_by.iter().find(|(other, _)| *other == addendum.id);
        let made_by = made_by.map(|(_, hash)| reading.change(row.id, &hash.0)).transpose()?;
        if let Some(change) = made_by.flatten() {
            addendum.at = Some(crate::time::from_unix(change.time));
            addendum.by = change.worker.and_then(|worker| worker.parse().ok());
        }
    }
    stored.contact.addenda.sort_by_key(|addendum| (addendum.at, addendum.id));
    Ok(())
}

fn project_contact(tx: &Writing<'_>, row: &DocumentRow, id: ContactId, log: &LogView<'_, '_>) -> Result<()> {
    let Some(mut stored) = log.contact(id) else { return Ok(()) };
    let reading = tx.reading();
    sign_addenda(&reading, row, &mut stored)?;
    let StoredContact { mut contact, made_by, .. } = stored;
    // An id that stands in two documents is a forgery of one of them: every device shows the same one.
    if let Some(other) = reading.document_of_contact(id.as_bytes())?
        && other != row.id
        && reading.document_of_row(other)?.document_id < row.document_id
    {
        return Ok(());
    }
    // What stands in a plan's scope speaks for that plan only.
    let own_plan = reading.scope(&row.scope_id)?.and_then(|scope| scope.plan_id);
    contact.planned.retain(|visit| own_plan.is_none_or(|plan| visit.plan.as_bytes() == &plan));
    let narrative = std::mem::take(&mut contact.narrative);
    let search = std::iter::once(narrative.as_str())
        .chain(contact.addenda.iter().map(|addendum| addendum.text.as_str()))
        .collect::<Vec<_>>()
        .join("\n");
    let time = &contact.time;
    let noon = time.day.and_hms_opt(12, 0, 0).map(|noon| time.zone.instant_of(noon).timestamp());
    let projected = ContactRow {
        contact_id: *id.as_bytes(),
        document: row.id,
        case_id: *contact.case_id.as_bytes(),
        kind: contact.kind.code().to_owned(),
        outcome: contact.outcome.code.code().to_owned(),
        sorts_at: time.start.map(|start| start.timestamp()).or(noon).unwrap_or(0),
        starts_at: time.start.map(|start| start.timestamp()),
        ends_at: time.end.map(|end| end.timestamp()),
        made_by: made_by.0,
        in_error: contact.in_error.is_some(),
        detail: text(&contact)?,
    };
    let plans: Vec<ContactPlanRow> = contact
        .planned
        .iter()
        .map(|visit| ContactPlanRow {
            plan_id: *visit.plan.as_bytes(),
            occurrence: visit.occurrence.map(|o| (*o.schedule.as_bytes(), o.day.to_string())),
            counts: contact.counts(),
        })
        .collect();
    let parties: Vec<String> = contact.attendance.iter().map(|attendance| attendance.party.key()).collect();
    tx.put_contact_row(&projected, &narrative, &search, &plans, &parties)?;
    if let Some(origin) = &contact.origin {
        tx.put_external(row.id, &origin.source, &origin.external_id, "contact", id.as_bytes())?;
    }
    // I-10: the same visit recorded twice.
    let issues = tx
        .reading()
        .possible_duplicates(id.as_bytes())?
        .iter()
        .map(|other| issue_row(DUPLICATE_CONTACT, contact.case_id.as_bytes(), id.as_bytes(), other))
        .collect::<Vec<_>>();
    tx.put_issues(DUPLICATE_CONTACT, id.as_bytes(), &issues)?;
    Ok(())
}

/// One of the values of a field in conflict, as stored in its row.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct StoredRival {
    /// The operation that wrote it.
    pub op: String,
    /// The change that the operation stands in.
    pub change: String,
    /// The value: a JSON scalar.
    pub value: serde_json::Value,
}

/// Projects the fields in conflict below a prefix of paths; `keys` narrows it to some entities of a container.
fn conflicts(
    tx: &Writing<'_>,
    row: &DocumentRow,
    document: &Document,
    prefix: &str,
    keys: &[String],
) -> Result<()> {
    let view = document.view();
    let mut rows = Vec::new();
    let mut add = |path: FieldPath, field: &crate::document::Field| {
        let path = path.to_string();
        if !path.starts_with(prefix) {
            return Ok(());
        }
        let rivals: Vec<StoredRival> = field
            .rivals
            .iter()
            .map(|rival| StoredRival {
                op: rival.op.to_string(),
                change: rival.change.to_string(),
                value: match &rival.value {
                    Value::Null | Value::Foreign(_) => serde_json::Value::Null,
                    Value::Bool(flag) => (*flag).into(),
                    Value::Int(number) => (*number).into(),
                    Value::Text(text) => text.as_str().into(),
                },
            })
            .collect();
        let ops: Vec<OpId> = field.rivals.iter().map(|rival| rival.op).collect();
        // Not canonical: what others wrote may be a number that no text of ours holds.
        let sorted = serde_json::to_value(&rivals).map_err(|_| Error::Unexpected { reason: "projection" })?;
        rows.push(ConflictRow {
            conflict_id: conflict_id(&row.document_id, &path, &ops),
            document: row.id,
            path,
            case_id: row.case_id,
            detail: text(&sorted)?,
        });
        Ok::<(), Error>(())
    };
    for container in document.kind().containers() {
        if !(prefix.is_empty() || prefix.starts_with(&format!("{container}/"))) {
            continue;
        }
        if document.kind().is_flat(container) {
            for (field, values) in view.fields(container).conflicts() {
                add(FieldPath::flat(container, field), values)?;
            }
        } else {
            let entities = if keys.is_empty() {
                view.entities(container)
            } else {
                keys.iter().filter_map(|key| Some((key.clone(), view.entity(container, key)?))).collect()
            };
            for (key, entity) in &entities {
                for (field, values) in entity.conflicts() {
                    add(FieldPath::of(container, key, field), values)?;
                }
            }
        }
    }
    tx.put_conflicts(row.id, prefix, &rows)?;
    Ok(())
}

/// The id of a conflict: the field and the operations seen, so that it changes when they do.
pub(crate) fn conflict_id(document: &[u8; 16], path: &str, ops: &[OpId]) -> String {
    let mut sorted: Vec<String> = ops.iter().map(OpId::to_string).collect();
    sorted.sort_unstable();
    derive(&[b"caseplan/conflict/1", document, path.as_bytes(), &[0], sorted.join(" ").as_bytes()])
        .to_string()
}

/// Projects what people decided about issues.
fn decisions(tx: &Writing<'_>, row: &DocumentRow, view: &View<'_>) -> Result<()> {
    let entity = view.fields(contact_log::DECISIONS);
    let rows: Vec<(String, String, bool)> = entity
        .fields
        .iter()
        .filter_map(|(issue, field)| {
            Some((issue.clone(), field.value.text()?.to_owned(), !field.rivals.is_empty()))
        })
        .collect();
    tx.put_decisions(row.id, &rows)?;
    Ok(())
}
