//! Objects in memory, with faults on demand: for tests and simulations.

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Condition, Entry, Error, ErrorKind, Looks, MAX_PAGE, Object, Page, PutOptions, Result, Scratch, Store,
    TempFile, Version, check_key, check_prefix, error::Detail,
};

/// A call of [`Store`], for injected faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `get`, and each part of `get_many`.
    Get,
    /// `get_range`.
    GetRange,
    /// `head`.
    Head,
    /// `put` and `put_file`.
    Put,
    /// `list`; the key is the prefix.
    List,
    /// `delete`.
    Delete,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Before it does anything.
    Before(ErrorKind),
    /// After it has taken effect: the answer is lost.
    After(ErrorKind),
}

type Faults = Box<dyn FnMut(Operation, &str) -> Option<Fault> + Send>;

/// A [`Store`] in memory. Clones are the same store, so that a simulated process can die and come back to it.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    objects: Mutex<BTreeMap<String, Object>>,
    versions: AtomicU64,
    faults: Mutex<Option<Faults>>,
    scratch: Scratch,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on asks `faults` at each call whether it fails, and how. Replaces an earlier one.
    pub fn inject(&self, faults: impl FnMut(Operation, &str) -> Option<Fault> + Send + 'static) {
        *lock(&self.0.faults) = Some(Box::new(faults));
    }

    /// No more faults.
    pub fn heal(&self) {
        *lock(&self.0.faults) = None;
    }

    /// Runs `act`, or has it fail.
    fn call<T>(&self, operation: Operation, key: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let fault = lock(&self.0.faults).as_mut().and_then(|faults| faults(operation, key));
        match fault {
            Some(Fault::Before(kind)) => Err(Detail::Injected { kind }.into()),
            Some(Fault::After(kind)) => act().and_then(|_| Err(Detail::Injected { kind }.into())),
            None => act(),
        }
    }

    fn with<T>(&self, key: &str, read: impl FnOnce(&Object) -> Result<T>) -> Result<T> {
        read(lock(&self.0.objects).get(key).ok_or_else(|| Error::not_found(key))?)
    }

    fn write(&self, key: &str, bytes: Vec<u8>, condition: &Condition) -> Result<Version> {
        let mut objects = lock(&self.0.objects);
        match (condition, objects.get(key)) {
            (Condition::Absent, Some(_)) => return Err(Detail::Exists { key: key.to_owned() }.into()),
            (Condition::Matches(expected), found) if found.is_none_or(|o| o.version != *expected) => {
                return Err(Detail::Changed { key: key.to_owned(), expected: expected.to_string() }.into());
            }
            (_, None) => refuse_folders(&objects, key)?,
            (_, Some(_)) => {}
        }
        let version = Version(self.0.versions.fetch_add(1, Ordering::Relaxed).to_string());
        objects.insert(key.to_owned(), Object { bytes, version: version.clone() });
        Ok(version)
    }
}

/// No key is a folder of another: what holds in a file system holds here, so that simulations notice.
fn refuse_folders(objects: &BTreeMap<String, Object>, key: &str) -> Result<()> {
    let inside = format!("{key}/");
    let is_folder =
        objects.range(inside.clone()..).next().is_some_and(|(other, _)| other.starts_with(&inside));
    let in_object = key.match_indices('/').any(|(at, _)| objects.contains_key(&key[..at]));
    if is_folder || in_object {
        return Err(folder_clash(key));
    }
    Ok(())
}

pub(crate) fn folder_clash(key: &str) -> Error {
    Detail::InvalidKey {
        key: key.to_owned(),
        why: "one of the two, it and another key, is a folder of the other".into(),
    }
    .into()
}

/// A panic elsewhere leaves the maps whole: every change is one insertion or removal.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    fn get(&self, key: &str) -> Result<Object> {
        check_key(key)?;
        self.call(Operation::Get, key, || self.with(key, |object| Ok(object.clone())))
    }

    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        check_key(key)?;
        self.call(Operation::GetRange, key, || {
            self.with(key, |object| {
                let size = object.bytes.len() as u64;
                let range = checked_range(key, offset, len, size)?;
                Ok(object.bytes[range.start as usize..range.end as usize].to_vec())
            })
        })
    }

    fn head(&self, key: &str) -> Result<Entry> {
        check_key(key)?;
        self.call(Operation::Head, key, || self.with(key, |object| Ok(entry(key, object))))
    }

    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        check_key(key)?;
        self.call(Operation::Put, key, || self.write(key, bytes.to_vec(), &options.condition))
    }

    fn put_file(&self, key: &str, mut file: TempFile, options: &PutOptions) -> Result<Version> {
        check_key(key)?;
        self.call(Operation::Put, key, || {
            let path = file.path().to_owned();
            let mut bytes = Vec::new();
            file.rewind()
                .and_then(|()| file.read_to_end(&mut bytes))
                .map_err(|e| Error::io("read", &path, e))?;
            self.write(key, bytes, &options.condition)
        })
    }

    fn temp_file(&self) -> Result<TempFile> {
        self.0.scratch.file()
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        check_prefix(prefix)?;
        self.call(Operation::List, prefix, || {
            let limit = limit.clamp(1, MAX_PAGE);
            let objects = lock(&self.0.objects);
            let from = match start_after {
                Some(after) if after >= prefix => Bound::Excluded(after),
                _ => Bound::Included(prefix),
            };
            let mut matching = objects
                .range::<str, _>((from, Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(prefix))
                .map(|(key, object)| entry(key, object));
            let entries: Vec<Entry> = matching.by_ref().take(limit).collect();
            let next = matching.next().and_then(|_| entries.last().map(|e| e.key.clone()));
            Ok(Page { entries, next })
        })
    }

    fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.call(Operation::Delete, key, || {
            lock(&self.0.objects).remove(key);
            Ok(())
        })
    }

    fn looks(&self) -> Looks {
        Looks::LOCAL
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

fn entry(key: &str, object: &Object) -> Entry {
    Entry { key: key.to_owned(), size: object.bytes.len() as u64, version: object.version.clone() }
}

/// The part of an object of `size` bytes that a ranged read gives.
pub(crate) fn checked_range(key: &str, offset: u64, len: u64, size: u64) -> Result<std::ops::Range<u64>> {
    if offset >= size || len == 0 {
        return Err(Detail::InvalidRange { key: key.to_owned(), offset, len, size }.into());
    }
    Ok(offset..offset.saturating_add(len).min(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_after_the_act_hides_an_effect() {
        let store = MemoryStore::new();
        store.inject(|operation, key| {
            (operation == Operation::Put).then_some(match key {
                "before" => Fault::Before(ErrorKind::Unavailable),
                _ => Fault::After(ErrorKind::Unavailable),
            })
        });
        for key in ["before", "after"] {
            assert_eq!(
                store.put(key, b"x", &PutOptions::absent()).unwrap_err().kind(),
                ErrorKind::Unavailable
            );
        }
        assert_eq!(store.get("before").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(store.get("after").unwrap().bytes, b"x");
        store.heal();
        store.put("before", b"x", &PutOptions::absent()).unwrap();
    }
}
