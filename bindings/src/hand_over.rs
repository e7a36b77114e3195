//! A file for one device, written and read.

use std::path::Path;
use std::sync::Arc;

use caseplan_core::exchange::ImportReport;
use caseplan_core::ids::{DeviceId, WorkerId};
use caseplan_core::sync::{HandOverReport, HandedOver};

use crate::care::{ProgressListener, tell};
use crate::error::CaseplanError;
use crate::store::{CancelToken, CoreStore};

/// What a file carries.
#[uniffi::remote(Record)]
pub struct HandedOver {
    /// The device that can read it.
    pub recipient: DeviceId,
    /// Documents that were looked through.
    pub documents: u64,
    /// Changes that the recipient was not known to hold.
    pub changes: u64,
    /// The size of the file.
    pub bytes: u64,
}

/// What came out of a file.
#[uniffi::remote(Record)]
pub struct HandOverReport {
    /// The device that wrote it, once it was proven.
    pub sender: Option<DeviceId>,
    /// Its worker.
    pub worker: Option<WorkerId>,
    /// Changes of scopes that this device may not read any more: they were not taken.
    pub not_entitled: u64,
    /// What was taken in.
    pub taken: ImportReport,
}

#[uniffi::export]
impl CoreStore {
    /// Writes a file for one device: what it is not known to hold of what it may read today. It is good for 72 hours.
    pub fn hand_over(
        &self,
        device: DeviceId,
        file: String,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<HandedOver, CaseplanError> {
        let token = CancelToken::of(cancel.as_ref());
        let tell = tell(progress.as_ref());
        Ok(self.core()?.sync().hand_over_file(device, Path::new(&file), tell, &token)?)
    }

    /// Reads a file that was handed over to this device. Reading it again does no harm.
    pub fn take_over(
        &self,
        file: String,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelToken>>,
    ) -> Result<HandOverReport, CaseplanError> {
        let token = CancelToken::of(cancel.as_ref());
        Ok(self.core()?.sync().take_over_file(Path::new(&file), tell(progress.as_ref()), &token)?)
    }
}
