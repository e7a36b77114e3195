//! The wall around libraries that read what others wrote: where one panics, that is an answer.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static WALLED: Cell<bool> = const { Cell::new(false) };
}

/// Runs something that may panic on hostile input; nothing if it did.
///
/// A panic in here is an answer, not an accident, so the process's panic hook stays silent for this thread.
pub(crate) fn walled<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !WALLED.get() {
                previous(info);
            }
        }));
    });
    let before = WALLED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    WALLED.set(before);
    result.ok()
}
