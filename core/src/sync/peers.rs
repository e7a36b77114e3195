//! What the store knows of its peers: who may have what, what each holds, and when it was last met.

use std::collections::BTreeMap;

use super::digest::{Digest, Held};
use super::wire::RecordVector;
use crate::error::Result;
use crate::exchange::vector::{self, Holding};
use crate::ids::{ChangeHash, DeviceId, sha256};
use crate::store::{LogLevel, Store};

impl Store {
    /// What is held of the scopes that this device and a peer may both read.
    pub(crate) fn held_with(&self, peer: DeviceId) -> Result<Held> {
        self.read(|reading| Held::of(reading, |scope| self.both_read(peer, scope).unwrap_or(false)))
    }

    /// Whether this device and a peer may both read a scope.
    pub(crate) fn both_read(&self, peer: DeviceId, scope: &[u8; 16]) -> Result<bool> {
        let _ = (peer, scope);
        Ok(true)
    }

    /// Whether a peer may bring something of a scope: this device may read it.
    pub(crate) fn may_take(&self, peer: DeviceId, scope: &[u8; 16]) -> Result<bool> {
        let _ = (peer, scope);
        Ok(true)
    }

    /// Whether a device may have what it is entitled to: its certificate counts, and has neither ended nor expired.
    pub(crate) fn may_connect(&self, device: DeviceId) -> Result<bool> {
        Ok(self.own().authority.certificate_of(device).is_some())
    }

    /// Records of a log above some numbers; the numbers become those that were reached.
    pub(crate) fn records_after(&self, log: &[u8; 16], theirs: &mut RecordVector) -> Vec<Vec<u8>> {
        let own = self.own();
        let mut records = Vec::new();
        for signed in own.authority.records().iter().filter(|signed| signed.record.log == *log) {
            let known = theirs.entry(signed.record.issuer).or_insert(0);
            if signed.record.number > *known {
                *known = signed.record.number;
                records.push(signed.encode());
            }
        }
        records
    }

    /// The peer has these records: it sent them.
    pub(crate) fn note_records(&self, known: &mut BTreeMap<[u8; 16], RecordVector>, records: &[Vec<u8>]) {
        for signed in records.iter().filter_map(|bytes| crate::identity::record::Signed::decode(bytes).ok()) {
            let vector = known.entry(signed.record.log).or_default();
            let number = vector.entry(signed.record.issuer).or_insert(0);
            *number = signed.record.number.max(*number);
        }
    }

    /// The logs of a scope: its case's and its own.
    pub(crate) fn logs_of(&self, scope: &[u8; 16]) -> Result<Vec<[u8; 16]>> {
        let row = self.read(|reading| Ok(reading.scope(scope)?))?;
        Ok(row.map(|row| vec![row.case_id, row.scope_id]).unwrap_or_default())
    }

    /// What is held of the case and scope logs that this device and a peer are both in.
    pub(crate) fn case_logs(&self, peer: DeviceId) -> Result<Vec<([u8; 16], RecordVector)>> {
        let _ = peer;
        Ok(Vec::new())
    }

    /// A digest over those.
    pub(crate) fn case_logs_digest(&self, peer: DeviceId) -> Result<Digest> {
        let mut bytes = Vec::new();
        for (log, vector) in self.case_logs(peer)? {
            bytes.extend_from_slice(&log);
            for (issuer, number) in vector {
                bytes.extend_from_slice(&issuer);
                bytes.extend_from_slice(&number.to_be_bytes());
            }
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(&[&bytes])[..16]);
        Ok(digest)
    }

    /// What a peer is known to hold of a document.
    pub(crate) fn held_by(&self, peer: DeviceId, document: i64) -> Result<Holding> {
        let held = self.read(|reading| Ok(reading.held_by(peer.as_bytes(), document)?))?;
        Ok(held.into_iter().map(|(actor, seq)| (actor, (seq, [0; 8]))).collect())
    }

    /// Peer and store hold the same of these documents.
    pub(crate) fn note_equal(&self, peer: DeviceId, held: &Held) -> Result<()> {
        let rows: Vec<i64> = held.0.values().flat_map(|scope| scope.values()).map(|held| held.row).collect();
        let behind = self.read(|reading| {
            let mut behind = Vec::new();
            for row in rows {
                let ours = vector::of_document(reading, row)?;
                let known: BTreeMap<_, _> = reading.held_by(peer.as_bytes(), row)?.into_iter().collect();
                if ours.iter().any(|(actor, (seq, _))| known.get(actor).is_none_or(|known| known < seq)) {
                    behind.push((row, ours));
                }
            }
            Ok(behind)
        })?;
        if behind.is_empty() { Ok(()) } else { self.keep_held(peer, &behind, false) }
    }

    /// A peer says what it holds of documents. Where that is less than it was known to hold, it was restored: the truth
    /// is what it says now. Where it knows later work of this device's own present actor than is here, this device was
    /// restored: it writes there as somebody new from now on, and gets its work back.
    pub(crate) fn note_vectors(&self, peer: DeviceId, vectors: &[(i64, Holding)]) -> Result<()> {
        if vectors.is_empty() { Ok(()) } else { self.keep_held(peer, vectors, true) }
    }

    /// Keeps what a peer acknowledged, by document id.
    pub(crate) fn note_held_documents<'a>(
        &self,
        peer: DeviceId,
        held: impl Iterator<Item = ([u8; 16], &'a Holding)>,
    ) -> Result<()> {
        let rows = self.read(|reading| {
            let mut rows = Vec::new();
            for (document, holding) in held {
                rows.extend(reading.document(&document)?.map(|row| (row.id, holding.clone())));
            }
            Ok(rows)
        })?;
        if rows.is_empty() { Ok(()) } else { self.keep_held(peer, &rows, false) }
    }

    fn keep_held(&self, peer: DeviceId, held: &[(i64, Holding)], all_of_it: bool) -> Result<()> {
        self.inner.database.write(|tx| {
            for (row, holding) in held {
                if all_of_it {
                    tx.clear_held_elsewhere(peer.as_bytes(), *row)?;
                }
                let own = tx.reading().own_actor(*row)?;
                for (actor, (seq, hash)) in holding {
                    // Only what is the same change here: a fork's number says nothing.
                    let ours = tx.reading().hash_at(*row, actor, *seq)?;
                    if ours.is_some_and(|ours| ours[..8] == *hash) {
                        tx.set_held_elsewhere(peer.as_bytes(), *row, actor, *seq)?;
                    } else if ours.is_none() && own == Some(*actor) {
                        tx.rotate_actor(*row)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// A peer did not take some changes.
    pub(crate) fn log_notices(&self, peer: DeviceId, notices: &[([u8; 32], String)]) {
        for (hash, reason) in notices {
            let ids = vec![peer.to_string(), ChangeHash(*hash).to_string(), reason.clone()];
            self.inner.log(LogLevel::Warning, "sync.refused_by_peer", ids);
        }
    }
}
