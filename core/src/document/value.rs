//! What a document's fields hold, as seen from outside this room: scalars, entities, paths and operation ids.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::ids::{Actor, ChangeHash, InvalidId};

/// A scalar. Structured values are registers: canonical JSON in a `Text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer within ±2^53.
    Int(i64),
    /// A text, a code, a date, an id, or a register.
    Text(String),
    /// A value of a newer version or another program; shown by its type, never rewritten.
    Foreign(String),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The operation that wrote a value: counter and actor. Its text form is Automerge's own, `counter@actor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// The Lamport counter.
    pub counter: u64,
    /// Who wrote it.
    pub actor: Actor,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.counter, self.actor)
    }
}

/// One of the values of a field, and which change wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The value.
    pub value: Value,
    /// The operation that wrote it.
    pub op: OpId,
    /// The change that the operation stands in.
    pub change: ChangeHash,
}

/// A field: one value, or several that were written at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The value that every device shows until somebody settles.
    pub value: Value,
    /// All values, the shown one first, if at least two of them differ; empty otherwise.
    pub rivals: Vec<Written>,
}

/// A group of fields that was made together, nested maps flattened to `map/key`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entity {
    /// The fields by name.
    pub fields: BTreeMap<String, Field>,
    /// The change that made the entity; nothing for a container's own fields.
    pub made_by: Option<ChangeHash>,
}

impl Entity {
    /// The shown value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).map(|field| &field.value)
    }

    /// The shown text of a field.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::text)
    }

    /// A field's text parsed as something else; nothing when it is absent or malformed.
    pub fn parse<T: FromStr>(&self, field: &str) -> Option<T> {
        self.text(field).and_then(|text| text.parse().ok())
    }

    /// A register, read into its type; nothing when it is absent or of another shape.
    pub fn register<T: serde::de::DeserializeOwned>(&self, field: &str) -> Option<T> {
        self.text(field).and_then(crate::json::from_text)
    }

    /// The fields of a nested map, by key.
    pub fn nested<'a>(&'a self, map: &'a str) -> impl Iterator<Item = (&'a str, &'a Field)> {
        self.fields.iter().filter_map(move |(name, field)| {
            let key = name.strip_prefix(map)?.strip_prefix('/')?;
            Some((key, field))
        })
    }

    /// The fields that hold several values.
    pub fn conflicts(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.fields
            .iter()
            .filter(|(_, field)| !field.rivals.is_empty())
            .map(|(name, field)| (name.as_str(), field))
    }
}

/// Where a field stands: `container/field` in a flat container, `container/key/field` in any other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    /// The container.
    pub container: String,
    /// The entity's key; nothing in a flat container.
    pub key: Option<String>,
    /// The field, `map/key` in a nested map.
    pub field: String,
}

impl FieldPath {
    /// A field of a flat container.
    pub fn flat(container: &str, field: &str) -> Self {
        Self { container: container.to_owned(), key: None, field: field.to_owned() }
    }

    /// A field of an entity.
    pub fn of(container: &str, key: impl fmt::Display, field: &str) -> Self {
        Self { container: container.to_owned(), key: Some(key.to_string()), field: field.to_owned() }
    }

    /// Reads the text form; which containers are flat depends on the kind.
    pub fn parse(text: &str, is_flat: impl Fn(&str) -> bool) -> Result<Self, InvalidId> {
        let bad = InvalidId { kind: "field path" };
        let (container, rest) = text.split_once('/').ok_or(bad.clone())?;
        if is_flat(container) {
            return Ok(Self::flat(container, rest));
        }
        let (key, field) = rest.split_once('/').ok_or(bad)?;
        Ok(Self::of(container, key.replace("%2F", "/").replace("%25", "%"), field))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            // Ours have none of these; what others wrote may, and would name the field of another entity.
            Some(key) => {
                let key = key.replace('%', "%25").replace('/', "%2F");
                write!(f, "{}/{key}/{}", self.container, self.field)
            }
            None => write!(f, "{}/{}", self.container, self.field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_their_text_form() {
        let flat = |container: &str| container == "case";
        for text in ["case/reference", "contacts/c-1/outcome", "contacts/c-1/attendance/p-2"] {
            assert_eq!(FieldPath::parse(text, flat).unwrap().to_string(), text);
        }
        assert!(FieldPath::parse("contacts/only", flat).is_err());
        for key in ["x/y", "service_item/7", "50%", "%2F", "%252F/"] {
            let path = FieldPath::of("more", key, "map/field");
            assert_eq!(FieldPath::parse(&path.to_string(), flat).unwrap(), path);
        }
    }
}
