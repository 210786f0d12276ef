//! Files and objects from outside, taken into the store when a run starts, so that every task of it sees the same bytes, on any
//! machine.

mod buckets;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use millstream_core::{
    artifact::{Artifact, Digest, NotADigest, Parts},
    failure::Failure,
    layout,
};
use millstream_errors::{Code, Coded};
use millstream_plan::Plan;
use millstream_store::{Artifacts, ErrorKind, Going, check_source};

use self::buckets::Known;
use crate::{Home, bounds::Bounds};

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
    /// Another scheme than `file` and `s3`.
    #[error(
        "{source_text}: `{scheme}://` cannot be read; give a path, a `file://` URL, a folder or a pattern, or s3://BUCKET/KEY"
    )]
    Scheme {
        /// As the workflow says it.
        source_text: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// A pipe, a socket, a device, a file that the system makes up, or a link to nothing.
    #[error("{source_text}: {source}")]
    Kind {
        /// As the workflow says it.
        source_text: String,
        /// What is there, and where.
        source: millstream_store::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No such object or bucket, or no location of one.
    #[error("{source_text}: {why}")]
    Object {
        /// As the workflow says it.
        source_text: String,
        /// What is wrong.
        why: String,
    },
    /// A bucket could not be read.
    #[error("{source_text}: {source}")]
    Bucket {
        /// As the workflow says it.
        source_text: String,
        /// Why.
        source: millstream_store::Error,
    },
    /// `artifact:` without a digest, or one that is not in the store.
    #[error("{source_text}: {why}")]
    Artifact {
        /// As the workflow says it.
        source_text: String,
        /// What is wrong.
        why: String,
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

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => Code::SourceMissing,
            Self::Empty { .. } => Code::SourceEmpty,
            Self::Pattern { .. } => Code::SourcePattern,
            Self::Scheme { .. } => Code::SourceScheme,
            Self::Kind { .. } => Code::SourceKind,
            Self::Read { .. } => Code::SourceUnreadable,
            Self::Artifact { .. } | Self::Object { .. } => Code::SourceMissing,
            Self::Store { source, .. } | Self::Bucket { source, .. } => source.code(),
        }
    }
}

impl Error {
    /// Whether a store or a bucket is at fault, for now, and not what was to be read.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store { source, .. } | Self::Bucket { source, .. } => {
                !matches!(source.kind(), ErrorKind::Unsupported | ErrorKind::NotFound)
            }
            _ => false,
        }
    }
}

/// Takes what `source` names into the store: one file, every file of a folder, or all that match a pattern, in order of
/// their names, for as long as `going` says so. Relative paths begin at `base`. `s3://BUCKET/KEY` is an object, or all that begin with
/// the key as a folder's name, or that match a pattern. `artifact:DIGEST/NAME` is there already: what another run has put out.
///
/// # Errors
/// Nothing there, not readable, not a regular file, or no room in the store.
pub fn snapshot(home: &Home, base: &Path, source: &str, going: Going<'_>) -> Result<Parts, Error> {
    read(home, base, source, Known::Trusted, going)
}

fn read(home: &Home, base: &Path, source: &str, known: Known, going: Going<'_>) -> Result<Parts, Error> {
    let artifacts = home.artifacts();
    if let Some(named) = source.strip_prefix("artifact:") {
        return of_store(artifacts, source, named);
    }
    if let Some(location) = source.strip_prefix("s3://") {
        return buckets::snapshot(home, source, location, known, going);
    }
    let parts = files(base, source)?
        .into_iter()
        .map(|path| part(artifacts, path, going))
        .collect::<Result<_, _>>()?;
    Ok(Parts { parts, stages: Vec::new() })
}

fn of_store(artifacts: &Artifacts, source: &str, named: &str) -> Result<Parts, Error> {
    let wrong = |why: String| Error::Artifact { source_text: source.to_owned(), why };
    let form = || wrong("write artifact:DIGEST/NAME, as the event of a run's end has it".to_owned());
    let (digest, name) = named.split_once('/').ok_or_else(form)?;
    if name.is_empty() || name.contains('/') {
        return Err(form());
    }
    let digest: Digest = digest.parse().map_err(|error: NotADigest| wrong(error.to_string()))?;
    let entry = artifacts.store().head(&layout::artifact(&digest)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => wrong("no artifact of this digest is in the store".to_owned()),
        _ => Error::Store { path: named.into(), source: error },
    })?;
    let part =
        Artifact { media_type: media_type(name).to_owned(), name: name.to_owned(), size: entry.size, digest };
    Ok(Parts { parts: vec![part], stages: Vec::new() })
}

/// The files that `source` names: regular files and links to such. A folder's own folders, and what is hidden in it, are passed
/// over.
///
/// # Errors
/// Nothing there, something that is no regular file, or a scheme or pattern that cannot be understood.
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
    let text = path.to_string_lossy();
    // What is there is meant, also if its name holds a `*`.
    match fs::metadata(&path) {
        Ok(there) if there.is_dir() => {
            let read = |source| Error::Read { path: path.clone(), source };
            let entries = path.read_dir().map_err(read)?;
            let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>();
            return ordered(paths.map_err(read)?, source);
        }
        Ok(_) => {
            check(&path, source)?;
            return Ok(vec![path]);
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(Error::Read { path, source: error });
        }
        Err(_) if !text.contains(['*', '?', '[']) => {
            return Err(Error::Missing { source_text: source_text(), path });
        }
        Err(_) => {}
    }
    let found = glob::glob(&text).map_err(|source| Error::Pattern { source_text: source_text(), source })?;
    let found = found.map(|found| {
        found.map_err(|error| Error::Read { path: error.path().to_owned(), source: error.into() })
    });
    ordered(found.collect::<Result<_, _>>()?, source)
}

/// Visible files alone, by name.
fn ordered(mut paths: Vec<PathBuf>, source: &str) -> Result<Vec<PathBuf>, Error> {
    let hidden =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| !path.is_dir() && !hidden(path));
    paths.sort();
    // Left out in silence, a pipe or a link to nothing would be rows that are missing.
    paths.iter().try_for_each(|path| check(path, source))?;
    if paths.is_empty() { Err(Error::Empty { source_text: source.to_owned() }) } else { Ok(paths) }
}

fn check(path: &Path, source: &str) -> Result<(), Error> {
    check_source(path).map_err(|error| Error::Kind { source_text: source.to_owned(), source: error })
}

fn part(artifacts: &Artifacts, path: PathBuf, going: Going<'_>) -> Result<Artifact, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let written =
        artifacts.import_file_while(&path, going).map_err(|source| Error::Store { path, source })?;
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

/// The parts of `source` as they were when the run started.
///
/// # Errors
/// `InvalidInput` if nobody could tell then that it would be read.
pub fn of_run(plan: &Plan, source: &str) -> Result<Parts, Failure> {
    plan.source(source).cloned().ok_or_else(|| Failure::InvalidInput {
        message: format!(
            "{source} was not taken in when the run started, as its name depends on results of steps; name it outright, or by \
             parameters, items or the matrix"
        ),
        channel: None,
        part: None,
        row: None,
        column: None,
    })
}

/// Takes `source` into the store as it is now on this machine, to make an artifact of it whole again.
///
/// # Errors
/// `InvalidInput` if nothing is there or it is no regular file, `Host` if the store fails, `Cancelled`, `Limit` of time.
pub fn take(home: &Home, plan: &Plan, source: &str, bounds: &Bounds) -> Result<Parts, Failure> {
    let base = PathBuf::from(plan.base.as_deref().unwrap_or("."));
    let (home, text) = (home.clone(), source.to_owned());
    let taken = bounds.within(&format!("reading {source}"), move |going| {
        read(&home, &base, &text, Known::Doubted, going)
    })?;
    taken.map_err(|error| match error {
        // What the store met passes; what the file is does not.
        passing if passing.may_pass() => Failure::Host { message: passing.to_string() },
        other => Failure::InvalidInput {
            message: other.to_string(),
            channel: None,
            part: None,
            row: None,
            column: None,
        },
    })
}

#[cfg(all(test, unix))]
pub(crate) mod tests {
    use std::{os::unix::net::UnixListener, process::Command};

    pub use super::buckets::tests::home;
    use super::*;

    /// What may stand where a file is expected.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.csv"), "x\n1\n").unwrap();
        fs::create_dir(at("inner")).unwrap();
        fs::write(at("inner/b.csv"), "x\n2\n").unwrap();
        std::os::unix::fs::symlink("a.csv", at("link.csv")).unwrap();
        folder
    }

    fn names(base: &Path, source: &str) -> Result<Vec<String>, String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        files(base, source)
            .map(|paths| paths.into_iter().map(name).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn files_folders_patterns_and_links_to_files_are_read() {
        let folder = folder();
        for (source, expected) in [
            ("a.csv", &["a.csv"][..]),
            ("link.csv", &["link.csv"]),
            (".", &["a.csv", "link.csv"]),
            ("*.csv", &["a.csv", "link.csv"]),
            ("inner", &["b.csv"]),
            ("*/b.csv", &["b.csv"]),
        ] {
            assert_eq!(names(folder.path(), source).unwrap(), expected, "{source}");
        }
        fs::write(folder.path().join("odd*name.csv"), "x\n").unwrap();
        assert_eq!(names(folder.path(), "odd*name.csv").unwrap(), ["odd*name.csv"]);
    }

    #[test]
    fn what_another_run_has_put_out_is_there_already() {
        let home = home();
        let digest = home.artifacts().put(b"x\n1\n").unwrap().digest;
        let read = |source: &str| {
            snapshot(&home, Path::new("/"), source, &|| true).map_err(|error| error.to_string())
        };
        let parts = read(&format!("artifact:{digest}/table.arrow")).unwrap().parts;
        assert_eq!((parts[0].digest, parts[0].size, parts[0].name.as_str()), (digest, 4, "table.arrow"));
        assert_eq!(parts[0].media_type, "application/vnd.apache.arrow.stream");
        let other = Digest::of(b"other");
        for (source, says) in [
            (format!("artifact:{other}/a.csv"), "no artifact of this digest"),
            (format!("artifact:{digest}"), "write artifact:DIGEST/NAME"),
            ("artifact:abc/a.csv".to_owned(), "abc"),
        ] {
            let error = read(&source).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn what_is_no_regular_file_is_named_at_once() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(at("pipe.csv")).status().unwrap().success());
        let _socket = UnixListener::bind(at("socket.csv")).unwrap();
        std::os::unix::fs::symlink("pipe.csv", at("to-pipe.csv")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("to-zero.csv")).unwrap();
        std::os::unix::fs::symlink("/proc/kmsg", at("to-kmsg.csv")).unwrap();
        for (source, said) in [
            ("pipe.csv", "a named pipe, not a regular file"),
            ("to-pipe.csv", "a named pipe"),
            ("socket.csv", "a socket"),
            ("/dev/zero", "a device"),
            ("to-zero.csv", "a device"),
            ("/dev/null", "a device"),
            ("/proc/kmsg", "a file that the system makes up (proc)"),
            ("to-kmsg.csv", "proc"),
            ("/proc/self/status", "proc"),
            ("/sys/kernel/mm/transparent_hugepage/enabled", "sysfs"),
            (".", "pipe.csv"),
            ("p*.csv", "a named pipe"),
            ("gone.csv", "there is no such file or folder"),
        ] {
            if source.starts_with("/sys") && !Path::new(source).exists() {
                continue;
            }
            let error = names(folder.path(), source).unwrap_err();
            assert!(error.contains(said), "{source}: {error}");
        }
        fs::create_dir(at("dangling")).unwrap();
        std::os::unix::fs::symlink("nowhere.csv", at("dangling/x.csv")).unwrap();
        assert!(names(folder.path(), "dangling").unwrap_err().contains("x.csv"));
        assert!(names(folder.path(), "dangling/x.csv").unwrap_err().contains("no such file"));
    }
}
