//! Rows into columns, columns into rows.

use std::sync::Arc;

use millstream_sdk::{
    Failure,
    arrow_array::{Array, ArrayRef, RecordBatch, StringArray, cast::AsArray},
    arrow_schema::{DataType, Field, Schema},
    column, internal,
    table::{self, pick},
};

use super::{ask, common};
use crate::{
    columns::shown,
    operation::{Pivot, Several, Unnest, Unpivot},
    place::{Place, ident, idents, is_text, literal, text},
};

/// Columns that a pivot makes at most.
const MOST_COLUMNS: usize = 1000;

/// Columns that one query makes.
const AT_ONCE: usize = 100;

/// A row for each group of `index`, a column for each value of `on`.
pub(super) fn pivot(place: &Place, pivot: &Pivot, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let schema = rows.schema();
    let index = place.at("index").columns(&schema, &pivot.index)?;
    place.at("on").column(&schema, &pivot.on)?;
    place.at("values").column(&schema, &pivot.values)?;
    let on = ident(&pivot.on);
    let cases: Vec<(String, String)> = match &pivot.only {
        Some(values) => {
            let case = |value: &crate::operation::Plain| {
                let made =
                    literal(&value.0).ok_or_else(|| place.at("only").wrong("a value is no list or map"))?;
                let name = match &value.0 {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Ok((name, made))
            };
            values.iter().map(case).collect::<Result<_, Failure>>()?
        }
        None => {
            let query = format!("SELECT DISTINCT {on} FROM self WHERE {on} IS NOT NULL ORDER BY {on}");
            let found = ask(place, &query, &[("self", rows)])?;
            if found.num_rows() > MOST_COLUMNS {
                return Err(place.at("on").wrong(format!(
                    "column `{}` has {} values, and {MOST_COLUMNS} columns are the most; `only` names those that are wanted",
                    pivot.on,
                    found.num_rows()
                )));
            }
            let kind = found.column(0).data_type().clone();
            let case = |row: usize| {
                let name = shown(found.column(0), row)?;
                let made = match kind {
                    DataType::Int64 | DataType::Boolean => format!("({name})"),
                    DataType::Float64 => format!("CAST({} AS DOUBLE)", text(&name)),
                    _ => text(&name),
                };
                Ok((name, made))
            };
            (0..found.num_rows()).map(case).collect::<Result<_, Failure>>()?
        }
    };
    let aggregate = &pivot.aggregate;
    if !millstream_query::aggregate_names().contains(&aggregate.to_lowercase().as_str()) {
        let names = millstream_query::aggregate_names();
        let hint = millstream_sdk::nearest(aggregate, names.iter().copied()).map_or_else(
            || format!("there are {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(place.at("aggregate").wrong(format!("there is no aggregate `{aggregate}`; {hint}")));
    }
    let values = ident(&pivot.values);
    let (mut fields, mut arrays): (Vec<Arc<Field>>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    // The groups of all queries are the same, in the same order.
    let mut chunks: Vec<&[(String, String)]> = cases.chunks(AT_ONCE).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    for chunk in chunks {
        let mut outputs = vec![idents(&index)];
        outputs.extend(chunk.iter().map(|(name, made)| {
            format!("{aggregate}(CASE {on} WHEN {made} THEN {values} END) AS {}", ident(name))
        }));
        let query = format!("SELECT {} FROM self GROUP BY {}", outputs.join(", "), idents(&index));
        let made = ask(place, &query, &[("self", rows)])?;
        let skipped = if fields.is_empty() { 0 } else { index.len() };
        fields.extend(made.schema().fields().iter().skip(skipped).cloned());
        arrays.extend(made.columns().iter().skip(skipped).cloned());
    }
    for (i, field) in fields.iter().enumerate() {
        if fields[..i].iter().any(|other| other.name() == field.name()) {
            return Err(place.wrong(format!("two columns would be called `{}`", field.name())));
        }
    }
    RecordBatch::try_new(Schema::new(fields).into(), arrays).map_err(|error| internal(error.to_string()))
}

/// The columns of `on` below one another.
pub(super) fn unpivot(place: &Place, unpivot: &Unpivot, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let schema = rows.schema();
    let index = match &unpivot.index {
        Some(names) => place.at("index").columns(&schema, names)?,
        None => Vec::new(),
    };
    let on = match &unpivot.on {
        Some(names) => place.at("on").columns(&schema, names)?,
        None => {
            let all = schema.fields().iter().map(|field| field.name().clone());
            all.filter(|name| !index.contains(name)).collect()
        }
    };
    let mut kind: Option<DataType> = None;
    for name in &on {
        let own = place.column(&schema, name)?.data_type();
        kind = Some(match &kind {
            None => own.clone(),
            Some(kind) => common(kind, own).ok_or_else(|| {
                let (one, other) = (column::type_name(kind), column::type_name(own));
                place.at("on").wrong(format!(
                    "column `{name}` holds {other}, those before it {one}; `cast` them to one type before"
                ))
            })?,
        });
    }
    let Some(kind) = kind else { return Err(place.at("on").wrong("no column is left for it")) };
    for (key, name) in [("variable", &unpivot.variable), ("value", &unpivot.value)] {
        if index.contains(name) || unpivot.variable == unpivot.value {
            return Err(place.at(key).wrong(format!("two columns would be called `{name}`")));
        }
    }
    let mut fields: Vec<Field> =
        index.iter().map(|name| place.column(&schema, name).cloned()).collect::<Result<_, _>>()?;
    fields.push(Field::new(&unpivot.variable, DataType::Utf8, true));
    fields.push(Field::new(&unpivot.value, kind.clone(), true));
    let out = Arc::new(Schema::new(fields));
    let part = |name: &String| {
        let mut arrays: Vec<ArrayRef> =
            index.iter().map(|name| column::get(rows, name).cloned()).collect::<Result<_, _>>()?;
        arrays.push(Arc::new(StringArray::from_iter_values((0..rows.num_rows()).map(|_| name))));
        arrays.push(table::cast(column::get(rows, name)?, &kind)?);
        RecordBatch::try_new(out.clone(), arrays).map_err(|error| internal(error.to_string()))
    };
    table::concat(&out, &on.iter().map(part).collect::<Result<Vec<_>, Failure>>()?)
}

/// A row for each piece of a text.
pub(super) fn unnest(place: &Place, unnest: &Unnest, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let Unnest { column: name, by } = unnest;
    let schema = rows.schema();
    place.columns(&schema, &Several::One(name.clone()))?;
    if !is_text(place.column(&schema, name)?.data_type()) {
        return Err(place.wrong(format!("column `{name}` holds no text")));
    }
    let texts = column::get(rows, name)?.as_string::<i32>();
    let (mut chosen, mut pieces) = (Vec::new(), Vec::new());
    for row in 0..rows.num_rows() {
        if texts.is_null(row) {
            chosen.push(row as u32);
            pieces.push(None);
            continue;
        }
        for piece in texts.value(row).split(by.as_str()) {
            chosen.push(row as u32);
            pieces.push(Some(piece.trim()));
        }
    }
    let long = pick(rows, &chosen)?;
    let at = table::index_of(&schema, name)?;
    let mut arrays = long.columns().to_vec();
    arrays[at] = Arc::new(StringArray::from(pieces));
    RecordBatch::try_new(long.schema(), arrays).map_err(|error| internal(error.to_string()))
}
