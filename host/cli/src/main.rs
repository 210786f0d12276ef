//! `millstream`: one file per verb under `commands`, what people see of a run under `display`.

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

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if matches!(cli.verb, cli::Verb::Executor) {
        return millstream_engine::executor::main();
    }
    display::log_to_stderr();
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
            display::error_line(&format!("{} {error:#}", style("error:").for_stderr().red().bold()));
            end.into()
        }
    }
}
