//! The trait over the SDK.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        get_object::{GetObjectError, builders::GetObjectFluentBuilder},
        head_object::HeadObjectOutput,
    },
    primitives::ByteStream,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use millstream_aws::{SdkConfig, block_on, custom_endpoint};
use millstream_store::{
    Entry, Error, ErrorKind, Network, Object, Page, PutOptions, Result, Scratch, Store, TempFile, Version,
    check_key,
};
use tokio::task::JoinSet;

use crate::{
    Place,
    error::{DELETE, Deed, LIST, READ, answer, is_absent, not_found},
    write::{Tried, WRITE_ID},
};

/// Objects that are read side by side.
const SIDE_BY_SIDE: usize = 32;
/// Tries of a body that breaks off, and the first wait between them. What fails before the body, the SDK tries again itself.
const BODIES: (u32, Duration) = (4, Duration::from_millis(50));
/// More bytes than an object can have.
const BEYOND: u64 = 1 << 50;

/// Objects in a bucket. Clones share connections.
#[derive(Clone)]
pub struct S3Store(Arc<Inner>);

struct Inner {
    client: Client,
    place: Place,
    region: Option<String>,
    network: Network,
    scratch: Scratch,
}

/// The state that an ETag names, with or without quotes.
pub(crate) fn version(e_tag: &str) -> Option<Version> {
    let tag = e_tag.trim_matches('"');
    (!tag.is_empty()).then(|| Version::new(tag))
}

/// An object's ETag and bytes, or why S3 refused them.
type Answered = std::result::Result<(Option<String>, bytes::Bytes), SdkError<GetObjectError, HttpResponse>>;

/// Reads what `request` asks for to its end. A body that breaks off is asked for again; `target` names it for people.
///
/// # Errors
/// `Unavailable` if it breaks off each time. A refusal is the caller's to explain.
pub(crate) async fn body(target: &str, request: &GetObjectFluentBuilder) -> Result<Answered> {
    let mut wait = BODIES.1;
    let mut nth = 1;
    loop {
        let found = match request.clone().send().await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        match found.body.collect().await {
            Ok(bytes) => return Ok(Ok((found.e_tag, bytes.into_bytes()))),
            Err(error) if nth < BODIES.0 => {
                tracing::debug!(target, %error, "a body broke off; it is read again");
                tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64())).await;
                (wait, nth) = (wait * 4, nth + 1);
            }
            Err(error) => {
                let message = format!("cannot read {target}: its body broke off {nth} times: {error}");
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
        }
    }
}

/// As conditions have it.
pub(crate) fn quoted(version: &Version) -> String {
    format!("\"{version}\"")
}

impl S3Store {
    /// The store at `place`. Asks nothing yet.
    pub fn new(config: &SdkConfig, place: Place) -> Self {
        let endpoint = custom_endpoint(config, "S3");
        // What is not AWS seldom has a name for each bucket.
        let settings = Builder::from(config).force_path_style(endpoint.is_some()).build();
        Self(Arc::new(Inner {
            client: Client::from_conf(settings),
            place,
            region: config.region().map(ToString::to_string),
            network: network(endpoint.as_deref()),
            scratch: Scratch::default(),
        }))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// The object's head, if it is there.
    pub(crate) async fn look(&self, key: &str) -> Result<Option<HeadObjectOutput>> {
        let request = self.client().head_object().bucket(self.place().bucket()).key(self.place().key(key)?);
        match request.send().await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.wordless(READ, key, &error).await),
        }
    }

    /// What went wrong with a request whose refusals have no words (HEAD): a listing that meets the same says more.
    pub(crate) async fn wordless<E>(&self, deed: Deed, key: &str, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if answer(error).is_some_and(|(status, _)| (300..500).contains(&status)) {
            let request = self.client().list_objects_v2().bucket(self.place().bucket()).max_keys(1);
            if let Err(said) = request.prefix(self.place().after(key)).send().await {
                return self.trouble(LIST, key, &said);
            }
        }
        self.trouble(deed, key, error)
    }

    async fn read(&self, key: &str, range: Option<String>) -> Result<Option<Object>> {
        let whole = self.place().key(key)?;
        let request = self.client().get_object().bucket(self.place().bucket()).key(&whole).set_range(range);
        match body(&format!("{}/{key}", self.place()), &request).await? {
            Ok((e_tag, bytes)) => {
                let version = e_tag.as_deref().and_then(version).unwrap_or_else(|| Version::new("none"));
                Ok(Some(Object { bytes: bytes.to_vec(), version }))
            }
            Err(error) if is_absent(&error) => Err(not_found(key)),
            Err(error) if answer(&error).is_some_and(|(status, _)| status == 416) => Ok(None),
            Err(error) => Err(self.trouble(READ, key, &error)),
        }
    }

    async fn read_all(&self, key: &str) -> Result<Object> {
        self.read(key, None).await?.ok_or_else(|| not_found(key))
    }

    async fn page(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        let request = self
            .client()
            .list_objects_v2()
            .bucket(self.place().bucket())
            .prefix(self.place().prefix(prefix)?)
            .set_start_after(start_after.map(|after| self.place().after(after)))
            .max_keys(limit.clamp(1, millstream_store::MAX_PAGE) as i32);
        let found = request.send().await.map_err(|error| self.trouble(LIST, prefix, &error))?;
        let mut page = Page::default();
        let mut last = None;
        for object in found.contents() {
            let Some(key) = object.key().and_then(|key| self.place().own(key)) else { continue };
            last = Some(key.to_owned());
            // What others have put under our prefix, and is no key of a store.
            if check_key(key).is_err() {
                continue;
            }
            let (Some(size), Some(version)) = (object.size(), object.e_tag().and_then(version)) else {
                continue;
            };
            page.entries.push(Entry { key: key.to_owned(), size: size.unsigned_abs(), version });
        }
        page.next = last.filter(|_| found.is_truncated() == Some(true));
        Ok(page)
    }

    async fn put_bytes(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        let whole = self.place().key(key)?;
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        self.write(key, &options.condition, |id, attempts| {
            let request = self.put_request(&whole, options, ByteStream::from(bytes.clone()));
            let request = request.metadata(WRITE_ID, id.to_string()).customize().interceptor(attempts);
            async move { Tried::of(self, key, &options.condition, request.send().await, |done| done.e_tag()) }
        })
        .await
    }

    /// Many objects at once, in order.
    async fn read_many(&self, keys: &[&str]) -> Vec<Result<Object>> {
        let mut found: Vec<Option<Result<Object>>> = keys.iter().map(|_| None).collect();
        let mut reading = JoinSet::new();
        let mut next = 0;
        loop {
            while next < keys.len() && reading.len() < SIDE_BY_SIDE {
                let (store, key, at) = (self.clone(), keys[next].to_owned(), next);
                reading.spawn(async move { (at, store.read_all(&key).await) });
                next += 1;
            }
            match reading.join_next().await {
                Some(Ok((at, object))) => found[at] = Some(object),
                Some(Err(error)) => tracing::warn!(%error, "a read ended early"),
                None => break,
            }
        }
        let lost = || Err(Error::new(ErrorKind::Unavailable, "a read ended early"));
        found.into_iter().map(|object| object.unwrap_or_else(lost)).collect()
    }
}

/// Ports that requests go to: AWS's, those of machines' and containers' credentials, names' over TCP, and the endpoint's own.
fn network(endpoint: Option<&str>) -> Network {
    let mut ports = vec![443, 80, 53];
    let port = endpoint.and_then(|url| -> Option<u16> {
        let host = url.split_once("://")?.1.split('/').next()?;
        host.rsplit_once(':')?.1.parse().ok()
    });
    ports.extend(port);
    Network {
        variables: millstream_aws::ENVIRONMENT.iter().map(|name| (*name).to_owned()).collect(),
        files: millstream_aws::files(),
        ports,
    }
}

impl Store for S3Store {
    fn get(&self, key: &str) -> Result<Object> {
        check_key(key)?;
        block_on(self.read_all(key))
    }

    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        check_key(key)?;
        let outside = || {
            let message = format!("bytes {offset} to {offset}+{len} are not inside object {key:?}");
            Error::new(ErrorKind::InvalidRange, message)
        };
        if len == 0 || offset >= BEYOND {
            block_on(self.look(key))?.ok_or_else(|| not_found(key))?;
            return Err(outside());
        }
        let last = offset.saturating_add(len - 1).min(BEYOND);
        let found = block_on(self.read(key, Some(format!("bytes={offset}-{last}"))))?;
        found.map(|object| object.bytes).ok_or_else(outside)
    }

    fn head(&self, key: &str) -> Result<Entry> {
        check_key(key)?;
        let found = block_on(self.look(key))?.ok_or_else(|| not_found(key))?;
        let version = found.e_tag().and_then(version);
        let (Some(size), Some(version)) = (found.content_length(), version) else {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("S3 says neither size nor ETag of {key:?}"),
            ));
        };
        Ok(Entry { key: key.to_owned(), size: size.unsigned_abs(), version })
    }

    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        check_key(key)?;
        block_on(self.put_bytes(key, bytes, options))
    }

    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Result<Version> {
        check_key(key)?;
        block_on(self.put_path(key, file.path(), options))
    }

    fn temp_file(&self) -> Result<TempFile> {
        self.0.scratch.file()
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        block_on(self.page(prefix, start_after, limit))
    }

    fn delete(&self, key: &str) -> Result<()> {
        let request = self.client().delete_object().bucket(self.place().bucket()).key(self.place().key(key)?);
        match block_on(request.send()) {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(self.trouble(DELETE, key, &error)),
        }
    }

    fn get_many(&self, keys: &[&str]) -> Vec<Result<Object>> {
        block_on(self.read_many(keys))
    }

    fn network(&self) -> Option<Network> {
        Some(self.0.network.clone())
    }

    fn location(&self) -> String {
        self.place().to_string()
    }
}
