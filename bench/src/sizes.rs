//! B1, B2, B3: bytes on disk, of a change and of a snapshot.

use std::path::Path;

use caseplan_core::contact::ContactDraft;
use caseplan_core::document::raw_chunk;
use caseplan_core::ids::DraftId;
use rusqlite::Connection;
use uuid::Uuid;

use crate::Places;
use crate::loads::snapshot_bytes;
use crate::measure::Line;
use crate::ours::{Log, Ours, draft, nobody};
use crate::plain::Plain;

const PLANS: usize = 40;
/// Few enough that nothing is compacted before it is asked for.
const CONTACTS_PER_PLAN: usize = 25;

/// B1: what a contact adds to the file, compacted or not, beside plain tables with the same functions.
pub fn b1(places: &Places) -> Vec<Line> {
    let folder = places.memory();
    let ours = Ours::open(folder.path());
    let families: Vec<_> = (0..PLANS).map(|number| ours.family(number)).collect();
    let plain = folder.path().join("plain.db");
    drop(Plain::open(&plain));
    let contacts = (PLANS * CONTACTS_PER_PLAN) as f64;
    let (empty, none) = (size(&ours.file()), size(&plain));
    let mut other = Plain::open(&plain);
    for family in &families {
        ours.record(family, 0, CONTACTS_PER_PLAN);
        (0..CONTACTS_PER_PLAN).for_each(|number| other.record(&draft(family, number), None));
    }
    let plain = (size(&plain) - none) / contacts;
    let pending = (size(&ours.file()) - empty) / contacts;
    ours.store.compact(1).unwrap();
    let compacted = (size(&ours.file()) - empty) / contacts;
    let detail = |ours: f64| format!("({ours:.0} : {plain:.0} B a contact)");
    let mut lines = vec![
        Line::ratio("B1", "disk per contact, compacted", compacted / plain, 0.75, &detail(compacted)),
        Line::ratio("B1", "disk per contact, not compacted", pending / plain, 1.2, &detail(pending)),
    ];
    lines.extend(tables(&ours.file(), contacts));
    lines
}

/// The bytes of a database without free pages or a log.
fn size(file: &Path) -> f64 {
    let copy = file.with_extension("size");
    let connection = Connection::open(file).unwrap();
    connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let bytes = std::fs::metadata(&copy).unwrap().len();
    std::fs::remove_file(copy).unwrap();
    bytes as f64
}

/// Where the bytes lie: the greatest tables and indexes.
fn tables(file: &Path, contacts: f64) -> Option<Line> {
    let copy = file.with_extension("tables");
    let connection = Connection::open(file).unwrap();
    connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let connection = Connection::open(copy).unwrap();
    let mut statement = connection
        .prepare("SELECT name, sum(pgsize) AS size FROM dbstat GROUP BY name ORDER BY size DESC LIMIT 8")
        .ok()?;
    let rows = statement.query_map([], |row| {
        Ok(format!("{} {:.0}", row.get::<_, String>(0)?, row.get::<_, f64>(1)? / contacts))
    });
    let rows: Vec<String> = rows.ok()?.collect::<rusqlite::Result<_>>().ok()?;
    Some(Line::note("B1", "of it, B a contact", rows.join(", ")))
}

/// B2: a stored change beside its raw bytes; B3: a snapshot beside the same contacts as compressed JSON.
pub fn b2(_: &Places) -> Vec<Line> {
    let log = Log::with(200);
    let stored: usize = log.changes.iter().map(|change| change.stored.len()).sum();
    let raw: usize = log.changes.iter().map(|change| raw_chunk(&change.stored).unwrap().len()).sum();
    let ours = snapshot_bytes(&log.document.save()).len() as f64 / 200.0;
    let family = nobody();
    // A contact has an id of its own, in JSON too.
    let contact = |number| ContactDraft { id: DraftId(Uuid::new_v4()), ..draft(&family, number) };
    let contacts: Vec<_> = (0..200).map(contact).collect();
    let json = serde_json::to_vec(&contacts).unwrap();
    let json = zstd::bulk::compress(&json, 19).unwrap().len() as f64 / 200.0;
    let (stored, raw) = (stored as f64 / 200.0, raw as f64 / 200.0);
    let detail = |one: f64, other: f64| format!("({one:.0} : {other:.0} B)");
    vec![
        Line::ratio("B2", "stored change : raw", stored / raw, 0.75, &detail(stored, raw)),
        Line::ratio("B3", "snapshot : zstd-19 of JSON, per contact", ours / json, 1.15, &detail(ours, json)),
    ]
}
