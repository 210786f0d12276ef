//! Parquet into a table.

use std::io::Read as _;

use bytes::Bytes;
use millstream_sdk::{
    Context, Failure, TableWriter,
    arrow_array::RecordBatch,
    arrow_schema::{Field, Schema, SchemaRef},
    failure::missing_column,
    internal, invalid_input,
    suspect::suspect,
    table::{BATCH_ROWS, canonical_type, conform},
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    basic::Compression,
    errors::ParquetError,
    file::metadata::ParquetMetaData,
};

use crate::{
    params::Params,
    source::{CHANNEL, Source, unreadable},
};

/// Reads parts one after another.
pub struct Reader<'a> {
    context: &'a Context,
    params: &'a Params,
    /// The table's columns, by the first part.
    schema: Option<SchemaRef>,
    writer: Option<TableWriter>,
    rows: u64,
}

impl<'a> Reader<'a> {
    /// Without any part so far.
    pub fn new(context: &'a Context, params: &'a Params) -> Self {
        Self { context, params, schema: None, writer: None, rows: 0 }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends a part's rows. The whole file is held while it is read: its index is at its end.
    pub fn read(&mut self, source: &Source) -> Result<(), Failure> {
        let limit = self.params.limit.map_or(u64::MAX, |limit| limit - self.rows);
        let mut part = self.context.open(CHANNEL, source.index)?;
        let mut bytes = Vec::with_capacity(part.size() as usize);
        part.read_to_end(&mut bytes).map_err(unreadable)?;
        // The library checks most of what it reads, but not all of it.
        let _suspicion = suspect(format!(
            "the Parquet file `{}` is damaged, and its reader gave up: write the file anew",
            source.name
        ));
        // An Arrow schema in the file could only bring types that are cast back to the few that we have.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(bytes), options)
            .map_err(damaged)?;
        let theirs = builder.schema().clone();
        let schema = self.columns(&theirs)?;
        readable(builder.metadata(), &schema)?;
        let kept =
            theirs.fields().iter().enumerate().filter(|(_, field)| schema.index_of(field.name()).is_ok());
        let mask = ProjectionMask::roots(builder.parquet_schema(), kept.map(|(place, _)| place));
        let rows = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .with_offset(usize::try_from(self.params.skip_rows).unwrap_or(usize::MAX))
            .with_limit(usize::try_from(limit).unwrap_or(usize::MAX))
            .build()
            .map_err(damaged)?;
        for batch in rows {
            let batch =
                batch.map_err(|error| invalid_input(format!("the Parquet file is damaged: {error}")))?;
            self.write(&conform(&batch, &schema)?)?;
        }
        Ok(())
    }

    /// Makes the table the output.
    pub fn finish(self) -> Result<SchemaRef, Failure> {
        match (self.writer, self.schema) {
            (Some(writer), Some(schema)) => {
                writer.finish()?;
                Ok(schema)
            }
            _ => Err(invalid_input("the files have no rows").channel(CHANNEL)),
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(self.context.create_table("table", &batch.schema())?),
        };
        self.rows += batch.num_rows() as u64;
        writer.write(batch)
    }

    /// The table's columns: the listed ones or all, in the types that the user wants or that come nearest.
    fn columns(&mut self, theirs: &Schema) -> Result<SchemaRef, Failure> {
        let names: Vec<&str> = theirs.fields().iter().map(|field| field.name().as_str()).collect();
        if let Some(twice) = (1..names.len()).find(|&place| names[..place].contains(&names[place])) {
            return Err(invalid_input("two columns have this name; rename one").column(names[twice]));
        }
        let wanted: Vec<&str> = match &self.params.columns {
            Some(columns) => columns.iter().map(String::as_str).collect(),
            None => names.clone(),
        };
        let fields = wanted.into_iter().map(|name| {
            let field =
                theirs.field_with_name(name).map_err(|_| missing_column(name, names.iter().copied()))?;
            let kind = match self.params.types.get(name) {
                Some(kind) => Some(kind.kind().data_type()),
                None => canonical_type(field.data_type()),
            };
            let kind = kind.ok_or_else(|| {
                let theirs = field.data_type();
                invalid_input(format!(
                    "columns of type {theirs} are not supported; flatten it, or leave it out with `columns`"
                ))
                .column(name)
            })?;
            Ok(Field::new(name, kind, true))
        });
        let schema = SchemaRef::new(Schema::new(fields.collect::<Result<Vec<_>, Failure>>()?));
        match &self.schema {
            Some(first) if *first != schema => {
                Err(invalid_input("its columns differ in name, order or type from those of the first file"))
            }
            Some(first) => Ok(first.clone()),
            None => Ok(self.schema.insert(schema).clone()),
        }
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
