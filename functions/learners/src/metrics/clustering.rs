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
    let mut drawn: Vec<usize> = match n > limit {
        true => Rng::new(0, 0).sample_sorted(n, limit).into_iter().map(|i| i as usize).collect(),
        false => (0..n).collect(),
    };
    // A cluster's rows lie together.
    drawn.sort_by_key(|&i| labels[i]);
    let columns: Vec<Vec<f64>> = x.iter().map(|c| drawn.iter().map(|&i| c[i]).collect()).collect();
    if columns.iter().flatten().any(|v| !v.is_finite()) {
        x.check_squares()?;
    }
    let clusters: Vec<usize> = drawn.chunk_by(|a, b| labels[*a] == labels[*b]).map(<[usize]>::len).collect();
    if !(2..drawn.len()).contains(&clusters.len()) {
        return Ok(None);
    }
    let sums = sums_of_distances(&columns, &clusters);
    let (count, mut total, mut row) = (drawn.len(), 0.0, 0);
    for (own, &size) in clusters.iter().enumerate() {
        for i in row..row + size {
            // A row alone in its cluster counts 0.
            if size < 2 {
                continue;
            }
            let inside = sums[own * count + i] / (size - 1) as f64;
            let others = clusters.iter().enumerate().filter(|(c, _)| *c != own);
            let outside =
                others.map(|(c, size)| sums[c * count + i] / *size as f64).fold(f64::INFINITY, f64::min);
            let longer = inside.max(outside);
            total += if longer > 0.0 { (outside - inside) / longer } else { 0.0 };
        }
        row += size;
    }
    Ok(Some(total / count as f64))
}

/// The sum of each row's distances to the rows of each cluster, clusters x rows. The rows of a cluster lie together;
/// `clusters` says how many they are.
fn sums_of_distances(columns: &[Vec<f64>], clusters: &[usize]) -> Vec<f64> {
    let count: usize = clusters.iter().sum();
    let mut sums = vec![0.0; clusters.len() * count];
    let mut distances = vec![0.0; count];
    let mut i = 0;
    for (own, &size) in clusters.iter().enumerate() {
        for _ in 0..size {
            // A distance counts for both of its rows.
            let distances = &mut distances[i + 1..];
            distances.fill(0.0);
            for four in columns.chunks(4) {
                let column = |k: usize| four.get(k).map_or(&[][..], |column| &column[i + 1..]);
                let at = |k: usize| four.get(k).map_or(0.0, |column| column[i]);
                match four.len() {
                    4 => add_squares([0, 1, 2, 3].map(at), [0, 1, 2, 3].map(column), distances),
                    rest => (0..rest).for_each(|k| add_squares([at(k)], [column(k)], distances)),
                }
            }
            add_roots(distances, &mut sums[own * count + i + 1..(own + 1) * count]);
            let mut start = 0;
            for (cluster, size) in clusters.iter().enumerate() {
                let end = start + size;
                let behind = start.max(i + 1);
                if behind < end {
                    sums[cluster * count + i] += crate::linalg::sum(&distances[behind - i - 1..end - i - 1]);
                }
                start = end;
            }
            i += 1;
        }
    }
    sums
}

/// Adds to `out` the squares by which the values of several columns differ from `from`.
///
/// Not inlined: there LLVM leaves the loop scalar for wasm32.
#[inline(never)]
fn add_squares<const N: usize>(from: [f64; N], columns: [&[f64]; N], out: &mut [f64]) {
    let columns = columns.map(|column| &column[..out.len()]);
    for (i, out) in out.iter_mut().enumerate() {
        for k in 0..N {
            let difference = columns[k][i] - from[k];
            *out += difference * difference;
        }
    }
}

/// Makes distances of their squares, and adds them up.
#[inline(never)]
fn add_roots(squares: &mut [f64], sums: &mut [f64]) {
    for (square, sum) in squares.iter_mut().zip(sums) {
        *square = square.sqrt();
        *sum += *square;
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
