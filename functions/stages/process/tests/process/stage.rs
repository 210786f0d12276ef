//! Steps that are a stage of the model.

use fn_process::{Process, RowSteps};
use millstream_sdk::{
    predict::Request,
    testing::{Host, rows},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::csv;

const TABLE: &str = "id,age,sex,income\n1,30, M,<=50K.\n2,,F ,>50K\n3,70,M,>50K.";

fn steps() -> Value {
    json!([
        { "drop": "id" },
        { "strip": { "characters": " ." } },
        { "recode": { "column": "sex", "values": { "M": "male", "F": "female" } } },
        { "derive": { "senior": "age >= 60" } },
        { "fill-missing": { "columns": "age", "value": 40 } },
        { "rename": { "income": "label" } },
    ])
}

fn staged(with: &Value) -> Host {
    let host = Host::new().csv("table", TABLE);
    host.run::<Process>(&with.to_string()).unwrap();
    host
}

#[test]
fn rows_to_predict_go_through_the_same_steps_without_the_target() {
    for target in ["income", "label"] {
        let host = staged(&json!({ "steps": steps(), "target": target }));
        let out = "age,sex,label,senior\n30,male,<=50K,false\n40,female,>50K,\n70,male,>50K,true";
        assert_eq!(csv(&host.table("table")), out);
        let model = host.load::<RowSteps>("model").unwrap();
        let inputs = serde_json::from_str::<Value>(&model.describe()).unwrap()["inputs"].clone();
        let names: Vec<&str> =
            inputs.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["age", "sex"], "{target}");
        let answer = model.predict_batch(&rows("sex,age\n M,64\nF,")).unwrap();
        assert_eq!(csv(&answer), "age,sex,senior\n64,male,true\n40,female,");
        let body = br#"{"instances": [{"age": 64, "sex": " M"}]}"#.to_vec();
        let request =
            Request { content_type: "application/json".into(), accept: Some("text/csv".into()), body };
        let response = model.predict(&request).unwrap();
        assert_eq!(String::from_utf8(response.body).unwrap().trim(), "age,sex,senior\n64,male,true");
    }
}

#[test]
fn what_is_computed_from_the_target_is_left_out_with_a_word() {
    let steps =
        json!([{ "derive": { "rich": "income LIKE '>%'", "old": "age > 50" } }, { "drop": "income" }]);
    let host = staged(&json!({ "steps": steps, "target": "income" }));
    let model = host.load::<RowSteps>("model").unwrap();
    let answer = model.predict_batch(&rows("id,age,sex\n1,60,F")).unwrap();
    assert_eq!(csv(&answer), "id,age,sex,old\n1,60,F,true");
    assert!(host.logs().iter().any(|(_, text)| text.contains("column `rich` is computed from the target")));
    // A target that the steps make is what they are for.
    let host = staged(&json!({ "steps": steps, "target": "rich" }));
    let model = host.load::<RowSteps>("model").unwrap();
    assert_eq!(
        csv(&model.predict_batch(&rows("id,age,sex\n1,60,F")).unwrap()),
        "id,age,sex,old\n1,60,F,true"
    );
    assert!(!host.logs().iter().any(|(_, text)| text.contains("computed from the target")));
}

#[test]
fn a_column_that_takes_the_targets_name_afterwards_is_no_target() {
    let steps = json!([{ "derive": { "copy": "income" } }, { "derive": { "copy": "age + 1" } }]);
    let host = staged(&json!({ "steps": steps, "target": "income" }));
    let model = host.load::<RowSteps>("model").unwrap();
    assert_eq!(csv(&model.predict_batch(&rows("id,age,sex\n1,60,F")).unwrap()), "id,age,sex,copy\n1,60,F,61");
}

#[test]
fn steps_that_look_at_other_rows_make_no_stage() {
    for (step, origin) in [
        (json!({ "filter": "age > 30" }), "steps[1].filter"),
        (json!({ "sort": "age" }), "steps[1].sort"),
        (json!({ "derive": { "l": "lag(age) OVER (ORDER BY id)" } }), "steps[1].derive.l"),
        (
            json!({ "window": { "columns": { "l": "lag(age)" }, "order-by": "id" } }),
            "steps[1].window.columns.l",
        ),
        (json!({ "fill-missing": { "columns": "age", "method": "mean" } }), "steps[1].fill-missing"),
        (json!({ "sql": "SELECT * FROM self" }), "steps[1].sql"),
    ] {
        let steps = json!([{ "drop": "id_*" }, step]);
        let steps = json!([{ "select": "*" }, steps[1]]);
        let host = staged(&json!({ "steps": steps }));
        assert!(!host.wrote("model"), "{step}");
        let refusal = host
            .run::<Process>(&json!({ "steps": steps, "stage": true }).to_string())
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains(&format!("`{origin}`")) && refusal.contains("stands alone"),
            "{step}: {refusal}"
        );
    }
    let host = staged(&json!({ "steps": steps(), "stage": false }));
    assert!(!host.wrote("model"));
}

#[test]
fn a_row_that_cannot_be_read_is_refused_with_its_place() {
    let host = Host::new().csv("table", "d,v\n2024-01-01,1\n2024-02-01,2");
    host.run::<Process>(r#"{"steps": [{"parse-date": {"column": "d", "format": "%Y-%m-%d"}}]}"#).unwrap();
    let model = host.load::<RowSteps>("model").unwrap();
    let refusal = model.predict_batch(&rows("d,v\n2024-01-03,1\nsoon,2")).unwrap_err().to_string();
    assert!(
        refusal.contains("row 2") && refusal.contains("`soon`") && refusal.contains("steps[0].parse-date"),
        "{refusal}"
    );
}

#[test]
fn texts_for_missing_values_are_missing_where_training_had_none() {
    let host = Host::new().csv("table", "a,b\nx,NA\ny,z");
    host.run::<Process>(r#"{"steps": [{"derive": {"no": "a IS NULL", "nob": "b IS NULL"}}]}"#).unwrap();
    let model = host.load::<RowSteps>("model").unwrap();
    assert_eq!(csv(&model.predict_batch(&rows("a,b\nNA,NA")).unwrap()), "a,b,no,nob\n,NA,true,false");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_one_by_one_come_out_as_in_training(
        table in proptest::collection::vec((proptest::option::of(-50i64..50), "[ .MFx]{0,3}", "[a-c]"), 1..8),
        order in proptest::sample::subsequence((0..9usize).collect::<Vec<_>>(), 1..6),
    ) {
        let all = [
            json!({ "strip": { "columns": "s", "characters": " ." } }),
            json!({ "clip": { "columns": "n", "lower": -10, "upper": 20 } }),
            json!({ "derive": { "m": "n * 2", "n": "coalesce(n, 7)" } }),
            json!({ "recode": { "column": "s", "values": { "M": "male" }, "to": "r" } }),
            json!({ "case": { "columns": "s", "to": "lower" } }),
            json!({ "fill-missing": { "columns": "n", "value": 1 } }),
            json!({ "replace": { "columns": "s", "pattern": "x+", "with": "y" } }),
            json!({ "extract": { "column": "s", "pattern": "[MF]", "into": ["e"] } }),
            json!({ "try-cast": { "n": "string" } }),
        ];
        let steps: Vec<_> = order.iter().map(|i| all[*i].clone()).collect();
        let text = |rows: &[(Option<i64>, String, String)]| {
            let line = |(n, s, t): &(Option<i64>, String, String)| format!("{},\"w{s}\",{t}", n.map_or(String::new(), |n| n.to_string()));
            format!("n,s,t\n0,w,a\n{}", rows.iter().map(line).collect::<Vec<_>>().join("\n"))
        };
        let host = Host::new().csv("table", &text(&table));
        host.run::<Process>(&json!({ "steps": steps, "target": "t" }).to_string()).unwrap();
        let trained = csv(&host.table("table"));
        let header: Vec<&str> = trained.lines().next().unwrap().split(',').collect();
        let target = header.iter().position(|name| *name == "t").unwrap();
        let model = host.load::<RowSteps>("model").unwrap();
        for (row, values) in table.iter().enumerate() {
            let alone = csv(&model.predict_batch(&rows(&text(std::slice::from_ref(values)))).unwrap());
            let mut expected: Vec<&str> = trained.lines().nth(row + 2).unwrap().split(',').collect();
            expected.remove(target);
            prop_assert_eq!(alone.lines().nth(2).unwrap(), expected.join(","));
        }
    }
}
