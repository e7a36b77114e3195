//! Rows by the case that they belong to, and rows that cannot be told to belong to any.

use std::collections::{HashMap, HashSet};

use super::cell::Why;
use super::columns::{COMMON, Kind};
use super::rows::Row;

/// A row that was not taken in, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its line or place in the file.
    pub at: u64,
    /// What it is about, as far as that can be read.
    pub kind: Option<Kind>,
    /// The source's id, if it has one.
    pub external_id: Option<String>,
    /// Why.
    pub why: Why,
}

/// A row whose name and case can be read.
pub struct Entry<'r> {
    /// The row.
    pub row: &'r Row,
    /// What it is about.
    pub kind: Kind,
    /// The source's id.
    pub external_id: &'r str,
}

/// The rows of one case.
pub struct CaseRows<'r> {
    /// The system that they come from.
    pub source: String,
    /// The source's id of the case.
    pub external_id: String,
    /// Rows that can be read so far: cases before people, people before plans, plans before contacts.
    pub entries: Vec<Entry<'r>>,
    /// Rows that cannot.
    pub refused: Vec<Refused>,
}

impl CaseRows<'_> {
    /// Where its rows stand in the file.
    pub fn places(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().map(|entry| entry.row.at).chain(self.refused.iter().map(|refused| refused.at))
    }
}

/// Rows by case, in the order of the file; and rows of no case that can be read.
pub fn by_case<'r>(rows: &'r [Row], source: Option<&'r str>) -> (Vec<CaseRows<'r>>, Vec<Refused>) {
    let mut cases: Vec<CaseRows<'r>> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut seen: HashSet<(Kind, &str, &str)> = HashSet::new();
    let mut lost = Vec::new();
    for row in rows {
        let read = entry(row).and_then(|entry| Ok((entry, needed_source(row, source)?)));
        let read = read.and_then(|(entry, source)| {
            let first = seen.insert((entry.kind, source, entry.external_id));
            if first { Ok(entry) } else { Err(format!("another {} has this id", entry.kind.code())) }
        });
        let kind = row.text("record").ok().flatten().and_then(Kind::from_code);
        // Even of a row that cannot be read, it is good to know which case it keeps out.
        let column = if kind == Some(Kind::Case) { "external_id" } else { "case" };
        let (case, source) = (row.text(column).ok().flatten(), needed_source(row, source).ok());
        let refused = |why| Refused { at: row.at, kind, external_id: id_of(row), why };
        let (Some(case), Some(source)) = (case, source) else {
            lost.push(refused(read.err().unwrap_or_else(|| format!("{column} is empty"))));
            continue;
        };
        let place = *places.entry((source.to_owned(), case.to_owned())).or_insert_with(|| {
            cases.push(CaseRows {
                source: source.to_owned(),
                external_id: case.to_owned(),
                entries: Vec::new(),
                refused: Vec::new(),
            });
            cases.len() - 1
        });
        match read {
            Ok(entry) => cases[place].entries.push(entry),
            Err(why) => cases[place].refused.push(refused(why)),
        }
    }
    for case in &mut cases {
        // Cases before people, people before plans, plans before contacts; a stable sort keeps the file's order.
        case.entries.sort_by_key(|entry| entry.kind);
    }
    (cases, lost)
}

fn entry(row: &Row) -> Result<Entry<'_>, Why> {
    let code = row.need("record")?;
    let codes = Kind::ALL.map(Kind::code).join(", ");
    let kind = Kind::from_code(code).ok_or_else(|| format!("record: {code:?} is none of {codes}"))?;
    let known = |column: &str| COMMON.contains(&column) || kind.columns().contains(&column);
    if let Some(stranger) = row.cells.keys().find(|column| !known(column)) {
        return Err(format!("{stranger} says nothing about a {}", code.replace('_', " ")));
    }
    if kind != Kind::Case {
        row.need("case")?;
    }
    Ok(Entry { row, kind, external_id: row.need("external_id")? })
}

fn needed_source<'r>(row: &'r Row, source: Option<&'r str>) -> Result<&'r str, Why> {
    row.text("source")?.or(source).ok_or_else(|| "source is empty: fill it in, or give --source".to_owned())
}

fn id_of(row: &Row) -> Option<String> {
    row.owned("external_id").ok().flatten()
}
