//! `features`: columns into features that algorithms take, and the model that does it again.

mod fit;
mod params;
mod stage;

use std::collections::BTreeSet;

use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Matrix, Model, Output, State,
    Summary, Table, TableWriter, Task,
    arrow_array::{Array, RecordBatch, RecordBatchOptions},
    arrow_schema::{DataType, Field, Schema, SchemaRef},
    column, internal, invalid_input, invalid_parameter,
    table::{BATCH_ROWS, same_columns, schema_of},
    unseen::{Notes, seen_in},
};
use serde::{Deserialize, Serialize};

pub use params::Params;
use params::{ColumnPlan, Impute, Transform, Unknown, Unlisted};
use stage::Stage;

const CHANNEL: &str = "table";

/// The job.
pub struct Features;

/// The model.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fitted {
    stages: Vec<Stage>,
    target: Option<String>,
    unknown: Unknown,
}

millstream_sdk::export!(algorithm: Features, model: Fitted);

impl Job for Features {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(
            "features",
            env!("CARGO_PKG_VERSION"),
            "Imputes, scales and encodes columns; does the same to rows that are predicted.",
        )
        .description(include_str!("../README.md"))
        .channel(Channel::required(CHANNEL, Kind::Table, "The rows to learn from."))
        .output(Output::table("table", "The same rows as features.").follows_through_model(CHANNEL))
        .output(Output::model("model", "What was learnt.").follows(CHANNEL))
        .metric("features", Direction::Neither, "Columns that come out, the target not counted.")
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let table = context.table(CHANNEL)?;
        table.not_empty()?;
        let place = |failure: Failure| failure.channel(CHANNEL);
        let plans = plans(&params, &table, context)?;
        let total = plans.len() as u64;
        let mut stages = Vec::with_capacity(plans.len());
        for (name, plan) in plans {
            stages.push(fit::fit(context, &table, &name, &plan, params.max_categories).map_err(place)?);
            context.progress(stages.len() as u64, Some(total));
        }
        if stages.is_empty() {
            return Err(place(invalid_input("no column is left to make features of")));
        }
        let fitted = Fitted { stages, target: params.target, unknown: params.handle_unknown };
        let features = fitted.write(context, &table).map_err(place)?;
        context.put_model::<Fitted>("model", &seen_in(&fitted.columns(), &table), &fitted)?;
        let columns = fitted.stages.len();
        Ok(Summary::new(format!("{features} features from {columns} columns"))
            .metric("features", features as f64))
    }
}

impl Model for Fitted {
    const FUNCTION: &'static str = "features";
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let fitted: Self = state.decode()?;
        if fitted.stages.is_empty() || !same_columns(&fitted.columns(), &state.columns()) {
            return Err(invalid_input("the model's state is damaged: train it again or restore the file"));
        }
        Ok(fitted)
    }

    fn describe(&self) -> Description {
        let features: Vec<String> = self.stages.iter().map(|stage| stage.column.clone()).collect();
        let description = Description::new(Task::Transform, &features);
        match &self.target {
            Some(target) => description.target(target),
            None => description,
        }
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.predict_noting(rows, &mut Notes::default())
    }

    fn predict_noting(&self, rows: &RecordBatch, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        self.transform(rows, None, notes)
    }

    fn knows(&self, place: usize, category: &str) -> bool {
        self.stages.get(place).is_none_or(|stage| stage.knows(category))
    }

    fn predict_matrix_noting(&self, rows: &Matrix, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        self.predict_noting(&rows.to_batch()?, notes)
    }
}

impl Fitted {
    /// What the model takes in.
    fn columns(&self) -> SchemaRef {
        schema_of(self.stages.iter().map(|stage| (stage.column.as_str(), stage.data_type())))
    }

    /// The rows' features, and the target behind them if it is there.
    fn transform(
        &self,
        rows: &RecordBatch,
        target: Option<&str>,
        notes: &mut Notes,
    ) -> Result<RecordBatch, Failure> {
        let (mut fields, mut arrays, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut features = Vec::new();
        for (place, stage) in self.stages.iter().enumerate() {
            features.extend(stage.apply(rows, place, self.unknown, notes)?);
        }
        if let Some(target) = target {
            features.push((target.to_owned(), column::get(rows, target)?.clone()));
        }
        for (name, array) in features {
            if !names.insert(name.clone()) {
                return Err(
                    invalid_input("two features have this name; rename a column or drop one").column(name)
                );
            }
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options)
            .map_err(|error| internal(error.to_string()))
    }

    /// The training rows as the model sees them, a batch at a time. How many features there are.
    fn write(&self, context: &Context, table: &Table) -> Result<usize, Failure> {
        let target = self.target.as_deref();
        let columns = self.columns();
        let mut writer: Option<TableWriter> = None;
        let mut width = 0;
        for start in (0..table.num_rows()).step_by(BATCH_ROWS) {
            let slice = table.slice(start, BATCH_ROWS.min(table.num_rows() - start));
            let mut rows = millstream_sdk::table::conform(&slice, &columns)?;
            if let Some(target) = target {
                rows = with_column(&rows, target, &slice)?;
            }
            let rows = self
                .transform(&rows, target, &mut Notes::default())
                .map_err(|failure| later(failure, start))?;
            width = rows.num_columns() - usize::from(target.is_some());
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(context.create_table("table", &rows.schema())?),
            };
            writer.write(&rows)?;
        }
        writer.map_or(Ok(()), TableWriter::finish)?;
        Ok(width)
    }
}

/// `rows` with a column of `from` behind theirs.
fn with_column(rows: &RecordBatch, name: &str, from: &RecordBatch) -> Result<RecordBatch, Failure> {
    let array = column::get(from, name)?;
    let mut fields = rows.schema().fields().to_vec();
    fields.push(Field::new(name, array.data_type().clone(), true).into());
    let arrays = rows.columns().iter().chain([array]).cloned().collect();
    RecordBatch::try_new(Schema::new(fields).into(), arrays).map_err(|error| internal(error.to_string()))
}

/// A row of a slice is a later one of the table.
fn later(failure: Failure, start: usize) -> Failure {
    match failure {
        Failure::InvalidInput(mut input) => {
            input.row = input.row.map(|row| row + start as u64);
            Failure::InvalidInput(input)
        }
        other => other,
    }
}

/// What is to be done with each column, in the table's order.
fn plans(params: &Params, table: &Table, context: &Context) -> Result<Vec<(String, ColumnPlan)>, Failure> {
    let schema = table.schema();
    if let Some(target) = &params.target {
        column::named(&schema, "target", target)?;
        if params.columns.contains_key(target) {
            return Err(invalid_parameter(
                format!("columns.{target}"),
                "is the target, which passes through unchanged",
            ));
        }
    }
    for name in params.columns.keys() {
        column::named(&schema, "columns", name)?;
    }
    let mut plans = Vec::new();
    for (field, array) in schema.fields().iter().zip(table.columns()) {
        let name = field.name();
        if params.target.as_ref() == Some(name) {
            continue;
        }
        let plan = match params.columns.get(name) {
            Some(steps) => steps.plan(name)?,
            None => match params.default {
                Unlisted::Drop => None,
                Unlisted::Passthrough => Some(ColumnPlan { impute: None, transform: Transform::Passthrough }),
                Unlisted::Auto if array.null_count() == array.len() => return Err(empty(name)),
                Unlisted::Auto => automatic(name, field.data_type(), context),
            },
        };
        plans.extend(plan.map(|plan| (name.clone(), plan)));
    }
    Ok(plans)
}

/// A column of missing values is more often a mistake upstream than meant; who means it says so.
fn empty(name: &str) -> Failure {
    invalid_input(format!(
        "the column has no value in any row; fill it, or leave it out by `columns: {{ {name}: drop }}`"
    ))
    .column(name)
    .channel(CHANNEL)
}

/// What suits a column's type.
fn automatic(name: &str, kind: &DataType, context: &Context) -> Option<ColumnPlan> {
    let (impute, transform) = match kind {
        DataType::Int64 | DataType::Float64 => (Impute::Median, Transform::Standard),
        DataType::Boolean => (Impute::MostFrequent, Transform::Passthrough),
        DataType::Utf8 => (Impute::MostFrequent, Transform::OneHot),
        _ => {
            let kind = column::type_name(kind);
            context.warn(format!(
                "column `{name}` holds {kind}: it is left out; set `columns: {{ {name}: date-parts }}` to use it"
            ));
            return None;
        }
    };
    Some(ColumnPlan { impute: Some(impute), transform })
}
