//! What columns of text lose by being read as something else: nothing, or they say so.

use std::collections::BTreeSet;

use fn_extract::Extract;
use millstream_sdk::{
    Level,
    arrow_array::{RecordBatch, cast::AsArray, types::*},
    arrow_schema::DataType,
    missing::is_missing,
    table::{Texts, conform, schema_of},
    testing::Host,
};
use proptest::prelude::*;

struct Read {
    table: RecordBatch,
    logs: Vec<String>,
}

fn read_file(name: &str, parameters: &str, text: &str) -> Result<Read, String> {
    let host = Host::new().file("source", name, text.as_bytes());
    host.run::<Extract>(parameters).map_err(|failure| failure.to_string())?;
    let warnings = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    let logs = warnings.map(|(_, line)| line).collect();
    Ok(Read { table: host.table("table"), logs })
}

fn read(text: &str) -> Read {
    read_file("x.csv", "{}", text).unwrap()
}

fn column(values: &[&str]) -> Read {
    read(&format!("x,n\n{}", values.iter().map(|value| format!("{value},1\n")).collect::<String>()))
}

impl Read {
    fn kind(&self) -> DataType {
        self.table.schema().field(0).data_type().clone()
    }

    fn texts(&self) -> Vec<Option<&str>> {
        self.table.column(0).as_string::<i32>().iter().collect()
    }

    /// Its one warning.
    #[track_caller]
    fn says(&self, expected: &str) {
        assert!(self.logs.len() == 1 && self.logs[0].contains(expected), "{:?}\n{expected}", self.logs);
    }
}

#[test]
fn codes_keep_their_zeros() {
    for values in
        [&["02139", "10001"][..], &["007"], &["00", "1"], &["7", "", "007"], &["01", "9007199254740993"]]
    {
        let read = column(values);
        let expected: Vec<_> =
            values.iter().map(|value| Some(*value).filter(|value| !value.is_empty())).collect();
        assert_eq!(read.texts(), expected);
        read.says("column `x` is kept as text: as a number");
        read.says("set `types: { x: int }`");
    }
    column(&["02139", "10001"]).says("`02139` would lose its leading zero");
    column(&["01", "9007199254740993"]).says("`01` would lose its leading zero");
    let numbers = read_file("x.csv", r#"{"types": {"x": "int"}}"#, "x\n007\n08\n").unwrap();
    assert_eq!(numbers.table.column(0).as_primitive::<Int64Type>().values(), &[7, 8]);
    assert!(numbers.logs.is_empty());
    // No codes: a zero alone, fractions, signs.
    for (values, kind) in [
        (&["0", "10"][..], DataType::Int64),
        (&["0.5", "00.5"], DataType::Float64),
        (&["-07", "+07"], DataType::Int64),
        (&["0e3"], DataType::Float64),
    ] {
        let read = column(values);
        assert_eq!((read.kind(), read.logs.len()), (kind, 0), "{values:?}");
    }
    column(&["007", "0.5"]).says("beside numbers such as `0.5`, `007` would lose something");
}

#[test]
fn long_integers_keep_their_digits() {
    let ids: Vec<String> = (0..40).map(|id| (17_758_512_297_797_920_000u64 + id).to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let big = column(&ids);
    assert_eq!(big.texts().into_iter().flatten().collect::<BTreeSet<_>>().len(), 40);
    assert_eq!(big.texts(), ids.iter().copied().map(Some).collect::<Vec<_>>());
    big.says("`17758512297797920000` does not fit into a 64-bit integer");
    // One that is late, beside small ones, below zero, or the print of a floating-point number.
    for values in [
        &["1", "2", "9223372036854775808"][..],
        &["-9223372036854775809", "5"],
        &["20000000000000000000", "1"],
        &["", "123456789012345678901234567890"],
    ] {
        let read = column(values);
        let expected: Vec<_> =
            values.iter().map(|value| Some(*value).filter(|value| !value.is_empty())).collect();
        assert_eq!(read.texts(), expected);
        assert_eq!(read.logs.len(), 1);
    }
    // 64 bits hold these, a missing value beside them or not.
    let long = column(&["9223372036854775807", "", "-9223372036854775808", "9007199254740993"]);
    let values: Vec<_> = long.table.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(values, [Some(i64::MAX), None, Some(i64::MIN), Some(9_007_199_254_740_993)]);
    assert!(long.logs.is_empty());
    // One fraction among them would cost digits.
    for values in [
        &["9007199254740993", "0.5"][..],
        &["0.5", "9007199254740993"],
        &["1", "0.5", "17758512297797920001"],
    ] {
        let read = column(values);
        assert_eq!(read.texts(), values.iter().copied().map(Some).collect::<Vec<_>>());
        read.says("beside numbers such as `0.5`");
    }
    // It would not here.
    for values in [&["9007199254740992", "0.5"][..], &["20000000000000000000", "0.5"], &["1", "1e300", "2"]] {
        let read = column(values);
        assert_eq!((read.kind(), read.logs.len()), (DataType::Float64, 0), "{values:?}");
    }
    let asked = read_file("x.csv", r#"{"types": {"x": "float"}}"#, "x\n17758512297797920001\n").unwrap();
    assert_eq!((asked.kind(), asked.logs.len()), (DataType::Float64, 0));
}

#[test]
fn json_lines_keep_them_too() {
    let lines = "{\"x\": 17758512297797920000}\n{\"x\": 17758512297797920001}\n{\"x\": null}\n{}\n";
    let big = read_file("x.jsonl", "{}", lines).unwrap();
    assert_eq!(big.texts(), [Some("17758512297797920000"), Some("17758512297797920001"), None, None]);
    big.says("does not fit into a 64-bit integer");
    let long = read_file("x.jsonl", "{}", "{\"x\": 9007199254740993}\n{\"x\": 0.5}\n").unwrap();
    assert_eq!(long.texts(), [Some("9007199254740993"), Some("0.5")]);
    // Text keeps numbers as they stand.
    let mixed =
        read_file("x.jsonl", "{}", "{\"x\": \"a\"}\n{\"x\": 1e3}\n{\"x\": 1.0}\n{\"x\": true}\n").unwrap();
    assert_eq!(mixed.texts(), [Some("a"), Some("1e3"), Some("1.0"), Some("true")]);
    let said = read_file("x.jsonl", r#"{"types": {"x": "string"}}"#, "{\"x\": 1e3}\n{\"x\": 1.0}\n").unwrap();
    assert_eq!(said.texts(), [Some("1e3"), Some("1.0")]);
}

/// A column of more rows than a batch has, of which the last ones are other than all before.
#[test]
fn what_comes_late_counts_as_much() {
    let late = |first: &str, last: &str| {
        let mut text = String::from("x,n\n");
        (0..70_000).for_each(|row| text.push_str(&format!("{first},{row}\n")));
        text.push_str(&format!("{last},0\n"));
        read(&text)
    };
    let codes = late("7", "007");
    assert_eq!((codes.texts()[0], codes.texts()[70_000]), (Some("7"), Some("007")));
    let big = late("7", "17758512297797920001");
    assert_eq!((big.texts()[0], big.texts()[70_000]), (Some("7"), Some("17758512297797920001")));
    let digits = late("9007199254740993", "0.5");
    assert_eq!((digits.texts()[0], digits.texts()[70_000]), (Some("9007199254740993"), Some("0.5")));
    let digits = late("0.5", "9007199254740993");
    assert_eq!((digits.texts()[0], digits.texts()[70_000]), (Some("0.5"), Some("9007199254740993")));
    let said = |read: Read| Texts::of(read.table.schema().field(0));
    let changed = |text: &str| Some(Texts::Changed(text.to_owned()));
    assert_eq!(said(late("7", "8")), None);
    assert_eq!(said(late("7", "+8")), changed("+8"));
    assert_eq!(said(late("1.5", "2.50")), changed("2.50"));
    assert_eq!(said(late("1.0", "2.5")), Some(Texts::Decimals(1)));
    assert_eq!(said(late("1.0", "2.25")), changed("1.0"));
    assert_eq!(said(late("TRUE", "true")), changed("true"));
    assert_eq!(said(late("TRUE", "FALSE")), Some(Texts::Words { yes: "TRUE".into(), no: "FALSE".into() }));
}

#[test]
fn columns_of_one_table_may_come_from_unlike_files() {
    let host = Host::new()
        .file("source", "a.csv", "x,y\n1,TRUE\n2,FALSE\n")
        .file("source", "b.csv", "x,y\n007,unknown\n")
        .file("source", "c.csv", "x,y\n,\n");
    host.run::<Extract>("{}").unwrap();
    let table = host.table("table");
    let texts = |place: usize| table.column(place).as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(texts(0), [Some("1"), Some("2"), Some("007"), None]);
    assert_eq!(texts(1), [Some("TRUE"), Some("FALSE"), Some("unknown"), None]);
}

#[test]
fn texts_that_were_missing_are_told() {
    let read = read_file("x.csv", r#"{"missing_values": ["-999", "?"]}"#, "a,b\n-999,?\n1,x\n").unwrap();
    for field in read.table.schema().fields() {
        let own = millstream_sdk::missing::Missing::of(field).unwrap();
        assert_eq!(own.texts(), ["-999", "?"]);
    }
    let usual = column(&["1", "NA"]);
    assert!(usual.table.schema().fields().iter().all(|field| field.metadata().is_empty()));
}

#[test]
fn json_strings_are_what_they_say() {
    let lines = "{\"x\": \"\", \"y\": \"1\"}\n{\"x\": \"NA\", \"y\": \"\"}\n{\"x\": null, \"y\": \"NA\"}\n";
    let read = read_file("x.jsonl", r#"{"types": {"y": "float"}}"#, lines).unwrap();
    assert_eq!(read.texts(), [Some(""), Some("NA"), None]);
    // Where no text is wanted, they are read as in CSV.
    let numbers: Vec<_> = read.table.column(1).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(numbers, [Some(1.0), None, None]);
    // In CSV quotes make no difference, as in pandas.
    let csv = column(&["\"\"", "\"NA\"", "a"]);
    assert_eq!(csv.texts(), [None, None, Some("a")]);
}

#[test]
fn nan_in_json_is_missing_and_said() {
    let lines = "{\"a\": 1, \"b\": \"NaN\"}\n{\"a\":NaN,\"b\":\"x \\\"NaN\"}\n\n{\"a\": NaN, \"b\": NaN}\n";
    let read = read_file("x.jsonl", "{}", lines).unwrap();
    let numbers: Vec<_> = read.table.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(numbers, [Some(1), None, None]);
    let texts: Vec<_> = read.table.column(1).as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("NaN"), Some("x \"NaN"), None]);
    read.says("`NaN` is not JSON; it is taken for a missing value, 3 times, first in line 2 of x.jsonl");
    for (line, expected) in [
        ("{\"a\": Infinity}", "row 2: line 2, column 7: `Infinity` is not JSON: write null"),
        ("{\"a\": [-Infinity]}", "row 2: line 2, column 8: `-Infinity` is not JSON"),
        ("{\"a\": NaNs}", "row 2: line 2 is not a JSON object"),
        ("{\"a\": nan}", "row 2: line 2 is not a JSON object: expected ident at column 8"),
        ("{\"NaN", "row 2: line 2 is not a JSON object"),
    ] {
        let refusal = read_file("x.jsonl", "{}", &format!("{{\"a\": 1}}\n{line}\n")).err().unwrap();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
}

#[test]
fn a_blank_before_a_quote() {
    let text = "a, \"b\", c\n1, \"x, y\", 3\n2, \"z\", 4\n";
    let refusal = read_file("x.csv", "{}", text).err().unwrap();
    assert!(refusal.contains("a blank stands before the quote of field 2"), "{refusal}");
    let refusal = read_file("x.csv", "{}", "a,b\n1,2\n3, \"x\"\n").err().unwrap();
    assert!(refusal.contains("row 2: a blank stands before the quote of field 2"), "{refusal}");
    let read = read_file("x.csv", r#"{"skip_initial_space": true}"#, text).unwrap();
    let names: Vec<String> = read.table.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let texts: Vec<_> = read.table.column(1).as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("x, y"), Some("z")]);
}

#[test]
fn row_numbers_of_pandas_and_r_are_warned_of() {
    for (header, name) in [(",x", "column_1"), ("\"\",\"x\"", "column_1"), ("Unnamed: 0,x", "Unnamed: 0")] {
        let read = read(&format!("{header}\n0,5\n1,6\n"));
        assert_eq!(read.table.schema().field(0).name(), name);
        read.says(&format!("it is the column `{name}` now"));
    }
    for header in ["id,x", "x,", "Unnamed: x,y"] {
        assert!(read(&format!("{header}\n0,5\n1,6\n")).logs.is_empty(), "{header}");
    }
    let chosen = read_file("x.csv", r#"{"columns": ["x"]}"#, ",x\n0,5\n").unwrap();
    assert!(chosen.logs.is_empty());
}

#[test]
fn times_finer_than_microseconds_are_said() {
    let read = read("t\n2024-01-01T00:00:00.1234567\n");
    read.says("times finer than a microsecond, such as `2024-01-01T00:00:00.1234567`");
    assert!(self::read("t\n2024-01-01T00:00:00.123456000\n").logs.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever stands in a column: asked for as text, it is what stood there, or is refused.
    #[test]
    fn text_is_had_back_or_refused(
        fields in prop::collection::vec(prop_oneof![
            Just("TRUE".to_owned()), Just("true".to_owned()), Just("False".to_owned()), Just("NA".to_owned()),
            Just("2024-01-31".to_owned()), Just("2024-01-31T10:00:00".to_owned()), Just("2024-01-31 10:00".to_owned()),
            Just("9007199254740993".to_owned()), Just("17758512297797920001".to_owned()), Just("1e3".to_owned()),
            "[-+]?[0-9]{1,3}", "[0-9]{1,2}\\.[0-9]{1,2}", " ?[0-9]{1,2} ?", "[a-c]",
        ], 1..4),
    ) {
        let text: String = fields.iter().map(|field| format!("{field},1\n")).collect();
        let read = read(&format!("x,n\n{text}"));
        let expected: Vec<Option<&str>> = fields.iter().map(|field| Some(field.as_str()).filter(|field| !is_missing(field.as_bytes()))).collect();
        match conform(&read.table, &schema_of([("x", DataType::Utf8)])) {
            Ok(rows) => prop_assert_eq!(rows.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), expected),
            Err(failure) => {
                let failure = failure.to_string();
                prop_assert!(failure.contains("column `x`: text is needed"), "{}", failure);
                prop_assert!(read.kind() != DataType::Utf8);
            }
        }
    }
}
