use super::Params;
use super::grow::Isolated;
use crate::cart::{Grown, Leaf, Limits, MOST, MaxSamples, Node, Preorder, grow, places};
use crate::matrix::Missing;
use crate::rng::Rng;
use crate::weights::{Kept, check_weights};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted forest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct IsolationForest {
    width: u32,
    /// Rows each tree was grown on.
    max_samples: u32,
    /// Scores below are anomalies.
    offset: f64,
    roots: Vec<u32>,
    nodes: Vec<Node<f64>>,
    /// For each leaf its depth and what it would be on average to part its rows; 0 for splits.
    paths: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    width: u32,
    max_samples: u32,
    offset: f64,
    trees: Preorder<f64, f32>,
}

/// Rows each tree is grown on unless said otherwise.
const USUAL_SAMPLES: usize = 256;

impl Checked<Params> {
    /// Grows a forest. `x` is rows x features; rows of twice the weight are drawn twice as readily. `on_tree` hears how
    /// many trees stand.
    ///
    /// # Errors
    /// For values that are not finite, or bad weights.
    pub fn fit(
        &self,
        x: &Columns,
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<IsolationForest, Error> {
        x.check_features(Missing::Refused)?;
        check_weights(weights, x.rows())?;
        if x.width() > MOST {
            let width = x.width();
            return Err(Error::data(format!(
                "there are {width} feature columns; trees take {MOST} at the most"
            )));
        }
        if let Some(kept) = Kept::of(x, weights) {
            return self.fit(&kept.columns(), Some(kept.weights()), on_tree);
        }
        let drawn = match self.max_samples {
            None => USUAL_SAMPLES,
            // As in scikit-learn, all if there are fewer.
            Some(MaxSamples::Count(count)) => count as usize,
            Some(share) => share.of(x.rows())?,
        };
        let drawn = drawn.min(x.rows());
        let tried = self.max_features.of(x.width());
        let depth = drawn.max(2).next_power_of_two().trailing_zeros();
        let limits = Limits { max_depth: Some(depth), ..Limits::default() };
        let mut forest = IsolationForest {
            width: x.width() as u32,
            max_samples: drawn as u32,
            offset: -0.5,
            ..IsolationForest::default()
        };
        let mut rows: Vec<u32> = (0..x.rows() as u32).collect();
        for number in 0..self.n_estimators {
            let mut rng = Rng::new(self.seed, u64::from(number));
            let own = draw(&mut rows, weights, drawn, self.bootstrap, &mut rng);
            let mut features: Vec<u32> = (0..x.width() as u32).collect();
            rng.draw_to_front(&mut features, tried);
            features.truncate(tried);
            let count = own.len();
            let mut isolated = Isolated { x, rows: own, features, rng };
            forest.push(&grow(&mut isolated, count, 0, &limits));
            on_tree(number + 1);
        }
        if let Some(contamination) = self.contamination {
            forest.offset = quantile(forest.score_samples(x)?, contamination);
        }
        Ok(forest)
    }
}

/// The rows of a tree.
fn draw(rows: &mut [u32], weights: Option<&[f64]>, count: usize, bootstrap: bool, rng: &mut Rng) -> Vec<u32> {
    let Some(weights) = weights else {
        if bootstrap {
            return (0..count).map(|_| rng.below(rows.len()) as u32).collect();
        }
        rng.draw_to_front(rows, count);
        return rows[..count].to_vec();
    };
    if bootstrap {
        let sums: Vec<f64> = weights
            .iter()
            .scan(0.0, |sum, w| {
                *sum += w;
                Some(*sum)
            })
            .collect();
        let total = sums[sums.len() - 1];
        let last = weights.iter().rposition(|w| *w > 0.0).unwrap_or(0);
        let one = |_| sums.partition_point(|sum| *sum <= rng.unit() * total).min(last) as u32;
        return (0..count).map(one).collect();
    }
    // P. Efraimidis, P. Spirakis, Weighted random sampling with a reservoir, 2006: the rows that, as if they decayed at
    // the rates of their weights, go first.
    let mut times: Vec<(f64, u32)> = weights
        .iter()
        .zip(0..)
        .filter(|(weight, _)| **weight > 0.0)
        .map(|(weight, row)| (-libm::log(1.0 - rng.unit()) / weight, row))
        .collect();
    if count < times.len() {
        times.select_nth_unstable_by(count, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    let mut rows: Vec<u32> = times[..count].iter().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    rows
}

/// The value that a share of the values is below, between two neighbours in proportion, as NumPy's percentile.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let (_, low, above) = values.select_nth_unstable_by(place as usize, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
    *low + (next - *low) * place.fract()
}

/// Comparisons that it takes on average to find a row among `n` in a random tree.
fn average_path(n: u32) -> f64 {
    /// Euler's constant.
    const GAMMA: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        n => 2.0 * (libm::log(f64::from(n - 1)) + GAMMA) - 2.0 * f64::from(n - 1) / f64::from(n),
    }
}

impl IsolationForest {
    fn push(&mut self, tree: &Grown<f64>) {
        let root = self.nodes.len() as u32;
        self.roots.push(root);
        let mut depths = vec![0.0; tree.nodes.len()];
        for (place, node) in tree.nodes.iter().enumerate() {
            let is_leaf = node.is_leaf(place as u32);
            if !is_leaf {
                // Children lie behind their parents.
                depths[node.child as usize] = depths[place] + 1.0;
                depths[node.child as usize + 1] = depths[place] + 1.0;
            }
            self.nodes.push(Node { child: node.child + root, ..*node });
            let path = depths[place] + average_path(tree.stats[place].samples);
            self.paths.push(if is_leaf { path as f32 } else { 0.0 });
        }
    }

    pub fn trees(&self) -> usize {
        self.roots.len()
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.width as usize
    }

    /// Rows each tree was grown on.
    pub fn max_samples(&self) -> usize {
        self.max_samples as usize
    }

    /// Rows that score below are anomalies.
    pub fn offset(&self) -> f64 {
        self.offset
    }

    /// Minus the anomaly score of the paper, one a row, from -1 to 0: the lower, the more abnormal.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and values that are not finite.
    pub fn score_samples(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        const BLOCK: usize = 128;
        x.check_width(self.width())?;
        x.check_features(Missing::Refused)?;
        if self.roots.is_empty() {
            return Err(Error::data("the model holds no forest; fit it first"));
        }
        let width = self.width();
        let mut scores = vec![0.0; x.rows()];
        let mut rows = vec![0.0; BLOCK.min(x.rows()) * width];
        for (block, sums) in scores.chunks_mut(BLOCK).enumerate() {
            let rows = &mut rows[..sums.len() * width];
            for (j, column) in x.iter().enumerate() {
                let cells = rows.iter_mut().skip(j).step_by(width);
                cells.zip(&column[block * BLOCK..]).for_each(|(cell, value)| *cell = *value);
            }
            for root in &self.roots {
                places(&self.nodes, *root, rows, width, |row, place| {
                    sums[row] += f64::from(self.paths[place as usize]);
                });
            }
        }
        let usual = self.roots.len() as f64 * average_path(self.max_samples);
        let score = |path: f64| -libm::exp2(-if usual > 0.0 { path / usual } else { 1.0 });
        scores.iter_mut().for_each(|value| *value = score(*value));
        Ok(scores)
    }

    /// The scores less the threshold: below 0 are anomalies.
    ///
    /// # Errors
    /// As [`IsolationForest::score_samples`].
    pub fn decision_function(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        Ok(self.score_samples(x)?.iter().map(|score| score - self.offset).collect())
    }

    /// -1 for anomalies, 1 for others.
    ///
    /// # Errors
    /// As [`IsolationForest::score_samples`].
    pub fn predict(&self, x: &Columns) -> Result<Vec<i8>, Error> {
        Ok(self.decision_function(x)?.iter().map(|value| if *value < 0.0 { -1 } else { 1 }).collect())
    }
}

impl From<IsolationForest> for Stored {
    fn from(forest: IsolationForest) -> Self {
        let leaf = |place: u32| Leaf::Values(std::slice::from_ref(&forest.paths[place as usize]));
        let trees = Preorder::write(&forest.nodes, &forest.roots, leaf);
        Self { width: forest.width, max_samples: forest.max_samples, offset: forest.offset, trees }
    }
}

impl TryFrom<Stored> for IsolationForest {
    type Error = &'static str;

    /// Checks everything that a walk relies on: a damaged file must not lead it astray.
    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { width, max_samples, offset, trees } = stored;
        if !offset.is_finite() || width as usize > MOST {
            return Err("the forest is damaged");
        }
        let mut paths = Vec::new();
        let leaf = |place: u32, leaf: Leaf<f32>| {
            paths.resize(paths.len().max(place as usize + 1), 0.0);
            match leaf {
                Leaf::Values([path]) => paths[place as usize] = *path,
                _ => return false,
            }
            paths[place as usize] >= 0.0 && paths[place as usize].is_finite()
        };
        let fits = |feature: u16, test: f64| u32::from(feature) < width && test.is_finite();
        let (nodes, roots) = trees.read(1, fits, leaf)?;
        paths.resize(nodes.len(), 0.0);
        Ok(Self { width, max_samples, offset, roots, nodes, paths })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    /// A cloud, and a point far off at its end.
    fn cloud(rows: usize) -> Matrix {
        let mut rng = Rng::new(4, 0);
        let mut values: Vec<f64> =
            (0..rows * 2 - 2).map(|_| (0..6).map(|_| rng.unit()).sum::<f64>() - 3.0).collect();
        values.extend([9.0, -9.0]);
        Matrix::from_rows(&values, 2).unwrap()
    }

    #[test]
    fn what_lies_far_off_is_an_anomaly() {
        let matrix = cloud(500);
        let params = Params { n_estimators: 50, ..Params::default() }.check().unwrap();
        let forest = params.fit(&matrix.columns(), None, &mut |_| {}).unwrap();
        assert_eq!((forest.trees(), forest.max_samples(), forest.offset()), (50, 256, -0.5));
        let scores = forest.score_samples(&matrix.columns()).unwrap();
        assert!(scores.iter().all(|s| (-1.0..0.0).contains(s)));
        assert!(scores[499] < -0.75 && scores[..499].iter().all(|s| *s > scores[499]), "{}", scores[499]);
        assert_eq!(forest.predict(&matrix.columns()).unwrap()[499], -1);
    }

    #[test]
    fn contamination_sets_the_threshold() {
        let matrix = cloud(401);
        let params =
            Params { contamination: Some(0.1), bootstrap: true, ..Params::default() }.check().unwrap();
        let forest = params.fit(&matrix.columns(), None, &mut |_| {}).unwrap();
        let labels = forest.predict(&matrix.columns()).unwrap();
        assert_eq!(labels.iter().filter(|label| **label == -1).count(), 40);
        assert_eq!(quantile(vec![4.0, 1.0, 2.0, 3.0], 0.5), 2.5);
        assert_eq!(quantile(vec![7.0], 0.3), 7.0);
    }

    #[test]
    fn weights_decide_which_rows_are_drawn() {
        let weights: Vec<f64> = (0..100)
            .map(|i| {
                if i < 10 {
                    1e6
                } else if i < 50 {
                    0.0
                } else {
                    1.0
                }
            })
            .collect();
        let mut rng = Rng::new(0, 0);
        let mut rows: Vec<u32> = (0..100).collect();
        let mut drawn = draw(&mut rows, Some(&weights), 10, false, &mut rng);
        drawn.sort_unstable();
        assert!(drawn.iter().copied().eq(0..10), "{drawn:?}");
        let all = draw(&mut rows, Some(&weights), 60, false, &mut rng);
        assert!(all.iter().all(|row| weights[*row as usize] > 0.0));
        let again = draw(&mut rows, Some(&weights), 99, true, &mut rng);
        assert!(again.iter().filter(|row| **row < 10).count() > 95);
        let matrix = cloud(100);
        let params = Params::default().check().unwrap();
        let forest = params.fit(&matrix.columns(), Some(&weights), &mut |_| {}).unwrap();
        assert_eq!(forest.max_samples(), 60);
    }

    #[test]
    fn rows_that_cannot_be_parted_are_average() {
        let matrix = Matrix::from_rows(&[3.0; 8], 2).unwrap();
        let params = Params { n_estimators: 3, ..Params::default() }.check().unwrap();
        let forest = params.fit(&matrix.columns(), None, &mut |_| {}).unwrap();
        for score in forest.score_samples(&matrix.columns()).unwrap() {
            assert!((score + 0.5).abs() < 1e-7, "{score}");
        }
        let one = Matrix::from_rows(&[1.0, 2.0], 2).unwrap();
        let forest = params.fit(&one.columns(), None, &mut |_| {}).unwrap();
        assert_eq!(forest.score_samples(&one.columns()).unwrap(), [-0.5]);
    }

    #[test]
    fn survives_a_round_trip_and_refuses_damage() {
        let matrix = cloud(50);
        let params = Params { n_estimators: 5, ..Params::default() }.check().unwrap();
        let forest = params.fit(&matrix.columns(), None, &mut |_| {}).unwrap();
        let json = serde_json::to_value(&forest).unwrap();
        let back: IsolationForest = serde_json::from_value(json.clone()).unwrap();
        let scores = |forest: &IsolationForest| forest.score_samples(&matrix.columns()).unwrap();
        assert_eq!(scores(&back), scores(&forest));
        for (place, value) in [
            ("/width", serde_json::json!(1)),
            ("/width", serde_json::json!(100_000)),
            ("/trees/trees", serde_json::json!(4)),
            (
                "/trees/values",
                serde_json::json!(vec![255; json["trees"]["values"].as_array().unwrap().len()]),
            ),
        ] {
            let mut damaged = json.clone();
            *damaged.pointer_mut(place).unwrap() = value;
            assert!(serde_json::from_value::<IsolationForest>(damaged).is_err(), "{place}");
        }
    }
}
