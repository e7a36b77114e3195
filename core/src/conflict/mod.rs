//! Conflicts: a field that two people gave different values, apart. All values are kept and shown, with who wrote
//! each and when, until a person settles.

use crate::document::{Edit, FieldPath, Kind, Value};
use crate::error::{Error, Result};
use crate::ids::Actor;
use crate::ids::{CaseId, ChangeHash, ConflictId, ConflictValueId, DeviceId, DocumentId, WorkerId};
use crate::storage::Reading;
use crate::storage::issues::ConflictRow;
use crate::store::Store;
use crate::store::project::StoredRival;
use crate::time::{Instant, from_unix};

/// One of the values of a field in conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictValue {
    /// Its id: what [`Conflicts::settle`] takes.
    pub id: ConflictValueId,
    /// The value: a text, a code, a date, or canonical JSON where the field is structured. Nothing if it was emptied.
    pub value: Option<String>,
    /// Who wrote it, if their certificate counts.
    pub by: Option<WorkerId>,
    /// On which device.
    pub device: DeviceId,
    /// When, by that device's clock.
    pub at: Instant,
}

/// A field that holds several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its id: it changes when the values do.
    pub id: ConflictId,
    /// The case.
    pub case_id: CaseId,
    /// The document.
    pub document: DocumentId,
    /// The kind of document: `case`, `visitation_plan`, `contact_log`.
    pub kind: String,
    /// The entity's id, where the field belongs to one: a participant, a contact.
    pub entity: Option<String>,
    /// The field.
    pub field: String,
    /// The values, the one that is shown meanwhile first.
    pub values: Vec<ConflictValue>,
}

/// Conflicts of a store.
pub struct Conflicts<'a> {
    pub(crate) store: &'a Store,
}

impl Conflicts<'_> {
    /// Fields in conflict, of one case or all.
    pub fn list(&self, case: Option<CaseId>) -> Result<Vec<Conflict>> {
        self.store.read(|reading| {
            let rows = reading.conflict_rows(case.as_ref().map(|id| id.as_bytes()))?;
            rows.into_iter().map(|row| read(reading, row)).collect()
        })
    }

    /// One conflict as it stands.
    pub fn get(&self, id: &ConflictId) -> Result<Option<Conflict>> {
        self.store
            .read(|reading| reading.conflict_row(id.as_str())?.map(|row| read(reading, row)).transpose())
    }

    /// Ends a conflict with one of its values.
    ///
    /// # Errors
    /// [`Error::ConflictChanged`] when it is not the one that was seen any more, [`Error::NotFound`] when the choice
    /// is none of its values.
    pub fn settle(&self, id: &ConflictId, choice: &ConflictValueId) -> Result<()> {
        self.store.command("conflict.settle", |command| {
            let changed = || Error::ConflictChanged { conflict: id.clone() };
            let row = command.reading().conflict_row(id.as_str())?.ok_or_else(changed)?;
            let document = command.reading().document_of_row(row.document)?;
            let kind = Kind::from_code(&document.kind).ok_or(Error::Unexpected { reason: "newer_kind" })?;
            let path = FieldPath::parse(&row.path, |container| kind.is_flat(container))?;
            let view = command.open(&document)?.view();
            let mut entity = match &path.key {
                Some(key) => view.entity(&path.container, key).ok_or_else(changed)?,
                None => view.fields(&path.container),
            };
            let field = entity.fields.remove(&path.field).ok_or_else(changed)?;
            let chosen = field
                .rivals
                .iter()
                .find(|rival| rival.op.to_string() == choice.as_str())
                .ok_or_else(|| Error::not_found("conflict value", choice.as_str()))?;
            let value = match &chosen.value {
                Value::Foreign(_) => return Err(Error::invalid("choice", "unsupported")),
                value => value.clone(),
            };
            let seen = field.rivals.iter().map(|rival| rival.op).collect();
            command.write(&document, &[Edit::Settle { path, seen, value }])
        })
    }
}

fn read(reading: &Reading<'_>, row: ConflictRow) -> Result<Conflict> {
    let document = reading.document_of_row(row.document)?;
    let kind = Kind::from_code(&document.kind);
    let path = FieldPath::parse(&row.path, |container| kind.is_some_and(|kind| kind.is_flat(container)))?;
    let rivals: Vec<StoredRival> =
        crate::json::from_text(&row.detail).ok_or(Error::Unexpected { reason: "conflict" })?;
    let mut values = Vec::new();
    for rival in rivals {
        let change: ChangeHash = rival.change.parse()?;
        let written = reading
            .change(row.document, &change.0)?
            .ok_or(Error::Unexpected { reason: "conflict_change" })?;
        values.push(ConflictValue {
            id: ConflictValueId(rival.op),
            value: match rival.value {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text),
                other => Some(other.to_string()),
            },
            by: written.worker.and_then(|worker| worker.parse().ok()),
            device: Actor(written.actor).device(),
            at: from_unix(written.time),
        });
    }
    let (entity, field) = match (path.container.as_str(), path.key, path.field.split_once('.')) {
        // A corrected value stands under its contact's id and the field.
        ("corrected", None, Some((contact, field))) => (Some(contact.to_owned()), field.to_owned()),
        (_, key, _) => (key, path.field),
    };
    Ok(Conflict {
        id: ConflictId(row.conflict_id),
        case_id: CaseId::from_slice(&row.case_id)?,
        document: DocumentId::from_slice(&document.document_id)?,
        kind: document.kind,
        entity,
        field,
        values,
    })
}
