//! What merging brought up, and settling it.

use caseplan_core::Store;
use caseplan_core::ids::{ConflictId, IssueId};
use caseplan_core::issue::IssueChoice;
use clap::{Parser, Subcommand};
use uuid::Uuid;

use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{json, tables};

/// Conflicts: list them, or settle one.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Conflicts {
    /// Of one case only.
    #[arg(long)]
    case: Option<String>,
    #[command(subcommand)]
    settle: Option<SettleConflict>,
}

/// Settling a conflict.
#[derive(Debug, Subcommand)]
pub enum SettleConflict {
    /// End a conflict with one of its values.
    Settle {
        /// The conflict, as it is listed.
        conflict: ConflictId,
        /// The number of the value, or its id.
        value: String,
    },
}

/// Issues: list them, or settle one.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Issues {
    /// Of one case only.
    #[arg(long)]
    case: Option<String>,
    /// Settled ones too.
    #[arg(long)]
    settled: bool,
    #[command(subcommand)]
    settle: Option<SettleIssue>,
}

/// Settling an issue.
#[derive(Debug, Subcommand)]
pub enum SettleIssue {
    /// Decide an issue.
    Settle {
        /// The issue.
        issue: IssueId,
        #[command(subcommand)]
        choice: Choice,
    },
}

/// What a person decides.
#[derive(Debug, Subcommand)]
pub enum Choice {
    /// They are one: linked, counted once.
    Same {
        /// The one to read.
        #[arg(long, value_name = "ID")]
        keep: Uuid,
        /// Why.
        #[arg(long)]
        why: Option<String>,
    },
    /// They are two: each counts.
    Distinct {
        /// Why.
        #[arg(long)]
        why: Option<String>,
    },
}

/// Lists conflicts, or settles one.
pub fn conflicts(store: &Store, wanted: &Conflicts, screen: &Screen) -> Result<()> {
    if let Some(SettleConflict::Settle { conflict, value }) = &wanted.settle {
        let found = store.conflicts().get(conflict)?;
        let found = found.ok_or_else(|| Failed::Unclear(format!("no conflict {conflict} any more")))?;
        let by_number =
            value.parse::<usize>().ok().and_then(|number| found.values.get(number.checked_sub(1)?));
        let by_id = || found.values.iter().find(|other| other.id.as_str() == value);
        let choice = by_number.or_else(by_id);
        let choice = choice.ok_or_else(|| Failed::Unclear(format!("the conflict has no value {value}")))?;
        store.conflicts().settle(conflict, &choice.id)?;
        screen.line(format!("settled {conflict}"));
        return Ok(());
    }
    let case = wanted.case.as_deref().map(|case| find::case_id(store, case)).transpose()?;
    let found = store.conflicts().list(case)?;
    if screen.json {
        screen.json(&json::list(&found, json::conflict));
        return Ok(());
    }
    let references = tables::references(store)?;
    for conflict in &found {
        screen.line(format!("conflict {}", conflict.id));
        tables::conflict(screen, store.zone(), conflict, &references);
    }
    if found.is_empty() {
        screen.line("no conflicts");
    } else {
        screen.line("settle one with: caseplan conflicts settle CONFLICT NO.");
    }
    Ok(())
}

/// Lists issues, or settles one.
pub fn issues(store: &Store, wanted: &Issues, screen: &Screen) -> Result<()> {
    if let Some(SettleIssue::Settle { issue, choice }) = &wanted.settle {
        let (choice, why) = match choice {
            Choice::Same { keep, why } => (IssueChoice::Same { keep: *keep }, why),
            Choice::Distinct { why } => (IssueChoice::Distinct, why),
        };
        let settled = store.issues().settle(issue, &choice, why.as_deref())?;
        if screen.json {
            screen.json(&json::issue(&settled));
        } else {
            screen.line(format!("settled {issue}"));
        }
        return Ok(());
    }
    let case = wanted.case.as_deref().map(|case| find::case_id(store, case)).transpose()?;
    let found = store.issues().list(case, wanted.settled)?;
    if screen.json {
        screen.json(&json::list(&found, json::issue));
    } else {
        tables::issues(screen, &found, &tables::references(store)?);
    }
    Ok(())
}
