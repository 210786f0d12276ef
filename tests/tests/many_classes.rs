//! What goes wrong in WebAssembly alone: what counts rows by classes overflows 32 bits only there.

use millstream_catalog::{Learns, algorithms};
use millstream_tests::Place;
use serde_json::json;

#[test]
fn too_many_classes_are_refused_in_webassembly() {
    let place = Place::new();
    let noise =
        |row: usize, column: usize| ((row * 37 + column * 101 + row * row * 13) % 97) as f64 / 48.5 - 1.0;
    let row = |i: usize| format!("{},{},{},{}\n", noise(i, 0), noise(i, 1), noise(i, 2), i % 20_000);
    place.write("table.csv", "a,b,c,y\n".to_owned() + &(0..100_000).map(row).collect::<String>());
    for function in algorithms() {
        let classes = |learns| matches!(learns, Learns::Classes | Learns::Two);
        for example in function.examples.iter().filter(|own| own.any_table && classes(own.learns)) {
            let steps = json!({
                "rows": { "uses": "extract", "inputs": { "source": "table.csv" } },
                "train": {
                    "uses": function.name,
                    "inputs": { function.channel(): "${{ steps.rows.outputs.table }}" },
                    "with": example.on_any_table(&json!({})),
                },
            });
            place.write("w.yaml", json!({ "name": "classes", "steps": steps }).to_string());
            place.run(&["run", "w.yaml"]).expect(1).says(&["`y`", "20000 distinct values"]);
        }
    }
}
