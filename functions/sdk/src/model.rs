//! Fitted stages: loaded once, then asked many times.

use std::{cell::RefCell, sync::Arc};

use arrow_array::{RecordBatch, StringArray, cast::AsArray};
use arrow_schema::{DataType, SchemaRef};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Failure,
    column::{Classes, Matrix, type_name},
    failure::{internal, invalid_input},
    missing::{self, Missing},
    predict::{self, Numbers, Request, Response},
    state::State,
    table,
    unseen::{Notes, Seen, Unseen},
};

/// A fitted stage.
pub trait Model: Sized + 'static {
    /// The function's name, as in its manifest. A state that another function wrote is refused.
    const FUNCTION: &'static str;

    /// The version of the state's format, from 1. A state of a later format is refused; [`State::format`] tells an
    /// earlier one.
    const FORMAT: u16;

    /// The earliest format that [`Model::load`] reads; earlier ones are refused.
    const OLDEST_FORMAT: u16 = 1;

    /// Makes the model from what [`Context::put_model`](crate::Context::put_model) wrote.
    fn load(state: State<'_>) -> Result<Self, Failure>;

    /// What the host and people may know of it.
    fn describe(&self) -> Description;

    /// One row for each row. `rows` has the columns that the state was sealed with, in their order and types; values
    /// may be missing.
    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure>;

    /// The same, taking note of categories that it does not know (by the places of their columns in the state's). What else
    /// is unlike training, the SDK finds by itself.
    fn predict_noting(&self, rows: &RecordBatch, _: &mut Notes) -> Result<RecordBatch, Failure> {
        self.predict_table(rows)
    }

    /// Whether a text in the column at this place (of the state's columns) is a category that it has learnt. Texts that stand
    /// for a missing value, such as `NA`, are missing where they are none.
    fn knows(&self, _place: usize, _category: &str) -> bool {
        true
    }

    /// The same for a state whose columns all are `Float64`: requests come this way, where missing is NaN. A model that
    /// works on numbers is faster if it takes them as they are.
    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        self.predict_table(&rows.to_batch()?)
    }

    /// The same, taking notes: for a model of numbers that takes notes in [`Model::predict_noting`].
    fn predict_matrix_noting(&self, rows: &Matrix, _: &mut Notes) -> Result<RecordBatch, Failure> {
        self.predict_matrix(rows)
    }
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Predicts a number.
    Regression,
    /// Predicts one of two classes.
    Binary,
    /// Predicts one of several classes.
    Multiclass,
    /// Finds the nearest cluster.
    Clustering,
    /// Finds rows unlike the others.
    AnomalyDetection,
    /// Turns columns into other columns.
    Transform,
}

/// What may be known of a model from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// What it does.
    pub task: Task,
    /// The column it predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The classes in the order of the probabilities; the last one of two is the positive one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Value>,
    /// The columns it takes in.
    pub features: Vec<String>,
}

impl Description {
    /// Of a model without target and classes.
    pub fn new(task: Task, features: &[String]) -> Self {
        Self { task, target: None, classes: Vec::new(), features: features.to_vec() }
    }

    /// Of a model that predicts a column.
    pub fn target(self, name: &str) -> Self {
        Self { target: Some(name.to_owned()), ..self }
    }

    /// Of a classifier.
    pub fn classes(self, classes: &Classes) -> Self {
        Self { classes: classes.to_json(), ..self }
    }
}

/// A model with the columns that its state was sealed with: what the contract's `predictor` resource is made of.
pub struct Loaded<M> {
    columns: SchemaRef,
    numbers: Option<Numbers>,
    seen: Vec<Option<Seen>>,
    notes: RefCell<Notes>,
    model: M,
}

impl<M: Model> Loaded<M> {
    /// Opens a state and makes the model.
    pub fn load(state: &[u8]) -> Result<Self, Failure> {
        let state = State::open(state, M::FUNCTION, M::FORMAT)?;
        if state.format() < M::OLDEST_FORMAT {
            return Err(invalid_input(format!(
                "this state is of format {}, which an earlier version of `{}` wrote; this one reads formats from {} on: \
                 train the model again",
                state.format(),
                M::FUNCTION,
                M::OLDEST_FORMAT
            )));
        }
        let (columns, seen) = (state.columns(), state.seen().to_vec());
        let (numbers, notes) = (Numbers::of(&columns), RefCell::default());
        Ok(Self { numbers, columns, seen, notes, model: M::load(state)? })
    }

    /// The description as JSON, with the columns that go in (`inputs`) and come out (`outputs`), each with name and type,
    /// those of timestamps with their `zone`, and those whose missing values were written in other ways than usual with
    /// `missing_values`.
    pub fn describe(&self) -> String {
        // What an answer looks like is seen best from one.
        let answer = self.model.predict_table(&RecordBatch::new_empty(self.columns.clone()));
        let described = Described {
            model: self.model.describe(),
            accepts: [predict::matrix::MEDIA_TYPE],
            inputs: columns(&self.columns),
            outputs: answer.ok().map(|answer| columns(&answer.schema())),
        };
        serde_json::to_string(&described).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Brings the rows to the model's columns and asks it.
    pub fn predict_batch(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let rows = self.settled(table::conform(rows, &self.columns)?)?;
        self.noting(rows.num_rows(), |notes| {
            for (place, (seen, column)) in self.seen.iter().zip(rows.columns()).enumerate() {
                if let Some(seen) = seen {
                    seen.look_at(place, column, notes);
                }
            }
            self.model.predict_noting(&rows, notes)
        })
    }

    /// The rows with texts that stand for a missing value as such, where they are no categories of the model. CSV has none of
    /// them left; JSON and Arrow keep what they hold, and the model's training rows may have come from CSV.
    fn settled(&self, rows: RecordBatch) -> Result<RecordBatch, Failure> {
        let mut columns = rows.columns().to_vec();
        let mut changed = false;
        for (place, (column, field)) in columns.iter_mut().zip(self.columns.fields()).enumerate() {
            let Some(texts) = column.as_string_opt::<i32>() else { continue };
            let own = Missing::of(field);
            let is_missing = |text: &str| match &own {
                Some(own) => own.has(text.as_bytes()),
                None => missing::is_missing(text.as_bytes()),
            };
            let stands = |text: &str| is_missing(text) && !self.model.knows(place, text);
            if texts.iter().flatten().any(stands) {
                *column = Arc::new(
                    texts.iter().map(|text| text.filter(|text| !stands(text))).collect::<StringArray>(),
                );
                changed = true;
            }
        }
        if !changed {
            return Ok(rows);
        }
        RecordBatch::try_new(rows.schema(), columns).map_err(|error| internal(error.to_string()))
    }

    /// As [`Loaded::predict_batch`] for rows that are in the model's columns, which are all of numbers.
    fn predict_numbers(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        self.noting(rows.rows(), |notes| {
            for (place, seen) in self.seen.iter().enumerate() {
                if let Some(seen) = seen {
                    seen.look(place, rows.column(place), notes);
                }
            }
            self.model.predict_matrix_noting(rows, notes)
        })
    }

    /// An answer to `rows` rows with notes of what is unlike training; without an answer there are none.
    fn noting(
        &self,
        rows: usize,
        answer: impl FnOnce(&mut Notes) -> Result<RecordBatch, Failure>,
    ) -> Result<RecordBatch, Failure> {
        let mut notes = self.notes.borrow_mut();
        notes.clear();
        let answer = answer(&mut notes).and_then(|answer| Self::complete(answer, rows));
        if answer.is_err() {
            notes.clear();
        }
        answer
    }

    /// What the rows of the last answer hold that is unlike training; it is told once.
    pub fn take_unseen(&self) -> Vec<Unseen> {
        self.notes.borrow_mut().take(|place| self.columns.field(place).name().clone())
    }

    fn complete(answer: RecordBatch, asked: usize) -> Result<RecordBatch, Failure> {
        match answer.num_rows() {
            got if got == asked => Ok(answer),
            got => Err(internal(format!("`{}` answered {asked} rows with {got}", M::FUNCTION))),
        }
    }

    /// Arrow IPC stream in, Arrow IPC stream out.
    pub fn predict_table(&self, table: Vec<u8>) -> Result<Vec<u8>, Failure> {
        table::to_ipc(&self.predict_batch(&table::from_ipc(table)?)?)
    }

    /// CSV, JSON, JSON Lines or Arrow in and out, by content type.
    pub fn predict(&self, request: &Request) -> Result<Response, Failure> {
        let accept = request.accept.as_deref();
        if let Some(parsed) = self.numbers.as_ref().and_then(|numbers| numbers.parse(request)) {
            return predict::respond(&self.predict_numbers(&parsed.rows)?, parsed.form, accept);
        }
        let parsed = predict::parse(request, &self.columns)?;
        predict::respond(&self.predict_batch(&parsed.rows)?, parsed.form, accept)
    }
}

/// A description with the columns that go in and come out.
#[derive(Serialize)]
struct Described {
    #[serde(flatten)]
    model: Description,
    /// Media types that it takes beside those that every predictor takes.
    accepts: [&'static str; 1],
    inputs: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<Value>,
}

fn columns(schema: &SchemaRef) -> Value {
    let column = |field: &arrow_schema::FieldRef| {
        let mut column = json!({ "name": field.name(), "type": type_name(field.data_type()) });
        if matches!(field.data_type(), DataType::Timestamp(_, Some(_))) {
            column["zone"] = table::UTC.into();
        }
        if let Some(missing) = Missing::of(field) {
            column["missing_values"] = missing.texts().into();
        }
        column
    };
    schema.fields().iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{state::seal, table::schema_of};

    /// Knows formats 2 and 3.
    #[derive(Debug)]
    struct Settled;

    impl Model for Settled {
        const FUNCTION: &'static str = "settled";
        const FORMAT: u16 = 3;
        const OLDEST_FORMAT: u16 = 2;

        fn load(_: State<'_>) -> Result<Self, Failure> {
            Ok(Self)
        }

        fn describe(&self) -> Description {
            Description::new(Task::Transform, &[])
        }

        fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
            Ok(rows.clone())
        }
    }

    #[test]
    fn formats_before_the_oldest_are_refused() {
        let load = |format| Loaded::<Settled>::load(&seal("settled", format, &schema_of([]), &()).unwrap());
        for format in [0, 1] {
            let refusal = load(format).map(|_| ()).unwrap_err().to_string();
            assert!(
                refusal.contains("earlier version of `settled`") && refusal.contains("from 2"),
                "{refusal}"
            );
        }
        assert!(load(2).is_ok() && load(3).is_ok());
        assert!(load(4).is_err());
    }
}
