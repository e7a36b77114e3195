//! Who may see and write which case, what waits for a person, and how devices are ended.

use std::collections::BTreeSet;

use caseplan_core::Store;
use caseplan_core::access::{CertifiedDevice, DocumentKind, GrantState, GrantView, NewGrant, WaitingWork};
use caseplan_core::identity::Role;
use caseplan_core::identity::record::{EndReason, Extent, IssuerPower};
use caseplan_core::ids::{DeviceId, GrantId, VisitationPlanId, WorkerId};
use caseplan_core::time::{Day, Instant};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::known;
use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{json, words};

/// Let a worker see and write something of a case.
#[derive(Debug, Args)]
pub struct Give {
    /// The case.
    case: String,
    /// The worker.
    worker: WorkerId,
    /// Everything up to this sensitivity level.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    level: u8,
    /// One visitation plan only.
    #[arg(long, value_name = "ID", conflicts_with = "level")]
    plan: Option<VisitationPlanId>,
    /// What may be written: everything if nothing is said.
    #[arg(long, value_parser = known(DocumentKind::KNOWN, DocumentKind::from_code))]
    writes: Vec<DocumentKind>,
    /// Nothing may be written.
    #[arg(long, conflicts_with = "writes")]
    read_only: bool,
    /// The worker may grant on.
    #[arg(long)]
    may_grant: bool,
    /// Nothing is sent to the worker after this day.
    #[arg(long)]
    until: Option<Day>,
}

/// Take grants of a case back.
#[derive(Debug, Args)]
pub struct TakeBack {
    /// The case.
    case: String,
    /// A worker, for all that worker's grants, or a grant's id.
    whose: String,
}

/// Who may see and write a case.
#[derive(Debug, Args)]
pub struct List {
    /// The case.
    case: String,
}

/// Let in what a device still had of a case when it was ended or a grant was taken back, or what lost a fork.
#[derive(Debug, Args)]
pub struct Admit {
    /// The case.
    case: String,
    /// The device.
    device: DeviceId,
}

/// Say that what a device wrote of a case, and others took before they knew of its end, was looked over and stands.
#[derive(Debug, Args)]
pub struct Confirm {
    /// The case.
    case: String,
    /// The device.
    device: DeviceId,
}

/// Devices that issue, and how devices are ended.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// End a device, for ever.
    End {
        /// The device.
        device: DeviceId,
        /// Why.
        #[arg(long, default_value = "lost", value_parser = known(EndReason::KNOWN, EndReason::from_code))]
        why: EndReason,
    },
    /// Let a device certify others.
    MakeIssuer {
        /// The device.
        device: DeviceId,
        /// It may only renew certificates, as a hub does.
        #[arg(long)]
        renew_only: bool,
    },
    /// End a device's right to certify others.
    EndIssuer {
        /// The device.
        device: DeviceId,
        /// Why.
        #[arg(long, default_value = "replaced", value_parser = known(EndReason::KNOWN, EndReason::from_code))]
        why: EndReason,
    },
    /// Renew a device's certificate.
    Renew {
        /// The device.
        device: DeviceId,
        /// Until when it is good for connections; for ever if nothing is said.
        #[arg(long)]
        until: Option<Instant>,
    },
    /// Show the 24 words that bring a lost root back; `--shown` deletes them here.
    Recovery {
        /// They are written down and kept elsewhere.
        #[arg(long)]
        shown: bool,
    },
    /// Make a new root on this device by the 24 words.
    RecoverRoot {
        /// The words.
        words: Vec<String>,
    },
}

/// Grants something.
pub fn give(store: &Store, give: &Give, screen: &Screen) -> Result<()> {
    let case = find::case_id(store, &give.case)?;
    let everything = NewGrant::colleague(give.worker.clone(), give.level);
    let writes = match (give.read_only, give.writes.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => everything.writes.clone(),
        (false, false) => give.writes.clone(),
    };
    let new = NewGrant {
        extent: give.plan.map_or(everything.extent, Extent::Visits),
        writes,
        may_grant: give.may_grant,
        until: give
            .until
            .and_then(|day| day.succ_opt())
            .map(|day| store.zone().instant_of(day.and_time(Default::default()))),
        ..everything
    };
    let view = store.grants().give(case, &new)?;
    screen.line(format!("granted {} to {}", extent(&view.extent), view.worker));
    Ok(())
}

/// Takes grants back.
pub fn take_back(store: &Store, back: &TakeBack, screen: &Screen) -> Result<()> {
    let case = find::case_id(store, &back.case)?;
    let live = store.grants().list(case)?.into_iter().filter(|grant| grant.state == GrantState::Live);
    let chosen =
        live.filter(|grant| grant.worker.as_str() == back.whose || grant.id.to_string() == back.whose);
    let ids: Vec<GrantId> = chosen.map(|grant| grant.id).collect();
    if ids.is_empty() {
        return Err(Failed::Unclear(format!("no grant of {} on this case", back.whose)));
    }
    store.grants().take_back(case, &ids)?;
    screen.line(format!("took {} back", ids.len()));
    Ok(())
}

/// Lists grants.
pub fn list(store: &Store, list: &List, screen: &Screen) -> Result<()> {
    let grants = store.grants().list(find::case_id(store, &list.case)?)?;
    if screen.json {
        screen.json(&json::list(&grants, |grant| {
            json!({
                "id": grant.id.to_string(), "worker": grant.worker, "extent": extent(&grant.extent),
                "writes": grant.writes, "may_grant": grant.may_grant, "until": grant.until,
                "by": grant.by, "at": grant.at, "state": state(grant),
            })
        }));
        return Ok(());
    }
    let rows = grants.iter().map(|grant| {
        let writes: Vec<&str> = grant.writes.iter().map(DocumentKind::code).collect();
        [
            grant.worker.to_string(),
            extent(&grant.extent),
            writes.join(", "),
            words::maybe(grant.until.map(|until| words::at(store.zone(), until))),
            state(grant).to_owned(),
        ]
    });
    screen.table(["worker", "reads", "writes", "until", ""], rows.collect(), "granted to nobody");
    let readers = readers_of_everything(store)?;
    if !readers.is_empty() {
        screen.line(format!("besides its own worker, administrators and hubs read every case: {readers}"));
    }
    Ok(())
}

/// The workers whose devices read every case, without a grant.
fn readers_of_everything(store: &Store) -> Result<String> {
    let reads = |device: &&CertifiedDevice| {
        let by_role = |role: &Role| matches!(role, Role::Administrator | Role::Hub);
        device.ended.is_none() && device.roles.iter().any(by_role)
    };
    let devices = store.identity().devices()?;
    let workers: BTreeSet<String> =
        devices.iter().filter(reads).map(|device| device.worker.to_string()).collect();
    Ok(workers.into_iter().collect::<Vec<_>>().join(", "))
}

/// Lists what waits for a person.
pub fn waiting(store: &Store, screen: &Screen) -> Result<()> {
    let waiting = store.grants().waiting()?;
    if screen.json {
        screen.json(&json::list(&waiting, |work| {
            json!({
                "case": work.case, "device": work.device, "worker": work.worker, "changes": work.changes,
                "from": work.from, "to": work.to, "reason": work.reason, "awaited": work.awaited,
                "can_be_admitted": work.can_be_admitted,
            })
        }));
        return Ok(());
    }
    let rows = waiting.iter().map(|work| {
        [
            work.case.to_string(),
            words::maybe(work.worker.as_ref()),
            work.device.to_string(),
            work.changes.to_string(),
            words::code(work.reason.code()),
            let_in(work).to_owned(),
        ]
    });
    let head = ["case", "worker", "device", "changes", "because", "let in"];
    screen.table(head, rows.collect(), "nothing waits");
    Ok(())
}

/// Whether somebody should let work in.
fn let_in(work: &WaitingWork) -> &'static str {
    match (work.can_be_admitted, work.awaited) {
        (false, _) => "not from here",
        (true, false) => "by admit",
        (true, true) => "by itself, or by admit",
    }
}

/// Lets in what waits.
pub fn admit(store: &Store, admit: &Admit, screen: &Screen) -> Result<()> {
    let admitted = store.grants().admit(find::case_id(store, &admit.case)?, admit.device)?;
    screen.line(format!("{admitted} changes went in"));
    Ok(())
}

/// Lists what asks for a look.
pub fn review(store: &Store, screen: &Screen) -> Result<()> {
    let list = store.grants().to_review()?;
    if screen.json {
        screen.json(&json::list(&list, |work| {
            json!({
                "case": work.case, "device": work.device, "worker": work.worker, "changes": work.changes,
                "from": work.from, "to": work.to, "ended_at": work.ended_at, "why": work.why,
            })
        }));
        return Ok(());
    }
    let rows = list.iter().map(|work| {
        [
            work.case.to_string(),
            words::maybe(work.worker.as_ref()),
            work.device.to_string(),
            work.changes.to_string(),
            words::at(store.zone(), work.ended_at),
            words::code(work.why.code()),
        ]
    });
    let heads = ["case", "worker", "device", "changes", "ended", "because"];
    screen.table(heads, rows.collect(), "nothing to look over");
    Ok(())
}

/// Confirms what was looked over.
pub fn confirm(store: &Store, confirm: &Confirm, screen: &Screen) -> Result<()> {
    let confirmed = store.grants().confirm(find::case_id(store, &confirm.case)?, confirm.device)?;
    screen.line(format!("{confirmed} changes stand"));
    Ok(())
}

/// Runs one of the device commands.
pub fn device(store: &Store, command: DeviceCommand, screen: &Screen) -> Result<()> {
    let identity = store.identity();
    match command {
        DeviceCommand::End { device, why } => {
            identity.end_device(device, why)?;
            screen.line(format!("ended {device}"));
        }
        DeviceCommand::MakeIssuer { device, renew_only } => {
            let power = if renew_only { IssuerPower::RenewOnly } else { IssuerPower::All };
            identity.make_issuer(device, power)?;
            screen.line(format!("{device} may issue certificates"));
        }
        DeviceCommand::EndIssuer { device, why } => {
            identity.end_issuer(device, why)?;
            screen.line(format!("{device} may issue no more"));
        }
        DeviceCommand::Renew { device, until } => {
            identity.renew(device, until)?;
            screen.line(format!("renewed {device}"));
        }
        DeviceCommand::Recovery { shown: true } => {
            identity.confirm_recovery_shown()?;
            screen.line("the words are deleted here");
        }
        DeviceCommand::Recovery { shown: false } => match identity.recovery_secret()? {
            Some(secret) => screen.line(secret.words()?.as_str()),
            None => screen.line("no words are kept here"),
        },
        DeviceCommand::RecoverRoot { words } => {
            let secret = caseplan_core::access::RecoverySecret::from_words(&words.join(" "))?;
            identity.recover_root(&secret)?;
            screen.line("this device has the new root: show its new words with `caseplan device recovery`");
        }
    }
    Ok(())
}

fn extent(extent: &Extent) -> String {
    match extent {
        Extent::Level(level) => format!("level {level}"),
        Extent::Visits(plan) => format!("plan {plan}"),
    }
}

fn state(grant: &GrantView) -> &'static str {
    match grant.state {
        GrantState::Live => "live",
        GrantState::RanOut => "ran out",
        GrantState::TakenBack(_) => "taken back",
    }
}
