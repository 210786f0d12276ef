//! The references and the schema, made by the binary that they describe.

use std::{fs, process::Command};

use anyhow::{Context as _, ensure};

use crate::{
    host,
    run::{root, target_dir},
};

/// The files, and the arguments that make them. A test holds them to what the binary prints.
const MADE: [(&str, &[&str]); 3] = [
    ("docs/workflow.md", &["schema", "--reference", "workflow"]),
    ("docs/functions.md", &["schema", "--reference", "functions"]),
    ("workflow/examples/workflow.schema.json", &["schema"]),
];

/// Writes them.
pub fn docs() -> anyhow::Result<()> {
    let millstream = host::build()?;
    for (file, arguments) in MADE {
        // A home of its own: functions that were added to another one do not belong into the project.
        let home = target_dir().join("docs-home");
        let output = Command::new(&millstream)
            .arg("--home")
            .arg(&home)
            .args(arguments)
            .output()
            .context("cannot start millstream")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(root().join(file), output.stdout).with_context(|| format!("cannot write {file}"))?;
        println!("{file}");
    }
    Ok(())
}
