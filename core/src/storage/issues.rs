//! Projections of conflicts, issues and what people decided about them.

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A field that holds several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictRow {
    /// Its id: it changes when the values do.
    pub conflict_id: String,
    /// The document's row.
    pub document: i64,
    /// The field.
    pub path: String,
    /// The case.
    pub case_id: [u8; 16],
    /// The values as JSON.
    pub detail: String,
}

/// A breach that merging brought together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRow {
    /// Its id: the same on every device.
    pub issue_id: String,
    /// Which rule or pair.
    pub code: String,
    /// The case.
    pub case_id: [u8; 16],
    /// The lower of the two subjects.
    pub first: [u8; 16],
    /// The higher of the two subjects.
    pub second: [u8; 16],
    /// What people decided, as JSON; nothing while it is open or contested.
    pub decision: Option<String>,
}

fn conflict(row: &Row<'_>) -> rusqlite::Result<ConflictRow> {
    Ok(ConflictRow {
        conflict_id: row.get(0)?,
        document: row.get(1)?,
        path: row.get(2)?,
        case_id: row.get(3)?,
        detail: row.get(4)?,
    })
}

fn issue(row: &Row<'_>) -> rusqlite::Result<IssueRow> {
    Ok(IssueRow {
        issue_id: row.get(0)?,
        code: row.get(1)?,
        case_id: row.get(2)?,
        first: row.get(3)?,
        second: row.get(4)?,
        decision: row.get(5)?,
    })
}

const ISSUE: &str = "SELECT i.issue_id, i.code, i.case_id, i.first, i.second,
        (SELECT min(e.detail) FROM decision_row e WHERE e.issue_id = i.issue_id AND NOT e.contested) FROM issue_row i";

impl Reading<'_> {
    /// Fields in conflict, of one case or all.
    pub fn conflict_rows(&self, case: Option<&[u8; 16]>) -> Result<Vec<ConflictRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.conflict_id, c.document, c.path, c.case_id, c.detail
             FROM conflict_row c JOIN document d ON d.id = c.document
             WHERE ?1 IS NULL OR c.case_id = ?1 ORDER BY c.case_id, d.document_id, c.path",
        )?;
        Ok(statement.query_map([case.map(|id| id.as_slice())], conflict)?.collect::<rusqlite::Result<_>>()?)
    }

    /// A conflict as it is known now.
    pub fn conflict_row(&self, conflict_id: &str) -> Result<Option<ConflictRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT conflict_id, document, path, case_id, detail FROM conflict_row WHERE conflict_id = ?1",
        )?;
        Ok(statement.query_row([conflict_id], conflict).optional()?)
    }

    /// The conflict in a field, if there is one.
    pub fn conflict_at(&self, document: i64, path: &str) -> Result<Option<ConflictRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT conflict_id, document, path, case_id, detail FROM conflict_row WHERE document = ?1 AND path = ?2",
        )?;
        Ok(statement.query_row(params![document, path], conflict).optional()?)
    }

    /// Issues of one case or all.
    pub fn issue_rows(&self, case: Option<&[u8; 16]>) -> Result<Vec<IssueRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{ISSUE} WHERE ?1 IS NULL OR i.case_id = ?1 ORDER BY i.code, i.issue_id"
        ))?;
        Ok(statement.query_map([case.map(|id| id.as_slice())], issue)?.collect::<rusqlite::Result<_>>()?)
    }

    /// One issue.
    pub fn issue_row(&self, issue_id: &str) -> Result<Option<IssueRow>> {
        let mut statement = self.connection.prepare_cached(&format!("{ISSUE} WHERE i.issue_id = ?1"))?;
        Ok(statement.query_row([issue_id], issue).optional()?)
    }

    /// Issues that a subject is part of, by code.
    pub fn issues_of(&self, code: &str, subject: &[u8; 16]) -> Result<Vec<IssueRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{ISSUE} WHERE i.code = ?1 AND (i.first = ?2 OR i.second = ?2) ORDER BY i.issue_id"
        ))?;
        Ok(statement.query_map(params![code, subject.as_slice()], issue)?.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// Replaces the conflicts of a document whose path begins so; the empty text means all of them.
    pub fn put_conflicts(&self, document: i64, prefix: &str, rows: &[ConflictRow]) -> Result<()> {
        self.tx
            .prepare_cached(
                "DELETE FROM conflict_row WHERE document = ?1 AND substr(path, 1, length(?2)) = ?2",
            )?
            .execute(params![document, prefix])?;
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO conflict_row (document, path, conflict_id, case_id, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in rows {
            insert.execute(params![
                document,
                row.path,
                row.conflict_id,
                row.case_id.as_slice(),
                row.detail
            ])?;
        }
        Ok(())
    }

    /// Replaces the decisions of a document: issue, decision as JSON, whether two disagree.
    pub fn put_decisions(&self, document: i64, decisions: &[(String, String, bool)]) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM decision_row WHERE document = ?1")?.execute([document])?;
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO decision_row (document, issue_id, detail, contested) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (issue_id, detail, contested) in decisions {
            insert.execute(params![document, issue_id, detail, contested])?;
        }
        Ok(())
    }

    /// Replaces the issues of one code that a subject is part of.
    pub fn put_issues(&self, code: &str, subject: &[u8; 16], rows: &[IssueRow]) -> Result<()> {
        self.tx
            .prepare_cached("DELETE FROM issue_row WHERE code = ?1 AND (first = ?2 OR second = ?2)")?
            .execute(params![code, subject.as_slice()])?;
        let mut insert = self.tx.prepare_cached(
            "INSERT OR REPLACE INTO issue_row (issue_id, code, case_id, first, second) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in rows {
            insert.execute(params![
                row.issue_id,
                row.code,
                row.case_id.as_slice(),
                row.first.as_slice(),
                row.second.as_slice()
            ])?;
        }
        Ok(())
    }
}
