//! Compiled components on disk.
//!
//! A component is compiled once for a digest, engine configuration, wasmtime version and target, and loaded afterwards.
//! Machine code is trusted by whoever runs it, so the folder must be ours alone, each file must be ours, and its bytes those
//! that somebody with the cache's key has written ([`private`]). What is not is compiled anew. The code is read into memory
//! and run from there: what was checked is what runs, whatever becomes of the file.
//!
//! ```text
//! <root>/key                                 what digests are keyed with
//! <root>/<compatibility>/<component>.record  keyed digest; then, as JSON, name and keyed digest of its code, its manifest
//! <root>/<compatibility>/<checksum>.code     its code, named by its own SHA-256: two writers can't mix theirs up
//! <root>/<compatibility>/<component>.lock    held while somebody compiles
//! ```

use std::{
    fs::{self, File},
    hash::{Hash, Hasher},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use millstream_core::{artifact::Digest, manifest::Manifest};
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use crate::private::{self, Key, Mac};

/// What is known of a compiled component without mapping it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    /// SHA-256 of the code file: its name.
    code: Digest,
    /// Its keyed digest, in hexadecimal digits.
    mac: String,
    pub manifest: Manifest,
}

/// The folder for one engine.
pub(crate) struct Cache {
    folder: PathBuf,
    key: Arc<Key>,
}

/// What is digested: one can't stand for another.
const RECORD: &str = "millstream cache: record of a compiled component";
const CODE: &str = "millstream cache: code of a component";

/// Whoever holds it compiles the component; others wait, and find it compiled.
pub(crate) struct Turn(#[expect(dead_code, reason = "unlocks when closed")] File);

/// Why a part of the cache is of no use.
fn of_no_use(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

impl Cache {
    /// The part of the cache at `root` that `engine` can run. Makes the folder, for this user only, if it is not there.
    ///
    /// # Errors
    ///
    /// If the folder can't be made, or if anybody else could write into it.
    pub fn open(root: &Path, engine: &wasmtime::Engine) -> io::Result<Self> {
        let folder = root.join(compatibility(engine));
        make_private(&folder)?;
        for path in [root, &folder] {
            private::check_folder(path)?;
        }
        Ok(Self { folder, key: Arc::new(Key::open(root)?) })
    }

    /// Where it is: for this user alone.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its digests are keyed with.
    pub fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// The record and code of a component, if both are there, whole and ours.
    pub fn load(&self, engine: &wasmtime::Engine, component: &Digest) -> Option<(Record, Component)> {
        match self.read(engine, component) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(
                    component = %component.short(), %error,
                    "a compiled component in the cache is damaged or not ours; it is compiled again"
                );
                None
            }
        }
    }

    fn read(&self, engine: &wasmtime::Engine, component: &Digest) -> io::Result<(Record, Component)> {
        let bytes = read(&self.path(component, "record"))?;
        let (mac, text) =
            bytes.split_at_checked(blake3::OUT_LEN).ok_or_else(|| of_no_use("it is cut short"))?;
        let mac: [u8; blake3::OUT_LEN] = mac.try_into().map_err(|_| of_no_use("it is cut short"))?;
        // Compared in constant time.
        if self.record_mac(component, text) != Mac::from_bytes(mac) {
            return Err(of_no_use("its record is not what was written"));
        }
        let record: Record = serde_json::from_slice(text)?;
        let code = read(&self.path(&record.code, "code"))?;
        if Mac::from_hex(&record.mac).ok() != Some(self.code_mac(&code)) {
            return Err(of_no_use("its code is not what was written"));
        }
        // SAFETY: somebody with the key has written these bytes, and that is `store` alone.
        match unsafe { Component::deserialize(engine, &code) } {
            Ok(compiled) => Ok((record, compiled)),
            Err(error) => Err(of_no_use(&format!("{error:#}"))),
        }
    }

    /// Keeps a compiled component. Its code is complete on disk before its record names it.
    pub fn store(&self, component: &Digest, compiled: &Component, manifest: &Manifest) -> io::Result<()> {
        let code = compiled.serialize().map_err(io::Error::other)?;
        let mac = self.code_mac(&code).to_hex().to_string();
        let record = Record { code: Digest::of(&code), mac, manifest: manifest.clone() };
        self.write(&self.path(&record.code, "code"), &code)?;
        let text = serde_json::to_vec(&record)?;
        let mac = self.record_mac(component, &text);
        self.write(&self.path(component, "record"), &[mac.as_bytes(), &text[..]].concat())
    }

    fn code_mac(&self, code: &[u8]) -> Mac {
        self.key.hasher(CODE).update(code).finalize()
    }

    fn record_mac(&self, component: &Digest, text: &[u8]) -> Mac {
        self.key.hasher(RECORD).update(component.to_string().as_bytes()).update(text).finalize()
    }

    /// Waits for the turn to compile `component`, across threads and processes.
    pub fn turn(&self, component: &Digest) -> io::Result<Turn> {
        let path = self.path(component, "lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        let file = match private::open(&path, &mut options) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                // What is not ours goes; nobody of ours holds it.
                fs::remove_file(&path)?;
                private::open(&path, &mut options)?
            }
            opened => opened?,
        };
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

/// The bytes of a file of ours.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    private::open(path, File::options().read(true))?.read_to_end(&mut bytes)?;
    Ok(bytes)
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
    gather.write(b"millstream cache 3");
    Digest::of(&gather.0).to_string()[..16].to_owned()
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
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
        assert!(error.to_string().contains("rm -r"), "{error}");
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
