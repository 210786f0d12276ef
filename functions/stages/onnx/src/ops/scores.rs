//! What models make of their raw scores, and the classes that they name.

use super::elementwise::logistic;
use crate::fault::{Fault, ensure};
use crate::node::Attributes;
use crate::tensor::{Kind, Tensor, Values};

/// What a row's scores go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostTransform {
    None,
    Softmax,
    SoftmaxZero,
    Logistic,
}

impl PostTransform {
    pub fn of(attributes: &Attributes<'_>) -> Result<Self, Fault> {
        let name = attributes.text("post_transform", "NONE")?;
        Ok(match name.as_str() {
            "NONE" => Self::None,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "LOGISTIC" => Self::Logistic,
            _ => return Err(Fault::new(format!("the transform `{name}` of scores is not supported"))),
        })
    }

    pub fn apply(self, scores: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Softmax | Self::SoftmaxZero => {
                // Scores of exactly 0 stay so in the second kind.
                let counts = |score: f64| self == Self::Softmax || score != 0.0;
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = scores.iter().filter(|&&s| counts(s)).map(|s| (s - most).exp()).sum();
                for score in scores.iter_mut().filter(|score| counts(**score)) {
                    *score = (*score - most).exp() / total;
                }
            }
        }
    }
}

/// The classes that an operator names.
pub struct Labels(pub Values);

impl Labels {
    pub fn of(attributes: &Attributes<'_>) -> Result<Self, Fault> {
        let texts = ["classlabels_strings"].iter().map(|name| attributes.texts(name));
        let texts = texts.collect::<Result<Vec<_>, _>>()?.concat();
        let ints = [attributes.ints("classlabels_int64s"), attributes.ints("classlabels_ints")].concat();
        ensure!(
            texts.is_empty() != ints.is_empty(),
            "its classes are missing, or there are two kinds of them"
        );
        Ok(Self(if texts.is_empty() { Values::Int(ints) } else { Values::Text(texts) }))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The label of each row, and its scores: as many a row as there are classes, or one.
    pub fn answer(&self, chosen: Vec<usize>, scores: Vec<f64>, width: usize) -> Result<Vec<Tensor>, Fault> {
        let rows = chosen.len();
        let labels = Tensor::new(vec![rows], self.0.pick(chosen.into_iter()))?;
        Ok(vec![labels, Tensor::of_numbers(vec![rows, width], scores, Kind::Single)?])
    }
}

/// The place of the largest, the first of equals.
pub fn largest(scores: &[f64]) -> usize {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = place;
        }
    }
    best
}

/// What a single score of two classes becomes: that of the first class, and its own.
pub fn both(score: f64, transform: PostTransform, share: bool) -> [f64; 2] {
    match (share, transform) {
        (true, _) => [1.0 - score, score],
        (false, PostTransform::Logistic) => [logistic(-score), logistic(score)],
        (false, _) => [-score, score],
    }
}
