//! Gradient-boosted trees with XGBoost's parameters: classes or numbers.

mod choices;
mod encode;
mod import;
mod params;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use millstream_learners::Columns;
use millstream_learners::gradient_boosting::{Data, Encoding, GradientBoosting, Importance, Round};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Matrix, Model, Output, State,
    Summary, invalid_input, invalid_parameter, table::batch_of,
};
use millstream_training::rows::{rounded, warn_of_rounding};
use millstream_training::scores::{self, Figures};
use millstream_training::{Fitted, Rows, fitted, importance};
pub use params::Params;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::sync::Arc;

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
                 With `validation` rows the learning curve is reported on them too, and `early_stopping_rounds` works. \
                 Objectives for classes, numbers (means, medians, quantiles, counts) and rankings; categories, monotone \
                 constraints, and with `pred_contribs` what each feature contributed to each prediction (TreeSHAP).",
            )
            .channel(Channel::optional(
                "train",
                Kind::Table,
                "Rows to learn from: numeric features and the target. Needed unless there is a `model`.",
            ))
            .channel(Channel::optional("validation", Kind::Table, "Rows to watch while learning, and to stop by."))
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
                    "application/json",
                    "The trees in XGBoost's JSON format; only if `export_xgboost` asks for it.",
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
            ("merror", low, "share of rows predicted wrong, three classes and more"),
            ("aucpr", high, "area under the curve of precision by recall, two classes"),
            ("mphe", low, "mean pseudo-Huber error"),
            ("quantile", low, "mean pinball loss"),
            ("poisson-nloglik", low, "negative log likelihood of counts"),
            ("gamma-nloglik", low, "negative log likelihood of a gamma distribution"),
            ("gamma-deviance", low, "deviance of a gamma distribution"),
            ("tweedie-nloglik", low, "negative log likelihood of Tweedie's distribution"),
            ("ndcg", high, "normalised discounted cumulative gain of the groups' rankings"),
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
            (true, false) => Self::train(params, context),
            (false, true) if context.has("validation") => Err(invalid_input(
                "a model that is read learns nothing: give the rows to a step of `evaluate` instead",
            )
            .channel("validation")),
            (false, true) => import::import(params, context),
            (true, true) => Err(invalid_input(
                "going on from a model is not supported yet: give `train` alone to train a new one, or `model` alone to \
                 read one",
            )
            .channel("model")),
            (false, false) => Err(invalid_input(
                "there is nothing to learn from: give rows, or under `model` the file of a model that was trained elsewhere",
            )
            .channel("train")),
        }
    }
}

impl Train {
    fn train(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (name, weight) = (params.target_name()?, params.weight.as_deref());
        if params.classes.is_some() {
            return Err(
                invalid_parameter("classes", "training finds the classes in the target").allowed("none")
            );
        }
        let table = context.table("train")?;
        let rows = Rows::read(&table, &params.features(&table)?, weight)?;
        rounded(&table, rows.names()).for_each(|name| warn_of_rounding(context, name));
        let target = params.target(&table)?;
        target.in_single_precision(name).map_err(|failure| failure.channel("train"))?;
        target.warn_if_constant(context, name);
        let groups = params.groups(&table)?;
        let kernel = params.kernel(&target, rows.names(), context.seed())?;
        let validation = match context.optional_table("validation")? {
            None => None,
            Some(table) => Some((
                Rows::read(&table, rows.names(), weight)?,
                target.read_alike(&table, name)?,
                params.groups(&table)?,
            )),
        };

        let (x, y) = (rows.columns()?, target.as_numbers());
        let train = Data { x: &x, y: &y, weights: rows.weights(), groups: groups.as_deref() };
        let watched = match &validation {
            None => None,
            Some((rows, target, groups)) => Some((rows.columns()?, target.as_numbers(), rows, groups)),
        };
        let watched = watched.as_ref().map(|(x, y, rows, groups)| Data {
            x,
            y,
            weights: rows.weights(),
            groups: groups.as_deref(),
        });
        if let (Some(data), Some((rows, ..))) = (&watched, &validation) {
            kernel.check_validation(&train, data).map_err(|error| rows.blame(error))?;
        }
        let rounds = u64::from(kernel.num_round);
        let mut history = Vec::new();
        let mut on_round = |round: &Round| {
            history.push(round.clone());
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

        reports(&params, context, &model, rows.names())?;

        let predict = |x: &Columns<'_>| match model.classes() {
            0 => model.predict_numbers(x),
            _ => model.predict_proba(x),
        };
        let kind =
            target.classes().map_or("numbers".to_owned(), |classes| format!("{} classes", classes.len()));
        let message = format!("{} rounds for {kind} on {} rows", model.rounds(), table.num_rows());
        let summary = Summary::new(message).metric("rounds", model.rounds() as f64);
        let mut summary = summary;
        if params.ranks() {
            // Errors say nothing of a ranking: the figures are those of the round that the model ends with.
            if let Some(round) = history.get(model.rounds().saturating_sub(1)) {
                for (set, figures) in [("train", &round.train), ("validation", &round.validation)] {
                    for (metric, value) in figures {
                        summary = summary.metric(format!("{set}:{}", metric.name()), *value);
                    }
                }
            }
        } else {
            summary = scores::add(summary, "train", &rows, &target, predict)?;
            if let Some((rows, target, _)) = &validation {
                summary = scores::add(summary, "validation", rows, target, predict)?;
            }
        }
        if let Some(best) = model.best_iteration() {
            summary = summary.metric("best_iteration", f64::from(best));
        }
        let classes = target.classes().cloned();
        let kernel = Boosted { contributions: params.pred_contribs, model, encodings: Vec::new() };
        let state = Fitted { target: name.to_owned(), classes, kernel };
        context.put_model::<Ensemble>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

/// What is written beside the model: which features count, and the trees for XGBoost if asked for.
fn reports(
    params: &Params,
    context: &mut Context,
    model: &GradientBoosting,
    features: &[String],
) -> Result<(), Failure> {
    let gain = |importance: &Importance| importance.total_gain;
    context.put_json("importance", &importance::Report::new("gain", features, model.importances(), gain))?;
    if params.export_xgboost {
        context.put("xgboost", "model.json", "application/json", model.to_xgboost_json().as_bytes())?;
    }
    Ok(())
}

/// The trees, and what they are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Boosted {
    /// Whether predictions come with contributions.
    contributions: bool,
    model: GradientBoosting,
    /// Of a model that was trained elsewhere on other categories than codes.
    encodings: Vec<Encoding>,
}

/// The predictor.
pub struct Ensemble(fitted::Loaded<Boosted>);

impl Model for Ensemble {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 3;
    const OLDEST_FORMAT: u16 = 3;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let loaded = fitted::Loaded::open(state, |boosted: &Boosted| boosted.model.classes())?;
        if loaded.kernel().model.width() != loaded.features().len() {
            return Err(invalid_input("the model's state is damaged: train it again or restore the file"));
        }
        Ok(Self(loaded))
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let rows = &encode::encoded(rows, &self.0.kernel().encodings)?;
        self.answer(&Matrix::from_batch(rows)?)
    }

    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        if !self.0.kernel().encodings.is_empty() {
            return self.predict_table(&rows.to_batch()?);
        }
        self.answer(rows)
    }
}

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
        let values = match rows.rows() {
            0 => Vec::new(),
            _ => self.0.ask(rows, |boosted, x| boosted.model.contributions(x))?,
        };
        let names = self.contribution_names();
        let column = |place: usize| -> ArrayRef {
            let own = values.iter().skip(place).step_by(names.len());
            Arc::new(Float64Array::from_iter_values(own.copied()))
        };
        let schema = answer.schema();
        let answered = schema.fields().iter().zip(answer.columns());
        let answered = answered.map(|(field, column)| (field.name().as_str(), column.clone()));
        let added = names.iter().enumerate().map(|(place, name)| (name.as_str(), column(place)));
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
