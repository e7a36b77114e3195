//! Projections of cases and participants, and of what an import brought.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// An agency's source, its id there, and the kind of what it names.
pub type ExternalId = (String, String, String);

/// A case as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// The case.
    pub case_id: [u8; 16],
    /// The agency's reference.
    pub reference: String,
    /// The primary client's name.
    pub primary_name: String,
    /// Whether it is closed.
    pub closed: bool,
    /// The assigned worker.
    pub worker: Option<String>,
    /// The case as JSON.
    pub detail: String,
}

/// A participant as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantRow {
    /// The participant.
    pub participant_id: [u8; 16],
    /// The name as it stands.
    pub name: String,
    /// The role's code.
    pub role: String,
}

/// How a case stands in a caseload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseloadRow {
    /// The case.
    pub case: CaseRow,
    /// How many visitation plans are live.
    pub plans: u32,
    /// How many contacts are recorded.
    pub contacts: u32,
    /// When the last contact was, unix seconds.
    pub last_contact: Option<i64>,
    /// How many drafts this device keeps.
    pub drafts: u32,
    /// How many fields are in conflict.
    pub conflicts: u32,
    /// How many issues are open.
    pub issues: u32,
}

fn case(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    Ok(CaseRow {
        case_id: row.get(0)?,
        reference: row.get(1)?,
        primary_name: row.get(2)?,
        closed: row.get(3)?,
        worker: row.get(4)?,
        detail: row.get(5)?,
    })
}

const CASE: &str = "SELECT case_id, reference, primary_name, closed, worker, detail";

impl Reading<'_> {
    /// A case.
    pub fn case_row(&self, case_id: &[u8; 16]) -> Result<Option<CaseRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CASE} FROM case_row WHERE case_id = ?1"))?;
        Ok(statement.query_row([case_id.as_slice()], case).optional()?)
    }

    /// The closed cases, each with the day on which it was closed.
    pub fn closed_cases(&self) -> Result<Vec<([u8; 16], String)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT case_id, json_extract(detail, '$.closure.on') AS closed_on FROM case_row
             WHERE closed AND closed_on IS NOT NULL",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Cases with their counts, by reference: open ones, and closed ones too if wanted; of one worker if given.
    pub fn caseload(
        &self,
        worker: Option<&str>,
        closed_too: bool,
        only: Option<&[u8; 16]>,
    ) -> Result<Vec<CaseloadRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{CASE},
                (SELECT count(*) FROM plan_row p WHERE p.case_id = c.case_id AND p.live),
                (SELECT count(*) FROM contact_row k WHERE k.case_id = c.case_id AND NOT k.in_error),
                (SELECT max(sorts_at) FROM contact_row k WHERE k.case_id = c.case_id AND NOT k.in_error),
                (SELECT count(*) FROM draft d WHERE d.case_id = c.case_id),
                (SELECT count(*) FROM conflict_row f WHERE f.case_id = c.case_id),
                (SELECT count(*) FROM issue_row i WHERE i.case_id = c.case_id AND NOT EXISTS (
                    SELECT 1 FROM decision_row e WHERE e.issue_id = i.issue_id AND NOT e.contested))
             FROM case_row c
             WHERE (?1 IS NULL OR worker = ?1) AND (?2 OR NOT closed) AND (?3 IS NULL OR case_id = ?3)
             ORDER BY reference, case_id"
        ))?;
        let rows = statement.query_map(params![worker, closed_too, only.map(|id| id.as_slice())], |row| {
            Ok(CaseloadRow {
                case: case(row)?,
                plans: row.get(6)?,
                contacts: row.get(7)?,
                last_contact: row.get(8)?,
                drafts: row.get(9)?,
                conflicts: row.get(10)?,
                issues: row.get(11)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The cases that have a reference.
    pub fn cases_of_reference(&self, reference: &str) -> Result<Vec<[u8; 16]>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT case_id FROM case_row WHERE reference = ?1 ORDER BY case_id")?;
        Ok(statement.query_map([reference], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// A participant's name as it stands, if the case's document is here.
    pub fn participant_name(&self, case: &[u8; 16], participant: &[u8; 16]) -> Result<Option<String>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name FROM participant_row WHERE case_id = ?1 AND participant_id = ?2")?;
        Ok(statement.query_row([case.as_slice(), participant.as_slice()], |row| row.get(0)).optional()?)
    }

    /// What an import brought under an agency's own id.
    pub fn external(&self, source: &str, external_id: &str, kind: &str) -> Result<Option<[u8; 16]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM external_row WHERE source = ?1 AND external_id = ?2 AND kind = ?3",
        )?;
        Ok(statement.query_row([source, external_id, kind], |row| row.get(0)).optional()?)
    }
}

impl Writing<'_> {
    /// Replaces a case's row and its participants'.
    pub fn put_case_row(&self, row: &CaseRow, participants: &[ParticipantRow]) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO case_row (case_id, reference, primary_name, closed, worker, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (case_id) DO UPDATE SET reference = excluded.reference,
                    primary_name = excluded.primary_name, closed = excluded.closed, worker = excluded.worker,
                    detail = excluded.detail",
            )?
            .execute(params![
                row.case_id.as_slice(),
                row.reference,
                row.primary_name,
                row.closed,
                row.worker,
                row.detail
            ])?;
        self.tx
            .prepare_cached("DELETE FROM participant_row WHERE case_id = ?1")?
            .execute([row.case_id.as_slice()])?;
        let mut insert = self.tx.prepare_cached(
            "INSERT OR REPLACE INTO participant_row (participant_id, case_id, name, role) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for participant in participants {
            insert.execute(params![
                participant.participant_id.as_slice(),
                row.case_id.as_slice(),
                participant.name,
                participant.role
            ])?;
        }
        Ok(())
    }

    /// Keeps what an import brought.
    pub fn put_external(
        &self,
        document: i64,
        source: &str,
        external_id: &str,
        kind: &str,
        id: &[u8; 16],
    ) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO external_row (source, external_id, kind, id, document) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (source, external_id, kind) DO UPDATE SET id = excluded.id, document = excluded.document
                 WHERE excluded.id < id",
            )?
            .execute(params![source, external_id, kind, id.as_slice(), document])?;
        Ok(())
    }

    /// Removes what an import brought in a document; the agency's ids, with the kinds of what they name.
    pub fn take_external(&self, document: i64) -> Result<BTreeSet<ExternalId>> {
        let sql = "DELETE FROM external_row WHERE document = ?1 RETURNING source, external_id, kind";
        let mut statement = self.tx.prepare_cached(sql)?;
        let rows = statement.query_map([document], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Empties every projection, to rebuild them from documents and records.
    pub fn clear_projections(&self) -> Result<()> {
        self.tx.execute_batch(
            "DELETE FROM contact_search; DELETE FROM contact_text; DELETE FROM contact_plan;
             DELETE FROM contact_party; DELETE FROM contact_row; DELETE FROM occurrence; DELETE FROM quota;
             DELETE FROM plan_row; DELETE FROM participant_row; DELETE FROM case_row; DELETE FROM external_row;
             DELETE FROM conflict_row; DELETE FROM decision_row; DELETE FROM issue_row; DELETE FROM certificate;",
        )?;
        Ok(())
    }
}

/// Every projection row as text, sorted and without row numbers: two stores with equal documents have equal ones.
pub const PROJECTION_DUMPS: &[(&str, &str)] = &[
    ("case", "SELECT hex(case_id), reference, primary_name, closed, worker, detail FROM case_row"),
    ("participant", "SELECT hex(participant_id), hex(case_id), name, role FROM participant_row"),
    ("plan", "SELECT hex(plan_id), hex(case_id), first_day, last_day, live, detail FROM plan_row"),
    (
        "occurrence",
        "SELECT hex(plan_id), hex(schedule), day, starts_at FROM occurrence o JOIN plan_row p ON p.id = o.plan",
    ),
    ("quota", "SELECT hex(plan_id), hex(schedule) FROM quota q JOIN plan_row p ON p.id = q.plan"),
    (
        "contact",
        "SELECT hex(contact_id), hex(case_id), kind, outcome, sorts_at, starts_at, ends_at, hex(made_by), in_error,
            detail, (SELECT narrative FROM contact_text t WHERE t.contact = c.id) FROM contact_row c",
    ),
    (
        "contact_plan",
        "SELECT hex(contact_id), hex(plan_id), hex(schedule), day, p.sorts_at, counts
         FROM contact_plan p JOIN contact_row c ON c.id = p.contact",
    ),
    (
        "contact_party",
        "SELECT hex(contact_id), party FROM contact_party p JOIN contact_row c ON c.id = p.contact",
    ),
    ("external", "SELECT source, external_id, kind, hex(id) FROM external_row"),
    (
        "conflict",
        "SELECT hex(document_id), path, conflict_id, hex(case_id), detail
         FROM conflict_row f JOIN document d ON d.id = f.document",
    ),
    (
        "decision",
        "SELECT hex(document_id), issue_id, detail, contested
         FROM decision_row e JOIN document d ON d.id = e.document",
    ),
    ("issue", "SELECT issue_id, code, hex(case_id), hex(first), hex(second) FROM issue_row"),
    ("certificate", "SELECT hex(hash), hex(device), worker FROM certificate"),
    ("head", "SELECT hex(document_id), hex(hash) FROM head h JOIN document d ON d.id = h.document"),
];

impl Reading<'_> {
    /// Every projection row as text, sorted: see [`PROJECTION_DUMPS`].
    pub fn dump_projections(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (name, sql) in PROJECTION_DUMPS {
            let mut statement = self.connection.prepare(sql)?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let mut line = (*name).to_owned();
                for column in 0..columns {
                    let value = match row.get_ref(column)? {
                        rusqlite::types::ValueRef::Null => "-".to_owned(),
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                        _ => return Err(StorageFailed::damaged("projection")),
                    };
                    line.push('|');
                    line.push_str(&value);
                }
                lines.push(line);
            }
        }
        lines.sort_unstable();
        Ok(lines)
    }
}
