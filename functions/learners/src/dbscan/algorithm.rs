//! M. Ester, H.-P. Kriegel, J. Sander, X. Xu, A density-based algorithm for discovering clusters, KDD 1996. Clusters
//! are the components of core rows that are neighbours; they are numbered by their first core row, and a row at the
//! border belongs to the first cluster that has a core row near it, as in scikit-learn.

use super::{NOISE, Params};
use crate::neighbours::{KdTree, Metric, Nearest, Rows};
use crate::weights::check_weights;
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// The core rows and their clusters: all that new rows are compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Dbscan {
    /// Core rows, one after the other.
    #[serde(with = "crate::packed")]
    cores: Vec<f64>,
    /// The cluster of each core row.
    #[serde(with = "crate::packed")]
    clusters: Vec<u32>,
    features: u32,
    eps: f64,
    metric: Metric,
    #[serde(skip)]
    tree: Option<KdTree>,
}

/// [`Dbscan`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "crate::packed")]
    cores: Vec<f64>,
    #[serde(with = "crate::packed")]
    clusters: Vec<u32>,
    features: u32,
    eps: f64,
    metric: Metric,
}

impl TryFrom<Stored> for Dbscan {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { cores, clusters, features, eps, metric } = stored;
        let whole = features > 0
            && clusters.len().checked_mul(features as usize) == Some(cores.len())
            && cores.iter().all(|v| v.is_finite())
            && clusters.iter().all(|&cluster| (cluster as usize) < clusters.len())
            && eps > 0.0;
        match whole {
            true => Ok(Self::new(cores, clusters, features, eps, metric)),
            false => Err("the core rows are damaged"),
        }
    }
}

/// What became of the fitted rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustered {
    /// The cluster of each row, from 0; [`NOISE`] for those of none.
    pub labels: Vec<i32>,
    /// Whether each row is the core of a cluster.
    pub core: Vec<bool>,
}

/// Sets of rows that are joined one by one.
struct Components(Vec<u32>);

impl Components {
    fn root(&mut self, mut i: u32) -> u32 {
        while self.0[i as usize] != i {
            // Halves the path for whoever asks next.
            let above = self.0[self.0[i as usize] as usize];
            self.0[i as usize] = above;
            i = above;
        }
        i
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        // The lesser one stays, so that a root is the first row of its set.
        if a != b {
            self.0[a.max(b) as usize] = a.min(b);
        }
    }
}

impl Checked<Params> {
    /// Finds dense regions.
    ///
    /// # Errors
    /// For values that are not finite or above 1e150, and for bad weights.
    pub fn fit(&self, x: &Columns, weights: Option<&[f64]>) -> Result<(Dbscan, Clustered), Error> {
        let rows = Rows::read(x)?;
        check_weights(weights, rows.len())?;
        let tree = KdTree::new(&rows, self.metric);
        let radius = self.metric.reduce(self.eps);
        let core = self.cores(&rows, &tree, radius, weights);

        // In the tree's order, so that a search finds what the one before has brought to the cache; each pair once.
        let mut components = Components((0..rows.len() as u32).collect());
        for (place, &row) in tree.order().iter().enumerate() {
            if core[row as usize] {
                tree.within(rows.row(row as usize), radius, place + 1, |_, other| {
                    if core[other as usize] {
                        components.join(row, other);
                    }
                });
            }
        }
        let mut labels = vec![NOISE; rows.len()];
        let mut clusters = 0;
        for row in 0..rows.len() as u32 {
            if core[row as usize] {
                let root = components.root(row);
                if root == row {
                    labels[row as usize] = clusters;
                    clusters += 1;
                } else {
                    labels[row as usize] = labels[root as usize];
                }
            }
        }
        for row in (0..rows.len()).filter(|&row| !core[row]) {
            let mut first = i32::MAX;
            tree.within(rows.row(row), radius, 0, |_, other| {
                if core[other as usize] {
                    first = first.min(labels[other as usize]);
                }
            });
            labels[row] = if first == i32::MAX { NOISE } else { first };
        }

        let of_core = || (0..rows.len()).filter(|&row| core[row]);
        let cores = of_core().flat_map(|row| rows.row(row).iter().copied()).collect();
        let own = of_core().map(|row| labels[row] as u32).collect();
        let model = Dbscan::new(cores, own, x.width() as u32, self.eps, self.metric);
        Ok((model, Clustered { labels, core }))
    }

    fn cores(&self, rows: &Rows, tree: &KdTree, radius: f64, weights: Option<&[f64]>) -> Vec<bool> {
        let enough = self.min_samples as usize;
        let mut core = vec![false; rows.len()];
        for &row in tree.order() {
            let query = rows.row(row as usize);
            core[row as usize] = match weights {
                None => tree.count_within(query, radius, enough) >= enough,
                Some(w) => {
                    let mut sum = 0.0;
                    tree.within(query, radius, 0, |_, other| sum += w[other as usize]);
                    sum >= f64::from(self.min_samples)
                }
            };
        }
        core
    }
}

impl Dbscan {
    fn new(cores: Vec<f64>, clusters: Vec<u32>, features: u32, eps: f64, metric: Metric) -> Self {
        let rows = Rows { values: cores, width: features as usize };
        let tree = (!rows.is_empty()).then(|| KdTree::new(&rows, metric));
        Self { cores: rows.values, clusters, features, eps, metric, tree }
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> usize {
        self.clusters.iter().max().map_or(0, |&last| last as usize + 1)
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.features as usize
    }

    /// The cluster of the nearest core row of each row, if that is not farther than `eps`; else [`NOISE`]. Fitted core
    /// rows and noise keep their labels; a row at the border of two clusters may be given to the other one.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite or above 1e150.
    pub fn predict(&self, x: &Columns) -> Result<Vec<i32>, Error> {
        x.check_width(self.features as usize)?;
        let rows = Rows::read(x)?;
        let Some(tree) = &self.tree else { return Ok(vec![NOISE; rows.len()]) };
        let radius = self.metric.reduce(self.eps);
        let mut nearest = Nearest::new(1);
        let label = |row: &[f64]| {
            nearest.clear();
            tree.nearest(row, &mut nearest);
            match nearest.found() {
                [(distance, core)] if *distance <= radius => self.clusters[*core as usize] as i32,
                _ => NOISE,
            }
        };
        Ok(rows.iter().map(label).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    fn fit(values: &[f64], params: Params, weights: Option<&[f64]>) -> (Dbscan, Clustered) {
        params.check().unwrap().fit(&Matrix::from_rows(values, 1).unwrap().columns(), weights).unwrap()
    }

    #[test]
    fn clusters_borders_and_noise() {
        // 5.0 is at the border of both clusters; 20 is noise.
        let values = [8.0, 7.0, 6.0, 20.0, 2.0, 3.0, 4.0, 5.0, 1.0, 9.0];
        let (model, clustered) = fit(&values, Params { eps: 1.0, min_samples: 3, ..Params::default() }, None);
        assert_eq!(clustered.labels, [0, 0, 0, -1, 0, 0, 0, 0, 0, 0]);
        let border = [8.0, 7.0, 6.5, 20.0, 2.0, 3.0, 3.5, 5.0, 2.5, 7.5];
        let (model2, clustered) =
            fit(&border, Params { eps: 1.5, min_samples: 4, ..Params::default() }, None);
        assert_eq!(clustered.labels, [0, 0, 0, -1, 1, 1, 1, 0, 1, 0]);
        assert!(!clustered.core[7] && clustered.core[0]);
        assert_eq!((model.clusters(), model2.clusters()), (1, 2));
        let new = Matrix::from_rows(&[7.2, 2.2, 15.0], 1).unwrap();
        assert_eq!(model2.predict(&new.columns()).unwrap(), [0, 1, -1]);
    }

    #[test]
    fn weights_stand_for_rows() {
        let params = Params { eps: 0.5, min_samples: 3, ..Params::default() };
        assert_eq!(fit(&[0.0, 10.0], params.clone(), Some(&[3.0, 2.0])).1.labels, [0, -1]);
        assert_eq!(fit(&[0.0, 10.0], params, None).1.labels, [-1, -1]);
    }

    #[test]
    fn nothing_but_noise_can_be_stored() {
        let (model, _) = fit(&[0.0, 10.0], Params::default(), None);
        let back: Dbscan = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(back.predict(&Matrix::from_rows(&[0.0], 1).unwrap().columns()).unwrap(), [-1]);
        let (model, _) = fit(&[0.0; 10], Params::default(), None);
        let json = serde_json::to_string(&model).unwrap();
        assert!(serde_json::from_str::<Dbscan>(&json.replace("\"features\":1", "\"features\":3")).is_err());
    }
}
