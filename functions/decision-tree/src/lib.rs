//! Decision trees: classes or numbers by questions that people can read.

mod params;

use arrow_array::RecordBatch;
use millstream_learners::Columns;
use millstream_learners::decision_tree::{DecisionTree, Names};
use millstream_sdk::{
    Channel, Classes, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State,
    Summary,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{Fitted, Goal, Rows, Target, fitted, importance};
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
                 Features need no scaling; missing values must be imputed.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to learn from: numeric features and the target."))
            .channel(Channel::optional("validation", Kind::Table, "Rows to score the model on."))
            .output(Output::model("model", "The tree.").follows("train"))
            .output(Output::report("text", "text/plain", "The tree as indented rules, as scikit-learn's `export_text`."))
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
        let (name, weight) = (params.target.as_str(), params.weight.as_deref());
        let (table, rows) =
            Rows::of_channel(context, "train", params.features.as_deref(), Some(name), weight)?;
        let goal = params.task.map_or_else(|| Goal::suggested(&table, name), |task| Ok(task.into()))?;
        let target = Target::read(&table, name, goal)?;
        let kernel = params.kernel(context.seed(), &target)?;
        let x = rows.columns()?;
        let fitted = match &target {
            Target::Classes(labels) => kernel.fit_classes(&x, &labels.codes, rows.weights()),
            Target::Numbers(values) => kernel.fit_numbers(&x, values, rows.weights()),
        };
        let (model, export) = fitted.map_err(|error| rows.blame(error))?;

        let classes = target.classes().map(Classes::names).unwrap_or_default();
        let names = Names { features: rows.names(), classes: &classes };
        let depth = params.export_max_depth as usize;
        context.put("text", "tree.txt", "text/plain", export.text(names, depth).as_bytes())?;
        context.put("graph", "tree.dot", "text/vnd.graphviz", export.dot(names, depth).as_bytes())?;
        context.put_json("importance", &importance::shares(rows.names(), model.importances()))?;

        let kind = match classes.len() {
            0 => "numbers".to_owned(),
            count => format!("{count} classes"),
        };
        let (leaves, rows_of) = (model.leaves(), table.num_rows());
        let message = format!("a tree of {leaves} leaves for {kind} on {rows_of} rows");
        let summary = Summary::new(message)
            .metric("depth", model.depth() as f64)
            .metric("leaves", model.leaves() as f64);
        let predict = |x: &Columns<'_>| match model.classes() {
            0 => model.predict_numbers(x),
            _ => model.predict_proba(x),
        };
        let mut summary = scores::add(summary, "train", &rows, &target, predict)?;
        if let Some(table) = context.optional_table("validation")? {
            let rows = Rows::read(&table, rows.names(), weight)?;
            let target = target.read_alike(&table, name)?;
            summary = scores::add(summary, "validation", &rows, &target, predict)?;
        }
        let classes = target.classes().cloned();
        let state = Fitted { target: params.target, classes, kernel: &model };
        context.put_model::<Tree>("model", &rows.matrix().schema(), &state)?;
        Ok(summary)
    }
}

/// The predictor.
pub struct Tree(fitted::Loaded<DecisionTree>);

impl Model for Tree {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, DecisionTree::classes).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict_numbers(x), |model, x| model.predict_proba(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Tree);

#[cfg(test)]
mod tests;
