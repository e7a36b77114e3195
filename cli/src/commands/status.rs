//! The truth about sync: whom this device met, what exists only here, what is on its way, what is kept apart and why.

use std::collections::HashMap;

use caseplan_core::Store;
use caseplan_core::access::TakenBack;
use caseplan_core::exchange::HeldChange;
use caseplan_core::identity::Standing;
use caseplan_core::ids::CaseId;
use caseplan_core::sync::{CaseOnPeer, CaseSync, CaseSyncStatus, SyncStatus};
use caseplan_core::time::Instant;
use clap::Parser;
use serde_json::{Value, json};

use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{json, tables, words};

/// Of what.
#[derive(Debug, Parser)]
pub struct Wanted {
    /// Of one case only: its reference or id.
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
}

/// Tells it.
pub fn run(store: &Store, wanted: &Wanted, screen: &Screen) -> Result<()> {
    match &wanted.case {
        Some(case) => of_case(store, case, screen),
        None => of_all(store, screen),
    }
}

fn of_all(store: &Store, screen: &Screen) -> Result<()> {
    let status = store.sync().status()?;
    if screen.json {
        screen.json(&all_json(&status, &store.grants().taken_back()?));
        return Ok(());
    }
    let references = tables::references(store)?;
    let at = |at| words::at(store.zone(), at);
    let peers = status.peers.iter().map(|peer| {
        [
            peer.device.to_string(),
            words::maybe(peer.worker.as_ref()),
            standing(peer.standing).to_owned(),
            at(peer.met_at),
            last_equal(store, peer.equal_at),
            changes(peer.to_send),
        ]
    });
    let head = ["device", "worker", "standing", "last met", "last equal", "on its way"];
    screen.table(head, peers.collect(), "this device has met no other");
    for case in &status.only_here {
        screen.line(only_here(case, &references));
    }
    if status.only_here.is_empty() && !status.peers.is_empty() {
        screen.line("everything of this device is elsewhere too");
    }
    for case in store.grants().taken_back()? {
        screen.line(format!(
            "case {}: {} {}; it goes once {} drafts are finished and {} changes are elsewhere",
            name(case.case, &references),
            if case.whole { "taken back" } else { "in part taken back" },
            at(case.since),
            case.drafts,
            case.changes
        ));
    }
    screen.line(format!("{} drafts, which no other device gets", status.drafts));
    kept_apart(&status.quarantine, &references, screen);
    Ok(())
}

fn of_case(store: &Store, case: &str, screen: &Screen) -> Result<()> {
    let id = find::case_id(store, case)?;
    let status = store.sync().case_status(id)?.ok_or_else(|| Failed::Unclear(format!("no case {case}")))?;
    if screen.json {
        screen.json(&case_json(&status));
        return Ok(());
    }
    let references = tables::references(store)?;
    let row = |peer: &CaseOnPeer| {
        [
            peer.device.to_string(),
            peer.worker.to_string(),
            last_equal(store, peer.equal_at),
            changes(peer.to_send),
        ]
    };
    let head = ["device", "worker", "last equal", "on its way"];
    screen.table(head, status.peers.iter().map(row).collect(), "no other device may read it");
    if status.only_here.changes > 0 {
        screen.line(only_here(&status.only_here, &references));
    } else {
        screen.line("everything that this device wrote of it is elsewhere too");
    }
    kept_apart(&status.quarantine, &references, screen);
    Ok(())
}

fn kept_apart(held: &[HeldChange], references: &HashMap<CaseId, String>, screen: &Screen) {
    let row = |held: &HeldChange| {
        [
            held.hash.to_string(),
            held.case.map(|case| name(case, references)).unwrap_or_default(),
            held.reason.words().to_owned(),
        ]
    };
    screen.table(["kept apart", "case", "because"], held.iter().map(row).collect(), "nothing is kept apart");
}

fn only_here(case: &CaseSync, references: &HashMap<CaseId, String>) -> String {
    let what = match case.contacts {
        0 => format!("{} exist", changes(case.changes)),
        1 => "1 visit exists".to_owned(),
        visits => format!("{visits} visits exist"),
    };
    format!("case {}: {what} only on this device", name(case.case, references))
}

fn name(case: CaseId, references: &HashMap<CaseId, String>) -> String {
    references.get(&case).cloned().unwrap_or_else(|| case.to_string())
}

fn changes(count: u64) -> String {
    if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}

fn last_equal(store: &Store, at: Option<Instant>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| words::at(store.zone(), at))
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Current => "current",
        Standing::Expired => "expired",
        Standing::Ended => "ended",
        Standing::Unknown => "unknown",
    }
}

fn all_json(status: &SyncStatus, taken_back: &[TakenBack]) -> Value {
    json!({
        "peers": json::list(&status.peers, |peer| json!({
            "device": peer.device, "worker": peer.worker, "standing": standing(peer.standing),
            "met_at": peer.met_at, "equal_at": peer.equal_at, "to_send": peer.to_send,
        })),
        "only_here": json::list(&status.only_here, only_here_json),
        "drafts": status.drafts,
        "taken_back": json::list(taken_back, |case| json!({
            "case": case.case, "whole": case.whole, "since": case.since, "drafts": case.drafts, "drafts_until": case.drafts_until,
            "changes": case.changes,
        })),
        "quarantine": json::list(&status.quarantine, held_json),
    })
}

fn case_json(status: &CaseSyncStatus) -> Value {
    json!({
        "only_here": only_here_json(&status.only_here),
        "peers": json::list(&status.peers, |peer| json!({
            "device": peer.device, "worker": peer.worker, "equal_at": peer.equal_at, "to_send": peer.to_send,
        })),
        "quarantine": json::list(&status.quarantine, held_json),
    })
}

fn only_here_json(case: &CaseSync) -> Value {
    json!({ "case": case.case, "changes": case.changes, "contacts": case.contacts })
}

fn held_json(held: &HeldChange) -> Value {
    json!({
        "hash": held.hash.to_string(), "case": held.case, "document": held.document, "reason": held.reason.code(),
        "words": held.reason.words(),
    })
}
