use super::export::Exported;
use super::sorted::{Aim, Point, Sorted};
use super::stored::Stored;
use super::{ClassWeight, Criterion, Export, Params};
use crate::cart::{Grown, Least, MaxFeatures, Outputs, Twins, check_sum_of_squares, grow, places};
use crate::matrix::{check_classes, check_target};
use crate::metrics::most_probable;
use crate::rng::Rng;
use crate::weights::{Kept, check_weights, sums_by_class};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted tree, of classes or of numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct DecisionTree {
    /// 0 for numbers.
    pub(super) classes: u32,
    pub(super) importances: Vec<f64>,
    /// The features that are two columns to the tree.
    pub(super) twins: Twins,
    pub(super) tree: Tree,
}

/// The nodes and what they predict.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tree {
    pub nodes: Vec<crate::cart::Node<f64>>,
    /// Nodes x outputs.
    pub values: Vec<f64>,
}

impl Checked<Params> {
    /// Grows a classifier, and says what it looks like. `x` is rows x features, `y` holds classes `0..n`, each in use.
    ///
    /// # Errors
    /// For infinite values, fewer than two classes, bad weights, or a criterion for numbers.
    pub fn fit_classes(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
    ) -> Result<(DecisionTree, Export), Error> {
        let criterion = Criterion::of_classes(self.criterion)?;
        Twins::of(x)?;
        let classes = check_classes(y, x.rows())?.len();
        check_weights(weights, x.rows())?;
        match Kept::of(x, weights) {
            None => self.classes_of(x, y, weights, Outputs::new(classes, criterion), criterion),
            Some(kept) => {
                let (y, weights) = (kept.pick(y), Some(kept.weights()));
                self.classes_of(&kept.columns(), &y, weights, Outputs::new(classes, criterion), criterion)
            }
        }
    }

    /// All rows have weight.
    fn classes_of(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
        outputs: Outputs,
        criterion: Criterion,
    ) -> Result<(DecisionTree, Export), Error> {
        let class_weights = self.class_weight.of(&sums_by_class(y, outputs.classes, weights))?;
        let point = |(row, class): (usize, &u32)| Point {
            weight: weights.map_or(1.0, |w| w[row])
                * class_weights.as_ref().map_or(1.0, |w| w[*class as usize]),
            value: f64::from(*class),
        };
        let points: Vec<Point> = y.iter().enumerate().map(point).collect();
        self.grow(x, Twins::of(x)?, &points, outputs, criterion, 0.0)
    }

    /// Grows a regressor, and says what it looks like. `y` has one number a row.
    ///
    /// # Errors
    /// For infinite values, bad weights, class weights, or a criterion for classes.
    pub fn fit_numbers(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<(DecisionTree, Export), Error> {
        let criterion = Criterion::of_numbers(self.criterion)?;
        if self.class_weight != ClassWeight::None {
            return Err(Error::data("class_weight is for classes; the target is a number"));
        }
        let twins = Twins::of(x)?;
        check_target(y, x.rows())?;
        check_weights(weights, x.rows())?;
        if let Some(kept) = Kept::of(x, weights) {
            return self.fit_numbers(&kept.columns(), &kept.pick(y), Some(kept.weights()));
        }
        // Centred, so that sums keep their digits far from 0.
        let offset = crate::linalg::mean(y, None, x.rows() as f64);
        let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
        let point = |(row, y): (usize, &f64)| Point { weight: weight(row), value: y - offset };
        let points: Vec<Point> = y.iter().enumerate().map(point).collect();
        let squares = points.iter().map(|p| p.weight * p.value * p.value).sum();
        check_sum_of_squares(squares, weights.is_some())?;
        self.grow(x, twins, &points, Outputs::new(0, criterion), criterion, offset)
    }

    fn grow(
        &self,
        x: &Columns,
        twins: Twins,
        points: &[Point],
        outputs: Outputs,
        criterion: Criterion,
        offset: f64,
    ) -> Result<(DecisionTree, Export), Error> {
        let total: f64 = points.iter().map(|point| point.weight).sum();
        if total <= 0.0 || !total.is_finite() {
            return Err(Error::data(format!(
                "the weights of rows and classes add up to {total}; some must be above 0, the sum finite"
            )));
        }
        let least =
            Least { rows: self.min_samples_leaf as usize, weight: self.min_weight_fraction_leaf * total };
        let aim = Aim {
            outputs,
            absolute: criterion == Criterion::AbsoluteError,
            tried: self.max_features.unwrap_or(MaxFeatures::All).of(x.width()),
            least,
        };
        let features = x.width();
        let stand_ins = twins.stand_ins(x);
        let columns = twins.columns(x, &stand_ins);
        let rng = Rng::new(self.seed, 0);
        let mut rows = Sorted::new(&columns, features, &twins, points, aim, rng);
        let count = rows.rows();
        let mut grown: Grown<f64> = grow(&mut rows, count, outputs.count(), &self.limits());
        grown.values.iter_mut().for_each(|value| *value += offset);
        let mut gains = vec![0.0; columns.width()];
        grown.add_gains(&mut gains);
        let mut importances = twins.folded(gains);
        let gained: f64 = importances.iter().sum();
        if gained > 0.0 {
            importances.iter_mut().for_each(|gain| *gain /= gained);
        }
        let tree = Tree { nodes: grown.nodes.clone(), values: grown.values.clone() };
        let export = Exported { grown, classes: outputs.classes, criterion, features, twins: twins.clone() };
        let model = DecisionTree { classes: outputs.classes as u32, importances, twins, tree };
        Ok((model, Export::new(export)))
    }
}

impl DecisionTree {
    /// The share of each feature in what the splits lower the impurity by; they add up to 1 unless there is no split.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }

    /// The number of classes; 0 for a tree of numbers.
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.importances.len()
    }

    /// Splits from the root to the farthest leaf.
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.tree.nodes.len()];
        for (place, node) in self.tree.nodes.iter().enumerate() {
            if !node.is_leaf(place as u32) {
                // Children lie behind their parents.
                let child = node.child as usize;
                depths[child] = depths[place] + 1;
                depths[child + 1] = depths[place] + 1;
            }
        }
        depths.into_iter().max().unwrap_or(0)
    }

    pub fn leaves(&self) -> usize {
        self.tree.nodes.len().div_ceil(2)
    }

    pub(super) fn outputs(&self) -> usize {
        if self.classes > 2 { self.classes as usize } else { 1 }
    }

    /// The values of the leaves, rows x outputs.
    pub(super) fn values(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        // So many rows stay in the cache on their way down.
        const BLOCK: usize = 256;
        x.check_width(self.width())?;
        self.twins.check(x)?;
        if self.tree.nodes.is_empty() {
            return Err(Error::data("the model holds no tree; fit it first"));
        }
        let (width, outputs) = (self.width() + self.twins.len(), self.outputs());
        let mut values = vec![0.0; x.rows() * outputs];
        let mut rows = vec![0.0; BLOCK.min(x.rows()) * width];
        for (block, out) in values.chunks_mut(BLOCK * outputs).enumerate() {
            let rows = &mut rows[..out.len() / outputs * width];
            for j in 0..width {
                let column = x.column(self.twins.feature(j, x.width()));
                let stand_in = Twins::stand_in(j, x.width());
                let cells = rows.iter_mut().skip(j).step_by(width);
                cells.zip(&column[block * BLOCK..]).for_each(|(cell, value)| {
                    *cell = if value.is_nan() { stand_in } else { *value };
                });
            }
            places(&self.tree.nodes, 0, rows, width, |row, place| {
                let own = &self.tree.values[place as usize * outputs..][..outputs];
                out[row * outputs..(row + 1) * outputs].copy_from_slice(own);
            });
        }
        Ok(values)
    }

    /// One number a row, from a tree of numbers.
    ///
    /// # Errors
    /// For a tree of classes, another number of columns than at the fit, infinite values, and missing ones of a feature that
    /// had none at the fit.
    pub fn predict_numbers(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.classes != 0 {
            return Err(Error::data("this tree predicts classes"));
        }
        self.values(x)
    }

    /// Probabilities, rows x classes, row after row: the shares in the leaf.
    ///
    /// # Errors
    /// As [`DecisionTree::predict_numbers`], for a tree of numbers.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        let values = match self.classes {
            0 => return Err(Error::data("this tree predicts numbers")),
            _ => self.values(x)?,
        };
        Ok(match self.classes {
            2 => values.iter().flat_map(|p| [1.0 - p, *p]).collect(),
            _ => values,
        })
    }

    /// The most probable class of each row.
    ///
    /// # Errors
    /// As [`DecisionTree::predict_proba`].
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(most_probable(&self.predict_proba(x)?, self.classes as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    fn fit(params: Params, rows: &[f64], width: usize, y: &[f64]) -> (DecisionTree, Vec<f64>) {
        let x = Matrix::from_rows(rows, width).unwrap();
        let (tree, _) = params.check().unwrap().fit_numbers(&x.columns(), y, None).unwrap();
        let predicted = tree.predict_numbers(&x.columns()).unwrap();
        (tree, predicted)
    }

    #[test]
    fn a_full_tree_repeats_its_numbers() {
        let y = [1e6, 2.0, -3.0, 2.5];
        let (tree, predicted) = fit(Params::default(), &[1.0, 5.0, 2.0, 9.0], 1, &y);
        predicted.iter().zip(y).for_each(|(p, y)| assert!((p - y).abs() < 1e-9, "{p} {y}"));
        assert_eq!((tree.leaves(), tree.depth(), tree.classes()), (4, 3, 0));
        assert!(tree.predict(&Matrix::from_rows(&[1.0], 1).unwrap().columns()).is_err());
    }

    /// Neither feature says anything alone.
    #[test]
    fn finds_exclusive_or() {
        let rows = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
        let (tree, predicted) = fit(Params::default(), &rows, 2, &[0.0, 1.0, 1.0, 0.0]);
        assert_eq!(predicted, [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(tree.depth(), 2);
    }

    #[test]
    fn medians_shrug_off_an_outlier() {
        let params =
            Params { criterion: Some(Criterion::AbsoluteError), max_depth: Some(1), ..Params::default() };
        let rows = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let (_, predicted) = fit(params, &rows, 1, &[1.0, 1.0, 900.0, 8.0, 8.0, 8.0]);
        assert_eq!(predicted, [1.0, 1.0, 8.0, 8.0, 8.0, 8.0]);
    }

    #[test]
    fn weightless_rows_are_not_there() {
        let x = Matrix::from_rows(&[1.0, 2.0, 3.0, 4.0], 1).unwrap();
        let params = Params::default().check().unwrap();
        let weights = [1.0, 1.0, 0.0, 1.0];
        let (tree, _) = params.fit_classes(&x.columns(), &[0, 0, 1, 2], Some(&weights)).unwrap();
        assert_eq!(tree.predict(&x.columns()).unwrap(), [0, 0, 0, 2]);
        assert_eq!(tree.classes(), 3);
        assert!(params.fit_classes(&x.columns(), &[0, 0, 1, 1], Some(&[0.0; 4])).is_err());
    }

    #[test]
    fn weights_and_values_that_are_too_large_together_are_refused() {
        let x = Matrix::from_rows(&[0.0, 0.0, 1.0], 1).unwrap();
        let params = Params::default().check().unwrap();
        let fit = |y: &[f64], first: f64| params.fit_numbers(&x.columns(), y, Some(&[first, 1e300, 1e300]));
        assert!(fit(&[1e120, 0.0, 0.0], 1.0).unwrap_err().to_string().contains("scale the weights"));
        let (tree, _) = fit(&[1e120, 1.0, 2.0], 0.0).unwrap();
        let predicted = tree.predict_numbers(&x.columns()).unwrap();
        predicted.iter().zip([1.0, 1.0, 2.0]).for_each(|(p, y)| assert!((p - y).abs() < 1e-12, "{p} {y}"));
    }

    #[test]
    fn criteria_go_with_their_target() {
        let x = Matrix::from_rows(&[1.0, 2.0], 1).unwrap();
        let params = |criterion| Params { criterion: Some(criterion), ..Params::default() }.check().unwrap();
        assert!(params(Criterion::SquaredError).fit_classes(&x.columns(), &[0, 1], None).is_err());
        assert!(params(Criterion::Gini).fit_numbers(&x.columns(), &[0.0, 1.0], None).is_err());
    }
}
