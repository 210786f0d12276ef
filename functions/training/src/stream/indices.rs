//! The indices that come up in a column of sparse rows.

use serde::{Deserialize, Serialize};

/// Indices in rising order, each of which is looked up at once. As many as were seen, however large they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Gaps", try_from = "Gaps")]
pub struct Indices {
    known: Vec<u32>,
    /// The upper bits of an index, all but these, say in which bucket it is.
    shift: u32,
    /// Where each bucket begins, and where the last one ends.
    buckets: Vec<u32>,
}

/// What is added to an index to get the next one: small numbers, which take few bytes.
#[derive(Serialize, Deserialize)]
struct Gaps(Vec<u32>);

impl From<Indices> for Gaps {
    fn from(indices: Indices) -> Self {
        let mut before = 0;
        let gap = |index: u32| index - std::mem::replace(&mut before, index);
        Self(indices.known.into_iter().map(gap).collect())
    }
}

impl TryFrom<Gaps> for Indices {
    type Error = &'static str;

    fn try_from(gaps: Gaps) -> Result<Self, Self::Error> {
        let mut known: Vec<u32> = Vec::with_capacity(gaps.0.len());
        for gap in gaps.0 {
            let index = match known.last() {
                None => Some(gap),
                Some(last) => last.checked_add(gap).filter(|index| index > last),
            };
            known.push(index.ok_or("the indices are damaged")?);
        }
        Ok(Self::new(known))
    }
}

impl Default for Indices {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Indices {
    /// Of indices that rise.
    fn new(known: Vec<u32>) -> Self {
        // About as many buckets as indices.
        let last = known.last().copied().unwrap_or_default();
        let wanted = usize::BITS - known.len().leading_zeros();
        let shift = (u32::BITS - last.leading_zeros()).saturating_sub(wanted);
        let mut buckets = vec![0; (last >> shift) as usize + 2];
        known.iter().for_each(|index| buckets[(index >> shift) as usize + 1] += 1);
        for bucket in 1..buckets.len() {
            buckets[bucket] += buckets[bucket - 1];
        }
        Self { known, shift, buckets }
    }

    /// Adds indices that are not there yet; what is left of `more` is of no use.
    pub fn add(&mut self, more: &mut Vec<u32>) {
        if more.is_empty() {
            return;
        }
        more.sort_unstable();
        more.dedup();
        let mut known = std::mem::take(&mut self.known);
        known.append(more);
        // Two runs in order: a stable sort merges them.
        known.sort();
        *self = Self::new(known);
    }

    /// The place of an index among those that are known.
    #[inline]
    pub fn place(&self, index: u32) -> Option<u32> {
        let bucket = (index >> self.shift) as usize;
        let (start, end) = (*self.buckets.get(bucket)?, *self.buckets.get(bucket + 1)?);
        let found = self.known[start as usize..end as usize].binary_search(&index).ok()?;
        Some(start + found as u32)
    }

    /// All of them.
    pub fn known(&self) -> &[u32] {
        &self.known
    }

    /// One above the largest.
    pub fn end(&self) -> u64 {
        self.known.last().map_or(0, |last| u64::from(*last) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        for steps in [1, 3, 1000, 400_000_000_u64] {
            let mut indices = Indices::default();
            assert_eq!((indices.place(0), indices.end()), (None, 0));
            let all: Vec<u32> = (0..200).map_while(|i| u32::try_from(5 + i * steps).ok()).collect();
            for piece in all.rchunks(30) {
                let mut more: Vec<u32> = piece.iter().rev().chain(piece).copied().collect();
                indices.add(&mut more);
            }
            assert_eq!(indices.known(), all);
            for (place, index) in all.iter().enumerate() {
                assert_eq!(indices.place(*index), Some(place as u32));
                assert_eq!(indices.place(index + 1).is_some(), steps == 1 && place + 1 < all.len());
            }
            assert_eq!((indices.place(4), indices.place(u32::MAX)), (None, None));
            assert_eq!(indices.end(), u64::from(all[all.len() - 1]) + 1);
            let gaps = serde_json::to_string(&indices).unwrap();
            assert!(gaps.starts_with(&format!("[5,{steps},")), "{gaps}");
            assert_eq!(serde_json::from_str::<Indices>(&gaps).unwrap(), indices);
        }
        for damaged in ["[1,0]", "[4294967295,1]"] {
            assert!(serde_json::from_str::<Indices>(damaged).is_err());
        }
    }
}
