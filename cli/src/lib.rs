//! The command line of Caseplan: a demo, a store's every read and command, import, export, seeding.
//!
//! - [`args`]: the grammar; [`commands`]: one file per concept, as in core;
//! - [`door`]: which store, whose keys; [`find`]: cases, people and plans by what a person types;
//! - [`screen`] and [`show`]: tables for people, JSON for machines;
//! - [`seed`]: invented ones, of any number; [`demo`]: the story.
//!
//! Exit codes: 0 done, 1 verification found something unsound, 2 refused, with one line that says why.

mod args;
mod commands;
mod demo;
mod door;
mod failed;
mod find;
mod screen;
pub mod seed;
mod show;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::Args;
use screen::Screen;

/// What the process ends with when a command was refused.
const REFUSED: u8 = 2;

/// Reads the command line, does what it says and answers the exit code.
pub fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Screen::new(false).line(error.to_string().trim_end());
            return ExitCode::SUCCESS;
        }
        Err(error) => return refused(&one_line(&error.to_string())),
    };
    let screen = Screen::new(args.json);
    match commands::run(args, &screen) {
        Ok(code) => code,
        Err(failed) => refused(&failed.to_string()),
    }
}

fn refused(why: &str) -> ExitCode {
    use std::io::Write;
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "caseplan: {why}");
    ExitCode::from(REFUSED)
}

/// What is wrong with the arguments, without the usage that follows it.
fn one_line(message: &str) -> String {
    let own = message.split("\nUsage:").next().unwrap_or_default();
    let own = own.split("\nFor more information").next().unwrap_or_default();
    let words: Vec<&str> = own.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    format!("{line} (see --help)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_argument_is_one_line() {
        let error = Args::try_parse_from(["caseplan", "due", "--from", "soon"]).unwrap_err();
        let line = one_line(&error.to_string());
        assert!(line.contains("soon") && !line.contains('\n') && !line.contains("Usage"), "{line}");
    }
}
