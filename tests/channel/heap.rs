//! Counts what a thread allocates and how long it is on the processor, so that a test can say what an input costs.
#![allow(unsafe_code, reason = "an allocator is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Display;
use std::time::Duration;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

/// What something cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// The most bytes held at once, beyond those held before.
    pub peak: usize,
    /// All bytes that were ever asked for: they had to be written or copied, so this bounds the work too.
    pub total: usize,
    /// Time of this thread on the processor, however long it waited for it; nothing where the system does not tell.
    pub time: Duration,
}

impl Cost {
    /// The worse of each.
    pub fn max(self, other: Self) -> Self {
        Self {
            peak: self.peak.max(other.peak),
            total: self.total.max(other.total),
            time: self.time.max(other.time),
        }
    }
}

/// The goal for 64 KB of anything, in memory at once
pub const MOST_PEAK: usize = 64 * 1024 * 1024;
/// and in time on the processor, also in a debug build.
pub const MOST_TIME: Duration = Duration::from_secs(1);

/// Runs something that has a share of memory, at once and altogether, and says what it cost. More than its share, and
/// more than the goal, fails.
pub fn within<T>(share: (usize, usize), what: impl Display, run: impl FnOnce() -> T) -> (T, Cost) {
    let (result, cost) = cost_of(run);
    assert!(cost.peak <= share.0.min(MOST_PEAK) && cost.total <= share.1, "{what}: {cost:?}");
    assert!(cost.time <= MOST_TIME, "{what}: {cost:?}");
    (result, cost)
}

/// How long this thread has been on the processor.
fn on_processor() -> Option<Duration> {
    let all = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(all.split_whitespace().next()?.parse().ok()?))
}

/// Runs something and says what it cost on this thread.
pub fn cost_of<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let before = on_processor();
    let (held, total) = (HELD.get(), TOTAL.get());
    PEAK.set(held);
    let result = run();
    let peak = usize::try_from(PEAK.get() - held).unwrap_or(0);
    let total = TOTAL.get() - total;
    let time = before.and_then(|before| Some(on_processor()?.saturating_sub(before)));
    (result, Cost { peak, total, time: time.unwrap_or_default() })
}

fn count(more: usize, less: usize) {
    // A thread that is going away has no counters any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + more as isize - less as isize);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
    let _ = TOTAL.try_with(|total| total.set(total.get() + more));
}

// SAFETY: every call goes on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[test]
fn the_count_sees_what_is_held_and_what_is_asked_for() {
    let ((), cost) = cost_of(|| {
        drop(vec![0_u8; 1000]);
        drop(vec![1_u8; 3000]);
    });
    assert_eq!((cost.peak, cost.total), (3000, 4000));
}

#[test]
#[cfg(target_os = "linux")]
fn the_time_is_that_on_the_processor_and_not_on_the_wall() {
    let ((), cost) = cost_of(|| std::thread::sleep(Duration::from_millis(300)));
    assert!(cost.time < Duration::from_millis(100), "{cost:?}");
    let begun = std::time::Instant::now();
    let (_, cost) = cost_of(|| {
        // Until the thread has had its time: others may have the processor meanwhile.
        let before = on_processor().unwrap();
        while on_processor().unwrap() < before + Duration::from_millis(50) {
            std::hint::black_box(begun.elapsed());
        }
    });
    assert!(cost.time >= Duration::from_millis(50), "{cost:?}");
}
