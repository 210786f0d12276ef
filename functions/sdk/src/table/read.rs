//! Tables from parts.

use std::{collections::VecDeque, io::Cursor, ops::Range, sync::Arc};

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};

use super::{Table, concat, finish_columns, ipc::Stream, new_columns};
use crate::{Failure, failure::invalid_input, part::PartReader};

/// The rows of a channel as record batches, read as they are asked for. Columns are cast to the types that travel
/// between steps (see [`canonical_type`]). Parts must agree on their columns.
pub struct Batches {
    channel: String,
    schema: SchemaRef,
    waiting: VecDeque<PartReader>,
    open: Option<Open>,
    /// Rows that were read of this table, the skipped ones included.
    row: u64,
    /// The rows that are wanted.
    wanted: Range<u64>,
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
        let schema = open.stream.schema().clone();
        let channel = channel.to_owned();
        Ok(Self { channel, schema, waiting, open: Some(open), row: 0, wanted: 0..u64::MAX })
    }

    /// Only these rows of the table, counted from 0 over all parts.
    pub fn rows(self, wanted: Range<u64>) -> Self {
        Self { wanted, ..self }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// How many rows there are, wanted or not. Reads all that is left.
    pub fn count_rows(self) -> Result<u64, Failure> {
        let mut batches = self.rows(0..u64::MAX);
        batches.try_fold(0, |rows, batch| Ok(rows + batch?.num_rows() as u64))
    }

    /// All wanted rows as one table. Beside it, one batch at a time is held.
    pub fn concat(mut self) -> Result<Table, Failure> {
        let Some(first) = self.next().transpose()? else {
            return Ok(Table::new(&self.channel, RecordBatch::new_empty(self.schema.clone())));
        };
        let Some(second) = self.next().transpose()? else {
            return Ok(Table::new(&self.channel, first));
        };
        // Room for as many rows as the bytes that are left will likely hold, so that columns are not moved as they grow.
        let room = self.rows_left(&first) + first.num_rows() + second.num_rows();
        let mut columns = new_columns(&self.schema, room)?;
        let mut rows = 0;
        let mut next = [first, second].into_iter();
        while let Some(batch) = next.next().map(Ok).or_else(|| self.next()).transpose()? {
            rows += batch.num_rows();
            for ((column, array), field) in columns.iter_mut().zip(batch.columns()).zip(self.schema.fields())
            {
                let place = |failure: Failure| failure.column(field.name()).channel(&self.channel);
                column.push_array(array).map_err(place)?;
            }
        }
        let batch = finish_columns(columns, &self.schema, rows)?;
        Ok(Table::new(&self.channel, batch))
    }

    fn rows_left(&self, sample: &RecordBatch) -> usize {
        let open = self.open.as_ref().map_or(0, |open| open.stream.source().size());
        let bytes: u64 = open + self.waiting.iter().map(PartReader::size).sum::<u64>();
        let row = (sample.get_array_memory_size() / sample.num_rows().max(1)).max(1) as u64;
        (bytes / row).min(self.wanted.end - self.wanted.start) as usize
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        while self.row < self.wanted.end {
            let Some(open) = &mut self.open else {
                let Some(part) = self.waiting.pop_front() else { return Ok(None) };
                let open = Open::new(part)?;
                same_columns(&self.schema, open.stream.schema())
                    .map_err(|failure| failure.part(&open.part))?;
                self.open = Some(open);
                continue;
            };
            let batch = open.stream.read().map_err(|failure| failure.part(&open.part))?;
            let Some(batch) = batch else {
                self.open = None;
                continue;
            };
            let (start, end) = (self.row, self.row + batch.num_rows() as u64);
            self.row = end;
            let (from, to) = (self.wanted.start.clamp(start, end), self.wanted.end.clamp(start, end));
            if from < to {
                return Ok(Some(batch.slice((from - start) as usize, (to - from) as usize)));
            }
        }
        Ok(None)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|failure| failure.channel(&self.channel)).transpose()
    }
}

/// A table from the bytes of an Arrow IPC stream, cast to the types that travel between steps.
pub fn from_ipc(bytes: &[u8]) -> Result<RecordBatch, Failure> {
    let mut stream = Stream::new(Cursor::new(bytes), bytes.len() as u64)?;
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
        if a != b {
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
