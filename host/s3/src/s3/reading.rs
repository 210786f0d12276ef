//! Objects are looked at, read and listed.

use http::HeaderMap;
use s3s::{S3Request, S3Response, S3Result, dto::*};

use super::{Answered, Api, delimiter, most};
use crate::{
    answer::{self, Writing, part, read_token, token},
    ask,
    conditions::{ReadIf, Unmet, not_modified},
    fault,
    listing::{Ask, Listed},
    record::Record,
};

pub async fn list_objects(api: &Api, request: S3Request<ListObjectsInput>) -> Answered<ListObjectsOutput> {
    let ListObjectsInput { bucket, delimiter: by, encoding_type, marker, max_keys, prefix, .. } =
        request.input;
    let writing = Writing::of(encoding_type.as_ref())?;
    let by = delimiter(by);
    let ask = Ask {
        prefix: prefix.clone().unwrap_or_default(),
        delimiter: by.clone(),
        after: marker.clone().unwrap_or_default(),
        most: most(max_keys)?,
    };
    let max = ask.most as i32;
    let listed = list(api, bucket.clone(), ask).await?;
    let (contents, prefixes) = writing.listed(&listed, true);
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(bucket),
        prefix: Some(writing.text(prefix.unwrap_or_default())),
        marker: Some(writing.text(marker.unwrap_or_default())),
        max_keys: Some(max),
        is_truncated: Some(listed.next.is_some()),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: by.as_ref().map(|by| writing.text(by)),
        // Without a delimiter the last key says it, but to say it does no harm.
        next_marker: listed.next.map(|next| writing.text(next)),
        encoding_type,
        ..ListObjectsOutput::default()
    }))
}

pub async fn list_objects_v2(
    api: &Api,
    request: S3Request<ListObjectsV2Input>,
) -> Answered<ListObjectsV2Output> {
    let ListObjectsV2Input {
        bucket,
        continuation_token,
        delimiter: by,
        encoding_type,
        fetch_owner,
        max_keys,
        prefix,
        start_after,
        ..
    } = request.input;
    let writing = Writing::of(encoding_type.as_ref())?;
    let by = delimiter(by);
    let after = match &continuation_token {
        Some(token) => read_token(token)?,
        None => start_after.clone().unwrap_or_default(),
    };
    let ask = Ask {
        prefix: prefix.clone().unwrap_or_default(),
        delimiter: by.clone(),
        after,
        most: most(max_keys)?,
    };
    let max = ask.most as i32;
    let listed = list(api, bucket.clone(), ask).await?;
    let (contents, prefixes) = writing.listed(&listed, fetch_owner == Some(true));
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(bucket),
        prefix: Some(writing.text(prefix.unwrap_or_default())),
        max_keys: Some(max),
        key_count: Some((contents.len() + prefixes.len()) as i32),
        continuation_token,
        is_truncated: Some(listed.next.is_some()),
        next_continuation_token: listed.next.as_deref().map(token),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: by.map(|by| writing.text(by)),
        encoding_type,
        start_after: start_after.map(|after| writing.text(after)),
        ..ListObjectsV2Output::default()
    }))
}

pub async fn head_object(api: &Api, request: S3Request<HeadObjectInput>) -> Answered<HeadObjectOutput> {
    let headers = request.headers;
    let input = request.input;
    ask::check_version(input.version_id.as_deref())?;
    let condition = ReadIf {
        matches: input.if_match,
        none_match: input.if_none_match,
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    let (bucket, key) = (input.bucket, input.key);
    let found = api.run(move |buckets| match buckets.find(&bucket, &key)? {
        Some(record) => Ok(record),
        None => {
            buckets.check(&bucket)?;
            Err(fault::no_such_key())
        }
    });
    let record = found.await?;
    condition.check(&record.etag, record.modified_second()).map_err(|why| unfit(&record, why))?;
    let range = input.range.filter(|_| takes_range(&headers, &record));
    let part = part(&record, range.as_ref(), input.part_number)?;
    let sums = input.checksum_mode.is_some();
    Ok(S3Response::new(answer::head(&record, &part, sums)))
}

pub async fn get_object(api: &Api, request: S3Request<GetObjectInput>) -> Answered<GetObjectOutput> {
    let headers = request.headers;
    let input = request.input;
    ask::check_version(input.version_id.as_deref())?;
    let condition = ReadIf {
        matches: input.if_match,
        none_match: input.if_none_match,
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    let (bucket, key) = (input.bucket, input.key);
    let opened = api.run(move |buckets| buckets.open(&bucket, &key)).await?;
    let record = opened.record;
    condition.check(&record.etag, record.modified_second()).map_err(|why| unfit(&record, why))?;
    let range = input.range.filter(|_| takes_range(&headers, &record));
    let part = part(&record, range.as_ref(), input.part_number)?;
    let head = answer::head(&record, &part, input.checksum_mode.is_some());
    Ok(S3Response::new(answer::get(head, opened.outlet.stream(part.range))))
}

/// Lists where one may block.
async fn list(api: &Api, bucket: String, ask: Ask) -> S3Result<Listed> {
    api.run(move |buckets| buckets.list(&bucket, &ask)).await
}

/// `If-Range`: whether the range is taken, or the whole object.
fn takes_range(headers: &HeaderMap, record: &Record) -> bool {
    let Some(validator) = headers.get(http::header::IF_RANGE).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let date = Timestamp::parse(TimestampFormat::HttpDate, validator.trim()).ok();
    validator.trim() == format!("\"{}\"", record.etag)
        || date.is_some_and(|date| crate::conditions::seconds(&date) == record.modified_second())
}

fn unfit(record: &Record, unfit: Unmet) -> s3s::S3Error {
    match unfit {
        Unmet::NotModified => not_modified(&record.etag),
        Unmet::Changed => fault::precondition(),
    }
}
