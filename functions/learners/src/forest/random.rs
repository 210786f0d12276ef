//! A random split of one node by one feature, as in extremely randomized trees.

use super::bins::Bins;
use super::histogram::Split;
use crate::cart::{Least, Sample, Sides};
use crate::rng::Rng;

/// The split between the least and the largest value of a feature in a node, at a place drawn uniformly; `None` if
/// the feature is constant there or a side would hold too little. `found` is scratch space.
#[allow(clippy::too_many_arguments)]
pub(super) fn random_split<S: Sides>(
    sides: &mut S,
    node: &[Sample],
    bins: &Bins,
    feature: usize,
    totals: &[f64],
    weight: f64,
    least: Least,
    rng: &mut Rng,
    found: &mut Vec<u8>,
) -> Option<Split> {
    let (table, width) = (bins.row_major(), bins.width);
    found.clear();
    found.extend(node.iter().map(|sample| table[sample.row as usize * width + feature]));
    let (low, high) = found.iter().fold((u8::MAX, 0), |(low, high), &bin| (low.min(bin), high.max(bin)));
    if low == high {
        return None;
    }
    let middles = bins.middles(feature);
    let (first, last) = (middles[low as usize], middles[high as usize]);
    let unit = rng.unit();
    // Bins whose middle is not above the place go left: the lowest does, the highest does not.
    let place = first * (1.0 - unit) + last * unit;
    let between = &middles[low as usize + 1..high as usize];
    let bin = low + between.partition_point(|middle| *middle <= place) as u8;

    sides.start(totals, weight);
    let mut left_rows = 0;
    for (sample, own) in node.iter().zip(found.iter()) {
        // Without a branch: it could not be foreseen.
        let left = u8::from(*own <= bin);
        left_rows += usize::from(left);
        let part = sample.weight * f64::from(left);
        sides.add(sample.output as usize, part, part * sample.value);
    }
    let fits = least.allows(left_rows, node.len(), sides.left_weight(), weight);
    fits.then(|| Split { score: sides.score(), bin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;
    use crate::cart::One;

    #[test]
    fn places_are_uniform_between_the_ends() {
        let x = [0.0, 1.0, 10.0];
        let x = Columns::new(vec![&x]).unwrap();
        let bins = Bins::fit(&x, 255).unwrap().with_rows().with_middles(&x);
        let node = [0, 1, 2].map(|row| Sample { row, output: 0, weight: 1.0, value: f64::from(row) });
        let mut rng = Rng::new(0, 0);
        let mut drawn = |node: &[Sample], least| {
            let mut sides = One::<false>::default();
            let totals = [node.iter().map(|s| s.value).sum()];
            let (weight, scratch) = (node.len() as f64, &mut Vec::new());
            random_split(&mut sides, node, &bins, 0, &totals, weight, least, &mut rng, scratch)
        };
        let any = Least { rows: 1, weight: 0.0 };
        let mut hits = [0; 2];
        for _ in 0..10_000 {
            let split = drawn(&node, any).unwrap();
            hits[split.bin as usize] += 1;
            assert_eq!(split.score, 4.5);
        }
        assert!((900..1100).contains(&hits[0]), "{hits:?}");
        assert_eq!(drawn(&node[..1], any), None);
        assert_eq!(drawn(&node, Least { rows: 2, weight: 0.0 }), None);
    }
}
