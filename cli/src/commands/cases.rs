//! Cases and the people in them.

use caseplan_core::Store;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::case::{
    CaseChange, NewCase, NewParticipant, NewPerson, ParticipantRole, PersonCorrection,
};
use caseplan_core::ids::WorkerId;
use caseplan_core::time::Day;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::{date, known};
use crate::failed::Result;
use crate::find;
use crate::screen::Screen;
use crate::show::{json, pages, tables};

/// Cases and the people in them. A case is named by its reference or its id, somebody in it by name or id.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// The caseload.
    List {
        /// Those of one worker only.
        #[arg(long, value_name = "ID")]
        worker: Option<WorkerId>,
        /// Closed ones too.
        #[arg(long)]
        closed: bool,
    },
    /// A case with its plans, last contacts, drafts, conflicts and issues.
    Show {
        /// The case.
        case: String,
    },
    /// Open a case.
    Open(Open),
    /// Add somebody to a case.
    AddParticipant {
        /// The case.
        case: String,
        /// The name in full.
        #[arg(long)]
        name: String,
        /// What they are to the case.
        #[arg(long, value_parser = known(ParticipantRole::KNOWN, ParticipantRole::from_code))]
        role: ParticipantRole,
        /// The date of birth.
        #[arg(long, value_name = "DATE", value_parser = date)]
        born: Option<Day>,
        /// From when on; today if none is given.
        #[arg(long, value_name = "DATE", value_parser = date)]
        from: Option<Day>,
    },
    /// Record that somebody left a case.
    EndParticipant {
        /// The case.
        case: String,
        /// Who.
        who: String,
        /// Their last day.
        #[arg(long, value_name = "DATE", value_parser = date)]
        on: Day,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Correct somebody's name or date of birth.
    Correct {
        /// The case.
        case: String,
        /// Who.
        who: String,
        /// The right name.
        #[arg(long)]
        name: Option<String>,
        /// The right date of birth.
        #[arg(long, value_name = "DATE", value_parser = date)]
        born: Option<Day>,
    },
    /// Give a case another reference, worker or team.
    Change {
        /// The case.
        case: String,
        /// Another reference.
        #[arg(long)]
        reference: Option<String>,
        /// Another worker.
        #[arg(long, value_name = "ID")]
        worker: Option<WorkerId>,
        /// Another team.
        #[arg(long)]
        team: Option<String>,
    },
    /// Close a case.
    Close {
        /// The case.
        case: String,
        /// The day.
        #[arg(long, value_name = "DATE", value_parser = date)]
        on: Day,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Reopen a closed case.
    Reopen {
        /// The case.
        case: String,
    },
}

/// A case that is about to be opened.
#[derive(Debug, Args)]
pub struct Open {
    /// The agency's reference.
    #[arg(long)]
    reference: String,
    /// The primary client's name.
    #[arg(long, value_name = "NAME")]
    client: String,
    /// The primary client's date of birth.
    #[arg(long, value_name = "DATE", value_parser = date)]
    born: Option<Day>,
    /// The agency's code for the type of case.
    #[arg(long = "type", value_name = "CODE")]
    case_type: Option<String>,
    /// Who keeps it; the store's own worker if nobody is named.
    #[arg(long, value_name = "ID")]
    worker: Option<WorkerId>,
    /// The team that keeps it.
    #[arg(long)]
    team: Option<String>,
    /// The day it was opened; today if none is given.
    #[arg(long, value_name = "DATE", value_parser = date)]
    on: Option<Day>,
}

/// Runs one of the case commands.
pub fn run(store: &Store, command: CaseCommand, screen: &Screen) -> Result<()> {
    let cases = store.cases();
    let case = match command {
        CaseCommand::List { worker, closed } => {
            let list = cases.list(&CaseFilter { worker, closed_too: closed })?;
            if screen.json {
                screen.json(&json::list(&list, json::case_summary));
            } else {
                tables::cases(screen, store.zone(), &list);
            }
            return Ok(());
        }
        CaseCommand::Show { case } => return show(store, &case, screen),
        CaseCommand::Open(open) => cases.create(&open.into())?,
        CaseCommand::AddParticipant { case, name, role, born, from } => {
            let case = find::case_id(store, &case)?;
            let new = NewParticipant { person: NewPerson { name, born }, role, from, origin: None };
            cases.add_participant(case, &new)?;
            find::case(store, &case.to_string())?
        }
        CaseCommand::EndParticipant { case, who, on, reason } => {
            let case = find::case(store, &case)?;
            cases.end_participant(case.id, find::participant(&case, &who)?.id, on, &reason)?;
            find::case(store, &case.id.to_string())?
        }
        CaseCommand::Correct { case, who, name, born } => {
            let case = find::case(store, &case)?;
            let who = find::participant(&case, &who)?.id;
            cases.correct_participant(case.id, who, &PersonCorrection { name, born })?;
            find::case(store, &case.id.to_string())?
        }
        CaseCommand::Change { case, reference, worker, team } => {
            let change = CaseChange { reference, assigned_worker: worker, team, ..CaseChange::default() };
            cases.change(find::case_id(store, &case)?, &change)?
        }
        CaseCommand::Close { case, on, reason } => cases.close(find::case_id(store, &case)?, on, &reason)?,
        CaseCommand::Reopen { case } => cases.reopen(find::case_id(store, &case)?)?,
    };
    if screen.json {
        screen.json(&json::case(&case));
    } else {
        pages::case(screen, &case);
    }
    Ok(())
}

impl From<Open> for NewCase {
    fn from(open: Open) -> Self {
        Self {
            reference: open.reference,
            case_type: open.case_type,
            primary_client: NewPerson { name: open.client, born: open.born },
            assigned_worker: open.worker,
            team: open.team,
            opened_on: open.on,
            origin: None,
        }
    }
}

fn show(store: &Store, case: &str, screen: &Screen) -> Result<()> {
    let overview = store.cases().overview(find::case_id(store, case)?)?;
    if screen.json {
        screen.json(&json!({
            "case": json::case(&overview.case),
            "visitation_plans": json::list(&overview.visitation_plans, json::plan),
            "recent_contacts": json::list(&overview.recent_contacts, json::contact_summary),
            "drafts": json::list(&overview.drafts, json::draft),
            "conflicts": json::list(&overview.conflicts, json::conflict),
            "issues": json::list(&overview.issues, json::issue),
        }));
        return Ok(());
    }
    let references = tables::references(store)?;
    pages::case(screen, &overview.case);
    screen.heading("Visitation plans");
    tables::plans(screen, &overview.visitation_plans, &references);
    screen.heading("Last contacts");
    tables::contacts(screen, &overview.recent_contacts, &references);
    if !overview.drafts.is_empty() {
        screen.heading("Drafts on this device");
        pages::drafts(screen, store.zone(), &overview.drafts);
    }
    if !overview.conflicts.is_empty() || !overview.issues.is_empty() {
        screen.heading("To settle");
        for conflict in &overview.conflicts {
            tables::conflict(screen, store.zone(), conflict, &references);
        }
        tables::issues(screen, &overview.issues, &references);
    }
    Ok(())
}
