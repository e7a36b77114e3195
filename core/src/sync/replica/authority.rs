//! Authority records first: whoever is believed is settled before any case data is sent.

use std::collections::{BTreeMap, BTreeSet};

use super::{Access, Replica, ReplicaFailed, Side, Stage};
use crate::error::Result;
use crate::identity::LogVector;
use crate::identity::authority::Standing;
use crate::identity::record::{self, LogId, Signed};
use crate::ids::mark;
use crate::planted::{self, Defect};
use crate::store::Store;
use crate::sync::digest::Digest;
use crate::sync::wire::{PAGE_LOGS, Wire};

/// A peer may name so many logs and issuers in them: of 100,000 scopes and their cases.
const MOST_LOG_ENTRIES: usize = 1_000_000;

impl Replica {
    /// Says what this side holds of the domain log, and a digest of the other logs.
    pub(super) fn say_authority(&mut self) -> Result<()> {
        let logs = self.store.shared_logs(self.peer)?;
        let cases = Store::logs_digest(&logs);
        if self.side == Side::Initiator {
            self.offered = logs;
        }
        let own = self.store.own();
        let vector = own.authority.vector(&own.authority.domain_log());
        drop(own);
        self.out.push_back(Wire::Authority { vector, cases });
        Ok(())
    }

    /// The peer says what it holds: it gets what it lacks, and hears what this side holds.
    pub(super) fn on_authority(&mut self, vector: LogVector, cases: Digest) -> Result<(), ReplicaFailed> {
        self.expect(&[Stage::Authority], "authority")?;
        // Each answer is many times as long as the question: it is given once.
        if self.heard {
            return Err(ReplicaFailed::Protocol("authority"));
        }
        let domain = self.store.own().authority.domain_log();
        self.records.insert(domain, vector);
        self.heard = true;
        // What is held by now is said in what follows, or told apart by the logs' digests.
        self.record_count = self.store.record_count();
        if self.side == Side::Initiator {
            self.say_records(&[domain])?;
            self.say_authority()?;
            return Ok(());
        }
        // The records of the initiator came before its vector: it is judged by all that both hold.
        self.judge()?;
        let logs = self.store.shared_logs(self.peer)?;
        if cases == Store::logs_digest(&logs) {
            self.records.extend(logs);
        } else if self.access == Access::Full {
            // Before the records, on which the initiator begins its round.
            self.say_logs(logs);
        }
        self.say_records(&[domain])?;
        if self.access == Access::UploadOnly {
            // After the records that say why: whoever has nothing to hand over leaves at this word.
            self.out.push_back(Wire::UploadOnly);
        }
        Ok(())
    }

    /// Records of these logs that the peer lacks; an answer even if it lacks none.
    fn say_records(&mut self, logs: &[LogId]) -> Result<()> {
        let mut records = Vec::new();
        for log in logs {
            records.extend(self.store.records_after(log, self.records.entry(*log).or_default()));
        }
        self.push_records(records);
        Ok(())
    }

    /// Says records, in as many messages as it takes.
    pub(super) fn push_records(&mut self, records: Vec<Vec<u8>>) {
        let mut pages = record::pages(records);
        let last = pages.pop().unwrap_or_default();
        self.out.extend(pages.into_iter().map(Wire::SomeRecords));
        self.out.push_back(Wire::Records(last));
    }

    /// Says what is held of logs, in as many messages as it takes.
    fn say_logs(&mut self, logs: BTreeMap<LogId, LogVector>) {
        let mut logs: Vec<_> = logs.into_iter().collect();
        while logs.len() > PAGE_LOGS {
            let rest = logs.split_off(PAGE_LOGS);
            self.out.push_back(Wire::SomeLogs(std::mem::replace(&mut logs, rest)));
        }
        self.out.push_back(Wire::Logs(logs));
    }

    /// The peer says what it holds of some logs.
    pub(super) fn on_some_logs(&mut self, logs: Vec<(LogId, LogVector)>) -> Result<(), ReplicaFailed> {
        if self.access == Access::UploadOnly {
            return Ok(());
        }
        self.log_entries += logs.iter().map(|(_, vector)| 1 + vector.len()).sum::<usize>();
        self.logs.extend(logs);
        // Nobody is asked for logs before he said what he holds.
        let fits = self.heard && self.log_entries <= MOST_LOG_ENTRIES;
        if fits { Ok(()) } else { Err(ReplicaFailed::Protocol("logs")) }
    }

    /// The peer's logs differ from this side's: both send what the other lacks of those that both are in.
    pub(super) fn on_logs(&mut self, last: Vec<(LogId, LogVector)>) -> Result<(), ReplicaFailed> {
        self.on_some_logs(last)?;
        if std::mem::replace(&mut self.logs_heard, true) {
            return Err(ReplicaFailed::Protocol("logs"));
        }
        self.logs_told = true;
        // Who the responder is may stand in the records that follow.
        let waits = (self.stage, self.side) == (Stage::Authority, Side::Initiator);
        if waits { Ok(()) } else { Ok(self.answer_logs()?) }
    }

    fn answer_logs(&mut self) -> Result<()> {
        let logs = std::mem::take(&mut self.logs);
        (self.logs_told, self.log_entries) = (false, 0);
        if self.access == Access::UploadOnly {
            return Ok(());
        }
        self.offered.clear();
        let own = self.store.shared_logs(self.peer)?;
        let theirs: BTreeSet<LogId> = logs.iter().map(|(log, _)| *log).collect();
        let unheard = self.store.unheard_logs(self.peer, &own, &theirs)?;
        let said: Vec<LogId> =
            theirs.into_iter().filter(|log| own.contains_key(log)).chain(unheard.iter().copied()).collect();
        self.records.extend(logs.into_iter().filter(|(log, _)| own.contains_key(log)));
        self.say_records(&said)?;
        // Whether the peer could take them is not known: the case may not have come to it yet.
        unheard.iter().for_each(|log| drop(self.records.remove(log)));
        if self.side == Side::Initiator {
            self.say_logs(own);
        }
        Ok(())
    }

    /// Records may come at any time, and are taken before anything after them.
    pub(super) fn on_some_records(&mut self, records: &[Vec<u8>]) -> Result<(), ReplicaFailed> {
        if !records.is_empty() {
            self.allow_round();
            let read = records.iter().map(|bytes| Signed::decode(bytes)).collect::<Result<Vec<_>, _>>();
            let read = read.map_err(|_| ReplicaFailed::Protocol("record"))?;
            let brought: Vec<_> = read
                .iter()
                .map(|signed| {
                    (signed.record.log, signed.record.issuer, signed.record.number, signed.record.hash())
                })
                .collect();
            // What is not taken is early, or of a case that is not here: it comes again when it is wanted.
            self.store.take_records(read)?;
            for (log, issuer, number, hash) in brought {
                let said = (number, mark(&hash));
                let known = self.records.entry(log).or_default().entry(issuer).or_insert(said);
                if number > known.0 {
                    *known = said;
                }
            }
        }
        Ok(())
    }

    /// The last records for now: the peer is judged by what is held, and has its say in what follows.
    pub(super) fn on_records(&mut self, records: &[Vec<u8>]) -> Result<(), ReplicaFailed> {
        self.on_some_records(records)?;
        if self.logs_told {
            self.answer_logs()?;
        }
        if (self.stage, self.side) == (Stage::Authority, Side::Initiator) {
            // No list of logs came before the answer: the peer's are those that were offered.
            for (log, vector) in std::mem::take(&mut self.offered) {
                self.records.entry(log).or_insert(vector);
            }
        }
        let shut_out = self.judge()?;
        self.settled = true;
        // Before its vectors have come nobody knows what the peer lacks.
        if self.stage == Stage::Authority && self.heard {
            self.say_new_records()?;
        }
        // A responder that has not heard them says so in its answer to them.
        if shut_out && (self.heard || self.side == Side::Initiator) {
            self.out.push_back(Wire::UploadOnly);
        }
        if self.stage == Stage::Authority && self.side == Side::Initiator {
            self.begin()?;
        }
        Ok(())
    }

    /// Says what came to be here since this session last looked; what is held of the logs that both are in, if anything did.
    fn say_new_records(&mut self) -> Result<Option<BTreeMap<LogId, LogVector>>> {
        let count = self.store.record_count();
        if count == std::mem::replace(&mut self.record_count, count) {
            return Ok(None);
        }
        // Whom a record shuts out of a log gets nothing of it any more: of a domain that it left no secret.
        let (logs, domain) = (self.store.shared_logs(self.peer)?, self.store.own().authority.domain_log());
        self.records.retain(|log, _| *log == domain || logs.contains_key(log));
        // Where it is let in again, a scope is introduced again with its log.
        self.founded.retain(|scope| logs.contains_key(scope));
        let mut records = Vec::new();
        for (log, theirs) in &mut self.records {
            records.extend(self.store.records_after(log, theirs));
        }
        if !records.is_empty() {
            self.push_records(records);
        }
        Ok(Some(logs))
    }

    /// The peer gets what records came to be here, and is judged by them: an end counts in the middle of a transfer.
    pub(super) fn notice_records(&mut self) -> Result<()> {
        let known = self.store.record_count() == self.record_count;
        if matches!(self.stage, Stage::Authority | Stage::Over) || known {
            return Ok(());
        }
        let shut_out = self.judge()?;
        let logs = self.say_new_records()?;
        if shut_out {
            self.out.push_back(Wire::UploadOnly);
        }
        // Who may read what of what both are in has changed with them, if any of them is of that.
        let Some(mut logs) = logs else { return Ok(()) };
        let domain = self.store.own().authority.domain_log();
        logs.insert(domain, self.store.own().authority.vector(&domain));
        let logs = Store::logs_digest(&logs);
        if std::mem::replace(&mut self.logs_seen, logs) == logs {
            return Ok(());
        }
        match self.stage {
            Stage::Live if self.access == Access::Full => self.begin_round(),
            Stage::Round => {
                self.round.again = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Judges the peer by the records held now. Whoever may renew its certificate does so when half its time is over.
    /// Answers whether the peer gets nothing from now on, which it is still to be told.
    fn judge(&mut self) -> Result<bool> {
        if self.store.renew_if_due(self.peer)? {
            let domain = self.store.own().authority.domain_log();
            self.say_records(&[domain])?;
        }
        let standing = self.store.standing_of(self.peer)?;
        let ignored = planted::is(Defect::EndIgnoredInOpenSession) && self.stage != Stage::Authority;
        let shut_out = standing != Standing::Current && self.access == Access::Full && !ignored;
        if shut_out {
            self.access = Access::UploadOnly;
            self.pass_over_queue();
            self.late_asked.clear();
            // It waits for answers to what it has handed over.
            let still_said = |wire: &Wire| {
                matches!(wire, Wire::Authority { .. } | Wire::Lacks(_) | Wire::Ack { .. } | Wire::Notice(_))
            };
            self.out.retain(|wire| wire.are_records() || still_said(wire));
        }
        Ok(shut_out)
    }

    /// What waits is not sent.
    fn pass_over_queue(&mut self) {
        self.passed_over |= !self.queue.is_empty();
        self.queue.clear();
    }

    /// Begins the first round, or the upload of work that an ended or expired device still has.
    fn begin(&mut self) -> Result<()> {
        let own = self.store.own().device;
        if self.store.standing_of(own)? != Standing::Current {
            return self.upload();
        }
        if self.access == Access::Full {
            self.begin_round()?;
        }
        Ok(())
    }

    /// The peer gives this device nothing: it hands over its own work, to whom may have it.
    pub(super) fn on_upload_only(&mut self) -> Result<(), ReplicaFailed> {
        if !(self.settled && self.heard) {
            return Err(ReplicaFailed::Protocol("upload only before authority"));
        }
        // Anybody can say so, also whoever is shut out itself.
        let shut_out = self.judge()?;
        if self.stage != Stage::Upload {
            self.keep_theirs()?; // what is not sent now is not known there, though nothing waits
            self.pass_over_queue();
            self.upload()?;
        }
        if shut_out {
            self.out.push_back(Wire::UploadOnly);
        }
        Ok(())
    }
}
