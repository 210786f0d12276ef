//! Artifacts whose files do not hold what their names promise: found by whoever reads them verified, replaced by whoever writes
//! them again. And who may read a store's files.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use millstream_core::artifact::Digest;
use millstream_store::{Artifacts, ErrorKind, Identity, LocalStore, MemoryStore, PutOptions, Store as _};

struct Fixture {
    folder: tempfile::TempDir,
    artifacts: Artifacts,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path().join("store")).unwrap();
        Self { folder, artifacts: Artifacts::new(Arc::new(store)) }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.artifacts.local_path(digest).unwrap()
    }
}

type Damage = (&'static str, fn(&Path));

/// Ways in which files go bad. The size stays in the first four.
const DAMAGES: [Damage; 7] = [
    ("first byte", |path| flip(path, 0)),
    ("last byte", |path| flip(path, fs::metadata(path).unwrap().len() - 1)),
    ("middle", |path| flip(path, fs::metadata(path).unwrap().len() / 2)),
    ("another file of that size, moved over it", |path| {
        let size = fs::metadata(path).unwrap().len() as usize;
        fs::write(path.with_extension("new"), vec![b'x'; size]).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }),
    ("cut short", |path| {
        let size = fs::metadata(path).unwrap().len();
        fs::File::options().write(true).open(path).unwrap().set_len(size - 1).unwrap();
    }),
    ("empty", |path| fs::write(path, "").unwrap()),
    ("longer", |path| {
        fs::File::options().append(true).open(path).unwrap().write_all(b"!").unwrap();
    }),
];

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    // The sign of a number, say.
    file.write_all_at(&[byte[0] ^ 0x80], at).unwrap();
}

#[test]
fn every_damage_is_found_and_every_way_of_writing_mends_it() {
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(|i| i.to_le_bytes()).collect();
    for size in [1, 1000, bytes.len()] {
        let bytes = &bytes[..size];
        for (what, damage) in DAMAGES {
            for way in ["put", "writer", "import"] {
                let fixture = Fixture::new();
                let Fixture { artifacts, .. } = &fixture;
                let digest = artifacts.put(bytes).unwrap().digest;
                artifacts.ensure(&digest).unwrap();
                damage(&fixture.path(&digest));
                let place = format!("{what}, {size} bytes, {way}");
                for found in [
                    artifacts.ensure(&digest).map(drop),
                    artifacts.open_verified(&digest, None).map(drop),
                    artifacts.verify(&digest),
                    artifacts.read_verified(&digest, u64::MAX).map(drop),
                ] {
                    assert_eq!(found.unwrap_err().kind(), ErrorKind::Corrupt, "{place}");
                }
                let written = match way {
                    "put" => artifacts.put(bytes),
                    "writer" => {
                        let mut writer = artifacts.writer(None).unwrap();
                        writer.write_all(bytes).unwrap();
                        writer.finish()
                    }
                    _ => {
                        let file = fixture.folder.path().join("file");
                        fs::write(&file, bytes).unwrap();
                        artifacts.import_file(&file)
                    }
                };
                let written = written.unwrap();
                assert!(written.healed && written.digest == digest, "{place}");
                let mut back = Vec::new();
                artifacts.open_verified(&digest, None).unwrap().read_to_end(&mut back).unwrap();
                assert!(back == bytes, "{place}");
                assert!(!artifacts.put(bytes).unwrap().healed, "{place}: once");
            }
        }
    }
}

#[test]
fn an_artifact_that_is_gone_is_not_there_and_is_written_again() {
    let Fixture { artifacts, .. } = &Fixture::new();
    let digest = artifacts.put(b"x").unwrap().digest;
    fs::remove_file(artifacts.local_path(&digest).unwrap()).unwrap();
    assert_eq!(artifacts.ensure(&digest).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!artifacts.put(b"x").unwrap().healed);
    artifacts.ensure(&digest).unwrap();
}

#[test]
fn a_state_is_read_once_and_another_state_again() {
    let fixture = Fixture::new();
    let artifacts = &fixture.artifacts;
    let digest = artifacts.put(b"some bytes").unwrap().digest;
    thread::sleep(Duration::from_millis(60));
    let known = artifacts.ensure(&digest).unwrap().expect("it has settled");
    assert_eq!(artifacts.known_sound(&digest).as_ref(), Some(&known));
    // Whoever is told so takes it without reading: another process, which knows nothing of it.
    flip(&fixture.path(&digest), 3);
    assert_eq!(artifacts.known_sound(&digest), None, "it is another state now");
    let stale = artifacts.open_verified(&digest, Some(&known));
    assert_eq!(
        stale.map(drop).unwrap_err().kind(),
        ErrorKind::Corrupt,
        "what was told is of the state before"
    );
    // The bytes are back, and the state is a new one all the same.
    flip(&fixture.path(&digest), 3);
    assert_eq!(artifacts.known_sound(&digest), None);
    assert_ne!(artifacts.ensure(&digest).unwrap().unwrap_or_else(|| Identity::new("fresh")), known);
}

#[test]
fn the_time_of_the_last_change_cannot_be_set_back_in_secret() {
    let fixture = Fixture::new();
    let artifacts = &fixture.artifacts;
    let digest = artifacts.put(b"some bytes").unwrap().digest;
    let path = fixture.path(&digest);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    thread::sleep(Duration::from_millis(60));
    artifacts.ensure(&digest).unwrap();
    flip(&path, 0);
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_eq!(artifacts.ensure(&digest).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_reader_keeps_what_was_verified() {
    let fixture = Fixture::new();
    let digest = fixture.artifacts.put(b"the true bytes").unwrap().digest;
    let mut reader = fixture.artifacts.open_verified(&digest, None).unwrap();
    let path = fixture.path(&digest);
    fs::write(path.with_extension("new"), "the false byte").unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "the true bytes");
}

#[test]
fn a_store_without_files_is_verified_too() {
    let store = MemoryStore::new();
    let artifacts = Artifacts::new(Arc::new(store.clone()));
    let digest = artifacts.put(b"some bytes").unwrap().digest;
    artifacts.ensure(&digest).unwrap();
    store.put(&Artifacts::key(&digest), b"same bytez", &PutOptions::default()).unwrap();
    assert_eq!(artifacts.ensure(&digest).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(artifacts.put(b"some bytes").unwrap().healed);
    artifacts.ensure(&digest).unwrap();
}

#[test]
fn a_copy_and_a_check_end_when_they_are_told() {
    let fixture = Fixture::new();
    let file = fixture.folder.path().join("file");
    fs::write(&file, vec![7; 8 << 20]).unwrap();
    let blocks = std::sync::atomic::AtomicU32::new(0);
    let two = || blocks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2;
    let stopped = fixture.artifacts.import_file_while(&file, &two).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Unavailable, "{stopped}");
    assert_eq!(fixture.artifacts.store().list("artifacts/", None, 9).unwrap().entries.len(), 0);
    let digest = fixture.artifacts.import_file(&file).unwrap().digest;
    let mut fresh = fs::File::options().append(true).open(fixture.path(&digest)).unwrap();
    fresh.write_all(b"").unwrap();
    fs::File::options()
        .write(true)
        .open(fixture.path(&digest))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    assert!(fixture.artifacts.ensure_while(&digest, &|| false).is_err());
    fixture.artifacts.ensure_while(&digest, &|| true).unwrap();
}

#[test]
fn nobody_else_may_read_a_stores_files() {
    let fixture = Fixture::new();
    let store = fixture.artifacts.store();
    store.put("keys/a.json", b"{}", &PutOptions::default()).unwrap();
    store.put("keys/a.json", b"{ }", &PutOptions::default()).unwrap();
    store.put("capture/e/v/x.jsonl", b"{}", &PutOptions::absent()).unwrap();
    fixture.artifacts.put(b"rows").unwrap();
    let mut writer = fixture.artifacts.writer(None).unwrap();
    writer.write_all(b"more rows").unwrap();
    let root = fixture.folder.path().join("store");
    let mut seen = 0;
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700,
            "{}",
            folder.display()
        );
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", entry.path().display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 4);
}

#[test]
fn a_link_to_a_record_is_read_as_the_record() {
    let fixture = Fixture::new();
    let store = fixture.artifacts.store();
    store.put("endpoints/a.json", b"{}", &PutOptions::default()).unwrap();
    store.put("endpoints/b.json", b"{}", &PutOptions::default()).unwrap();
    let path = store.local().unwrap().path("endpoints/a.json").unwrap();
    let aside = fixture.folder.path().join("aside.json");
    fs::rename(&path, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &path).unwrap();
    let listed = || store.list("endpoints/", None, 9).unwrap().entries;
    let entry = listed().into_iter().find(|entry| entry.key == "endpoints/a.json").expect("it is listed");
    assert_eq!(entry.version, store.get("endpoints/a.json").unwrap().version);
    // A write takes the link's place, and leaves alone where it led.
    store.put("endpoints/a.json", b"{ }", &PutOptions::matches(entry.version)).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read(&aside).unwrap(), b"{}");
    // One that leads nowhere, or to a folder, is no object.
    for target in [fixture.folder.path().join("nowhere"), fixture.folder.path().to_owned()] {
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        assert_eq!(listed().len(), 1);
        assert_eq!(store.get("endpoints/a.json").unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn what_is_no_file_is_not_there_and_keeps_nobody_waiting() {
    let fixture = Fixture::new();
    let store = fixture.artifacts.store();
    let digest = fixture.artifacts.put(b"some bytes").unwrap().digest;
    store.put("runs/r/plan.json", b"{}", &PutOptions::default()).unwrap();
    let record = store.local().unwrap().path("runs/r/plan.json").unwrap();
    let pipe = |path: &Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let nowhere = |path: &Path| std::os::unix::fs::symlink("nowhere", path).unwrap();
    let folder = |path: &Path| fs::create_dir(path).unwrap();
    for make in [&pipe as &dyn Fn(&Path), &nowhere, &folder] {
        let path = fixture.path(&digest);
        for path in [&path, &record] {
            fs::remove_file(path).unwrap();
            make(path);
        }
        assert_eq!(store.get("runs/r/plan.json").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(fixture.artifacts.ensure(&digest).unwrap_err().kind(), ErrorKind::NotFound);
        let opened = fixture.artifacts.open(&digest).map(drop);
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::NotFound);
        // Nothing is made beside it, and a write takes its place.
        if !record.is_dir() {
            let refused = store.put("runs/r/plan.json", b"{}", &PutOptions::absent()).unwrap_err();
            assert!(refused.to_string().contains("is no file"), "{refused}");
        }
        assert!(fixture.artifacts.put(b"some bytes").unwrap().healed);
        fixture.artifacts.verify(&digest).unwrap();
        store.put("runs/r/plan.json", b"{}", &PutOptions::default()).unwrap();
        assert_eq!(store.get("runs/r/plan.json").unwrap().bytes, b"{}");
    }
}
