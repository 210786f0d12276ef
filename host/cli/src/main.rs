//! `millstream`: one file per verb under `commands`, what people see of a run under `display`.

/// A line on standard error, for people; see [`display::error_line`].
macro_rules! tell {
    ($($part:tt)*) => { $crate::display::error_line(&format!($($part)*)) };
}

mod artifacts;
mod bundle;
mod cli;
mod codes;
mod commands;
mod display;
mod drive;
mod elsewhere;
mod overview;
mod place;
mod profile;
mod samples;

use std::process::ExitCode;

use console::{StyledObject, style};
use display::foreign;
use millstream_errors::Code;

fn main() -> ExitCode {
    let cli = match cli::Cli::typed() {
        Ok(cli) => cli,
        Err(error) => return unread(&error),
    };
    if matches!(cli.verb, cli::Verb::Executor) {
        return millstream_engine::executor::main(&cli::stores());
    }
    cli.home.enter_region();
    // Dropped at the very end: what is left of traces goes out then.
    let _traces = match display::log_to_stderr(matches!(cli.verb, cli::Verb::Serve(_))) {
        Ok(traces) => traces,
        Err(error) => {
            tell!("{} {error}", label(Code::Usage));
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
            let code = codes::of(&error);
            let error = format!("{error:#}");
            tell!("{} {}", label(code), foreign::indented(&error, "  "));
            end.into()
        }
    }
}

/// What an error begins with, such as `error[MS0401]:`.
fn label(code: Code) -> StyledObject<String> {
    style(format!("error[{code}]:")).for_stderr().red().bold()
}

/// What clap says where the command line cannot be read, with the code; or the help that was asked for.
fn unread(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    let text = error.render();
    let text = if console::colors_enabled_stderr() { text.ansi().to_string() } else { text.to_string() };
    // clap has no place for a code.
    let text = text.replacen("error:", &format!("error[{}]:", Code::Arguments), 1);
    tell!("{}", text.trim_end());
    commands::End::Usage.into()
}
