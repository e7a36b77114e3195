//! Invented cases, of any number: for practice, for the demo, for measuring. The same seed makes the same store.
//!
//! - [`dice`]: chance from a seed;
//! - [`words`]: names and neutral, observed sentences;
//! - [`family`]: one case with its people and plans;
//! - [`visits`]: what was recorded under them.
//!
//! Keys and ids come from the seed as well: such a store must never hold real people's data.

mod dice;
mod family;
mod visits;
mod words;

use std::sync::Arc;

use caseplan_core::identity::KeyVault;
use caseplan_core::ids::WorkerId;
use caseplan_core::storage::Location;
use caseplan_core::testing::{FixedClock, SeededRandom};
use caseplan_core::time::{Day, Instant, Zone};
use caseplan_core::{Result, Store, StoreConfig};
use chrono::{Days, NaiveTime};

use dice::Dice;

/// What to invent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeding {
    /// How many cases.
    pub cases: u32,
    /// How many years back they reach.
    pub years: u32,
    /// The same seed makes the same store.
    pub seed: u64,
    /// The last day: nothing is recorded after its noon.
    pub until: Day,
}

/// What was invented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planted {
    /// Cases.
    pub cases: u32,
    /// Participants, primary clients included.
    pub participants: u32,
    /// Visitation plans.
    pub plans: u32,
    /// Contacts.
    pub contacts: u32,
    /// Addenda.
    pub addenda: u32,
}

/// A store with a clock that is set by hand and keys from a seed.
pub struct Practice {
    /// The store.
    pub store: Store,
    /// Its clock.
    pub clock: Arc<FixedClock>,
}

impl Practice {
    /// Opens a practice store; its clock stands at noon of the seeding's last day.
    pub fn open(
        location: Location,
        worker: WorkerId,
        zone: Zone,
        vault: Arc<dyn KeyVault>,
        seeding: &Seeding,
    ) -> Result<Self> {
        let clock = Arc::new(FixedClock::at(noon(zone, seeding.until)));
        let config = StoreConfig {
            location,
            worker,
            zone,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(seeding.seed)),
            log: None,
        };
        Ok(Self { store: Store::open(config, vault)?, clock })
    }

    /// Invents cases, one after another; `progress` hears how many are done. The clock ends where it began.
    pub fn plant(&self, seeding: &Seeding, mut progress: impl FnMut(u32)) -> Result<Planted> {
        let mut planted = Planted::default();
        let zone = self.store.zone();
        let span = u64::from(seeding.years.max(1)) * 365;
        for number in 1..=seeding.cases {
            // Each case has dice of its own, so that more cases do not change the first ones.
            let mut dice = Dice::new(seeding.seed, number);
            let opened = seeding.until - Days::new(30 + dice.below(span.saturating_sub(30).max(1)));
            self.clock.set(noon(zone, opened));
            let family = family::plant(self, &mut dice, number, opened, &mut planted)?;
            visits::plant(self, &mut dice, &family, seeding.until, &mut planted)?;
            planted.cases += 1;
            progress(number);
        }
        self.clock.set(noon(zone, seeding.until));
        Ok(planted)
    }
}

fn noon(zone: Zone, day: Day) -> Instant {
    zone.instant_of(day.and_time(NaiveTime::MIN) + chrono::Duration::hours(12))
}
