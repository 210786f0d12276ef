//! Figures of our kernels over the folds, held against the peers'.

use crate::table::{Fold, Table, file, labels};
use millstream_learners::metrics::{multiclass, regression};
use serde_json::Value;

/// What a fold comes to, by the names of metrics.
pub type Figures = Vec<(&'static str, f64)>;

/// What is asked beside being worse by half of their deviation over the folds at the most. Differences are relative to the
/// figure, or to 1 if it is less.
#[derive(Clone, Copy)]
pub enum Beside {
    Nothing,
    /// There is one answer: the figures differ by no more than that.
    Same(f64),
    /// The metric is what is searched for, and worse by no more than that.
    NoWorse(&'static str, f64),
}

/// What a fold comes to with a seed.
type Measure = dyn Fn(&Fold, u64) -> Figures;

pub struct Case {
    pub name: &'static str,
    /// Whose figures it is held against: the name in `quality.json`.
    pub peer: &'static str,
    pub sets: &'static [&'static str],
    /// Our figures are means over so many draws.
    pub seeds: u64,
    pub most_rows: usize,
    pub beside: Beside,
    /// Not the peer's model but another: of an accuracy, the standard error of a share of the table's rows is no difference
    /// either, where folds happen to deviate by less.
    pub another: bool,
    pub figures: Box<Measure>,
}

impl Case {
    /// A case that draws nothing.
    pub fn new(
        name: &'static str,
        sets: &'static [&'static str],
        figures: impl Fn(&Fold, u64) -> Figures + 'static,
    ) -> Self {
        let (beside, figures) = (Beside::Nothing, Box::new(figures));
        Self { name, peer: name, sets, seeds: 1, most_rows: usize::MAX, beside, another: false, figures }
    }

    /// Sets and names in `quality.json`.
    pub fn references(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let peer = self.peer;
        self.sets.iter().map(move |set| ((*set).to_owned(), peer.to_owned()))
    }

    /// Means over seeds and folds.
    fn crossed(&self, set: &str) -> Figures {
        let table = Table::read(set).thinned(self.most_rows);
        let mut means = Figures::new();
        let folds = table.folds();
        let count = (folds.len() as u64 * self.seeds) as f64;
        for fold in &folds {
            for seed in 0..self.seeds {
                let own = (self.figures)(fold, seed);
                if means.is_empty() {
                    means = own.iter().map(|(metric, _)| (*metric, 0.0)).collect();
                }
                means.iter_mut().zip(own).for_each(|((_, mean), (_, figure))| *mean += figure / count);
            }
        }
        means
    }
}

/// What the peers came to.
pub struct Reference(Value);

impl Reference {
    pub fn read() -> Self {
        let text = std::fs::read_to_string(file("quality.json")).expect("the reference is there");
        Self(serde_json::from_str(&text).expect("the reference is JSON"))
    }

    pub fn names(&self) -> impl Iterator<Item = (String, String)> {
        let sets = self.0["figures"].as_object().unwrap().iter();
        sets.flat_map(|(set, cases)| {
            cases.as_object().unwrap().keys().map(|case| (set.clone(), case.clone()))
        })
    }

    pub fn versions(&self) -> impl Iterator<Item = (&str, &str)> {
        let versions = self.0["versions"].as_object().unwrap().iter();
        versions.map(|(name, version)| (name.as_str(), version.as_str().unwrap()))
    }
}

fn larger_is_better(metric: &str) -> bool {
    match metric {
        "balanced_accuracy" | "recall" | "average_precision" => true,
        "accuracy" | "r2" | "auc" | "adjusted_rand" | "log_likelihood" | "train_log_likelihood" => true,
        "log_loss" | "rmse" | "mae" | "inertia" | "train_inertia" | "reconstruction_error" => false,
        _ if metric.ends_with("deviance") || metric.ends_with("error") || metric.ends_with("loss") => false,
        _ => panic!("which way is {metric} better?"),
    }
}

/// Holds every case on every one of its sets, and says all that is wrong at once.
#[track_caller]
pub fn hold(cases: Vec<Case>) {
    let reference = Reference::read();
    let mut wrong = Vec::new();
    for case in &cases {
        for set in case.sets {
            let theirs = &reference.0["figures"][set][case.peer];
            let ours = case.crossed(set);
            let metrics = theirs.as_object().map_or(0, |theirs| theirs.len());
            assert_eq!(ours.len(), metrics, "{set}, {}: metrics of both sides", case.name);
            for (metric, ours) in ours {
                let figure = |part: &str| theirs[metric][part].as_f64().expect("a figure");
                let (mean, deviation) = (figure("mean"), figure("sd"));
                let worse = if larger_is_better(metric) { mean - ours } else { ours - mean };
                let relative = worse / mean.abs().max(1.0);
                let line = format!(
                    "{set}, {}, {metric}: {ours:.6}, theirs {mean:.6} +- {deviation:.6}: worse by {:.2} deviations",
                    case.name,
                    worse / deviation
                );
                println!("{line}");
                let beside = match case.beside {
                    Beside::Nothing => true,
                    Beside::Same(tolerance) => relative.abs() <= tolerance,
                    Beside::NoWorse(searched, tolerance) => metric != searched || relative <= tolerance,
                };
                let error = match metric {
                    "accuracy" if case.another => {
                        let rows = Table::read(set).thinned(case.most_rows).rows() as f64;
                        (mean * (1.0 - mean) / rows).sqrt()
                    }
                    _ => 0.0,
                };
                // Sums in another order are no difference.
                if worse > error.max(deviation / 2.0) + 1e-9 * mean.abs().max(1.0) || !beside {
                    wrong.push(line);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} figures:\n{}", wrong.len(), wrong.join("\n"));
}

/// Figures of predictions for the rows that were left out: probabilities of classes, or numbers.
pub fn scored(fold: &Fold, predicted: &[f64]) -> Figures {
    match fold.classes() {
        0 => vec![("r2", regression::scores(&fold.truth, predicted, None).unwrap().r2)],
        classes => {
            let scores = multiclass::scores(&labels(&fold.truth), predicted, classes, None).unwrap();
            vec![("accuracy", scores.accuracy), ("log_loss", scores.log_loss)]
        }
    }
}
