//! Predicts a table of any size, batch by batch.

mod errors;
mod params;
mod score;
mod sink;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use millstream_sdk::{
    Batches, Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary, internal,
    invalid_input, invalid_parameter, unseen::Tally,
};

use errors::ErrorFile;
pub use params::{Every, Format, Include, Params};
use score::{BadRow, TooMany, score};
use sink::Sink;

/// The function.
pub struct BatchPredict;

impl Job for BatchPredict {
    type Params = Params;

    fn manifest() -> Manifest {
        let manifest = Manifest::new(
            "batch-predict",
            env!("CARGO_PKG_VERSION"),
            "Predicts a table of any size, batch by batch.",
        )
        .description(include_str!("description.md"))
        .channel(Channel::required("model", Kind::Model, "The fitted pipeline."))
        .channel(Channel::required("table", Kind::Table, "The rows to predict."))
        .output(Output::file(
            "predictions",
            // The `format` decides.
            "*/*",
            "A row for each row of the table, in the format that was asked for.",
        ))
        .output(
            Output::file(
                "errors",
                "application/x-ndjson",
                "Records that could not be predicted, with row number and reason.",
            )
            .optional(),
        )
        .metric("rows", Direction::Neither, "Rows of the table, or of this task's share of it.")
        .metric("errors", Direction::Minimize, "Records that could not be predicted.")
        .parameters::<Params>();
        Tally::declare(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let models = context.parts("model").len();
        if models > 1 {
            let message = format!(
                "{models} models were given, and one is used at a time; run the step for each of them (`for-each`)"
            );
            return Err(invalid_input(message).channel("model"));
        }
        let pipeline = context.pipeline("model")?;
        let share = Share::of(context)?;
        let mut out = Writer::new(&params, &share.batches.schema())?;
        let mut errors = ErrorFile::default();
        let mut done = 0;
        let place = |failure: Failure| failure.channel("table");
        let mut batches = with_empty(share.batches);
        while let Some(batch) = context.phase("read", || batches.next()) {
            let batch = batch?;
            for start in (0..batch.num_rows().max(1)).step_by(params.batch_rows) {
                let rows = batch.slice(start, params.batch_rows.min(batch.num_rows() - start));
                let first = share.first_row + done + 1;
                let allowed = params.max_errors - errors.count();
                let predict = |rows: &RecordBatch| context.phase("predict", || pipeline.predict(rows));
                let scored = score(&rows, allowed, predict).map_err(|problem| match problem {
                    TooMany::Rows(bad) => too_many(&params, &bad, first),
                    TooMany::Other(failure) => failure,
                });
                let scored = scored.map_err(place)?;
                for bad in &scored.bad {
                    errors.add(context, &rows, bad.place, first + bad.place as u64, &bad.reason)?;
                }
                context.phase("write", || out.write(context, rows, scored))?;
                done += batch.num_rows().min(params.batch_rows).min(batch.num_rows() - start) as u64;
                context.progress(done, share.rows);
            }
        }
        let bad = errors.count();
        let tally = Tally::of(&pipeline, done - bad);
        tally.say(context);
        tally.check(params.max_unknown, "table")?;
        out.finish(done)?;
        errors.finish()?;
        if bad > 0 {
            context.warn(format!("{bad} of {done} records could not be predicted; `errors` has them"));
        }
        let message = format!(
            "predicted {} rows{}",
            done - bad,
            if bad > 0 { format!(", {bad} bad records") } else { String::new() }
        );
        let summary = Summary::new(message).metric("rows", done as f64).metric("errors", bad as f64);
        Ok(tally.add_to(summary))
    }
}

/// This task's rows.
struct Share {
    batches: Batches,
    /// Rows of the table before them.
    first_row: u64,
    /// How many they are; not known without shards, as the table would have to be read twice.
    rows: Option<u64>,
}

impl Share {
    fn of(context: &Context) -> Result<Self, Failure> {
        let batches = context.batches("table")?;
        let Some(shard) = context.shard() else { return Ok(Self { batches, first_row: 0, rows: None }) };
        let rows = u128::from(batches.count_rows()?);
        let bound = |index: u32| (rows * u128::from(index) / u128::from(shard.count)) as u64;
        let (first, end) = (bound(shard.index), bound(shard.index + 1));
        Ok(Self {
            batches: context.batches("table")?.rows(first..end),
            first_row: first,
            rows: Some(end - first),
        })
    }
}

/// The batches; if there are none, one without rows, so that the output has its columns.
fn with_empty(batches: Batches) -> impl Iterator<Item = Result<RecordBatch, Failure>> {
    let mut empty = Some(RecordBatch::new_empty(batches.schema()));
    let mut batches = batches;
    std::iter::from_fn(move || match batches.next() {
        Some(batch) => {
            empty = None;
            Some(batch)
        }
        None => empty.take().map(Ok),
    })
}

fn too_many(params: &Params, bad: &[BadRow], first: u64) -> Failure {
    let Some(worst) = bad.first() else { return internal("no bad record is too many") };
    let reason = worst.reason.message.as_str();
    let message = match params.max_errors {
        0 => format!("{reason} (`max_errors` is 0: set it to put bad records into `errors` and go on)"),
        most => format!("more than {most} records cannot be predicted (`max_errors`); this one: {reason}"),
    };
    let failure = invalid_input(message).row(first + worst.place as u64);
    match &worst.reason.column {
        Some(column) => failure.column(column),
        None => failure,
    }
}

/// Joins columns of the table to the predictions, and writes them.
struct Writer {
    params: Params,
    included: Vec<usize>,
    /// Known from the first prediction on.
    open: Option<Open>,
    /// Batches in which no row could be predicted, while the predictions' columns are not known yet.
    waiting: Vec<(RecordBatch, score::Scored)>,
    first_reason: Option<BadRow>,
}

struct Open {
    sink: Sink,
    schema: SchemaRef,
    /// The predictions' own columns, and which of them are written.
    predicted: SchemaRef,
    chosen: Vec<usize>,
}

impl Writer {
    fn new(params: &Params, table: &Schema) -> Result<Self, Failure> {
        let names: Vec<&str> = table.fields().iter().map(|field| field.name().as_str()).collect();
        let included = params.include.places(&names)?;
        Ok(Self { params: params.clone(), included, open: None, waiting: Vec::new(), first_reason: None })
    }

    fn write(&mut self, context: &Context, rows: RecordBatch, scored: score::Scored) -> Result<(), Failure> {
        if self.open.is_none() {
            let Some(predicted) = scored.schema() else {
                self.first_reason = self.first_reason.take().or_else(|| scored.bad.first().cloned());
                // The rows themselves are needed only for the columns that are included.
                self.waiting.push((rows.project(&self.included).map_err(odd)?, scored));
                return Ok(());
            };
            self.open = Some(self.opened(context, &rows.schema(), predicted)?);
            for (rows, scored) in std::mem::take(&mut self.waiting) {
                self.push(rows, &scored)?;
            }
        }
        let rows = rows.project(&self.included).map_err(odd)?;
        self.push(rows, &scored)
    }

    fn opened(&self, context: &Context, table: &Schema, predicted: SchemaRef) -> Result<Open, Failure> {
        let names: Vec<&str> = predicted.fields().iter().map(|field| field.name().as_str()).collect();
        let chosen = match &self.params.columns {
            Some(listed) => params::places("columns", "the prediction", listed, &names)?,
            None => (0..names.len()).collect(),
        };
        let included = self.included.iter().map(|place| table.fields()[*place].clone());
        let fields: Vec<_> =
            included.chain(chosen.iter().map(|place| predicted.fields()[*place].clone())).collect();
        for (at, field) in fields.iter().enumerate() {
            if fields[..at].iter().any(|earlier| earlier.name() == field.name()) {
                let message = format!(
                    "the table and the predictions both have a column `{}`; list the columns to include without it",
                    field.name()
                );
                return Err(invalid_parameter("include", message));
            }
        }
        let schema = Arc::new(Schema::new(fields));
        let sink = Sink::create(context, self.params.format, self.params.header, &schema)?;
        Ok(Open { sink, schema, predicted, chosen })
    }

    fn push(&mut self, included: RecordBatch, scored: &score::Scored) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Err(internal("written before it was opened")) };
        let predictions = scored.predictions(&open.predicted)?.project(&open.chosen).map_err(odd)?;
        let columns = included.columns().iter().chain(predictions.columns()).cloned().collect();
        open.sink.write(&RecordBatch::try_new(open.schema.clone(), columns).map_err(odd)?)
    }

    fn finish(self, rows: u64) -> Result<(), Failure> {
        match (self.open, self.first_reason) {
            (Some(open), _) => open.sink.finish(),
            (None, Some(first)) => {
                let message = format!(
                    "none of the {rows} records can be predicted; the first: {}",
                    first.reason.message
                );
                Err(invalid_input(message).channel("table"))
            }
            (None, None) => Err(internal("no prediction was made")),
        }
    }
}

fn odd(error: arrow_schema::ArrowError) -> Failure {
    internal(error.to_string())
}

millstream_sdk::export!(stage: BatchPredict);
