//! Listing: a walk through the folders in the order of keys.

use std::{fs, io, path::Path};

use super::{entry, is_absent};
use crate::{Entry, Error, Page, Result, check_key};

/// A page of the objects under `root`.
pub(super) fn page(root: &Path, prefix: &str, start_after: &str, limit: usize) -> Result<Page> {
    let folder = prefix.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut walk = Walk { prefix, start_after, limit, entries: Vec::new(), more: false };
    walk.folder(&root.join(&folder), &folder)?;
    let next = if walk.more { walk.entries.last().map(|e| e.key.clone()) } else { None };
    Ok(Page { entries: walk.entries, next })
}

struct Walk<'a> {
    prefix: &'a str,
    start_after: &'a str,
    limit: usize,
    entries: Vec<Entry>,
    /// The page is full, and there is more.
    more: bool,
}

impl Walk<'_> {
    /// Goes through the folder whose keys begin with `base`.
    fn folder(&mut self, path: &Path, base: &str) -> Result<()> {
        let mut keys = self.keys(path, base).map_err(|e| Error::io("list", path, e))?;
        // A folder's key ends in its slash, which sorts it where the keys inside it belong: `a-b`, `a/c`, `ab`.
        keys.sort_unstable();
        for key in keys {
            if self.more {
                break;
            }
            let at = path.join(&key[base.len()..]);
            if key.ends_with('/') {
                self.folder(&at, &key)?;
            } else if self.entries.len() == self.limit {
                self.more = true;
            } else {
                match fs::metadata(&at) {
                    Ok(metadata) => self.entries.push(entry(key, &metadata)),
                    // Deleted since the folder was read.
                    Err(e) if is_absent(&e) => {}
                    Err(e) => return Err(Error::io("look up", &at, e)),
                }
            }
        }
        Ok(())
    }

    /// The keys of files, and those of folders with a slash at the end, that may lead to entries of this page.
    fn keys(&self, path: &Path, base: &str) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        let entries = match fs::read_dir(path) {
            Err(e) if is_absent(&e) => return Ok(keys),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let kind = entry.file_type()?;
            let key = format!("{base}{name}{}", if kind.is_dir() { "/" } else { "" });
            let wanted = if kind.is_dir() {
                let after = key.as_str() > self.start_after || self.start_after.starts_with(&key);
                after && (key.starts_with(self.prefix) || self.prefix.starts_with(&key))
            } else {
                // A file that is no object of ours (somebody's notes) is not listed. A link to a file is: it can be read.
                let after = key.as_str() > self.start_after;
                let is_file = || {
                    kind.is_file()
                        || kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|at| at.is_file())
                };
                after && key.starts_with(self.prefix) && check_key(&key).is_ok() && is_file()
            };
            if wanted {
                keys.push(key);
            }
        }
        Ok(keys)
    }
}
