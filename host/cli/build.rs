//! Puts the built functions into the binary, each with its digest, and the template of a new one.
//!
//! `cargo xtask functions` makes them; a binary built without them says so when it is asked for one.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=MILLSTREAM_FUNCTIONS_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = env::var_os("MILLSTREAM_FUNCTIONS_DIR").map_or_else(|| default_folder(&out), PathBuf::from);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut components: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?,
        Err(_) => Vec::new(),
    };
    components.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    components.sort();
    let mut code = String::from("pub static FUNCTIONS: &[Bundled] = &[\n");
    for path in &components {
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(code, "{}", entry(path)?).expect("a string takes it");
    }
    code.push_str("];\n");
    template(&mut code)?;
    fs::write(out.join("bundle.rs"), code)
}

fn entry(path: &Path) -> io::Result<String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let digest: [u8; 32] = Sha256::digest(fs::read(path)?).into();
    Ok(format!(
        "    Bundled {{ name: {name:?}, digest: millstream_workflow::artifact::Digest({digest:?}), bytes: include_bytes!({path:?}) }},"
    ))
}

/// The files that `millstream functions new` begins with: `functions/template` of this repository, with the SDK and the
/// contract beside it, so that it builds from the registries alone.
fn template(code: &mut String) -> io::Result<()> {
    let functions =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../functions");
    code.push_str("pub static TEMPLATE: &[(&str, &str)] = &[\n");
    for (from, to) in
        [("template", ""), ("sdk/Cargo.toml", "sdk/Cargo.toml"), ("sdk/src", "sdk/src"), ("wit", "wit")]
    {
        let root = functions.join(from);
        println!("cargo::rerun-if-changed={}", root.display());
        let mut files = Vec::new();
        if root.is_dir() {
            files_below(&root, &mut files)?;
        } else if root.is_file() {
            files.push(root.clone());
        }
        files.sort();
        for path in &files {
            println!("cargo::rerun-if-changed={}", path.display());
            let name = Path::new(to).join(path.strip_prefix(&root).unwrap_or(path));
            let name = name.to_string_lossy().replace('\\', "/");
            writeln!(code, "    ({:?}, include_str!({path:?})),", name.trim_end_matches('/'))
                .expect("a string takes it");
        }
    }
    code.push_str("];\n");
    Ok(())
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files_below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// `<target>/functions`: OUT_DIR is `<target>/<profile>/build/<package>/out`.
fn default_folder(out: &Path) -> PathBuf {
    out.ancestors().nth(4).unwrap_or(out).join("functions")
}
