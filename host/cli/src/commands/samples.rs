//! `millstream samples`

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::Context as _;

use super::End;
use crate::samples::SAMPLES;

pub fn samples(folder: &Path, quiet: bool) -> anyhow::Result<End> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}: name another folder", folder.display()))?;
    for sample in &SAMPLES {
        let path = folder.join(format!("{}.csv", sample.name));
        fs::write(&path, sample.csv()).with_context(|| format!("cannot write {}", path.display()))?;
        if !quiet {
            writeln!(
                io::stdout(),
                "{}\n  {}; target column `{}`",
                path.display(),
                sample.about,
                sample.target
            )?;
        }
    }
    Ok(End::Done)
}
