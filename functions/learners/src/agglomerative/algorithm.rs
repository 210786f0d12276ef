use super::{Linkage, Params, chain, spanning};
use crate::neighbours::Rows;
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// Complete and average linkage keep all distances: 1.6 GB for so many rows.
const MOST_ROWS: usize = 20_000;

/// Two clusters that became one. Rows are clusters `0..n`; merge `i` makes cluster `n + i`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    pub a: u32,
    pub b: u32,
    /// How far they were apart; never less than in the merge before.
    pub distance: f64,
    /// Rows of the new cluster.
    pub size: u32,
}

/// All merges, and the clusters that the parameters leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Dendrogram {
    /// One fewer than rows.
    pub merges: Vec<Merge>,
    /// The cluster of each row; clusters are numbered by their first row.
    pub labels: Vec<u32>,
    pub clusters: usize,
}

impl Checked<Params> {
    /// Joins clusters until one is left, and cuts the tree.
    ///
    /// # Errors
    /// For values that are not finite or above 1e150, more clusters than rows, and more than 20,000 rows for complete and
    /// average linkage.
    pub fn fit(&self, x: &Columns) -> Result<Dendrogram, Error> {
        let rows = Rows::read(x)?;
        let count = rows.len();
        if let Some(clusters) = self.n_clusters
            && clusters as usize > count
        {
            return Err(Error::data(format!(
                "n_clusters is {clusters}, but the table has {}; ask for fewer clusters",
                crate::errors::rows(count)
            )));
        }
        let mut joined = match self.linkage {
            Linkage::Ward => chain::ward(&rows),
            Linkage::Single => {
                let edges = spanning::edges(&rows, self.metric, |length, _, _| length);
                edges.into_iter().map(|(a, b, length)| (a, b, self.metric.distance(length))).collect()
            }
            Linkage::Complete | Linkage::Average if count > MOST_ROWS => {
                return Err(Error::data(format!(
                    "complete and average linkage keep the distances of all pairs and take {MOST_ROWS} rows at most, \
                     not {count}; take ward or single linkage, or a sample"
                )));
            }
            linkage => chain::by_distances(&rows, self.metric, linkage),
        };
        joined.sort_by(|a, b| a.2.total_cmp(&b.2));
        let left = match (self.n_clusters, self.distance_threshold) {
            (Some(clusters), _) => clusters as usize,
            (None, Some(distance)) => joined.iter().filter(|merge| merge.2 >= distance).count() + 1,
            (None, None) => 1,
        };
        let (merges, labels) = cut(&joined, count, left);
        Ok(Dendrogram { merges, labels, clusters: left })
    }
}

/// Names the clusters of merges in their order.
pub(crate) fn tree_of(joined: &[(u32, u32, f64)], count: usize) -> Vec<Merge> {
    cut(joined, count, 1).0
}

/// Names the clusters of merges in their order, and labels rows by the first `count - left` of them.
fn cut(joined: &[(u32, u32, f64)], count: usize, left: usize) -> (Vec<Merge>, Vec<u32>) {
    let mut parents: Vec<u32> = (0..(2 * count).max(1) as u32 - 1).collect();
    let mut sizes = vec![1u32; parents.len()];
    let root = |parents: &mut Vec<u32>, mut i: u32| {
        while parents[i as usize] != i {
            let above = parents[parents[i as usize] as usize];
            parents[i as usize] = above;
            i = above;
        }
        i
    };
    let mut labels = Vec::new();
    let mut merges = Vec::with_capacity(joined.len());
    for step in 0..=joined.len() {
        if step + left == count {
            let mut numbers = vec![u32::MAX; parents.len()];
            let mut next = 0;
            for row in 0..count as u32 {
                let number = &mut numbers[root(&mut parents, row) as usize];
                if *number == u32::MAX {
                    *number = next;
                    next += 1;
                }
                labels.push(*number);
            }
        }
        let Some(&(a, b, distance)) = joined.get(step) else { break };
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        let own = (count + step) as u32;
        let size = sizes[a as usize] + sizes[b as usize];
        (parents[a as usize], parents[b as usize], sizes[own as usize]) = (own, own, size);
        merges.push(Merge { a: a.min(b), b: a.max(b), distance, size });
    }
    (merges, labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neighbours::Metric;
    use crate::rng::Rng;
    use crate::{Check, Matrix};

    /// Joins the nearest two of all, the plain way.
    fn plain(rows: &[Vec<f64>], linkage: Linkage) -> Vec<f64> {
        let mut clusters: Vec<Vec<usize>> = (0..rows.len()).map(|i| vec![i]).collect();
        let distance =
            |i: usize, j: usize| Metric::Euclidean.distance(Metric::Euclidean.reduced(&rows[i], &rows[j]));
        let mean = |c: &[usize]| -> Vec<f64> {
            (0..rows[0].len()).map(|j| c.iter().map(|&i| rows[i][j]).sum::<f64>() / c.len() as f64).collect()
        };
        let between = |a: &[usize], b: &[usize]| {
            let pairs = || a.iter().flat_map(|&i| b.iter().map(move |&j| distance(i, j)));
            let (x, y) = (a.len() as f64, b.len() as f64);
            match linkage {
                Linkage::Ward => {
                    (2.0 * x * y / (x + y) * Metric::Euclidean.reduced(&mean(a), &mean(b))).sqrt()
                }
                Linkage::Complete => pairs().fold(0.0, f64::max),
                Linkage::Average => pairs().sum::<f64>() / (x * y),
                Linkage::Single => pairs().fold(f64::INFINITY, f64::min),
            }
        };
        let mut distances = Vec::new();
        while clusters.len() > 1 {
            let mut best = (f64::INFINITY, 0, 0);
            for i in 0..clusters.len() {
                for j in i + 1..clusters.len() {
                    let d = between(&clusters[i], &clusters[j]);
                    best = if d < best.0 { (d, i, j) } else { best };
                }
            }
            distances.push(best.0);
            let gone = clusters.remove(best.2);
            clusters[best.1].extend(gone);
        }
        distances
    }

    const ALL: [Linkage; 4] = [Linkage::Ward, Linkage::Complete, Linkage::Average, Linkage::Single];

    #[test]
    fn merges_are_those_of_the_nearest_two() {
        let mut rng = Rng::new(4, 0);
        for width in [1, 3, 6] {
            let rows: Vec<Vec<f64>> = (0..40).map(|_| (0..width).map(|_| rng.unit()).collect()).collect();
            let matrix = Matrix::from_rows(&rows.concat(), width).unwrap();
            for linkage in ALL {
                let params = Params { linkage, n_clusters: Some(7), ..Params::default() }.check().unwrap();
                let tree = params.fit(&matrix.columns()).unwrap();
                let expected = plain(&rows, linkage);
                assert_eq!(tree.merges.len(), 39);
                for (merge, expected) in tree.merges.iter().zip(&expected) {
                    assert!((merge.distance - expected).abs() < 1e-9, "{linkage:?}");
                }
                assert_eq!(tree.labels.iter().max(), Some(&6));
                assert_eq!(tree.merges[38].size, 40);
                let threshold = (expected[32] + expected[33]) / 2.0;
                let by_distance = Params {
                    n_clusters: None,
                    distance_threshold: Some(threshold),
                    linkage,
                    ..Params::default()
                };
                let cut = by_distance.check().unwrap().fit(&matrix.columns()).unwrap();
                assert_eq!(cut.labels, tree.labels);
            }
        }
    }

    #[test]
    fn few_rows_and_equal_ones() {
        for linkage in ALL {
            let params = |n| Params { linkage, n_clusters: Some(n), ..Params::default() }.check().unwrap();
            let one = Matrix::from_rows(&[1.0], 1).unwrap();
            assert_eq!(params(1).fit(&one.columns()).unwrap().labels, [0]);
            assert!(params(2).fit(&one.columns()).is_err());
            let equal = Matrix::from_rows(&[1.0; 9], 1).unwrap();
            let tree = params(4).fit(&equal.columns()).unwrap();
            assert_eq!((tree.clusters, tree.labels.iter().max()), (4, Some(&3)));
            assert!(tree.merges.iter().all(|merge| merge.distance == 0.0));
        }
    }

    #[test]
    fn parameters_that_exclude_one_another() {
        let name = |params: Params| params.check().unwrap_err().name;
        assert_eq!(name(Params { distance_threshold: Some(1.0), ..Params::default() }), "n_clusters");
        assert_eq!(name(Params { n_clusters: None, ..Params::default() }), "n_clusters");
        assert_eq!(name(Params { metric: Metric::Manhattan, ..Params::default() }), "metric");
    }
}
