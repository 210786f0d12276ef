//! The training job of forests, whatever their kind.

use crate::columns::{OfEither, TargetColumns};
use crate::scores::{self, Figures};
use crate::supervised::Task;
use crate::trees::{self, ClassWeight};
use crate::{Labelled, Learner, Target, blame, importance, supervised};
use millstream_learners::forest::{self, ForestOf, Kind};
use millstream_learners::{Check, Checked};
use millstream_sdk::{Classes, Context, Direction, Failure, Manifest, Output, Summary};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(bound = "K: Kind")]
#[schemars(bound = "K: Kind", rename = "Params")]
pub struct Params<K: Kind> {
    #[serde(flatten)]
    columns: TargetColumns<OfEither>,
    /// Whether to tell classes apart or to predict a number. If not given: classes for text, booleans, and integers of
    /// at most 20 distinct values.
    #[serde(default)]
    task: Option<Task>,
    #[serde(flatten)]
    forest: forest::Params<K>,
    /// `balanced`: rare classes count as much as frequent ones; `balanced_subsample`: the same in each tree's rows; or a
    /// weight for each class by its name, 1 for those not named.
    #[serde(default)]
    #[schemars(schema_with = "trees::class_weight")]
    class_weight: Option<ClassWeight>,
    /// The seed of samples and features; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

impl<K: Kind> Params<K> {
    fn kernel(&self, seed: u64, classes: Option<&Classes>) -> Result<Checked<forest::Params<K>>, Failure> {
        let class_weight = ClassWeight::kernel(self.class_weight.as_ref(), classes)?;
        let kernel = forest::Params { class_weight, seed: self.seed.unwrap_or(seed), ..self.forest.clone() };
        kernel.check().map_err(blame::parameter)
    }
}

/// Channels, outputs, metrics and parameters; `manifest` says the rest.
pub fn declare<K: Kind>(manifest: Manifest) -> Manifest {
    let manifest = supervised::channels(manifest)
        .output(Output::model("model", "The forest.").follows("train"))
        .output(Output::report(
            "importance",
            "application/json",
            "Each feature's share in what the splits lower the impurity by, largest first.",
        ))
        .parameters::<Params<K>>()
        .metric(
            "oob:score",
            Direction::Maximize,
            "accuracy or R2 by the trees that did not see a row, if `oob_score` asks for it",
        );
    scores::declare(manifest, Figures::Both)
}

/// Grows a forest and puts it out with its scores.
pub fn train<L: Learner<Kernel = ForestOf<K>>, K: Kind>(
    params: &Params<K>,
    context: &mut Context,
) -> Result<Summary, Failure> {
    let named = params.columns.named();
    let train = Labelled::train(context, &named, params.task.map(Into::into))?;
    train.target.in_single_precision(named.target).map_err(|failure| failure.channel("train"))?;
    let total = u64::from(params.forest.n_estimators);
    let kernel = params.kernel(context.seed(), train.target.classes())?;
    let mut on_tree = |trees: u32| context.progress(u64::from(trees), Some(total));
    let (x, weights) = (train.x()?, train.rows.weights());
    let forest = context.phase("fit", || match &train.target {
        Target::Classes(labels) => kernel.fit_classes(&x, &labels.codes, weights, &mut on_tree),
        Target::Numbers(values) => kernel.fit_numbers(&x, values, weights, &mut on_tree),
    });
    let forest = forest.map_err(|error| train.rows.blame(error))?;
    context.put_json("importance", &importance::shares(train.rows.names(), forest.importances()))?;
    let message = format!("{} trees for {} on {} rows", forest.trees(), train.kind(), train.count());
    let mut summary = train.score(context, Summary::new(message), "train", &forest)?;
    if let Some(score) = forest.oob_score() {
        summary = summary.metric("oob:score", score);
    }
    let validation = train.validation(context, &named)?;
    if let Some(validation) = &validation {
        summary = context.phase("score", || watched(context, validation, &forest, summary))?;
    }
    supervised::put::<L>(context, &named, &train, &forest)?;
    Ok(summary)
}

/// The figures of the validation rows, and on the way there a point of the learning curve each time that the trees have
/// doubled.
fn watched<K: Kind>(
    context: &Context,
    validation: &Labelled,
    forest: &ForestOf<K>,
    summary: Summary,
) -> Result<Summary, Failure> {
    let blame = |error| validation.rows.blame(error);
    let trees = forest.trees();
    let mut stages: Vec<usize> =
        (0..usize::BITS).map(|power| 1 << power).take_while(|&stage| stage < trees).collect();
    stages.push(trees);
    let staged = forest.predict_staged(&validation.x()?, &stages).map_err(blame)?;
    let weights = validation.rows.weights();
    for (stage, predicted) in stages.iter().zip(&staged) {
        let (name, value) = scores::loss(&validation.target, predicted, weights).map_err(blame)?;
        context.metric(&format!("validation:{name}"), value, *stage as u64);
    }
    let last = staged.last().map(Vec::as_slice).unwrap_or_default();
    let figures = scores::of(&validation.target, last, weights).map_err(blame)?;
    Ok(scores::named(summary, "validation", figures))
}
