//! Nearest neighbours: classes and numbers by what the nearest rows have.

mod params;

use arrow_array::RecordBatch;
use millstream_learners::{Columns, knn::Knn};
use millstream_sdk::{
    Channel, Context, Description, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{Fitted, Rows, Target, fitted};
pub use params::Params;

const NAME: &str = "knn";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts classes or numbers by what the nearest rows have.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Nearest neighbours, as scikit-learn's `KNeighborsClassifier` and `KNeighborsRegressor`. The model holds all \
                 rows. Distances depend on the features' units: standardise them in a `features` step. Large tables are \
                 searched approximately with `algorithm: ivf`. Figures are those of the `validation` rows: a training row \
                 is its own nearest neighbour.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to learn by heart: numeric features and the target."))
            .channel(Channel::optional("validation", Kind::Table, "Rows to score the model on."))
            .output(Output::model("model", "The rows.").follows("train"))
            .parameters::<Params>();
        scores::declare_for(manifest, Figures::Both, &["validation"])
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let name = params.target.as_str();
        let (table, rows) = Rows::of_channel(context, "train", params.features.as_deref(), Some(name), None)?;
        let target = Target::read(&table, name, params.goal(&table)?)?;
        let kernel = params.kernel(context.seed())?;
        let model = match &target {
            Target::Classes(labels) => kernel.fit_classes(&rows.columns()?, &labels.codes),
            Target::Numbers(numbers) => kernel.fit_numbers(&rows.columns()?, numbers),
        };
        let model = model.map_err(|error| rows.blame(error))?;
        let mut summary = Summary::new(format!("learnt {} rows by heart", table.num_rows()));
        if let Some(table) = context.optional_table("validation")? {
            let rows = Rows::read(&table, rows.names(), None)?;
            let target = target.read_alike(&table, name)?;
            let predict = |x: &Columns<'_>| match model.classes() {
                0 => model.predict_numbers(x),
                _ => model.predict_proba(x),
            };
            summary = scores::add(summary, "validation", &rows, &target, predict)?;
        }
        let classes = target.classes().cloned();
        let state = Fitted { target: params.target, classes, kernel: &model };
        context.put_model::<Neighbours>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

/// The predictor.
pub struct Neighbours(fitted::Loaded<Knn>);

impl Model for Neighbours {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let features = state.columns().fields().len();
        fitted::Loaded::open(
            state,
            |model: &Knn| {
                if model.width() == features { model.classes() } else { usize::MAX }
            },
        )
        .map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict_numbers(x), |model, x| model.predict_proba(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Neighbours);

#[cfg(test)]
mod tests;
