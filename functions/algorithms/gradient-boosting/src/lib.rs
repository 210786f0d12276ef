//! Gradient-boosted trees with XGBoost's parameters: classes or numbers.

mod categories;
mod choices;
mod encode;
mod import;
mod metrics;
mod names;
mod params;
mod presets;
mod settled;
mod train;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use millstream_learners::Columns;
use millstream_learners::gradient_boosting::{Categories, Encoding, GradientBoosting};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Matrix, Model, Output, State,
    Summary, invalid_input, table::batch_of, unseen::Notes,
};
use millstream_training::fitted;
use millstream_training::scores::{self, Figures};
pub use params::Params;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const NAME: &str = "gradient-boosting";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary =
            "Predicts classes with probabilities, or numbers, by trees that correct one another's errors.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Gradient-boosted trees on histograms, with XGBoost's objectives, parameters and regularisation. \
                 What is not given is chosen by `preset`: by the table's size, or as XGBoost's or LightGBM's defaults. \
                 Missing values are handled: each split learns which way they go. Features need no scaling. \
                 With `validation` rows the learning curve is reported on them too, and `early_stopping_rounds` works. \
                 Objectives for classes, numbers (means, medians, quantiles, counts) and rankings; categories, monotone \
                 constraints, and with `pred_contribs` what each feature contributed to each prediction (TreeSHAP).",
            )
            .channel(Channel::optional(
                "train",
                Kind::Table,
                "Rows to learn from: features of numbers and categories, and the target. Needed unless there is a `model`.",
            ))
            .channel(Channel::optional("validation", Kind::Table, "Rows to watch while learning, and to stop by. Those that have not been through the fitted stages of `train` go through them first."))
            .channel(import::channel())
            .output(Output::model("model", "The trees.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "Mean and total gain, mean and total cover, and the number of splits (weight) of each feature, the largest total gain first.",
            ))
            .output(
                Output::file(
                    "xgboost",
                    "application/*",
                    "The trees as XGBoost's file, JSON or UBJ; only if `export_xgboost` asks for it.",
                )
                .optional(),
            )
            .parameters::<Params>()
            .metric("best_iteration", Direction::Neither, "the round, from 0, that did best on the validation rows")
            .metric("rounds", Direction::Neither, "rounds that the model holds")
            .metric("trees", Direction::Neither, "trees of a model that was read")
            .metric("features", Direction::Neither, "columns that a model that was read takes in");
        let (low, high) = (Direction::Minimize, Direction::Maximize);
        let curve = [
            ("error", low, "share of rows predicted wrong, two classes"),
            ("rmsle", low, "root of the mean squared error of logarithms of 1 and the number"),
            ("mape", low, "mean absolute error as a share of the target"),
            ("merror", low, "share of rows predicted wrong, three classes and more"),
            ("aucpr", high, "area under the curve of precision by recall"),
            ("mphe", low, "mean pseudo-Huber error"),
            ("quantile", low, "mean pinball loss"),
            ("poisson-nloglik", low, "negative log likelihood of counts"),
            ("gamma-nloglik", low, "negative log likelihood of a gamma distribution"),
            ("gamma-deviance", low, "deviance of a gamma distribution"),
            ("tweedie-nloglik", low, "negative log likelihood of Tweedie's distribution"),
            ("ndcg", high, "normalised discounted cumulative gain of the groups' rankings"),
            ("map", high, "mean average precision of the groups' rankings"),
        ];
        let manifest = curve.iter().fold(manifest, |manifest, (name, direction, about)| {
            ["train", "validation"].iter().fold(manifest, |manifest, set| {
                let about =
                    format!("{about}, on the {set} rows; if the objective or `eval_metric` asks for it");
                manifest.metric(&format!("{set}:{name}"), *direction, &about)
            })
        });
        scores::declare(manifest, Figures::Both)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        match (context.has("train"), context.has("model")) {
            (true, _) => train::train(&params, context),
            (false, true) if context.has("validation") => Err(invalid_input(
                "a model that is read learns nothing: give the rows to a step of `evaluate` instead",
            )
            .channel("validation")),
            (false, true) => import::import(params, context),
            (false, false) => Err(invalid_input(
                "there is nothing to learn from: give rows, or under `model` the file of a model that was trained elsewhere",
            )
            .channel("train")),
        }
    }
}

/// The trees, and what they are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Boosted {
    /// Whether predictions come with contributions.
    contributions: bool,
    model: GradientBoosting,
    /// Of features that hold other categories than codes.
    encodings: Vec<Encoding>,
}

/// The predictor.
pub struct Ensemble(fitted::LoadedKernel<Boosted>);

impl Model for Ensemble {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 3;
    const OLDEST_FORMAT: u16 = 3;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let loaded = fitted::LoadedKernel::open(state, |boosted: &Boosted| boosted.model.classes())?;
        if loaded.kernel().model.width() != loaded.features().len() {
            return Err(invalid_input("the model's state is damaged: train it again or restore the file"));
        }
        Ok(Self(loaded))
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.predict_noting(rows, &mut Notes::default())
    }

    fn predict_noting(&self, rows: &RecordBatch, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        let rows = &encode::encoded(rows, &self.0.kernel().encodings, notes)?;
        self.answer(&Matrix::from_batch(rows)?)
    }

    fn knows(&self, place: usize, category: &str) -> bool {
        let own = self.0.kernel().encodings.iter().find(|encoding| encoding.feature as usize == place);
        match own.map(|encoding| &encoding.categories) {
            Some(Categories::Text(known)) => known.iter().any(|known| known == category),
            _ => true,
        }
    }

    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        if !self.0.kernel().encodings.is_empty() {
            return self.predict_table(&rows.to_batch()?);
        }
        self.answer(rows)
    }

    fn predict_matrix_noting(&self, rows: &Matrix, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        match self.0.kernel().encodings.is_empty() {
            true => self.answer(rows),
            false => self.predict_noting(&rows.to_batch()?, notes),
        }
    }
}

/// Contributions that are computed at a time, but for those of one row.
const MOST_AT_ONCE: usize = 1 << 20;

impl Ensemble {
    /// Predictions for rows whose categories are codes, with contributions if they were asked for.
    fn answer(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        let answer = self.0.answer(
            rows,
            |boosted, x| boosted.model.predict_numbers(x),
            |boosted, x| boosted.model.predict_proba(x),
        )?;
        if !self.0.kernel().contributions {
            return Ok(answer);
        }
        let names = self.contribution_names();
        let mut columns = vec![Vec::with_capacity(rows.rows()); names.len()];
        if rows.rows() > 0 {
            self.0.ask(rows, |boosted, x| {
                // Of some rows at a time: there are as many contributions of a row as features and classes make.
                let block = (MOST_AT_ONCE / names.len()).max(1);
                for start in (0..x.rows()).step_by(block) {
                    let end = x.rows().min(start + block);
                    let part = Columns::new(x.iter().map(|column| &column[start..end]).collect())?;
                    for row in boosted.model.contributions(&part)?.chunks_exact(names.len()) {
                        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(*value));
                    }
                }
                Ok(())
            })?;
        }
        let schema = answer.schema();
        let answered = schema.fields().iter().zip(answer.columns());
        let answered = answered.map(|(field, column)| (field.name().as_str(), column.clone()));
        let column = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        let added = names.iter().zip(columns).map(|(name, values)| (name.as_str(), column(values)));
        batch_of(answered.chain(added))
    }

    /// Names of contributions, in the kernel's order.
    fn contribution_names(&self) -> Vec<String> {
        // Two classes share a margin: that of the second one.
        let of_slots: Vec<String> = match self.0.classes() {
            Some(classes) if self.0.kernel().model.slots() > 1 => {
                classes.names().into_iter().map(|class| format!("_{class}")).collect()
            }
            _ => vec![String::new()],
        };
        let of_slot = |slot: &String| -> Vec<String> {
            let features = self.0.features().iter().map(|feature| format!("contribution{slot}_{feature}"));
            features.chain([format!("bias{slot}")]).collect()
        };
        of_slots.iter().flat_map(of_slot).collect()
    }
}

millstream_sdk::export!(algorithm: Train, model: Ensemble);

#[cfg(test)]
mod tests;
