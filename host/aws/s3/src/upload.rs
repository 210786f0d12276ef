//! Files become objects: in one request, or in parts side by side. No file is held in memory.

use std::path::Path;

use aws_sdk_s3::{
    operation::put_object::builders::PutObjectFluentBuilder,
    primitives::{ByteStream, Length},
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use millstream_aws::SendCount;
use millstream_store::{Condition, Error, ErrorKind, PutOptions, Result, Version};
use tokio::task::JoinSet;

use crate::{
    S3Store,
    error::WRITE,
    store::quoted,
    write::{Tried, WRITE_ID, WriteId},
};

/// Files from this size on go in parts.
const IN_PARTS: u64 = 16 << 20;
/// Size of a part, unless there would be more than [`MOST_PARTS`].
const PART: u64 = 8 << 20;
/// S3 takes that many.
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at once.
const SIDE_BY_SIDE: usize = 4;

/// An upload in parts.
struct Parts<'a> {
    store: &'a S3Store,
    /// As the store names it, and as the bucket does.
    key: &'a str,
    whole: &'a str,
    upload: String,
}

impl S3Store {
    pub(crate) fn put_request(
        &self,
        whole: &str,
        options: &PutOptions,
        body: ByteStream,
    ) -> PutObjectFluentBuilder {
        let (absent, matches) = conditions(&options.condition);
        let request = self.client().put_object().bucket(self.place().bucket()).key(whole).body(body);
        request.set_if_none_match(absent).set_if_match(matches)
    }

    pub(crate) async fn put_path(&self, key: &str, path: &Path, options: &PutOptions) -> Result<Version> {
        let whole = self.place().key(key)?;
        let size = tokio::fs::metadata(path).await.map_err(|error| unreadable(path, &error))?.len();
        self.write(key, &options.condition, |id, attempts| {
            let whole = &whole;
            async move {
                let tried = if size < IN_PARTS {
                    self.put_whole(key, whole, path, options, id, attempts).await
                } else {
                    self.put_parts(key, whole, (path, size), options, id, attempts).await
                };
                tried.unwrap_or_else(Tried::Failed)
            }
        })
        .await
    }

    async fn put_whole(
        &self,
        key: &str,
        whole: &str,
        path: &Path,
        options: &PutOptions,
        id: WriteId,
        attempts: SendCount,
    ) -> Result<Tried> {
        let body = ByteStream::from_path(path).await.map_err(|error| unreadable(path, &error))?;
        let request = self.put_request(whole, options, body).metadata(WRITE_ID, id.to_string());
        let answered = request.customize().interceptor(attempts).send().await;
        Ok(Tried::of(self, key, &options.condition, answered, |done| done.e_tag()))
    }

    async fn put_parts(
        &self,
        key: &str,
        whole: &str,
        (path, size): (&Path, u64),
        options: &PutOptions,
        id: WriteId,
        attempts: SendCount,
    ) -> Result<Tried> {
        let request = self.client().create_multipart_upload().bucket(self.place().bucket()).key(whole);
        let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32).metadata(WRITE_ID, id.to_string());
        let begun = request.send().await.map_err(|error| self.trouble(WRITE, key, &error))?;
        let Some(upload) = begun.upload_id else {
            return Err(Error::new(ErrorKind::Unavailable, "S3 gave no id for an upload in parts"));
        };
        let parts = Parts { store: self, key, whole, upload };
        let sent = match parts.send_all(path, size).await {
            Ok(sent) => sent,
            Err(error) => {
                parts.abort().await;
                return Err(error);
            }
        };
        let tried = parts.complete(sent, options, attempts).await;
        // What S3 has refused stays, and costs, until it is told.
        if !matches!(tried, Tried::Done(_)) {
            parts.abort().await;
        }
        Ok(tried)
    }
}

impl Parts<'_> {
    async fn send_all(&self, path: &Path, size: u64) -> Result<Vec<CompletedPart>> {
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let mut waiting = (0..size.div_ceil(part)).map(|nth| (nth, nth * part, part.min(size - nth * part)));
        let mut sending = JoinSet::new();
        let mut sent = Vec::new();
        loop {
            while sending.len() < SIDE_BY_SIDE
                && let Some((nth, offset, length)) = waiting.next()
            {
                let body = ByteStream::read_from().path(path).offset(offset).length(Length::Exact(length));
                let body = body.build().await.map_err(|error| unreadable(path, &error))?;
                let number = nth as i32 + 1;
                let request = self
                    .store
                    .client()
                    .upload_part()
                    .bucket(self.store.place().bucket())
                    .key(self.whole)
                    .upload_id(&self.upload)
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .part_number(number)
                    .body(body);
                sending.spawn(async move { (number, request.send().await) });
            }
            // Dropped after an error, those on their way are ended.
            let (number, answered) = match sending.join_next().await {
                None => break,
                Some(Ok(done)) => done,
                Some(Err(error)) => return Err(Error::new(ErrorKind::Unavailable, error.to_string())),
            };
            let done = answered.map_err(|error| self.store.trouble(WRITE, self.key, &error))?;
            let part = CompletedPart::builder().part_number(number);
            let part = part.set_e_tag(done.e_tag).set_checksum_crc32(done.checksum_crc32);
            sent.push(part.build());
        }
        sent.sort_by_key(|part| part.part_number);
        Ok(sent)
    }

    async fn complete(&self, sent: Vec<CompletedPart>, options: &PutOptions, attempts: SendCount) -> Tried {
        let (absent, matches) = conditions(&options.condition);
        let request = self
            .store
            .client()
            .complete_multipart_upload()
            .bucket(self.store.place().bucket())
            .key(self.whole)
            .upload_id(&self.upload)
            .set_if_none_match(absent)
            .set_if_match(matches)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(sent)).build());
        let answered = request.customize().interceptor(attempts).send().await;
        Tried::of(self.store, self.key, &options.condition, answered, |done| done.e_tag())
    }

    /// Parts that nobody completes are kept and billed until somebody says so. Where this fails, too, the bucket's lifecycle does.
    async fn abort(&self) {
        let request = self.store.client().abort_multipart_upload().bucket(self.store.place().bucket());
        if let Err(error) = request.key(self.whole).upload_id(&self.upload).send().await {
            tracing::debug!(key = self.key, %error, "an upload in parts is left behind");
        }
    }
}

/// `If-None-Match` and `If-Match`.
fn conditions(condition: &Condition) -> (Option<String>, Option<String>) {
    match condition {
        Condition::Any => (None, None),
        Condition::Absent => (Some("*".to_owned()), None),
        Condition::Matches(version) => (None, Some(quoted(version))),
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot read {}: {error}", path.display()))
}
