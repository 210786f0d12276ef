//! Files of a folder that have come to rest: closed after writing, moved there, or unchanged for a while.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant, SystemTime},
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};

/// A file that nobody closes is taken as complete when it has not changed for so long.
const STABLE: Duration = Duration::from_secs(2);

/// A folder and all below it, watched.
pub struct Files {
    root: PathBuf,
    _watcher: RecommendedWatcher,
    events: Receiver<notify::Result<notify::Event>>,
    /// Files that may still be written, with how they were when last looked at, and since when.
    open: HashMap<PathBuf, (State, Instant)>,
}

/// A file as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

impl State {
    /// None if it is no regular file, or is gone.
    pub fn of(path: &Path) -> Option<Self> {
        let there = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self { size: there.len(), modified: there.modified().ok()? })
    }
}

impl Files {
    /// Watches `root`, which must be a folder.
    ///
    /// # Errors
    /// Why it cannot be watched.
    pub fn watch(root: &Path) -> Result<Self, String> {
        if !root.is_dir() {
            return Err("there is no such folder".to_owned());
        }
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(sender).map_err(|error| error.to_string())?;
        watcher.watch(root, RecursiveMode::Recursive).map_err(|error| error.to_string())?;
        Ok(Self { root: root.to_owned(), _watcher: watcher, events, open: HashMap::new() })
    }

    /// The files that have come to rest since the last call, in order of their names. Hidden ones are passed over.
    pub fn at_rest(&mut self) -> Vec<(PathBuf, State)> {
        let mut closed = HashSet::new();
        let mut all = Vec::new();
        let mut lost = false;
        for event in self.events.try_iter() {
            match event {
                Ok(event) => {
                    lost |= event.need_rescan();
                    all.push(event);
                }
                Err(error) => {
                    tracing::warn!(folder = %self.root.display(), %error, "what happened in it is not known; it is looked through");
                    lost = true;
                }
            }
        }
        for event in all {
            let done = matches!(
                event.kind,
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                    | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both))
            );
            let begun = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any);
            for path in event.paths {
                // A folder that came with files in it.
                let paths = if path.is_dir() {
                    if done || begun { below(&path) } else { Vec::new() }
                } else {
                    vec![path]
                };
                for path in paths.into_iter().filter(|path| !is_hidden(&self.root, path)) {
                    if done {
                        closed.insert(path);
                    } else if begun && let Some(state) = State::of(&path) {
                        self.open.insert(path, (state, Instant::now()));
                    }
                }
            }
        }
        if lost {
            for path in below(&self.root).into_iter().filter(|path| !is_hidden(&self.root, path)) {
                if let Some(state) = State::of(&path) {
                    self.open.entry(path).or_insert((state, Instant::now()));
                }
            }
        }
        let mut rest = Vec::new();
        self.open.retain(|path, (state, since)| {
            let Some(now) = State::of(path) else { return false };
            if closed.contains(path) {
                return false;
            }
            if now != *state {
                (*state, *since) = (now, Instant::now());
                return true;
            }
            if since.elapsed() < STABLE {
                return true;
            }
            rest.push((path.clone(), now));
            false
        });
        rest.extend(closed.into_iter().filter_map(|path| State::of(&path).map(|state| (path, state))));
        rest.sort_by(|a, b| a.0.cmp(&b.0));
        rest.dedup_by(|a, b| a.0 == b.0);
        rest
    }

    /// The files that are there now, hidden ones passed over.
    pub fn there(&self) -> Vec<(PathBuf, State)> {
        let mut all: Vec<(PathBuf, State)> = below(&self.root)
            .into_iter()
            .filter(|path| !is_hidden(&self.root, path))
            .filter_map(|path| State::of(&path).map(|state| (path, state)))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                // A link to a folder may lead back here.
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => files.push(entry.path()),
                Err(_) => {}
            }
        }
    }
    files
}

/// Whether it, or a folder on the way to it, has a name that begins with a dot.
fn is_hidden(root: &Path, path: &Path) -> bool {
    let inner = path.strip_prefix(root).unwrap_or(path);
    inner.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Looks until files have come to rest.
    fn wait(files: &mut Files) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let rest = files.at_rest();
            if !rest.is_empty() {
                return rest
                    .iter()
                    .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
                    .collect();
            }
            assert!(Instant::now() < deadline, "nothing came");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_file_counts_when_it_is_closed_moved_or_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("before.csv"), "x\n").unwrap();
        let mut files = Files::watch(folder.path()).unwrap();
        let at = |name: &str| folder.path().join(name);

        let mut open = fs::File::create(at("open.csv")).unwrap();
        open.write_all(b"x\n").unwrap();
        open.flush().unwrap();
        fs::write(at(".hidden"), "x\n").unwrap();
        assert_eq!(files.at_rest().len(), 0, "it is being written");
        open.write_all(b"1\n").unwrap();
        drop(open);
        assert_eq!(wait(&mut files), ["open.csv"]);

        fs::rename(at(".hidden"), at("moved.csv")).unwrap();
        assert_eq!(wait(&mut files), ["moved.csv"]);

        fs::create_dir(at("inner")).unwrap();
        fs::write(at("inner/deep.csv"), "x\n").unwrap();
        assert_eq!(wait(&mut files), ["deep.csv"]);

        // Nobody closes this one.
        let mut kept = fs::File::create(at("kept.csv")).unwrap();
        kept.write_all(b"x\n").unwrap();
        assert_eq!(wait(&mut files), ["kept.csv"]);
        let names: Vec<PathBuf> = files.there().into_iter().map(|(path, _)| path).collect();
        assert_eq!(names.len(), 5, "{names:?}");
    }
}
