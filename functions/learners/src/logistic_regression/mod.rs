//! Logistic regression, binary and multinomial, with the penalties of scikit-learn's `LogisticRegression`.

mod algorithm;
mod calibrated;
mod hyperparams;
mod objective;
mod search;
mod sparse;

pub use algorithm::LogisticRegression;
pub use calibrated::Calibrated;
pub use hyperparams::{Params, Penalty};

/// Class probabilities from scores: in place, without overflow.
pub fn softmax(scores: &mut [f64]) {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::exp(*score - highest);
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

/// `1 / (1 + exp(-score))`, without overflow.
pub fn sigmoid(score: f64) -> f64 {
    match score >= 0.0 {
        true => 1.0 / (1.0 + libm::exp(-score)),
        false => {
            let e = libm::exp(score);
            e / (1.0 + e)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!((sigmoid(-1e4), sigmoid(0.0), sigmoid(1e4)), (0.0, 0.5, 1.0));
        let mut scores = [1e4, 1e4, -1e4];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.5, 0.0]);
    }
}
