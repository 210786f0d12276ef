use serde::{Deserialize, Serialize};

/// How far two rows are apart. Searches compare reduced distances: for `euclidean` the square, which needs no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The root of the sum of squared differences.
    #[default]
    Euclidean,
    /// The sum of absolute differences.
    Manhattan,
}

impl Metric {
    /// What one difference adds.
    #[inline(always)]
    pub fn part(self, difference: f64) -> f64 {
        match self {
            Self::Euclidean => difference * difference,
            Self::Manhattan => difference.abs(),
        }
    }

    /// The reduced distance of two rows: four parts at a time, as every search adds them up.
    #[inline]
    pub fn reduced(self, a: &[f64], b: &[f64]) -> f64 {
        let (a_quads, b_quads) = (a.as_chunks::<4>(), b.as_chunks::<4>());
        let part = |a: f64, b: f64| self.part(a - b);
        let quads = a_quads.0.iter().zip(b_quads.0);
        let sum = quads.fold(0.0, |sum, (a, b)| {
            sum + ((part(a[0], b[0]) + part(a[1], b[1])) + (part(a[2], b[2]) + part(a[3], b[3])))
        });
        a_quads.1.iter().zip(b_quads.1).fold(sum, |sum, (a, b)| sum + part(*a, *b))
    }

    /// From a reduced distance to the distance.
    pub fn distance(self, reduced: f64) -> f64 {
        match self {
            Self::Euclidean => reduced.sqrt(),
            Self::Manhattan => reduced,
        }
    }

    /// From a distance to the reduced one.
    pub fn reduce(self, distance: f64) -> f64 {
        match self {
            Self::Euclidean => distance * distance,
            Self::Manhattan => distance,
        }
    }
}
