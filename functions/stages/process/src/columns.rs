//! Steps that change columns and leave the rows as they are: what a stage of a model is made of.

use std::collections::BTreeSet;

use millstream_query::Bound;
use millstream_sdk::{
    Context, Failure,
    arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions},
    arrow_schema::{Field, Schema},
    column, internal, table,
};
use serde::{Deserialize, Serialize};

use crate::place::{Place, failed};

/// A step over columns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ColumnStep {
    /// New columns, and new values of columns, all from the columns before.
    Assign(Vec<Assignment>),
    /// These columns alone, under new names.
    Project(Vec<(String, String)>),
}

/// A column and what it is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: Bound,
    /// The parameter that it comes from, for errors.
    pub(crate) origin: String,
    #[serde(skip)]
    pub(crate) counted: Counted,
}

/// What is counted when the values of a column have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Nothing.
    #[default]
    Nothing,
    /// Missing values that are there now.
    Filled,
    /// Values of this column that are others now.
    Clipped,
    /// Values of this column that are missing now.
    Unread(String),
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) dropped: u64,
    pub(crate) filled: u64,
    pub(crate) clipped: u64,
    pub(crate) unread: u64,
}

impl ColumnStep {
    /// The first part of it that looks at other rows.
    pub(crate) fn not_row_wise(&self) -> Option<&str> {
        match self {
            Self::Project(_) => None,
            Self::Assign(all) => all.iter().find(|one| !one.value.row_wise).map(|one| one.origin.as_str()),
        }
    }

    /// The rows with the columns as the step makes them.
    pub(crate) fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let schema = rows.schema();
        let (fields, arrays) = match self {
            Self::Project(pairs) => {
                let mut fields = Vec::with_capacity(pairs.len());
                let mut arrays = Vec::with_capacity(pairs.len());
                for (from, to) in pairs {
                    let place = table::index_of(&schema, from)?;
                    fields.push(schema.field(place).clone().with_name(to));
                    arrays.push(rows.column(place).clone());
                }
                (fields, arrays)
            }
            Self::Assign(all) => {
                let mut fields: Vec<Field> =
                    schema.fields().iter().map(|field| field.as_ref().clone()).collect();
                let mut arrays = rows.columns().to_vec();
                for one in all {
                    let array = one
                        .value
                        .eval(rows)
                        .map_err(|problem| failed(&one.origin, problem, one.value.columns().next()))?;
                    let same = one.value.data_type == *array.data_type();
                    let array = if same { array } else { table::cast(&array, &one.value.data_type)? };
                    let field = Field::new(&one.name, array.data_type().clone(), true);
                    match fields.iter().position(|field| *field.name() == one.name) {
                        Some(place) => (fields[place], arrays[place]) = (field, array),
                        None => {
                            fields.push(field);
                            arrays.push(array);
                        }
                    }
                }
                (fields, arrays)
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Schema::new(fields).into(), arrays, &options)
            .map_err(|error| internal(error.to_string()))
    }

    /// Counts what has become of the values, and says it.
    pub(crate) fn count(
        &self,
        before: &RecordBatch,
        after: &RecordBatch,
        tally: &mut Tally,
        context: &Context,
    ) -> Result<(), Failure> {
        let Self::Assign(all) = self else { return Ok(()) };
        for one in all {
            let Assignment { name, origin, counted, .. } = one;
            let new = column::get(after, name)?;
            match counted {
                Counted::Nothing => {}
                Counted::Filled => {
                    let old = column::get(before, name)?;
                    let filled = (0..old.len()).filter(|row| absent(old, *row) && !absent(new, *row));
                    let filled = filled.count() as u64;
                    if filled > 0 {
                        tally.filled += filled;
                        context.info(format!("`{origin}`: {filled} missing values of `{name}` were filled"));
                    }
                }
                Counted::Clipped => {
                    let (old, new) = (column::numbers(before, name)?, column::numbers(after, name)?);
                    let changed = |row: &usize| old[*row] != new[*row] && !old[*row].is_nan();
                    let rows: Vec<usize> = (0..old.len()).filter(changed).collect();
                    if let Some(first) = rows.first() {
                        tally.clipped += rows.len() as u64;
                        let (count, old, new) = (rows.len(), old[*first], new[*first]);
                        context.info(format!(
                            "`{origin}`: {count} values of `{name}` were clipped, such as {old} to {new}"
                        ));
                    }
                }
                Counted::Unread(from) => {
                    let old = column::get(before, from)?;
                    let lost: Vec<usize> =
                        (0..old.len()).filter(|row| old.is_valid(*row) && new.is_null(*row)).collect();
                    if let Some(first) = lost.first() {
                        tally.unread += lost.len() as u64;
                        let example = shown(old, *first)?;
                        context.warn(format!(
                            "`{origin}`: {} of {} values of `{from}` are missing in `{name}`, such as `{example}`",
                            lost.len(),
                            old.len()
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a value is missing; NaN is no number.
pub(crate) fn absent(array: &ArrayRef, row: usize) -> bool {
    use millstream_sdk::arrow_array::{cast::AsArray, types::Float64Type};
    array.is_null(row)
        || array.as_primitive_opt::<Float64Type>().is_some_and(|floats| floats.value(row).is_nan())
}

/// A value as text.
pub(crate) fn shown(array: &ArrayRef, row: usize) -> Result<String, Failure> {
    use millstream_sdk::arrow_array::cast::AsArray;
    let printed = table::print(&array.slice(row, 1))?;
    Ok(match printed.as_string_opt::<i32>() {
        Some(texts) if texts.is_valid(0) => texts.value(0).to_owned(),
        _ => String::new(),
    })
}

/// The columns in their order under names that differ, or a failure at the place.
pub(crate) fn projection(place: &Place, pairs: Vec<(String, String)>) -> Result<ColumnStep, Failure> {
    let mut names = BTreeSet::new();
    for (_, to) in &pairs {
        if to.is_empty() {
            return Err(place.wrong("a column's name is empty"));
        }
        if !names.insert(to.as_str()) {
            return Err(place.wrong(format!("two columns would be called `{to}`")));
        }
    }
    if pairs.is_empty() {
        return Err(place.wrong("no column is left"));
    }
    Ok(ColumnStep::Project(pairs))
}
