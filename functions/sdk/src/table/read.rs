//! Tables from parts.

use std::{
    collections::VecDeque,
    io::{Seek as _, SeekFrom},
    ops::Range,
    sync::Arc,
};

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};

use super::{
    Table, Texts, batch_of, concat, finish_columns,
    ipc::{Head, Memory, Origin, Stream},
    new_columns,
};
use crate::{
    Failure, Pipeline,
    failure::{internal, invalid_input},
    missing,
    part::PartReader,
};

/// The rows of a channel as record batches, read as they are asked for. Columns are cast to the types that travel
/// between steps (see [`canonical_type`]). Parts must agree on their columns.
pub struct Batches {
    channel: String,
    schema: SchemaRef,
    pandas_index: Vec<String>,
    waiting: VecDeque<PartReader>,
    open: Option<Open>,
    /// Rows that were read of this table, the skipped ones included.
    row: u64,
    /// The rows that are wanted.
    wanted: Range<u64>,
    through: Option<Through>,
}

/// Fitted stages that rows go through before anybody sees them.
struct Through {
    pipeline: Pipeline,
    /// Columns that are wanted: those that the stages give, and of the others those that the rows had.
    wanted: Vec<String>,
    schema: SchemaRef,
}

struct Open {
    part: String,
    stream: Stream<PartReader>,
}

impl Open {
    fn new(part: PartReader) -> Result<Self, Failure> {
        let (name, size) = (part.name().to_owned(), part.size());
        let stream = Stream::new(part, size).map_err(|failure| failure.part(&name))?;
        Ok(Self { part: name, stream })
    }
}

impl Batches {
    pub(crate) fn new(channel: &str, parts: Vec<PartReader>) -> Result<Self, Failure> {
        let mut waiting: VecDeque<_> = parts.into();
        let first =
            waiting.pop_front().ok_or_else(|| invalid_input("no table was given").channel(channel))?;
        let place = |failure: Failure| failure.channel(channel);
        let open = Open::new(first).map_err(place)?;
        let mut schema = open.stream.schema().clone();
        let mut pandas_index = open.stream.pandas_index().to_vec();
        for part in &mut waiting {
            let Open { part: name, stream } = Open::new(part.take()).map_err(place)?;
            let at = |failure: Failure| place(failure.part(&name));
            same_columns(&schema, stream.schema()).map_err(at)?;
            schema = said_of_both(&schema, stream.schema());
            pandas_index.extend(stream.pandas_index().iter().cloned());
            // What is held of it goes: there may be thousands of parts.
            *part = stream.into_origin();
            part.seek(SeekFrom::End(0))
                .and_then(|_| part.seek(SeekFrom::Start(0)))
                .map_err(|error| at(Failure::from_io(error, internal)))?;
        }
        let channel = channel.to_owned();
        Ok(Self {
            channel,
            schema,
            pandas_index,
            waiting,
            open: Some(open),
            row: 0,
            wanted: 0..u64::MAX,
            through: None,
        })
    }

    /// The same rows behind `pipeline`, with the columns of `wanted` that it gives or that the rows have.
    pub(crate) fn through(self, pipeline: Pipeline, wanted: &Schema) -> Result<Self, Failure> {
        let wanted = wanted.fields().iter().map(|field| field.name().clone()).collect();
        let mut through = Through { pipeline, wanted, schema: self.schema.clone() };
        through.schema = through.apply(&RecordBatch::new_empty(self.schema.clone()))?.schema();
        Ok(Self { through: Some(through), ..self })
    }

    /// Only these rows of the table, counted from 0 over all parts.
    pub fn rows(self, wanted: Range<u64>) -> Self {
        Self { wanted, ..self }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.through.as_ref().map_or(&self.schema, |through| &through.schema).clone()
    }

    /// The columns that pandas, which wrote a part, says are the index of its table. They are columns like any other here.
    pub(crate) fn pandas_index(&self) -> impl Iterator<Item = &str> {
        let here = |name: &&String| self.schema.column_with_name(name).is_some();
        self.pandas_index.iter().filter(here).map(String::as_str)
    }

    /// How many rows there are, wanted or not. Reads all that is left.
    pub fn count_rows(self) -> Result<u64, Failure> {
        let mut batches = Self { through: None, ..self.rows(0..u64::MAX) };
        batches.try_fold(0, |rows, batch| Ok(rows + batch?.num_rows() as u64))
    }

    /// All wanted rows as one table. Beside it, one column of one batch at a time is held.
    pub fn concat(mut self) -> Result<Table, Failure> {
        let batch = self.gather().map_err(|failure| failure.channel(&self.channel))?;
        Ok(Table::new(&self.channel, batch))
    }

    fn gather(&mut self) -> Result<RecordBatch, Failure> {
        let schema = self.schema();
        if self.through.is_some() {
            let mut batches = Vec::new();
            while let Some(batch) = self.read()? {
                batches.push(batch);
            }
            return concat(&schema, &batches);
        }
        let most = self.wanted.end - self.wanted.start;
        let mut columns = Vec::new();
        let mut rows = 0;
        loop {
            let waiting = self.waiting.iter().map(PartReader::size).sum::<u64>();
            let found = self.next_of_parts(|stream, wanted| {
                let head = stream.read_columns(|head, place, array| {
                    if columns.is_empty() {
                        let room = room(&head, waiting, schema.fields().len()).min(most);
                        reserve(with_slack(&head, room));
                        columns = new_columns(&schema, room as usize)?;
                    }
                    let wanted = wanted.of(head.rows);
                    columns[place].push_array(&array.slice(wanted.start, wanted.len()))
                })?;
                Ok(head.map(|head| (head.rows, ())))
            })?;
            match found {
                Some((wanted, ())) => rows += wanted.len(),
                None => break,
            }
        }
        if columns.is_empty() {
            columns = new_columns(&schema, 0)?;
        }
        finish_columns(columns, &schema, rows)
    }

    /// Asks the parts, one after another, for batches until one has rows that are wanted: which of its rows they are, and
    /// what `ask` made of it. `ask` says how many rows a batch had.
    fn next_of_parts<T>(
        &mut self,
        mut ask: impl FnMut(&mut Stream<PartReader>, Wanted) -> Result<Option<(usize, T)>, Failure>,
    ) -> Result<Option<(Range<usize>, T)>, Failure> {
        while self.row < self.wanted.end {
            let Some(open) = &mut self.open else {
                let Some(part) = self.waiting.pop_front() else { return Ok(None) };
                self.open = Some(Open::new(part)?);
                continue;
            };
            let wanted = Wanted { row: self.row, start: self.wanted.start, end: self.wanted.end };
            let batch = ask(&mut open.stream, wanted).map_err(|failure| failure.part(&open.part))?;
            let Some((rows, made)) = batch else {
                self.open = None;
                continue;
            };
            self.row += rows as u64;
            let wanted = wanted.of(rows);
            if !wanted.is_empty() {
                return Ok(Some((wanted, made)));
            }
        }
        Ok(None)
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let found =
            self.next_of_parts(|stream, _| Ok(stream.read()?.map(|batch| (batch.num_rows(), batch))))?;
        let Some((wanted, batch)) = found else { return Ok(None) };
        // Rows before the batch's first one that is wanted.
        let before = self.row - (batch.num_rows() - wanted.start) as u64;
        let batch = batch.slice(wanted.start, wanted.len());
        if let Some(through) = &self.through {
            return through.apply(&batch).map(Some).map_err(|failure| failure.after(before));
        }
        if batch.schema() == self.schema {
            return Ok(Some(batch));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), batch.columns().to_vec(), &options)
            .map(Some)
            .map_err(|error| internal(error.to_string()))
    }
}

impl Through {
    fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let given = self.pipeline.predict(rows)?;
        let mut columns = Vec::with_capacity(self.wanted.len());
        for name in &self.wanted {
            if let Some(column) = given.column_by_name(name).or_else(|| rows.column_by_name(name)) {
                columns.push((name.as_str(), column.clone()));
            }
        }
        batch_of(columns)
    }
}

/// The rows that are wanted of a table, seen from a batch that begins at `row`.
#[derive(Clone, Copy)]
struct Wanted {
    row: u64,
    start: u64,
    end: u64,
}

impl Wanted {
    /// Those of a batch of so many rows.
    fn of(self, rows: usize) -> Range<usize> {
        let within = |bound: u64| bound.clamp(self.row, self.row + rows as u64) - self.row;
        within(self.start) as usize..within(self.end) as usize
    }
}

/// What so many rows take, if they are like those of a batch, and something for what is made of them.
pub(super) fn with_slack(first: &Head, rows: u64) -> u64 {
    /// Some columns and blocks.
    const MOST: u128 = 4 << 20;
    let bytes = u128::from(first.bytes) * u128::from(rows) / first.rows.max(1) as u128;
    u64::try_from(bytes + (bytes / 4).min(MOST)).unwrap_or(u64::MAX)
}

/// Asks for memory in one piece before it is needed in small ones: what grows at once gets the system's large pages.
pub(super) fn reserve(bytes: u64) {
    let mut piece = Vec::<u8>::new();
    // Where there is not as much, whoever needs it will find out.
    let _ = usize::try_from(bytes).map(|bytes| piece.try_reserve_exact(bytes));
    std::hint::black_box(piece);
}

/// As many rows as the bytes of a batch and those behind it likely hold, so that columns are not moved as they grow. No
/// more than there are bytes for, whatever the batch says of itself.
fn room(first: &Head, waiting: u64, columns: usize) -> u64 {
    let bytes = first.bytes + first.left + waiting;
    let rows = first.rows as u128 * u128::from(bytes) / u128::from(first.bytes.max(1));
    rows.min(u128::from(bytes) / columns.max(1) as u128) as u64
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|failure| failure.channel(&self.channel)).transpose()
    }
}

/// A table from the bytes of an Arrow IPC stream, cast to the types that travel between steps.
///
/// Columns of a single batch that need no cast stay where they are, in the memory of `bytes`.
pub fn from_ipc(bytes: Vec<u8>) -> Result<RecordBatch, Failure> {
    let size = bytes.len() as u64;
    all_of(Stream::new(Memory::new(bytes), size)?)
}

/// The same, with columns in memory of their own.
pub fn copy_ipc(bytes: &[u8]) -> Result<RecordBatch, Failure> {
    all_of(Stream::new(bytes, bytes.len() as u64)?)
}

fn all_of<R: Origin>(mut stream: Stream<R>) -> Result<RecordBatch, Failure> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.read()? {
        batches.push(batch);
    }
    concat(stream.schema(), &batches)
}

fn same_columns(first: &Schema, other: &Schema) -> Result<(), Failure> {
    let describe = |field: Option<&Arc<Field>>| match field {
        Some(field) => format!("`{}` ({})", field.name(), field.data_type()),
        None => "nothing".to_owned(),
    };
    for index in 0..first.fields().len().max(other.fields().len()) {
        let (a, b) = (first.fields().get(index), other.fields().get(index));
        let same = |a: &Arc<Field>, b: &Arc<Field>| a.name() == b.name() && a.data_type() == b.data_type();
        if !a.zip(b).is_some_and(|(a, b)| same(a, b)) {
            return Err(invalid_input(format!(
                "its columns differ from those of the first part: column {} is {}, not {}",
                index + 1,
                describe(b),
                describe(a)
            )));
        }
    }
    Ok(())
}

/// The columns of two parts with what both say of them.
fn said_of_both(one: &SchemaRef, other: &SchemaRef) -> SchemaRef {
    if one == other {
        return one.clone();
    }
    let fields = one.fields().iter().zip(other.fields()).map(|(one, other)| {
        let mut field = Field::new(one.name(), one.data_type().clone(), true);
        if let Some(texts) = Texts::of_both(Texts::of(one), Texts::of(other)) {
            field = texts.mark(field);
        }
        // Of two lists of missing texts the first holds; a value that only the other knew is none any more.
        let lists = [one, other].into_iter().find_map(|field| missing::Missing::of(field));
        lists.map_or(field.clone(), |lists| lists.mark(field))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
