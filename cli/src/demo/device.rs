//! One of the story's two devices: a store file, its vault, a clock that is set by hand.

use std::path::Path;
use std::sync::Arc;

use caseplan_core::ids::DeviceId;
use caseplan_core::storage::Location;
use caseplan_core::testing::{FixedClock, SeededRandom};
use caseplan_core::time::{Day, Instant};
use caseplan_core::{Store, StoreConfig};
use chrono::NaiveTime;

use crate::door::{self, Profile};
use crate::failed::Result;

/// A device with its store.
pub struct Device {
    /// What people call it.
    pub name: &'static str,
    /// Its store.
    pub store: Store,
    clock: Arc<FixedClock>,
}

impl Device {
    /// Opens a device's store in a folder; the seed makes its ids.
    pub fn open(
        folder: &Path,
        name: &'static str,
        profile: &Profile,
        seed: u64,
        now: Instant,
    ) -> Result<Self> {
        let file = folder.join(format!("{name}.db"));
        let clock = Arc::new(FixedClock::at(now));
        let config = StoreConfig {
            location: Location::File(file.clone()),
            worker: profile.worker.clone(),
            zone: profile.zone,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(seed)),
            log: None,
        };
        let store = Store::open(config, door::vault(&file)?)?;
        door::keep_profile(&file, profile)?;
        Ok(Self { name, store, clock })
    }

    /// Sets the clock to a day and time of the wall.
    pub fn at(&self, day: Day, hour: u32, minute: u32) {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
        self.clock.set(self.store.zone().instant_of(day.and_time(time)));
    }

    /// Which device it is.
    pub fn id(&self) -> DeviceId {
        self.store.identity().device()
    }

    /// One figure for everything that it holds.
    pub fn digest(&self) -> Result<String> {
        Ok(self.store.exchange().digest()?)
    }

    /// Lets go of the file.
    pub fn close(&self) {
        self.store.close();
    }
}
