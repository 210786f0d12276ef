//! Fitted directions, and rows along them.

use crate::linalg::{axpy, cross};
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// Rows that are transformed at a time.
const BLOCK: usize = 128;

/// Fitted directions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Pca {
    /// Taken off each column; 0 without centring.
    #[serde(with = "crate::packed")]
    pub(super) means: Vec<f64>,
    /// Components x features, of unit length, row after row.
    #[serde(with = "crate::packed")]
    pub(super) components: Vec<f64>,
    #[serde(with = "crate::packed")]
    pub(super) explained_variance: Vec<f64>,
    #[serde(with = "crate::packed")]
    pub(super) explained_variance_ratio: Vec<f64>,
    #[serde(with = "crate::packed")]
    pub(super) singular_values: Vec<f64>,
    pub(super) whiten: bool,
}

/// [`Pca`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "crate::packed")]
    means: Vec<f64>,
    #[serde(with = "crate::packed")]
    components: Vec<f64>,
    #[serde(with = "crate::packed")]
    explained_variance: Vec<f64>,
    #[serde(with = "crate::packed")]
    explained_variance_ratio: Vec<f64>,
    #[serde(with = "crate::packed")]
    singular_values: Vec<f64>,
    whiten: bool,
}

impl TryFrom<Stored> for Pca {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored {
            means,
            components,
            explained_variance,
            explained_variance_ratio,
            singular_values,
            whiten,
        } = stored;
        let count = explained_variance.len();
        let whole = count > 0
            && !means.is_empty()
            && count.checked_mul(means.len()) == Some(components.len())
            && explained_variance_ratio.len() == count
            && singular_values.len() == count;
        match whole {
            true => Ok(Self {
                means,
                components,
                explained_variance,
                explained_variance_ratio,
                singular_values,
                whiten,
            }),
            false => Err("the components are damaged"),
        }
    }
}

impl Pca {
    /// How many components there are.
    pub fn len(&self) -> usize {
        self.explained_variance.len()
    }

    /// Whether there is none: never after a fit.
    pub fn is_empty(&self) -> bool {
        self.explained_variance.is_empty()
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.means.len()
    }

    /// What is taken off each column.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Components x features, row after row.
    pub fn components(&self) -> &[f64] {
        &self.components
    }

    /// The variance of each component.
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// The share of all variance that each component explains.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }

    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// The rows' components, component after component.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn transform(&self, x: &Columns) -> Result<Vec<Vec<f64>>, Error> {
        x.check_width(self.width())?;
        x.check_shape()?;
        let mut out = vec![vec![0.0; x.rows()]; self.len()];
        let mut block = vec![0.0; self.width() * BLOCK];
        for start in (0..x.rows()).step_by(BLOCK) {
            let rows = cross::read(x, &self.means, start, &mut block);
            for (out, component) in out.iter_mut().zip(self.components.chunks_exact(self.width())) {
                combine(&block, component, &mut out[start..start + rows]);
            }
        }
        // Whatever is not finite shows in every sum, so that sound values are read once only.
        if out.first().is_some_and(|first| first.iter().any(|v| !v.is_finite())) {
            x.check_squares()?;
        }
        if self.whiten {
            for (out, variance) in out.iter_mut().zip(&self.explained_variance) {
                let scale = variance.sqrt();
                // A direction without variance stays at 0.
                let factor = if scale.is_normal() { 1.0 / scale } else { 0.0 };
                out.iter_mut().for_each(|v| *v *= factor);
            }
        }
        Ok(out)
    }
}

/// The weighted sum of a block's columns, four at a time.
fn combine(block: &[f64], weights: &[f64], out: &mut [f64]) {
    let rows = out.len();
    let whole = weights.len() / 4 * 4;
    let quads = block.chunks_exact(4 * BLOCK);
    for (columns, w) in quads.zip(weights.chunks_exact(4)) {
        let part = |c: usize| &columns[c * BLOCK..c * BLOCK + rows];
        for ((((out, a), b), c), d) in out.iter_mut().zip(part(0)).zip(part(1)).zip(part(2)).zip(part(3)) {
            *out += (a * w[0] + b * w[1]) + (c * w[2] + d * w[3]);
        }
    }
    let rest = block[whole * BLOCK..].chunks_exact(BLOCK);
    rest.zip(&weights[whole..]).for_each(|(column, weight)| axpy(*weight, &column[..rows], out));
}
