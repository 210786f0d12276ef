//! Which columns a tree, a level and a node see.

use crate::rng::Rng;

/// Draws columns: a level's from the tree's, a node's from the level's.
pub(super) struct Sampler<'a> {
    rng: &'a mut Rng,
    /// Of the level and of the node.
    shares: [f64; 2],
    /// Places among the tree's columns.
    all: Vec<u32>,
    levels: Vec<Vec<u32>>,
    node: Vec<u32>,
}

impl<'a> Sampler<'a> {
    pub fn new(rng: &'a mut Rng, width: usize, bylevel: f64, bynode: f64) -> Self {
        let all = (0..width as u32).collect();
        Self { rng, shares: [bylevel, bynode], all, levels: Vec::new(), node: Vec::new() }
    }

    /// Places, ascending, for a node of a level.
    pub fn of_node(&mut self, depth: u32) -> &[u32] {
        let [bylevel, bynode] = self.shares;
        let mut from = &self.all;
        if bylevel < 1.0 {
            while self.levels.len() <= depth as usize {
                self.levels.push(draw(self.rng, &self.all, bylevel));
            }
            from = &self.levels[depth as usize];
        }
        if bynode < 1.0 {
            self.node = draw(self.rng, from, bynode);
            from = &self.node;
        }
        from
    }
}

/// A share of the items, at least one, in their order.
fn draw(rng: &mut Rng, items: &[u32], share: f64) -> Vec<u32> {
    let count = ((items.len() as f64 * share) as usize).max(1);
    rng.sample_sorted(items.len(), count).into_iter().map(|i| items[i as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_see_a_share_of_their_level() {
        let mut rng = Rng::new(1, 0);
        let mut sampler = Sampler::new(&mut rng, 100, 0.5, 0.2);
        let nodes: Vec<Vec<u32>> = (0..40).map(|_| sampler.of_node(3).to_vec()).collect();
        let mut seen = [false; 100];
        nodes.iter().flatten().for_each(|&place| seen[place as usize] = true);
        assert!(nodes.iter().all(|node| node.len() == 10 && node.is_sorted()));
        let seen = seen.iter().filter(|seen| **seen).count();
        assert!((40..=50).contains(&seen), "{seen}");
        assert_eq!(Sampler::new(&mut rng, 3, 1.0, 1.0).of_node(0), [0, 1, 2]);
    }
}
