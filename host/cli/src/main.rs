//! `millstream`: one file per verb under `commands`, what people see of a run under `display`.

/// A line on standard error, for people; see [`display::error_line`].
macro_rules! tell {
    ($($part:tt)*) => { $crate::display::error_line(&format!($($part)*)) };
}

mod artifacts;
mod bundle;
mod cli;
mod commands;
mod display;
mod drive;
mod overview;
mod place;
mod samples;
mod serving;

use std::process::ExitCode;

use clap::Parser as _;
use console::style;
use display::foreign;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if matches!(cli.verb, cli::Verb::Executor) {
        return millstream_engine::executor::main();
    }
    // Dropped at the very end: what is left of traces goes out then.
    let _traces = match display::log_to_stderr(matches!(cli.verb, cli::Verb::Serve(_))) {
        Ok(traces) => traces,
        Err(error) => {
            tell!("{} {error}", style("error:").for_stderr().red().bold());
            return commands::End::Usage.into();
        }
    };
    match commands::run(cli) {
        Ok(end) => end.into(),
        Err(error) => {
            // A closed pipe is how `| head` says that it has seen enough.
            let closed = |cause: &(dyn std::error::Error + 'static)| {
                cause
                    .downcast_ref()
                    .is_some_and(|e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe)
            };
            if error.chain().any(closed) {
                return ExitCode::SUCCESS;
            }
            let end = if commands::is_usage(&error) { commands::End::Usage } else { commands::End::Failed };
            let error = format!("{error:#}");
            tell!("{} {}", style("error:").for_stderr().red().bold(), foreign::indented(&error, "  "));
            end.into()
        }
    }
}
