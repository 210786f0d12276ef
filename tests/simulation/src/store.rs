//! The store as one process sees it: over a network, with misfortunes; and what must hold of every write, whoever makes it.

use std::{sync::Arc, time::Duration};

use millstream_core::layout;
use millstream_store::{
    Condition, Entry, Error, ErrorKind, Looks, Object, Page, PutOptions, Result, Store, TempFile, Version,
};

use crate::{baton::OUTSIDE, faults::Sabotage, oracle::is_misfortune, world::World};

/// For so long a stale listing or read does not show what was written.
const STALE: Duration = Duration::from_secs(10);

pub struct ProcessStore {
    pub world: Arc<World>,
    pub process: usize,
}

impl ProcessStore {
    /// A request there and back.
    fn call<T>(&self, what: &str, key: &str, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        let lost = || Error::new(ErrorKind::Unavailable, "the store is out of reach");
        if std::thread::panicking() {
            return Err(lost());
        }
        self.world.travel(self.process);
        if self.world.strikes("before", |faults| faults.before) {
            return Err(lost());
        }
        let done = effect();
        self.world.baton.note(|| {
            format!(
                "{what} {key} {}",
                done.as_ref().err().map_or("ok".to_owned(), |e| format!("{:?}", e.kind()))
            )
        });
        if self.world.chance(0.3) {
            self.world.travel(self.process);
        }
        if self.world.strikes("after", |faults| faults.after) {
            return Err(lost());
        }
        done
    }

    fn is_fresh(&self, key: &str) -> bool {
        let seen = self.world.seen();
        seen.written.get(key).is_some_and(|(at, _)| self.world.baton.now().saturating_sub(*at) < STALE)
    }

    fn hides(&self, key: &str) -> bool {
        self.world.has(Sabotage::StaleReads)
            && key.starts_with(layout::RUNS)
            && self.is_fresh(key)
            && self.world.seen().written.get(key).is_some_and(|(_, who)| *who != self.process)
    }

    fn read<T>(&self, what: &str, key: &str, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        self.call(what, key, || {
            if self.hides(key) {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no object {key:?}")));
            }
            effect()
        })
    }

    fn write(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        let mut options = options.clone();
        if self.world.has(Sabotage::IgnoreAbsent) && options.condition == Condition::Absent {
            options.condition = Condition::Any;
        }
        if self.world.has(Sabotage::LoseWrites) && self.world.chance(0.05) {
            return Ok(Version::new("lost"));
        }
        let before = self.world.objects.get(key).ok();
        let written = self.world.objects.put(key, bytes, &options)?;
        if let Some(before) = before
            && layout::is_immutable(key)
            && before.bytes != bytes
        {
            self.world.baton.wrong(format!("{key} was changed once it was written"));
        }
        if key.contains("/failed/")
            && let Ok(record) = serde_json::from_slice(bytes)
            && is_misfortune(&record)
        {
            self.world.seen().disturbed = true;
        }
        let at = self.world.baton.now();
        self.world.seen().written.insert(key.to_owned(), (at, self.process));
        // What comes from outside nobody could make again; and what has just been made again is given up if it is damaged once more.
        if key.starts_with("artifacts/")
            && self.process != OUTSIDE
            && !self.world.seen().damaged.contains(key)
            && self.world.strikes("damage", |faults| faults.damage)
        {
            self.damage(key, bytes);
        }
        Ok(written)
    }

    /// What has just been written is lost, or its bytes change.
    fn damage(&self, key: &str, bytes: &[u8]) {
        self.world.seen().damaged.insert(key.to_owned());
        let done = if self.world.chance(0.5) {
            self.world.objects.delete(key)
        } else {
            let mut bytes = bytes.to_vec();
            bytes.push(b'!');
            self.world.objects.put(key, &bytes, &PutOptions::default()).map(drop)
        };
        done.expect("the store in memory takes it");
    }
}

impl Store for ProcessStore {
    fn get(&self, key: &str) -> Result<Object> {
        self.read("get", key, || self.world.objects.get(key))
    }

    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.read("get-range", key, || self.world.objects.get_range(key, offset, len))
    }

    fn head(&self, key: &str) -> Result<Entry> {
        self.read("head", key, || self.world.objects.head(key))
    }

    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        self.call("put", key, || self.write(key, bytes, options))
    }

    fn put_file(&self, _: &str, _: TempFile, _: &PutOptions) -> Result<Version> {
        Err(Error::new(ErrorKind::Unsupported, "there are no files in a simulation"))
    }

    fn temp_file(&self) -> Result<TempFile> {
        Err(Error::new(ErrorKind::Unsupported, "there are no files in a simulation"))
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.call("list", prefix, || {
            let mut page = self.world.objects.list(prefix, start_after, limit)?;
            if self.world.has(Sabotage::StaleLists) {
                page.entries.retain(|entry| !self.is_fresh(&entry.key));
            }
            Ok(page)
        })
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.call("delete", key, || {
            if layout::is_immutable(key) && self.world.objects.head(key).is_ok() {
                self.world.baton.wrong(format!("{key} was deleted"));
            }
            self.world.objects.delete(key)
        })
    }

    fn looks(&self) -> Looks {
        Looks::LOCAL
    }

    fn location(&self) -> String {
        "simulation".to_owned()
    }
}
