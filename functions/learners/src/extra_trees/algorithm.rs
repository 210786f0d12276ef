use super::Params;
use crate::forest::{Forest, Search, Trees};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// A fitted forest, of classes or of numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtraTrees(Forest);

impl Deref for ExtraTrees {
    type Target = Forest;

    fn deref(&self) -> &Forest {
        &self.0
    }
}

impl Checked<Params> {
    /// Grows a forest of classifiers. `x` is rows x features, `y` holds classes `0..n`, each in use. `on_tree` hears
    /// how many trees stand.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two classes, bad weights, or a criterion for numbers.
    pub fn fit_classes(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<ExtraTrees, Error> {
        self.trees(on_tree).fit_classes(x, y, weights).map(ExtraTrees)
    }

    /// Grows a forest of regressors. `y` has one number a row.
    ///
    /// # Errors
    /// For values that are not finite, bad weights, class weights, or a criterion for classes.
    pub fn fit_numbers(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<ExtraTrees, Error> {
        self.trees(on_tree).fit_numbers(x, y, weights).map(ExtraTrees)
    }

    fn trees<'a>(&self, on_tree: &'a mut dyn FnMut(u32)) -> Trees<'a> {
        Trees { options: self.options(), search: Search::Random, on_tree }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix, rng::Rng};

    /// `y` is 1 inside a square; a column says nothing, another is constant.
    fn square(rows: usize) -> (Matrix, Vec<u32>) {
        let mut rng = Rng::new(5, 0);
        let row = |_| [rng.unit(), rng.unit(), rng.unit(), 7.0];
        let rows: Vec<[f64; 4]> = (0..rows).map(row).collect();
        let inside = |r: &[f64; 4]| r[0] > 0.3 && r[0] < 0.8 && r[1] < 0.6;
        let y = rows.iter().map(|r| u32::from(inside(r))).collect();
        (Matrix::from_rows(&rows.concat(), 4).unwrap(), y)
    }

    #[test]
    fn learns_a_square() {
        let (matrix, y) = square(1000);
        let params = Params { bootstrap: true, oob_score: true, ..Params::default() }.check().unwrap();
        let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        assert!(forest.oob_score().unwrap() > 0.93, "{:?}", forest.oob_score());
        let importances = forest.importances();
        assert!(importances[2] < 0.2 && importances[3] == 0.0, "{importances:?}");
        let numbers: Vec<f64> = y.iter().map(|&y| f64::from(y) * 10.0 - 3.0).collect();
        let forest = params.fit_numbers(&matrix.columns(), &numbers, None, &mut |_| {}).unwrap();
        assert!(forest.oob_score().unwrap() > 0.75, "{:?}", forest.oob_score());
    }

    /// Trees on all rows until leaves are pure say of each row what it is; yet they differ in their splits.
    #[test]
    fn all_rows_are_learnt_by_heart() {
        let (matrix, y) = square(300);
        let params = Params { n_estimators: 7, ..Params::default() }.check().unwrap();
        let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        assert_eq!(forest.predict(&matrix.columns()).unwrap(), y);
        let (fresh, _) = square(2000);
        let proba = forest.predict_proba(&fresh.columns()).unwrap();
        assert!(proba.iter().any(|p| *p > 0.2 && *p < 0.8));
    }
}
