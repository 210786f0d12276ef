//! `millstream artifacts`

use std::path::Path;

use anyhow::Context as _;

use super::{End, Usage, check_step, find_run, print, print_json};
use crate::{
    artifacts::{self, Made},
    cli::{ArtifactsArgs, ArtifactsVerb},
    display::text,
    place::open_home,
};

pub fn artifacts(home: &Path, args: &ArtifactsArgs) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, &args.run.run)?;
    let made = artifacts::all(&home, &plan)?;
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
            for one in artifacts::find(&made, address)? {
                let path = artifacts::export(&home, &one)?;
                print(&format!("{}\n", path.display()))?;
                if path.extension().is_some_and(|extension| extension == "html") {
                    // The path is printed: where nothing can show it, that is enough.
                    if let Err(error) = opener::open(&path) {
                        eprintln!("No program shows it here ({error}); copy it to a machine with a browser");
                    }
                }
            }
        }
        Some(ArtifactsVerb::Copy { address, dest }) => {
            let found = artifacts::find(&made, address)?;
            let into_folder =
                dest.is_dir() || dest.as_os_str().to_string_lossy().ends_with('/') || found.len() > 1;
            if into_folder && dest.exists() && !dest.is_dir() {
                let count = found.len();
                let dest = dest.display();
                return Err(Usage(format!(
                    "`{address}` is {count} artifacts, but {dest} is a file; name a folder"
                ))
                .into());
            }
            let several = found.iter().any(|one| one.folder != found[0].folder);
            for one in &found {
                let name = Path::new(&one.artifact.name).file_name().context("the artifact has no name")?;
                let place = one.folder.file_name().filter(|_| several);
                let to = match (into_folder, place) {
                    (false, _) => dest.clone(),
                    (true, Some(place)) => dest.join(place).join(name),
                    (true, None) => dest.join(name),
                };
                artifacts::copy(&home, &one.artifact.digest, &to)?;
                print(&format!("{}\n", to.display()))?;
            }
        }
    }
    Ok(End::Done)
}

fn list(made: &[Made], json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&made);
    }
    let mut rows = vec![["ARTIFACT", "SIZE", "TYPE", "DIGEST"].map(str::to_owned).to_vec()];
    rows.extend(made.iter().map(|one| {
        let artifact = &one.artifact;
        vec![
            one.address.clone(),
            text::bytes(artifact.size),
            artifact.media_type.clone(),
            artifact.digest.short(),
        ]
    }));
    print(&text::table(&rows))
}
