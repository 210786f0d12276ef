//! Listings: keys in the order of their bytes, those with a common prefix rolled up.

use std::collections::VecDeque;

use millstream_core::{layout, object_key, object_key::Place};
use millstream_store::MAX_PAGE;
use s3s::{S3Result, s3_error};

use crate::{
    buckets::{Buckets, parse},
    fault,
    objects::shown,
    record::Record,
    view::{Node, Seen, VirtualBucket},
};

/// What is listed.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub prefix: String,
    /// None rolls nothing up.
    pub delimiter: Option<String>,
    /// What comes after this key, or after all keys of this rolled-up prefix.
    pub after: String,
    /// Objects and rolled-up prefixes together.
    pub most: usize,
}

/// A part of a listing.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    pub objects: Vec<Record>,
    pub prefixes: Vec<String>,
    /// `after` for the next part; none after the last.
    pub next: Option<String>,
}

/// Keys in order, after some key.
trait Keys {
    type Key: AsRef<str>;

    /// The next key that begins with the prefix.
    fn next(&mut self) -> S3Result<Option<Self::Key>>;

    /// Passes over all keys that begin with this.
    fn skip(&mut self, prefix: &str);
}

impl Buckets {
    /// Lists a bucket.
    pub(crate) fn list(&self, bucket: &str, ask: &Ask) -> S3Result<Listed> {
        if let Some(view) = self.views.get(bucket) {
            let Rolled { objects, prefixes, next } = roll(&mut Shown::new(&**view, ask), ask)?;
            let objects =
                objects.into_iter().filter_map(|ShownKey(key, seen)| Some(shown(&key, seen?).0)).collect();
            return Ok(Listed { objects, prefixes, next });
        }
        self.check(bucket)?;
        let Rolled { objects: places, prefixes, next } = roll(&mut Kept::new(self, bucket, ask), ask)?;
        let mut objects = Vec::with_capacity(places.len());
        let mut unread = Vec::new();
        for place in places {
            match place.record {
                Some(record) => objects.push(*record),
                None => unread.push(place.place),
            }
        }
        let names: Vec<&str> = unread.iter().map(String::as_str).collect();
        for (place, read) in names.iter().zip(self.store().get_many(&names)) {
            match read {
                Ok(object) => objects.push(parse(place, &object.bytes)?),
                // Removed since it was listed.
                Err(error) if error.kind() == millstream_store::ErrorKind::NotFound => {}
                Err(error) => return Err(fault::of(&error)),
            }
        }
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(Listed { objects, prefixes, next })
    }
}

/// A part of a listing, before records are read.
struct Rolled<K> {
    objects: Vec<K>,
    prefixes: Vec<String>,
    next: Option<String>,
}

/// Goes through keys, rolls up, stops when there are enough and one more.
fn roll<K: Keys>(keys: &mut K, ask: &Ask) -> S3Result<Rolled<K::Key>> {
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    if ask.most == 0 {
        return Ok(Rolled { objects, prefixes, next: None });
    }
    let mut last: Option<String> = None;
    while let Some(key) = keys.next()? {
        let text = key.as_ref();
        let rolled = ask.delimiter.as_ref().and_then(|delimiter| {
            let rest = &text[ask.prefix.len()..];
            rest.find(delimiter.as_str()).map(|at| text[..ask.prefix.len() + at + delimiter.len()].to_owned())
        });
        if rolled.as_ref().is_some_and(|rolled| *rolled == ask.after) {
            // The listing goes on behind it.
            keys.skip(&ask.after);
            continue;
        }
        if objects.len() + prefixes.len() == ask.most {
            return Ok(Rolled { objects, prefixes, next: last });
        }
        match rolled {
            Some(rolled) => {
                keys.skip(&rolled);
                last = Some(rolled.clone());
                prefixes.push(rolled);
            }
            None => {
                last = Some(text.to_owned());
                objects.push(key);
            }
        }
    }
    Ok(Rolled { objects, prefixes, next: None })
}

/// An object's record, read or not.
struct KeptKey {
    key: String,
    place: String,
    /// Read already, for its key.
    record: Option<Box<Record>>,
}

impl AsRef<str> for KeptKey {
    fn as_ref(&self) -> &str {
        &self.key
    }
}

/// The keys of a bucket's objects.
struct Kept<'a> {
    buckets: &'a Buckets,
    prefix: &'a str,
    after: &'a str,
    /// Of all records of this bucket.
    root: String,
    /// Where the store's listing goes on; none at its end.
    cursor: Option<String>,
    found: VecDeque<KeptKey>,
    skipped: Option<String>,
}

impl<'a> Kept<'a> {
    fn new(buckets: &'a Buckets, bucket: &str, ask: &'a Ask) -> Self {
        let root = layout::objects(bucket);
        let cursor = Some(match ask.after.as_str() {
            "" => String::new(),
            after => format!("{root}{}", object_key::after(after)),
        });
        Self {
            buckets,
            prefix: &ask.prefix,
            after: &ask.after,
            root,
            cursor,
            found: VecDeque::new(),
            skipped: None,
        }
    }

    fn page(&mut self) -> S3Result<()> {
        let Some(cursor) = self.cursor.take() else { return Ok(()) };
        let prefix = format!("{}{}", self.root, object_key::prefix(self.prefix));
        let store = self.buckets.store();
        let page = store
            .list(&prefix, (!cursor.is_empty()).then_some(&cursor), MAX_PAGE)
            .map_err(|error| fault::of(&error))?;
        self.cursor = page.next;
        for entry in page.entries {
            match object_key::read(&entry.key[self.root.len()..]) {
                Some(Place::Key(key)) => {
                    self.found.push_back(KeptKey { key, place: entry.key, record: None });
                }
                Some(Place::Long(folder)) => {
                    self.long(&folder)?;
                    // All of them are read; what else this page has is listed again.
                    self.cursor = Some(format!("{}{}", self.root, object_key::past(&folder)));
                    return Ok(());
                }
                None => tracing::warn!(key = entry.key, "this is no object's record; it is not listed"),
            }
        }
        Ok(())
    }

    /// Long keys that begin alike: only their records say in which order they are.
    fn long(&mut self, folder: &str) -> S3Result<()> {
        let prefix = format!("{}{folder}", self.root);
        let mut all = Vec::new();
        for entry in millstream_store::entries(&**self.buckets.store(), &prefix) {
            let place = entry.map_err(|error| fault::of(&error))?.key;
            if let Some((record, _)) = self.buckets.read::<Record>(&place)? {
                all.push(KeptKey { key: record.key.clone(), place, record: Some(Box::new(record)) });
            }
        }
        all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.found.extend(all);
        Ok(())
    }
}

impl Keys for Kept<'_> {
    type Key = KeptKey;

    fn next(&mut self) -> S3Result<Option<KeptKey>> {
        loop {
            while let Some(found) = self.found.pop_front() {
                let skipped = self.skipped.as_ref().is_some_and(|skipped| found.key.starts_with(skipped));
                if !skipped && found.key.as_str() > self.after && found.key.starts_with(self.prefix) {
                    return Ok(Some(found));
                }
            }
            if self.cursor.is_none() {
                return Ok(None);
            }
            self.page()?;
        }
    }

    fn skip(&mut self, prefix: &str) {
        self.found.retain(|found| !found.key.starts_with(prefix));
        self.skipped = Some(prefix.to_owned());
        // Only where nothing else is at hand: what is must not be listed again.
        if let (true, Some(cursor)) = (self.found.is_empty(), &self.cursor) {
            let past = format!("{}{}", self.root, object_key::past(&object_key::prefix(prefix)));
            if past > *cursor && prefix.len() <= 256 {
                self.cursor = Some(past);
            }
        }
    }
}

/// The keys of a view, folder by folder.
struct Shown<'a> {
    view: &'a dyn VirtualBucket,
    ask: &'a Ask,
    /// What is still to come of the folders that are open, the innermost last; each in reverse order.
    open: Vec<Vec<(String, Option<Seen>)>>,
    begun: bool,
}

/// An object, or a folder that is rolled up as it is.
struct ShownKey(String, Option<Seen>);

impl AsRef<str> for ShownKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'a> Shown<'a> {
    fn new(view: &'a dyn VirtualBucket, ask: &'a Ask) -> Self {
        Self { view, ask, open: Vec::new(), begun: false }
    }

    fn enter(&mut self, path: &str) -> S3Result<()> {
        let nodes = self.view.folder(path).map_err(|error| s3_error!(InternalError, "{error}"))?;
        let mut all: Vec<(String, Option<Seen>)> = nodes
            .into_iter()
            .map(|node| match node {
                Node::Folder(name) => (format!("{path}{name}/"), None),
                Node::Object(name, seen) => (format!("{path}{name}"), Some(seen)),
            })
            .filter(|(key, seen)| self.is_wanted(key, seen.is_none()))
            .collect();
        all.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        self.open.push(all);
        Ok(())
    }

    /// Whether all that is in a folder is shown as its path.
    fn is_rolled_up(&self, path: &str) -> bool {
        let Ask { prefix, after, delimiter, .. } = self.ask;
        delimiter.as_deref() == Some("/")
            && path.len() > prefix.len()
            && path.starts_with(prefix.as_str())
            && !after.starts_with(path)
    }

    fn is_wanted(&self, key: &str, folder: bool) -> bool {
        let Ask { prefix, after, .. } = self.ask;
        if folder {
            (key.starts_with(prefix.as_str()) || prefix.starts_with(key))
                && (key > after.as_str() || after.starts_with(key))
        } else {
            key.starts_with(prefix.as_str()) && key > after.as_str()
        }
    }
}

impl Keys for Shown<'_> {
    type Key = ShownKey;

    fn next(&mut self) -> S3Result<Option<ShownKey>> {
        if !self.begun {
            self.begun = true;
            self.enter("")?;
        }
        while let Some(folder) = self.open.last_mut() {
            match folder.pop() {
                None => {
                    self.open.pop();
                }
                Some((key, Some(seen))) => return Ok(Some(ShownKey(key, Some(seen)))),
                // What is in it need not be looked at.
                Some((path, None)) if self.is_rolled_up(&path) => return Ok(Some(ShownKey(path, None))),
                Some((path, None)) => self.enter(&path)?,
            }
        }
        Ok(None)
    }

    fn skip(&mut self, prefix: &str) {
        for folder in &mut self.open {
            folder.retain(|(key, _)| !key.starts_with(prefix));
        }
    }
}

#[cfg(test)]
mod tests;
