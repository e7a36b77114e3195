//! Making a practice store with invented cases.

use std::path::Path;

use caseplan_core::exchange::CancelToken;
use caseplan_core::ids::WorkerId;
use caseplan_core::storage::Location;
use caseplan_core::time::{Day, Zone};
use clap::Parser;
use serde_json::json;

use crate::args::date;
use crate::door::{self, Profile};
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::seed::{Practice, Seeding};

/// What to invent.
#[derive(Debug, Parser)]
pub struct Seed {
    /// How many cases.
    #[arg(long)]
    cases: u32,
    /// How many years back they reach, 1 to 10.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    years: u32,
    /// The same seed makes the same store.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The day on which the store ends; today if none is given.
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Option<Day>,
    /// Whose store it is.
    #[arg(long, value_name = "ID", default_value = "w-117")]
    worker: WorkerId,
    /// The zone of the store.
    #[arg(long, default_value = "Europe/Paris")]
    zone: Zone,
}

/// Makes a store and fills it.
pub fn run(file: &Path, wanted: &Seed, screen: &Screen) -> Result<()> {
    door::refuse_taken(file)?;
    if door::beside(file, ".keys").exists() {
        return Err(Failed::Taken(door::beside(file, ".keys")));
    }
    let profile = Profile { worker: wanted.worker.clone(), zone: wanted.zone };
    let until = wanted.until.unwrap_or_else(|| wanted.zone.day_of(chrono::Utc::now()));
    let seeding = Seeding { cases: wanted.cases, years: wanted.years, seed: wanted.seed, until };
    let vault = door::vault(file)?;
    // In memory first: a practice store needs no disk to have kept each of its thousands of commands.
    let location = Location::Memory(format!("seed-{}", std::process::id()));
    let practice = Practice::open(location, profile.worker.clone(), profile.zone, vault, &seeding)?;
    let bar = screen.bar("cases", wanted.cases.into());
    let planted = practice.plant(&seeding, |done| bar.set_position(done.into()))?;
    bar.finish_and_clear();
    practice.store.back_up(file, |_| {}, &CancelToken::default())?;
    door::keep_profile(file, &profile)?;
    let digest = practice.store.exchange().digest()?;
    practice.store.close();
    if screen.json {
        screen.json(&json!({
            "cases": planted.cases, "participants": planted.participants, "visitation_plans": planted.plans,
            "contacts": planted.contacts, "addenda": planted.addenda, "digest": digest,
        }));
        return Ok(());
    }
    screen.line(format!(
        "made {}: {} cases, {} participants, {} visitation plans, {} contacts, {} addenda",
        file.display(),
        planted.cases,
        planted.participants,
        planted.plans,
        planted.contacts,
        planted.addenda
    ));
    screen.line("its keys come from the seed: practise with it, never keep real people's data in it");
    screen.line(format!("digest {digest}"));
    Ok(())
}
