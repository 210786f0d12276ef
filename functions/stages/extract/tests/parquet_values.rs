//! Parquet files whose values or columns are not what they seem.

use std::sync::Arc;

use fn_extract::Extract;
use millstream_sdk::{
    Level,
    arrow_array::{
        ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, NullArray, RecordBatch,
        StringArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array, cast::AsArray,
        types::*,
    },
    arrow_schema::{DataType, Schema},
    table::{batch_of, format_timestamp},
    testing::Host,
};
use parquet::{
    arrow::ArrowWriter,
    data_type::{Int96, Int96Type},
    file::{metadata::KeyValue, properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

fn run(host: Host, parameters: &str) -> Result<(RecordBatch, Vec<String>), String> {
    host.run::<Extract>(parameters).map_err(|failure| failure.to_string())?;
    let warnings = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    Ok((host.table("table"), warnings.map(|(_, line)| line).collect()))
}

fn read(bytes: Vec<u8>, parameters: &str) -> Result<(RecordBatch, Vec<String>), String> {
    run(Host::new().file("source", "x.parquet", bytes), parameters)
}

fn write(rows: &RecordBatch, pandas: Option<&str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let metadata = pandas.map(|text| vec![KeyValue::new("pandas".to_owned(), text.to_owned())]);
    let properties = WriterProperties::builder().set_key_value_metadata(metadata).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

fn one(array: ArrayRef) -> Vec<u8> {
    write(&batch_of([("x", array)]).unwrap(), None)
}

const EPOCH: i64 = 2_440_588;

/// A file with one column of times of 96 bits: days since 1970 and nanoseconds.
fn wide(times: &[Option<(i64, u64)>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message m { optional int96 t; optional int32 n; }").unwrap());
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let values: Vec<Int96> = times
        .iter()
        .flatten()
        .map(|(days, nanos)| {
            let mut value = Int96::new();
            value.set_data(*nanos as u32, (nanos >> 32) as u32, (days + EPOCH) as u32);
            value
        })
        .collect();
    let there: Vec<i16> = times.iter().map(|time| i16::from(time.is_some())).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&values, Some(&there), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let numbers: Vec<i32> = (0..times.len() as i32).collect();
    column
        .typed::<parquet::data_type::Int32Type>()
        .write_batch(&numbers, Some(&vec![1; times.len()]), None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

const HOUR: u64 = 3_600_000_000_000;

#[test]
fn times_of_96_bits_are_read_in_their_whole_range() {
    let times = [
        Some((18_787, 3 * HOUR)),
        Some((2_932_896, 0)),
        Some((-135_140, HOUR / 2)),
        None,
        Some((106_751, 23 * HOUR + 123_456_000)),
        Some((-2_440_588, 0)),
    ];
    let (table, logs) = read(wide(&times), "{}").unwrap();
    let micros = table.column(0).as_primitive::<TimestampMicrosecondType>();
    let read: Vec<Option<String>> =
        micros.iter().map(|time| time.map(|time| format_timestamp(time, false))).collect();
    let expected = [
        Some("2021-06-09T03:00:00"),
        Some("9999-12-31T00:00:00"),
        Some("1600-01-01T00:30:00"),
        None,
        Some("2262-04-11T23:00:00.123456"),
        Some("-4713-11-24T00:00:00"),
    ];
    assert_eq!(read.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    assert!(logs.is_empty());
    // The other columns are read as usual, with and without that one.
    assert_eq!(table.column(1).as_primitive::<Int64Type>().value(5), 5);
    let (rest, _) = self::read(wide(&times), r#"{"columns": ["n"], "skip_rows": 2}"#).unwrap();
    assert_eq!((rest.num_columns(), rest.num_rows()), (1, 4));
}

#[test]
fn times_that_no_calendar_has_are_refused_by_row_and_column() {
    for (times, expected) in [
        (
            vec![Some((0, 0)), Some((2_000_000_000, 0))],
            "row 2, column `t`: the time is out of the range of microseconds",
        ),
        (
            vec![None, Some((106_751_999, 0))],
            "row 2, column `t`: the time is out of the range of microseconds",
        ),
        (vec![Some((100_000_000, 0))], "row 1, column `t`: the time is out of the range of the calendar"),
    ] {
        let refusal = read(wide(&times), "{}").unwrap_err();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
    let second = read(wide(&[Some((0, 0)), Some((2_000_000_000, 0))]), r#"{"skip_rows": 1}"#).unwrap_err();
    assert!(second.contains("row 2, column `t`"), "{second}");
    let far: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, i64::MAX]));
    let refusal = read(one(far), "{}").unwrap_err();
    assert!(refusal.contains("row 2, column `x`: the time is out of the range of microseconds"), "{refusal}");
    let far: ArrayRef = Arc::new(Date32Array::from(vec![0, i32::MAX]));
    let refusal = read(one(far), "{}").unwrap_err();
    assert!(refusal.contains("row 2, column `x`: the date is out of the range of the calendar"), "{refusal}");
    let before: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![-62_135_596_800_000]));
    let (table, _) = read(one(before), "{}").unwrap();
    let micros = table.column(0).as_primitive::<TimestampMicrosecondType>().value(0);
    assert_eq!(format_timestamp(micros, false), "0001-01-01T00:00:00");
}

#[test]
fn nanoseconds_are_cut_and_said() {
    let times = |nanos: Vec<i64>| one(Arc::new(TimestampNanosecondArray::from(nanos)));
    let (table, logs) = read(times(vec![1_001, -1]), "{}").unwrap();
    assert_eq!(table.column(0).as_primitive::<TimestampMicrosecondType>().values(), &[1, -1]);
    assert!(logs.len() == 1 && logs[0].contains("column `x` has times finer than a microsecond"), "{logs:?}");
    assert!(read(times(vec![1_000, i64::MAX / 1_000 * 1_000]), "{}").unwrap().1.is_empty());
}

#[test]
fn large_integers_are_kept_or_refused() {
    let ids: ArrayRef = Arc::new(UInt64Array::from(vec![5, 17_758_512_297_797_920_001]));
    let refusal = read(one(ids.clone()), "{}").unwrap_err();
    assert!(refusal.contains("row 2, column `x`: 17758512297797920001 does not fit"), "{refusal}");
    assert!(refusal.contains("`types`"), "{refusal}");
    let text = r#"{"types": {"x": "string"}}"#;
    let (table, _) = read(one(ids), text).unwrap();
    let texts: Vec<_> = table.column(0).as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("5"), Some("17758512297797920001")]);
    let decimals = |values: Vec<i128>, precision, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
    };
    // Whole decimals: exact, or refused.
    let (table, _) = read(one(decimals(vec![9_007_199_254_740_993], 18, 0)), "{}").unwrap();
    assert_eq!(table.column(0).as_primitive::<Int64Type>().values(), &[9_007_199_254_740_993]);
    let keys = decimals(vec![5, 17_758_512_297_797_920_001], 38, 0);
    let refusal = read(one(keys.clone()), "{}").unwrap_err();
    assert!(refusal.contains("row 2, column `x`: 17758512297797920001 has more digits"), "{refusal}");
    let (table, _) = read(one(keys), text).unwrap();
    assert_eq!(table.column(0).as_string::<i32>().value(1), "17758512297797920001");
    let (table, _) = read(one(decimals(vec![7, -7], 38, 0)), r#"{"types": {"x": "int"}}"#).unwrap();
    assert_eq!(table.column(0).as_primitive::<Int64Type>().values(), &[7, -7]);
    // Amounts: the nearest number; digits that are lost are said.
    let (table, logs) = read(one(decimals(vec![1_234_567_890_123_456_789, 150], 38, 2)), "{}").unwrap();
    assert_eq!(table.column(0).as_primitive::<Float64Type>().values(), &[12_345_678_901_234_567.89, 1.5]);
    assert!(logs.len() == 1 && logs[0].contains("such as `12345678901234567.89`"), "{logs:?}");
    let (_, logs) = read(one(decimals(vec![12_345_678_901_234_567, 150], 38, 2)), "{}").unwrap();
    assert!(logs.is_empty(), "{logs:?}");
    let (table, _) = read(one(decimals(vec![1_234_567_890_123_456_789], 38, 2)), text).unwrap();
    assert_eq!(table.column(0).as_string::<i32>().value(0), "12345678901234567.89");
}

#[test]
fn text_is_made_of_what_is_asked_for() {
    let text = |array: ArrayRef| {
        let (table, _) = read(one(array), r#"{"types": {"x": "string"}}"#).unwrap();
        table.column(0).as_string::<i32>().value(0).to_owned()
    };
    assert_eq!(text(Arc::new(Float64Array::from(vec![1.5]))), "1.5");
    assert_eq!(text(Arc::new(Date32Array::from(vec![0]))), "1970-01-01");
    assert_eq!(text(Arc::new(millstream_sdk::arrow_array::BooleanArray::from(vec![true]))), "true");
    let (table, _) =
        read(one(Arc::new(StringArray::from(vec!["007", ""]))), r#"{"types": {"x": "int"}}"#).unwrap();
    assert_eq!(table.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(7), None]);
}

fn indexed(name: &str) -> RecordBatch {
    let numbers = |values: [i64; 2]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    batch_of([("x", numbers([5, 6])), (name, numbers([0, 1]))]).unwrap()
}

#[test]
fn an_index_of_pandas_is_no_column() {
    let names = |table: &RecordBatch| -> Vec<String> {
        table.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    let says =
        |index: &str| format!(r#"{{"index_columns": [{index}], "columns": [], "pandas_version": "2.2.0"}}"#);
    for name in ["__index_level_0__", "customer", "index"] {
        let bytes = write(&indexed(name), Some(&says(&format!("\"{name}\""))));
        let (table, logs) = read(bytes.clone(), "{}").unwrap();
        assert_eq!(names(&table), ["x"]);
        assert!(
            logs.len() == 1 && logs[0].contains(&format!("`{name}` is the index of its table")),
            "{logs:?}"
        );
        // Whoever asks for it gets it.
        for parameters in
            [format!(r#"{{"columns": ["x", "{name}"]}}"#), format!(r#"{{"types": {{"{name}": "float"}}}}"#)]
        {
            let (table, logs) = read(bytes.clone(), &parameters).unwrap();
            assert_eq!(
                (names(&table), logs.len()),
                (vec!["x".to_owned(), name.to_owned()], 0),
                "{parameters}"
            );
        }
        let like = Host::new().file("source", "x.parquet", bytes).rows("like", &indexed(name));
        assert_eq!(names(&run(like, "{}").unwrap().0).len(), 2);
    }
    let bytes = write(&indexed("customer"), Some(&says("\"customer\"")));
    assert_eq!(read(bytes, r#"{"pandas_index": "keep"}"#).unwrap().0.num_columns(), 2);
    // A range is no column; a table of nothing but an index keeps it.
    let range = r#"{"kind": "range", "name": null, "start": 0, "stop": 2, "step": 1}"#;
    let (table, logs) = read(write(&indexed("y"), Some(&says(range))), "{}").unwrap();
    assert_eq!((table.num_columns(), logs.len()), (2, 0));
    let both = says("\"x\", \"y\"");
    assert_eq!(read(write(&indexed("y"), Some(&both)), "{}").unwrap().0.num_columns(), 2);
    // Without pandas' word it is a column, though of a suspicious name.
    let (table, logs) = read(write(&indexed("__index_level_0__"), None), "{}").unwrap();
    assert!(
        table.num_columns() == 2 && logs.len() == 1 && logs[0].contains("does not say that it is one"),
        "{logs:?}"
    );
    for broken in ["", "{", "5", r#"{"index_columns": "x"}"#] {
        assert_eq!(read(write(&indexed("y"), Some(broken)), "{}").unwrap().0.num_columns(), 2);
    }
}

#[test]
fn files_of_one_table_may_differ_where_nothing_is_lost() {
    let file = |columns: Vec<(&str, ArrayRef)>| write(&batch_of(columns).unwrap(), None);
    let all = |files: Vec<Vec<u8>>, parameters: &str| {
        let host = files.into_iter().enumerate().fold(Host::new(), |host, (place, bytes)| {
            host.file("source", &format!("{place}.parquet"), bytes)
        });
        run(host, parameters)
    };
    let ints = |values: Vec<i32>| Arc::new(Int32Array::from(values)) as ArrayRef;
    let longs = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let halves = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let words = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
    let nothing = |rows| Arc::new(NullArray::new(rows)) as ArrayRef;
    // Missing throughout, other widths, another order.
    let (table, _) = all(
        vec![
            file(vec![("a", nothing(1)), ("b", ints(vec![1]))]),
            file(vec![("b", halves(vec![0.5])), ("a", words(vec!["x"]))]),
            file(vec![("a", words(vec!["y"])), ("b", longs(vec![7]))]),
        ],
        "{}",
    )
    .unwrap();
    assert_eq!(table.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("x"), Some("y")]);
    assert_eq!(table.column(1).as_primitive::<Float64Type>().values(), &[1.0, 0.5, 7.0]);
    for (files, parameters, expected) in [
        (
            vec![file(vec![("a", longs(vec![1]))]), file(vec![("a", words(vec!["x"]))])],
            "{}",
            "1.parquet, column `a`: the column holds text, but integers in 0.parquet; say by `types`",
        ),
        (
            vec![file(vec![("a", halves(vec![0.5]))]), file(vec![("a", longs(vec![9_007_199_254_740_993]))])],
            "{}",
            "1.parquet, row 1, column `a`: 9007199254740993 would lose digits",
        ),
        (
            vec![file(vec![("a", ints(vec![1]))]), file(vec![("b", ints(vec![1]))])],
            "{}",
            "1.parquet, column `a`: the table has no column `a`",
        ),
        (
            vec![file(vec![("a", ints(vec![1]))]), file(vec![("a", ints(vec![1])), ("b", ints(vec![1]))])],
            "{}",
            "1.parquet, column `b`: the file has a column that the first one does not have",
        ),
    ] {
        let refusal = all(files, parameters).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
    let (table, _) = all(
        vec![file(vec![("a", longs(vec![1]))]), file(vec![("a", words(vec!["x"]))])],
        r#"{"types": {"a": "string"}}"#,
    )
    .unwrap();
    assert_eq!(table.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("1"), Some("x")]);
    let schema: Schema = table.schema().as_ref().clone();
    assert_eq!(schema.field(0).data_type(), &DataType::Utf8);
}

#[test]
fn files_of_arrow_are_told_from_text() {
    for bytes in [&b"ARROW1\0\0\xff\xff\xff\xff"[..], b"FEA1abcd", &[0xff, 0xff, 0xff, 0xff, 16, 0, 0, 0]] {
        let host = Host::new().file("source", "x.feather", bytes);
        let refusal = run(host, "{}").unwrap_err();
        assert!(refusal.contains("the file is Arrow (Feather)") && refusal.contains("Parquet"), "{refusal}");
    }
}
