//! What every function that turns columns into components holds to.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use millstream_sdk::testing::{Host, rows};
use millstream_sdk::{Job, Model};

/// Nearly a line in the plane, and a label.
fn table() -> String {
    let row = |i: i32| format!("{},{},{}\n", i, 2 * i + i * i % 3, ["a", "b"][(i % 2) as usize]);
    "x,y,label\n".to_owned() + &(0..40).map(row).collect::<String>()
}

/// Rows come out as components, called `first` and so on, with their target.
pub fn turns_rows<J: Job, M: Model>(first: &str) {
    let host = Host::new().csv("table", &table());
    let summary = host.run::<J>(r#"{"target": "label", "n_components": 1}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("explained_variance_ratio") > 0.99 && figure("components") == 1.0);
    let out = host.table("table");
    let names: Vec<_> = out.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, [first.to_owned(), "label".to_owned()]);
    assert_eq!(host.json("components")["components"][0]["weights"].as_array().unwrap().len(), 2);
    let model = host.load::<M>("model").unwrap();
    let answer = model.predict_batch(&rows("y,x\n0,0\n3,1\n")).unwrap();
    let own = |batch: &RecordBatch| batch.column(0).as_primitive::<Float64Type>().values()[..2].to_vec();
    assert_eq!(own(&answer), own(&out));
    assert_eq!(model.predict_batch(&rows("y,x\n0,0\n").slice(0, 0)).unwrap().num_columns(), 1);
}

/// Tables and numbers of components that do not go together are refused.
pub fn names_bad_input<J: Job>() {
    let run =
        |csv: &str, params: &str| Host::new().csv("table", csv).run::<J>(params).unwrap_err().to_string();
    assert!(run("x,y\n1,2\n2,\n", "{}").contains("row 2, column `y`"));
    assert!(run("x,y\n1,2\n2,3\n", r#"{"n_components": 3}"#).contains("parameter `n_components`"));
    assert!(run("x,y\n1,2\n2,3\n", r#"{"n_components": 1.5}"#).contains("parameter `n_components`"));
    assert!(run("x,y\n1,2\n", "{}").contains("one row"));
}
