//! Answers out of records.

use std::ops::Range;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{
    S3Error, S3Result,
    dto::{
        self, CommonPrefix, EncodingType, GetObjectOutput, HeadObjectOutput, Object, ObjectStorageClass,
        Owner,
    },
    s3_error,
};

use crate::{
    checksums,
    listing::Listed,
    record::{Record, tag, time},
};

/// S3's default.
const CONTENT_TYPE: &str = "binary/octet-stream";
/// What is left as it is in listings that are encoded.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// A part of an object, as it was asked for.
#[derive(Clone, Debug)]
pub struct RequestedPart {
    pub range: Range<u64>,
    /// Such as `bytes 0-9/100`; none for the whole object.
    pub content_range: Option<String>,
    pub count: Option<i32>,
}

/// The part that a range or a part's number names.
///
/// # Errors
/// `InvalidRange`, `InvalidPart`.
pub fn part(record: &Record, range: Option<&dto::Range>, number: Option<i32>) -> S3Result<RequestedPart> {
    let size = record.size;
    let beyond = || {
        let mut error: S3Error =
            s3_error!(InvalidRange, "The requested range is not satisfiable: the object has {size} bytes.");
        let mut headers = http::HeaderMap::new();
        if let Ok(value) = format!("bytes */{size}").parse() {
            headers.insert(http::header::CONTENT_RANGE, value);
        }
        error.set_headers(headers);
        error
    };
    let count = (!record.parts.is_empty()).then_some(record.parts.len() as i32);
    let of = |range: Range<u64>, count| {
        let content_range =
            (!range.is_empty()).then(|| format!("bytes {}-{}/{size}", range.start, range.end - 1));
        RequestedPart { range, content_range, count }
    };
    match (range, number) {
        (Some(_), Some(_)) => {
            Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber query parameter"))
        }
        (Some(range), None) => {
            let range = range.check(size).map_err(|_| beyond())?;
            if range.is_empty() {
                return Err(beyond());
            }
            Ok(of(range, None))
        }
        (None, Some(number)) => {
            let index = usize::try_from(number - 1).ok();
            let sizes =
                if record.parts.is_empty() { std::slice::from_ref(&record.size) } else { &record.parts[..] };
            let index = index
                .filter(|index| *index < sizes.len())
                .ok_or_else(|| s3_error!(InvalidPart, "The requested part {number} does not exist"))?;
            let start: u64 = sizes[..index].iter().sum();
            Ok(of(start..start + sizes[index], count))
        }
        (None, None) => Ok(RequestedPart { range: 0..size, content_range: None, count: None }),
    }
}

/// What is told of an object; checksums only if they were asked for.
pub fn head(record: &Record, part: &RequestedPart, sums: bool) -> HeadObjectOutput {
    let described = &record.headers;
    let sums = match sums && part.content_range.is_none() {
        true => checksums::told(&record.sums),
        false => dto::Checksum::default(),
    };
    HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: described.cache_control.clone(),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        content_disposition: described.content_disposition.clone(),
        content_encoding: described.content_encoding.clone(),
        content_language: described.content_language.clone(),
        content_length: Some(number(part.range.end - part.range.start)),
        content_range: part.content_range.clone(),
        content_type: Some(described.content_type.clone().unwrap_or_else(|| CONTENT_TYPE.to_owned())),
        e_tag: Some(tag(&record.etag)),
        expires: described
            .expires
            .map(|second| time(u64::try_from(second).unwrap_or(0).saturating_mul(1000))),
        last_modified: Some(time(record.modified_second() * 1000)),
        metadata: (!described.metadata.is_empty()).then(|| described.metadata.clone().into_iter().collect()),
        parts_count: part.count,
        ..HeadObjectOutput::default()
    }
}

/// The same with the bytes.
pub fn get(head: HeadObjectOutput, body: dto::StreamingBlob) -> GetObjectOutput {
    GetObjectOutput {
        accept_ranges: head.accept_ranges,
        body: Some(body),
        cache_control: head.cache_control,
        checksum_crc32: head.checksum_crc32,
        checksum_crc32c: head.checksum_crc32c,
        checksum_crc64nvme: head.checksum_crc64nvme,
        checksum_sha1: head.checksum_sha1,
        checksum_sha256: head.checksum_sha256,
        checksum_type: head.checksum_type,
        content_disposition: head.content_disposition,
        content_encoding: head.content_encoding,
        content_language: head.content_language,
        content_length: head.content_length,
        content_range: head.content_range,
        content_type: head.content_type,
        e_tag: head.e_tag,
        expires: head.expires,
        last_modified: head.last_modified,
        metadata: head.metadata,
        parts_count: head.parts_count,
        ..GetObjectOutput::default()
    }
}

/// How texts of a listing are written: as they are, or encoded so that XML can hold any of them.
#[derive(Clone, Debug)]
pub struct Writing(bool);

impl Writing {
    pub fn of(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some(EncodingType::URL) => Ok(Self(true)),
            Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
        }
    }

    pub fn text(&self, text: impl Into<String>) -> String {
        let text = text.into();
        if self.0 { utf8_percent_encode(&text, PLAIN).to_string() } else { text }
    }

    /// Objects and rolled-up prefixes of a listing.
    pub fn listed(&self, listed: &Listed, owner: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
        let objects = listed.objects.iter().map(|record| Object {
            key: Some(self.text(&record.key)),
            size: Some(number(record.size)),
            e_tag: Some(tag(&record.etag)),
            last_modified: Some(time(record.sequence / 1000)),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            owner: owner.then(self::owner),
            checksum_algorithm: (!record.sums.is_empty())
                .then(|| record.sums.keys().map(|one| one.dto()).collect()),
            checksum_type: checksums::told(&record.sums).checksum_type,
            ..Object::default()
        });
        let prefixes = listed.prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.text(prefix)) });
        (objects.collect(), prefixes.collect())
    }
}

/// Everything is one owner's.
pub fn owner() -> Owner {
    Owner { display_name: Some("millstream".to_owned()), id: Some("millstream".to_owned()) }
}

/// Where a listing goes on, for a client to give back.
pub fn token(after: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(after)
}

pub fn read_token(token: &str) -> S3Result<String> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

/// A size as S3's types have it.
pub fn number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
