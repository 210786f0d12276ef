//! Quantiles of weighted values.

/// The lowest value that `alpha` of the weight is not above; 0 without weight. Sorts the pairs of value and weight.
pub(super) fn quantile(values: &mut [(f64, f64)], alpha: f64) -> f64 {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    let mut last = 0.0;
    for &(value, weight) in values.iter().filter(|(_, weight)| *weight > 0.0) {
        below += weight;
        last = value;
        if below >= alpha * total {
            return value;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_move_it() {
        assert_eq!(quantile(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)], 0.5), 2.0);
        assert_eq!(quantile(&mut [(3.0, 1.0), (1.0, 5.0), (2.0, 1.0)], 0.5), 1.0);
        assert_eq!(quantile(&mut [(3.0, 1.0), (1.0, 0.0)], 0.01), 3.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
