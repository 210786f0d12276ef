//! Writes rows in the format that was asked for.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use millstream_sdk::{
    Context, Failure, PartWriter, TableWriter, internal,
    predict::{write_csv, write_json_lines},
    table::with_words,
};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::properties::{EnabledStatistics, WriterProperties},
};

use crate::params::Format;

/// Rows of a row group: what Parquet holds back in memory.
const GROUP_ROWS: usize = 65_536;

/// An output that takes batches of rows.
pub enum Sink {
    Csv { part: PartWriter, header: bool },
    JsonLines(PartWriter),
    Arrow(Box<TableWriter>),
    Parquet { part: PartWriter, writer: Box<ArrowWriter<Pipe>>, pipe: Pipe },
}

impl Sink {
    /// A new part of the output `predictions` for rows of that schema.
    pub fn create(
        context: &Context,
        format: Format,
        header: bool,
        schema: &SchemaRef,
    ) -> Result<Self, Failure> {
        let part = |extension, media_type| {
            context.create("predictions", &format!("predictions.{extension}"), media_type)
        };
        Ok(match format {
            Format::Csv => Self::Csv { part: part("csv", "text/csv")?, header },
            Format::JsonLines => Self::JsonLines(part("jsonl", "application/x-ndjson")?),
            Format::Arrow => Self::Arrow(Box::new(context.create_table("predictions", schema)?)),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .set_statistics_enabled(EnabledStatistics::Chunk)
                    .set_created_by(
                        concat!("millstream batch-predict ", env!("CARGO_PKG_VERSION")).to_owned(),
                    )
                    .build();
                let pipe = Pipe::default();
                let writer = ArrowWriter::try_new(pipe.clone(), schema.clone(), Some(properties))
                    .map_err(unwritten)?;
                let part = part("parquet", "application/vnd.apache.parquet")?;
                Self::Parquet { part, writer: Box::new(writer), pipe }
            }
        })
    }

    /// Adds rows.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), Failure> {
        match self {
            // The header is written once, and by a table without rows too.
            // Included columns stand as in the file that they were read from.
            Self::Csv { part, header } => write_csv(part, &with_words(rows)?, mem::take(header)),
            Self::JsonLines(part) => write_json_lines(part, rows),
            Self::Arrow(table) => table.write(rows),
            Self::Parquet { part, writer, pipe } => {
                writer.write(rows).map_err(unwritten)?;
                pipe.drain(part)
            }
        }
    }

    /// Makes the part part of the output.
    pub fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Csv { part, .. } | Self::JsonLines(part) => part.finish(),
            Self::Arrow(table) => table.finish(),
            Self::Parquet { mut part, writer, pipe } => {
                writer.close().map_err(unwritten)?;
                pipe.drain(&mut part)?;
                part.finish()
            }
        }
    }
}

fn unwritten(error: parquet::errors::ParquetError) -> Failure {
    internal(format!("the predictions cannot be written as Parquet: {error}"))
}

/// What Parquet's writer writes to: it wants one that may go to another thread, which a part can't.
#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn drain(&self, part: &mut PartWriter) -> Result<(), Failure> {
        let bytes = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        part.write_all(&bytes).map_err(|error| Failure::from_io(error, internal))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
