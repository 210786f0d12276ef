//! Ordinary least squares: a number as a weighted sum of features.

use arrow_array::RecordBatch;
use millstream_learners::{Check, linear_regression};
use millstream_sdk::{Context, Description, Failure, Job, Manifest, Model, State, Summary};
use millstream_training::{Fitted, Goal, Rows, Target, blame, fitted, line, scores};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "linear-regression";

/// The training job.
pub struct Train;

/// What the user may set.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: numbers.
    target: String,
    /// The columns to learn from; all others than target and weight if not given.
    #[serde(default)]
    features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    weight: Option<String>,
    /// Whether the line may miss the origin. Switch it off only for data that is centred already.
    #[serde(default = "yes")]
    fit_intercept: bool,
}

fn yes() -> bool {
    true
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        line::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number as a weighted sum of features.",
            "Ordinary least squares with sample weights. Where columns depend on each other, of all best \
             coefficients the shortest are taken, as scikit-learn does.",
        )
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let name = params.target.as_str();
        let weight = params.weight.as_deref();
        let (table, rows) =
            Rows::of_channel(context, "train", params.features.as_deref(), Some(name), weight)?;
        let target = Target::read(&table, name, Goal::Numbers)?;
        let checked = linear_regression::Params { fit_intercept: params.fit_intercept }.check();
        let model = checked
            .map_err(blame::parameter)?
            .fit(&rows.columns()?, &target.as_numbers(), rows.weights())
            .map_err(|error| rows.blame(error))?;
        if model.rank() < rows.names().len() {
            context.warn(format!(
                "{} of {} features follow from the others; the shortest of the best coefficients were taken",
                rows.names().len() - model.rank(),
                rows.names().len()
            ));
        }
        let report = line::Coefficients::new(rows.names(), model.coefficients(), model.intercept());
        context.put_json("importance", &report)?;
        let message = format!("fitted {} features on {} rows", rows.names().len(), table.num_rows());
        let mut summary = scores::add(Summary::new(message), "train", &rows, &target, |x| model.predict(x))?;
        if let Some(table) = context.optional_table("validation")? {
            let rows = Rows::read(&table, rows.names(), weight)?;
            let target = target.read_alike(&table, name)?;
            summary = scores::add(summary, "validation", &rows, &target, |x| model.predict(x))?;
        }
        let state = Fitted { target: params.target, classes: None, kernel: model };
        context.put_model::<Line>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

/// The predictor.
pub struct Line(fitted::Loaded<linear_regression::LinearRegression>);

impl Model for Line {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, |_| 0).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict(x), |model, x| model.predict(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Line);

#[cfg(test)]
mod tests;
