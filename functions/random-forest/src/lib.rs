//! Random forests: classes or numbers from the vote of many trees.

mod params;

use arrow_array::RecordBatch;
use millstream_learners::Columns;
use millstream_learners::random_forest::RandomForest;
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{Fitted, Goal, Rows, Target, fitted, importance};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "random-forest";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts classes with probabilities, or numbers, by the mean of many trees.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Breiman's random forests with scikit-learn's parameters, on features cut into at most 255 bins. \
                 Features need no scaling; missing values must be imputed.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to learn from: numeric features and the target."))
            .channel(Channel::optional("validation", Kind::Table, "Rows to score the model on."))
            .output(Output::model("model", "The forest.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "Each feature's share in what the splits lower the impurity by, largest first.",
            ))
            .parameters::<Params>()
            .metric(
                "oob:score",
                Direction::Maximize,
                "accuracy or R2 by the trees that did not see a row, if `oob_score` asks for it",
            );
        scores::declare(manifest, Figures::Both)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (name, weight) = (params.target.as_str(), params.weight.as_deref());
        let (table, rows) =
            Rows::of_channel(context, "train", params.features.as_deref(), Some(name), weight)?;
        let goal = match params.goal() {
            Some(goal) => goal,
            None => Goal::suggested(&table, name)?,
        };
        let target = Target::read(&table, name, goal)?;
        let kernel = params.kernel(context.seed())?;
        let mut on_tree =
            |trees: u32| context.progress(u64::from(trees), Some(u64::from(kernel.n_estimators)));
        let x = rows.columns()?;
        let model = match &target {
            Target::Classes(labels) => kernel.fit_classes(&x, &labels.codes, rows.weights(), &mut on_tree),
            Target::Numbers(values) => kernel.fit_numbers(&x, values, rows.weights(), &mut on_tree),
        };
        let model = model.map_err(|error| rows.blame(error))?;

        let shares = model.importances().iter().map(|&importance| Share { importance });
        let report =
            importance::Report::new("impurity", rows.names(), shares, |share: &Share| share.importance);
        context.put_json("importance", &report)?;

        let kind =
            target.classes().map_or("numbers".to_owned(), |classes| format!("{} classes", classes.len()));
        let message = format!("{} trees for {kind} on {} rows", model.trees(), table.num_rows());
        let predict = |x: &Columns<'_>| match model.classes() {
            0 => model.predict_numbers(x),
            _ => model.predict_proba(x),
        };
        let mut summary = scores::add(Summary::new(message), "train", &rows, &target, predict)?;
        if let Some(score) = model.oob_score() {
            summary = summary.metric("oob:score", score);
        }
        if let Some(table) = context.optional_table("validation")? {
            let rows = Rows::read(&table, rows.names(), weight)?;
            let target = target.read_alike(&table, name)?;
            summary = scores::add(summary, "validation", &rows, &target, predict)?;
        }
        let classes = target.classes().cloned();
        let state = Fitted { target: params.target, classes, kernel: &model };
        context.put_model::<Forest>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

#[derive(Serialize)]
struct Share {
    importance: f64,
}

/// The predictor.
pub struct Forest(fitted::Loaded<RandomForest>);

impl Model for Forest {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, RandomForest::classes).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict_numbers(x), |model, x| model.predict_proba(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Forest);

#[cfg(test)]
mod tests;
