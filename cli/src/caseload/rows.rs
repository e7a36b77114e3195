//! CSV or JSON to rows: the same names and the same values in both.

use std::collections::BTreeMap;

use serde_json::Value;

use super::columns;

/// What separates the values of one cell.
const LIST: char = '|';

/// One row: what stands in its cells, by column. Empty cells are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its line in a CSV file, its place among a JSON file's records; from 1.
    pub at: u64,
    /// Its cells.
    pub cells: BTreeMap<String, Cell>,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// One text, trimmed.
    Text(String),
    /// Several, as a JSON array.
    List(Vec<String>),
}

impl Cell {
    /// The values of a cell that can hold several.
    pub fn values(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => text.split(LIST).map(str::trim).filter(|value| !value.is_empty()).collect(),
            Self::List(values) => values.iter().map(String::as_str).collect(),
        }
    }
}

/// Why a file is no caseload, in a few words.
pub type NotRows = String;

/// The rows of a CSV file, separated by comma, semicolon or tab: whichever its first line holds most of.
pub fn of_csv(text: &str) -> Result<Vec<Row>, NotRows> {
    let first = text.lines().next().unwrap_or_default();
    let count = |mark: u8| first.bytes().filter(|byte| *byte == mark).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|mark| count(*mark)).unwrap_or(b',');
    // `flexible` is off: a row with too few or too many cells is an error, with its line.
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let head: Vec<String> = reader
        .headers()
        .map_err(|error| not_csv(&error))?
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    check_columns(&head)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| not_csv(&error))?;
        let cells: BTreeMap<String, Cell> = head
            .iter()
            .zip(record.iter().map(str::trim))
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.clone(), Cell::Text(text.to_owned())))
            .collect();
        if !cells.is_empty() {
            rows.push(Row { at: record.position().map_or(0, csv::Position::line), cells });
        }
    }
    Ok(rows)
}

fn not_csv(error: &csv::Error) -> NotRows {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} cells where the first line has {expected_len}")
        }
        _ => "not a CSV file".to_owned(),
    }
}

fn check_columns(head: &[String]) -> Result<(), NotRows> {
    let known = columns::all();
    for (at, name) in head.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(format!("unknown column {name:?}: see `caseplan import-caseload --template`"));
        }
        if head[..at].contains(name) {
            return Err(format!("the column {name} is there twice"));
        }
    }
    match ["record", "external_id"].into_iter().find(|needed| !head.iter().any(|name| name == needed)) {
        Some(missing) => Err(format!("there is no column {missing}")),
        None => Ok(()),
    }
}

/// The rows of a JSON file: an object whose `records` are objects of texts, numbers and lists of texts.
pub fn of_json(text: &str) -> Result<Vec<Row>, NotRows> {
    let file: Value = serde_json::from_str(text)
        .map_err(|error| format!("not a JSON file: line {}, column {}", error.line(), error.column()))?;
    let records = file.get("records").and_then(Value::as_array).ok_or("it has no list `records`")?;
    (1..).zip(records).map(|(at, record)| of_record(at, record)).collect()
}

fn of_record(at: u64, record: &Value) -> Result<Row, NotRows> {
    let fields = record.as_object().ok_or_else(|| format!("record {at} is no object"))?;
    let known = columns::all();
    let mut cells = BTreeMap::new();
    for (name, value) in fields {
        if !known.contains(&name.as_str()) {
            return Err(format!(
                "record {at} has an unknown field {name:?}: see `caseplan import-caseload --schema`"
            ));
        }
        let cell = match value {
            Value::Null => continue,
            Value::Array(values) => values.iter().map(scalar).collect::<Option<_>>().map(Cell::List),
            other => scalar(other).map(Cell::Text),
        };
        let cell =
            cell.ok_or_else(|| format!("record {at}: {name} is neither text, number nor list of texts"))?;
        if !cell.values().is_empty() {
            cells.insert(name.clone(), cell);
        }
    }
    Ok(Row { at, cells })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(rows: &[Row], at: usize, name: &str) -> Option<String> {
        rows[at].cells.get(name).map(|cell| cell.values().join("+"))
    }

    #[test]
    fn any_order_of_columns_and_any_usual_separator() {
        for mark in [",", ";", "\t"] {
            let text =
                format!("name{mark}external_id{mark}record\n\"Léa{mark} Martin\"{mark}7{mark}participant\n");
            let rows = of_csv(&text).unwrap();
            assert_eq!(cell(&rows, 0, "name"), Some(format!("Léa{mark} Martin")));
            assert_eq!((cell(&rows, 0, "external_id"), rows[0].at), (Some("7".to_owned()), 2));
        }
    }

    #[test]
    fn json_and_csv_give_the_same_rows() {
        let csv = of_csv("record,external_id,to_visit,minutes\nvisitation_plan,v,a|b,90\n").unwrap();
        let json = r#"{"records": [{"record": "visitation_plan", "external_id": "v", "to_visit": ["a", "b"],
                       "minutes": 90, "place": null}]}"#;
        let json = of_json(json).unwrap();
        for name in ["record", "external_id", "to_visit", "minutes", "place"] {
            assert_eq!(cell(&csv, 0, name), cell(&json, 0, name), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_no_caseload_says_why() {
        for (text, why) in [
            ("", "no column record"),
            ("record,external_id,nam\n", "unknown column \"nam\""),
            ("record,external_id,record\n", "record is there twice"),
            ("record,name\n", "no column external_id"),
            ("record,external_id\ncase,1,2\n", "line 2 has 3 cells"),
        ] {
            let refused = of_csv(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        for (text, why) in [
            ("{", "line 1, column 1"),
            ("[]", "no list `records`"),
            (r#"{"records": [7]}"#, "record 1 is no object"),
            (r#"{"records": [{"nam": "x"}]}"#, "unknown field \"nam\""),
            (r#"{"records": [{"name": {}}]}"#, "name is neither"),
        ] {
            let refused = of_json(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
