//! Which variant answers.

use sha2::{Digest as _, Sha256};

use super::Variant;

/// The variant for a random draw from [0, 1), each with its share; none if nobody has weight.
pub fn by_weight(variants: &[Variant], draw: f64) -> Option<&Variant> {
    let all: f64 = variants.iter().map(Variant::traffic).sum();
    let mut left = draw.clamp(0.0, 1.0) * all;
    let mut answering = variants.iter().filter(|variant| variant.traffic() > 0.0).peekable();
    while let Some(variant) = answering.next() {
        left -= variant.traffic();
        // Rounding may leave a little after the last one.
        if left < 0.0 || answering.peek().is_none() {
            return Some(variant);
        }
    }
    None
}

/// The variant for a caller, the same one each time, each with its share of the callers; none if nobody has weight.
///
/// Weighted rendezvous hashing (Thaler and Ravishankar 1998; Schindelhauer and Schomaker 2005): each variant draws
/// `-ln(hash) / weight` by caller and name, and the smallest one wins. When weights change, only callers of variants that
/// lose weight move, and only to those that gain.
pub fn by_key<'a>(variants: &'a [Variant], key: &[u8]) -> Option<&'a Variant> {
    variants
        .iter()
        .filter(|variant| variant.traffic() > 0.0)
        .map(|variant| (-unit(&variant.name, key).ln() / variant.traffic(), variant))
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, variant)| variant)
}

/// The variant of that name, whatever its weight, shadows included.
pub fn by_name<'a>(variants: &'a [Variant], name: &str) -> Option<&'a Variant> {
    variants.iter().find(|variant| variant.name == name)
}

/// Those that get a copy of each request.
pub fn shadows(variants: &[Variant]) -> impl Iterator<Item = &Variant> {
    variants.iter().filter(|variant| variant.shadow)
}

/// A number from (0, 1) that is the same in every process and on every machine.
fn unit(name: &str, key: &[u8]) -> f64 {
    // Names hold no zero byte, so that no two pairs make the same text.
    let hash = Sha256::new().chain_update(name).chain_update([0]).chain_update(key).finalize();
    let (head, _) = hash.split_at(8);
    let bits = u64::from_be_bytes(head.try_into().expect("eight bytes")) >> 11;
    (bits as f64 + 0.5) / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shares;

    fn variants(weights: &[f64]) -> Vec<Variant> {
        let one = |(i, weight): (usize, &f64)| Variant { weight: *weight, ..Variant::of("m", i as u32 + 1) };
        weights.iter().enumerate().map(one).collect()
    }

    /// Callers by variant.
    fn callers(variants: &[Variant], count: u32) -> Vec<&str> {
        (0..count).map(|i| by_key(variants, &i.to_be_bytes()).unwrap().name.as_str()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn draws_and_callers_have_their_shares(weights in prop::collection::vec(0.0..10.0_f64, 1..6)) {
            prop_assume!(weights.iter().sum::<f64>() > 0.1);
            let variants = variants(&weights);
            let callers = callers(&variants, 4000);
            for (variant, share) in variants.iter().zip(shares(&variants)) {
                let drawn = (0..4000).filter(|i| by_weight(&variants, f64::from(*i) / 4000.0) == Some(variant)).count();
                prop_assert!((drawn as f64 / 40.0 - share).abs() < 0.1, "{} of {share}%", drawn);
                let kept = callers.iter().filter(|name| **name == variant.name).count();
                // Five standard deviations of a share of one half are four percent.
                prop_assert!((kept as f64 / 40.0 - share).abs() < 4.0, "{} of {share}%", kept);
            }
        }

        #[test]
        fn only_those_move_who_have_to(
            before in prop::collection::vec(0.1..10.0_f64, 2..5), gains in 0_usize..5, more in 0.1..10.0_f64,
        ) {
            let old = variants(&before);
            let mut new = old.clone();
            let gains = gains % new.len();
            new[gains].weight += more;
            let name = new[gains].name.clone();
            for (old, new) in callers(&old, 500).into_iter().zip(callers(&new, 500)) {
                prop_assert!(old == new || new == name, "{old} -> {new}");
            }
        }
    }

    #[test]
    fn a_canary_takes_callers_and_gives_none_back() {
        let at = |share: f64| variants(&[100.0 - share, share]);
        let (ten, half) = (at(10.0), at(50.0));
        for (few, more) in callers(&ten, 1000).into_iter().zip(callers(&half, 1000)) {
            assert!(few == "m-1" || more == "m-2", "who is with the new version stays with it");
        }
    }

    #[test]
    fn the_same_caller_in_every_process() {
        // As another implementation (hashlib in Python) computes it.
        assert_eq!(by_key(&variants(&[1.0, 1.0, 1.0]), b"ann").unwrap().name, "m-3");
        assert_eq!(by_key(&variants(&[1.0, 1.0, 1.0]), b"bob").unwrap().name, "m-1");
    }

    #[test]
    fn nobody_with_weight_is_nobody() {
        assert_eq!(by_weight(&[], 0.5), None);
        assert_eq!(by_weight(&variants(&[0.0]), 0.5), None);
        assert_eq!(by_key(&variants(&[0.0]), b"k"), None);
        let shadow = Variant { shadow: true, ..Variant::of("m", 1) };
        let both = [shadow.clone(), Variant::of("m", 2)];
        for draw in [0.0, 0.5, 0.999_999, 1.0, f64::NAN] {
            assert_eq!(by_weight(&both, draw).unwrap().version, 2);
        }
        assert_eq!(by_name(&both, "m-1"), Some(&shadow));
        assert_eq!(shadows(&both).count(), 1);
    }
}
