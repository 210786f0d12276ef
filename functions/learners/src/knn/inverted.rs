//! An inverted file: rows by their nearest of many centres.
//!
//! H. Jégou, M. Douze, C. Schmid, Product quantization for nearest neighbor search, PAMI 33 (2011), without the
//! quantization.

use crate::k_means;
use crate::neighbours::{Leaves, Metric, Nearest, Rows};
use crate::rng::Rng;
use crate::{Check, Columns, Error};
use serde::{Deserialize, Serialize};

/// Rows for each centre that the centres are found with.
const SAMPLE: usize = 40;

/// What is stored of the file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Lists {
    #[serde(with = "crate::packed")]
    centres: Vec<f64>,
    /// Of each row.
    #[serde(with = "crate::packed")]
    lists: Vec<u32>,
    probes: u32,
}

impl Lists {
    pub fn fit(x: &Columns, lists: Option<u32>, probes: Option<u32>, seed: u64) -> Result<Self, Error> {
        let rows = x.rows();
        let count = lists.map_or((rows as f64).sqrt() as usize, |n| n as usize).clamp(1, rows);
        let params = k_means::Params {
            n_clusters: count as u32,
            init: k_means::Init::Random,
            max_iter: 10,
            seed,
            ..Default::default()
        };
        let drawn = Rng::new(seed, 1).sample_sorted(rows, (SAMPLE * count).min(rows));
        let columns: Vec<Vec<f64>> =
            x.iter().map(|column| drawn.iter().map(|&i| column[i as usize]).collect()).collect();
        let sample = Columns::new(columns.iter().map(Vec::as_slice).collect())?;
        let (model, _) = params.check()?.fit(&sample, None)?;
        let lists = model.predict(x)?;
        let centres = (0..count).flat_map(|cluster| model.centre(cluster)).collect();
        let probes = probes.map_or((count as f64).sqrt().ceil() as usize, |n| n as usize).clamp(1, count);
        Ok(Self { centres, lists, probes: probes as u32 })
    }

    /// Whether it goes with so many rows of this width.
    pub fn suits(&self, rows: &Rows) -> bool {
        let count = self.centres.len() / rows.width.max(1);
        count > 0
            && self.centres.len().is_multiple_of(rows.width)
            && self.centres.iter().all(|v| v.is_finite())
            && self.lists.len() == rows.len()
            && self.lists.iter().all(|&list| (list as usize) < count)
            && (1..=count).contains(&(self.probes as usize))
    }
}

/// The file, ready to be searched.
#[derive(Debug, Clone)]
pub(super) struct Inverted {
    leaves: Leaves,
    centres: Rows,
    probes: usize,
}

impl Inverted {
    /// Of lists that suit the rows.
    pub fn new(lists: &Lists, rows: &Rows) -> Self {
        let count = lists.centres.len() / rows.width;
        let mut starts = vec![0u32; count + 1];
        lists.lists.iter().for_each(|&list| starts[list as usize + 1] += 1);
        (0..count).for_each(|list| starts[list + 1] += starts[list]);
        let mut next = starts.clone();
        let mut order = vec![0u32; rows.len()];
        for (row, &list) in lists.lists.iter().enumerate() {
            order[next[list as usize] as usize] = row as u32;
            next[list as usize] += 1;
        }
        Self {
            leaves: Leaves::pack(rows, order, starts),
            centres: Rows { values: lists.centres.clone(), width: rows.width },
            probes: lists.probes as usize,
        }
    }

    /// Adds the nearest rows of the nearest lists; of further lists, should those hold too few.
    pub fn nearest(&self, query: &[f64], metric: Metric, k: usize, nearest: &mut Nearest) {
        let mut lists: Vec<(f64, u32)> =
            self.centres.iter().enumerate().map(|(i, c)| (metric.reduced(c, query), i as u32)).collect();
        let by_distance = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if self.probes < lists.len() {
            lists.select_nth_unstable_by(self.probes - 1, by_distance);
        }
        let mut buffer = Vec::new();
        let mut search = |list: u32, nearest: &mut Nearest| {
            self.leaves.distances(list as usize, query, metric, &mut buffer);
            for (distance, row) in buffer.iter().zip(self.leaves.rows(list as usize)) {
                if *distance <= nearest.limit() {
                    nearest.offer(*distance, *row);
                }
            }
        };
        lists[..self.probes].iter().for_each(|&(_, list)| search(list, nearest));
        if nearest.found().len() < k {
            let rest = &mut lists[self.probes..];
            rest.sort_unstable_by(by_distance);
            for &(_, list) in rest.iter() {
                search(list, nearest);
                if nearest.found().len() == k {
                    break;
                }
            }
        }
    }
}
