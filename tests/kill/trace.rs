//! A kill proves nothing about a power cut, so the system calls are looked at: whatever a command wrote is synced
//! before the command returns. Needs strace.

use std::process::Command;

use super::child::HOME;
use super::parent::Family;

/// Faults in a trace: an acknowledgment before which nothing was synced, or with writes not yet synced.
fn faults(trace: &str) -> (usize, Vec<String>) {
    let (mut acknowledged, mut faults) = (0, Vec::new());
    let (mut synced, mut dirty) = (false, false);
    // The thread whose sync is under way, when other threads' calls stand between its two halves.
    let mut syncing = None;
    for line in trace.lines() {
        let thread = line.split(' ').next();
        let wal = line.contains("caseplan.db-wal>");
        if wal && line.contains(" pwrite64(") {
            dirty = true;
        } else if wal && (line.contains(" fdatasync(") || line.contains(" fsync(")) {
            if line.ends_with("<unfinished ...>") {
                syncing = thread;
            } else if line.ends_with("= 0") {
                (synced, dirty) = (true, false);
            }
        } else if line.contains("sync resumed>") && syncing == thread {
            (synced, dirty) = (synced || line.ends_with("= 0"), dirty && !line.ends_with("= 0"));
            syncing = None;
        } else if line.contains(" write(1<") && line.contains("\"ack ") {
            if !["\"ack begins", "\"ack opened"].iter().any(|word| line.contains(word)) {
                acknowledged += 1;
                if !synced || dirty {
                    faults.push(line.to_owned());
                }
            }
            synced = false;
        }
    }
    (acknowledged, faults)
}

#[test]
fn what_a_command_wrote_is_synced_before_the_command_returns() {
    let family = Family::new();
    let trace = family.home.0.join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,pwrite64,write", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["child::works_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(HOME, &family.home.0)
        .env("CASEPLAN_WORK", "few")
        .output()
        .expect("strace is needed for this test; ./test installs it");
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let (acknowledged, faults) = faults(&std::fs::read_to_string(&trace).unwrap());
    // Twice: a draft begun and saved, a contact, an addendum, a plan's change.
    assert_eq!(acknowledged, 10);
    assert!(faults.is_empty(), "acknowledged before it was synced:\n{}", faults.join("\n"));
}

#[test]
fn a_trace_without_a_sync_or_with_a_later_write_is_found_out() {
    let write = r#"7 pwrite64(5</x/caseplan.db-wal>, "..."..., 4096, 0) = 4096"#;
    let sync = "7 fdatasync(5</x/caseplan.db-wal>) = 0";
    let failed = "7 fdatasync(5</x/caseplan.db-wal>) = -1 EIO (Input/output error)";
    let ack = r#"7 write(1</x>, "ack contact 1\n", 14) = 14"#;
    let halves = ["7 fdatasync(5</x/caseplan.db-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0"];
    let found = |lines: &[&str]| faults(&lines.join("\n")).1.len();
    assert_eq!(found(&[write, sync, ack]), 0);
    assert_eq!(found(&[write, halves[0], halves[1], ack]), 0);
    assert_eq!(found(&[write, halves[0], ack, halves[1]]), 1, "under way is not done");
    assert_eq!(found(&[write, ack]), 1);
    assert_eq!(found(&[write, failed, ack]), 1);
    assert_eq!(found(&[write, sync, write, ack]), 1);
    assert_eq!(found(&[write, sync, ack, ack]), 1, "each has a sync of its own");
}
