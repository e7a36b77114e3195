//! Records, own or somebody else's, stored with what they bring about: receipts for each end that they bring, the
//! certificates that count, the certificate to sign with. One transaction each.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::receipts;
use crate::error::{Error, Result};
use crate::exchange::intake::Intake;
use crate::identity::record::{RecordHash, Signed};
use crate::identity::{Authority, DeviceKeys, RecordRefused};
use crate::ids::DeviceId;
use crate::storage::documents::DocumentRow;
use crate::storage::records::CaseLog;
use crate::storage::settings::setting;
use crate::storage::{StorageFailed, Writing};
use crate::store::{Changes, Store, Topic, locked};

/// What became of records that somebody sent.
#[derive(Debug, Default)]
pub struct TakenRecords {
    /// How many were new.
    pub fresh: u64,
    /// Those that were not taken. After a gap or an unknown issuer they may be sent again later.
    pub refused: Vec<RecordRefused>,
    /// What became of changes that waited, by document.
    pub(crate) retried: Vec<(DocumentRow, Intake)>,
}

/// A change of records that is under way.
pub(crate) struct Records<'a> {
    pub tx: &'a Writing<'a>,
    pub authority: Authority,
    pub device: DeviceId,
    pub keys: Option<DeviceKeys>,
    /// This device's clock, unix seconds.
    pub now: i64,
}

impl Records<'_> {
    /// This device's keys.
    pub fn keys(&self) -> Result<DeviceKeys> {
        self.keys.clone().ok_or(Error::KeysLost)
    }
}

impl Store {
    /// Takes in records that somebody sent, then what waited for them.
    pub(crate) fn take_records(&self, records: Vec<Signed>) -> Result<TakenRecords> {
        let mut taken = TakenRecords::default();
        let homeless = |authority: &Authority, signed: &Signed| {
            let log = signed.record.log;
            log != authority.domain_log()
                && log != authority.network_log()
                && !authority
                    .scopes()
                    .any(|scope| log == *scope.case.as_bytes() || log == *scope.id().as_bytes())
        };
        taken.fresh = self.change_records(|change| {
            let mut fresh = 0;
            for signed in records {
                if homeless(&change.authority, &signed) {
                    taken.refused.push(RecordRefused::WrongLog);
                    continue;
                }
                match change.authority.insert(signed) {
                    Ok(new) => fresh += u64::from(new),
                    Err(refused) => taken.refused.push(refused),
                }
            }
            Ok(fresh)
        })?;
        if taken.fresh > 0 {
            taken.retried = self.retry_held()?;
        }
        Ok(taken)
    }

    /// Runs a change of records in one transaction with what the new records bring about.
    pub(crate) fn change_records<T>(&self, work: impl FnOnce(&mut Records<'_>) -> Result<T>) -> Result<T> {
        self.ready()?;
        let _one_at_a_time = locked(&self.inner.records);
        let now = self.now()?;
        let trusted = self.trusted_time()?;
        let (before, device, keys, certificate) = {
            let own = self.own();
            (own.authority.clone(), own.device, own.keys.clone(), own.certificate)
        };
        let held = before.held().all().count();
        let result = self.inner.database.write(|tx| {
            self.ready()?;
            let authority = before.clone();
            let mut change = Records { tx, authority, device, keys, now: now.timestamp() };
            let value = work(&mut change)?;
            receipts::for_new_ends(&mut change, &before)?;
            let fresh: Vec<Signed> =
                change.authority.held().all().skip(held).map(|entry| entry.signed.clone()).collect();
            for signed in &fresh {
                keep(tx, &change.authority, signed, now.timestamp_millis())?;
            }
            let mut certificate = certificate;
            if !fresh.is_empty() {
                keep_certificates(tx, &change.authority)?;
                if let Some(newest) = change.authority.certificate_of(device) {
                    certificate = newest.hash();
                    tx.set_setting(setting::CERTIFICATE, &certificate)?;
                }
                let trusted = trusted.max(change.authority.judgement().highest_time);
                tx.set_setting(setting::TRUSTED_TIME, &trusted.to_be_bytes())?;
            }
            Ok::<_, Error>((value, fresh, certificate))
        });
        let (value, fresh, certificate) = result.map_err(|error| self.closing(error))?;
        if !fresh.is_empty() {
            let mut own = self.inner.own.write().unwrap_or_else(PoisonError::into_inner);
            // Scopes may have become known meanwhile; records come only through here.
            for signed in fresh {
                own.authority.insert(signed).map_err(|_| Error::Unexpected { reason: "record" })?;
            }
            own.certificate = certificate;
            drop(own);
            self.inner.worker.changed(Changes::of(Topic::Identity, None));
        }
        Ok(value)
    }

    /// Tries again whatever is held and not part of its document.
    pub(crate) fn retry_held(&self) -> Result<Vec<(DocumentRow, Intake)>> {
        let rows = self.read(|reading| {
            let waiting: BTreeSet<i64> = reading.held()?.into_iter().map(|held| held.document).collect();
            waiting.into_iter().map(|row| Ok(reading.document_of_row(row)?)).collect::<Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|row| {
                let intake = self.take_changes(&row, Vec::new())?;
                Ok((row, intake))
            })
            .collect()
    }

    /// The time that expiry is judged by, unix seconds: the highest of this device's clock and of any time signed by a
    /// root or an issuer. It never goes back.
    pub fn trusted_time(&self) -> Result<i64> {
        let now = self.now()?.timestamp().max(self.own().authority.judgement().highest_time);
        Ok(self.inner.trusted.fetch_max(now, Ordering::SeqCst).max(now))
    }
}

/// Stores a record in the log that it stands in.
pub(crate) fn keep(tx: &Writing<'_>, authority: &Authority, signed: &Signed, received_at: i64) -> Result<()> {
    let log = signed.record.log;
    let bytes = signed.encode();
    if log == authority.domain_log() || log == authority.network_log() {
        return Ok(tx.add_domain_record(&bytes, received_at)?);
    }
    let of_scope = authority.scopes().find(|scope| *scope.id().as_bytes() == log);
    let of_case = authority.scopes().find(|scope| *scope.case.as_bytes() == log);
    let log = match (of_scope, of_case) {
        (Some(scope), _) => CaseLog { case: *scope.case.as_bytes(), scope: Some(log) },
        (None, Some(_)) => CaseLog { case: log, scope: None },
        (None, None) => return Err(StorageFailed::damaged("scope").into()),
    };
    Ok(tx.add_case_record(&log, &bytes, received_at)?)
}

/// Projects the certificates that count.
pub(crate) fn keep_certificates(tx: &Writing<'_>, authority: &Authority) -> Result<()> {
    tx.clear_certificates()?;
    for (hash, counting) in &authority.judgement().certificates {
        let certificate = &counting.certificate;
        tx.add_certificate(hash, certificate.device.as_bytes(), certificate.worker.as_str())?;
    }
    Ok(())
}

/// The record that ends a device or grants.
pub(crate) type EndHash = RecordHash;
