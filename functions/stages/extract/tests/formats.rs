//! JSON Lines and Parquet.

use std::sync::Arc;

use fn_extract::Extract;
use millstream_sdk::{
    arrow_array::{
        Array, ArrayRef, Decimal128Array, DictionaryArray, Int32Array, RecordBatch, StringArray, StructArray,
        cast::AsArray, types::*,
    },
    arrow_schema::DataType,
    table::{SparseBuilder, batch_of},
    testing::Host,
};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};

fn read(name: &str, parameters: &str, bytes: &[u8]) -> Result<RecordBatch, String> {
    let host = Host::new().file("source", name, bytes);
    host.run::<Extract>(parameters).map_err(|failure| failure.to_string())?;
    Ok(host.table("table"))
}

fn names(table: &RecordBatch) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn json_lines_are_the_union_of_their_keys() {
    let text = "{\"b\": 1, \"a\": \"x\"}\n\n{\"a\": null, \"c\": true, \"b\": 2.5}\n{\"d\": \"2024-01-31\", \"a\": \"7\"}\n";
    let table = read("x.jsonl", "{}", text.as_bytes()).unwrap();
    assert_eq!(names(&table), ["b", "a", "c", "d"]);
    assert_eq!(
        table.column(0).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
        [Some(1.0), Some(2.5), None]
    );
    assert_eq!(table.column(1).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("x"), None, Some("7")]);
    assert_eq!(table.column(2).as_boolean().iter().collect::<Vec<_>>(), [None, Some(true), None]);
    assert_eq!(table.schema().field(3).data_type(), &DataType::Date32);
}

#[test]
fn a_key_may_come_up_after_a_batch_was_written() {
    let mut text = String::new();
    (0..70_000).for_each(|row| text.push_str(&format!("{{\"a\": {row}}}\n")));
    text.push_str("{\"a\": 0.5, \"late\": \"x\"}\n");
    let table = read("x.ndjson", "{}", text.as_bytes()).unwrap();
    assert_eq!((table.num_rows(), names(&table)), (70_001, vec!["a".to_owned(), "late".to_owned()]));
    assert_eq!(table.column(1).null_count(), 70_000);
    assert_eq!(table.column(0).as_primitive::<Float64Type>().value(69_999), 69_999.0);
}

#[test]
fn json_lines_columns_and_types_can_be_said() {
    let text = b"{\"a\": 1, \"b\": {\"nested\": 1}}\n{\"a\": 7}\n";
    let table = read("x.jsonl", r#"{"columns": ["a"], "types": {"a": "string"}}"#, text).unwrap();
    assert_eq!(table.column(0).as_string::<i32>().value(1), "7");
    let missing = read("x.jsonl", r#"{"columns": ["z"]}"#, text).unwrap_err();
    assert!(missing.contains("no object has the key `z`"), "{missing}");
}

#[test]
fn broken_json_lines_are_refused_by_line() {
    for (text, expected) in [
        ("{\"a\": 1}\n{\"a\": \n", "row 2: line 2 is not a JSON object"),
        ("[1]\n", "row 1: line 1 is not a JSON object"),
        ("{\"a\": 1}\n\n{\"a\": [1]}\n", "row 2, column `a`: line 3 has a nested value"),
        ("{\"a\": 1, \"a\": 2}\n", "row 1, column `a`: line 1 has this key twice"),
        ("\n", "there is no row"),
    ] {
        let refusal = read("x.jsonl", "{}", text.as_bytes()).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
}

fn parquet(rows: &RecordBatch, codec: Compression) -> Vec<u8> {
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

fn sample() -> RecordBatch {
    let words: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    let price =
        Decimal128Array::from(vec![Some(150), None, Some(25)]).with_precision_and_scale(10, 2).unwrap();
    batch_of([
        ("n", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])) as ArrayRef),
        ("word", Arc::new(words)),
        ("price", Arc::new(price)),
    ])
    .unwrap()
}

#[test]
fn parquet_is_read_in_our_types() {
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        let table = read("x.bin", "{}", &parquet(&sample(), codec)).unwrap();
        assert_eq!(
            table.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(1), None, Some(3)]
        );
        assert_eq!(
            table.column(1).as_string::<i32>().iter().collect::<Vec<_>>(),
            [Some("x"), None, Some("x")]
        );
        let prices: Vec<_> = table.column(2).as_primitive::<Float64Type>().iter().collect();
        assert_eq!(prices, [Some(1.5), None, Some(0.25)]);
    }
}

#[test]
fn parquet_columns_and_rows_can_be_chosen() {
    let bytes = parquet(&sample(), Compression::SNAPPY);
    let parameters = r#"{"columns": ["price", "n"], "types": {"n": "float"}, "skip_rows": 1, "limit": 1}"#;
    let table = read("x.parquet", parameters, &bytes).unwrap();
    assert_eq!((names(&table), table.num_rows()), (vec!["price".to_owned(), "n".to_owned()], 1));
    assert_eq!(table.schema().field(1).data_type(), &DataType::Float64);
    let missing = read("x.parquet", r#"{"columns": ["prize"]}"#, &bytes).unwrap_err();
    assert!(missing.contains("did you mean `price`?"), "{missing}");
}

#[test]
fn parquet_holds_sparse_rows() {
    let mut rows = SparseBuilder::with_capacity(0);
    for pairs in [vec![(1, 0.5), (70_000, -2.0)], vec![], vec![(3, 1.0)]] {
        pairs.iter().for_each(|(index, value)| rows.push(*index, *value));
        rows.end_row().unwrap();
    }
    let (sparse, y) = (rows.finish(), Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef);
    let bytes = parquet(&batch_of([("x", sparse.clone()), ("y", y)]).unwrap(), Compression::SNAPPY);
    let table = read("x.parquet", "{}", &bytes).unwrap();
    assert_eq!(table.column(0), &sparse);
    let rest = read("x.parquet", r#"{"columns": ["x"], "skip_rows": 1}"#, &bytes).unwrap();
    assert_eq!(rest.column(0), &sparse.slice(1, 2));
}

#[test]
fn broken_and_nested_parquet_is_refused() {
    let bytes = parquet(&sample(), Compression::SNAPPY);
    let cut = read("x.parquet", "{}", &bytes[..bytes.len() - 20]).unwrap_err();
    assert!(cut.starts_with("input `source`, x.parquet: not a sound Parquet file"), "{cut}");
    let inner: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let nested = StructArray::try_from(vec![("inner", inner)]).unwrap();
    let rows = batch_of([("nested", Arc::new(nested) as ArrayRef)]).unwrap();
    let refusal = read("x.parquet", "{}", &parquet(&rows, Compression::SNAPPY)).unwrap_err();
    assert!(refusal.contains("column `nested`: columns of type Struct"), "{refusal}");
}
