//! What the model says of itself, and what it predicts.

use arrow_array::RecordBatch;
use millstream_learners::Error;
use millstream_sdk::{
    Context, Failure, Pipeline, Table,
    failure::{internal, invalid_input, invalid_parameter},
    table::concat,
    unseen::Tally,
};
use serde_json::Value;

use crate::params::{Params, Task};

/// Predictions that are looked at together at the most.
const MOST_CELLS: usize = 1 << 26;

/// The pipeline with what was found out about it.
pub struct Model {
    pipeline: Pipeline,
    /// What it does.
    pub task: Task,
    /// The column it predicts, if there is one.
    pub target: Option<String>,
    /// The names of its classes, in the order of their probabilities.
    pub classes: Vec<String>,
    /// The columns it says it takes in; empty if it does not say.
    pub features: Vec<String>,
}

impl Model {
    /// Opens the one model of the channel `model`.
    pub fn open(context: &Context, params: &Params) -> Result<Self, Failure> {
        let models = context.parts("model").len();
        if models > 1 {
            let message = format!(
                "{models} models were given, and one is evaluated at a time; run the step for each of them (`for-each` or `matrix`)"
            );
            return Err(invalid_input(message).channel("model"));
        }
        let pipeline = context.pipeline("model")?;
        let about = pipeline.describe()?;
        let task = match params.task {
            Some(task) => task,
            None => task_of(&about)?,
        };
        let task = ranked(task, params)?;
        let target = params.target.clone().or_else(|| about["target"].as_str().map(str::to_owned));
        if target.is_none() && !matches!(task, Task::Clustering | Task::AnomalyDetection) {
            let message = "the model does not say what it predicts: name the column with the true values";
            return Err(invalid_parameter("target", message));
        }
        let classes = about["classes"].as_array().into_iter().flatten().map(class_name).collect();
        let features = about["features"].as_array().into_iter().flatten();
        let features = features.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { pipeline, task, target, classes, features })
    }

    /// Values in the rows so far, of which there were `rows`, that the model has not seen in training.
    pub fn unseen(&self, rows: u64) -> Tally {
        Tally::of(&self.pipeline, rows)
    }

    /// A prediction for each row, batch by batch.
    pub fn predict(
        &self,
        context: &Context,
        table: &Table,
        batch_rows: usize,
    ) -> Result<RecordBatch, Failure> {
        let mut pieces: Vec<RecordBatch> = Vec::new();
        for start in (0..table.num_rows()).step_by(batch_rows) {
            let rows = table.batch().slice(start, batch_rows.min(table.num_rows() - start));
            let place = |failure: Failure| failure.after(start as u64).channel(table.channel());
            pieces.push(context.phase("predict", || self.pipeline.predict(&rows)).map_err(place)?);
            if start == 0 {
                fits(pieces[0].num_columns(), table)?;
            }
            context.progress((start + rows.num_rows()) as u64, Some(table.num_rows() as u64));
        }
        let schema =
            pieces.first().map(RecordBatch::schema).ok_or_else(|| internal("there is nothing to predict"))?;
        concat(&schema, &pieces).map_err(|error| internal(format!("the model changed its columns: {error}")))
    }
}

/// Refuses tables whose predictions do not fit into memory together.
fn fits(columns: usize, table: &Table) -> Result<(), Failure> {
    let rows = table.num_rows();
    if columns.saturating_mul(rows) <= MOST_CELLS {
        return Ok(());
    }
    let message = format!(
        "{columns} columns of predictions for {rows} rows are more than fit into memory together; evaluate on fewer rows"
    );
    Err(invalid_input(message).channel(table.channel()))
}

/// A model whose rankings are asked for ranks, whatever it says of itself.
fn ranked(task: Task, params: &Params) -> Result<Task, Failure> {
    match (task, &params.group) {
        (Task::Ranking, None) => Err(invalid_parameter(
            "group",
            "to judge rankings, name the column that says which rows are ranked together",
        )),
        (_, None) | (Task::Ranking, _) => Ok(task),
        (Task::Regression, Some(_)) => Ok(Task::Ranking),
        (_, Some(_)) => {
            Err(invalid_parameter("group", "groups are for models that predict a number to rank by"))
        }
    }
}

fn task_of(about: &Value) -> Result<Task, Failure> {
    let allowed = "binary, multiclass, regression, clustering, ranking, anomaly-detection";
    match about["task"].as_str() {
        Some("binary") => Ok(Task::Binary),
        Some("multiclass") => Ok(Task::Multiclass),
        Some("regression") => Ok(Task::Regression),
        Some("clustering") => Ok(Task::Clustering),
        Some("anomaly-detection") => Ok(Task::AnomalyDetection),
        Some(other) => Err(invalid_input(format!(
            "the pipeline ends in a model of task `{other}`, which predicts nothing to evaluate; train an algorithm on its output"
        ))
        .channel("model")),
        None => Err(invalid_parameter("task", "the model does not say what it does: name it").allowed(allowed)),
    }
}

/// A class as the columns `probability_<class>` have it: whole floats without a point.
fn class_name(class: &Value) -> String {
    match class {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_i64() => {
            number.as_f64().map_or_else(|| number.to_string(), |x| x.to_string())
        }
        other => other.to_string(),
    }
}

/// A metric's refusal as the table's fault: what was refused in which row.
pub fn refused(error: Error) -> Failure {
    match error {
        Error::Data { message, row, .. } => {
            let failure = invalid_input(message).channel("test");
            row.map_or(failure.clone(), |row| failure.row(row as u64 + 1))
        }
        Error::Param(error) => invalid_parameter(error.name, error.message).allowed(error.allowed),
    }
}
