//! Record batches out of a stream.

use std::{collections::BTreeMap, io::Read, sync::Arc};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, cast::AsArray, types::Int64Type};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc as fb;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::{
    CONTINUATION,
    array::{Columns, damaged},
    schema::{self, Column},
};
use crate::{
    Failure,
    failure::invalid_input,
    table::{Growing, canonical_type, cast},
};

/// Bytes that any stream may make of none, and further ones for each byte of it. What people write stays far below.
const ROOM: u64 = 32 << 20;
const EXPANSION: u64 = 512;

/// Reads a stream, its columns cast to their canonical types.
pub struct Stream<R> {
    source: R,
    /// Bytes that are left at most: no message can be longer.
    left: u64,
    /// Bytes that may still be made of none: see [`expansion`].
    room: u64,
    columns: Vec<Column>,
    schema: SchemaRef,
    dictionaries: BTreeMap<i64, ArrayRef>,
}

impl<R: Read> Stream<R> {
    /// Reads the schema. `size` is how many bytes the source has.
    pub fn new(source: R, size: u64) -> Result<Self, Failure> {
        let schema = Arc::new(Schema::empty());
        let room = ROOM.saturating_add(size.saturating_mul(EXPANSION));
        let (columns, dictionaries) = (Vec::new(), BTreeMap::new());
        let mut stream = Self { source, left: size, room, columns, schema, dictionaries };
        let not_a_stream = || invalid_input("these bytes are not an Arrow IPC stream");
        let metadata = stream.metadata()?.ok_or_else(not_a_stream)?;
        let message = fb::root_as_message(&metadata).map_err(|_| not_a_stream())?;
        stream.columns = schema::columns(message.header_as_schema().ok_or_else(not_a_stream)?)?;
        let mut fields: Vec<Field> = Vec::with_capacity(stream.columns.len());
        let mut names = std::collections::BTreeSet::new();
        for Column { name, kind, .. } in &stream.columns {
            if !names.insert(name) {
                return Err(invalid_input("two columns have this name; rename one").column(name));
            }
            let refuse = || invalid_input(format!("columns of type {kind} are not supported")).column(name);
            fields.push(Field::new(name, canonical_type(kind).ok_or_else(refuse)?, true));
        }
        stream.schema = Arc::new(Schema::new(fields));
        Ok(stream)
    }

    /// The columns, in their canonical types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the bytes come from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The next batch.
    pub fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        while let Some(metadata) = self.metadata()? {
            let message = fb::root_as_message(&metadata).map_err(|_| damaged("a message is unsound"))?;
            let length =
                u64::try_from(message.bodyLength()).map_err(|_| damaged("a message has no length"))?;
            let body = self.body(length)?;
            if let Some(batch) = message.header_as_record_batch() {
                return self.batch(batch, &body).map(Some);
            }
            let dictionary =
                message.header_as_dictionary_batch().ok_or_else(|| damaged("a message is out of place"))?;
            self.dictionary(dictionary, &body)?;
        }
        Ok(None)
    }

    /// The next message without its body; `None` at the end of the stream.
    fn metadata(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut word = [0; 4];
        if self.fill(&mut word)? == 0 {
            return Ok(None);
        }
        if word == CONTINUATION {
            self.fill_all(&mut word)?;
        }
        let length = u32::from_le_bytes(word);
        if length == 0 {
            return Ok(None);
        }
        if u64::from(length) > self.left {
            return Err(damaged("it breaks off inside a message"));
        }
        let mut metadata = vec![0; length as usize];
        self.fill_all(&mut metadata)?;
        Ok(Some(metadata))
    }

    fn body(&mut self, length: u64) -> Result<Buffer, Failure> {
        if length > self.left {
            return Err(damaged("it breaks off inside a batch"));
        }
        let mut body = MutableBuffer::from_len_zeroed(length as usize);
        self.fill_all(body.as_slice_mut())?;
        Ok(body.into())
    }

    fn fill_all(&mut self, bytes: &mut [u8]) -> Result<(), Failure> {
        if self.fill(bytes)? < bytes.len() {
            return Err(damaged("it breaks off"));
        }
        Ok(())
    }

    /// Fills `bytes` as far as the source goes.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, Failure> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.source.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => return Err(Failure::from_io(error, |message| damaged(&message))),
            }
        }
        self.left = self.left.saturating_sub(filled as u64);
        Ok(filled)
    }

    fn batch(&mut self, batch: fb::RecordBatch<'_>, body: &Buffer) -> Result<RecordBatch, Failure> {
        let mut columns = Columns::new(batch, body)?;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            let mut read = || match &column.dictionary {
                None => {
                    let array = columns.next(&column.kind)?;
                    take(&mut self.room, expansion(&array))?;
                    cast(&array, field.data_type())
                }
                Some((id, places)) => {
                    let places = columns.next(places)?;
                    look_up(self.dictionaries.get(id), &places, field.data_type(), &mut self.room)
                }
            };
            arrays.push(read().map_err(|failure| failure.column(&column.name))?);
        }
        if arrays.is_empty() && columns.rows > 0 {
            return Err(damaged("it has rows, but no column"));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(columns.rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| damaged(&error.to_string()))
    }

    fn dictionary(&mut self, dictionary: fb::DictionaryBatch<'_>, body: &Buffer) -> Result<(), Failure> {
        let id = dictionary.id();
        let owner =
            self.columns.iter().find(|column| column.dictionary.as_ref().is_some_and(|(of, _)| *of == id));
        let owner = owner.ok_or_else(|| damaged("a dictionary belongs to no column"))?;
        let data = dictionary.data().ok_or_else(|| damaged("a dictionary is empty"))?;
        let kind = canonical_type(&owner.kind).ok_or_else(|| damaged("a dictionary of an unknown type"))?;
        let values = Columns::new(data, body)?.next(&owner.kind)?;
        take(&mut self.room, expansion(&values))?;
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
fn take(room: &mut u64, bytes: u64) -> Result<(), Failure> {
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
    take(room, expansion(places))?;
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
                    take(room, texts.value_length(place) as u64)?;
                }
                column.push_row(&values, place)?;
            }
        }
    }
    Ok(column.finish())
}
