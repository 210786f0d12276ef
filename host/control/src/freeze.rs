//! What a run reads from outside of the store is taken in before its first task is sent: sources, and the workflows that it runs,
//! with theirs. From then on no task depends on the machine where the run was started.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use millstream_errors::{Code, Coded};
use millstream_language::{Functions, diagnostic::Diagnostics};
use millstream_plan::{
    Frozen, Function, Plan, StoredWorkflow,
    compile::{self, Options},
    source_name,
};
use millstream_state::{Called, CalledAt, Outside};
use millstream_store::{Artifacts, ErrorKind, check_source};
use millstream_worker::{Home, sources};

use crate::workflows;

/// Workflows that run one another are followed so far.
const MAX_DEPTH: usize = 16;

/// Why a workflow that a step runs cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file cannot be read.
    #[error("cannot read workflow {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is wrong.
    #[error("{0}")]
    Wrong(Box<Diagnostics>),
    /// Its parameters are wrong.
    #[error("{path}: {message}")]
    Parameters {
        /// Which workflow.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// Workflows run one another without end.
    #[error("{path}: workflows run one another more than {MAX_DEPTH} deep; give one of them an `if`")]
    Depth {
        /// The last one.
        path: String,
    },
    /// A workflow that was pushed cannot be had, or reads by relative paths.
    #[error(transparent)]
    Stored(#[from] workflows::Error),
    /// A source that is not there.
    #[error(transparent)]
    Source(#[from] sources::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Read { .. } => Code::ChildWorkflowUnreadable,
            Self::Wrong(diagnostics) => diagnostics.code(),
            Self::Parameters { .. } => Code::ChildWorkflowParameters,
            Self::Depth { .. } => Code::WorkflowsTooDeep,
            Self::Stored(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

impl Error {
    /// Whether the store is at fault, and not what was to be taken in.
    pub fn is_of_store(&self) -> bool {
        match self {
            Self::Store(_) | Self::Stored(workflows::Error::Store(_)) => true,
            Self::Source(error) => error.may_pass(),
            _ => false,
        }
    }
}

/// Takes in all that the run of `plan`, and the runs that it starts, read from outside.
///
/// # Errors
/// A source or a workflow that is not there or wrong; the store failed.
pub fn freeze(home: &Home, functions: &dyn Functions, plan: &Plan, base: &Path) -> Result<Frozen, Error> {
    let (frozen, seen, texts) = (Frozen::default(), BTreeSet::new(), BTreeMap::new());
    let mut freezer = Freezer { home, artifacts: home.artifacts(), functions, frozen, seen, texts };
    freezer.run(plan, base, false, 0)?;
    Ok(freezer.frozen)
}

struct Freezer<'a> {
    home: &'a Home,
    artifacts: &'a Artifacts,
    functions: &'a dyn Functions,
    frozen: Frozen,
    /// Workflows with their parameters that were taken in.
    seen: BTreeSet<String>,
    /// The files of workflows: each is read once.
    texts: BTreeMap<String, String>,
}

impl Freezer<'_> {
    /// With `doubtful`, some parameters come from steps: what the others name may be read, or something else.
    fn run(&mut self, plan: &Plan, base: &Path, doubtful: bool, depth: usize) -> Result<(), Error> {
        let outside = Outside::of(plan);
        for source in &outside.sources {
            let key = source_name(base, source);
            if self.frozen.sources.contains_key(&key) {
                continue;
            }
            match sources::snapshot(self.home, base, source, &|| true) {
                Ok(parts) => drop(self.frozen.sources.insert(key, parts)),
                Err(error) => perhaps(doubtful, error.into())?,
            }
        }
        for called in &outside.workflows {
            if let Err(error) = self.workflow(called, base, doubtful, depth + 1) {
                perhaps(doubtful, error)?;
            }
        }
        Ok(())
    }

    fn workflow(&mut self, called: &Called, base: &Path, doubtful: bool, depth: usize) -> Result<(), Error> {
        let doubtful = doubtful || !called.all_known;
        let (path, file) = match &called.at {
            CalledAt::File(file) => {
                let file = base.join(file);
                (file.to_string_lossy().into_owned(), Some(file))
            }
            CalledAt::Stored(reference) => (reference.clone(), None),
        };
        let params = serde_json::Value::Object(called.params.clone());
        if !self.seen.insert(format!("{path} {doubtful} {params}")) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(Error::Depth { path });
        }
        let text = match self.texts.get(&path) {
            Some(text) => text.clone(),
            None => match &file {
                Some(file) => read(file).map_err(|source| Error::Read { path: path.clone(), source })?,
                None => self.stored(&path)?,
            },
        };
        self.texts.insert(path.clone(), text.clone());
        let checked = compile::check(&path, &text, self.functions).map_err(Error::Wrong)?;
        for step in checked.workflow.steps.values() {
            if let Some((digest, manifest)) = self.functions.get(&step.uses) {
                let function = || Function { digest, manifest: manifest.clone() };
                self.frozen.functions.entry(step.uses.clone()).or_insert_with(function);
            }
        }
        if file.is_some() {
            let digest = self.artifacts.put(text.as_bytes())?.digest;
            self.frozen.workflows.insert(path.clone(), digest);
        }
        let options = Options { params: called.params.clone(), ..Options::default() };
        match checked.plan(self.functions, &options) {
            Ok(plan) => match &file {
                Some(file) => self.run(&plan, file.parent().unwrap_or(base), doubtful, depth),
                None => {
                    workflows::refuse_relative(&plan)?;
                    self.run(&plan, Path::new(workflows::BASE), doubtful, depth)
                }
            },
            Err(error) => perhaps(doubtful, Error::Parameters { path, message: error.to_string() }),
        }
    }
}

impl Freezer<'_> {
    /// The text of a workflow that was pushed, as it is now; taken down for the run.
    fn stored(&mut self, reference: &str) -> Result<String, Error> {
        let found = workflows::find(self.home, reference).map_err(|error| match error {
            workflows::Error::Invalid(message) => {
                workflows::Error::Invalid(format!("{message}; a file is named by `file: PATH`"))
            }
            other => other,
        })?;
        let digest = self.artifacts.put(found.text.as_bytes())?.digest;
        let stored = StoredWorkflow { version: found.version, digest };
        self.frozen.stored.insert(reference.to_owned(), stored);
        Ok(found.text)
    }
}

/// Goes on without what is perhaps not read at all; the step that reads it after all fails, and says why.
fn perhaps(doubtful: bool, error: Error) -> Result<(), Error> {
    if !doubtful || error.is_of_store() {
        return Err(error);
    }
    tracing::warn!(%error, "not taken in, as what is read depends on results of steps");
    Ok(())
}

/// Nobody waits for a pipe.
fn read(file: &Path) -> io::Result<String> {
    match check_source(file) {
        Err(error) if error.kind() == ErrorKind::Unsupported => Err(io::Error::other(error.to_string())),
        _ => fs::read_to_string(file),
    }
}
