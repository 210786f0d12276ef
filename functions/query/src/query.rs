//! Whole queries.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use sqlparser::ast;

use crate::{
    bind::{Binder, TableColumns},
    column::Column,
    eval::Frame,
    kind::Kind,
    parse,
    plan::Plan,
    problem::{Problem, Result},
    run::Run,
};

/// A query as it was written.
#[derive(Clone, Debug)]
pub struct Query {
    tree: ast::Query,
}

/// A query over tables of certain schemas.
#[derive(Clone, Debug)]
pub struct BoundQuery {
    tables: Vec<TableColumns>,
    shared: Vec<Plan>,
    plan: Plan,
    /// Columns of the result. Those that are a table's own keep the metadata of its fields.
    pub schema: SchemaRef,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// If it is none, with the position.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self { tree: parse::query(text)? })
    }

    /// The tables that it names, each once, without those that WITH makes.
    pub fn tables(&self) -> Vec<String> {
        let mut tables = Vec::new();
        crate::bind::tables_of(&self.tree, &mut tables);
        tables
    }

    /// Finds tables, columns and types.
    ///
    /// # Errors
    /// If a table, column or function is not there, or types do not fit, with the position and the nearest name.
    pub fn bind(&self, given: &[(&str, &Schema)]) -> Result<BoundQuery> {
        let tables: Vec<TableColumns> = given
            .iter()
            .map(|(name, schema)| {
                let columns = schema.fields().iter().map(|f| (f.name().clone(), Kind::of(f.data_type())));
                ((*name).to_owned(), columns.collect())
            })
            .collect();
        let mut binder = Binder::new(&tables, true);
        let (plan, columns) = binder.query(&self.tree)?;
        let shared = binder.shared;
        let names = unique(columns.iter().map(|(name, _)| name.as_str()));
        let fields = names.into_iter().zip(&columns).enumerate().map(|(index, (name, (_, kind)))| {
            let field = Field::new(name, kind.data_type(), true);
            let origin = plan.origin(index, &shared).map(|(table, column)| given[table].1.field(column));
            match origin.filter(|origin| origin.data_type() == field.data_type()) {
                Some(origin) => field.with_metadata(origin.metadata().clone()),
                None => field,
            }
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(BoundQuery { tables, shared, plan, schema })
    }
}

/// Names that differ: of those that do not, the later ones get a number.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let mut own = name.to_owned();
        let mut n = 1;
        while taken.contains(&own) {
            own = format!("{name}_{n}");
            n += 1;
        }
        taken.push(own);
    }
    taken
}

impl BoundQuery {
    /// The result for the rows of tables. They are found by name, their columns too.
    ///
    /// # Errors
    /// If a table or column is missing or of another type than before, or a value is wrong in a row.
    pub fn run(&self, tables: &[(&str, &RecordBatch)]) -> Result<RecordBatch> {
        let frames = self.tables.iter().map(|(name, columns)| {
            let found = tables.iter().find(|(other, _)| other == name);
            let (_, batch) = found.ok_or_else(|| Problem::new(format!("the table `{name}` is not there")))?;
            let columns = columns.iter().map(|(column, kind)| {
                let array = batch.column_by_name(column);
                let array =
                    array.ok_or_else(|| Problem::new(format!("`{name}` has no column `{column}`")))?;
                let read = Column::read(array).map_err(|problem| Problem {
                    message: format!("`{name}`, column `{column}`: {}", problem.message),
                    ..problem
                })?;
                if read.kind != *kind {
                    return Err(Problem::new(format!(
                        "`{name}`: column `{column}` is {}, not {kind}",
                        read.kind
                    )));
                }
                Ok(read)
            });
            Ok(Frame { columns: columns.collect::<Result<_>>()?, rows: batch.num_rows() })
        });
        let run = Run::new(frames.collect::<Result<_>>()?, &self.shared);
        let frame = run.frame(&self.plan)?;
        let columns: Vec<ArrayRef> =
            frame.columns.iter().map(|column| column.clone().expand(frame.rows).array).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(frame.rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Problem::new(error.to_string()))
    }
}
