//! `millstream artifacts`

use std::path::{Path, PathBuf};

use millstream_core::nearest;
use serde_json::json;

use super::{End, Usage, check_step, find_run, print, print_json};
use crate::{
    artifacts::{self, Made},
    cli::{ArtifactsArgs, ArtifactsVerb, HomeArgs},
    display::{foreign, text},
    place::open_home,
};

pub fn artifacts(home: &HomeArgs, args: &ArtifactsArgs) -> anyhow::Result<End> {
    let exports = home.exports()?;
    let home = open_home(home)?;
    let plan = find_run(&home, &args.run.run)?;
    let made = artifacts::all(&home, &exports, &plan)?;
    match &args.verb {
        None => list(&made, args.output.json)?,
        Some(ArtifactsVerb::List { step }) => {
            if let Some(step) = step {
                check_step(&plan, step)?;
            }
            let kept: Vec<Made> =
                made.into_iter().filter(|one| step.as_ref().is_none_or(|step| *step == one.step)).collect();
            list(&kept, args.output.json)?;
        }
        Some(ArtifactsVerb::Open { address }) => {
            let mut files = Vec::new();
            for one in artifacts::find(&made, address)? {
                let path = artifacts::export(&home, &one)?;
                if args.output.json {
                    files.push(json!({"address": one.address, "path": path}));
                    continue;
                }
                print(&format!("{}\n", path.display()))?;
                if path.extension().is_some_and(|extension| extension == "html") {
                    // The path is printed: where nothing can show it, that is enough.
                    if let Err(error) = opener::open(&path) {
                        tell!("No program here can show it ({error}); copy it to a machine with a browser");
                    }
                }
            }
            if args.output.json {
                print_json(&files)?;
            }
        }
        Some(ArtifactsVerb::Copy { address, dest, force }) => {
            let found = artifacts::find(&made, address)?;
            let copies = targets(&found, address, dest)?;
            if !force {
                keep_what_is_there(&copies)?;
            }
            let mut files = Vec::new();
            for (one, to) in copies {
                artifacts::copy(&home, &one.artifact.digest, &to, to.starts_with(&exports))?;
                match args.output.json {
                    true => files.push(json!({"address": one.address, "path": to})),
                    false => print(&format!("{}\n", to.display()))?,
                }
            }
            if args.output.json {
                print_json(&files)?;
            }
        }
    }
    Ok(End::Done)
}

/// Where each artifact goes.
fn targets<'m>(found: &'m [Made], address: &str, dest: &Path) -> anyhow::Result<Vec<(&'m Made, PathBuf)>> {
    let into_folder = dest.is_dir() || dest.as_os_str().to_string_lossy().ends_with('/') || found.len() > 1;
    if into_folder && dest.exists() && !dest.is_dir() {
        let (count, dest) = (found.len(), dest.display());
        return Err(
            Usage(format!("`{address}` is {count} artifacts, but {dest} is a file; name a folder")).into()
        );
    }
    if !into_folder {
        return Ok(found.iter().map(|one| (one, dest.to_owned())).collect());
    }
    let several = found.iter().any(|one| one.folder != found[0].folder);
    let to = |one: &Made, file: PathBuf| match one.folder.file_name().filter(|_| several) {
        Some(place) => dest.join(place).join(file),
        None => dest.join(file),
    };
    Ok(found.iter().zip(artifacts::files(found)).map(|(one, file)| (one, to(one, file))).collect())
}

/// Refuses to write over files that are not such copies already.
fn keep_what_is_there(copies: &[(&Made, PathBuf)]) -> anyhow::Result<()> {
    let mut there = Vec::new();
    for (one, to) in copies {
        if to.symlink_metadata().is_ok() && !artifacts::is_copy(to, &one.artifact)? {
            there.push(to.display().to_string());
        }
    }
    if there.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = there.iter().map(String::as_str).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    Err(Usage(format!(
        "{} {are} there already and different; nothing was copied: copy to another place, or replace with --force",
        nearest::list(&names)
    ))
    .into())
}

fn list(made: &[Made], json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&made);
    }
    // The task's name says more than the number in its address.
    let several = made.iter().any(|one| one.label != one.step);
    let titles = ["ARTIFACT", "SIZE", "TYPE", "DIGEST", "TASK"];
    let mut rows =
        vec![titles[..if several { 5 } else { 4 }].iter().map(|title| (*title).to_owned()).collect()];
    rows.extend(made.iter().map(|one| {
        let artifact = &one.artifact;
        let mut row = vec![
            foreign::line(&one.address).into_owned(),
            text::bytes(artifact.size),
            foreign::line(&artifact.media_type).into_owned(),
            artifact.digest.short(),
        ];
        row.extend(several.then(|| foreign::line(&one.label).into_owned()));
        row
    }));
    print(&text::table(&rows))
}
