//! Counts what a thread allocates, so that a test can say what an input costs.
#![allow(unsafe_code, reason = "an allocator is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

/// What something cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// The most bytes held at once, beyond those held before.
    pub peak: usize,
    /// All bytes that were ever asked for: they had to be written or copied, so this bounds the work too.
    pub total: usize,
}

/// Runs something and says what it cost on this thread.
pub fn cost_of<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let (held, total) = (HELD.get(), TOTAL.get());
    PEAK.set(held);
    let result = run();
    let peak = usize::try_from(PEAK.get() - held).unwrap_or(0);
    (result, Cost { peak, total: TOTAL.get() - total })
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
    assert_eq!(cost, Cost { peak: 3000, total: 4000 });
}
