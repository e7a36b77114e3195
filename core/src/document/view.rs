//! Reading a document, as it is or as it stood at some heads. Never fails: what cannot be read is shown as foreign.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use automerge::iter::MapRangeItem;
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
    ///
    /// Two devices that make the same lost change again make its entity twice: then it is read as one, with the fields of
    /// each, and what differs is in conflict.
    pub fn entity(&self, container: &str, key: &str) -> Option<Entity> {
        let maps = self.maps(&self.container(container)?, key);
        let (shown, others) = maps.split_first()?;
        let fields =
            if others.is_empty() { self.fields_of(shown, MAX_DEPTH) } else { self.read_as_one(&maps) };
        Some(Entity { fields, made_by: self.change_of(shown) })
    }

    /// The maps under a key, that of the latest operation first: one, unless it was made more than once.
    pub(super) fn maps(&self, parent: &ObjId, key: &str) -> Vec<ObjId> {
        let all = self.all(parent, key).into_iter().rev();
        all.filter(|(value, _)| matches!(value, automerge::Value::Object(ObjType::Map)))
            .map(|(_, id)| id)
            .collect()
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
        let fields = self.container(container).map(|id| self.fields_of(&id, 0)).unwrap_or_default();
        Entity { fields, made_by: None }
    }

    fn fields_of(&self, map: &ObjId, depth: usize) -> BTreeMap<String, Field> {
        let mut fields = BTreeMap::new();
        self.read_map(map, "", depth, &mut |name, map, item| {
            fields.insert(name, self.field(map, item));
        });
        fields
    }

    pub(super) fn container(&self, container: &str) -> Option<ObjId> {
        match self.am.get(ROOT, container).ok()?? {
            (automerge::Value::Object(ObjType::Map), id) => Some(id),
            _ => None,
        }
    }

    /// Tells each field of a map, and of the maps in it, with the map that it stands in.
    fn read_map(
        &self,
        map: &ObjId,
        prefix: &str,
        depth: usize,
        tell: &mut impl FnMut(String, &ObjId, &MapRangeItem<'_>),
    ) {
        let items = match &self.at {
            Some(heads) => self.am.map_range_at(map, .., heads),
            None => self.am.map_range(map, ..),
        };
        for item in items {
            let name = format!("{prefix}{}", item.key);
            if let (ValueRef::Object(ObjType::Map), true) = (&item.value, depth > 0) {
                self.read_map(&item.id(), &format!("{name}/"), depth - 1, tell);
            } else {
                tell(name, map, &item);
            }
        }
    }

    fn field(&self, map: &ObjId, item: &MapRangeItem<'_>) -> Field {
        let value = self.value(&item.value, || item.id());
        let rivals = if item.conflict { differing(self.written(map, &item.key)) } else { Vec::new() };
        Field { value, rivals }
    }

    /// The fields of maps that were made under one key. A change that wrote one value into each of them said it once.
    fn read_as_one(&self, maps: &[ObjId]) -> BTreeMap<String, Field> {
        let mut all: BTreeMap<String, Vec<Written>> = BTreeMap::new();
        for map in maps {
            self.read_map(map, "", MAX_DEPTH, &mut |name, map, item| {
                all.entry(name).or_default().extend(self.written(map, &item.key));
            });
        }
        let read = all.into_iter().filter_map(|(name, mut written)| {
            written.sort_unstable_by_key(|one| Reverse(one.op));
            let mut said = BTreeSet::new();
            written.retain(|one| said.insert((one.change, one.value.clone())));
            let value = written.first()?.value.clone();
            Some((name, Field { value, rivals: differing(written) }))
        });
        read.collect()
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

    /// Every value of a key that no other wrote over, the shown one first.
    fn written(&self, map: &ObjId, key: &str) -> Vec<Written> {
        let all = self.all(map, key).into_iter().rev();
        all.filter_map(|(value, id)| {
            let op = op_id(&id)?;
            let change = self.change_of(&id)?;
            let value = match value {
                automerge::Value::Object(kind) => self.value(&ValueRef::Object(kind), || id.clone()),
                automerge::Value::Scalar(scalar) => scalar_value(&scalar),
            };
            Some(Written { value, op, change })
        })
        .collect()
    }

    fn all(&self, map: &ObjId, key: &str) -> Vec<(automerge::Value<'_>, ObjId)> {
        let all = match &self.at {
            Some(heads) => self.am.get_all_at(map, key, heads),
            None => self.am.get_all(map, key),
        };
        all.unwrap_or_default()
    }

    fn change_of(&self, id: &ObjId) -> Option<ChangeHash> {
        self.am.hash_for_opid(id).map(|hash| ChangeHash(hash.0))
    }
}

/// The values of a conflict; none where all are equal.
fn differing(mut written: Vec<Written>) -> Vec<Written> {
    if written.windows(2).all(|pair| pair[0].value == pair[1].value) {
        written.clear();
    }
    written
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

#[cfg(test)]
mod tests;
