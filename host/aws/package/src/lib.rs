//! Packages for Lambda: a zip with the bootstrap, and with functions that are compiled for its processor on whichever machine this
//! is. The same input gives the same bytes.
//!
//! ```text
//! bootstrap                       the program millstream-lambda
//! components/index.json           what there is (millstream_engine::package)
//! components/<checksum>.code      packed by zstd
//! components/<checksum>.json
//! ```

mod archive;
mod bootstrap;
mod components;

use std::path::{Path, PathBuf};

use millstream_core::{artifact::Digest, failure::Failure, manifest::Manifest};
pub use millstream_engine::Target;
use millstream_errors::{Code, Coded};

pub use archive::{check, unzipped};
pub use bootstrap::find as find_bootstrap;
pub use components::compile;

/// A function that goes into a package.
#[derive(Clone, Debug)]
pub struct Function {
    /// SHA-256 of the component.
    pub digest: Digest,
    /// The component.
    pub component: Vec<u8>,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Compile it for predictors, too, if it is a model: for endpoints, and for workers that deploy.
    pub predictors: bool,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below the package's root, with `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// It is a program.
    pub executable: bool,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no bootstrap for this processor.
    #[error(
        "there is no bootstrap for {target}: neither --bootstrap FILE was given, nor is there {}; releases carry it, and `cargo xtask \
         lambda --arch {target}` builds it",
        looked.display()
    )]
    NoBootstrap {
        /// The processor.
        target: Target,
        /// Where it was looked for.
        looked: PathBuf,
    },
    /// The bootstrap cannot be read.
    #[error("can't read the bootstrap {}: {source}", path.display())]
    Bootstrap {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no program for this processor.
    #[error("{} is no program for Linux on {target}", path.display())]
    NotForTarget {
        /// The file.
        path: PathBuf,
        /// The processor.
        target: Target,
    },
    /// A function cannot be compiled.
    #[error("can't compile `{name}` for {target}: {failure}")]
    Function {
        /// Its name.
        name: String,
        /// The processor.
        target: Target,
        /// Why.
        failure: Box<Failure>,
    },
    /// There is no compiler for this processor.
    #[error(transparent)]
    Compiler(Box<Failure>),
    /// Lambda does not take so much.
    #[error(
        "the package has {:.1} MB unzipped, and Lambda takes {:.1} MB at most (250 MiB); leave out functions that nobody uses: \
         --only NAME,NAME",
        *bytes as f64 / 1e6,
        MOST as f64 / 1e6
    )]
    TooLarge {
        /// Unzipped.
        bytes: u64,
    },
    /// The zip cannot be deployed.
    #[error("the package cannot be used: {0}")]
    Unusable(String),
    /// The archive cannot be written.
    #[error("can't write the package: {0}")]
    Archive(String),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::NoBootstrap { .. }
            | Self::Bootstrap { .. }
            | Self::NotForTarget { .. }
            | Self::TooLarge { .. }
            | Self::Unusable(_) => Code::AwsPackage,
            Self::Function { failure, .. } | Self::Compiler(failure) => failure.code(),
            Self::Archive(_) => Code::System,
        }
    }
}

/// The program's name in a package, which Lambda wants.
const BOOTSTRAP: &str = "bootstrap";

/// What Lambda takes, unzipped, in bytes.
pub const MOST: u64 = 250 << 20;

/// The zip of a package: the program `bootstrap` and these functions. `told` hears of each function once it is compiled.
///
/// # Errors
/// The bootstrap is none for this processor, a function cannot be compiled, or the whole is more than Lambda takes.
pub fn package(
    target: Target,
    bootstrap: &Path,
    functions: &[Function],
    told: &(dyn Fn(&str) + Sync),
) -> Result<Vec<u8>, Error> {
    let program = bootstrap::read(target, bootstrap)?;
    let mut files = vec![File { path: BOOTSTRAP.to_owned(), bytes: program, executable: true }];
    files.extend(compile(target, functions, told)?);
    let bytes = files.iter().map(|file| file.bytes.len() as u64).sum();
    if bytes > MOST {
        return Err(Error::TooLarge { bytes });
    }
    archive::zip(&files)
}
