//! A package: functions that somebody else has compiled for this kind of machine, in a folder that only who deploys can write.
//!
//! Machine code is trusted by whoever runs it. The folder comes with the program itself (in Lambda `/var/task`, which nobody can
//! write to), and is trusted like it: its index says what each file must be, so that a package that was put together of two, or
//! cut short on its way, is refused. wasmtime refuses code of another version of itself, for another processor, or for features
//! that this one lacks.
//!
//! ```text
//! <folder>/index.json            what there is: Index
//! <folder>/<checksum>.code       code of a function for jobs or for predictors, packed, named by the SHA-256 of the file
//! <folder>/<checksum>.json       a function's manifest, named likewise
//! ```
//!
//! Code is packed by zstd: all functions, for jobs and for predictors, would be nearly all of the 250 MiB that Lambda takes. To check
//! and unpack a file takes twice as long as to check its code as it is would: about 10 ms more for 5 MB of code.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use millstream_core::{artifact::Digest, failure::Failure, manifest::Manifest};
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use crate::{
    engine::{Engine, EngineKind},
    error,
    function::Function,
};

/// A package's folder, opened. Clones are the same. Nothing is mapped before it is needed.
#[derive(Clone, Debug)]
pub struct Package(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    functions: BTreeMap<Digest, PackageEntry>,
}

/// What a package holds: its file `index.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Index {
    /// Version of this format and of the engine's settings: [`Index::FORMAT`].
    pub format: u32,
    /// The machines that it is for, such as `aarch64-unknown-linux-gnu`.
    pub target: String,
    /// The functions.
    pub functions: Vec<PackageEntry>,
}

/// A function of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackageEntry {
    /// Its name.
    pub name: String,
    /// SHA-256 of the component.
    pub function: Digest,
    /// SHA-256 of the file with its manifest.
    pub manifest: Digest,
    /// SHA-256 of the files with its code ([`pack`]), for jobs and, if it predicts, for predictors.
    pub code: BTreeMap<EngineKind, Digest>,
}

impl Index {
    /// To be raised when [`config`](crate::engine::config) or this format changes: code of another configuration is refused by
    /// wasmtime too, but in its own words.
    pub const FORMAT: u32 = 2;

    /// The file's name.
    pub const FILE: &str = "index.json";
}

/// Of zstd. The next ones take twice as long and more, for some hundredths.
#[cfg(feature = "compile")]
const LEVEL: i32 = 12;

/// Code, as a package has it.
///
/// # Errors
/// There is no memory for it.
#[cfg(feature = "compile")]
pub fn pack(code: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(code, LEVEL)
}

/// The code in a file of a package.
fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it is no packed code");
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten().ok_or_else(wrong)?;
    zstd::bulk::decompress(packed, usize::try_from(size).map_err(|_| wrong())?)
}

/// The name of a file of code.
pub fn code_file(digest: &Digest) -> String {
    format!("{digest}.code")
}

/// The name of a file with a manifest.
pub fn manifest_file(digest: &Digest) -> String {
    format!("{digest}.json")
}

impl Package {
    /// Opens the package in `folder`.
    ///
    /// # Errors
    /// [`Failure::Host`]: there is none, it cannot be read, or it is for other machines or another version.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(Index::FILE);
        let cant =
            |why: String| error::host(format!("can't use the compiled functions: {}: {why}", path.display()));
        let bytes = fs::read(&path).map_err(|error| cant(error.to_string()))?;
        let index: Index = serde_json::from_slice(&bytes).map_err(|error| cant(error.to_string()))?;
        if index.format != Index::FORMAT {
            let (theirs, ours) = (index.format, Index::FORMAT);
            return Err(cant(format!(
                "it has format {theirs}, and this program reads {ours}; package again"
            )));
        }
        let here = std::env::consts::ARCH;
        if !index.target.starts_with(here) {
            return Err(cant(format!("its code is for {}, and this processor is {here}", index.target)));
        }
        let functions = index.functions.into_iter().map(|entry| (entry.function, entry)).collect();
        Ok(Self(Arc::new(Inner { folder: folder.to_owned(), functions })))
    }

    /// Its functions, by digest.
    pub fn functions(&self) -> impl Iterator<Item = &PackageEntry> {
        self.0.functions.values()
    }

    /// What a function of it says of itself.
    ///
    /// # Errors
    /// [`Failure::Host`]: it is not in the package, or its file is not what the index says.
    pub fn manifest(&self, function: &Digest) -> Result<Manifest, Failure> {
        let entry = self.entry(function)?;
        let bytes = self.read(&entry.name, &manifest_file(&entry.manifest), &entry.manifest)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            error::host(format!("the package's manifest of `{}` is damaged: {error}", entry.name))
        })
    }

    fn entry(&self, function: &Digest) -> Result<&PackageEntry, Failure> {
        self.0.functions.get(function).ok_or_else(|| {
            error::host(format!(
                "function {} is not in this package, which has no compiler: package and deploy again with it \
                 (`millstream aws deploy`), or give its step a `pool` outside of Lambda",
                function.short()
            ))
        })
    }

    pub(crate) fn load(&self, engine: &Engine, function: &Digest) -> Result<Function, Failure> {
        let entry = self.entry(function)?;
        let code = entry.code.get(&engine.kind()).ok_or_else(|| {
            error::host(format!("the package has `{}` for jobs alone: it makes no predictions", entry.name))
        })?;
        let file = code_file(code);
        let packed = self.read(&entry.name, &file, code)?;
        let bytes = unpack(&packed).map_err(|error| self.cant(&entry.name, &file, &error))?;
        // SAFETY: the bytes are those that the index names, and index and file come with this program; see above.
        let component = unsafe { Component::deserialize(engine.wasmtime(), &bytes) };
        let component = component.map_err(|error| {
            error::host(format!(
                "the package's code of `{}` does not fit this machine: {error:#}",
                entry.name
            ))
        })?;
        Function::known(engine, *function, component, self.manifest(function)?)
    }

    /// A file of it, if it is what the index says.
    fn read(&self, name: &str, file: &str, digest: &Digest) -> Result<Vec<u8>, Failure> {
        let bytes = fs::read(self.0.folder.join(file)).map_err(|error| self.cant(name, file, &error))?;
        if Digest::of(&bytes) == *digest {
            return Ok(bytes);
        }
        let why = "it is not what the index says; package and deploy again";
        Err(self.cant(name, file, &io::Error::new(io::ErrorKind::InvalidData, why)))
    }

    fn cant(&self, name: &str, file: &str, error: &io::Error) -> Failure {
        let path = self.0.folder.join(file);
        error::host(format!("can't read `{name}` of the package: {}: {error}", path.display()))
    }
}
