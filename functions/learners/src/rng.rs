//! Random draws that are the same on every machine: PCG64, and integers of fixed width.

use rand_core::{Rng as _, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A seeded generator.
#[derive(Debug, Clone)]
pub struct Rng(Pcg64Mcg);

impl Rng {
    /// The generator of one seed and stream, such as a tree's number: streams of one seed are independent.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut bytes = [0; 16];
        // Both words must differ: the lower one alone decides the lower half of all draws to come, and states that
        // share it give draws that go together.
        bytes[..8].copy_from_slice(&(mix(seed) ^ finalize(stream)).to_le_bytes());
        bytes[8..].copy_from_slice(&mix(mix(seed) ^ stream).to_le_bytes());
        Self(Pcg64Mcg::from_seed(bytes))
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Passes over `count` draws of [`Self::unit`] or [`Self::below`].
    pub fn skip(&mut self, count: u128) {
        self.0.advance(count);
    }

    /// Uniform in `0..bound`. The bias of the multiplication is under `bound / 2^64`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Moves `count` items drawn without replacement to the front, in random order (Fisher-Yates).
    pub fn draw_to_front<T>(&mut self, items: &mut [T], count: usize) {
        for i in 0..count.min(items.len()) {
            let j = i + self.below(items.len() - i);
            items.swap(i, j);
        }
    }

    /// `count` numbers of `0..n` without replacement, in ascending order (selection sampling).
    ///
    /// D. E. Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S.
    pub fn sample_sorted(&mut self, n: usize, count: usize) -> Vec<u32> {
        let mut chosen = Vec::with_capacity(count.min(n));
        for i in 0..n {
            if chosen.len() == count {
                break;
            }
            if self.below(n - i) < count - chosen.len() {
                chosen.push(i as u32);
            }
        }
        chosen
    }
}

/// SplitMix64, so that neighbouring seeds give unrelated states.
fn mix(seed: u64) -> u64 {
    finalize(seed.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// SplitMix64's finaliser; 0 stays 0.
fn finalize(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_pinned() {
        let mut rng = Rng::new(42, 0);
        let drawn: Vec<usize> = (0..6).map(|_| rng.below(1000)).collect();
        let mut again = Rng::new(42, 0);
        assert_eq!(drawn, (0..6).map(|_| again.below(1000)).collect::<Vec<_>>());
        let mut other = Rng::new(42, 1);
        assert_ne!(drawn, (0..6).map(|_| other.below(1000)).collect::<Vec<_>>());
    }

    /// What one stream draws says nothing of what another does: all pairs of draws are as frequent.
    #[test]
    fn streams_are_independent() {
        for skipped in [0, 1, 150] {
            let mut pairs = [0; 16];
            for stream in 0..16_000 {
                let mut rng = Rng::new(0, stream);
                for _ in 0..skipped {
                    rng.below(10);
                }
                let (first, _, second) = (rng.below(4), rng.unit(), rng.below(4));
                pairs[first * 4 + second] += 1;
            }
            assert!(pairs.iter().all(|n| (860..1140).contains(n)), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_skipped_is_not_missed() {
        for count in [0, 1, 5, 1000] {
            let (mut one, mut other) = (Rng::new(3, 1), Rng::new(3, 1));
            (0..count).for_each(|_| _ = one.unit());
            other.skip(count);
            assert_eq!(one.below(1 << 30), other.below(1 << 30));
        }
    }

    #[test]
    fn samples_are_sorted_and_uniform() {
        let mut rng = Rng::new(7, 0);
        let mut hits = [0; 10];
        for _ in 0..10_000 {
            let sample = rng.sample_sorted(10, 3);
            assert!(sample.len() == 3 && sample.is_sorted());
            sample.iter().for_each(|&i| hits[i as usize] += 1);
        }
        assert!(hits.iter().all(|&h| (2_800..3_200).contains(&h)), "{hits:?}");
        assert_eq!(rng.sample_sorted(3, 5), [0, 1, 2]);
    }

    #[test]
    fn unit_is_in_range() {
        let mut rng = Rng::new(0, 0);
        let mean =
            (0..10_000).map(|_| rng.unit()).inspect(|u| assert!((0.0..1.0).contains(u))).sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.01);
    }
}
