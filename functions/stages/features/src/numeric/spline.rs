//! Smooth curves through knots, as scikit-learn's `SplineTransformer` with `extrapolation='constant'`.
//!
//! P. Eilers, B. Marx, Flexible smoothing with B-splines and penalties, Statistical Science 11 (1996). The basis is computed by
//! C. de Boor's recursion (A practical guide to splines, 1978, chapter X).

use millstream_sdk::{Failure, arrow_array::ArrayRef, internal, invalid_input, invalid_parameter};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "spline";

/// Options of `spline`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Knots, the two at the ends counted.
    pub n_knots: usize,
    /// Of the polynomials: 3 is cubic.
    pub degree: usize,
    pub knots: Knots,
    /// The last column, which the others determine, comes out too.
    pub include_bias: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { n_knots: 5, degree: 3, knots: Knots::Uniform, include_bias: true }
    }
}

/// Where the knots are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knots {
    /// At equal distances.
    Uniform,
    /// With as many rows between any two.
    Quantile,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spline {
    /// Ascending, with `degree` more on either side.
    knots: Vec<f64>,
    degree: u32,
    bias: bool,
}

pub fn fit(options: &Options, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let (count, degree) = (options.n_knots, options.degree);
    if !(2..=1000).contains(&count) {
        return Err(invalid_parameter("n_knots", format!("{count} is out of range")).allowed("2 to 1,000"));
    }
    if degree > 10 {
        return Err(invalid_parameter("degree", format!("{degree} is out of range")).allowed("0 to 10"));
    }
    let values = values::sorted(values::finite(STEP, array)?);
    let (least, most) = (values[0], values[values.len() - 1]);
    values::measurable(most - least)?;
    let base = match options.knots {
        Knots::Uniform => values::evenly(least, most, count),
        Knots::Quantile => {
            let shares = values::evenly(0.0, 1.0, count).into_iter();
            shares.map(|share| values::quantile(&values, share)).collect()
        }
    };
    if base.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(invalid_input(
            "the values repeat so often that knots coincide; use fewer `n_knots`, or `knots: uniform`",
        ));
    }
    let (first, last) = (base[1] - base[0], base[count - 1] - base[count - 2]);
    let before = (1..=degree).rev().map(|place| base[0] - first * place as f64);
    let after = (1..=degree).map(|place| base[count - 1] + last * place as f64);
    let knots = before.chain(base.iter().copied()).chain(after).collect();
    let state = Spline { knots, degree: degree as u32, bias: options.include_bias };
    let names = (0..state.width()).map(|place| format!("{name}_sp_{place}")).collect();
    Ok(Learnt::new(names, Transform::Spline(state)))
}

impl Spline {
    /// Columns that come out.
    fn width(&self) -> usize {
        self.knots.len() - self.degree as usize - 1 - usize::from(!self.bias)
    }

    pub fn apply(&self, array: &ArrayRef) -> Vec<ArrayRef> {
        let degree = self.degree as usize;
        let (from, to) = (self.knots[degree], self.knots[self.knots.len() - 1 - degree]);
        let values = values::as_numbers(array);
        let mut columns = vec![vec![0.0; values.len()]; self.width()];
        let mut basis = vec![0.0; degree + 1];
        for (row, value) in values.into_iter().enumerate() {
            if value.is_nan() {
                columns.iter_mut().for_each(|column| column[row] = f64::NAN);
                continue;
            }
            let value = value.clamp(from, to);
            let span = self.basis(value, &mut basis);
            for (place, weight) in basis.iter().enumerate() {
                if let Some(column) = columns.get_mut(span - degree + place) {
                    column[row] = *weight;
                }
            }
        }
        columns.into_iter().map(values::column).collect()
    }

    /// The splines that are not zero at a value; the last knot at or before it.
    fn basis(&self, value: f64, basis: &mut [f64]) -> usize {
        let (knots, degree) = (&self.knots, self.degree as usize);
        let inner = &knots[degree..knots.len() - degree - 1];
        let span = degree + inner.partition_point(|knot| *knot <= value).max(1) - 1;
        basis.fill(0.0);
        basis[0] = 1.0;
        for order in 1..=degree {
            let mut carried = 0.0;
            for place in 0..order {
                let (right, left) = (knots[span + place + 1], knots[span + 1 + place - order]);
                let share = basis[place] / (right - left);
                basis[place] = carried + (right - value) * share;
                carried = (value - left) * share;
            }
            basis[order] = carried;
        }
        span
    }

    /// Whether there are knots enough, in order.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let enough = self.degree <= 10 && self.knots.len() >= 2 * self.degree as usize + 2;
        let ordered = self.knots.windows(2).all(|pair| pair[0] < pair[1]);
        match enough && ordered && self.width() == gives {
            true => Ok(()),
            false => Err(internal("the spline's knots are damaged")),
        }
    }
}
