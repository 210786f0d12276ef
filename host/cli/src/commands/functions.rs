//! `millstream functions`

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, bail};
use console::style;
use millstream_core::manifest::{Direction, Manifest};
use millstream_language::{Functions as _, acts::Act, schema};
use millstream_store::Artifacts;
use millstream_worker::Functions;
use serde_json::{Map, Value, json};

use super::{End, Usage, component::Component, print, print_json};
use crate::{
    bundle,
    cli::{FunctionsVerb, HomeArgs},
    display::{
        foreign, spinner, text,
        wrap::{joined, wrap_lines},
    },
    place::Place,
};

pub fn functions(home: &HomeArgs, verb: FunctionsVerb) -> anyhow::Result<End> {
    match verb {
        FunctionsVerb::List { output } => return list(&Place::open(home, None)?, output.json),
        FunctionsVerb::Describe { name, output } => {
            let manifest = Place::open(home, None)?.manifest(&name)?;
            if output.json { print_json(&manifest)? } else { print(&described(&manifest))? }
        }
        FunctionsVerb::Check { file, output } => {
            return check(&Place::open(home, Some(1))?, &file, output.json);
        }
        FunctionsVerb::Add { file, output } => add(&Place::open(home, Some(1))?, &file, output.json)?,
        FunctionsVerb::New { name } => new(&name)?,
    }
    Ok(End::Done)
}

fn list(place: &Place, json: bool) -> anyhow::Result<End> {
    let names = place.functions.names();
    let broken = place.describe(&names);
    // One that cannot be used does not hide the others.
    for (name, error) in &broken {
        tell!("{} function `{name}`: {error}", style("error:").for_stderr().red().bold());
    }
    let end = if broken.is_empty() { End::Done } else { End::Failed };
    let is_broken = |name: &&&str| !broken.iter().any(|(broken, _)| broken == **name);
    let known = names
        .iter()
        .filter(is_broken)
        .filter_map(|name| place.functions.find(name))
        .map(|found| &found.manifest);
    let manifests: Vec<&Manifest> =
        known.chain(Act::ALL.into_iter().map(|act| -> &Manifest { act.manifest() })).collect();
    if json {
        print_json(&manifests)?;
        return Ok(end);
    }
    let mut rows = vec![["FUNCTION", "VERSION", "FROM", "WHAT IT DOES"].map(str::to_owned).to_vec()];
    rows.extend(manifests.iter().map(|manifest| {
        let from = if Act::named(&manifest.name).is_some() {
            "host"
        } else if place.functions.is_bundled(&manifest.name) {
            "millstream"
        } else {
            "added"
        };
        vec![
            manifest.name.clone(),
            manifest.version.clone(),
            from.to_owned(),
            foreign::line(&manifest.summary).into_owned(),
        ]
    }));
    print(&text::table(&rows))?;
    if bundle::FUNCTIONS.is_empty() {
        tell!("This binary was built without functions; `cargo xtask build` builds one with them");
    }
    Ok(end)
}

/// Longer lists of what a parameter takes stand behind its description.
const LONG: usize = 32;

fn described(manifest: &Manifest) -> String {
    let line = |text: &str| foreign::line(text).into_owned();
    let (name, version) = (line(&manifest.name), line(&manifest.version));
    let mut text = format!("{} {version}\n{}\n", style(name).bold(), line(&manifest.summary));
    if !manifest.description.is_empty() {
        let _ = write!(text, "\n{}\n", joined(&foreign::lines(manifest.description.trim())));
    }
    if let Some(screen) = text::screen() {
        text = wrap_lines(&text, screen, 0) + "\n";
    }
    let mut section = |title: &str, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let _ = write!(text, "\n{}\n{}", style(title).bold(), text::table(&rows));
        }
    };
    let kind = |kind: &millstream_core::manifest::Kind| format!("{kind:?}").to_lowercase();
    section(
        "Inputs",
        manifest
            .channels
            .iter()
            .map(|channel| {
                let need = if channel.required { "required" } else { "" };
                vec![
                    format!("  {}", channel.name),
                    kind(&channel.kind),
                    need.to_owned(),
                    line(&channel.explained()),
                ]
            })
            .collect(),
    );
    section("Parameters", parameters(&manifest.parameters));
    section(
        "Outputs",
        manifest
            .outputs
            .iter()
            .map(|output| vec![format!("  {}", output.name), kind(&output.kind), line(&output.description)])
            .collect(),
    );
    section(
        "Metrics",
        manifest
            .metrics
            .iter()
            .map(|metric| {
                let better = match metric.direction {
                    Direction::Maximize => "more is better",
                    Direction::Minimize => "less is better",
                    Direction::Neither => "",
                };
                vec![format!("  {}", metric.name), better.to_owned(), line(&metric.description)]
            })
            .collect(),
    );
    text
}

/// Name, type, range and default of each parameter, from the JSON Schema.
fn parameters(root: &Value) -> Vec<Vec<String>> {
    let none = Map::new();
    let properties = root.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> = root
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let row = |(name, property): (&String, &Value)| {
        let default = match schema::default(property) {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            default if default.is_empty() => default,
            default => format!("[{default}]"),
        };
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let mut description = foreign::line(&description.replace('\n', " ")).into_owned();
        let mut takes = foreign::line(&schema::takes(property, root)).into_owned();
        // In a column as wide as the longest list of words, nobody finds the default beside it.
        let words = takes.split(" | ").count();
        if takes.len() > LONG && words > 1 {
            description = format!("{description} One of: {takes}.").trim_start().to_owned();
            takes = format!("one of {words}");
        }
        vec![format!("  {name}"), takes, default, description]
    };
    properties.iter().map(row).collect()
}

fn check(place: &Place, file: &Path, json: bool) -> anyhow::Result<End> {
    let file = std::path::absolute(file)?;
    // The executor reads a file of its own accord: a core module's component goes into one beside the others.
    let made = Component::read(&file)?.made_file()?;
    let report = {
        let _spinner = spinner("Compiling the component");
        place.executors.check(made.as_ref().map_or(&file, |made| made.path()))?
    };
    let end = if report.is_function() { End::Done } else { End::Failed };
    if json {
        print_json(&report)?;
        return Ok(end);
    }
    let mut text = format!("{}, sha256 {}\n", text::bytes(report.size), report.digest);
    for import in report.foreign_imports() {
        let _ = writeln!(text, "  imports {}", foreign::line(import));
    }
    for fault in &report.faults {
        let _ = writeln!(text, "  {} {}", style("✗").red(), foreign::line(&fault.to_string()));
    }
    if let Some(manifest) = &report.manifest {
        let world = report.world().unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} function {} {} ({world})",
            style("✓").green(),
            foreign::line(&manifest.name),
            foreign::line(&manifest.version)
        );
        let _ = writeln!(text, "Add it with `millstream functions add {}`", file.display());
    }
    print(&text)?;
    Ok(end)
}

fn add(place: &Place, file: &Path, as_json: bool) -> anyhow::Result<()> {
    let component = Component::read(file)?;
    let artifacts: Artifacts = place.home.artifacts().clone();
    let mut functions = Functions::open(bundle::FUNCTIONS, artifacts, place.executors.clone())?;
    let added = {
        let _spinner = spinner("Compiling the component");
        functions.add(component.bytes()).with_context(|| format!("cannot add {}", file.display()))?
    };
    let name = &added.manifest.name;
    if as_json {
        let digest = added.digest.to_string();
        return print_json(&json!({"name": name, "version": added.manifest.version, "digest": digest}));
    }
    tell!(
        "Added {name} {}: `uses: {name}` in a workflow, `millstream functions describe {name}`",
        added.manifest.version
    );
    Ok(())
}

/// Writes the template, with the function's name in it.
fn new(name: &str) -> anyhow::Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !name.chars().all(fits) || name.ends_with('-') || name.len() > 63 {
        return Err(Usage(format!(
            "`{name}` cannot name a function: use lower-case letters, digits and hyphens, with a letter first, such as `my-function`"
        ))
        .into());
    }
    if bundle::TEMPLATE.is_empty() {
        bail!(
            "this binary was built without the template; build it from a complete checkout with `cargo xtask build`"
        );
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(Usage(format!("{name} exists already; choose another name, or move it away")).into());
    }
    for (file, content) in bundle::TEMPLATE {
        let path = folder.join(file.trim_end_matches(".in"));
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, filled(content, name))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    tell!("{name} is ready; {name}/README.md says how to build and add it");
    Ok(())
}

fn filled(content: &str, name: &str) -> String {
    content.replace("{{name}}", name).replace("{{crate}}", &name.replace('-', "_"))
}
