use super::{Components, Params, Solver, randomized};
use crate::linalg::{axpy, cross, dot, eigen};
use crate::matrix::Missing;
use crate::{Checked, Columns, Error, ParamError};
use serde::{Deserialize, Serialize};

/// Rows that are transformed at a time.
const BLOCK: usize = 128;
/// With more columns the products of all pairs of them cost more than a few components do.
const WIDEST: usize = 1000;

/// Fitted directions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Pca {
    /// Taken off each column; 0 without centring.
    #[serde(with = "crate::packed")]
    means: Vec<f64>,
    /// Components x features, of unit length, row after row.
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

impl Checked<Params> {
    /// Finds the directions in which the rows differ most.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two rows, more components than rows or columns, and columns that
    /// are all constant.
    pub fn fit(&self, x: &Columns) -> Result<Pca, Error> {
        x.check_shape()?;
        let (rows, width) = (x.rows(), x.width());
        if rows < 2 {
            return Err(Error::data("there is one row only; components need at least two"));
        }
        let most = rows.min(width);
        if let Components::Count(count) = self.n_components
            && count as usize > most
        {
            let message =
                format!("{count} is more than {} of {width} columns have", crate::errors::rows(rows));
            return Err(ParamError::new("n_components", message, format!("at most {most}")).into());
        }
        // Products of all columns, or of all rows if there are fewer; or neither.
        let randomized = self.is_randomized(most);
        let dual = rows < width || randomized;
        let (means, squares, vectors, total) = match dual {
            false => {
                let cross = cross::cross_products(x, self.center);
                let total = (0..width).map(|j| cross.products[j * width + j]).sum();
                check_size(x, total)?;
                let eigen = eigen::symmetric(cross.products, width);
                (cross.means, eigen.values, eigen.vectors, total)
            }
            true => {
                let means: Vec<f64> =
                    x.iter().map(|column| crate::linalg::mean(column, None, rows as f64)).collect();
                let shift = if self.center { means.clone() } else { vec![0.0; width] };
                let square =
                    |(column, m): (&[f64], &f64)| column.iter().map(|v| (v - m) * (v - m)).sum::<f64>();
                let total: f64 = x.iter().zip(&shift).map(square).sum();
                check_size(x, total)?;
                let (squares, vectors) = match (randomized, self.n_components) {
                    (true, Components::Count(count)) => {
                        let count = count as usize;
                        let few = if (count as f64) < 0.1 * most as f64 { 7 } else { 4 };
                        let steps = self.n_iter.unwrap_or(few);
                        randomized::leading(x, &shift, count, self.n_oversamples as usize, steps, self.seed)
                    }
                    _ => of_rows(x, &shift),
                };
                (means, squares, vectors, total)
            }
        };
        if total <= 0.0 {
            return Err(Error::data("all columns are constant: there is no direction in which rows differ"));
        }
        self.finish(x, means, squares, vectors, total)
    }

    fn is_randomized(&self, most: usize) -> bool {
        match (self.svd_solver, self.n_components) {
            (Solver::Randomized, Components::Count(_)) => true,
            (Solver::Auto, Components::Count(count)) => most > WIDEST && f64::from(count) < 0.8 * most as f64,
            _ => false,
        }
    }

    /// Chooses how many components stay, and says what they explain.
    fn finish(
        &self,
        x: &Columns,
        means: Vec<f64>,
        squares: Vec<f64>,
        mut vectors: Vec<f64>,
        total: f64,
    ) -> Result<Pca, Error> {
        let (rows, width) = (x.rows() as f64, x.width());
        let squares: Vec<f64> = squares.iter().map(|s| s.max(0.0)).collect();
        for vector in vectors.chunks_exact_mut(width) {
            // The largest part is positive, as in scikit-learn.
            let largest = vector.iter().fold(0.0f64, |most, v| if v.abs() > most.abs() { *v } else { most });
            if largest < 0.0 {
                vector.iter_mut().for_each(|v| *v = -*v);
            }
        }
        let (explained_variance, all): (Vec<f64>, f64) = match self.center {
            true => (squares.iter().map(|s| s / (rows - 1.0)).collect(), total / (rows - 1.0)),
            // The columns and their combinations are not centred: take off the mean's share.
            false => {
                let share = |(s, v): (&f64, &[f64])| (s / rows - dot(v, &means).powi(2)).max(0.0);
                let variance = (total / rows - dot(&means, &means)).max(0.0);
                (squares.iter().zip(vectors.chunks_exact(width)).map(share).collect(), variance)
            }
        };
        let mut ratio: Vec<f64> =
            explained_variance.iter().map(|v| if all > 0.0 { v / all } else { 0.0 }).collect();
        let most = ratio.len().min(x.rows()).min(width);
        let count = match self.n_components {
            Components::All => most,
            Components::Count(count) => count as usize,
            Components::Share(share) => {
                let mut sum = 0.0;
                let enough = ratio.iter().position(|part| {
                    sum += part;
                    sum > share
                });
                enough.map_or(most, |last| last + 1).min(most)
            }
        };
        vectors.truncate(count * width);
        ratio.truncate(count);
        Ok(Pca {
            means: if self.center { means } else { vec![0.0; width] },
            components: vectors,
            explained_variance: explained_variance[..count].to_vec(),
            explained_variance_ratio: ratio,
            singular_values: squares[..count].iter().map(|s| s.sqrt()).collect(),
            whiten: self.whiten,
        })
    }
}

/// A value that is not finite, and one that is too large, shows in the sum of squares: no need for a pass of its own.
fn check_size(x: &Columns, total: f64) -> Result<(), Error> {
    match total.is_finite() && total < 1e300 {
        true => Ok(()),
        false => x
            .check_values(Missing::Refused)
            .and(Err(Error::data("the values are too large for variances; scale the columns"))),
    }
}

/// All of them from the products of rows, when there are fewer rows than columns.
fn of_rows(x: &Columns, shift: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (rows, width) = (x.rows(), x.width());
    let mut centred = vec![0.0; rows * width];
    for (j, column) in x.iter().enumerate() {
        column.iter().enumerate().for_each(|(i, v)| centred[i * width + j] = v - shift[j]);
    }
    let row = |i: usize| &centred[i * width..(i + 1) * width];
    let mut products = vec![0.0; rows * rows];
    for i in 0..rows {
        for j in 0..=i {
            let product = dot(row(i), row(j));
            (products[i * rows + j], products[j * rows + i]) = (product, product);
        }
    }
    let eigen = eigen::symmetric(products, rows);
    let mut vectors = vec![0.0; rows * width];
    for k in 0..rows {
        let (done, rest) = vectors.split_at_mut(k * width);
        let vector = &mut rest[..width];
        if eigen.values[k] > 1e-14 * eigen.values[0] {
            (0..rows).for_each(|i| axpy(eigen.vectors[k * rows + i], row(i), vector));
        }
        // Nothing is left of the rows: any direction that is at right angles to the others.
        let mut unit = 0;
        while !orthonormalize(done, vector) {
            vector.fill(0.0);
            vector[unit] = 1.0;
            unit += 1;
        }
    }
    (eigen.values, vectors)
}

/// Takes off the share of the vectors before, twice, and makes the rest of length 1. False if nothing is left.
fn orthonormalize(done: &[f64], vector: &mut [f64]) -> bool {
    let before = dot(vector, vector).sqrt();
    for _ in 0..2 {
        for other in done.chunks_exact(vector.len()) {
            let share = dot(other, vector);
            axpy(-share, other, vector);
        }
    }
    let length = dot(vector, vector).sqrt();
    if length.is_nan() || length <= 1e-6 * before || length == 0.0 {
        return false;
    }
    vector.iter_mut().for_each(|v| *v /= length);
    true
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
        x.check_features(Missing::Refused)?;
        let mut out = vec![vec![0.0; x.rows()]; self.len()];
        let mut block = vec![0.0; self.width() * BLOCK];
        for start in (0..x.rows()).step_by(BLOCK) {
            let rows = cross::read(x, &self.means, start, &mut block);
            for (out, component) in out.iter_mut().zip(self.components.chunks_exact(self.width())) {
                combine(&block, component, &mut out[start..start + rows]);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    fn table(rows: usize, width: usize) -> Matrix {
        let noise = |i: usize| ((i * 37 % 101) as f64).sin();
        let cell = |i: usize| {
            let (row, column) = ((i / width) as f64, (i % width) as f64);
            (1..4)
                .map(|k| (row * 1.7 * k as f64).cos() * (column * k as f64).sin() * 8.0 / (k * k) as f64)
                .sum::<f64>()
                + 0.2 * noise(i)
                + 1.0
        };
        Matrix::from_rows(&(0..rows * width).map(cell).collect::<Vec<_>>(), width).unwrap()
    }

    fn fit(matrix: &Matrix, params: Params) -> Pca {
        params.check().unwrap().fit(&matrix.columns()).unwrap()
    }

    #[test]
    fn solvers_agree() {
        for (rows, width) in [(200, 12), (20, 60)] {
            for center in [true, false] {
                let matrix = table(rows, width);
                let params = Params { n_components: Components::Count(3), center, ..Params::default() };
                let exact = fit(&matrix, params.clone());
                let random = Params { svd_solver: Solver::Randomized, n_iter: Some(30), ..params };
                let random = fit(&matrix, random);
                for k in 0..3 {
                    let (a, b) = (exact.singular_values()[k], random.singular_values()[k]);
                    assert!((a / b - 1.0).abs() < 1e-6, "{rows} {center} {k}: {a} {b}");
                    let part = |pca: &Pca| pca.components()[k * width..(k + 1) * width].to_vec();
                    let cosine = dot(&part(&exact), &part(&random));
                    assert!((cosine - 1.0).abs() < 1e-6, "{rows} {center} {k}: {cosine}");
                }
            }
        }
    }

    #[test]
    fn whitened_components_have_variance_one_and_do_not_go_together() {
        let matrix = table(300, 5);
        let pca = fit(&matrix, Params { whiten: true, ..Params::default() });
        let out = pca.transform(&matrix.columns()).unwrap();
        for (i, a) in out.iter().enumerate() {
            for (j, b) in out.iter().enumerate() {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(a, b) / 299.0 - expected).abs() < 1e-9, "{i} {j}");
            }
        }
        assert!((pca.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_share_of_the_variance() {
        let matrix = table(300, 5);
        let all = fit(&matrix, Params::default());
        let share = all.explained_variance_ratio()[0] + 0.5 * all.explained_variance_ratio()[1];
        assert_eq!(
            fit(&matrix, Params { n_components: Components::Share(share), ..Params::default() }).len(),
            2
        );
    }

    #[test]
    fn fewer_rows_than_columns_and_dependent_columns() {
        let wide = fit(
            &Matrix::from_rows(&[1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 3.0, 6.0, 9.0], 3).unwrap(),
            Params::default(),
        );
        for pca in [wide, fit(&table(4, 9), Params::default())] {
            for (i, a) in pca.components().chunks(pca.width()).enumerate() {
                for (j, b) in pca.components().chunks(pca.width()).enumerate() {
                    assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < 1e-10);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_decomposed() {
        let fit = |values: &[f64], width, params: Params| {
            params.check().unwrap().fit(&Matrix::from_rows(values, width).unwrap().columns())
        };
        let all = Params::default();
        assert!(fit(&[1.0, 2.0], 2, all.clone()).unwrap_err().to_string().contains("one row"));
        assert!(fit(&[1.0, 2.0, 1.0, 2.0], 2, all.clone()).unwrap_err().to_string().contains("constant"));
        assert!(
            fit(&[1e200, 2.0, 1.0, -1e200], 2, all.clone()).unwrap_err().to_string().contains("too large")
        );
        let many = Params { n_components: Components::Count(3), ..all };
        assert!(matches!(fit(&[1.0, 2.0, 4.0, 2.0], 2, many), Err(Error::Param(_))));
        let share = Params { n_components: Components::Share(1.5), ..Params::default() };
        assert_eq!(share.check().unwrap_err().name, "n_components");
    }
}
