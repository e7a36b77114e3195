//! The other side: the same data in ordinary SQLite tables, with the same functions: a narrative index, an audit row
//! and an event in the transaction that records a contact. No CRDT, no history, no signature.

use std::path::Path;

use caseplan_core::contact::ContactDraft;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS plan (
        id INTEGER PRIMARY KEY, plan_id BLOB NOT NULL UNIQUE, case_id BLOB NOT NULL, reference TEXT NOT NULL,
        place TEXT, minutes INTEGER, to_visit TEXT NOT NULL, visitors TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS occurrence (
        plan_id BLOB NOT NULL, day TEXT NOT NULL, starts_at INTEGER NOT NULL, PRIMARY KEY (plan_id, day)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS occurrence_by_start ON occurrence (starts_at);
    CREATE TABLE IF NOT EXISTS contact (
        id INTEGER PRIMARY KEY, contact_id BLOB NOT NULL UNIQUE, case_id BLOB NOT NULL, kind TEXT NOT NULL,
        outcome TEXT NOT NULL, day TEXT NOT NULL, starts_at INTEGER, ends_at INTEGER, zone TEXT NOT NULL,
        method TEXT, place TEXT, purposes TEXT NOT NULL, conducted_by TEXT NOT NULL, narrative TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS contact_by_case ON contact (case_id, starts_at);
    CREATE TABLE IF NOT EXISTS contact_party (
        contact INTEGER NOT NULL, party TEXT NOT NULL, status TEXT NOT NULL, late INTEGER, early INTEGER,
        PRIMARY KEY (contact, party)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS contact_plan (
        contact INTEGER NOT NULL, plan_id BLOB NOT NULL, day TEXT, starts_at INTEGER, PRIMARY KEY (contact, plan_id)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS contact_plan_by_plan ON contact_plan (plan_id, starts_at);
    CREATE VIRTUAL TABLE IF NOT EXISTS contact_search USING fts5 (
        text, content = '', contentless_delete = 1, tokenize = \"unicode61 remove_diacritics 2\"
    );
    CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, worker TEXT NOT NULL, device BLOB NOT NULL, code TEXT NOT NULL,
        contact_id BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS event (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, topic TEXT NOT NULL, case_id BLOB NOT NULL, sent INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS chunk (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
";

/// A database with plain tables.
pub struct Plain {
    pub connection: Connection,
}

impl Plain {
    pub fn open(file: &Path) -> Self {
        let connection = Connection::open(file).unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection.set_prepared_statement_cache_capacity(64);
        Self { connection }
    }

    /// Records a contact, with the bytes of another library's change if there are any.
    pub fn record(&mut self, draft: &ContactDraft, chunk: Option<&[u8]>) {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        record(&tx, draft);
        if let Some(chunk) = chunk {
            tx.prepare_cached("INSERT INTO chunk (bytes) VALUES (?1)").unwrap().execute([chunk]).unwrap();
        }
        tx.commit().unwrap();
    }

    /// Every contact of a plan, with who was there.
    pub fn contacts_of(&self, plan: &[u8; 16]) -> Vec<(String, String, Vec<String>)> {
        let mut contacts = self
            .connection
            .prepare_cached(
                "SELECT c.* FROM contact_plan p JOIN contact c ON c.id = p.contact WHERE p.plan_id = ?1",
            )
            .unwrap();
        let mut parties = self
            .connection
            .prepare_cached("SELECT party, status, late, early FROM contact_party WHERE contact = ?1")
            .unwrap();
        let read = contacts.query_map([plan.as_slice()], |row| {
            let mut text = String::new();
            for column in [3, 4, 5, 8, 9, 10, 11, 12] {
                text.push_str(&row.get::<_, String>(column)?);
            }
            let who = parties
                .query_map([row.get::<_, i64>(0)?], |row| {
                    Ok(row.get::<_, String>(0)? + &row.get::<_, String>(1)?)
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok((text, row.get(13)?, who))
        });
        read.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    /// Planned visits in a time, with what a list shows and whether they were held.
    pub fn due(&self, from: i64, until: i64) -> Vec<(String, String, String, Option<String>, i64, i64)> {
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT p.reference, p.to_visit, p.visitors, p.place, o.starts_at,
                    (SELECT count(*) FROM contact_plan c WHERE c.plan_id = o.plan_id AND c.day = o.day)
                 FROM occurrence o JOIN plan p ON p.plan_id = o.plan_id
                 WHERE o.starts_at BETWEEN ?1 AND ?2 ORDER BY o.starts_at",
            )
            .unwrap();
        let rows = statement.query_map([from, until], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        });
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }
}

fn record(tx: &Transaction<'_>, draft: &ContactDraft) {
    let (time, outcome) = (draft.time.as_ref().unwrap(), draft.outcome.as_ref().unwrap());
    let id = Uuid::new_v4();
    let starts_at = time.start.map(|at| at.timestamp());
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        tx.prepare_cached(sql).unwrap().execute(values).unwrap();
    };
    run(
        "INSERT INTO contact (contact_id, case_id, kind, outcome, day, starts_at, ends_at, zone, method, place,
            purposes, conducted_by, narrative) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            id.as_bytes().as_slice(),
            draft.case_id.as_bytes().as_slice(),
            draft.kind.code(),
            outcome.code.code(),
            time.day.to_string(),
            starts_at,
            time.end.map(|at| at.timestamp()),
            time.zone.name(),
            draft.method.as_ref().map(|method| method.code().to_owned()),
            draft.place,
            draft.purposes.join("|"),
            draft.conducted_by.as_ref().map(|party| party.key()),
            draft.narrative,
        ],
    );
    let contact = tx.last_insert_rowid();
    for there in &draft.attendance {
        run(
            "INSERT INTO contact_party (contact, party, status, late, early) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                contact,
                there.party.key(),
                there.status.code(),
                there.minutes_late,
                there.minutes_left_early
            ],
        );
    }
    for visit in &draft.planned {
        run(
            "INSERT INTO contact_plan (contact, plan_id, day, starts_at) VALUES (?1, ?2, ?3, ?4)",
            params![
                contact,
                visit.plan.as_bytes().as_slice(),
                visit.occurrence.map(|visit| visit.day.to_string()),
                starts_at
            ],
        );
    }
    run("INSERT INTO contact_search (rowid, text) VALUES (?1, ?2)", params![contact, draft.narrative]);
    run(
        "INSERT INTO audit (at, worker, device, code, contact_id) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![starts_at, "w-117", [7_u8; 16].as_slice(), "contact.complete", id.as_bytes().as_slice()],
    );
    run(
        "INSERT INTO event (at, topic, case_id, sent) VALUES (?1, ?2, ?3, 0)",
        params![starts_at, "contacts", draft.case_id.as_bytes().as_slice()],
    );
}
