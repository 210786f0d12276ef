//! What a run made, by address, and copies of it for people.

mod names;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use millstream_core::{
    artifact::{Artifact, Digest},
    completion::Outcome,
    manifest::Kind,
    nearest,
};
use millstream_plan::{Plan, Step};
use millstream_store::{create_private_folder, private_file};
use millstream_worker::Home;
use serde::Serialize;

use crate::{commands::Usage, overview};

/// An artifact and the output it is a part of.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Made {
    /// `STEP[.TASK]/OUTPUT/PART`
    pub address: String,
    pub step: String,
    pub task: u32,
    /// What people call the task: `train[fold=2]`.
    pub label: String,
    pub output: String,
    pub kind: Kind,
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Where its copy for people goes.
    #[serde(skip)]
    pub folder: PathBuf,
    /// What it is called there: no other artifact in that folder has the same.
    #[serde(skip)]
    pub file: PathBuf,
}

/// What artifacts are called side by side in a folder for each task, in their order.
pub fn files(made: &[Made]) -> Vec<PathBuf> {
    let mut folders: HashMap<&Path, Vec<usize>> = HashMap::new();
    for (i, one) in made.iter().enumerate() {
        folders.entry(&one.folder).or_default().push(i);
    }
    let mut files = vec![PathBuf::new(); made.len()];
    for places in folders.into_values() {
        let of = |i: &usize| (made[*i].output.as_str(), made[*i].artifact.name.as_str());
        let names = names::distinct(&places.iter().map(of).collect::<Vec<_>>());
        for (i, name) in places.into_iter().zip(names) {
            files[i] = name;
        }
    }
    files
}

/// Everything that the run has made so far, in the order of its steps. Copies of it go below `exports`.
pub fn all(home: &Home, exports: &Path, plan: &Plan) -> anyhow::Result<Vec<Made>> {
    let mut made = Vec::new();
    let mut names = overview::TaskNames::new(home, plan);
    for (name, step) in &plan.steps {
        for completion in overview::completions(home, plan, name)? {
            let Outcome::Done(results) = completion.outcome else { continue };
            let task = completion.task;
            let label = names.of(name, task);
            let place = if step.is_single() { name.clone() } else { format!("{name}.{task}") };
            for (output, parts) in results.outputs {
                let kind = kind(plan, step, task, &output);
                made.extend(parts.parts.into_iter().map(|artifact| Made {
                    address: format!("{place}/{output}/{}", artifact.name),
                    step: name.clone(),
                    task,
                    label: label.clone(),
                    output: output.clone(),
                    kind,
                    folder: exports.join(&plan.run).join(&place),
                    file: PathBuf::new(),
                    artifact,
                }));
            }
        }
    }
    let files = files(&made);
    made.iter_mut().zip(files).for_each(|(one, file)| one.file = file);
    Ok(made)
}

fn kind(plan: &Plan, step: &Step, task: u32, output: &str) -> Kind {
    let function = step.variant(task).and_then(|variant| plan.functions.get(&variant.uses));
    match function.and_then(|function| function.manifest.output(output)) {
        Some(output) => output.kind,
        // Of the acts of the host, `register` alone hands something on.
        None => Kind::Model,
    }
}

/// Those that an address means: a step, a task of it, one of its outputs, or a part of that.
pub fn find(made: &[Made], address: &str) -> anyhow::Result<Vec<Made>> {
    let address = address.trim_end_matches('/');
    let means = |one: &&Made| {
        let all = one.address.as_str();
        let own = all.split_once('/').map_or("", |(_, own)| own);
        // `train/model` means that output of every task, `train[fold=2]/model` that of the task which people call so.
        let of = |name: &str| {
            address.strip_prefix(name).is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix('/').is_some_and(|rest| is_below(own, rest))
            })
        };
        is_below(all, address) || of(&one.step) || of(&one.label)
    };
    let found: Vec<Made> = made.iter().filter(means).cloned().collect();
    if found.is_empty() {
        let mut names: Vec<&str> = made.iter().map(|one| one.address.as_str()).collect();
        names.extend(made.iter().filter_map(|one| one.address.rsplit_once('/').map(|(output, _)| output)));
        names.dedup();
        let help = nearest::or_all(address, names, "artifacts");
        return Err(Usage(format!("the run has no artifact `{address}`; {help}")).into());
    }
    Ok(found)
}

/// Whether an address is `prefix`, or below it.
fn is_below(address: &str, prefix: &str) -> bool {
    address.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Copies an artifact to a file, which appears whole or not at all. With `private`, it is this user's alone.
pub fn copy(home: &Home, digest: &Digest, to: &Path, private: bool) -> anyhow::Result<()> {
    let failed = || format!("cannot copy the artifact to {}", to.display());
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = if private { create_private_folder(folder) } else { fs::create_dir_all(folder) };
        made.with_context(failed)?;
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = to.with_file_name(name);
    // What is handed out are the bytes that were made, or nothing.
    home.artifacts().ensure(digest)?;
    let make = || match private {
        true => private_file().write(true).create(true).truncate(true).open(&part),
        // A file of its own, with the mode that this user's files have.
        false => fs::File::create(&part),
    };
    let written = match home.artifacts().local_path(digest) {
        // Between two files the system copies: it shares blocks where the file system can.
        Some(path) => fs::File::open(path).and_then(|mut from| io::copy(&mut from, &mut make()?)),
        None => {
            let mut reader = home.artifacts().open(digest)?;
            make().and_then(|mut file| io::copy(&mut reader, &mut file))
        }
    };
    let written = written.map(drop);
    written.and_then(|()| fs::rename(&part, to)).map_err(|error| {
        // What is left of the attempt, if anything.
        let _ = fs::remove_file(&part);
        anyhow::Error::new(error).context(failed())
    })
}

/// Whether the file is a copy of the artifact already.
pub fn is_copy(path: &Path, artifact: &Artifact) -> anyhow::Result<bool> {
    let like = fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() == artifact.size);
    Ok(like
        && Digest::of(&fs::read(path).with_context(|| format!("cannot read {}", path.display()))?)
            == artifact.digest)
}

/// A copy for people, under a name that says what it is: `<exports>/<run>/<step>[.<task>]/<part>`, or `.../<output>/<part>` if
/// two outputs have parts of that name. Not a link: whoever edits it must not change the store.
pub fn export(home: &Home, made: &Made) -> anyhow::Result<PathBuf> {
    let path = made.folder.join(&made.file);
    if !is_copy(&path, &made.artifact)? {
        copy(home, &made.artifact.digest, &path, true)?;
    }
    Ok(path)
}

/// Copies of all reports and files of a run, in the order of its steps.
pub fn export_all(home: &Home, exports: &Path, plan: &Plan) -> anyhow::Result<Vec<(Made, PathBuf)>> {
    all(home, exports, plan)?
        .into_iter()
        .filter(|made| matches!(made.kind, Kind::Report | Kind::File))
        .map(|made| export(home, &made).map(|path| (made, path)))
        .collect()
}
