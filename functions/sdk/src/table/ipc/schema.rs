//! Schemas in and out of messages.

use std::{collections::HashMap, sync::Arc};

use arrow_ipc as fb;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

use crate::{
    Failure,
    failure::{internal, invalid_input},
};

/// What our own keys of a column's metadata begin with; others are left out.
const OUR_KEYS: &str = "millstream:";

/// The key under which pandas keeps what it knows of a table, its index among it.
const PANDAS: &str = "pandas";

/// A column as the stream holds it.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub kind: DataType,
    /// The dictionary that its values are looked up in, and the type of the places there.
    pub dictionary: Option<(i64, DataType)>,
    /// What we said of it when we wrote it.
    pub metadata: HashMap<String, String>,
}

/// The columns that pandas says are the index of its table.
pub fn pandas_index(schema: fb::Schema<'_>) -> Vec<String> {
    let pairs = schema.custom_metadata().into_iter().flatten();
    let mut texts = pairs.filter(|pair| pair.key() == Some(PANDAS)).filter_map(|pair| pair.value());
    texts.next().map(crate::table::pandas_index).unwrap_or_default()
}

/// The columns of a schema message. A type that no canonical one stands for is refused.
pub fn columns(schema: fb::Schema<'_>) -> Result<Vec<Column>, Failure> {
    if schema.endianness() != fb::Endianness::Little {
        return Err(invalid_input("the Arrow IPC stream is big-endian; write it as little-endian"));
    }
    let fields = schema.fields().ok_or_else(|| invalid_input("the Arrow IPC stream has no columns"))?;
    fields.iter().map(column).collect()
}

fn column(field: fb::Field<'_>) -> Result<Column, Failure> {
    let name = field.name().unwrap_or_default().to_owned();
    let refuse = || {
        let kind = field.type_type().variant_name().unwrap_or("unknown");
        invalid_input(format!("columns of Arrow type {kind} are not supported; drop or convert it"))
            .column(&name)
    };
    let kind = data_type(&field).or_else(|| pairs(&field)).ok_or_else(refuse)?;
    let dictionary = match field.dictionary() {
        None => None,
        // A long row could stand for many.
        Some(_) if kind.is_nested() => return Err(refuse()),
        Some(dictionary) => {
            // The format's default.
            let places = dictionary.indexType().map_or(Some(DataType::Int32), int).ok_or_else(refuse)?;
            Some((dictionary.id(), places))
        }
    };
    let pairs = field.custom_metadata().into_iter().flatten();
    let metadata = pairs.filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned())));
    let metadata = metadata.filter(|(key, _)| key.starts_with(OUR_KEYS)).collect();
    Ok(Column { name, kind, dictionary, metadata })
}

fn data_type(field: &fb::Field<'_>) -> Option<DataType> {
    Some(match field.type_type() {
        fb::Type::Null => DataType::Null,
        fb::Type::Int => int(field.type_as_int()?)?,
        fb::Type::FloatingPoint => match field.type_as_floating_point()?.precision() {
            fb::Precision::HALF => DataType::Float16,
            fb::Precision::SINGLE => DataType::Float32,
            fb::Precision::DOUBLE => DataType::Float64,
            _ => return None,
        },
        fb::Type::Decimal => {
            let decimal = field.type_as_decimal()?;
            let (precision, scale) =
                (u8::try_from(decimal.precision()).ok()?, i8::try_from(decimal.scale()).ok()?);
            let fits = decimal.bitWidth() == 128 && (1..=38).contains(&precision);
            return fits.then_some(DataType::Decimal128(precision, scale));
        }
        fb::Type::Bool => DataType::Boolean,
        fb::Type::Utf8 => DataType::Utf8,
        fb::Type::LargeUtf8 => DataType::LargeUtf8,
        fb::Type::Utf8View => DataType::Utf8View,
        fb::Type::Binary => DataType::Binary,
        fb::Type::LargeBinary => DataType::LargeBinary,
        fb::Type::BinaryView => DataType::BinaryView,
        fb::Type::Date => match field.type_as_date()?.unit() {
            fb::DateUnit::DAY => DataType::Date32,
            fb::DateUnit::MILLISECOND => DataType::Date64,
            _ => return None,
        },
        fb::Type::Timestamp => {
            let timestamp = field.type_as_timestamp()?;
            let unit = match timestamp.unit() {
                fb::TimeUnit::SECOND => TimeUnit::Second,
                fb::TimeUnit::MILLISECOND => TimeUnit::Millisecond,
                fb::TimeUnit::MICROSECOND => TimeUnit::Microsecond,
                fb::TimeUnit::NANOSECOND => TimeUnit::Nanosecond,
                _ => return None,
            };
            DataType::Timestamp(unit, timestamp.timezone().filter(|zone| !zone.is_empty()).map(Arc::from))
        }
        _ => return None,
    })
}

/// A list or map of pairs of numbers: sparse rows may be written so. Whether they are is for [`canonical_type`] to say.
///
/// [`canonical_type`]: crate::table::canonical_type
fn pairs(field: &fb::Field<'_>) -> Option<DataType> {
    let pair = children(field, 1)?.get(0);
    if pair.type_type() != fb::Type::Struct_ {
        return None;
    }
    let part = |part: fb::Field<'_>| {
        let kind = data_type(&part).filter(DataType::is_numeric)?;
        Some(Field::new(part.name().unwrap_or_default(), kind, part.nullable()))
    };
    let parts: Option<Fields> = children(&pair, 2)?.iter().map(part).collect();
    let name = pair.name().unwrap_or_default();
    let pair = Arc::new(Field::new(name, DataType::Struct(parts?), pair.nullable()));
    Some(match field.type_type() {
        fb::Type::List => DataType::List(pair),
        fb::Type::LargeList => DataType::LargeList(pair),
        fb::Type::Map => DataType::Map(pair, false),
        _ => return None,
    })
}

/// The parts of a type that has `count` of them, none in a dictionary.
fn children<'a>(
    field: &fb::Field<'a>,
    count: usize,
) -> Option<flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<fb::Field<'a>>>> {
    let children = field.children().filter(|children| children.len() == count)?;
    children.iter().all(|child| child.dictionary().is_none()).then_some(children)
}

fn int(int: fb::Int<'_>) -> Option<DataType> {
    Some(match (int.bitWidth(), int.is_signed()) {
        (8, true) => DataType::Int8,
        (16, true) => DataType::Int16,
        (32, true) => DataType::Int32,
        (64, true) => DataType::Int64,
        (8, false) => DataType::UInt8,
        (16, false) => DataType::UInt16,
        (32, false) => DataType::UInt32,
        (64, false) => DataType::UInt64,
        _ => return None,
    })
}

/// The schema message of canonical columns; every one may hold missing values.
pub fn message(schema: &Schema) -> Result<Vec<u8>, Failure> {
    let mut builder = FlatBufferBuilder::new();
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        fields.push(write_field(&mut builder, field, true)?);
    }
    let fields = builder.create_vector(&fields);
    let endianness = fb::Endianness::Little;
    let schema = fb::Schema::create(
        &mut builder,
        &fb::SchemaArgs { endianness, fields: Some(fields), ..Default::default() },
    );
    Ok(finish(builder, fb::MessageHeader::Schema, schema.as_union_value(), 0))
}

/// A message around its header.
pub fn finish(
    mut builder: FlatBufferBuilder<'_>,
    header_type: fb::MessageHeader,
    header: WIPOffset<UnionWIPOffset>,
    body: usize,
) -> Vec<u8> {
    let arguments = fb::MessageArgs {
        version: fb::MetadataVersion::V5,
        header_type,
        header: Some(header),
        bodyLength: body as i64,
        custom_metadata: None,
    };
    let message = fb::Message::create(&mut builder, &arguments);
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

fn write_field<'a>(
    builder: &mut FlatBufferBuilder<'a>,
    field: &Field,
    nullable: bool,
) -> Result<WIPOffset<fb::Field<'a>>, Failure> {
    let name = builder.create_string(field.name());
    let mut children = Vec::new();
    let (type_type, kind) = match field.data_type() {
        DataType::Int64 => {
            let int = fb::Int::create(builder, &fb::IntArgs { bitWidth: 64, is_signed: true });
            (fb::Type::Int, int.as_union_value())
        }
        DataType::Float64 => {
            let precision = fb::Precision::DOUBLE;
            let float = fb::FloatingPoint::create(builder, &fb::FloatingPointArgs { precision });
            (fb::Type::FloatingPoint, float.as_union_value())
        }
        DataType::Boolean => (fb::Type::Bool, fb::Bool::create(builder, &fb::BoolArgs {}).as_union_value()),
        DataType::Utf8 => (fb::Type::Utf8, fb::Utf8::create(builder, &fb::Utf8Args {}).as_union_value()),
        DataType::Date32 => {
            let date = fb::Date::create(builder, &fb::DateArgs { unit: fb::DateUnit::DAY });
            (fb::Type::Date, date.as_union_value())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let timezone = zone.as_ref().map(|zone| builder.create_string(zone));
            let unit = fb::TimeUnit::MICROSECOND;
            let timestamp = fb::Timestamp::create(builder, &fb::TimestampArgs { unit, timezone });
            (fb::Type::Timestamp, timestamp.as_union_value())
        }
        DataType::UInt32 => {
            let int = fb::Int::create(builder, &fb::IntArgs { bitWidth: 32, is_signed: false });
            (fb::Type::Int, int.as_union_value())
        }
        DataType::List(item) => {
            children.push(write_field(builder, item, item.is_nullable())?);
            (fb::Type::List, fb::List::create(builder, &fb::ListArgs {}).as_union_value())
        }
        DataType::Struct(parts) => {
            for part in parts {
                children.push(write_field(builder, part, part.is_nullable())?);
            }
            (fb::Type::Struct_, fb::Struct_::create(builder, &fb::Struct_Args {}).as_union_value())
        }
        other => {
            return Err(internal(format!(
                "column `{}` has type {other}, which is not written",
                field.name()
            )));
        }
    };
    // Readers in other languages expect the list, even if it is empty.
    let children = builder.create_vector(&children);
    let custom_metadata = write_metadata(builder, field);
    let arguments = fb::FieldArgs {
        custom_metadata,
        name: Some(name),
        nullable,
        type_type,
        type_: Some(kind),
        children: Some(children),
        ..Default::default()
    };
    Ok(fb::Field::create(builder, &arguments))
}

/// What we say of a column, in the order of the keys.
#[allow(clippy::type_complexity)]
fn write_metadata<'a>(
    builder: &mut FlatBufferBuilder<'a>,
    field: &Field,
) -> Option<WIPOffset<flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<fb::KeyValue<'a>>>>> {
    let mut pairs: Vec<_> = field.metadata().iter().filter(|(key, _)| key.starts_with(OUR_KEYS)).collect();
    if pairs.is_empty() {
        return None;
    }
    pairs.sort_unstable();
    let mut written = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let (key, value) = (Some(builder.create_string(key)), Some(builder.create_string(value)));
        written.push(fb::KeyValue::create(builder, &fb::KeyValueArgs { key, value }));
    }
    Some(builder.create_vector(&written))
}
