//! Numbers that look random and are the same for the same seed.

use millstream_core::artifact::Digest;

/// From 0 to below 1; the same for the same seed, trial and parameter, whatever else there is.
pub(super) fn uniform(seed: u64, trial: u32, name: &str) -> f64 {
    let digest = Digest::of(format!("{seed} {trial} {name}").as_bytes());
    let first = digest.0.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    (first >> 11) as f64 / (1u64 << 53) as f64
}

/// Several draws for one trial, one after another.
pub(super) struct Draws {
    seed: u64,
    trial: u32,
    count: u32,
}

impl Draws {
    /// Those of trial `trial`.
    pub fn new(seed: u64, trial: u32) -> Self {
        Self { seed, trial, count: 0 }
    }

    /// The next one, from 0 to below 1.
    pub fn next(&mut self) -> f64 {
        self.count += 1;
        uniform(self.seed, self.trial, &format!("draw {}", self.count))
    }
}
