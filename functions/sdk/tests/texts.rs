//! Text that was read as something else, and back.

use std::sync::Arc;

use millstream_sdk::{
    Batches, Failure,
    arrow_array::{
        Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
        Int64Array, RecordBatch, StringArray, UInt64Array, cast::AsArray,
    },
    arrow_schema::{DataType, Field, Schema, SchemaRef},
    missing::Missing,
    table::{Texts, batch_of, conform, from_ipc, print, schema_of, timestamp_type},
    testing::Host,
};

fn column(array: ArrayRef, texts: Option<Texts>) -> RecordBatch {
    let field = Field::new("x", array.data_type().clone(), true);
    let field = texts.into_iter().fold(field, |field, texts| texts.mark(field));
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

fn to(batch: &RecordBatch, kind: DataType) -> Result<ArrayRef, Failure> {
    // As it comes to a model: through the stream.
    let batch = from_ipc(to_ipc_of(batch)).unwrap();
    conform(&batch, &schema_of([("x", kind)])).map(|rows| rows.column(0).clone())
}

fn texts(array: &ArrayRef) -> Vec<Option<&str>> {
    array.as_string::<i32>().iter().collect()
}

fn words(yes: &str, no: &str) -> Option<Texts> {
    Some(Texts::Words { yes: yes.to_owned(), no: no.to_owned() })
}

#[test]
fn values_that_tell_their_texts_become_them() {
    let floats = || Arc::new(Float64Array::from(vec![Some(1.0), None, Some(2.5)])) as ArrayRef;
    let truths = || Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])) as ArrayRef;
    let days = || Arc::new(Date32Array::from(vec![Some(0), None, Some(19_782)])) as ArrayRef;
    let whole = || Arc::new(Int64Array::from(vec![Some(7), None, Some(i64::MIN)])) as ArrayRef;
    let huge = || Arc::new(UInt64Array::from(vec![Some(7), None, Some(5)])) as ArrayRef;
    for (array, said, expected) in [
        (floats(), Some(Texts::Printed), ["1", "2.5"]),
        (floats(), Some(Texts::Decimals(1)), ["1.0", "2.5"]),
        (floats(), Some(Texts::Decimals(2)), ["1.00", "2.50"]),
        (truths(), words("TRUE", "FALSE"), ["TRUE", "FALSE"]),
        (truths(), words("True", "False"), ["True", "False"]),
        (days(), Some(Texts::Printed), ["1970-01-01", "2024-02-29"]),
        (whole(), None, ["7", "-9223372036854775808"]),
        (huge(), None, ["7", "5"]),
    ] {
        let made = to(&column(array, said), DataType::Utf8).unwrap();
        assert_eq!(texts(&made), [Some(expected[0]), None, Some(expected[1])]);
    }
}

#[test]
fn values_that_do_not_are_refused_with_the_remedy() {
    let floats = || Arc::new(Float64Array::from(vec![Some(1.0), None])) as ArrayRef;
    let changed = |text: &str| Some(Texts::Changed(text.to_owned()));
    let singles: ArrayRef = Arc::new(Float32Array::from(vec![1.5]));
    let prices = Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap();
    for (array, said, expected) in [
        (floats(), changed("1e0"), "the column was read as numbers: its file has `1e0`"),
        (floats(), None, "the column holds numbers, which do not tell how they were written"),
        (singles, None, "the column holds numbers"),
        (Arc::new(prices), None, "the column holds numbers"),
        (Arc::new(BooleanArray::from(vec![true])), None, "the column holds booleans"),
        (
            Arc::new(BooleanArray::from(vec![true])),
            changed("true"),
            "was read as booleans: its file has `true`",
        ),
        (Arc::new(Int64Array::from(vec![5])), changed("+5"), "was read as integers: its file has `+5`"),
        (Arc::new(Date32Array::from(vec![5])), None, "the column holds dates"),
    ] {
        for rows in [array.clone(), array.slice(0, 0)] {
            let refusal = to(&column(rows, said.clone()), DataType::Utf8).unwrap_err().to_string();
            assert!(refusal.starts_with("column `x`: text is needed"), "{refusal}");
            assert!(refusal.contains(expected), "{refusal}\n{expected}");
            assert!(refusal.contains("like: ${{ steps.train.outputs.model }}"), "{refusal}");
            assert!(refusal.contains("types: { x: string }"), "{refusal}");
        }
    }
    // Nothing is nothing in any type.
    let nothing: ArrayRef = Arc::new(Float64Array::from(vec![None, None]));
    assert_eq!(texts(&to(&column(nothing, None), DataType::Utf8).unwrap()), [None, None]);
}

#[test]
fn text_becomes_what_it_says() {
    let text = |values: &[&str]| column(Arc::new(StringArray::from(values.to_vec())), None);
    let made = to(&text(&[" 7", "NA", "-8", "1e3", ""]), DataType::Int64).unwrap();
    assert_eq!(made.as_ref(), &Int64Array::from(vec![Some(7), None, Some(-8), Some(1000), None]));
    let made = to(&text(&["7", "0.5", "TRUE", "<NA>"]), DataType::Float64).unwrap();
    assert_eq!(made.as_ref(), &Float64Array::from(vec![Some(7.0), Some(0.5), Some(1.0), None]));
    let made = to(&text(&["True", "false"]), DataType::Boolean).unwrap();
    assert_eq!(made.as_ref(), &BooleanArray::from(vec![true, false]));
    assert_eq!(to(&text(&["1970-01-02"]), DataType::Date32).unwrap().as_ref(), &Date32Array::from(vec![1]));
    for (values, kind, expected) in [
        (
            &["1", "abc"][..],
            DataType::Float64,
            "row 2, column `x`: numbers are needed, but the text is `abc`",
        ),
        (&["1.5"], DataType::Int64, "row 1, column `x`: integers are needed, but the text is `1.5`"),
        (&["99999999999999999999"], DataType::Int64, "but the text is `99999999999999999999`"),
        (&["yes"], DataType::Boolean, "row 1, column `x`: booleans are needed"),
        (&["31.1.2024"], DataType::Date32, "dates are needed"),
        (&["2024-01-31T10:00Z"], timestamp_type(), "timestamps are needed"),
    ] {
        let refusal = to(&text(values), kind).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
}

#[test]
fn decimals_keep_their_digits_or_say_so() {
    let decimals = |values: Vec<i128>, precision, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
    };
    let keys = column(decimals(vec![9_007_199_254_740_993], 18, 0), None);
    let keys = from_ipc(to_ipc_of(&keys)).unwrap();
    assert_eq!(keys.column(0).as_ref(), &Int64Array::from(vec![9_007_199_254_740_993]));
    let long = conform(
        &column(decimals(vec![5, 17_758_512_297_797_920_001], 38, 0), None),
        &schema_of([("x", DataType::Float64)]),
    );
    let refusal = long.unwrap_err().to_string();
    assert!(refusal.contains("row 2, column `x`: 17758512297797920001 has more digits"), "{refusal}");
    let printed = print(&decimals(vec![150, -5], 10, 2)).unwrap();
    assert_eq!(texts(&printed), [Some("1.50"), Some("-0.05")]);
    assert_eq!(texts(&print(&(Arc::new(Float32Array::from(vec![0.1])) as ArrayRef)).unwrap()), [Some("0.1")]);
}

/// `to_ipc` writes canonical columns alone.
fn to_ipc_of(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn what_stood_for_nothing_in_training_is_no_value_later() {
    let own = Missing::new(&["-999", "?"]);
    let wanted =
        |kind: DataType| -> SchemaRef { Arc::new(Schema::new(vec![own.mark(Field::new("x", kind, true))])) };
    let refusal =
        |array: ArrayRef, kind| conform(&column(array, None), &wanted(kind)).unwrap_err().to_string();
    let text = refusal(Arc::new(StringArray::from(vec!["a", "?"])), DataType::Utf8);
    assert!(text.contains("row 2, column `x`: `?` stood for a missing value"), "{text}");
    let number = refusal(Arc::new(Int32Array::from(vec![5, -999])), DataType::Float64);
    assert!(number.contains("row 2, column `x`: `-999` stood for a missing value"), "{number}");
    // A table that was read with the same texts has none of them by mistake.
    let array: ArrayRef = Arc::new(Float64Array::from(vec![5.0, -999.0]));
    let batch = RecordBatch::try_new(wanted(DataType::Float64), vec![array]).unwrap();
    assert!(conform(&batch, &wanted(DataType::Float64)).is_ok());
}

#[test]
fn parts_of_a_table_say_what_all_of_them_do() {
    let part = |said| column(Arc::new(Float64Array::from(vec![1.0])), Some(said));
    let read = |parts: &[RecordBatch]| -> Batches {
        let host = parts.iter().fold(Host::new(), |host, part| host.rows("t", part));
        host.context().batches("t").unwrap()
    };
    let said = |batches: Batches| -> Vec<Option<Texts>> {
        let mut all = vec![Texts::of(batches.schema().field(0))];
        all.extend(batches.map(|batch| Texts::of(batch.unwrap().schema().field(0))));
        all
    };
    let changed = Texts::Changed("1e0".to_owned());
    let parts = [part(Texts::Printed), part(Texts::Printed), part(changed.clone())];
    assert_eq!(said(read(&parts)), vec![Some(changed); 4]);
    assert_eq!(said(read(&parts[..2])), vec![Some(Texts::Printed); 3]);
    let rows = read(&parts).concat().unwrap();
    assert_eq!((rows.num_rows(), rows.schema().field(0).metadata().len()), (3, 1));
}

#[test]
fn an_index_of_pandas_in_a_stream_is_warned_of() {
    let index: ArrayRef = Arc::new(Int64Array::from(vec![0, 1]));
    let rows = batch_of([("x", index.clone()), ("__index_level_0__", index)]).unwrap();
    let pandas = r#"{"index_columns": ["__index_level_0__"], "columns": []}"#.to_owned();
    let schema = rows
        .schema()
        .as_ref()
        .clone()
        .with_metadata(std::collections::HashMap::from([("pandas".to_owned(), pandas)]));
    let rows = RecordBatch::try_new(Arc::new(schema), rows.columns().to_vec()).unwrap();
    let host = Host::new().part("t", "t.arrow", millstream_sdk::table::MEDIA_TYPE, to_ipc_of(&rows));
    let context = host.context();
    assert_eq!(context.table("t").unwrap().num_columns(), 2);
    context.table("t").unwrap();
    let warnings: Vec<String> = host.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("`__index_level_0__` is the index"), "{warnings:?}");
}
