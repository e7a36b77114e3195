//! How a case stands in its document: field by field, both ways.

use std::collections::BTreeMap;

use super::model::{Case, CaseStatus, Closure, Origin, Participant, ParticipantRole};
use crate::document::layout::case::{CASE, PARTICIPANTS};
use crate::document::{Entity, Value, View};
use crate::ids::{CaseId, ParticipantId};
use crate::json;
use crate::time::Day;

/// Reads a case from its document. What is missing or malformed reads as nothing, never as an error.
pub fn read_case(id: CaseId, view: &View<'_>) -> Case {
    let own = view.fields(CASE);
    let mut participants: Vec<Participant> = view
        .entities(PARTICIPANTS)
        .iter()
        .filter_map(|(key, entity)| Some(read_participant(key.parse().ok()?, entity)))
        .collect();
    participants.sort_by_key(|participant| (participant.from, participant.id));
    let closure: Option<Closure> = own.register("closure");
    Case {
        id,
        reference: own.text("reference").unwrap_or_default().to_owned(),
        case_type: own.text("case_type").map(str::to_owned),
        primary_client: own.parse("primary_client").unwrap_or(ParticipantId(uuid::Uuid::nil())),
        participants,
        assigned_worker: own.parse("assigned_worker"),
        team: own.text("team").map(str::to_owned),
        opened_on: own.parse("opened_on"),
        status: if closure.is_some() { CaseStatus::Closed } else { CaseStatus::Open },
        closure,
    }
}

/// Reads a participant.
pub fn read_participant(id: ParticipantId, entity: &Entity) -> Participant {
    Participant {
        id,
        name: entity.text("name").unwrap_or_default().to_owned(),
        born: entity.parse("born"),
        role: ParticipantRole::from_code(entity.text("role").unwrap_or_default()),
        from: entity.parse("from"),
        to: entity.parse("to"),
        end_reason: entity.text("end_reason").map(str::to_owned),
    }
}

/// A participant's fields.
pub fn participant_fields(
    name: &str,
    born: Option<Day>,
    role: &ParticipantRole,
    from: Option<Day>,
    origin: Option<&Origin>,
) -> Result<BTreeMap<String, Value>, json::NotCanonical> {
    Ok(BTreeMap::from([
        ("name".to_owned(), name.into()),
        ("born".to_owned(), day(born)),
        ("role".to_owned(), role.code().into()),
        ("from".to_owned(), day(from)),
        ("origin".to_owned(), register(origin)?),
    ]))
}

/// A civil date as it is stored: ISO 8601.
pub fn day(day: Option<Day>) -> Value {
    day.map(|day| day.to_string()).into()
}

/// A register as it is stored; nothing is null.
pub fn register<T: serde::Serialize>(value: Option<&T>) -> Result<Value, json::NotCanonical> {
    value.map_or(Ok(Value::Null), |value| json::to_text(value).map(Value::Text))
}
