//! Record batches out of a stream.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, cast::AsArray, types::Int64Type};
use arrow_ipc as fb;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{
    CONTINUATION,
    array::{Columns, damaged},
    body::{Origin, Source},
    schema::{self, Column},
};
use crate::{
    Failure,
    failure::invalid_input,
    table::{
        Growing, canonical_type, cast,
        read::{reserve, with_slack},
    },
};

/// Bytes that any stream may make of none, and further ones for each byte of it. What people write stays far below.
const ROOM: u64 = 32 << 20;
const EXPANSION: u64 = 512;

/// Reads a stream, its columns cast to their canonical types.
pub struct Stream<R> {
    source: Source<R>,
    /// Bytes that may still be made of none: see [`expansion`].
    room: u64,
    columns: Vec<Column>,
    schema: SchemaRef,
    pandas_index: Vec<String>,
    dictionaries: BTreeMap<i64, ArrayRef>,
}

/// What is known of a batch before its columns are read.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub rows: usize,
    /// Bytes of its columns.
    pub bytes: u64,
    /// Bytes of the stream behind it, at most.
    pub left: u64,
}

impl<R: Origin> Stream<R> {
    /// Reads the schema. `size` is how many bytes the source has.
    pub fn new(source: R, size: u64) -> Result<Self, Failure> {
        let schema = Arc::new(Schema::empty());
        let room = ROOM.saturating_add(size.saturating_mul(EXPANSION));
        let source = Source::new(source, size);
        let (columns, dictionaries) = (Vec::new(), BTreeMap::new());
        let mut stream = Self { source, room, columns, schema, pandas_index: Vec::new(), dictionaries };
        let not_a_stream = || invalid_input("these bytes are not an Arrow IPC stream");
        let metadata = stream.metadata()?.ok_or_else(not_a_stream)?;
        let message = fb::root_as_message(&metadata).map_err(|_| not_a_stream())?;
        let written = message.header_as_schema().ok_or_else(not_a_stream)?;
        stream.columns = schema::columns(written)?;
        stream.pandas_index = schema::pandas_index(written);
        let mut fields: Vec<Field> = Vec::with_capacity(stream.columns.len());
        let mut names = std::collections::BTreeSet::new();
        for Column { name, kind, metadata, .. } in &stream.columns {
            if !names.insert(name) {
                return Err(invalid_input("two columns have this name; rename one").column(name));
            }
            let refuse = || invalid_input(format!("columns of type {kind} are not supported")).column(name);
            let field = Field::new(name, canonical_type(kind).ok_or_else(refuse)?, true);
            fields.push(field.with_metadata(metadata.clone()));
        }
        stream.schema = Arc::new(Schema::new(fields));
        Ok(stream)
    }

    /// The columns, in their canonical types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns that pandas says are the index of its table.
    pub fn pandas_index(&self) -> &[String] {
        &self.pandas_index
    }

    /// Gives back what is read from, wherever it is by now.
    pub fn into_origin(self) -> R {
        self.source.into_inner()
    }

    /// The next batch.
    pub fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        let shares = self.source.shares();
        let Some(head) = self.read_columns(|head, place, array| {
            if place == 0 && !shares {
                reserve(with_slack(&head, head.rows as u64));
            }
            arrays.push(array);
            Ok(())
        })?
        else {
            return Ok(None);
        };
        let options = RecordBatchOptions::new().with_row_count(Some(head.rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map(Some)
            .map_err(|error| damaged(&error.to_string()))
    }

    /// Reads the next batch; each column, with its place, goes to `take` before the next one is read.
    pub fn read_columns(
        &mut self,
        mut take: impl FnMut(Head, usize, ArrayRef) -> Result<(), Failure>,
    ) -> Result<Option<Head>, Failure> {
        while let Some(metadata) = self.metadata()? {
            let message = fb::root_as_message(&metadata).map_err(|_| damaged("a message is unsound"))?;
            if let Some(batch) = message.header_as_record_batch() {
                return self.batch(batch, message.bodyLength(), &mut take).map(Some);
            }
            let dictionary =
                message.header_as_dictionary_batch().ok_or_else(|| damaged("a message is out of place"))?;
            self.dictionary(dictionary, message.bodyLength())?;
        }
        Ok(None)
    }

    /// The next message without its body; `None` at the end of the stream.
    fn metadata(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut word = [0; 4];
        if self.source.fill(&mut word)? == 0 {
            return Ok(None);
        }
        if word == CONTINUATION {
            self.source.fill_all(&mut word)?;
        }
        let length = u32::from_le_bytes(word);
        if length == 0 {
            return Ok(None);
        }
        if u64::from(length) > self.source.left() {
            return Err(damaged("it breaks off inside a message"));
        }
        let mut metadata = vec![0; length as usize];
        self.source.fill_all(&mut metadata)?;
        Ok(Some(metadata))
    }

    fn batch(
        &mut self,
        batch: fb::RecordBatch<'_>,
        length: i64,
        take: &mut impl FnMut(Head, usize, ArrayRef) -> Result<(), Failure>,
    ) -> Result<Head, Failure> {
        let Self { source, room, columns, schema, dictionaries, .. } = self;
        let all = source.left();
        let mut arrays = Columns::new(batch, source, length)?;
        if columns.is_empty() && arrays.rows > 0 {
            return Err(damaged("it has rows, but no column"));
        }
        let bytes = arrays.bytes_in_all() as u64;
        let head = Head { rows: arrays.rows, bytes, left: all - bytes };
        for (place, (column, field)) in columns.iter().zip(schema.fields()).enumerate() {
            let mut read = || {
                let array = match &column.dictionary {
                    None => {
                        let array = arrays.next(&column.kind)?;
                        spend(room, expansion(&array))?;
                        cast(&array, field.data_type())?
                    }
                    Some((id, places)) => {
                        look_up(dictionaries.get(id), &arrays.next(places)?, field.data_type(), room)?
                    }
                };
                take(head, place, array)
            };
            read().map_err(|failure| failure.column(&column.name))?;
        }
        arrays.finish()?;
        Ok(head)
    }

    fn dictionary(&mut self, dictionary: fb::DictionaryBatch<'_>, length: i64) -> Result<(), Failure> {
        let id = dictionary.id();
        let owner =
            self.columns.iter().find(|column| column.dictionary.as_ref().is_some_and(|(of, _)| *of == id));
        let owner = owner.ok_or_else(|| damaged("a dictionary belongs to no column"))?;
        let data = dictionary.data().ok_or_else(|| damaged("a dictionary is empty"))?;
        let kind = canonical_type(&owner.kind).ok_or_else(|| damaged("a dictionary of an unknown type"))?;
        let mut read = Columns::new(data, &mut self.source, length)?;
        let values = read.next(&owner.kind)?;
        read.finish()?;
        spend(&mut self.room, expansion(&values))?;
        let values = cast(&values, &kind)?;
        let values = match self.dictionaries.get(&id).filter(|_| dictionary.isDelta()) {
            None => values,
            Some(first) => {
                let mut all = Growing::new(&kind, first.len() + values.len())?;
                all.push_array(first)?;
                all.push_array(&values)?;
                all.finish()
            }
        };
        self.dictionaries.insert(id, values);
        Ok(())
    }
}

/// Takes from the room that is left.
fn spend(room: &mut u64, bytes: u64) -> Result<(), Failure> {
    let left = room.checked_sub(bytes);
    *room = left.ok_or_else(|| damaged("it claims far more values than so few bytes can hold"))?;
    Ok(())
}

/// What an array becomes by a cast without having taken as many bytes in the stream: missing values take none at all, and
/// views may all show the same bytes.
fn expansion(array: &ArrayRef) -> u64 {
    // A view begins with its length.
    let shown = |views: &[u128]| views.iter().map(|view| u64::from(*view as u32)).sum();
    match array.data_type() {
        DataType::Null => 8 * array.len() as u64,
        DataType::Utf8View => shown(array.as_string_view().views()),
        DataType::BinaryView => shown(array.as_binary_view().views()),
        _ => 0,
    }
}

/// The values of a dictionary that stand at these places.
fn look_up(
    dictionary: Option<&ArrayRef>,
    places: &ArrayRef,
    kind: &DataType,
    room: &mut u64,
) -> Result<ArrayRef, Failure> {
    spend(room, expansion(places))?;
    let places = cast(places, &DataType::Int64)?;
    // A column that is missing throughout may come without a dictionary.
    let empty = Growing::new(kind, 0)?.finish();
    let values = cast(dictionary.unwrap_or(&empty), kind)?;
    let texts = values.as_string_opt::<i32>();
    let mut column = Growing::new(kind, places.len())?;
    for place in places.as_primitive::<Int64Type>() {
        match place {
            None => column.push_null(),
            Some(place) => {
                let place = usize::try_from(place).ok().filter(|place| *place < values.len());
                let place = place.ok_or_else(|| damaged("a value is not in its dictionary"))?;
                if let Some(texts) = texts {
                    spend(room, texts.value_length(place) as u64)?;
                }
                column.push_row(&values, place)?;
            }
        }
    }
    Ok(column.finish())
}
