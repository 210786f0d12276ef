//! How well penalties do on rows that were left out: as scikit-learn's `LassoCV` and `ElasticNetCV`.

use super::Params;
use crate::linear_model::check_data;
use crate::metrics::regression;
use crate::weights::Kept;
use crate::{Checked, Columns, Error, Matrix, ParamError};
use std::ops::Range;

impl Checked<Params> {
    /// Mean squared errors of the penalties, one each: the rows are cut into `folds` runs of neighbours, each is predicted
    /// by what the others teach, and the folds' errors count alike (rows in a fold by their weights).
    ///
    /// # Errors
    /// As [`Self::fit_path`], and for fewer than two folds or more than rows that have weight.
    pub fn cross_validate(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        alphas: &[f64],
        folds: usize,
    ) -> Result<Vec<f64>, Error> {
        check_data(x, y, weights)?;
        if let Some(kept) = Kept::of(x, weights) {
            let weights = Some(kept.weights());
            return self.cross_validate(&kept.columns(), &kept.pick(y), weights, alphas, folds);
        }
        if folds < 2 || folds > x.rows() {
            let allowed = format!("2 to {}, the number of rows that have weight", x.rows());
            return Err(ParamError::new("cv", format!("{folds} folds"), allowed).into());
        }
        let mut errors = vec![0.0; alphas.len()];
        for fold in 0..folds {
            let out = bounds(fold, folds, x.rows());
            let kept = |values: &[f64]| [&values[..out.start], &values[out.end..]].concat();
            let columns: Vec<f64> = x.iter().flat_map(kept).collect();
            let matrix = Matrix::from_columns(columns, x.rows() - out.len(), x.width());
            let kept_weights = weights.map(kept);
            let fits = self.fit_path(&matrix.columns(), &kept(y), kept_weights.as_deref(), alphas)?;
            let left_out = Columns::new(x.iter().map(|column| &column[out.clone()]).collect())?;
            for (error, fit) in errors.iter_mut().zip(&fits) {
                let predicted = fit.model.predict(&left_out)?;
                let weights = weights.map(|w| &w[out.clone()]);
                *error += regression::brief(&y[out.clone()], &predicted, weights)?.mse / folds as f64;
            }
        }
        Ok(errors)
    }
}

/// The rows of a fold: the first ones have one more where they do not come out even.
fn bounds(fold: usize, folds: usize, rows: usize) -> Range<usize> {
    let start = |fold: usize| fold * (rows / folds) + fold.min(rows % folds);
    start(fold)..start(fold + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Check;

    #[test]
    fn folds_are_runs_of_rows() {
        let all: Vec<_> = (0..3).map(|fold| bounds(fold, 3, 8)).collect();
        assert_eq!(all, [0..3, 3..6, 6..8]);
    }

    #[test]
    fn folds_that_say_nothing_are_refused() {
        let x = Matrix::from_rows(&[1.0, 2.0, 3.0, 5.0], 1).unwrap();
        let params = Params::default().check().unwrap();
        let run = |folds, weights: Option<&[f64]>| {
            params.cross_validate(&x.columns(), &[1.0, 2.0, 3.0, 4.0], weights, &[0.1], folds)
        };
        assert!(run(2, None).is_ok() && run(4, None).is_ok());
        for folds in [0, 1, 5] {
            assert!(matches!(run(folds, None), Err(Error::Param(error)) if error.name == "cv"));
        }
        // Rows without weight are in no fold.
        assert!(run(2, Some(&[1.0, 1.0, 0.0, 0.0])).is_ok());
        let few = run(3, Some(&[1.0, 1.0, 0.0, 0.0]));
        assert!(matches!(few, Err(Error::Param(error)) if error.name == "cv"));
    }
}
