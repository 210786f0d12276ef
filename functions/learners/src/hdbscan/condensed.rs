//! The tree of clusters: a cluster lives while splits leave it at least `min_cluster_size` rows.

use super::model::Cluster as Known;
use super::{NOISE, Selection};
use crate::agglomerative::Merge;

/// One over a distance of 0: large, but sums of it are finite.
const DENSEST: f64 = 1e100;

/// One over a distance.
pub(super) fn density(distance: f64) -> f64 {
    if distance > 1.0 / DENSEST { 1.0 / distance } else { DENSEST }
}

/// A cluster of the tree; its children come after it.
struct Cluster {
    parent: usize,
    /// One over the distance at which it split off.
    birth: f64,
    /// How long its rows stay, added up.
    stability: f64,
    /// The largest density at which a row leaves it.
    death: f64,
    children: Vec<usize>,
}

/// The tree, and the cluster and density at which each row leaves it.
pub(super) struct Tree {
    clusters: Vec<Cluster>,
    rows: Vec<(usize, f64)>,
}

impl Tree {
    /// From all merges of single linkage, the nearest first.
    pub fn condense(merges: &[Merge], rows: usize, least: usize) -> Self {
        let root = Cluster { parent: 0, birth: 0.0, stability: 0.0, death: 0.0, children: Vec::new() };
        let mut tree = Self { clusters: vec![root], rows: vec![(0, 0.0); rows] };
        let size = |node: usize| if node < rows { 1 } else { merges[node - rows].size as usize };
        // Nodes with the cluster that they are in; parents before children.
        let mut left = vec![(rows + merges.len() - 1, 0usize)];
        while let Some((node, cluster)) = left.pop() {
            if node < rows {
                // A single row, as a cluster must have two.
                tree.leave(node, cluster, DENSEST);
                continue;
            }
            let merge = &merges[node - rows];
            let density = density(merge.distance);
            let (a, b) = (merge.a as usize, merge.b as usize);
            let both = size(a) >= least && size(b) >= least;
            for child in [a, b] {
                if both {
                    let own = tree.clusters.len();
                    let gain = (density - tree.clusters[cluster].birth) * size(child) as f64;
                    tree.clusters[cluster].stability += gain;
                    tree.clusters[cluster].death = tree.clusters[cluster].death.max(density);
                    tree.clusters[cluster].children.push(own);
                    let parent = cluster;
                    tree.clusters.push(Cluster {
                        parent,
                        birth: density,
                        stability: 0.0,
                        death: 0.0,
                        children: Vec::new(),
                    });
                    left.push((child, own));
                } else if size(child) >= least {
                    left.push((child, cluster));
                } else {
                    let mut below = vec![child];
                    while let Some(node) = below.pop() {
                        match node < rows {
                            true => tree.leave(node, cluster, density),
                            false => {
                                below.extend([merges[node - rows].a as usize, merges[node - rows].b as usize])
                            }
                        }
                    }
                }
            }
        }
        tree
    }

    fn leave(&mut self, row: usize, cluster: usize, density: f64) {
        self.rows[row] = (cluster, density);
        let cluster = &mut self.clusters[cluster];
        cluster.stability += density - cluster.birth;
        cluster.death = cluster.death.max(density);
    }

    /// Which clusters are taken.
    pub fn select(&self, selection: Selection, allow_root: bool) -> Vec<bool> {
        let count = self.clusters.len();
        let mut taken = vec![false; count];
        let mut stability: Vec<f64> = self.clusters.iter().map(|cluster| cluster.stability).collect();
        for place in (0..count).rev() {
            if place == 0 && !allow_root {
                break;
            }
            let children = &self.clusters[place].children;
            let below: f64 = children.iter().map(|&child| stability[child]).sum();
            taken[place] = match selection {
                Selection::Leaf => children.is_empty(),
                Selection::Eom => children.is_empty() || below <= stability[place],
            };
            if !taken[place] {
                stability[place] = below;
            } else {
                let mut under = children.clone();
                while let Some(child) = under.pop() {
                    taken[child] = false;
                    under.extend(&self.clusters[child].children);
                }
            }
        }
        taken
    }

    /// The taken cluster of each row, if it is in one, and how firmly it is.
    pub fn label(&self, taken: &[bool]) -> Vec<Option<(usize, f64)>> {
        let of_row = |&(mut cluster, density): &(usize, f64)| {
            while !taken[cluster] {
                if cluster == 0 {
                    return None;
                }
                cluster = self.clusters[cluster].parent;
            }
            let death = self.clusters[cluster].death;
            Some((cluster, if death > 0.0 { density.min(death) / death } else { 1.0 }))
        };
        self.rows.iter().map(of_row).collect()
    }

    /// What new rows need to know of each cluster. `numbers` are the labels of those that are taken.
    pub fn known(&self, taken: &[bool], numbers: &[i32]) -> Vec<Known> {
        let mut known: Vec<Known> = Vec::with_capacity(self.clusters.len());
        for (place, cluster) in self.clusters.iter().enumerate() {
            // Parents come first.
            let (label, death) = match known.get(cluster.parent) {
                _ if taken[place] => (numbers[place], cluster.death),
                Some(above) if place > 0 => (above.label, above.death),
                _ => (NOISE, 0.0),
            };
            known.push(Known { parent: cluster.parent as u32, birth: cluster.birth, label, death });
        }
        known
    }

    /// The cluster that each row leaves last, and the density at which it does.
    pub fn leaves(&self) -> &[(usize, f64)] {
        &self.rows
    }
}
