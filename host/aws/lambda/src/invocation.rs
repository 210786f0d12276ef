//! When an invocation ends.

use std::time::{Duration, SystemTime};

use lambda_runtime::Context;
use millstream_worker::{Home, TimeLeft};

/// What is left of an invocation that was received just now.
pub fn of(context: &Context, home: &Home) -> TimeLeft {
    // Lambda's deadline is a time of day.
    let whole = context.deadline().duration_since(SystemTime::now()).unwrap_or(Duration::ZERO);
    TimeLeft { end: home.clock().monotonic() + whole, whole }
}
