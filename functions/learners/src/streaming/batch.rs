//! Rows as they come to what learns batch by batch.

use crate::matrix::{SparseRows, check_length};
use crate::{Columns, Error, shown};

/// Rows of a batch: features, targets (numbers, or places of classes), weights.
#[derive(Debug)]
pub struct Batch<'a, X = Columns<'a>> {
    pub x: &'a X,
    pub y: &'a [f64],
    pub weights: Option<&'a [f64]>,
}

impl<X> Clone for Batch<'_, X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X> Copy for Batch<'_, X> {}

/// Features as columns, or as the values that are not 0.
pub trait Features {
    /// The same rows, whichever way they are held.
    fn view(&self) -> View<'_>;
}

/// See [`Features`].
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    Dense(&'a Columns<'a>),
    Sparse(&'a SparseRows),
}

impl Features for Columns<'_> {
    fn view(&self) -> View<'_> {
        View::Dense(self)
    }
}

impl Features for SparseRows {
    fn view(&self) -> View<'_> {
        View::Sparse(self)
    }
}

impl Features for View<'_> {
    fn view(&self) -> View<'_> {
        *self
    }
}

impl View<'_> {
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(x) => x.rows(),
            Self::Sparse(x) => x.rows(),
        }
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        match self {
            Self::Dense(x) => x.width(),
            Self::Sparse(x) => x.width(),
        }
    }

    /// Checks that there are as many features as the model was or will be fitted on, rows, and finite values.
    pub(crate) fn check(&self, width: usize) -> Result<(), Error> {
        match self {
            Self::Dense(x) => {
                x.check_width(width)?;
                x.check_squares()
            }
            Self::Sparse(x) if x.width() != width => Err(Error::data(format!(
                "the model was fitted on {width} features, the rows have {}",
                x.width()
            ))),
            Self::Sparse(x) => x.check(),
        }
    }
}

impl<X: Features> Batch<'_, X> {
    /// Checks a batch against the number of columns and of outputs; classes go up to `classes` (0: numbers).
    pub(crate) fn check(&self, width: usize, classes: usize) -> Result<(), Error> {
        let x = self.x.view();
        x.check(width)?;
        check_length("target", self.y.len(), x.rows())?;
        let bad = |y: &f64| match classes {
            0 => !y.is_finite(),
            _ => !(0.0..classes as f64).contains(y) || y.fract() != 0.0,
        };
        if let Some(row) = self.y.iter().position(bad) {
            return Err(Error::row(row, format!("the target is {}", shown(self.y[row]))));
        }
        let Some(weights) = self.weights else { return Ok(()) };
        check_length("weight", weights.len(), x.rows())?;
        match weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            None => Ok(()),
            Some(row) => Err(Error::row(
                row,
                format!("the weight is {}; weights are finite and at least 0", shown(weights[row])),
            )),
        }
    }
}

impl<'a, X> Batch<'a, X> {
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    /// The same rows with their features held otherwise.
    pub(crate) fn with<Y>(&self, x: &'a Y) -> Batch<'a, Y> {
        Batch { x, y: self.y, weights: self.weights }
    }

    /// The sum of the weights.
    pub(crate) fn total(&self) -> f64 {
        (0..self.y.len()).map(|i| self.weight(i)).sum()
    }
}
