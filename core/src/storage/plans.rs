//! Projections of visitation plans and their planned visits.

use rusqlite::{OptionalExtension, Params, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A visitation plan as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// The plan.
    pub plan_id: [u8; 16],
    /// Its case.
    pub case_id: [u8; 16],
    /// The first day on which it can have visits, ISO 8601.
    pub first_day: String,
    /// Its last day, if that is known.
    pub last_day: Option<String>,
    /// Activated and not canceled.
    pub live: bool,
    /// The plan as JSON.
    pub detail: String,
}

/// One planned visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OccurrenceRow {
    /// The schedule that it comes from.
    pub schedule: [u8; 16],
    /// Its local date, ISO 8601.
    pub day: String,
    /// When it starts, unix seconds.
    pub starts_at: i64,
}

/// A planned visit with its plan and what was recorded for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// The plan.
    pub plan: PlanRow,
    /// The planned visit.
    pub occurrence: OccurrenceRow,
    /// Contacts recorded for it, as JSON pairs of id and counts.
    pub contacts: String,
}

const PLAN: &str = "SELECT p.plan_id, p.case_id, p.first_day, p.last_day, p.live, p.detail";

fn plan(row: &Row<'_>) -> rusqlite::Result<PlanRow> {
    Ok(PlanRow {
        plan_id: row.get(0)?,
        case_id: row.get(1)?,
        first_day: row.get(2)?,
        last_day: row.get(3)?,
        live: row.get(4)?,
        detail: row.get(5)?,
    })
}

impl Reading<'_> {
    /// A plan.
    pub fn plan_row(&self, plan_id: &[u8; 16]) -> Result<Option<PlanRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{PLAN} FROM plan_row p WHERE plan_id = ?1"))?;
        Ok(statement.query_row([plan_id.as_slice()], plan).optional()?)
    }

    /// The plans of a case, or all, earliest first.
    pub fn plan_rows(&self, case: Option<&[u8; 16]>) -> Result<Vec<PlanRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{PLAN} FROM plan_row p WHERE ?1 IS NULL OR case_id = ?1 ORDER BY first_day, plan_id"
        ))?;
        let rows = statement.query_map([case.map(|id| id.as_slice())], plan)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Planned visits of live plans that start in [from, until), with what was recorded for each.
    pub fn due(&self, from: i64, until: i64, case: Option<&[u8; 16]>) -> Result<Vec<DueRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{PLAN}, o.schedule, o.day, o.starts_at,
                (SELECT json_group_array(json_array(hex(k.contact_id), c.counts))
                 FROM contact_plan c JOIN contact_row k ON k.id = c.contact
                 WHERE c.schedule = o.schedule AND c.day = o.day AND c.plan_id = p.plan_id AND NOT k.in_error)
             FROM occurrence o JOIN plan_row p ON p.id = o.plan
             WHERE o.starts_at >= ?1 AND o.starts_at < ?2 AND (?3 IS NULL OR p.case_id = ?3)
             ORDER BY o.starts_at, p.plan_id"
        ))?;
        let rows = statement.query_map(params![from, until, case.map(|id| id.as_slice())], |row| {
            Ok(DueRow {
                plan: plan(row)?,
                occurrence: OccurrenceRow { schedule: row.get(6)?, day: row.get(7)?, starts_at: row.get(8)? },
                contacts: row.get(9)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Live plans with a quota.
    pub fn quota_plans(&self, case: Option<&[u8; 16]>) -> Result<Vec<PlanRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{PLAN} FROM quota q JOIN plan_row p ON p.id = q.plan
             WHERE p.live AND (?1 IS NULL OR p.case_id = ?1) ORDER BY p.plan_id"
        ))?;
        let rows = statement.query_map([case.map(|id| id.as_slice())], plan)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Contacts of a plan that sort into [from, until) and count as done, one per occurrence or duplicate group.
    pub fn plan_contacts(&self, plan_id: &[u8; 16], from: i64, until: i64) -> Result<Vec<([u8; 16], bool)>> {
        self.recorded(
            "c.plan_id = ?1 AND c.sorts_at >= ?2 AND c.sorts_at < ?3 AND NOT k.in_error
             ORDER BY c.sorts_at, k.contact_id",
            params![plan_id.as_slice(), from, until],
        )
    }

    /// Contacts recorded for a plan's visit on a day by any other of its schedules, and whether each counts as done.
    pub fn contacts_of_other_schedules(
        &self,
        plan_id: &[u8; 16],
        schedule: &[u8; 16],
        day: &str,
    ) -> Result<Vec<([u8; 16], bool)>> {
        self.recorded(
            "c.plan_id = ?1 AND c.day = ?2 AND c.schedule <> ?3 AND NOT k.in_error ORDER BY k.contact_id",
            params![plan_id.as_slice(), day, schedule.as_slice()],
        )
    }

    /// Contacts recorded for one planned visit, and whether each counts as done.
    pub fn contacts_of_occurrence(
        &self,
        plan_id: &[u8; 16],
        schedule: &[u8; 16],
        day: &str,
    ) -> Result<Vec<([u8; 16], bool)>> {
        self.recorded(
            "c.schedule = ?1 AND c.day = ?2 AND c.plan_id = ?3 AND NOT k.in_error ORDER BY k.contact_id",
            params![schedule.as_slice(), day, plan_id.as_slice()],
        )
    }

    fn recorded(&self, which: &str, of: impl Params) -> Result<Vec<([u8; 16], bool)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT k.contact_id, c.counts FROM contact_plan c JOIN contact_row k ON k.id = c.contact WHERE {which}"
        ))?;
        let rows = statement.query_map(of, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// Replaces a plan's row and its planned visits.
    pub fn put_plan_row(
        &self,
        row: &PlanRow,
        occurrences: &[OccurrenceRow],
        quota: Option<&[u8; 16]>,
    ) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO plan_row (plan_id, case_id, first_day, last_day, live, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (plan_id) DO UPDATE SET case_id = excluded.case_id, first_day = excluded.first_day,
                    last_day = excluded.last_day, live = excluded.live, detail = excluded.detail",
            )?
            .execute(params![
                row.plan_id.as_slice(),
                row.case_id.as_slice(),
                row.first_day,
                row.last_day,
                row.live,
                row.detail
            ])?;
        let plan: i64 = self
            .tx
            .prepare_cached("SELECT id FROM plan_row WHERE plan_id = ?1")?
            .query_row([row.plan_id.as_slice()], |row| row.get(0))?;
        self.tx.prepare_cached("DELETE FROM occurrence WHERE plan = ?1")?.execute([plan])?;
        self.tx.prepare_cached("DELETE FROM quota WHERE plan = ?1")?.execute([plan])?;
        let mut insert = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO occurrence (plan, schedule, day, starts_at) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for occurrence in occurrences {
            insert.execute(params![
                plan,
                occurrence.schedule.as_slice(),
                occurrence.day,
                occurrence.starts_at
            ])?;
        }
        if let Some(schedule) = quota {
            self.tx
                .prepare_cached("INSERT INTO quota (plan, schedule) VALUES (?1, ?2)")?
                .execute(params![plan, schedule.as_slice()])?;
        }
        Ok(())
    }
}
