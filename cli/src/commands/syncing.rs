//! Sync with another device over the network, and the truth about what is where.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use caseplan_core::exchange::CancelToken;
use caseplan_core::lan::{self, Arrival, Listener, Nearby, NearbyDevice, Sighting, Until};
use caseplan_core::random::SystemRandom;
use caseplan_core::sync::{SyncFailed, SyncProgress, SyncReport};
use caseplan_core::{Error, Store};
use clap::{Parser, Subcommand};
use indicatif::ProgressBar;
use serde_json::json;

use super::status::{self, Wanted};
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::show::words;

/// A progress bar's whole length.
const WHOLE: u64 = 1000;

/// Why nothing came of a device that was found, where no session began.
const UNREACHABLE: &str = "unreachable";

/// Sync with other devices.
#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// Wait for devices and sync with each, until the process is ended.
    Listen(Listen),
    /// Sync with a device that listens.
    Connect(Connect),
    /// Find devices nearby that announce themselves, and sync with those of this domain.
    Discover(Discover),
    /// Whom this device met, what exists only here, what is kept apart and why.
    Status(Wanted),
}

/// Where to wait.
#[derive(Debug, Parser)]
pub struct Listen {
    /// The address; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:7117")]
    address: SocketAddr,
    /// End after one device of the domain came.
    #[arg(long)]
    once: bool,
    /// Let devices nearby find this one, under a random name.
    #[arg(long)]
    announce: bool,
}

/// How long to look.
#[derive(Debug, Parser)]
pub struct Discover {
    /// How many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    wait: u64,
    /// Only list what announces itself; connect to nobody.
    #[arg(long)]
    list: bool,
    /// End after the first device that was reached.
    #[arg(long)]
    first: bool,
}

/// Where to connect.
#[derive(Debug, Parser)]
pub struct Connect {
    /// The device that listens.
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// Stay, and send at once what is committed here or there.
    #[arg(long)]
    stay: bool,
}

/// Runs one of the sync commands.
pub fn run(store: &Store, command: SyncCommand, screen: &Screen) -> Result<()> {
    match command {
        SyncCommand::Listen(wanted) => listen(store, &wanted, screen),
        SyncCommand::Connect(wanted) => connect(store, &wanted, screen),
        SyncCommand::Discover(wanted) => discover(store, &wanted, screen),
        SyncCommand::Status(wanted) => status::run(store, &wanted, screen),
    }
}

fn listen(store: &Store, wanted: &Listen, screen: &Screen) -> Result<()> {
    let failed = |error: std::io::Error| Failed::network(wanted.address, &error);
    let listener = Listener::bind(wanted.address).map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    if !screen.json {
        screen.line(format!("listening at {address}"));
    }
    // It is announced for as long as this lives.
    let _nearby = match wanted.announce {
        true => Some(announce(address, screen)?),
        false => None,
    };
    let (cancel, last) = (CancelToken::default(), Mutex::new(None));
    let until = if wanted.once { Until::AtRest } else { Until::Left };
    let tell = |arrival: Arrival| match arrival {
        Arrival::Came(number, from) if !screen.json => screen.line(format!("{number}: {from} came")),
        Arrival::Over(number, Ok(report)) if report.peer.is_none() => {
            let why = report.failed.map(|failed| failed.to_string()).unwrap_or_default();
            if !screen.json {
                screen.line(format!("{number}: nobody of this domain: {why}"));
            }
        }
        Arrival::Over(_, report) => {
            if let Ok(report) = &report {
                show(report, screen);
            }
            if wanted.once || report.is_err() {
                cancel.cancel();
                *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(report);
            }
        }
        _ => {}
    };
    listener.serve(store, until, &cancel, &tell).map_err(failed)?;
    match last.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(report) => ended(&report?),
        None => Ok(()),
    }
}

fn announce(address: SocketAddr, screen: &Screen) -> Result<Nearby> {
    let failed = |error: std::io::Error| Failed::network("mDNS", &error);
    let mut nearby = Nearby::search().map_err(failed)?;
    let name = nearby.announce(address, &SystemRandom).map_err(failed)?;
    if !screen.json {
        screen.line(format!("announced as {name}"));
    }
    Ok(nearby)
}

fn discover(store: &Store, wanted: &Discover, screen: &Screen) -> Result<()> {
    let failed = |error: std::io::Error| Failed::network("mDNS", &error);
    let (nearby, cancel) = (Nearby::search().map_err(failed)?, CancelToken::default());
    let until = Instant::now() + Duration::from_secs(wanted.wait);
    let mut found: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    while let Some(sighting) = nearby.next(Some(until), &cancel).map_err(failed)? {
        let Sighting::Here(device) = sighting else { continue };
        // Who could not be reached may be seen again with another address.
        if found.get(&device.name).is_some_and(|seen| seen["session"]["failed"] != UNREACHABLE) {
            continue;
        }
        let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
        if !screen.json {
            screen.line(format!("found {} at {}", device.name, addresses.join(", ")));
        }
        let session = match wanted.list {
            true => serde_json::Value::Null,
            false => meet(store, &device, screen)?,
        };
        let reached = session["failed"] != UNREACHABLE;
        let value = json!({"name": device.name, "addresses": addresses, "session": session});
        found.insert(device.name, value);
        if wanted.first && reached {
            break;
        }
    }
    match (screen.json, found.is_empty()) {
        (true, _) => screen.json(&found.into_values().collect::<Vec<_>>()),
        (false, true) => screen.line("nobody nearby announces itself"),
        (false, false) => {}
    }
    Ok(())
}

/// Syncs with a device that was found. That it is a stranger, or away again, is no failure.
fn meet(store: &Store, device: &NearbyDevice, screen: &Screen) -> Result<serde_json::Value> {
    let (addresses, cancel) = (device.addresses.clone(), CancelToken::default());
    let report = match lan::sync_with(store, addresses, Until::AtRest, &cancel, &mut |_| {}) {
        Err(Error::Network(failed)) => {
            if !screen.json {
                screen.line(format!("{}: cannot be reached: {failed}", device.name));
            }
            return Ok(json!({"failed": UNREACHABLE}));
        }
        report => report?,
    };
    if !screen.json {
        match &report.failed {
            Some(why) if report.peer.is_none() => {
                screen.line(format!("{}: nobody of this domain: {why}", device.name));
            }
            _ => show(&report, screen),
        }
    }
    Ok(report_json(&report))
}

fn connect(store: &Store, wanted: &Connect, screen: &Screen) -> Result<()> {
    let until = if wanted.stay { Until::Left } else { Until::AtRest };
    let bar = screen.bar("sync", WHOLE);
    let addresses = wanted.address.to_socket_addrs();
    let addresses: Vec<SocketAddr> =
        addresses.map_err(|error| Failed::network(&wanted.address, &error))?.collect();
    let (cancel, mut progress) = (CancelToken::default(), |progress| advance(&bar, progress));
    let report = match lan::sync_with(store, addresses, until, &cancel, &mut progress) {
        Err(Error::Network(failed)) => {
            return Err(Failed::Network { address: wanted.address.clone(), why: failed.to_string() });
        }
        report => report?,
    };
    bar.finish_and_clear();
    show(&report, screen);
    ended(&report)
}

fn advance(bar: &ProgressBar, progress: SyncProgress) {
    bar.set_position((progress.fraction() * WHOLE as f64) as u64);
}

/// A session that ended early is a refusal: what was committed stays, and the next one goes on.
fn ended(report: &SyncReport) -> Result<()> {
    match &report.failed {
        None => Ok(()),
        Some(failed) => {
            Err(Failed::Unclear(format!("{failed}; what came is kept, and the next sync goes on from there")))
        }
    }
}

fn show(report: &SyncReport, screen: &Screen) {
    if screen.json {
        screen.json(&report_json(report));
        return;
    }
    let clock = report.clock_ahead.map(|seconds| {
        let way = if seconds > 0 { "ahead" } else { "behind" };
        format!("the other clock is {} minutes {way}", seconds.unsigned_abs() / 60)
    });
    let apart = match report.quarantined {
        0 => String::new(),
        count => format!("{count} changes: see `caseplan sync status`"),
    };
    screen.pairs(&[
        ("with", words::maybe(report.worker.as_ref())),
        ("device", words::maybe(report.peer)),
        ("sent", format!("{} changes", report.sent)),
        ("received", format!("{} changes", report.received)),
        ("kept apart", apart),
        ("only here", report.only_here.map(|count| format!("{count} changes")).unwrap_or_default()),
        ("both hold", if report.equal { "the same" } else { "not the same yet: sync again" }.to_owned()),
        ("clocks", clock.unwrap_or_default()),
        ("ended early", report.failed.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("moved", format!("{} bytes", report.bytes)),
    ]);
}

fn report_json(report: &SyncReport) -> serde_json::Value {
    json!({
        "peer": report.peer, "worker": report.worker, "sent": report.sent, "received": report.received,
        "quarantined": report.quarantined, "only_here": report.only_here, "equal": report.equal,
        "clock_ahead": report.clock_ahead, "bytes": report.bytes,
        "failed": report.failed.as_ref().map(SyncFailed::code),
        "peer_failed": match &report.failed { Some(SyncFailed::GaveUp(reason)) => Some(reason), _ => None },
    })
}
