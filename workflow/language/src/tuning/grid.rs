//! All combinations of a space.

use serde_json::{Map, Value};

use super::Tuning;

impl Tuning {
    /// How many points its grid has; none if an axis has no end of them, or if they are beyond counting.
    pub fn grid(&self) -> Option<u32> {
        if self.search.values().any(|dimension| !dimension.when.is_empty()) {
            return self.counted(0, &mut Map::new());
        }
        self.search.values().try_fold(1u32, |points, dimension| points.checked_mul(dimension.axis.values()?))
    }

    /// How many points there are below `point`, which has the parameters before `place`.
    fn counted(&self, place: usize, point: &mut Map<String, Value>) -> Option<u32> {
        let Some((name, dimension)) = self.search.get_index(place) else { return Some(1) };
        if !dimension.is_active(point) {
            return self.counted(place + 1, point);
        }
        // What is below does not depend on this one, if no condition speaks of it.
        let decides = self.search.values().skip(place).any(|later| later.when.contains_key(name));
        let values = dimension.axis.values()?;
        if !decides {
            return self.counted(place + 1, point)?.checked_mul(values);
        }
        let mut points = 0u32;
        for n in 0..values {
            point.insert(name.clone(), dimension.axis.nth(n));
            points = points.checked_add(self.counted(place + 1, point)?)?;
        }
        point.remove(name);
        Some(points)
    }

    /// Point `trial` of the grid; the last one if there are not so many, as the plan says how many there are.
    pub(super) fn grid_point(&self, trial: u32) -> Map<String, Value> {
        let mut left = trial;
        let mut point = Map::new();
        for (place, (name, dimension)) in self.search.iter().enumerate() {
            if !dimension.is_active(&point) {
                continue;
            }
            for n in 0..dimension.axis.values().unwrap_or(1) {
                point.insert(name.clone(), dimension.axis.nth(n));
                let below = self.counted(place + 1, &mut point).unwrap_or(1);
                if left < below {
                    break;
                }
                left -= below;
            }
        }
        point
    }
}
