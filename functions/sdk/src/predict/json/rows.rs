//! Rows of JSON into columns.

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use serde_json::value::RawValue;

use super::raw::{Members, is_scalar, items, kind, members};
use crate::{
    Failure,
    failure::{internal, invalid_input, listing},
    predict::value::{Column, new_columns},
    table::{is_sparse, names},
};

/// What a row may be.
pub const ROW: &str =
    "a row is {\"column\": value, ...}, [value, ...] in the model's order, or {\"features\": [value, ...]}";

/// The rows so far, in a model's columns.
pub struct Rows<'a> {
    columns: &'a SchemaRef,
    growing: Vec<Column>,
    count: u64,
    /// The keys of the row before, and where the columns are among them: most rows have the same.
    before: Option<(Vec<String>, Vec<usize>)>,
}

impl<'a> Rows<'a> {
    pub fn new(columns: &'a SchemaRef) -> Result<Self, Failure> {
        Ok(Self { columns, growing: new_columns(columns, 0)?, count: 0, before: None })
    }

    /// Whether the model has a column of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.columns.column_with_name(name).is_some()
    }

    /// Whether the model has one of the columns that an object names.
    pub fn knows_any(&self, members: &Members<'_>) -> bool {
        members.iter().any(|(key, _)| self.knows(key))
    }

    /// How many columns the model takes.
    pub fn width(&self) -> usize {
        self.columns.fields().len()
    }

    /// Whether one of the columns holds sparse rows, which are lists or objects themselves.
    pub fn has_sparse(&self) -> bool {
        self.columns.fields().iter().any(|field| is_sparse(field.data_type()))
    }

    /// Rows so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn wanted(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + use<'a> {
        let columns: &'a SchemaRef = self.columns;
        columns.fields().iter().map(|field| field.name().as_str())
    }

    /// One more row, of any kind.
    pub fn push(&mut self, row: &RawValue) -> Result<(), Failure> {
        self.count += 1;
        let count = self.count;
        let pushed = match kind(row) {
            b'{' => members(row).and_then(|members| self.push_members(&members)),
            b'[' => items(row).and_then(|values| self.push_list(&values)),
            _ if self.width() == 1 => self.push_cell(0, row),
            other => {
                let what = if other == b'n' { "null" } else { "a single value" };
                Err(invalid_input(format!("a row must be an object or a list, not {what}; {ROW}")))
            }
        };
        pushed.map_err(|failure| failure.row(count))
    }

    /// One more row of an object that was taken apart.
    pub fn push_object(&mut self, row: &Members<'_>) -> Result<(), Failure> {
        self.count += 1;
        let count = self.count;
        self.push_members(row).map_err(|failure| failure.row(count))
    }

    fn push_members(&mut self, row: &Members<'_>) -> Result<(), Failure> {
        let only = |name: &str| match row.iter().find(|(key, _)| key == name) {
            Some((_, value)) if !self.knows(name) && !self.knows_any(row) => Some(*value),
            _ => None,
        };
        // SageMaker's common formats: {"features": [...]}, {"data": {"features": {"values": [...]}}} and, of sparse rows,
        // {"data": {"features": {"keys": [...], "values": [...]}}}.
        if let Some(data) = only("data").filter(|data| kind(data) == b'{') {
            return self.push_members(&members(data)?);
        }
        match only("features") {
            Some(features) if kind(features) == b'[' => return self.push_list(&items(features)?),
            Some(features) if kind(features) == b'{' => {
                let inner = members(features)?;
                return match inner.iter().find(|(key, _)| key == "values") {
                    Some((_, values))
                        if kind(values) == b'[' && inner.iter().all(|(key, _)| key != "keys") =>
                    {
                        self.push_list(&items(values)?)
                    }
                    _ => {
                        let message = "`features` holds a sparse row, and the model takes no sparse rows; send \
                                       {\"features\": {\"values\": [...]}} with a value for each column";
                        Err(invalid_input(message))
                    }
                };
            }
            _ => {}
        }
        let alike = |keys: &[String]| {
            keys.len() == row.len() && keys.iter().zip(row).all(|(known, (key, _))| known == key)
        };
        if !self.before.as_ref().is_some_and(|(keys, _)| alike(keys)) {
            let keys: Vec<&str> = row.iter().map(|(key, _)| &**key).collect();
            let places = names::places(self.wanted(), &keys)?;
            self.before = Some((keys.into_iter().map(str::to_owned).collect(), places));
        }
        let Some((_, places)) = &self.before else { return Err(internal("a row without places")) };
        let cells = self.growing.iter_mut().zip(self.columns.fields()).zip(places);
        for ((column, field), place) in cells {
            let pushed = column.push_json(row[*place].1);
            pushed.map_err(|message| invalid_input(message).column(field.name()))?;
        }
        Ok(())
    }

    fn push_cell(&mut self, place: usize, value: &RawValue) -> Result<(), Failure> {
        let pushed = self.growing[place].push_json(value);
        pushed.map_err(|message| invalid_input(message).column(self.columns.field(place).name()))
    }

    fn push_list(&mut self, list: &[&RawValue]) -> Result<(), Failure> {
        if list.len() != self.width() {
            let names: Vec<&str> = self.wanted().collect();
            let got = list.len();
            return Err(invalid_input(format!(
                "the row has {got} values, but the model takes {}: {}",
                self.width(),
                listing(&names)
            )));
        }
        list.iter().enumerate().try_for_each(|(place, value)| self.push_cell(place, value))
    }

    /// All rows of a list. `bare`: there is nothing around it, so that a list of as many values as the model takes may be one
    /// row.
    pub fn list(&mut self, list: &RawValue, bare: bool) -> Result<(), Failure> {
        let rows = items(list)?;
        let flat = !rows.is_empty() && rows.iter().all(|row| is_scalar(row));
        if bare && flat && self.width() != 1 && rows.len() == self.width() {
            return self.push(list);
        }
        rows.into_iter().try_for_each(|row| self.push(row))
    }

    /// `columns` and `data`, as pandas' `orient="split"` has them. `whose` is what they are found in.
    pub fn split(&mut self, split: &Members<'_>, whose: &str, shapes: &str) -> Result<(), Failure> {
        let misshapen = || {
            invalid_input(format!(
                "{whose} needs `columns`, a list of names, and `data`, a list of rows; {shapes}"
            ))
        };
        let list = |key: &str| {
            let value = split.iter().find(|(name, _)| name == key).map(|(_, value)| *value);
            value.filter(|value| kind(value) == b'[').ok_or_else(misshapen)
        };
        let name = |value: &RawValue| match kind(value) {
            b'"' => serde_json::from_str::<String>(value.get()).map_err(super::raw::unsound),
            // Columns without names of their own have numbers.
            b'0'..=b'9' => Ok(value.get().to_owned()),
            _ => Err(misshapen()),
        };
        let rows = items(list("data")?)?;
        let given = items(list("columns")?)?.into_iter().map(name).collect::<Result<Vec<String>, _>>()?;
        let keys: Vec<&str> = given.iter().map(String::as_str).collect();
        let places = names::places(self.wanted(), &keys)?;
        for row in rows {
            self.count += 1;
            self.placed(row, &places, given.len()).map_err(|failure| failure.row(self.count))?;
        }
        Ok(())
    }

    fn placed(&mut self, row: &RawValue, places: &[usize], width: usize) -> Result<(), Failure> {
        if kind(row) != b'[' {
            return Err(invalid_input("a row of `data` must be a list"));
        }
        let values = items(row)?;
        if values.len() != width {
            return Err(invalid_input(format!(
                "the row has {} values, but `columns` names {width}",
                values.len()
            )));
        }
        places.iter().enumerate().try_for_each(|(place, from)| self.push_cell(place, values[*from]))
    }

    /// Column by column: each a list of its values or a single value; with `by_name` also an object of them by the rows'
    /// names.
    pub fn table(&mut self, columns: &Members<'_>, by_name: bool) -> Result<(), Failure> {
        let keys: Vec<&str> = columns.iter().map(|(key, _)| &**key).collect();
        let places = names::places(self.wanted(), &keys)?;
        let mut index: Option<Vec<String>> = None;
        let mut first: Option<usize> = None;
        for (place, from) in places.into_iter().enumerate() {
            let name = self.columns.field(place).name();
            let values = match kind(columns[from].1) {
                b'[' => items(columns[from].1)?,
                b'{' if !by_name => {
                    return Err(
                        invalid_input("a column must be a list with a value for each row").column(name)
                    );
                }
                b'{' => by_index(columns[from].1, &mut index).map_err(|failure| failure.column(name))?,
                _ => vec![columns[from].1],
            };
            let count = *first.get_or_insert(values.len());
            if values.len() != count {
                let other = self.columns.field(0).name();
                let message = format!(
                    "the column has {} values, but `{other}` has {count}: one a row is needed",
                    values.len()
                );
                return Err(invalid_input(message).column(name));
            }
            for (row, value) in values.into_iter().enumerate() {
                let whose = |failure: Failure| failure.row(self.count + row as u64 + 1);
                // TensorFlow's tensors of shape (rows, 1).
                let inner = if kind(value) == b'[' { items(value)? } else { Vec::new() };
                let value = if inner.len() == 1 { inner[0] } else { value };
                let pushed = self.growing[place].push_json(value);
                pushed.map_err(|message| whose(invalid_input(message).column(name)))?;
            }
        }
        self.count += first.unwrap_or(0) as u64;
        Ok(())
    }

    pub fn finish(mut self) -> Result<RecordBatch, Failure> {
        let columns = self.growing.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.count as usize));
        RecordBatch::try_new_with_options(self.columns.clone(), columns, &options)
            .map_err(|error| internal(error.to_string()))
    }
}

/// The values of a column by the rows' names, in the order of the first column.
fn by_index<'v>(column: &'v RawValue, index: &mut Option<Vec<String>>) -> Result<Vec<&'v RawValue>, Failure> {
    let members = members(column)?;
    let Some(index) = index else {
        *index = Some(members.iter().map(|(key, _)| key.clone().into_owned()).collect());
        return Ok(members.into_iter().map(|(_, value)| value).collect());
    };
    if members.len() == index.len() && members.iter().zip(index.iter()).all(|((key, _), row)| key == row) {
        return Ok(members.into_iter().map(|(_, value)| value).collect());
    }
    let differ = || invalid_input("the column has other rows than the first one");
    if members.len() != index.len() {
        return Err(differ());
    }
    let by_name: std::collections::HashMap<&str, &RawValue> =
        members.iter().map(|(key, value)| (&**key, *value)).collect();
    index.iter().map(|row| by_name.get(row.as_str()).copied().ok_or_else(differ)).collect()
}
