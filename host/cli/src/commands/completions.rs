//! `millstream completions`

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::{End, print};
use crate::cli::Cli;

pub fn completions(shell: Shell) -> anyhow::Result<End> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "millstream", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(End::Done)
}
