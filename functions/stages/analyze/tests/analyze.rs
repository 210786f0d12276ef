//! The function as a whole, against the SDK's host in memory.

use std::fmt::Write as _;

use fn_analyze::Analyze;
use millstream_sdk::{Failure, testing::Host};
use serde_json::Value;

/// Passengers with a column that says the outcome in other words, and with whatever else goes wrong in tables.
fn passengers() -> String {
    let mut csv = "id,survived,alive,pclass,sex,age,fare,boat,deck,boarded,constant,empty,fare_pence,sibsp,brothers,charge\n".to_owned();
    let mut state = 42u64;
    let mut draw = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    for id in 1..=400u64 {
        let male = draw(3) > 0;
        let survived = draw(100) < if male { 25 } else { 75 };
        let class = 1 + draw(3);
        let fare = (5 + draw(40)) * (4 - class) * if draw(60) == 0 { 40 } else { 1 };
        let optional = |there: bool, value: String| if there { value } else { String::new() };
        let age = optional(draw(5) > 0, format!("{}.5", 1 + draw(70)));
        let boat = optional(survived && draw(50) > 0, format!("{}", 1 + draw(16)));
        let deck = optional(draw(4) == 0, ["A", "B", "C", "D"][draw(4) as usize].to_owned());
        let siblings = draw(4);
        writeln!(
            csv,
            "{id},{},{},{class},{},{age},{fare},{boat},{deck},04/{:02}/1912,x,,{},{siblings},{siblings},{}",
            u8::from(survived),
            if survived { "yes" } else { "no" },
            if male { "male" } else { "female" },
            1 + draw(28),
            fare * 240,
            if id == 77 { "n/a".to_owned() } else { format!("{}.25", draw(90)) },
        )
        .unwrap();
    }
    csv
}

fn profile(csv: &str, params: &str) -> Value {
    let host = Host::new().csv("table", csv);
    host.run::<Analyze>(params).unwrap();
    host.json("profile")
}

fn found(profile: &Value, kind: &str) -> Vec<String> {
    let of_kind = profile["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == kind);
    of_kind.flat_map(|f| f["columns"].as_array().unwrap()).map(|c| c.as_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_wrong_with_a_table_is_found() {
    let profile = profile(&passengers(), r#"{"target": "survived"}"#);
    for (kind, columns) in [
        ("leakage", &["alive", "survived"][..]),
        ("strong_predictor", &["boat", "survived"]),
        ("id_like", &["id"]),
        ("constant_column", &["constant"]),
        ("all_missing", &["empty"]),
        ("mostly_missing", &["boat", "deck"]),
        ("missing_values", &["age"]),
        ("dates_as_text", &["boarded"]),
        ("numbers_as_text", &["charge"]),
        ("duplicate_columns", &["sibsp", "brothers"]),
        ("perfect_correlation", &["fare", "fare_pence"]),
        ("skewed", &["fare", "fare_pence"]),
        ("imbalanced_classes", &[]),
        ("high_cardinality", &[]),
    ] {
        assert_eq!(found(&profile, kind), columns, "{kind}");
    }
    assert_eq!(profile["findings"][0]["severity"], "critical");
}

#[test]
fn the_profile_keeps_its_shape() {
    let csv = "n,x,c,b\n1,0.5,a,true\n2,-1.5,b,false\n2,,a,true\n5,1e300,,true\n";
    insta::assert_json_snapshot!(profile(csv, r#"{"target": "b", "bins": 4, "top": 2}"#));
}

#[test]
fn the_report_is_one_page_that_escapes_its_data() {
    let csv = "a,\"<script>alert(1)</script>\"\n1,\"<img src=x onerror=alert(2)>\"\n2,b\n3,b\n";
    let host = Host::new().csv("table", csv);
    host.run::<Analyze>(r#"{"target": "<script>alert(1)</script>"}"#).unwrap();
    let page = String::from_utf8(host.output("report")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("&lt;script&gt;"));
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("NaN"));
}

#[test]
fn a_run_reports_figures_and_progress() {
    let host = Host::new().csv("table", &passengers());
    let summary = host.run::<Analyze>(r#"{"target": "survived", "columns": ["alive", "age"]}"#).unwrap();
    let metric = |name: &str| summary.metrics.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!((metric("rows"), metric("columns"), metric("critical_findings")), (400.0, 3.0, 1.0));
    assert_eq!(host.progress().last(), Some(&(4, Some(4))));
    let again = Host::new().csv("table", &passengers());
    again.run::<Analyze>(r#"{"target": "survived", "columns": ["alive", "age"]}"#).unwrap();
    assert_eq!(host.outputs(), again.outputs());
}

#[test]
fn infinite_values_imbalance_and_repeats_are_found() {
    let mut csv = "x,y\n".to_owned();
    for i in 0..200 {
        writeln!(
            csv,
            "{},{}",
            if i == 7 { "inf".to_owned() } else { (i % 50).to_string() },
            u8::from(i % 16 == 0)
        )
        .unwrap();
    }
    let profile = profile(&csv, r#"{"target": "y"}"#);
    assert_eq!(found(&profile, "infinite_values"), ["x"]);
    assert_eq!(found(&profile, "imbalanced_classes"), ["y"]);
    assert!(profile["duplicate_rows"].as_u64().unwrap() > 100);
    assert_eq!(profile["columns"][0]["numbers"]["infinite"], 1);
}

#[test]
fn a_numeric_target_is_a_regression() {
    let mut csv = "x,twice,noise,y\n".to_owned();
    for i in 0..60 {
        writeln!(
            csv,
            "{},{},{},{}",
            i * i % 17,
            f64::from(i) * 2.5 + 1.0,
            i * 7919 % 101,
            f64::from(i) + 0.25
        )
        .unwrap();
    }
    let profile = profile(&csv, r#"{"target": "y"}"#);
    assert_eq!(profile["target"]["task"], "regression");
    assert_eq!(profile["target"]["associations"][0]["column"], "twice");
    assert_eq!(found(&profile, "leakage"), ["twice", "y"]);
}

#[test]
fn constant_targets_are_critical() {
    let profile = profile("x,y\n1,a\n2,a\n3,a\n", r#"{"target": "y"}"#);
    assert_eq!(found(&profile, "constant_target"), ["y"]);
}

#[test]
fn what_cannot_be_analysed_is_refused() {
    let refusal = |csv: &str, params: &str| Host::new().csv("table", csv).run::<Analyze>(params).unwrap_err();
    let missing = refusal("survived,age\n1,2\n", r#"{"target": "surived"}"#).to_string();
    assert!(missing.contains("input `table`") && missing.contains("did you mean `survived`?"), "{missing}");
    assert!(matches!(refusal("a\n", "{}"), Failure::InvalidInput(_)));
    assert!(matches!(refusal("a\n1\n", r#"{"bins": 1}"#), Failure::InvalidParameter(_)));
    assert!(matches!(refusal("a\n1\n", r#"{"bin": 10}"#), Failure::InvalidParameter(_)));
}
