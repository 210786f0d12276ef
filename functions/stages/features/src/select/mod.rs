//! Which features stay.

pub mod mutual;
pub mod spread;
pub mod test;

use millstream_sdk::{Failure, internal, invalid_input, invalid_parameter};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{goal::SeenTarget, steps};

/// The steps' names.
pub const NAMES: [&str; 4] = ["variance", "correlation", "f-test", "mutual-information"];

/// A feature that may stay.
pub struct Candidate {
    pub name: String,
    /// NaN is missing.
    pub values: Vec<f64>,
}

/// A step that chooses.
#[derive(Clone, Debug, PartialEq)]
pub enum Select {
    /// Those of more variance.
    Variance(f64),
    /// Of two that go together this much, the first.
    Correlation(f64),
    /// The highest F-values.
    FTest(Best),
    /// The highest mutual information.
    MutualInformation(Best),
}

/// How many of the best.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Best {
    /// So many.
    pub k: Option<usize>,
    /// Those with a score above.
    pub threshold: Option<f64>,
    /// Of `mutual-information`: by how many neighbours density is measured.
    pub n_neighbors: Option<usize>,
}

/// Options of `variance` and `correlation`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Threshold {
    threshold: Option<f64>,
}

impl Select {
    /// Reads options.
    pub fn read(name: &str, options: Map<String, Value>, parameter: &str) -> Result<Self, Failure> {
        if matches!(name, "variance" | "correlation") {
            let Threshold { threshold } = steps::read(options, parameter)?;
            let (usual, most) = if name == "variance" { (0.0, f64::INFINITY) } else { (0.95, 1.0) };
            let threshold = threshold.unwrap_or(usual);
            if !(0.0..=most).contains(&threshold) {
                let allowed = if name == "variance" { "0 and more" } else { "0 to 1" };
                let message = format!("{threshold} is out of range");
                return Err(invalid_parameter(format!("{parameter}.threshold"), message).allowed(allowed));
            }
            return Ok(if name == "variance" {
                Self::Variance(threshold)
            } else {
                Self::Correlation(threshold)
            });
        }
        let best: Best = steps::read(options, parameter)?;
        if best.k.is_some() == best.threshold.is_some() {
            return Err(invalid_parameter(
                parameter,
                "needs either `k`, how many features stay, or a `threshold`",
            ));
        }
        if best.k == Some(0) || best.n_neighbors == Some(0) {
            return Err(invalid_parameter(parameter, "`k` and `n_neighbors` are 1 and more"));
        }
        match name {
            "f-test" if best.n_neighbors.is_some() => {
                Err(invalid_parameter(parameter, "`f-test` has no option `n_neighbors`"))
            }
            "f-test" => Ok(Self::FTest(best)),
            _ => Ok(Self::MutualInformation(best)),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Variance(_) => NAMES[0],
            Self::Correlation(_) => NAMES[1],
            Self::FTest(_) => NAMES[2],
            Self::MutualInformation(_) => NAMES[3],
        }
    }

    pub fn wants_target(&self) -> bool {
        matches!(self, Self::FTest(_) | Self::MutualInformation(_))
    }

    /// Which of the candidates stay.
    pub fn choose(&self, candidates: &[Candidate], goal: Option<&SeenTarget>) -> Result<Vec<bool>, Failure> {
        for one in candidates {
            crate::values::no_infinite(&one.values).map_err(|failure| failure.column(&one.name))?;
        }
        let goal = || goal.ok_or_else(|| internal("the target was not read"));
        match self {
            Self::Variance(threshold) => Ok(spread::above(candidates, *threshold)),
            Self::Correlation(threshold) => Ok(spread::apart(candidates, *threshold)),
            Self::FTest(best) => best.of(&scores(candidates, |values| test::score(values, goal()?))?),
            Self::MutualInformation(best) => {
                let neighbours = best.n_neighbors.unwrap_or(3);
                best.of(&scores(candidates, |values| mutual::score(values, goal()?, neighbours))?)
            }
        }
    }
}

/// A score for each candidate; a missing value is an error.
fn scores(
    candidates: &[Candidate],
    score: impl Fn(&[f64]) -> Result<f64, Failure>,
) -> Result<Vec<f64>, Failure> {
    let one = |candidate: &Candidate| match candidate.values.iter().position(|value| value.is_nan()) {
        None => score(&candidate.values).map_err(|failure| failure.column(&candidate.name)),
        Some(row) => {
            Err(invalid_input("a feature that is scored has no missing values; `impute` its column first")
                .column(&candidate.name)
                .row(row as u64 + 1))
        }
    };
    candidates.iter().map(one).collect()
}

impl Best {
    /// The best by score; of equals the first ones.
    fn of(&self, scores: &[f64]) -> Result<Vec<bool>, Failure> {
        if let Some(threshold) = self.threshold {
            return Ok(scores.iter().map(|score| *score > threshold).collect());
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        // A feature without a score comes last.
        let key = |place: usize| if scores[place].is_nan() { f64::NEG_INFINITY } else { scores[place] };
        order.sort_by(|a, b| key(*b).total_cmp(&key(*a)));
        let mut kept = vec![false; scores.len()];
        order.into_iter().take(self.k.unwrap_or(scores.len())).for_each(|place| kept[place] = true);
        Ok(kept)
    }
}
