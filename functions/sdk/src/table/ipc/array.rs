//! Columns out of the body of a message, every length and offset checked.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, GenericByteArray, GenericByteViewArray, LargeListArray,
    ListArray, MapArray, NullArray, OffsetSizeTrait, PrimitiveArray, StructArray,
    types::{
        BinaryType, BinaryViewType, ByteArrayType, ByteViewType, Date32Type, Date64Type, Decimal128Type,
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, LargeBinaryType,
        LargeUtf8Type, StringViewType, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
        Utf8Type,
    },
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc as fb;
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use flatbuffers::VectorIter;

use super::body::{Body, Origin, Source};
use crate::{Failure, failure::invalid_input};

/// The columns of a record batch message, one after another.
pub struct Columns<'a, R> {
    /// Rows in each of them.
    pub rows: usize,
    nodes: Option<VectorIter<'a, fb::FieldNode>>,
    buffers: Option<VectorIter<'a, fb::Buffer>>,
    variadic: std::vec::IntoIter<i64>,
    body: Body<'a, R>,
}

/// The stream breaks the format's rules.
pub fn damaged(what: &str) -> Failure {
    invalid_input(format!("the Arrow IPC stream is damaged: {what}"))
}

impl<'a, R: Origin> Columns<'a, R> {
    /// Of a message whose body, `length` bytes, comes next in `source`.
    pub fn new(batch: fb::RecordBatch<'a>, source: &'a mut Source<R>, length: i64) -> Result<Self, Failure> {
        if batch.compression().is_some() {
            return Err(invalid_input("the Arrow IPC stream is compressed; write it without compression"));
        }
        let rows =
            usize::try_from(batch.length()).map_err(|_| damaged("a batch has no sound number of rows"))?;
        let places = batch.buffers().map(|buffers| buffers.iter()).into_iter().flatten();
        let body = Body::new(source, length, places.map(|place| (place.offset(), place.length())))?;
        let variadic: Vec<i64> = batch.variadicBufferCounts().into_iter().flatten().collect();
        Ok(Self {
            rows,
            nodes: batch.nodes().map(|nodes| nodes.iter()),
            buffers: batch.buffers().map(|buffers| buffers.iter()),
            variadic: variadic.into_iter(),
            body,
        })
    }

    /// The next column, which holds values of this type.
    pub fn next(&mut self, kind: &DataType) -> Result<ArrayRef, Failure> {
        use DataType as T;
        let node = self.node(self.rows)?;
        let length = self.rows;
        if *kind == T::Null {
            return Ok(Arc::new(NullArray::new(length)));
        }
        let nulls = self.validity(node, length)?;
        match kind {
            T::List(pair) => {
                let offsets = self.offsets::<i32>(length)?;
                let pairs = self.pairs(pair, offsets[length].as_usize())?;
                let list = ListArray::try_new(pair.clone(), offsets, Arc::new(pairs), nulls);
                Ok(Arc::new(list.map_err(|error| damaged(&error.to_string()))?))
            }
            T::LargeList(pair) => {
                let offsets = self.offsets::<i64>(length)?;
                let pairs = self.pairs(pair, offsets[length].as_usize())?;
                let list = LargeListArray::try_new(pair.clone(), offsets, Arc::new(pairs), nulls);
                Ok(Arc::new(list.map_err(|error| damaged(&error.to_string()))?))
            }
            T::Map(pair, sorted) => {
                let offsets = self.offsets::<i32>(length)?;
                let pairs = self.pairs(pair, offsets[length].as_usize())?;
                let map = MapArray::try_new(pair.clone(), offsets, pairs, nulls, *sorted);
                Ok(Arc::new(map.map_err(|error| damaged(&error.to_string()))?))
            }
            other => self.plain(other, length, nulls),
        }
    }

    /// A column of anything but pairs.
    fn plain(
        &mut self,
        kind: &DataType,
        length: usize,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, Failure> {
        use DataType as T;
        match kind {
            T::Int8 => self.primitive::<Int8Type>(kind, length, nulls),
            T::Int16 => self.primitive::<Int16Type>(kind, length, nulls),
            T::Int32 => self.primitive::<Int32Type>(kind, length, nulls),
            T::Int64 => self.primitive::<Int64Type>(kind, length, nulls),
            T::UInt8 => self.primitive::<UInt8Type>(kind, length, nulls),
            T::UInt16 => self.primitive::<UInt16Type>(kind, length, nulls),
            T::UInt32 => self.primitive::<UInt32Type>(kind, length, nulls),
            T::UInt64 => self.primitive::<UInt64Type>(kind, length, nulls),
            T::Float16 => self.primitive::<Float16Type>(kind, length, nulls),
            T::Float32 => self.primitive::<Float32Type>(kind, length, nulls),
            T::Float64 => self.primitive::<Float64Type>(kind, length, nulls),
            T::Decimal128(..) => self.primitive::<Decimal128Type>(kind, length, nulls),
            T::Date32 => self.primitive::<Date32Type>(kind, length, nulls),
            T::Date64 => self.primitive::<Date64Type>(kind, length, nulls),
            T::Timestamp(TimeUnit::Second, _) => self.primitive::<TimestampSecondType>(kind, length, nulls),
            T::Timestamp(TimeUnit::Millisecond, _) => {
                self.primitive::<TimestampMillisecondType>(kind, length, nulls)
            }
            T::Timestamp(TimeUnit::Microsecond, _) => {
                self.primitive::<TimestampMicrosecondType>(kind, length, nulls)
            }
            T::Timestamp(TimeUnit::Nanosecond, _) => {
                self.primitive::<TimestampNanosecondType>(kind, length, nulls)
            }
            T::Boolean => {
                let bits = bits(self.buffer()?, length)?;
                Ok(Arc::new(BooleanArray::new(bits, nulls)))
            }
            T::Utf8 => self.bytes::<Utf8Type>(length, nulls),
            T::LargeUtf8 => self.bytes::<LargeUtf8Type>(length, nulls),
            T::Binary => self.bytes::<BinaryType>(length, nulls),
            T::LargeBinary => self.bytes::<LargeBinaryType>(length, nulls),
            T::Utf8View => self.views::<StringViewType>(length, nulls),
            T::BinaryView => self.views::<BinaryViewType>(length, nulls),
            other => Err(damaged(&format!("a column of type {other}"))),
        }
    }

    /// At least `least` pairs of numbers.
    fn pairs(&mut self, pair: &Field, least: usize) -> Result<StructArray, Failure> {
        let DataType::Struct(parts) = pair.data_type() else { return Err(damaged("pairs are none")) };
        let node = self.nodes.as_mut().and_then(Iterator::next);
        let node = node.ok_or_else(|| damaged("a column is missing"))?;
        let length = usize::try_from(node.length()).ok().filter(|length| *length >= least);
        let length = length.ok_or_else(|| damaged("offsets lead beyond their values"))?;
        let nulls = self.validity(node, length)?;
        let read = |part: &FieldRef| {
            let node = self.node(length)?;
            let nulls = self.validity(node, length)?;
            self.plain(part.data_type(), length, nulls)
        };
        let columns = parts.iter().map(read).collect::<Result<_, _>>()?;
        StructArray::try_new(parts.clone(), columns, nulls).map_err(|error| damaged(&error.to_string()))
    }

    /// What is said of the next column, which is `length` long.
    fn node(&mut self, length: usize) -> Result<&'a fb::FieldNode, Failure> {
        let node =
            self.nodes.as_mut().and_then(Iterator::next).ok_or_else(|| damaged("a column is missing"))?;
        match usize::try_from(node.length()) {
            Ok(own) if own == length => Ok(node),
            _ => Err(damaged("a column has another number of rows than its batch")),
        }
    }

    fn validity(&mut self, node: &fb::FieldNode, length: usize) -> Result<Option<NullBuffer>, Failure> {
        let validity = self.buffer()?;
        (node.null_count() != 0).then(|| nulls(validity, length)).transpose()
    }

    /// Where each of `length` values begins, and the last one ends.
    fn offsets<O: OffsetSizeTrait>(&mut self, length: usize) -> Result<OffsetBuffer<O>, Failure> {
        let offsets = self.buffer()?;
        // A column without rows may come without an offset.
        if length == 0 {
            return Ok(OffsetBuffer::new_empty());
        }
        let offsets = scalars::<O>(offsets, length + 1)?;
        if offsets[0] > offsets[length] || !offsets.is_sorted() || offsets[0] < O::default() {
            return Err(damaged("offsets do not rise"));
        }
        // Of 64 bits, which an address need not have.
        match usize::try_from(offsets[length].to_i64().unwrap_or(i64::MAX)) {
            Ok(_) => Ok(OffsetBuffer::new(offsets)),
            Err(_) => Err(damaged("offsets lead beyond their values")),
        }
    }

    fn buffer(&mut self) -> Result<Buffer, Failure> {
        let place =
            self.buffers.as_mut().and_then(Iterator::next).ok_or_else(|| damaged("a buffer is missing"))?;
        self.body.buffer(place.offset(), place.length())
    }

    /// Bytes of all columns together.
    pub fn bytes_in_all(&self) -> usize {
        self.body.len()
    }

    /// Goes on to the next message.
    pub fn finish(self) -> Result<(), Failure> {
        self.body.finish()
    }

    fn primitive<T: ArrowPrimitiveType>(
        &mut self,
        kind: &DataType,
        length: usize,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, Failure> {
        let values = scalars::<T::Native>(self.buffer()?, length)?;
        Ok(Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(kind.clone())))
    }

    fn bytes<T: ByteArrayType>(
        &mut self,
        length: usize,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, Failure> {
        let offsets = self.offsets::<T::Offset>(length)?;
        let values = self.buffer()?;
        let array = GenericByteArray::<T>::try_new(offsets, values, nulls);
        Ok(Arc::new(array.map_err(|error| damaged(&error.to_string()))?))
    }

    fn views<T: ByteViewType>(
        &mut self,
        length: usize,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, Failure> {
        let views = scalars::<u128>(self.buffer()?, length)?;
        let count =
            self.variadic.next().ok_or_else(|| damaged("a view column lacks its number of buffers"))?;
        let buffers = (0..count).map(|_| self.buffer()).collect::<Result<Vec<_>, _>>()?;
        let array = GenericByteViewArray::<T>::try_new(views, buffers, nulls);
        Ok(Arc::new(array.map_err(|error| damaged(&error.to_string()))?))
    }
}

/// The first `length` numbers of a buffer, copied if they are not aligned.
fn scalars<T: ArrowNativeType>(buffer: Buffer, length: usize) -> Result<ScalarBuffer<T>, Failure> {
    let bytes = length.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= buffer.len());
    let bytes = bytes.ok_or_else(|| damaged("a buffer is too short for its column"))?;
    let buffer = buffer.slice_with_length(0, bytes);
    let aligned = buffer.as_ptr().align_offset(align_of::<T>()) == 0;
    Ok(ScalarBuffer::from(if aligned { buffer } else { Buffer::from_slice_ref(buffer.as_slice()) }))
}

fn bits(buffer: Buffer, length: usize) -> Result<BooleanBuffer, Failure> {
    if buffer.len() < length.div_ceil(8) {
        return Err(damaged("a buffer is too short for its column"));
    }
    Ok(BooleanBuffer::new(buffer, 0, length))
}

fn nulls(buffer: Buffer, length: usize) -> Result<NullBuffer, Failure> {
    bits(buffer, length).map(NullBuffer::new)
}
