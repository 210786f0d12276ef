//! Which rows may be nearest to another centre, now that the centres have moved.
//!
//! G. Hamerly, Making k-means even faster, SDM 2010, with one bound a row: by how much its centre was nearer than the
//! next one when it was looked at last. Since then the lead shrank by no more than its centre and the one that moved
//! most went together; until that has used up the lead, there is nothing to compute.

use super::distances::squared;

/// Of each row how long its label holds, and of each cluster how far things have gone.
pub(super) struct Bounds {
    /// The label holds while the cluster's `spent` is below; rows past the end are never looked at.
    until: Vec<f32>,
    /// By how much leads of a cluster's rows have shrunk at most, from the start on.
    spent: Vec<f64>,
    /// The same, rounded up.
    spent_up: Vec<f32>,
}

/// Rounded up by more than single precision may lose.
fn up(value: f64) -> f32 {
    (value * (1.0 + 1e-6)) as f32
}

impl Bounds {
    /// Nothing is known: all of `rows` need a look. `padded` is how many places there are.
    pub fn new(rows: usize, padded: usize, clusters: usize) -> Self {
        let mut until = vec![f32::NEG_INFINITY; padded];
        until[rows..].fill(f32::INFINITY);
        // The last one is of rows without a label yet.
        Self { until, spent: vec![0.0; clusters + 1], spent_up: vec![0.0; clusters + 1] }
    }

    /// Whether a row must be looked at.
    pub fn open(&self, row: usize, label: u32) -> bool {
        self.until[row] <= self.spent_up[(label as usize).min(self.spent_up.len() - 1)]
    }

    /// A row was found to be nearest to `label`, by at least `lead`.
    pub fn found(&mut self, row: usize, label: u32, lead: f32) {
        // Rounded down by more than the sum may lose.
        self.until[row] = (self.spent_up[label as usize] + lead) * (1.0 - 1e-6);
    }

    /// It is not known by how much.
    pub fn in_doubt(&mut self, row: usize) {
        self.until[row] = f32::NEG_INFINITY;
    }

    /// The centres moved; distances are in units of `1 / scale`.
    pub fn moved(&mut self, old: &[f64], new: &[f64], width: usize, scale: f64) {
        let pairs = old.chunks_exact(width).zip(new.chunks_exact(width));
        let ways: Vec<f64> = pairs.map(|(a, b)| squared(a, b).sqrt() * scale).collect();
        let farthest = (0..ways.len()).fold(0, |most, c| if ways[c] > ways[most] { c } else { most });
        let others = ways.iter().enumerate().filter(|(c, _)| *c != farthest);
        let second = others.map(|(_, way)| *way).fold(0.0, f64::max);
        for (cluster, way) in ways.iter().enumerate() {
            let towards = if cluster == farthest { second } else { ways[farthest] };
            self.spent[cluster] += (way + towards) * (1.0 + 1e-9);
            self.spent_up[cluster] = up(self.spent[cluster]);
        }
    }
}
