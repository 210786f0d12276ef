//! Functions: cargo builds core modules, `wit-component` makes components of them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{
    run::{cargo, check, root, say, target_dir, write_if_changed},
    toolchain::{self, TARGET},
};

/// A function's crate: `fn-<name>`, wherever under `functions/` it lies.
pub struct Package {
    pub name: String,
    pub library: String,
    /// For tests and benchmarks alone; the binary does not carry it.
    pub testing: bool,
}

/// Builds every function of the workspace into `<target>/functions/<name>.wasm`, those for tests into
/// `<target>/functions/testing/<name>.wasm`, and returns that folder.
pub fn build() -> anyhow::Result<PathBuf> {
    let toolchain = toolchain::find()?;
    let packages = packages()?;
    say(&format!("Building {} functions for WebAssembly", packages.len()));
    let mut command = cargo();
    command.args(["build", "--quiet", "--profile", "wasm", "--target", TARGET]);
    command.arg("--config").arg(format!("target.{TARGET}.rustflags=[{}]", reproducible().join(",")));
    for package in &packages {
        command.arg("--package").arg(format!("fn-{}", package.name));
    }
    toolchain.apply(&mut command);
    check(&mut command)?;

    let modules = target_dir().join(TARGET).join("wasm");
    let folder = folder();
    fs::create_dir_all(folder.join("testing"))?;
    remove_strangers(&folder, packages.iter().filter(|p| !p.testing))?;
    remove_strangers(&folder.join("testing"), packages.iter().filter(|p| p.testing))?;
    thread::scope(|scope| {
        let jobs: Vec<_> = packages
            .iter()
            .map(|package| {
                let module = modules.join(format!("{}.wasm", package.library));
                let place = if package.testing { folder.join("testing") } else { folder.clone() };
                scope.spawn(move || componentize(&module, &place.join(format!("{}.wasm", package.name))))
            })
            .collect();
        jobs.into_iter().try_for_each(|job| job.join().expect("making a component does not panic"))
    })?;
    Ok(folder)
}

/// Where the built components lie.
pub fn folder() -> PathBuf {
    target_dir().join("functions")
}

/// Makes a component of a core module that wit-bindgen's macros wrote their section into.
fn componentize(module: &Path, component: &PathBuf) -> anyhow::Result<()> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let encoded = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("cannot make a component of {}", module.display()))?;
    write_if_changed(component, &encoded).map(|_| ())
}

/// The workspace's function packages, by name.
pub fn packages() -> anyhow::Result<Vec<Package>> {
    let mut command = cargo();
    let output = command.args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut packages: Vec<Package> = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?
        .iter()
        .filter_map(|package| {
            let name = package["name"].as_str()?.strip_prefix("fn-")?.to_owned();
            let manifest = package["manifest_path"].as_str()?;
            let testing = Path::new(manifest).components().any(|part| part.as_os_str() == "testing");
            Some(Package { library: format!("fn_{}", name.replace('-', "_")), name, testing })
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

/// Flags that keep this machine's paths out of the bytes, so that everybody's build has the same digests.
fn reproducible() -> Vec<String> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    [(root(), "/millstream"), (cargo_home, "/cargo")]
        .iter()
        .map(|(from, to)| format!("'--remap-path-prefix={}={to}'", from.display()))
        .collect()
}

/// Deletes components of functions that the workspace no longer has.
fn remove_strangers<'a>(folder: &Path, kept: impl Iterator<Item = &'a Package>) -> anyhow::Result<()> {
    let kept: Vec<String> = kept.map(|package| format!("{}.wasm", package.name)).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wasm") && !kept.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
