//! A cargo command, run again whenever a source changes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::run::{cargo, root, say, target_dir};

/// How often the files are looked at. A look at the whole workspace takes some milliseconds.
const PAUSE: Duration = Duration::from_millis(500);

/// What is run if nothing else is asked for.
const DEFAULT: [&str; 4] = ["check", "--release", "--workspace", "--tests"];

/// Runs `cargo ARGS` now and after every change, until it is stopped.
pub fn watch(args: &[String]) -> anyhow::Result<()> {
    let args: Vec<&str> =
        if args.is_empty() { DEFAULT.to_vec() } else { args.iter().map(String::as_str).collect() };
    let root = root();
    let target = target_dir();
    let mut seen = BTreeMap::new();
    loop {
        let now = sources(&root, &target);
        if now == seen {
            thread::sleep(PAUSE);
            continue;
        }
        // As they are before the command: what changes while it runs counts as a change.
        seen = now;
        let began = Instant::now();
        let status = cargo().args(&args).status()?;
        let took = began.elapsed().as_secs_f64();
        let end = if status.success() { "passed" } else { "FAILED" };
        say(&format!("cargo {} {end} in {took:.1} s; waiting for a change", args.join(" ")));
    }
}

/// When each source was changed. Hidden folders and what is built are left out.
fn sources(root: &Path, target: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that goes while we look has nothing to see.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(facts) = entry.metadata() else { continue };
            if entry.file_name().to_string_lossy().starts_with('.') || path == target {
                continue;
            }
            if facts.is_dir() {
                folders.push(path);
            } else if let Ok(changed) = facts.modified() {
                found.insert(path, changed);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_changed_new_and_removed_sources_but_not_what_is_built() {
        let folder = std::env::temp_dir().join(format!("xtask-watch-{}", std::process::id()));
        let target = folder.join("target");
        for inside in ["src", "target", ".git"] {
            fs::create_dir_all(folder.join(inside)).unwrap();
        }
        fs::write(folder.join("src/a.rs"), "a").unwrap();
        let first = sources(&folder, &target);
        assert_eq!(first.keys().collect::<Vec<_>>(), [&folder.join("src/a.rs")]);

        fs::write(target.join("a.o"), "built").unwrap();
        fs::write(folder.join(".git/index"), "git").unwrap();
        assert_eq!(sources(&folder, &target), first);

        let later = SystemTime::now() + Duration::from_secs(5);
        fs::File::options().write(true).open(folder.join("src/a.rs")).unwrap().set_modified(later).unwrap();
        let changed = sources(&folder, &target);
        assert_ne!(changed, first);

        fs::write(folder.join("src/b.rs"), "b").unwrap();
        assert_eq!(sources(&folder, &target).len(), 2);
        fs::remove_file(folder.join("src/b.rs")).unwrap();
        assert_eq!(sources(&folder, &target), changed);
        fs::remove_dir_all(folder).unwrap();
    }
}
