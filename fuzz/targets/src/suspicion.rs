//! Panics that a function has announced: it told whom they are to be blamed on.

use millstream_sdk::suspect::suspected;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static EXCUSED: Cell<bool> = const { Cell::new(false) };
    static WANTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, and takes a panic for an answer if the function has said beforehand what it would mean.
pub fn excused(f: impl FnOnce()) {
    static HOOK: Once = Once::new();
    // The fuzzer's own hook ends the process, so that it must not hear of these.
    HOOK.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |info| {
            let excused = WANTED.get() && suspected().is_some();
            EXCUSED.set(excused);
            if !excused {
                hook(info);
            }
        }));
    });
    WANTED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(f));
    WANTED.set(false);
    if let Err(panic) = outcome
        && !EXCUSED.take()
    {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::suspect::suspect;

    #[test]
    fn only_announced_panics_are_excused() {
        excused(|| {
            let _suspicion = suspect("the file is damaged");
            panic!("out of bounds");
        });
        assert!(catch_unwind(|| excused(|| panic!("a fault of our own"))).is_err());
        excused(|| {});
    }
}
