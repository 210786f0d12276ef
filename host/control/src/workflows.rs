//! Workflows in the store: pushed, listed, found, removed. A version is written once and never changes; its number is not given
//! again after it was removed.

use std::collections::BTreeMap;

use millstream_core::{artifact::Digest, layout, nearest};
use millstream_deployment::names;
use millstream_errors::{Code, Coded};
use millstream_language::{Functions, diagnostic::Diagnostics};
use millstream_plan::compile::{self};
use millstream_store::{ErrorKind, PutOptions, Store, entries};
use millstream_worker::Home;
use serde::{Deserialize, Serialize};

mod relative;
#[cfg(test)]
mod tests;

pub(crate) use relative::refuse_of as refuse_relative;

/// Where relative paths of a stored workflow would begin: it has none.
pub(crate) const BASE: &str = "/";

/// How often a number is tried for, while others push the same workflow.
const RACES: usize = 1000;

/// A version of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkflowVersion {
    /// The workflow, as its text names it.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// SHA-256 of the text.
    pub digest: Digest,
    /// Who pushed it.
    pub by: String,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The functions that it was checked with, by name.
    pub functions: BTreeMap<String, CheckedWith>,
    /// The YAML as it was written; empty if it was removed.
    pub text: String,
    /// When it was removed, in milliseconds since 1970 UTC. The record stays, so that no other version gets its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

impl WorkflowVersion {
    /// `churn@3`
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// A function that a workflow was checked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckedWith {
    /// Its version.
    pub version: String,
    /// Its component.
    pub digest: Digest,
}

/// What a push came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The version that has this text.
    pub version: WorkflowVersion,
    /// It was made by this push; otherwise the newest version had the same text.
    pub is_new: bool,
}

/// A workflow's name with its newest version, or with why that cannot be read.
pub type Listed = (String, Result<WorkflowVersion, Error>);

/// Why nothing was pushed, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The workflow is wrong.
    #[error("{0}")]
    Wrong(Box<Diagnostics>),
    /// What was asked for makes no sense; the text says what would.
    #[error("{0}")]
    Invalid(String),
    /// There is no such workflow or version; the text names those that are there.
    #[error("{0}")]
    NotFound(String),
    /// The store failed, or a record is damaged (`Corrupt`).
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Wrong(diagnostics) => diagnostics.code(),
            Self::Invalid(_) => Code::StoredWorkflow,
            Self::NotFound(_) => Code::NoSuchWorkflow,
            Self::Store(error) => error.code(),
        }
    }
}

/// Which version of which workflow: `NAME`, the newest, or `NAME@VERSION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// The workflow.
    pub name: String,
    /// Its version; none for the newest.
    pub version: Option<u32>,
}

impl Which {
    /// Reads `NAME` or `NAME@VERSION`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('@').map_or((text, None), |(name, n)| (name, Some(n)));
        names::check("a workflow", name)?;
        let version = number.map(|number| {
            let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| number.parse().ok()).flatten().filter(|n| *n > 0).ok_or_else(|| {
                let shown: String = number.chars().take(80).collect();
                format!("`{shown}` is no version of workflow `{name}`: versions count from 1 (write NAME or NAME@VERSION)")
            })
        });
        Ok(Self { name: name.to_owned(), version: version.transpose()? })
    }
}

/// Stores `text` as the next version of the workflow that it names, unless the newest version has the same text. `file` is named in
/// diagnostics. A stored workflow is run from anywhere: what it reads by a relative path is refused.
///
/// # Errors
/// The workflow is wrong, or what the store met.
pub fn push(
    home: &Home,
    functions: &dyn Functions,
    file: &str,
    text: &str,
    by: &str,
) -> Result<Pushed, Error> {
    let checked = compile::check(file, text, functions).map_err(Error::Wrong)?;
    relative::refuse(&checked)?;
    let store = home.store().as_ref();
    let name = checked.workflow.name.clone();
    let digest = Digest::of(text.as_bytes());
    let uses = checked.workflow.steps.values().map(|step| step.uses.clone());
    let with = uses.filter_map(|name| {
        let (digest, manifest) = functions.get(&name)?;
        Some((name, CheckedWith { version: manifest.version.clone(), digest }))
    });
    let mut version = WorkflowVersion {
        name: name.clone(),
        version: 0,
        digest,
        by: by.to_owned(),
        at: home.now(),
        functions: with.collect(),
        text: text.to_owned(),
        removed: None,
    };
    for _ in 0..RACES {
        let numbers = numbers(store, &name)?;
        // One that is damaged keeps its number, and stands in nobody's way.
        match newest(store, &name, &numbers) {
            Ok(Some(there)) if there.digest == digest => {
                return Ok(Pushed { version: there, is_new: false });
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(error.into()),
        }
        version.version = numbers.last().unwrap_or(&0) + 1;
        let key = layout::workflow_version(&name, version.version);
        let bytes = serde_json::to_vec_pretty(&version).expect("a record is JSON");
        match store.put(&key, &bytes, &PutOptions::absent()) {
            Ok(_) => return Ok(Pushed { version, is_new: true }),
            // Somebody else was faster, perhaps with the same text.
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = format!("others push workflow `{name}` all the time; try again");
    Err(millstream_store::Error::new(ErrorKind::Unavailable, message).into())
}

/// The newest version of each workflow, by name; with what is wrong with its record, if it cannot be read.
///
/// # Errors
/// What the store met.
pub fn list(home: &Home) -> Result<Vec<Listed>, Error> {
    let store = home.store().as_ref();
    let mut all = Vec::new();
    for (name, numbers) in all_numbers(store)? {
        match newest(store, &name, &numbers) {
            Ok(Some(version)) => all.push((name, Ok(version))),
            // All of its versions were removed.
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => all.push((name, Err(error.into()))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all)
}

/// The version that `reference` means: `NAME` or `NAME@VERSION`.
///
/// # Errors
/// There is none, its record is damaged, or what the store met.
pub fn find(home: &Home, reference: &str) -> Result<WorkflowVersion, Error> {
    let which = Which::parse(reference).map_err(Error::Invalid)?;
    let store = home.store().as_ref();
    let found = match which.version {
        Some(version) => read(store, &layout::workflow_version(&which.name, version))?
            .filter(|found| found.removed.is_none()),
        None => newest(store, &which.name, &numbers(store, &which.name)?)?,
    };
    match found {
        Some(found) => Ok(found),
        None => Err(missing(home, &which)?),
    }
}

/// Removes a version, or all versions of a workflow. Gives those that are removed now, oldest first. Runs have what they need
/// in their plans, and go on.
///
/// # Errors
/// There is none, or what the store met.
pub fn remove(home: &Home, reference: &str) -> Result<Vec<u32>, Error> {
    let which = Which::parse(reference).map_err(Error::Invalid)?;
    let store = home.store().as_ref();
    let mut removed = Vec::new();
    let all = numbers(store, &which.name)?;
    for number in all.into_iter().filter(|number| which.version.is_none_or(|only| only == *number)) {
        if remove_one(store, &which.name, number, home.now())? {
            removed.push(number);
        }
    }
    if removed.is_empty() {
        return Err(missing(home, &which)?);
    }
    Ok(removed)
}

/// False: it was removed before.
fn remove_one(store: &dyn Store, name: &str, number: u32, at: u64) -> Result<bool, millstream_store::Error> {
    let key = layout::workflow_version(name, number);
    for _ in 0..RACES {
        let object = match store.get(&key) {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let gone = match parse(&key, &object.bytes) {
            Ok(version) if version.removed.is_some() => return Ok(false),
            Ok(version) => WorkflowVersion { text: String::new(), removed: Some(at), ..version },
            // What nobody can read can be removed all the same.
            Err(_) => WorkflowVersion {
                name: name.to_owned(),
                version: number,
                digest: Digest::of(b""),
                by: String::new(),
                at,
                functions: BTreeMap::new(),
                text: String::new(),
                removed: Some(at),
            },
        };
        let bytes = serde_json::to_vec_pretty(&gone).expect("a record is JSON");
        match store.put(&key, &bytes, &PutOptions::matches(object.version)) {
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
            Err(error) => return Err(error),
        }
    }
    Err(millstream_store::Error::new(
        ErrorKind::Unavailable,
        format!("others change {key} all the time; try again"),
    ))
}

/// The numbers of a workflow's versions, removed ones too, in order.
fn numbers(store: &dyn Store, name: &str) -> Result<Vec<u32>, millstream_store::Error> {
    entries(store, &layout::workflow_versions(name))
        .filter_map(|entry| entry.map(|entry| number(&entry.key)).transpose())
        .collect()
}

fn all_numbers(store: &dyn Store) -> Result<BTreeMap<String, Vec<u32>>, millstream_store::Error> {
    let mut all: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for entry in entries(store, layout::WORKFLOWS) {
        let key = entry?.key;
        if let (Some(name), Some(number)) = (key.split('/').nth(1), number(&key)) {
            all.entry(name.to_owned()).or_default().push(number);
        }
    }
    Ok(all)
}

fn number(key: &str) -> Option<u32> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

/// The newest that was not removed.
fn newest(
    store: &dyn Store,
    name: &str,
    numbers: &[u32],
) -> Result<Option<WorkflowVersion>, millstream_store::Error> {
    for number in numbers.iter().rev() {
        let found = read(store, &layout::workflow_version(name, *number))?;
        if let Some(version) = found.filter(|version| version.removed.is_none()) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

fn read(store: &dyn Store, key: &str) -> Result<Option<WorkflowVersion>, millstream_store::Error> {
    match store.get(key) {
        Ok(object) => parse(key, &object.bytes).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A record whose text is another than its digest says is damaged, too.
fn parse(key: &str, bytes: &[u8]) -> Result<WorkflowVersion, millstream_store::Error> {
    let damaged =
        |why: String| millstream_store::Error::new(ErrorKind::Corrupt, format!("{key} is damaged: {why}"));
    let version: WorkflowVersion =
        serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if version.removed.is_none() && Digest::of(version.text.as_bytes()) != version.digest {
        return Err(damaged("its text is not what its digest says".to_owned()));
    }
    Ok(version)
}

fn missing(home: &Home, which: &Which) -> Result<Error, Error> {
    let Which { name, version } = which;
    let store = home.store().as_ref();
    let mut there = Vec::new();
    for number in numbers(store, name)? {
        let read = read(store, &layout::workflow_version(name, number));
        if !matches!(read, Ok(None)) && !read.is_ok_and(|found| found.is_some_and(|v| v.removed.is_some())) {
            there.push(number.to_string());
        }
    }
    let said = match version {
        Some(version) if !there.is_empty() => {
            let there: Vec<&str> = there.iter().map(String::as_str).collect();
            format!("workflow `{name}` has no version {version}; versions: {}", nearest::list(&there))
        }
        _ => {
            let all = list(home)?;
            let help = nearest::or_all(name, all.iter().map(|(name, _)| name.as_str()), "workflows");
            format!("no workflow `{name}` was pushed; {help}")
        }
    };
    Ok(Error::NotFound(said))
}
