//! Tools from PyPI, each in an environment of its own below the target folder. Only where there is a Python.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::bail;

use crate::run::{captured, say, shown, target_dir};

/// A registry that does not answer must not hold up the tests for ever.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// The `componentize-py` of `COMPONENTIZE_PY`, or one installed from PyPI at the first call. None, and why is said, where neither
/// can be had: functions in Python are then left untested.
pub fn componentize_py() -> Option<PathBuf> {
    if let Some(tool) = env::var_os("COMPONENTIZE_PY") {
        return Some(tool.into());
    }
    match environment("componentize-py", &["componentize-py==0.25.1"]) {
        Ok(folder) => Some(folder.join(BIN).join("componentize-py")),
        Err(error) => {
            say(&format!("Functions in Python are not tested: {error:#}"));
            None
        }
    }
}

/// A Python with boto3: that of `BOTO3_PYTHON`, or one installed from PyPI at the first call. None, and why is said, where
/// neither can be had: AWS's own clients are then left untested.
pub fn boto3() -> Option<PathBuf> {
    if let Some(python) = env::var_os("BOTO3_PYTHON") {
        return Some(python.into());
    }
    match environment("boto3", &["boto3==1.44.5"]) {
        Ok(folder) => Some(interpreter(&folder)),
        Err(error) => {
            say(&format!("boto3 is not tested: {error:#}"));
            None
        }
    }
}

/// A Python with boto3, the AWS CLI and polars: that of `S3_PYTHON`, or one installed from PyPI at the first call. None, and why is
/// said, where they can't be had: buckets are then left untested with clients of others.
pub fn s3() -> Option<PathBuf> {
    if let Some(python) = env::var_os("S3_PYTHON") {
        return Some(python.into());
    }
    match environment("s3", &["boto3==1.44.8", "awscli==1.46.3", "polars==2.1.0"]) {
        Ok(folder) => Some(interpreter(&folder)),
        Err(error) => {
            say(&format!("Buckets are not tested with boto3, the AWS CLI and polars: {error:#}"));
            None
        }
    }
}

/// The same with pandas and s3fs, which need another botocore: that of `S3FS_PYTHON`.
pub fn s3fs() -> Option<PathBuf> {
    if let Some(python) = env::var_os("S3FS_PYTHON") {
        return Some(python.into());
    }
    match environment("s3fs", &["s3fs==2026.9.0", "pandas==3.1.1", "pyarrow==26.0.1"]) {
        Ok(folder) => Some(interpreter(&folder)),
        Err(error) => {
            say(&format!("Buckets are not tested with pandas: {error:#}"));
            None
        }
    }
}

/// A Python with openapi-spec-validator: that of `OPENAPI_PYTHON`, or one installed from PyPI at the first call. None, and why is
/// said, where neither can be had: the OpenAPI document is then tested against the routes alone.
pub fn openapi() -> Option<PathBuf> {
    if let Some(python) = env::var_os("OPENAPI_PYTHON") {
        return Some(python.into());
    }
    match environment("openapi", &["openapi-spec-validator==0.9.0"]) {
        Ok(folder) => Some(interpreter(&folder)),
        Err(error) => {
            say(&format!("The OpenAPI document is not validated: {error:#}"));
            None
        }
    }
}

/// Where an environment keeps its programs.
pub const BIN: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// A virtual environment that holds `packages`, made anew when they change.
pub fn environment(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = target_dir().join("python").join(name);
    let ready = folder.join("packages.txt");
    let wanted = packages.join("\n");
    if fs::read_to_string(&ready).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    say(&format!("Installing {} from PyPI", packages.join(", ")));
    limited(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    limited(Command::new(interpreter(&folder)).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    fs::write(ready, wanted)?;
    Ok(folder)
}

/// The Python of an environment.
pub fn interpreter(environment: &Path) -> PathBuf {
    environment.join(BIN).join("python")
}

fn limited(command: &mut Command) -> anyhow::Result<()> {
    let finished = captured(command, LIMIT)?;
    if !finished.ok() {
        bail!("`{}` failed\n{}", shown(command), finished.output.trim());
    }
    Ok(())
}
