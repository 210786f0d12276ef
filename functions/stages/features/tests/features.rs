//! What comes out, and that the model does the same again.

use fn_features::{Features, Fitted};
use millstream_sdk::{
    Level,
    arrow_array::{Array, RecordBatch, cast::AsArray, types::Float64Type},
    predict::Request,
    testing::{Host, rows},
};
use proptest::prelude::*;

fn names(table: &RecordBatch) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn column(table: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let column =
        table.column_by_name(name).unwrap_or_else(|| panic!("no column {name} in {:?}", names(table)));
    column.as_primitive::<Float64Type>().iter().collect()
}

fn run(csv: &str, parameters: &str) -> Host {
    let host = Host::new().csv("table", csv);
    host.run::<Features>(parameters).unwrap();
    host
}

fn refusal(csv: &str, parameters: &str) -> String {
    Host::new().csv("table", csv).run::<Features>(parameters).unwrap_err().to_string()
}

const PEOPLE: &str = "age,plan,active,y\n1,a,true,10\n2,b,,20\n,a,false,30\n3,,true,40\n";

#[test]
fn auto_suits_each_type() {
    let host = run(PEOPLE, r#"{"target": "y"}"#);
    let table = host.table("table");
    assert_eq!(names(&table), ["age", "plan_a", "plan_b", "active", "y"]);
    // The median of 1, 2, 3 fills in; population deviation of 1, 2, 2, 3 is sqrt(0.5), as StandardScaler has it.
    let scale = 0.5f64.sqrt();
    assert_eq!(column(&table, "age"), [-1.0 / scale, 0.0, 0.0, 1.0 / scale].map(Some));
    assert_eq!(column(&table, "plan_a"), [1.0, 0.0, 1.0, 1.0].map(Some));
    assert_eq!(column(&table, "plan_b"), [0.0, 1.0, 0.0, 0.0].map(Some));
    assert_eq!(column(&table, "active"), [1.0, 1.0, 0.0, 1.0].map(Some));
    assert_eq!(
        table.column_by_name("y"),
        rows(PEOPLE).column_by_name("y"),
        "the target passes through unchanged"
    );
}

#[test]
fn the_model_does_the_same_again() {
    let host = run(PEOPLE, r#"{"target": "y"}"#);
    let model = host.load::<Fitted>("model").unwrap();
    let again = model.predict_batch(&rows(PEOPLE)).unwrap();
    let first = host.table("table");
    assert_eq!(again.num_columns() + 1, first.num_columns(), "the target may be absent, and is left out");
    assert_eq!(again.columns(), &first.columns()[..again.num_columns()]);
    // Other columns in another order, one too many, an integer where training saw them all whole, an unseen plan.
    let other = model.predict_batch(&rows("plan,extra,active,age\nz,1,false,2.5\n")).unwrap();
    assert_eq!(column(&other, "plan_a"), [Some(0.0)]);
    assert_eq!(column(&other, "age"), [Some(0.5 / 0.5f64.sqrt())]);
    let missing = model.predict_batch(&rows("plan,active,aeg\na,true,1\n")).unwrap_err().to_string();
    assert!(missing.contains("no column `age`; did you mean `aeg`?"), "{missing}");
    assert!(
        model
            .describe()
            .starts_with(r#"{"task":"transform","target":"y","features":["age","plan","active"]"#)
    );
}

#[test]
fn a_request_goes_through() {
    let model = run(PEOPLE, r#"{"target": "y"}"#).load::<Fitted>("model").unwrap();
    let ask = |content_type: &str, body: &str| {
        let request = Request { content_type: content_type.into(), accept: None, body: body.into() };
        model.predict(&request).map(|response| String::from_utf8(response.body).unwrap())
    };
    assert_eq!(ask("text/csv", "2,b,true\n").unwrap(), "0.0,0.0,1.0,1.0\n");
    assert_eq!(
        ask("application/json", r#"{"instances": [{"age": 2, "plan": null, "active": false}]}"#).unwrap(),
        r#"{"predictions":[{"age":0.0,"plan_a":1.0,"plan_b":0.0,"active":0.0}]}"#
    );
}

#[test]
fn steps_can_be_said() {
    let csv = "n,size,code,when,id,kept\n0,m,1,2024-02-29,r1,x\n5,s,2,,r2,y\n10,,1,,r3,z\n";
    let host = run(
        csv,
        r#"{"default": "drop", "columns": {"n": "min-max", "size": "ordinal", "code": "one-hot", "kept": "passthrough", "id": "drop"}}"#,
    );
    let table = host.table("table");
    assert_eq!(names(&table), ["n", "size", "code_1", "code_2", "kept"]);
    assert_eq!(column(&table, "n"), [0.0, 0.5, 1.0].map(Some));
    assert_eq!(column(&table, "size"), [Some(0.0), Some(1.0), None]);
    assert_eq!(column(&table, "code_1"), [1.0, 0.0, 1.0].map(Some));
    assert_eq!(table.column(4).as_string::<i32>().value(2), "z");
}

#[test]
fn missing_values_are_filled_as_said() {
    let csv = "a,b,c,d\n1,x,,1\n2,y,3,1\n,,3,\n6,y,4,2\n";
    let host = run(
        csv,
        r#"{"columns": {"a": ["impute:mean"], "b": ["impute:constant:z", "one-hot"], "c": "impute:most-frequent", "d": "impute:constant:9"}}"#,
    );
    let table = host.table("table");
    assert_eq!(column(&table, "a"), [1.0, 2.0, 3.0, 6.0].map(Some));
    assert_eq!(column(&table, "b_z"), [0.0, 0.0, 1.0, 0.0].map(Some));
    assert_eq!(table.column_by_name("c").unwrap().null_count(), 0);
    assert_eq!(names(&table), ["a", "b_x", "b_y", "b_z", "c", "d"]);
}

#[test]
fn one_hot_knows_missing_rare_and_unknown_categories() {
    let csv = "c\na\na\nb\nb\nc\nd\n\n";
    let host = run(
        &csv.replace("\n\n", "\n\"\"\n"),
        r#"{"columns": {"c": "one-hot"}, "max_categories": 3, "handle_unknown": "error"}"#,
    );
    let table = host.table("table");
    assert_eq!(names(&table), ["c_a", "c_b", "c_infrequent", "c_nan"]);
    assert_eq!(column(&table, "c_infrequent"), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0].map(Some));
    assert_eq!(column(&table, "c_nan")[6], Some(1.0));
    assert!(host.logs().iter().any(|(level, line)| *level == Level::Warn && line.contains("4 categories")));
    let unseen = host.load::<Fitted>("model").unwrap().predict_batch(&rows("c\na\nz\n")).unwrap_err();
    assert!(unseen.to_string().contains("row 2, column `c`: the category `"), "{unseen}");
}

#[test]
fn dates_come_apart() {
    use millstream_sdk::{
        arrow_array::{ArrayRef, Date32Array},
        table::batch_of,
    };
    let days: ArrayRef = std::sync::Arc::new(Date32Array::from(vec![Some(19_782), None]));
    let host = Host::new().rows("table", &batch_of([("day", days)]).unwrap());
    host.run::<Features>(r#"{"columns": {"day": "date-parts"}}"#).unwrap();
    let table = host.table("table");
    assert_eq!(names(&table), ["day_year", "day_month", "day_day", "day_day_of_week"]);
    // 29 February 2024 was a Thursday.
    let parts: Vec<_> = names(&table).iter().map(|name| column(&table, name)[0]).collect();
    assert_eq!(parts, [2024.0, 2.0, 29.0, 3.0].map(Some));
    assert_eq!(column(&table, "day_year")[1], None);
    let automatic = host.run::<Features>("{}").unwrap_err().to_string();
    assert!(automatic.contains("no column is left"), "{automatic}");
}

#[test]
fn constant_columns_are_told() {
    let host = run("k,x\n3,1\n3,2\n", "{}");
    let table = host.table("table");
    assert_eq!(names(&table), ["k", "x"]);
    assert_eq!(column(&table, "k"), [0.0, 0.0].map(Some));
    let warnings = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn).map(|(_, line)| line);
    let warnings = warnings.collect::<Vec<_>>().join("\n");
    assert!(warnings.contains("`k` is constant"), "{warnings}");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let csv = "n,t,y\n1,a,0\n2,b,1\n";
    for (parameters, expected) in [
        (r#"{"target": "Y"}"#, "parameter `target`: the table has no column `Y`; did you mean `y`?"),
        (r#"{"columns": {"m": "drop"}}"#, "parameter `columns`: the table has no column `m`"),
        (r#"{"target": "y", "columns": {"y": "standard"}}"#, "parameter `columns.y`: is the target"),
        (r#"{"columns": {"t": "onehot"}}"#, "did you mean `one-hot`?"),
        (
            r#"{"columns": {"t": "standard"}}"#,
            "input `table`, column `t`: `standard` takes numbers, but the column holds text",
        ),
        (r#"{"columns": {"t": "impute:mean"}}"#, "column `t`: means and medians need numbers"),
        (r#"{"columns": {"n": "impute:constant:x"}}"#, "parameter `columns.n`: the column holds integers"),
        (r#"{"columns": {"n": ["standard", "drop"]}}"#, "`drop` stands alone"),
        (r#"{"columns": {"t": "impute"}}"#, "there is no step `impute`"),
        (r#"{"columns": {"n": []}}"#, "list of steps is empty"),
        (r#"{"columns": {"n": "date-parts"}}"#, "column `n`: `date-parts` takes dates"),
        (r#"{"max_categories": 1}"#, "parameter `max_categories`: 1 is out of range"),
        (r#"{"default": "drop"}"#, "no column is left"),
    ] {
        let refusal = refusal(csv, parameters);
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
    assert!(refusal("n,e\n1,\n", r#"{"columns": {"e": "impute:median"}}"#).contains("column `e`: "));
    let empty = refusal("n,e\n1,\n2,\n", "{}");
    assert!(empty.contains("column `e`: the column has no value in any row; fill it"), "{empty}");
    assert!(empty.contains("`columns: { e: drop }`"), "{empty}");
    assert!(refusal("n\n", "{}").contains("the table has no rows"));
    assert!(refusal("n\n1.5\ninf\n", "{}").contains("row 2, column `n`: the value is infinite"));
    for (values, step) in [
        ("1e200\n-1e200\n2e200", "standard"),
        ("1.7e308\n-1.7e308\n1", "min-max"),
        ("1.7e308\n1.7e308\n1", "impute:mean"),
    ] {
        let refusal = refusal(&format!("n\n{values}\n"), &format!(r#"{{"columns": {{"n": "{step}"}}}}"#));
        assert!(refusal.contains("column `n`: the values are too large"), "{refusal}");
    }
    assert!(refusal("a,a_x\nx,1\n", "{}").contains("column `a_x`: two features have this name"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Standard: mean 0, deviation 1; and never a value that was not finite before.
    #[test]
    fn standard_features_are_standard(values in prop::collection::vec(-1e6f64..1e6, 2..60)) {
        prop_assume!(values.iter().any(|value| (value - values[0]).abs() > 1.0));
        let csv = values.iter().fold("x\n".to_owned(), |csv, value| format!("{csv}{value:?}\n"));
        let scaled: Vec<f64> = column(&run(&csv, "{}").table("table"), "x").into_iter().flatten().collect();
        let n = scaled.len() as f64;
        let mean = scaled.iter().sum::<f64>() / n;
        let variance = scaled.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        prop_assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6);
    }
}
