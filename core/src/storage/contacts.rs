//! Projections of completed contacts: rows for lists, texts apart, and the search index.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A contact as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRow {
    /// The contact.
    pub contact_id: [u8; 16],
    /// Its document's row.
    pub document: i64,
    /// Its case.
    pub case_id: [u8; 16],
    /// The kind's code.
    pub kind: String,
    /// The outcome's code.
    pub outcome: String,
    /// Where it sorts, unix seconds.
    pub sorts_at: i64,
    /// When it started, if that is known.
    pub starts_at: Option<i64>,
    /// When it ended, if that is known.
    pub ends_at: Option<i64>,
    /// The change that recorded it.
    pub made_by: [u8; 32],
    /// Whether it was entered in error.
    pub in_error: bool,
    /// The contact as JSON, without its narrative.
    pub detail: String,
}

/// Who recorded a contact and when, from its change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRow {
    /// The writer's time, unix seconds.
    pub time: i64,
    /// The actor that wrote it.
    pub actor: [u8; 24],
    /// The worker, if the certificate counts.
    pub worker: Option<String>,
}

/// A plan that a contact stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactPlanRow {
    /// The plan.
    pub plan_id: [u8; 16],
    /// The planned visit, if it was one: schedule and local date.
    pub occurrence: Option<([u8; 16], String)>,
    /// Whether the visit counts as done.
    pub counts: bool,
}

/// Which page of contacts.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// Of this case only.
    pub case: Option<[u8; 16]>,
    /// Of this plan only.
    pub plan: Option<[u8; 16]>,
    /// That sort strictly after this place in the list.
    pub after: Option<(i64, [u8; 16])>,
    /// At most so many.
    pub limit: u32,
}

const CONTACT: &str =
    "SELECT k.contact_id, k.document, k.case_id, k.kind, k.outcome, k.sorts_at, k.starts_at,
        k.ends_at, k.made_by, k.in_error, k.detail, c.time, a.actor, w.worker";

const RECORDED: &str = "JOIN change c ON c.document = k.document AND c.hash = k.made_by
     JOIN actor a ON a.id = c.actor JOIN signer g ON g.id = c.signer
     LEFT JOIN certificate w ON w.hash = g.certificate";

fn contact(row: &Row<'_>) -> rusqlite::Result<(ContactRow, RecordedRow)> {
    Ok((
        ContactRow {
            contact_id: row.get(0)?,
            document: row.get(1)?,
            case_id: row.get(2)?,
            kind: row.get(3)?,
            outcome: row.get(4)?,
            sorts_at: row.get(5)?,
            starts_at: row.get(6)?,
            ends_at: row.get(7)?,
            made_by: row.get(8)?,
            in_error: row.get(9)?,
            detail: row.get(10)?,
        },
        RecordedRow { time: row.get(11)?, actor: row.get(12)?, worker: row.get(13)? },
    ))
}

impl Reading<'_> {
    /// A contact and who recorded it.
    pub fn contact_row(&self, contact_id: &[u8; 16]) -> Result<Option<(ContactRow, RecordedRow)>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{CONTACT} FROM contact_row k {RECORDED} WHERE k.contact_id = ?1"))?;
        Ok(statement.query_row([contact_id.as_slice()], contact).optional()?)
    }

    /// A contact's narrative.
    pub fn narrative(&self, contact_id: &[u8; 16]) -> Result<String> {
        let mut statement = self.connection.prepare_cached(
            "SELECT t.narrative FROM contact_text t JOIN contact_row k ON k.id = t.contact WHERE k.contact_id = ?1",
        )?;
        let narrative = statement.query_row([contact_id.as_slice()], |row| row.get(0)).optional()?;
        Ok(narrative.unwrap_or_default())
    }

    /// A page of contacts, newest first.
    pub fn contact_page(&self, filter: &ContactFilter) -> Result<Vec<(ContactRow, RecordedRow)>> {
        let (sorts_at, id) = filter.after.unwrap_or((i64::MAX, [0xff; 16]));
        let case = filter.case.as_ref().map(|id| id.as_slice());
        let plan = filter.plan.as_ref().map(|id| id.as_slice());
        let after = "(k.sorts_at, k.contact_id) < (?1, ?2)";
        let order = "ORDER BY k.sorts_at DESC, k.contact_id DESC LIMIT ?4";
        let sql = match (case, plan) {
            (_, Some(_)) => format!(
                "{CONTACT} FROM contact_plan l JOIN contact_row k ON k.id = l.contact {RECORDED}
                 WHERE l.plan_id = ?3 AND {after} {order}"
            ),
            (Some(_), None) => {
                format!("{CONTACT} FROM contact_row k {RECORDED} WHERE k.case_id = ?3 AND {after} {order}")
            }
            (None, None) => {
                format!("{CONTACT} FROM contact_row k {RECORDED} WHERE ?3 IS NULL AND {after} {order}")
            }
        };
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows =
            statement.query_map(params![sorts_at, id.as_slice(), plan.or(case), filter.limit], contact)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Contacts whose narrative or addenda match an FTS5 query, best first.
    pub fn search_contacts(
        &self,
        query: &str,
        case: Option<&[u8; 16]>,
        limit: u32,
    ) -> Result<Vec<(ContactRow, RecordedRow)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{CONTACT} FROM contact_search s JOIN contact_row k ON k.id = s.rowid {RECORDED}
             WHERE contact_search MATCH ?1 AND (?2 IS NULL OR k.case_id = ?2)
             ORDER BY s.rank, k.sorts_at DESC, k.contact_id LIMIT ?3"
        ))?;
        let rows = statement.query_map(params![query, case.map(|id| id.as_slice()), limit], contact)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many contacts a document holds.
    pub fn contacts_in(&self, document: i64) -> Result<u64> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*) FROM contact_row WHERE document = ?1")?;
        let count: i64 = statement.query_row([document], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The document that a contact stands in.
    pub fn document_of_contact(&self, contact_id: &[u8; 16]) -> Result<Option<i64>> {
        let mut statement =
            self.connection.prepare_cached("SELECT document FROM contact_row WHERE contact_id = ?1")?;
        Ok(statement.query_row([contact_id.as_slice()], |row| row.get(0)).optional()?)
    }

    /// Other contacts that may be the same visit: planned for the same day of the same plan, by whichever of its schedules, or
    /// of the same plan with a shared party at the same time.
    pub fn possible_duplicates(&self, contact_id: &[u8; 16]) -> Result<Vec<[u8; 16]>> {
        // Contacts longer than a month are compared by their occurrence only: the window keeps the search small.
        let mut statement = self.connection.prepare_cached(
            "SELECT other.contact_id
             FROM contact_row me
             JOIN contact_plan mine ON mine.contact = me.id AND mine.day IS NOT NULL
             JOIN contact_plan theirs ON theirs.plan_id = mine.plan_id AND theirs.day = mine.day
                AND theirs.schedule IS NOT NULL AND theirs.contact <> me.id
             JOIN contact_row other ON other.id = theirs.contact
             WHERE me.contact_id = ?1 AND NOT me.in_error AND NOT other.in_error
             UNION
             SELECT other.contact_id
             FROM contact_row me
             JOIN contact_plan mine ON mine.contact = me.id
             JOIN contact_plan theirs ON theirs.plan_id = mine.plan_id AND theirs.contact <> me.id
                AND theirs.sorts_at BETWEEN me.sorts_at - 2678400 AND me.sorts_at + 2678400
             JOIN contact_row other ON other.id = theirs.contact
             WHERE me.contact_id = ?1 AND NOT me.in_error AND NOT other.in_error
               AND me.starts_at IS NOT NULL AND other.starts_at IS NOT NULL
               AND me.starts_at < coalesce(other.ends_at, other.starts_at + 1)
               AND other.starts_at < coalesce(me.ends_at, me.starts_at + 1)
               AND EXISTS (SELECT 1 FROM contact_party p JOIN contact_party q ON q.party = p.party
                           WHERE p.contact = me.id AND q.contact = other.id)",
        )?;
        let rows = statement.query_map([contact_id.as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many contacts there are.
    pub fn contact_count(&self) -> Result<u64> {
        self.count("SELECT count(*) FROM contact_row")
    }
}

impl Writing<'_> {
    /// Replaces a contact's rows and its place in the search index.
    pub fn put_contact_row(
        &self,
        row: &ContactRow,
        narrative: &str,
        search: &str,
        plans: &[ContactPlanRow],
        parties: &[String],
    ) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO contact_row (contact_id, document, case_id, kind, outcome, sorts_at, starts_at, ends_at,
                                          made_by, in_error, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (contact_id) DO UPDATE SET document = excluded.document, case_id = excluded.case_id,
                    kind = excluded.kind, outcome = excluded.outcome, sorts_at = excluded.sorts_at,
                    starts_at = excluded.starts_at, ends_at = excluded.ends_at, made_by = excluded.made_by,
                    in_error = excluded.in_error, detail = excluded.detail",
            )?
            .execute(params![
                row.contact_id.as_slice(),
                row.document,
                row.case_id.as_slice(),
                row.kind,
                row.outcome,
                row.sorts_at,
                row.starts_at,
                row.ends_at,
                row.made_by.as_slice(),
                row.in_error,
                row.detail
            ])?;
        let id: i64 = self
            .tx
            .prepare_cached("SELECT id FROM contact_row WHERE contact_id = ?1")?
            .query_row([row.contact_id.as_slice()], |row| row.get(0))?;
        self.tx
            .prepare_cached(
                "INSERT INTO contact_text (contact, narrative) VALUES (?1, ?2)
                 ON CONFLICT (contact) DO UPDATE SET narrative = excluded.narrative",
            )?
            .execute(params![id, narrative])?;
        for table in ["contact_plan", "contact_party"] {
            self.tx.prepare_cached(&format!("DELETE FROM {table} WHERE contact = ?1"))?.execute([id])?;
        }
        let mut insert = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO contact_plan (contact, plan_id, schedule, day, sorts_at, counts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for plan in plans {
            let (schedule, day) =
                plan.occurrence.as_ref().map(|(id, day)| (id.as_slice(), day.as_str())).unzip();
            insert.execute(params![id, plan.plan_id.as_slice(), schedule, day, row.sorts_at, plan.counts])?;
        }
        let mut insert =
            self.tx.prepare_cached("INSERT OR IGNORE INTO contact_party (contact, party) VALUES (?1, ?2)")?;
        for party in parties {
            insert.execute(params![id, party])?;
        }
        self.tx.prepare_cached("DELETE FROM contact_search WHERE rowid = ?1")?.execute([id])?;
        self.tx
            .prepare_cached("INSERT INTO contact_search (rowid, text) VALUES (?1, ?2)")?
            .execute(params![id, search])?;
        Ok(())
    }

    /// Removes the rows of a document's contacts but these; the ids of those that went.
    pub fn keep_contacts(&self, document: i64, kept: &BTreeSet<[u8; 16]>) -> Result<Vec<[u8; 16]>> {
        let mut statement =
            self.tx.prepare_cached("SELECT id, contact_id FROM contact_row WHERE document = ?1")?;
        let rows = statement.query_map([document], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(i64, [u8; 16])> = rows.collect::<rusqlite::Result<_>>()?;
        let mut gone = Vec::new();
        for (id, contact) in rows.into_iter().filter(|(_, contact)| !kept.contains(contact)) {
            for sql in [
                "DELETE FROM contact_search WHERE rowid = ?1",
                "DELETE FROM contact_text WHERE contact = ?1",
                "DELETE FROM contact_plan WHERE contact = ?1",
                "DELETE FROM contact_party WHERE contact = ?1",
                "DELETE FROM contact_row WHERE id = ?1",
            ] {
                self.tx.prepare_cached(sql)?.execute([id])?;
            }
            gone.push(contact);
        }
        Ok(gone)
    }
}
