//! Bad columns, and that the model takes any rows: the same schema comes out.

use std::sync::Arc;

use fn_features::{Features, Fitted};
use millstream_sdk::{
    Level,
    arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray},
    table::batch_of,
    testing::Host,
};
use proptest::prelude::*;

/// Each step that takes numbers, by itself.
const OF_NUMBERS: [&str; 25] = [
    r#""impute:mean""#,
    r#""impute:median""#,
    r#""impute:most-frequent""#,
    r#"{"impute": {"strategy": "knn", "n_neighbors": 2, "add_indicator": true}}"#,
    r#"{"impute": {"strategy": "iterative", "add_indicator": true}}"#,
    r#"{"impute": {"strategy": "constant", "fill_value": 0, "add_indicator": true}}"#,
    r#""standard""#,
    r#"{"min-max": {"clip": true}}"#,
    r#""max-abs""#,
    r#""robust""#,
    r#""power:yeo-johnson""#,
    r#""quantile:uniform""#,
    r#""quantile:normal""#,
    r#""binning:uniform""#,
    r#"["binning:quantile", "one-hot"]"#,
    r#"{"spline": {"degree": 2}}"#,
    r#"["impute:median", "spline", "standard"]"#,
    r#""one-hot""#,
    r#""ordinal""#,
    r#""count""#,
    r#""frequency""#,
    r#"{"target": {"cv": 2}}"#,
    r#"{"hashing": {"n_features": 4}}"#,
    r#""passthrough""#,
    r#"["impute:constant:1", "frequency", "standard"]"#,
];

const OF_TEXT: [&str; 10] = [
    r#""impute:most-frequent""#,
    r#"{"one-hot": {"max_categories": 3, "drop": "first"}}"#,
    r#"{"one-hot": {"min_frequency": 2}}"#,
    r#""ordinal""#,
    r#"{"target": {"cv": 2, "smooth": 1.5}}"#,
    r#"{"hashing": {"n_features": 3, "alternate_sign": false}}"#,
    r#"["impute:constant:none", {"tokens": {"ngram_range": [1, 2]}}]"#,
    r#"["tf-idf", "max-abs"]"#,
    r#"{"text-hash": {"n_features": 5}}"#,
    r#""frequency""#,
];

fn number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        6 => (-1e3f64..1e3).prop_map(Some),
        2 => (0i32..4).prop_map(|value| Some(f64::from(value))),
        1 => Just(None),
    ]
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        6 => "(red|green|blue|a b c|naïve words|)".prop_map(Some),
        1 => "[a-c ]{0,6}".prop_map(Some),
        1 => Just(None),
    ]
}

fn table(numbers: &[[Option<f64>; 2]], texts: &[Option<String>]) -> millstream_sdk::arrow_array::RecordBatch {
    let rows = numbers.len();
    let column = |k: usize| Arc::new(numbers.iter().map(|row| row[k]).collect::<Float64Array>()) as ArrayRef;
    let y = Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| row % 3))) as ArrayRef;
    let days =
        Arc::new(numbers.iter().map(|row| row[0].map(|value| value as i32 * 7)).collect::<Date32Array>());
    let texts = Arc::new(texts.iter().cloned().collect::<StringArray>());
    batch_of([
        ("x", column(0)),
        ("z", column(1)),
        ("t", texts as ArrayRef),
        ("d", days as ArrayRef),
        ("y", y),
    ])
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is learnt from some rows, it gives the same columns for any others; what it gives for its training rows is what
    /// the step wrote, but for means that are out of fold.
    #[test]
    fn any_rows_give_the_same_columns(
        train in prop::collection::vec(([number(), number()], text()), 4..30),
        other in prop::collection::vec(([number(), number()], text()), 0..10),
        of_x in prop::sample::select(&OF_NUMBERS[..]),
        of_z in prop::sample::select(&OF_NUMBERS[..]),
        of_t in prop::sample::select(&OF_TEXT[..]),
        cyclic in any::<bool>(),
    ) {
        let apart = |rows: Vec<([Option<f64>; 2], Option<String>)>| -> (Vec<_>, Vec<_>) { rows.into_iter().unzip() };
        let (numbers, texts) = apart(train);
        let train = table(&numbers, &texts);
        let (numbers, texts) = apart(other);
        let other = table(&numbers, &texts);
        let with = format!(
            r#"{{"target": "y", "columns": {{"x": {of_x}, "z": {of_z}, "t": {of_t}, "d": {{"date-parts": {{"cyclic": {cyclic}}}}}}}}}"#
        );
        let host = Host::new().rows("table", &train);
        match host.run::<Features>(&with) {
            // A column may have no value, or no word: that is said with its name.
            Err(failure) => {
                let said = failure.to_string();
                prop_assert!(said.contains("column `") && !said.contains("at fault"), "{said}");
            }
            Ok(_) => {
                let written = host.table("table");
                let model = host.load::<Fitted>("model").unwrap();
                let again = model.predict_batch(&train).unwrap();
                let later = model.predict_batch(&other).unwrap();
                prop_assert_eq!(again.schema(), later.schema());
                prop_assert_eq!(later.num_rows(), other.num_rows());
                prop_assert_eq!(again.num_columns() + 1, written.num_columns());
                for (place, field) in again.schema().fields().iter().enumerate() {
                    let out_of_fold = |column: &str, steps: &str| field.name().starts_with(column) && steps.contains("target");
                    if !out_of_fold("x", of_x) && !out_of_fold("z", of_z) && !out_of_fold("t", of_t) {
                        prop_assert_eq!(again.column(place), written.column(place), "{}", field.name());
                    }
                }
            }
        }
    }
}

fn refusal(csv: &str, parameters: &str) -> String {
    Host::new().csv("table", csv).run::<Features>(parameters).unwrap_err().to_string()
}

#[test]
fn steps_say_what_they_cannot_take() {
    let numbers = "n\n1\n2\n-3\n";
    for (csv, step, expected) in [
        (
            numbers,
            r#""log""#,
            "row 3, column `n`: `log` takes numbers above 0, not -3; use `power:yeo-johnson`",
        ),
        (numbers, r#""log1p""#, "row 3, column `n`: `log1p` takes numbers above -1, not -3"),
        ("n\n1\n0\n3\n", r#""log""#, "not 0; use `log1p`"),
        (numbers, r#""power:box-cox""#, "row 3, column `n`: `power:box-cox` takes numbers above 0, not -3"),
        (numbers, r#""date-parts""#, "`date-parts` takes dates"),
        (numbers, r#""tf-idf""#, "`tf-idf` takes text, but the column holds integers"),
        ("n,m\n1,\ninf,1\n", r#""quantile:normal""#, "row 2, column `n`: the value is infinite"),
        ("n,m\n1,\ninf,1\n", r#""impute:knn""#, "column `n`: the value is infinite"),
        ("n,m\n,1\n,2\n", r#""robust""#, "column `n`: the column has no value"),
        ("n,m\n,1\n,2\n", r#""impute:iterative""#, "column `n`: the column has no value"),
        ("n\n1\n1\n1\n2\n", r#"{"spline": {"knots": "quantile"}}"#, "knots coincide"),
        ("n\n1\n2\n", r#"{"target": {}}"#, "there are 2 rows"),
    ] {
        let target = if step.contains("target") { r#""target": "y","# } else { "" };
        let csv = if target.is_empty() { csv.to_owned() } else { "n,y\n1,0.5\n2,1.5\n".to_owned() };
        let refusal =
            refusal(&csv, &format!(r#"{{{target} "default": "drop", "columns": {{"n": {step}}}}}"#));
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
}

#[test]
fn one_row_and_constants_are_learnt_with_a_warning() {
    for step in OF_NUMBERS.iter().filter(|step| !step.contains("target") && !step.contains("spline")) {
        for csv in ["n,m\n3,1\n", "n,m\n3,1\n3,2\n3,3\n3,4\n3,5\n3,6\n"] {
            let host = Host::new().csv("table", csv);
            let with = format!(r#"{{"default": "drop", "columns": {{"n": {step}}}}}"#);
            host.run::<Features>(&with).unwrap_or_else(|failure| panic!("{step}: {failure}"));
            host.load::<Fitted>("model").unwrap();
        }
    }
    let host = Host::new().csv("table", "n\n3\n3\n");
    host.run::<Features>(r#"{"columns": {"n": "quantile"}}"#).unwrap();
    assert!(
        host.logs().iter().any(|(level, line)| *level == Level::Warn && line.contains("`n` is constant"))
    );
}

#[test]
fn many_columns_and_many_levels_are_no_trouble() {
    let columns: Vec<String> = (0..10_000).map(|k| format!("c{k}")).collect();
    let rows: Vec<String> = (0..3)
        .map(|row| (0..10_000).map(|k| (row * k % 7).to_string()).collect::<Vec<_>>().join(","))
        .collect();
    let host = Host::new().csv("table", &format!("{}\n{}\n", columns.join(","), rows.join("\n")));
    host.run::<Features>(r#"{"columns": {"c*": "min-max"}}"#).unwrap();
    assert_eq!(host.table("table").num_columns(), 10_000);

    let levels = StringArray::from_iter_values((0..200_000).map(|k| format!("level {k}")));
    let y = Float64Array::from_iter_values((0..200_000).map(f64::from));
    let table = batch_of([("level", Arc::new(levels) as ArrayRef), ("y", Arc::new(y) as ArrayRef)]).unwrap();
    for step in [r#""one-hot""#, r#""target""#, r#""frequency""#, r#""ordinal""#] {
        let host = Host::new().rows("table", &table);
        host.run::<Features>(&format!(r#"{{"target": "y", "columns": {{"level": {step}}}}}"#)).unwrap();
        let columns = host.table("table").num_columns();
        assert_eq!(columns, if step.contains("one-hot") { 101 } else { 2 }, "{step}");
    }
}
