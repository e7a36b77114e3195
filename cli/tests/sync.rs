//! Two real processes over a real socket: one takes the other in, and they sync. What may befall them is in
//! `processes.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

struct Machine {
    store: PathBuf,
}

/// A process that says at which address it waits.
struct Waiting {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Machine {
    fn new(folder: &Path, name: &str) -> Self {
        Self { store: folder.join(format!("{name}.db")) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caseplan"));
        command.arg("--store").arg(&self.store).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let run = self.command(arguments).output().unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let run = self.command(arguments).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{arguments:?}");
        let why = String::from_utf8(run.stderr).unwrap();
        assert_eq!(why.lines().count(), 1, "{why}");
        why
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn digest(&self) -> Value {
        self.json(&["info"])["digest"].clone()
    }

    fn start(&self, arguments: &[&str]) -> Waiting {
        let mut child =
            self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Waiting { child, lines }
    }
}

impl Waiting {
    /// What follows this word on the first line that begins with it.
    fn says(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended without saying {word}");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.split_whitespace().next().unwrap().to_owned();
            }
        }
    }

    fn end(mut self) -> bool {
        // Read on, or it might wait for somebody who does.
        self.lines.lines().for_each(drop);
        self.child.wait().unwrap().success()
    }
}

/// An agency's machine with cases, and a new one that it took in.
fn two(folder: &Path) -> (Machine, Machine) {
    let (office, laptop) = (Machine::new(folder, "office"), Machine::new(folder, "laptop"));
    office.run(&["seed", "--cases", "6", "--until", "2026-04-15"]);
    laptop.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
    let mut inviting =
        office.start(&["peer", "invite", "--worker", "w-117", "--listen", "127.0.0.1:0", "--yes"]);
    let (text, address) = (inviting.says("invitation: "), inviting.says("waiting at "));
    let joined = laptop.run(&["peer", "accept", &text, "--connect", &address, "--name", "laptop"]);
    assert!(joined.contains("joined domain"), "{joined}");
    assert!(inviting.end());
    (office, laptop)
}

fn sync(here: &Machine, there: &Machine) -> Value {
    let mut listening = there.start(&["sync", "listen", "--address", "127.0.0.1:0", "--once"]);
    let address = listening.says("listening at ");
    let report = here.json(&["sync", "connect", &address]);
    assert!(listening.end());
    report
}

#[test]
fn a_new_machine_is_taken_in_and_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let (office, laptop) = two(folder.path());
    let report = sync(&laptop, &office);
    assert_eq!((&report["equal"], &report["failed"]), (&Value::Bool(true), &Value::Null), "{report}");
    assert!(report["received"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(office.digest(), laptop.digest());
    assert_eq!(laptop.json(&["peer", "list"]).as_array().unwrap().len(), 2);
    let status = laptop.json(&["sync", "status"]);
    assert_eq!(status["only_here"].as_array().unwrap().len(), 0);
    assert!(status["peers"][0]["equal_at"].is_string(), "{status}");
    assert!(office.run(&["sync", "status"]).contains("last equal"));
}

#[test]
fn a_code_is_spoken_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (office, laptop) = (Machine::new(folder.path(), "office"), Machine::new(folder.path(), "laptop"));
    for machine in [&office, &laptop] {
        machine.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
    }
    let invite = ["peer", "invite", "--worker", "w-117", "--code", "--listen", "127.0.0.1:0", "--yes"];
    let until = "2099-01-01T00:00:00Z";
    let mut inviting = office.start(&[&invite[..], &["--until", until]].concat());
    let (code, address) = (inviting.says("code: "), inviting.says("waiting at "));
    let wrong = laptop.refused(&["peer", "accept", "0000-0000", "--connect", &address, "--name", "laptop"]);
    assert!(wrong.contains("2 tries left"), "{wrong}");
    laptop.run(&["peer", "accept", &code, "--connect", &address, "--name", "laptop"]);
    assert!(inviting.end());
    let good: Vec<Value> =
        office.json(&["peer", "list"]).as_array().unwrap().iter().map(|it| it["not_after"].clone()).collect();
    assert!(good.contains(&Value::from(until)) && good.contains(&Value::Null), "{good:?}");
}

#[test]
fn a_file_is_carried_from_one_machine_to_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (office, laptop) = two(folder.path());
    let file = folder.path().join("for the laptop");
    let (file, device) = (file.to_str().unwrap(), laptop.json(&["info"])["device"].clone());
    let write = ["hand-over", "write", "--to", device.as_str().unwrap(), "--out", file];
    let written = office.json(&write);
    let read = laptop.json(&["hand-over", "read", file]);
    assert_eq!(read["taken"]["received"], written["changes"]);
    assert_eq!(office.digest(), laptop.digest());
    let status = office.json(&["sync", "status"]);
    assert!(
        !status["only_here"].as_array().unwrap().is_empty(),
        "a file on a stick has not arrived anywhere"
    );

    let taken = office.refused(&write);
    assert!(taken.contains("is there already"), "{taken}");
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
    let cut = laptop.refused(&["hand-over", "read", file]);
    assert!(cut.contains("the file is cut"), "{cut}");
    office.refused(&["hand-over", "read", file]);
}

#[test]
fn who_missed_the_ends_of_two_devices_is_reached_by_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let (office, laptop) = two(folder.path());
    sync(&laptop, &office);
    for name in ["first", "second"] {
        let lost = Machine::new(folder.path(), name);
        let file = |what: &str| folder.path().join(format!("{name}.{what}")).to_str().unwrap().to_owned();
        let (request, answer) = (file("request"), file("answer"));
        lost.run(&["init", "--worker", "w-9", "--zone", "Europe/Paris"]);
        lost.run(&["identity", "request", &request]);
        office.run(&["identity", "certify", &request, &answer]);
        lost.run(&["identity", "adopt", &answer]);
        let device = lost.json(&["info"])["device"].as_str().unwrap().to_owned();
        office.run(&["device", "end", &device]);
    }
    let report = sync(&office, &laptop);
    assert_eq!((&report["equal"], &report["failed"]), (&Value::Bool(true), &Value::Null), "{report}");
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path(), "office");
    machine.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
    machine.refused(&["sync", "connect", "127.0.0.1:1"]);
    machine.refused(&["sync", "connect", "nowhere"]);
    machine.refused(&["sync", "listen", "--address", "192.0.2.1:0"]);
    machine.refused(&["peer", "accept", "CASEPLAN1:xyz", "--connect", "127.0.0.1:1", "--name", "laptop"]);
    machine.refused(&["peer", "accept", "12", "--connect", "127.0.0.1:1", "--name", "laptop"]);
    machine.refused(&["peer", "invite", "--worker", "w-117", "--level", "6"]);
}
