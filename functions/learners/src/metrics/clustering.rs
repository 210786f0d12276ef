//! How tight and how far apart clusters are, from the rows alone.

use crate::linalg::dot;
use crate::matrix::check_length;
use crate::rng::Rng;
use crate::{Columns, Error};

/// All metrics of a clustering that need no true labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The sum of squared distances of rows to the means of their clusters.
    pub inertia: f64,
    /// From -1 (in the wrong cluster) to 1; `None` without at least 2 clusters and one row more than clusters.
    pub silhouette: Option<f64>,
    /// The mean likeness of each cluster to its nearest; lower is better.
    pub davies_bouldin: Option<f64>,
    /// Spread between clusters over spread within them; higher is better. `None` too if clusters are points.
    pub calinski_harabasz: Option<f64>,
}

/// Rows by cluster, with the means.
struct Clusters<'a> {
    /// Row-major copy, centred on the mean of all rows.
    rows: Vec<&'a [f64]>,
    labels: Vec<usize>,
    means: Vec<Vec<f64>>,
    sizes: Vec<f64>,
}

/// Computes every metric. The silhouette looks at `silhouette_rows` rows drawn with a fixed seed where there are
/// more: its cost grows with their square.
///
/// # Errors
/// For no rows, values that are not finite, or a label missing.
pub fn scores(x: &Columns, labels: &[u32], silhouette_rows: usize) -> Result<Scores, Error> {
    x.check_squares()?;
    check_length("label", labels.len(), x.rows())?;
    let width = x.width();
    let total = x.rows() as f64;
    let centre: Vec<f64> = x.iter().map(|c| crate::linalg::mean(c, None, total)).collect();
    let mut values = vec![0.0; x.rows() * width];
    for (i, row) in values.chunks_exact_mut(width).enumerate() {
        x.read_row(i, row);
        row.iter_mut().zip(&centre).for_each(|(v, m)| *v -= m);
    }
    let clusters = Clusters::new(values.chunks_exact(width).collect(), labels);
    let inertia: f64 = clusters.spreads(|d| d).iter().sum();
    let defined = (2..x.rows()).contains(&clusters.means.len());
    Ok(Scores {
        inertia,
        silhouette: silhouette(x, labels, silhouette_rows)?,
        davies_bouldin: defined.then(|| clusters.davies_bouldin()),
        calinski_harabasz: defined.then(|| clusters.calinski_harabasz(inertia)).flatten(),
    })
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

impl<'a> Clusters<'a> {
    fn new(rows: Vec<&'a [f64]>, labels: &[u32]) -> Self {
        let mut used = labels.to_vec();
        used.sort_unstable();
        used.dedup();
        let place = |label: &u32| used.binary_search(label).expect("every label is used");
        let labels: Vec<usize> = labels.iter().map(place).collect();
        let mut means = vec![vec![0.0; rows[0].len()]; used.len()];
        let mut sizes = vec![0.0; used.len()];
        for (row, &label) in rows.iter().zip(&labels) {
            sizes[label] += 1.0;
            means[label].iter_mut().zip(*row).for_each(|(m, v)| *m += v);
        }
        means.iter_mut().zip(&sizes).for_each(|(mean, size)| mean.iter_mut().for_each(|m| *m /= size));
        Self { rows, labels, means, sizes }
    }

    /// The sum over each cluster's rows of a function of the squared distance to its mean.
    fn spreads(&self, f: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut spreads = vec![0.0; self.means.len()];
        for (row, &label) in self.rows.iter().zip(&self.labels) {
            spreads[label] += f(squared_distance(row, &self.means[label]));
        }
        spreads
    }

    fn davies_bouldin(&self) -> f64 {
        let widths = self.spreads(f64::sqrt);
        let widths: Vec<f64> = widths.iter().zip(&self.sizes).map(|(sum, size)| sum / size).collect();
        let k = self.means.len();
        let worst = |i: usize| {
            let likeness = |j: usize| match squared_distance(&self.means[i], &self.means[j]) {
                // As scikit-learn: clusters at one place do not count.
                0.0 => 0.0,
                distance => (widths[i] + widths[j]) / distance.sqrt(),
            };
            (0..k).filter(|&j| j != i).map(likeness).fold(0.0, f64::max)
        };
        (0..k).map(worst).sum::<f64>() / k as f64
    }

    fn calinski_harabasz(&self, within: f64) -> Option<f64> {
        let (n, k) = (self.rows.len() as f64, self.means.len() as f64);
        let between: f64 =
            self.means.iter().zip(&self.sizes).map(|(mean, size)| size * dot(mean, mean)).sum();
        (within > 0.0).then(|| between * (n - k) / (within * (k - 1.0)))
    }
}

/// How well rows lie in their clusters, from -1 (in the wrong one) to 1. Looks at `limit` rows drawn with a fixed seed
/// where there are more: its cost grows with their square. `None` if the rows drawn are all of one cluster, or each of its
/// own.
///
/// # Errors
/// For no rows, values that are not finite, or a label missing.
pub fn silhouette(x: &Columns, labels: &[u32], limit: usize) -> Result<Option<f64>, Error> {
    x.check_shape()?;
    check_length("label", labels.len(), x.rows())?;
    let n = x.rows();
    let drawn: Vec<usize> = match n > limit {
        true => Rng::new(0, 0).sample_sorted(n, limit).into_iter().map(|i| i as usize).collect(),
        false => (0..n).collect(),
    };
    let columns: Vec<Vec<f64>> = x.iter().map(|c| drawn.iter().map(|&i| c[i]).collect()).collect();
    if columns.iter().flatten().any(|v| !v.is_finite()) {
        x.check_squares()?;
    }
    let mut used: Vec<u32> = drawn.iter().map(|&i| labels[i]).collect();
    used.sort_unstable();
    used.dedup();
    if !(2..drawn.len()).contains(&used.len()) {
        return Ok(None);
    }
    let place = |&i: &usize| used.binary_search(&labels[i]).expect("every label is used");
    let labels: Vec<usize> = drawn.iter().map(place).collect();
    let mut sizes = vec![0.0; used.len()];
    labels.iter().for_each(|&label| sizes[label] += 1.0);

    // The sum of each row's distances to the rows of each cluster; a distance counts for both of its rows.
    let (count, k) = (drawn.len(), used.len());
    let mut sums = vec![0.0; count * k];
    let mut squares = vec![0.0; count];
    for i in 0..count {
        let behind = i + 1..count;
        let squares = &mut squares[behind.clone()];
        squares.fill(0.0);
        columns.iter().for_each(|column| add_squares(column[i], &column[behind.clone()], squares));
        for (j, square) in behind.zip(&*squares) {
            let distance = square.sqrt();
            sums[i * k + labels[j]] += distance;
            sums[j * k + labels[i]] += distance;
        }
    }
    let of_row = |(sums, &own): (&[f64], &usize)| {
        // A row alone in its cluster counts 0.
        if sizes[own] < 2.0 {
            return 0.0;
        }
        let inside = sums[own] / (sizes[own] - 1.0);
        let outside = (0..k).filter(|&c| c != own).map(|c| sums[c] / sizes[c]).fold(f64::INFINITY, f64::min);
        let longer = inside.max(outside);
        if longer > 0.0 { (outside - inside) / longer } else { 0.0 }
    };
    Ok(Some(sums.chunks_exact(k).zip(&labels).map(of_row).sum::<f64>() / count as f64))
}

/// Adds to `out` the squares by which `values` differ from `from`.
///
/// Not inlined: there LLVM leaves the loop scalar for wasm32.
#[inline(never)]
fn add_squares(from: f64, values: &[f64], out: &mut [f64]) {
    for (out, value) in out.iter_mut().zip(values) {
        let difference = value - from;
        *out += difference * difference;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tight_far_clusters() {
        let x = [0.0, 0.1, 10.0, 10.1];
        let scores = scores(&Columns::new(vec![&x]).unwrap(), &[7, 7, 3, 3], 1000).unwrap();
        assert!(scores.silhouette.unwrap() > 0.98);
        assert!((scores.inertia - 0.01).abs() < 1e-12);
        assert!((scores.davies_bouldin.unwrap() - 0.01).abs() < 1e-12);
    }

    #[test]
    fn one_cluster_leaves_most_undefined() {
        let x = [0.0, 1.0];
        let scores = scores(&Columns::new(vec![&x]).unwrap(), &[0, 0], 10).unwrap();
        assert_eq!((scores.inertia, scores.silhouette, scores.davies_bouldin), (0.5, None, None));
    }
}
