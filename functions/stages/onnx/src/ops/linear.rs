//! Linear models of `ai.onnx.ml`.

use super::algebra::product;
use super::scores::{Labels, PostTransform, largest};
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Kernel};
use crate::tensor::{Kind, Tensor, count};

/// Weights, a line for each target, turned over for the product.
struct Weights {
    turned: Vec<f64>,
    intercepts: Vec<f64>,
    features: usize,
    targets: usize,
}

impl Weights {
    fn new(coefficients: &[f64], intercepts: Vec<f64>, targets: usize) -> Result<Self, Fault> {
        ensure!(targets > 0 && coefficients.len().is_multiple_of(targets), "its coefficients are damaged");
        ensure!(
            intercepts.is_empty() || intercepts.len() == targets,
            "{} intercepts do not go with {targets} targets",
            intercepts.len()
        );
        let features = coefficients.len() / targets;
        let places = (0..features).flat_map(|j| (0..targets).map(move |i| i * features + j));
        Ok(Self { turned: places.map(|place| coefficients[place]).collect(), intercepts, features, targets })
    }

    fn scores(&self, x: &Tensor) -> Result<(usize, Vec<f64>), Fault> {
        let (rows, columns) = x.rows_and_columns()?;
        ensure!(columns == self.features, "{columns} columns came in for {} coefficients", self.features);
        count(&[rows, self.targets])?;
        let mut scores = product(&x.numbers()?, &self.turned, [rows, columns, self.targets]);
        for row in scores.chunks_exact_mut(self.targets).filter(|_| !self.intercepts.is_empty()) {
            row.iter_mut().zip(&self.intercepts).for_each(|(score, intercept)| *score += intercept);
        }
        Ok((rows, scores))
    }
}

fn regressor(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let targets = usize::try_from(attributes.int("targets", 1)).unwrap_or(0);
    let transform = PostTransform::of(attributes)?;
    let weights =
        Weights::new(&attributes.numbers("coefficients")?, attributes.numbers("intercepts")?, targets)?;
    Ok(Box::new(move |inputs| {
        let (rows, mut scores) = weights.scores(inputs.get(0)?)?;
        scores.chunks_exact_mut(targets).for_each(|row| transform.apply(row));
        Ok(vec![Tensor::of_numbers(vec![rows, targets], scores, Kind::Single)?])
    }))
}

fn classifier(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let labels = Labels::of(attributes)?;
    let transform = PostTransform::of(attributes)?;
    let intercepts = attributes.numbers("intercepts")?;
    let coefficients = attributes.numbers("coefficients")?;
    let targets = if intercepts.is_empty() { labels.len() } else { intercepts.len() };
    ensure!(
        targets == labels.len() || (targets == 1 && labels.len() == 2),
        "{targets} scores do not go with {} classes",
        labels.len()
    );
    let weights = Weights::new(&coefficients, intercepts, targets)?;
    Ok(Box::new(move |inputs| {
        let (_, scores) = weights.scores(inputs.get(0)?)?;
        let mut chosen = Vec::new();
        let mut out = Vec::new();
        for row in scores.chunks_exact(targets) {
            // A label is chosen by the raw scores.
            match row {
                [score] => {
                    chosen.push(usize::from(*score > 0.0));
                    let mut both = [*score];
                    transform.apply(&mut both);
                    out.extend([1.0 - both[0], both[0]]);
                }
                row => {
                    chosen.push(largest(row));
                    let from = out.len();
                    out.extend_from_slice(row);
                    transform.apply(&mut out[from..]);
                }
            }
        }
        labels.answer(chosen, out, labels.len())
    }))
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Result<Kernel, Fault>> {
    Some(match operator {
        "LinearRegressor" => regressor(attributes),
        "LinearClassifier" => classifier(attributes),
        _ => return None,
    })
}
