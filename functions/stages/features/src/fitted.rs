//! What was learnt: steps in the order in which rows go through them.

use std::collections::BTreeMap;

use millstream_sdk::{
    Classes, Context, Description, Failure, Matrix, Model, State, Table, TableWriter, Task,
    arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, cast::AsArray},
    arrow_schema::{DataType, Field, Schema, SchemaRef},
    column, internal, invalid_input,
    table::{BATCH_ROWS, conform, same_columns, schema_of, timestamp_type, utc_timestamp_type},
    unseen::Notes,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{encode::NotSeen, params::Unknown, transform::Transform};

/// Cells of a batch that is written, at about 8 bytes.
const BATCH_CELLS: usize = 16 << 20;

/// The model.
///
/// Columns have numbers: first those that come in, then what each step gives, in order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fitted {
    pub(crate) inputs: Vec<Input>,
    pub(crate) ops: Vec<Op>,
    /// Numbers of the columns that come out.
    pub(crate) outputs: Vec<u32>,
    pub(crate) target: Option<String>,
    pub(crate) unknown: Unknown,
}

/// A column that comes in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    pub(crate) name: String,
    pub(crate) taken: Taken,
}

/// A step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Op {
    /// Numbers of columns.
    pub(crate) takes: Vec<u32>,
    /// Names of the columns that come out.
    pub(crate) gives: Vec<String>,
    /// The column that came in, if it is made of one alone.
    pub(crate) place: Option<u32>,
    pub(crate) transform: Transform,
}

/// The type in which a column comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    Int,
    Float,
    Bool,
    Text,
    Date,
    Time,
    TimeUtc,
}

/// Of training rows, what differs from what the model makes of them: by step.
pub type Training = BTreeMap<usize, Vec<ArrayRef>>;

impl Taken {
    /// None for a type that no step takes.
    pub fn of(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Int64 => Self::Int,
            DataType::Float64 => Self::Float,
            DataType::Boolean => Self::Bool,
            DataType::Utf8 => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, None) => Self::Time,
            DataType::Timestamp(_, Some(_)) => Self::TimeUtc,
            _ => return None,
        })
    }

    pub fn data_type(self) -> DataType {
        match self {
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Time => timestamp_type(),
            Self::TimeUtc => utc_timestamp_type(),
        }
    }
}

impl Model for Fitted {
    const FUNCTION: &'static str = "features";
    const FORMAT: u16 = 2;
    const OLDEST_FORMAT: u16 = 2;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let fitted: Self = state.decode()?;
        let damaged = || invalid_input("the model's state is damaged: train it again or restore the file");
        if fitted.inputs.is_empty() || !same_columns(&fitted.columns(), &state.columns()) {
            return Err(damaged());
        }
        fitted.check().map_err(|_| damaged())?;
        // Steps may not fit the types of their columns.
        let nothing = RecordBatch::new_empty(fitted.columns());
        fitted.transform(&nothing, &mut Notes::default(), None).map_err(|_| damaged())?;
        Ok(fitted)
    }

    fn describe(&self) -> Description {
        let features: Vec<String> = self.inputs.iter().map(|input| input.name.clone()).collect();
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
        self.transform(rows, notes, None)
    }

    fn knows(&self, place: usize, category: &str) -> bool {
        let own = |op: &&Op| op.place.is_some_and(|own| own as usize == place);
        let mut known = self.ops.iter().filter(own).filter_map(|op| match op.transform.classes() {
            Some(Classes::Text(known)) => {
                Some(known.binary_search_by(|known| known.as_str().cmp(category)).is_ok())
            }
            _ => None,
        });
        // Without categories, any text will do.
        known.next().is_none_or(|first| first || known.any(|known| known))
    }

    fn predict_matrix_noting(&self, rows: &Matrix, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        self.predict_noting(&rows.to_batch()?, notes)
    }
}

impl Fitted {
    /// What the model takes in.
    pub fn columns(&self) -> SchemaRef {
        schema_of(self.inputs.iter().map(|input| (input.name.as_str(), input.taken.data_type())))
    }

    /// The names of all columns, by number.
    pub fn names(&self) -> Vec<&str> {
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        inputs.chain(self.ops.iter().flat_map(|op| op.gives.iter().map(String::as_str))).collect()
    }

    /// Whether all parts fit together: a state may be damaged.
    fn check(&self) -> Result<(), Failure> {
        let mut count = self.inputs.len();
        let places = self.inputs.len() as u32;
        for op in &self.ops {
            op.transform.check(op.takes.len(), op.gives.len())?;
            if op.takes.iter().any(|column| *column as usize >= count)
                || op.place.is_some_and(|place| place >= places)
            {
                return Err(internal("a step takes a column that is not there"));
            }
            count += op.gives.len();
        }
        match self.outputs.iter().all(|column| (*column as usize) < count) {
            true => Ok(()),
            false => Err(internal("a column comes out that is not there")),
        }
    }

    /// The rows' features. `training`: what training rows have in place of it, from a row on.
    pub fn transform(
        &self,
        rows: &RecordBatch,
        notes: &mut Notes,
        training: Option<(&Training, usize)>,
    ) -> Result<RecordBatch, Failure> {
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        for (number, op) in self.ops.iter().enumerate() {
            if let Some(own) = training.and_then(|(training, start)| Some((training.get(&number)?, start))) {
                columns.extend(own.0.iter().map(|column| column.slice(own.1, rows.num_rows())));
                continue;
            }
            let taken: Vec<&ArrayRef> = op.takes.iter().map(|column| &columns[*column as usize]).collect();
            let not_seen =
                NotSeen { place: op.place.map(|place| place as usize), unknown: self.unknown, notes };
            let given = op.transform.apply(&taken, not_seen).map_err(|failure| match op.place {
                Some(place) => failure.column(&self.inputs[place as usize].name),
                None => failure,
            })?;
            columns.extend(given);
        }
        let names = self.names();
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for column in &self.outputs {
            let array = as_feature(&columns[*column as usize]);
            fields.push(Field::new(names[*column as usize], array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options)
            .map_err(|error| internal(error.to_string()))
    }

    /// Writes the training rows as the model sees them, the target behind them, a batch at a time.
    pub fn write(&self, context: &Context, table: &Table, training: &Training) -> Result<(), Failure> {
        let columns = self.columns();
        let mut writer: Option<TableWriter> = None;
        let step = (BATCH_CELLS / (self.outputs.len() + 1)).clamp(256, BATCH_ROWS);
        for start in (0..table.num_rows()).step_by(step) {
            let slice = table.slice(start, step.min(table.num_rows() - start));
            let rows = conform(&slice, &columns)?;
            let features = context
                .phase("transform", || self.transform(&rows, &mut Notes::default(), Some((training, start))));
            let mut rows = features.map_err(|failure| failure.after(start as u64))?;
            if let Some(target) = &self.target {
                rows = with_column(&rows, target, column::get(&slice, target)?)?;
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(context.create_table("table", &rows.schema())?),
            };
            writer.write(&rows)?;
        }
        writer.map_or(Ok(()), TableWriter::finish)
    }
}

/// `rows` with one more column.
fn with_column(rows: &RecordBatch, name: &str, array: &ArrayRef) -> Result<RecordBatch, Failure> {
    let mut fields = rows.schema().fields().to_vec();
    fields.push(Field::new(name, array.data_type().clone(), true).into());
    let arrays = rows.columns().iter().chain([array]).cloned().collect();
    RecordBatch::try_new(Schema::new(fields).into(), arrays).map_err(|error| internal(error.to_string()))
}

/// Booleans are 0 and 1 among features.
pub fn as_feature(array: &ArrayRef) -> ArrayRef {
    if *array.data_type() != DataType::Boolean {
        return array.clone();
    }
    let values = array.as_boolean().iter().map(|value| value.map(|value| f64::from(u8::from(value))));
    Arc::new(values.collect::<Float64Array>())
}
