//! A machine: a store of its own, on which real `caseplan` processes work.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A store, and in which network its processes run.
pub struct Machine {
    store: PathBuf,
    /// A network namespace; this machine's own network if there is none.
    pub network: Option<String>,
}

/// A process that is under way.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Machine {
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { store: folder.join(format!("{name}.db")), network: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_caseplan");
        let mut command = match &self.network {
            None => Command::new(program),
            Some(network) => {
                // `exec` in it, so that the child is the process itself and not somebody who waits for it.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", network, program]);
                command
            }
        };
        command.arg("--store").arg(&self.store).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> String {
        let run = self.command(arguments).output().unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// The digest over all that it holds.
    pub fn digest(&self) -> String {
        self.json(&["info"])["digest"].as_str().unwrap().to_owned()
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    /// Starts to listen; the process, and its port.
    pub fn listen(&self) -> (Running, u16) {
        let mut listening = self.start(&["sync", "listen", "--address", "0.0.0.0:0"]);
        let address = listening.says("listening at ");
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        (listening, port)
    }
}

impl Running {
    /// What follows this word on the first line that begins with it.
    pub fn says(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended without saying {word}");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.split_whitespace().next().unwrap().to_owned();
            }
        }
    }

    /// Waits for its end.
    pub fn end(mut self) -> bool {
        // Read on, or it might wait for somebody who does.
        self.lines.by_ref().lines().for_each(drop);
        self.child.wait().unwrap().success()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An agency's machine with so many cases, or one that is all but empty, and a new one with one that it took in.
pub fn two(folder: &Path, cases: u32) -> (Machine, Machine) {
    let (office, laptop) = (Machine::new(folder, "office"), Machine::new(folder, "laptop"));
    if cases == 0 {
        office.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
        office.run(&["case", "open", "--reference", "2026-O1", "--client", "Hugo Petit"]);
    } else {
        office.run(&["seed", "--cases", &cases.to_string(), "--until", "2026-04-15"]);
    }
    laptop.run(&["init", "--worker", "w-117", "--zone", "Europe/Paris"]);
    let mut inviting =
        office.start(&["peer", "invite", "--worker", "w-117", "--listen", "127.0.0.1:0", "--yes"]);
    let (text, address) = (inviting.says("invitation: "), inviting.says("waiting at "));
    laptop.run(&["peer", "accept", &text, "--connect", &address, "--name", "laptop"]);
    assert!(inviting.end());
    laptop.run(&["case", "open", "--reference", "2026-L1", "--client", "Hugo Petit"]);
    (office, laptop)
}

/// Stores with their vaults, and everything beside them, as they are now.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// In memory where the machine has that, so that thousands of stores wait for no disk.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
