//! The grammar of the command line. What a group of commands takes is said beside the commands themselves.

use std::path::PathBuf;

use caseplan_core::time::{Day, WallTime};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};

use crate::commands::{
    access, caseload, cases, contacts, documents, exchange, files, identity, merge, peers, plans, reads,
    seeds, syncing, visits,
};

/// Where help lists what every command takes.
const EVERYWHERE: &str = "For every command";

/// Plans and records visits in child welfare casework: offline first, merged without loss.
#[derive(Debug, Parser)]
#[command(name = "caseplan", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Args {
    /// The store to work on.
    #[arg(long, global = true, env = "CASEPLAN_STORE", value_name = "FILE", help_heading = EVERYWHERE)]
    pub store: Option<PathBuf>,
    /// Answer reads as JSON.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the story: two devices, a day offline, nothing lost.
    Demo {
        /// Keep both stores in this new folder.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// Make a store with keys of its own.
    Init(identity::Init),
    /// Cases and the people in them.
    #[command(subcommand)]
    Case(cases::CaseCommand),
    /// Visitation plans.
    #[command(subcommand)]
    Plan(plans::PlanCommand),
    /// Record and amend contacts.
    #[command(subcommand)]
    Visit(visits::VisitCommand),
    /// List or search recorded contacts.
    Contacts(contacts::Contacts),
    /// Visits that are due.
    Due(reads::Due),
    /// A first screen: due, overdue, drafts, what to settle.
    Today,
    /// Fields that two people gave different values, apart.
    Conflicts(merge::Conflicts),
    /// What two legal acts, done apart, may have doubled.
    Issues(merge::Issues),
    /// Who changed what, or a case as it stood.
    History(reads::History),
    /// What this store holds, for whoever exports for it.
    Vector(exchange::Vector),
    /// Write what another store lacks into a file.
    Export(exchange::Export),
    /// Take in what another store exported.
    Import(exchange::Import),
    /// Take in an agency's existing cases, plans and contacts.
    ImportCaseload(caseload::ImportCaseload),
    /// Copy the store into a new file.
    Backup(exchange::Backup),
    /// Make a store from a backup.
    Restore(exchange::Restore),
    /// Check every signature, hash and projection.
    Verify,
    /// Documents as standard files.
    #[command(subcommand)]
    Documents(documents::Documents),
    /// This device, and those it works with.
    #[command(subcommand)]
    Identity(identity::IdentityCommand),
    /// Devices that issue certificates, and how devices are ended.
    #[command(subcommand)]
    Device(access::DeviceCommand),
    /// Let a worker see and write something of a case.
    Grant(access::Give),
    /// Take grants of a case back.
    Ungrant(access::TakeBack),
    /// Who may see and write a case.
    Grants(access::List),
    /// What ended devices and former colleagues still had, and what lost a fork.
    Waiting,
    /// Let in what a device still had of a case.
    Admit(access::Admit),
    /// What ended devices wrote and others took before they knew: somebody should look it over.
    Review,
    /// Say that what a device wrote of a case was looked over and stands.
    Confirm(access::Confirm),
    /// Take devices in over the network, list and end them.
    #[command(subcommand)]
    Peer(peers::PeerCommand),
    /// Sync with other devices over the network.
    #[command(subcommand)]
    Sync(syncing::SyncCommand),
    /// Files for one device, carried by hand.
    #[command(subcommand)]
    HandOver(files::HandOverCommand),
    /// What the store is.
    Info,
    /// Make a practice store with invented cases.
    Seed(seeds::Seed),
}

/// Reads one of a coded enum's known values.
pub fn known<T>(codes: &'static [&'static str], read: fn(&str) -> T) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(codes).map(move |code| read(&code))
}

/// Reads a civil date.
pub fn date(text: &str) -> Result<Day, &'static str> {
    text.parse().map_err(|_| "not a date such as 2026-03-07")
}

/// Reads a local date and time, with seconds or without.
pub fn wall_time(text: &str) -> Result<WallTime, &'static str> {
    let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let read = forms.iter().find_map(|form| WallTime::parse_from_str(text, form).ok());
    read.ok_or("not a local time such as 2026-03-07T14:00")
}
