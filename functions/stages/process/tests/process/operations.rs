//! What each operation makes of a small table.

use fn_process::Process;
use millstream_sdk::testing::Host;
use serde_json::{Value, json};

use super::{csv, one, run};

const PEOPLE: &str = "name,age,city\nAnn,31,Rome\nBob,,Oslo\nCid,47,Rome\nDan,19,";

fn check(table: &str, step: &Value, expected: &str) {
    assert_eq!(one(table, step), expected, "{step}");
}

#[test]
fn columns_are_chosen_and_named() {
    check(PEOPLE, &json!({ "select": ["city", "name"] }), "city,name\nRome,Ann\nOslo,Bob\nRome,Cid\n,Dan");
    check(PEOPLE, &json!({ "select": "*a*" }), "name,age\nAnn,31\nBob,\nCid,47\nDan,19");
    check(PEOPLE, &json!({ "drop": ["a*", "city"] }), "name\nAnn\nBob\nCid\nDan");
    check("a,b\n1,2", &json!({ "rename": { "a": "b", "b": "a" } }), "b,a\n1,2");
}

#[test]
fn types_are_changed() {
    check("a\n1\n2", &json!({ "cast": { "a": "number" } }), "a\n1\n2");
    check("a\n01\nx", &json!({ "try-cast": { "a": "integer" } }), "a\n1\n");
    check("a\n2024-02-29\n2023-01-01", &json!({ "cast": { "a": "date" } }), "a\n2024-02-29\n2023-01-01");
}

#[test]
fn expressions_see_the_columns_before_the_step() {
    check("a,b\n1,2", &json!({ "derive": { "a": "b", "b": "a", "c": "a + b", "d": 7 } }), "a,b,c,d\n2,1,3,7");
    check("a\n1\n3\n6", &json!({ "derive": { "d": "a - lag(a) OVER ()" } }), "a,d\n1,\n3,2\n6,3");
}

#[test]
fn values_are_recoded() {
    let recode = |values: Value, default: Option<Value>| {
        let mut recode = json!({ "column": "a", "values": values });
        if let Some(default) = default {
            recode["default"] = default;
        }
        json!({ "recode": recode })
    };
    check("a\nx\ny\nz", &recode(json!({ "x": "u", "y": "v" }), None), "a\nu\nv\nz");
    check("a\nx\ny\nz", &recode(json!({ "x": 1, "y": 0 }), None), "a\n1\n0\n");
    check("a\nx\ny\nz", &recode(json!({ "x": "u" }), Some(json!("other"))), "a\nu\nother\nother");
    check("a\nx\ny\nz", &recode(json!({ "x": "u" }), Some(Value::Null)), "a\nu\n\n");
    check("a\n1\n2\n3", &recode(json!({ "1": "one", "2": "two" }), Some(json!("many"))), "a\none\ntwo\nmany");
    check("a\n1.5\n2\n", &recode(json!({ "1.5": 3 }), None), "a\n3\n2");
}

#[test]
fn texts_are_cleaned() {
    check("a,b\n\" x. \",y.\n,z", &json!({ "strip": { "characters": " ." } }), "a,b\nx,y\n,z");
    check("a\n\"  x\t\"\n", &json!({ "strip": {} }), "a\nx");
    check("a\nxax", &json!({ "strip": { "columns": "a", "characters": "x", "side": "left" } }), "a\nax");
    check("a,n\nÄb,1", &json!({ "case": { "to": "lower" } }), "a,n\näb,1");
    check(
        "a\nx-y-z\nx",
        &json!({ "split": { "column": "a", "by": "-", "into": ["p", "q"] } }),
        "a,p,q\nx-y-z,x,y\nx,x,",
    );
    check("a\n1 234\n5", &json!({ "replace": { "pattern": "[ ]", "with": "" } }), "a\n1234\n5");
    check(
        "a\nkg 12\nnone",
        &json!({ "extract": { "column": "a", "pattern": "([a-z]+) ([0-9]+)", "into": ["unit", "amount"] } }),
        "a,unit,amount\nkg 12,kg,12\nnone,,",
    );
    check(
        "a\nx12\ny",
        &json!({ "extract": { "column": "a", "pattern": "[0-9]+", "into": ["n"] } }),
        "a,n\nx12,12\ny,",
    );
}

#[test]
fn dates_are_read_and_cut() {
    check(
        "d\n31.12.2023\n",
        &json!({ "parse-date": { "column": "d", "format": "%d.%m.%Y" } }),
        "d\n2023-12-31",
    );
    check(
        "d\n31.12.2023\n2024-01-02\nnever",
        &json!({ "parse-date": { "column": "d", "format": ["%d.%m.%Y", "%Y-%m-%d"], "errors": "coerce", "to": "day" } }),
        "d,day\n31.12.2023,2023-12-31\n2024-01-02,2024-01-02\nnever,",
    );
    check(
        "d\n2023-12-31 23:59\n",
        &json!({ "parse-date": { "column": "d", "format": "%Y-%m-%d %H:%M" } }),
        "d\n2023-12-31T23:59:00",
    );
    let steps = json!([
        { "cast": { "d": "date" } },
        { "date-trunc": { "column": "d", "unit": "month", "to": "m" } },
    ]);
    let host = Host::new().csv("table", "d\n2023-12-31\n");
    assert_eq!(run(&host, &steps).unwrap(), "d,m\n2023-12-31,2023-12-01");
}

#[test]
fn numbers_are_brought_into_a_range() {
    check("a\n-5\n3\n99\n", &json!({ "clip": { "columns": "a", "lower": 0, "upper": 10 } }), "a\n0\n3\n10");
    let table = "a\n".to_owned() + &(0..=100).map(|i| i.to_string()).collect::<Vec<_>>().join("\n");
    let wins = one(&table, &json!({ "winsorize": { "columns": "a", "lower": 0.1, "upper": 0.9 } }));
    let values: Vec<f64> = wins.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert_eq!((values[0], values[10], values[50], values[100]), (10.0, 10.0, 50.0, 90.0));
}

#[test]
fn missing_values_are_filled_or_dropped() {
    let table = "g,a\nx,1\nx,\ny,5\ny,";
    check(table, &json!({ "fill-missing": { "columns": "a", "value": 0 } }), "g,a\nx,1\nx,0\ny,5\ny,0");
    check(table, &json!({ "fill-missing": { "method": "mean" } }), "g,a\nx,1\nx,3\ny,5\ny,3");
    check(
        table,
        &json!({ "fill-missing": { "columns": "a", "method": "forward" } }),
        "g,a\nx,1\nx,1\ny,5\ny,5",
    );
    let back = json!({ "fill-missing": { "columns": "a", "method": "backward", "partition-by": "g" } });
    check(table, &back, "g,a\nx,1\nx,\ny,5\ny,");
    check(table, &json!({ "drop-missing": { "columns": "a" } }), "g,a\nx,1\ny,5");
    check("a,b\n1,\n,\n,2", &json!({ "drop-missing": { "how": "all" } }), "a,b\n1,\n,2");
}

#[test]
fn rows_are_chosen() {
    check(
        PEOPLE,
        &json!({ "filter": "age > 20 AND city = 'Rome'" }),
        "name,age,city\nAnn,31,Rome\nCid,47,Rome",
    );
    check(PEOPLE, &json!({ "limit": 1 }), "name,age,city\nAnn,31,Rome");
    check("a\n1\n2\n3", &json!({ "limit": { "rows": 1, "offset": 1 } }), "a\n2");
    let table = "a,b\n1,x\n2,y\n1,z";
    check(table, &json!({ "deduplicate": { "columns": "a" } }), "a,b\n1,x\n2,y");
    check(table, &json!({ "deduplicate": { "columns": "a", "keep": "last" } }), "a,b\n2,y\n1,z");
    check(table, &json!({ "deduplicate": { "columns": "a", "keep": "none" } }), "a,b\n2,y");
    let spread = "a\n1\n2\n3\n4\n1000";
    check(spread, &json!({ "drop-outliers": { "columns": "a" } }), "a\n1\n2\n3\n4");
    check(
        spread,
        &json!({ "drop-outliers": { "columns": "a", "method": "z-score", "threshold": 1 } }),
        "a\n1\n2\n3\n4",
    );
}

#[test]
fn rows_are_ordered() {
    check(
        PEOPLE,
        &json!({ "sort": ["age DESC", "name"] }),
        "name,age,city\nCid,47,Rome\nAnn,31,Rome\nDan,19,\nBob,,Oslo",
    );
    check("a b\n1\n3", &json!({ "sort": "a b desc nulls first" }), "a b\n3\n1");
    check("a\n-1\n3\n2", &json!({ "sort": "abs(a) DESC" }), "a\n3\n2\n-1");
}

#[test]
fn draws_repeat_with_their_seed() {
    let table = "a,c\n".to_owned()
        + &(0..100).map(|i| format!("{i},{}", i32::from(i % 10 == 0))).collect::<Vec<_>>().join("\n");
    let host = Host::new().csv("table", &table).seed(5);
    let steps = json!([{ "sample": { "fraction": 0.2 } }]);
    let first = run(&host, &steps).unwrap();
    assert_eq!(first, run(&host, &steps).unwrap());
    assert_ne!(first, run(&host.clone().seed(6), &steps).unwrap());
    let values: Vec<u32> =
        first.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(values.len() == 20 && values.is_sorted_by(|a, b| a < b));
    for (method, rows) in [("undersample", 20), ("oversample", 180)] {
        let made = run(&host, &json!([{ "balance": { "column": "c", "method": method } }])).unwrap();
        let ones = made.lines().filter(|line| line.ends_with(",1")).count();
        assert_eq!((made.lines().count() - 1, ones), (rows, rows / 2));
    }
}

#[test]
fn tables_are_joined() {
    let host = Host::new().csv("table", "k,v\na,1\nb,2\nd,4").csv("other", "k,v,w\na,10,x\nb,20,y\nc,30,z");
    let join =
        |how: &str| run(&host, &json!([{ "join": { "with": "other", "on": "k", "how": how } }])).unwrap();
    assert_eq!(join("inner"), "k,v,v_right,w\na,1,10,x\nb,2,20,y");
    assert_eq!(join("left"), "k,v,v_right,w\na,1,10,x\nb,2,20,y\nd,4,,");
    assert_eq!(join("full"), "k,v,v_right,w\na,1,10,x\nb,2,20,y\nd,4,,\nc,,30,z");
    assert_eq!(join("right"), "k,v,v_right,w\na,1,10,x\nb,2,20,y\nc,,30,z");
    assert_eq!(join("semi"), "k,v\na,1\nb,2");
    assert_eq!(join("anti"), "k,v\nd,4");
    let other = Host::new().csv("table", "k,v\na,1").csv("other", "key,v\na,2");
    let paired = json!([{ "join": { "with": "other", "on": { "k": "key" }, "suffix": "2" } }]);
    assert_eq!(run(&other, &paired).unwrap(), "k,v,v2\na,1,2");
}

#[test]
fn tables_are_put_one_behind_the_other() {
    let host = Host::new().csv("table", "a,b\n1,x").csv("more", "b,a,c\ny,2.5,true");
    assert_eq!(run(&host, &json!([{ "concatenate": "more" }])).unwrap(), "a,b,c\n1,x,\n2.5,y,true");
}

#[test]
fn rows_become_groups_columns_and_rows() {
    let table = "g,h,v\na,x,1\nb,x,2\na,y,3";
    let group = json!({ "group-by": { "by": "g", "aggregates": { "n": "count(*)", "s": "sum(v) * 2" } } });
    check(table, &group, "g,n,s\na,2,8\nb,1,4");
    check(table, &json!({ "group-by": { "by": [], "aggregates": { "m": "max(v)" } } }), "m\n3");
    let pivot = json!({ "pivot": { "index": "g", "on": "h", "values": "v", "aggregate": "sum" } });
    check(table, &pivot, "g,x,y\na,1,3\nb,2,");
    check(
        "g,x,y\na,1,3\nb,2,",
        &json!({ "unpivot": { "index": "g" } }),
        "g,variable,value\na,x,1\nb,x,2\na,y,3\nb,y,",
    );
    check("i,t\n1,\"a, b\"\n2,", &json!({ "unnest": { "column": "t", "by": "," } }), "i,t\n1,a\n1,b\n2,");
}

#[test]
fn a_pivot_may_be_wide() {
    let rows: Vec<String> = (0..350).map(|i| format!("r{},c{i:03},{i}", i % 3)).collect();
    let table = format!("r,c,v\n{}", rows.join("\n"));
    let wide =
        one(&table, &json!({ "pivot": { "index": "r", "on": "c", "values": "v", "aggregate": "sum" } }));
    let lines: Vec<Vec<&str>> = wide.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0].len()), (4, 351));
    for (row, line) in lines[1..].iter().enumerate() {
        for (column, value) in line[1..].iter().enumerate() {
            let expected = if column % 3 == row { column.to_string() } else { String::new() };
            assert_eq!(*value, expected);
        }
    }
}

#[test]
fn windows_look_at_other_rows() {
    let table = "s,d,v\na,1,10\nb,1,5\na,2,20\na,3,60";
    let window = |columns: Value, more: Value| {
        let mut window = json!({ "columns": columns, "partition-by": "s", "order-by": "d" });
        window.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "window": window })
    };
    check(
        table,
        &window(json!({ "l": "lag(v)" }), json!({})),
        "s,d,v,l\na,1,10,\nb,1,5,\na,2,20,10\na,3,60,20",
    );
    check(
        table,
        &window(json!({ "t": "sum(v)" }), json!({})),
        "s,d,v,t\na,1,10,10\nb,1,5,5\na,2,20,30\na,3,60,90",
    );
    let rolling = window(json!({ "m": "avg(v)" }), json!({ "rows": 2 }));
    check(table, &rolling, "s,d,v,m\na,1,10,10\nb,1,5,5\na,2,20,15\na,3,60,40");
    let host = Host::new().csv("table", "d,v\n2024-01-01,1\n2024-01-05,2\n2024-01-09,4");
    let steps = json!([
        { "cast": { "d": "date" } },
        { "window": { "columns": { "s": "sum(v)" }, "order-by": "d", "range": "7 days" } },
    ]);
    assert_eq!(run(&host, &steps).unwrap(), "d,v,s\n2024-01-01,1,1\n2024-01-05,2,3\n2024-01-09,4,6");
}

#[test]
fn queries_see_the_further_tables() {
    let host = Host::new().csv("table", "k,v\na,1\nb,2").csv("prices", "k,p\na,0.5");
    let query = "WITH r AS (SELECT k, v FROM self WHERE v > 0)\nSELECT r.k, p FROM r LEFT JOIN prices ON r.k = prices.k ORDER BY r.k DESC";
    assert_eq!(run(&host, &json!([{ "sql": query }])).unwrap(), "k,p\nb,\na,0.5");
}

#[test]
fn what_was_done_is_counted() {
    let host = Host::new().csv("table", "a,t\n1,7\n,x\n900,8");
    let steps = json!([
        { "fill-missing": { "columns": "a", "value": 5 } },
        { "clip": { "columns": "a", "upper": 100 } },
        { "try-cast": { "t": "integer" } },
        { "filter": "a > 1" },
    ]);
    let summary = host.run::<Process>(&json!({ "steps": steps }).to_string()).unwrap();
    assert_eq!(csv(&host.table("table")), "a,t\n5,\n100,8");
    let metrics: Vec<_> = summary.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(
        metrics,
        [
            ("rows", 2.0),
            ("columns", 2.0),
            ("dropped_rows", 1.0),
            ("filled", 1.0),
            ("clipped", 1.0),
            ("not_parsed", 1.0)
        ]
    );
    let logs: Vec<String> = host.logs().into_iter().map(|(_, text)| text).collect();
    let said = |text: &str| assert!(logs.iter().any(|log| log.contains(text)), "{text}: {logs:?}");
    said("`steps[2].try-cast`: 1 of 3 values of `t` are missing in `t`, such as `x`");
    said("1 values of `a` were clipped, such as 900 to 100");
    said("`steps[3].filter`: 1 of 3 rows were dropped");
    said("the steps are no stage of the model, as `steps[3].filter`");
}
