//! Says how good a model is on rows it has not seen.

mod anomalies;
mod classification;
mod clustering;
mod evaluation;
mod model;
mod params;
mod ranking;
mod regression;
mod report;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use millstream_charts::format::{counted, figure};
use millstream_sdk::{
    Channel, Context, Failure, Job, Kind, Manifest, Output, Summary, Table, internal, unseen::Tally,
};
use serde_json::Value;

use evaluation::{Details, FORMAT, METRICS};
pub use evaluation::{Evaluation, Metrics};
use model::Model;
pub use params::{Average, Params, Task};
pub use report::render;

/// The function.
pub struct Evaluate;

impl Job for Evaluate {
    type Params = Params;

    fn manifest() -> Manifest {
        let manifest = Manifest::new(
            "evaluate",
            env!("CARGO_PKG_VERSION"),
            "Says how good a model is on rows it has not seen.",
        )
        .description(include_str!("description.md"))
        .channel(Channel::required("model", Kind::Model, "The fitted pipeline; one."))
        .channel(Channel::required(
            "test",
            Kind::Table,
            "Rows with true values, as they were before the features step.",
        ))
        .output(Output::report("metrics", "application/json", "All figures and curves, for programs."))
        .output(Output::report(
            "report",
            "text/html",
            "The same with charts, for people; one self-contained page.",
        ))
        .output(
            Output::table("predictions", "The true value and the predictions of every test row.").optional(),
        )
        .parameters::<Params>();
        let manifest = METRICS
            .into_iter()
            .fold(manifest, |manifest, (name, direction, about)| manifest.metric(name, direction, about));
        Tally::declare(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let model = Model::open(context, &params)?;
        let test = context.table("test")?;
        test.not_empty()?;
        if let Some(target) = &model.target {
            test.column(target)?;
        }
        let predictions = model.predict(context, &test, params.batch_rows)?;
        let unseen = model.unseen(test.num_rows() as u64);
        unseen.say(context);
        unseen.check(params.max_unknown, "test")?;
        let mut evaluation = evaluate(&model, &test, &predictions, &params)?;
        evaluation.unseen = unseen.to_json();
        context.put_table("predictions", &with_truth(&test, model.target.as_deref(), &predictions)?)?;
        context.put_json("metrics", &evaluation)?;
        context.put("report", "report.html", "text/html", render(&evaluation, &unseen).as_bytes())?;

        let mut summary = Summary::new(message(&evaluation));
        for (name, value) in &evaluation.metrics.0 {
            match value {
                Some(value) => summary = summary.metric(*name, *value),
                None => context.warn(format!("`{name}` is undefined for these rows")),
            }
        }
        Ok(unseen.add_to(summary))
    }
}

fn evaluate(
    model: &Model,
    test: &Table,
    predictions: &RecordBatch,
    params: &Params,
) -> Result<Evaluation, Failure> {
    let target = || model.target.as_deref().ok_or_else(|| internal("no target"));
    let (metrics, details) = match model.task {
        Task::Binary | Task::Multiclass => {
            let (metrics, details) = classification::evaluate(model, target()?, test, predictions, params)?;
            (metrics, Details::Classification(Box::new(details)))
        }
        Task::Regression => {
            let (metrics, details) = regression::evaluate(target()?, test, predictions, params)?;
            (metrics, Details::Regression(details))
        }
        Task::Clustering => {
            let (metrics, details) = clustering::evaluate(model, test, predictions, params)?;
            (metrics, Details::Clustering(details))
        }
        Task::Ranking => {
            let group = params.group.as_deref().ok_or_else(|| internal("no group"))?;
            let (metrics, details) = ranking::evaluate(target()?, group, test, predictions, params)?;
            (metrics, Details::Ranking(details))
        }
        Task::AnomalyDetection => anomalies::evaluate(model, test, predictions, params)?,
    };
    let rows = test.num_rows() as u64;
    let unseen = Value::Array(Vec::new());
    Ok(Evaluation {
        format: FORMAT,
        task: model.task,
        target: model.target.clone(),
        rows,
        metrics,
        unseen,
        details,
    })
}

fn message(evaluation: &Evaluation) -> String {
    let shown: &[&str] = match evaluation.task {
        Task::Binary => &["auc", "accuracy", "f1"],
        Task::Multiclass => &["accuracy", "f1_macro", "auc_ovr"],
        Task::Regression => &["rmse", "mae", "r2"],
        Task::Clustering => &["silhouette", "ari"],
        Task::Ranking => &["ndcg", "ndcg_at_k", "map"],
        Task::AnomalyDetection => &["anomalies", "auc", "f1"],
    };
    let figures =
        shown.iter().filter_map(|name| Some(format!("{name} {}", figure(evaluation.metrics.get(name)?))));
    format!("{} on {}", figures.collect::<Vec<_>>().join(", "), counted(evaluation.rows, "row", "rows"))
}

/// The true values, where there are any, before the predictions.
fn with_truth(test: &Table, target: Option<&str>, predictions: &RecordBatch) -> Result<RecordBatch, Failure> {
    let schema = predictions.schema();
    // A target of the name `prediction` can't stand beside the prediction; the row order tells it anyway.
    let Some(target) = target.filter(|target| schema.column_with_name(target).is_none()) else {
        return Ok(predictions.clone());
    };
    let truth = test.column(target)?.clone();
    let field =
        Arc::new(test.schema().field_with_name(target).map_err(|error| internal(error.to_string()))?.clone());
    let fields: Vec<_> = std::iter::once(field).chain(schema.fields().iter().cloned()).collect();
    let columns = std::iter::once(truth).chain(predictions.columns().iter().cloned()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| internal(error.to_string()))
}

millstream_sdk::export!(stage: Evaluate);
