//! Figures of the summary, named as in SageMaker: `train:rmse`, `validation:auc`.

use crate::Target;
use millstream_learners::metrics::{binary, multiclass, regression};
use millstream_learners::{Columns, Error};
use millstream_sdk::{Direction, Failure, Labels, Manifest, Summary};

use crate::Rows;

/// Names, directions and meanings.
const REGRESSION: [(&str, Direction, &str); 3] = [
    ("rmse", Direction::Minimize, "root of the mean squared error"),
    ("mae", Direction::Minimize, "mean absolute error"),
    ("r2", Direction::Maximize, "share of the variance explained"),
];
const BINARY: [(&str, Direction, &str); 4] = [
    ("logloss", Direction::Minimize, "negative log likelihood, two classes"),
    ("auc", Direction::Maximize, "area under the ROC curve, two classes"),
    ("accuracy", Direction::Maximize, "share of rows predicted right"),
    ("f1", Direction::Maximize, "F1 of the positive class; macro average from three classes on"),
];
const MULTICLASS: [(&str, Direction, &str); 1] =
    [("mlogloss", Direction::Minimize, "negative log likelihood, three classes and more")];

/// Which figures a function may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    Regression,
    Classification,
    Both,
}

/// Adds the figures to a manifest, for the rows of `train` and of `validation`.
pub fn declare(manifest: Manifest, figures: Figures) -> Manifest {
    declare_for(manifest, figures, &["train", "validation"])
}

/// Adds the figures to a manifest, for the rows of some of these.
pub fn declare_for(mut manifest: Manifest, figures: Figures, sets: &[&str]) -> Manifest {
    for set in sets {
        let regression = REGRESSION.iter().filter(|_| figures != Figures::Classification);
        let classes = BINARY.iter().chain(&MULTICLASS).filter(|_| figures != Figures::Regression);
        for (name, direction, about) in regression.chain(classes) {
            manifest =
                manifest.metric(&format!("{set}:{name}"), *direction, &format!("{about}, on the {set} rows"));
        }
    }
    manifest
}

/// How far predictions are right: numbers, or probabilities of rows x classes. Undefined figures are left out.
pub fn of(
    target: &Target,
    predicted: &[f64],
    weights: Option<&[f64]>,
) -> Result<Vec<(&'static str, f64)>, Error> {
    match target {
        Target::Numbers(truth) => {
            let scores = regression::brief(truth, predicted, weights)?;
            Ok(vec![("rmse", scores.mse.sqrt()), ("mae", scores.mae), ("r2", scores.r2)])
        }
        Target::Classes(Labels { classes, codes }) if classes.len() == 2 => {
            let truth: Vec<bool> = codes.iter().map(|&code| code == 1).collect();
            let positive: Vec<f64> = predicted.iter().skip(1).step_by(2).copied().collect();
            let scores = binary::brief(&truth, &positive, 0.5, weights)?;
            let mut figures = vec![("logloss", scores.log_loss)];
            figures.extend(scores.roc_auc.map(|auc| ("auc", auc)));
            figures.extend([("accuracy", scores.accuracy), ("f1", scores.f1)]);
            Ok(figures)
        }
        Target::Classes(Labels { classes, codes }) => {
            let scores = multiclass::scores(codes, predicted, classes.len(), weights)?;
            let f1 = scores.macro_average.f1;
            Ok(vec![("mlogloss", scores.log_loss), ("accuracy", scores.accuracy), ("f1", f1)])
        }
    }
}

/// Adds the figures of a data set, asking the model for its predictions.
pub fn add(
    summary: Summary,
    set: &str,
    rows: &Rows,
    target: &Target,
    predict: impl Fn(&Columns) -> Result<Vec<f64>, Error>,
) -> Result<Summary, Failure> {
    let predicted = predict(&rows.columns()?).map_err(|error| rows.blame(error))?;
    let figures = of(target, &predicted, rows.weights()).map_err(|error| rows.blame(error))?;
    Ok(named(summary, set, figures))
}

/// Adds figures of a data set that are known.
pub fn named(summary: Summary, set: &str, figures: Vec<(&'static str, f64)>) -> Summary {
    figures.into_iter().fold(summary, |summary, (name, value)| summary.metric(format!("{set}:{name}"), value))
}

/// The one figure of [`of`] that a learning curve shows, which is found quickly: RMSE or the log loss.
pub fn loss(
    target: &Target,
    predicted: &[f64],
    weights: Option<&[f64]>,
) -> Result<(&'static str, f64), Error> {
    match target {
        Target::Numbers(truth) => Ok(("rmse", regression::rmse(truth, predicted, weights)?)),
        Target::Classes(Labels { classes, codes }) if classes.len() == 2 => {
            let truth: Vec<bool> = codes.iter().map(|&code| code == 1).collect();
            let positive: Vec<f64> = predicted.iter().skip(1).step_by(2).copied().collect();
            Ok(("logloss", binary::log_loss(&truth, &positive, weights)?))
        }
        Target::Classes(Labels { classes, codes }) => {
            Ok(("mlogloss", multiclass::log_loss(codes, predicted, classes.len(), weights)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::Classes;

    #[test]
    fn figures_go_with_the_target() {
        let names = |target: &Target, predicted: &[f64]| -> Vec<&str> {
            of(target, predicted, None).unwrap().into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&Target::Numbers(vec![1.0]), &[1.0]), ["rmse", "mae", "r2"]);
        let two = |codes: Vec<u32>| Target::Classes(Labels { classes: Classes::Int(vec![0, 1]), codes });
        let proba = [0.8, 0.2, 0.3, 0.7];
        assert_eq!(names(&two(vec![0, 1]), &proba), ["logloss", "auc", "accuracy", "f1"]);
        assert_eq!(names(&two(vec![1, 1]), &proba), ["logloss", "accuracy", "f1"]);
        let three = Target::Classes(Labels { classes: Classes::Int(vec![0, 1, 2]), codes: vec![2] });
        assert_eq!(names(&three, &[0.1, 0.2, 0.7]), ["mlogloss", "accuracy", "f1"]);
    }

    #[test]
    fn declared_figures_are_those_that_come() {
        let manifest = declare(Manifest::new("x", "0.1.0", "x"), Figures::Both);
        assert_eq!(manifest.metrics.len(), 16);
        assert!(manifest.metrics.iter().any(|metric| metric.name == "validation:auc"));
    }
}
