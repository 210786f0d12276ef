//! R. J. G. B. Campello, D. Moulavi, J. Sander, Density-based clustering based on hierarchical density estimates, PAKDD
//! 2013: single linkage of distances that are at least those of either row to its `min_samples`-th neighbour.

use super::condensed::Tree;
use super::model::Stored;
use super::{Hdbscan, NOISE, Params};
use crate::agglomerative::{Merge, spanning_edges, tree_of};
use crate::neighbours::{KdTree, Nearest, Rows};
use crate::{Checked, Columns, Error, ParamError};

/// What became of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustered {
    /// The cluster of each row, from 0 in the order of their first rows; [`NOISE`] for those of none.
    pub labels: Vec<i32>,
    /// How firmly each row is in its cluster, from 0 to 1; 0 for noise.
    pub probabilities: Vec<f64>,
    pub clusters: usize,
}

impl Checked<Params> {
    /// Finds clusters of any density. Time grows with the square of the rows, memory does not.
    ///
    /// # Errors
    /// For values that are not finite or above 1e150, and `min_samples` above the number of rows.
    pub fn fit(&self, x: &Columns) -> Result<(Hdbscan, Clustered), Error> {
        let rows = Rows::read(x)?;
        let count = rows.len();
        let samples = self.min_samples.unwrap_or(self.min_cluster_size) as usize;
        if samples > count {
            let had = crate::errors::rows(count);
            if self.min_samples.is_some() {
                let message = format!("{samples} near rows are asked, but the table has {had}");
                return Err(ParamError::new("min_samples", message, format!("at most {count}")).into());
            }
            return Err(Error::data(format!(
                "the table has {had}, too few for one cluster; bring more, or lower min_cluster_size, which is {}",
                self.min_cluster_size
            )));
        }
        let tree = KdTree::new(&rows, self.metric);
        let mut nearest = Nearest::new(samples);
        let mut core = vec![0.0; count];
        for &row in tree.order() {
            nearest.clear();
            tree.nearest(rows.row(row as usize), &mut nearest);
            core[row as usize] = nearest.limit();
        }
        let stretch = |d: f64, a: u32, b: u32| d.max(core[a as usize]).max(core[b as usize]);
        let edges = spanning_edges(&rows, self.metric, stretch);
        let mut joined: Vec<(u32, u32, f64)> =
            edges.into_iter().map(|(a, b, length)| (a, b, self.metric.distance(length))).collect();
        joined.sort_by(|a, b| a.2.total_cmp(&b.2));
        let merges: Vec<Merge> = tree_of(&joined, count);

        let tree = Tree::condense(&merges, count, self.min_cluster_size as usize);
        // One row is no cluster, whatever is allowed.
        let taken = tree.select(self.cluster_selection_method, self.allow_single_cluster && count > 1);
        let mut numbers = vec![NOISE; taken.len()];
        let mut clusters = 0;
        let (mut labels, mut probabilities) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for place in tree.label(&taken) {
            let Some((cluster, probability)) = place else {
                labels.push(NOISE);
                probabilities.push(0.0);
                continue;
            };
            if numbers[cluster] == NOISE {
                numbers[cluster] = clusters;
                clusters += 1;
            }
            labels.push(numbers[cluster]);
            probabilities.push(probability);
        }
        let model = Hdbscan::new(Stored {
            features: rows.width as u32,
            rows: rows.values,
            metric: self.metric,
            min_samples: samples as u32,
            core,
            leaves: tree.leaves().iter().map(|(cluster, _)| *cluster as u32).collect(),
            densities: tree.leaves().iter().map(|(_, density)| *density).collect(),
            clusters: tree.known(&taken, &numbers),
        });
        Ok((model, Clustered { labels, probabilities, clusters: clusters as usize }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Selection;
    use super::*;
    use crate::{Check, Matrix};

    fn fit(values: &[f64], params: Params) -> Result<Clustered, Error> {
        let matrix = Matrix::from_rows(values, 1).unwrap();
        let (model, clustered) = params.check().unwrap().fit(&matrix.columns())?;
        // Fitted rows are where they were.
        let placed = model.predict(&matrix.columns()).unwrap();
        assert_eq!((&placed.labels, &placed.probabilities), (&clustered.labels, &clustered.probabilities));
        Ok(clustered)
    }

    #[test]
    fn clusters_of_two_densities_and_noise() {
        let dense = (0..10).map(|i| f64::from(i) * 0.1 + 0.001 * f64::from(i * i));
        let thin = (0..10).map(|i| 100.0 + f64::from(i) * 3.0 + 0.01 * f64::from(i * i));
        let values: Vec<f64> = dense.chain(thin).chain([1000.0]).collect();
        for cluster_selection_method in [Selection::Eom, Selection::Leaf] {
            let params = Params { cluster_selection_method, ..Params::default() };
            let found = fit(&values, params).unwrap();
            assert_eq!(found.clusters, 2, "{cluster_selection_method:?}");
            assert!(found.labels[..10].iter().all(|label| *label == 0));
            assert!(found.labels[10..20].iter().all(|label| *label == 1));
            assert_eq!((found.labels[20], found.probabilities[20]), (NOISE, 0.0));
            assert!(found.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn equal_rows_and_few() {
        assert_eq!(fit(&[1.0; 30], Params::default()).unwrap().labels, [NOISE; 30]);
        let single = Params { allow_single_cluster: true, ..Params::default() };
        assert_eq!(fit(&[1.0; 30], single).unwrap().labels, [0; 30]);
        assert!(fit(&[1.0; 4], Params::default()).is_err());
        assert_eq!(
            fit(&[1.0], Params { min_samples: Some(1), ..Params::default() }).unwrap().labels,
            [NOISE]
        );
    }
}
