//! Taking in an agency's existing caseload from a file, with a report of every row that was refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use caseplan_core::Store;
use clap::Parser;
use serde_json::json;

use crate::caseload::columns::{self, Kind};
use crate::caseload::decode;
use crate::caseload::group::{CaseRows, Refused, by_case};
use crate::caseload::rows::{Row, of_csv, of_json};
use crate::caseload::take::{NotTaken, take};
use crate::door;
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::show::words;

/// What the process ends with when rows were refused.
const REFUSED_ROWS: u8 = 1;
/// The format of JSON files, as published.
const SCHEMA: &str = include_str!("../../../docs/import/caseload.schema.json");

/// The file, and what it does not say itself.
#[derive(Debug, Parser)]
#[command(
    after_help = "The columns and what they mean: docs/import/README.md, or --template and --schema.\n\
    Rows that are here already are left as they are: mend refused rows and import the whole file again.\n\
    Exit code: 0 all rows are in the store, 1 some were refused, 2 the file cannot be read."
)]
pub struct ImportCaseload {
    /// A file of rows: CSV, or JSON if its name ends with .json.
    #[arg(required_unless_present_any = ["template", "schema"], value_name = "FILE.csv|FILE.json")]
    file: Option<PathBuf>,
    /// The system that the rows come from, where no column says it.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The file's encoding; found out if none is given.
    #[arg(long, value_parser = decode::NAMES)]
    encoding: Option<String>,
    /// Print the first line of a CSV file and end.
    #[arg(long, conflicts_with_all = ["file", "schema"])]
    template: bool,
    /// Print the JSON Schema and end.
    #[arg(long, conflicts_with = "file")]
    schema: bool,
}

impl ImportCaseload {
    /// Prints a format, if that is asked for.
    pub fn shown(&self, screen: &Screen) -> bool {
        if self.template {
            screen.line(columns::all().join(","));
        }
        if self.schema {
            screen.line(SCHEMA.trim_end());
        }
        self.template || self.schema
    }
}

/// What became of the file.
#[derive(Default)]
struct Report {
    new: BTreeMap<Kind, u64>,
    known: u64,
    refused: Vec<(Option<String>, Refused)>,
    /// Good rows of cases that were not taken in.
    left_out: Vec<u64>,
}

/// Takes in a file; the exit code says whether all rows are in the store now.
pub fn run(store: &Store, wanted: &ImportCaseload, screen: &Screen) -> Result<ExitCode> {
    let file = wanted.file.as_deref().unwrap_or(Path::new(""));
    let rows = rows(file, wanted.encoding.as_deref())?;
    let (cases, lost) = by_case(&rows, wanted.source.as_deref().map(str::trim));
    let mut report =
        Report { refused: lost.into_iter().map(|row| (None, row)).collect(), ..Report::default() };
    let bar = screen.bar("cases", cases.len() as u64);
    for case in &cases {
        match take(store, case) {
            Ok(taken) => {
                report.known += taken.known;
                for (kind, count) in taken.new {
                    *report.new.entry(kind).or_default() += count;
                }
            }
            Err(NotTaken::Refused(refused)) => report.refuse(case, refused),
            Err(NotTaken::Failed(error)) => return Err(error.into()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    report.refused.sort_by_key(|(_, row)| row.at);
    report.left_out.sort_unstable();
    if screen.json {
        report.json(screen)
    } else {
        report.tell(screen)
    }
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED_ROWS) })
}

fn rows(file: &Path, encoding: Option<&str>) -> Result<Vec<Row>> {
    let bad = |why: String| Failed::File { file: file.to_owned(), why };
    let bytes = door::read(file)?;
    let text = decode::text(&bytes, encoding)
        .ok_or_else(|| bad(format!("not {}: see --encoding", encoding.unwrap_or("text"))))?;
    let is_json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if is_json { of_json(&text) } else { of_csv(&text) }.map_err(bad)
}

impl Report {
    fn refuse(&mut self, case: &CaseRows<'_>, refused: Vec<Refused>) {
        let left_out = case.places().filter(|at| !refused.iter().any(|row| row.at == *at));
        self.left_out.extend(left_out);
        self.refused.extend(refused.into_iter().map(|row| (Some(case.external_id.clone()), row)));
    }

    fn count(&self, kind: Kind) -> u64 {
        self.new.get(&kind).copied().unwrap_or_default()
    }

    fn json(&self, screen: &Screen) {
        let refused: Vec<_> = self
            .refused
            .iter()
            .map(|(case, row)| {
                json!({
                    "row": row.at, "record": row.kind.map(Kind::code), "external_id": row.external_id,
                    "case": case, "why": row.why,
                })
            })
            .collect();
        screen.json(&json!({
            "cases": self.count(Kind::Case), "participants": self.count(Kind::Participant),
            "visitation_plans": self.count(Kind::VisitationPlan), "contacts": self.count(Kind::Contact),
            "known": self.known, "refused": refused, "left_out": self.left_out,
        }));
    }

    fn tell(&self, screen: &Screen) {
        screen.line(format!(
            "taken in: {} cases, {} participants, {} visitation plans, {} contacts",
            self.count(Kind::Case),
            self.count(Kind::Participant),
            self.count(Kind::VisitationPlan),
            self.count(Kind::Contact),
        ));
        if self.known > 0 {
            screen.line(format!("{} rows were here already and stay as they are", self.known));
        }
        if self.refused.is_empty() {
            return;
        }
        screen.heading("Refused rows");
        let rows = self.refused.iter().map(|(case, row)| {
            let record = row.kind.map(|kind| words::code(kind.code()));
            [
                row.at.to_string(),
                words::maybe(record),
                words::maybe(row.external_id.as_ref()),
                words::maybe(case.as_ref()),
                row.why.clone(),
            ]
        });
        screen.table(["row", "record", "id", "case", "why"], rows.collect(), "");
        screen.line(format!(
            "\nNothing of these cases was taken in; {} good rows wait with them. Mend the rows and import the file again.",
            self.left_out.len()
        ));
    }
}
