//! Held against `arrow-ipc`'s own reader and writer.

use std::{io::Cursor, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int64Array, LargeListArray, LargeStringArray, ListArray, MapArray, NullArray, RecordBatch,
    StringArray, StringViewArray, StructArray, TimestampMicrosecondArray, TimestampSecondArray, UInt16Array,
    types::Int8Type,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{DataType, Field, Fields};
use proptest::prelude::*;

use super::Stream;
use crate::table::{SparseBuilder, batch_of, from_ipc, is_sparse, sparse_parts, sparse_type, to_ipc};

fn theirs(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

/// Rows of up to three pairs.
fn sparse(values: &[Option<i64>]) -> ArrayRef {
    let mut column = SparseBuilder::with_capacity(0);
    for value in values {
        let Some(value) = value else {
            column.append_null();
            continue;
        };
        let count = value.unsigned_abs() as u32 % 4;
        (0..count).for_each(|k| column.push(*value as u32 / 8 + k, *value as f64 / 8.0));
        column.end_row().unwrap();
    }
    column.finish()
}

/// A batch of all canonical types from optional numbers.
fn canonical(values: &[Option<i64>]) -> RecordBatch {
    let texts = values.iter().map(|value| value.map(|value| format!("é{value}")));
    batch_of([
        ("int", Arc::new(values.iter().copied().collect::<Int64Array>()) as ArrayRef),
        (
            "float",
            Arc::new(
                values.iter().map(|value| Some(*value.as_ref()? as f64 / 8.0)).collect::<Float64Array>(),
            ),
        ),
        (
            "bool",
            Arc::new(values.iter().map(|value| Some(value.as_ref()? % 2 == 0)).collect::<BooleanArray>()),
        ),
        ("text", Arc::new(texts.collect::<StringArray>())),
        ("date", Arc::new(values.iter().map(|value| Some(*value.as_ref()? as i32)).collect::<Date32Array>())),
        ("time", Arc::new(values.iter().copied().collect::<TimestampMicrosecondArray>())),
        ("sparse", sparse(values)),
        ("utc", Arc::new(values.iter().copied().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
    ])
    .unwrap()
}

proptest! {
    /// What we write, `arrow-ipc` reads, and the other way round; slices included.
    #[test]
    fn both_ways(values in prop::collection::vec(any::<Option<i64>>(), 0..40), from in 0usize..40, length in 0usize..40) {
        let batch = canonical(&values);
        let from = from.min(batch.num_rows());
        let batch = batch.slice(from, length.min(batch.num_rows() - from));
        let ours = to_ipc(&batch).unwrap();
        let read: Vec<RecordBatch> =
            StreamReader::try_new(Cursor::new(&ours), None).unwrap().collect::<Result<_, _>>().unwrap();
        if batch.num_rows() > 0 {
            prop_assert_eq!(&read[0], &batch);
        }
        prop_assert_eq!(&from_ipc(ours).unwrap(), &batch);
        prop_assert_eq!(from_ipc(theirs(&[batch.clone(), batch.clone()])).unwrap().num_rows(), 2 * batch.num_rows());
    }

    /// Whatever is done to the bytes: rows or a failure, no panic.
    #[test]
    fn damage_is_no_fault_of_ours(place in 0usize..4_000, with in any::<u8>(), cut in any::<Option<u16>>()) {
        let mut bytes = theirs(&[foreign()]);
        let place = place % bytes.len();
        bytes[place] = with;
        if let Some(cut) = cut {
            bytes.truncate(cut as usize);
        }
        let _ = from_ipc(bytes);
        let mut bytes = to_ipc(&canonical(&[Some(1), None, Some(-3)])).unwrap();
        let place = place % bytes.len();
        bytes[place] = with;
        let _ = from_ipc(bytes);
    }
}

/// Types that other writers use.
fn foreign() -> RecordBatch {
    let words: DictionaryArray<Int8Type> = [Some("b"), None, Some("a"), Some("b")].into_iter().collect();
    let price = Decimal128Array::from(vec![Some(150), None, Some(25), Some(0)])
        .with_precision_and_scale(10, 2)
        .unwrap();
    let long = "a text of more than twelve bytes";
    batch_of([
        ("i8", Arc::new(Int8Array::from(vec![Some(-1), None, Some(3), Some(4)])) as ArrayRef),
        ("u16", Arc::new(UInt16Array::from(vec![1, 2, 3, 65_535]))),
        ("f32", Arc::new(Float32Array::from(vec![Some(0.5), None, Some(2.0), Some(-1.0)]))),
        ("large", Arc::new(LargeStringArray::from(vec![Some("x"), None, Some(""), Some("y")]))),
        ("view", Arc::new(StringViewArray::from(vec![Some(long), None, Some("short"), Some(long)]))),
        ("word", Arc::new(words)),
        ("price", Arc::new(price)),
        ("seconds", Arc::new(TimestampSecondArray::from(vec![Some(1), None, Some(-1), Some(0)]))),
        ("nothing", Arc::new(NullArray::new(4))),
    ])
    .unwrap()
}

#[test]
fn foreign_types_become_ours() {
    let rows = from_ipc(theirs(&[foreign()])).unwrap();
    let expected: [(&str, ArrayRef); 9] = [
        ("i8", Arc::new(Int64Array::from(vec![Some(-1), None, Some(3), Some(4)]))),
        ("u16", Arc::new(Int64Array::from(vec![1, 2, 3, 65_535]))),
        ("f32", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(2.0), Some(-1.0)]))),
        ("large", Arc::new(StringArray::from(vec![Some("x"), None, Some(""), Some("y")]))),
        (
            "view",
            Arc::new(StringArray::from(vec![
                Some("a text of more than twelve bytes"),
                None,
                Some("short"),
                Some("a text of more than twelve bytes"),
            ])),
        ),
        ("word", Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), Some("b")]))),
        ("price", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(0.25), Some(0.0)]))),
        (
            "seconds",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_000_000), None, Some(-1_000_000), Some(0)])),
        ),
        ("nothing", Arc::new(Float64Array::new_null(4))),
    ];
    for (name, column) in expected {
        assert_eq!(rows.column_by_name(name).unwrap(), &column, "{name}");
    }
}

/// What pyarrow and polars make of pairs of numbers.
#[test]
fn foreign_pairs_become_sparse_rows() {
    let parts = |index: ArrayRef, value: ArrayRef, names: [&str; 2]| {
        let field = |name: &str, column: &ArrayRef| Field::new(name, column.data_type().clone(), true);
        let fields = Fields::from(vec![field(names[0], &index), field(names[1], &value)]);
        StructArray::new(fields, vec![index, value], None)
    };
    let nulls = || Some(NullBuffer::from(vec![true, true, false, true]));
    let item = |pairs: &StructArray| Arc::new(Field::new("element", pairs.data_type().clone(), true));
    let index = || Arc::new(Int64Array::from(vec![9, 0, 7, 9, 4_294_967_295])) as ArrayRef;
    let value = || Arc::new(Float32Array::from(vec![0.0, 0.5, 1.0, -2.0, 8.0])) as ArrayRef;
    let pairs = parts(index(), value(), ["index", "value"]);
    let long = LargeListArray::new(
        item(&pairs),
        OffsetBuffer::new(vec![1i64, 3, 3, 3, 5].into()),
        Arc::new(pairs.clone()),
        nulls(),
    );
    let list =
        ListArray::new(item(&pairs), OffsetBuffer::new(vec![1, 3, 3, 3, 5].into()), Arc::new(pairs), nulls());
    let entries = StructArray::new(
        Fields::from(vec![
            Field::new("key", DataType::Int64, false),
            Field::new("value", DataType::Float32, true),
        ]),
        vec![index(), value()],
        None,
    );
    let entry = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let map = MapArray::new(entry, OffsetBuffer::new(vec![1, 3, 3, 3, 5].into()), entries, nulls(), false);
    let columns: [ArrayRef; 3] = [Arc::new(long), Arc::new(list), Arc::new(map)];
    for column in columns {
        let rows = from_ipc(theirs(&[batch_of([("x", column)]).unwrap()])).unwrap();
        assert_eq!(rows.column(0).data_type(), &sparse_type());
        assert!(is_sparse(rows.column(0).data_type()) && rows.column(0).is_null(2));
        let (offsets, indices, values) = sparse_parts(rows.column(0));
        assert_eq!(
            (offsets, indices, values),
            (&[0, 2, 2, 2, 4][..], &[0, 7, 9, u32::MAX][..], &[0.5, 1.0, -2.0, 8.0][..])
        );
    }
    let odd = |index: ArrayRef, value: ArrayRef, names: [&str; 2]| {
        let pairs = parts(index, value, names);
        let offsets = OffsetBuffer::new(vec![0, 0, 2].into());
        let list: ArrayRef = Arc::new(ListArray::new(item(&pairs), offsets, Arc::new(pairs), None));
        from_ipc(theirs(&[batch_of([("x", list)]).unwrap()])).unwrap_err().to_string()
    };
    let ints = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let some = || ints(vec![Some(1), Some(2)]);
    let negative = odd(ints(vec![Some(1), Some(-2)]), some(), ["index", "value"]);
    assert_eq!(negative, "row 2, column `x`: the index -2 is not within 0 to 4294967295");
    let missing = odd(some(), ints(vec![Some(1), None]), ["index", "value"]);
    assert_eq!(missing, "row 2, column `x`: a value of a sparse row is missing");
    let named = odd(some(), some(), ["x", "y"]);
    assert!(named.contains("column `x`: columns of type List") && named.contains("not supported"), "{named}");
    let texts = odd(some(), Arc::new(StringArray::from(vec!["a", "b"])), ["index", "value"]);
    assert!(texts.contains("columns of Arrow type List are not supported"), "{texts}");
}

#[test]
fn what_is_no_table_is_refused() {
    for (bytes, expected) in [
        (&b""[..], "not an Arrow IPC stream"),
        (b"a,b\n1,2\n", "breaks off inside a message"),
        (b"\xff\xff\xff\xff\x08\0\0\0aaaaaaaa", "not an Arrow IPC stream"),
    ] {
        let refusal = Stream::new(bytes, bytes.len() as u64).err().unwrap().to_string();
        assert!(refusal.contains(expected), "{refusal}");
    }
    let mut whole = to_ipc(&canonical(&[Some(1)])).unwrap();
    whole.truncate(whole.len() - 100);
    assert!(from_ipc(whole).unwrap_err().to_string().contains("breaks off"));
    let list = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>([Some(vec![Some(1)])]);
    let nested = theirs(&[batch_of([("l", Arc::new(list) as ArrayRef)]).unwrap()]);
    let refusal = from_ipc(nested).unwrap_err().to_string();
    assert_eq!(refusal, "column `l`: columns of Arrow type List are not supported; drop or convert it");
    let twice = RecordBatch::try_new(
        Arc::new(arrow_schema::Schema::new(vec![
            Field::new("a", DataType::Int64, true),
            Field::new("a", DataType::Int64, true),
        ])),
        vec![Arc::new(Int64Array::from(vec![1])) as ArrayRef, Arc::new(Int64Array::from(vec![1]))],
    );
    assert!(
        from_ipc(theirs(&[twice.unwrap()])).unwrap_err().to_string().contains("two columns have this name")
    );
}

/// Few bytes that claim to be many values are refused before there is memory for them.
#[test]
fn what_nothing_holds_is_bounded() {
    let nothing = |rows| batch_of([("nothing", Arc::new(NullArray::new(rows)) as ArrayRef)]).unwrap();
    assert_eq!(from_ipc(theirs(&[nothing(100_000)])).unwrap().num_rows(), 100_000);
    let refusal = from_ipc(theirs(&[nothing(1 << 40)])).unwrap_err().to_string();
    assert!(refusal.contains("column `nothing`") && refusal.contains("far more values"), "{refusal}");
    // A million times the same long text, by way of a dictionary and of views.
    let long = "x".repeat(100_000);
    let places = Int8Array::from(vec![0; 1_000_000]);
    let words = DictionaryArray::new(places, Arc::new(StringArray::from(vec![long.as_str()])));
    let dictionary = batch_of([("word", Arc::new(words) as ArrayRef)]).unwrap();
    let refusal = from_ipc(theirs(&[dictionary])).unwrap_err().to_string();
    assert!(refusal.contains("far more values"), "{refusal}");
    let one = StringViewArray::from(vec![long.as_str()]);
    let views = StringViewArray::new(vec![one.views()[0]; 100_000].into(), one.data_buffers().to_vec(), None);
    let views = batch_of([("view", Arc::new(views) as ArrayRef)]).unwrap();
    let refusal = from_ipc(theirs(&[views])).unwrap_err().to_string();
    assert!(refusal.contains("far more values"), "{refusal}");
}
