//! Puts the built functions into the binary, packed, each with the digest of its plain bytes, and the template of a new one.
//!
//! `cargo xtask functions` makes them; a binary built without them says so when it is asked for one.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    thread,
};

use sha2::{Digest as _, Sha256};
use zstd::{bulk::Compressor, zstd_safe::CParameter};

/// Of zstd. The highest takes twenty times as long, for a tenth less.
const LEVEL: i32 = 9;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=MILLSTREAM_FUNCTIONS_DIR");
    // Cargo's `strip` does not hold for a package that has an `opt-level` of its own.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = env::var_os("MILLSTREAM_FUNCTIONS_DIR").map_or_else(|| default_folder(&out), PathBuf::from);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut components: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?,
        Err(_) => Vec::new(),
    };
    components.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    components.sort();
    let components: Vec<Component> =
        components.iter().map(|path| Component::read(path)).collect::<io::Result<_>>()?;
    let mut code = String::new();
    functions(&components, &out.join("packed"), &mut code)?;
    template(&mut code)?;
    fs::write(out.join("bundle.rs"), code)
}

struct Component {
    name: String,
    digest: [u8; 32],
    bytes: Vec<u8>,
}

impl Component {
    fn read(path: &Path) -> io::Result<Self> {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(path)?;
        Ok(Self { name, digest: Sha256::digest(&bytes).into(), bytes })
    }
}

/// Writes the list of functions, and packs them into files in `folder`.
///
/// They share the SDK and much else, so that each is packed as what differs from one of them, the base. A file is named by what it
/// holds: after a change of one function the others are not packed again.
fn functions(components: &[Component], folder: &Path, code: &mut String) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // Of middle size: it has what most have, and little else.
    let mut by_size: Vec<&Component> = components.iter().collect();
    by_size.sort_by_key(|one| one.bytes.len());
    let base = by_size.get(by_size.len() / 2);
    let base_bytes = base.map_or(&[][..], |base| base.bytes.as_slice());
    let base_digest: [u8; 32] = Sha256::digest(base_bytes).into();
    let file = |one: &Component| folder.join(format!("{}-{}.zst", hex(&one.digest), hex(&base_digest)));
    let base_file = folder.join(format!("{}.zst", hex(&base_digest)));

    let mut kept: Vec<PathBuf> = components.iter().map(file).collect();
    kept.push(base_file.clone());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    pack(base_bytes, &[], &base_file)?;
    let workers = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let share = |worker| {
            move || {
                components
                    .iter()
                    .skip(worker)
                    .step_by(workers)
                    .try_for_each(|one| pack(&one.bytes, base_bytes, &file(one)))
            }
        };
        let jobs: Vec<_> = (0..workers).map(|worker| scope.spawn(share(worker))).collect();
        jobs.into_iter().try_for_each(|job| job.join().expect("packing does not panic"))
    })?;

    let mut line = |line: String| writeln!(code, "{line}").expect("a string takes it");
    line(format!(
        "static BASE: Packed = Packed {{ bytes: include_bytes!({base_file:?}), size: {} }};",
        base_bytes.len()
    ));
    line("pub static FUNCTIONS: &[Bundled] = &[".to_owned());
    for one in components {
        let Component { name, digest, bytes } = one;
        let packed = format!("Packed {{ bytes: include_bytes!({:?}), size: {} }}", file(one), bytes.len());
        line(format!(
            "    Bundled {{ name: {name:?}, digest: millstream_core::artifact::Digest({digest:?}), unpack: || unpack(&{packed}) }},"
        ));
    }
    line("];".to_owned());
    Ok(())
}

/// Packs as what differs from `base`, unless the file is there.
fn pack(bytes: &[u8], base: &[u8], file: &Path) -> io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    let mut compressor = Compressor::with_dictionary(LEVEL, base)?;
    // So that the base is in reach to the end.
    let reach = (bytes.len() + base.len()).max(1 << 20).next_power_of_two().ilog2();
    compressor.set_parameter(CParameter::WindowLog(reach))?;
    // Under its name only when it is whole.
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, compressor.compress(bytes)?)?;
    fs::rename(unfinished, file)
}

fn hex(digest: &[u8; 32]) -> String {
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
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
