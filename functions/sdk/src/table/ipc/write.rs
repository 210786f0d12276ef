//! Record batches into a stream.

use std::io::{self, Write};

use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_ipc as fb;
use arrow_schema::{DataType, SchemaRef};
use flatbuffers::FlatBufferBuilder;

use super::{ALIGNMENT, CONTINUATION, schema};
use crate::{
    Failure,
    failure::internal,
    table::{is_sparse, sparse_parts},
};

/// Writes a stream of canonical columns. The bytes depend on nothing but the rows and where batches end.
pub struct Writer<W> {
    out: W,
    schema: SchemaRef,
}

impl<W: Write> Writer<W> {
    /// Writes the schema.
    pub fn new(mut out: W, schema: SchemaRef) -> Result<Self, Failure> {
        let message = schema::message(&schema)?;
        write_message(&mut out, &message).map_err(unwritten)?;
        Ok(Self { out, schema })
    }

    /// Writes a batch of the schema's columns.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let mut body = Body::default();
        for (array, field) in batch.columns().iter().zip(self.schema.fields()) {
            if array.data_type() != field.data_type() {
                let (name, got) = (field.name(), array.data_type());
                return Err(internal(format!(
                    "column `{name}` is {got}, but the table's is {}",
                    field.data_type()
                )));
            }
            body.push(array)?;
        }
        let mut builder = FlatBufferBuilder::new();
        let nodes = builder.create_vector(&body.nodes);
        let buffers = builder.create_vector(&body.places);
        let arguments = fb::RecordBatchArgs {
            length: batch.num_rows() as i64,
            nodes: Some(nodes),
            buffers: Some(buffers),
            ..Default::default()
        };
        let header = fb::RecordBatch::create(&mut builder, &arguments).as_union_value();
        let message = schema::finish(builder, fb::MessageHeader::RecordBatch, header, body.length);
        write_message(&mut self.out, &message).and_then(|()| body.write(&mut self.out)).map_err(unwritten)
    }

    /// Writes the end mark and gives back what was written to.
    pub fn finish(mut self) -> Result<W, Failure> {
        self.out.write_all(&CONTINUATION).and_then(|()| self.out.write_all(&[0; 4])).map_err(unwritten)?;
        Ok(self.out)
    }
}

fn unwritten(error: io::Error) -> Failure {
    Failure::from_io(error, |message| internal(format!("the table cannot be written: {message}")))
}

fn write_message(out: &mut impl Write, message: &[u8]) -> io::Result<()> {
    // The body begins at a multiple of the alignment from the start of its message.
    let padded = (message.len() + 8).next_multiple_of(ALIGNMENT) - 8;
    out.write_all(&CONTINUATION)?;
    out.write_all(&(padded as u32).to_le_bytes())?;
    out.write_all(message)?;
    out.write_all(&[0; ALIGNMENT][..padded - message.len()])
}

/// A batch's buffers, in order.
#[derive(Default)]
struct Body {
    nodes: Vec<fb::FieldNode>,
    places: Vec<fb::Buffer>,
    buffers: Vec<Buffer>,
    length: usize,
}

impl Body {
    fn push(&mut self, array: &ArrayRef) -> Result<(), Failure> {
        self.nodes.push(fb::FieldNode::new(array.len() as i64, array.null_count() as i64));
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        self.push_buffer(nulls.map_or_else(|| Buffer::from(&[]), |nulls| nulls.inner().sliced()));
        match array.data_type() {
            DataType::Int64 => self.push_buffer(array.as_primitive::<Int64Type>().values().inner().clone()),
            DataType::Float64 => {
                self.push_buffer(array.as_primitive::<Float64Type>().values().inner().clone())
            }
            DataType::Date32 => self.push_buffer(array.as_primitive::<Date32Type>().values().inner().clone()),
            DataType::Timestamp(..) => {
                self.push_buffer(array.as_primitive::<TimestampMicrosecondType>().values().inner().clone());
            }
            DataType::Boolean => self.push_buffer(array.as_boolean().values().sliced()),
            DataType::Utf8 => {
                let text = array.as_string::<i32>();
                let (offsets, start) = (text.offsets(), text.offsets()[0]);
                let values =
                    text.values().slice_with_length(start as usize, (offsets[text.len()] - start) as usize);
                self.push_buffer(if start == 0 {
                    offsets.inner().inner().slice_with_length(0, (text.len() + 1) * size_of::<i32>())
                } else {
                    offsets.iter().map(|offset| offset - start).collect::<ScalarBuffer<i32>>().into_inner()
                });
                self.push_buffer(values);
            }
            kind if is_sparse(kind) => self.push_sparse(array),
            other => return Err(internal(format!("a column of type {other} is not written"))),
        }
        Ok(())
    }

    /// Offsets and pairs of sparse rows; neither pairs nor their parts are missing.
    fn push_sparse(&mut self, array: &ArrayRef) {
        let (offsets, indices, values) = sparse_parts(array);
        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
        let range = first as usize..last as usize;
        self.push_buffer(
            offsets.iter().map(|offset| offset - first).collect::<ScalarBuffer<i32>>().into_inner(),
        );
        let nothing = || Buffer::from(&[]);
        let node = fb::FieldNode::new(range.len() as i64, 0);
        self.nodes.push(node);
        self.push_buffer(nothing());
        for buffer in
            [Buffer::from_slice_ref(&indices[range.clone()]), Buffer::from_slice_ref(&values[range.clone()])]
        {
            self.nodes.push(node);
            self.push_buffer(nothing());
            self.push_buffer(buffer);
        }
    }

    fn push_buffer(&mut self, buffer: Buffer) {
        self.places.push(fb::Buffer::new(self.length as i64, buffer.len() as i64));
        self.length += buffer.len().next_multiple_of(ALIGNMENT);
        self.buffers.push(buffer);
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for buffer in &self.buffers {
            out.write_all(buffer)?;
            out.write_all(&[0; ALIGNMENT][..buffer.len().next_multiple_of(ALIGNMENT) - buffer.len()])?;
        }
        Ok(())
    }
}
