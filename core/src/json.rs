//! Canonical JSON: the text of a register, RFC 8785 with integers only (`sync.md` §10).
//!
//! Two devices that write the same values write the same bytes; keys that this version does not know are carried over.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The largest integer that every reader of JSON keeps exactly: 2^53.
pub const MAX_INTEGER: i64 = 1 << 53;

/// A value that has no canonical form here: a fraction, or an integer beyond ±2^53.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a number that is not an integer within 2^53")]
pub struct NotCanonical;

/// The canonical text of a value.
pub fn to_text<T: Serialize>(value: &T) -> Result<String, NotCanonical> {
    let value = serde_json::to_value(value).map_err(|_| NotCanonical)?;
    let mut text = String::new();
    write(&value, &mut text)?;
    Ok(text)
}

/// Reads a register's text; nothing when it does not have the expected shape.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// The text of `new`, with every key of `old` that the caller does not know carried over.
///
/// `known` are the keys that this version writes. A register that is no object has no keys to carry.
pub fn carry_unknown(old: Option<&str>, new: &str, known: &[&str]) -> Result<String, NotCanonical> {
    let Some(Value::Object(old)) = old.and_then(from_text) else { return Ok(new.to_owned()) };
    let Some(Value::Object(mut new)) = from_text::<Value>(new) else { return Ok(new.to_owned()) };
    for (key, value) in old {
        if !known.contains(&key.as_str()) {
            new.entry(key).or_insert(value);
        }
    }
    let mut text = String::new();
    write(&Value::Object(new), &mut text)?;
    Ok(text)
}

fn write(value: &Value, out: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => out.push_str(&value.to_string()),
        Value::Number(number) => {
            let number = number
                .as_i64()
                .filter(|n| n.unsigned_abs() <= MAX_INTEGER.unsigned_abs())
                .ok_or(NotCanonical)?;
            out.push_str(&number.to_string());
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => write_object(map, out)?,
    }
    Ok(())
}

fn write_object(map: &Map<String, Value>, out: &mut String) -> Result<(), NotCanonical> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push('{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&Value::String(key.clone()).to_string());
        out.push(':');
        write(value, out)?;
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_nothing_is_spaced() {
        let text = to_text(&json!({"b": [1, true, null], "a": "é\n"})).unwrap();
        assert_eq!(text, "{\"a\":\"é\\n\",\"b\":[1,true,null]}");
    }

    #[test]
    fn keys_sort_by_utf_16_code_units() {
        // U+1F600 begins with the surrogate D83D, which sorts before U+FB33 although its code point is greater.
        let text = to_text(&json!({"\u{fb33}": 1, "\u{1f600}": 2})).unwrap();
        assert_eq!(text, "{\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn fractions_and_huge_integers_are_refused() {
        assert_eq!(to_text(&json!(0.5)), Err(NotCanonical));
        assert_eq!(to_text(&json!(MAX_INTEGER + 1)), Err(NotCanonical));
        assert_eq!(to_text(&json!(-MAX_INTEGER)).unwrap(), "-9007199254740992");
    }

    #[test]
    fn keys_of_a_newer_version_are_carried_over() {
        let old = r#"{"later":{"x":1},"on":"2026-01-01"}"#;
        let text = carry_unknown(Some(old), r#"{"on":"2026-02-02"}"#, &["on", "why"]).unwrap();
        assert_eq!(text, r#"{"later":{"x":1},"on":"2026-02-02"}"#);
    }
}
