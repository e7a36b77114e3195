//! The command line of Caseplan: a demo, a store's every read and command, import, export, seeding.
//!
//! - [`args`]: the grammar; [`commands`]: one file per concept, as in core;
//! - [`door`]: which store, whose keys; [`find`]: cases, people and plans by what a person types;
//! - [`screen`] and [`show`]: tables for people, JSON for machines;
//! - [`caseload`]: an agency's existing cases, from a file;
//! - [`seed`]: invented ones, of any number; [`demo`]: the story.
//!
//! Exit codes: 0 done, 1 verification found something unsound or an import refused rows, 2 refused, with one line that
//! says why.

mod args;
mod caseload;
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
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return refused(&without_command(&error.to_string()));
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

/// The commands that there are, where one is missing.
fn without_command(help: &str) -> String {
    let commands = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    format!("which command? {} (see --help)", names.collect::<Vec<_>>().join(", "))
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
        assert_eq!(
            line,
            "invalid value 'soon' for '--from <DATE>': not a date such as 2026-03-07 (see --help)"
        );
    }

    #[test]
    fn a_missing_command_is_answered_with_those_that_there_are() {
        for (arguments, named) in
            [(&["caseplan"][..], "demo, init, case,"), (&["caseplan", "documents"], "? export (see")]
        {
            let line = without_command(&Args::try_parse_from(arguments).unwrap_err().to_string());
            assert!(line.starts_with("which command? ") && line.contains(named), "{line}");
        }
    }
}
