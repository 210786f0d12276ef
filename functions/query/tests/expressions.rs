//! Single expressions: values, types, where they are wrong, and how they are kept.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt64Array,
    builder::{Int64Builder, ListBuilder},
    cast::AsArray,
    types::{Float64Type, Int32Type, Int64Type},
};
use arrow_schema::DataType;
use millstream_query::{Bound, Expression, Position, Problem};

fn batch() -> RecordBatch {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for _ in 0..3 {
        lists.append_value([Some(1)]);
    }
    let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("b")].into_iter().collect();
    RecordBatch::try_from_iter([
        ("i", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef),
        ("small", Arc::new(Int32Array::from(vec![10, 20, 30]))),
        ("x", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None]))),
        ("narrow", Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5]))),
        ("label", Arc::new(StringArray::from(vec![Some(" yes."), Some("no"), None]))),
        ("Mixed Case", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("colour", Arc::new(dictionary)),
        ("list", Arc::new(lists.finish())),
    ])
    .unwrap()
}

fn bind(text: &str) -> Result<Bound, Problem> {
    Expression::parse(text)?.bind(&batch().schema())
}

fn integers(text: &str) -> Vec<Option<i64>> {
    bind(text).unwrap().eval(&batch()).unwrap().as_primitive::<Int64Type>().iter().collect()
}

fn texts(text: &str) -> Vec<Option<String>> {
    let array = bind(text).unwrap().eval(&batch()).unwrap();
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn error(text: &str) -> (Option<(u64, u64)>, String) {
    let problem = bind(text).and_then(|bound| bound.eval(&batch())).unwrap_err();
    (problem.position.map(|Position { line, column }| (line, column)), problem.to_string())
}

#[test]
fn columns_of_all_widths_are_computed_with() {
    assert_eq!(integers("i + small"), [Some(11), None, Some(33)]);
    let halves = bind("narrow * 2").unwrap().eval(&batch()).unwrap();
    assert_eq!(halves.as_primitive::<Float64Type>().values(), &[1.0, 3.0, 5.0]);
    assert_eq!(texts("colour || '!'"), [Some("a!".to_owned()), None, Some("b!".to_owned())]);
}

#[test]
fn a_label_is_cleaned() {
    let cleaned = texts("lower(trim(label, ' .'))");
    assert_eq!(cleaned, [Some("yes".to_owned()), Some("no".to_owned()), None]);
}

#[test]
fn names_are_found_in_any_case_and_with_blanks() {
    assert_eq!(integers("CASE WHEN \"mixed case\" THEN I ELSE 0 END"), [Some(1), Some(0), Some(3)]);
}

#[test]
fn types_are_known_before_rows() {
    for (text, data_type) in [
        ("i + 1", DataType::Int64),
        ("i / 1", DataType::Float64),
        ("i > 1", DataType::Boolean),
        ("label", DataType::Utf8),
        ("DATE '2024-01-31'", DataType::Date32),
        ("NULL", DataType::Null),
    ] {
        assert_eq!(bind(text).unwrap().data_type, data_type, "{text}");
    }
}

#[test]
fn only_what_looks_at_other_rows_is_not_row_wise() {
    assert!(bind("i + 1").unwrap().row_wise);
    let lag = bind("i - lag(i) OVER (ORDER BY small)").unwrap();
    assert!(!lag.row_wise);
    assert_eq!(integers("small - lag(small) OVER (ORDER BY small)"), [None, Some(10), Some(10)]);
}

#[test]
fn a_bound_expression_is_kept_by_its_text_and_the_columns_it_reads() {
    let bound = bind("coalesce(i, small) + 1").unwrap();
    let kept = serde_json::to_string(&bound).unwrap();
    let read: Bound = serde_json::from_str(&kept).unwrap();
    assert_eq!(read.columns().collect::<Vec<_>>(), ["i", "small"]);
    // Other columns may come, go and move.
    let other = batch().project(&[1, 0]).unwrap();
    let values = read.eval(&other).unwrap();
    assert_eq!(values.as_primitive::<Int64Type>().values(), &[2, 21, 4]);
}

#[test]
fn a_kept_expression_refuses_other_types() {
    let bound = bind("i + 1").unwrap();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let problem = bound.eval(&RecordBatch::try_from_iter([("i", text)]).unwrap()).unwrap_err();
    assert!(problem.message.contains("the column `i` as BIGINT, not VARCHAR"), "{problem}");
    let none =
        bound.eval(&RecordBatch::try_from_iter([("k", batch().column(0).clone())]).unwrap()).unwrap_err();
    assert!(none.message.contains("the column `i`, which is not there"), "{none}");
}

#[test]
fn conditions_hold_where_they_are_true() {
    assert_eq!(bind("i > 1").unwrap().holds(&batch()).unwrap(), [false, false, true]);
    assert!(bind("i").unwrap().holds(&batch()).unwrap_err().message.contains("no condition"));
}

#[test]
fn errors_say_where_and_what_else_there_is() {
    let (place, text) = error("small +\n  smal");
    assert_eq!(place, Some((2, 3)));
    assert!(text.contains("no column `smal`; did you mean `small`?"), "{text}");
    let (place, text) = error("1 + uper(label)");
    assert_eq!(place, Some((1, 5)));
    assert!(text.contains("did you mean `upper`?"), "{text}");
    let (place, text) = error("i + (1");
    assert!(place.is_some() && text.contains("Expected"), "{text}");
    let (_, text) = error("i + label");
    assert!(text.contains("`+` does not take (BIGINT, VARCHAR)") && text.contains("CAST"), "{text}");
    let (place, text) = error("i + 1 banana");
    assert_eq!(place, Some((1, 7)));
    assert!(text.contains("`banana` was not expected"), "{text}");
}

#[test]
fn what_is_not_there_is_named() {
    for (text, what) in [
        ("now()", "`now` does not give the same each time"),
        ("sum(i)", "the aggregate `sum` cannot stand in an expression of its own"),
        ("(SELECT 1)", "a subquery cannot stand in an expression"),
        ("[1, 2]", "is not supported"),
        ("CAST(i AS DECIMAL(10, 2))", "there is no type `DECIMAL(10,2)`"),
        ("list = list", "`=` does not take"),
        ("date_trunc('moth', DATE '2024-01-01')", "did you mean `month`?"),
        ("i AT TIME ZONE 'UTC'", "does not take"),
        ("row_number()", "OVER (...) has to follow"),
    ] {
        let (_, message) = error(text);
        assert!(message.contains(what), "{text}: {message}");
    }
}

#[test]
fn wrong_values_are_named_with_their_rows() {
    for (text, what, row) in [
        ("small // (small - 20)", "division by zero: 20 // 0", Some(1)),
        ("small * 9223372036854775807", "overflow in multiplication: 10 * 9223372036854775807", Some(0)),
        ("label::BIGINT", "` yes.` is no BIGINT; TRY_CAST gives NULL instead", Some(0)),
        ("regexp_matches(label, '(a')", "unclosed group", Some(0)),
        ("1 // 0", "division by zero", None),
        ("'x'::DATE", "`x` is no DATE, such as `2024-01-31`", None),
        ("INTERVAL '3000000 hours'", "longer than 292 years", None),
    ] {
        let problem = bind(text).and_then(|bound| bound.eval(&batch())).unwrap_err();
        assert!(problem.message.contains(what), "{text}: {problem}");
        assert_eq!(problem.row, row, "{text}");
    }
}

#[test]
fn what_is_decided_is_not_computed() {
    assert_eq!(integers("CASE WHEN small <> 20 THEN 60 // (small - 20) END"), [Some(-6), None, Some(6)]);
    assert_eq!(integers("coalesce(NULLIF(small, 20), 7, 1 // (small - 20))"), [Some(10), Some(7), Some(30)]);
    let both = bind("small <> 20 AND 60 // (small - 20) > 0").unwrap().holds(&batch()).unwrap();
    assert_eq!(both, [false, false, true]);
    assert_eq!(integers("TRY(60 // (small - 20))"), [Some(-6), None, Some(6)]);
}

#[test]
fn large_numbers_that_do_not_fit_are_errors() {
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
    let batch = RecordBatch::try_from_iter([("n", large)]).unwrap();
    let bound = Expression::parse("n + 1").unwrap().bind(&batch.schema()).unwrap();
    let problem = bound.eval(&batch).unwrap_err();
    assert!(problem.message.contains("more than a BIGINT holds") && problem.row == Some(1), "{problem}");
}

#[test]
fn a_large_regular_expression_is_refused_and_a_nested_one_ends() {
    let (_, text) = error("regexp_matches(label, '((a{1,100}){1,100}){1,100}')");
    assert!(text.contains("needs more than"), "{text}");
    let long = format!("regexp_matches('{}b', '^(a+)+$')", "a".repeat(20_000));
    let array = bind(&long).unwrap().eval(&batch()).unwrap();
    assert!(!array.as_boolean().value(0));
}

#[test]
fn a_column_that_is_not_computed_with_can_be_taken() {
    let array = bind("CASE WHEN i IS NULL THEN NULL ELSE list END").unwrap().eval(&batch()).unwrap();
    assert!(array.is_null(1) && array.is_valid(2));
    let missing = bind("list IS NULL").unwrap().eval(&batch()).unwrap();
    assert_eq!(missing.as_boolean().true_count(), 0);
}

#[test]
fn lengths_beyond_32_bits_are_those_of_any_machine() {
    for (text, expected) in [
        ("left('abc', 4294967297)", "abc"),
        ("right('abc', -4294967297)", ""),
        ("substring('abc', 4294967297)", ""),
        ("substring('abc', -4294967297, 4294967296)", "ab"),
    ] {
        assert_eq!(texts(text)[0].as_deref(), Some(expected), "{text}");
    }
    assert!(error("lpad('abc', 4294967299, 'x')").1.contains("would be longer"));
}
