//! Which features may meet on a way from the root to a leaf.

use std::rc::Rc;

/// What a node's way has met so far. Without constraints nothing is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Way(Option<Rc<Met>>);

#[derive(Debug)]
struct Met {
    /// Features that the way went by, ascending.
    features: Vec<u32>,
    /// Features that splits may look at here, ascending.
    allowed: Vec<u32>,
}

impl Way {
    /// The way on below a split by a feature: what it went by may come again, and all of each set that holds everything
    /// it went by, as XGBoost has it.
    pub fn past(&self, feature: u32, sets: &[Vec<u32>]) -> Self {
        if sets.is_empty() {
            return Self(None);
        }
        let mut features = self.0.as_ref().map_or(Vec::new(), |met| met.features.clone());
        insert(&mut features, feature);
        let mut allowed = features.clone();
        for set in sets.iter().filter(|set| features.iter().all(|feature| set.contains(feature))) {
            set.iter().for_each(|&feature| insert(&mut allowed, feature));
        }
        Self(Some(Rc::new(Met { features, allowed })))
    }

    /// Those of `places` that splits may look at; none: all of them.
    pub fn allowed(&self, places: &[u32], columns: &[u32]) -> Option<Vec<u32>> {
        let met = self.0.as_ref()?;
        let own = places.iter().filter(|&&place| met.allowed.binary_search(&columns[place as usize]).is_ok());
        Some(own.copied().collect())
    }
}

fn insert(sorted: &mut Vec<u32>, feature: u32) {
    if let Err(place) = sorted.binary_search(&feature) {
        sorted.insert(place, feature);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_stay_open_while_they_hold_the_whole_way() {
        let sets = [vec![0, 1], vec![1, 2, 4]];
        let columns = [0, 1, 2, 3, 4];
        let allowed = |way: &Way| way.allowed(&[0, 1, 2, 3, 4], &columns);
        let root = Way::default();
        assert_eq!(allowed(&root), None);
        assert_eq!(allowed(&root.past(1, &sets)), Some(vec![0, 1, 2, 4]));
        assert_eq!(allowed(&root.past(1, &sets).past(4, &sets)), Some(vec![1, 2, 4]));
        // A feature of no set meets itself alone.
        assert_eq!(allowed(&root.past(3, &sets)), Some(vec![3]));
        assert_eq!(allowed(&root.past(3, &[])), None);
    }
}
