//! Gradient-boosted trees with XGBoost's parameters: classes or numbers.

mod params;

use arrow_array::RecordBatch;
use millstream_learners::Columns;
use millstream_learners::gradient_boosting::{Data, GradientBoosting, Round};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{Fitted, Rows, fitted, importance};
pub use params::Params;
use std::ops::ControlFlow;

const NAME: &str = "gradient-boosting";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary =
            "Predicts classes with probabilities, or numbers, by trees that mend one another's errors.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Gradient-boosted trees on histograms, with XGBoost's objectives, parameters and regularisation. \
                 Missing values are handled: each split learns which way they go. Features need no scaling. \
                 With `validation` rows the learning curve is reported on them too, and `early_stopping_rounds` works.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to learn from: numeric features and the target."))
            .channel(Channel::optional("validation", Kind::Table, "Rows to watch while learning, and to stop by."))
            .output(Output::model("model", "The trees.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "Mean gain, total gain and number of splits of each feature, largest total first.",
            ))
            .parameters::<Params>()
            .metric("best_iteration", Direction::Neither, "the round, from 0, that did best on the validation rows")
            .metric("rounds", Direction::Neither, "rounds that the model holds");
        let curve = [
            ("error", "share of rows predicted wrong, two classes"),
            ("merror", "share of rows predicted wrong, three classes and more"),
        ];
        let manifest = curve.iter().fold(manifest, |manifest, (name, about)| {
            ["train", "validation"].iter().fold(manifest, |manifest, set| {
                let about = format!("{about}, on the {set} rows; if `eval_metric` asks for it");
                manifest.metric(&format!("{set}:{name}"), Direction::Minimize, &about)
            })
        });
        scores::declare(manifest, Figures::Both)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (name, weight) = (params.target.as_str(), params.weight.as_deref());
        let (table, rows) =
            Rows::of_channel(context, "train", params.features.as_deref(), Some(name), weight)?;
        let target = params.target(&table)?;
        let kernel = params.kernel(&target, context.seed())?;
        let validation = match context.optional_table("validation")? {
            None => None,
            Some(table) => {
                Some((Rows::read(&table, rows.names(), weight)?, target.read_alike(&table, name)?))
            }
        };

        let (x, y) = (rows.columns()?, target.as_numbers());
        let train = Data { x: &x, y: &y, weights: rows.weights() };
        let watched = match &validation {
            None => None,
            Some((rows, target)) => Some((rows.columns()?, target.as_numbers(), rows.weights())),
        };
        let watched = watched.as_ref().map(|(x, y, weights)| Data { x, y, weights: *weights });
        if let (Some(data), Some((rows, _))) = (&watched, &validation) {
            kernel.check_validation(&train, data).map_err(|error| rows.blame(error))?;
        }
        let rounds = u64::from(kernel.num_round);
        let mut on_round = |round: &Round| {
            let step = u64::from(round.index);
            for (set, figures) in [("train", &round.train), ("validation", &round.validation)] {
                for (metric, value) in figures {
                    context.metric(&format!("{set}:{}", metric.name()), *value, step);
                }
            }
            context.progress(step + 1, Some(rounds));
            ControlFlow::Continue(())
        };
        let model = kernel.fit(train, watched, &mut on_round);
        let model = model.map_err(|error| rows.blame(error))?;

        let gain = |importance: &millstream_learners::gradient_boosting::Importance| importance.total_gain;
        let importances = model.importances().iter().copied();
        context.put_json("importance", &importance::Report::new("gain", rows.names(), importances, gain))?;

        let predict = |x: &Columns<'_>| match model.classes() {
            0 => model.predict_numbers(x),
            _ => model.predict_proba(x),
        };
        let kind =
            target.classes().map_or("numbers".to_owned(), |classes| format!("{} classes", classes.len()));
        let message = format!("{} rounds for {kind} on {} rows", model.rounds(), table.num_rows());
        let summary = Summary::new(message).metric("rounds", model.rounds() as f64);
        let mut summary = scores::add(summary, "train", &rows, &target, predict)?;
        if let Some((rows, target)) = &validation {
            summary = scores::add(summary, "validation", rows, target, predict)?;
        }
        if let Some(best) = model.best_iteration() {
            summary = summary.metric("best_iteration", f64::from(best));
        }
        let classes = target.classes().cloned();
        let state = Fitted { target: params.target, classes, kernel: &model };
        context.put_model::<Ensemble>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

/// The predictor.
pub struct Ensemble(fitted::Loaded<GradientBoosting>);

impl Model for Ensemble {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, GradientBoosting::classes).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict_numbers(x), |model, x| model.predict_proba(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Ensemble);

#[cfg(test)]
mod tests;
