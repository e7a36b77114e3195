//! Documents as standard files with their signatures beside them: nobody's data is locked in.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use caseplan_core::document::FILE_EXTENSION;
use caseplan_core::store::maintenance::DumpedDocument;
use caseplan_core::{Error, Store};
use clap::Subcommand;
use serde_json::json;

use crate::door;
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::show::json;

/// Documents as standard files.
#[derive(Debug, Subcommand)]
pub enum Documents {
    /// Write each document as a standard file, with its signatures beside it as JSON.
    Export {
        /// The folder to write into; it must be new or empty.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Runs the documents command.
pub fn run(store: &Store, command: &Documents, screen: &Screen) -> Result<()> {
    let Documents::Export { dir } = command;
    std::fs::create_dir_all(dir).map_err(|error| Failed::file(dir, &error))?;
    if std::fs::read_dir(dir).map_err(|error| Failed::file(dir, &error))?.next().is_some() {
        return Err(Failed::File { file: dir.clone(), why: "the folder is not empty".to_owned() });
    }
    let bar = screen.bar("documents", store.info()?.documents);
    let mut documents = 0_u64;
    let mut failed = None;
    let dumped = store.dump_documents(|document| {
        bar.inc(1);
        documents += 1;
        write(dir, &document).map_err(|error| {
            failed = Some(error);
            Error::Canceled
        })
    });
    bar.finish_and_clear();
    if let Some(failed) = failed {
        return Err(failed);
    }
    dumped?;
    screen.line(format!("wrote {documents} documents to {}", dir.display()));
    Ok(())
}

fn write(dir: &Path, document: &DumpedDocument) -> Result<()> {
    door::write_new(&dir.join(format!("{}.{FILE_EXTENSION}", document.id)), &document.file)?;
    let signatures = json::list(&document.signatures, |signature| {
        json!({
            "change": signature.change.to_string(), "certificate": hex(&signature.certificate),
            "signature": hex(&signature.signature),
        })
    });
    let beside = json!({
        "document": document.id, "scope": document.scope, "kind": document.kind, "signatures": signatures,
    });
    let text = serde_json::to_string_pretty(&beside).unwrap_or_default() + "\n";
    door::write_new(&dir.join(format!("{}.signatures.json", document.id)), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
