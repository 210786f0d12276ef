//! Parquet into a table.

mod columns;
mod values;

use std::io::{Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use millstream_sdk::{
    Context, Failure, TableWriter,
    arrow_array::RecordBatch,
    arrow_schema::{Schema, SchemaRef, TimeUnit},
    internal, invalid_input,
    suspect::{Suspicion, suspect},
    table::BATCH_ROWS,
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    basic::Compression,
    errors::ParquetError,
    file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader},
};

use crate::{
    like::Like,
    params::Params,
    parquet::{
        columns::{Column, plan, read_as, with_unit},
        values::{Losses, convert, not_wrapped},
    },
    source::{CHANNEL, Source, unreadable},
};

/// Bytes at the end of a file that say how long its metadata are.
const TAIL: u64 = 8;

/// Reads the files into the table. Returns its rows and columns.
pub fn read(
    context: &Context,
    params: &Params,
    like: Option<&Like>,
    sources: &[Source],
) -> Result<(u64, SchemaRef), Failure> {
    let mut files = Vec::with_capacity(sources.len());
    let mut wide = Vec::with_capacity(sources.len());
    for source in sources {
        let (file, columns) = open(context, source).map_err(|failure| source.place(failure))?;
        files.push((source, file));
        wide.push(columns);
    }
    let columns = plan(context, params, like, &files)?;
    let schema = Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>());
    let mut reader = Reader {
        context,
        params,
        schema: schema.into(),
        columns,
        writer: None,
        rows: 0,
        losses: Losses::default(),
    };
    for (done, ((source, file), wide)) in files.iter().zip(&wide).enumerate() {
        reader.read(source, file, wide).map_err(|failure| source.place(failure))?;
        context.progress(done as u64 + 1, Some(sources.len() as u64));
    }
    reader.finish()
}

/// The library checks most of what it reads, but not all of it.
fn suspicion(source: &Source) -> Suspicion {
    suspect(format!(
        "the Parquet file `{}` is damaged, and its reader gave up: write the file anew",
        source.name
    ))
}

/// What a file says of itself, from its end, and its columns of times of 96 bits.
fn open(context: &Context, source: &Source) -> Result<(ArrowReaderMetadata, Vec<String>), Failure> {
    let _suspicion = suspicion(source);
    let mut part = context.open(CHANNEL, source.index)?;
    let size = part.size();
    let unsound = |what: &str| invalid_input(format!("not a sound Parquet file: {what}"));
    let start = size.checked_sub(TAIL).ok_or_else(|| unsound("it is too short"))?;
    let mut tail = [0; TAIL as usize];
    part.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    part.read_exact(&mut tail).map_err(unreadable)?;
    let tail = FooterTail::try_new(&tail).map_err(damaged)?;
    if tail.is_encrypted_footer() {
        return Err(invalid_input("the Parquet file is encrypted; write it without encryption"));
    }
    let length = tail.metadata_length();
    let start =
        start.checked_sub(length as u64).ok_or_else(|| unsound("its metadata are longer than the file"))?;
    let mut metadata = vec![0; length];
    part.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    part.read_exact(&mut metadata).map_err(unreadable)?;
    let metadata = ParquetMetaDataReader::decode_metadata(&metadata).map_err(damaged)?;
    read_as(metadata).map_err(damaged)
}

/// Reads files one after another.
struct Reader<'a> {
    context: &'a Context,
    params: &'a Params,
    schema: SchemaRef,
    columns: Vec<Column>,
    writer: Option<TableWriter>,
    rows: u64,
    losses: Losses,
}

impl Reader<'_> {
    /// Appends a file's rows. The whole file is held while it is read: its index is at its end.
    fn read(&mut self, source: &Source, file: &ArrowReaderMetadata, wide: &[String]) -> Result<(), Failure> {
        let mut part = self.context.open(CHANNEL, source.index)?;
        let mut bytes = Vec::with_capacity(part.size() as usize);
        part.read_to_end(&mut bytes).map_err(unreadable)?;
        let bytes = Bytes::from(bytes);
        let _suspicion = suspicion(source);
        readable(file.metadata(), &self.schema)?;
        let limit = self.params.limit.map_or(u64::MAX, |limit| limit - self.rows);
        let names: Vec<&str> = self.columns.iter().map(|column| column.field.name().as_str()).collect();
        let batches = self.rows_of(bytes.clone(), file.clone(), &names, limit)?;
        // Where there are times that may wrap around, they are read a second time.
        let wide: Vec<&str> = wide.iter().map(String::as_str).filter(|name| names.contains(name)).collect();
        let mut check = match wide.is_empty() {
            true => None,
            false => {
                let owned: Vec<String> = wide.iter().map(|name| (*name).to_owned()).collect();
                let file = with_unit(file, &owned, TimeUnit::Second).map_err(damaged)?;
                Some(self.rows_of(bytes, file, &wide, limit)?)
            }
        };
        let mut before = self.params.skip_rows;
        let broken = |error| invalid_input(format!("the Parquet file is damaged: {error}"));
        for batch in batches {
            let batch = batch.map_err(broken)?;
            if let Some(seconds) = check.as_mut().and_then(Iterator::next) {
                let seconds = seconds.map_err(broken)?;
                for name in &wide {
                    let both = batch.column_by_name(name).zip(seconds.column_by_name(name));
                    let (micros, seconds) = both.ok_or_else(|| internal("a column was lost"))?;
                    not_wrapped(micros, seconds).map_err(|failure| failure.column(*name).after(before))?;
                }
            }
            self.write(&batch).map_err(|failure| failure.after(before))?;
            before += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// The rows of a file's columns, at most `limit` of them.
    fn rows_of(
        &self,
        bytes: Bytes,
        file: ArrowReaderMetadata,
        columns: &[&str],
        limit: u64,
    ) -> Result<ParquetRecordBatchReader, Failure> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, file);
        let fields = builder.schema().fields().iter().enumerate();
        let kept = fields.filter(|(_, field)| columns.contains(&field.name().as_str()));
        let mask =
            ProjectionMask::roots(builder.parquet_schema(), kept.map(|(place, _)| place).collect::<Vec<_>>());
        builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .with_offset(usize::try_from(self.params.skip_rows).unwrap_or(usize::MAX))
            .with_limit(usize::try_from(limit).unwrap_or(usize::MAX))
            .build()
            .map_err(damaged)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let theirs = batch.schema();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let place = theirs.index_of(column.field.name()).map_err(|error| internal(error.to_string()))?;
            arrays.push(convert(batch.column(place), theirs.field(place), column, &mut self.losses)?);
        }
        let made =
            RecordBatch::try_new(self.schema.clone(), arrays).map_err(|error| internal(error.to_string()))?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(self.context.create_table("table", &self.schema)?),
        };
        self.rows += made.num_rows() as u64;
        writer.write(&made)
    }

    /// Makes the table the output.
    fn finish(self) -> Result<(u64, SchemaRef), Failure> {
        self.losses.lines().for_each(|line| self.context.warn(line));
        let writer = self.writer.ok_or_else(|| invalid_input("the files have no rows").channel(CHANNEL))?;
        writer.finish()?;
        Ok((self.rows, self.schema))
    }
}

/// Refuses codecs that this function is built without and places that are none, before anything is read.
fn readable(metadata: &ParquetMetaData, wanted: &Schema) -> Result<(), Failure> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let places = [
            column.dictionary_page_offset().unwrap_or(0),
            column.data_page_offset(),
            column.compressed_size(),
        ];
        if places.iter().any(|place| *place < 0) {
            return Err(invalid_input("not a sound Parquet file: a column begins or ends before the file"));
        }
        let name = column.column_path().parts().first().map_or("", String::as_str);
        let codec = match column.compression() {
            Compression::ZSTD(_) => "Zstandard",
            Compression::BROTLI(_) => "Brotli",
            Compression::LZO => "LZO",
            _ => continue,
        };
        if wanted.index_of(name).is_ok() {
            return Err(invalid_input(format!(
                "the column is compressed with {codec}, which cannot be read here; write the file with Snappy, gzip or \
                 LZ4, in pandas: `df.to_parquet(path, compression=\"snappy\")`"
            ))
            .column(name));
        }
    }
    Ok(())
}

fn damaged(error: ParquetError) -> Failure {
    match error {
        ParquetError::ArrowError(message) => internal(message),
        other => invalid_input(format!("not a sound Parquet file: {other}")),
    }
}
