//! The report of a linear kernel's weights.

use crate::Machine;
use millstream_training::{Labelled, importance};
use serde::Serialize;

/// Decisions above 0 speak for the one and against the other class.
#[derive(Serialize)]
struct Pair {
    positive: String,
    negative: String,
}

/// One feature's weights, one a pair of classes.
#[derive(Serialize)]
struct Coefficients {
    coefficients: Vec<f64>,
}

#[derive(Serialize)]
pub struct Report {
    /// What the coefficients speak for, in their order; not for numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pairs: Vec<Pair>,
    intercepts: Vec<f64>,
    #[serde(flatten)]
    features: importance::Report<Coefficients>,
}

/// The report, if the kernel is linear.
pub fn report(model: &Machine, train: &Labelled) -> Option<Report> {
    let (weights, intercepts) = match model {
        Machine::Classes(model) => model.coefficients()?,
        Machine::Numbers(model) => model.coefficients()?,
    };
    let names = train.target.classes().map(|classes| classes.names()).unwrap_or_default();
    // Of two classes the second is the positive one everywhere else.
    let sign = if names.len() == 2 { -1.0 } else { 1.0 };
    let pair = |i: usize, j: usize| Pair { positive: names[i].clone(), negative: names[j].clone() };
    let pairs = match names.len() {
        2 => vec![pair(1, 0)],
        count => {
            (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).collect()
        }
    };
    let of =
        |j: usize| Coefficients { coefficients: weights.iter().map(|output| sign * output[j]).collect() };
    let largest = |c: &Coefficients| c.coefficients.iter().fold(0.0_f64, |most, c| most.max(c.abs()));
    let rows = &train.rows;
    Some(Report {
        pairs,
        intercepts: intercepts.iter().map(|intercept| sign * intercept).collect(),
        features: importance::Report::new(
            "coefficient",
            rows.names(),
            (0..rows.names().len()).map(of),
            largest,
        ),
    })
}
