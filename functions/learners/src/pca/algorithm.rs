use super::{Components, Params, Pca, Solver, randomized};
use crate::linalg::{axpy, cross, dot, eigen};
use crate::{Checked, Columns, Error, ParamError};

/// With more columns the products of all pairs of them cost more than a few components do.
const WIDEST: usize = 1000;

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
            .check_squares()
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
