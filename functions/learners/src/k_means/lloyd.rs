//! Lloyd's algorithm, in blocks of rows that stay in the cache while all centres pass by.

use crate::Columns;

/// Rows in a block.
const BLOCK: usize = 128;

/// The rows, as columns centred on their means, so that distances keep their digits far from the origin.
pub(super) struct Data<'a> {
    columns: Vec<Vec<f64>>,
    rows: usize,
    weights: Option<&'a [f64]>,
}

/// Where one start ended.
pub(super) struct Run {
    /// k x features.
    pub centres: Vec<f64>,
    pub labels: Vec<u32>,
    /// The weighted sum of squared distances to the nearest centre.
    pub inertia: f64,
    pub iterations: u32,
    pub converged: bool,
}

/// The nearest centre of every row, and the squared distance to it.
#[derive(Default)]
struct Assignment {
    labels: Vec<u32>,
    distances: Vec<f64>,
}

impl<'a> Data<'a> {
    pub fn new(x: &Columns, means: &[f64], weights: Option<&'a [f64]>) -> Self {
        let centred = |(column, mean): (&[f64], &f64)| column.iter().map(|v| v - mean).collect();
        Self { columns: x.iter().zip(means).map(centred).collect(), rows: x.rows(), weights }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn width(&self) -> usize {
        self.columns.len()
    }

    pub fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[i])
    }

    pub fn row(&self, i: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[i]).collect()
    }

    /// The mean over the columns of their (plain) variances.
    pub fn mean_variance(&self) -> f64 {
        let squares: f64 = self.columns.iter().flatten().map(|v| v * v).sum();
        squares / (self.rows * self.width()) as f64
    }

    /// Lowers each value to the row's squared distance to `centre`, where that is less.
    pub fn lower_to(&self, centre: &[f64], closest: &mut [f64]) {
        let mut distances = [0.0; BLOCK];
        for start in (0..self.rows).step_by(BLOCK) {
            let rows = BLOCK.min(self.rows - start);
            self.distances(start, rows, centre, &mut distances);
            closest[start..start + rows].iter_mut().zip(&distances).for_each(|(c, d)| *c = c.min(*d));
        }
    }

    /// Squared distances of a block's rows to one centre; four columns at a time, so that sums stay in registers.
    fn distances(&self, start: usize, rows: usize, centre: &[f64], out: &mut [f64; BLOCK]) {
        let part = |j: usize| &self.columns[j][start..start + rows];
        out[..rows].fill(0.0);
        let whole = self.columns.len() / 4 * 4;
        for j in (0..whole).step_by(4) {
            let (a, b, c, d) = (part(j), part(j + 1), part(j + 2), part(j + 3));
            let (ca, cb, cc, cd) = (centre[j], centre[j + 1], centre[j + 2], centre[j + 3]);
            for ((((out, a), b), c), d) in out[..rows].iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let (a, b, c, d) = (a - ca, b - cb, c - cc, d - cd);
                *out += (a * a + b * b) + (c * c + d * d);
            }
        }
        for j in whole..self.columns.len() {
            let centre = centre[j];
            out[..rows].iter_mut().zip(part(j)).for_each(|(out, v)| *out += (v - centre) * (v - centre));
        }
    }

    /// Writes each row's nearest centre; the first of equally near ones. Returns whether a label changed.
    fn assign(&self, centres: &[f64], assignment: &mut Assignment) -> bool {
        let mut changed = assignment.labels.len() != self.rows;
        assignment.labels.resize(self.rows, 0);
        assignment.distances.resize(self.rows, 0.0);
        let mut distances = [0.0; BLOCK];
        let (mut nearest, mut labels) = ([0.0; BLOCK], [0u32; BLOCK]);
        for start in (0..self.rows).step_by(BLOCK) {
            let rows = BLOCK.min(self.rows - start);
            nearest.fill(f64::INFINITY);
            labels.fill(0);
            for (k, centre) in centres.chunks_exact(self.width()).enumerate() {
                self.distances(start, rows, centre, &mut distances);
                for i in 0..rows {
                    let nearer = distances[i] < nearest[i];
                    nearest[i] = if nearer { distances[i] } else { nearest[i] };
                    labels[i] = if nearer { k as u32 } else { labels[i] };
                }
            }
            let old = &mut assignment.labels[start..start + rows];
            changed |= *old != labels[..rows];
            old.copy_from_slice(&labels[..rows]);
            assignment.distances[start..start + rows].copy_from_slice(&nearest[..rows]);
        }
        changed
    }

    /// The weighted mean of each cluster's rows. A cluster without weight moves to the row that is farthest from its
    /// centre, the next such cluster to the next farthest, as in scikit-learn.
    fn means(&self, assignment: &Assignment, old: &[f64]) -> Vec<f64> {
        let width = self.width();
        let k = old.len() / width;
        let mut weights = vec![0.0; k];
        for (i, &label) in assignment.labels.iter().enumerate() {
            weights[label as usize] += self.weight(i);
        }
        let mut centres = vec![0.0; old.len()];
        for (j, column) in self.columns.iter().enumerate() {
            for (i, (v, &label)) in column.iter().zip(&assignment.labels).enumerate() {
                centres[label as usize * width + j] += self.weight(i) * v;
            }
        }
        for ((centre, old), weight) in
            centres.chunks_exact_mut(width).zip(old.chunks_exact(width)).zip(&weights)
        {
            match *weight > 0.0 {
                true => centre.iter_mut().for_each(|c| *c /= weight),
                false => centre.copy_from_slice(old),
            }
        }
        let empty: Vec<usize> = (0..k).filter(|&c| weights[c] == 0.0).collect();
        if !empty.is_empty() {
            let mut far: Vec<usize> = (0..self.rows).filter(|&i| self.weight(i) > 0.0).collect();
            far.sort_by(|&a, &b| assignment.distances[b].total_cmp(&assignment.distances[a]).then(a.cmp(&b)));
            for (cluster, row) in empty.into_iter().zip(far) {
                centres[cluster * width..(cluster + 1) * width].copy_from_slice(&self.row(row));
            }
        }
        centres
    }

    /// Moves centres to the means of their rows until they stay where they are.
    pub fn run(&self, mut centres: Vec<f64>, max_iter: u32, tolerance: f64) -> Run {
        let mut assignment = Assignment::default();
        let (mut iterations, mut converged) = (0, false);
        while iterations < max_iter && !converged {
            iterations += 1;
            if !self.assign(&centres, &mut assignment) {
                converged = true;
                break;
            }
            let moved_to = self.means(&assignment, &centres);
            let shift: f64 = moved_to.iter().zip(&centres).map(|(a, b)| (a - b).powi(2)).sum();
            centres = moved_to;
            converged = shift <= tolerance;
        }
        self.assign(&centres, &mut assignment);
        let inertia = assignment.distances.iter().enumerate().map(|(i, d)| d * self.weight(i)).sum();
        Run { centres, labels: assignment.labels, inertia, iterations, converged }
    }

    /// Squared distances to every centre, rows x k, row after row.
    pub fn all_distances(&self, centres: &[f64]) -> Vec<f64> {
        let k = centres.len() / self.width();
        let mut all = vec![0.0; self.rows * k];
        let mut distances = [0.0; BLOCK];
        for start in (0..self.rows).step_by(BLOCK) {
            let rows = BLOCK.min(self.rows - start);
            for (c, centre) in centres.chunks_exact(self.width()).enumerate() {
                self.distances(start, rows, centre, &mut distances);
                (0..rows).for_each(|i| all[(start + i) * k + c] = distances[i]);
            }
        }
        all
    }
}
