//! Names for requests, in the form of AWS's.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::HeaderValue;

const LENGTH: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Makes names: a random part of this process, and a count. They tell requests apart; they are no secret.
#[derive(Debug)]
pub struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub fn new() -> Self {
        Self { process: RandomState::new().hash_one("requests"), count: AtomicU64::new(0) }
    }

    pub fn next(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let value = (u128::from(self.process) << 64) | u128::from(count);
        let mut text = [b'-'; LENGTH];
        let mut shift = 128;
        for (place, letter) in text.iter_mut().enumerate() {
            if !HYPHENS.contains(&place) {
                shift -= 4;
                *letter = b"0123456789abcdef"[(value >> shift) as usize & 15];
            }
        }
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text))
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_look_like_uuids() {
        let ids = RequestIds::new();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        let parts: Vec<usize> = first.to_str().unwrap().split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
    }
}
