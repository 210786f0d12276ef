//! S3's operations out of [`Buckets`]. What is not here answers `NotImplemented` with its name: that is what `s3s` does.

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use s3s::{S3, S3Request, S3Response, S3Result, TrailingHeaders, dto::*, s3_error};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task,
};

use crate::{
    answer::{owner, read_token, token},
    ask,
    buckets::Buckets,
    chunked::Trailers,
    fault,
    record::time,
};

/// The checksums that a request's type holds.
macro_rules! sums {
    ($input:expr) => {
        $crate::checksums::given(&s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            checksum_type: None,
        })
    };
}

mod reading;
mod uploading;
mod writing;

/// Most bytes of a body and of a part, as in S3.
const MOST: u64 = 5 << 30;
/// Most of what a listing has at once, as in S3.
const PAGE: i32 = 1000;

/// The SHA-256 that a body is said to have, where nobody checks signatures.
#[derive(Clone, Debug)]
pub struct SaidSha256(pub String);

/// Uploads under way at once: each holds a thread where one may block.
const UPLOADS: usize = 128;

/// The operations.
pub struct Api {
    buckets: Arc<Buckets>,
    uploads: Semaphore,
}

type Answered<T> = S3Result<S3Response<T>>;

impl Api {
    pub fn new(buckets: Arc<Buckets>) -> Self {
        Self { buckets, uploads: Semaphore::new(UPLOADS) }
    }

    /// A place among those who send bodies.
    fn place(&self) -> S3Result<SemaphorePermit<'_>> {
        self.uploads.try_acquire().map_err(|_| {
            s3_error!(SlowDown, "There are {UPLOADS} uploads under way, as many as there may be. Try again.")
        })
    }

    /// Does what may block where it may.
    async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Buckets) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let buckets = self.buckets.clone();
        let done = task::spawn_blocking(move || act(&buckets)).await;
        done.map_err(|error| s3_error!(InternalError, "{error}"))?
    }
}

/// Trailers of a body, whoever reads it.
fn trailers<T>(request: &S3Request<T>) -> impl FnOnce() -> Option<HeaderMap> + use<T> {
    let (signed, open): (Option<TrailingHeaders>, Option<Trailers>) =
        (request.trailing_headers.clone(), request.extensions.get().cloned());
    move || signed.and_then(|signed| signed.take()).or_else(|| open?.take())
}

fn said_sha256<T>(request: &S3Request<T>) -> Option<String> {
    request.extensions.get::<SaidSha256>().map(|said| said.0.clone())
}

fn most(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.unwrap_or(PAGE);
    usize::try_from(asked.min(PAGE))
        .map_err(|_| s3_error!(InvalidArgument, "A number of entries must not be less than 0"))
}

/// An empty delimiter is none.
fn delimiter(given: Option<String>) -> Option<String> {
    given.filter(|text| !text.is_empty())
}

/// The object that a copy is made of.
fn source(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => {
            ask::check_version(version_id.as_deref())?;
            Ok((bucket.to_string(), key.to_string()))
        }
        _ => Err(fault::not_offered("a source that is an access point")),
    }
}

#[async_trait]
impl S3 for Api {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answered<CreateBucketOutput> {
        ask::check_bucket(&request.input)?;
        let bucket = request.input.bucket;
        let location = format!("/{bucket}");
        let made = self.run(move |buckets| buckets.create(&bucket)).await?;
        if !made {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "There is a bucket of this name already"));
        }
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answered<HeadBucketOutput> {
        let bucket = request.input.bucket;
        self.run(move |buckets| buckets.check(&bucket)).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> Answered<DeleteBucketOutput> {
        let bucket = request.input.bucket;
        self.run(move |buckets| buckets.delete_bucket(&bucket)).await?;
        Ok(S3Response::with_status(DeleteBucketOutput::default(), http::StatusCode::NO_CONTENT))
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> Answered<ListBucketsOutput> {
        let ListBucketsInput { prefix, continuation_token, max_buckets, .. } = request.input;
        let after = continuation_token.as_deref().map(read_token).transpose()?;
        let most = usize::try_from(max_buckets.unwrap_or(i32::MAX)).unwrap_or(0);
        let may = self.run(Buckets::all).await?;
        let begin = prefix.clone().unwrap_or_default();
        let mut wanted: Vec<(String, u64)> = may
            .into_iter()
            .filter(|(name, _)| name.starts_with(&begin) && after.as_ref().is_none_or(|after| name > after))
            .collect();
        let more = wanted.len() > most;
        wanted.truncate(most);
        let next = wanted.last().filter(|_| more).map(|(name, _)| token(name));
        let buckets = wanted.into_iter().map(|(name, created)| Bucket {
            name: Some(name),
            creation_date: Some(time(created)),
            ..Bucket::default()
        });
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            continuation_token: next,
            owner: Some(owner()),
            prefix,
        }))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answered<GetBucketLocationOutput> {
        let bucket = request.input.bucket;
        self.run(move |buckets| buckets.check(&bucket)).await?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> Answered<ListObjectsOutput> {
        reading::list_objects(self, request).await
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answered<ListObjectsV2Output> {
        reading::list_objects_v2(self, request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answered<HeadObjectOutput> {
        reading::head_object(self, request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answered<GetObjectOutput> {
        reading::get_object(self, request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answered<PutObjectOutput> {
        writing::put_object(self, request).await
    }

    async fn post_object(&self, _request: S3Request<PostObjectInput>) -> Answered<PostObjectOutput> {
        Err(fault::not_offered("upload by a form (PostObject)"))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answered<DeleteObjectOutput> {
        writing::delete_object(self, request).await
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answered<DeleteObjectsOutput> {
        writing::delete_objects(self, request).await
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answered<CopyObjectOutput> {
        writing::copy_object(self, request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answered<CreateMultipartUploadOutput> {
        uploading::create_multipart_upload(self, request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answered<UploadPartOutput> {
        uploading::upload_part(self, request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> Answered<UploadPartCopyOutput> {
        uploading::upload_part_copy(self, request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answered<CompleteMultipartUploadOutput> {
        uploading::complete_multipart_upload(self, request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answered<AbortMultipartUploadOutput> {
        uploading::abort_multipart_upload(self, request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answered<ListPartsOutput> {
        uploading::list_parts(self, request).await
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answered<ListMultipartUploadsOutput> {
        uploading::list_multipart_uploads(self, request).await
    }
}
