//! Two network namespaces with this machine between them, where the machine allows that.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use super::Before;
use super::machine::Machine;
use super::proxy::{Passed, Plan, Proxy};
use super::say::say;

/// Two namespaces, each with a cable to this machine; gone when dropped.
struct Networks {
    names: [String; 2],
    /// The network's third number.
    subnet: u8,
}

/// Runs one command; whether it went well.
fn done(line: &str) -> bool {
    let mut words = line.split(' ');
    let run = Command::new(words.next().unwrap()).args(words).output();
    run.is_ok_and(|run| run.status.success())
}

impl Networks {
    /// Nothing where the machine does not allow it.
    fn new() -> Option<Self> {
        let id = std::process::id() % 10_000;
        let subnet = u8::try_from(id % 120).unwrap();
        let networks = Self { names: [format!("caseplan{id}a"), format!("caseplan{id}b")], subnet };
        let laid = networks.names.iter().enumerate().all(|(at, name)| {
            let (here, there) = (networks.cable(at), format!("cpb{id}{at}"));
            let [ours, theirs] = [1, 2].map(|end| networks.address(at, end));
            done(&format!("ip netns add {name}"))
                && done(&format!("ip link add {here} type veth peer name {there}"))
                && done(&format!("ip link set {there} netns {name}"))
                && done(&format!("ip addr add {ours}/30 dev {here}"))
                && done(&format!("ip link set {here} up"))
                && done(&format!("ip -n {name} addr add {theirs}/30 dev {there}"))
                && done(&format!("ip -n {name} link set {there} up"))
                && done(&format!("ip -n {name} link set lo up"))
        });
        laid.then_some(networks)
    }

    /// Two namespaces with one cable between them.
    fn joined() -> Option<Self> {
        let id = std::process::id() % 10_000;
        let networks = Self { names: [format!("caseplan{id}c"), format!("caseplan{id}d")], subnet: 121 };
        let [a, b] = &networks.names;
        let laid = done(&format!("ip netns add {a}"))
            && done(&format!("ip netns add {b}"))
            && done(&format!("ip -n {a} link add cable type veth peer name cable netns {b}"))
            && networks.names.iter().zip(1..).all(|(name, end)| {
                done(&format!("ip -n {name} addr add {}/30 dev cable", networks.address(0, end)))
                    && done(&format!("ip -n {name} link set cable up"))
                    && done(&format!("ip -n {name} link set lo up"))
            });
        laid.then_some(networks)
    }

    /// This machine's end of a cable.
    fn cable(&self, at: usize) -> String {
        format!("cpa{}{at}", std::process::id() % 10_000)
    }

    fn address(&self, at: usize, end: u8) -> String {
        format!("10.213.{}.{}", self.subnet, 4 * at + usize::from(end))
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for (at, name) in self.names.iter().enumerate() {
            done(&format!("ip link del {}", self.cable(at)));
            done(&format!("ip netns del {name}"));
        }
    }
}

/// One session from one namespace to the other.
fn sync(before: &Before, networks: &Networks) -> Passed {
    let mut run = before.run();
    let [office, laptop] = networks.names.clone();
    (run.office.network, run.laptop.network) = (Some(office), Some(laptop));
    let (mut listening, port) = run.office.listen();
    let server: SocketAddr = format!("{}:{port}", networks.address(0, 2)).parse().unwrap();
    let proxy = Proxy::to(server, Plan::default());
    run.connects(&proxy.address(&networks.address(1, 1)));
    listening.kill();
    (run.office.network, run.laptop.network) = (None, None);
    run.is_equal(true);
    proxy.passed()
}

/// What a machine in the second namespace finds while one in the first announces itself.
fn discovers(office: &mut Machine, finder: &mut Machine, networks: &Networks) -> Vec<Value> {
    let [there, here] = networks.names.clone();
    (office.network, finder.network) = (Some(there), Some(here));
    let mut announcing = office.start(&["sync", "listen", "--address", "0.0.0.0:0", "--announce"]);
    let name = announcing.says("announced as ");
    assert!(name.len() == 16, "{name}");
    let found = finder.json(&["sync", "discover", "--first", "--wait", "60"]);
    announcing.kill();
    let found = found.as_array().unwrap().iter().filter(|device| device["name"] == name.as_str()).cloned();
    (office.network, finder.network) = (None, None);
    found.collect()
}

#[test]
fn a_device_that_announces_itself_is_found_and_only_one_of_the_domain_gets_in() {
    let before = Before::with(0);
    let mut run = before.run();
    let mut stranger = Machine::new(run.folder.path(), "stranger");
    stranger.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
    // One cable between both, for multicast goes no further.
    let Some(networks) = Networks::joined() else {
        say("NOT CHECKED: network namespaces are not allowed on this machine, so nobody was looked for");
        return;
    };
    let seen = discovers(&mut run.office, &mut stranger, &networks);
    assert_eq!(seen[0]["session"]["failed"], "cut", "{seen:?}");
    assert_eq!(seen[0]["session"]["peer"], Value::Null, "{seen:?}");
    let seen = discovers(&mut run.office, &mut run.laptop, &networks);
    assert_eq!(seen[0]["session"]["equal"], true, "{seen:?}");
    run.is_equal(true);
}

#[test]
fn two_networks_with_loss_and_a_long_way_take_no_more_turns() {
    let Some(networks) = Networks::new() else {
        say("NOT CHECKED: network namespaces are not allowed on this machine, so nothing was run");
        return;
    };
    let before = Before::with(3);
    let near = sync(&before, &networks);
    say(format_args!("two namespaces: {near:?}"));
    let bad = (0..2)
        .all(|at| done(&format!("tc qdisc add dev {} root netem delay 200ms loss 2%", networks.cable(at))));
    if !bad {
        say("NOT CHECKED: tc netem is not allowed on this machine, so no packets were lost");
        return;
    }
    let far = sync(&before, &networks);
    say(format_args!("with 2 % loss and 400 ms there and back: {far:?}"));
    assert!(far.turns <= near.turns, "{far:?} and {near:?}");
}
