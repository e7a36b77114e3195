//! An agency's existing caseload, taken in from the published example files and from files that are wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const CSV: &str = include_str!("../../docs/import/example.csv");
const JSON: &str = include_str!("../../docs/import/example.json");

/// A new store in a folder of its own, with files beside it.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let made = desk.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        desk
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caseplan"));
        command.env("CASEPLAN_STORE", self.folder.path().join("store.db"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    }

    /// Imports a file: the report and the exit code.
    fn import(&self, file: &Path) -> (Value, Option<i32>) {
        let done = self.run(&["import-caseload", file.to_str().unwrap(), "--json"]);
        assert_eq!(text(&done.stderr), "");
        (serde_json::from_slice(&done.stdout).unwrap(), done.status.code())
    }

    fn read(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        serde_json::from_slice(&done.stdout).unwrap()
    }

    fn digest(&self) -> Value {
        let verified = self.read(&["verify"]);
        assert_eq!(verified["sound"], true);
        verified["digest"].clone()
    }

    /// The contact of a source's id, in full.
    fn contact(&self, external_id: &str) -> Value {
        let all = self.read(&["contacts"]);
        let ids = all.as_array().unwrap().iter().map(|contact| contact["id"].as_str().unwrap().to_owned());
        let mut contacts = ids.map(|id| self.read(&["visit", "show", &id]));
        contacts.find(|contact| contact["origin"]["external_id"] == external_id).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn figures(report: &Value) -> [u64; 5] {
    ["cases", "participants", "visitation_plans", "contacts", "known"]
        .map(|name| report[name].as_u64().unwrap())
}

#[test]
fn both_example_files_say_the_same_and_a_second_run_adds_nothing() {
    let desk = Desk::new();
    let (csv, json) = (desk.file("example.csv", CSV), desk.file("example.json", JSON));
    let (report, code) = desk.import(&csv);
    assert_eq!((figures(&report), code), ([2, 4, 2, 4, 0], Some(0)), "{report}");
    let digest = desk.digest();
    for file in [csv, json] {
        let (report, code) = desk.import(&file);
        assert_eq!((figures(&report), code), ([0, 0, 0, 0, 12], Some(0)), "{report}");
    }
    assert_eq!(desk.digest(), digest);
    let other = Desk::new();
    assert_eq!(figures(&other.import(&other.file("example.json", JSON)).0), [2, 4, 2, 4, 0]);
}

#[test]
fn who_recorded_it_there_is_data_and_who_imported_it_is_the_author() {
    let desk = Desk::new();
    desk.import(&desk.file("example.csv", CSV));
    let visit = desk.contact("K-1");
    assert_eq!(visit["origin"]["recorded_by"], "M. Durand");
    assert_eq!(visit["origin"]["recorded_at"], "2025-11-29T16:05:00Z");
    assert_eq!(visit["recorded_by"], "w-117");
    assert_eq!(visit["conducted_by"], serde_json::json!({ "user": "w-208" }));
    assert!(visit["narrative"].as_str().unwrap().contains("«Le Petit Prince».\nCalm"));
    assert_eq!(visit["planned"][0]["occurrence"]["day"], "2025-11-29");
    assert_eq!(visit["attendance"].as_array().unwrap().len(), 2);
    let night = desk.contact("K-3");
    assert_eq!(night["time"]["start"], "2025-12-31T22:30:00Z");
    assert_eq!(night["time"]["end"], "2025-12-31T23:15:00Z");
    let shown = text(&desk.run(&["visit", "show", visit["id"].as_str().unwrap()]).stdout);
    assert!(shown.contains("old-system K-1, recorded by M. Durand, 2025-11-29 17:05"), "{shown}");
    assert!(shown.contains("Ana Martin present 10 min late"), "{shown}");
    let events = text(&desk.run(&["history", "2025-0431"]).stdout);
    assert!(events.contains("w-117") && !events.contains("Durand"), "{events}");
    let closed = desk.read(&["case", "show", "2024-0077"]);
    assert_eq!(closed["case"]["closure"]["reason"], "returned home", "{closed}");
}

#[test]
fn what_office_programs_write_is_read() {
    let utf_16: Vec<u8> = CSV.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut semicolons = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    for record in csv::ReaderBuilder::new().has_headers(false).from_reader(CSV.as_bytes()).records() {
        semicolons.write_record(&record.unwrap()).unwrap();
    }
    let semicolons = text(&semicolons.into_inner().unwrap());
    let (windows, _, unmapped) = encoding_rs::WINDOWS_1252.encode(&semicolons);
    assert!(!unmapped);
    for bytes in [[b"\xff\xfe".as_slice(), &utf_16].concat(), windows.into_owned()] {
        let desk = Desk::new();
        let (report, code) = desk.import(&desk.file("office.csv", bytes));
        assert_eq!((figures(&report), code), ([2, 4, 2, 4, 0], Some(0)), "{report}");
        let names = text(&desk.run(&["case", "list", "--closed"]).stdout);
        assert!(names.contains("Léa Martin") && names.contains("Noé Hernández"), "{names}");
        assert_eq!(desk.read(&["contacts", "--search", "lea"]).as_array().unwrap().len(), 2);
    }
}

#[test]
fn one_bad_row_keeps_its_case_out_and_every_bad_row_is_named() {
    let desk = Desk::new();
    let wrong = CSV
        .replace("2025-11-29,14:10", "2999-11-29,14:10")
        .replace("no_show,illness", "no_show,")
        .replace("Ana Martin,1991-08-17", "Ana Martin,17/08/1991");
    let file = desk.file("wrong.csv", &wrong);
    let (report, code) = desk.import(&file);
    assert_eq!((figures(&report), code), ([1, 1, 0, 1, 0], Some(1)), "{report}");
    let refused = report["refused"].as_array().unwrap();
    let said: Vec<String> =
        refused.iter().map(|row| format!("{} {}", row["row"], row["why"].as_str().unwrap())).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0], "4 born: \"17/08/1991\" is not a date such as 2026-03-07");
    // With the person mended, what hung on them is read as well.
    let (report, _) = desk.import(&desk.file("wrong.csv", wrong.replace("17/08/1991", "1991-08-17")));
    let refused = report["refused"].as_array().unwrap();
    let said: Vec<String> = refused
        .iter()
        .map(|row| format!("{} {}", row["external_id"].as_str().unwrap(), row["why"].as_str().unwrap()))
        .collect();
    assert!(said[0].starts_with("K-1 ") && said[0].ends_with("rule CT-01"), "{said:?}");
    assert!(said[1].starts_with("K-2 ") && said[1].contains("rule CT-04"), "{said:?}");
    assert_eq!((said.len(), report["left_out"].as_array().unwrap().len()), (2, 7), "{report}");
    assert!(refused.iter().all(|row| row["case"] == "C-1"));
    let (report, code) = desk.import(&desk.file("right.csv", CSV));
    assert_eq!((figures(&report), code), ([1, 3, 2, 3, 3], Some(0)), "{report}");
    let table = text(&desk.run(&["import-caseload", file.to_str().unwrap()]).stdout);
    assert!(table.contains("12 rows were here already"), "{table}");
}

#[test]
fn rows_that_name_nothing_are_refused_with_what_they_name() {
    let desk = Desk::new();
    let head =
        "record,external_id,case,reference,primary_client,name,role,kind,outcome,day,conducted_by,narrative";
    let rows = [
        "case,C-1,,R-1,P-1,,,,,,,",
        "participant,P-1,C-1,,,Zoé,child,,,,,",
        "participant,P-1,C-1,,,Zoé again,child,,,,,",
        "contact,K-1,C-1,,,,,other,attempted,2026-01-05,P-7,",
        "contact,K-2,C-8,,,,,other,attempted,2026-01-05,user:w-1,",
        "case,C-2,,R-2,P-2,,,,,,,",
        "visit,K-3,,,,,,,,,,",
        "case,C-3,,R-3,P-3,,,,,,,no place for this",
        "participant,P-3,C-3,,,Noé,child,,,,,",
    ];
    let file = desk.file("rows.csv", format!("{head}\n{}\n", rows.join("\n")));
    let refused = desk.run(&["import-caseload", file.to_str().unwrap(), "--source", "old"]);
    assert_eq!(refused.status.code(), Some(1));
    let table = text(&refused.stdout);
    for why in [
        "another participant has this id",
        "conducted_by: the case has no \"P-7\"",
        "case: \"C-8\" is neither in the file nor in the store",
        "primary_client: no participant of the case has the id \"P-2\"",
        "record: \"visit\" is none of case",
        "narrative says nothing about a case",
    ] {
        let flat = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(why.split(' ').all(|word| flat.contains(word)), "{why}\n{table}");
    }
    assert!(table.contains("taken in: 0 cases"), "{table}");
}

#[test]
fn a_file_that_is_no_caseload_is_one_line_and_exit_code_2() {
    let desk = Desk::new();
    let missing = desk.folder.path().join("missing.csv");
    let folder = desk.folder.path().to_owned();
    for (file, encoding, why) in [
        (missing, None, "missing.csv: entity not found"),
        (folder, None, "is a directory"),
        (desk.file("a.csv", "record,external_id,nam\n"), None, "unknown column \"nam\""),
        (desk.file("b.csv", "record,external_id\ncase,1,2\n"), None, "line 2 has 3 cells"),
        (desk.file("c.json", "{\"records\": ["), None, "not a JSON file"),
        (desk.file("d.csv", b"record,external_id\ncase,L\xe9a\n"), Some("utf-8"), "not utf-8"),
    ] {
        let mut arguments = vec!["import-caseload", file.to_str().unwrap()];
        arguments.extend(encoding.iter().flat_map(|name| ["--encoding", name]));
        let refused = desk.run(&arguments);
        let said = text(&refused.stderr);
        assert_eq!((refused.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains(why) && refused.stdout.is_empty(), "{said}");
    }
}

#[test]
fn a_template_and_the_schema_are_printed_without_a_store() {
    let bare = |flag: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caseplan"));
        text(&command.args(["import-caseload", flag]).output().unwrap().stdout)
    };
    assert!(bare("--template").starts_with("record,source,external_id,"));
    let schema: Value = serde_json::from_str(&bare("--schema")).unwrap();
    assert_eq!(schema["title"], "Caseload");
}

#[test]
fn killed_at_any_moment_it_goes_on_without_doubles() {
    const CASES: usize = 60;
    let desk = Desk::new();
    let mut rows = String::from(
        "record,external_id,case,reference,primary_client,name,role,kind,outcome,day,conducted_by\n",
    );
    for case in 0..CASES {
        rows.push_str(&format!("case,C-{case},,R-{case},P-{case},,,,,,\n"));
        rows.push_str(&format!("participant,P-{case},C-{case},,,Zoé Nº {case},child,,,,\n"));
        for contact in 0..5 {
            rows.push_str(&format!(
                "contact,K-{case}-{contact},C-{case},,,,,collateral,attempted,2026-01-0{},user:w-1\n",
                contact + 1
            ));
        }
    }
    let rows = rows
        .replace(",attempted,", ",canceled_in_advance,")
        .replace("conducted_by\n", "conducted_by,reason\n");
    let rows: String = (0..)
        .zip(rows.lines())
        .map(|(at, row)| {
            if at == 0 {
                format!("{row}\n")
            } else if row.starts_with("contact") {
                format!("{row},other\n")
            } else {
                format!("{row},\n")
            }
        })
        .collect();
    let file = desk.file("many.csv", rows);
    let arguments = ["import-caseload", file.to_str().unwrap(), "--source", "old", "--json"];
    let mut partly = 0;
    for wait in [20, 60, 120, 240] {
        let mut running = desk.command().args(arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        running.kill().unwrap();
        running.wait().unwrap();
        let cases = desk.read(&["case", "list"]);
        let contacts = cases.as_array().unwrap().iter().map(|case| case["contacts"].as_u64().unwrap());
        assert!(contacts.clone().all(|count| count == 5), "a case is there in part");
        partly = contacts.count();
    }
    let report: Value = serde_json::from_slice(&desk.run(&arguments).stdout).unwrap();
    let [cases, _, _, contacts, known] = figures(&report).map(|count| usize::try_from(count).unwrap());
    assert_eq!((cases + partly, contacts + partly * 5, known), (CASES, CASES * 5, partly * 7), "{report}");
    assert_eq!(desk.read(&["case", "list"]).as_array().unwrap().len(), CASES);
    desk.digest();
}
