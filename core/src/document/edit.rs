//! How a command writes: entities are created whole, fields are put one by one, conflicts are settled on purpose.
//!
//! Refuses to write into a field that holds several values: only a settlement may, and only the values that it saw.

use std::collections::{BTreeMap, HashMap};

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, ObjId, ReadDoc, ScalarValue, hydrate};

use super::chunk::{Limits, read_change};
use super::handle::{Document, NewChange};
use super::layout;
use super::value::{FieldPath, OpId, Value};
use super::view::View;
use crate::ids::{Actor, CommandId};
use crate::json::{self, MAX_INTEGER};

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Makes an entity under a new random key, whole: `map/key` names a field of a nested map.
    Create {
        /// The container.
        container: &'static str,
        /// The key.
        key: String,
        /// The fields.
        fields: BTreeMap<String, Value>,
    },
    /// Gives a field another value. Writing the value that is there writes nothing.
    Put {
        /// The field.
        path: FieldPath,
        /// The value.
        value: Value,
    },
    /// Ends a conflict with one of its values or another, as a fresh operation over all that were seen.
    Settle {
        /// The field.
        path: FieldPath,
        /// The operations whose values were seen.
        seen: Vec<OpId>,
        /// The chosen value.
        value: Value,
    },
}

impl Edit {
    /// Makes an entity from fields; a field without a value is left out.
    pub fn create(
        container: &'static str,
        key: impl ToString,
        fields: impl IntoIterator<Item = (String, Value)>,
    ) -> Self {
        let fields = fields.into_iter().filter(|(_, value)| *value != Value::Null).collect();
        Self::Create { container, key: key.to_string(), fields }
    }

    /// Gives a field another value.
    pub fn put(path: FieldPath, value: impl Into<Value>) -> Self {
        Self::Put { path, value: value.into() }
    }
}

/// What the change says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// The operation's code, such as `contact.complete`: never a name or a text.
    pub code: &'static str,
    /// The command, where it touches several documents.
    pub command: Option<CommandId>,
    /// Who writes.
    pub actor: Actor,
    /// The writer's time, unix seconds.
    pub time: i64,
}

impl Stamp {
    fn message(&self) -> String {
        match self.command {
            Some(command) => format!("{} {command}", self.code),
            None => self.code.to_owned(),
        }
    }
}

/// Why an edit was not made. The document is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditRefused {
    /// The field holds several values; only a settlement may write there.
    #[error("{path} is in conflict")]
    InConflict {
        /// The field.
        path: FieldPath,
    },
    /// The conflict is not the one that was seen any more.
    #[error("the conflict in {path} has changed")]
    ConflictChanged {
        /// The field.
        path: FieldPath,
    },
    /// There is no such entity or container.
    #[error("{path} has no place in this document")]
    NoSuchPlace {
        /// The field.
        path: FieldPath,
    },
    /// The value has no stored form: a number beyond 2^53, or a foreign value.
    #[error("{path} cannot hold this value")]
    NotStorable {
        /// The field.
        path: FieldPath,
    },
    /// The document is at half of what a peer accepts, has too many heads, or the change is longer than a peer takes.
    #[error("the document is full")]
    Full,
    /// Automerge refused; never seen.
    #[error("the document refused the edit")]
    Internal,
}

/// Local commands stop at half of what a peer takes in (`sync.md` §5): 100,000 operations.
pub const MAX_LOCAL_OPS: u64 = 100_000;

impl Document {
    /// Makes all edits in one change; nothing when they change nothing.
    ///
    /// # Errors
    /// The first edit that cannot be made; then none is. After [`EditRefused::Full`] the document is to be loaded anew: how
    /// long a change is shows only when it is made.
    pub fn commit(&mut self, edits: &[Edit], stamp: Stamp) -> Result<Option<NewChange>, EditRefused> {
        let plan = edits.iter().map(|edit| self.prepare(edit)).collect::<Result<Vec<_>, _>>()?;
        if self.is_full() {
            return Err(EditRefused::Full);
        }
        self.am.set_actor(ActorId::from(stamp.actor.0));
        let mut tx = self.am.transaction();
        for step in plan.into_iter().flatten() {
            if step.run(&mut tx).is_err() {
                tx.rollback();
                return Err(EditRefused::Internal);
            }
        }
        if tx.pending_ops() as u64 > Limits::DEFAULT.change_ops {
            tx.rollback();
            return Err(EditRefused::Full);
        }
        let options = CommitOptions::default().with_message(stamp.message()).with_time(stamp.time);
        let (hash, _) = tx.commit_with(options);
        let Some(change) = hash.and_then(|hash| self.am.get_change_by_hash(&hash)) else { return Ok(None) };
        if read_change(change.raw_bytes(), &Limits::DEFAULT).is_err() {
            return Err(EditRefused::Full); // too long, or with too long a key
        }
        Ok(Some(NewChange::of(change)))
    }

    /// Whether no local change has room in it any more. A change follows every head; with more of them than a peer takes it
    /// would be refused everywhere.
    pub fn is_full(&self) -> bool {
        self.am.stats().num_ops > MAX_LOCAL_OPS || self.am.get_heads().len() > Limits::DEFAULT.deps
    }

    /// Resolves an edit against the document as it is, without writing.
    fn prepare(&self, edit: &Edit) -> Result<Vec<Step>, EditRefused> {
        match edit {
            Edit::Create { container, key, fields } => {
                let path = FieldPath::of(container, key, "");
                let parent = self
                    .view()
                    .container(container)
                    .ok_or(EditRefused::NoSuchPlace { path: path.clone() })?;
                for (field, value) in fields {
                    check(value, || FieldPath::of(container, key, field))?;
                }
                Ok(vec![Step::Create { parent, key: key.clone(), value: nest(fields) }])
            }
            Edit::Put { path, value } => {
                check(value, || path.clone())?;
                let places = self.places(path)?;
                let current = self.current(path);
                if let Some(field) = &current {
                    if !field.rivals.is_empty() {
                        return Err(EditRefused::InConflict { path: path.clone() });
                    }
                    if field.value == *value {
                        return Ok(Vec::new());
                    }
                }
                let value = carry(path, current.as_ref().map(|field| &field.value), value)?;
                Ok(places.into_iter().map(|(object, key)| Step::put(object, key, &value)).collect())
            }
            Edit::Settle { path, seen, value } => {
                check(value, || path.clone())?;
                let places = self.places(path)?;
                let rivals = self.current(path).map(|field| field.rivals).unwrap_or_default();
                let mut now: Vec<OpId> = rivals.iter().map(|rival| rival.op).collect();
                let mut seen = seen.clone();
                now.sort_unstable();
                seen.sort_unstable();
                if now.is_empty() || now != seen {
                    return Err(EditRefused::ConflictChanged { path: path.clone() });
                }
                // Putting the current winner would only delete the others, and a settlement the other way on another
                // device would then vanish. A value that is none of them in between makes the choice a fresh put.
                let mut between = String::from("-");
                while rivals.iter().any(|rival| rival.value.text() == Some(&between))
                    || value.text() == Some(&between)
                {
                    between.push('-');
                }
                let between = Value::Text(between);
                let puts = places.into_iter().flat_map(|(object, key)| {
                    [Step::put(object.clone(), key.clone(), &between), Step::put(object, key, value)]
                });
                Ok(puts.collect())
            }
        }
    }

    /// The map that a path's last key stands in, and that key: several where the entity was made more than once.
    fn places(&self, path: &FieldPath) -> Result<Vec<(ObjId, String)>, EditRefused> {
        let nowhere = || EditRefused::NoSuchPlace { path: path.clone() };
        let view = self.view();
        let mut maps = vec![view.container(&path.container).ok_or_else(nowhere)?];
        let mut keys: Vec<&str> = path.key.iter().map(String::as_str).collect();
        let field = match (&path.key, path.field.rsplit_once('/')) {
            (Some(_), Some((maps, field))) => {
                keys.extend(maps.split('/'));
                field
            }
            _ => path.field.as_str(),
        };
        for key in keys {
            maps = maps.iter().flat_map(|map| view.maps(map, key)).collect();
        }
        if maps.is_empty() {
            return Err(nowhere());
        }
        Ok(maps.into_iter().map(|map| (map, field.to_owned())).collect())
    }

    fn current(&self, path: &FieldPath) -> Option<super::value::Field> {
        let view: View<'_> = self.view();
        let mut entity = match &path.key {
            Some(key) => view.entity(&path.container, key)?,
            None => view.fields(&path.container),
        };
        entity.fields.remove(&path.field)
    }
}

/// An edit with its place found.
enum Step {
    Create { parent: ObjId, key: String, value: hydrate::Value },
    Put { object: ObjId, key: String, value: Value },
}

impl Step {
    fn put(object: ObjId, key: String, value: &Value) -> Self {
        Self::Put { object, key, value: value.clone() }
    }

    fn run(self, tx: &mut Transaction<'_>) -> Result<(), automerge::AutomergeError> {
        match self {
            Self::Create { parent, key, value } => {
                tx.batch_create_object(&parent, key.as_str(), &value, false).map(|_| ())
            }
            Self::Put { object, key, value } => tx.put(&object, key.as_str(), scalar(&value)),
        }
    }
}

/// A register keeps the keys of a newer version when this one rewrites it.
fn carry(path: &FieldPath, old: Option<&Value>, new: &Value) -> Result<Value, EditRefused> {
    match (layout::register(&path.container, &path.field), new.text()) {
        (Some(register), Some(text)) => json::carry_unknown(old.and_then(Value::text), text, register.keys)
            .map(Value::Text)
            .map_err(|_| EditRefused::NotStorable { path: path.clone() }),
        _ => Ok(new.clone()),
    }
}

fn check(value: &Value, path: impl FnOnce() -> FieldPath) -> Result<(), EditRefused> {
    match value {
        Value::Int(number) if number.unsigned_abs() > MAX_INTEGER.unsigned_abs() => {
            Err(EditRefused::NotStorable { path: path() })
        }
        Value::Foreign(_) => Err(EditRefused::NotStorable { path: path() }),
        _ => Ok(()),
    }
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::Null | Value::Foreign(_) => ScalarValue::Null,
        Value::Bool(flag) => ScalarValue::Boolean(*flag),
        Value::Int(number) => ScalarValue::Int(*number),
        Value::Text(text) => ScalarValue::Str(text.as_str().into()),
    }
}

/// Fields with `map/key` names as a tree of maps.
fn nest(fields: &BTreeMap<String, Value>) -> hydrate::Value {
    let mut flat: HashMap<&str, hydrate::Value> = HashMap::new();
    let mut nested: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for (name, value) in fields {
        match name.split_once('/') {
            Some((map, key)) => {
                nested.entry(map).or_default().insert(key.to_owned(), value.clone());
            }
            None => {
                flat.insert(name, hydrate::Value::Scalar(scalar(value)));
            }
        }
    }
    for (map, fields) in &nested {
        flat.insert(map, nest(fields));
    }
    hydrate::Value::Map(flat.into())
}
