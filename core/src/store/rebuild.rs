//! Projections made anew from documents and records, and how far ahead planned visits are among them.

use chrono::Days;

use super::project::{self, Touched};
use super::{Changes, Store};
use crate::access::records;
use crate::contact::fields::LogView;
use crate::document::layout::contact_log;
use crate::document::{Document, Kind};
use crate::error::{Error, Result};
use crate::exchange::{CancelToken, WorkProgress};
use crate::ids::{CaseId, ContactId};
use crate::issue::DUPLICATE_CONTACT;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::setting;
use crate::storage::{Reading, StorageFailed, Writing};
use crate::time::Day;

/// Projections of this version; a store with others rebuilds them when it is opened.
const PROJECTIONS: u32 = 2;
/// How far ahead planned visits are projected, and when that is made good again.
const HORIZON_DAYS: u64 = 400;
const HORIZON_LEAST: u64 = 370;

impl Store {
    /// Drops every projection and makes it again from documents and records, in one transaction.
    ///
    /// # Errors
    /// [`Error::Canceled`]; then every row is as it was.
    pub fn rebuild(&self, mut progress: impl FnMut(WorkProgress), cancel: &CancelToken) -> Result<()> {
        self.ready()?;
        let horizon = self.this_day()?.checked_add_days(Days::new(HORIZON_DAYS)).unwrap_or(Day::MAX);
        let done = self.inner.database.write(|tx| self.rebuild_in(tx, horizon, &mut progress, cancel));
        done.map_err(|error| self.closing(error))?;
        self.retry_held()?;
        Ok(())
    }

    pub(crate) fn rebuild_in(
        &self,
        tx: &Writing<'_>,
        horizon: Day,
        progress: &mut dyn FnMut(WorkProgress),
        cancel: &CancelToken,
    ) -> Result<()> {
        tx.clear_projections()?;
        records::keep_certificates(tx, &self.own().authority)?;
        let documents = tx.reading().documents()?;
        let total = documents.len() as u64;
        for (row, done) in documents.into_iter().zip(1..) {
            if cancel.is_canceled() {
                return Err(Error::Canceled);
            }
            // A document of which nothing is accepted has no rows: its changes wait, or an import was cut.
            if Kind::from_code(&row.kind).is_some() && !tx.reading().heads(row.id)?.is_empty() {
                let document = self.load(&tx.reading(), &row)?;
                project::document(tx, &row, &document, Touched::Everything, horizon)?;
            }
            progress(WorkProgress { done, total });
        }
        tx.set_setting(setting::HORIZON, horizon.to_string().as_bytes())?;
        tx.set_setting(setting::PROJECTIONS, &PROJECTIONS.to_be_bytes())?;
        Ok(())
    }

    /// Projects a document out of which something was taken, so that nothing shows what it does not hold any more.
    pub(crate) fn project_rest(
        &self,
        tx: &Writing<'_>,
        row: &DocumentRow,
        document: &Document,
        horizon: Day,
    ) -> Result<Changes> {
        let brought = tx.take_external(row.id)?;
        let changes = project::document(tx, row, document, Touched::Everything, horizon)?;
        if document.kind() == Kind::ContactLog {
            let view = document.view();
            let log = LogView::new(CaseId::from_slice(&row.case_id)?, &view);
            let keys = view.keys(contact_log::CONTACTS);
            let shown = keys.iter().filter_map(|key| key.parse::<ContactId>().ok());
            let kept = shown.filter(|id| log.contact(*id).is_some()).map(|id| *id.as_bytes()).collect();
            for gone in tx.keep_contacts(row.id, &kept)? {
                tx.put_issues(DUPLICATE_CONTACT, &gone, &[])?;
            }
        }
        for (source, external_id, kind) in brought {
            if tx.reading().external(&source, &external_id, &kind)?.is_none() {
                // Something else may claim the agency's id: it stood behind what has gone.
                self.rebuild_in(tx, horizon, &mut |_| {}, &CancelToken::default())?;
                break;
            }
        }
        Ok(changes)
    }

    pub(crate) fn refresh_projections(&self) -> Result<()> {
        let current = self.read(|reading| Ok(reading.setting(setting::PROJECTIONS)?))?;
        if current.as_deref() == Some(&PROJECTIONS.to_be_bytes()) {
            return Ok(());
        }
        self.rebuild(|_| {}, &CancelToken::default())
    }

    /// The day up to which planned visits are projected.
    pub(crate) fn horizon(&self, reading: &Reading<'_>) -> Result<Day> {
        let stored = reading.setting(setting::HORIZON)?;
        let day = stored.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.parse().ok());
        day.ok_or(StorageFailed::damaged("horizon").into())
    }

    /// Moves the horizon when it has come near.
    pub(crate) fn extend_horizon(&self, today: Day) -> Result<()> {
        let horizon = self.read(|reading| self.horizon(reading))?;
        if today.checked_add_days(Days::new(HORIZON_LEAST)).is_none_or(|least| horizon >= least) {
            return Ok(());
        }
        let Some(horizon) = today.checked_add_days(Days::new(HORIZON_DAYS)) else { return Ok(()) };
        self.inner.database.write(|tx| {
            for row in tx.reading().plan_rows(None)? {
                let plan = crate::json::from_text(&row.detail).ok_or(StorageFailed::damaged("plan"))?;
                project::put_plan(tx, &plan, horizon)?;
            }
            Ok(tx.set_setting(setting::HORIZON, horizon.to_string().as_bytes())?)
        })
    }

    /// How many projection rows differ from what the documents say. The rebuilt rows are rolled back.
    ///
    /// # Errors
    /// [`Error::Canceled`].
    pub(super) fn stale_rows(
        &self,
        progress: &mut dyn FnMut(WorkProgress),
        cancel: &CancelToken,
    ) -> Result<u64> {
        let mut differ = None;
        let rolled_back = self.inner.database.write(|tx| {
            let before = tx.reading().dump_projections()?;
            let horizon = self.horizon(&tx.reading())?;
            self.rebuild_in(tx, horizon, progress, cancel)?;
            let after = tx.reading().dump_projections()?;
            let missing = after.iter().filter(|line| before.binary_search(line).is_err()).count();
            let wrong = before.iter().filter(|line| after.binary_search(line).is_err()).count();
            differ = Some((missing + wrong) as u64);
            Err::<(), Error>(Error::Canceled)
        });
        match rolled_back {
            Err(Error::Canceled) | Ok(()) => differ.ok_or(Error::Canceled),
            Err(other) => Err(self.closing(other)),
        }
    }
}
