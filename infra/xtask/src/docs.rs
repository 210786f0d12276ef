//! The references and the schema, made by the binary that they describe.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::{
    host,
    run::{root, target_dir},
};

/// The files, and the arguments that make them. A test holds them to what the binary prints.
const MADE: [(&str, &[&str]); 5] = [
    ("docs/workflow.md", &["schema", "--reference", "workflow"]),
    ("docs/functions.md", &["schema", "--reference", "functions"]),
    ("workflow/examples/workflow.schema.json", &["schema"]),
    ("docs/errors/README.md", &["explain"]),
    ("infra/aws/template.yaml", &["aws", "template"]),
];

/// Writes them.
pub fn docs() -> anyhow::Result<()> {
    let millstream = host::build_whole()?;
    for (file, arguments) in MADE {
        fs::write(root().join(file), print(&millstream, arguments)?)
            .with_context(|| format!("cannot write {file}"))?;
        println!("{file}");
    }
    Ok(())
}

/// Those that are not what the binary prints. It is built as the tests build it.
pub fn stale() -> anyhow::Result<Vec<&'static str>> {
    let millstream = host::build_with_tests()?;
    let mut stale = Vec::new();
    for (file, arguments) in MADE {
        let there = fs::read(root().join(file)).with_context(|| format!("cannot read {file}"))?;
        if there != print(&millstream, arguments)? {
            stale.push(file);
        }
    }
    Ok(stale)
}

fn print(millstream: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    // A home of its own: functions that were added to another one do not belong into the project.
    let home = target_dir().join("docs-home");
    let output = Command::new(millstream)
        .arg("--home")
        .arg(&home)
        .args(arguments)
        .output()
        .context("cannot start millstream")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}
