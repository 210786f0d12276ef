//! Nearest-neighbour chains: from any cluster to its nearest, to that one's nearest and so on, until two are each
//! other's; they are joined, and the chain goes on. It gives the same clusters as joining the nearest of all.
//!
//! F. Murtagh, A survey of recent advances in hierarchical clustering algorithms, Computer Journal 26 (1983); D. Müllner,
//! Modern hierarchical, agglomerative clustering algorithms, 2011.

use super::Linkage;
use crate::neighbours::{Metric, Rows};

/// Two clusters, each named by one of its rows, and how far they are apart. Not in the order of the distances.
pub(super) type Joined = (u32, u32, f64);

/// Clusters that a chain can go along.
trait Clusters {
    /// How many there are yet.
    fn len(&self) -> usize;
    /// The nearest other cluster and its distance; `preferred` if it is as near as any.
    fn nearest(&mut self, cluster: u32, preferred: Option<u32>) -> (u32, f64);
    /// Joins `b` to `a`.
    fn join(&mut self, a: u32, b: u32);
    /// The first cluster.
    fn first(&self) -> u32;
    /// A distance as people know it.
    fn distance(&self, reduced: f64) -> f64;
}

fn follow(clusters: &mut impl Clusters) -> Vec<Joined> {
    let mut joined = Vec::with_capacity(clusters.len());
    let mut chain: Vec<u32> = Vec::new();
    while clusters.len() > 1 {
        let end = match chain.last() {
            Some(&end) => end,
            None => {
                chain.push(clusters.first());
                continue;
            }
        };
        let before = chain.len().checked_sub(2).map(|place| chain[place]);
        let (next, distance) = clusters.nearest(end, before);
        if Some(next) == before {
            chain.truncate(chain.len() - 2);
            let (a, b) = (end.min(next), end.max(next));
            joined.push((a, b, clusters.distance(distance)));
            clusters.join(a, b);
        } else {
            chain.push(next);
        }
    }
    joined
}

/// Ward's linkage needs no distances but those of centres: `2 |A| |B| / (|A| + |B|)` times the squared one.
struct Centres {
    /// Column by column.
    columns: Vec<Vec<f64>>,
    sizes: Vec<f64>,
    names: Vec<u32>,
    /// Where each cluster is.
    places: Vec<u32>,
    buffer: Vec<f64>,
}

pub(super) fn ward(rows: &Rows) -> Vec<Joined> {
    let count = rows.len();
    follow(&mut Centres {
        columns: (0..rows.width).map(|j| rows.iter().map(|row| row[j]).collect()).collect(),
        sizes: vec![1.0; count],
        names: (0..count as u32).collect(),
        places: (0..count as u32).collect(),
        buffer: Vec::new(),
    })
}

impl Clusters for Centres {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn nearest(&mut self, cluster: u32, preferred: Option<u32>) -> (u32, f64) {
        let own = self.places[cluster as usize] as usize;
        let out = &mut self.buffer;
        out.clear();
        out.resize(self.names.len(), 0.0);
        let mut quads = self.columns.chunks_exact(4);
        for quad in &mut quads {
            let q = [quad[0][own], quad[1][own], quad[2][own], quad[3][own]];
            for ((((out, a), b), c), d) in
                out.iter_mut().zip(&quad[0]).zip(&quad[1]).zip(&quad[2]).zip(&quad[3])
            {
                let (a, b, c, d) = (a - q[0], b - q[1], c - q[2], d - q[3]);
                *out += (a * a + b * b) + (c * c + d * d);
            }
        }
        for column in quads.remainder() {
            let q = column[own];
            out.iter_mut().zip(column).for_each(|(out, v)| *out += (v - q) * (v - q));
        }
        let size = self.sizes[own];
        out.iter_mut().zip(&self.sizes).for_each(|(out, other)| *out *= 2.0 * size * other / (size + other));
        out[own] = f64::INFINITY;
        let preferred = preferred.map(|name| self.places[name as usize] as usize);
        let mut best = preferred.unwrap_or(usize::from(own == 0));
        for (i, distance) in out.iter().enumerate() {
            if *distance < out[best] {
                best = i;
            }
        }
        (self.names[best], out[best])
    }

    fn join(&mut self, a: u32, b: u32) {
        let (to, from) = (self.places[a as usize] as usize, self.places[b as usize] as usize);
        let (mine, theirs) = (self.sizes[to], self.sizes[from]);
        for column in &mut self.columns {
            column[to] += (column[from] - column[to]) * (theirs / (mine + theirs));
            column.swap_remove(from);
        }
        self.sizes[to] = mine + theirs;
        self.sizes.swap_remove(from);
        self.names.swap_remove(from);
        if let Some(&moved) = self.names.get(from) {
            self.places[moved as usize] = from as u32;
        }
    }

    fn first(&self) -> u32 {
        self.names[0]
    }

    fn distance(&self, reduced: f64) -> f64 {
        reduced.sqrt()
    }
}

/// All distances of clusters, and the rule by which they change.
struct Distances {
    /// Of `i < j` at `i * (2 n - i - 1) / 2 + j - i - 1`.
    values: Vec<f64>,
    count: usize,
    sizes: Vec<f64>,
    /// In ascending order.
    alive: Vec<u32>,
    linkage: Linkage,
}

/// Complete and average linkage, from all distances of `rows`.
pub(super) fn by_distances(rows: &Rows, metric: Metric, linkage: Linkage) -> Vec<Joined> {
    let count = rows.len();
    let mut values = Vec::with_capacity(count * count.saturating_sub(1) / 2);
    for i in 0..count {
        values.extend((i + 1..count).map(|j| metric.distance(metric.reduced(rows.row(i), rows.row(j)))));
    }
    let alive = (0..count as u32).collect();
    follow(&mut Distances { values, count, sizes: vec![1.0; count], alive, linkage })
}

impl Distances {
    fn place(&self, i: u32, j: u32) -> usize {
        let (i, j) = (i.min(j) as usize, i.max(j) as usize);
        i * (2 * self.count - i - 1) / 2 + j - i - 1
    }
}

impl Clusters for Distances {
    fn len(&self) -> usize {
        self.alive.len()
    }

    fn nearest(&mut self, cluster: u32, preferred: Option<u32>) -> (u32, f64) {
        let mut best =
            preferred.map_or((u32::MAX, f64::INFINITY), |p| (p, self.values[self.place(cluster, p)]));
        for &other in self.alive.iter().filter(|&&other| other != cluster) {
            let distance = self.values[self.place(cluster, other)];
            if distance < best.1 || best.0 == u32::MAX {
                best = (other, distance);
            }
        }
        best
    }

    fn join(&mut self, a: u32, b: u32) {
        let (mine, theirs) = (self.sizes[a as usize], self.sizes[b as usize]);
        if let Ok(place) = self.alive.binary_search(&b) {
            self.alive.remove(place);
        }
        for &other in self.alive.iter().filter(|&&other| other != a) {
            let (to, from) = (self.place(a, other), self.place(b, other));
            let (x, y) = (self.values[to], self.values[from]);
            self.values[to] = match self.linkage {
                Linkage::Average => (mine * x + theirs * y) / (mine + theirs),
                _ => x.max(y),
            };
        }
        self.sizes[a as usize] = mine + theirs;
    }

    fn first(&self) -> u32 {
        self.alive[0]
    }

    fn distance(&self, reduced: f64) -> f64 {
        reduced
    }
}
