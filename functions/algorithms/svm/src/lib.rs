//! Support vector machines: classes or numbers from rows on the border.

mod coefficients;
mod params;

use arrow_array::RecordBatch;
use millstream_learners::svm::{SupportVectorClassifier, SupportVectorRegressor};
use millstream_learners::{Columns, Error};
use millstream_sdk::table::batch_of;
use millstream_sdk::{
    Context, Description, Direction, Failure, Job, Manifest, Matrix, Model, Output, State, Summary,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{ClassWeights, Fitted, Labelled, Target, fitted, supervised};
pub use params::Params;
use serde::{Deserialize, Serialize};

const NAME: &str = "svm";

/// The training job.
pub struct Train;

/// What was fitted.
#[derive(Debug, Serialize, Deserialize)]
pub enum Machine {
    Classes(SupportVectorClassifier),
    Numbers(SupportVectorRegressor),
}

impl Machine {
    fn classes(&self) -> usize {
        match self {
            Self::Classes(model) => model.classes(),
            Self::Numbers(_) => 0,
        }
    }

    /// Numbers, or probabilities of rows x classes.
    fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        match self {
            Self::Classes(model) => model.predict_proba(x),
            Self::Numbers(model) => model.predict(x),
        }
    }

    /// A classifier without probabilities.
    fn bare(&self) -> Option<&SupportVectorClassifier> {
        match self {
            Self::Classes(model) if !model.has_probabilities() => Some(model),
            _ => None,
        }
    }
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary =
            "Predicts classes with probabilities, or numbers, by the rows on the border between them.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Support vector machines as scikit-learn's `SVC` and `SVR` (LIBSVM), with the kernels `rbf`, `linear`, \
                 `poly` and `sigmoid`. Time and room grow with the square of the rows: made for up to some ten thousand. \
                 Features must be of like size: standardise them in a `features` step.",
            );
        let manifest = supervised::channels(manifest)
            .output(Output::model("model", "The rows on the border.").follows("train"))
            .output(
                Output::report(
                    "importance",
                    "application/json",
                    "Of the kernel `linear`: the features' coefficients, largest first; of several classes for each pair.",
                )
                .optional(),
            )
            .parameters::<Params>()
            .metric("support_vectors", Direction::Neither, "rows that the model rests on");
        scores::declare(manifest, Figures::Both)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let named = params.columns.named();
        let train = Labelled::train(context, &named, params.task.map(Into::into))?;
        let kernel = params.kernel(context.seed())?;
        let (x, weights) = (train.x()?, train.rows.weights());
        let blame = |error: Error| train.rows.blame(error);
        let (model, converged, support) = match &train.target {
            Target::Classes(labels) => {
                let class_weight = params.class_weight.as_ref();
                let weights = ClassWeights::combined(class_weight, &labels.classes, &labels.codes, weights)?;
                let fit = || kernel.fit_classes(&x, &labels.codes, weights.as_deref());
                let model = context.phase("fit", fit).map_err(blame)?;
                let (converged, support) = (model.converged(), model.support_vectors());
                (Machine::Classes(model), converged, support)
            }
            Target::Numbers(values) => {
                let model =
                    context.phase("fit", || kernel.fit_numbers(&x, values, weights)).map_err(blame)?;
                let (converged, support) = (model.converged(), model.support_vectors());
                (Machine::Numbers(model), converged, support)
            }
        };
        if !converged {
            context.warn(
                "the fit did not converge: standardise the features, lower C, or raise max_iter or tol",
            );
        }
        if let Some(report) = coefficients::report(&model, &train) {
            context.put_json("importance", &report)?;
        }
        let how = if converged { "converged" } else { "did not converge" };
        let message = format!("{support} support vectors for {} of {} rows, {how}", train.kind(), x.rows());
        let mut summary = Summary::new(message).metric("support_vectors", support as f64);
        summary = context.phase("score", || scored(summary, "train", &model, &train))?;
        if let Some(validation) = train.validation(context, &named)? {
            summary = context.phase("score", || scored(summary, "validation", &model, &validation))?;
        }
        let classes = train.target.classes().cloned();
        let state = Fitted { target: named.target.to_owned(), classes, kernel: &model };
        context.put_model::<Border>("model", &train.rows.matrix().seen_schema(), &state)?;
        Ok(summary)
    }
}

/// Adds the figures of a data set; without probabilities the accuracy alone.
fn scored(
    summary: Summary,
    set: &str,
    model: &Machine,
    Labelled { rows, target }: &Labelled,
) -> Result<Summary, Failure> {
    let (Some(bare), Target::Classes(labels)) = (model.bare(), target) else {
        return scores::add(summary, set, rows, target, |x| model.predict(x));
    };
    let predicted = bare.predict(&rows.columns()?).map_err(|error| rows.blame(error))?;
    let (mut right, mut total) = (0.0, 0.0);
    for (i, (predicted, class)) in predicted.iter().zip(&labels.codes).enumerate() {
        let weight = rows.weights().map_or(1.0, |w| w[i]);
        right += if predicted == class { weight } else { 0.0 };
        total += weight;
    }
    Ok(summary.metric(format!("{set}:accuracy"), right / total))
}

/// The predictor.
pub struct Border(fitted::LoadedKernel<Machine>);

impl Model for Border {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::LoadedKernel::open(state, Machine::classes).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.predict_matrix(&Matrix::from_batch(rows)?)
    }

    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        let (Some(bare), Some(classes)) = (self.0.kernel().bare(), self.0.classes()) else {
            return self.0.answer(rows, Machine::predict, Machine::predict);
        };
        let predicted = match rows.rows() {
            0 => Vec::new(),
            _ => self.0.ask(rows, |_, x| bare.predict(x))?,
        };
        batch_of([("prediction", classes.decode(&predicted))])
    }
}

millstream_sdk::export!(algorithm: Train, model: Border);

#[cfg(test)]
mod tests;
