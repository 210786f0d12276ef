//! Lloyd's algorithm. Sums within clusters follow the rows that move, so that late steps cost little more than the
//! search for the nearest centre.

use super::assign::Data;

/// Rows that are added up at a time: their labels stay in the cache while the columns pass by.
const BLOCK: usize = 2048;
/// The sums are taken anew when a larger share of the rows than one in so many has moved.
const FEW: usize = 8;

/// Where one start ended.
pub(super) struct Run {
    /// k x features.
    pub centres: Vec<f64>,
    pub labels: Vec<u32>,
    /// The weighted sum of squared distances to the nearest centre.
    pub inertia: f64,
    pub iterations: u32,
    pub converged: bool,
    /// About the inertia after each step: see [`run`] and `mini_batch::run`.
    pub curve: Vec<f64>,
}

/// Sums of rows and of weights within clusters.
struct Sums {
    /// k x features.
    rows: Vec<f64>,
    weights: Vec<f64>,
    /// Rows of a weight above 0.
    counts: Vec<u32>,
}

impl Sums {
    fn new(k: usize, width: usize) -> Self {
        Self { rows: vec![0.0; k * width], weights: vec![0.0; k], counts: vec![0; k] }
    }

    /// Adds up all rows.
    fn take(&mut self, data: &Data, labels: &[u32]) {
        let (width, k) = (data.width(), self.weights.len());
        self.rows.fill(0.0);
        self.weights.fill(0.0);
        self.counts.fill(0);
        for (i, &label) in labels.iter().enumerate() {
            let weight = data.weight(i);
            self.weights[label as usize] += weight;
            self.counts[label as usize] += u32::from(weight > 0.0);
        }
        // Four columns at a time: four sums that do not wait for one another.
        let mut own = vec![[0.0f64; 4]; k];
        for start in (0..data.rows()).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(data.rows());
            for j in (0..width).step_by(4) {
                let column = |c: usize| &data.x.column((j + c).min(width - 1))[rows.clone()];
                let origin = |c: usize| data.origin[(j + c).min(width - 1)];
                let (x, o) = ([column(0), column(1), column(2), column(3)], [0, 1, 2, 3].map(origin));
                own.fill([0.0; 4]);
                for (place, &label) in labels[rows.clone()].iter().enumerate() {
                    let weight = data.weight(rows.start + place);
                    let sums = &mut own[label as usize];
                    for ((sum, x), o) in sums.iter_mut().zip(x).zip(o) {
                        *sum += (x[place] - o) * weight;
                    }
                }
                for (cluster, sums) in own.iter().enumerate() {
                    let out = &mut self.rows[cluster * width + j..(cluster + 1) * width];
                    out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                }
            }
        }
    }

    /// Moves rows from the clusters that they were in to those that they are in.
    fn follow(&mut self, data: &Data, moved: &[(u32, u32)], labels: &[u32]) {
        let width = data.width();
        for &(row, from) in moved {
            let (i, from) = (row as usize, from as usize);
            let (to, weight) = (labels[i] as usize, data.weight(i));
            self.weights[from] -= weight;
            self.weights[to] += weight;
            self.counts[from] -= u32::from(weight > 0.0);
            self.counts[to] += u32::from(weight > 0.0);
        }
        for j in 0..width {
            let (column, origin) = (data.x.column(j), data.origin[j]);
            for &(row, from) in moved {
                let i = row as usize;
                let value = (column[i] - origin) * data.weight(i);
                self.rows[from as usize * width + j] -= value;
                self.rows[labels[i] as usize * width + j] += value;
            }
        }
    }

    /// What the squared lengths of the means take off those of the rows.
    fn explained(&self) -> f64 {
        let width = self.rows.len() / self.weights.len().max(1);
        let own = |(sum, weight): (&[f64], &f64)| match *weight > 0.0 {
            true => sum.iter().map(|v| v * v).sum::<f64>() / weight,
            false => 0.0,
        };
        self.rows.chunks_exact(width.max(1)).zip(&self.weights).map(own).sum()
    }

    /// The weighted means. A cluster without weight moves to the row that is farthest from its centre, the next such
    /// cluster to the next farthest, as in scikit-learn.
    fn means(&self, data: &Data, old: &[f64], labels: &[u32]) -> Vec<f64> {
        let width = data.width();
        let mut centres = old.to_vec();
        for (cluster, centre) in centres.chunks_exact_mut(width).enumerate() {
            if self.counts[cluster] > 0 && self.weights[cluster] > 0.0 {
                let own = &self.rows[cluster * width..(cluster + 1) * width];
                centre.iter_mut().zip(own).for_each(|(c, sum)| *c = sum / self.weights[cluster]);
            }
        }
        let empty: Vec<usize> = (0..self.counts.len()).filter(|&c| self.counts[c] == 0).collect();
        if !empty.is_empty() {
            let distances = data.own_distances(old, labels);
            let mut far: Vec<usize> = (0..data.rows()).filter(|&i| data.weight(i) > 0.0).collect();
            far.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(a.cmp(&b)));
            for (cluster, row) in empty.into_iter().zip(far) {
                data.read_row(row, &mut centres[cluster * width..(cluster + 1) * width]);
            }
        }
        centres
    }
}

/// Moves centres to the means of their rows until they stay where they are. `squares` is the weighted sum of the rows'
/// squared lengths: less what the means explain it is the inertia after a step, which costs nothing so.
pub(super) fn run(data: &Data, mut centres: Vec<f64>, max_iter: u32, tolerance: f64, squares: f64) -> Run {
    let mut curve = Vec::new();
    let k = centres.len() / data.width();
    let mut labels = vec![u32::MAX; data.rows()];
    let mut sums = Sums::new(k, data.width());
    let (mut iterations, mut converged) = (0, false);
    let mut bounds = data.bounds(k);
    let mut moved: Vec<(u32, u32)> = Vec::new();
    while iterations < max_iter && !converged {
        iterations += 1;
        moved.clear();
        let mut count = 0;
        let few = data.rows() / FEW;
        data.follow(&centres, &mut bounds, &mut labels, |row, from| {
            count += 1;
            if count <= few {
                moved.push((row as u32, from));
            }
        });
        if count == 0 {
            converged = true;
            break;
        }
        match iterations == 1 || count > few {
            true => sums.take(data, &labels),
            false => sums.follow(data, &moved, &labels),
        }
        curve.push((squares - sums.explained()).max(0.0));
        let moved_to = sums.means(data, &centres, &labels);
        let shift: f64 = moved_to.iter().zip(&centres).map(|(a, b)| (a - b).powi(2)).sum();
        bounds.moved(&centres, &moved_to, data.width(), data.panels.scale());
        centres = moved_to;
        converged = shift <= tolerance;
    }
    data.follow(&centres, &mut bounds, &mut labels, |_, _| {});
    Run { curve, ..finish(data, centres, labels, iterations, converged) }
}

/// The inertia at the centres where a start ended.
pub(super) fn finish(
    data: &Data,
    centres: Vec<f64>,
    labels: Vec<u32>,
    iterations: u32,
    converged: bool,
) -> Run {
    let distances = data.own_distances(&centres, &labels);
    let inertia = distances.iter().enumerate().map(|(i, d)| d * data.weight(i)).sum();
    Run { centres, labels, inertia, iterations, converged, curve: Vec::new() }
}
