//! How long answers took: counts by time, fine enough to judge any limit.

/// Each power of two has this many buckets, so that a bucket is 3 % wide at most.
const SUB: u64 = 32;
const SUB_BITS: u32 = SUB.trailing_zeros();
/// Times from 2^36 microseconds (19 hours) on are counted together.
const TOP_BITS: u32 = 36;

/// How many buckets there are: a server may count in an array of atomics of this length.
pub const BUCKETS: usize = ((TOP_BITS - SUB_BITS + 1) as u64 * SUB) as usize;

/// The bucket of a time in microseconds.
pub fn bucket(micros: u64) -> usize {
    let micros = micros.min((1 << TOP_BITS) - 1);
    if micros < SUB {
        return micros as usize;
    }
    let power = micros.ilog2();
    let sub = (micros >> (power - SUB_BITS)) & (SUB - 1);
    (u64::from(power - SUB_BITS + 1) * SUB + sub) as usize
}

/// The first time, in microseconds, that is too long for a bucket.
fn end(bucket: usize) -> u64 {
    let (row, sub) = (bucket as u64 / SUB, bucket as u64 % SUB);
    if row == 0 { sub + 1 } else { (SUB + sub + 1) << (row - 1) }
}

/// Times of answers, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// By [`bucket`]; shorter than [`BUCKETS`] if the rest is zero.
    counts: Vec<u64>,
    total: u64,
}

impl Latencies {
    /// Of counts by [`bucket`].
    pub fn of(counts: &[u64]) -> Self {
        let counts = counts[..counts.len().min(BUCKETS)].to_vec();
        let total = counts.iter().sum();
        Self { counts, total }
    }

    /// Counts one more.
    pub fn add(&mut self, micros: u64) {
        let bucket = bucket(micros);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many took longer than so many microseconds. Those within 3 % of the limit may be left out.
    pub fn longer_than(&self, micros: u64) -> u64 {
        self.counts.iter().skip(bucket(micros) + 1).sum()
    }

    /// The time, in microseconds, that this share of the answers did not exceed (at most 3 % too high); none without
    /// answers.
    pub fn percentile(&self, share: f64) -> Option<u64> {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(bucket, count)| {
            seen += count;
            (seen >= rank).then(|| end(bucket) - 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_narrow_and_buckets_are_in_order(micros in 0_u64..1 << TOP_BITS) {
            let at = bucket(micros);
            prop_assert!(at < BUCKETS && micros < end(at));
            prop_assert!(at == 0 || micros >= end(at - 1));
            prop_assert!((end(at) - 1 - micros) as f64 <= micros as f64 / 32.0);
        }
    }

    #[test]
    fn counts_what_is_over_a_limit() {
        let mut times = Latencies::default();
        (1..=1000).for_each(|ms| times.add(ms * 1000));
        times.add(u64::MAX);
        let slow = times.longer_than(900_000);
        assert!((70..=101).contains(&slow), "{slow}");
        let median = times.percentile(0.5).unwrap();
        assert!((500_000..=516_000).contains(&median), "{median}");
        assert_eq!(Latencies::default().percentile(0.5), None);
        assert_eq!(Latencies::of(&times.counts), times);
    }
}
