//! Weighted sums of kernel values: what classifier and regressor predict by.

use super::Kernel;
use super::kernel::{Function, LANES, Tiles};
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// Rows that the fit rests on, with their factors in each output.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub(super) struct Machine {
    function: Function,
    /// Taken off the columns first.
    shifts: Vec<f64>,
    vectors: Tiles,
    /// Places of vectors and their factors, output after output; `ends` says where each ends.
    places: Vec<u32>,
    factors: Vec<f64>,
    ends: Vec<u32>,
    intercepts: Vec<f64>,
}

/// [`Machine`] as it is kept, rows one after another.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    function: Function,
    #[serde(with = "crate::packed")]
    shifts: Vec<f64>,
    #[serde(with = "crate::packed")]
    vectors: Vec<f64>,
    #[serde(with = "crate::packed")]
    places: Vec<u32>,
    #[serde(with = "crate::packed")]
    factors: Vec<f64>,
    #[serde(with = "crate::packed")]
    ends: Vec<u32>,
    #[serde(with = "crate::packed")]
    intercepts: Vec<f64>,
}

impl From<Machine> for Stored {
    fn from(machine: Machine) -> Self {
        let width = machine.shifts.len();
        let mut vectors = vec![0.0; machine.vectors.rows * width];
        for (i, row) in vectors.chunks_exact_mut(width.max(1)).enumerate() {
            machine.vectors.read_row(i, row);
        }
        let Machine { function, shifts, places, factors, ends, intercepts, .. } = machine;
        Self { function, shifts, vectors, places, factors, ends, intercepts }
    }
}

impl TryFrom<Stored> for Machine {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { function, shifts, vectors, places, factors, ends, intercepts } = stored;
        let rows = vectors.len() / shifts.len().max(1);
        let sound = !shifts.is_empty()
            && vectors.len() == rows * shifts.len()
            && places.len() == factors.len()
            && places.iter().all(|&place| (place as usize) < rows)
            && !ends.is_empty()
            && ends.len() == intercepts.len()
            && ends.is_sorted()
            && ends.last().is_some_and(|&end| end as usize == places.len())
            && [&shifts, &vectors, &factors, &intercepts].into_iter().flatten().all(|v| v.is_finite());
        match sound {
            true => {
                let vectors = Tiles::from_rows(&vectors, shifts.len());
                Ok(Self { function, shifts, vectors, places, factors, ends, intercepts })
            }
            false => Err("the support vectors are damaged"),
        }
    }
}

/// What is taken off the columns: distances do not change by it and keep more digits.
pub(super) fn shifts(kernel: Kernel, x: &Columns) -> Vec<f64> {
    match kernel {
        Kernel::Rbf => x.iter().map(|column| crate::linalg::mean(column, None, x.rows() as f64)).collect(),
        Kernel::Linear | Kernel::Poly | Kernel::Sigmoid => vec![0.0; x.width()],
    }
}

impl Machine {
    /// Keeps the rows of `x` that an output has a factor for: pairs of row and factor.
    pub fn gather(
        function: Function,
        x: &Columns,
        shifts: Vec<f64>,
        outputs: &[Vec<(u32, f64)>],
        intercepts: Vec<f64>,
    ) -> Result<Self, Error> {
        let mut chosen: Vec<u32> = outputs.iter().flatten().map(|(row, _)| *row).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let (mut places, mut factors, mut ends) = (vec![], vec![], vec![]);
        for output in outputs {
            for (row, factor) in output {
                places.push(chosen.binary_search(row).unwrap_or_default() as u32);
                factors.push(*factor);
            }
            ends.push(places.len() as u32);
        }
        if factors.iter().chain(&intercepts).any(|v| !v.is_finite()) {
            return Err(Error::data("the kernel's values are too large; scale the columns"));
        }
        let vectors = Tiles::gather(x, &shifts, &chosen);
        Ok(Self { function, shifts, vectors, places, factors, ends, intercepts })
    }

    pub fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    pub fn support_vectors(&self) -> usize {
        self.vectors.rows
    }

    /// Of each output.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// Of the kernel `linear` the weights of the features, output after output.
    pub fn coefficients(&self) -> Option<Vec<Vec<f64>>> {
        if self.function.kernel != Kernel::Linear {
            return None;
        }
        let mut row = vec![0.0; self.shifts.len()];
        let mut start = 0;
        let outputs = self.ends.iter().map(|&end| {
            let mut weights = vec![0.0; self.shifts.len()];
            for k in start..end as usize {
                self.vectors.read_row(self.places[k] as usize, &mut row);
                crate::linalg::axpy(self.factors[k], &row, &mut weights);
            }
            start = end as usize;
            weights
        });
        Some(outputs.collect())
    }

    /// Rows x outputs, row after row.
    pub fn decide(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.shifts.len())?;
        x.check_squares()?;
        let mut row = vec![0.0; x.width()];
        let mut values = vec![0.0; self.vectors.rows.next_multiple_of(LANES)];
        let mut decisions = Vec::with_capacity(x.rows() * self.outputs());
        for i in 0..x.rows() {
            x.read_row(i, &mut row);
            row.iter_mut().zip(&self.shifts).for_each(|(v, shift)| *v -= shift);
            let square = crate::linalg::dot(&row, &row);
            self.vectors.kernel_with(&self.function, &row, square, |start, eight| {
                values[start..start + LANES].copy_from_slice(eight);
            });
            let mut start = 0;
            for (&end, intercept) in self.ends.iter().zip(&self.intercepts) {
                let terms = self.places[start..end as usize].iter().zip(&self.factors[start..end as usize]);
                let sum: f64 = terms.map(|(&place, factor)| factor * values[place as usize]).sum();
                if !sum.is_finite() {
                    return Err(Error::row(i, "the values are too large for the model's kernel"));
                }
                decisions.push(sum + intercept);
                start = end as usize;
            }
        }
        Ok(decisions)
    }
}
