//! Naive Bayes: the probabilities of classes from features that count one by one.

mod params;

use arrow_array::RecordBatch;
use millstream_learners::{Columns, naive_bayes::NaiveBayes};
use millstream_sdk::{
    Channel, Context, Description, Failure, Job, Kind, Labels, Manifest, Model, Output, State, Summary,
    internal,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{Fitted, Goal, Rows, Target, fitted, importance};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "naive-bayes";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts the probabilities of classes from features that count one by one.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Naive Bayes, as scikit-learn's: `kind` says how features are distributed within a class (`gaussian`, \
                 `bernoulli`, `multinomial` or `categorical`). Fast and small; probabilities are often too sure.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to learn from: numeric features and the target."))
            .channel(Channel::optional("validation", Kind::Table, "Rows to score the model on."))
            .output(Output::model("model", "The fitted classifier.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "How far each feature tells the classes apart, most telling first.",
            ))
            .parameters::<Params>();
        scores::declare(manifest, Figures::Classification)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (name, weight) = (params.target.as_str(), params.weight.as_deref());
        let (table, rows) =
            Rows::of_channel(context, "train", params.features.as_deref(), Some(name), weight)?;
        let target = Target::read(&table, name, Goal::Classes)?;
        let Target::Classes(Labels { classes, codes }) = &target else {
            return Err(internal("a target of classes was read as numbers"));
        };
        let model = params.kernel()?.fit(&rows.columns()?, codes, rows.weights());
        let model = model.map_err(|error| rows.blame(error))?;
        let separations = model.separation().into_iter().map(|separation| Separation { separation });
        let report = importance::Report::new("separation", rows.names(), separations, |s| s.separation);
        context.put_json("importance", &report)?;
        let predict = |x: &Columns<'_>| model.predict_proba(x);
        let message = format!("fitted {} classes on {} rows", classes.len(), table.num_rows());
        let mut summary = scores::add(Summary::new(message), "train", &rows, &target, predict)?;
        if let Some(table) = context.optional_table("validation")? {
            let rows = Rows::read(&table, rows.names(), weight)?;
            let target = target.read_alike(&table, name)?;
            summary = scores::add(summary, "validation", &rows, &target, predict)?;
        }
        let classes = Some(classes.clone());
        let state = Fitted { target: params.target, classes, kernel: &model };
        context.put_model::<Classifier>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

/// How far one feature tells the classes apart.
#[derive(Serialize)]
struct Separation {
    separation: f64,
}

/// The predictor.
pub struct Classifier(fitted::Loaded<NaiveBayes>);

impl Model for Classifier {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let features = state.columns().fields().len();
        let width = |model: &NaiveBayes| model.width() == features;
        fitted::Loaded::open(
            state,
            |model: &NaiveBayes| if width(model) { model.classes() } else { usize::MAX },
        )
        .map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict_proba(x), |model, x| model.predict_proba(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Classifier);

#[cfg(test)]
mod tests;
