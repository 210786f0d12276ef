//! Checksums: which are asked for, what bytes have, whether they agree.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderMap;
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256},
    dto::{Checksum, ChecksumAlgorithm, ChecksumType},
    s3_error,
};
use serde::{Deserialize, Serialize};

/// S3's algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "CRC32")]
    Crc32,
    #[serde(rename = "CRC32C")]
    Crc32c,
    /// What S3 computes by itself.
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
}

/// Checksums in Base64; one of parts' checksums has `-N` behind it.
pub type Sums = BTreeMap<Algorithm, String>;

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header or trailer that holds it.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub fn of(name: &str) -> S3Result<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported: {name}"))
    }

    /// As S3's types have it.
    pub fn dto(self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::from_static(self.as_str())
    }

    /// Whether an object of parts has that of its parts' checksums, unless somebody asks for the other.
    pub fn is_of_parts(self) -> bool {
        self != Self::Crc64Nvme
    }
}

/// Computes one checksum.
pub enum Summing {
    Crc32(Crc32),
    Crc32c(Crc32c),
    Crc64Nvme(Crc64Nvme),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Summing {
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(Crc32::new()),
            Algorithm::Crc32c => Self::Crc32c(Crc32c::new()),
            Algorithm::Crc64Nvme => Self::Crc64Nvme(Crc64Nvme::new()),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(sum) => sum.update(bytes),
            Self::Crc32c(sum) => sum.update(bytes),
            Self::Crc64Nvme(sum) => sum.update(bytes),
            Self::Sha1(sum) => sum.update(bytes),
            Self::Sha256(sum) => sum.update(bytes),
        }
    }

    /// In Base64.
    pub fn finish(self) -> String {
        match self {
            Self::Crc32(sum) => BASE64_STANDARD.encode(sum.finalize()),
            Self::Crc32c(sum) => BASE64_STANDARD.encode(sum.finalize()),
            Self::Crc64Nvme(sum) => BASE64_STANDARD.encode(sum.finalize()),
            Self::Sha1(sum) => BASE64_STANDARD.encode(sum.finalize()),
            Self::Sha256(sum) => BASE64_STANDARD.encode(sum.finalize()),
        }
    }
}

/// The checksum of parts' checksums.
pub fn of_parts<'a>(
    algorithm: Algorithm,
    parts: impl ExactSizeIterator<Item = &'a String>,
) -> Option<String> {
    let (count, mut summing) = (parts.len(), Summing::new(algorithm));
    for part in parts {
        summing.update(&BASE64_STANDARD.decode(part).ok()?);
    }
    Some(format!("{}-{count}", summing.finish()))
}

/// The checksums that S3's types hold.
pub fn given(checksum: &Checksum) -> Sums {
    let all = [
        (Algorithm::Crc32, &checksum.checksum_crc32),
        (Algorithm::Crc32c, &checksum.checksum_crc32c),
        (Algorithm::Crc64Nvme, &checksum.checksum_crc64nvme),
        (Algorithm::Sha1, &checksum.checksum_sha1),
        (Algorithm::Sha256, &checksum.checksum_sha256),
    ];
    all.into_iter().filter_map(|(algorithm, sum)| Some((algorithm, sum.clone()?))).collect()
}

/// The same the other way.
pub fn told(sums: &Sums) -> Checksum {
    let sum = |algorithm| sums.get(&algorithm).cloned();
    let of_parts = sums.values().any(|sum| sum.contains('-'));
    let kind = if of_parts { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    Checksum {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: (!sums.is_empty()).then(|| ChecksumType::from_static(kind)),
    }
}

/// The checksums that a body was sent with.
#[derive(Clone, Debug, Default)]
pub struct ExpectedSums {
    /// In headers.
    pub sums: Sums,
    /// Those that will follow the body.
    pub announced: Vec<Algorithm>,
    /// `Content-MD5`, decoded.
    pub md5: Option<Vec<u8>>,
    /// `x-amz-content-sha256`, where nobody else checks it.
    pub sha256: Option<String>,
}

impl ExpectedSums {
    /// What headers say.
    ///
    /// # Errors
    /// A `Content-MD5` that is none, an algorithm that S3 does not have.
    pub fn of(
        headers: &HeaderMap,
        sums: Sums,
        algorithm: Option<&ChecksumAlgorithm>,
        md5: Option<&str>,
    ) -> S3Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut announced = Vec::new();
        // Also those that the types have no value for.
        text("x-amz-sdk-checksum-algorithm").map(Algorithm::of).transpose()?;
        for name in text("x-amz-trailer").unwrap_or_default().split(',').map(str::trim) {
            announced.extend(Algorithm::ALL.into_iter().find(|one| one.header().eq_ignore_ascii_case(name)));
        }
        if let Some(algorithm) = algorithm {
            let algorithm = Algorithm::of(algorithm.as_str())?;
            if !sums.contains_key(&algorithm) && !announced.contains(&algorithm) {
                // Clients may name one that they then do not send; it is computed all the same.
                announced.push(algorithm);
            }
        }
        let md5 = md5
            .map(|md5| {
                let bytes = BASE64_STANDARD.decode(md5).ok().filter(|bytes| bytes.len() == 16);
                bytes.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid"))
            })
            .transpose()?;
        Ok(Self { sums, announced, md5, sha256: None })
    }

    /// Those that have to be computed; one at least.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut all: Vec<Algorithm> = self.sums.keys().chain(&self.announced).copied().collect();
        if all.is_empty() {
            all.push(Algorithm::Crc64Nvme);
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether what came agrees with what was said in headers and in trailers.
    ///
    /// # Errors
    /// `BadDigest`, `XAmzContentSHA256Mismatch`.
    pub fn check(&self, found: &Found, trailers: Option<&HeaderMap>) -> S3Result<()> {
        if self.md5.as_ref().is_some_and(|md5| md5[..] != found.md5) {
            return Err(bad("Content-MD5"));
        }
        let trailing = Algorithm::ALL.into_iter().filter_map(|algorithm| {
            let value = trailers?.get(algorithm.header())?.to_str().unwrap_or_default();
            Some((algorithm, value.trim().to_owned()))
        });
        for (algorithm, sum) in self.sums.clone().into_iter().chain(trailing) {
            if found.sums.get(&algorithm) != Some(&sum) {
                return Err(bad(algorithm.as_str()));
            }
        }
        let sha256 = self.sha256.as_ref().zip(found.sha256.as_ref());
        if sha256.is_some_and(|(expected, found)| !expected.eq_ignore_ascii_case(found)) {
            return Err(sha256_mismatch());
        }
        Ok(())
    }
}

fn bad(what: &str) -> S3Error {
    s3_error!(BadDigest, "The {what} you specified did not match the calculated checksum.")
}

/// The body is not that of the header.
pub fn sha256_mismatch() -> S3Error {
    let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    let mut error = S3Error::with_message(S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()), message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

/// What a body turned out to be.
#[derive(Clone, Debug)]
pub struct Found {
    /// Bytes.
    pub size: u64,
    pub md5: [u8; 16],
    pub sums: Sums,
    /// In hexadecimal digits, if it was asked for.
    pub sha256: Option<String>,
}

/// In hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
