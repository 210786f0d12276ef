//! Operations that make another table of the whole table.

mod draw;
mod join;
mod shape;
mod stack;

use std::collections::BTreeMap;

use millstream_query::{Expression, Problem, Query};
use millstream_sdk::{
    Context, Failure,
    arrow_array::{Array, RecordBatch, RecordBatchOptions},
    arrow_schema::{DataType, Field, Schema},
    internal, nearest, table,
};

use crate::{
    operation::{GroupBy, Limit, LimitRows, Operation, Several},
    place::{Place, ident, idents, unheld},
};

/// What such an operation may read besides the table.
pub(crate) struct Surroundings<'a> {
    pub(crate) context: &'a Context,
    pub(crate) seed: u64,
    /// The tables of further inputs, as far as steps have asked for them.
    pub(crate) others: BTreeMap<String, RecordBatch>,
}

impl Surroundings<'_> {
    /// A further input's table, or a failure with the nearest name.
    pub(crate) fn table(&mut self, place: &Place, name: &str) -> Result<RecordBatch, Failure> {
        if let Some(found) = self.others.get(name) {
            return Ok(found.clone());
        }
        let channels = self.context.channels();
        let others: Vec<&str> =
            channels.iter().map(String::as_str).filter(|other| *other != crate::CHANNEL).collect();
        if !others.contains(&name) {
            let hint = match nearest(name, others.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if others.is_empty() => {
                    format!("the step has no further input: add `{name}` under its `inputs`")
                }
                None => format!("the step's further inputs are {}", others.join(", ")),
            };
            return Err(place.wrong(format!("there is no table `{name}`; {hint}")));
        }
        let batch = self.context.table(name)?.into_batch();
        self.others.insert(name.to_owned(), batch.clone());
        Ok(batch)
    }
}

/// The table that an operation makes of the whole table.
pub(crate) fn apply(
    place: &Place,
    operation: &Operation,
    rows: &RecordBatch,
    around: &mut Surroundings<'_>,
) -> Result<RecordBatch, Failure> {
    match operation {
        Operation::Sort(keys) => {
            let keys = sort_keys(place, &rows.schema(), keys)?;
            ask(place, &format!("SELECT * FROM self ORDER BY {}", keys.join(", ")), &[("self", rows)])
        }
        Operation::Limit(limit) => {
            let LimitRows { rows: count, offset } = match *limit {
                Limit::Rows(rows) => LimitRows { rows, offset: 0 },
                Limit::Behind(limit) => limit,
            };
            let all = rows.num_rows() as u64;
            let start = offset.min(all);
            Ok(rows.slice(start as usize, count.min(all - start) as usize))
        }
        Operation::Sample(sample) => draw::sample(place, sample, rows, around.seed),
        Operation::Balance(balance) => draw::balance(place, balance, rows, around),
        Operation::Join(join) => {
            let other = around.table(&place.at("with"), &join.with)?;
            join::join(place, join, rows, &other, around.context)
        }
        Operation::Concatenate(names) => {
            let mut tables = vec![("self".to_owned(), rows.clone())];
            for name in names.all() {
                tables.push((name.clone(), around.table(place, name)?));
            }
            stack::stack(place, &tables)
        }
        Operation::GroupBy(group) => grouped(place, group, rows),
        Operation::Pivot(pivot) => shape::pivot(place, pivot, rows),
        Operation::Unpivot(unpivot) => shape::unpivot(place, unpivot, rows),
        Operation::Unnest(unnest) => shape::unnest(place, unnest, rows),
        Operation::Sql(text) => {
            let query = Query::parse(text).map_err(|problem| place.refused(&problem))?;
            let mut tables = Vec::new();
            for name in query.tables() {
                if name != "self" {
                    // The engine's own error has the position.
                    if around.context.channels().contains(&name) && name != crate::CHANNEL {
                        let table = around.table(place, &name)?;
                        tables.push((name, table));
                    }
                }
            }
            let mut given: Vec<(&str, &RecordBatch)> = vec![("self", rows)];
            given.extend(tables.iter().map(|(name, table)| (name.as_str(), table)));
            run(place, &query, &given, |problem| place.refused(&problem))
        }
        // The others change columns, or drop rows.
        other => Err(internal(format!("`{}` makes no table", other.name()))),
    }
}

/// A query that was made here, over tables.
pub(crate) fn ask(
    place: &Place,
    text: &str,
    tables: &[(&str, &RecordBatch)],
) -> Result<RecordBatch, Failure> {
    let wrong = |problem: Problem| place.wrong(problem.message);
    let query = Query::parse(text).map_err(wrong)?;
    run(place, &query, tables, wrong)
}

fn run(
    place: &Place,
    query: &Query,
    tables: &[(&str, &RecordBatch)],
    wrong: impl Fn(Problem) -> Failure,
) -> Result<RecordBatch, Failure> {
    let schemas: Vec<_> = tables.iter().map(|(name, table)| (*name, table.schema())).collect();
    let given: Vec<(&str, &Schema)> = schemas.iter().map(|(name, schema)| (*name, schema.as_ref())).collect();
    let bound = query.bind(&given).map_err(&wrong)?;
    for field in bound.schema.fields() {
        if let Some(why) = unheld(field.data_type()) {
            return Err(place.wrong(format!("column `{}`: {why}", field.name())));
        }
    }
    bound.run(tables).map_err(|problem| place.failed(problem))
}

/// What stands behind ORDER BY: columns or expressions, each with its direction.
pub(crate) fn sort_keys(place: &Place, schema: &Schema, keys: &Several) -> Result<Vec<String>, Failure> {
    const BEHIND: [&str; 4] = [" nulls first", " nulls last", " desc", " asc"];
    let keys: Vec<String> = keys
        .all()
        .iter()
        .map(|key| {
            let mut rest = key.trim_end();
            let mut behind = String::new();
            for word in BEHIND {
                let cut = rest.len().saturating_sub(word.len());
                if rest.is_char_boundary(cut) && rest[cut..].eq_ignore_ascii_case(word) {
                    behind = format!("{}{behind}", &rest[cut..]);
                    rest = rest[..cut].trim_end();
                }
            }
            if schema.column_with_name(rest).is_some() {
                return Ok(format!("{}{behind}", ident(rest)));
            }
            place.expression(schema, rest)?;
            Ok(format!("({rest}){behind}"))
        })
        .collect::<Result<_, Failure>>()?;
    if keys.is_empty() {
        return Err(place.wrong("the list is empty"));
    }
    Ok(keys)
}

fn grouped(place: &Place, group: &GroupBy, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let schema = rows.schema();
    let none = group.by.all().is_empty();
    let by = if none { Vec::new() } else { place.at("by").columns(&schema, &group.by)? };
    if by.is_empty() && group.aggregates.is_empty() {
        return Err(place.at("aggregates").wrong("the map is empty"));
    }
    let mut outputs: Vec<String> = by.iter().map(|name| ident(name)).collect();
    let grouping = if by.is_empty() { String::new() } else { format!(" GROUP BY {}", idents(&by)) };
    for (name, formula) in &group.aggregates {
        let own = place.at("aggregates").at(name);
        if by.contains(name) {
            return Err(own.wrong("the rows are grouped by a column of this name"));
        }
        // Alone and in the first line behind SELECT, so that its position is the one in the query.
        Expression::parse(&formula.0).map_err(|problem| own.refused(&problem))?;
        let alone = Query::parse(&format!("SELECT\n{}\nAS it FROM self{grouping}", formula.0));
        let alone = alone.and_then(|query| query.bind(&[("self", &schema)]));
        alone.map_err(|mut problem| {
            if let Some(position) = &mut problem.position {
                position.line = position.line.saturating_sub(1);
            }
            own.refused(&problem)
        })?;
        outputs.push(format!("({}) AS {}", formula.0, ident(name)));
    }
    ask(place, &format!("SELECT {} FROM self{grouping}", outputs.join(", ")), &[("self", rows)])
}

/// The table's columns in these, in whatever order it has them; missing where it has none.
pub(crate) fn in_columns(rows: &RecordBatch, fields: &[Field]) -> Result<RecordBatch, Failure> {
    let arrays = fields.iter().map(|field| match rows.column_by_name(field.name()) {
        Some(array) if array.data_type() == field.data_type() => Ok(array.clone()),
        Some(array) => table::cast(array, field.data_type()).map_err(|failure| failure.column(field.name())),
        None => table::missing(field.data_type(), rows.num_rows()),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let schema = Schema::new(fields.to_vec()).into();
    RecordBatch::try_new_with_options(schema, arrays.collect::<Result<_, _>>()?, &options)
        .map_err(|error| internal(error.to_string()))
}

/// The type that holds the values of both.
pub(crate) fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            Some(DataType::Float64)
        }
        (DataType::Date32, time @ DataType::Timestamp(_, None))
        | (time @ DataType::Timestamp(_, None), DataType::Date32) => Some(time.clone()),
        _ => None,
    }
}
