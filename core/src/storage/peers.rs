//! Whom this device met, and when.

use std::collections::HashMap;

use rusqlite::{Row, params, params_from_iter};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// A device that this one has had a session with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRow {
    /// The device.
    pub device: [u8; 16],
    /// When a session last began, unix milliseconds.
    pub met_at: i64,
    /// When both were last seen to hold the same, unix milliseconds.
    pub equal_at: Option<i64>,
}

/// Who is not counted upon to hold anything: devices, in hexadecimal, and devices with a scope that they were shut out of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone(Vec<String>);

/// Joins the scope that rows' documents belong to.
fn scope_of(rows: &str) -> String {
    format!("JOIN document d ON d.id = {rows}.document JOIN scope s ON s.id = d.scope")
}

impl Gone {
    /// A device that holds nothing to count upon any more.
    pub fn add(&mut self, device: &[u8; 16]) {
        self.0.push(hex(device));
    }

    /// A device that holds nothing of a scope to count upon.
    pub fn add_of(&mut self, device: &[u8; 16], scope: &[u8; 16]) {
        self.0.push(hex(device) + &hex(scope));
    }

    /// Which changes only this store has, whoever wrote them: those above what anybody is known to hold of their actor.
    fn only_here(&self, what: &str, scopes: &str) -> String {
        let counts = if self.0.is_empty() {
            String::new()
        } else {
            let scopes = scope_of("h");
            format!(
                "{scopes} WHERE hex(h.peer) NOT IN (SELECT value FROM json_each(?1))
             AND hex(h.peer) || hex(s.scope_id) NOT IN (SELECT value FROM json_each(?1))"
            )
        };
        format!(
            "WITH elsewhere AS MATERIALIZED (
                SELECT h.document, h.actor, max(h.seq) AS seq FROM held_elsewhere h {counts}
                GROUP BY h.document, h.actor)
             SELECT {what} FROM actor a {scopes}
             LEFT JOIN elsewhere e ON e.document = a.document AND e.actor = a.actor
             CROSS JOIN change c ON c.actor = a.id AND c.seq > coalesce(e.seq, 0)
             WHERE c.state <> 2"
        )
    }

    fn json(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| serde_json::json!(self.0).to_string())
    }
}

/// Bytes as SQLite's `hex()` writes them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

impl Reading<'_> {
    /// Every peer, last met first.
    pub fn peers(&self) -> Result<Vec<PeerRow>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT device, met_at, equal_at FROM peer ORDER BY met_at DESC, device")?;
        let row =
            |row: &Row<'_>| Ok(PeerRow { device: row.get(0)?, met_at: row.get(1)?, equal_at: row.get(2)? });
        Ok(statement.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
    }

    /// When a peer was last seen to hold the same of each scope of a case, unix milliseconds: of those where it ever was.
    pub fn scopes_equal_at(&self, peer: &[u8; 16], case: &[u8; 16]) -> Result<Vec<([u8; 16], i64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT s.scope_id, max(e.equal_at, coalesce(p.equal_at, e.equal_at)) FROM peer_scope e
             JOIN scope s ON s.id = e.scope LEFT JOIN peer p ON p.device = e.peer
             WHERE e.peer = ?1 AND s.case_id = ?2",
        )?;
        let rows = statement
            .query_map(params![peer.as_slice(), case.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// When the first change of a scope came here, unix milliseconds.
    pub fn scope_began_at(&self, scope: &[u8; 16]) -> Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT min(c.received_at) FROM change c JOIN document d ON d.id = c.document
             JOIN scope s ON s.id = d.scope WHERE s.scope_id = ?1 AND c.state <> 2",
        )?;
        Ok(statement.query_row([scope.as_slice()], |row| row.get(0))?)
    }

    /// What a peer is known to hold of each document, or of each of a case, by row: its actors' highest numbers.
    pub fn held_by_peer_of_all(
        &self,
        peer: &[u8; 16],
        case: Option<&[u8; 16]>,
    ) -> Result<HashMap<(i64, [u8; 24]), u64>> {
        let of_case = "AND document IN (
            SELECT d.id FROM document d JOIN scope s ON s.id = d.scope WHERE s.case_id = ?2)";
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT document, actor, seq FROM held_elsewhere WHERE peer = ?1 {}",
            if case.is_some() { of_case } else { "" }
        ))?;
        let of = [Some(peer), case].into_iter().flatten().map(<[u8; 16]>::as_slice);
        let rows = statement.query_map(params_from_iter(of), |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)?.unsigned_abs()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whoever is known to hold something.
    pub fn all_holders(&self) -> Result<Vec<[u8; 16]>> {
        // From one to the next: each holds much.
        let mut next =
            self.connection.prepare_cached("SELECT min(peer) FROM held_elsewhere WHERE peer > ?1")?;
        let mut holders: Vec<[u8; 16]> = Vec::new();
        let mut last: &[u8] = &[];
        while let Some(peer) = next.query_row([last], |row| row.get(0))? {
            holders.push(peer);
            last = holders.last().map_or(&[], <[u8; 16]>::as_slice);
        }
        Ok(holders)
    }

    /// Changes that no peer who counts is known to hold.
    pub fn only_here(&self, gone: &Gone) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(&gone.only_here("count(*)", ""))?;
        let count: i64 = statement.query_row(params_from_iter(gone.json()), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The same, by case and code of the operation.
    pub fn only_here_by_case(&self, gone: &Gone) -> Result<Vec<([u8; 16], String, u64)>> {
        let which = gone.only_here("s.case_id, c.code, count(*)", &scope_of("a"));
        let mut statement = self
            .connection
            .prepare_cached(&format!("{which} GROUP BY s.case_id, c.code ORDER BY s.case_id, c.code"))?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()));
        let rows = statement.query_map(params_from_iter(gone.json()), row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// Counts one more try with an invitation or a code; how many there are with it.
    pub fn count_try(&self, id: &[u8; 16], now: i64) -> Result<u32> {
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO invitation (id, tries, begun_at) VALUES (?1, 1, ?2)
             ON CONFLICT (id) DO UPDATE SET tries = tries + 1 RETURNING tries",
        )?;
        Ok(statement.query_row(params![id.as_slice(), now], |row| row.get(0))?)
    }

    /// Gives an invitation to a device if nobody has it; whether it has it now.
    pub fn use_up(&self, id: &[u8; 16], device: &[u8; 16], now: i64) -> Result<bool> {
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO invitation (id, tries, device, begun_at) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET device = coalesce(device, excluded.device) RETURNING device = ?2",
        )?;
        Ok(statement.query_row(params![id.as_slice(), device.as_slice(), now], |row| row.get(0))?)
    }

    /// Forgets what became of invitations that began before this time: they are over.
    pub fn forget_invitations(&self, before: i64) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM invitation WHERE begun_at < ?1")?.execute([before])?;
        Ok(())
    }

    /// Keeps that a session with a peer began.
    pub fn note_met(&self, peer: &[u8; 16], now: i64) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO peer (device, met_at) VALUES (?1, ?2)
                 ON CONFLICT (device) DO UPDATE SET met_at = excluded.met_at",
            )?
            .execute(params![peer.as_slice(), now])?;
        Ok(())
    }

    /// Keeps that a peer was seen to hold the same of these scopes, which are all that both may read.
    pub fn note_equal<'a>(
        &self,
        peer: &[u8; 16],
        scopes: impl Iterator<Item = &'a [u8; 16]>,
        now: i64,
    ) -> Result<()> {
        self.tx
            .prepare_cached(
                "INSERT INTO peer (device, met_at, equal_at) VALUES (?1, ?2, ?2)
                 ON CONFLICT (device) DO UPDATE SET equal_at = excluded.equal_at",
            )?
            .execute(params![peer.as_slice(), now])?;
        let scopes: Vec<String> = scopes.map(|scope| hex(scope)).collect();
        let shared = "(SELECT id FROM scope WHERE hex(scope_id) IN (SELECT value FROM json_each(?2)))";
        let scopes = serde_json::json!(scopes).to_string();
        self.tx
            .prepare_cached(&format!("DELETE FROM peer_scope WHERE peer = ?1 AND scope NOT IN {shared}"))?
            .execute(params![peer.as_slice(), scopes])?;
        self.tx
            .prepare_cached(&format!(
                "INSERT OR IGNORE INTO peer_scope (peer, scope, equal_at) SELECT ?1, id, ?3 FROM {shared}"
            ))?
            .execute(params![peer.as_slice(), scopes, now])?;
        Ok(())
    }

    /// Keeps that a peer was seen to hold the same of these scopes, which are some of those that both may read.
    pub fn note_equal_scopes(&self, peer: &[u8; 16], scopes: &[[u8; 16]], now: i64) -> Result<()> {
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO peer_scope (peer, scope, equal_at) SELECT ?1, id, ?3 FROM scope WHERE scope_id = ?2
             ON CONFLICT (peer, scope) DO UPDATE SET equal_at = excluded.equal_at",
        )?;
        for scope in scopes {
            statement.execute(params![peer.as_slice(), scope.as_slice(), now])?;
        }
        Ok(())
    }
}
