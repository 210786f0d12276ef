//! Fields in, a table out, the columns' types found on the way.
//!
//! A look at the first rows gives each column the narrowest kind that takes its values. Then rows are built and
//! written a batch at a time. A value that does not fit widens its column in place while that loses nothing (integers
//! become floats) and nothing of it has been written; otherwise the rest of the input is only looked at, and all is
//! read once more with the kinds that are known by then. So the input is read twice at most (not counting the look), a
//! code such as `007` keeps its zeros in a column of text, and no more than one batch is held.

use std::sync::Arc;

use millstream_sdk::{
    Context, Failure, TableWriter,
    arrow_schema::{Schema, SchemaRef},
    internal, invalid_input,
    table::{BATCH_ROWS, Growing, cast, finish_columns, parse_date, parse_timestamp, schema_of},
};

use crate::{
    kind::{Kind, parse_bool, parse_float, parse_int},
    missing::Missing,
};

/// A batch is written when a text column holds so many bytes, even if it has few rows.
const BATCH_TEXT: usize = 32 << 20;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What is done with fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Kinds are found, nothing is kept.
    Look,
    /// Rows are built and written.
    Build,
}

/// A column of the table.
struct Column {
    name: String,
    kind: Kind,
    /// The user said so: another kind of value is an error.
    fixed: bool,
    /// Something was said of it, be it that it is missing.
    seen: bool,
    growing: Growing,
}

/// Takes rows field by field: `field`, `text` or `nothing` for each column, then `end_row`.
pub struct Sink {
    columns: Vec<Column>,
    missing: Missing,
    mode: Mode,
    /// What was built does not fit any more: all must be read again.
    again: bool,
    /// Rows in the batch that is being built.
    batch: usize,
    /// Rows that were taken in this pass.
    rows: u64,
    writer: Option<TableWriter>,
}

impl Sink {
    /// Columns by name; those with a kind keep it.
    pub fn new(columns: Vec<(String, Option<Kind>)>, missing: Missing) -> Result<Self, Failure> {
        let columns = columns.into_iter().map(|(name, kind)| Column::new(name, kind, 0));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { columns, missing, mode: Mode::Look, again: false, batch: 0, rows: 0, writer: None })
    }

    /// Starts a pass that builds the table.
    pub fn start_building(&mut self) -> Result<(), Failure> {
        self.mode = Mode::Build;
        (self.again, self.batch, self.rows, self.writer) = (false, 0, 0, None);
        self.columns.iter_mut().try_for_each(Column::reset)
    }

    /// Whether all must be read once more, as what was built does not fit any more.
    pub fn again(&self) -> bool {
        self.again
    }

    /// Rows taken in this pass.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The columns so far.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The place of a column that comes up in the input.
    pub fn see(&mut self, name: &str) -> Option<usize> {
        let place = self.place(name)?;
        self.columns[place].seen = true;
        Some(place)
    }

    /// A column that did not come up.
    pub fn unseen(&self) -> Option<&str> {
        self.columns.iter().find(|column| !column.seen).map(|column| column.name.as_str())
    }

    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// A column that comes up late; it is missing in the rows before.
    pub fn add_column(&mut self, name: String, kind: Option<Kind>) -> Result<usize, Failure> {
        let rows = if self.mode == Mode::Build { self.batch } else { 0 };
        self.columns.push(Column { seen: true, ..Column::new(name, kind, rows)? });
        if self.writer.is_some() {
            self.look_on();
        }
        Ok(self.columns.len() - 1)
    }

    /// A field as it stands in the file.
    // Inlined into the loop over fields, where a call for each would cost as much as the work.
    #[inline(always)]
    pub fn field(&mut self, place: usize, field: &[u8]) -> Result<(), Failure> {
        let taken = self.mode == Mode::Build
            && match &mut self.columns[place] {
                Column { kind: Kind::Float, growing: Growing::Float(column), .. }
                    if !self.missing.numeric =>
                {
                    match parse_float(field) {
                        Some(number) if number.is_finite() => {
                            column.append_value(number);
                            true
                        }
                        _ => self.columns[place].push(field, &self.missing),
                    }
                }
                column => column.push(field, &self.missing),
            };
        if taken { Ok(()) } else { self.slow_field(place, field) }
    }

    /// A value that is no number, whatever it looks like.
    pub fn text(&mut self, place: usize, text: &str) -> Result<(), Failure> {
        let column = &self.columns[place];
        if column.fixed && column.kind != Kind::Text {
            return self.field(place, text.as_bytes());
        }
        let kind = column.kind.join(Kind::of_time(text.as_bytes()));
        self.widen(place, kind)?;
        if self.mode == Mode::Build {
            let column = &mut self.columns[place];
            match &mut column.growing {
                growing @ Growing::Text(_) => {
                    growing.push_text(text).map_err(|failure| failure.column(&column.name))?
                }
                _ => _ = column.push(text.as_bytes(), &Missing::new(&[])),
            }
        }
        Ok(())
    }

    /// No value.
    pub fn nothing(&mut self, place: usize) {
        if self.mode == Mode::Build {
            self.columns[place].growing.push_null();
        }
    }

    /// The row is complete.
    #[inline]
    pub fn end_row(&mut self, context: &Context) -> Result<(), Failure> {
        self.rows += 1;
        if self.mode == Mode::Build {
            self.batch += 1;
            if self.batch >= BATCH_ROWS
                || self.batch.is_multiple_of(1024) && self.columns.iter().any(Column::is_long)
            {
                return self.write(context);
            }
        }
        Ok(())
    }

    /// All rows are in: the table becomes the output.
    pub fn finish(mut self, context: &Context) -> Result<SchemaRef, Failure> {
        if self.batch > 0 || self.writer.is_none() {
            self.write(context)?;
        }
        let schema = self.schema();
        match self.writer {
            Some(writer) => writer.finish()?,
            None => return Err(internal("a table was finished before it was built")),
        }
        Ok(schema)
    }

    fn schema(&self) -> SchemaRef {
        schema_of(self.columns.iter().map(|column| (column.name.as_str(), column.kind.data_type())))
    }

    fn write(&mut self, context: &Context) -> Result<(), Failure> {
        let schema: Arc<Schema> = self.schema();
        let room = if self.batch >= BATCH_ROWS { BATCH_ROWS } else { 0 };
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let next = Growing::new(&column.kind.data_type(), room)?;
            columns.push(std::mem::replace(&mut column.growing, next));
        }
        let batch = finish_columns(columns, &schema, self.batch)?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(context.create_table("table", &schema)?),
        };
        self.batch = 0;
        writer.write(&batch)
    }

    /// What was built is given up; what is left is only looked at.
    fn look_on(&mut self) {
        self.mode = Mode::Look;
        self.again = true;
        self.writer = None;
    }

    #[cold]
    fn slow_field(&mut self, place: usize, field: &[u8]) -> Result<(), Failure> {
        let column = &self.columns[place];
        let name = &column.name;
        if column.kind != Kind::Text && self.missing.has(field) {
            self.nothing(place);
            return Ok(());
        }
        let text = std::str::from_utf8(field)
            .map_err(|error| invalid_input(not_utf8(error.valid_up_to())).column(name))?;
        if column.fixed {
            if self.mode == Mode::Look && column.takes(field) {
                return Ok(());
            }
            if column.kind != Kind::Text {
                let short: String = text.chars().take(40).collect();
                return Err(invalid_input(format!("`{short}` is not {}", column.kind.name())).column(name));
            }
        }
        let kind = column.kind.join(Kind::of(field));
        self.widen(place, kind)?;
        if self.mode == Mode::Look {
            return Ok(());
        }
        let column = &mut self.columns[place];
        if let Growing::Text(_) = column.growing {
            return column.growing.push_text(text).map_err(|failure| failure.column(&column.name));
        }
        if column.push(field, &self.missing) {
            return Ok(());
        }
        Err(internal(format!("`{text}` does not fit into the column that was widened for it")))
    }

    fn widen(&mut self, place: usize, kind: Kind) -> Result<(), Failure> {
        let (mode, written) = (self.mode, self.writer.is_some());
        let column = &mut self.columns[place];
        if column.kind == kind || column.fixed {
            return Ok(());
        }
        // Missing values may have been written as a column of numbers.
        let as_it_is = column.kind.data_type() == kind.data_type();
        let in_place = as_it_is || !written && column.kind.widens_to(kind);
        if mode == Mode::Build && !in_place {
            column.kind = kind;
            self.look_on();
            return Ok(());
        }
        column.kind = kind;
        if mode == Mode::Build && !as_it_is {
            let array = cast(&column.growing.finish(), &kind.data_type())?;
            column.growing = Growing::new(&kind.data_type(), BATCH_ROWS)?;
            column.growing.push_array(&array)?;
        }
        Ok(())
    }
}

/// What a field says, with or without space around it. Space is rare: it is looked for only if the field makes no sense with it.
#[inline]
fn trimmed<T>(field: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    parse(field)
        .or_else(|| Some(field.trim_ascii()).filter(|trimmed| trimmed.len() < field.len()).and_then(parse))
}

/// Where in a field the text breaks off.
fn not_utf8(place: usize) -> String {
    format!("byte {} of the field is not UTF-8 text; save the file as UTF-8", place + 1)
}

impl Column {
    fn new(name: String, kind: Option<Kind>, rows: usize) -> Result<Self, Failure> {
        let fixed = kind.is_some();
        let kind = kind.unwrap_or(Kind::Unknown);
        let mut growing = Growing::new(&kind.data_type(), 0)?;
        (0..rows).for_each(|_| growing.push_null());
        Ok(Self { name, kind, fixed, seen: false, growing })
    }

    fn reset(&mut self) -> Result<(), Failure> {
        self.growing = Growing::new(&self.kind.data_type(), 0)?;
        Ok(())
    }

    fn is_long(&self) -> bool {
        matches!(&self.growing, Growing::Text(column) if column.values_slice().len() > BATCH_TEXT)
    }

    /// Whether the field fits, without keeping it.
    fn takes(&self, field: &[u8]) -> bool {
        self.kind == Kind::Text || self.kind.join(Kind::of(field)) == self.kind
    }

    /// Keeps the field, if it fits as it stands.
    fn push(&mut self, field: &[u8], missing: &Missing) -> bool {
        if missing.numeric && missing.has(field) {
            self.growing.push_null();
            return true;
        }
        match &mut self.growing {
            Growing::Int(column) => match trimmed(field, parse_int) {
                Some(number) => column.append_value(number),
                None => return false,
            },
            // A column without a value yet does not know that its values are numbers.
            Growing::Float(_) if self.kind == Kind::Unknown => return false,
            Growing::Float(column) => match trimmed(field, parse_float) {
                Some(number) if number.is_finite() || !missing.has(field) => column.append_value(number),
                Some(_) => column.append_null(),
                None => return false,
            },
            Growing::Bool(column) => match parse_bool(field.trim_ascii()) {
                Some(truth) => column.append_value(truth),
                None => return false,
            },
            Growing::Date(column) => match parse_date(field.trim_ascii()) {
                Some(days) => column.append_value(days),
                None => return false,
            },
            Growing::Time(column) => {
                let field = field.trim_ascii();
                let at_midnight = || Some((i64::from(parse_date(field)?) * MICROS_PER_DAY, false));
                let zoned = |(_, zoned): &(i64, bool)| self.fixed || *zoned == (self.kind == Kind::TimeUtc);
                match parse_timestamp(field).or_else(at_midnight).filter(zoned) {
                    Some((micros, _)) => column.append_value(micros),
                    None => return false,
                }
            }
            // No kind of field is kept in one.
            Growing::Sparse(_) => return false,
            Growing::Text(column) => {
                if missing.has(field) {
                    column.append_null();
                    return true;
                }
                // The slow way checks its length; the sum of a batch is far from the limit.
                match std::str::from_utf8(field) {
                    Ok(text) if text.len() <= BATCH_TEXT => column.append_value(text),
                    _ => return false,
                }
            }
        }
        true
    }
}
