//! Whatever the text and the values are, there is a result or an error.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use millstream_query::{Expression, Query};
use proptest::prelude::*;

fn batch() -> RecordBatch {
    RecordBatch::try_from_iter([
        (
            "i",
            Arc::new(Int64Array::from(vec![Some(0), None, Some(i64::MAX), Some(i64::MIN), Some(-1)]))
                as ArrayRef,
        ),
        (
            "x",
            Arc::new(Float64Array::from(vec![
                Some(-0.0),
                Some(f64::NAN),
                Some(f64::MAX),
                None,
                Some(f64::INFINITY),
            ])),
        ),
        (
            "s",
            Arc::new(StringArray::from(vec![Some(""), Some("é%_\\"), None, Some("12"), Some("2024-02-29")])),
        ),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), None, Some(true)]))),
        ("d", Arc::new(Date32Array::from(vec![Some(0), Some(i32::MAX), Some(i32::MIN), None, Some(19_000)]))),
        (
            "t",
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(0),
                Some(i64::MAX),
                Some(i64::MIN),
                None,
                Some(1),
            ])),
        ),
    ])
    .unwrap()
}

fn expression(text: &str) {
    let batch = batch();
    for rows in [batch.num_rows(), 0] {
        let batch = batch.slice(0, rows);
        let result = Expression::parse(text)
            .and_then(|e| e.bind(&batch.schema()))
            .and_then(|bound| bound.eval(&batch));
        if let Ok(array) = result {
            assert_eq!(array.len(), rows, "{text}");
        }
    }
}

fn query(text: &str) {
    query_on(text, &batch());
}

fn query_on(text: &str, batch: &RecordBatch) {
    let bound = Query::parse(text).and_then(|query| query.bind(&[("self", &batch.schema())]));
    if let Ok(bound) = bound
        && let Ok(result) = bound.run(&[("self", batch)])
    {
        assert_eq!(result.schema(), bound.schema, "{text}");
    }
}

/// An expression of any shape, right or wrong.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("i"),
        Just("x"),
        Just("s"),
        Just("b"),
        Just("d"),
        Just("t"),
        Just("NULL"),
        Just("true"),
        Just("0"),
        Just("-1"),
        Just("9223372036854775807"),
        Just("1e308"),
        Just("2.5"),
        Just("''"),
        Just("'a%'"),
        Just("'month'"),
        Just("'%Y-%m'"),
        Just("'nan'::DOUBLE"),
        Just("DATE '2024-02-29'"),
        Just("INTERVAL '1 month'"),
        Just("INTERVAL 9999999 YEAR"),
        Just("'Europe/Berlin'"),
        Just("'999999999 hours'"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = prop_oneof![
            Just("+"),
            Just("-"),
            Just("*"),
            Just("/"),
            Just("//"),
            Just("%"),
            Just("="),
            Just("<"),
            Just(">="),
            Just("<>"),
            Just("AND"),
            Just("OR"),
            Just("||"),
            Just("LIKE"),
            Just("ILIKE"),
            Just("^"),
            Just("<<"),
            Just(">>"),
            Just("&"),
            Just("IS DISTINCT FROM"),
            Just("SIMILAR TO"),
            Just("IN"),
        ];
        let names = prop_oneof![
            Just("abs"),
            Just("round"),
            Just("length"),
            Just("upper"),
            Just("substring"),
            Just("lpad"),
            Just("left"),
            Just("right"),
            Just("split_part"),
            Just("regexp_replace"),
            Just("regexp_extract"),
            Just("date_trunc"),
            Just("date_part"),
            Just("date_diff"),
            Just("date_sub"),
            Just("strftime"),
            Just("strptime"),
            Just("make_date"),
            Just("to_months"),
            Just("to_days"),
            Just("epoch_ms"),
            Just("to_timestamp"),
            Just("timezone"),
            Just("last_day"),
            Just("greatest"),
            Just("nullif"),
            Just("coalesce"),
            Just("repeat"),
            Just("chr"),
            Just("sum"),
            Just("lag"),
            Just("concat"),
            Just("pow"),
            Just("year"),
            Just("week"),
            Just("dayname"),
            Just("translate"),
            Just("sqrt"),
        ];
        let types = prop_oneof![
            Just("BIGINT"),
            Just("DOUBLE"),
            Just("VARCHAR"),
            Just("DATE"),
            Just("TIMESTAMP"),
            Just("TIMESTAMPTZ"),
            Just("BOOLEAN"),
            Just("TINYINT"),
            Just("INTERVAL"),
        ];
        prop_oneof![
            (inner.clone(), two, inner.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (names, prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, args)| format!("{name}({})", args.join(", "))),
            (inner.clone(), types.clone()).prop_map(|(a, kind)| format!("TRY_CAST({a} AS {kind})")),
            (inner.clone(), types).prop_map(|(a, kind)| format!("({a})::{kind}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} ELSE {c} END")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} IN ({b}, NULL))")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("sum({a}) OVER (ORDER BY {b} ROWS 1 PRECEDING)")),
            inner.prop_map(|a| format!("TRY({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_result_or_an_error(text in "\\PC{0,60}") {
        expression(&text);
        query(&text);
    }

    #[test]
    fn any_words_have_a_result_or_an_error(words in prop::collection::vec(prop_oneof![
        Just("SELECT"), Just("FROM"), Just("self"), Just("WHERE"), Just("GROUP BY"), Just("ORDER BY"), Just("i"), Just("x"),
        Just("*"), Just("("), Just(")"), Just(","), Just("1"), Just("'a'"), Just("JOIN"), Just("ON"), Just("="), Just("AS"),
        Just("WITH"), Just("UNION"), Just("LIMIT"), Just("count"), Just("OVER"), Just("CASE"), Just("WHEN"), Just("END"),
        Just("NOT"), Just("IN"), Just("INTERVAL"), Just("::"), Just("DATE"), Just("ALL"), Just("DISTINCT"), Just("VALUES"),
    ], 0..20)) {
        let text = words.join(" ");
        expression(&text);
        query(&text);
        query(&format!("SELECT {text}"));
    }

    #[test]
    fn any_expression_has_a_result_or_an_error(text in any_expression()) {
        expression(&text);
    }

    #[test]
    fn any_query_of_expressions_has_a_result_or_an_error(
        a in any_expression(), b in any_expression(), c in any_expression(),
    ) {
        query(&format!("SELECT {a} AS k FROM self WHERE {b} ORDER BY {c}"));
        query(&format!("SELECT {a} AS k, count({b}), max({c}) FROM self GROUP BY k"));
        query(&format!("SELECT DISTINCT {a} FROM self UNION SELECT {b} FROM self"));
        query(&format!("SELECT {a} FROM self JOIN self AS o ON {b} = o.i LIMIT 3"));
    }
}

#[test]
fn deep_and_long_texts_are_refused_before_the_stack_ends() {
    for (open, close) in [
        ("(", ")"),
        ("NOT ", ""),
        ("- ", ""),
        ("~", ""),
        ("abs(", ")"),
        ("CASE WHEN ", " THEN 1 END"),
        ("1 + ", ""),
        ("1 = ", ""),
        ("INTERVAL ", ""),
        ("DATE ", ""),
        ("i IN (", ")"),
        ("(SELECT ", ")"),
        ("EXISTS (SELECT ", ")"),
        ("'a' || ", ""),
        ("i BETWEEN 1 AND ", ""),
        ("[", "]"),
        ("CAST(", " AS BIGINT)"),
        ("i.", ""),
        ("{'a': ", "}"),
        ("true AND ", ""),
        ("b IS NULL OR ", ""),
    ] {
        for n in [10, 100, 400, 5000] {
            let text = format!("{}1{}", open.repeat(n), close.repeat(n));
            expression(&text);
            query(&format!("SELECT {text}"));
        }
    }
    for (start, more) in [
        ("i", "::BIGINT"),
        ("i", "[1]"),
        ("CAST(i AS BIGINT", "[]"),
        ("SELECT 1", " UNION SELECT 1"),
        ("SELECT * FROM self", " CROSS JOIN self"),
        ("SELECT * FROM self", ", self"),
        ("i", " IS NULL"),
        ("i", " AT TIME ZONE 'UTC'"),
        ("VALUES (1)", ", (1)"),
        ("s", " COLLATE a"),
    ] {
        for n in [10, 100, 350, 5000] {
            let text = format!("{start}{}", more.repeat(n));
            expression(&text);
            // One row, for joins without a condition multiply.
            query_on(&text, &batch().slice(0, 1));
        }
    }
}
