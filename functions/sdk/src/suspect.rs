//! What is at fault if a library panics.
//!
//! A panic in a component is a trap, and the host can say no more than that the function is at fault. Where a library
//! reads foreign bytes and is known to panic at some of them, the function says beforehand what a panic would mean.

use std::cell::RefCell;

thread_local! {
    static SUSPECTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Holds a suspicion; without it a panic is the function's own fault again.
#[must_use]
pub struct Suspicion(Option<String>);

/// From now on, until what is returned is dropped, a panic means this: who is at fault, and what to do next.
pub fn suspect(message: impl Into<String>) -> Suspicion {
    Suspicion(SUSPECTED.replace(Some(message.into())))
}

/// What a panic would mean now.
pub fn suspected() -> Option<String> {
    SUSPECTED.with_borrow(Clone::clone)
}

/// What a panic is reported as.
pub fn last_words(panic: &str) -> String {
    match suspected() {
        Some(message) => format!("{message} ({panic})"),
        None => panic.to_owned(),
    }
}

impl Drop for Suspicion {
    fn drop(&mut self) {
        // It is dropped while a panic unwinds too, where nothing may be said any more.
        let _ = SUSPECTED.try_with(|suspected| suspected.replace(self.0.take()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_suspicion_counts_and_ends() {
        let words = || last_words("index out of bounds");
        let outer = suspect("the file is damaged");
        {
            let _inner = suspect("the page is damaged");
            assert_eq!(words(), "the page is damaged (index out of bounds)");
        }
        assert_eq!(words(), "the file is damaged (index out of bounds)");
        drop(outer);
        assert_eq!(words(), "index out of bounds");
    }
}
