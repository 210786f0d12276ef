//! Steps that do not fall, by pool-adjacent-violators: as scikit-learn's `IsotonicRegression` with
//! `out_of_bounds="clip"`.
//!
//! M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid, E. Silverman, An Empirical Distribution Function for Sampling with
//! Incomplete Information, Annals of Mathematical Statistics 26, 1955.

use serde::{Deserialize, Serialize};

/// Decisions less apart are one.
const SAME: f64 = 1e-15;

/// Decisions in their order and the probabilities there; straight lines between, level beyond the ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Isotonic {
    #[serde(with = "crate::packed")]
    decisions: Vec<f64>,
    #[serde(with = "crate::packed")]
    probabilities: Vec<f64>,
}

/// [`Isotonic`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "crate::packed")]
    decisions: Vec<f64>,
    #[serde(with = "crate::packed")]
    probabilities: Vec<f64>,
}

impl TryFrom<Stored> for Isotonic {
    type Error = &'static str;

    fn try_from(Stored { decisions, probabilities }: Stored) -> Result<Self, Self::Error> {
        let sound = !decisions.is_empty()
            && decisions.len() == probabilities.len()
            && decisions.iter().all(|d| d.is_finite())
            && decisions.is_sorted()
            && probabilities.iter().all(|p| (0.0..=1.0).contains(p));
        if sound { Ok(Self { decisions, probabilities }) } else { Err("the calibration is damaged") }
    }
}

/// Neighbours that share a value.
struct Pool {
    sum: f64,
    weight: f64,
    members: usize,
}

impl Isotonic {
    /// Fits finite decisions to whether they should have been positive; some row must count.
    pub fn fit(decisions: &[f64], positive: &[bool], weights: Option<&[f64]>) -> Self {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let mut order: Vec<usize> = (0..decisions.len()).filter(|&i| weight(i) > 0.0).collect();
        order.sort_by(|&a, &b| decisions[a].total_cmp(&decisions[b]));
        let mut places: Vec<f64> = Vec::new();
        let mut pools: Vec<Pool> = Vec::new();
        for &i in &order {
            let (sum, weight) = (f64::from(u8::from(positive[i])) * weight(i), weight(i));
            match (places.last(), pools.last_mut()) {
                (Some(last), Some(pool)) if decisions[i] - last < SAME => {
                    pool.sum += sum;
                    pool.weight += weight;
                }
                _ => {
                    places.push(decisions[i]);
                    pools.push(Pool { sum, weight, members: 1 });
                }
            }
        }
        // What falls is pooled with what is before it.
        let mut risen: Vec<Pool> = Vec::with_capacity(pools.len());
        for mut pool in pools {
            while let Some(before) = risen.pop_if(|b| b.sum * pool.weight >= pool.sum * b.weight) {
                pool.sum += before.sum;
                pool.weight += before.weight;
                pool.members += before.members;
            }
            risen.push(pool);
        }
        // The ends of each level are enough.
        let (mut kept, mut probabilities, mut start) = (Vec::new(), Vec::new(), 0);
        for Pool { sum, weight, members } in risen {
            let ends = [start, start + members - 1];
            for &end in &ends[..members.min(2)] {
                kept.push(places[end]);
                probabilities.push((sum / weight).clamp(0.0, 1.0));
            }
            start += members;
        }
        Self { decisions: kept, probabilities }
    }

    pub fn probability(&self, decision: f64) -> f64 {
        let above = self.decisions.partition_point(|d| *d <= decision);
        match (above.checked_sub(1), self.decisions.get(above)) {
            (None, _) => self.probabilities[0],
            (Some(last), None) => self.probabilities[last],
            (Some(low), Some(next)) => {
                let slope =
                    (self.probabilities[above] - self.probabilities[low]) / (next - self.decisions[low]);
                slope * (decision - self.decisions[low]) + self.probabilities[low]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_is_pooled() {
        let steps = Isotonic::fit(
            &[1.0, 2.0, 3.0, 4.0, 5.0, 5.0],
            &[false, true, false, true, true, false],
            Some(&[1.0, 1.0, 3.0, 2.0, 1.0, 1.0]),
        );
        assert_eq!(steps.decisions, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(steps.probabilities, [0.0, 0.25, 0.25, 0.75, 0.75]);
        let at = |d: f64| steps.probability(d);
        assert_eq!(
            [at(-9.0), at(1.0), at(1.5), at(2.5), at(3.5), at(9.0)],
            [0.0, 0.0, 0.125, 0.25, 0.5, 0.75]
        );
        let one = Isotonic::fit(&[2.0, 2.0], &[true, false], None);
        assert_eq!((one.probability(0.0), one.probability(3.0)), (0.5, 0.5));
    }
}
