//! Files from outside, taken into the store when a run starts, so that every attempt of it sees the same bytes.

use std::{
    io,
    path::{Path, PathBuf},
};

use millstream_store::Artifacts;
use millstream_workflow::{
    artifact::{Artifact, Parts},
    failure::Failure,
    layout,
    plan::Plan,
    state::Objects as _,
};

use crate::records::Records;

/// Why a source cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there.
    #[error("{source_text}: there is no such file or folder ({})", path.display())]
    Missing {
        /// As the workflow says it.
        source_text: String,
        /// Where that is.
        path: PathBuf,
    },
    /// A folder without files, or a pattern that fits none.
    #[error("{source_text}: no file matches")]
    Empty {
        /// As the workflow says it.
        source_text: String,
    },
    /// Not a pattern.
    #[error("{source_text}: not a file pattern: {source}")]
    Pattern {
        /// As the workflow says it.
        source_text: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// Another scheme than `file`.
    #[error(
        "{source_text}: `{scheme}://` cannot be read here yet; give a path, a `file://` URL, a folder or a pattern"
    )]
    Scheme {
        /// As the workflow says it.
        source_text: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store refused it.
    #[error("cannot take {} into the store: {source}", path.display())]
    Store {
        /// Which.
        path: PathBuf,
        /// Why.
        source: millstream_store::Error,
    },
}

/// Takes what `source` names into the store: one file, every file of a folder, or all that match a pattern, in order of
/// their names. Relative paths begin at `base`.
///
/// # Errors
/// Nothing there, not readable, or no room in the store.
pub fn snapshot(artifacts: &Artifacts, base: &Path, source: &str) -> Result<Parts, Error> {
    let parts =
        files(base, source)?.into_iter().map(|path| part(artifacts, path)).collect::<Result<_, _>>()?;
    Ok(Parts { parts, stages: Vec::new() })
}

/// The files that `source` names.
///
/// # Errors
/// Nothing there, or a scheme or pattern that cannot be understood.
pub fn files(base: &Path, source: &str) -> Result<Vec<PathBuf>, Error> {
    let source_text = || source.to_owned();
    let path = match source.split_once("://") {
        Some(("file", path)) => path,
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
            return Err(Error::Scheme { source_text: source_text(), scheme: scheme.to_owned() });
        }
        _ => source,
    };
    let path = base.join(path);
    // A file whose name holds a `*` is still a file.
    if path.is_file() {
        return Ok(vec![path]);
    }
    if path.is_dir() {
        let entries = path.read_dir().map_err(|source| Error::Read { path: path.clone(), source })?;
        return ordered(entries.flatten().map(|entry| entry.path()).collect(), source);
    }
    let text = path.to_string_lossy();
    if !text.contains(['*', '?', '[']) {
        return Err(Error::Missing { source_text: source_text(), path });
    }
    let found = glob::glob(&text).map_err(|source| Error::Pattern { source_text: source_text(), source })?;
    ordered(found.flatten().collect(), source)
}

/// Visible files alone, by name.
fn ordered(mut paths: Vec<PathBuf>, source: &str) -> Result<Vec<PathBuf>, Error> {
    let hidden =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| path.is_file() && !hidden(path));
    paths.sort();
    if paths.is_empty() { Err(Error::Empty { source_text: source.to_owned() }) } else { Ok(paths) }
}

fn part(artifacts: &Artifacts, path: PathBuf) -> Result<Artifact, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Opened first, so that an unreadable file is told from a full store.
    std::fs::File::open(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let written = artifacts.import_file(&path).map_err(|source| Error::Store { path, source })?;
    Ok(Artifact {
        media_type: media_type(&name).to_owned(),
        name,
        size: written.size,
        digest: written.digest,
    })
}

/// By the name's ending; functions look at the bytes where it matters.
fn media_type(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let ending = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ending(&[".gz"]) {
        "application/gzip"
    } else if ending(&[".csv", ".tsv"]) {
        "text/csv"
    } else if ending(&[".jsonl", ".ndjson"]) {
        "application/x-ndjson"
    } else if ending(&[".json"]) {
        "application/json"
    } else if ending(&[".parquet"]) {
        "application/vnd.apache.parquet"
    } else if ending(&[".arrow", ".arrows"]) {
        "application/vnd.apache.arrow.stream"
    } else {
        "application/octet-stream"
    }
}

/// The parts of `source` as the run first saw them: the first task that asks takes the snapshot for all.
///
/// # Errors
/// `InvalidInput` if nothing is there, `Host` if the store fails.
pub fn of_run(artifacts: &Artifacts, records: &Records, plan: &Plan, source: &str) -> Result<Parts, Failure> {
    let key = layout::source(&plan.run, source);
    let read = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::Host { message: format!("{key} is damaged: {error}") })
    };
    let host = |error: millstream_store::Error| Failure::Host { message: error.to_string() };
    if let Some(bytes) = records.get(&key).map_err(host)? {
        return read(bytes);
    }
    let base = plan.base.as_deref().unwrap_or(".");
    let parts = snapshot(artifacts, Path::new(base), source).map_err(|error| match error {
        Error::Store { source, .. } => host(source),
        other => Failure::InvalidInput {
            message: other.to_string(),
            channel: None,
            part: None,
            row: None,
            column: None,
        },
    })?;
    let bytes = serde_json::to_vec(&parts).expect("parts are JSON");
    if records.create(&key, &bytes).map_err(host)? {
        return Ok(parts);
    }
    records.get(&key).map_err(host)?.map_or(Ok(parts), read)
}
