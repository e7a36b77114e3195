//! One file per concept, as in core: what it takes, and what it does with a store.

pub mod access;
pub mod caseload;
pub mod cases;
pub mod contacts;
pub mod documents;
pub mod exchange;
pub mod files;
pub mod identity;
pub mod merge;
pub mod peers;
pub mod plans;
pub mod reads;
pub mod seeds;
pub mod status;
pub mod syncing;
pub mod visits;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use caseplan_core::Store;

use crate::args::{Args, Command};
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::{demo, door};

/// Does what the arguments say.
pub fn run(args: Args, screen: &Screen) -> Result<ExitCode> {
    let at = Place { store: args.store };
    match args.command {
        Command::Demo { keep } => demo::run(screen, keep.as_deref())?,
        Command::Init(init) => identity::init(at.file()?, &init, screen)?,
        Command::Restore(restore) => exchange::restore(&restore, screen)?,
        Command::Seed(seed) => seeds::run(at.file()?, &seed, screen)?,
        Command::ImportCaseload(wanted) => {
            if !wanted.shown(screen) {
                return at.with(|store| caseload::run(store, &wanted, screen));
            }
        }
        Command::Verify => {
            return at.with(|store| exchange::verify(store, screen));
        }
        other => at.with(|store| opened(other, at.file()?, store, screen))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Commands on a store that is there.
fn opened(command: Command, file: &Path, store: &Store, screen: &Screen) -> Result<()> {
    match command {
        Command::Case(command) => cases::run(store, command, screen),
        Command::Plan(command) => plans::run(store, command, screen),
        Command::Visit(command) => visits::run(store, command, screen),
        Command::Contacts(contacts) => contacts::run(store, &contacts, screen),
        Command::Due(due) => reads::due(store, &due, screen),
        Command::Today => reads::today(store, screen),
        Command::Conflicts(conflicts) => merge::conflicts(store, &conflicts, screen),
        Command::Issues(issues) => merge::issues(store, &issues, screen),
        Command::History(history) => reads::history(store, &history, screen),
        Command::Vector(vector) => exchange::vector(store, &vector, screen),
        Command::Export(export) => exchange::export(store, &export, screen),
        Command::Import(import) => exchange::import(store, &import, screen),
        Command::Backup(backup) => exchange::backup(file, store, &backup, screen),
        Command::Documents(documents) => documents::run(store, &documents, screen),
        Command::Identity(command) => identity::run(store, command, screen),
        Command::Device(command) => access::device(store, command, screen),
        Command::Grant(give) => access::give(store, &give, screen),
        Command::Ungrant(back) => access::take_back(store, &back, screen),
        Command::Grants(list) => access::list(store, &list, screen),
        Command::Waiting => access::waiting(store, screen),
        Command::Admit(admit) => access::admit(store, &admit, screen),
        Command::Review => access::review(store, screen),
        Command::Confirm(confirm) => access::confirm(store, &confirm, screen),
        Command::Peer(command) => peers::run(store, command, screen),
        Command::Sync(command) => syncing::run(store, command, screen),
        Command::HandOver(command) => files::run(store, command, screen),
        Command::Info => reads::info(store, screen),
        // These make a store or end with a code of their own; `run` has done them.
        Command::Demo { .. }
        | Command::Init(_)
        | Command::Restore(_)
        | Command::Seed(_)
        | Command::ImportCaseload(_)
        | Command::Verify => Ok(()),
    }
}

/// Where the store is.
struct Place {
    store: Option<PathBuf>,
}

impl Place {
    fn file(&self) -> Result<&Path> {
        self.store.as_deref().ok_or(Failed::NoStore)
    }

    fn with<T>(&self, work: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let store = door::open(self.file()?)?;
        let done = work(&store);
        store.close();
        done
    }
}
