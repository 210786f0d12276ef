//! Compiled components on disk.
//!
//! A component is compiled once for a digest, engine configuration, wasmtime version and target, and mapped afterwards.
//! Machine code is trusted by whoever maps it, so the folder must be ours alone, and a file whose bytes are not those
//! that were written is compiled anew.
//!
//! ```text
//! <root>/<compatibility>/<component>.json   what the component is, name and checksum of its code
//! <root>/<compatibility>/<checksum>.code    its code, named by its own SHA-256: two writers can't mix theirs up
//! <root>/<compatibility>/<component>.lock   held while somebody compiles
//! ```

use std::{
    fs::{self, File},
    hash::{Hash, Hasher},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use millstream_workflow::{artifact::Digest, manifest::Manifest};
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

/// What is known of a compiled component without mapping it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    /// SHA-256 of the code file: its name.
    code: Digest,
    /// Its checksum. It tells damage, at a tenth of the time of SHA-256; malice is kept out by the folder's permissions.
    crc: u32,
    pub manifest: Manifest,
}

/// The folder for one engine.
pub(crate) struct Cache {
    folder: PathBuf,
}

/// Whoever holds it compiles the component; others wait, and find it compiled.
pub(crate) struct Turn(#[expect(dead_code, reason = "unlocks when closed")] File);

impl Cache {
    /// The part of the cache at `root` that `engine` can map. Makes the folder, for this user only, if it is not there.
    ///
    /// # Errors
    ///
    /// If the folder can't be made, or if anybody else could write into it.
    pub fn open(root: &Path, engine: &wasmtime::Engine) -> io::Result<Self> {
        let folder = root.join(compatibility(engine));
        make_private(&folder)?;
        for path in [root, &folder] {
            check_private(path)?;
        }
        Ok(Self { folder })
    }

    /// Where it is: for this user alone.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The record and code of a component, if both are there and whole.
    pub fn load(&self, engine: &wasmtime::Engine, component: &Digest) -> Option<(Record, Component)> {
        let record: Record = serde_json::from_slice(&fs::read(self.path(component, "json")).ok()?).ok()?;
        let path = self.path(&record.code, "code");
        if checksum(&path).ok()? != record.crc {
            tracing::warn!(component = %component.short(), "a cached component is damaged; it is compiled again");
            return None;
        }
        // SAFETY: the folder is ours alone (`open`), only `store` writes into it, and the bytes are those it wrote.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(compiled) => Some((record, compiled)),
            Err(error) => {
                tracing::warn!(component = %component.short(), %error, "a cached component can't be mapped; it is compiled again");
                None
            }
        }
    }

    /// Keeps a compiled component. Its code is complete on disk before its record names it.
    pub fn store(&self, component: &Digest, compiled: &Component, manifest: &Manifest) -> io::Result<()> {
        let code = compiled.serialize().map_err(io::Error::other)?;
        let record =
            Record { code: Digest::of(&code), crc: crc32fast::hash(&code), manifest: manifest.clone() };
        self.write(&self.path(&record.code, "code"), &code)?;
        self.write(&self.path(component, "json"), &serde_json::to_vec(&record)?)
    }

    /// Waits for the turn to compile `component`, across threads and processes.
    pub fn turn(&self, component: &Digest) -> io::Result<Turn> {
        let file = File::create(self.path(component, "lock"))?;
        file.lock()?;
        Ok(Turn(file))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self, digest: &Digest, extension: &str) -> PathBuf {
        self.folder.join(format!("{digest}.{extension}"))
    }
}

/// Of the mapped file: its pages are in memory when the code is mapped, and nothing is copied.
fn checksum(path: &Path) -> io::Result<u32> {
    // SAFETY: the folder is ours alone, and nobody writes to a file that has its name.
    let bytes = unsafe { memmap2::MmapOptions::new().populate().map(&File::open(path)?)? };
    Ok(crc32fast::hash(&bytes))
}

/// A name for all engines that can map each other's code.
fn compatibility(engine: &wasmtime::Engine) -> String {
    /// Gathers what is hashed, so that the name does not depend on the standard library's hasher.
    struct Gather(Vec<u8>);

    impl Hasher for Gather {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    let mut gather = Gather(Vec::new());
    engine.precompile_compatibility_hash().hash(&mut gather);
    // The record's own format.
    gather.write(b"millstream cache 2");
    Digest::of(&gather.0).to_string()[..16].to_owned()
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// An error unless the folder belongs to this user and nobody else can write into it.
#[cfg(unix)]
fn check_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    let metadata = fs::symlink_metadata(folder)?;
    let place = folder.display();
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !metadata.is_dir() {
        return refuse(format!("{place} is not a folder; remove it"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refuse(format!(
            "{place} holds compiled code and belongs to another user; remove it or choose another home"
        ));
    }
    if metadata.mode() & 0o022 != 0 {
        return refuse(format!(
            "{place} holds compiled code and others can write into it; run `chmod go-w {place}`"
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_folder_that_others_can_write_into_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("cache");
        let engine = wasmtime::Engine::default();
        Cache::open(&root, &engine).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Cache::open(&root, &engine).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("chmod go-w"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_in_place_of_the_folder_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let root = home.path().join("cache");
        std::os::unix::fs::symlink(elsewhere.path(), &root).unwrap();
        assert!(Cache::open(&root, &wasmtime::Engine::default()).is_err());
    }

    #[test]
    fn engines_of_another_configuration_have_another_folder() {
        let plain = wasmtime::Engine::default();
        let epochs = wasmtime::Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        assert_eq!(compatibility(&plain), compatibility(&wasmtime::Engine::default()));
        assert_ne!(compatibility(&plain), compatibility(&epochs));
    }
}
