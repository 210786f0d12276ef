//! `millstream samples`

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::Context as _;
use serde_json::json;

use super::{End, print_json};
use crate::samples::SAMPLES;

pub fn samples(folder: &Path, quiet: bool, as_json: bool) -> anyhow::Result<End> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}: name another folder", folder.display()))?;
    let mut written = Vec::new();
    for sample in &SAMPLES {
        let path = folder.join(format!("{}.csv", sample.name));
        fs::write(&path, sample.csv()).with_context(|| format!("cannot write {}", path.display()))?;
        if as_json {
            written.push(json!({"file": path, "about": sample.about, "target": sample.target}));
        } else if !quiet {
            writeln!(
                io::stdout(),
                "{}\n  {}; target column `{}`",
                path.display(),
                sample.about,
                sample.target
            )?;
        }
    }
    if as_json {
        print_json(&written)?;
    }
    Ok(End::Done)
}
