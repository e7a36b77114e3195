//! How a contact stands in its document: made whole, never overwritten, corrected beside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Addendum, Attendance, Contact, ContactDraft, ContactKind, ContactTime, CorrectedField, Correction,
    EnteredInError, Outcome, OutcomeCode, PlannedKind, PlannedVisit,
};
use crate::case::fields::register;
use crate::document::layout::contact_log::{ADDENDA, CONTACTS, CORRECTED};
use crate::document::{Entity, Value, View};
use crate::ids::{AddendumId, CaseId, ChangeHash, ContactId};
use crate::json::{self, NotCanonical};
use crate::time::{Day, Zone};
use crate::visitation::fields::Place;
use crate::visitation::{ContactMethod, PartyRef};

/// A contact as its document holds it, with the change that recorded it and the changes of its addenda.
///
/// Who recorded and amended it is not in the document: it is read from the signatures of these changes.
#[derive(Debug, Clone)]
pub struct StoredContact {
    /// The contact with corrections applied; authors and times are nothing yet.
    pub contact: Contact,
    /// The change that recorded it.
    pub made_by: ChangeHash,
    /// For each addendum, in order of ids, the change that made it.
    pub addenda_made_by: Vec<(AddendumId, ChangeHash)>,
}

/// A contact log, with its addenda and corrections read once for all its contacts.
pub struct LogView<'v, 'd> {
    case_id: CaseId,
    view: &'v View<'d>,
    corrected: Entity,
    addenda: BTreeMap<String, Vec<(Addendum, ChangeHash)>>,
}

impl<'v, 'd> LogView<'v, 'd> {
    /// Reads what all contacts share. Their case is their scope's, not a field.
    pub fn new(case_id: CaseId, view: &'v View<'d>) -> Self {
        let mut addenda: BTreeMap<String, Vec<(Addendum, ChangeHash)>> = BTreeMap::new();
        for (key, entity) in view.entities(ADDENDA) {
            let contact = entity.text("contact").unwrap_or_default().to_owned();
            addenda.entry(contact).or_default().extend(read_addendum(&key, &entity));
        }
        Self { case_id, view, corrected: view.fields(CORRECTED), addenda }
    }

    /// One contact; nothing if there is none under this id.
    pub fn contact(&self, id: ContactId) -> Option<StoredContact> {
        let key = id.to_string();
        let entity = self.view.entity(CONTACTS, &key)?;
        let mut contact = read_entity(self.case_id, id, &entity);
        let prefix = format!("{key}.");
        for (name, field) in self.corrected.fields.range(prefix.clone()..) {
            let Some(name) = name.strip_prefix(&prefix) else { break };
            if let Some(correction) = field.value.text().and_then(json::from_text) {
                apply(&mut contact, &entity, name, &correction);
            }
        }
        contact.attendance.sort_by(|a, b| a.party.cmp(&b.party));
        contact.planned_kind = planned_kind(&contact.planned, contact.time.day);
        let addenda = self.addenda.get(&key).cloned().unwrap_or_default();
        let addenda_made_by = addenda.iter().map(|(addendum, made_by)| (addendum.id, *made_by)).collect();
        contact.addenda = addenda.into_iter().map(|(addendum, _)| addendum).collect();
        Some(StoredContact { contact, made_by: entity.made_by?, addenda_made_by })
    }
}

fn read_entity(case_id: CaseId, id: ContactId, entity: &Entity) -> Contact {
    let time = entity.register("time").unwrap_or(ContactTime {
        day: Day::default(),
        start: None,
        end: None,
        zone: Zone::UTC,
    });
    let attendance =
        entity.nested("attendance").filter_map(|(_, field)| json::from_text(field.value.text()?)).collect();
    Contact {
        id,
        case_id,
        kind: ContactKind::from_code(entity.text("kind").unwrap_or_default()),
        planned: entity.register("planned").unwrap_or_default(),
        planned_kind: PlannedKind::Unscheduled,
        outcome: entity.register("outcome").unwrap_or(Outcome {
            code: OutcomeCode::Unknown { raw: String::new() },
            attributed_to: None,
            reason: None,
            notice_hours: None,
            comment: None,
        }),
        time,
        method: entity.text("method").map(ContactMethod::from_code),
        place: entity.register::<Place>("place").map(|place| place.text),
        attendance,
        purposes: entity.register("purposes").unwrap_or_default(),
        narrative: entity.text("narrative").unwrap_or_default().to_owned(),
        conducted_by: entity
            .register("conducted_by")
            .unwrap_or(PartyRef::Participant(crate::ids::ParticipantId(uuid::Uuid::nil()))),
        recorded_by: None,
        recorded_on: None,
        recorded_at: None,
        addenda: Vec::new(),
        corrections: Vec::new(),
        in_error: None,
        origin: entity.register("origin"),
        unfinished: entity.fields.get("unfinished").is_some_and(|field| field.value == Value::Bool(true)),
    }
}

fn read_addendum(key: &str, entity: &Entity) -> Option<(Addendum, ChangeHash)> {
    let corrected: BTreeMap<String, serde_json::Value> = entity.register("corrections").unwrap_or_default();
    let addendum = Addendum {
        id: key.parse().ok()?,
        text: entity.text("text").unwrap_or_default().to_owned(),
        corrected: corrected.into_keys().collect(),
        by: None,
        at: None,
    };
    Some((addendum, entity.made_by?))
}

/// Where a contact stands to what was planned for it.
fn planned_kind(planned: &[PlannedVisit], day: Day) -> PlannedKind {
    let mut occurrences = planned.iter().filter_map(|visit| visit.occurrence).peekable();
    if occurrences.peek().is_none() {
        PlannedKind::Unscheduled
    } else if occurrences.any(|occurrence| occurrence.day == day) {
        PlannedKind::Scheduled
    } else {
        PlannedKind::Rescheduled
    }
}

/// A corrected value as it stands: a flat register per contact and field.
#[derive(Serialize, Deserialize)]
struct StoredCorrection {
    addendum: Option<AddendumId>,
    value: serde_json::Value,
}

fn apply(contact: &mut Contact, entity: &Entity, field: &str, correction: &StoredCorrection) {
    fn read<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Option<T> {
        serde_json::from_value(value.clone()).ok()
    }
    let value = &correction.value;
    let applied = match field {
        "kind" => read(value).map(|kind| contact.kind = kind),
        "planned" => read(value).map(|planned| contact.planned = planned),
        "outcome" => read(value).map(|outcome| contact.outcome = outcome),
        "time" => read(value).map(|time| contact.time = time),
        "method" => read(value).map(|method| contact.method = Some(method)),
        "place" => read::<Place>(value).map(|place| contact.place = Some(place.text)),
        "purposes" => read(value).map(|purposes| contact.purposes = purposes),
        "conducted_by" => read(value).map(|party| contact.conducted_by = party),
        "in_error" => read(value).map(|in_error| contact.in_error = Some(in_error)),
        _ if field.starts_with("attendance/") => read::<Attendance>(value).map(|attendance| {
            contact.attendance.retain(|other| other.party != attendance.party);
            contact.attendance.push(attendance);
        }),
        _ => None,
    };
    if applied.is_some() {
        contact.corrections.push(CorrectedField {
            field: field.to_owned(),
            original: entity.text(field).unwrap_or_default().to_owned(),
            corrected: json::to_text(value).unwrap_or_default(),
            addendum: correction.addendum,
        });
    }
}

/// The field and the stored value of a correction.
pub fn stored_correction(correction: &Correction) -> Result<(String, serde_json::Value), NotCanonical> {
    fn value<T: Serialize>(value: &T) -> Result<serde_json::Value, NotCanonical> {
        serde_json::to_value(value).map_err(|_| NotCanonical)
    }
    Ok(match correction {
        Correction::Kind { value: kind } => ("kind".to_owned(), value(kind)?),
        Correction::Planned { value: planned } => ("planned".to_owned(), value(planned)?),
        Correction::Outcome { value: outcome } => ("outcome".to_owned(), value(outcome)?),
        Correction::Time { value: time } => ("time".to_owned(), value(time)?),
        Correction::Method { value: method } => ("method".to_owned(), value(method)?),
        Correction::Place { value: text } => ("place".to_owned(), value(&Place { text: text.clone() })?),
        Correction::Attendance { value: attendance } => {
            (format!("attendance/{}", attendance.party.key()), value(attendance)?)
        }
        Correction::Purposes { value: purposes } => ("purposes".to_owned(), value(purposes)?),
        Correction::ConductedBy { value: party } => ("conducted_by".to_owned(), value(party)?),
        Correction::EnteredInError { why, recorded_as } => {
            ("in_error".to_owned(), value(&EnteredInError { why: why.clone(), recorded_as: *recorded_as })?)
        }
    })
}

/// The register under which a corrected value stands.
pub fn corrected_register(addendum: AddendumId, value: serde_json::Value) -> Result<Value, NotCanonical> {
    register(Some(&StoredCorrection { addendum: Some(addendum), value }))
}

/// The fields of a contact that is about to be recorded. The draft has been checked.
pub fn contact_fields(
    draft: &ContactDraft,
    conducted_by: &PartyRef,
) -> Result<BTreeMap<String, Value>, NotCanonical> {
    let mut fields = BTreeMap::from([
        ("kind".to_owned(), draft.kind.code().into()),
        ("planned".to_owned(), register(Some(&draft.planned).filter(|planned| !planned.is_empty()))?),
        ("outcome".to_owned(), register(draft.outcome.as_ref())?),
        ("time".to_owned(), register(draft.time.as_ref())?),
        ("method".to_owned(), draft.method.as_ref().map(ContactMethod::code).into()),
        (
            "place".to_owned(),
            register(draft.place.as_ref().map(|text| Place { text: text.clone() }).as_ref())?,
        ),
        ("purposes".to_owned(), register(Some(&draft.purposes).filter(|purposes| !purposes.is_empty()))?),
        ("narrative".to_owned(), draft.narrative.as_str().into()),
        ("conducted_by".to_owned(), register(Some(conducted_by))?),
        ("origin".to_owned(), register(draft.origin.as_ref())?),
    ]);
    for attendance in &draft.attendance {
        fields.insert(format!("attendance/{}", attendance.party.key()), register(Some(attendance))?);
    }
    Ok(fields)
}

/// An addendum's fields.
pub fn addendum_fields(
    contact: ContactId,
    text: &str,
    corrections: &BTreeMap<String, serde_json::Value>,
) -> Result<BTreeMap<String, Value>, NotCanonical> {
    Ok(BTreeMap::from([
        ("contact".to_owned(), contact.to_string().into()),
        ("text".to_owned(), text.into()),
        (
            "corrections".to_owned(),
            register(Some(corrections).filter(|corrections| !corrections.is_empty()))?,
        ),
    ]))
}
