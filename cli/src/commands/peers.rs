//! Taking in a device over the network, and the devices that this one works with.

use std::io::{BufRead, IsTerminal, Write};
use std::net::SocketAddr;

use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::EndReason;
use caseplan_core::ids::{DeviceId, WorkerId};
use caseplan_core::lan::{self, Listener};
use caseplan_core::sync::enrolment::{EnrolmentFailed, Terms};
use caseplan_core::sync::{Invited, JoinRequest};
use caseplan_core::time::Instant;
use caseplan_core::{Error, Store};
use clap::{Parser, Subcommand};
use serde_json::json;

use crate::args::known;
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::show::{json, qr, words};

/// Devices of the domain.
#[derive(Debug, Subcommand)]
pub enum PeerCommand {
    /// Take in a new device that connects to this one: good for five minutes.
    Invite(Invite),
    /// Join the domain of a device that invites this one.
    Accept(Accept),
    /// Devices of the domain, and when each was last met.
    List,
    /// End a device, for ever.
    End {
        /// The device.
        device: DeviceId,
        /// Why.
        #[arg(long, value_parser = known(EndReason::KNOWN, EndReason::from_code))]
        why: EndReason,
    },
}

/// Whom to take in.
#[derive(Debug, Parser)]
pub struct Invite {
    /// The worker whose device it is.
    #[arg(long)]
    worker: WorkerId,
    /// What the worker may do.
    #[arg(long, default_value = "caseworker", value_parser = known(Role::KNOWN, Role::from_code))]
    role: Vec<Role>,
    /// The highest sensitivity level that the worker may read.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    level: u8,
    /// Until when it is good for connections, unless it meets a device that renews it; for ever if nothing is said.
    #[arg(long)]
    until: Option<Instant>,
    /// Show a short code to be spoken instead of a QR code.
    #[arg(long)]
    code: bool,
    /// Where to wait for the new device; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:7117")]
    listen: SocketAddr,
    /// Take in whoever has the invitation, without asking.
    #[arg(long)]
    yes: bool,
}

/// Whose invitation to accept.
#[derive(Debug, Parser)]
pub struct Accept {
    /// The QR code's text, or the short code.
    invitation: String,
    /// Where the inviting device waits.
    #[arg(long, value_name = "HOST:PORT")]
    connect: String,
    /// What to call this device on the other screen.
    #[arg(long)]
    name: String,
}

/// Runs one of the peer commands.
pub fn run(store: &Store, command: PeerCommand, screen: &Screen) -> Result<()> {
    match command {
        PeerCommand::Invite(invite) => self::invite(store, invite, screen),
        PeerCommand::Accept(accept) => self::accept(store, &accept, screen),
        PeerCommand::List => list(store, screen),
        PeerCommand::End { device, why } => {
            store.identity().end_device(device, why)?;
            screen.line(format!("ended {device}: it is sent nothing more; others hear of it when they sync"));
            Ok(())
        }
    }
}

fn invite(store: &Store, invite: Invite, screen: &Screen) -> Result<()> {
    let listener = Listener::bind(invite.listen).map_err(|error| Failed::network(invite.listen, &error))?;
    let address = listener.address().map_err(|error| Failed::network(invite.listen, &error))?;
    let mut roles = invite.role;
    roles.sort_by(|one, other| one.code().cmp(other.code()));
    roles.dedup();
    let terms = Terms { worker: invite.worker, roles, level: invite.level };
    let invited = match invite.code {
        true => store.sync().invite_by_code(terms, invite.until)?,
        false => store.sync().invite_by_qr(terms, invite.until)?,
    };
    show(&invited, screen)?;
    let until = words::at(store.zone(), invited.expires_at());
    screen.line(format!("waiting at {address} until {until}"));
    let cancel = CancelToken::default();
    let begun = std::time::Instant::now();
    let lifetime = std::time::Duration::from_secs(caseplan_core::sync::enrolment::LIFETIME.unsigned_abs());
    loop {
        let next = listener.next(Some(begun + lifetime), &cancel);
        let Some((stream, from)) = next.map_err(|error| Failed::network(address, &error))? else {
            return Err(Error::Enrolment(EnrolmentFailed::Expired).into());
        };
        let mut decide = |request: &JoinRequest| {
            screen.line(format!("{} asks, fingerprint {}", request.device_name, request.fingerprint));
            invite.yes || confirmed()
        };
        match lan::take_in(invited.take_in()?, &stream, &cancel, &mut decide) {
            Ok((request, true)) => {
                screen.line(format!("took in {}", request.device));
                screen.line("next: `caseplan sync listen` here, `caseplan sync connect` there");
                return Ok(());
            }
            Ok((_, false)) => return Err(Error::Enrolment(EnrolmentFailed::Declined).into()),
            // Somebody else came first, or mistyped: the right device still may.
            Err(Error::Enrolment(
                failed @ (EnrolmentFailed::NotInvited
                | EnrolmentFailed::WrongCode { .. }
                | EnrolmentFailed::Closed
                | EnrolmentFailed::Malformed
                | EnrolmentFailed::Channel(_)),
            )) => screen.line(format!("{from}: {failed}")),
            Err(error) => return Err(error.into()),
        }
    }
}

fn show(invited: &Invited, screen: &Screen) -> Result<()> {
    if let Some(code) = invited.code() {
        screen.line("say this code to the person at the new device:");
        screen.line(format!("code: {code}"));
    }
    if let Some(text) = invited.qr()? {
        qr::draw(screen, &text);
        screen.line(format!("invitation: {text}"));
    }
    Ok(())
}

/// Whether the person at this device says yes; without a person nobody is taken in.
fn confirmed() -> bool {
    let mut stdout = std::io::stdout();
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let _ = write!(stdout, "is that what the other screen shows? [y/N] ").and_then(|()| stdout.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn accept(store: &Store, accept: &Accept, screen: &Screen) -> Result<()> {
    let attempt = store.sync().join(accept.invitation.trim(), &accept.name)?;
    screen.line(format!("this device's fingerprint: {}", attempt.fingerprint()?));
    let stream = lan::reach(&accept.connect).map_err(|error| Failed::network(&accept.connect, &error))?;
    lan::join(attempt, &stream, &CancelToken::default())?;
    screen.line(format!("joined domain {}", store.identity().domain()));
    screen.line("next: `caseplan sync listen` there, `caseplan sync connect` here");
    Ok(())
}

fn list(store: &Store, screen: &Screen) -> Result<()> {
    let own = store.identity().device();
    let devices = store.identity().devices()?;
    let met = store.sync().status()?.peers;
    let of = |device: DeviceId| met.iter().find(|peer| peer.device == device);
    if screen.json {
        screen.json(&json::list(&devices, |device| {
            let met = of(device.device);
            json!({
                "device": device.device, "worker": device.worker, "roles": device.roles, "level": device.level,
                "not_after": device.not_after, "own": device.device == own,
                "ended": device.ended.as_ref().map(EndReason::code),
                "met_at": met.map(|peer| peer.met_at), "equal_at": met.and_then(|peer| peer.equal_at),
            })
        }));
        return Ok(());
    }
    let at = |at| words::at(store.zone(), at);
    let rows = devices.iter().map(|device| {
        let roles: Vec<&str> = device.roles.iter().map(Role::code).collect();
        let met = of(device.device);
        let standing = match &device.ended {
            Some(why) => format!("ended: {}", words::code(why.code())),
            None if device.device == own => "this one".to_owned(),
            None => device.not_after.map_or(String::new(), |until| format!("good until {}", at(until))),
        };
        [
            device.device.to_string(),
            device.worker.to_string(),
            roles.join(", "),
            words::maybe(met.map(|peer| at(peer.met_at))),
            words::maybe(met.and_then(|peer| peer.equal_at).map(at)),
            standing,
        ]
    });
    screen.table(["device", "worker", "roles", "last met", "last equal", ""], rows.collect(), "no devices");
    Ok(())
}
