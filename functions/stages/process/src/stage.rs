//! The steps as a stage of a model: what of them rows to predict go through.

use std::collections::BTreeSet;

use millstream_sdk::{
    Description, Failure, Model, State, Task,
    arrow_array::{RecordBatch, cast::AsArray},
    arrow_schema::{Schema, SchemaRef},
    invalid_input, missing,
    table::schema_of,
};
use serde::{Deserialize, Serialize};

use crate::columns::ColumnStep;

/// The model: steps over columns, and what comes in.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowSteps {
    steps: Vec<ColumnStep>,
    /// The columns that go in.
    features: Vec<String>,
    target: Option<String>,
    /// Of each column that goes in, the texts that usually stand for a missing value, but were values in training.
    texts: Vec<Vec<String>>,
}

/// The steps that rows without the target go through.
pub(crate) struct Traced {
    pub(crate) steps: Vec<ColumnStep>,
    /// The columns that go in, in the table's order.
    pub(crate) inputs: SchemaRef,
    /// Columns that are computed from the target: they are left out.
    pub(crate) left_out: Vec<String>,
}

/// Follows the columns through the steps: forwards those that the target is in, backwards those that are needed.
pub(crate) fn trace(steps: &[ColumnStep], before: &Schema, after: &Schema, target: Option<&str>) -> Traced {
    let mut told: BTreeSet<String> = BTreeSet::new();
    told.extend(target.filter(|target| before.column_with_name(target).is_some()).map(str::to_owned));
    let mut own = told.clone();
    for step in steps {
        match step {
            ColumnStep::Project(pairs) => {
                let moved = |set: &BTreeSet<String>| -> BTreeSet<String> {
                    pairs.iter().filter(|(from, _)| set.contains(from)).map(|(_, to)| to.clone()).collect()
                };
                (told, own) = (moved(&told), moved(&own));
            }
            ColumnStep::Assign(all) => {
                let reads =
                    |one: &crate::columns::Assignment| one.value.columns().any(|name| told.contains(name));
                let (tells, says_nothing): (Vec<_>, Vec<_>) = all.iter().partition(|one| reads(one));
                let tells: Vec<String> = tells.into_iter().map(|one| one.name.clone()).collect();
                says_nothing.into_iter().for_each(|one| {
                    told.remove(&one.name);
                    own.remove(&one.name);
                });
                told.extend(tells);
            }
        }
    }
    // A target that the steps make is one of the columns that come out.
    own.extend(target.map(str::to_owned));
    told.extend(target.map(str::to_owned));
    let outputs: Vec<String> =
        after.fields().iter().map(|field| field.name().clone()).filter(|name| !told.contains(name)).collect();
    let mut needed: BTreeSet<String> = outputs.iter().cloned().collect();
    let mut kept =
        vec![ColumnStep::Project(outputs.iter().map(|name| (name.clone(), name.clone())).collect())];
    for step in steps.iter().rev() {
        match step {
            ColumnStep::Project(pairs) => {
                let pairs: Vec<_> = pairs.iter().filter(|(_, to)| needed.contains(to)).cloned().collect();
                needed = pairs.iter().map(|(from, _)| from.clone()).collect();
                kept.push(ColumnStep::Project(pairs));
            }
            ColumnStep::Assign(all) => {
                let all: Vec<_> = all.iter().filter(|one| needed.contains(&one.name)).cloned().collect();
                all.iter().for_each(|one| {
                    needed.remove(&one.name);
                });
                needed.extend(all.iter().flat_map(|one| one.value.columns().map(str::to_owned)));
                if !all.is_empty() {
                    kept.push(ColumnStep::Assign(all));
                }
            }
        }
    }
    kept.reverse();
    let inputs = before.fields().iter().filter(|field| needed.contains(field.name()));
    let inputs = schema_of(inputs.map(|field| (field.name().as_str(), field.data_type().clone())));
    let there = |name: &&String| after.column_with_name(name).is_some();
    let left_out = told.iter().filter(|name| !own.contains(*name)).filter(there).cloned().collect();
    Traced { steps: kept, inputs, left_out }
}

impl RowSteps {
    /// Of steps that were traced, as the training rows went through them.
    pub(crate) fn new(traced: &Traced, target: Option<&str>, rows: &RecordBatch) -> Self {
        let features: Vec<String> = traced.inputs.fields().iter().map(|field| field.name().clone()).collect();
        let texts = features.iter().map(|name| {
            let texts = rows.column_by_name(name).and_then(|array| array.as_string_opt::<i32>());
            let values = texts.into_iter().flat_map(|texts| texts.iter().flatten());
            let usual: BTreeSet<&str> = values.filter(|text| missing::is_missing(text.as_bytes())).collect();
            usual.into_iter().map(str::to_owned).collect()
        });
        let texts = texts.collect();
        Self { steps: traced.steps.clone(), features, target: target.map(str::to_owned), texts }
    }
}

impl Model for RowSteps {
    const FUNCTION: &'static str = "process";
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let model: Self = state.decode()?;
        let damaged = || invalid_input("the model's state is damaged: train it again or restore the file");
        let columns = state.columns();
        let names: Vec<&String> = columns.fields().iter().map(|field| field.name()).collect();
        if !names.iter().copied().eq(&model.features) || model.texts.len() != names.len() {
            return Err(damaged());
        }
        // The steps fit the columns, or rows would only find out.
        let none = RecordBatch::new_empty(columns);
        model.predict_table(&none).map_err(|_| damaged())?;
        Ok(model)
    }

    fn describe(&self) -> Description {
        let description = Description::new(Task::Transform, &self.features);
        match &self.target {
            Some(target) => description.target(target),
            None => description,
        }
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let mut rows = rows.clone();
        for step in &self.steps {
            rows = step.apply(&rows)?;
        }
        Ok(rows)
    }

    fn knows(&self, place: usize, category: &str) -> bool {
        self.texts.get(place).is_some_and(|texts| texts.iter().any(|text| text == category))
    }
}
