//! Fields in, a table out, the columns' types found on the way.
//!
//! A look at the first rows gives each column the narrowest kind that takes its values. Then rows are built and
//! written a batch at a time. A value that does not fit widens its column in place while that loses nothing (integers
//! become floats) and nothing of it has been written; otherwise the rest of the input is only looked at, and all is
//! read once more with the kinds that are known by then. So the input is read twice at most (not counting the look), and no
//! more than one batch is held. What a column says of its texts (see `written`) goes before the first batch, so that a later
//! batch which is otherwise has all read again likewise.

use std::sync::Arc;

use millstream_sdk::{
    Context, Failure, TableWriter,
    arrow_schema::{Schema, SchemaRef},
    internal, invalid_input,
    missing::is_missing,
    table::{BATCH_ROWS, Growing, finish_columns},
};

pub use crate::column::Spec;
use crate::{
    column::{Column, Rule},
    kind::{Kind, parse_float},
};

/// A batch is written when a text column holds so many bytes, even if it has few rows.
pub const BATCH_TEXT: usize = 32 << 20;

/// What is done with fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Kinds are found, nothing is kept.
    Look,
    /// Rows are built and written.
    Build,
}

/// Takes rows field by field: `field`, `text` or `nothing` for each column, then `end_row`.
pub struct Sink {
    columns: Vec<Column>,
    mode: Mode,
    /// What was built does not fit any more: all must be read again.
    again: bool,
    /// Rows in the batch that is being built.
    batch: usize,
    /// Rows that were taken in this pass.
    rows: u64,
    /// The columns as they were written before the first batch.
    said: Option<SchemaRef>,
    writer: Option<TableWriter>,
}

impl Sink {
    /// These columns, to which others may be added.
    pub fn new(columns: Vec<Spec>) -> Result<Self, Failure> {
        let columns = columns.into_iter().map(|spec| Column::new(spec, 0));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { columns, mode: Mode::Look, again: false, batch: 0, rows: 0, said: None, writer: None })
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

    /// Columns that did not come up.
    pub fn unseen(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| !column.seen).map(|column| column.name.as_str())
    }

    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// A column that comes up late, or never; it is missing in the rows before.
    pub fn add_column(&mut self, spec: Spec, seen: bool) -> Result<usize, Failure> {
        let rows = if self.mode == Mode::Build { self.batch } else { 0 };
        let mut column = Column::new(spec, rows)?;
        column.seen = seen;
        self.columns.push(column);
        if self.writer.is_some() {
            self.look_on();
        }
        Ok(self.columns.len() - 1)
    }

    /// A field as it stands in the file.
    // Inlined into the loop over fields, where a call for each would cost as much as the work.
    #[inline(always)]
    pub fn field(&mut self, place: usize, field: &[u8]) -> Result<(), Failure> {
        let taken = self.mode == Mode::Build && self.columns[place].push(field, false);
        if taken { Ok(()) } else { self.slow_field(place, field) }
    }

    /// A text, whatever it looks like, as JSON has it. Nothing that it says is missing, but where no text is wanted.
    pub fn text(&mut self, place: usize, text: &str) -> Result<(), Failure> {
        let column = &mut self.columns[place];
        let no_text = column.rule != Rule::Free && column.kind != Kind::Text;
        if column.missing.has(text.as_bytes()) || no_text && is_missing(text.as_bytes()) {
            self.nothing(place);
            return Ok(());
        }
        if no_text {
            return self.field(place, text.as_bytes());
        }
        let own = Kind::of_time(text.as_bytes());
        let kind = column.join(own);
        if self.mode == Mode::Look {
            column.written.see(own, text.as_bytes());
        }
        self.widen(place, kind, text.as_bytes())?;
        if self.mode == Mode::Build {
            let column = &mut self.columns[place];
            match &mut column.growing {
                growing @ Growing::Text(_) => {
                    growing.push_text(text).map_err(|failure| failure.column(&column.name))?
                }
                _ => _ = column.push(text.as_bytes(), true),
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
            if self.batch >= BATCH_ROWS || self.batch.is_multiple_of(1024) && self.columns.iter().any(is_long)
            {
                return self.write(context, true);
            }
        }
        Ok(())
    }

    /// All rows are in: the table is written to its end. If [`Sink::again`] says so then, it was not, and all must be read once
    /// more.
    pub fn end(&mut self, context: &Context) -> Result<(), Failure> {
        if self.again {
            return Ok(());
        }
        if self.batch > 0 || self.writer.is_none() {
            self.write(context, false)?;
        }
        // What was said of the columns before the first batch must hold of the last one.
        if self.said.as_ref().is_some_and(|said| **said != *self.schema()) {
            self.look_on();
        }
        Ok(())
    }

    /// Makes the table the output.
    pub fn finish(self, context: &Context) -> Result<SchemaRef, Failure> {
        let schema = self.schema();
        self.columns.iter().for_each(|column| warn_of(context, column));
        match self.writer {
            Some(writer) => writer.finish()?,
            None => return Err(internal("a table was finished before it was built")),
        }
        Ok(schema)
    }

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    fn write(&mut self, context: &Context, more: bool) -> Result<(), Failure> {
        if self.writer.is_none() && more {
            self.columns.iter_mut().for_each(Column::rest);
        }
        let schema = match (&self.writer, &self.said) {
            (Some(_), Some(said)) => said.clone(),
            _ => self.schema(),
        };
        let room = if self.batch >= BATCH_ROWS { BATCH_ROWS } else { 0 };
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let next = Growing::new(&column.kind.data_type(), room)?;
            columns.push(std::mem::replace(&mut column.growing, next));
        }
        let batch = finish_columns(columns, &schema, self.batch)?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                self.said = Some(schema.clone());
                self.writer.insert(context.create_table("table", &schema)?)
            }
        };
        self.batch = 0;
        writer.write(&batch)?;
        // What a later batch shows is not what was said: the rest is looked at, so that the next pass says it.
        if more && self.said.as_ref().is_some_and(|said| **said != *self.schema()) {
            self.look_on();
        }
        Ok(())
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
        if (column.kind != Kind::Text || self.mode == Mode::Look) && column.missing.has(field) {
            self.nothing(place);
            return Ok(());
        }
        let text = std::str::from_utf8(field)
            .map_err(|error| invalid_input(not_utf8(error.valid_up_to())).column(name))?;
        let Some(kind) = column.kind_of(field) else { return Err(refusal(column, text)) };
        if self.mode == Mode::Look {
            let column = &mut self.columns[place];
            column.written.see(Kind::of(field), field);
            let kind = column.join(kind);
            return self.widen(place, kind, field);
        }
        let kind = column.join(kind);
        self.widen(place, kind, field)?;
        if self.mode == Mode::Look {
            // It was this field that changed the mode.
            self.columns[place].written.see(Kind::of(field), field);
            return Ok(());
        }
        let column = &mut self.columns[place];
        if let Growing::Text(_) = column.growing {
            return column.growing.push_text(text).map_err(|failure| failure.column(&column.name));
        }
        if column.push(field, true) {
            return Ok(());
        }
        Err(internal(format!("`{text}` does not fit into the column that was widened for it")))
    }

    fn widen(&mut self, place: usize, kind: Kind, field: &[u8]) -> Result<(), Failure> {
        let (mode, written) = (self.mode, self.writer.is_some());
        let column = &mut self.columns[place];
        remember(column, kind, field);
        if column.kind == kind || column.is_fixed() {
            return Ok(());
        }
        // Missing values may have been written as a column of numbers.
        let as_it_is = column.kind.data_type() == kind.data_type();
        let in_place = as_it_is || !written && column.kind.widens_to(kind);
        if mode == Mode::Look {
            column.kind = kind;
        } else if in_place {
            column.become_kind(kind)?;
        } else {
            column.kind = kind;
            self.look_on();
        }
        Ok(())
    }
}

fn is_long(column: &Column) -> bool {
    matches!(&column.growing, Growing::Text(column) if column.values_slice().len() > BATCH_TEXT)
}

/// Keeps an example of what makes a column of numbers one of text.
fn remember(column: &mut Column, kind: Kind, field: &[u8]) {
    let [text, fraction] = &mut column.why;
    let short = || Some(String::from_utf8_lossy(field).trim().chars().take(40).collect());
    // What loses most is shown.
    let rank = |kind: Kind| match kind {
        Kind::Code => 3,
        Kind::Big | Kind::Huge => 2,
        Kind::Long => 1,
        _ => 0,
    };
    let own = Kind::of(field);
    let known = text.as_ref().map_or(0, |text| rank(Kind::of(text.as_bytes())));
    if kind.is_number() && rank(own) > known {
        *text = short();
    }
    if own == Kind::Float && fraction.is_none() && parse_float(field.trim_ascii()).is_some_and(f64::is_finite)
    {
        *fraction = short();
    }
}

/// Says what the column's values would have become.
fn warn_of(context: &Context, column: &Column) {
    let (name, [text, fraction]) = (&column.name, &column.why);
    let (text, fraction) = (text.as_deref().unwrap_or_default(), fraction.as_deref().unwrap_or_default());
    let kept = |why: String, kind: &str, what: &str| {
        context.warn(format!(
            "column `{name}` is kept as text: {why}; set `types: {{ {name}: {kind} }}` if it holds {what}"
        ));
    };
    match column.kind {
        _ if column.is_fixed() => {}
        Kind::Code => {
            kept(format!("as a number `{text}` would lose its leading zero"), "int", "numbers");
        }
        Kind::Huge | Kind::Big => kept(
            format!(
                "`{text}` does not fit into a 64-bit integer, and would lose digits as a floating-point number"
            ),
            "float",
            "quantities, of which about 16 digits count",
        ),
        Kind::Digits => kept(
            format!(
                "beside numbers such as `{fraction}`, `{text}` would lose something as a floating-point number"
            ),
            "float",
            "quantities, of which about 16 digits count",
        ),
        _ => {}
    }
    if let Some(time) = column.written.cut().filter(|_| matches!(column.growing, Growing::Time(_))) {
        context.warn(format!("column `{name}` has times finer than a microsecond, such as `{time}`: they are cut to microseconds"));
    }
}

fn refusal(column: &Column, text: &str) -> Failure {
    let short: String = text.chars().take(40).collect();
    let kind = column.kind.name();
    let message = match column.rule {
        Rule::Number => format!("`{short}` is not a number, which the model in `like` takes here"),
        Rule::Like(_) => {
            format!("`{short}` is not {kind}, as the column of `like` holds; `types` can say otherwise")
        }
        Rule::Free | Rule::Type(_) => format!("`{short}` is not {kind}"),
    };
    invalid_input(message).column(&column.name)
}

/// Where in a field the text breaks off.
fn not_utf8(place: usize) -> String {
    format!("byte {} of the field is not UTF-8 text; save the file as UTF-8", place + 1)
}
