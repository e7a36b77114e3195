//! Making a store, and making two stores devices of one domain.

use std::path::{Path, PathBuf};

use caseplan_core::Store;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::IssuerPower;
use caseplan_core::ids::WorkerId;
use caseplan_core::time::Zone;
use clap::{Parser, Subcommand};
use serde_json::json;

use crate::args::known;
use crate::door::{self, Profile};
use crate::failed::Result;
use crate::screen::Screen;
use crate::show::json;

/// What a new store is made with.
#[derive(Debug, Parser)]
pub struct Init {
    /// Whose store it is, in the agency's own spelling.
    #[arg(long, value_name = "ID")]
    worker: WorkerId,
    /// The IANA zone in which the worker's day begins, such as Europe/Paris.
    #[arg(long, value_name = "ZONE")]
    zone: Zone,
}

/// This device, and those it works with.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Write this device's wish to join another store's domain into a new file.
    Request {
        /// The file to write.
        file: PathBuf,
    },
    /// Certify the device of a request; writes the answer that it must adopt.
    Certify {
        /// The other device's request.
        request: PathBuf,
        /// The answer to write.
        answer: PathBuf,
        /// What its worker may do.
        #[arg(long, default_value = "caseworker", value_parser = known(Role::KNOWN, Role::from_code))]
        role: Vec<Role>,
        /// The highest sensitivity level that its worker may read.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
        level: u8,
    },
    /// Join the domain of the store that certified this device; work that was done before stays valid.
    Adopt {
        /// The answer.
        answer: PathBuf,
    },
    /// Every device of the domain.
    Devices,
}

/// Makes a store.
pub fn init(file: &Path, init: &Init, screen: &Screen) -> Result<()> {
    let store = door::make(file, &Profile { worker: init.worker.clone(), zone: init.zone })?;
    let device = store.identity().device();
    store.close();
    screen.line(format!("made {} for {}, device {device}", file.display(), init.worker));
    screen.line(format!(
        "its keys are in {}: keep them, and to yourself",
        door::beside(file, ".keys").display()
    ));
    Ok(())
}

/// Runs one of the identity commands.
pub fn run(store: &Store, command: IdentityCommand, screen: &Screen) -> Result<()> {
    let identity = store.identity();
    match command {
        IdentityCommand::Request { file } => {
            door::write_new(&file, &identity.request()?)?;
            screen.line(format!(
                "wrote {}: have it certified by the store that you want to join",
                file.display()
            ));
        }
        IdentityCommand::Certify { request, answer, role, level } => {
            door::refuse_taken(&answer)?;
            let certified = identity.certify(&door::read(&request)?, &role, level, None)?;
            door::write_new(&answer, &certified)?;
            screen.line(format!("wrote {}: hand it back to be adopted", answer.display()));
        }
        IdentityCommand::Adopt { answer } => {
            identity.adopt(&door::read(&answer)?)?;
            screen.line(format!("joined domain {}", identity.domain()));
        }
        IdentityCommand::Devices => devices(store, screen)?,
    }
    Ok(())
}

fn devices(store: &Store, screen: &Screen) -> Result<()> {
    let own = store.identity().device();
    let devices = store.identity().devices()?;
    if screen.json {
        screen.json(&json::list(&devices, |device| {
            json!({
                "device": device.device, "worker": device.worker, "roles": device.roles, "level": device.level,
                "own": device.device == own, "ended": device.ended,
                "issuer": device.issuer.map(|power| match power {
                    IssuerPower::All => "all",
                    IssuerPower::RenewOnly => "renew_only",
                }),
            })
        }));
        return Ok(());
    }
    let rows = devices.iter().map(|device| {
        let roles: Vec<&str> = device.roles.iter().map(Role::code).collect();
        let here = match (&device.ended, device.device == own) {
            (Some(why), _) => format!("ended: {why}"),
            (None, true) => "this one".to_owned(),
            (None, false) => String::new(),
        };
        [
            device.device.to_string(),
            device.worker.to_string(),
            roles.join(", "),
            device.level.to_string(),
            here,
        ]
    });
    screen.table(["device", "worker", "roles", "level", ""], rows.collect(), "no devices");
    Ok(())
}
