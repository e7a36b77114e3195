//! Files between stores: what one lacks, what it is sent, a backup, a check.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use caseplan_core::Store;
use caseplan_core::exchange::{CancelToken, ImportReport};
use clap::Parser;

use crate::door;
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::show::json;

/// How much is read or written at once.
const PORTION: usize = 64 * 1024;
/// What the process ends with when verification found something.
const UNSOUND: u8 = 1;

/// Where the vector goes.
#[derive(Debug, Parser)]
pub struct Vector {
    /// The file to write.
    file: PathBuf,
}

/// What to export.
#[derive(Debug, Parser)]
pub struct Export {
    /// The file to write.
    file: PathBuf,
    /// What the receiver holds, from its `vector`: only the rest is exported.
    #[arg(long = "for", value_name = "VECTOR")]
    receiver: Option<PathBuf>,
}

/// What to import.
#[derive(Debug, Parser)]
pub struct Import {
    /// What another store exported.
    file: PathBuf,
}

/// Where the copy goes.
#[derive(Debug, Parser)]
pub struct Backup {
    /// The file to write; worker and zone go beside it, keys do not.
    file: PathBuf,
}

/// What to restore where.
#[derive(Debug, Parser)]
pub struct Restore {
    /// The backup.
    backup: PathBuf,
    /// The file of the store. Keys that are beside it are used again.
    file: PathBuf,
}

/// Writes what this store holds.
pub fn vector(store: &Store, vector: &Vector, screen: &Screen) -> Result<()> {
    let bytes = store.exchange().vector()?;
    door::write_new(&vector.file, &bytes)?;
    screen.line(format!("wrote {} ({} bytes)", vector.file.display(), bytes.len()));
    Ok(())
}

/// Writes what a receiver lacks.
pub fn export(store: &Store, wanted: &Export, screen: &Screen) -> Result<()> {
    let theirs = wanted.receiver.as_deref().map(door::read).transpose()?;
    door::refuse_taken(&wanted.file)?;
    let mut export = store.exchange().export(theirs.as_deref())?;
    let bar = screen.bar("documents", export.progress().total);
    let failed = |error: std::io::Error| Failed::file(&wanted.file, &error);
    let mut file = File::create_new(&wanted.file).map_err(failed)?;
    let mut written = 0;
    loop {
        let bytes = export.next(PORTION)?;
        if bytes.is_empty() {
            break;
        }
        file.write_all(&bytes).map_err(failed)?;
        written += bytes.len();
        bar.set_position(export.progress().done);
    }
    file.sync_all().map_err(failed)?;
    bar.finish_and_clear();
    screen.line(format!("wrote {} ({written} bytes)", wanted.file.display()));
    Ok(())
}

/// Takes in what another store exported.
pub fn import(store: &Store, wanted: &Import, screen: &Screen) -> Result<()> {
    let failed = |error: std::io::Error| Failed::file(&wanted.file, &error);
    let mut file = File::open(&wanted.file).map_err(failed)?;
    let bar = screen.bar("bytes", file.metadata().map_err(failed)?.len());
    let mut import = store.exchange().import()?;
    let mut portion = vec![0; PORTION];
    loop {
        let read = file.read(&mut portion).map_err(failed)?;
        if read == 0 {
            break;
        }
        import.feed(&portion[..read])?;
        bar.set_position(import.progress().done);
    }
    bar.finish_and_clear();
    let report = import.finish();
    if screen.json {
        screen.json(&json::import(&report));
    } else {
        imported(&report, screen);
    }
    Ok(())
}

fn imported(report: &ImportReport, screen: &Screen) {
    screen.line(format!(
        "{} changes came: {} new, {} known, {} held back",
        report.received,
        report.accepted,
        report.known,
        report.quarantined.len()
    ));
    held_back(report, screen);
    if !report.complete {
        screen.line("the file ends early: what came is kept, import the whole file again");
    }
}

/// What did not go in, and why.
pub fn held_back(report: &ImportReport, screen: &Screen) {
    let rows = report
        .quarantined
        .iter()
        .map(|held| [held.hash.to_string(), held.document.to_string(), held.reason.code().replace('_', " ")]);
    if !report.quarantined.is_empty() {
        screen.table(["held back", "document", "why"], rows.collect(), "");
    }
}

/// Copies the store.
pub fn backup(file: &Path, store: &Store, wanted: &Backup, screen: &Screen) -> Result<()> {
    door::refuse_taken(&wanted.file)?;
    let bar = screen.bar("pages", 0);
    store.back_up(
        &wanted.file,
        |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        },
        &CancelToken::default(),
    )?;
    bar.finish_and_clear();
    if let Some(profile) = door::profile(file)? {
        door::keep_profile(&wanted.file, &profile)?;
    }
    screen.line(format!("wrote {}, without keys", wanted.file.display()));
    Ok(())
}

/// Makes a store from a backup.
pub fn restore(wanted: &Restore, screen: &Screen) -> Result<()> {
    door::refuse_taken(&wanted.file)?;
    if !wanted.backup.is_file() {
        return Err(Failed::NotAStore(wanted.backup.clone()));
    }
    let profile = match door::profile(&wanted.file)? {
        Some(profile) => profile,
        None => door::profile(&wanted.backup)?.ok_or_else(|| {
            let why = "worker and zone must stand beside the backup or the store".to_owned();
            Failed::File { file: door::beside(&wanted.backup, ".json"), why }
        })?,
    };
    Store::restore(&wanted.backup, &wanted.file)?;
    door::keep_profile(&wanted.file, &profile)?;
    let store = door::open(&wanted.file)?;
    let lost = store.info()?.keys_lost;
    store.close();
    screen.line(format!("restored {}", wanted.file.display()));
    screen.line(if lost {
        "its keys are lost: it can be read; `identity request` and `adopt` make it writable again"
    } else {
        "its keys are here: it writes on as somebody new, so nothing can clash with what came after the backup"
    });
    Ok(())
}

/// Checks everything; the exit code says whether it is sound.
pub fn verify(store: &Store, screen: &Screen) -> Result<ExitCode> {
    let bar = screen.bar("documents", 0);
    let report = store.verify(
        |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        },
        &CancelToken::default(),
    )?;
    bar.finish_and_clear();
    if screen.json {
        screen.json(&json::verify(&report));
    } else {
        screen.pairs(&[
            ("documents", format!("{}, {} damaged", report.documents, report.damaged.len())),
            ("changes", format!("{}, {} with a bad hash or signature", report.changes, report.forged.len())),
            ("projections", format!("{} rows differ from their documents", report.stale_rows)),
            ("digest", report.digest.clone()),
            ("verdict", if report.is_sound() { "sound" } else { "not sound" }.to_owned()),
        ]);
        report.damaged.iter().for_each(|id| screen.line(format!(" damaged document {id}")));
        report.forged.iter().for_each(|hash| screen.line(format!(" bad change {hash}")));
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) })
}
