//! Which rows a tree sees.

use crate::rng::Rng;

/// Rows in a drum, from which they are drawn with replacement: one as readily as another, or by their weights.
///
/// By weight it takes one draw a row, whatever the weights are: A. J. Walker, An efficient method for generating discrete
/// random variables with general distributions, TOMS 1977; the table is made as in M. D. Vose, A linear algorithm for
/// generating random numbers with a given distribution, IEEE TSE 1991.
pub(super) struct Lots {
    rows: usize,
    /// For each row the share of its lot that is its own, and the row that has the rest. Empty if all weigh the same.
    lots: Vec<(f64, u32)>,
}

impl Lots {
    /// Weights are above 0 and finite, and so is their sum.
    pub fn new(rows: usize, weights: Option<&[f64]>) -> Self {
        let Some(weights) = weights else { return Self { rows, lots: Vec::new() } };
        let total: f64 = weights.iter().sum();
        let mut lots: Vec<(f64, u32)> =
            weights.iter().zip(0..).map(|(weight, row)| (weight / total * rows as f64, row)).collect();
        let (mut short, mut long): (Vec<u32>, Vec<u32>) =
            (0..rows as u32).partition(|&row| lots[row as usize].0 < 1.0);
        while let (Some(&from), Some(to)) = (long.last(), short.pop()) {
            // What a lot lacks comes from a row that weighs more than a lot.
            let given = 1.0 - lots[to as usize].0;
            lots[to as usize].1 = from;
            lots[from as usize].0 -= given;
            if lots[from as usize].0 < 1.0 {
                long.pop();
                short.push(from);
            }
        }
        // What rounding leaves over is whole.
        long.into_iter().chain(short).for_each(|row| lots[row as usize].0 = 1.0);
        Self { rows, lots }
    }

    /// How often each row comes in so many draws.
    pub fn draw(&self, draws: usize, rng: &mut Rng) -> Vec<u32> {
        let mut counts = vec![0; self.rows];
        if self.lots.is_empty() {
            (0..draws).for_each(|_| counts[rng.below(self.rows)] += 1);
            return counts;
        }
        for _ in 0..draws {
            let place = rng.unit() * self.rows as f64;
            let lot = (place as usize).min(self.rows - 1);
            let (own, other) = self.lots[lot];
            counts[if place - (lot as f64) < own { lot } else { other as usize }] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::Lots;
    use crate::rng::Rng;
    use proptest::prelude::{prop, prop_assert, proptest};

    proptest! {
        #[test]
        fn rows_have_their_shares(weights in prop::collection::vec(1e-6f64..1e6, 1..60), power in 0u32..4) {
            let weights: Vec<f64> = weights.iter().map(|w| w.powi(power as i32)).collect();
            let lots = Lots::new(weights.len(), Some(&weights));
            let mut shares = vec![0.0; weights.len()];
            for (lot, &(own, other)) in lots.lots.iter().enumerate() {
                prop_assert!((0.0..=1.0).contains(&own));
                shares[lot] += own;
                shares[other as usize] += 1.0 - own;
            }
            let total: f64 = weights.iter().sum();
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!((share / weights.len() as f64 - weight / total).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn rows_are_drawn_by_weight() {
        let counts = Lots::new(4, Some(&[1.0, 2.0, 0.5, 4.5])).draw(80_000, &mut Rng::new(1, 0));
        for (count, share) in counts.iter().zip([0.125, 0.25, 0.0625, 0.5625]) {
            assert!((f64::from(*count) / 80_000.0 - share).abs() < 0.01, "{counts:?}");
        }
        let counts = Lots::new(3, None).draw(30_000, &mut Rng::new(1, 0));
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        // Weights that are far apart, and one row alone.
        assert_eq!(Lots::new(2, Some(&[1e-300, 1e300])).draw(9, &mut Rng::new(1, 0)), [0, 9]);
        assert_eq!(Lots::new(1, Some(&[3.0])).draw(5, &mut Rng::new(1, 0)), [5]);
    }
}
