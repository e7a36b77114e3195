//! Authority records and certificates as they are kept. What counts is never stored: it follows from them.

use rusqlite::params;

use super::database::{Reading, Writing};
use super::failure::StorageFailed;

type Result<T> = std::result::Result<T, StorageFailed>;

/// The log that a record of a case stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseLog {
    /// The case.
    pub case: [u8; 16],
    /// The scope; nothing for the case's own log.
    pub scope: Option<[u8; 16]>,
}

/// A document, an actor, and its highest number up to which every change is held.
pub type HeldUpTo = ([u8; 16], [u8; 24], u64);

impl Reading<'_> {
    /// Every record of the domain, each after what it needs.
    pub fn domain_records(&self) -> Result<Vec<Vec<u8>>> {
        self.blobs("SELECT bytes FROM domain_record ORDER BY id")
    }

    /// Every record of cases and scopes, each after what it needs.
    pub fn case_records(&self) -> Result<Vec<Vec<u8>>> {
        self.blobs("SELECT bytes FROM case_record ORDER BY id")
    }

    /// Every certificate of a domain that this store left.
    pub fn former_certificates(&self) -> Result<Vec<Vec<u8>>> {
        self.blobs("SELECT bytes FROM former_certificate ORDER BY hash")
    }

    /// A device's highest change per document and actor in a scope, up to which every change is held. `refused` adds
    /// those that wait because their author was ended or had no grant.
    pub fn held_of_device(
        &self,
        scope: &[u8; 16],
        device: &[u8; 16],
        refused: bool,
    ) -> Result<Vec<HeldUpTo>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT d.document_id, a.actor, c.seq, dense_rank() OVER (PARTITION BY c.actor ORDER BY c.seq) AS held
             FROM scope s JOIN document d ON d.scope = s.id JOIN actor a ON a.document = d.id
             JOIN change c ON c.actor = a.id
             WHERE s.scope_id = ?1 AND substr(a.actor, 1, 16) = ?2
                AND (c.state NOT IN (2, 5, 6, 7) OR ?3 AND c.state NOT IN (2, 7))
             ORDER BY d.document_id, a.actor, c.seq",
        )?;
        let mut found: Vec<HeldUpTo> = Vec::new();
        let mut rows = statement.query(params![scope.as_slice(), device.as_slice(), refused])?;
        while let Some(row) = rows.next()? {
            let (document, actor) = (row.get(0)?, row.get(1)?);
            let (seq, held) = (row.get::<_, i64>(2)?, row.get::<_, i64>(3)?);
            if seq != held {
                continue; // above a gap
            }
            let entry = (document, actor, seq.unsigned_abs());
            match found.last_mut() {
                Some(last) if (last.0, last.1) == (document, actor) => *last = entry,
                _ => found.push(entry),
            }
        }
        Ok(found)
    }

    /// Everybody who wrote in any document: the document's row, the actor's row, and the actor. By document.
    pub fn authors(&self) -> Result<Vec<(i64, i64, [u8; 24])>> {
        let mut statement =
            self.connection.prepare_cached("SELECT document, id, actor FROM actor ORDER BY document, id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The changes of an actor's row that are part of its document, above a number: number, the writer's time in unix
    /// seconds, and the certificate.
    pub fn applied_above(&self, actor: i64, seq: u64) -> Result<Vec<(u64, i64, [u8; 32])>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.seq, c.time, g.certificate FROM change c JOIN signer g ON g.id = c.signer
             WHERE c.actor = ?1 AND c.seq > ?2 AND c.state = 0 ORDER BY c.seq",
        )?;
        let rows = statement.query_map(params![actor, seq as i64], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The certificates, by hash, in whose name a device signed changes and founded cases.
    pub fn certificates_used_by(&self, device: &[u8; 16]) -> Result<Vec<[u8; 32]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT g.certificate FROM signer g JOIN change c ON c.signer = g.id
             JOIN actor a ON a.id = c.actor WHERE substr(a.actor, 1, 16) = ?1",
        )?;
        Ok(statement.query_map([device.as_slice()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn blobs(&self, sql: &str) -> Result<Vec<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}

impl Writing<'_> {
    /// Adds a record of the domain.
    pub fn add_domain_record(&self, bytes: &[u8], received_at: i64) -> Result<()> {
        self.tx
            .prepare_cached("INSERT INTO domain_record (bytes, received_at) VALUES (?1, ?2)")?
            .execute(params![bytes, received_at])?;
        Ok(())
    }

    /// Adds a record of a case or of one of its scopes, which must be here.
    pub fn add_case_record(&self, log: &CaseLog, bytes: &[u8], received_at: i64) -> Result<()> {
        let added = self
            .tx
            .prepare_cached(
                "INSERT INTO case_record (case_id, scope, bytes, received_at)
                 SELECT f.case_id, s.id, ?3, ?4 FROM founding f
                 LEFT JOIN scope s ON s.case_id = f.case_id AND s.scope_id = ?2
                 WHERE f.case_id = ?1 AND (?2 IS NULL OR s.id IS NOT NULL)",
            )?
            .execute(params![
                log.case.as_slice(),
                log.scope.as_ref().map(|scope| scope.as_slice()),
                bytes,
                received_at
            ])?;
        if added == 1 { Ok(()) } else { Err(StorageFailed::damaged("scope")) }
    }

    /// Forgets every record and certificate: to join another domain.
    pub fn clear_authority(&self) -> Result<()> {
        self.tx
            .execute_batch("DELETE FROM domain_record; DELETE FROM case_record; DELETE FROM certificate;")?;
        Ok(())
    }

    /// Keeps a certificate of a domain that this store leaves.
    pub fn add_former_certificate(&self, hash: &[u8; 32], bytes: &[u8]) -> Result<()> {
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO former_certificate (hash, bytes) VALUES (?1, ?2)")?
            .execute(params![hash.as_slice(), bytes])?;
        Ok(())
    }

    /// Forgets which certificates count, to say it anew.
    pub fn clear_certificates(&self) -> Result<()> {
        self.tx.execute("DELETE FROM certificate", [])?;
        Ok(())
    }

    /// Adds a certificate that counts.
    pub fn add_certificate(&self, hash: &[u8; 32], device: &[u8; 16], worker: &str) -> Result<()> {
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO certificate (hash, device, worker) VALUES (?1, ?2, ?3)")?
            .execute(params![hash.as_slice(), device.as_slice(), worker])?;
        Ok(())
    }
}
