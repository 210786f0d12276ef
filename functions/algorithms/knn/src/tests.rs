use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use millstream_sdk::testing::{Host, rows};

fn table() -> String {
    let row = |i: u32| format!("{},{},{},{}\n", i, i % 4, if i < 20 { "low" } else { "high" }, 2 * i);
    "x,z,level,y\n".to_owned() + &(0..40).map(row).collect::<String>()
}

#[test]
fn classes_and_numbers_by_every_algorithm() {
    for algorithm in ["auto", "kd_tree", "brute", "ivf"] {
        let host = Host::new().csv("train", &table()).csv("validation", &table());
        let params = |target: &str| {
            format!(
                r#"{{"target": "{target}", "features": ["x"], "n_neighbors": 3, "task": "{}", "algorithm": "{algorithm}"}}"#,
                if target == "y" { "regression" } else { "classification" }
            )
        };
        let summary = host.run::<Train>(&params("level")).unwrap();
        let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
        assert!(figure("validation:accuracy") > 0.9, "{algorithm}");
        let model = host.load::<Neighbours>("model").unwrap();
        let answer = model.predict_batch(&rows("x\n2\n39\n")).unwrap();
        assert_eq!(answer.column(0).as_string::<i32>().value(0), "low");
        assert_eq!(answer.column(1).as_primitive::<Float64Type>().value(1), 1.0);

        host.run::<Train>(&params("y")).unwrap();
        let model = host.load::<Neighbours>("model").unwrap();
        let answer = model.predict_batch(&rows("x\n10\n")).unwrap();
        assert!((answer.column(0).as_primitive::<Float64Type>().value(0) - 20.0).abs() < 1e-9);
    }
}

#[test]
fn bad_input_is_named() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let many = run("x,y\n1,a\n2,b\n", r#"{"target": "y"}"#);
    assert!(many.contains("parameter `n_neighbors`") && many.contains("2 rows"), "{many}");
    assert!(
        run(&table(), r#"{"target": "y", "features": ["x"], "weights": "none"}"#)
            .contains("parameter `weights`")
    );
    assert!(run("x,y\n1,1\n,2\n", r#"{"target": "y", "n_neighbors": 1}"#).contains("row 2, column `x`"));
}
