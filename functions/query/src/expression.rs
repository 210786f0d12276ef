//! Single expressions.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};
use serde::{Deserialize, Serialize};
use sqlparser::ast;

use crate::{
    bind::{Binder, Names, Scope, take_windows},
    column::Column,
    eval::{Env, Frame, NoQueries},
    expr::{Expr, WindowCall},
    kind::Kind,
    parse,
    problem::{Problem, Result},
    run,
};

/// An expression as it was written.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    tree: ast::Expr,
}

/// An expression over the columns of a schema. It is kept as its text and the columns that it reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Kept", into = "Kept")]
pub struct Bound {
    text: String,
    expr: Expr,
    windows: Vec<WindowCall>,
    /// Those that it reads, by name, with their places in `expr`.
    columns: Vec<(String, Kind)>,
    /// The type of its values.
    pub data_type: DataType,
    /// Whether the value of a row depends on that row alone.
    pub row_wise: bool,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// If it is none, with the position.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self { text: text.to_owned(), tree: parse::expression(text)? })
    }

    /// Finds the columns and the types.
    ///
    /// # Errors
    /// If a column or function is not there, or types do not fit, with the position and the nearest name.
    pub fn bind(&self, schema: &Schema) -> Result<Bound> {
        let columns: Vec<_> =
            schema.fields().iter().map(|field| (field.name().clone(), Kind::of(field.data_type()))).collect();
        self.bind_columns(columns)
    }

    fn bind_columns(&self, columns: Vec<(String, Kind)>) -> Result<Bound> {
        let scope = Scope::of(Some("self"), &columns);
        let names = Names {
            no_aggregates: Some("an expression of its own; OVER () makes it one over all rows"),
            no_windows: None,
            ..Names::columns(&scope, "")
        };
        let mut expr = Binder::new(&[], false).expr(&self.tree, &names)?;
        // Only the columns that it reads are kept, so that others may come and go.
        let mut used = expr.columns();
        used.sort_unstable();
        used.dedup();
        expr.rewrite(&mut |part| match part {
            Expr::Column { index, kind, name, at } => {
                let index = used.binary_search(index).expect("it is used");
                Ok(Some(Expr::Column { index, kind: kind.clone(), name: name.clone(), at: *at }))
            }
            _ => Ok(None),
        })?;
        let windows = take_windows(used.len(), &mut |replace| expr.rewrite(replace))?;
        let data_type = expr.kind().data_type();
        let row_wise = windows.is_empty();
        let columns = used.into_iter().map(|index| columns[index].clone()).collect();
        Ok(Bound { text: self.text.clone(), expr, windows, columns, data_type, row_wise })
    }
}

impl Bound {
    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names of the columns that it reads.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Its values for the rows of a batch, whose columns are found by name.
    ///
    /// # Errors
    /// If a column is missing or of another type than before, or a value is wrong in a row.
    pub fn eval(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let column = self.column(batch)?;
        Ok(column.expand(batch.num_rows()).array)
    }

    /// Which rows of a batch meet the condition that it is.
    ///
    /// # Errors
    /// If it is no condition, or as for [`Bound::eval`].
    pub fn holds(&self, batch: &RecordBatch) -> Result<Vec<bool>> {
        if self.data_type != DataType::Boolean {
            return Err(Problem::new(format!("`{}` is no condition but {}", self.text, self.expr.kind())));
        }
        let column = self.column(batch)?;
        Ok((0..batch.num_rows()).map(|row| column.is_true(row)).collect())
    }

    fn column(&self, batch: &RecordBatch) -> Result<Column> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, kind) in &self.columns {
            let Some(array) = batch.column_by_name(name) else {
                return Err(Problem::new(format!(
                    "`{}` needs the column `{name}`, which is not there",
                    self.text
                )));
            };
            let column = Column::read(array).map_err(|problem| Problem {
                message: format!("column `{name}`: {}", problem.message),
                ..problem
            })?;
            if column.kind != *kind {
                return Err(Problem::new(format!(
                    "`{}` needs the column `{name}` as {kind}, not {}",
                    self.text, column.kind
                )));
            }
            columns.push(column);
        }
        let mut frame = Frame { columns, rows: batch.num_rows() };
        let env = Env::new(&NoQueries);
        if !self.windows.is_empty() {
            frame = run::window(frame, &self.windows, &env)?;
        }
        self.expr.eval(&frame, &env)
    }
}

/// How a bound expression is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    text: String,
    columns: Vec<(String, String)>,
}

impl From<Bound> for Kept {
    fn from(bound: Bound) -> Self {
        let columns = bound.columns.into_iter().map(|(name, kind)| (name, kind.to_string())).collect();
        Self { text: bound.text, columns }
    }
}

impl TryFrom<Kept> for Bound {
    type Error = Problem;

    fn try_from(kept: Kept) -> Result<Self> {
        let columns = kept.columns.into_iter().map(|(name, kind)| {
            let found = Kind::ALL.iter().find(|other| other.to_string() == kind).cloned();
            let kind = found.ok_or_else(|| Problem::new(format!("`{kind}` is no type that is kept")))?;
            Ok((name, kind))
        });
        Expression::parse(&kept.text)?.bind_columns(columns.collect::<Result<_>>()?)
    }
}
