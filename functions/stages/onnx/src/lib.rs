//! Models that were trained elsewhere and saved as ONNX, such as scikit-learn's.

mod fault;
mod file;
mod fitted;
mod graph;
mod node;
mod ops;
mod proto;
mod rehearsal;
mod tensor;

use std::collections::BTreeSet;

use arrow_array::{ArrayRef, RecordBatch};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Matrix, Model, Output, State,
    Summary, invalid_input, invalid_parameter, table::same_columns, unseen::Notes,
};
use millstream_training::foreign::{self, ClassName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use fault::Fault;
use file::File;
use fitted::Answer;
use node::{Unknown, UnknownValue};

const NAME: &str = "onnx";

/// What the file may leave open.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column that the model predicts; `evaluate` holds predictions against it.
    #[serde(default)]
    target: Option<String>,
    /// The names of the columns that the model takes in, in its order. If not given: those of the file's inputs, or `f0`,
    /// `f1`, ... if all columns are one input.
    #[serde(default)]
    features: Option<Vec<String>>,
    /// Names for the classes of a model that calls them 0, 1, 2, ..., in this order.
    #[serde(default)]
    classes: Option<Vec<ClassName>>,
}

/// The job that reads a file.
pub struct Import;

impl Job for Import {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Predicts with a model that was saved as ONNX.")
            .description(include_str!("description.md"))
            .channel(
                Channel::required(foreign::CHANNEL, Kind::File, "A model that was trained elsewhere.")
                    .format(
                        "onnx",
                        "ONNX, such as skl2onnx makes it of scikit-learn's models",
                        &[".onnx"],
                        // The version of the format, which comes first.
                        &[b"\x08"],
                    ),
            )
            .output(Output::model("model", "The model."))
            .metric("operators", Direction::Neither, "operators that the model is made of")
            .metric("features", Direction::Neither, "columns that the model takes in")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let brought = foreign::file(context)?;
        read(params, context, &brought.bytes).map_err(|failure| brought.blame(failure))
    }
}

/// Reads a file, runs it once, and writes its state.
fn read(params: Params, context: &Context, bytes: &[u8]) -> Result<Summary, Failure> {
    let file = File::read(bytes).map_err(refused)?;
    let (widths, names) = columns(&file, params.features.as_deref())?;
    let outputs = rehearsal::all(&file.graph, &widths).and_then(|inputs| file.graph.run(inputs, true));
    let outputs = outputs.map_err(|fault| refused(fault.within("the model cannot be run")))?;
    let answer = rehearsal::answer(&file, &outputs, params.classes.as_deref())?;
    let schema = fitted::schema(&file.graph, &widths, &names);
    let summary = Summary::new(format!("{} operators on {} columns", file.operators, names.len()))
        .metric("operators", file.operators as f64)
        .metric("features", names.len() as f64);
    let widths = widths.iter().map(|&width| width as u32).collect();
    let kept = Kept { target: params.target, widths, answer, file: Bytes(bytes.to_vec()) };
    context.put_model::<Imported>("model", &schema, &kept)?;
    Ok(summary)
}

fn refused(fault: Fault) -> Failure {
    invalid_input(fault.to_string())
}

/// How many columns each input has, and the names of all.
fn columns(file: &File, named: Option<&[String]>) -> Result<(Vec<usize>, Vec<String>), Failure> {
    let inputs = file.graph.inputs();
    if inputs.is_empty() {
        return Err(invalid_input("the model takes nothing in"));
    }
    let widths = inputs.iter().map(fitted::width).collect::<Result<Vec<_>, _>>().map_err(refused)?;
    let widths = match (widths.as_slice(), named) {
        // Only the names can tell how many columns there are.
        ([None], Some(names)) => vec![names.len()],
        _ if widths.iter().any(Option::is_none) => {
            let message = "the file does not say how many columns the model takes in: name them";
            return Err(
                invalid_parameter("features", message).allowed("the columns' names, in the model's order")
            );
        }
        _ => widths.into_iter().flatten().collect(),
    };
    let of_file = match inputs {
        [input] if widths[0] == 1 => Some(vec![input.name.clone()]),
        [_] => None,
        _ => Some(
            inputs
                .iter()
                .zip(&widths)
                .flat_map(|(input, &width)| match width {
                    1 => vec![input.name.clone()],
                    _ => (0..width).map(|place| format!("{}_{place}", input.name)).collect(),
                })
                .collect(),
        ),
    };
    let total = widths.iter().sum();
    Ok((widths, foreign::features(named, of_file, total)?))
}

/// Bytes that are kept as they are.
#[derive(Clone, Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(|bytes| Self(bytes.to_vec()))
    }
}

/// The model's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    target: Option<String>,
    /// Columns of each input.
    widths: Vec<u32>,
    answer: Answer,
    /// As it was brought.
    file: Bytes,
}

/// The predictor.
pub struct Imported {
    target: Option<String>,
    features: Vec<String>,
    widths: Vec<usize>,
    answer: Answer,
    file: File,
}

impl Model for Imported {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let damaged = || invalid_input("the model's state is damaged: import it again or restore the file");
        let kept: Kept = state.decode()?;
        let file = File::read(&kept.file.0).map_err(refused)?;
        let widths: Vec<usize> = kept.widths.iter().map(|&width| width as usize).collect();
        let features: Vec<String> =
            state.columns().fields().iter().map(|field| field.name().clone()).collect();
        let total = widths.iter().try_fold(0usize, |sum, &width| sum.checked_add(width));
        if widths.len() != file.graph.inputs().len() || total != Some(features.len()) {
            return Err(damaged());
        }
        if !same_columns(&fitted::schema(&file.graph, &widths, &features), &state.columns()) {
            return Err(damaged());
        }
        Ok(Self { target: kept.target, features, widths, answer: kept.answer, file })
    }

    fn describe(&self) -> Description {
        let mut description = Description::new(self.answer.task.into(), &self.features);
        if let Some(target) = &self.target {
            description = description.target(target);
        }
        match &self.answer.classes {
            Some(classes) => description.classes(classes),
            None => description,
        }
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.predict_noting(rows, &mut Notes::default())
    }

    fn predict_noting(&self, rows: &RecordBatch, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        let unknown = Unknown::default();
        let run = |inputs, rehearsal| {
            let outputs = self.file.graph.run_noting(inputs, rehearsal, &unknown);
            outputs.map_err(refused)
        };
        if rows.num_rows() == 0 {
            // Operators that go through rows need one; the columns are what counts.
            let inputs = rehearsal::all(&self.file.graph, &self.widths);
            let outputs = run(inputs.map_err(refused)?, true)?;
            return Ok(self.answer.table(&outputs, rehearsal::ROWS)?.slice(0, 0));
        }
        let outputs = run(fitted::tensors(&self.file.graph, &self.widths, rows)?, false)?;
        note(unknown, rows, notes);
        self.answer.table(&outputs, rows.num_rows())
    }

    fn predict_matrix_noting(&self, rows: &Matrix, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        self.predict_noting(&rows.to_batch()?, notes)
    }
}

/// Notes the categories that operators did not know, by the columns that they came from: those that hold the value in the
/// same row. What came from no column was made on the way, and is no category of the rows.
fn note(unknown: Unknown, rows: &RecordBatch, notes: &mut Notes) {
    let mut noted = BTreeSet::new();
    for UnknownValue { place, places, value, known } in unknown.into_values() {
        let row = place * rows.num_rows() / places.max(1);
        let holds = |column: &ArrayRef| fitted::shown(column, row).is_some_and(|shown| shown == value);
        for column in (0..rows.num_columns()).filter(|&column| holds(rows.column(column))) {
            // Several operators may look at one column.
            if noted.insert((column, row)) {
                notes.category(column, &value, || known.iter().cloned());
            }
        }
    }
}

millstream_sdk::export!(algorithm: Import, model: Imported);
