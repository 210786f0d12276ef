//! CSV files, sound and broken.

use fn_extract::Extract;
use millstream_sdk::{
    arrow_array::{Array, RecordBatch, cast::AsArray, types::*},
    arrow_schema::{DataType, TimeUnit},
    testing::Host,
};
use proptest::prelude::*;

fn read(parameters: &str, files: &[&[u8]]) -> Result<RecordBatch, String> {
    let host = files
        .iter()
        .enumerate()
        .fold(Host::new(), |host, (index, bytes)| host.file("source", &format!("{index}.csv"), *bytes));
    host.run::<Extract>(parameters).map_err(|failure| failure.to_string())?;
    Ok(host.table("table"))
}

fn table(text: &str) -> RecordBatch {
    read("{}", &[text.as_bytes()]).unwrap()
}

fn refusal(parameters: &str, text: &[u8]) -> String {
    read(parameters, &[text]).unwrap_err()
}

fn kinds(table: &RecordBatch) -> Vec<DataType> {
    table.schema().fields().iter().map(|field| field.data_type().clone()).collect()
}

fn texts(table: &RecordBatch, column: usize) -> Vec<Option<&str>> {
    table.column(column).as_string::<i32>().iter().collect()
}

fn floats(table: &RecordBatch, column: usize) -> Vec<Option<f64>> {
    table.column(column).as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn types_follow_from_the_values() {
    let table = table(
        "i,f,b,d,t,z,s,none\n1,0.5,true,2024-01-31,2024-01-31T10:00,2024-01-31T10:00:00Z,x,\n-2,NA,False,,,,\"a,\nb\",NA\n",
    );
    use DataType::*;
    let micros = |zone: Option<&str>| Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    assert_eq!(
        kinds(&table),
        [Int64, Float64, Boolean, Date32, micros(None), micros(Some("UTC")), Utf8, Float64]
    );
    assert_eq!(floats(&table, 1), [Some(0.5), None]);
    assert_eq!(texts(&table, 6), [Some("x"), Some("a,\nb")]);
    assert_eq!(table.column(7).null_count(), 2);
}

/// Rows of which the first 70,000, more than a batch, hold one value and the last another.
fn late(first: &str, last: &str) -> RecordBatch {
    let mut text = String::from("x,y\n");
    (0..70_000).for_each(|row| text.push_str(&format!("{first},{row}\n")));
    text.push_str(&format!("{last},-1\n"));
    table(&text)
}

#[test]
fn a_column_widens_however_late() {
    let numbers = late("7", "0.5");
    assert_eq!(floats(&numbers, 0)[0], Some(7.0));
    assert_eq!(floats(&numbers, 0)[70_000], Some(0.5));
    let codes = late("007", "x7");
    assert_eq!((texts(&codes, 0)[0], texts(&codes, 0)[70_000]), (Some("007"), Some("x7")));
    let empty = late("", "x7");
    assert_eq!((texts(&empty, 0)[0], texts(&empty, 0)[70_000]), (None, Some("x7")));
    let dates = late("2024-01-01", "2024-01-01 12:00");
    assert_eq!(dates.column(0).as_primitive::<TimestampMicrosecondType>().value(0) % 86_400_000_000, 0);
    for table in [numbers, codes, empty, dates] {
        assert_eq!(table.num_rows(), 70_001);
        assert_eq!(table.column(1).as_primitive::<Int64Type>().value(69_999), 69_999);
    }
}

#[test]
fn a_column_widens_beyond_the_sample_within_a_batch() {
    let mut text = String::from("x,y\n");
    (0..2_000).for_each(|row| text.push_str(&format!("{row},\n")));
    text.push_str("0.5,late\n");
    let table = table(&text);
    assert_eq!(floats(&table, 0)[1_999], Some(1999.0));
    assert_eq!(floats(&table, 0)[2_000], Some(0.5));
    assert_eq!(texts(&table, 1)[1_999..], [None, Some("late")]);
}

#[test]
fn types_can_be_said() {
    let csv = b"code,n\n007,1\n008,2\n";
    let table = read(r#"{"types": {"code": "string", "n": "float"}}"#, &[csv]).unwrap();
    assert_eq!(texts(&table, 0), [Some("007"), Some("008")]);
    assert_eq!(floats(&table, 1), [Some(1.0), Some(2.0)]);
    let wrong = refusal(r#"{"types": {"n": "int"}}"#, b"n\n1\n1.5\n");
    assert_eq!(wrong, "input `source`, 0.csv, row 2, column `n`: `1.5` is not a 64-bit integer");
    let unknown = refusal(r#"{"types": {"cod": "int"}}"#, csv);
    assert!(unknown.contains("parameter `types`") && unknown.contains("`code`"), "{unknown}");
}

#[test]
fn columns_rows_and_names_can_be_chosen() {
    let csv = b"junk\na,b,c\n1,x,3\n2,y,4\n";
    let table = read(r#"{"columns": ["c", "a"], "skip_rows": 1, "limit": 1}"#, &[csv]).unwrap();
    assert_eq!(table.schema().field(0).name(), "c");
    assert_eq!((table.num_rows(), table.num_columns()), (1, 2));
    let named = read(r#"{"header": false, "column_names": ["p", "q"]}"#, &[b"1,2\n"]).unwrap();
    assert_eq!(named.schema().field(1).name(), "q");
    let numbered = read(r#"{"header": false}"#, &[b"1,2\n"]).unwrap();
    assert_eq!(numbered.schema().field(1).name(), "column_2");
    assert!(refusal(r#"{"columns": ["aa"]}"#, b"a,b\n1,2\n").contains("did you mean `a`?"));
    assert!(refusal(r#"{"column_names": ["a"]}"#, b"a,b\n1,2\n").contains("1 names are given"));
}

#[test]
fn dialects() {
    let table = read(r#"{"delimiter": ";", "quote": "'"}"#, &[b"a;b\n'x;''y';2\n"]).unwrap();
    assert_eq!(texts(&table, 0), [Some("x;'y")]);
    let table = read(r#"{"delimiter": "tab"}"#, &[b"a\tb\r\n1\t2\r\n"]).unwrap();
    assert_eq!((table.num_rows(), table.num_columns()), (1, 2));
    let table = read(r#"{"missing_values": ["-999", "?"]}"#, &[b"a,b\n-999,?\n1,x\n"]).unwrap();
    assert_eq!((table.column(0).null_count(), table.column(1).null_count()), (1, 1));
    assert!(refusal(r#"{"delimiter": ";;"}"#, b"a\n1\n").contains("one ASCII character"));
    assert!(refusal(r#"{"delimeter": ";"}"#, b"a\n1\n").contains("did you mean `delimiter`?"));
}

#[test]
fn infinities_are_numbers_and_nan_is_missing() {
    let table = table("a\ninf\n-inf\nnan\n1\n");
    assert_eq!(floats(&table, 0), [Some(f64::INFINITY), Some(f64::NEG_INFINITY), None, Some(1.0)]);
}

#[test]
fn a_byte_order_mark_and_gzip_are_taken_off() {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"\xef\xbb\xbfa,b\n1,2\n").unwrap();
    let bytes = gzip.finish().unwrap();
    let host = Host::new().file("source", "data.bin", bytes.clone());
    host.run::<Extract>("{}").unwrap();
    assert_eq!(host.table("table").schema().field(0).name(), "a");
    let host = Host::new().file("source", "data.csv.gz", &bytes[..bytes.len() - 9]);
    assert!(host.run::<Extract>("{}").unwrap_err().to_string().contains("gzip stream is damaged"));
}

#[test]
fn several_files_are_one_table() {
    let table = read("{}", &[b"a,b\n1,x\n", b"a,b\n2.5,y\n"]).unwrap();
    assert_eq!(floats(&table, 0), [Some(1.0), Some(2.5)]);
    let differs = read("{}", &[b"a,b\n1,x\n", b"a,c\n2,y\n"]).unwrap_err();
    assert!(differs.contains("1.csv: its columns differ"), "{differs}");
}

#[test]
fn broken_files_are_refused_by_file_row_and_column() {
    for (bytes, expected) in [
        (&b""[..], "input `source`, 0.csv: the file is empty"),
        (b"\xef\xbb\xbf", "input `source`, 0.csv: the file has no records"),
        (b"a,b\n", "input `source`, 0.csv: there is a header, but no row"),
        (b"a,a\n1,2\n", "input `source`, 0.csv, column `a`: two columns have this name"),
        (b"a,b\n1,2\n3\n", "input `source`, 0.csv, row 2: the row has 1 fields, but there are 2 columns"),
        (b"a,b\n1,2\n3,4,5\n", "input `source`, 0.csv, row 2: the row has 3 fields"),
        (b"a,b\n1,x\n2,\"y\n3,z\n", "input `source`, 0.csv, row 2: the file ends inside a quoted field"),
        (b"a,b\n1,\"x\n", "input `source`, 0.csv, row 1: the file ends inside a quoted field"),
        (b"a,b\n1,ab\xff\n", "input `source`, 0.csv, row 1, column `b`: byte 3 of the field is not UTF-8"),
        (b"\xff\xfea\0", "input `source`, 0.csv: the file is UTF-16"),
    ] {
        let refusal = refusal("{}", bytes);
        assert!(refusal.starts_with(expected), "{refusal}\n{expected}");
    }
    // A quote that is closed by the last byte, and one that is a field's own.
    assert_eq!(texts(&table("a\n\"x\"\"y\""), 0), [Some("x\"y")]);
    assert_eq!(texts(&table("a,b\n1,x\"y"), 1), [Some("x\"y")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Text columns hold what the `csv` crate wrote.
    #[test]
    fn text_survives(rows in prop::collection::vec(("[a-z \",\n\r;é]{0,8}", "[x-z]{1,3}"), 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        rows.iter().for_each(|(a, b)| writer.write_record([a, b]).unwrap());
        let bytes = writer.into_inner().unwrap();
        let table = read(r#"{"types": {"a": "string", "b": "string"}, "missing_values": [""]}"#, &[&bytes]).unwrap();
        let expected: Vec<_> = rows.iter().map(|(a, _)| Some(a.as_str()).filter(|a| !a.trim_ascii().is_empty())).collect();
        prop_assert_eq!(texts(&table, 0), expected);
    }

    /// Numbers are read to the last bit, wherever they are.
    #[test]
    fn numbers_survive(numbers in prop::collection::vec(prop::num::f64::NORMAL, 1..50)) {
        let text = numbers.iter().fold("n,i\n".to_owned(), |text, number| format!("{text}{number:?},{}\n", number.to_bits() as i64));
        let table = table(&text);
        prop_assert_eq!(floats(&table, 0), numbers.iter().copied().map(Some).collect::<Vec<_>>());
        let ints: Vec<_> = table.column(1).as_primitive::<Int64Type>().values().to_vec();
        prop_assert_eq!(ints, numbers.iter().map(|number| number.to_bits() as i64).collect::<Vec<_>>());
    }

    /// Whatever the bytes: a table or a failure, no panic.
    #[test]
    fn arbitrary_bytes_are_no_fault_of_ours(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "[a-c0-9\",.\n\r é\\-]{0,200}".prop_map(String::into_bytes),
            "(\\{(\"[ab]\": ?[0-9a-z\"\\[\\{\\}]{0,6},?){0,3}\\}\n){0,5}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..100).prop_map(|mut tail| { let mut all = b"PAR1".to_vec(); all.append(&mut tail); all.extend(b"PAR1"); all }),
            prop::collection::vec(any::<u8>(), 0..100).prop_map(|mut tail| { let mut all = vec![0x1f, 0x8b, 8, 0]; all.append(&mut tail); all }),
        ],
        format in prop_oneof![Just("auto"), Just("csv"), Just("json-lines"), Just("parquet")],
        name in prop_oneof![Just("x"), Just("x.csv"), Just("x.jsonl")],
    ) {
        let host = Host::new().file("source", name, bytes);
        if let Err(failure) = host.run::<Extract>(&format!(r#"{{"format": "{format}"}}"#)) {
            prop_assert!(!matches!(failure, millstream_sdk::Failure::Internal(_)), "{}", failure);
        }
    }
}
