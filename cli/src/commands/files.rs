//! A file for one device, carried by hand.

use std::path::PathBuf;

use caseplan_core::Store;
use caseplan_core::exchange::{CancelToken, WorkProgress};
use caseplan_core::ids::DeviceId;
use clap::{Parser, Subcommand};
use serde_json::json;

use crate::commands::exchange::held_back;
use crate::door;
use crate::failed::Result;
use crate::screen::Screen;
use crate::show::{json, words};

/// Files for one device.
#[derive(Debug, Subcommand)]
pub enum HandOverCommand {
    /// Write what a device lacks into a file that only it can read, for 72 hours.
    Write(Write),
    /// Take in a file that is for this device.
    Read(Read),
}

/// For whom, and where.
#[derive(Debug, Parser)]
pub struct Write {
    /// The device that the file is for: see `caseplan peer list`.
    #[arg(long, value_name = "DEVICE")]
    to: DeviceId,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What to read.
#[derive(Debug, Parser)]
pub struct Read {
    /// The file that was handed over.
    file: PathBuf,
}

/// Runs one of the hand-over commands.
pub fn run(store: &Store, command: HandOverCommand, screen: &Screen) -> Result<()> {
    match command {
        HandOverCommand::Write(wanted) => write(store, &wanted, screen),
        HandOverCommand::Read(wanted) => read(store, &wanted, screen),
    }
}

fn write(store: &Store, wanted: &Write, screen: &Screen) -> Result<()> {
    door::refuse_taken(&wanted.out)?;
    let bar = screen.bar("documents", 0);
    let tell = |progress: WorkProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let written = store.sync().hand_over_file(wanted.to, &wanted.out, tell, &CancelToken::default())?;
    bar.finish_and_clear();
    if screen.json {
        screen.json(&json!({
            "recipient": written.recipient, "documents": written.documents, "changes": written.changes,
            "bytes": written.bytes,
        }));
    } else {
        screen.line(format!(
            "wrote {}: {} changes from {} documents, {} bytes, for 72 hours",
            wanted.out.display(),
            written.changes,
            written.documents,
            written.bytes
        ));
    }
    Ok(())
}

fn read(store: &Store, wanted: &Read, screen: &Screen) -> Result<()> {
    let bar = screen.bar("bytes", 0);
    let tell = |progress: WorkProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let report = store.sync().take_over_file(&wanted.file, tell, &CancelToken::default())?;
    bar.finish_and_clear();
    if screen.json {
        screen.json(&json!({
            "sender": report.sender, "worker": report.worker, "not_entitled": report.not_entitled,
            "taken": json::import(&report.taken),
        }));
        return Ok(());
    }
    screen.line(format!(
        "from {} on {}: {} changes came, {} new, {} known, {} held back, {} of cases that are not granted any more",
        words::maybe(report.worker.as_ref()),
        words::maybe(report.sender),
        report.taken.received + report.not_entitled,
        report.taken.accepted,
        report.taken.known,
        report.taken.quarantined.len(),
        report.not_entitled
    ));
    held_back(&report.taken, screen);
    Ok(())
}
