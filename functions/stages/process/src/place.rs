//! Where an operation stands, and the texts that it gives to the engine.

use millstream_query::{Bound, Expression, Problem};
use millstream_sdk::{
    Failure,
    arrow_schema::{DataType, Field, Schema},
    column, invalid_input, invalid_parameter,
};
use serde_json::Value;

use crate::operation::Several;

/// An operation's place in the list, such as `steps[2].filter`.
#[derive(Clone, Debug)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn new(index: usize, operation: &str) -> Self {
        Self(format!("steps[{index}].{operation}"))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// One of its own parameters.
    pub(crate) fn at(&self, key: &str) -> Self {
        Self(format!("{}.{key}", self.0))
    }

    /// What is wrong with it as it is written.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> Failure {
        invalid_parameter(&self.0, message)
    }

    /// What is wrong with it, by the engine.
    pub(crate) fn refused(&self, problem: &Problem) -> Failure {
        self.wrong(problem.to_string())
    }

    /// A value that is wrong in a row.
    pub(crate) fn failed(&self, problem: Problem) -> Failure {
        failed(&self.0, problem, None)
    }

    /// The column of a name, or a failure with the nearest one.
    pub(crate) fn column<'s>(&self, schema: &'s Schema, name: &str) -> Result<&'s Field, Failure> {
        column::named(schema, &self.0, name).map(|place| schema.field(place))
    }

    /// The columns of these names and patterns, each once, in their order.
    pub(crate) fn columns(&self, schema: &Schema, names: &Several) -> Result<Vec<String>, Failure> {
        let mut found: Vec<String> = Vec::new();
        for name in names.all() {
            let all = schema.fields().iter().map(|field| field.name().as_str());
            let matching: Vec<&str> = if name.contains('*') && schema.column_with_name(name).is_none() {
                all.filter(|other| matches(name, other)).collect()
            } else {
                vec![self.column(schema, name)?.name().as_str()]
            };
            if matching.is_empty() {
                return Err(self.wrong(format!("no column is called like `{name}`")));
            }
            for column in matching {
                if !found.iter().any(|other| other == column) {
                    found.push(column.to_owned());
                }
            }
        }
        if found.is_empty() {
            return Err(self.wrong("the list of columns is empty"));
        }
        Ok(found)
    }

    /// The columns that are named, or all that suit.
    pub(crate) fn columns_or(
        &self,
        schema: &Schema,
        names: Option<&Several>,
        suits: fn(&DataType) -> bool,
    ) -> Result<Vec<String>, Failure> {
        match names {
            Some(names) => self.columns(schema, names),
            None => {
                let fields = schema.fields().iter().filter(|field| suits(field.data_type()));
                Ok(fields.map(|field| field.name().clone()).collect())
            }
        }
    }

    /// An expression that the user wrote, over the columns of a schema.
    pub(crate) fn expression(&self, schema: &Schema, text: &str) -> Result<Bound, Failure> {
        self.bind(schema, text).map_err(|problem| self.refused(&problem))
    }

    /// An expression that was made of what the user wrote: where it is wrong in that text is nobody's concern.
    pub(crate) fn made(&self, schema: &Schema, text: &str) -> Result<Bound, Failure> {
        self.bind(schema, text).map_err(|problem| self.wrong(problem.message))
    }

    pub(crate) fn bind(&self, schema: &Schema, text: &str) -> Result<Bound, Problem> {
        let bound = Expression::parse(text)?.bind(schema)?;
        match unheld(&bound.data_type) {
            Some(why) => Err(Problem { position: None, message: why, row: None }),
            None => Ok(bound),
        }
    }
}

/// A value that is wrong in a row of the table that goes into an operation.
pub(crate) fn failed(origin: &str, problem: Problem, column: Option<&str>) -> Failure {
    let row = problem.row;
    let text = Problem { row: None, ..problem };
    let mut failure = invalid_input(format!("`{origin}`: {text}"));
    if let Some(row) = row {
        failure = failure.row(row as u64 + 1);
    }
    match column {
        Some(column) => failure.column(column),
        None => failure,
    }
}

/// Why a column cannot hold values of a type.
pub(crate) fn unheld(kind: &DataType) -> Option<String> {
    match kind {
        DataType::Interval(_) => Some(
            "a column cannot hold an INTERVAL; `date_diff('day', a, b)` or `epoch(a - b)` give numbers"
                .to_owned(),
        ),
        DataType::Null => Some("it is always missing, of no type; CAST(NULL AS DOUBLE) is of one".to_owned()),
        _ => None,
    }
}

/// A name in an expression.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Several names, with commas between them.
pub(crate) fn idents(names: &[String]) -> String {
    names.iter().map(|name| ident(name)).collect::<Vec<_>>().join(", ")
}

/// A text in an expression.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A number in an expression; whole ones are integers.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 9e15 { format!("({value:.0})") } else { format!("({value:e})") }
}

/// A value in an expression; `None` for lists and maps.
pub(crate) fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("({number})"),
        Value::String(value) => text(value),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Whether a name is like a pattern, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

pub(crate) fn is_text(kind: &DataType) -> bool {
    *kind == DataType::Utf8
}

pub(crate) fn is_number(kind: &DataType) -> bool {
    matches!(kind, DataType::Int64 | DataType::Float64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, alike) in [
            ("a*", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "aXbXc", true),
            ("a*a", "a", false),
            ("b*", "abc", false),
            ("a*x*c", "abc", false),
        ] {
            assert_eq!(matches(pattern, name), alike, "{pattern} {name}");
        }
    }
}
