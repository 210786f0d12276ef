//! What is refused, with its place and what is near.

use fn_process::Process;
use millstream_sdk::testing::Host;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::run;

const TABLE: &str = "name,age,city\nAnn,31,Rome\nBob,,Oslo";

fn refusal(steps: &Value) -> String {
    let host = Host::new().csv("table", TABLE).csv("cities", "city,land\nRome,it\nRome,va");
    run(&host, steps).expect_err(&steps.to_string())
}

#[test]
fn errors_name_the_step_and_what_is_near() {
    let mut wrong = Vec::new();
    for (step, parts) in [
        (json!({ "filtr": "age > 3" }), vec!["steps[0].filtr", "did you mean `filter`?"]),
        (json!({ "filter": "age >" }), vec!["steps[0].filter", "line 1, column 6"]),
        (json!({ "filter": "agee > 3" }), vec!["steps[0].filter", "line 1, column 1", "did you mean `age`?"]),
        (json!({ "filter": "age + 3" }), vec!["steps[0].filter", "no condition"]),
        (json!({ "filter": "age > 'x'" }), vec!["steps[0].filter"]),
        (json!({ "select": ["nam"] }), vec!["steps[0].select", "did you mean `name`?"]),
        (json!({ "drop": ["x*"] }), vec!["steps[0].drop", "called like `x*`"]),
        (json!({ "drop": "*" }), vec!["steps[0].drop", "no column is left"]),
        (
            json!({ "rename": { "name": "city" } }),
            vec!["steps[0].rename", "two columns would be called `city`"],
        ),
        (json!({ "cast": { "name": "integer" } }), vec!["steps[0].cast", "`Ann` is no BIGINT", "row 1"]),
        (
            json!({ "cast": { "name": "integr" } }),
            vec!["steps[0].cast", "unknown variant `integr`", "did you mean"],
        ),
        (
            json!({ "derive": { "x": "age / upper(name)" } }),
            vec!["steps[0].derive.x", "line 1, column 1", "`/` does not take"],
        ),
        (json!({ "derive": { "x": "1", "y": "x + 1" } }), vec!["steps[0].derive.y", "for the step after it"]),
        (json!({ "derive": { "x": "INTERVAL '1 day'" } }), vec!["steps[0].derive.x", "INTERVAL"]),
        (json!({ "derive": { "x": "NULL" } }), vec!["steps[0].derive.x", "CAST(NULL AS DOUBLE)"]),
        (json!({ "derive": { "x": "age // 0" } }), vec!["steps[0].derive.x", "division by zero"]),
        (json!({ "strip": { "columns": "age" } }), vec!["steps[0].strip", "`age` holds", "not text"]),
        (
            json!({ "strip": { "caracters": "x" } }),
            vec!["steps[0].strip.caracters", "did you mean `characters`?"],
        ),
        (
            json!({ "replace": { "pattern": "(", "with": "" } }),
            vec!["steps[0].replace.pattern", "not a regular expression"],
        ),
        (
            json!({ "extract": { "column": "name", "pattern": "(a)", "into": ["x", "y"] } }),
            vec!["steps[0].extract.into", "no group 2"],
        ),
        (
            json!({ "parse-date": { "column": "name", "format": "%d.%m.%Y" } }),
            vec!["steps[0].parse-date", "`Ann` is no time of the format", "row 1"],
        ),
        (
            json!({ "parse-date": { "column": "name", "format": "%Q" } }),
            vec!["steps[0].parse-date.format", "%Q"],
        ),
        (json!({ "clip": { "columns": "age" } }), vec!["steps[0].clip", "neither"]),
        (
            json!({ "clip": { "columns": "age", "lower": 2, "upper": 1 } }),
            vec!["steps[0].clip.lower", "more than `upper`"],
        ),
        (
            json!({ "fill-missing": { "columns": "age", "value": "x" } }),
            vec!["steps[0].fill-missing", "`age`"],
        ),
        (json!({ "sort": ["agee DESC"] }), vec!["steps[0].sort", "did you mean `age`?"]),
        (json!({ "sample": {} }), vec!["steps[0].sample", "either `rows` or `fraction`"]),
        (
            json!({ "join": { "with": "citis", "on": "city" } }),
            vec!["steps[0].join.with", "did you mean `cities`?"],
        ),
        (json!({ "join": { "with": "cities", "on": "land" } }), vec!["steps[0].join.on", "no column `land`"]),
        (
            json!({ "join": { "with": "cities", "on": "city", "validate": "many-to-one" } }),
            vec!["steps[0].join", "the key `Rome` is 2 times in `cities`"],
        ),
        (
            json!({ "join": { "with": "cities", "on": { "age": "city" } } }),
            vec!["steps[0].join.on", "`cast` one"],
        ),
        (json!({ "concatenate": "others" }), vec!["steps[0].concatenate", "there is no table `others`"]),
        (
            json!({ "group-by": { "by": "city", "aggregates": { "m": "avg(\nagee)" } } }),
            vec!["steps[0].group-by.aggregates.m", "line 2, column 1", "did you mean `age`?"],
        ),
        (
            json!({ "group-by": { "by": "city", "aggregates": { "m": "age" } } }),
            vec!["steps[0].group-by.aggregates.m"],
        ),
        (
            json!({ "pivot": { "index": "city", "on": "name", "values": "age", "aggregate": "summ" } }),
            vec!["steps[0].pivot.aggregate", "did you mean `sum`?"],
        ),
        (json!({ "unpivot": {} }), vec!["steps[0].unpivot.on", "`cast` them to one type"]),
        (
            json!({ "window": { "columns": { "l": "lagg(age)" } } }),
            vec!["steps[0].window.columns.l", "did you mean `lag`?"],
        ),
        (json!({ "sql": "SELECT *\nFROM selv" }), vec!["steps[0].sql", "line 2, column 6", "`self`"]),
        (
            json!({ "sql": "SELECT naem FROM self" }),
            vec!["steps[0].sql", "line 1, column 8", "did you mean `name`?"],
        ),
        (json!({ "sql": "DROP TABLE self" }), vec!["steps[0].sql", "no query"]),
        (json!({ "recode": { "column": "age", "values": { "old": 1 } } }), vec!["steps[0].recode", "`age`"]),
        (json!({ "limit": "x" }), vec!["steps[0].limit"]),
        (json!({ "filter": "age > 1", "limit": 3 }), vec!["steps[0]"]),
        (json!({}), vec!["steps[0]"]),
    ] {
        let text = refusal(&json!([step]));
        let missed = parts.into_iter().filter(|part| !text.contains(part));
        wrong.extend(missed.map(|part| format!("{step}: `{part}` is not in `{text}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_join_that_explodes_is_refused_before_it_is_made() {
    let many = format!("k\n{}", "a\n".repeat(3000));
    let host =
        Host::new().csv("table", &many).csv("other", &many.replace("k\n", "k,v\n").replace("a\n", "a,1\n"));
    let text = run(&host, &json!([{ "join": { "with": "other", "on": "k" } }])).unwrap_err();
    assert!(text.contains("9000000 rows would come out of 3000") && text.contains("max-growth"), "{text}");
}

#[test]
fn the_target_has_to_be_there() {
    let host = Host::new().csv("table", TABLE);
    let text = host.run::<Process>(r#"{"steps": [{"limit": 1}], "target": "agee"}"#).unwrap_err().to_string();
    assert!(text.contains("`target`") && text.contains("did you mean `age`?"), "{text}");
}

#[test]
fn tables_without_rows_pass() {
    let host = Host::new().rows("table", &millstream_sdk::testing::rows(TABLE).slice(0, 0));
    for step in [
        json!({ "filter": "age > 1" }),
        json!({ "sort": "age" }),
        json!({ "winsorize": { "columns": "age" } }),
        json!({ "drop-outliers": { "columns": "age" } }),
        json!({ "fill-missing": { "method": "mode" } }),
        json!({ "group-by": { "by": "city", "aggregates": { "n": "count(*)" } } }),
        json!({ "pivot": { "index": "city", "on": "name", "values": "age", "aggregate": "sum" } }),
        json!({ "balance": { "column": "city" } }),
        json!({ "sample": { "rows": 5 } }),
        json!({ "deduplicate": {} }),
        json!({ "unnest": { "column": "name", "by": " " } }),
    ] {
        run(&host, &json!([step])).unwrap_or_else(|error| panic!("{step}: {error}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is written in the place of an expression or a query, there is an answer or a refusal that names the step.
    #[test]
    fn no_text_ends_it(text in "[a-z0-9 ()',.*+<>=\"-]{0,40}|[\\PC]{0,20}", place in 0..6usize) {
        let step = [
            json!({ "filter": text }),
            json!({ "derive": { "x": text } }),
            json!({ "sql": text }),
            json!({ "sort": text }),
            json!({ "group-by": { "by": "city", "aggregates": { "x": text } } }),
            json!({ "window": { "columns": { "x": text } } }),
        ][place].clone();
        let host = Host::new().csv("table", TABLE);
        if let Err(error) = run(&host, &json!([step])) {
            prop_assert!(error.contains("steps[0]."), "{step}: {error}");
        }
    }
}
