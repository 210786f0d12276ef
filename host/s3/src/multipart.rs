//! Multipart uploads.

use std::collections::BTreeMap;

use millstream_core::layout;
use millstream_store::{Condition, Entry, PutOptions, TempFile, entries};
use s3s::{S3ErrorCode, S3Result, s3_error};

use crate::{
    buckets::Buckets,
    checksums::{self, Algorithm, Found, Sums, hex},
    conditions::WriteIf,
    fault,
    intake::Intake,
    objects::New,
    outlet::Outlet,
    record::{PartRecord, Record, Upload},
};

/// S3's limits: parts are counted from 1 to this, and all but the last have this many bytes.
pub const MOST_PARTS: i32 = 10_000;
const LEAST_PART: u64 = 5 << 20;
/// How often somebody else may come first.
const TRIES: usize = 100;

/// A part that the client says belongs to the object.
#[derive(Clone, Debug)]
pub struct Named {
    pub number: i32,
    pub etag: String,
    pub sums: Sums,
}

/// What the client says of the whole object.
#[derive(Clone, Debug)]
pub struct Completing {
    pub parts: Vec<Named>,
    pub sums: Sums,
    /// Bytes.
    pub size: Option<u64>,
}

impl Buckets {
    /// Begins an upload, and names it.
    pub(crate) fn begin(&self, bucket: &str, upload: &Upload) -> S3Result<String> {
        self.check_writable(bucket)?;
        Self::place(bucket, &upload.key)?;
        let id = self.id();
        self.write(&layout::object_upload(bucket, &id), upload, &PutOptions::absent())?;
        Ok(id)
    }

    /// An upload that is under way.
    ///
    /// # Errors
    /// `NoSuchUpload`.
    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
        let upload = match is_id(id) {
            true => self.read::<Upload>(&layout::object_upload(bucket, id))?,
            false => None,
        };
        upload.map(|(upload, _)| upload).filter(|upload| upload.key == key).ok_or_else(fault::no_such_upload)
    }

    /// Takes a part, in the place of an earlier one of that number.
    pub(crate) fn put_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: i32,
        file: TempFile,
        found: &Found,
    ) -> S3Result<PartRecord> {
        let id = self.id();
        let bytes = layout::object_bytes(bucket, &id);
        self.store().put_file(&bytes, file, &PutOptions::absent()).map_err(|error| fault::of(&error))?;
        let part = PartRecord {
            id,
            size: found.size,
            etag: hex(&found.md5),
            modified: self.now() / 1000,
            sums: found.sums.clone(),
        };
        let place = layout::object_part(bucket, upload, number as u32);
        self.put_part_record(bucket, &place, &part)?;
        if let Err(error) = self.upload(bucket, key, upload) {
            // It was completed or aborted meanwhile, by somebody who did not see this part.
            if error.code() == &S3ErrorCode::NoSuchUpload {
                self.remove(&place);
                self.remove(&bytes);
            }
            return Err(error);
        }
        Ok(part)
    }

    fn put_part_record(&self, bucket: &str, place: &str, part: &PartRecord) -> S3Result<()> {
        for _ in 0..TRIES {
            let old = self.read::<PartRecord>(place)?;
            let condition = match &old {
                None => Condition::Absent,
                Some((_, version)) => Condition::Matches(version.clone()),
            };
            if self.write(place, part, &PutOptions { condition, durable: true })? {
                if let Some((old, _)) = old {
                    self.remove(&layout::object_bytes(bucket, &old.id));
                }
                return Ok(());
            }
        }
        Err(s3_error!(OperationAborted, "Others write this part at the same time. Try again."))
    }

    /// The parts that came, by number.
    pub(crate) fn parts(&self, bucket: &str, upload: &str) -> S3Result<Vec<(i32, PartRecord)>> {
        let prefix = layout::object_parts(bucket, upload);
        let mut parts = Vec::new();
        for entry in entries(&**self.store(), &prefix) {
            let key = entry.map_err(|error| fault::of(&error))?.key;
            let number = key[prefix.len()..].trim_end_matches(".json").parse();
            if let (Ok(number), Some((part, _))) = (number, self.read::<PartRecord>(&key)?) {
                parts.push((number, part));
            }
        }
        Ok(parts)
    }

    /// Puts the parts together. Done already is done.
    pub(crate) fn complete(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        named: &Completing,
        condition: &WriteIf,
    ) -> S3Result<Record> {
        let Completing { parts: named, sums: expected, size } = named;
        let upload = match self.upload(bucket, key, id) {
            Ok(upload) => upload,
            // Whoever lost the answer asks again.
            Err(error) => match self.find(bucket, key)? {
                Some(record) if record.upload.as_deref() == Some(id) => return Ok(record),
                _ => return Err(error),
            },
        };
        if let Some(record) = self.find(bucket, key)?.filter(|there| there.upload.as_deref() == Some(id)) {
            // Completed by a process that died before it had tidied up.
            self.forget(bucket, id)?;
            return Ok(record);
        }
        condition.check(self.find(bucket, key)?.as_ref().map(|there| there.etag.as_str()))?;
        let parts = self.chosen(bucket, id, named)?;
        let whole: u64 = parts.iter().map(|part| part.size).sum();
        if size.is_some_and(|size| size != whole) {
            return Err(s3_error!(
                InvalidRequest,
                "The parts have {whole} bytes, and x-amz-mp-object-size says another number"
            ));
        }
        let algorithm = upload.algorithm.unwrap_or(Algorithm::Crc64Nvme);
        let whole = [algorithm];
        let mut intake = Intake::new(&**self.store(), if upload.whole { &whole } else { &[] }, false)?;
        for part in &parts {
            let key = layout::object_bytes(bucket, &part.id);
            let outlet = Outlet::open(self.store(), &key).map_err(|error| fault::of(&error))?;
            intake.read(outlet.reader(0..part.size)).map_err(|error| fault::of_io(&error))?;
        }
        let (file, found) = intake.finish()?;
        let sums = if upload.whole {
            found.sums
        } else {
            let of_part = |part: &PartRecord| part.sums.get(&algorithm).cloned().unwrap_or_default();
            let sums: Vec<String> = parts.iter().map(of_part).collect();
            let sum = checksums::of_parts(algorithm, sums.iter());
            sum.map(|sum| (algorithm, sum)).into_iter().collect()
        };
        // One of parts may be told with or without their number.
        let same = |one: &str, other: &str| one == other || other.split('-').next() == Some(one);
        if expected.iter().any(|(one, sum)| sums.get(one).is_some_and(|found| !same(sum, found))) {
            return Err(s3_error!(
                BadDigest,
                "The checksum you specified did not match the calculated checksum."
            ));
        }
        let md5s: Vec<u8> = parts.iter().flat_map(|part| unhex(&part.etag)).collect();
        let etag = {
            use s3s::crypto::{Checksum as _, Md5};
            format!("{}-{}", hex(&Md5::checksum(&md5s)), parts.len())
        };
        let new = New {
            size: found.size,
            etag,
            headers: upload.headers,
            sums,
            parts: parts.iter().map(|part| part.size).collect(),
            upload: Some(id.to_owned()),
            reason: "CompleteMultipartUpload",
        };
        let record = self.put(bucket, key, file, &new, condition)?;
        self.forget(bucket, id)?;
        Ok(record)
    }

    /// The parts that the object has, as the client says.
    fn chosen(&self, bucket: &str, id: &str, named: &[Named]) -> S3Result<Vec<PartRecord>> {
        if named.is_empty() {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        }
        if !named.is_sorted_by(|a, b| a.number < b.number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let there: BTreeMap<i32, PartRecord> = self.parts(bucket, id)?.into_iter().collect();
        let mut chosen = Vec::with_capacity(named.len());
        for (i, one) in named.iter().enumerate() {
            let part = there.get(&one.number);
            let fits = |part: &&PartRecord| {
                part.etag == one.etag
                    && one.sums.iter().all(|(algorithm, sum)| part.sums.get(algorithm) == Some(sum))
            };
            let part = part.filter(fits).ok_or_else(|| {
                s3_error!(
                    InvalidPart,
                    "Part {} could not be found. It may not have been uploaded, or its entity tag or checksum is another.",
                    one.number
                )
            })?;
            if part.size < LEAST_PART && i + 1 < named.len() {
                return Err(s3_error!(
                    EntityTooSmall,
                    "Part {} has {} bytes; all but the last must have {LEAST_PART} at least",
                    one.number,
                    part.size
                ));
            }
            chosen.push(part.clone());
        }
        Ok(chosen)
    }

    /// Removes an upload and its parts.
    pub(crate) fn forget(&self, bucket: &str, id: &str) -> S3Result<()> {
        self.store().delete(&layout::object_upload(bucket, id)).map_err(|error| fault::of(&error))?;
        for (number, part) in self.parts(bucket, id)? {
            self.remove(&layout::object_part(bucket, id, number as u32));
            self.remove(&layout::object_bytes(bucket, &part.id));
        }
        Ok(())
    }

    /// All uploads to a bucket that are under way, with their names, by key and name.
    pub(crate) fn uploads(&self, bucket: &str) -> S3Result<Vec<(String, Upload)>> {
        self.check(bucket)?;
        let prefix = layout::object_uploads(bucket);
        let mut uploads = Vec::new();
        for entry in entries(&**self.store(), &prefix) {
            let Entry { key, .. } = entry.map_err(|error| fault::of(&error))?;
            let Some(id) = key[prefix.len()..].strip_suffix("/upload.json") else { continue };
            if let Some((upload, _)) = self.read::<Upload>(&key)? {
                uploads.push((id.to_owned(), upload));
            }
        }
        uploads.sort_unstable_by(|a, b| (&a.1.key, &a.0).cmp(&(&b.1.key, &b.0)));
        Ok(uploads)
    }
}

/// An id is part of a key of the store.
fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn unhex(digits: &str) -> impl Iterator<Item = u8> + '_ {
    digits.as_bytes().chunks(2).filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
}
