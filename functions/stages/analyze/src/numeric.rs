//! Figures of a column of numbers.

use serde::Serialize;
use serde_json::Value;

use crate::values::{Column, Kind};

/// Mean and spread in one pass, without loss of digits when the mean is large against the spread
/// (Welford 1962; third and fourth moments after Pébay 2008).
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
}

impl Moments {
    /// Takes in one more value.
    pub fn add(&mut self, x: f64) {
        let before = self.n;
        self.n += 1.0;
        let delta = x - self.mean;
        let step = delta / self.n;
        let term = delta * step * before;
        self.mean += step;
        self.m3 += term * step * (self.n - 2.0) - 3.0 * step * self.m2;
        self.m2 += term;
    }

    /// NaN of no values.
    pub fn mean(&self) -> f64 {
        if self.n > 0.0 { self.mean } else { f64::NAN }
    }

    /// Standard deviation of the sample (n - 1); NaN of fewer than two values.
    pub fn std(&self) -> f64 {
        if self.n > 1.0 { (self.m2 / (self.n - 1.0)).sqrt() } else { f64::NAN }
    }

    /// Skewness (the biased g1 of Joanes and Gill 1998); NaN if all values are equal. Without a power, whose last digit
    /// depends on the machine.
    pub fn skewness(&self) -> f64 {
        let variance = self.m2 / self.n;
        if self.m2 > 0.0 { (self.m3 / self.n) / (variance * variance.sqrt()) } else { f64::NAN }
    }
}

/// The quantiles that are reported, and their names.
pub const QUANTILES: [(f64, &str); 7] =
    [(0.01, "p01"), (0.05, "p05"), (0.25, "p25"), (0.5, "p50"), (0.75, "p75"), (0.95, "p95"), (0.99, "p99")];

/// Figures of a column of numbers. Infinite values are counted and take no part in the others.
#[derive(Clone, Debug, Serialize)]
pub struct Numbers {
    pub min: Value,
    pub max: Value,
    pub mean: Value,
    /// In the column's unit; days or microseconds for times.
    pub std: f64,
    pub skewness: f64,
    /// Exact, linear between order statistics (type 7 of Hyndman and Fan 1996, NumPy's default).
    pub quantiles: serde_json::Map<String, Value>,
    pub zeros: u64,
    pub negatives: u64,
    pub infinite: u64,
    pub histogram: Histogram,
    /// The same figures as numbers, for charts: minimum, median, maximum.
    #[serde(skip)]
    pub span: [f64; 3],
}

/// Counts of values between edges; the last bin holds its right edge too.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Histogram {
    /// One more than there are counts; in the column's unit.
    pub edges: Vec<Value>,
    pub counts: Vec<u64>,
    /// The edges as numbers.
    #[serde(skip)]
    pub at: Vec<f64>,
    /// Whether each bin is for one whole number, which lies at its middle.
    #[serde(skip)]
    pub centred: bool,
}

/// The figures of `column`, whose finite values in ascending order are `sorted`.
pub fn numbers(column: &Column, sorted: &[f64], bins: usize) -> Numbers {
    let mut moments = Moments::default();
    let [mut zeros, mut negatives, mut infinite] = [0; 3];
    let mut ends: Option<[usize; 2]> = None;
    for row in 0..column.len() {
        let x = column.number(row);
        if x.is_infinite() {
            infinite += 1;
        } else if !x.is_nan() {
            moments.add(x);
            zeros += u64::from(x == 0.0);
            negatives += u64::from(x < 0.0);
            ends =
                Some(ends.map_or([row; 2], |[lo, hi]| [lesser(column, row, lo), greater(column, row, hi)]));
        }
    }
    let timed = matches!(column.kind, Kind::Date | Kind::Timestamp);
    Numbers {
        // From the cell itself, as a large integer is not exact as a float.
        min: ends.map_or(Value::Null, |[row, _]| column.json(row)),
        max: ends.map_or(Value::Null, |[_, row]| column.json(row)),
        mean: if moments.mean().is_nan() { Value::Null } else { column.present(moments.mean()) },
        std: moments.std(),
        skewness: moments.skewness(),
        quantiles: QUANTILES
            .into_iter()
            .filter(|_| !sorted.is_empty())
            .map(|(share, name)| (name.to_owned(), column.present(quantile(sorted, share))))
            .collect(),
        zeros: if timed { 0 } else { zeros },
        negatives: if timed { 0 } else { negatives },
        infinite,
        histogram: histogram(column, sorted, bins),
        span: [quantile(sorted, 0.0), quantile(sorted, 0.5), quantile(sorted, 1.0)],
    }
}

fn lesser(column: &Column, row: usize, than: usize) -> usize {
    let less = match (column.integer(row), column.integer(than)) {
        (Some(a), Some(b)) => a < b,
        _ => column.number(row) < column.number(than),
    };
    if less { row } else { than }
}

fn greater(column: &Column, row: usize, than: usize) -> usize {
    let more = match (column.integer(row), column.integer(than)) {
        (Some(a), Some(b)) => a > b,
        _ => column.number(row) > column.number(than),
    };
    if more { row } else { than }
}

/// The quantile of ascending finite values; NaN of none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    let weight = place - below as f64;
    // The difference of two finite numbers need not be finite.
    let between = a + weight * (b - a);
    if between.is_finite() { between } else { a * (1.0 - weight) + b * weight }
}

fn histogram(column: &Column, sorted: &[f64], bins: usize) -> Histogram {
    let (Some(&lo), Some(&hi)) = (sorted.first(), sorted.last()) else { return Histogram::default() };
    let whole = matches!(column.kind, Kind::Integer | Kind::Boolean | Kind::Date);
    let centred = whole && hi - lo < bins as f64 && hi.abs().max(lo.abs()) < 1e15;
    let at: Vec<f64> = if centred {
        (0..=(hi - lo) as usize + 1).map(|i| lo + i as f64 - 0.5).collect()
    } else if lo == hi {
        vec![lo, hi]
    } else {
        let share = |i: usize| i as f64 / bins as f64;
        (0..=bins).map(|i| lo * (1.0 - share(i)) + hi * share(i)).collect()
    };
    let mut counts = vec![0; at.len() - 1];
    let mut bin = 0;
    for x in sorted {
        while bin + 1 < counts.len() && *x >= at[bin + 1] {
            bin += 1;
        }
        counts[bin] += 1;
    }
    // A day has no halves to show.
    let shown = |x: f64| if centred && column.kind == Kind::Date { x.ceil() } else { x };
    let edges = at.iter().map(|x| column.present(shown(*x))).collect();
    Histogram { edges, counts, at, centred }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array};
    use serde_json::json;

    use super::*;

    fn of(values: &[f64]) -> Moments {
        values.iter().fold(Moments::default(), |mut moments, x| {
            moments.add(*x);
            moments
        })
    }

    #[test]
    fn moments_survive_a_large_offset() {
        let moments = of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!(moments.mean(), 1e9 + 10.0);
        assert!((moments.std() - 30f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn skewness_is_that_of_scipy() {
        // scipy.stats.skew([2, 8, 0, 4, 1, 9, 9, 0]) == 0.2650554122698573
        let skew = of(&[2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0]).skewness();
        assert!((skew - 0.2650554122698573).abs() < 1e-12, "{skew}");
        assert!(of(&[5.0, 5.0]).skewness().is_nan());
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8], [0.05, 0.5, 0.95])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert!((quantile(&sorted, 0.05) - 1.15).abs() < 1e-12);
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert!((quantile(&sorted, 0.95) - 7.4).abs() < 1e-12);
        assert_eq!(quantile(&[f64::MIN, f64::MAX], 0.5), 0.0);
    }

    #[test]
    fn every_finite_value_falls_into_a_bin() {
        let array: ArrayRef =
            Arc::new(Float64Array::from(vec![0.0, 0.05, 1.0, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN]));
        let column = Column::new("x", &array).unwrap();
        let mut sorted: Vec<f64> = column.numbers().into_iter().filter(|x| x.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let figures = numbers(&column, &sorted, 10);
        assert_eq!(figures.histogram.counts.iter().sum::<u64>(), 5);
        assert_eq!((figures.infinite, figures.zeros, figures.negatives), (1, 1, 1));
    }

    #[test]
    fn small_integers_have_a_bin_each() {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![3, 5, 5, i64::from(4)]));
        let column = Column::new("x", &array).unwrap();
        let figures = numbers(&column, &[3.0, 4.0, 5.0, 5.0], 20);
        assert_eq!(figures.histogram.counts, [1, 1, 2]);
        assert_eq!(figures.histogram.at, [2.5, 3.5, 4.5, 5.5]);
        assert_eq!((figures.min, figures.max), (json!(3), json!(5)));
    }
}
