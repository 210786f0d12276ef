//! Decision trees: classes or numbers by questions that people can read.

mod params;

use millstream_learners::decision_tree::{DecisionTree, Names};
use millstream_sdk::{Classes, Context, Direction, Failure, Job, Manifest, Output, Summary};
use millstream_training::scores::{self, Figures};
use millstream_training::{KernelModel, Labelled, Learner, Target, importance, supervised};
pub use params::Params;

const NAME: &str = "decision-tree";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts classes with probabilities, or numbers, by a tree of questions.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "CART trees with scikit-learn's parameters (`DecisionTreeClassifier`, `DecisionTreeRegressor`). Splits \
                 are exact: any place between two values may be chosen. The tree comes as text and as a graph too. \
                 Features need no scaling; missing values go either way at each split, whichever is better.",
            );
        let manifest = supervised::channels(manifest)
            .output(Output::model("model", "The tree.").follows("train"))
            .output(Output::report(
                "text",
                "text/plain",
                "The tree as indented rules, as scikit-learn's `export_text`.",
            ))
            .output(Output::report(
                "graph",
                "text/vnd.graphviz",
                "The tree in Graphviz's DOT, as scikit-learn's `export_graphviz`.",
            ))
            .output(Output::report(
                "importance",
                "application/json",
                "Each feature's share in what the splits lower the impurity by, largest first.",
            ))
            .parameters::<Params>()
            .metric("depth", Direction::Neither, "splits from the root to the farthest leaf")
            .metric("leaves", Direction::Neither, "leaves of the tree");
        scores::declare(manifest, Figures::Both)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let named = params.columns.named();
        let train = Labelled::train(context, &named, params.task.map(Into::into))?;
        let kernel = params.kernel(context.seed(), &train.target)?;
        let (x, weights) = (train.x()?, train.rows.weights());
        let fitted = context.phase("fit", || match &train.target {
            Target::Classes(labels) => kernel.fit_classes(&x, &labels.codes, weights),
            Target::Numbers(values) => kernel.fit_numbers(&x, values, weights),
        });
        let (model, export) = fitted.map_err(|error| train.rows.blame(error))?;

        let classes = train.target.classes().map(Classes::names).unwrap_or_default();
        let names = Names { features: train.rows.names(), classes: &classes };
        let depth = params.export_max_depth as usize;
        context.put("text", "tree.txt", "text/plain", export.text(names, depth).as_bytes())?;
        context.put("graph", "tree.dot", "text/vnd.graphviz", export.dot(names, depth).as_bytes())?;
        context.put_json("importance", &importance::shares(train.rows.names(), model.importances()))?;

        let message =
            format!("a tree of {} leaves for {} on {} rows", model.leaves(), train.kind(), train.count());
        let summary = Summary::new(message)
            .metric("depth", model.depth() as f64)
            .metric("leaves", model.leaves() as f64);
        supervised::finish::<Self>(context, &named, &train, &model, summary)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    const FORMAT: u16 = 2;
    const OLDEST_FORMAT: u16 = 2;
    type Kernel = DecisionTree;
}

/// The predictor.
pub type Tree = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Tree);

#[cfg(test)]
mod tests;
