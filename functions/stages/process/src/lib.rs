//! `process`: rows and columns filtered, derived, cleaned, joined, grouped; row by row also within the model.

mod columns;
mod looking;
mod operation;
mod params;
mod place;
mod row_wise;
mod stage;
mod whole;

use std::collections::BTreeMap;

use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary,
    arrow_array::RecordBatch,
    arrow_schema::{DataType, Schema},
    column, invalid_parameter,
    table::BATCH_ROWS,
    unseen::seen_in,
};

use columns::{ColumnStep, Tally};
pub use params::Params;
use params::Within;
use place::Place;
pub use stage::RowSteps;
use whole::Surroundings;

const CHANNEL: &str = "table";

/// The job.
pub struct Process;

millstream_sdk::export!(algorithm: Process, model: RowSteps);

impl Job for Process {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(
            "process",
            env!("CARGO_PKG_VERSION"),
            "Filters, derives, cleans, joins and groups rows and columns, by steps or by SQL.",
        )
        .description(include_str!("../README.md"))
        .channel(Channel::required(CHANNEL, Kind::Table, "The rows; `self` in SQL."))
        .channel(Channel::any(
            Kind::Table,
            "Further tables under names of your own, for `join`, `concatenate` and `sql`.",
        ))
        .output(Output::table("table", "What has become of the rows.").follows_through_model(CHANNEL))
        .output(
            Output::model(
                "model",
                "The steps, if they are a stage of the model that is trained on the rows.",
            )
            .follows(CHANNEL)
            .optional(),
        )
        .metric("rows", Direction::Neither, "Rows that come out.")
        .metric("columns", Direction::Neither, "Columns that come out.")
        .metric("dropped_rows", Direction::Neither, "Rows that were left out for what they hold.")
        .metric("filled", Direction::Neither, "Missing values that were filled.")
        .metric("clipped", Direction::Neither, "Values that were brought into a range.")
        .metric("not_parsed", Direction::Neither, "Values that are missing as they could not be read.")
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let before = context.table(CHANNEL)?.into_batch();
        let mut run = Run {
            params: &params,
            context,
            around: Surroundings {
                context,
                seed: params.seed.unwrap_or_else(|| context.seed()),
                others: BTreeMap::new(),
            },
            tally: Tally::default(),
            stage: Some(Vec::new()),
        };
        let after = context.phase("transform", || run.steps(&before))?;
        let staged = run.keep(&before, &after)?;
        let tally = run.tally;
        let mut writer = context.create_table("table", &after.schema())?;
        for start in (0..after.num_rows()).step_by(BATCH_ROWS) {
            writer.write(&after.slice(start, BATCH_ROWS.min(after.num_rows() - start)))?;
        }
        writer.finish()?;
        let within = if staged { "; the steps are a stage of the model" } else { "" };
        let (rows, columns) = (after.num_rows(), after.num_columns());
        let from = before.num_rows();
        Ok(Summary::new(format!("{rows} rows of {columns} columns from {from} rows{within}"))
            .metric("rows", rows as f64)
            .metric("columns", columns as f64)
            .metric("dropped_rows", tally.dropped as f64)
            .metric("filled", tally.filled as f64)
            .metric("clipped", tally.clipped as f64)
            .metric("not_parsed", tally.unread as f64))
    }
}

/// A job on its way.
struct Run<'a> {
    params: &'a Params,
    context: &'a Context,
    around: Surroundings<'a>,
    tally: Tally,
    /// The steps so far as a stage of the model; none if one of them cannot be part of it.
    stage: Option<Vec<ColumnStep>>,
}

impl Run<'_> {
    fn steps(&mut self, before: &RecordBatch) -> Result<RecordBatch, Failure> {
        let mut rows = before.clone();
        let total = self.params.steps.len();
        if self.params.stage == Within::No {
            self.stage = None;
        }
        for (index, operation) in self.params.steps.iter().enumerate() {
            let place = Place::new(index, operation.name());
            let schema = rows.schema();
            let step = match row_wise::column_step(&place, operation, &schema)? {
                Some(step) => Some(step),
                None => looking::column_step(&place, operation, &schema)?,
            };
            rows = match step {
                Some(step) => {
                    match step.not_row_wise() {
                        Some(origin) => self.not_in_stage(origin)?,
                        None => self.stage.iter_mut().for_each(|stage| stage.push(step.clone())),
                    }
                    let made = step.apply(&rows).map_err(|failure| failure.channel(CHANNEL))?;
                    step.count(&rows, &made, &mut self.tally, self.context)?;
                    made
                }
                None => {
                    self.not_in_stage(place.name())?;
                    match looking::kept(&place, operation, &rows, &mut self.tally, self.context)? {
                        Some(kept) => kept,
                        None => whole::apply(&place, operation, &rows, &mut self.around)?,
                    }
                }
            };
            self.context.progress(index as u64 + 1, Some(total as u64));
        }
        Ok(rows)
    }

    /// A step is no part of a model: refused if it has to be, else said.
    fn not_in_stage(&mut self, origin: &str) -> Result<(), Failure> {
        const WHY: &str = "does not make each row from that row alone, and a row to predict stands alone";
        if self.params.stage == Within::Yes {
            return Err(invalid_parameter(
                origin,
                format!(
                    "{WHY}; with `stage: true`, put it into a `process` step of its own with `stage: false`"
                ),
            ));
        }
        if self.stage.take().is_some() {
            self.context.info(format!(
                "the steps are no stage of the model, as `{origin}` {WHY}: rows to predict have to come as they come out here; \
                 what is done row by row goes into the model from a `process` step of its own"
            ));
        }
        Ok(())
    }

    /// Writes the steps as a stage of the model, if they are one.
    fn keep(&self, before: &RecordBatch, after: &RecordBatch) -> Result<bool, Failure> {
        let (here, there) = (before.schema(), after.schema());
        let target = self.params.target.as_deref();
        if let Some(target) = target
            && here.column_with_name(target).is_none()
        {
            column::named(&there, "target", target)?;
        }
        let Some(steps) = &self.stage else { return Ok(false) };
        let traced = stage::trace(steps, &here, &there, target);
        for name in &traced.left_out {
            self.context.warn(format!(
                "column `{name}` is computed from the target: rows to predict do not have it, so that nothing should be trained on it"
            ));
        }
        if traced.inputs.fields().is_empty() {
            if self.params.stage == Within::Yes {
                return Err(invalid_parameter("stage", "no column is left for the model beside the target"));
            }
            return Ok(false);
        }
        check_columns(&traced.inputs)?;
        let model = RowSteps::new(&traced, target, before);
        self.context.put_model::<RowSteps>("model", &seen_in(&traced.inputs, before), &model)?;
        Ok(true)
    }
}

/// A state holds what the SDK's tables do.
fn check_columns(inputs: &Schema) -> Result<(), Failure> {
    match inputs.fields().iter().find(|field| matches!(field.data_type(), DataType::Null)) {
        Some(field) => Err(invalid_parameter(
            "stage",
            format!("column `{}` is of no type; leave it out before, or set `stage: false`", field.name()),
        )),
        None => Ok(()),
    }
}
