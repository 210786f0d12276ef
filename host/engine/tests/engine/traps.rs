//! Traps carry the guest's last words and its stack.

use crate::support::{Home, blamed, run};

#[test]
fn a_panic_says_what_and_where() {
    let home = Home::new();
    let (message, backtrace) = blamed(run(&home.pool(1), &home.job("panic")));
    assert!(message.contains("the third column is on fire"), "{message}");
    assert!(message.contains("src/runaways.rs"), "{message}");
    assert!(backtrace.contains("fn_faulty::runaways::run"), "demangled names: {backtrace}");
    assert!(!backtrace.contains("_ZN") && !backtrace.contains("_RN"), "{backtrace}");
}

#[test]
fn a_bare_trap_says_which() {
    let home = Home::new();
    let (message, backtrace) = blamed(run(&home.local(), &home.job("trap")));
    assert!(message.contains("unreachable"), "{message}");
    assert!(backtrace.contains("fn_faulty"), "{backtrace}");
}

#[test]
fn a_stack_overflow_is_a_failure_like_any_other() {
    let home = Home::new();
    let pool = home.pool(1);
    let before = pool.idle_ids();
    let (message, backtrace) = blamed(run(&pool, &home.job("overflow")));
    assert!(message.contains("stack overflowed") || message.contains("out of bounds"), "{message}");
    assert!(backtrace.contains("recurse"), "{backtrace}");
    assert!(backtrace.lines().count() < 50, "cut to what one can read");
    assert_eq!(pool.idle_ids(), before, "the process lives on");
    assert!(run(&pool, &home.job("ok")).is_ok());
}

#[test]
fn a_division_by_zero() {
    let home = Home::new();
    let (message, _) = blamed(run(&home.local(), &home.job("divide")));
    assert!(message.contains("divide by zero"), "{message}");
}
