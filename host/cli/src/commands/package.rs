//! `millstream aws package`

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use millstream_aws_package::{Function, Target, find_bootstrap, unzipped};
use millstream_core::artifact::Digest;
use millstream_language::Functions as _;
use serde::Serialize;

use super::{End, Usage, aws, print, print_json};
use crate::{
    cli::{AwsPackageArgs, HomeArgs},
    display::{foreign, text},
    place::Place,
};

/// What goes into a package.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Content {
    architecture: &'static str,
    bootstrap: PathBuf,
    functions: Vec<Packed>,
    out: PathBuf,
    /// Of the zip; unknown before there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<Made>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Packed {
    name: String,
    version: String,
    digest: Digest,
    /// It is compiled for predictors, too.
    predicts: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    /// SHA-256 of the zip.
    digest: Digest,
    bytes: u64,
    unzipped: u64,
}

pub fn package(home: &HomeArgs, args: &AwsPackageArgs) -> anyhow::Result<End> {
    let settings = aws::settings(args.settings.settings.as_deref())?;
    let target = target(args.architecture.as_deref().unwrap_or_else(|| settings.architecture.name()))?;
    let bootstrap = find_bootstrap(target, args.bootstrap.as_deref())?;
    let place = Place::open(home, None)?;
    let functions = functions(&place, &args.only)?;
    let mut content = Content {
        architecture: target.name(),
        bootstrap,
        functions: functions.iter().map(packed).collect(),
        out: args.out.clone(),
        made: None,
    };
    if args.dry_run {
        if args.output.json {
            print_json(&content)?;
        } else {
            print(&told(&content))?;
        }
        return Ok(End::Done);
    }
    let quiet = args.output.json;
    let zip = millstream_aws_package::package(target, &content.bootstrap, &functions, &|name| {
        if !quiet {
            tell!("compiled {}", foreign::line(name));
        }
    })?;
    write(&args.out, &zip)?;
    let made = Made { digest: Digest::of(&zip), bytes: zip.len() as u64, unzipped: unzipped(&zip)? };
    if args.output.json {
        content.made = Some(made);
        print_json(&content)?;
        return Ok(End::Done);
    }
    tell!(
        "{}: {} for {target}, {}, {} unzipped",
        args.out.display(),
        text::count(functions.len() as u64, "function"),
        megabytes(made.bytes),
        megabytes(made.unzipped)
    );
    tell!("`millstream aws deploy --package {}` brings it to AWS", args.out.display());
    Ok(End::Done)
}

/// A processor by Lambda's name.
pub fn target(name: &str) -> anyhow::Result<Target> {
    let known = Target::ALL.into_iter().find(|target| target.name() == name);
    known.with_context(|| format!("{name} is no processor of Lambda"))
}

/// Those functions, or all, with their components.
fn functions(place: &Place, only: &[String]) -> anyhow::Result<Vec<Function>> {
    for name in only {
        // Says which there are.
        place.manifest(name)?;
    }
    let names: Vec<&str> = match only {
        [] => place.functions.names(),
        only => only.iter().map(String::as_str).collect(),
    };
    if names.is_empty() {
        return Err(Usage("there is no function to package".to_owned()).into());
    }
    place.find(&names)?;
    let function = |name: &str| {
        let Some(found) = place.functions.find(name) else {
            return Err(Usage(format!(
                "`{name}` is an act of the host, which every package can do: leave it out of --only"
            ))
            .into());
        };
        let component = place.home.artifacts().read_verified(&found.digest, u64::MAX)?;
        let manifest = found.manifest.clone();
        Ok(Function { digest: found.digest, component, manifest, predictors: true })
    };
    names.into_iter().map(function).collect()
}

fn packed(function: &Function) -> Packed {
    let manifest = &function.manifest;
    Packed {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        digest: function.digest,
        predicts: function.predictors && manifest.exports.model,
    }
}

fn told(content: &Content) -> String {
    let mut told = format!("package for {}:\n", content.architecture);
    let mut line = |what: &str, of: &str| told += &format!("  {what:9} {}\n", foreign::line(of));
    line("read", &content.bootstrap.display().to_string());
    for function in &content.functions {
        let kinds = if function.predicts { "jobs, predictors" } else { "jobs" };
        line("compile", &format!("{} {}  ({kinds})", function.name, function.version));
    }
    line("write", &content.out.display().to_string());
    told
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Under its name only when it is whole.
fn write(out: &Path, zip: &[u8]) -> anyhow::Result<()> {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let cant = || format!("cannot write the package {}", out.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cant)?;
    file.write_all(zip).with_context(cant)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A temporary file is its owner's alone.
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).with_context(cant)?;
    }
    file.persist(out).with_context(cant)?;
    Ok(())
}
