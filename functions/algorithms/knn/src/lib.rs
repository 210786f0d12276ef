//! Nearest neighbours: classes and numbers by what the nearest rows have.

mod params;

use millstream_learners::knn::Knn;
use millstream_sdk::{Channel, Context, Failure, Job, Kind, Manifest, Output, Summary};
use millstream_training::scores::{self, Figures};
use millstream_training::{KernelModel, Labelled, Learner, Target, supervised};
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
            .channel(Channel::required("train", Kind::Table, "Rows to keep: numeric features and the target."))
            .channel(Channel::optional("validation", Kind::Table, "Rows to score the model on. Those that have not been through the fitted stages of `train` go through them first."))
            .output(Output::model("model", "The rows.").follows("train"))
            .parameters::<Params>();
        scores::declare_for(manifest, Figures::Both, &["validation"])
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let named = params.named();
        let train = Labelled::train(context, &named, params.task.map(Into::into))?;
        let kernel = params.kernel(context.seed())?;
        let x = train.x()?;
        let model = context.phase("fit", || match &train.target {
            Target::Classes(labels) => kernel.fit_classes(&x, &labels.codes),
            Target::Numbers(numbers) => kernel.fit_numbers(&x, numbers),
        });
        let model = model.map_err(|error| train.rows.blame(error))?;
        let summary = Summary::new(format!("kept {} rows", train.count()));
        supervised::finish_unseen::<Self>(context, &named, &train, &model, summary)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = Knn;
}

/// The predictor.
pub type Neighbours = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Neighbours);

#[cfg(test)]
mod tests;
