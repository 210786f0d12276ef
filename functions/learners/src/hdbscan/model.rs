//! Labels of new rows by the tree that was fitted, as `approximate_predict` of the package `hdbscan` finds them: the tree
//! stays as it is, and a new row is put where its nearest fitted row is, or as far above as it would have split off.

use super::NOISE;
use crate::neighbours::{KdTree, Metric, Nearest, Rows};
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// The fitted rows with their places in the tree: all that new rows are compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Hdbscan {
    stored: Stored,
    tree: KdTree,
}

/// What is kept of [`Hdbscan`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    /// Row after row.
    #[serde(with = "crate::packed")]
    pub rows: Vec<f64>,
    pub features: u32,
    pub metric: Metric,
    pub min_samples: u32,
    /// Of each row the reduced distance to its `min_samples`-th neighbour.
    #[serde(with = "crate::packed")]
    pub core: Vec<f64>,
    /// The cluster that each row leaves last, and the density at which it does.
    #[serde(with = "crate::packed")]
    pub leaves: Vec<u32>,
    #[serde(with = "crate::packed")]
    pub densities: Vec<f64>,
    pub clusters: Vec<Cluster>,
}

/// A cluster of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Cluster {
    /// Comes before it; the first one is its own.
    pub parent: u32,
    /// The density at which it splits off.
    pub birth: f64,
    /// The label of the taken cluster that it is or lies in; [`NOISE`] if none.
    pub label: i32,
    /// The largest density of a row of that cluster; 0 if none.
    pub death: f64,
}

impl TryFrom<Stored> for Hdbscan {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let count = stored.core.len();
        let of_cluster = |(place, cluster): (usize, &Cluster)| {
            (cluster.parent as usize) < place.max(1)
                && cluster.label >= NOISE
                && !cluster.birth.is_nan()
                && cluster.death.is_finite()
        };
        let whole = count > 0
            && stored.features > 0
            && stored.min_samples > 0
            && stored.min_samples as usize <= count
            && count.checked_mul(stored.features as usize) == Some(stored.rows.len())
            && stored.leaves.len() == count
            && stored.densities.len() == count
            && stored.rows.iter().chain(&stored.core).all(|v| v.is_finite())
            && stored.densities.iter().all(|v| !v.is_nan())
            && stored.leaves.iter().all(|&leaf| (leaf as usize) < stored.clusters.len())
            && stored.clusters.iter().enumerate().all(of_cluster);
        match whole {
            true => Ok(Self::new(stored)),
            false => Err("the fitted rows are damaged"),
        }
    }
}

impl From<Hdbscan> for Stored {
    fn from(model: Hdbscan) -> Self {
        model.stored
    }
}

/// What is said of new rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Placed {
    /// The cluster of each row; [`NOISE`] for those of none.
    pub labels: Vec<i32>,
    /// How firmly each row is in its cluster, from 0 to 1; 0 for noise.
    pub probabilities: Vec<f64>,
}

impl Hdbscan {
    pub(super) fn new(mut stored: Stored) -> Self {
        let rows = Rows { values: std::mem::take(&mut stored.rows), width: stored.features as usize };
        let tree = KdTree::new(&rows, stored.metric);
        stored.rows = rows.values;
        Self { stored, tree }
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.stored.features as usize
    }

    /// The cluster of each row, and how firmly it is in it. Fitted rows mostly keep their labels: a row that is as near
    /// to two clusters may change over.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite or above 1e150.
    pub fn predict(&self, x: &Columns) -> Result<Placed, Error> {
        x.check_width(self.width())?;
        let rows = Rows::read(x)?;
        let samples = self.stored.min_samples as usize;
        let mut nearest = Nearest::new((2 * (samples - 1)).max(samples).min(self.stored.core.len()));
        let mut placed = Placed::default();
        for row in rows.iter() {
            nearest.clear();
            self.tree.nearest(row, &mut nearest);
            let (label, probability) = self.place(nearest.found(), samples);
            placed.labels.push(label);
            placed.probabilities.push(probability);
        }
        Ok(placed)
    }

    fn place(&self, found: &[(f64, u32)], samples: usize) -> (i32, f64) {
        let Stored { core, leaves, densities, clusters, metric, .. } = &self.stored;
        let own_core = found.get(samples - 1).map_or(f64::INFINITY, |(distance, _)| *distance);
        let reach = |&(distance, row): &(f64, u32)| (distance.max(core[row as usize]).max(own_core), row);
        let nearer = |a: (f64, u32), b: (f64, u32)| if b.0 < a.0 { b } else { a };
        let Some((distance, row)) = found.iter().map(reach).reduce(nearer) else { return (NOISE, 0.0) };
        let density = super::condensed::density(metric.distance(distance));
        let mut cluster = leaves[row as usize] as usize;
        if densities[row as usize] > density {
            while cluster > 0 && clusters[cluster].birth >= density {
                cluster = clusters[cluster].parent as usize;
            }
        }
        let Cluster { label, death, .. } = clusters[cluster];
        match label {
            NOISE => (NOISE, 0.0),
            label if death > 0.0 => (label, density.min(death) / death),
            label => (label, 1.0),
        }
    }
}
