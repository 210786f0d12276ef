//! End-to-end tests run the built binary, as a user does. This is what they share.

pub mod collector;
pub mod lambda;
mod models;
pub mod server;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// The binary: `MILLSTREAM_BIN`, or the one beside the tests.
///
/// # Panics
/// There is none.
pub fn binary() -> PathBuf {
    let beside = || env::current_exe().ok()?.ancestors().nth(2).map(|profile| profile.join("millstream"));
    let path = env::var_os("MILLSTREAM_BIN").map(PathBuf::from).or_else(beside).unwrap_or_default();
    assert!(
        path.is_file(),
        "no binary at {}: run `cargo xtask build`, or all tests by `cargo xtask test`",
        path.display()
    );
    path
}

/// Components for tests: `testing/<name>.wasm` in the folder of built functions.
///
/// # Panics
/// There is none of that name.
pub fn test_function(name: &str) -> PathBuf {
    let folder = env::var_os("MILLSTREAM_FUNCTIONS_DIR")
        .map(PathBuf::from)
        .or_else(|| binary().ancestors().nth(2).map(|target| target.join("functions")))
        .unwrap_or_default();
    let path = folder.join("testing").join(format!("{name}.wasm"));
    assert!(path.is_file(), "no component at {}: run `cargo xtask functions`", path.display());
    path
}

/// The project's folder.
pub fn root() -> PathBuf {
    let own =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().expect("tests/ has a parent").to_owned()
}

/// A folder to work in, with a home in it; gone when dropped.
pub struct Place {
    folder: tempfile::TempDir,
}

/// What a command did.
pub struct Ran {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails the test, with what was printed, unless it ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless standard error holds every one of `texts`.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "{text:?} is not in:\n{}\nstdout:\n{}",
                self.stderr,
                self.stdout
            );
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// Empty.
    ///
    /// # Panics
    /// No folder can be made.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The store's folder.
    pub fn store(&self) -> PathBuf {
        self.path().join(".millstream/store")
    }

    /// Writes a file.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        path
    }

    /// A command that will run here. Time and memory of compiling components are shared by all tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["MILLSTREAM_HOME", "MILLSTREAM_STORE", "MILLSTREAM_QUEUE", "MILLSTREAM_EXPORTS"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// Starts a command that somebody will kill.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn spawn(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary starts")
    }

    /// Adds the test functions.
    pub fn with_test_functions(self, names: &[&str]) -> Self {
        for name in names {
            self.run(&["functions", "add", &test_function(name).to_string_lossy()]).expect(0);
        }
        self
    }

    /// The names of all runs, oldest first.
    pub fn runs(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.store().join("runs")) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A run's plan.
    ///
    /// # Panics
    /// There is none.
    pub fn plan(&self, run: &str) -> Value {
        let bytes = fs::read(self.store().join(format!("runs/{run}/plan.json"))).expect("a plan");
        serde_json::from_slice(&bytes).expect("a plan is JSON")
    }

    /// What each task of a run put out: outputs and metrics by `step/task`. Nothing in it depends on when or where it ran.
    ///
    /// # Panics
    /// A record is damaged.
    pub fn results(&self, run: &str) -> BTreeMap<String, Value> {
        let mut results = BTreeMap::new();
        for (key, record) in self.records(&format!("runs/{run}/done")) {
            results.insert(key, record["outcome"].clone());
        }
        results
    }

    /// The JSON records below a folder of the store, by key.
    ///
    /// # Panics
    /// A record is damaged.
    pub fn records(&self, prefix: &str) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.store().join(prefix)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).expect("a record can be read");
                    let value = serde_json::from_slice(&bytes).expect("a record is JSON");
                    let key = path.strip_prefix(self.store().join(prefix)).expect("below the folder");
                    found.insert(key.to_string_lossy().into_owned(), value);
                }
            }
        }
        found
    }

    /// Every artifact has the bytes that its name says.
    ///
    /// # Panics
    /// One has not.
    pub fn check_artifacts(&self) -> usize {
        use sha2::{Digest as _, Sha256};
        let mut count = 0;
        for folder in fs::read_dir(self.store().join("artifacts")).into_iter().flatten().flatten() {
            for entry in fs::read_dir(folder.path()).expect("a folder").flatten() {
                let digest = Sha256::digest(fs::read(entry.path()).expect("an artifact can be read"));
                let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(entry.file_name().to_string_lossy(), digest, "an artifact is damaged");
                count += 1;
            }
        }
        count
    }
}

/// Waits until something holds.
///
/// # Panics
/// It does not within `limit`.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}
