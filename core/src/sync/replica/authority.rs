//! Authority records first: whoever is believed is settled before any case data is sent.

use super::{Access, Replica, ReplicaFailed, Side, Stage};
use crate::error::Result;
use crate::exchange::message::Message;
use crate::sync::digest::Digest;
use crate::sync::wire::{RecordVector, Wire};

impl Replica {
    /// Says what this side holds of the domain log, and a digest of the case logs.
    pub(super) fn say_authority(&mut self) -> Result<()> {
        let (vector, cases) = (self.store.own().authority.vector(), self.store.case_logs_digest(self.peer)?);
        self.out.push_back(Wire::Authority { vector, cases });
        Ok(())
    }

    /// The peer says what it holds: it gets what it lacks, and hears what this side holds.
    pub(super) fn on_authority(&mut self, vector: RecordVector, cases: Digest) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Authority], "authority")?;
        let domain = *self.store.own().authority.domain().as_bytes();
        self.records.insert(domain, vector);
        self.say_records(&[domain])?;
        match self.side {
            Side::Initiator => self.say_authority()?,
            // The records of the initiator came before its vector: it is judged by all that both hold.
            Side::Responder => {
                self.judge()?;
                if cases != self.store.case_logs_digest(self.peer)? {
                    let logs = self.store.case_logs(self.peer)?;
                    self.out.push_back(Wire::Logs(logs));
                }
            }
        }
        Ok(())
    }

    /// Records of these logs that the peer lacks; an answer even if it lacks none.
    fn say_records(&mut self, logs: &[[u8; 16]]) -> Result<()> {
        let mut records = Vec::new();
        for log in logs {
            let theirs = self.records.entry(*log).or_default();
            records.extend(self.store.records_after(log, theirs));
        }
        self.out.push_back(Wire::Records(records));
        Ok(())
    }

    /// The peer's case logs differ from this side's: both send what the other lacks.
    pub(super) fn on_logs(&mut self, logs: Vec<([u8; 16], RecordVector)>) -> Result<(), ReplicaFailed> {
        if self.access == Access::UploadOnly {
            return Ok(());
        }
        let shared: Vec<[u8; 16]> =
            self.store.case_logs(self.peer)?.into_iter().map(|(log, _)| log).collect();
        for (log, vector) in logs {
            if shared.contains(&log) {
                self.records.insert(log, vector);
            }
        }
        self.say_records(&shared)?;
        if self.side == Side::Initiator {
            let own = self.store.case_logs(self.peer)?;
            self.out.push_back(Wire::Logs(own));
        }
        Ok(())
    }

    /// Records may come at any time, and are taken before anything after them.
    pub(super) fn on_records(&mut self, records: &[Vec<u8>]) -> Result<(), ReplicaFailed> {
        if !records.is_empty() {
            self.import.take(Message::Authority { records: records.to_vec() })?;
            self.store.note_records(&mut self.records, records);
        }
        self.judge()?;
        self.settled = true;
        if self.stage == Stage::Authority && self.side == Side::Initiator {
            self.begin()?;
        }
        Ok(())
    }

    /// Judges the peer and this device by the records held now.
    fn judge(&mut self) -> Result<()> {
        let ended = !self.store.may_connect(self.peer)?;
        if ended && self.access == Access::Full {
            self.access = Access::UploadOnly;
            self.queue.clear();
            self.out.retain(|wire| matches!(wire, Wire::Records(_) | Wire::Authority { .. }));
            self.out.push_back(Wire::UploadOnly);
        }
        Ok(())
    }

    /// Begins the first round, or the upload of an ended device's own work.
    fn begin(&mut self) -> Result<()> {
        let own = self.store.own().device;
        if !self.store.may_connect(own)? {
            return self.upload();
        }
        if self.access == Access::Full {
            self.begin_round()?;
        }
        Ok(())
    }

    /// The peer gives this device nothing: it hands over its own work.
    pub(super) fn on_upload_only(&mut self) -> Result<(), ReplicaFailed> {
        if self.stage != Stage::Upload {
            self.queue.clear();
            self.upload()?;
        }
        Ok(())
    }
}
