//! `millstream models import`: a model that was trained elsewhere becomes a version like any other.
//!
//! Which formats there are, and which function reads them, the functions' manifests say. The function runs as a step of a run
//! made for it, so that the version has a lineage, and importing the same file again is answered from the cache.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, absolute},
};

use anyhow::Context as _;
use millstream_control::runs;
use millstream_core::{
    completion::Outcome,
    format::{self, Reader, Told},
    manifest::{Kind, Manifest},
    nearest,
};
use millstream_language::Functions as _;
use millstream_plan::{
    Plan,
    compile::{self, Options},
};
use millstream_registry::{ModelVersion, Models};
use millstream_store::{ErrorKind, check_source};
use serde_json::{Map, Value, json};

use super::{End, Usage, print, print_json, run::unstarted};
use crate::{
    cli::{HomeArgs, ImportArgs, Threads},
    display::{self, Quiet, foreign, text},
    drive,
    overview::completions,
    place::Place,
};

/// A format is told by this much of a file at the most.
const HEAD: u64 = 4096;

/// What the steps are called.
const READ: &str = "read";
const REGISTER: &str = "register";

pub fn import(home: &HomeArgs, args: &ImportArgs) -> anyhow::Result<End> {
    let file = absolute(&args.file)?;
    // A pipe would keep us waiting.
    if !file.is_dir()
        && let Err(error) = check_source(&file)
        && error.kind() == ErrorKind::Unsupported
    {
        return Err(Usage(error.to_string()).into());
    }
    let head = head(&file)?;
    let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = model_name(args.name.as_deref(), &file)?;
    let place = Place::open(home, Some(1))?;
    let functions: Vec<&str> = match &args.function {
        Some(function) => vec![function],
        None => place.functions.names(),
    };
    if let [function] = functions.as_slice() {
        // Says what there is if it is not known.
        place.manifest(function)?;
    }
    for (name, error) in place.describe(&functions) {
        if args.function.is_some() {
            return Err(anyhow::Error::new(error).context(format!("cannot use function `{name}`")));
        }
        // Whether it would have read the file, nobody knows.
        display::error_line(&format!("function `{name}` is left out: {error}"));
    }
    let manifests =
        functions.iter().filter_map(|name| place.functions.find(name)).map(|found| &found.manifest);
    let readers = format::readers(manifests);
    let reader = choose(&readers, args, &file_name, &head)?;

    let workflow = workflow(&reader, &name, &file_name, args)?.to_string();
    let checked = match compile::check("models import", &workflow, place.functions.as_ref()) {
        Ok(checked) => checked,
        Err(diagnostics) => return Err(Usage(diagnostics.to_string()).into()),
    };
    let path = file.to_str().with_context(|| format!("the path {} is no text", file.display()))?;
    let options = Options {
        run: runs::name(&place.home, "import"),
        created: place.home.now(),
        params: Map::from_iter([("file".to_owned(), Value::from(path))]),
        ..Options::default()
    };
    let base = file.parent().unwrap_or(Path::new("."));
    let plan =
        runs::start(&place.home, place.functions.as_ref(), &checked, &options, base).map_err(unstarted)?;
    let threads = Threads { workers: Some(1), pools: Vec::new() };
    match drive::drive(&place, &plan, &threads, &mut Quiet)? {
        End::Done => report(&place, &plan, &name, &reader, args.output.json),
        other => Ok(other),
    }
}

/// The file's first bytes.
fn head(file: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable =
        |error: &dyn std::fmt::Display| Usage(format!("cannot read {}: {error}", file.display()));
    if file.is_dir() {
        return Err(unreadable(&"it is a folder; give the model's file").into());
    }
    let mut head = Vec::new();
    File::open(file)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .map_err(|error| unreadable(&error))?;
    if head.is_empty() {
        return Err(unreadable(&"it is empty").into());
    }
    Ok(head)
}

/// The name that was given, or one made of the file's.
fn model_name(given: Option<&str>, file: &Path) -> anyhow::Result<String> {
    let fits = |name: &str| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&name.len())
            && name.chars().all(good)
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    let rule = "lower-case letters, digits and hyphens, at most 63, such as `--name churn`";
    match given {
        Some(name) if fits(name) => Ok(name.to_owned()),
        Some(name) => Err(Usage(format!("`{name}` is no name for a model; take {rule}")).into()),
        None => {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            let words = stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            let name = words.collect::<Vec<_>>().join("-");
            let name = name.get(..63).unwrap_or(&name).trim_end_matches('-');
            if fits(name) {
                Ok(name.to_owned())
            } else {
                Err(Usage(format!("give the model a name: {rule}")).into())
            }
        }
    }
}

/// Who reads the file.
fn choose<'a>(
    readers: &[Reader<'a>],
    args: &ImportArgs,
    file_name: &str,
    head: &[u8],
) -> anyhow::Result<Reader<'a>> {
    let found = match &args.format {
        Some(format) => {
            let found: Vec<_> =
                readers.iter().filter(|reader| reader.format.name == *format).copied().collect();
            if found.is_empty() {
                let names = readers.iter().map(|reader| reader.format.name.as_str());
                let help = nearest::or_all(format, names, "formats");
                return Err(Usage(format!("no function reads the format `{format}`; {help}")).into());
            }
            found
        }
        None => match format::tell(readers, file_name, head) {
            Told::Format(found) => found,
            Told::Doubtful(found) => {
                let format = found[0].format;
                return Err(Usage(format!(
                    "{file_name} is called like {} ({}), but does not begin like it: it is damaged or of another format\n{}",
                    format.name,
                    format.description,
                    listed(readers, head)
                ))
                .into());
            }
            Told::Unknown => {
                let known = listed(readers, head);
                return Err(Usage(format!("{file_name} is of no format that can be read\n{known}")).into());
            }
        },
    };
    match found.as_slice() {
        [reader] => Ok(*reader),
        [] => {
            Err(Usage(format!("{file_name} is of no format that can be read\n{}", listed(readers, head)))
                .into())
        }
        several => {
            let all: Vec<String> = several
                .iter()
                .map(|r| format!("--function {} --format {}", r.function.name, r.format.name))
                .collect();
            Err(Usage(format!("{file_name} could be read in several ways; choose one: {}", all.join(", ")))
                .into())
        }
    }
}

/// All formats that are read, and what to do with one that is not.
fn listed(readers: &[Reader<'_>], head: &[u8]) -> String {
    let rows: Vec<Vec<String>> = readers
        .iter()
        .map(|reader| {
            let format = reader.format;
            vec![format!("  {}", format.name), format.suffixes.join(" "), format.description.clone()]
        })
        .collect();
    // The first bytes of protocols 2 to 5.
    let hint = match head {
        [0x80, 2..=5, ..] => {
            "This is a Python pickle, which runs code when it is opened and is not read. Export the model to ONNX: \
             `skl2onnx.to_onnx(model, X[:1])`."
        }
        _ => "Save the model in one of these; for scikit-learn, `skl2onnx.to_onnx(model, X[:1])` makes ONNX.",
    };
    format!("Formats:\n{}{hint}", text::table(&rows))
}

/// The run's workflow: read, register.
fn workflow(reader: &Reader<'_>, name: &str, file_name: &str, args: &ImportArgs) -> anyhow::Result<Value> {
    let function = reader.function;
    let output = function.outputs.iter().find(|output| output.kind == Kind::Model);
    let output = output.with_context(|| format!("`{}` has no output for a model", function.name))?;
    let mut with = Map::new();
    let target = args.target.iter().map(|target| ("target".to_owned(), target.clone()));
    for (key, text) in target.chain(args.params.iter().cloned()) {
        with.insert(key.clone(), parameter(function, &key, &text)?);
    }
    // What braces would do in a description they need not do.
    let source = file_name.replace("${{", "{{");
    Ok(json!({
        "name": "import",
        "params": {"file": {"type": "uri"}},
        "steps": {
            READ: {
                "uses": function.name,
                "inputs": {reader.channel: "${{ params.file }}"},
                "with": with,
            },
            REGISTER: {
                "uses": "register",
                "inputs": {"model": format!("${{{{ steps.{READ}.outputs.{} }}}}", output.name)},
                "with": {"name": name, "description": format!("Imported from {source} ({})", reader.format.name)},
            },
        },
    }))
}

/// A parameter's value as typed: text where text is taken, lists with commas where lists are.
fn parameter(function: &Manifest, key: &str, text: &str) -> anyhow::Result<Value> {
    let none = Map::new();
    let properties = function.parameters.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let Some(schema) = properties.get(key) else {
        let help = nearest::or_all(key, properties.keys().map(String::as_str), "parameters");
        return Err(Usage(format!("`{}` has no parameter `{key}`; {help}", function.name)).into());
    };
    if text.contains("${{") {
        return Err(Usage(format!("parameter `{key}`: expressions are for workflow files")).into());
    }
    let takes = |kind: &str| match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|own| own == kind),
        Some(own) => own == kind,
        None => false,
    };
    let read = |text: &str| serde_json::from_str(text.trim()).unwrap_or_else(|_| Value::from(text.trim()));
    Ok(if takes("string") {
        Value::from(text)
    } else if takes("array") && !text.trim_start().starts_with('[') {
        text.split(',').map(read).collect()
    } else {
        read(text)
    })
}

/// What was made, and what to do with it.
fn report(place: &Place, plan: &Plan, name: &str, reader: &Reader<'_>, as_json: bool) -> anyhow::Result<End> {
    let done = |step: &str| -> anyhow::Result<_> {
        let found = completions(&place.home, plan, step)?.into_iter().next();
        match found.map(|completion| completion.outcome) {
            Some(Outcome::Done(results)) => Ok(results),
            _ => anyhow::bail!("the run {} has no result of step `{step}`", plan.run),
        }
    };
    let number = done(REGISTER)?.metrics.get("version").copied().unwrap_or_default() as u32;
    let versions = Models::new(place.home.store().as_ref()).versions(name)?;
    let version = versions.iter().find(|version| version.version == number);
    let version: &ModelVersion =
        version.with_context(|| format!("version {number} of `{name}` is gone already; import it again"))?;
    if as_json {
        print_json(version)?;
        return Ok(End::Done);
    }
    let known = if version.origin.run == plan.run { "" } else { ", which was there already" };
    let format = &reader.format.name;
    let said = done(READ)?.message;
    print(&format!("{name} version {number} ({format}: {}){known}\n", foreign::line(&said)))?;
    let next = [
        (format!("millstream models {name}"), "its versions"),
        (format!("millstream models approve {name} {number}"), "say that it may be deployed"),
        (format!("millstream status {}", plan.run), "how it was read"),
    ];
    let rows: Vec<Vec<String>> =
        next.into_iter().map(|(command, what)| vec![format!("  {command}"), what.to_owned()]).collect();
    eprint!("\nNext\n{}", text::table(&rows));
    Ok(End::Done)
}
