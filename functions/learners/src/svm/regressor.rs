use super::Params;
use super::kernel::{Function, Tiles};
use super::machine::{Machine, shifts};
use super::rows::KernelRows;
use super::smo::{Problem, most_steps};
use crate::matrix::check_target;
use crate::weights::{Kept, check_weights};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// A curve through a tube of width `2 epsilon`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct SupportVectorRegressor {
    machine: Machine,
    converged: bool,
}

/// [`SupportVectorRegressor`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    machine: Machine,
    converged: bool,
}

impl TryFrom<Stored> for SupportVectorRegressor {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        match stored.machine.outputs() {
            1 => Ok(Self { machine: stored.machine, converged: stored.converged }),
            _ => Err("the support vectors are damaged"),
        }
    }
}

impl Checked<Params> {
    /// Fits numbers: errors beyond `epsilon` count. `x` is rows x features, `y` one value a row.
    ///
    /// # Errors
    /// For values that are not finite, targets or weights that do not go with the rows, and kernel values beyond single
    /// precision.
    pub fn fit_numbers(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<SupportVectorRegressor, Error> {
        x.check_squares()?;
        check_target(y, x.rows())?;
        check_weights(weights, x.rows())?;
        if let Some(kept) = Kept::of(x, weights) {
            return self.fit_numbers(&kept.columns(), &kept.pick(y), Some(kept.weights()));
        }
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let chosen: Vec<u32> = (0..x.rows() as u32).collect();
        let function = Function::of(self, x)?;
        let shifts = shifts(function.kernel, x);
        let tiles = Tiles::gather(x, &shifts, &chosen);
        let mut kernel = KernelRows::new(function, tiles, x.width(), self.cache_size)?;
        // Each row twice: for errors above the tube and for those below.
        let each = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let rows = |sign: f64| chosen.iter().map(move |&row| f(row as usize, sign));
            rows(1.0).chain(rows(-1.0)).collect()
        };
        let problem = Problem {
            signs: each(&|_, sign| sign),
            bounds: each(&|row, _| self.c * weight(row)),
            values: each(&|row, sign| y[row] - sign * self.epsilon),
        };
        let solution = problem.solve(&mut kernel, self.tol, most_steps(self, chosen.len()));
        let (above, below) = solution.signed.split_at(chosen.len());
        let factors = above.iter().zip(below).map(|(a, b)| a + b);
        let output = chosen.iter().copied().zip(factors).filter(|(_, factor)| *factor != 0.0).collect();
        let machine = Machine::gather(function, x, shifts, &[output], vec![solution.intercept])?;
        Ok(SupportVectorRegressor { machine, converged: solution.converged })
    }
}

impl SupportVectorRegressor {
    /// Rows that the curve rests on.
    pub fn support_vectors(&self) -> usize {
        self.machine.support_vectors()
    }

    /// Whether the search ended within `max_iter` steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Of the kernel `linear`: the weights of the features in each output, and the outputs' constant parts.
    pub fn coefficients(&self) -> Option<(Vec<Vec<f64>>, &[f64])> {
        Some((self.machine.coefficients()?, self.machine.intercepts()))
    }

    /// One value a row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.machine.decide(x)
    }
}
