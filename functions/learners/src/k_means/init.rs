//! Where the centres start.
//!
//! D. Arthur, S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007; greedy, with as many
//! candidates as in scikit-learn. B. Bahmani et al., Scalable k-means++, VLDB 2012 (k-means||).

use super::assign::Data;
use super::{Init, distances};
use crate::linalg::panels::{PANEL, POINTS, squares};
use crate::rng::Rng;

/// Rounds of k-means||.
const ROUNDS: usize = 5;
/// Rows whose mass is summed up together, so that a draw need not look at all rows.
const BLOCK: usize = 1024;

/// `k` rows as centres, row after row. There are at least `k` rows.
pub(super) fn centres(data: &Data, init: Init, k: usize, rng: &mut Rng) -> Vec<f64> {
    let rows = match init {
        Init::PlusPlus => plus_plus(data, k, rng),
        Init::Parallel if k * 4 * ROUNDS < data.rows() => return parallel(data, k, rng),
        Init::Parallel => plus_plus(data, k, rng),
        Init::Random => {
            let mut rows: Vec<u32> = (0..data.rows() as u32).collect();
            rng.draw_to_front(&mut rows, k);
            rows[..k].iter().map(|&row| row as usize).collect()
        }
    };
    rows.into_iter().flat_map(|row| data.row(row)).collect()
}

/// Each row's squared distance to the nearest centre so far, times its weight, in the panels' scale.
struct Mass {
    closest: Vec<f32>,
    /// Of [`BLOCK`] rows each.
    blocks: Vec<f64>,
}

impl Mass {
    /// Before there is a centre: the weights.
    fn start(data: &Data) -> Self {
        let mut mass = Self { closest: vec![f32::INFINITY; data.panels.count() * PANEL], blocks: Vec::new() };
        mass.blocks = (0..data.rows())
            .step_by(BLOCK)
            .map(|start| (start..(start + BLOCK).min(data.rows())).map(|i| data.weight(i)).sum())
            .collect();
        mass
    }

    fn of(&self, data: &Data, i: usize) -> f64 {
        let distance = self.closest[i];
        // Of no centre yet.
        let distance = if distance == f32::INFINITY { 1.0 } else { f64::from(distance) };
        distance * data.weight(i)
    }

    fn total(&self) -> f64 {
        self.blocks.iter().sum()
    }

    /// A row drawn in proportion to its mass; uniformly if no row has any.
    fn draw(&self, data: &Data, rng: &mut Rng) -> usize {
        let total = self.total();
        if total <= 0.0 {
            return rng.below(data.rows());
        }
        let mut left = rng.unit() * total;
        let mut last = 0;
        for (block, mass) in self.blocks.iter().enumerate() {
            if left >= *mass {
                left -= mass;
                continue;
            }
            for i in block * BLOCK..((block + 1) * BLOCK).min(data.rows()) {
                let share = self.of(data, i);
                if share > 0.0 {
                    last = i;
                    if left < share {
                        return i;
                    }
                    left -= share;
                }
            }
        }
        // Rounding let the draw slip past the end of a block: any row with mass will do.
        if last > 0 { last } else { (0..data.rows()).find(|&i| self.of(data, i) > 0.0).unwrap_or(0) }
    }

    /// Takes up the best of four candidates: the one that leaves the least mass. Returns which.
    fn lower(&mut self, data: &Data, candidates: &[usize], trial: &mut Vec<[f32; POINTS]>) -> usize {
        let points = data.panels.rows_as_points(candidates);
        trial.resize(self.closest.len(), [0.0; POINTS]);
        let mut blocks = vec![[0.0f64; POINTS]; self.blocks.len()];
        for (p, closest) in self.closest.chunks_exact(PANEL).enumerate() {
            let distances = squares(data.panels.panel(p), &points);
            let start = p * PANEL;
            let mut sums = [0.0f32; POINTS];
            let ends = data.rows() - start < PANEL;
            let out = &mut trial[start..start + PANEL];
            for l in 0..PANEL {
                let weight = match (ends && start + l >= data.rows(), data.weights) {
                    (true, _) => 0.0,
                    (false, None) => 1.0,
                    (false, Some(w)) => w[start + l] as f32,
                };
                for c in 0..POINTS {
                    let d = if distances[c][l] < closest[l] { distances[c][l] } else { closest[l] };
                    out[l][c] = d;
                    sums[c] += d * weight;
                }
            }
            let block = &mut blocks[start / BLOCK];
            (0..POINTS).for_each(|c| block[c] += f64::from(sums[c]));
        }
        let left = |c: usize| blocks.iter().map(|block| block[c]).sum::<f64>();
        let best = (1..candidates.len()).fold(0, |best, c| if left(c) < left(best) { c } else { best });
        self.closest.iter_mut().zip(trial.iter()).for_each(|(closest, trial)| *closest = trial[best]);
        self.blocks = blocks.iter().map(|block| block[best]).collect();
        best
    }

    /// Takes up all of the rows as centres.
    fn lower_to_all(&mut self, data: &Data, rows: &[usize]) {
        for rows in rows.chunks(POINTS) {
            // Of fewer than four, the first one again.
            let quad: Vec<usize> = (0..POINTS).map(|c| *rows.get(c).unwrap_or(&rows[0])).collect();
            let points = data.panels.rows_as_points(&quad);
            for (p, closest) in self.closest.chunks_exact_mut(PANEL).enumerate() {
                for distances in squares(data.panels.panel(p), &points) {
                    for l in 0..PANEL {
                        closest[l] = if distances[l] < closest[l] { distances[l] } else { closest[l] };
                    }
                }
            }
        }
        self.blocks = (0..data.rows())
            .step_by(BLOCK)
            .map(|start| (start..(start + BLOCK).min(data.rows())).map(|i| self.of(data, i)).sum())
            .collect();
    }
}

/// Greedy k-means++: each next centre is the best of a few rows drawn by their mass.
fn plus_plus(data: &Data, k: usize, rng: &mut Rng) -> Vec<usize> {
    let candidates = 2 + libm::log(k as f64) as usize;
    let mut mass = Mass::start(data);
    let mut trial = Vec::new();
    let mut chosen = vec![mass.draw(data, rng)];
    mass.lower_to_all(data, &chosen);
    while chosen.len() < k {
        let drawn: Vec<usize> = (0..candidates).map(|_| mass.draw(data, rng)).collect();
        let best = match drawn.len() <= POINTS {
            true => drawn[mass.lower(data, &drawn, &mut trial)],
            false => best_of_many(data, &mut mass, &drawn, &mut trial),
        };
        chosen.push(best);
    }
    chosen
}

/// The best of more than four candidates: the winners of each four once more.
fn best_of_many(data: &Data, mass: &mut Mass, drawn: &[usize], trial: &mut Vec<[f32; POINTS]>) -> usize {
    let mut best: Option<(f64, usize, Mass)> = None;
    for quad in drawn.chunks(POINTS) {
        let mut own = Mass { closest: mass.closest.clone(), blocks: mass.blocks.clone() };
        let row = quad[own.lower(data, quad, trial)];
        let left = own.total();
        if best.as_ref().is_none_or(|(least, _, _)| left < *least) {
            best = Some((left, row, own));
        }
    }
    let (_, row, lowered) = best.expect("there is a candidate");
    *mass = lowered;
    row
}

/// k-means||: about `2 k` rows a round by their mass; each weighs as many rows as are nearest to it, and k-means++
/// chooses among them.
fn parallel(data: &Data, k: usize, rng: &mut Rng) -> Vec<f64> {
    let mut mass = Mass::start(data);
    let mut chosen = vec![mass.draw(data, rng)];
    mass.lower_to_all(data, &chosen);
    for _ in 0..ROUNDS {
        let total = mass.total();
        if total <= 0.0 {
            break;
        }
        let share = 2.0 * k as f64 / total;
        let drawn: Vec<usize> = (0..data.rows()).filter(|&i| rng.unit() < share * mass.of(data, i)).collect();
        mass.lower_to_all(data, &drawn);
        chosen.extend(drawn);
    }
    let rows: Vec<f64> = chosen.iter().flat_map(|&row| data.row(row)).collect();
    if chosen.len() <= k {
        let more = plus_plus(data, k, rng);
        let more = more.into_iter().take(k - chosen.len()).flat_map(|row| data.row(row));
        return rows.iter().copied().chain(more).collect();
    }
    let mut labels = vec![u32::MAX; data.rows()];
    data.assign(&rows, &mut labels);
    let mut weights = vec![0.0; chosen.len()];
    labels.iter().enumerate().for_each(|(i, &label)| weights[label as usize] += data.weight(i));
    among(&rows, data.width(), &weights, k, rng)
}

/// Plain k-means++ among few weighted rows.
fn among(rows: &[f64], width: usize, weights: &[f64], k: usize, rng: &mut Rng) -> Vec<f64> {
    let mut closest = vec![1.0; weights.len()];
    let mut centres: Vec<f64> = Vec::with_capacity(k * width);
    for step in 0..k {
        let total: f64 = closest.iter().zip(weights).map(|(d, w)| d * w).sum();
        let mut left = rng.unit() * total;
        let mut drawn = rng.below(weights.len());
        for (i, (d, w)) in closest.iter().zip(weights).enumerate() {
            let share = d * w;
            if share > 0.0 {
                drawn = i;
                if left < share {
                    break;
                }
                left -= share;
            }
        }
        let centre = &rows[drawn * width..(drawn + 1) * width];
        for (closest, row) in closest.iter_mut().zip(rows.chunks_exact(width)) {
            let d = distances::squared(row, centre);
            *closest = if step == 0 { d } else { closest.min(d) };
        }
        centres.extend_from_slice(centre);
    }
    centres
}
