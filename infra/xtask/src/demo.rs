//! The main job, from an empty machine to predictions.

use std::process::Command;

use crate::{
    host,
    run::{check, root},
};

/// Builds what is needed, writes the sample data, and runs `workflow/examples/breast-cancer.yaml`.
pub fn demo() -> anyhow::Result<()> {
    let millstream = host::build()?;
    check(
        Command::new(&millstream).args(["samples", "--quiet", "workflow/examples/data"]).current_dir(root()),
    )?;
    check(Command::new(&millstream).args(["run", "workflow/examples/breast-cancer.yaml"]).current_dir(root()))
}
