//! The story that `caseplan demo` tells: two store files, a channel between them, and nothing else.
//!
//! - [`device`]: a store with a clock that is set by hand;
//! - [`link`]: the channel between two, which can be cut;
//! - [`stage`]: the caseload before the story begins;
//! - [`apart`]: what the two do with no network;
//! - [`together`]: what merging brings up, and how people settle it.
//!
//! Clocks and randomness are fixed, so that it prints the same every time.

mod apart;
mod device;
mod link;
mod stage;
mod together;

use std::path::{Path, PathBuf};

use crate::failed::{Failed, Result};
use crate::screen::Screen;

/// Tells the story; the stores stay in the folder `keep`, if one is given.
pub fn run(screen: &Screen, keep: Option<&Path>) -> Result<()> {
    let folder = Folder::make(keep)?;
    screen.line("Caseplan keeps casework on the worker's own device and merges what was done apart.");
    screen.line(
        "This is one case on two devices. Each has a file of its own; between them is one encrypted channel.",
    );
    let stage = stage::set(screen, &folder.path)?;
    let day = apart::tell(screen, &stage)?;
    together::tell(screen, &stage, &day)?;
    stage.phone.close();
    stage.tablet.close();
    screen.line("");
    if keep.is_some() {
        let phone = folder.path.join("phone.db");
        screen.line(format!("Both stores are in {}. Look around:", folder.path.display()));
        screen.line(format!("  caseplan --store {} case show 2026-0117", phone.display()));
    } else {
        screen.line("Keep both stores and look around: caseplan demo --keep DIR");
    }
    Ok(())
}

/// What a step shows, in one line.
fn proof(screen: &Screen, text: &str) {
    screen.line(format!("\n → {text}"));
}

/// The folder of the story: removed at its end, unless it is to be kept.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn make(keep: Option<&Path>) -> Result<Self> {
        let path = match keep {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("caseplan-demo-{}", uuid::Uuid::new_v4())),
        };
        match std::fs::create_dir(&path) {
            Ok(()) => Ok(Self { path, keep: keep.is_some() }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failed::Taken(path)),
            Err(error) => Err(Failed::file(&path, &error)),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed is the temporary folder's to clean up.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
