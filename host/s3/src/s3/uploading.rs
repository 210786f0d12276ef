//! Objects come in parts.

use std::time::UNIX_EPOCH;

use s3s::{S3Request, S3Response, S3Result, dto::*, s3_error};

use super::{Answered, Api, MOST, delimiter, most, said_sha256, source, trailers};
use crate::{
    answer::{self, Writing, owner, part},
    ask,
    checksums::{self, Algorithm, ExpectedSums},
    conditions::{ReadIf, WriteIf},
    fault,
    intake::{self, Intake},
    multipart::{Completing, MOST_PARTS, Named},
    outlet::Outlet,
    record::{Upload, tag, time},
};

pub async fn create_multipart_upload(
    api: &Api,
    request: S3Request<CreateMultipartUploadInput>,
) -> Answered<CreateMultipartUploadOutput> {
    let input = request.input;
    let described = ask::create(&input)?;
    let algorithm = input.checksum_algorithm.as_ref().map(|one| Algorithm::of(one.as_str())).transpose()?;
    let whole = match input.checksum_type.as_ref().map(ChecksumType::as_str) {
        Some(ChecksumType::FULL_OBJECT) => true,
        Some(_) => false,
        None => algorithm.is_none_or(|algorithm| !algorithm.is_of_parts()),
    };
    if whole != algorithm.is_none_or(|one| !one.is_of_parts())
        && matches!(algorithm, None | Some(Algorithm::Crc64Nvme | Algorithm::Sha1 | Algorithm::Sha256))
    {
        return Err(s3_error!(InvalidRequest, "The checksum type cannot be used with this algorithm."));
    }
    let begun = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let upload = Upload {
        key: input.key.clone(),
        begun: u64::try_from(begun.as_millis()).unwrap_or(u64::MAX),
        headers: described,
        algorithm,
        whole,
    };
    let bucket = input.bucket.clone();
    let id = api.run(move |buckets| buckets.begin(&bucket, &upload)).await?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: algorithm.map(Algorithm::dto),
        checksum_type: algorithm.map(|_| {
            ChecksumType::from_static(if whole { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE })
        }),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub async fn upload_part(api: &Api, request: S3Request<UploadPartInput>) -> Answered<UploadPartOutput> {
    let (trailers, sha256) = (trailers(&request), said_sha256(&request));
    let headers = request.headers;
    let input = request.input;
    if input.sse_customer_algorithm.is_some() {
        return Err(fault::not_offered(
            "encryption with keys of the client (x-amz-server-side-encryption-customer-*)",
        ));
    }
    let number = part_number(input.part_number)?;
    let expected = ExpectedSums::of(
        &headers,
        sums!(input),
        input.checksum_algorithm.as_ref(),
        input.content_md5.as_deref(),
    )?;
    let mut expected = ExpectedSums { sha256, ..expected };
    let (bucket, key, upload) = (input.bucket, input.key, input.upload_id);
    let asked = (bucket.clone(), key.clone(), upload.clone());
    let begun = api.run(move |buckets| {
        buckets.check_writable(&asked.0)?;
        buckets.upload(&asked.0, &asked.1, &asked.2)
    });
    expected.announced.extend(begun.await?.algorithm);
    let _place = api.place()?;
    let store = api.buckets.store().clone();
    let (file, found) =
        intake::receive(store, input.body, input.content_length, MOST, expected, trailers).await?;
    let taken = api.run(move |buckets| buckets.put_part(&bucket, &key, &upload, number, file, &found));
    let part = taken.await?;
    let sums = checksums::told(&part.sums);
    Ok(S3Response::new(UploadPartOutput {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        e_tag: Some(tag(&part.etag)),
        ..UploadPartOutput::default()
    }))
}

pub async fn upload_part_copy(
    api: &Api,
    request: S3Request<UploadPartCopyInput>,
) -> Answered<UploadPartCopyOutput> {
    let input = request.input;
    let number = part_number(input.part_number)?;
    let (from_bucket, from_key) = source(&input.copy_source)?;
    let range = input.copy_source_range.as_deref().map(Range::parse).transpose();
    let range = range.map_err(|_| {
        s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last")
    })?;
    let read = ReadIf {
        matches: input.copy_source_if_match,
        none_match: input.copy_source_if_none_match,
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    let (bucket, key, upload) = (input.bucket, input.key, input.upload_id);
    let copied = api.run(move |buckets| {
        buckets.check_writable(&bucket)?;
        let begun = buckets.upload(&bucket, &key, &upload)?;
        let opened = buckets.open(&from_bucket, &from_key)?;
        read.check_source(&opened.record.etag, opened.record.modified_second())?;
        let range = part(&opened.record, range.as_ref(), None)?.range;
        let announced: Vec<Algorithm> = begun.algorithm.into_iter().collect();
        let algorithms = ExpectedSums { announced, ..ExpectedSums::default() }.algorithms();
        let mut intake = Intake::new(&**buckets.store(), &algorithms, false)?;
        intake.read(Outlet::reader(&opened.outlet, range)).map_err(|error| fault::of_io(&error))?;
        let (file, found) = intake.finish()?;
        buckets.put_part(&bucket, &key, &upload, number, file, &found)
    });
    let part = copied.await?;
    let sums = checksums::told(&part.sums);
    let result = CopyPartResult {
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        e_tag: Some(tag(&part.etag)),
        last_modified: Some(time(part.modified)),
    };
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        ..UploadPartCopyOutput::default()
    }))
}

pub async fn complete_multipart_upload(
    api: &Api,
    request: S3Request<CompleteMultipartUploadInput>,
) -> Answered<CompleteMultipartUploadOutput> {
    let input = request.input;
    let expected = sums!(input);
    let condition = WriteIf { matches: input.if_match, none_match: input.if_none_match };
    let mut named = Vec::new();
    for one in input.multipart_upload.and_then(|parts| parts.parts).unwrap_or_default() {
        let number = one.part_number.ok_or_else(|| s3_error!(MalformedXML, "A part has no PartNumber"))?;
        let etag =
            one.e_tag.clone().ok_or_else(|| s3_error!(MalformedXML, "A part has no ETag"))?.into_value();
        named.push(Named { number: part_number(number)?, etag, sums: sums!(one) });
    }
    let (bucket, key, upload) = (input.bucket.clone(), input.key.clone(), input.upload_id);
    let size = input.mpu_object_size.and_then(|size| u64::try_from(size).ok());
    let completing = Completing { parts: named, sums: expected, size };
    let done = api.run(move |buckets| {
        buckets.check_writable(&bucket)?;
        buckets.complete(&bucket, &key, &upload, &completing, &condition)
    });
    let record = done.await?;
    let sums = checksums::told(&record.sums);
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        e_tag: Some(tag(&record.etag)),
        ..CompleteMultipartUploadOutput::default()
    }))
}

pub async fn abort_multipart_upload(
    api: &Api,
    request: S3Request<AbortMultipartUploadInput>,
) -> Answered<AbortMultipartUploadOutput> {
    let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
    let aborted = api.run(move |buckets| {
        buckets.check_writable(&bucket)?;
        buckets.upload(&bucket, &key, &upload_id)?;
        buckets.forget(&bucket, &upload_id)
    });
    aborted.await?;
    let output = AbortMultipartUploadOutput::default();
    Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
}

pub async fn list_parts(api: &Api, request: S3Request<ListPartsInput>) -> Answered<ListPartsOutput> {
    let ListPartsInput { bucket, key, max_parts, part_number_marker, upload_id, .. } = request.input;
    let (most, after) = (most(max_parts)?, part_number_marker.unwrap_or(0));
    let asked = (bucket.clone(), key.clone(), upload_id.clone());
    let found = api.run(move |buckets| {
        buckets.check(&asked.0)?;
        let upload = buckets.upload(&asked.0, &asked.1, &asked.2)?;
        Ok((upload, buckets.parts(&asked.0, &asked.2)?))
    });
    let (upload, mut parts) = found.await?;
    parts.retain(|(number, _)| *number > after);
    let more = parts.len() > most;
    parts.truncate(most);
    let next = parts.last().map(|(number, _)| *number);
    let parts = parts.into_iter().map(|(number, part)| {
        let sums = checksums::told(&part.sums);
        Part {
            part_number: Some(number),
            size: Some(answer::number(part.size)),
            e_tag: Some(tag(&part.etag)),
            last_modified: Some(time(part.modified)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
        }
    });
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(upload_id),
        checksum_algorithm: upload.algorithm.map(Algorithm::dto),
        is_truncated: Some(more),
        max_parts: Some(most as i32),
        next_part_number_marker: next.filter(|_| more),
        owner: Some(owner()),
        part_number_marker,
        parts: Some(parts.collect()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..ListPartsOutput::default()
    }))
}

pub async fn list_multipart_uploads(
    api: &Api,
    request: S3Request<ListMultipartUploadsInput>,
) -> Answered<ListMultipartUploadsOutput> {
    let input = request.input;
    if delimiter(input.delimiter).is_some() {
        return Err(fault::not_offered("a delimiter in a list of uploads"));
    }
    let (writing, most) = (Writing::of(input.encoding_type.as_ref())?, most(input.max_uploads)?);
    let bucket = input.bucket.clone();
    let mut uploads = api.run(move |buckets| buckets.uploads(&bucket)).await?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let marker = input.key_marker.clone().unwrap_or_default();
    let id_marker = input.upload_id_marker.clone();
    uploads.retain(|(id, upload)| {
        let after = match &id_marker {
            Some(id_marker) => (&upload.key, id) > (&marker, id_marker),
            None => marker.is_empty() || upload.key > marker,
        };
        after && upload.key.starts_with(&prefix)
    });
    let more = uploads.len() > most;
    uploads.truncate(most);
    let last = uploads.last().filter(|_| more).cloned();
    let uploads = uploads.into_iter().map(|(id, upload)| MultipartUpload {
        upload_id: Some(id),
        initiated: Some(time(upload.begun)),
        checksum_algorithm: upload.algorithm.map(Algorithm::dto),
        key: Some(writing.text(upload.key)),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..MultipartUpload::default()
    });
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        encoding_type: input.encoding_type,
        is_truncated: Some(more),
        key_marker: input.key_marker,
        max_uploads: Some(most as i32),
        next_key_marker: last.as_ref().map(|(_, upload)| writing.text(&upload.key)),
        next_upload_id_marker: last.map(|(id, _)| id),
        prefix: input.prefix.map(|prefix| writing.text(prefix)),
        upload_id_marker: input.upload_id_marker,
        uploads: Some(uploads.collect()),
        ..ListMultipartUploadsOutput::default()
    }))
}

fn part_number(number: i32) -> S3Result<i32> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(number);
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and {MOST_PARTS}, inclusive"))
}
