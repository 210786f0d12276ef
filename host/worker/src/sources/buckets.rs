//! Sources in buckets: `s3://BUCKET/KEY`, a folder's name, or a pattern.

use std::sync::Arc;

use millstream_core::{
    artifact::{Artifact, Digest, Parts},
    layout,
};
use millstream_store::{Artifacts, ErrorKind, Going, ObjectSource, PutOptions, SourceObject};

use super::{Error, media_type};
use crate::Home;

/// As the AWS SDKs write it.
const VERSION: &str = "?versionId=";

/// What to make of an object that was taken before in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Its artifact is good.
    Trusted,
    /// Its artifact is damaged: read it again.
    Doubted,
}

/// What a location names.
#[derive(Debug, PartialEq, Eq)]
enum Named<'a> {
    /// One object, or else what is in the folder of this name.
    Key(&'a str),
    /// One version of an object.
    Version(&'a str, &'a str),
    /// All below a folder. Ends with a slash, or is empty: the whole bucket.
    Folder(&'a str),
    /// All whose keys fit.
    Pattern(&'a str),
}

/// Takes the objects that `source`, `s3://` and then `location`, names into the store, by their keys.
pub(super) fn snapshot(
    home: &Home,
    source: &str,
    location: &str,
    known: Known,
    going: Going<'_>,
) -> Result<Parts, Error> {
    let refused = |why: String| Error::Object { source_text: source.to_owned(), why };
    let met = |error: millstream_store::Error| match error.kind() {
        ErrorKind::NotFound => refused(error.to_string()),
        _ => Error::Bucket { source_text: source.to_owned(), source: error },
    };
    let (bucket, rest) = location.split_once('/').unwrap_or((location, ""));
    if bucket.is_empty() || bucket.contains(['*', '?', '[']) {
        return Err(refused("write s3://BUCKET/KEY, with the whole name of the bucket".to_owned()));
    }
    let from = owner(home, bucket).map_err(met)?.ok_or_else(|| refused(unowned(home, bucket)))?;
    let objects = match named(rest) {
        Named::Version(key, version) => {
            from.find(bucket, key, Some(version)).map_err(met)?.into_iter().collect()
        }
        Named::Key(key) => match from.find(bucket, key, None).map_err(met)? {
            Some(object) => vec![object],
            None => below(&*from, bucket, &format!("{key}/")).map_err(met)?,
        },
        Named::Folder(folder) => below(&*from, bucket, folder).map_err(met)?,
        Named::Pattern(pattern) => {
            let glob = glob::Pattern::new(pattern)
                .map_err(|error| Error::Pattern { source_text: source.to_owned(), source: error })?;
            let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
            let mut fitting =
                below(&*from, bucket, pattern.split(['*', '?', '[']).next().unwrap_or("")).map_err(met)?;
            fitting.retain(|object| glob.matches_with(&object.key, options));
            fitting
        }
    };
    if objects.is_empty() {
        return Err(refused(format!("no object of bucket `{bucket}` ({}) matches", from.owner())));
    }
    tracing::debug!(source, objects = objects.len(), owner = from.owner(), "objects are read");
    let parts = objects
        .iter()
        .map(|object| part(home.artifacts(), &*from, bucket, object, known, going).map_err(met));
    Ok(Parts { parts: parts.collect::<Result<_, _>>()?, stages: Vec::new() })
}

fn named(rest: &str) -> Named<'_> {
    if let Some((key, version)) = rest.rsplit_once(VERSION).filter(|(_, version)| !version.is_empty()) {
        Named::Version(key, version)
    } else if rest.is_empty() || rest.ends_with('/') {
        Named::Folder(rest)
    } else if rest.contains(['*', '?', '[']) {
        Named::Pattern(rest)
    } else {
        Named::Key(rest)
    }
}

/// The first that has the bucket.
fn owner(home: &Home, bucket: &str) -> Result<Option<Arc<dyn ObjectSource>>, millstream_store::Error> {
    for buckets in home.buckets() {
        if buckets.has(bucket)? {
            return Ok(Some(Arc::clone(buckets)));
        }
    }
    Ok(None)
}

fn unowned(home: &Home, bucket: &str) -> String {
    let asked: Vec<&str> = home.buckets().iter().map(|buckets| buckets.owner()).collect();
    let asked = if asked.is_empty() { "nobody".to_owned() } else { asked.join(", ") };
    format!(
        "there is no bucket `{bucket}` (asked: {asked}); buckets of this home are made and filled through the S3 API of `millstream serve`, \
         and those of AWS take a binary that was built with AWS"
    )
}

/// All objects whose keys begin with `prefix`. Names that begin with a dot or an underscore, such as `_SUCCESS`, are not data, and
/// empty objects that stand for folders are none.
fn below(
    from: &dyn ObjectSource,
    bucket: &str,
    prefix: &str,
) -> Result<Vec<SourceObject>, millstream_store::Error> {
    let mut found = from.list(bucket, prefix)?;
    let folders = prefix.rfind('/').map_or(0, |at| at + 1);
    let mut passed_over = (0, None);
    found.retain(|object| {
        let is_data = !object.key[folders..].split('/').any(|name| name.starts_with(['.', '_']));
        if !is_data && object.size > 0 {
            passed_over = (passed_over.0 + 1, passed_over.1.take().or_else(|| Some(object.key.clone())));
        }
        is_data && !object.key.ends_with('/')
    });
    if let (count, Some(example)) = passed_over {
        tracing::warn!(
            bucket,
            count,
            example,
            "objects with a name that begins with `.` or `_` are not read; name one by its whole key to read it"
        );
    }
    Ok(found)
}

/// The object as an artifact. What was taken before, in the same state, is not read again.
fn part(
    artifacts: &Artifacts,
    from: &dyn ObjectSource,
    bucket: &str,
    object: &SourceObject,
    known: Known,
    going: Going<'_>,
) -> Result<Artifact, millstream_store::Error> {
    let state = format!(
        "{}\n{bucket}\n{}\n{}\n{}\n{}",
        from.owner(),
        object.key,
        object.etag,
        object.size,
        object.version_id.as_deref().unwrap_or_default()
    );
    let note = layout::object_taken(&Digest::of(state.as_bytes()));
    let before = if known == Known::Trusted { taken(artifacts, &note, object.size)? } else { None };
    let digest = match before {
        Some(digest) => digest,
        None => {
            let digest = from.import(bucket, object, artifacts, going)?;
            artifacts.store().put(&note, digest.to_string().as_bytes(), &PutOptions::default())?;
            digest
        }
    };
    let name = object.key.rsplit('/').next().unwrap_or_default().to_owned();
    let size = artifacts.size(&digest)?.unwrap_or(object.size);
    Ok(Artifact { media_type: media_type(&name).to_owned(), name, size, digest })
}

/// What an object in this state was, if that is here and as long.
fn taken(artifacts: &Artifacts, note: &str, size: u64) -> Result<Option<Digest>, millstream_store::Error> {
    let object = match artifacts.store().get(note) {
        Ok(object) => object,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(digest) = std::str::from_utf8(&object.bytes).ok().and_then(|text| text.parse::<Digest>().ok())
    else {
        return Ok(None);
    };
    Ok((artifacts.size(&digest)? == Some(size)).then_some(digest))
}

#[cfg(test)]
pub(super) mod tests {
    use std::{path::Path, sync::Mutex};

    use millstream_queue::{MemoryQueue, QueueOptions, SystemClock};
    use millstream_store::{Error as StoreError, MemoryStore, Result};

    use super::*;
    use crate::{home::HomeLocation, sources};

    pub fn home() -> Home {
        let clock = Arc::new(SystemClock);
        let queue = MemoryQueue::new(clock.clone(), QueueOptions { max_receive_count: 20 }).unwrap();
        Home::new(HomeLocation::of_folder("/h"), Arc::new(MemoryStore::new()), Arc::new(queue), clock)
    }

    /// A bucket in memory that counts what is read of it.
    #[derive(Default)]
    struct Kept {
        objects: Mutex<Vec<(String, String)>>,
        reads: Mutex<usize>,
        replaced: bool,
    }

    impl Kept {
        fn of(objects: &[(&str, &str)]) -> Self {
            let owned = objects.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
            let mut owned: Vec<_> = owned.collect();
            owned.sort();
            Self { objects: Mutex::new(owned), ..Self::default() }
        }
    }

    fn object(key: &str, text: &str) -> SourceObject {
        let etag = Digest::of(text.as_bytes()).to_string();
        SourceObject { key: key.to_owned(), size: text.len() as u64, etag, version_id: None }
    }

    impl ObjectSource for Kept {
        fn owner(&self) -> &str {
            "a test"
        }

        fn has(&self, bucket: &str) -> Result<bool> {
            Ok(bucket == "raw")
        }

        fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Result<Option<SourceObject>> {
            let version = version_id.map(str::to_owned);
            let found = self.list(bucket, key)?.into_iter().find(|object| object.key == key);
            Ok(found.map(|found| SourceObject { version_id: version, ..found }))
        }

        fn list(&self, _: &str, prefix: &str) -> Result<Vec<SourceObject>> {
            let objects = self.objects.lock().unwrap();
            let fitting = objects.iter().filter(|(key, _)| key.starts_with(prefix));
            Ok(fitting.map(|(key, text)| object(key, text)).collect())
        }

        fn import(
            &self,
            _: &str,
            object: &SourceObject,
            artifacts: &Artifacts,
            _: Going<'_>,
        ) -> Result<Digest> {
            *self.reads.lock().unwrap() += 1;
            if self.replaced {
                return Err(StoreError::new(
                    ErrorKind::PreconditionFailed,
                    "it was replaced while it was read",
                ));
            }
            let objects = self.objects.lock().unwrap();
            let (_, text) = objects.iter().find(|(key, _)| *key == object.key).unwrap();
            Ok(artifacts.put(text.as_bytes())?.digest)
        }
    }

    const OBJECTS: [(&str, &str); 8] = [
        ("in/", ""),
        ("in/a.csv", "x\n1\n"),
        ("in/b.csv", "x\n2\n"),
        ("in/.hidden.csv", "x\n3\n"),
        ("in/_SUCCESS", ""),
        ("in/day=1/c.csv", "x\n4\n"),
        ("in/day=1/_temporary/d.csv", "x\n5\n"),
        ("inner.csv", "x\n6\n"),
    ];

    fn names(home: &Home, source: &str) -> std::result::Result<Vec<String>, String> {
        let parts = sources::snapshot(home, Path::new("/"), source, &|| true);
        let parts = parts.map_err(|error| error.to_string())?;
        Ok(parts.parts.into_iter().map(|part| part.name).collect())
    }

    #[test]
    fn keys_folders_patterns_and_versions_are_read() {
        let home = home().reading(Arc::new(Kept::of(&OBJECTS)));
        for (source, expected) in [
            ("s3://raw/in/a.csv", &["a.csv"][..]),
            ("s3://raw/in/a.csv?versionId=7", &["a.csv"]),
            ("s3://raw/in/", &["a.csv", "b.csv", "c.csv"]),
            ("s3://raw/in", &["a.csv", "b.csv", "c.csv"]),
            ("s3://raw", &["a.csv", "b.csv", "c.csv", "inner.csv"]),
            ("s3://raw/in/*.csv", &["a.csv", "b.csv"]),
            ("s3://raw/in/**/*.csv", &["a.csv", "b.csv", "c.csv"]),
            ("s3://raw/in/day=*/*", &["c.csv"]),
        ] {
            assert_eq!(names(&home, source).unwrap(), expected, "{source}");
        }
        for (source, says) in [
            ("s3://raw/out/", "no object of bucket `raw` (a test) matches"),
            ("s3://raw/in/z.csv", "no object"),
            ("s3://other/in/a.csv", "there is no bucket `other` (asked: a test)"),
            ("s3://", "write s3://BUCKET/KEY"),
            ("s3://r*w/in/a.csv", "the whole name of the bucket"),
            ("s3://raw/in/[a.csv", "not a file pattern"),
        ] {
            let error = names(&home, source).unwrap_err();
            assert!(error.contains(says), "{source}: {error}");
        }
    }

    #[test]
    fn an_object_in_one_state_is_read_once() {
        let kept = Arc::new(Kept::of(&OBJECTS));
        let home = home().reading(kept.clone());
        for _ in 0..3 {
            names(&home, "s3://raw/in/a.csv").unwrap();
        }
        assert_eq!(*kept.reads.lock().unwrap(), 1);
        kept.objects.lock().unwrap()[3].1 = "x\n9\n".to_owned();
        assert_eq!(kept.objects.lock().unwrap()[3].0, "in/a.csv");
        let parts = sources::snapshot(&home, Path::new("/"), "s3://raw/in/a.csv", &|| true).unwrap().parts;
        assert_eq!((parts[0].digest, *kept.reads.lock().unwrap()), (Digest::of(b"x\n9\n"), 2));
    }

    #[test]
    fn what_is_replaced_meanwhile_may_be_read_again() {
        let home = home().reading(Arc::new(Kept { replaced: true, ..Kept::of(&OBJECTS) }));
        let error = sources::snapshot(&home, Path::new("/"), "s3://raw/in/a.csv", &|| true).unwrap_err();
        assert!(error.may_pass() && error.to_string().contains("replaced"), "{error}");
    }
}
