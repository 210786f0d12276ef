//! When an invocation ends.

use std::time::{Duration, SystemTime};

use lambda_runtime::Context;
use millstream_worker::{Home, Invocation};

/// What is left of an invocation that was received just now.
pub fn of(context: &Context, home: &Home) -> Invocation {
    // Lambda's deadline is a time of day.
    let whole = context.deadline().duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
    Invocation { end: home.clock().monotonic() + whole, whole }
}
