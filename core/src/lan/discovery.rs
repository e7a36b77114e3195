//! Finding devices nearby by mDNS (`sync.md` §4). A device announces a random name, made anew each time, its port and
//! the version that it speaks: no worker, no agency, nothing by which it is known tomorrow. It runs from when it is
//! asked for until it is dropped.
//!
//! Whoever is found may be a stranger. The handshake settles that: a stranger's first byte fails.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use mdns_sd::{
    IfKind, Receiver, RecvTimeoutError, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo,
};

use crate::exchange::CancelToken;
use crate::random::{self, Random};
use crate::sync::channel::VERSIONS;

/// What the service is called, for a platform's own discovery too.
pub const SERVICE: &str = "_caseplan._tcp";
/// The key of the version in its TXT record.
pub const VERSION: &str = "v";

/// The same, as mDNS names it.
const DOMAIN: &str = "_caseplan._tcp.local.";
/// How often somebody's wish to end is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// A host answers with more addresses than anybody tries.
const MOST_ADDRESSES: usize = 8;

/// A device that announces itself nearby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearbyDevice {
    /// Its random name.
    pub name: String,
    /// Where it listens, the likeliest first.
    pub addresses: Vec<SocketAddr>,
    /// The version that it speaks.
    pub version: u32,
}

/// What is seen nearby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// A device, or the same one with other addresses.
    Here(NearbyDevice),
    /// It said goodbye, or was not heard of for a while.
    Gone(String),
}

/// Looks for devices, and may announce this one. It ends, with a goodbye, when it is dropped.
pub struct Nearby {
    daemon: ServiceDaemon,
    seen: Receiver<ServiceEvent>,
    own: Option<String>,
}

impl Nearby {
    /// Begins to look.
    ///
    /// # Errors
    /// When the system gives no sockets or threads.
    pub fn search() -> io::Result<Self> {
        let daemon = ServiceDaemon::new().map_err(io::Error::other)?;
        let seen = daemon.browse(DOMAIN).map_err(io::Error::other)?;
        Ok(Self { daemon, seen, own: None })
    }

    /// Announces that this device listens at an address, and answers the random name under which it does. Of an address
    /// that is any of this machine's, those of its networks are announced.
    ///
    /// # Errors
    /// When there is no randomness, or the system gives no sockets.
    pub fn announce(&mut self, address: SocketAddr, random: &dyn Random) -> io::Result<String> {
        let bytes: [u8; 8] = random::bytes(random).map_err(io::Error::other)?;
        let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let newest = VERSIONS.last().copied().unwrap_or_default().to_string();
        // The host has the same name: its own would say whose it is.
        let host = format!("{name}.local.");
        let info =
            ServiceInfo::new(DOMAIN, &name, &host, "", address.port(), &[(VERSION, newest.as_str())][..]);
        let mut info = info.map_err(io::Error::other)?.enable_addr_auto();
        if address.is_ipv4() {
            info.set_interfaces(vec![IfKind::IPv4]);
        }
        self.daemon.register(info).map_err(io::Error::other)?;
        self.own = Some(name.clone());
        Ok(name)
    }

    /// Waits for the next sighting; nothing when the end was asked for or the time is over.
    ///
    /// # Errors
    /// When the search broke.
    pub fn next(&self, until: Option<Instant>, cancel: &CancelToken) -> io::Result<Option<Sighting>> {
        while !cancel.is_canceled() {
            let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
            let event = match self.seen.recv_timeout(left.min(LOOK)) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
            };
            let sighting = match event {
                ServiceEvent::ServiceResolved(service) => device(&service).map(Sighting::Here),
                ServiceEvent::ServiceRemoved(_, full) => instance(&full).map(Sighting::Gone),
                _ => None,
            };
            let own = |sighting: &Sighting| match sighting {
                Sighting::Here(device) => Some(&device.name) == self.own.as_ref(),
                Sighting::Gone(name) => Some(name) == self.own.as_ref(),
            };
            if let Some(sighting) = sighting.filter(|sighting| !own(sighting)) {
                return Ok(Some(sighting));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
impl Nearby {
    /// Breaks the search, as it breaks where its thread ends.
    pub(super) fn break_off(&self) {
        let over = self.daemon.shutdown().unwrap();
        over.recv_timeout(GOODBYE).unwrap();
    }
}

impl Drop for Nearby {
    fn drop(&mut self) {
        if let Ok(over) = self.daemon.shutdown() {
            let _ = over.recv_timeout(GOODBYE);
        }
    }
}

/// A device's name, from that of its service. Others may announce anything: what is not of our form is nobody.
fn instance(full: &str) -> Option<String> {
    let name = full.strip_suffix(DOMAIN)?.strip_suffix('.')?;
    let ours = name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ours.then(|| name.to_owned())
}

fn device(service: &ResolvedService) -> Option<NearbyDevice> {
    let name = instance(&service.fullname)?;
    let version = service.get_property_val_str(VERSION)?.parse().ok()?;
    let addresses = service.addresses.iter().map(|address| match address {
        // An address of one cable only says which cable.
        ScopedIp::V6(ip) if ip.addr().is_unicast_link_local() => {
            SocketAddr::V6(SocketAddrV6::new(*ip.addr(), service.port, 0, ip.scope_id().index))
        }
        address => SocketAddr::new(address.to_ip_addr(), service.port),
    });
    let mut addresses: Vec<SocketAddr> = addresses.collect();
    addresses.sort_by_key(|address| (rank(address.ip()), *address));
    addresses.truncate(MOST_ADDRESSES);
    let usable = service.port != 0 && !addresses.is_empty();
    usable.then_some(NearbyDevice { name, addresses, version })
}

/// The likeliest address first: of the network, then of the cable, this machine's own last.
fn rank(address: IpAddr) -> u8 {
    match address {
        address if address.is_loopback() => 3,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 2,
        IpAddr::V6(_) => 1,
        IpAddr::V4(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_our_own_making_is_a_device() {
        assert_eq!(instance("0123456789abcdef._caseplan._tcp.local."), Some("0123456789abcdef".to_owned()));
        for other in [
            "Marie's phone._caseplan._tcp.local.",
            "0123456789ABCDEF._caseplan._tcp.local.",
            "0123456789abcde._caseplan._tcp.local.",
            "0123456789abcdef._other._tcp.local.",
            "_caseplan._tcp.local.",
            "",
        ] {
            assert_eq!(instance(other), None, "{other}");
        }
    }

    #[test]
    fn addresses_of_the_network_come_before_those_of_a_cable_and_ones_own() {
        let mut addresses = ["::1", "fe80::1", "127.0.0.1", "2001:db8::1", "192.0.2.7"]
            .map(|text| text.parse::<IpAddr>().unwrap_or(IpAddr::from([0; 4])));
        addresses.sort_by_key(|address| rank(*address));
        assert_eq!(addresses[0], IpAddr::from([192, 0, 2, 7]));
        assert!(addresses[3].is_loopback() && addresses[4].is_loopback());
    }
}
