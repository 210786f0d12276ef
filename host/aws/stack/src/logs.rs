//! `millstream aws logs`: what the functions of a stack have logged.

use std::{collections::HashSet, time::Duration};

use serde::Serialize;

use crate::{
    Account, Error,
    error::{Explained as _, is_missing},
    names::log_group,
};

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Milliseconds since 1970 UTC.
    pub at: u64,
    /// The execution environment that it came from.
    pub stream: String,
    /// Without the end of the line.
    pub text: String,
}

/// How often the log is looked at when it is followed.
const PACE: Duration = Duration::from_secs(2);
/// Lines reach CloudWatch out of order by up to so many milliseconds.
const LATE: u64 = 30_000;

/// Gives the lines of a function of a stack (`worker-small`, `undertaker`, `trigger`, `endpoint-NAME`) since `since` (milliseconds
/// since 1970 UTC), each once, until `go_on` says no after a look.
///
/// # Errors
/// There is no such stack or function; AWS says no, or nothing.
pub fn logs(
    account: &Account,
    stack: &str,
    function: &str,
    since: u64,
    show: &mut (dyn FnMut(LogLine) + Send),
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<(), Error> {
    millstream_aws::block_on(account.read_logs(stack, function, since, show, go_on))
}

impl Account {
    async fn read_logs(
        &self,
        stack: &str,
        function: &str,
        since: u64,
        show: &mut (dyn FnMut(LogLine) + Send),
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), Error> {
        self.stack_there(stack).await?;
        let group = log_group(&format!("{stack}-{function}"));
        let mut seen = HashSet::new();
        let mut from = since;
        loop {
            let mut newest = from;
            let mut next = None;
            loop {
                let asked = self.logs.filter_log_events().log_group_name(&group).set_next_token(next);
                let found = match asked.start_time(i64::try_from(from).unwrap_or(i64::MAX)).send().await {
                    Err(error) if is_missing(&error) => {
                        return Err(self.no_such_function(stack, function).await?);
                    }
                    found => {
                        found.explained("read", &format!("log group {group}"), "logs:FilterLogEvents")?
                    }
                };
                for event in found.events() {
                    if !event.event_id().is_none_or(|id| seen.insert(id.to_owned())) {
                        continue;
                    }
                    let at = event.timestamp().and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
                    newest = newest.max(at);
                    show(LogLine {
                        at,
                        stream: event.log_stream_name().unwrap_or_default().to_owned(),
                        text: event.message().unwrap_or_default().trim_end().to_owned(),
                    });
                }
                next = found.next_token().map(str::to_owned);
                if next.is_none() {
                    break;
                }
            }
            if !go_on() {
                return Ok(());
            }
            from = newest.saturating_sub(LATE).max(since);
            tokio::time::sleep(PACE.min(self.patience)).await;
        }
    }

    async fn no_such_function(&self, stack: &str, function: &str) -> Result<Error, Error> {
        let known = self.functions(stack).await?;
        let known = known.iter().map(String::as_str);
        let help = millstream_core::nearest::or_all(function, known, "functions");
        Ok(Error::Endpoint(format!("stack `{stack}` has no function `{function}`; {help}")))
    }
}
