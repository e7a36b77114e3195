//! Reading a document, as it is or as it stood at some heads. Never fails: what cannot be read is shown as foreign.

use std::collections::BTreeMap;

use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValueRef, ValueRef};

use super::value::{Entity, Field, OpId, Value, Written};
use crate::ids::{Actor, ChangeHash};

/// Nested maps deeper than this are foreign: nothing of ours is.
const MAX_DEPTH: usize = 3;

/// A document at some version.
pub struct View<'a> {
    am: &'a Automerge,
    at: Option<Vec<automerge::ChangeHash>>,
}

impl<'a> View<'a> {
    /// The document as it is.
    pub(super) fn now(am: &'a Automerge) -> Self {
        Self { am, at: None }
    }

    /// The document as it stood when these changes, and all their ancestors, were all there was.
    pub(super) fn at(am: &'a Automerge, heads: &[ChangeHash]) -> Self {
        Self { am, at: Some(heads.iter().map(|hash| automerge::ChangeHash(hash.0)).collect()) }
    }

    /// The keys of a container, sorted.
    pub fn keys(&self, container: &str) -> Vec<String> {
        let Some(id) = self.container(container) else { return Vec::new() };
        match &self.at {
            Some(heads) => self.am.keys_at(&id, heads).collect(),
            None => self.am.keys(&id).collect(),
        }
    }

    /// The entity under a key of a container.
    pub fn entity(&self, container: &str, key: &str) -> Option<Entity> {
        let id = self.container(container)?;
        let (value, entity) = match &self.at {
            Some(heads) => self.am.get_at(&id, key, heads),
            None => self.am.get(&id, key),
        }
        .ok()??;
        if !matches!(value, automerge::Value::Object(ObjType::Map)) {
            return None;
        }
        let mut fields = BTreeMap::new();
        self.read_map(&entity, "", MAX_DEPTH, &mut fields);
        Some(Entity { fields, made_by: self.change_of(&entity) })
    }

    /// Every entity of a container, by key.
    pub fn entities(&self, container: &str) -> Vec<(String, Entity)> {
        self.keys(container)
            .into_iter()
            .filter_map(|key| {
                let entity = self.entity(container, &key)?;
                Some((key, entity))
            })
            .collect()
    }

    /// A flat container's own fields.
    pub fn fields(&self, container: &str) -> Entity {
        let mut fields = BTreeMap::new();
        if let Some(id) = self.container(container) {
            self.read_map(&id, "", 0, &mut fields);
        }
        Entity { fields, made_by: None }
    }

    pub(super) fn container(&self, container: &str) -> Option<ObjId> {
        match self.am.get(ROOT, container).ok()?? {
            (automerge::Value::Object(ObjType::Map), id) => Some(id),
            _ => None,
        }
    }

    fn read_map(&self, map: &ObjId, prefix: &str, depth: usize, into: &mut BTreeMap<String, Field>) {
        let items = match &self.at {
            Some(heads) => self.am.map_range_at(map, .., heads),
            None => self.am.map_range(map, ..),
        };
        for item in items {
            let name = format!("{prefix}{}", item.key);
            if let (ValueRef::Object(ObjType::Map), true) = (&item.value, depth > 0) {
                self.read_map(&item.id(), &format!("{name}/"), depth - 1, into);
                continue;
            }
            let value = self.value(&item.value, || item.id());
            let rivals = if item.conflict { self.rivals(map, &item.key, &value) } else { Vec::new() };
            into.insert(name, Field { value, rivals });
        }
    }

    fn value(&self, value: &ValueRef<'_>, id: impl FnOnce() -> ObjId) -> Value {
        match value {
            ValueRef::Scalar(ScalarValueRef::Str(text)) => Value::Text(text.clone().into_owned()),
            ValueRef::Scalar(ScalarValueRef::Int(number)) => Value::Int(*number),
            ValueRef::Scalar(ScalarValueRef::Boolean(flag)) => Value::Bool(*flag),
            ValueRef::Scalar(ScalarValueRef::Null) => Value::Null,
            ValueRef::Scalar(ScalarValueRef::Uint(number)) => {
                i64::try_from(*number).map_or(Value::Foreign("uint".to_owned()), Value::Int)
            }
            // The official JavaScript library writes a string as a text object.
            ValueRef::Object(ObjType::Text) => {
                let text = match &self.at {
                    Some(heads) => self.am.text_at(id(), heads),
                    None => self.am.text(id()),
                };
                text.map_or(Value::Foreign("text".to_owned()), Value::Text)
            }
            ValueRef::Object(kind) => Value::Foreign(kind.to_string()),
            ValueRef::Scalar(other) => Value::Foreign(foreign_name(other).to_owned()),
        }
    }

    /// All values of a key that were written at the same time, the shown one first; empty when they are equal.
    fn rivals(&self, map: &ObjId, key: &str, shown: &Value) -> Vec<Written> {
        let all = match &self.at {
            Some(heads) => self.am.get_all_at(map, key, heads),
            None => self.am.get_all(map, key),
        };
        let mut rivals: Vec<Written> = all
            .unwrap_or_default()
            .into_iter()
            .rev()
            .filter_map(|(value, id)| {
                let op = op_id(&id)?;
                let change = self.change_of(&id)?;
                let value = match value {
                    automerge::Value::Object(kind) => self.value(&ValueRef::Object(kind), || id.clone()),
                    automerge::Value::Scalar(scalar) => scalar_value(&scalar),
                };
                Some(Written { value, op, change })
            })
            .collect();
        if rivals.iter().all(|rival| rival.value == *shown) {
            rivals.clear();
        }
        rivals
    }

    fn change_of(&self, id: &ObjId) -> Option<ChangeHash> {
        self.am.hash_for_opid(id).map(|hash| ChangeHash(hash.0))
    }
}

fn op_id(id: &ObjId) -> Option<OpId> {
    match id {
        ObjId::Root => None,
        ObjId::Id(counter, actor, _) => {
            Some(OpId { counter: *counter, actor: Actor::from_slice(actor.to_bytes()).ok()? })
        }
    }
}

fn scalar_value(scalar: &automerge::ScalarValue) -> Value {
    use automerge::ScalarValue as S;
    match scalar {
        S::Str(text) => Value::Text(text.to_string()),
        S::Int(number) => Value::Int(*number),
        S::Boolean(flag) => Value::Bool(*flag),
        S::Null => Value::Null,
        S::Uint(number) => i64::try_from(*number).map_or(Value::Foreign("uint".to_owned()), Value::Int),
        S::Bytes(_) => Value::Foreign("bytes".to_owned()),
        S::F64(_) => Value::Foreign("f64".to_owned()),
        S::Counter(_) => Value::Foreign("counter".to_owned()),
        S::Timestamp(_) => Value::Foreign("timestamp".to_owned()),
        S::Unknown { .. } => Value::Foreign("unknown".to_owned()),
    }
}

fn foreign_name(scalar: &ScalarValueRef<'_>) -> &'static str {
    match scalar {
        ScalarValueRef::Bytes(_) => "bytes",
        ScalarValueRef::F64(_) => "f64",
        ScalarValueRef::Counter(_) => "counter",
        ScalarValueRef::Timestamp(_) => "timestamp",
        _ => "unknown",
    }
}
