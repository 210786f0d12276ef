//! The training job of forests, whatever their kind.

use crate::scores::{self, Figures};
use crate::supervised::Task;
use crate::trees::{self, ClassWeight, Criterion};
use crate::{Labelled, Learner, Named, Target, blame, importance, supervised};
use millstream_learners::cart::{MaxFeatures, MaxSamples};
use millstream_learners::forest::{self, ForestOf, Kind};
use millstream_learners::{Check, Checked};
use millstream_sdk::{Classes, Context, Direction, Failure, Manifest, Output, Summary};
use schemars::JsonSchema;
use serde::Deserialize;
use std::marker::PhantomData;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(bound = "K: Kind")]
#[schemars(bound = "K: Kind", rename = "Params")]
pub struct Params<K: Kind> {
    /// The column to predict: classes or numbers.
    pub target: String,
    /// The columns to learn from; all others than target and weight if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    pub weight: Option<String>,
    /// Whether to tell classes apart or to predict a number. If not given: classes for text, booleans, and integers of
    /// at most 20 distinct values.
    #[serde(default)]
    task: Option<Task>,
    /// Trees: more are steadier, and cost in proportion.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    n_estimators: u32,
    /// What splits are chosen by: `gini` (the usual one), `entropy` or `log_loss` for classes, `squared_error` (the
    /// usual one) or `friedman_mse` for numbers.
    #[serde(default)]
    #[schemars(schema_with = "trees::criterion")]
    criterion: Option<Criterion>,
    /// Splits from the root to a leaf at the most; if not given, until leaves are pure.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_depth: Option<u32>,
    /// Nodes of fewer rows are not split.
    #[serde(default = "two")]
    #[schemars(range(min = 2))]
    min_samples_split: u32,
    /// Splits that would leave fewer rows on a side are not made.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    min_samples_leaf: u32,
    /// The same for the share of the weight of a tree's rows.
    #[serde(default)]
    #[schemars(range(min = 0, max = 0.5))]
    min_weight_fraction_leaf: f64,
    /// Features that a split chooses from: `sqrt`, `log2`, `all`, a number of them (2 and more), or a share of them
    /// (0 to 1). If not given: `sqrt` for classes, `all` for numbers.
    #[serde(default)]
    #[schemars(schema_with = "trees::max_features")]
    max_features: Option<MaxFeatures>,
    /// Leaves of a tree at the most; the best splits are made first.
    #[serde(default)]
    #[schemars(range(min = 2))]
    max_leaf_nodes: Option<u32>,
    /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
    #[serde(default)]
    #[schemars(range(min = 0))]
    min_impurity_decrease: f64,
    /// Whether each tree sees rows drawn with replacement, by their weights and those of their classes, or all rows.
    #[serde(default = "bootstrap::<K>")]
    bootstrap: bool,
    /// How many rows each tree draws: a number (2 and more), or a share of the rows (0 to 1). If not given: as many as
    /// have weight. Needs `bootstrap`.
    #[serde(default)]
    #[schemars(schema_with = "trees::max_samples")]
    max_samples: Option<MaxSamples>,
    /// Whether to score each row by the trees that did not see it; rows count by their weights. Needs `bootstrap`.
    #[serde(default)]
    oob_score: bool,
    /// `balanced`: rare classes count as much as frequent ones; `balanced_subsample`: the same in each tree's rows; or a
    /// weight for each class by its name, 1 for those not named.
    #[serde(default)]
    #[schemars(schema_with = "trees::class_weight")]
    class_weight: Option<ClassWeight>,
    /// What a leaf costs in minimal cost-complexity pruning; 0: trees are not pruned.
    #[serde(default)]
    #[schemars(range(min = 0))]
    ccp_alpha: f64,
    /// Bins that a feature is cut into at the most.
    #[serde(default = "bins")]
    #[schemars(range(min = 2, max = 255))]
    max_bin: u32,
    /// The seed of samples and features; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
    #[serde(skip)]
    kind: PhantomData<K>,
}

fn hundred() -> u32 {
    100
}

fn two() -> u32 {
    2
}

fn one() -> u32 {
    1
}

fn bins() -> u32 {
    255
}

fn bootstrap<K: Kind>() -> bool {
    K::BOOTSTRAP
}

impl<K: Kind> Params<K> {
    fn kernel(self, seed: u64, classes: Option<&Classes>) -> Result<Checked<forest::Params<K>>, Failure> {
        let kernel = forest::Params {
            n_estimators: self.n_estimators,
            criterion: self.criterion.map(Into::into),
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            min_weight_fraction_leaf: self.min_weight_fraction_leaf,
            max_features: self.max_features,
            max_leaf_nodes: self.max_leaf_nodes,
            min_impurity_decrease: self.min_impurity_decrease,
            bootstrap: self.bootstrap,
            max_samples: self.max_samples,
            oob_score: self.oob_score,
            class_weight: ClassWeight::kernel(self.class_weight.as_ref(), classes)?,
            ccp_alpha: self.ccp_alpha,
            max_bin: self.max_bin,
            seed: self.seed.unwrap_or(seed),
            kind: PhantomData,
        };
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
    params: Params<K>,
    context: &mut Context,
) -> Result<Summary, Failure> {
    let (name, features, weight) = (params.target.clone(), params.features.clone(), params.weight.clone());
    let named = Named::new(&name, &features, &weight);
    let train = Labelled::train(context, &named, params.task.map(Into::into))?;
    train.target.in_single_precision(&name).map_err(|failure| failure.channel("train"))?;
    let total = u64::from(params.n_estimators);
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
