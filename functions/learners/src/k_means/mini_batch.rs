//! Mini-batches: each step moves the centres towards the means of a few rows, ever less.
//!
//! D. Sculley, Web-scale k-means clustering, WWW 2010; the end of the search is scikit-learn's `MiniBatchKMeans`.

use super::Params;
use super::assign::Data;
use super::distances;
use super::lloyd::{Run, finish};
use crate::rng::Rng;

/// A centre with less than this share of the largest centre's weight moves to a row of the batch.
const REASSIGNED: f64 = 0.01;
/// Batches between two looks at such centres.
const PATIENCE: u64 = 50;

/// The curve has the smoothed inertia of a batch after each pass, as if all rows were like it.
pub(super) fn run(data: &Data, mut centres: Vec<f64>, params: &Params, tolerance: f64, rng: &mut Rng) -> Run {
    let (rows, width) = (data.rows(), data.width());
    let k = centres.len() / width;
    let batch = (params.batch_size as usize).min(rows);
    let per_pass = rows.div_ceil(batch) as u64;
    let mut weights = vec![0.0; k];
    // Smoothed over about as many batches as make two passes.
    let smoothing = (2.0 * batch as f64 / (rows as f64 + 1.0)).min(1.0);
    let (mut smoothed, mut best, mut waited): (Option<f64>, f64, u32) = (None, f64::INFINITY, 0);
    let mut row = vec![0.0; width];
    let (mut sums, mut own) = (vec![0.0; k * width], vec![0.0; k]);
    let (mut step, mut converged) = (0, false);
    let mut curve = Vec::new();
    while step < u64::from(params.max_iter) * per_pass && !converged {
        step += 1;
        sums.fill(0.0);
        own.fill(0.0);
        let mut inertia = 0.0;
        let drawn: Vec<usize> = (0..batch).map(|_| rng.below(rows)).collect();
        for &i in &drawn {
            data.read_row(i, &mut row);
            let (cluster, distance) = distances::closest(&row, &centres);
            let (cluster, weight) = (cluster as usize, data.weight(i));
            own[cluster] += weight;
            inertia += distance * weight;
            let sums = &mut sums[cluster * width..(cluster + 1) * width];
            sums.iter_mut().zip(&row).for_each(|(sum, v)| *sum += v * weight);
        }
        let mut shift = 0.0;
        for cluster in 0..k {
            if own[cluster] <= 0.0 {
                continue;
            }
            weights[cluster] += own[cluster];
            let part = cluster * width..(cluster + 1) * width;
            for (centre, sum) in centres[part.clone()].iter_mut().zip(&sums[part]) {
                let moved = (sum - *centre * own[cluster]) / weights[cluster];
                *centre += moved;
                shift += moved * moved;
            }
        }
        if step.is_multiple_of(PATIENCE) {
            reassign(data, &mut centres, &mut weights, &drawn, rng);
        }
        // The first batch depends on the start too much.
        if step == 1 {
            continue;
        }
        let inertia = inertia / batch as f64;
        let value = smoothed.map_or(inertia, |old| old * (1.0 - smoothing) + inertia * smoothing);
        smoothed = Some(value);
        (best, waited) = if value < best { (value, 0) } else { (best, waited + 1) };
        if step.is_multiple_of(per_pass) {
            curve.push(value * rows as f64);
        }
        converged = (tolerance > 0.0 && shift <= tolerance) || waited >= params.max_no_improvement;
    }
    let passes = step.div_ceil(per_pass) as u32;
    let mut labels = vec![u32::MAX; rows];
    data.assign(&centres, &mut labels);
    Run { curve, ..finish(data, centres, labels, passes, converged) }
}

/// Centres that hardly any row was near to start again at rows of the batch.
fn reassign(data: &Data, centres: &mut [f64], weights: &mut [f64], drawn: &[usize], rng: &mut Rng) {
    let width = data.width();
    let most = weights.iter().copied().fold(0.0, f64::max);
    let least = weights.iter().copied().filter(|w| *w >= REASSIGNED * most).fold(f64::INFINITY, f64::min);
    let idle: Vec<usize> = (0..weights.len()).filter(|&c| weights[c] < REASSIGNED * most).collect();
    for cluster in idle.into_iter().take(drawn.len() / 2) {
        let row = drawn[rng.below(drawn.len())];
        if data.weight(row) > 0.0 {
            data.read_row(row, &mut centres[cluster * width..(cluster + 1) * width]);
            weights[cluster] = least;
        }
    }
}
