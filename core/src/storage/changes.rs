//! Changes: every one that is held, what became of it, who holds it too.

use rusqlite::{OptionalExtension, Row, params};

use super::database::{Reading, Writing};
use super::failure::StorageFailed;
use super::snapshots::open_blob;

type Result<T> = std::result::Result<T, StorageFailed>;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeState {
    /// It is part of its document.
    Accepted,
    /// It waits for ancestors.
    Waiting,
    /// No certificate that counts is its author's.
    UnknownAuthor,
    /// Automerge failed on it.
    Poisoned,
    /// Its document is of a kind that this version does not know.
    NewerKind,
    /// Its author's device was ended, and no receipt covers it.
    AuthorEnded,
    /// No grant covers it.
    NotGranted,
    /// Another change has its actor and number, or it follows one of which that is true: a choice decides.
    Forked,
}

impl ChangeState {
    const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Waiting,
        Self::UnknownAuthor,
        Self::Poisoned,
        Self::NewerKind,
        Self::AuthorEnded,
        Self::NotGranted,
        Self::Forked,
    ];

    fn code(self) -> i64 {
        Self::ALL.iter().position(|state| *state == self).unwrap_or(0) as i64
    }

    fn from_code(code: i64) -> Self {
        usize::try_from(code).ok().and_then(|at| Self::ALL.get(at).copied()).unwrap_or(Self::Waiting)
    }
}

/// A change to be stored.
#[derive(Debug, Clone)]
pub struct ChangeToStore<'a> {
    /// The document's row.
    pub document: i64,
    /// Who wrote it.
    pub actor: &'a [u8; 24],
    /// Its number.
    pub seq: u64,
    /// The counter of its last operation.
    pub max_op: u64,
    /// Its hash.
    pub hash: &'a [u8; 32],
    /// The certificate that its signature names.
    pub certificate: &'a [u8; 32],
    /// Its signature.
    pub signature: &'a [u8; 64],
    /// The writer's time.
    pub time: i64,
    /// The operation's code.
    pub code: &'a str,
    /// This device's clock, unix milliseconds.
    pub received_at: i64,
    /// What becomes of it.
    pub state: ChangeState,
    /// Its chunk.
    pub chunk: &'a [u8],
}

/// A stored change without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its row: the order in which this device came to hold it.
    pub id: i64,
    /// Its document's row.
    pub document: i64,
    /// Who wrote it.
    pub actor: [u8; 24],
    /// Its number.
    pub seq: u64,
    /// The counter of its last operation.
    pub max_op: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The certificate that its signature names.
    pub certificate: [u8; 32],
    /// Its signature.
    pub signature: [u8; 64],
    /// The writer's time, unix seconds.
    pub time: i64,
    /// The operation's code.
    pub code: String,
    /// When this device came to hold it, unix milliseconds.
    pub received_at: i64,
    /// What became of it.
    pub state: ChangeState,
    /// The worker, if the certificate counts.
    pub worker: Option<String>,
}

const CHANGE: &str =
    "SELECT c.id, c.document, a.actor, c.seq, c.hash, g.certificate, c.signature, c.time, c.code,
        c.received_at, c.state, w.worker, c.max_op
     FROM change c JOIN actor a ON a.id = c.actor JOIN signer g ON g.id = c.signer
     LEFT JOIN certificate w ON w.hash = g.certificate";

fn change(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow {
        id: row.get(0)?,
        document: row.get(1)?,
        actor: row.get(2)?,
        seq: row.get::<_, i64>(3)?.unsigned_abs(),
        hash: row.get(4)?,
        certificate: row.get(5)?,
        signature: row.get(6)?,
        time: row.get(7)?,
        code: row.get(8)?,
        received_at: row.get(9)?,
        state: ChangeState::from_code(row.get(10)?),
        worker: row.get(11)?,
        max_op: row.get::<_, i64>(12)?.unsigned_abs(),
    })
}

impl Reading<'_> {
    /// A change by its hash.
    pub fn change(&self, document: i64, hash: &[u8; 32]) -> Result<Option<ChangeRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CHANGE} WHERE c.document = ?1 AND c.hash = ?2"))?;
        Ok(statement.query_row(params![document, hash.as_slice()], change).optional()?)
    }

    /// The changes with this number of an actor that are held and that their author signed: two or more are a fork.
    pub fn hashes_at(&self, document: i64, actor: &[u8; 24], seq: u64) -> Result<Vec<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.hash FROM change c JOIN actor a ON a.id = c.actor
             WHERE a.document = ?1 AND a.actor = ?2 AND c.seq = ?3 AND c.state <> 2",
        )?;
        let hashes =
            statement.query_map(params![document, actor.as_slice(), seq as i64], |row| row.get(0))?;
        Ok(hashes.collect::<rusqlite::Result<_>>()?)
    }

    /// The same for all numbers above one, up to another.
    pub fn hashes_above(&self, document: i64, actor: &[u8; 24], seq: u64, top: u64) -> Result<Vec<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.hash FROM change c JOIN actor a ON a.id = c.actor
             WHERE a.document = ?1 AND a.actor = ?2 AND c.seq > ?3 AND c.seq <= ?4 AND c.state <> 2",
        )?;
        let of = params![document, actor.as_slice(), seq as i64, top as i64];
        let hashes = statement.query_map(of, |row| row.get(0))?;
        Ok(hashes.collect::<rusqlite::Result<_>>()?)
    }

    /// The hashes of an actor's changes of one number that nothing of their author's standing keeps out: part of the
    /// document, on a branch of a fork, waiting, or of a newer kind.
    pub fn counting_at(&self, document: i64, actor: &[u8; 24], seq: u64) -> Result<Vec<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.hash FROM change c JOIN actor a ON a.id = c.actor
             WHERE a.document = ?1 AND a.actor = ?2 AND c.seq = ?3 AND c.state NOT IN (2, 5, 6)",
        )?;
        let hashes =
            statement.query_map(params![document, actor.as_slice(), seq as i64], |row| row.get(0))?;
        Ok(hashes.collect::<rusqlite::Result<_>>()?)
    }

    /// Every change of a document, in the order in which they came.
    pub fn changes(&self, document: i64) -> Result<Vec<ChangeRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CHANGE} WHERE c.document = ?1 ORDER BY c.id"))?;
        Ok(statement.query_map([document], change)?.collect::<rusqlite::Result<_>>()?)
    }

    /// The accepted changes of a case, newest first, after a given row and at most so many.
    pub fn event_log(
        &self,
        case: &[u8; 16],
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(ChangeRow, String)>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{}, d.kind FROM change c JOIN actor a ON a.id = c.actor JOIN signer g ON g.id = c.signer
             JOIN document d ON d.id = c.document JOIN scope s ON s.id = d.scope
             LEFT JOIN certificate w ON w.hash = g.certificate
             WHERE s.case_id = ?1 AND c.state = 0 AND (?2 IS NULL OR c.id < ?2)
             ORDER BY c.id DESC LIMIT ?3",
            CHANGE.split(" FROM ").next().unwrap_or_default().trim_end()
        ))?;
        let rows = statement
            .query_map(params![case.as_slice(), before, limit], |row| Ok((change(row)?, row.get(13)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Changes that are held and not accepted, oldest first.
    pub fn held(&self) -> Result<Vec<ChangeRow>> {
        let mut statement =
            self.connection.prepare_cached(&format!("{CHANGE} WHERE c.state <> 0 ORDER BY c.id"))?;
        Ok(statement.query_map([], change)?.collect::<rusqlite::Result<_>>()?)
    }

    /// How many changes of a document are held whose author is unknown.
    pub fn unknown_authors(&self, document: i64) -> Result<u64> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM change WHERE document = ?1 AND state = 2")?;
        let count: i64 = statement.query_row([document], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// How many changes of a device in a document are held in a state.
    pub fn held_by(&self, document: i64, device: &[u8; 16], state: ChangeState) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM change c JOIN actor a ON a.id = c.actor
             WHERE c.document = ?1 AND c.state <> 0 AND c.state = ?3 AND substr(a.actor, 1, 16) = ?2",
        )?;
        let count: i64 =
            statement.query_row(params![document, device.as_slice(), state.code()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Whether a change of a document is held that is not part of it.
    pub fn holds_apart(&self, document: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM change WHERE document = ?1 AND state <> 0)";
        Ok(self.connection.prepare_cached(sql)?.query_row([document], |row| row.get(0))?)
    }

    /// The actors and numbers of a document's changes that are held and not part of it.
    pub fn held_apart(&self, document: i64) -> Result<Vec<([u8; 24], u64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.actor, c.seq FROM change c JOIN actor a ON a.id = c.actor
             WHERE c.document = ?1 AND c.state <> 0 AND c.state <> 2",
        )?;
        let number = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        Ok(statement.query_map([document], number)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether a change of a document is held in a state.
    pub fn holds_in_state(&self, document: i64, state: ChangeState) -> Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM change WHERE document = ?1 AND state <> 0 AND state = ?2)",
        )?;
        Ok(statement.query_row(params![document, state.code()], |row| row.get(0))?)
    }

    /// Held changes of one document with their bytes.
    pub fn held_of(&self, document: i64) -> Result<Vec<(ChangeRow, Vec<u8>)>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{CHANGE} WHERE c.document = ?1 AND c.state <> 0 ORDER BY c.id"))?;
        let rows: Vec<ChangeRow> =
            statement.query_map([document], change)?.collect::<rusqlite::Result<_>>()?;
        rows.into_iter()
            .map(|row| {
                let bytes = self.chunk(row.id)?.ok_or(StorageFailed::damaged("change"))?;
                Ok((row, bytes))
            })
            .collect()
    }

    /// A change's chunk; nothing once a snapshot has absorbed it.
    pub fn chunk(&self, id: i64) -> Result<Option<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached("SELECT bytes FROM change WHERE id = ?1")?;
        let blob: Option<Vec<u8>> = statement.query_row([id], |row| row.get(0)).optional()?.flatten();
        blob.map(|blob| open_blob(&blob, "change")).transpose()
    }

    /// The accepted changes that no snapshot holds: their rows and hashes, in the order in which they came.
    pub fn pending(&self, document: i64) -> Result<Vec<(i64, [u8; 32])>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, hash FROM change WHERE document = ?1 AND bytes IS NOT NULL AND state = 0 ORDER BY id",
        )?;
        let rows = statement.query_map([document], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The chunks of those changes.
    pub fn pending_chunks(&self, document: i64) -> Result<Vec<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT bytes FROM change WHERE document = ?1 AND bytes IS NOT NULL AND state = 0 ORDER BY id",
        )?;
        let blobs: Vec<Vec<u8>> =
            statement.query_map([document], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        blobs.iter().map(|blob| open_blob(blob, "change")).collect()
    }

    /// The accepted changes that were here at a time by this device's clock, in milliseconds.
    pub fn received_until(&self, document: i64, time: i64) -> Result<Vec<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT hash FROM change WHERE document = ?1 AND state = 0 AND received_at <= ?2",
        )?;
        Ok(statement
            .query_map(params![document, time], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Each actor's last accepted change that is not later than a time by its writer's clock.
    pub fn last_until(&self, document: i64, time: i64) -> Result<Vec<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT hash, max(seq) FROM change WHERE document = ?1 AND state = 0 AND time <= ?2 GROUP BY actor",
        )?;
        Ok(statement
            .query_map(params![document, time], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// How many changes are held, and how many of them are not accepted.
    pub fn change_counts(&self) -> Result<(u64, u64)> {
        let all = self.count("SELECT count(*) FROM change")?;
        let held = self.count("SELECT count(*) FROM change WHERE state <> 0")?;
        Ok((all, held))
    }

    /// The newest change's row; 0 where there is none.
    pub fn newest_change(&self) -> Result<i64> {
        let mut statement = self.connection.prepare_cached("SELECT coalesce(max(id), 0) FROM change")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// The rows of documents that got changes after a given one.
    pub fn documents_changed_after(&self, change: i64) -> Result<Vec<i64>> {
        let mut statement =
            self.connection.prepare_cached("SELECT DISTINCT document FROM change WHERE id > ?1")?;
        Ok(statement.query_map([change], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// Adds a change. Whoever was known to hold this number of its actor holds another change under it, or one of a fork's.
    pub fn add_change(&self, change: &ChangeToStore<'_>) -> Result<i64> {
        let actor = self.actor_row(change.document, change.actor)?;
        let signer = self.signer_row(change.certificate)?;
        let blob = [&[1], change.chunk].concat();
        if change.state != ChangeState::UnknownAuthor {
            self.forget_held_from(change.document, change.actor, change.seq)?;
        }
        self.tx
            .prepare_cached(
                "INSERT INTO change (document, actor, seq, max_op, hash, signer, signature, time, code, received_at,
                                     state, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                change.document,
                actor,
                change.seq as i64,
                change.max_op as i64,
                change.hash.as_slice(),
                signer,
                change.signature.as_slice(),
                change.time,
                change.code,
                change.received_at,
                change.state.code(),
                blob
            ])?;
        Ok(self.tx.last_insert_rowid())
    }

    fn signer_row(&self, certificate: &[u8; 32]) -> Result<i64> {
        let mut find = self.tx.prepare_cached("SELECT id FROM signer WHERE certificate = ?1")?;
        if let Some(id) = find.query_row([certificate.as_slice()], |row| row.get(0)).optional()? {
            return Ok(id);
        }
        self.tx
            .prepare_cached("INSERT INTO signer (certificate) VALUES (?1)")?
            .execute([certificate.as_slice()])?;
        Ok(self.tx.last_insert_rowid())
    }

    /// Forgets a held change: it turned out to be forged.
    pub fn remove_change(&self, id: i64) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM change WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// Says what became of a change.
    pub fn set_state(&self, id: i64, state: ChangeState) -> Result<()> {
        self.tx
            .prepare_cached("UPDATE change SET state = ?2 WHERE id = ?1")?
            .execute(params![id, state.code()])?;
        Ok(())
    }
}
