//! The emulators' environment: made once below the target folder, used by all tests.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Those that the tests were written against.
const PACKAGES: &[&str] = &["ministack==1.5.33", "moto[server]==5.2.5", "aws-sam-translator==1.115.0"];

const BIN: &str = if cfg!(windows) { "Scripts/python" } else { "bin/python" };

/// The Python that has the emulators: that of `EMULATORS_PYTHON`, or one installed from PyPI at the first call. Otherwise, why not.
pub(crate) fn python() -> Result<PathBuf, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON
        .get_or_init(|| match env::var_os("EMULATORS_PYTHON") {
            Some(python) => Ok(python.into()),
            None => install(&folder()),
        })
        .clone()
}

/// Beside the profile's folder that the tests are built into.
fn folder() -> PathBuf {
    let exe = env::current_exe().expect("the test's own path");
    let deps = exe.ancestors().find(|path| path.ends_with("deps")).map(Path::to_owned);
    let target = deps.as_deref().and_then(|deps| deps.ancestors().nth(2).map(Path::to_owned));
    target.unwrap_or_else(env::temp_dir).join("python/emulators")
}

fn install(folder: &Path) -> Result<PathBuf, String> {
    let (python, ready, wanted) = (folder.join(BIN), folder.join("packages.txt"), PACKAGES.join("\n"));
    let parent = folder.parent().expect("python/ has a parent");
    fs::create_dir_all(parent).map_err(|e| format!("cannot make {}: {e}", parent.display()))?;
    // Tests of several processes come at the same time.
    let lock = fs::File::create(parent.join("emulators.lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    if fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"];
    run(Command::new(&python).args(pip).args(PACKAGES))?;
    fs::write(ready, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{:?}: {e}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let out_of_reach =
        ["No matching distribution", "NewConnectionError", "Connection", "Temporary failure", "timed out"];
    let last = error.lines().last().unwrap_or_default().to_owned();
    assert!(
        out_of_reach.iter().any(|text| error.contains(text)),
        "the emulators cannot be installed:\n{error}"
    );
    Err(format!("PyPI is out of reach ({last})"))
}
