//! Objects are put, copied and removed.

use s3s::{S3Request, S3Response, dto::*, s3_error};

use super::{Answered, Api, MOST, PAGE, said_sha256, source, trailers};
use crate::{
    ask,
    buckets::Buckets,
    checksums::{self, Algorithm, ExpectedSums},
    conditions::{ReadIf, WriteIf},
    fault,
    intake::{self, Intake},
    objects::New,
    record::{tag, time},
};

pub async fn put_object(api: &Api, request: S3Request<PutObjectInput>) -> Answered<PutObjectOutput> {
    let (trailers, sha256) = (trailers(&request), said_sha256(&request));
    let headers = request.headers;
    let mut input = request.input;
    let described = ask::put(&input)?;
    let expected = ExpectedSums::of(
        &headers,
        sums!(input),
        input.checksum_algorithm.as_ref(),
        input.content_md5.as_deref(),
    )?;
    let expected = ExpectedSums { sha256, ..expected };
    let condition = WriteIf { matches: input.if_match.take(), none_match: input.if_none_match.take() };
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let (asked, early) = ((bucket.clone(), key.clone()), condition.clone());
    // Before the body comes: what is refused for its head need not be sent.
    let early = api.run(move |buckets| {
        buckets.check_writable(&asked.0)?;
        Buckets::place(&asked.0, &asked.1)?;
        if early.is_some() {
            early.check(buckets.find(&asked.0, &asked.1)?.as_ref().map(|there| there.etag.as_str()))?;
        }
        Ok(())
    });
    early.await?;
    let _place = api.place()?;
    let store = api.buckets.store().clone();
    let (file, found) =
        intake::receive(store, input.body.take(), input.content_length, MOST, expected, trailers).await?;
    let new = New::whole(&found, described, "Put");
    let record = api.run(move |buckets| buckets.put(&bucket, &key, file, &new, &condition)).await?;
    let sums = checksums::told(&record.sums);
    Ok(S3Response::new(PutObjectOutput {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        e_tag: Some(tag(&record.etag)),
        ..PutObjectOutput::default()
    }))
}

pub async fn delete_object(api: &Api, request: S3Request<DeleteObjectInput>) -> Answered<DeleteObjectOutput> {
    let input = request.input;
    ask::check_version(input.version_id.as_deref())?;
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(fault::not_offered("deleting by size or time (x-amz-if-match-*)"));
    }
    let condition = WriteIf { matches: input.if_match, none_match: None };
    let (bucket, key) = (input.bucket, input.key);
    let deleted = api.run(move |buckets| {
        buckets.check_writable(&bucket)?;
        buckets.delete(&bucket, &key, &condition)
    });
    deleted.await?;
    Ok(S3Response::with_status(DeleteObjectOutput::default(), http::StatusCode::NO_CONTENT))
}

pub async fn delete_objects(
    api: &Api,
    request: S3Request<DeleteObjectsInput>,
) -> Answered<DeleteObjectsOutput> {
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    if delete.objects.len() > PAGE as usize {
        return Err(s3_error!(MalformedXML, "No more than {PAGE} keys can be deleted at once"));
    }
    let quiet = delete.quiet == Some(true);
    let done = api.run(move |buckets| {
        buckets.check_writable(&bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for one in delete.objects {
            let matches = one.e_tag.map(ETagCondition::ETag);
            let condition = WriteIf { matches, none_match: None };
            let done = ask::check_version(one.version_id.as_deref())
                .and_then(|()| buckets.delete(&bucket, &one.key, &condition));
            match done {
                Ok(()) => deleted.push(DeletedObject { key: Some(one.key), ..DeletedObject::default() }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(one.key),
                    message: error.message().map(str::to_owned),
                    version_id: one.version_id,
                }),
            }
        }
        Ok((deleted, errors))
    });
    let (deleted, errors) = done.await?;
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..DeleteObjectsOutput::default()
    }))
}

pub async fn copy_object(api: &Api, request: S3Request<CopyObjectInput>) -> Answered<CopyObjectOutput> {
    let condition = WriteIf::of(&request.headers)?;
    let input = request.input;
    ask::check_copy(&input)?;
    let (from_bucket, from_key) = source(&input.copy_source)?;
    let replaces = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => false,
        Some(MetadataDirective::REPLACE) => true,
        Some(_) => return Err(s3_error!(InvalidArgument, "Unknown metadata directive.")),
    };
    let described = replaces.then(|| ask::copy(&input)).transpose()?;
    let algorithm = input.checksum_algorithm.as_ref().map(|one| Algorithm::of(one.as_str())).transpose()?;
    let read = ReadIf {
        matches: input.copy_source_if_match,
        none_match: input.copy_source_if_none_match,
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    let (bucket, key) = (input.bucket, input.key);
    let copied = api.run(move |buckets| {
        buckets.check_writable(&bucket)?;
        if (&from_bucket, &from_key) == (&bucket, &key) && !replaces {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing its metadata."
            ));
        }
        let opened = buckets.open(&from_bucket, &from_key)?;
        read.check_source(&opened.record.etag, opened.record.modified_second())?;
        let algorithms = match algorithm {
            Some(algorithm) => vec![algorithm],
            None => ExpectedSums { announced: opened.record.sums.keys().copied().collect(), ..ExpectedSums::default() }.algorithms(),
        };
        let mut intake = Intake::new(&**buckets.store(), &algorithms, false)?;
        let whole = 0..opened.record.size;
        intake.read(opened.outlet.reader(whole)).map_err(|error| fault::of_io(&error))?;
        let (file, found) = intake.finish()?;
        let new = New::whole(&found, described.unwrap_or(opened.record.headers), "Copy");
        buckets.put(&bucket, &key, file, &new, &condition)
    });
    let record = copied.await?;
    let sums = checksums::told(&record.sums);
    let result = CopyObjectResult {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        e_tag: Some(tag(&record.etag)),
        last_modified: Some(time(record.sequence / 1000)),
    };
    Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
}
