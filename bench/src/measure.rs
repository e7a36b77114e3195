//! How things are measured: two sides in turn, medians, live bytes, instructions in a process of their own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// One line of the result.
pub struct Line {
    /// The goal's id in the design.
    pub goal: &'static str,
    /// What was compared.
    pub what: String,
    /// What came out.
    pub measured: String,
    /// What was to be reached, and whether it was; nothing for a line that explains another.
    pub target: Option<(String, bool)>,
}

impl Line {
    /// A ratio that must not be greater than its goal.
    pub fn ratio(goal: &'static str, what: impl Into<String>, ratio: f64, most: f64, detail: &str) -> Self {
        let measured = format!("{ratio:.2}x {detail}");
        Self { goal, what: what.into(), measured, target: Some((format!("<= {most}x"), ratio <= most)) }
    }

    /// A figure without a goal.
    pub fn note(goal: &'static str, what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { goal, what: what.into(), measured: measured.into(), target: None }
    }
}

/// The median times of two sides that took turns.
pub struct Pair {
    /// The first side.
    pub ours: Duration,
    /// The side that it is held against.
    pub theirs: Duration,
}

impl Pair {
    /// How many times as long the first side takes.
    pub fn ratio(&self) -> f64 {
        self.ours.as_secs_f64() / self.theirs.as_secs_f64()
    }

    /// Both times, for whoever wonders.
    pub fn detail(&self) -> String {
        format!("({} : {})", short(self.ours), short(self.theirs))
    }
}

/// A duration in three digits.
pub fn short(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1_000.0 { format!("{micros:.0} us") } else { format!("{:.1} ms", micros / 1_000.0) }
}

/// Times two sides in turn: whatever slows the machine slows both.
pub fn in_turn(rounds: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> Pair {
    let timed = |work: &mut dyn FnMut()| {
        let since = Instant::now();
        work();
        since.elapsed()
    };
    (ours(), theirs());
    let mut all: (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        all.0.push(timed(&mut ours));
        all.1.push(timed(&mut theirs));
    }
    Pair { ours: median(all.0), theirs: median(all.1) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// An allocator that counts what is live.
pub struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(by: usize) {
    let live = LIVE.fetch_add(by, Ordering::Relaxed) + by;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// Safe as the system's own allocator is: every call is handed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grown(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What a value keeps alive, and the most that making it took, in bytes.
pub fn heap<T>(make: impl FnOnce() -> T) -> (T, f64, f64) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let value = make();
    let live = LIVE.load(Ordering::Relaxed).saturating_sub(before);
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    (value, live as f64, peak as f64)
}

/// User instructions of a run of this program with these arguments, counted by valgrind; nothing where there is none.
pub fn instructions(arguments: &[&str]) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .arg("run")
        .args(arguments)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        eprintln!("{said}");
        return None;
    }
    let counted = said.lines().find_map(|line| line.split("Collected :").nth(1))?;
    counted.trim().parse().ok()
}

/// Waits until no other thread of this program has done anything for a while; where that cannot be seen, for that while.
pub fn others_at_rest() {
    let mut before = ticks_of_others();
    loop {
        std::thread::sleep(Duration::from_millis(150));
        let now = ticks_of_others();
        if now == before {
            return;
        }
        before = now;
    }
}

/// The time on a processor of all threads but the first, in ticks of the system.
fn ticks_of_others() -> Option<u64> {
    let first = std::process::id().to_string();
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let others = threads.filter_map(Result::ok).filter(|thread| *thread.file_name() != *first);
    let ticks = others.filter_map(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        // The name may have spaces in it; user and system time are the twelfth and thirteenth word after it.
        let mut after = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        Some(after.next()?.parse::<u64>().ok()? + after.next()?.parse::<u64>().ok()?)
    });
    Some(ticks.sum())
}

/// The exponent of growth between sizes that double: the slope of logarithms, over all of them.
pub fn exponent(figures: &[(usize, f64)]) -> f64 {
    let points: Vec<(f64, f64)> = figures.iter().map(|(n, cost)| ((*n as f64).ln(), cost.ln())).collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / count, y / count);
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    over / under
}

/// Copies a folder of files and folders.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
